"""The system calls that Python has no name for, and the numbers they take."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

RDONLY, NOSUID, NODEV = 1, 2, 4
"""Of a mount; `mount` and `mount_setattr` agree on these."""
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x40000
AT_RECURSIVE = 0x8000
_AT_FDCWD = -100
_MOUNT_SETATTR = 442  # the same on all machines; older C libraries have no function for it

SIGINT, SIGKILL, SIGXCPU, SIGXFSZ = 2, 9, 24, 25
_SIGNALS = range(1, 65)
_SIG_SETMASK = 2

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Enter fresh namespaces."""
    _check("unshare", _libc.unshare(flags))


def prctl(option: int, value: int) -> None:
    """Change an attribute of this process."""
    _check(f"prctl {option}", _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def drop_capabilities() -> None:
    """Give up what root would get back at an exec, as far as this process may."""
    for capability in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0):
            break  # past the last one, or no privilege to give up


def reset_signals() -> None:
    """Make every signal do what it does by default: what is ignored or blocked is inherited."""
    for signal in _SIGNALS:
        _libc.signal(signal, None)
    nothing = (ctypes.c_ulong * 16)()
    _check("sigprocmask", _libc.sigprocmask(_SIG_SETMASK, ctypes.byref(nothing), None))


def ignore_signal(signal: int) -> None:
    """Make this process and its children deaf to a signal."""
    _libc.signal(signal, ctypes.c_void_p(1))


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Mount something, or change how mounts spread."""
    words = [None if word is None else os.fsencode(word) for word in (source, target, kind)]
    result = _libc.mount(*words, ctypes.c_ulong(flags), data.encode() or None)
    _check(f"mount {target}", result)


def change_mount(place: str, flags: int = 0, *, add: int = 0, remove: int = 0) -> None:
    """Change attributes of a mount, or of all mounts below it (`AT_RECURSIVE`)."""
    change = (ctypes.c_uint64 * 4)(add, remove, 0, 0)
    size = ctypes.c_size_t(ctypes.sizeof(change))
    result = _libc.syscall(
        _MOUNT_SETATTR, _AT_FDCWD, os.fsencode(place), flags, ctypes.byref(change), size
    )
    _check(f"mount_setattr {place}", result)


def kill(pid: int) -> None:
    """Kill a process, if it is still there."""
    try:
        os.kill(pid, SIGKILL)
    except ProcessLookupError:
        pass


def write(path: str, text: str) -> None:
    """Write to one of the kernel's files."""
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


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
