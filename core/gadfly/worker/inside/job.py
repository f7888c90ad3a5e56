"""A job's process, between the fork and the stranger's code.

It is there, shut in, before there is a job, and waits for one. It reads its own payload, so that
nothing of a job is ever in the worker's memory, where the next job would find it. Until `enter`
returns, everything that runs here is ours.
"""

from __future__ import annotations

import errno
import marshal
import os
import resource
import signal
import sys
import time

from . import kernel, landlock, python, seccomp, wire
from .place import usage
from .rooms import Room
from .tree import MIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from .landlock import Rules
    from .place import Place
    from .waiting import Waiting

_FOR_EVER = 2**62  # what a limit may be at most; infinity has no number
_SECONDS_FOR_EVER = 10**9  # thirty years; the kernel counts nanoseconds, and more would overflow
_SPACIOUS = 1 << 36
"""Address space for commands that map far more than they use: Node.js, Lean, the JVM."""
_SLACK_DESCRIPTORS = 8
_SCOPES_SIGNALS = 6
"""The version of landlock that keeps a job's signals to itself."""
CHANNEL = 3
"""Where a job finds the channel to its peer, if it has one."""
_FIRST_FREE = 10
_GIVERS_FAULT = frozenset(
    {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ}
)


class Refusal(Exception):  # noqa: N818 - it is a word to the host, not a failure
    """The job cannot be begun, and that is its giver's doing."""


class Walls:
    """What jobs are kept in by, beside namespaces.

    Args:
        rules: Which files may be reached; None where the kernel has no landlock.
        filtered: Whether system calls are filtered.
        network: Whether sockets of the machine's network may be made.
        alone: Whether the worker is PID 1 of what its jobs see. Then it can be shut in together
            with them, once for all, for nothing they do reaches it. Otherwise each job is shut in
            by itself.
        user: Whom a job's process becomes; None for the worker's own user.
        counted: Whether the kernel counts the worker's processes apart from the user's others.
        roomed: Whether each job has namespaces of its own, which the worker is not in.
    """

    def __init__(
        self,
        rules: Rules | None,
        *,
        filtered: bool,
        network: bool,
        alone: bool,
        counted: bool,
        user: int | None = None,
        roomed: bool = False,
    ) -> None:
        self.rules = rules
        self.filtered = filtered
        self.alone = alone
        self.counted = counted
        self.user = user
        self.together = alone and user is None and not roomed
        """Whether the worker is shut in with its jobs."""
        self._network = network
        self._filter = seccomp.Filter(self._program()) if filtered else None
        told = filtered and not network and (self.together or roomed)
        self._telling = seccomp.Filter(self._program(told=True)) if told else None

    def raise_around(self, place: str) -> seccomp.Listener | None:
        """Shut this process in, for good, with all that it will start.

        Returns:
            What tells the worker when a job asks for network that it may not have; None where the
            kernel has no such thing, or the job's process would keep it to itself.
        """
        kernel.drop_capabilities()
        kernel.clear_capabilities()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
        if self.rules is not None:
            self.rules.enforce([place])
        if self._telling is not None:
            try:
                return self._telling.listen()
            except OSError:
                pass  # an old kernel, or gVisor: the same is denied without a word
        if self._filter is not None:
            if self.alone or landlock.abi() >= _SCOPES_SIGNALS:
                self._filter.install()
            else:
                seccomp.Filter(self._program(own_pid=os.getpid())).install()
        return None

    def _program(self, *, own_pid: int | None = None, told: bool = False) -> bytes:
        # Alone, no socket of the machine's is in reach, so a job may make its own.
        unix = self.alone and not self._network
        return seccomp.program(network=self._network, unix=unix, own_pid=own_pid, told=told)


def enter(where: Place | Room, walls: Walls, control: int, waiting: Waiting) -> NoReturn:
    """Get shut in, wait for a job, read the payload, put everything in place, and become the job.

    Args:
        where: Its folder, in which `work`, `tmp` and `shm` are; or a room where it makes them.
        walls: What to be shut in by.
        control: Where the payload is read.
        waiting: This process. It is given the job's facts, as the host gave them. It says `k`, what
            is in the place, and the time, when the stranger's code begins; or why it cannot: `?`
            and the giver's mistake, or `!` and ours. In a room it first says `r`, and gives what
            the worker needs of the room.
    """
    started = waiting.line
    try:
        room = where if isinstance(where, Room) else None
        place, own = where.path, isinstance(where, Room) or where.own
        if walls.user is not None:
            kernel.become(walls.user)
        if room is not None:
            room.enter()
        elif not walls.alone:
            kernel.prctl(kernel.PR_SET_PDEATHSIG, 9)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # a copy of the worker, that holds nothing of it
        kernel.try_write("/proc/self/oom_score_adj", "1000")
        listener = None if walls.together else walls.raise_around(place)
        if room is not None:
            room.hand_over(waiting, listener)
        limits = waiting.take_order()
        payload = bytearray(limits["size"])
        wire.read_into(control, payload)
        content = marshal.loads(payload)  # noqa: S302 - from the host, and read by nobody before us
        del payload
        argv = content["argv"]
        _fill(f"{place}/work", content["files"], own=own)
        streams = [_file_of(content["stdin"], place), waiting.stdout, waiting.stderr]
        if limits["channel"]:
            streams.append(waiting.channel)
        _take_streams(streams, started)
        started = _FIRST_FREE
        if limits["channel"]:
            os.environb[b"GADFLY_CHANNEL"] = b"%d" % CHANNEL
        del content
        program = _program(argv)
        _settle(limits, place, walls, warm=program is not None)
        os.write(started, b"k%d %d %d" % (*usage(place), time.monotonic_ns()))
        os.close(started)
    except Refusal as refusal:
        os.write(started, f"?{refusal}".encode("utf-8", "replace")[:1000])
        os._exit(1)
    except BaseException as error:  # noqa: BLE001 - the last words of this process
        os.write(started, f"!{type(error).__name__}: {error}".encode("utf-8", "replace")[:1000])
        os._exit(1)
    if program is not None:
        python.run(program)
    _execute(argv)


