"""Attacks on the next job and on the one beside: what a job leaves, plants, or overhears.

A sandbox may keep workers warm. So that the job that looks meets the worker that was poisoned, as
many jobs poison at once, and then look at once, as a sandbox has workers by default.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence

from gadfly._values.job import Ended, Job, JobResult, Level, Limits
from gadfly.testing._attacks._attack import Kind
from gadfly.testing._attacks._programs import SYSCALLS
from gadfly.testing._attacks._stage import COPIES, Stage, expect, hold

neighbours = Kind("neighbours")

_WARM = ("json", "decimal", "random", "numpy", "numpy.random")
"""What jobs may find imported before they begin; numpy need not be there."""


async def _all_workers(stage: Stage, job: Job) -> list[JobResult]:
    return list(await asyncio.gather(*(stage.run(job) for _ in range(COPIES))))


async def _poison_then_look(
    stage: Stage, poison: str, look: str, *words: str, preload: Sequence[str] = ()
) -> None:
    """Run `poison`, which may fail, then `look`, which prints what it finds: it must be nothing."""
    for result in await _all_workers(stage, stage.job(poison, *words, preload=tuple(preload))):
        hold(result.ended in {Ended.EXITED, Ended.SIGNALED}, f"the first job ended: {result.ended}")
    for result in await _all_workers(stage, stage.job(look, *words, preload=tuple(preload))):
        hold(not result.stdout, f"the next job found: {', '.join(result.stdout.splitlines())}")
        expect(result, Ended.EXITED, exit_code=0)


# ---------------------------------------------------------------------- memory

_REMEMBER = """
import os, sys
text = open("canary.txt").read() + sys.stdin.read() + sys.argv[1]
held = [text * 100 for _ in range(50)]
print(text)
print(text, file=sys.stderr)
"""
SEARCH = rb"""
import ctypes, re, sys
pattern = re.compile(b"gadfly-[c]anary-([a-z]+)-[0-9a-f]{16}")
found, seen = set(), 0
for line in open("/proc/self/maps"):
    where, rights, _, _, inode, *path = line.split()
    if rights[0] != "r" or path and path[0] in ("[vvar]", "[vsyscall]", "[vvar_vclock]"): continue
    if inode != "0" and "w" not in rights: continue
    start, end = (int(part, 16) for part in where.split("-"))
    for at in range(start, end, 2**20):
        found |= set(pattern.findall(ctypes.string_at(at, min(end - at, 2**20 + 64))))
    seen += end - start
if seen < 2**20: print("it saw only", seen, "bytes")
for name in sorted(found): print(name.decode())
""".decode()
"""Canaries are found by their form, so that the job that looks need not hold what it looks for."""


def _canary(kind: str) -> str:
    return f"gadfly-canary-{kind}-{secrets.token_hex(8)}"


@neighbours.attack("searches memory for earlier jobs")
async def searches_memory_for_earlier_jobs(stage: Stage) -> None:
    """An earlier job's source, files, input, arguments and output are nowhere in a job's memory."""
    poison = stage.job(
        f"{_REMEMBER}\nsource = '{_canary('source')}'\nopen('written', 'w').write(text)",
        _canary("argument"),
        files={"canary.txt": _canary("file"), "other.txt": _canary("unread")},
        stdin=_canary("input"),
        collect=("written",),
        preload=_WARM,
    )
    await _search_after(stage, poison, "written")


@neighbours.attack("leaves a socket in flight", Level.STRICT)
async def leaves_a_socket_in_flight(stage: Stage) -> None:
    """A listener that only its own queue still holds is not there for the next job."""
    poison = stage.job(
        """
import socket
listener = socket.socket(socket.AF_UNIX)
try: listener.bind("\\0gadfly-in-flight")
except OSError: raise SystemExit(0)
listener.listen()
one, other = socket.socketpair()
socket.send_fds(one, [b"x"], [other.fileno(), listener.fileno()])
"""
    )
    look = """
