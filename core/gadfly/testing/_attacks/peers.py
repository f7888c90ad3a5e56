"""Attacks on results: on the channel between a job and its peer, and on what a worker reports.

Nothing that a job writes anywhere is a report: its end, its streams and its files are what the
kernel says, and what a peer reads is bytes, whatever they claim to be.
"""

from __future__ import annotations

import secrets

from gadfly._values.job import Ended, Job, JobResult, Level, Limits
from gadfly.testing._attacks._attack import Kind
from gadfly.testing._attacks._stage import Stage, expect, hold
from gadfly.testing._attacks.neighbours import SEARCH

peers = Kind("peers")

_CHANNEL = """
import os, socket, sys, time
channel = socket.socket(fileno=int(os.environ["GADFLY_CHANNEL"]))
"""
"""`channel` of a job that has a peer."""

_UNTIL_THE_END = "while os.read(int(os.environ['GADFLY_CHANNEL']), 1): pass\n"
"""Waits until the peer has ended, so that it ends by itself and is not released."""

_FRAMES = """
import json, os, struct
claims = {"ended": "exited", "exit_code": 0, "signal": None, "stdout": "forged", "type": "result",
          "kind": "result", "status": "ok", "files": {"a": "forged"}, "id": 1, "succeeded": True}
text = json.dumps(claims).encode()
FRAMES = b"".join([text + b"\\n", b"\\n", *(struct.pack(form, len(text)) + text
                   for form in ("<I", ">I", "<Q", ">Q", "<H", ">H")),
                   *(struct.pack(form, kind, len(text)) + text
                     for form in ("<BI", ">BI", "<II", ">II") for kind in (0, 1, 2)),
                   *(struct.pack(">cI", kind, len(text)) + text
                     for kind in (b"D", b"R", b"E", b"M")),
                   struct.pack(">I", 2**32 - 1), struct.pack("<Q", 2**63), b"\\0" * 64,
                   b"EXIT 0\\n", b"\\x80\\x04N.", b"PASS\\nOK\\n1 passed\\n"])
"""
"""Bytes that look like a worker's own words in any protocol that is likely."""


def _peer(result: JobResult) -> JobResult:
    if result.peer is None:
        raise AssertionError("the result says nothing of the peer")
    return result.peer


# ---------------------------------------------------------------------- what a worker reports


@peers.attack("forged reports on the streams")
async def forged_reports_on_the_streams(stage: Stage) -> None:
    """What looks like a worker's report is text where it was written, and changes no result."""
    code = f"{_FRAMES}\nos.write(1, FRAMES)\nos.write(2, FRAMES)\nos._exit(7)"
    result = await stage.python(code)
    expect(result, Ended.EXITED, exit_code=7)
    for text in (result.stdout, result.stderr):
        hold('"stdout": "forged"' in text and "1 passed" in text, f"a stream was {text!r:.100}")
    hold(not result.files, f"files came back: {sorted(result.files)}")


@peers.attack("forged reports on every descriptor")
async def forged_reports_on_every_descriptor(stage: Stage) -> None:
    """No descriptor that a job can name, its own or one in /proc, leads to the worker."""
    code = f"""{_FRAMES}
import glob, socket
for fd in range(3, 1024):
    try: os.write(fd, FRAMES)
    except OSError: continue
    print("wrote to", fd)
for path in glob.glob("/proc/[0-9]*/fd/*"):
    if path.split("/")[2] in (str(os.getpid()), "self"): continue
    try: fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    except OSError: continue
    print("opened", path)
os.write(2, b"end")
os._exit(7)
"""
    result = await stage.python(code)
    expect(result, Ended.EXITED, exit_code=7, stdout="", stderr="end")


@peers.attack("forged reports by the interpreter's objects")
async def forged_reports_by_the_interpreters_objects(stage: Stage) -> None:
    """Sockets, files and functions that are found in memory or in frames cannot report."""
    code = f"""{_FRAMES}
import gc, io, socket, sys, types
leave = os._exit
for thing in gc.get_objects():
    try:
        if isinstance(thing, socket.socket) and thing.fileno() > 2: thing.sendall(FRAMES)
        elif isinstance(thing, io.IOBase) and thing.writable() and thing.fileno() > 2:
            thing.write(FRAMES); thing.flush()
    except Exception: pass
frame = sys._getframe().f_back
while frame:
    for name, value in list(frame.f_globals.items()):
        if isinstance(value, types.FunctionType):
            value.__code__ = (lambda *words, **names: 0).__code__
        elif isinstance(value, (int, str, bytes)) and not name.startswith("__"):
            frame.f_globals[name] = 0
    frame = frame.f_back
leave(7)
"""
    expect(await stage.python(code), Ended.EXITED, exit_code=7, stdout="", stderr="")


