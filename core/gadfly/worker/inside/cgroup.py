"""Control groups: the kernel itself bounds what jobs use together, and counts it.

A *home* is a group of our own beside or below the one we were started in; the groups of workers or
jobs are made in it. It is proved by doing when it is found, and from then on reached by
descriptors: it stays in reach from another mount namespace, as another user, and behind landlock.
Whoever holds a home holds a lock on it. A home that nobody holds was left behind: `sweep` ends it.

What a group holds is all that is charged to it, so files on a tmpfs are memory. What was there
before a process entered, like the pages that it shares with its parent, stays charged elsewhere.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import signal
import time

from . import kernel
from .tree import MIB

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_UNIFIED = ""
"""The tree of cgroup v2, among the controllers that name those of v1."""
_CONTROLLERS = ("memory", "pids")
_REST = "rest"
"""On v2, where whoever has found the home stays: only leaves of a tree may have processes."""
_MOST_BYTES, _MOST_PROCESSES = 2**62, 2**22
_PATIENCE_SECONDS = 2.0
_PAUSE_SECONDS = 0.002

_CLONE3 = 435  # the same on all machines
_CLONE_INTO_CGROUP = 1 << 33
_CLONE_CHILD_SETTID = 0x01000000
_CLONE_CHILD_CLEARTID = 0x00200000
_PR_GET_TID_ADDRESS = 40
_libc = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock during a call


def find(user: int | None = None) -> tuple[Home | None, str]:
    """Make a home that jobs' processes are proved to be able to enter; say what it lacks, and why.

    It looks where the machine's own mounts are seen, and makes what only the present user may. On
    v2 it moves this process into the home, so that no right over any other group is needed later.

    Args:
        user: Whom this process will become; None to stay who it is.

    Returns:
        The home, or None where the kernel or the machine grants none; and one line, which is empty
        where memory and processes are held.
    """
    problems: list[str] = []
    trees: list[_Tree] = []
    name = f"gadfly-{os.getpid()}-{os.urandom(4).hex()}"
    for ground in _grounds(problems):
        try:
            trees.append(_Tree(*ground, name, user))
        except OSError as error:
            problems.append(_say(ground[1], error))
    home = Home(trees)
    if any(name in home.holds for name in _CONTROLLERS):
        try:
            home.settle(user)
        except OSError as error:
            problems.append(f"a group was made but cannot be used: {error.strerror}")
        else:
            missing = [name for name in _CONTROLLERS if name not in home.holds]
            return home, f"{', '.join(missing)}: {_reasons(problems)}" if missing else ""
    home.remove()
    return None, _reasons(problems)


def sweep() -> list[str]:
    """End the homes that nobody holds any more, with all that is in them; return their places.

    They are looked for where `find` would make one. Left by a host that was killed, or by one whose
    workers had become a user that may not remove what root has made.
    """
    swept: list[str] = []
    for _, place, _ in _grounds([]):
        try:
            ground = os.open(place, _FOLDER)
        except OSError:
            continue
        for name in filter(_is_ours, os.listdir(ground)):
            try:
                folder = os.open(name, _FOLDER, dir_fd=ground)
            except OSError:
                continue
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _remove(ground, name):
                    swept.append(f"{place}/{name}")
            except OSError:
                pass  # somebody holds it
            finally:
                os.close(folder)
        os.close(ground)
    return swept


def own_groups(mountinfo: str, membership: str) -> dict[str, tuple[str, str]]:
    """Return where our own group is in each tree that is in sight.

    Args:
        mountinfo: What /proc/self/mountinfo says.
        membership: What /proc/self/cgroup says.

    Returns:
        By controller, `""` for the tree of v2: where the tree is mounted, and our group's path from
        there, `""` if it is what is mounted. Of a tree that is mounted twice, one that is writable.
    """
    paths: dict[str, str] = {}
    for line in membership.split("\n")[:-1]:
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            paths[controller] = path
    found: dict[str, tuple[str, str]] = {}
    read_only: dict[str, tuple[str, str]] = {}
    for line in mountinfo.split("\n")[:-1]:
        mount, _, system = line.partition(" - ")
        root, place, options = mount.split(" ")[3:6]
        kind, _, features = system.split(" ", 2)
        if kind not in {"cgroup", "cgroup2"}:
            continue
        for controller in [_UNIFIED] if kind == "cgroup2" else features.split(","):
            below = _below(paths.get(controller, ""), _unescape(root))
            if below is not None:
                kept = read_only if "ro" in options.split(",") else found
                kept.setdefault(controller, (_unescape(place), below))
    return {**read_only, **found}


class Home:
    """A group of our own in each tree that is needed, for groups of workers or jobs."""

    def __init__(self, trees: list[_Tree]) -> None:
        self._trees = trees
        self.holds = frozenset(name for tree in trees for name in tree.controllers)
        """The controllers: `memory` and `pids` hold, `cpuacct` (on v2 always there) counts."""
        versions = {tree.version for tree in trees}
        self.kind = "hybrid" if len(versions) > 1 else f"v{max(versions, default=0)}"
        """`v1`, `v2`, or `hybrid` where some controllers are in the one and some in the other."""

    def group(self, name: str) -> Group:
        """Make a group; one that was left under that name is ended first.

        It opens all that it will need: call it before landlock is in force.

        Raises:
            OSError: It cannot be made, or there are no descriptors left.
        """
        return Group(self._trees, name, fresh=True)

    def join(self, name: str) -> Group:
        """Take a group that another process, with which this one shares the home, has made.

        Raises:
            OSError: There is none, or there are no descriptors left.
        """
        return Group(self._trees, name, fresh=False)

    def drop(self, name: str) -> bool:
        """Remove a group, killing what is in it; False if it is still there."""
        done = [_remove(tree.folder, name) for tree in self._trees]
        return all(done)

    def remove(self) -> bool:
        """Remove everything that may be; False if there is something left for `sweep`."""
        done = [tree.remove() for tree in self._trees]
        self._trees = []
        return all(done)

    def settle(self, user: int | None) -> None:
        """Prove that jobs can be held, and move this process to where it hinders no group.

        Raises:
            OSError: They cannot.
        """
        pid = os.fork()
        if pid == 0:
            code = errno.EIO
            try:
                self._settle()
                if user is not None:
                    kernel.become(user)
                group = self.group("proof")
                group.limit(64, 16)
                group.enter()
                group.reset()
                group.facts()
                code = 0
            except OSError as error:
                code = error.errno or code
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.drop("proof")
        if code:
            raise OSError(code, os.strerror(code))
        self._settle()

    def _settle(self) -> None:
        for tree in self._trees:
            if tree.version == 2:
                _write(tree.folder, f"{_REST}/cgroup.procs", b"0")


class Group:
    """What one worker's jobs are held in, one after the other, or one job.

    Its descriptors are all it needs; a process that is forked may use it as its parent does.
    """

    def __init__(self, trees: list[_Tree], name: str, *, fresh: bool) -> None:
        self.name = name
        self._fresh = fresh
        self._homes = [tree.folder for tree in trees]
        self._limits = (_MOST_BYTES, 0)
        self._fds: list[int] = []
        self._doors: list[int] = []
        self._lists: list[int] = []
        self._born_into = -1  # the group of v2, as a door for `clone3`
        self._memory = self._swap = self._processes = self._peak = self._kill = -1
        self._counters: list[tuple[str, int, bytes, float]] = []
        self._before: dict[str, float] = {}
        self._peak_before = 0
        try:
            for tree in trees:
                self._open(tree)
            self._peak_resets = self._peak >= 0 and self._reset_peak()
            self.reset()
        except OSError:
            self.close()
            raise

    def _open(self, tree: _Tree) -> None:
        if self._fresh:
            _remove(tree.folder, self.name)
            os.mkdir(self.name, 0o755, dir_fd=tree.folder)
        folder = self._keep(os.open(self.name, _FOLDER, dir_fd=tree.folder))
        old = tree.version == 1

        def take(name: str, flags: int = os.O_RDONLY) -> int:
            return self._keep(_open_file(folder, name, flags))

        # One thread that moves itself is let through at once. A whole process has to wait for all
        # processors to come to rest, which on a machine with little to do takes ten milliseconds.
        name = "tasks" if old else "cgroup.procs"
        door = self._keep(os.open(name, os.O_RDWR | os.O_CLOEXEC, dir_fd=folder))
        self._lists.append(door)
        if old:
            self._doors.append(door)
        else:
            self._doors.insert(0, door)
            self._born_into = folder
            self._kill = take("cgroup.kill", os.O_WRONLY)
            self._count("cpu_seconds", take("cpu.stat"), b"usage_usec", 1e-6)
        if "cpuacct" in tree.controllers and old:
            self._count("cpu_seconds", take("cpuacct.usage"), b"", 1e-9)
        if "pids" in tree.controllers:
            self._processes = take("pids.max", os.O_WRONLY)
            self._count("refused_forks", take("pids.events"), b"max", 1)
        if "memory" in tree.controllers and old:
            self._memory = take("memory.limit_in_bytes", os.O_WRONLY)
            self._swap = take("memory.memsw.limit_in_bytes", os.O_WRONLY)
            self._peak = take("memory.max_usage_in_bytes", os.O_RDWR)
            self._count("oom_kills", take("memory.oom_control"), b"oom_kill", 1)
        elif "memory" in tree.controllers:
            self._memory = take("memory.max", os.O_WRONLY)
            _try_write(take("memory.swap.max", os.O_WRONLY), b"0")
            self._peak = take("memory.peak", os.O_RDWR)
            if self._peak < 0:
                self._peak = take("memory.peak")  # before Linux 6.12 it cannot be set back
            self._count("oom_kills", take("memory.events"), b"oom_kill", 1)

    def _keep(self, fd: int) -> int:
        if fd >= 0:
            self._fds.append(fd)
        return fd

    def _count(self, name: str, fd: int, key: bytes, unit: float) -> None:
        if fd >= 0 and _field(fd, key) is not None:
            self._counters.append((name, fd, key, unit))

    def limit(self, memory_mib: int, processes: int) -> None:
        """Bound the memory, swap and all, and the number of threads in the group.

        Raises:
            OSError: More memory than that is in use, and cannot be freed.
        """
        size, count = min(memory_mib * MIB, _MOST_BYTES), min(processes, _MOST_PROCESSES)
        if (size, count) == self._limits:
            return
        # On v1 memory alone may never have a higher limit than memory with swap.
        steps = [self._memory, self._swap]
        for fd in steps if size <= self._limits[0] else reversed(steps):
            if fd >= 0:
                os.write(fd, b"%d" % size)
        if self._processes >= 0:
            os.write(self._processes, b"%d" % count)
        self._limits = (size, count)

    def fork(self) -> int:
        """Fork like `os.fork`, into the group if that can be; the child calls `enter` all the same.

        On v2 that saves the child from waiting; elsewhere it is a plain fork. The C library has to
        keep a thread's number where the kernel can write it (glibc does), as the child's is new.
        """
        if self._born_into >= 0:
            pid = _fork_into(self._born_into)
            if pid >= 0:
                if pid == 0:
                    self._doors = self._doors[1:]
                return pid
            self._born_into = -1  # too old a kernel, a filter, no right to: so it stays
        return os.fork()

    def enter(self) -> None:
        """Move this process, which has a single thread, into the group for good.

        Raises:
            OSError: It cannot be; there is no room for it, or the group is gone.
        """
        for door in self._doors:
            os.write(door, b"0")

    def reset(self) -> None:
        """Count from here on."""
        if self._peak_resets:
            self._reset_peak()
        elif self._peak >= 0:
            self._peak_before = int(os.pread(self._peak, 32, 0))
        self._before = self._read()

    def facts(self) -> dict[str, float]:
        """Say what has happened since the last `reset`, as far as this kernel tells.

        `oom_kills` are processes killed for want of memory: if `peak_bytes` is well below the
        limit, the want was the machine's. `refused_forks` were refused for the limit of processes.
        `peak_bytes` is the most that was charged at a time. Where the kernel cannot set that back,
        it is missing if an earlier time had a higher one. `cpu_seconds` are the whole group's.
        """
        facts = {name: value - self._before[name] for name, value in self._read().items()}
        if self._peak >= 0:
            peak = int(os.pread(self._peak, 32, 0))
            if self._peak_resets or peak > self._peak_before:
                facts["peak_bytes"] = peak
        return facts

    def _read(self) -> dict[str, float]:
        return {n: (_field(fd, key) or 0) * unit for n, fd, key, unit in self._counters}

    def _reset_peak(self) -> bool:
        try:
            os.pwrite(self._peak, b"0", 0)
        except OSError:
            return False
        return True

    def kill(self) -> None:
        """Kill everything in the group; it takes a moment until all of it is gone.

        At once where the kernel can (v2, Linux 5.14), else one by one while none may be forked.
        """
        if self._kill >= 0 and _try_write(self._kill, b"1"):
            return
        held = self._processes >= 0 and _try_write(self._processes, b"0")
        for listed in self._lists:
            _kill_all(listed)
        if held:
            _try_write(self._processes, b"%d" % self._limits[1] if self._limits[1] else b"max")

    def remove(self) -> bool:
        """Remove the group, killing what is in it; False if it is still there."""
        self.close()
        done = [_remove(home, self.name) for home in self._homes]
        return all(done)

    def close(self) -> None:
        """Let go of the group, which stays."""
        for fd in self._fds:
            os.close(fd)
        self._fds = []


class _Tree:
    """Our home in one tree.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(
        self, version: int, place: str, controllers: list[str], name: str, user: int | None
    ) -> None:
        self.version, self.controllers, self._name = version, controllers, name
        self._ground = os.open(place, _FOLDER)
        self.folder = -1
        try:
            self.folder = self._make()
            if version == 2:
                _write(self.folder, "cgroup.subtree_control", _plus(controllers))
                os.mkdir(_REST, 0o755, dir_fd=self.folder)
            if user is not None:
                os.chown(self.folder, user, user)
                if version == 2:
                    os.chown("cgroup.procs", user, user, dir_fd=self.folder)
        except OSError:
            self.remove()
            raise

    def _make(self) -> int:
        """Make the folder and hold it; again where a sweep was faster than our lock."""
        for attempt in range(5):
            os.mkdir(self._name, 0o755, dir_fd=self._ground)
            try:
                folder = os.open(self._name, _FOLDER, dir_fd=self._ground)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
                os.stat(self._name, dir_fd=self._ground)
            except (BlockingIOError, FileNotFoundError):
                os.close(folder)
                self._name = f"{self._name[:-1]}{attempt}"
                continue
            return folder
        raise OSError(errno.EAGAIN, "it is swept as soon as it is made")

    def remove(self) -> bool:
        if self.folder >= 0:
            for name in _inner(self.folder):
                if name != _REST:
                    _remove(self.folder, name)
            _rmdir(self.folder, _REST)  # unless we are in it
            os.close(self.folder)
        number = _rmdir(self._ground, self._name)
        os.close(self._ground)
        return number == 0


