"""The job's side: what init and the command do before the job's own code begins."""

from __future__ import annotations

import os
import resource
import select

from . import kernel
from .tree import MIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

_DEVICES = ("null", "zero", "full", "random", "urandom")
_FOR_EVER = 2**62  # what a limit may be at most; infinity has no number
_SECONDS_FOR_EVER = 10**9  # thirty years; the kernel counts nanoseconds, and more would overflow
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 - the place itself, not a file in it


def run_init(spec: Mapping[str, Any], sender: int) -> NoReturn:
    """Be init: start the command, write its wait status to `sender`, adopt and reap orphans."""
    try:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, kernel.SIGKILL)
        if _is_abandoned(sender):
            os._exit(1)
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        if spec["mounts"]:
            _close_filesystem(spec)
        command = _fork(spec)
        if command == 0:
            _become_command(spec, sender)
        let_go_of_streams()
        while True:
            pid, status = os.wait()
            if pid == command:
                os.write(sender, b"%d\n" % status)
    except ChildProcessError:
        pass  # everything in here has ended
    except BaseException as error:  # noqa: BLE001 - the last words of this process
        _complain(sender, error)
    finally:
        os._exit(0)


def let_go_of_streams() -> None:
    """Leave the job's streams to the job, so that they end with it."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in range(3):
        os.dup2(nothing, stream)
    os.close(nothing)


def _is_abandoned(sender: int) -> bool:
    """Whether the supervisor died before we asked to die with it."""
    poller = select.poll()
    poller.register(sender, 0)
    return bool(poller.poll(0))


def _close_filesystem(spec: Mapping[str, Any]) -> None:
    """Leave the job its folder to write in.

    Everything else can be read as before, but for /proc, which shows the job's own processes;
    /dev/shm, where `multiprocessing` keeps its locks, which is fresh and bounded; devices, of
    which only the harmless ones work; and, for a job without network, /run, where the services of
    a machine listen, which is empty.
    """
    own = kernel.NOSUID | kernel.NODEV
    folder = spec["folder"]
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("proc", "/proc", "proc", own)
    kernel.mount(folder, folder, None, kernel.MS_BIND)
    writable = [folder]
    if not spec["network"] and _may_cover("/run", folder):
        kernel.mount("tmpfs", "/run", "tmpfs", own, "size=4k")
    if _may_cover(_SHARED_MEMORY, folder):
        size = f"size={spec['disk_mib']}m,nr_inodes=4096"
        kernel.mount("tmpfs", _SHARED_MEMORY, "tmpfs", own, size)
        writable.append(_SHARED_MEMORY)
    devices = [f"/dev/{name}" for name in _DEVICES if os.path.exists(f"/dev/{name}")]
    for device in devices:
        kernel.mount(device, device, None, kernel.MS_BIND)
    kernel.change_mount("/", kernel.AT_RECURSIVE, add=kernel.RDONLY | own)
    for device in devices:
        kernel.change_mount(device, remove=kernel.NODEV)
    for place in writable:
        kernel.change_mount(place, remove=kernel.RDONLY)


def _may_cover(place: str, folder: str) -> bool:
    """Whether a place is there, and the work folder is not in it."""
    return os.path.isdir(place) and not folder.startswith(f"{place}/")


def _fork(spec: Mapping[str, Any]) -> int:
    """Fork under a limit of processes that stops what the supervisor is too slow to see.

    In a user namespace of its own the kernel counts the job's processes apart, or, before Linux
    5.14, with all others of the user: then this very fork may fail, and goes without.
    """
    ceiling = 2 * spec["processes"] + 8
    if not spec["namespaces"]:
        ceiling += 256 + _tasks_of_user()
    before = resource.getrlimit(resource.RLIMIT_NPROC)
    # The hard limit stays until the fork went well.
    resource.setrlimit(resource.RLIMIT_NPROC, (_at_most(ceiling, before[1]), before[1]))
    try:
        return os.fork()
    except BlockingIOError:
        resource.setrlimit(resource.RLIMIT_NPROC, before)
        return os.fork()


def _tasks_of_user() -> int:
    user, count = os.getuid(), 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}").st_uid == user:
                count += len(os.listdir(f"/proc/{name}/task"))
        except OSError:
            continue  # gone meanwhile
    return count


def _become_command(spec: Mapping[str, Any], sender: int) -> NoReturn:
    try:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, kernel.SIGKILL)
        os.setsid()
        os.umask(0o077)
        os.chdir(spec["folder"])
        # The supervisor acts at the limits themselves, and knows why; these hold where it is late.
        _limit(resource.RLIMIT_CPU, int(min(spec["cpu_seconds"], _SECONDS_FOR_EVER)) + 2, grace=1)
        _limit(resource.RLIMIT_AS, 2 * spec["memory_mib"] * MIB)
        _limit(resource.RLIMIT_FSIZE, (spec["disk_mib"] + 1) * MIB)
        _limit(resource.RLIMIT_NOFILE, spec["open_files"])
        _limit(resource.RLIMIT_NPROC, resource.getrlimit(resource.RLIMIT_NPROC)[0])
        _limit(resource.RLIMIT_CORE, 0)
        kernel.reset_signals()
        kernel.drop_capabilities()
        kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    except BaseException as error:  # noqa: BLE001 - the last words of this process
        _complain(sender, error)
        os._exit(1)
    _execute(spec["argv"], spec["env"])


def _limit(which: int, value: int, grace: int = 0) -> None:
    """Set a limit that cannot be raised again; the kernel's last word is `grace` above."""
    ceiling = resource.getrlimit(which)[1]
    hard = _at_most(min(value + grace, _FOR_EVER), ceiling)
    resource.setrlimit(which, (_at_most(value, hard), hard))


def _at_most(value: int, ceiling: int) -> int:
    """Return the smaller of two limits; infinity is a negative number to `resource`."""
    limits = {value, ceiling} - {resource.RLIM_INFINITY}
    return min(limits, default=resource.RLIM_INFINITY)


def _execute(argv: list[bytes], env: dict[bytes, bytes]) -> NoReturn:
    """Exec the command. One that cannot run is the job's doing: 127 and 126, as shells say it."""
    name = argv[0]
    places = [b""] if b"/" in name else [place + b"/" for place in env[b"PATH"].split(b":")]
    failure: OSError = FileNotFoundError(2, os.strerror(2))
    for place in places:
        try:
            os.execve(place + name, argv, env)  # noqa: S606 - never a shell
        except OSError as error:
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                failure = error
    shown = name.decode("utf-8", "replace")
    os.write(2, f"cannot run {shown!r}: {failure.strerror}\n".encode("utf-8", "replace"))
    os._exit(127 if isinstance(failure, FileNotFoundError) else 126)


def _complain(sender: int, error: BaseException) -> None:
    os.write(sender, f"!{type(error).__name__}: {error}".encode("utf-8", "replace")[:1000])