def _program(argv: list[bytes]) -> python.Program | None:
    """Return what this very interpreter can run; None for other commands."""
    if argv[0] != b"python":
        return None
    program = python.parse([os.fsdecode(word) for word in argv[1:]])
    if program is None:
        argv[0] = os.fsencode(sys.executable)
    return program


def _fill(work: str, files: dict[bytes, bytes], *, own: bool) -> None:
    """Write the job's files; `own` says whether only the job can have filled the file system."""
    for name, content in files.items():
        path = os.path.join(os.fsencode(work), name)
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with open(path, "xb") as file:
                file.write(content)
        except OSError as error:
            shown = name.decode("utf-8", "replace")
            if error.errno in _GIVERS_FAULT:
                raise Refusal(f"job file {shown!r} cannot be made: {error.strerror}") from None
            if own and error.errno in {errno.ENOSPC, errno.EDQUOT}:
                raise Refusal(
                    f"job file {shown!r} does not fit into the job's disk limit"
                ) from None
            raise


def _take_streams(streams: list[int], started: int) -> None:
    """Put the streams, of which the channel is the fourth, in their places; close all others."""
    targets = [*range(len(streams)), _FIRST_FREE]
    # First out of the way, then into place: none is overwritten before it is moved.
    moved = [os.dup2(fd, 100 + i) for i, fd in enumerate((*streams, started))]
    for target, fd in zip(targets, moved):  # noqa: B905 - new in Python 3.10
        os.dup2(fd, target)
    os.closerange(len(streams), _FIRST_FREE)
    os.closerange(_FIRST_FREE + 1, 65_536)
    os.set_inheritable(_FIRST_FREE, False)  # noqa: FBT003 - its only form


def _file_of(content: bytes, place: str) -> int:
    """Return a descriptor to read the bytes from; of a file without a name."""
    if not content:
        return os.open(os.devnull, os.O_RDONLY)
    name = f"{place}/tmp/stdin"  # noqa: S108 - a job's own
    with open(name, "xb") as file:
        file.write(content)
    fd = os.open(name, os.O_RDONLY)
    os.unlink(name)
    return fd


def _settle(limits: dict[str, Any], place: str, walls: Walls, *, warm: bool) -> None:
    """Put the limits in force that hold for the job and all it will start."""
    os.setsid()
    os.chdir(f"{place}/work")
    # The worker acts at the limits themselves, and knows why; these hold where it is late.
    _limit(resource.RLIMIT_CPU, int(min(limits["cpu_seconds"], _SECONDS_FOR_EVER)) + 2, grace=1)
    space = limits["memory_mib"] * MIB
    _limit(resource.RLIMIT_AS, 2 * space if warm else space + _SPACIOUS)
    _limit(resource.RLIMIT_FSIZE, (limits["disk_mib"] + 1) * MIB)
    _limit(resource.RLIMIT_NOFILE, limits["open_files"] + _SLACK_DESCRIPTORS)
    ceiling = 2 * limits["processes"] + 8
    if walls.counted:
        _limit(resource.RLIMIT_NPROC, ceiling)
    elif (others := _tasks_of_user()) is not None:
        _limit(resource.RLIMIT_NPROC, ceiling + 256 + others)
    _limit(resource.RLIMIT_CORE, 0)


def _limit(which: int, value: int, grace: int = 0) -> None:
    """Set a limit that cannot be raised again; the kernel's last word is `grace` above."""
    ceiling = resource.getrlimit(which)[1]
    hard = min(value + grace, _FOR_EVER)
    if ceiling != resource.RLIM_INFINITY:
        hard = min(hard, ceiling)
    resource.setrlimit(which, (min(value, hard), hard))


def _tasks_of_user() -> int | None:
    """Count what the kernel counts against us; None in a container, where we cannot see it."""
    if os.getppid() <= 1:
        return None
    user, count = os.getuid(), 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}").st_uid == user:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue  # gone meanwhile
    return count


def _execute(argv: list[bytes]) -> NoReturn:
    """Exec the command. One that cannot run is the job's doing: 127 and 126, as shells say it."""
    for changed in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGCHLD):
        signal.signal(changed, signal.SIG_DFL)
    name, env = argv[0], dict(os.environb)
    places = [b""] if b"/" in name else [place + b"/" for place in env[b"PATH"].split(b":")]
    failure: OSError = FileNotFoundError(2, os.strerror(2))
    for place in places:
        try:
            os.execve(place + name, argv, env)  # noqa: S606 - never a shell
        except OSError as error:
            if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
                failure = error
    shown = name.decode("utf-8", "replace")
    os.write(2, f"cannot run {shown!r}: {failure.strerror}\n".encode("utf-8", "replace"))
    os._exit(127 if isinstance(failure, FileNotFoundError) else 126)
