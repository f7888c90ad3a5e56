"""The system calls that Python has no name for, and the numbers they take."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import signal
import struct

CLONE_VM = 0x00000100
CLONE_FILES = 0x00000400
CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

RDONLY, NOSUID, NODEV, NOEXEC = 1, 2, 4, 8
"""Of a mount; `mount` and `mount_setattr` agree on these."""
MS_BIND = 0x1000
MS_REC = 0x4000
MS_SLAVE = 0x80000
MNT_DETACH = 2
AT_RECURSIVE = 0x8000
_AT_FDCWD = -100
_MOUNT_SETATTR = 442  # the same on all machines; older C libraries have no function for it
_CLONE = {"x86_64": 56, "aarch64": 220}
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

_SIG_SETMASK = 2
WALL = 0x40000000
"""For `waitpid`: children of every kind, those of `idle_in` among them."""
_STACK_BYTES = 16_384
_MADV_COLLAPSE = 25

# Made here and not where they are used: what is made in a job's process costs it a page each.
_CAPABILITIES = ctypes.create_string_buffer(struct.pack("=II", 0x20080522, 0), 8)
_NONE = ctypes.create_string_buffer(24)
_ALL_SIGNALS = ctypes.create_string_buffer(b"\xff" * 128, 128)
_IGNORED = ctypes.create_string_buffer(b"\1", 256)  # what to do, SIG_IGN, comes first in it
_masked, _handled = ctypes.create_string_buffer(128), ctypes.create_string_buffer(256)

# Nor are functions looked up there.
_libc = ctypes.CDLL(None, use_errno=True)
_capset, _mount, _prctl, _setns = _libc.capset, _libc.mount, _libc.prctl, _libc.setns
_take = _libc.malloc
_take.restype = ctypes.c_void_p
_locked = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock during a call


def unshare(flags: int) -> None:
    """Enter fresh namespaces."""
    _check("unshare", _libc.unshare(flags))


def fork_into(flags: int) -> int:
    """Fork into fresh namespaces: what `unshare` and two forks do, with one.

    The C library does not hear of it and keeps the parent's thread id in the child, so a child may
    do what it likes but raise signals by C functions (`abort`); its own children may do that too.
    """
    number = _CLONE[os.uname().machine]
    before = ctypes.pythonapi.PyOS_BeforeFork
    in_child, in_parent = (
        ctypes.pythonapi.PyOS_AfterFork_Child,
        ctypes.pythonapi.PyOS_AfterFork_Parent,
    )
    before()
    pid = int(_locked.syscall(number, ctypes.c_ulong(flags | signal.SIGCHLD), 0, 0, 0, 0))
    if pid == 0:
        in_child()
        return 0
    error = ctypes.get_errno()
    in_parent()
    if pid < 0:
        raise OSError(error, f"clone: {os.strerror(error)}")
    return pid


def idle_in(flags: int, stack: mmap.mmap) -> int:
    """Start a process in fresh namespaces that does nothing but keep them, until it is killed.

    It has our memory and our descriptors, so nothing is copied for it, and runs no code but the C
    library's `pause`, with all signals blocked. Processes that lose their parent become its
    children and are reaped by the kernel. It takes a `waitpid` with `WALL` to see its end, of which
    no signal tells.

    Args:
        flags: The namespaces.
        stack: What it uses as such until it has ended; see `new_stack`.
    """
    top = ctypes.addressof(ctypes.c_char.from_buffer(stack)) + _STACK_BYTES
    pause = ctypes.cast(_libc.pause, ctypes.c_void_p)
    shared = ctypes.c_int(flags | CLONE_VM | CLONE_FILES)
    # Not by Python's own functions, which make an object of each signal: a tenth of a job's time.
    _libc.sigprocmask(_SIG_SETMASK, _ALL_SIGNALS, _masked)
    _libc.sigaction(signal.SIGCHLD, _IGNORED, _handled)
    pid = int(_locked.clone(pause, ctypes.c_void_p(top), shared, None))
    error = ctypes.get_errno()
    _libc.sigaction(signal.SIGCHLD, _handled, None)
    _libc.sigprocmask(_SIG_SETMASK, _masked, None)
    if pid < 0:
        raise OSError(error, f"clone: {os.strerror(error)}")
    return pid


def new_stack() -> mmap.mmap:
    """Return memory that a process can have as its stack."""
    return mmap.mmap(-1, _STACK_BYTES, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)


def enter(namespace: int) -> None:
    """Enter a namespace by its descriptor; a PID namespace takes in only who is forked then."""
    _check("setns", _setns(namespace, 0))


def prctl(option: int, value: int) -> None:
    """Change an attribute of this process."""
    _check(f"prctl {option}", _prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def become(user: int) -> None:
    """Turn from root into a user, for good, with the group of the same number and no other."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def drop_capabilities() -> None:
    """Give up what root would get back at an exec, as far as this process may."""
    capability = ctypes.c_ulong()
    for number in range(64):
        capability.value = number
        if _prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            break  # past the last one, or no privilege to give up


