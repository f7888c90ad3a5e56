"""Attacks on the end of a job: how it is told, and what outlives it.

The end is what the kernel says, whatever the job prints, pretends or takes along.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from gadfly._values.job import Ended, Level, Limits
from gadfly.testing._attacks._attack import Kind
from gadfly.testing._attacks._programs import DEAF, HEADLESS, SYSCALLS, TOKENS
from gadfly.testing._attacks._stage import Stage, expect, hold

lifecycle = Kind("lifecycle")

_SIGXCPU, _SIGXFSZ, _SIGSYS = 24, 25, 31


# ---------------------------------------------------------------------- how it ends


@lifecycle.attack("exits of every kind")
async def exits_of_every_kind(stage: Stage) -> None:
    """Each way out has the status that an ordinary interpreter gives it."""
    for code, status in (
        ("import sys; sys.exit()", 0),
        ("import sys; sys.exit(True)", 1),
        ("import sys; sys.exit('said')", 1),
        ("import sys; sys.exit(-1)", 255),
        ("import sys; sys.exit(256 + 7)", 7),
        ("raise SystemExit(3)", 3),
        ("exit(4)", 4),
        ("1 / 0", 1),
        ("import os; os._exit(137)", 137),
        ("import atexit, os; atexit.register(os._exit, 9)", 9),
        ("import threading; threading.Thread(target=exit, args=(5,)).start()", 0),
    ):
        expect(await stage.python(code), Ended.EXITED, exit_code=status)


@lifecycle.attack("signals of its own")
async def signals_of_its_own(stage: Stage) -> None:
    """A job that dies by its own signal is `signaled`, never a limit, whichever signal it is.

    For SIGXFSZ `disk` is accepted: the kernel ends a job whose file is too large in just this way.
    """
    for number in (9, 15, _SIGXCPU, _SIGXFSZ, _SIGSYS):
        default = "" if number == 9 else f"signal.signal({number}, signal.SIG_DFL)"
        code = f"import os, signal\n{default}\nos.kill(os.getpid(), {number})"
        result = await stage.python(code)
        if number != _SIGXFSZ or result.ended is not Ended.DISK:
            expect(result, Ended.SIGNALED, signal=number)


@lifecycle.attack("crashes")
async def crashes(stage: Stage) -> None:
    """A crash (abort, null pointer, stack) is `signaled` with its signal and leaves no core."""
    for code, number in (
        ("import os; os.abort()", 6),
        ("import ctypes; ctypes.string_at(0)", 11),
        ("import faulthandler; faulthandler._stack_overflow()", 11),
    ):
        result = await stage.python(code, collect=("core",))
        expect(result, Ended.SIGNALED, signal=number)
        hold(not result.files and not result.rejected, "there is a core file")


@lifecycle.attack("says that it was killed")
async def says_that_it_was_killed(stage: Stage) -> None:
    """What a job prints about its end changes nothing about it."""
    code = """
import sys
print("ended=timeout exit_code=0 MemoryError Killed", flush=True)
print("MemoryError: out of memory\\nKilled", file=sys.stderr, flush=True)
sys.exit(124)
"""
    expect(await stage.python(code), Ended.EXITED, exit_code=124)


@lifecycle.attack("timeout within output")
async def timeout_within_output(stage: Stage) -> None:
    """What was written before the wall time was used up is there, the unfinished line too."""
    code = "import os, time\nos.write(1, b'one\\ntwo')\nos.write(2, b'err')\ntime.sleep(30)"
    result = await stage.python(code, limits=Limits(wall_seconds=0.7))
    expect(result, Ended.TIMEOUT, stdout="one\ntwo", stderr="err")


@lifecycle.attack("stops itself")
async def stops_itself(stage: Stage) -> None:
    """A job that stops (SIGSTOP) has not ended: `timeout`."""
    code = "import os; os.kill(os.getpid(), 19)\nprint('went on')"
    result = await stage.python(code, limits=Limits(wall_seconds=0.7))
    expect(result, Ended.TIMEOUT, stdout="")


@lifecycle.attack("threads left running")
async def threads_left_running(stage: Stage) -> None:
    """A daemon thread dies with the job; one that is no daemon is waited for: `timeout`."""
    code = """
import sys, threading, time
threading.Thread(target=time.sleep, args=(30,), daemon=sys.argv[1] == "daemon").start()
print("main is done", flush=True)
"""
    result = await stage.python(code, "daemon")
    expect(result, Ended.EXITED, exit_code=0, stdout="main is done\n")
    result = await stage.python(code, "kept", limits=Limits(wall_seconds=0.7))
    expect(result, Ended.TIMEOUT, stdout="main is done\n")


@lifecycle.attack("goes on without its main thread")
async def goes_on_without_its_main_thread(stage: Stage) -> None:
    """A job has ended when its last thread has: `timeout`, or that thread's exit status."""
    code = f"{HEADLESS}\ngo_on_without_main(lambda: (time.sleep(0.2), os._exit(3)))"
    expect(await stage.python(code), Ended.EXITED, exit_code=3)
    code = f"{HEADLESS}\ngo_on_without_main(lambda: time.sleep(30))"
    expect(await stage.python(code, limits=Limits(wall_seconds=0.7)), Ended.TIMEOUT)


