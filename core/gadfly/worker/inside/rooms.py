"""Rooms: fresh namespaces for one job, and a file system of its own.

    worker            keeper (PID 1 of the room)     job
    Rooms.new() ----> does nothing
    admit(), fork ---------------------------------> enter(), furnish, ..., hand_over()
    take() <---------------------------------------- its /proc, its folder, its listener
    end() ----------> is killed, and the kernel kills whatever is in the room

The worker stays outside: nothing in the room can see it or signal it. The keeper has no code and no
memory of its own (`kernel.idle_in`), so a room costs no second copy of the heap. To make rooms, and
to have others than one's own children born there, takes the rights of a user namespace that owns
the worker's PID namespace, too: a *yard*, which `enter_yard` makes once for each zygote.
"""

from __future__ import annotations

import os
import signal

from . import kernel, spaces
from .place import Place
from .seccomp import Listener
from .tree import is_ending

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .waiting import Waiting

_NAMES = ("pid", "user", "mnt", "ipc", "uts", "net")
"""What is entered, in this order: the user namespace gives the right to those after it."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_LITTLE_BYTES = 1 << 20


def enter_yard() -> None:
    """Enter fresh namespaces in which rooms can be made.

    Returns in a process that is PID 1 there; its parent waits and ends with it.
    """
    user, group = os.getuid(), os.getgid()
    kernel.unshare(kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID | kernel.CLONE_NEWNS)
    spaces.map_self(user, group)
    pid = os.fork()
    if pid:
        spaces.wait_for(pid)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, 9)
    spaces.mount_proc()


class Rooms:
    """Makes rooms, one after the other.

    Args:
        path: Where in a room its job may write.
        network: Whether jobs may reach a network: then rooms have the one that is here.
        filtered: Whether system calls are filtered. Then jobs can make no other sockets than those
            of files and abstract names, so a network namespace that none is left in is as a fresh
            one, which costs as much as all the others together, and it is used again.
        disk_mib: How much can be written there.
    """

    def __init__(self, path: str, *, network: bool, filtered: bool, disk_mib: int) -> None:
        self._path = path
        self._disk_mib = disk_mib
        self._shut = filtered and not network
        self._flags = spaces.room_flags(network=network or filtered)
        self._names = _NAMES[:-1] if network or filtered else _NAMES
        if self._shut:
            kernel.unshare(kernel.CLONE_NEWNET)
        self._here = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        self._stacks = [kernel.new_stack(), kernel.new_stack()]
        self._last: list[Room] = []

    def new(self) -> Room:
        """Make a room; the one before must have been closed, and may take its time to vanish.

        Raises:
            OSError: The kernel does not give another one.
        """
        kernel.enter(self._here)  # or the next would be born into the last one's
        if len(self._last) == len(self._stacks):
            self._last.pop(0).wait()
        self._stacks.append(self._stacks.pop(0))
        if self._shut and _sockets_are_left():
            kernel.unshare(kernel.CLONE_NEWNET)
        keeper = kernel.idle_in(self._flags, self._stacks[0])
        room = Room(keeper, self._path, self._disk_mib)
        self._last.append(room)
        try:
            room.open(self._names)
        except OSError:
            room.close()
            raise
        return room


class Room:
    """A room, as its worker has it and, once forked, its job.

    Args:
        keeper: The process that keeps it.
        path: Where its job may write.
        disk_mib: How much can be written there.
    """

    def __init__(self, keeper: int, path: str, disk_mib: int) -> None:
        self.path = path
        self.place: Place | None = None
        """Where its job may write, once it has been received."""
        self.listener: Listener | None = None
        """What tells who asks for network."""
        self._keeper = keeper
        self._disk_mib = disk_mib
        self._spaces: list[int] = []
        self._processes = self._children = -1
        self._alive = True

    def open(self, names: tuple[str, ...]) -> None:
        """Take hold of its namespaces."""
        own = f"/proc/{self._keeper}"
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # its memory is ours; or all this would be root's
        try:
            spaces.map_user(own, os.getuid(), os.getgid())
            self._children = _try_open(f"{own}/task/{self._keeper}/children")
            for name in names:
                self._spaces.append(os.open(f"{own}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC))
        finally:
            kernel.prctl(kernel.PR_SET_DUMPABLE, 0)

    def admit(self) -> None:
        """Have the next process that is forked be born in it."""
        kernel.enter(self._spaces[0])

    def enter(self) -> None:
        """Move in, and furnish it; in the job's process, which was born here."""
        for space in self._spaces[1:]:
            kernel.enter(space)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, 9)
        spaces.furnish(self.path, self._disk_mib)
        for name in Place.ROOMS:
            os.mkdir(f"{self.path}/{name}", 0o700)

    def hand_over(self, waiting: Waiting, listener: Listener | None) -> None:
        """Give the worker what it needs of the room; in the job's process."""
        fds = [os.open(path, _FOLDER) for path in ("/proc", self.path, f"{self.path}/work")]
        if listener is not None:
            fds.append(listener.fd)
        waiting.give(b"r", fds)
        for fd in fds:
            os.close(fd)

    def take(self, fds: list[int]) -> Place:
        """Take what the job's process has handed over, and return where the job is."""
        self._processes, place, work, *listener = fds
        self.place = Place(self.path, own=True, held=(place, work))
        self.listener = Listener(listener[0]) if listener else None
        return self.place

    def is_empty(self) -> bool:
        """Whether nobody but its keeper is in it; asked when its job's own process has ended."""
        if self._children < 0:
            return False
        return not os.pread(self._children, 1, 0)

    def is_lost(self) -> bool:
        """Whether somebody has killed its keeper, and thereby all that was in it."""
        return self._alive and is_ending(self._keeper)

    @property
    def processes(self) -> str:
        """Where its processes are seen; it is one more that is PID 1."""
        return f"/proc/self/fd/{self._processes}"

    def end(self) -> None:
        """Kill everything in it; what the worker itself has forked has to be waited for."""
        if self._alive:
            self._alive = False
            os.kill(self._keeper, signal.SIGKILL)

    def wait(self) -> None:
        """Wait until nothing is left in it, when it has been ended."""
        if self._keeper:
            os.waitpid(self._keeper, kernel.WALL)
            self._keeper = 0

    def close(self) -> None:
        """End it and let go of it; what it held is free again, but for a little."""
        self.end()
        much = self.place is not None and self.place.used_bytes() > _LITTLE_BYTES
        for fd in (*self._spaces, self._processes, self._children):
            if fd >= 0:
                os.close(fd)
        self._spaces, self._processes, self._children = [], -1, -1
        if self.listener is not None:
            os.close(self.listener.fd)
            self.listener = None
        if self.place is not None:
            self.place.close()
            self.place = None
        if much:
            self.wait()  # the next job is in the same control group, and it counts there


def _sockets_are_left() -> bool:
    """Whether there is a socket in our network namespace."""
    with open("/proc/self/net/unix", "rb", buffering=0) as sockets:
        return sockets.read(4096).count(b"\n") > 1


def _try_open(path: str) -> int:
    """Open a file that not every kernel has; -1 without."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1