def _grounds(problems: list[str]) -> Iterator[tuple[int, str, list[str]]]:
    """Yield version, place and controllers of each group that a home can be made in."""
    try:
        with open("/proc/self/mountinfo", "rb") as mounts, open("/proc/self/cgroup", "rb") as own:
            groups = own_groups(os.fsdecode(mounts.read()), os.fsdecode(own.read()))
    except OSError as error:
        problems.append(f"/proc does not tell: {error.strerror}")
        return
    if not groups:
        problems.append("none are mounted")
    old: dict[str, list[str]] = {}
    for controller in (*_CONTROLLERS, "cpuacct"):
        if controller in groups:
            old.setdefault("".join(groups[controller]), []).append(controller)
    for place, controllers in old.items():
        yield 1, place, controllers
    wanted = [name for name in _CONTROLLERS if name not in groups]
    if wanted and _UNIFIED in groups:
        top, path = groups[_UNIFIED]
        try:
            yield 2, *unified_ground(top, path, wanted)
        except OSError as error:
            problems.append(_say(top + path, error))


def unified_ground(top: str, path: str, wanted: list[str]) -> tuple[str, list[str]]:
    """Return the group of v2 that a home can be made in, and the controllers it would have.

    A group that has processes, as ours does, cannot hand controllers down. So the home is made
    beside it, unless ours is the root, for which that rule is not made, or is held to a limit that
    its jobs would escape from.

    Args:
        top: Where the tree is mounted.
        path: Our own group's path from there.
        wanted: Controllers.

    Raises:
        OSError: There is none, and why.
    """
    own = top + path
    place = own
    root = not os.path.exists(f"{own}/cgroup.type")
    if not root:
        if not path:
            raise OSError(errno.EBUSY, "what is mounted is our own group, which has processes")
        for name in ("memory.max", "memory.high"):
            if _read_file(f"{own}/{name}") not in {"", "max"}:
                raise OSError(errno.EBUSY, f"it is held to a {name}, which groups beside it escape")
        place = os.path.dirname(own)
    enabled = _read_file(f"{place}/cgroup.subtree_control").split()
    available = _read_file(f"{place}/cgroup.controllers").split()
    missing = [name for name in wanted if name in available and name not in enabled]
    if missing and (root or _is_delegated(place)):
        kernel.try_write(f"{place}/cgroup.subtree_control", _plus(missing).decode())
        enabled = _read_file(f"{place}/cgroup.subtree_control").split()
    controllers = [name for name in wanted if name in enabled]
    if not controllers:
        raise OSError(errno.ENODEV, f"{place} hands none of {', '.join(wanted)} down")
    return place, controllers