@peers.attack("does not let itself be ended")
async def does_not_let_itself_be_ended(stage: Stage) -> None:
    """A job that patches every way out is over when its program is; it never goes on."""
    code = """
import atexit, builtins, os, sys, threading
for module in (os, sys, builtins):
    for name in ("_exit", "exit", "quit", "abort", "kill", "waitpid", "waitid", "fork", "close"):
        if hasattr(module, name): setattr(module, name, lambda *words, **names: 0)
os.write(1, b"end")
"""
    result = await stage.python(code)
    hold(result.ended is Ended.EXITED, f"it ended with {result.ended}")
    expect(result, Ended.EXITED, exit_code=0, stdout="end")


@peers.attack("breaks its interpreter")
async def breaks_its_interpreter(stage: Stage) -> None:
    """A job whose hooks, streams and modules are broken ends, with a failure where it failed."""
    for code, status in (
        ("import sys; sys.stdout = sys.stderr = None", 0),
        ("import sys; sys.stdout.close()", 0),
        ("import sys; sys.excepthook = None\n1 / 0", 1),
        ("import sys; sys.excepthook = lambda *w: 1 / 0\n1 / 0", 1),
        ("import sys; sys.modules.clear()", 0),
        ("import sys, builtins; vars(builtins).clear()\nx()", 1),
        ("class E(BaseException): pass\nraise E", 1),
        ("import os; os.chdir('/'); del os.environ['HOME']", 0),
        ("import sys; sys.setrecursionlimit(60)\ndef f(): f()\nf()", 1),
    ):
        result = await stage.sandbox.run(Job(("python", "-c", code)))
        expect(result, Ended.EXITED, exit_code=status)


# ---------------------------------------------------------------------- the channel


@peers.attack("forged reports on the channel")
async def forged_reports_on_the_channel(stage: Stage) -> None:
    """What a peer writes to the channel are bytes for the job: no report of it, nor of the peer."""
    read = f"""{_CHANNEL}
got = b""
while piece := channel.recv(65536): got += piece
print(b"forged" in got, len(got) > 500)
sys.exit(3)
"""
    forge = f"{_FRAMES}\nos.write(int(os.environ['GADFLY_CHANNEL']), FRAMES)\nos._exit(9)"
    result = await stage.run(stage.job(read, peer=stage.job(forge)))
    expect(result, Ended.EXITED, exit_code=3, stdout="True True\n", stderr="")
    expect(_peer(result), Ended.EXITED, exit_code=9, stdout="", stderr="")


@peers.attack("descriptors beside a channel")
async def descriptors_beside_a_channel(stage: Stage) -> None:
    """A job with a peer has its three streams and the channel, and so has the peer."""
    code = """
import os, sys
mine = {0, 1, 2, int(os.environ["GADFLY_CHANNEL"])}
for fd in set(map(int, os.listdir("/proc/self/fd"))) - mine:
    try: print(fd, os.readlink(f"/proc/self/fd/{fd}"))
    except OSError: pass
os.write(int(os.environ["GADFLY_CHANNEL"]), b"x"); os.read(int(os.environ["GADFLY_CHANNEL"]), 1)
"""
    result = await stage.run(stage.job(code + _UNTIL_THE_END, peer=stage.job(code)))
    expect(result, Ended.EXITED, exit_code=0, stdout="")
    expect(_peer(result), Ended.EXITED, exit_code=0, stdout="")


@peers.attack("passes descriptors over the channel", Level.PROCESS)
async def passes_descriptors_over_the_channel(stage: Stage) -> None:
    """A descriptor that is sent over the channel does not arrive: it is for bytes only."""
    send = f"""{_CHANNEL}
held = os.open(".", os.O_RDONLY)
try: socket.send_fds(channel, [b"x"], [held])
except OSError: channel.send(b"x")
channel.recv(1)
"""
    receive = f"""{_CHANNEL}
data, fds, *_ = socket.recv_fds(channel, 1, 4)
print(data, fds)
"""
    result = await stage.run(stage.job(receive, peer=stage.job(send)))
    expect(result, Ended.EXITED, exit_code=0, stdout="b'x' []\n")