def clear_capabilities() -> None:
    """Give up what this process may do beyond its user, for good."""
    _check("capset", _capset(_CAPABILITIES, _NONE))


def reset_signals() -> None:
    """Make every signal do what it does by default: what is ignored or blocked is inherited."""
    for number in range(1, 65):
        _libc.signal(number, None)
    nothing = (ctypes.c_ulong * 16)()
    _check("sigprocmask", _libc.sigprocmask(_SIG_SETMASK, ctypes.byref(nothing), None))


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Mount something, or change how mounts spread."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    result = _mount(*words, ctypes.c_ulong(flags), data.encode() or None)
    _check(f"mount {target}", result)


def unmount(target: str) -> None:
    """Take a mount out of sight, with all below it."""
    _check(f"umount {target}", _libc.umount2(os.fsencode(target), MNT_DETACH))


def pivot_root(new: str, old: str) -> None:
    """Make a mount the root, and put the old root below it."""
    number = _PIVOT_ROOT[os.uname().machine]
    _check("pivot_root", _libc.syscall(number, os.fsencode(new), os.fsencode(old)))


def change_mount(place: str, flags: int = 0, *, add: int = 0, remove: int = 0) -> None:
    """Change attributes of a mount, or of all mounts below it (`AT_RECURSIVE`)."""
    change = (ctypes.c_uint64 * 4)(add, remove, 0, 0)
    size = ctypes.c_size_t(ctypes.sizeof(change))
    result = _libc.syscall(
        _MOUNT_SETATTR, _AT_FDCWD, os.fsencode(place), flags, ctypes.byref(change), size
    )
    _check(f"mount_setattr {place}", result)


def collapse(place: int, size: int) -> None:
    """Back a stretch of our memory by huge pages, if the kernel can (Linux 6.1) and has some."""
    _libc.madvise(ctypes.c_void_p(place), ctypes.c_size_t(size), _MADV_COLLAPSE)


def take_memory(size: int) -> int:
    """Return where the C library has given us so many bytes, which are never given back."""
    return int(_take(ctypes.c_size_t(size)) or 0)


def set_host_name(name: str) -> None:
    """Name the machine, as this UTS namespace sees it."""
    _check("sethostname", _libc.sethostname(name.encode(), len(name)))


def open_in(folder: int, name: int, flags: int) -> int:
    """Open what has a name in a folder; the name is given by its address."""
    fd = int(_libc.openat(folder, ctypes.c_void_p(name), flags))
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return fd


def is_link(folder: int, name: int) -> bool:
    """Whether what has a name in a folder is a symbolic link; the name is given by its address.

    Raises:
        OSError: Nothing has that name, or it cannot be reached.
    """
    target = ctypes.create_string_buffer(1)
    if _libc.readlinkat(folder, ctypes.c_void_p(name), target, ctypes.c_size_t(1)) >= 0:
        return True
    number = ctypes.get_errno()
    if number != errno.EINVAL:
        raise OSError(number, os.strerror(number))
    return False


def kill(pid: int) -> None:
    """Kill a process, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def drain(pipe: int) -> None:
    """Take what a signal has left in a pipe that does not block."""
    try:
        while os.read(pipe, 4096):
            pass
    except BlockingIOError:
        pass


def write(path: str, text: str) -> None:
    """Write to one of the kernel's files."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def try_write(path: str, text: str) -> None:
    """Write to one of the kernel's files, where that is allowed."""
    try:
        write(path, text)
    except OSError:
        pass


def _check(what: str, result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