import errno, socket
try: socket.socket(socket.AF_UNIX).connect("\\0gadfly-in-flight")
except OSError as error: found = error.errno not in (errno.ECONNREFUSED, errno.EPERM)
else: found = True
try: socket.socket(socket.AF_UNIX).bind("\\0gadfly-in-flight")
except OSError as error: found |= error.errno == errno.EADDRINUSE
print(found)
"""
    for _ in range(3):
        for result in await _all_workers(stage, poison):
            expect(result, Ended.EXITED, exit_code=0)
        for result in await _all_workers(stage, stage.job(look)):
            hold(result.stdout == "False\n", f"it found the earlier job's socket: {result.stdout}")
            expect(result, Ended.EXITED, exit_code=0)


@neighbours.attack("searches memory for names of earlier jobs", Level.STRICT)
async def searches_memory_for_names_of_earlier_jobs(stage: Stage) -> None:
    """Not even the names of the files that an earlier job was asked for are in a job's memory."""
    name = _canary("name")
    code = f"{_REMEMBER}\nopen({name!r}, 'w').write(text)"
    files = {"canary.txt": ""}
    poison = stage.job(code, files=files, collect=(name, _canary("absent")), preload=_WARM)
    await _search_after(stage, poison, name)


async def _search_after(stage: Stage, poison: Job, collected: str) -> None:
    for result in await _all_workers(stage, poison):
        expect(result, Ended.EXITED, exit_code=0)
        hold(collected in result.files, "the file did not come back")
    for result in await _all_workers(stage, stage.job(SEARCH, preload=_WARM)):
        hold(not result.stdout, f"it found an earlier job's {', '.join(result.stdout.split())}")
        expect(result, Ended.EXITED, exit_code=0)


@neighbours.attack("searches objects for earlier jobs")
async def searches_objects_for_earlier_jobs(stage: Stage) -> None:
    """No object that the collector, the frames or the modules lead to knows of an earlier job."""
    poison = stage.job(
        f"{_REMEMBER}\nsource = '{_canary('source')}'",
        _canary("argument"),
        files={"canary.txt": _canary("file")},
        stdin=_canary("input"),
    )
    look = """
import gc, re, sys
pattern = re.compile("gadfly-[c]anary-([a-z]+)-[0-9a-f]{16}")
start = [sys.modules, *gc.get_objects(), *sys._current_frames().values()]
frame = sys._getframe()
while frame:
    start += [frame.f_locals, frame.f_globals, frame.f_code]
    frame = frame.f_back
seen, waiting, found = set(), start, set()
while waiting and len(seen) < 300_000:
    thing = waiting.pop()
    if id(thing) in seen: continue
    seen.add(id(thing))
    if isinstance(thing, (str, bytes, bytearray)):
        text = thing if isinstance(thing, str) else bytes(thing).decode("latin-1")
        found |= set(pattern.findall(text))
    waiting += gc.get_referents(thing)
for name in sorted(found): print(name)
"""
    expect((await _all_workers(stage, poison))[0], Ended.EXITED, exit_code=0)
    for result in await _all_workers(stage, stage.job(look)):
        hold(not result.stdout, f"it found an earlier job's {', '.join(result.stdout.split())}")
        expect(result, Ended.EXITED, exit_code=0)


@neighbours.attack("memory that processes share")
async def memory_that_processes_share(stage: Stage) -> None:
    """A job has no memory in common with anything that outlives it."""
    code = """
for line in open("/proc/self/maps"):
    where, rights, _, _, _, *path = line.split()
    if rights.startswith("rws") or rights.startswith("-ws"): print(where, rights, *path)
    elif rights[1] == "w" and rights[3] == "s": print(where, rights, *path)
"""
    await stage.refused(code)