@peers.attack("floods the channel")
async def floods_the_channel(stage: Stage) -> None:
    """A peer that writes without end to a job that does not read waits, or has said too much.

    A channel that carries what is written bounds it (`output`); one that does not makes the writer
    wait until the job has ended (`released`).
    """
    flood = f"{_CHANNEL}\nwhile True: channel.sendall(bytes(2**20))"
    result = await stage.run(stage.job("import time; time.sleep(0.3)", peer=stage.job(flood)))
    expect(result, Ended.EXITED, exit_code=0)
    ended = _peer(result).ended
    hold(ended in {Ended.RELEASED, Ended.OUTPUT}, f"the peer ended with {ended}")


@peers.attack("outlives the job that it serves")
async def outlives_the_job_that_it_serves(stage: Stage) -> None:
    """When a job ends, its peer and all of the peer's daemons are dead: `released`."""
    stay = """
import os, signal, time
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT): signal.signal(number, signal.SIG_IGN)
for _ in range(2):
    if os.fork() == 0: os.setsid()
os.write(int(os.environ["GADFLY_CHANNEL"]), b"x")
time.sleep(30)
"""
    job = stage.job(f"{_CHANNEL}\nchannel.recv(1); time.sleep(0.1)", peer=stage.job(stay))
    result = await stage.run(job)
    expect(result, Ended.EXITED, exit_code=0)
    expect(_peer(result), Ended.RELEASED)


@peers.attack("dies under the job that it serves")
async def dies_under_the_job_that_it_serves(stage: Stage) -> None:
    """However a peer ends, the job reads the end of the stream, and each has its own true end."""
    read = f"{_CHANNEL}\nwhile channel.recv(4096): pass\nprint('end')"
    spin = Limits(cpu_seconds=0.3, wall_seconds=20)
    cases: tuple[tuple[str, Limits, Ended, int | None, int | None], ...] = (
        ("import os; os._exit(0)", Limits(), Ended.EXITED, 0, None),
        ("import os; os.kill(os.getpid(), 9)", Limits(), Ended.SIGNALED, None, 9),
        ("while True: pass", spin, Ended.CPU, None, None),
        ("import time; time.sleep(30)", Limits(wall_seconds=0.5), Ended.TIMEOUT, None, None),
        (
            "held = [b'x' * 2**20 for _ in range(400)]\nimport time; time.sleep(5)",
            Limits(memory_mib=128),
            Ended.MEMORY,
            None,
            None,
        ),
    )
    for code, limits, ended, exit_code, signal in cases:
        result = await stage.run(stage.job(read, peer=stage.job(code, limits=limits)))
        expect(result, Ended.EXITED, exit_code=0, stdout="end\n")
        expect(_peer(result), ended, exit_code=exit_code, signal=signal)


@peers.attack("keeps the channel open")
async def keeps_the_channel_open(stage: Stage) -> None:
    """When a peer has ended, a daemon of it that holds the channel is dead: the stream ends."""
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    time.sleep(30)
os._exit(4)
"""
    read = f"{_CHANNEL}\nwhile channel.recv(4096): pass\nprint('end')"
    result = await stage.run(stage.job(read, peer=stage.job(code)))
    expect(result, Ended.EXITED, exit_code=0, stdout="end\n")
    expect(_peer(result), Ended.EXITED, exit_code=4)


@peers.attack("closes the channel early")
async def closes_the_channel_early(stage: Stage) -> None:
    """A job that closes its channel, or shuts it down, only ends the stream for the other."""
    shut = "channel.shutdown(socket.SHUT_RDWR); channel.close()"
    close = f"{_CHANNEL}\n{shut}\ntime.sleep(0.2)\nprint('still here')"
    read = f"{_CHANNEL}\nprint(channel.recv(10))\ntime.sleep(30)"
    result = await stage.run(stage.job(close, peer=stage.job(read)))
    expect(result, Ended.EXITED, exit_code=0, stdout="still here\n")
    expect(_peer(result), Ended.RELEASED)


@peers.attack("reads its peer's secrets", Level.PROCESS)
async def reads_its_peers_secrets(stage: Stage) -> None:
    """A peer finds nothing of the job: files, input, arguments, environment, folder or memory."""
    secret = {
        name: f"gadfly-canary-{name}-{secrets.token_hex(8)}"
        for name in ("file", "input", "argument", "output")
    }
    spy = """
