"""What is in force, found out by a job that looks around from inside and tries to get out.

Versions and settings say little: kernels and container engines refuse what they offer for many
reasons. So nothing is claimed that was not seen.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import tempfile
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from gadfly._errors import SandboxError
from gadfly._values.codec import decode_json
from gadfly._values.job import Isolation, Job, Level, Limits
from gadfly._values.task import JSON
from gadfly.worker._conversation import Conversation
from gadfly.worker._line import Line
from gadfly.worker._pool import Member, ready
from gadfly.worker._ports import MachineryError, Worker

_PATIENT = Limits(wall_seconds=60, cpu_seconds=60)
"""A busy machine must not look like a weak one."""
_TRIALS = 3
SPACES = ("user", "pid", "ipc", "net", "mnt", "uts", "cgroup")

_CANARY = """
import ctypes, json, os, socket, sys, sysconfig

port, secret, outside, *spaces = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
def succeeds(attempt):
    try:
        return attempt() is not False
    except OSError:
        return False
def write(path):
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    os.unlink(path)
def connect():
    socket.create_connection(("127.0.0.1", int(port)), timeout=2).close()
with open("/proc/self/status") as file:
    status = dict(line.rstrip().split(":", 1) for line in file)
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
with open("inside", "w") as file:
    file.write("x")
places = ["/", "/usr", "/etc", "/var", "/home", "/root", "/dev", "/sys/fs/cgroup", outside]
print(json.dumps({
    "python": sys.version.split()[0],
    "user": os.getuid(),
    "interpreter": all(
        os.access(place, mode)
        for place, mode in ((sys.executable, os.X_OK), (sysconfig.get_path("stdlib"), os.R_OK))
    ),
    "namespaces": {
        space: os.readlink(f"/proc/self/ns/{space}")
        for space in spaces if os.path.lexists(f"/proc/self/ns/{space}")
    },
    "no_new_privs": libc.prctl(39, 0, 0, 0, 0) == 1,
    "capabilities": int(status.get("CapPrm", "0"), 16),
    "reaches_network": succeeds(connect),
    "writes_outside": [
        place for place in places
        if os.path.realpath(place) != os.environ["TMPDIR"]
        and succeeds(lambda: write(os.path.join(place, ".gadfly-canary")))
    ],
    "reads_secret": succeeds(lambda: open(secret).close()),
    "traces_parent": libc.ptrace(16, os.getppid(), 0, 0) == 0,
    "nests": libc.unshare(0x10000000) == 0,
}))
"""


def try_out(start: Callable[[], Worker], name: str) -> dict[str, JSON]:
    """Start a worker, wait until it is ready, run the canary on it, and end it.

    One that is lost, as when somebody kills it, says nothing about the machine: then another one is
    tried, up to `_TRIALS` in all.

    Args:
        start: Starts a worker.
        name: The sandbox.

    Returns:
        See `look_around`.

    Raises:
        MachineryError: All were lost.
        SandboxError: It does not start, or the canary did not come back.
    """
    lost: MachineryError | None = None
    for _ in range(_TRIALS):
        try:
            worker = start()
            try:
                line = Line(worker.stream)
                return look_around(Member(worker, ready(worker, line), line), name)
            finally:
                worker.kill()
                worker.stream.close()
        except MachineryError as error:
            lost = error
    assert lost is not None
    raise lost


def look_around(member: Member, name: str) -> dict[str, JSON]:
    """Run the canary on a worker and return what it saw, with what the worker says of itself.

    Returns:
        `python`, `user`, `interpreter` (whether it can be started anew), `namespaces` (by kind),
        `no_new_privs`, `capabilities`, `reaches_network`, `writes_outside` (places),
        `reads_secret`, `traces_parent`, `nests`, and the worker's `seccomp`, `landlock` (its ABI),
        `init` and `preloaded`. `network_known` says whether the listener works at all.

    Raises:
        MachineryError: The worker was lost.
        SandboxError: The canary did not come back.
    """
    with _listener() as port, _secret() as secret:
        argv = ("python", "-I", "-c", _CANARY, str(port), secret, tempfile.gettempdir())
        job = Job((*argv, *SPACES), limits=_PATIENT)
        nothing = Isolation(sandbox=name, level=Level.UNSAFE, network="unenforced")
        try:
            result = Conversation(job).hold([member], [nothing])
        except MachineryError as error:
            raise MachineryError(f"a first job failed: {error}") from error
    if not result.succeeded:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise SandboxError(f"a first job ended with {result.ended}: {last[:200]}")
    seen: dict[str, Any] = decode_json(result.stdout)
    return {**member.facts, **seen, "network_known": bool(port)}


def holes(facts: Mapping[str, JSON]) -> list[str]:
    """Return what a canary could do and must not, each in a few words."""
    found = {
        "it can write outside its folder": facts["writes_outside"],
        "it can read files of this user": facts["reads_secret"],
        "it can trace its worker": facts["traces_parent"],
        "it can make user namespaces": facts["nests"],
        "it can gain privileges": not facts["no_new_privs"],
        "it has capabilities": facts["capabilities"],
    }
    return [what for what, true in found.items() if true]


def entered(facts: Mapping[str, JSON]) -> list[str]:
    """Return the kinds of namespaces in which a job is not in the host's."""
    inside = facts["namespaces"]
    assert isinstance(inside, Mapping)
    return [
        space
        for space in SPACES
        if space in inside and inside[space] != str(Path(f"/proc/self/ns/{space}").readlink())
    ]


@contextlib.contextmanager
def _listener() -> Generator[int]:
    """A port of ours on the loopback interface; 0 where there is no loopback."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port: int = listener.getsockname()[1]
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
            yield port
    except OSError:
        yield 0


@contextlib.contextmanager
def _secret() -> Generator[str]:
    """A file that everybody on this machine may read, and no job."""
    folder = Path(tempfile.mkdtemp(prefix="gadfly-canary-"))
    try:
        folder.chmod(0o755)
        file = folder / "secret"
        file.write_text(secrets.token_hex(16), "ascii")
        file.chmod(0o644)
        yield str(file)
    finally:
        for path in (folder / "secret", folder):
            with contextlib.suppress(OSError):
                path.unlink() if path != folder else path.rmdir()