def _is_delegated(place: str) -> bool:
    """Whether systemd has left a group to us: only there its settings are ours to change."""
    for name in ("user.delegate", "trusted.delegate"):
        try:
            return os.getxattr(place, name) == b"1"
        except OSError:
            continue
    return False


def _fork_into(group: int) -> int:
    """Fork into a group of v2; -1 where that cannot be.

    Raises:
        OSError: There is no process to be had.
    """
    address = ctypes.c_void_p()
    _libc.prctl(_PR_GET_TID_ADDRESS, ctypes.byref(address), 0, 0, 0)
    # Where glibc keeps the number of this thread, which is the first; others keep something else.
    if not address.value or ctypes.c_int.from_address(address.value).value != os.getpid():
        return -1
    flags = _CLONE_INTO_CGROUP | _CLONE_CHILD_SETTID | _CLONE_CHILD_CLEARTID
    words = (ctypes.c_uint64 * 11)(flags, 0, address.value, 0, signal.SIGCHLD)
    words[10] = group
    size = ctypes.c_size_t(ctypes.sizeof(words))
    python = ctypes.pythonapi
    in_child, in_parent = python.PyOS_AfterFork_Child, python.PyOS_AfterFork_Parent
    python.PyOS_BeforeFork()
    pid = int(_libc.syscall(_CLONE3, ctypes.byref(words), size))
    if pid == 0:
        in_child()
        return 0
    number = ctypes.get_errno()
    in_parent()
    if pid < 0 and number in {errno.EAGAIN, errno.ENOMEM}:
        raise OSError(number, os.strerror(number))
    return pid


