"""What `_sandbox` checks: one function for each promise, which says it in its first line.

The programs that are run are Python; the attacks among them end by themselves at a size that no
machine notices.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys

from gadfly._errors import SandboxError
from gadfly._ports import Sandbox
from gadfly._values.job import Ended, Isolation, Job, JobResult, Limits

_DEAF = """
import signal
for number in signal.valid_signals():
    try:
        signal.signal(number, signal.SIG_IGN)
    except OSError:
        pass
"""
"""Ignores every signal that can be ignored."""


# ---------------------------------------------------------------------- a command and its result


async def runs_a_command(sandbox: Sandbox) -> None:
    """A command runs, and its streams come back whole and apart."""
    code = "import sys; print('out', 6 * 7); print('err', file=sys.stderr)"
    result = await _python(sandbox, code)
    _expect(result, Ended.EXITED, exit_code=0)
    _hold(result.stdout == "out 42\n", f"stdout was {result.stdout!r:.200}")
    _hold(result.stderr == "err\n", f"stderr was {result.stderr!r:.200}")
    _hold(not result.truncated, "it says that output was cut")


async def tells_exits_from_signals(sandbox: Sandbox) -> None:
    """An exit status that looks like a signal is a status, and a signal is a signal."""
    for status in (0, 3, 124, 137):
        result = await _python(sandbox, f"import os; os._exit({status})")
        _expect(result, Ended.EXITED, exit_code=status)
    for signal in (6, 9, 11):
        result = await _python(sandbox, f"import os; os.kill(os.getpid(), {signal})")
        _expect(result, Ended.SIGNALED, signal=signal)


async def has_no_such_command(sandbox: Sandbox) -> None:
    """A command that is not there is a result: status 127, and stderr names it."""
    result = await sandbox.run(Job(("no-such-command-anywhere",)))
    _expect(result, Ended.EXITED, exit_code=127)
    _hold("no-such-command-anywhere" in result.stderr, f"stderr was {result.stderr!r:.200}")


async def gives_files_and_input(sandbox: Sandbox) -> None:
    """The job finds its files, in folders too, and its standard input: the same bytes, in UTF-8."""
    code = "import sys; print(ascii(open('a/b.txt', 'rb').read() + sys.stdin.buffer.read()))"
    text, stdin = "naïve\r\n", "čau\0"
    result = await sandbox.run(Job(("python", "-c", code), files={"a/b.txt": text}, stdin=stdin))
    _expect(result, Ended.EXITED, exit_code=0)
    expected = ascii((text + stdin).encode())
    _hold(result.stdout == f"{expected}\n", f"it saw {result.stdout!r:.200}, not {expected}")


async def bears_input_that_nobody_reads(sandbox: Sandbox) -> None:
    """A job that ignores megabytes of input ends as if there were none."""
    result = await sandbox.run(Job(("python", "-c", "print('done')"), stdin="x" * 4_000_000))
    _expect(result, Ended.EXITED, exit_code=0)
    _hold(result.stdout == "done\n", f"stdout was {result.stdout!r:.200}")


async def bears_bytes_that_are_no_text(sandbox: Sandbox) -> None:
    """Bytes that are no UTF-8 are replaced, and nothing else of the output is touched."""
    code = r"import os; os.write(1, b'a\xff\x00\x1b[31m\r\n')"
    result = await _python(sandbox, code)
    _expect(result, Ended.EXITED, exit_code=0)
    _hold(result.stdout == "a\ufffd\0\x1b[31m\r\n", f"stdout was {result.stdout!r:.200}")


# ---------------------------------------------------------------------- limits


async def stops_a_sleeper(sandbox: Sandbox) -> None:
    """Wall time that is used up is TIMEOUT, signals ignored or not; what was printed is kept."""
    code = f"{_DEAF}\nprint('before', flush=True)\nimport time\ntime.sleep(30)"
    result = await _python(sandbox, code, Limits(wall_seconds=1.0))
    _expect(result, Ended.TIMEOUT)
    _hold(result.stdout == "before\n", f"stdout was {result.stdout!r:.200}")


async def stops_a_busy_loop(sandbox: Sandbox) -> None:
    """Processor time that is used up is CPU, signals ignored or not."""
    result = await _python(
        sandbox, f"{_DEAF}\nwhile True: pass", Limits(cpu_seconds=0.5, wall_seconds=30)
    )
    _expect(result, Ended.CPU)


async def stops_a_busy_family(sandbox: Sandbox) -> None:
    """Processor time counts for all processes of a job together."""
    code = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    result = await _python(sandbox, code, Limits(cpu_seconds=0.5, wall_seconds=30))
    _expect(result, Ended.CPU)


async def stops_a_memory_bomb(sandbox: Sandbox) -> None:
    """Memory that is filled beyond the limit is MEMORY."""
    code = """