@neighbours.attack("patches what is imported")
async def patches_what_is_imported(stage: Stage) -> None:
    """Patched builtins, modules, classes, caches and settings do not reach the next job."""
    poison = """
import builtins, decimal, json, math, os, random, re, sys, types
builtins.len = lambda thing: 99
builtins.print = lambda *words, **names: os.write(1, b"patched print\\n")
builtins.planted = True
builtins.__import__ = (lambda real: lambda *a, **k: real(*a, **k))(builtins.__import__)
json.loads = lambda text: "patched"
math.sqrt = lambda number: 42.0
decimal.getcontext().prec = 2
decimal.DefaultContext.prec = 3
random.random = lambda: 0.5
sys.modules["planted"] = types.ModuleType("planted")
sys.path.insert(0, "/planted"); sys.setrecursionlimit(77 + 200); sys.argv[:] = ["planted"]
sys.meta_path.insert(0, None); sys.path_hooks.clear(); sys.dont_write_bytecode = "planted"
sys.setswitchinterval(7)
sys.excepthook = sys.displayhook = sys.unraisablehook = lambda *a: os.write(1, b"patched hook\\n")
sys.settrace(lambda *a: None); sys.setprofile(lambda *a: None)
os.environ["PLANTED"] = "1"; os._exit = lambda status: None; os.fork = lambda: 1
re.compile("x"); re.purge()
try:
    import numpy
    numpy.sum = numpy.add = lambda *a, **k: 42
    numpy.random.seed(7)
    numpy.set_printoptions(precision=1)
    numpy.seterr(all="raise")
except Exception: pass
"""
    look = """
import builtins, decimal, json, math, os, random, sys
say = lambda *words: os.write(1, (" ".join(map(str, words)) + "\\n").encode())
if len("abc") != 3: say("builtins.len")
if type(print).__name__ != "builtin_function_or_method": say("builtins.print")
if hasattr(builtins, "planted"): say("builtins.planted")
if type(__import__).__name__ != "builtin_function_or_method": say("builtins.__import__")
if json.loads("[1]") != [1]: say("json.loads")
if math.sqrt(4) != 2: say("math.sqrt")
if decimal.getcontext().prec != 28 or decimal.DefaultContext.prec != 28: say("decimal")
if random.random() == 0.5: say("random.random")
if "planted" in sys.modules or "/planted" in sys.path or sys.argv == ["planted"]: say("sys")
if sys.getrecursionlimit() < 1000 or sys.getswitchinterval() == 7: say("sys settings")
if None in sys.meta_path or not sys.path_hooks: say("import hooks")
if sys.dont_write_bytecode == "planted": say("bytecode")
if sys.excepthook is not sys.__excepthook__: say("excepthook")
if sys.displayhook is not sys.__displayhook__: say("displayhook")
if sys.unraisablehook is not sys.__unraisablehook__: say("unraisablehook")
if sys.gettrace() or sys.getprofile(): say("trace")
if "PLANTED" in os.environ or type(os._exit).__name__ != "builtin_function_or_method": say("os")
if type(os.fork).__name__ != "builtin_function_or_method": say("os.fork")
try: import numpy
except ImportError: numpy = None
if numpy:
    if numpy.sum([1, 2]) != 3 or numpy.add(1, 1) != 2: say("numpy functions")
    if numpy.get_printoptions()["precision"] != 8: say("numpy printing")
    if numpy.geterr()["divide"] != "warn": say("numpy errors")
"""
    await _poison_then_look(stage, poison, look, preload=_WARM)


@neighbours.attack("changes constants in memory")
async def changes_constants_in_memory(stage: Stage) -> None:
    """Small integers, None's reference count and interned text that were overwritten are right."""
    poison = """
import ctypes, os, sys
ctypes.c_int.from_address(id(200) + object.__basicsize__ + 8).value = 7
text = "gadfly"
ctypes.memmove(id(text) + sys.getsizeof(text) - len(text) - 1, b"poison", 6)
os._exit(0)
"""
    look = """
import os
if 100 + int("100") != 2 * int("100") or str(int("200")) != "200": os.write(1, b"200")
if "gad" + chr(102) + "ly" != "gadfly": os.write(1, b"text")
"""
    await _poison_then_look(stage, poison, look)


@neighbours.attack("hooks that run later")
async def hooks_that_run_later(stage: Stage) -> None:
    """Hooks at exit and at fork, finalizers, timers and audit hooks die with the job."""
    poison = """
import atexit, os, signal, sys, threading, weakref
def planted(*words): os.write(1, b"planted\\n")
atexit.register(planted)
os.register_at_fork(before=planted, after_in_child=planted, after_in_parent=planted)
sys.addaudithook(planted)
signal.signal(signal.SIGALRM, planted); signal.setitimer(signal.ITIMER_REAL, 0.2)
signal.signal(signal.SIGCHLD, planted)
class Planted:
    __del__ = planted
threading.planted = kept = Planted()
weakref.finalize(threading, planted)
os._exit(0)
"""
    look = "import os, time\nif os.fork() == 0: os._exit(0)\nos.wait()\ntime.sleep(0.3)"
    await _poison_then_look(stage, poison, look)


