"""What runs between the host and a job, in an interpreter of its own (`python -I -S`).

    host ── supervisor ── init ── the job's command and everything it starts

The host may have many threads, so no Python code may run between its fork and an exec. It starts a
fresh interpreter instead, which sets everything up and then execs the command. Three processes,
because each can do what the others cannot:

    supervisor  stays outside the job's namespaces, where it sees every process of the job in /proc;
                it holds the clock and the limits, kills, and reports to the host
    init        is process 1 of the job's PID namespace, so that everything in there dies with it;
                where namespaces are refused it is an ordinary process that adopts orphans
    command     the job: closed descriptors, limits, no privileges to gain, then exec

The supervisor speaks with the host over a socket that the job never has: a marshalled description
in, lines of `key value` out. When the host closes its side, or dies, the job is killed.

The host puts the folder above on the module path, not the package: these modules are imported
without site-packages and without gadfly. So they use the standard library only, and of that only
what starts fast: `typing`, `signal` or `json` would each cost as much as the interpreter itself.
"""
