"""How a worker is begun: a program of ten lines that is sent the rest of itself.

So a backend needs nothing but an interpreter, which may lie in an image that nobody prepared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from gadfly._values.task import JSON
from gadfly.worker.inside import seccomp as seccomp_filter

BOOT = """\
import json, os, sys, types
def read(size):
    data = b""
    while len(data) < size:
        chunk = os.read(0, size - len(data))
        if not chunk:
            os._exit(1)
        data += chunk
    return data
sent = json.loads(read(int.from_bytes(read(4), "big")))
package = sys.modules["gadfly_worker"] = types.ModuleType("gadfly_worker")
package.__path__ = []
for name, source in sent["modules"]:
    module = types.ModuleType("gadfly_worker." + name)
    module.__package__ = "gadfly_worker"
    setattr(package, name, module)
    sys.modules[module.__name__] = module
    exec(compile(source, "<gadfly_worker/%s>" % name, "exec", dont_inherit=True), module.__dict__)
settings = sent["settings"]
del read, sent, name, source, module
package.zygote.main(settings)
"""
"""The program of `python3 -I -S -c`: reads the worker from standard input, and becomes it.

It speaks on standard input and output, which may be one socket. Python 3.9 or newer will do.
"""

_FOR_ROOMS = frozenset({"mount", "setns", "unshare"})
_MODULES = (
    "kernel",
    "heap",
    "removal",
    "wire",
    "memory",
    "tree",
    "cgroup",
    "place",
    "seccomp",
    "landlock",
    "python",
    "spaces",
    "waiting",
    "rooms",
    "job",
    "outputs",
    "run",
    "worker",
    "zygote",
)
"""In the order in which they import each other."""


def settings(
    *,
    preload: Sequence[str] = (),
    network: bool = False,
    house: Sequence[Sequence[str]] | None = None,
    base: str = "/tmp",  # noqa: S108 - covered, not written to
    user: int | None = None,
    job_user: int | None = None,
    workers: bool = False,
    strict: bool = False,
    place: str | None = None,
    disk_mib: int = 64,
    readable: Sequence[str] = ("/",),
    landlock: bool = True,
    seccomp: bool = True,
    cgroups: bool = False,
) -> dict[str, JSON]:
    """Return what a worker has to know at its start.

    Args:
        preload: Modules to import.
        network: Whether jobs may reach a network.
        house: The steps of building a file system of its own (see `inside.spaces`); None to stay in
            the one that is there.
        base: A folder to build the house on, in the worker's own view of the machine.
        job_user: The user that each job's process becomes; None for the worker's own. For kernels
            that leave a process open to others of its user (gVisor); the worker must be root.
        user: The user to become; None for the one it is started as.
        workers: Whether to be asked for workers, and to be none itself.
        strict: Whether each job has namespaces and a file system of its own, made by its worker;
            where not, a worker that was asked for has, and shares them with its jobs.
        place: The folder where jobs may write; None for `/job`. With `strict`, where each job's own
            file system is mounted.
        disk_mib: How much may be written there, where that is made by the worker itself.
        readable: What jobs may read, where landlock is in force.
        landlock: Whether to use it where the kernel has it.
        seccomp: Whether to filter system calls where the kernel can.
        cgroups: Whether to hold jobs in control groups, where we may make some.
    """
    return {
        "preload": list(preload),
        "network": network,
        "house": None if house is None else [list(step) for step in house],
        "base": base,
        "user": user,
        "job_user": job_user,
        "workers": workers,
        "strict": strict,
        "place": place,
        "disk_mib": disk_mib,
        "readable": list(readable),
        "landlock": landlock,
        "seccomp": seccomp,
        "cgroups": cgroups,
    }


def first_message(settings: Mapping[str, JSON]) -> bytes:
    """Return what `BOOT` reads: the worker's modules and its settings."""
    data = json.dumps({"modules": _sources(), "settings": dict(settings)}).encode()
    return len(data).to_bytes(4, "big") + data


def container_filter() -> str:
    """Return a filter of system calls, as container engines take it, under which rooms can be made.

    An engine's own denies what a `strict` worker needs. This one denies all that our own filter
    denies to every job, whatever the arguments, but for that. Jobs are under our own one besides.
    """
    denied = {*seccomp_filter.DENIED, *seccomp_filter.ABSENT} - {"clone3"} - _FOR_ROOMS
    refuse = {"names": sorted(denied), "action": "SCMP_ACT_ERRNO"}
    return json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refuse]})


@cache
def _sources() -> tuple[tuple[str, str], ...]:
    folder = resources.files("gadfly.worker") / "inside"
    return tuple((name, (folder / f"{name}.py").read_text("utf-8")) for name in _MODULES)