def _remove(parent: int, name: str) -> bool:
    """Remove a group and those in it, killing what is there; False if it is still there."""
    try:
        folder = os.open(name, _FOLDER, dir_fd=parent)
    except OSError as error:
        return error.errno == errno.ENOENT
    try:
        for inner in _inner(folder):
            _remove(folder, inner)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while (number := _rmdir(parent, name)) == errno.EBUSY and time.monotonic() < deadline:
            _end(folder)
            time.sleep(_PAUSE_SECONDS)
    finally:
        os.close(folder)
    return number == 0


def _rmdir(parent: int, name: str) -> int:
    """Remove an empty group; return 0 when it is gone, or the number of the error."""
    try:
        os.rmdir(name, dir_fd=parent)
    except FileNotFoundError:
        pass
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _end(folder: int) -> None:
    """Kill what is in a group that is not needed any more."""
    _try_write_file(folder, "pids.max", b"0")
    if not _try_write_file(folder, "cgroup.kill", b"1"):
        listed = _open_file(folder, "cgroup.procs", os.O_RDONLY)
        if listed >= 0:
            _kill_all(listed)
            os.close(listed)


def _inner(folder: int) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]


def _kill_all(listed: int) -> None:
    """Kill each process of a list that we may, in so far as it has a number here."""
    killed = {0}  # how a process outside of our namespace is listed
    while new := _pids(listed) - killed:  # once more for what was just being forked
        for pid in new:
            try:
                kernel.kill(pid)
            except PermissionError:
                continue
        killed |= new