held = []
try:
    for _ in range(300): held.append(b"x" * 2**20)
except MemoryError:
    pass
import time
time.sleep(10)
"""
    result = await _python(sandbox, code, Limits(memory_mib=128))
    _expect(result, Ended.MEMORY)


async def stops_a_process_bomb(sandbox: Sandbox) -> None:
    """More processes than allowed is PROCESSES."""
    code = """
import os, time
for _ in range(40):
    try:
        if os.fork() == 0:
            time.sleep(10)
            os._exit(0)
    except OSError:
        pass
time.sleep(10)
"""
    _expect(await _python(sandbox, code, Limits(processes=8)), Ended.PROCESSES)


async def stops_a_flood(sandbox: Sandbox) -> None:
    """Output beyond the limit is OUTPUT, on either stream; its head is kept."""
    for stream in (1, 2):
        code = f"import os\nfor _ in range(1000): os.write({stream}, b'x' * 65536)"
        result = await _python(sandbox, code, Limits(output_kib=16))
        _expect(result, Ended.OUTPUT)
        kept = result.stdout if stream == 1 else result.stderr
        _hold(result.truncated, "it does not say that output was cut")
        _hold(kept == "x" * 16_384, f"of 16 KiB {len(kept)} characters were kept")


async def stops_a_full_disk(sandbox: Sandbox) -> None:
    """Files beyond the limit are DISK: one that is too large, and many small ones."""
    large = "open('large', 'wb').write(bytes(6 * 2**20))\n"
    many = "for i in range(12): open(f'{i}', 'wb').write(b'x' * 2**19)\n"
    for code in (large, many):
        waiting = f"try:\n {code}\nexcept OSError: pass\nimport time\ntime.sleep(10)"
        _expect(await _python(sandbox, waiting, Limits(disk_mib=4)), Ended.DISK)


async def stops_a_hoarder(sandbox: Sandbox) -> None:
    """A job that holds all the descriptors that it may and asks for more is DESCRIPTORS."""
    code = (
        "import os\ntry:\n while True: os.dup(0)\nexcept OSError: pass\nimport time\ntime.sleep(10)"
    )
    _expect(await _python(sandbox, code, Limits(open_files=48)), Ended.DESCRIPTORS)
    code = "import os\nfor _ in range(20): os.dup(0)\nprint('fine')"
    result = await _python(sandbox, code, Limits(open_files=48))
    _expect(result, Ended.EXITED, exit_code=0)


# ---------------------------------------------------------------------- nothing in, nothing left


async def hides_the_environment(sandbox: Sandbox) -> None:
    """Nothing of the environment that the host runs in is in a job's."""
    os.environ["GADFLY_CANARY"] = secret = f"gadfly-{os.urandom(8).hex()}"
    try:
        result = await _python(sandbox, "import os; print(os.environ)")
    finally:
        del os.environ["GADFLY_CANARY"]
    _expect(result, Ended.EXITED, exit_code=0)
    _hold(secret not in result.stdout, "the job had a variable of the host's")