@neighbours.attack("settings of the process")
async def settings_of_the_process(stage: Stage) -> None:
    """Priority, mask, signals, limits, processors and folder of a job are the same for each job."""
    look = """
import os, resource, signal, sys
print(os.getpriority(os.PRIO_PROCESS, 0), oct(os.umask(0)), sorted(os.sched_getaffinity(0)),
      sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
      [n for n in sorted(signal.valid_signals()) if signal.getsignal(n) == signal.SIG_IGN],
      [resource.getrlimit(getattr(resource, f"RLIMIT_{n}")) for n in ("NOFILE", "FSIZE", "STACK")],
      sys.getrecursionlimit(), os.getuid(), os.getgid(), os.getgroups(),
      open("/proc/self/oom_score_adj").read().strip(), os.stat(".").st_mode, len(os.environ))
"""
    poison = """
import os, resource, signal
os.umask(0o777); os.nice(15)
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
for number in signal.valid_signals():
    try: signal.signal(number, signal.SIG_IGN)
    except OSError: pass
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
for name in ("RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_STACK"):
    soft, hard = resource.getrlimit(number := getattr(resource, name))
    try: resource.setrlimit(number, (20, 20) if name == "RLIMIT_NOFILE" else (2**20, 2**20))
    except (ValueError, OSError): pass
try: os.chmod(".", 0); os.chdir("/")
except OSError: pass
os._exit(0)
"""
    before = await _all_workers(stage, stage.job(look))
    await _all_workers(stage, stage.job(poison))
    after = await _all_workers(stage, stage.job(look))
    said = {result.stdout for result in (*before, *after)}
    expect(after[0], Ended.EXITED, exit_code=0)
    hold(len(said) == 1, f"jobs differ: {sorted(said)!r:.400}")


@neighbours.attack("predicts random numbers")
async def predicts_random_numbers(stage: Stage) -> None:
    """No two jobs draw the same random numbers: random, numpy, secrets, uuid, names of files."""
    code = """
import random, secrets, tempfile, uuid
print(random.random()); print(random.Random().random()); print(secrets.token_hex(8))
print(uuid.uuid4()); print(next(tempfile._get_candidate_names()))
try:
    import numpy
    print(numpy.random.rand()); print(numpy.random.default_rng().random())
    print(numpy.random.RandomState().rand())
except ImportError: pass
"""
    drawn: list[str] = []
    for _ in range(3):
        for result in await _all_workers(stage, stage.job(code, preload=_WARM)):
            expect(result, Ended.EXITED, exit_code=0)
            drawn += result.stdout.split()
    again = sorted({number for number in drawn if drawn.count(number) > 1})
    hold(not again, f"jobs drew the same: {', '.join(again)}")


# ---------------------------------------------------------------------- files and kernel objects


@neighbours.attack("leaves files for the next job", Level.PROCESS)
async def leaves_files_for_the_next_job(stage: Stage) -> None:
    """Files that a job leaves in any folder that it can write are not there for the next."""
    poison = """
import os, sys
for folder in (".", "..", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run", "/run/lock",
               os.environ["HOME"], os.environ.get("TMPDIR", "."), "/", "/proc/self/cwd"):
    for name in (sys.argv[1], f".{sys.argv[1]}"):
        try:
            os.mkdir(os.path.join(folder, name))
            open(os.path.join(folder, name, "in"), "w").close()
        except OSError: pass
"""
    look = """
import os, sys
for folder in (".", "..", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run", "/run/lock",
               os.environ["HOME"], os.environ.get("TMPDIR", "."), "/"):
    for name in (sys.argv[1], f".{sys.argv[1]}"):
        if os.path.lexists(os.path.join(folder, name)): print(os.path.join(folder, name))
    try:
        names = os.listdir(folder)
        below = [os.path.join(folder, name) for name in names]
        for place in below:
            if os.path.lexists(os.path.join(place, sys.argv[1])): print(place)
    except OSError: pass
"""
    wants = f"{stage.word}-left"
    await _poison_then_look(stage, poison, look, wants)