def _pids(listed: int) -> set[int]:
    pids, start = b"", 0
    while piece := os.pread(listed, 1 << 16, start):
        pids += piece
        start += len(piece)
    return {int(pid) for pid in pids.split()}


def _field(fd: int, key: bytes) -> int | None:
    """Return the number beside a word, or the only one there is for an empty word."""
    content = os.pread(fd, 4096, 0)
    if not key:
        return int(content)
    for line in content.splitlines():
        word, _, number = line.partition(b" ")
        if word == key:
            return int(number)
    return None


def _below(path: str, root: str) -> str | None:
    """Return the path from a root on, `""` for the root itself; None if it is elsewhere."""
    path, root = path.rstrip("/") if path else "/..", root.rstrip("/")
    if path.startswith("/..") or not (path + "/").startswith(root + "/"):
        return None
    return path[len(root) :]


def _unescape(text: str) -> str:
    r"""Undo what is done to blanks in /proc: `\040` and the like."""
    head, *parts = text.split("\\")
    return head + "".join(chr(int(part[:3], 8)) + part[3:] for part in parts)


def _is_ours(name: str) -> bool:
    word, _, rest = name.partition("-")
    pid, _, suffix = rest.partition("-")
    return word == "gadfly" and pid.isdigit() and len(suffix) == 8 and suffix.isalnum()


def _open_file(folder: int, name: str, flags: int) -> int:
    """Open one of a group's files; -1 if there is none that we may."""
    try:
        return os.open(name, flags | os.O_CLOEXEC, dir_fd=folder)
    except OSError as error:
        if error.errno in {errno.EMFILE, errno.ENFILE}:
            raise
        return -1


def _read_file(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def _write(folder: int, name: str, content: bytes) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.write(fd, content)
    finally:
        os.close(fd)


def _try_write_file(folder: int, name: str, content: bytes) -> bool:
    try:
        _write(folder, name, content)
    except OSError:
        return False
    return True


def _try_write(fd: int, content: bytes) -> bool:
    try:
        os.write(fd, content)
    except OSError:
        return False
    return True


def _plus(controllers: list[str]) -> bytes:
    return " ".join(f"+{name}" for name in controllers).encode()


def _say(place: str, error: OSError) -> str:
    return f"{place}: {error.strerror or error}"


def _reasons(problems: list[str]) -> str:
    return "; ".join(dict.fromkeys(problems)) or "this kernel has none of them"