@lifecycle.attack("closes everything")
async def closes_everything(stage: Stage) -> None:
    """A job that closes all of its descriptors still has its end told."""
    code = "import os\nos.write(1, b'said')\nos.closerange(0, 4096)\nos._exit(5)"
    expect(await stage.python(code), Ended.EXITED, exit_code=5, stdout="said", stderr="")


@lifecycle.attack("closes everything and stays")
async def closes_everything_and_stays(stage: Stage) -> None:
    """A job is not over when its streams are: `timeout`."""
    code = "import os, time\nos.closerange(0, 4096)\ntime.sleep(30)"
    expect(await stage.python(code, limits=Limits(wall_seconds=0.7)), Ended.TIMEOUT)


@lifecycle.attack("a new program in its place")
async def a_new_program_in_its_place(stage: Stage) -> None:
    """A job that replaces itself by exec is the same job, under the same limits."""
    code = """
import os, sys
program = "print('new', flush=True)\\nwhile True: pass"
os.execv(sys.executable, [sys.executable, "-c", program, *sys.argv[1:]])
"""
    limits = Limits(cpu_seconds=0.4, wall_seconds=20)
    expect(await stage.python(code, limits=limits), Ended.CPU, stdout="new\n")


@lifecycle.attack("removes its folder")
async def removes_its_folder(stage: Stage) -> None:
    """A job that removes, renames or locks its own folder ends as if it had not."""
    code = """
import os, sys
here = os.getcwd()
for act in (
    lambda: os.rename(here, here + "-moved"),
    lambda: os.chmod(here, 0),
    lambda: os.rmdir(here),
    lambda: os.symlink("/gadfly-nowhere", here),
):
    try: act()
    except OSError: pass
print("done")
"""
    expect(await stage.python(code), Ended.EXITED, exit_code=0, stdout="done\n")


# ---------------------------------------------------------------------- what outlives it


@lifecycle.attack("daemon that holds the output")
async def daemon_that_holds_the_output(stage: Stage) -> None:
    """A daemon that holds stdout delays nothing; it is counted, and dead."""
    code = """
import os, time
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.write(writer, b"x")
        time.sleep(30)
    os._exit(0)
os.wait()
os.read(reader, 1)
print("done")
"""
    result = await stage.python(code, limits=Limits(wall_seconds=25))
    expect(result, Ended.EXITED, exit_code=0, stdout="done\n")
    _left(result.leftover_processes, 1)
    hold(result.wall_seconds < 15, f"it took {result.wall_seconds:.1f} s")


@lifecycle.attack("many daemons, deaf")
async def many_daemons_deaf(stage: Stage) -> None:
    """Ten daemons that no signal reaches are counted, and dead."""
    code = f"""
import os, time
reader, writer = os.pipe()
for _ in range(10):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            {"            ".join(DEAF.splitlines(keepends=True))}
            os.write(writer, b"x")
            time.sleep(30)
        os._exit(0)
for _ in range(10):
    os.wait()
    os.read(reader, 1)
"""
    result = await stage.python(code, limits=Limits(wall_seconds=60, cpu_seconds=60))
    expect(result, Ended.EXITED, exit_code=0)
    _left(result.leftover_processes, 10)


@lifecycle.attack("adopts its orphans")
async def adopts_its_orphans(stage: Stage) -> None:
    """Daemons of a job that is made their parent are counted, and dead."""
    code = """
import ctypes, os, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
reader, writer = os.pipe()
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writer, b"x")
            time.sleep(30)
        os._exit(0)
for _ in range(3):
    os.wait()  # the first child of each pair: the second stays
    os.read(reader, 1)
"""
    result = await stage.python(code)
    expect(result, Ended.EXITED, exit_code=0)
    _left(result.leftover_processes, 3)


@lifecycle.attack("daemon without its main thread")
async def daemon_without_its_main_thread(stage: Stage) -> None:
    """A daemon that looks dead, because its main thread is, is counted, and dead."""
    code = f"""{HEADLESS}
reader, writer = os.pipe()
if os.fork() == 0:
    os.setsid()
    go_on_without_main(lambda: (time.sleep(0.1), os.write(writer, b"x"), time.sleep(30)))
os.read(reader, 1)
os._exit(6)
"""
    result = await stage.python(code)
    expect(result, Ended.EXITED, exit_code=6)
    _left(result.leftover_processes, 1)


@lifecycle.attack("sibling that ends in its place")
async def sibling_that_ends_in_its_place(stage: Stage) -> None:
    """The end of a process that the job has made its parent's child is not taken for the job's."""
    code = """
import time
CLONE_PARENT = 0x8000
for _ in range(3):
    if syscall("clone", CLONE_PARENT | 17, 0, 0, 0, 0) == 0: os._exit(0)
time.sleep(0.2)
os.write(1, b"end")
os._exit(7)
"""
    result = await stage.python(SYSCALLS + code)
    expect(result, Ended.EXITED, exit_code=7, stdout="end")


