"""The zygote: enters its house, imports what jobs will need, and serves, itself or by its workers.

`main` is called with what the host sent first. A zygote that is to have `workers` forks one for
each `S` frame; any other is a worker itself. Where each job gets a room (`strict`), the zygote
enters a yard in which its workers can make them; else a worker forked is in a room with its jobs.
"""

from __future__ import annotations

import importlib
import os
import select
import signal
import socket
import sys

from . import cgroup, heap, kernel, landlock, python, seccomp, spaces, wire
from .job import Walls
from .place import Place
from .removal import remove
from .rooms import Rooms, enter_yard
from .run import HostGoneError
from .tree import PARENT, Tree
from .worker import Worker, ignore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_LAZY = ("numpy.random", "numpy.linalg", "numpy.fft", "sympy.tensor.tensor")
"""Imported with their package, which otherwise waits for their first use."""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")


def main(spec: dict[str, Any]) -> NoReturn:
    """Be a zygote.

    Args:
        spec: What the host wants; see `settings` in `gadfly.worker._boot`.
    """
    status = 1
    made = False
    try:
        reader, writer = _take_line()
        try:
            made = _make_place(spec)
            status = _live(spec, reader, writer)
        except (HostGoneError, EOFError, BrokenPipeError, ConnectionResetError):
            pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, the host has to hear of it
            wire.give_up(writer, f"{type(error).__name__}: {error}")
    except OSError:
        pass  # nobody listens
    finally:
        if made:
            remove(spec["place"])
        os._exit(status)


def _make_place(spec: dict[str, Any]) -> bool:
    """Make the folder where jobs may write, if it is not there; whether it is ours to remove."""
    place, user = spec["place"], spec["user"]
    if place is None or os.path.isdir(place):
        return False
    try:
        os.mkdir(place, 0o700)
    except OSError as error:
        folder = os.path.dirname(place)
        raise OSError(f"no work folder can be made in {folder}: {error.strerror}") from None
    if user is not None:
        os.chown(place, user, user)
    return True


def _live(spec: dict[str, Any], reader: int, writer: int) -> int:
    _be_calm()
    groups, why = cgroup.find(spec["user"]) if spec["cgroups"] else (None, "switched off")
    if spec["house"] is not None:
        spaces.enter_house(spec)
    elif spec["user"] is not None:
        kernel.become(spec["user"])
    if spec["strict"]:
        enter_yard()
    os.chdir("/")
    os.umask(0o077)
    os.environ.clear()
    os.environ.update(_environment(spec["place"] or spaces.PLACE))
    python.make_streams()
    missed = _preload(spec["preload"])
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)  # jobs run as the same user: they may not look in
    heap.settle()
    facts = {
        "python": sys.version.split()[0],
        "preloaded": [name for name in spec["preload"] if name not in missed],
        "missed": missed,
        "threads": len(os.listdir("/proc/self/task")),
        "place": spec["place"] or spaces.PLACE,
        "cgroup": "none" if groups is None else groups.kind,
        "cgroup_lacks": why,
    }
    if spec["workers"]:
        _Nursery(spec, facts, groups).serve(reader, writer)
    else:
        _serve_here(spec, facts, groups, (reader, writer))
    if groups is not None:
        groups.remove()
    return 0


def _take_line() -> tuple[int, int]:
    """Move the line to the host off the standard streams, which belong to jobs."""
    reader, writer = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)
    return reader, writer


def _be_calm() -> None:
    """Take signals as a fresh process does, but for those that could hurt us."""
    kernel.reset_signals()
    for number in signal.valid_signals():
        if signal.getsignal(number) is signal.SIG_IGN:  # what the interpreter was started with
            signal.signal(number, signal.SIG_DFL)
    # Python's own handler of the first would let a job interrupt us; it ignores the others itself.
    for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_IGN)
    kernel.try_write("/proc/self/oom_score_adj", "900")  # when memory is short, jobs go first


