"""The system calls that a job may make: a seccomp filter, assembled once and installed per job.

The filter is a list of what is denied. A denied call fails with EPERM, so that a program sees an
ordinary error and says what it wanted. ENOSYS is for the few calls that libraries try first and can
do without (`clone3`, whose flags a filter cannot read, `io_uring_*`, `io_setup`), and for calls
newer than this table: to a job the kernel is as old as what has been thought about. Calls of
another architecture, and x32 numbers, kill the process, for a table of one ABI says nothing about
them.

What a filter can compare is numbers in registers, never what a pointer points to. Hence three rules
that are stricter than they look:

* Datagram socket pairs are denied where sockets of files are. The ends of a stream are connected to
  each other for good; `sendmsg` sends a datagram to whatever socket file it names.
* Limits, priorities and CPUs are changed of the caller alone (process 0). The process that forks
  the jobs has their user, so the kernel would let them change its own too.
* With `own_pid`, which stands in for a PID namespace and for landlock's scope of signals, a job
  signals itself and its process group, and nobody else. It cannot signal its children one by one:
  no filter can tell them from strangers. `Popen.kill`, `Process.terminate` and `with Pool()` raise
  `PermissionError`, `abort` in a child ends it by another signal, and the worker ends what stays.

Not denied, on purpose: `prctl(PR_SET_DUMPABLE)`. It opens a process to others of its user, which
concerns the job's own memory only; the process that it was forked from stays closed. `seccomp` and
`landlock_*` only ever take away.

Standard library only, Python 3.9: this runs inside foreign images too.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import sys

# ------------------------------------------------------------------ what is denied
# Each name has its numbers on x86_64 and on aarch64; None where that machine has no such call.

DENIED = {
    # The memory and the state of other processes.
    "get_robust_list": (274, 100),
    "kcmp": (312, 272),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "ptrace": (101, 117),
    # Other roots, mounts and namespaces; what is mounted tells of the machine's own paths.
    "chroot": (161, 51),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fsopen": (430, 430),
    "fspick": (433, 433),
    "listmount": (458, 458),
    "mount": (165, 40),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "pivot_root": (155, 41),
    "setns": (308, 268),
    "statmount": (457, 457),
    "umount2": (166, 39),
    "unshare": (272, 97),
    # Files by handle instead of by path, past every rule about paths.
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    # What outlives a job, or is shared by all of a user: keys, System V IPC, POSIX queues.
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "mq_getsetattr": (245, 185),
    "mq_notify": (244, 184),
    "mq_open": (240, 180),
    "mq_timedreceive": (243, 183),
    "mq_timedsend": (242, 182),
    "mq_unlink": (241, 181),
    "msgctl": (71, 187),
    "msgget": (68, 186),
    "msgrcv": (70, 188),
    "msgsnd": (69, 189),
    "request_key": (249, 218),
    "semctl": (66, 191),
    "semget": (64, 190),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "shmget": (29, 194),
    # Memory that can be full while no process has it mapped, so that no watchdog sees it.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    # Large parts of the kernel, made for administrators and debuggers, where its holes were found.
    "bpf": (321, 280),
    "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    "lookup_dcookie": (212, 18),
    "modify_ldt": (154, None),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    # The machine itself: clocks, names, modules, swap, quotas, terminals, ports.
    "_sysctl": (156, None),
    "acct": (163, 89),
    "adjtimex": (159, 171),
    "clock_adjtime": (305, 266),
    "clock_settime": (227, 112),
    "create_module": (174, None),
    "delete_module": (176, 106),
    "finit_module": (313, 273),
    "get_kernel_syms": (177, None),
    "init_module": (175, 105),
    "ioperm": (173, None),
    "iopl": (172, None),
    "kexec_file_load": (320, 294),
    "kexec_load": (246, 104),
    "nfsservctl": (180, 42),
    "query_module": (178, None),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "reboot": (169, 142),
    "setdomainname": (171, 162),
    "sethostname": (170, 161),
    "settimeofday": (164, 170),
    "swapoff": (168, 225),
    "swapon": (167, 224),
    "sysfs": (139, None),
    "syslog": (103, 116),
    "uselib": (134, None),
    "ustat": (136, None),
    "vhangup": (153, 58),
}
"""Calls that fail with EPERM, whatever their arguments."""

ABSENT = {
    # Its flags lie in memory; C libraries fall back to `clone`, whose flags are examined.
    "clone3": (435, 435),
    # System calls made by the kernel in one's stead, past this filter.
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "io_uring_setup": (425, 425),
    # The older way: few requests for the whole machine, and one job could hold them all.
    "io_setup": (206, 0),
}
"""Calls that fail with ENOSYS, as on a kernel that lacks them."""

ADDRESSED = {
    "bind": (49, 200),
    "connect": (42, 203),
    "listen": (50, 201),
}
"""Calls that fail with EPERM where only socket pairs can be made."""

EXAMINED = {
    "clone": (56, 220),
    "fcntl": (72, 25),
    "ioctl": (16, 29),
    "ioprio_set": (251, 30),
    "kill": (62, 129),
    "personality": (135, 92),
    "pidfd_send_signal": (424, 424),
    "prctl": (157, 167),
    "prlimit64": (302, 261),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "setpriority": (141, 140),
    "socket": (41, 198),
    "socketpair": (53, 199),
    "tgkill": (234, 131),
    "tkill": (200, 130),
}
"""Calls whose arguments decide."""

NEWEST = 469
"""The highest number that this table has thought about, on both machines (Linux 6.18)."""

_X32 = 0x40000000  # on x86_64, the bit that marks a number of the x32 ABI
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# `clone`: every CLONE_NEW* that it takes, and CLONE_PARENT, by which a process would stand beside
# the job instead of below it.
_CLONE_FLAGS = 0x7E020000 | 0x8000
# `ioctl`: TIOCSTI and TIOCLINUX type into a terminal, TIOCSETD loads a line discipline.
_TERMINAL_REQUESTS = (0x5412, 0x541C, 0x5423)
# `ioctl` FIOSETOWN and SIOCSPGRP, `fcntl` F_SETOWN and F_SETOWN_EX: whom a file sends its signals.
_OWNER_REQUESTS = (0x8901, 0x8902)
_OWNER_COMMANDS = (8, 15)
_PERSONALITIES = (0, 0xFFFFFFFF)  # the ordinary one, and asking
_PR_SCHED_CORE = 62  # lends another process one's place on a core
_AF_UNIX, _AF_INET, _AF_INET6, _AF_NETLINK = 1, 2, 10, 16
_NETLINK_ROUTE = 0
_SOCK_STREAM, _SOCK_SEQPACKET, _SOCK_TYPE = 1, 5, 0xF
_PRIO_PROCESS, _PRIO_PGRP = 0, 1
_IOPRIO_WHO_PROCESS, _IOPRIO_WHO_PGRP = 1, 2

# ------------------------------------------------------------------ instructions

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_IF_EQUAL, _IF_AT_LEAST, _IF_ANY_BIT = 0x15, 0x35, 0x45
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # where they lie in what a filter sees


def _instruction(code: int, k: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, k)


def _length(code: bytes) -> int:
    return len(code) // 8


def _where(test: int, k: int, then: bytes) -> bytes:
    """Do what `then` says if the loaded word passes the test; what follows is for the others."""
    return _instruction(test, k, 0, _length(then)) + then


def _argument(index: int) -> bytes:
    """Load the low word: all that the kernel itself looks at in these calls."""
    return _instruction(_LOAD, _ARGUMENTS + 8 * index)


_ALLOW = _instruction(_RETURN, 0x7FFF0000)
_KILL = _instruction(_RETURN, 0x80000000)
_EPERM = _instruction(_RETURN, 0x00050000 | errno.EPERM)
_ENOSYS = _instruction(_RETURN, 0x00050000 | errno.ENOSYS)
_ASK = _instruction(_RETURN, 0x7FC00000)
"""Let a listener decide: see `Listener`."""


def _only(index: int, values: tuple[int, ...], then: bytes = _ALLOW) -> bytes:
    """Deny the call unless an argument is one of these."""
    return _argument(index) + _among(values, then) + _EPERM


def _never(index: int, values: tuple[int, ...]) -> bytes:
    """Deny the call if an argument is one of these."""
    return _argument(index) + _among(values, _EPERM) + _ALLOW


def _among(values: tuple[int, ...], then: bytes) -> bytes:
    return b"".join(_where(_IF_EQUAL, value & 0xFFFFFFFF, then) for value in values)


# ------------------------------------------------------------------ the policy


def _policy(*, network: bool, unix: bool, own_pid: int | None, told: bool) -> dict[str, bytes]:
    """Return what is done at each call that is not simply allowed."""
    policy = dict.fromkeys(DENIED, _EPERM)
    policy.update(dict.fromkeys(ABSENT, _ENOSYS))
    policy.update(_always_examined((0,) if own_pid is None else (0, own_pid)))
    policy.update(_sockets(network=network, unix=unix, told=told and not network))
    if own_pid is not None:
        policy.update(_signals(own_pid))
    return policy


def _always_examined(caller: tuple[int, ...]) -> dict[str, bytes]:
    itself = _only(0, caller)
    return {
        "clone": _argument(0) + _where(_IF_ANY_BIT, _CLONE_FLAGS, _EPERM) + _ALLOW,
        "ioctl": _never(1, _TERMINAL_REQUESTS),
        "ioprio_set": _only(0, (_IOPRIO_WHO_PROCESS, _IOPRIO_WHO_PGRP), _only(1, caller)),
        "personality": _only(0, _PERSONALITIES),
        "prctl": _never(0, (_PR_SCHED_CORE,)),
        "prlimit64": itself,
        "sched_setaffinity": itself,
        "sched_setattr": itself,
        "sched_setparam": itself,
        "sched_setscheduler": itself,
        "setpriority": _only(0, (_PRIO_PROCESS, _PRIO_PGRP), _only(1, caller)),
    }


def _sockets(*, network: bool, unix: bool, told: bool) -> dict[str, bytes]:
    families = b""
    if told:
        families += _among((_AF_INET, _AF_INET6), _ASK)
    if network:
        families += _among((_AF_INET, _AF_INET6), _ALLOW)
        families += _among((_AF_NETLINK,), _only(2, (_NETLINK_ROUTE,)))
    if unix:
        families += _among((_AF_UNIX,), _ALLOW)
    streams = _instruction(_AND, _SOCK_TYPE) + _among((_SOCK_STREAM, _SOCK_SEQPACKET), _ALLOW)
    policy = {
        "socket": _argument(0) + families + _EPERM,
        "socketpair": _only(0, (_AF_UNIX,), _ALLOW if unix else _argument(1) + streams + _EPERM),
    }
    if not (network or unix):
        policy.update(dict.fromkeys(ADDRESSED, _EPERM))
    return policy


def _signals(own_pid: int) -> dict[str, bytes]:
    return {
        "fcntl": _never(1, _OWNER_COMMANDS),
        "ioctl": _never(1, _TERMINAL_REQUESTS + _OWNER_REQUESTS),
        "kill": _only(0, (own_pid, 0, -own_pid)),
        "pidfd_send_signal": _EPERM,
        "rt_sigqueueinfo": _only(0, (own_pid,)),
        "rt_tgsigqueueinfo": _only(0, (own_pid,)),
        "tgkill": _only(0, (own_pid,)),
        "tkill": _only(0, (own_pid,)),
    }


# ------------------------------------------------------------------ the program


def program(
    *,
    network: bool,
    unix: bool = False,
    own_pid: int | None = None,
    told: bool = False,
    machine: str = "",
) -> bytes:
    """Return the filter as a program of the kernel's.

    Args:
        network: Whether sockets of IPv4 and IPv6 may be made and, to ask for addresses, netlink's.
        unix: Whether sockets of files and abstract names may be made. Some programs talk to their
            own processes so (`multiprocessing.Manager`, its `forkserver`). Only where none of the
            machine's sockets is in reach: a container engine's is as good as root.
        own_pid: The job's process, which leads a session of its own, where neither a PID
            namespace nor landlock keeps its signals in.
        told: Whether a listener is to be told who asks for a socket of the network that it may not
            have; the program is one for `listen` then.
        machine: The architecture; this one by default.

    Raises:
        OSError: The architecture is not one that the table knows.
    """
    machine = machine or os.uname().machine
    if machine not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no seccomp filter for {machine}: x86_64 and aarch64 only")
    column = list(_ARCHITECTURES).index(machine)
    numbers = {**DENIED, **ABSENT, **ADDRESSED, **EXAMINED}
    cases: dict[int, bytes] = {}
    for name, code in _policy(network=network, unix=unix, own_pid=own_pid, told=told).items():
        number = numbers[name][column]
        if number is not None:
            cases[number] = code
    ranges = _ranges(cases)
    ranges.append((NEWEST + 1, _ENOSYS))
    if machine == "x86_64":
        ranges.append((_X32, _KILL))
    return b"".join(
        (
            _instruction(_LOAD, _ARCHITECTURE),
            _instruction(_IF_EQUAL, _ARCHITECTURES[machine], 1, 0),
            _KILL,
            _instruction(_LOAD, _NUMBER),
            _search(ranges),
        )
    )


def _ranges(cases: dict[int, bytes]) -> list[tuple[int, bytes]]:
    """Return from which number on what is done: neighbours with the same end are one range."""
    ranges = [(0, _ALLOW)]
    for number in range(NEWEST + 1):
        code = cases.get(number, _ALLOW)
        if code != ranges[-1][1]:
            ranges.append((number, code))
    return ranges


def _search(ranges: list[tuple[int, bytes]]) -> bytes:
    """Return a binary search for the range of the loaded number.

    A list of comparisons would be simpler, but the kernel runs the whole of it once for every
    number that exists, in each job, when the filter is installed. A jump is at most 255 long, so
    half of the program is; packing a longer one fails.
    """
    if len(ranges) == 1:
        return ranges[0][1]
    middle = len(ranges) // 2
    low, high = _search(ranges[:middle]), _search(ranges[middle:])
    return _instruction(_IF_AT_LEAST, ranges[middle][0], _length(low), 0) + low + high


# ------------------------------------------------------------------ the kernel

_NUMBERS_OF_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER, _NEW_LISTENER = 1, 1 << 3
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_QUESTION_BYTES = 80
_PR_SET_NO_NEW_PRIVS = 38

_libc = ctypes.CDLL(None, use_errno=True)
_prctl, _syscall = _libc.prctl, _libc.syscall  # looked up once, and not in each job's process
_YES = tuple(map(ctypes.c_ulong, (1, 0, 0, 0)))


def supported() -> bool:
    """Return whether filters can be installed here; asking changes nothing."""
    if sys.maxsize < 2**32 or sys.byteorder != "little":
        return False  # an interpreter of another ABI than the table's
    if os.uname().machine not in _NUMBERS_OF_SECCOMP:
        return False
    # A kernel that takes filters looks for one where there is none; others refuse before that.
    return _seccomp(0, None) == -errno.EFAULT


class Filter:
    """A filter that is ready to be installed, by any process that is forked from here.

    Args:
        program: What `program` returns.
    """

    def __init__(self, program: bytes) -> None:
        self._instructions = ctypes.create_string_buffer(program, len(program))
        address = ctypes.addressof(self._instructions)
        self._header = struct.pack("@HP", _length(program), address)

    def install(self) -> None:
        """Put this process under the filter, for good, with all that it will start.

        For a process with one thread: others would stay outside. Sets `no_new_privs`.

        Raises:
            OSError: The kernel refused.
        """
        self._install(0)

    def listen(self) -> Listener:
        """Do what `install` does, and be told of the calls that a listener is to decide.

        Raises:
            OSError: The kernel refused, or has no listeners (Linux 5.0), or there is one already.
        """
        return Listener(self._install(_NEW_LISTENER))

    def _install(self, flags: int) -> int:
        """Install it; return a descriptor if the flags ask for one."""
        if _prctl(_PR_SET_NO_NEW_PRIVS, *_YES):
            raise OSError(ctypes.get_errno(), "no_new_privs was refused")
        result = _seccomp(flags, self._header)
        if result < 0:
            raise OSError(-result, f"the seccomp filter was refused: {os.strerror(-result)}")
        return result


class Listener:
    """Denies what it is asked for, which is how we come to know that it was asked for.

    Args:
        fd: What the kernel asks by. Whoever holds it could also allow things: it is the worker's.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def deny(self) -> bool:
        """Deny the call that waits; False if who made it is gone."""
        question = bytearray(_QUESTION_BYTES)
        try:
            fcntl.ioctl(self.fd, _RECEIVE, question)
            answer = struct.pack("=8sqiI", bytes(question[:8]), 0, -errno.EPERM, 0)
            fcntl.ioctl(self.fd, _SEND, answer)
        except OSError:
            return False
        return True


def _seccomp(flags: int, header: bytes | None) -> int:
    """Return what the call that installs a filter returns; an error as a negative number."""
    number = _NUMBERS_OF_SECCOMP[os.uname().machine]
    result = _syscall(
        ctypes.c_long(number), ctypes.c_ulong(_SET_MODE_FILTER), ctypes.c_ulong(flags), header
    )
    return -ctypes.get_errno() if result < 0 else int(result)
