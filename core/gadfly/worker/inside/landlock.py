"""The files, signals and connections that a job reaches: a landlock domain, entered per job.

`Rules` is made once, before any job, and entered by each job's process with the folders that are
its own. The ruleset in the kernel is made anew for each job: processes that were forked share the
ruleset behind a descriptor, so a folder that one job adds to it would be open to all that follow.
Nor are paths opened ahead, though it would halve the cost of ten microseconds a path: a rule holds
for the very file system that was opened, and a job may have mounts of its own.

What the kernel cannot rule, by the version of its ABI, stays as it is without landlock, except that
before version 2 no file moves from one folder into another:

| ABI | Linux | adds |
| --- | --- | --- |
| 1 | 5.13 | files and folders |
| 2 | 5.19 | moves and links between folders |
| 3 | 6.2 | truncating |
| 4 | 6.7 | TCP |
| 5 | 6.10 | what devices are asked by `ioctl` |
| 6 | 6.12 | signals and abstract sockets beyond the domain |
| 7 | 6.15 | silence in the audit log |
| 9 | 7.1 | socket files beyond the domain |

Standard library only, Python 3.9: this runs inside foreign images too.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_EXECUTE = 1 << 0
_WRITE_FILE = 1 << 1
_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_REMOVE_DIR = 1 << 4
_REMOVE_FILE = 1 << 5
_MAKE_CHAR = 1 << 6
_MAKE_DIR = 1 << 7
_MAKE_REG = 1 << 8
_MAKE_SOCK = 1 << 9
_MAKE_FIFO = 1 << 10
_MAKE_BLOCK = 1 << 11
_MAKE_SYM = 1 << 12
_REFER = 1 << 13
_TRUNCATE = 1 << 14
_IOCTL_DEV = 1 << 15
_RESOLVE_UNIX = 1 << 16

_RIGHTS_BY_ABI = ((9, _RESOLVE_UNIX), (5, _IOCTL_DEV), (3, _TRUNCATE), (2, _REFER))
_FIRST_RIGHTS = _REFER - 1

_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _RESOLVE_UNIX
_READ = _EXECUTE | _READ_FILE | _READ_DIR
# Neither device files nor what their drivers answer to: null, zero and random need only bytes.
_WRITE = _FIRST_RIGHTS & ~(_MAKE_CHAR | _MAKE_BLOCK) | _REFER | _TRUNCATE | _RESOLVE_UNIX

_BIND_TCP, _CONNECT_TCP = 1 << 0, 1 << 1
_ABSTRACT_SOCKETS, _SIGNALS = 1 << 0, 1 << 1
_LOG_SAME_EXEC_OFF, _LOG_SUBDOMAINS_OFF = 1 << 0, 1 << 2

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on all machines
_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38
_YES = tuple(map(ctypes.c_ulong, (1, 0, 0, 0)))
_RULE = struct.Struct("=Qi")

_libc = ctypes.CDLL(None, use_errno=True)
_prctl, _syscall = _libc.prctl, _libc.syscall  # looked up once, and not in each job's process


def abi() -> int:
    """Return which version of landlock the kernel has; 0 if it has none, or may not be asked."""
    try:
        return _call(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION)
    except OSError:
        return 0


class Rules:
    """What every job may reach, whoever it is.

    Args:
        readable: Files and folders to read and to execute, with all below them.
        writable: The same, to change as well. Devices are read and written, not configured.
        network: Whether TCP is left alone. Other protocols are not landlock's to rule.
    """

    def __init__(
        self, readable: Iterable[str], writable: Iterable[str] = (), *, network: bool
    ) -> None:
        self._abi = abi()
        self._rights = _FIRST_RIGHTS
        for since, rights in _RIGHTS_BY_ABI:
            if self._abi >= since:
                self._rights |= rights
        self._ruleset = self._attributes(network=network)
        self._size = ctypes.c_size_t(len(self._ruleset))
        self._paths = [(path, _READ) for path in readable]
        self._paths += [(path, _WRITE) for path in writable]

    def enforce(self, work: Iterable[str] = ()) -> None:
        """Bind this process to the rules, for good, with all that it will start.

        For a process with one thread: others would stay outside. Sets `no_new_privs`. Paths are
        looked up now, in the mounts that this process sees; those that do not exist, or that its
        user cannot reach, are left out.

        Args:
            work: Folders that this process may change, besides what `writable` says.

        Raises:
            OSError: The kernel has no landlock or refused, or a folder in `work` does not exist.
        """
        if not self._abi:
            raise OSError(errno.ENOSYS, "this kernel has no landlock (Linux 5.13 or newer)")
        ruleset = _call(_CREATE_RULESET, self._ruleset, self._size, 0)
        try:
            for path, access in self._paths:
                try:
                    self._add(ruleset, path, access)
                except (FileNotFoundError, NotADirectoryError, PermissionError):
                    continue
            for path in work:
                self._add(ruleset, path, _WRITE)
            if _prctl(_PR_SET_NO_NEW_PRIVS, *_YES):
                raise OSError(ctypes.get_errno(), "no_new_privs was refused")
            _call(_RESTRICT_SELF, ruleset, self._silence())
        finally:
            os.close(ruleset)

    def _attributes(self, *, network: bool) -> bytes:
        """Return what is ruled at all, and thereby denied where no rule allows it."""
        words = [self._rights]
        if self._abi >= 4:
            words.append(0 if network else _BIND_TCP | _CONNECT_TCP)
        if self._abi >= 6:
            words.append(_ABSTRACT_SOCKETS | _SIGNALS)
        return struct.pack(f"={len(words)}Q", *words)

    def _add(self, ruleset: int, path: str, access: int) -> None:
        place = os.open(path, os.O_PATH)
        try:
            if not stat.S_ISDIR(os.fstat(place).st_mode):
                access &= _OF_FILES  # the kernel refuses a folder's rights on anything else
            rule = _RULE.pack(access & self._rights, place)
            _call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
        finally:
            os.close(place)

    def _silence(self) -> int:
        """Return the flags that keep a job from filling the machine's audit log."""
        return _LOG_SAME_EXEC_OFF | _LOG_SUBDOMAINS_OFF if self._abi >= 7 else 0


def _call(number: int, *arguments: int | bytes | ctypes.c_size_t | None) -> int:
    result = int(_syscall(number, *arguments))
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"landlock refused: {os.strerror(error)}")
    return result