async def hides_other_processes(sandbox: Sandbox) -> None:
    """What the host's processes were started with, secrets among it, cannot be read from a job."""
    code = """
import glob
for path in glob.glob("/proc/[0-9]*/environ"):
    try:
        print(open(path, "rb").read())
    except OSError:
        pass
"""
    secret = f"gadfly-{os.urandom(8).hex()}"
    command = (sys.executable, "-I", "-S", "-c", "input()")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, env={"SECRET": secret})
    try:
        result = await _python(sandbox, code)
    finally:
        await process.communicate(b"\n")
    _expect(result, Ended.EXITED, exit_code=0)
    _hold(secret not in result.stdout, "the job read another process's environment")


async def starts_in_a_fresh_folder(sandbox: Sandbox) -> None:
    """What one job leaves, the next does not find."""
    code = "import os; print(sorted(os.listdir())); open('left', 'w').write('x')"
    for _ in range(2):
        result = await _python(sandbox, code)
        _expect(result, Ended.EXITED, exit_code=0)
        _hold(result.stdout == "[]\n", f"it found {result.stdout!r:.200}")


async def leaves_no_daemon(sandbox: Sandbox) -> None:
    """A daemon that holds the output neither delays the result nor lives on."""
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open("alive", "w").close()
        time.sleep(40)
    os._exit(0)
while not os.path.exists("alive"):
    time.sleep(0.01)
print("done")
"""
    result = await _python(sandbox, code, Limits(wall_seconds=30))
    _expect(result, Ended.EXITED, exit_code=0)
    _hold(result.stdout == "done\n", f"stdout was {result.stdout!r:.200}")
    _hold(result.leftover_processes == 1, f"it counted {result.leftover_processes} left over")


async def can_be_cancelled(sandbox: Sandbox) -> None:
    """A cancelled call raises CancelledError, and the sandbox goes on working."""
    running = asyncio.create_task(_python(sandbox, "while True: pass", Limits(wall_seconds=50)))
    await asyncio.sleep(0.5)
    _hold(not running.done(), "a job that never ends had ended")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        result = await running
        raise AssertionError(f"a cancelled job gave a result: {result!r:.200}")
    await runs_a_command(sandbox)


async def runs_side_by_side(sandbox: Sandbox) -> None:
    """Calls may overlap, and each gets its own answer."""
    results = await asyncio.gather(*(_python(sandbox, f"print({i})") for i in range(8)))
    said = [result.stdout for result in results]
    _hold(said == [f"{i}\n" for i in range(8)], f"the answers were {said}")


# ---------------------------------------------------------------------- files that come back


async def brings_files_back(sandbox: Sandbox) -> None:
    """Regular files that are named come back; one that is not there is no trouble."""
    code = "import os; os.mkdir('d'); open('d/kept', 'wb').write(b'k\\xff'); open('other', 'w')"
    job = Job(("python", "-c", code), collect=("d/kept", "absent", "d/absent", "no/absent"))
    result = await sandbox.run(job)
    _expect(result, Ended.EXITED, exit_code=0)
    _hold(result.files == {"d/kept": "k\ufffd"}, f"files were {result.files!r:.200}")
    _hold(not result.rejected, f"it refused {result.rejected!r:.200}")


async def is_not_fooled_by_files(sandbox: Sandbox) -> None:
    """Links, FIFOs, folders and files that are too large are refused, each with a reason."""
    code = """