import os, re
pattern = re.compile(b"gadfly-[c]anary-([a-z]+)-[0-9a-f]{16}")
found, me = set(), str(os.getpid())
os.read(int(os.environ["GADFLY_CHANNEL"]), 1)
def look(path):
    try:
        with open(path, "rb") as file: found.update(pattern.findall(file.read(2**20)))
    except OSError: pass
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("cmdline", "environ", "cwd/secret.txt", "root/tmp/secret.txt", "fd/0", "fd/1"):
        if pid != me: look(f"/proc/{pid}/{name}")
for top in ("..", "../..", "/tmp", "/var/tmp", "/dev/shm", "/run", "/work"):
    for folder, folders, names in os.walk(top):
        if folder.count("/") > 5: folders.clear()
        for name in names[:100]:
            if name == "secret.txt": look(os.path.join(folder, name))
print(sorted(found))
os.write(int(os.environ["GADFLY_CHANNEL"]), b"x")
"""
    keep = f"""{_CHANNEL}
held = open("secret.txt").read() + sys.stdin.read() + sys.argv[1]
print({secret["output"]!r}, flush=True)
channel.send(b"x")
{_UNTIL_THE_END}"""
    job = stage.job(
        keep,
        secret["argument"],
        files={"secret.txt": secret["file"]},
        stdin=secret["input"],
        peer=stage.job(spy),
    )
    result = await stage.run(job)
    expect(result, Ended.EXITED, exit_code=0, stdout=f"{secret['output']}\n")
    expect(_peer(result), Ended.EXITED, exit_code=0, stdout="[]\n")


@peers.attack("searches memory for the job that it serves")
async def searches_memory_for_the_job_that_it_serves(stage: Stage) -> None:
    """Nothing of the job that it serves is in a peer's memory, whoever was started first."""
    kinds = ("file", "input", "argument", "source")
    words = [f"gadfly-canary-{kind}-{secrets.token_hex(8)}" for kind in kinds]
    keep = (
        f"{_CHANNEL}\nheld = {words[3]!r} + sys.stdin.read()\nchannel.send(b'x')\n{_UNTIL_THE_END}"
    )
    spy = f"import os\nos.read(int(os.environ['GADFLY_CHANNEL']), 1)\n{SEARCH}"
    job = stage.job(
        keep,
        words[2],
        files={"secret.txt": words[0]},
        stdin=words[1],
        peer=stage.job(spy),
    )
    result = await stage.run(job)
    hold(not _peer(result).stdout, f"it found {', '.join(_peer(result).stdout.split())}")
    expect(_peer(result), Ended.EXITED, exit_code=0)


@peers.attack("kills its peer", Level.PROCESS)
async def kills_its_peer(stage: Stage) -> None:
    """A job cannot signal its peer, nor the peer the job."""
    code = """
import os, sys
channel = int(os.environ["GADFLY_CHANNEL"])
os.write(channel, b"%10d" % os.getpid())
other = int(os.read(channel, 10))
for pid in {other} - {os.getpid(), 1, os.getppid()}:
    try: os.kill(pid, 0)
    except OSError: continue
    print("can signal", pid)
os.write(channel, b"x"); os.read(channel, 1)
"""
    result = await stage.run(stage.job(code + _UNTIL_THE_END, peer=stage.job(code)))
    expect(result, Ended.EXITED, exit_code=0, stdout="")
    expect(_peer(result), Ended.EXITED, exit_code=0, stdout="")


@peers.attack("mixes their streams")
async def mixes_their_streams(stage: Stage) -> None:
    """Output, files and ends of a job and its peer are never taken for each other's."""
    code = """
import os, sys
os.write(1, f"out {sys.argv[1]}".encode()); os.write(2, f"err {sys.argv[1]}".encode())
open("made", "w").write(sys.argv[1])
channel = int(os.environ["GADFLY_CHANNEL"])
os.write(channel, b"x"); os.read(channel, 1)
"""
    leave = "os._exit(int(sys.argv[1]))"
    for mine, other in ((3, 4), (0, 9)):
        peer = stage.job(code + leave, str(other), collect=("made",))
        job = stage.job(code + _UNTIL_THE_END + leave, str(mine), collect=("made",), peer=peer)
        result = await stage.run(job)
        for one, number in ((result, mine), (_peer(result), other)):
            out, err = f"out {number}", f"err {number}"
            expect(one, Ended.EXITED, exit_code=number, stdout=out, stderr=err)
            hold(dict(one.files) == {"made": str(number)}, f"files were {one.files!r}")