def _environment(place: str) -> dict[str, str]:
    """Return all that a job sees of an environment: nothing of the host's."""
    return {
        "PATH": f"{os.path.dirname(sys.executable)}:/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": f"{place}/work",
        "TMPDIR": f"{place}/tmp",  # noqa: S108 - a job's own
        # One job is one core's work; these also keep address space small.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def _preload(names: list[str]) -> list[str]:
    """Import modules; those that cannot be are the jobs' to miss."""
    if sys.flags.no_site:
        import site

        site.main()
    missed: list[str] = []
    for name in names:
        try:
            importlib.import_module(name)
            for lazy in _LAZY:
                if lazy.startswith(f"{name}."):
                    importlib.import_module(lazy)
        except BaseException:  # noqa: BLE001 - a stranger's module may raise anything
            missed.append(name)
    return missed


def _serve_here(
    spec: dict[str, Any], facts: dict[str, Any], groups: cgroup.Home | None, line: tuple[int, int]
) -> None:
    """Be the worker: in the house, in a container, or on the bare machine."""
    alone = os.getpid() == 1
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    walls = _walls(spec, alone=alone, counted=alone and spec["house"] is not None)
    group = None if groups is None else groups.group("worker")
    facts = {**facts, **_seen(walls, alone=alone)}
    Worker(*line, _where(spec, facts["place"], walls), walls, group, facts=facts).serve()


def _where(spec: dict[str, Any], path: str, walls: Walls) -> Place | Rooms:
    """Return where jobs of a worker in this process can be."""
    if spec["strict"]:
        network, disk_mib = spec["network"], spec["disk_mib"]
        return Rooms(path, network=network, filtered=walls.filtered, disk_mib=disk_mib)
    own = os.stat(path).st_dev != os.stat(os.path.dirname(path)).st_dev
    return Place(path, own=own, user=spec["job_user"])


class _Nursery:
    """Forks workers: into a room that each shares with its jobs, or such as make rooms."""

    def __init__(
        self, spec: dict[str, Any], facts: dict[str, Any], groups: cgroup.Home | None
    ) -> None:
        self._spec = spec
        self._groups = groups
        self._workers: dict[int, str] = {}
        """The names of their groups, by process id."""
        self._forked = 0
        self._walls = _walls(spec, alone=True, counted=True)
        self._facts = {**facts, **_seen(self._walls, alone=True)}
        if self._facts["threads"] > 1:
            raise OSError(
                f"a module of {spec['preload']} has started threads: it cannot be preloaded"
            )
        # What a worker leaves when it dies is ours to end, at once.
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        self._wake, told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(told, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, ignore)

    def serve(self, reader: int, writer: int) -> None:
        line = socket.socket(fileno=reader)
        poller = select.poll()
        poller.register(line, select.POLLIN)
        poller.register(self._wake, select.POLLIN)
        while True:
            if reader in dict(poller.poll()):
                header, fds, _, _ = socket.recv_fds(line, wire.HEADER.size, 1)
                if not header:
                    return
                if len(fds) == 1:
                    self._fork(fds[0], (reader, writer))
                    os.close(fds[0])
            kernel.drain(self._wake)
            self._reap()

    def _reap(self) -> None:
        try:
            while pid := os.waitpid(-1, os.WNOHANG)[0]:
                name = self._workers.pop(pid, None)
                if name is None:
                    continue
                if self._spec["strict"]:
                    self._end_orphans()
                if self._groups is not None:
                    self._groups.drop(name)
        except ChildProcessError:
            pass

    def _end_orphans(self) -> None:
        """Kill our children that are no workers: keepers and jobs that have lost theirs."""
        for pid, stat in Tree(alone=True).look().items():
            if int(stat[PARENT]) == os.getpid() and pid not in self._workers:
                kernel.kill(pid)

    def _fork(self, theirs: int, ours: tuple[int, int]) -> None:
        self._forked += 1
        name, group = f"worker-{self._forked}", None
        flags = spaces.room_flags(network=self._spec["network"])
        try:
            group = None if self._groups is None else self._groups.group(name)
            pid = os.fork() if self._spec["strict"] else kernel.fork_into(flags)
        except OSError as error:
            wire.give_up(theirs, str(error))
            pid = -1
        if pid:
            if pid > 0:
                self._workers[pid] = name
            if group is not None:
                group.close()
            return
        try:
            for fd in ours:
                os.close(fd)
            kernel.prctl(kernel.PR_SET_PDEATHSIG, 9)
            if not self._spec["strict"]:
                spaces.map_self(os.getuid(), os.getgid())
                spaces.furnish(spaces.PLACE, self._spec["disk_mib"])
            where = _where(self._spec, spaces.PLACE, self._walls)
            Worker(theirs, theirs, where, self._walls, group, facts=self._facts).serve()
        except (HostGoneError, BrokenPipeError, ConnectionResetError):
            pass
        except BaseException as error:  # noqa: BLE001 - the last words of this process
            wire.give_up(theirs, f"{type(error).__name__}: {error}")
        finally:
            os._exit(0)


def _walls(spec: dict[str, Any], *, alone: bool, counted: bool) -> Walls:
    abi = landlock.abi() if spec["landlock"] else 0
    rules: landlock.Rules | None = None
    if abi:
        devices = (
            ("/dev",) if spec["house"] is not None else _DEVICES
        )  # in ours there are no others
        rules = landlock.Rules(spec["readable"], devices, network=spec["network"])
    return Walls(
        rules,
        filtered=spec["seccomp"] and seccomp.supported(),
        network=spec["network"],
        alone=alone,
        counted=counted,
        user=spec["job_user"],
        roomed=spec["strict"],
    )


def _seen(walls: Walls, *, alone: bool) -> dict[str, Any]:
    return {
        "landlock": landlock.abi() if walls.rules is not None else 0,
        "seccomp": walls.filtered,
        "init": alone,
    }