import os
os.symlink("/etc/passwd", "link")
os.symlink("/etc", "folder-link")
os.mkfifo("fifo")
os.mkdir("folder")
open("two-names", "w").write("x")
os.link("two-names", "second-name")
open("large", "wb").write(b"x" * 20_000)
"""
    names = ("link", "folder-link/passwd", "fifo", "folder", "two-names", "large")
    limits = Limits(output_kib=16)
    result = await sandbox.run(Job(("python", "-c", code), collect=names, limits=limits))
    _expect(result, Ended.EXITED, exit_code=0)
    _hold(not result.files, f"it brought back {sorted(result.files)}")
    _hold(set(result.rejected) == set(names), f"it refused only {sorted(result.rejected)}")
    _hold(all(result.rejected.values()), f"a reason is missing: {result.rejected}")


# ---------------------------------------------------------------------- preloads and peers


async def takes_a_list_of_preloads(sandbox: Sandbox) -> None:
    """Preloaded modules are imported as ever; one that is not there is left to the job to miss."""
    code = "import json\nprint(json.dumps([6 * 7]))\nimport gadfly_no_such_module"
    job = Job(("python", "-c", code), preload=("json", "gadfly_no_such_module", "numpy"))
    result = await sandbox.run(job)
    _expect(result, Ended.EXITED, exit_code=1)
    _hold(result.stdout == "[42]\n", f"stdout was {result.stdout!r:.200}")
    missed = "No module named 'gadfly_no_such_module'" in result.stderr
    _hold(missed, f"stderr was {result.stderr!r:.200}")


_CHANNEL = """
import os, socket, sys, time
channel = socket.socket(fileno=int(os.environ["GADFLY_CHANNEL"]))
"""


async def joins_a_peer(sandbox: Sandbox) -> None:
    """A job and its peer speak over their channel, both ways; each has a result of its own."""
    ask = f"{_CHANNEL}\nchannel.sendall(b'x' * 300_000 + b'.')\nprint(channel.makefile().read())"
    answer = f"""{_CHANNEL}
size = 0
while not (piece := channel.recv(65536)).endswith(b"."): size += len(piece)
print(sorted(os.listdir()))
channel.sendall(b"%d" % (size + len(piece)))
sys.exit(int(sys.stdin.read()))
"""
    peer = Job(("python", "-c", answer), files={"theirs": ""}, stdin="7")
    result = await sandbox.run(Job(("python", "-c", ask), files={"mine": ""}, peer=peer))
    _expect(result, Ended.EXITED, exit_code=0)
    _hold(result.stdout == "300001\n", f"the job's stdout was {result.stdout!r:.200}")
    other = _peer(result)
    _expect(other, Ended.EXITED, exit_code=7)
    _hold(other.stdout == "['theirs']\n", f"the peer's stdout was {other.stdout!r:.200}")


async def has_no_channel_without_a_peer(sandbox: Sandbox) -> None:
    """A job without a peer is told of no channel, and its result of no peer."""
    result = await _python(sandbox, "import os; print(os.environ.get('GADFLY_CHANNEL'))")
    _expect(result, Ended.EXITED, exit_code=0)
    _hold(result.stdout == "None\n", f"stdout was {result.stdout!r:.200}")
    _hold(result.peer is None, "it speaks of a peer")


async def releases_a_peer(sandbox: Sandbox) -> None:
    """When a job ends, its peer is killed: RELEASED."""
    wait = f"{_CHANNEL}\nprint('begun', flush=True)\nchannel.sendall(b'x')\ntime.sleep(30)"
    job = Job(
        ("python", "-c", f"{_CHANNEL}\nchannel.recv(1)\nsys.exit(3)"),
        peer=Job(("python", "-c", wait), limits=Limits(wall_seconds=30)),
    )
    result = await sandbox.run(job)
    _expect(result, Ended.EXITED, exit_code=3)
    other = _peer(result)
    _expect(other, Ended.RELEASED)
    _hold(other.stdout == "begun\n", f"the peer's stdout was {other.stdout!r:.200}")


async def outlives_a_peer(sandbox: Sandbox) -> None:
    """When a peer ends, the job reads the end of the stream, after all that the peer wrote."""
    read = f"{_CHANNEL}\nwhile piece := channel.recv(9): print(piece)\nprint('end')"
    write = f"{_CHANNEL}\nchannel.sendall(b'last')\nos.kill(os.getpid(), 9)"
    result = await sandbox.run(Job(("python", "-c", read), peer=Job(("python", "-c", write))))
    _expect(result, Ended.EXITED, exit_code=0)
    _hold(result.stdout == "b'last'\nend\n", f"stdout was {result.stdout!r:.200}")
    _expect(_peer(result), Ended.SIGNALED, signal=9)


# ---------------------------------------------------------------------- honesty


async def probes_what_is_in_force(sandbox: Sandbox) -> None:
    """What `probe` says is what the results of jobs say."""
    probed = await sandbox.probe()
    found = _isolation(await _python(sandbox, "pass"))
    for name in ("sandbox", "level", "network"):
        said, was = getattr(probed, name), getattr(found, name)
        _hold(said == was, f"{name}: the probe says {said!r}, a result {was!r}")
    _hold(probed.sandbox == sandbox.name, f"{probed.sandbox!r} is not {sandbox.name!r}")
    lines = all(line and "\n" not in line for line in probed.missing)
    _hold(lines, f"what is missing is not told in lines: {probed.missing!r:.200}")


async def says_what_was_in_force(sandbox: Sandbox) -> None:
    """Each result says how it was isolated, in the sandbox's name."""
    for network in (False, True):
        isolation = _isolation(await _python(sandbox, "pass", Limits(network=network)))
        _hold(isolation.sandbox == sandbox.name, f"{isolation.sandbox!r} is not {sandbox.name!r}")
        known = {"open"} if network else {"none", "unenforced"}
        _hold(isolation.network in known, f"network is called {isolation.network!r}")