@neighbours.attack("plants code for the next job", Level.PROCESS)
async def plants_code_for_the_next_job(stage: Stage) -> None:
    """Start-up files, path files, bytecode and libraries that a job plants do not run later."""
    poison = """
import os, site, sys, sysconfig
folders = {".", "..", *sysconfig.get_paths().values(), *filter(None, sys.path), os.environ["HOME"],
           os.path.dirname(os.__file__), site.getusersitepackages(), "/tmp", "/dev/shm"}
code = "import os; os.write(1, b'planted\\\\n')\\n"
for folder in folders:
    try: os.makedirs(folder, exist_ok=True)
    except OSError: continue
    for name in ("sitecustomize.py", "usercustomize.py", "gadfly-planted.pth", "json.py",
                 "decimal.py", "pyvenv.cfg"):
        path = os.path.join(folder, name)
        if os.path.exists(path): continue
        try: open(path, "w").write(code)
        except OSError: pass
for module in list(sys.modules.values()):
    cached = getattr(module, "__cached__", None)
    if cached:
        try: os.close(os.open(cached, os.O_WRONLY)); os.write(1, cached.encode())
        except OSError: pass
for path in ("/etc/ld.so.preload", *map(os.path.expanduser, ("~/.pythonrc", "~/.profile"))):
    try:
        if not os.path.exists(path): open(path, "w").write("/planted.so\\n")
    except OSError: pass
"""
    look = """
import os, subprocess, sys
import json, decimal
program = "import json, decimal"
for options in ([], ["-E"], ["-s"]):
    done = subprocess.run([sys.executable, *options, "-c", program], capture_output=True, text=True)
    print(done.stdout + done.stderr, end="")
for name in ("LD_PRELOAD", "PYTHONSTARTUP", "PYTHONPATH"):
    if name in os.environ: print(name)
"""
    await _poison_then_look(stage, poison, look)


@neighbours.attack("leaves objects in the kernel", Level.PROCESS)
async def leaves_objects_in_the_kernel(stage: Stage) -> None:
    """Shared memory, semaphores, queues and keys that a job leaves are not there for the next."""
    poison = """
import sys
key = int(sys.argv[1])
syscall("shmget", key, 4096, 0o1666)
syscall("semget", key, 1, 0o1666)
syscall("msgget", key, 0o1666)
syscall("mq_open", f"gadfly-{key}".encode(), 0o102, 0o666, 0)
for ring in (-3, -4, -5):
    syscall("add_key", b"user", f"gadfly-{key}".encode(), b"x", 1, ring)
"""
    look = """
import sys
key = int(sys.argv[1])
if syscall("shmget", key, 0, 0) >= 0: print("shared memory")
if syscall("semget", key, 0, 0) >= 0: print("semaphore")
if syscall("msgget", key, 0) >= 0: print("queue")
if syscall("mq_open", f"gadfly-{key}".encode(), 0, 0, 0) >= 0: print("POSIX queue")
for ring in (-3, -4, -5):
    if syscall("keyctl", 10, ring, b"user", f"gadfly-{key}".encode(), 0) >= 0: print("key", ring)
"""
    key = str(secrets.randbelow(2**30) + 1)
    await _poison_then_look(stage, SYSCALLS + poison, SYSCALLS + look, key)


@neighbours.attack("speaks after its end")
async def speaks_after_its_end(stage: Stage) -> None:
    """A daemon that holds an ended job's streams cannot write into the next job's output."""
    poison = """
import os, time
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    os.write(writer, b"x")
    while True:
        for fd in range(64):
            try: os.write(fd, b"!")
            except OSError: pass
        time.sleep(0.005)
os.read(reader, 1)
"""
    for result in await _all_workers(stage, stage.job(poison)):
        expect(result, Ended.EXITED, exit_code=0)
        hold(set(result.stdout) <= {"!"}, f"stdout was {result.stdout!r:.100}")
    look = "import time; time.sleep(0.1); print('clean')"
    for result in await _all_workers(stage, stage.job(look)):
        expect(result, Ended.EXITED, exit_code=0, stdout="clean\n", stderr="")