@lifecycle.attack("stopped child")
async def stopped_child(stage: Stage) -> None:
    """A child that is stopped when the job ends is counted, and dead."""
    code = """
import os
pid = os.fork()
if pid == 0:
    os.kill(os.getpid(), 19)
    os._exit(0)
os.waitpid(pid, os.WUNTRACED)
"""
    result = await stage.python(code)
    expect(result, Ended.EXITED, exit_code=0)
    _left(result.leftover_processes, 1)


@lifecycle.attack("daemons at a timeout")
async def daemons_at_a_timeout(stage: Stage) -> None:
    """A timeout takes everything along that the job has started."""
    code = f"""
import os, time
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        os.fork()
        break
{DEAF}
time.sleep(30)
"""
    expect(await stage.python(code, limits=Limits(wall_seconds=0.7)), Ended.TIMEOUT)


@lifecycle.attack("fork storm at the end")
async def fork_storm_at_the_end(stage: Stage) -> None:
    """Processes that keep forking while the job ends are all dead.

    The job ends by itself or with `processes`: whether the storm grows faster than it ends is
    chance.
    """
    code = f"""{TOKENS}
import time
if os.fork() == 0:
    os.setsid()
    while (pid := fork()) is not None:
        if pid:
            time.sleep(0.002)
            os._exit(0)
    time.sleep(5)
    os._exit(0)
time.sleep(0.05)
"""
    result = await stage.python(code, limits=Limits(processes=8))
    if result.ended is not Ended.PROCESSES:
        expect(result, Ended.EXITED, exit_code=0)


@lifecycle.attack("cancelled in the middle")
async def cancelled_in_the_middle(stage: Stage) -> None:
    """A call that is cancelled has killed the job, its daemons too, when it returns."""
    code = f"""
import os, time
if os.fork() == 0:
    os.setsid()
    os.fork()
{DEAF}
time.sleep(30)
"""
    running = asyncio.ensure_future(stage.python(code))
    await asyncio.sleep(0.4)
    hold(not running.done(), "a job that sleeps had ended")
    running.cancel()
    done, _ = await asyncio.wait([running], timeout=15)
    hold(done and running.cancelled(), "the call was not cancelled")


# ---------------------------------------------------------------------- whom it can kill

_VICTIM = """
import os, signal, sys
victim = int(sys.argv[1])
def signals(pid, number):
    try: os.kill(pid, number)
    except ProcessLookupError: return False
    except PermissionError: return False
    return True
try:
    os.kill(victim, 0)
    apart = False
except ProcessLookupError:
    apart = True
except PermissionError:
    apart = False
"""
"""Whether the machine's processes can be named at all: only where they cannot is everything killed,
so that a sandbox that does not hold costs nobody a process."""


@asynccontextmanager
async def _victim() -> AsyncGenerator[asyncio.subprocess.Process]:
    """Start a process of this user that waits to be hit."""
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-I", "-S", "-c", "input()")
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@lifecycle.attack("kills whatever it can", Level.PROCESS)
async def kills_whatever_it_can(stage: Stage) -> None:
    """Signals to everything, to the parent and to process 1 reach nobody outside the job."""
    code = """
for number in (0, signal.SIGSTOP, signal.SIGKILL):
    for pid in {victim}:
        if signals(pid, number): print("signalled a process of the machine")
if apart:
    for pid in {1, os.getppid()} - {0}:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
            signals(pid, number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
        signals(-1, number)
elif signals(os.getppid(), 0):
    print("can signal its parent")
"""
    async with _victim() as victim:
        await stage.refused(_VICTIM + code, str(victim.pid))
        hold(victim.returncode is None, "a process of the machine is dead")


@lifecycle.attack("kills its group")
async def kills_its_group(stage: Stage) -> None:
    """A job that kills its process group kills itself: `signaled`."""
    code = """
import os, sys
if os.getpgrp() != os.getpid() and os.getsid(0) == os.getsid(os.getppid() or 1):
    sys.exit("it shares its process group")
if os.fork() == 0:
    import time
    time.sleep(30)
os.killpg(0, 9)
"""
    expect(await stage.python(code), Ended.SIGNALED, signal=9)


@lifecycle.attack("hunts the processes that it sees", Level.PROCESS)
async def hunts_the_processes_that_it_sees(stage: Stage) -> None:
    """No process that a job sees, other than its own, can be signalled by it.

    Process 1 of a namespace of its own may take signals that it ignores.
    """
    code = """
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != os.getpid() and not (apart and name == "1"):
        if signals(int(name), 0): print("can signal", name)
"""
    async with _victim() as victim:
        await stage.refused(_VICTIM + code, str(victim.pid))


def _left(counted: int, wanted: int) -> None:
    hold(counted == wanted, f"it counted {counted} left over, not {wanted}")