async def claims_no_wall_that_is_not_there(sandbox: Sandbox) -> None:
    """Where it says that there is no network, a listener on this machine is not reached."""
    code = """
import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=2)
    print("reached")
except OSError:
    print("refused")
"""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        job = Job(("python", "-c", code, str(listener.getsockname()[1])))
        result = await sandbox.run(job)
        listener.settimeout(0)
        reached = result.stdout != "refused\n"
        with contextlib.suppress(BlockingIOError):
            listener.accept()[0].close()
            reached = True
    _expect(result, Ended.EXITED, exit_code=0)
    claims = _isolation(result).network
    _hold(not (reached and claims == "none"), "it says `none`, and the job reached us")


async def ends_when_closed(sandbox: Sandbox) -> None:
    """Closing twice is fine; a job after it is a SandboxError."""
    await sandbox.close()
    await sandbox.close()
    with contextlib.suppress(SandboxError):
        await _python(sandbox, "pass")
        raise AssertionError("a closed sandbox ran a job")


async def _python(sandbox: Sandbox, code: str, limits: Limits | None = None) -> JobResult:
    return await sandbox.run(Job(("python", "-c", code), limits=limits or Limits()))


def _expect(
    result: JobResult, ended: Ended, *, exit_code: int | None = None, signal: int | None = None
) -> None:
    found = (result.ended, result.exit_code, result.signal)
    if found != (ended, exit_code, signal):
        wanted = f"{ended} (exit_code={exit_code}, signal={signal})"
        said = f"{result.ended} (exit_code={result.exit_code}, signal={result.signal})"
        raise AssertionError(f"it ended with {said}, not {wanted}: {result.stderr[-200:]!r}")


def _peer(result: JobResult) -> JobResult:
    if result.peer is None:
        raise AssertionError("the result says nothing of the peer")
    return result.peer


def _isolation(result: JobResult) -> Isolation:
    if result.isolation is None:
        raise AssertionError("the result has no isolation report")
    return result.isolation


def _hold(promise: object, problem: str) -> None:
    """Raise AssertionError; not the statement, which `python -O` drops."""
    if not promise:
        raise AssertionError(problem)