@neighbours.attack("reads on in its input")
async def reads_on_in_its_input(stage: Stage) -> None:
    """Input that one job leaves unread is not the next job's, and each has its own."""
    job = stage.job("import sys; sys.stdin.readline()", stdin="first\n" + "left\n" * 50_000)
    await _all_workers(stage, job)
    for result in await _all_workers(stage, stage.job("import sys; print(sys.stdin.read())")):
        expect(result, Ended.EXITED, exit_code=0, stdout="\n")


# ---------------------------------------------------------------------- side by side


@neighbours.attack("spies on the job beside it", Level.FAST)
async def spies_on_the_job_beside_it(stage: Stage) -> None:
    """While two jobs run, the one finds nothing of the other: process, file, argument or socket."""
    spy = """
import os, re, time
pattern = re.compile(b"gadfly-[c]anary-([a-z]+)-[0-9a-f]{16}")
found, end = set(), time.monotonic() + 0.8
while time.monotonic() < end:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for name in ("cmdline", "environ", "comm"):
            try: found |= set(pattern.findall(open(f"/proc/{pid}/{name}", "rb").read()))
            except OSError: pass
    for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run", "..", "../.."):
        try: names = os.listdir(folder)
        except OSError: continue
        found |= set(pattern.findall("\\n".join(names).encode()))
        for name in names[:50]:
            try: inside = os.listdir(os.path.join(folder, name))
            except OSError: continue
            found |= set(pattern.findall("\\n".join(inside).encode()))
    try: found |= set(pattern.findall(open("/proc/net/unix", "rb").read()))
    except OSError: pass
    time.sleep(0.02)
for name in sorted(found): print(name.decode())
"""
    file, abstract = _canary("file"), _canary("socket")
    busy = """
import os, socket, subprocess, sys, time
os.environ["CANARY"] = sys.argv[2]
for folder in (".", "/tmp", "/dev/shm"):
    try: open(os.path.join(folder, sys.argv[3]), "w").close()
    except OSError: pass
try:
    held = socket.socket(socket.AF_UNIX); held.bind("\\0" + sys.argv[4])
except OSError: pass
subprocess.run(["sleep", "1", ], env=os.environ | {"CANARY": sys.argv[2]})
for folder in ("/tmp", "/dev/shm"):
    try: os.unlink(os.path.join(folder, sys.argv[3]))
    except OSError: pass
"""
    words = (_canary("argument"), _canary("environment"), file, abstract)
    quiet, result = await asyncio.gather(
        stage.python(busy, *words, files={file: ""}), stage.python(spy)
    )
    hold(not result.stdout, f"it found its neighbour's {', '.join(result.stdout.split())}")
    expect(result, Ended.EXITED, exit_code=0)
    expect(quiet, Ended.EXITED, exit_code=0)


@neighbours.attack("crowds out the others")
async def crowds_out_the_others(stage: Stage) -> None:
    """Bombs on all sides at once end as they would alone, and good jobs between them come right."""
    fork = "import os, time\nfor _ in range(40):\n try:\n  os.fork() or time.sleep(5)\n"
    fork += " except OSError: pass\ntime.sleep(5)"
    few = Limits(processes=12)
    spin = Limits(cpu_seconds=0.3, wall_seconds=20)
    bombs = asyncio.gather(
        stage.python(fork, limits=few),
        stage.python("while True: pass", limits=spin),
        stage.python(
            "import os\nwhile True: os.write(1, bytes(65536))", limits=Limits(output_kib=8)
        ),
        stage.python("import os; os.kill(os.getpid(), 9)"),
    )
    good = asyncio.gather(*(stage.python(f"print({n} ** 2)") for n in range(6)))
    forked, spun, flooded, killed = await bombs
    expect(forked, Ended.PROCESSES)
    expect(spun, Ended.CPU)
    expect(flooded, Ended.OUTPUT)
    expect(killed, Ended.SIGNALED, signal=9)
    for number, result in enumerate(await good):
        expect(result, Ended.EXITED, exit_code=0, stdout=f"{number**2}\n")
