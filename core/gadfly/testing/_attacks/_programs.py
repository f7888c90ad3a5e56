"""Pieces of the programs that attack: each is put before the code that uses it."""

from __future__ import annotations

HEADLESS = """
import ctypes, os, threading, time
def go_on_without_main(work):
    '''Run `work` in a thread and end the main thread alone: the process looks dead, and is not.'''
    threading.Thread(target=work, daemon=True).start()
    number = {"x86_64": 60, "aarch64": 93}.get(os.uname().machine)
    if number is None:
        time.sleep(30)  # so that the thread alone is what is measured
    ctypes.CDLL(None).syscall(ctypes.c_long(number), ctypes.c_long(0))
"""
"""`go_on_without_main`, for processes whose first thread is a zombie: /proc shows them as empty."""

HIDDEN = """
import ctypes
ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
"""
"""Takes the right to look into this process from everyone but root (PR_SET_DUMPABLE)."""

DEAF = """
import signal
for number in signal.valid_signals():
    try:
        signal.signal(number, signal.SIG_IGN)
    except OSError:
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
"""
"""Ignores and blocks every signal that can be."""

TOKENS = """
import os
_reader, _writer = os.pipe()
os.write(_writer, b"x" * 300)
os.set_blocking(_reader, False)
def fork():
    '''Fork, at most 300 times in the whole family; None where that is used up or refused.'''
    try:
        return os.fork() if os.read(_reader, 1) else None
    except OSError:
        return None
"""
"""`fork` for bombs whose families have a bounded number of births."""

SYSCALLS = """
import ctypes, errno, os
_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_COMMON = dict(clone3=435, pidfd_open=434, pidfd_getfd=438, pidfd_send_signal=424, open_tree=428,
    fsopen=430, io_uring_setup=425)
_NUMBERS = {
    "x86_64": dict(clone=56, unshare=272, setns=308, mount=165, umount2=166, pivot_root=155,
        chroot=161, add_key=248, request_key=249, keyctl=250, bpf=321, perf_event_open=298,
        userfaultfd=323, kexec_load=246, init_module=175, open_by_handle_at=304, reboot=169,
        swapon=167, sethostname=170, personality=135, syslog=103, ptrace=101,
        process_vm_readv=310, process_vm_writev=311, kcmp=312, move_pages=279, prlimit64=302,
        shmget=29, shmat=30, semget=64, msgget=68, mq_open=240, mq_unlink=241, setpriority=141,
        sched_setaffinity=203, memfd_create=319, mknodat=259),
    "aarch64": dict(clone=220, unshare=97, setns=268, mount=40, umount2=39, pivot_root=41,
        chroot=51, add_key=217, request_key=218, keyctl=219, bpf=280, perf_event_open=241,
        userfaultfd=282, kexec_load=104, init_module=105, open_by_handle_at=265, reboot=142,
        swapon=224, sethostname=161, personality=92, syslog=116, ptrace=117,
        process_vm_readv=270, process_vm_writev=271, kcmp=272, move_pages=239, prlimit64=261,
        shmget=194, semget=190, msgget=186, shmat=196, mq_open=180, mq_unlink=181, setpriority=140,
        sched_setaffinity=122, memfd_create=279, mknodat=33),
}
NR = _COMMON | _NUMBERS.get(os.uname().machine, {})
def syscall(name, *words):
    '''Return what the kernel returns, or minus the error number.'''
    if name not in NR:
        return -errno.ENOSYS
    words = [ctypes.c_long(word) if isinstance(word, int) else word for word in words]
    got = _libc.syscall(ctypes.c_long(NR[name]), *words)
    return got if got != -1 else -ctypes.get_errno()
REFUSED = {-errno.EPERM, -errno.EACCES, -errno.ENOSYS, -errno.ESRCH}
def attempt(what, name, *words):
    '''Print `what` unless the kernel refuses: any other error means that it was let through.'''
    got = syscall(name, *words)
    if got not in REFUSED:
        print(what, got, flush=True)
    return got
"""
"""`syscall` and `attempt`: system calls by name, without the C library between."""
