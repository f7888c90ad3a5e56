"""The supervisor: sets up, watches, kills, reports."""

from __future__ import annotations

import marshal
import os
import resource
import select
import time

from . import kernel
from .inside import let_go_of_streams, run_init
from .removal import remove
from .tree import MIB, Tree, disk_use

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

_TICK_SECONDS = 0.01
"""How often the limits of the whole tree are looked at."""
_REPORT_BYTES = 4096


def main(control: int) -> NoReturn:
    """Run one job and report. `control` is our end of the host's socket."""
    os.set_inheritable(control, False)  # noqa: FBT003 - its only form
    kernel.ignore_signal(kernel.SIGINT)  # Python's own handler would let a job interrupt init
    folder = ""
    try:
        spec = _receive(control)
        folder = spec["folder"]
        report = _supervise(spec, control)
    except Exception as error:  # noqa: BLE001 - whatever it is, the host has to hear of it
        report = {"error": f"{type(error).__name__}: {error}"}
    lines = (f"{key} {' '.join(str(value).split())}\n" for key, value in report.items())
    try:
        os.write(control, "".join(lines).encode("utf-8", "backslashreplace")[:_REPORT_BYTES])
    except OSError:
        remove(folder)  # the host has died, and nobody else will
    os._exit(0)  # there is nothing to tidy up that the kernel does not, and faster


def _receive(control: int) -> Mapping[str, Any]:
    size = int.from_bytes(_read_exactly(control, 4), "big")
    spec: dict[str, Any] = marshal.loads(_read_exactly(control, size))  # noqa: S302 - from our parent
    return spec


def _read_exactly(fd: int, size: int) -> bytes:
    data = b""
    while len(data) < size:
        chunk = os.read(fd, size - len(data))
        if not chunk:
            raise EOFError("the host went away")
        data += chunk
    return data


def _supervise(spec: Mapping[str, Any], control: int) -> dict[str, object]:
    _isolate(spec)
    receiver, sender = os.pipe()
    init = os.fork()
    if init == 0:
        os.close(control)
        os.close(receiver)
        run_init(spec, sender)
    os.close(sender)
    let_go_of_streams()
    tree = Tree(init)
    started = time.monotonic()
    try:
        reason, status = _watch(spec, control, receiver, tree, started)
        wall = time.monotonic() - started
        leftover = 0 if status is None else tree.count_living()
    finally:
        _sweep(init, tree)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processes that die with their namespace are in no parent's account: hence the tree's.
    cpu = max(tree.cpu_seconds, used.ru_utime + used.ru_stime)
    peak = max(tree.peak_bytes / MIB, used.ru_maxrss / 1024)
    report: dict[str, object] = {"wall": wall, "cpu": cpu, "peak": peak, "leftover": leftover}
    if status is not None:
        code = os.waitstatus_to_exitcode(status)
        report["signal" if code < 0 else "exit_code"] = abs(code)
        reason = _meaning(-code, cpu, leftover, spec)
    return {**report, "reason": reason}


def _meaning(signal: int, cpu: float, leftover: int, spec: Mapping[str, Any]) -> str:
    """Name the limit that a command which ended by itself has passed, or ""."""
    # What it left, and itself: it may have begun too many between two looks of the watchdog.
    if leftover + 1 > spec["processes"]:
        return "processes"
    if signal == kernel.SIGXCPU and cpu >= spec["cpu_seconds"]:
        return "cpu"
    limit = spec["disk_mib"] * MIB
    if signal == kernel.SIGXFSZ or disk_use(spec["folder"], limit) > limit:
        return "disk"
    return ""


def _isolate(spec: Mapping[str, Any]) -> None:
    """Enter what the plan says. Anything that is refused is an error: the plan was probed."""
    if os.readlink("/proc/self") != str(os.getpid()):
        raise OSError("/proc belongs to another PID namespace")
    if spec["user"] is not None:
        user = spec["user"]
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # or /proc/self would stay root's
    kernel.try_write("/proc/self/oom_score_adj", "1000")  # when memory is short, a job goes first
    if spec["namespaces"]:
        flags = kernel.CLONE_NEWUSER | kernel.CLONE_NEWPID | kernel.CLONE_NEWIPC
        user, group = os.getuid(), os.getgid()
        kernel.unshare(flags if spec["network"] else flags | kernel.CLONE_NEWNET)
        kernel.write("/proc/self/setgroups", "deny")
        kernel.write("/proc/self/uid_map", f"{user} {user} 1")
        kernel.write("/proc/self/gid_map", f"{group} {group} 1")
        # A user namespace of its own would give the job privileges over more of the kernel.
        kernel.try_write("/proc/sys/user/max_user_namespaces", "0")
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    # Where the job sees us (no PID namespace), it can neither trace us nor open our descriptors.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def _watch(
    spec: Mapping[str, Any], control: int, receiver: int, tree: Tree, started: float
) -> tuple[str, int | None]:
    """Wait until the command ends or has to: why it has to or "", and its wait status."""
    poller = select.poll()
    poller.register(control, select.POLLIN)
    poller.register(receiver, select.POLLIN)
    deadline = started + spec["wall_seconds"]
    disk_limit = spec["disk_mib"] * MIB
    next_disk = started + 5 * _TICK_SECONDS
    while True:
        left = min(_TICK_SECONDS, deadline - time.monotonic())
        ready = {fd for fd, _ in poller.poll(max(0.0, left * 1000))}
        if receiver in ready:
            return "", _read_status(receiver)
        if control in ready:
            return "asked", None
        now = time.monotonic()
        if now >= deadline:
            return "timeout", None
        if reason := tree.passed_limit(spec):
            return reason, None
        if now >= next_disk:
            if disk_use(spec["folder"], disk_limit) > disk_limit:
                return "disk", None
            # A big folder is measured less often: measuring stays a tenth of the time.
            took = time.monotonic() - now
            next_disk = now + took + max(5 * _TICK_SECONDS, 10 * took)


def _read_status(receiver: int) -> int:
    line = os.read(receiver, 4096)
    if not line:
        raise OSError("the job's init process was killed")
    if line.startswith(b"!"):
        raise OSError(line[1:].decode("utf-8", "replace"))
    return int(line)


def _sweep(init: int, tree: Tree) -> None:
    """Kill all processes of the job. When this returns none is left, not even a zombie."""
    kernel.kill(init)
    os.waitpid(init, 0)  # with a PID namespace this is the end of all others too
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return  # the kernel says so: orphans would have become our children
        for pid in tree.look():
            kernel.kill(pid)
        time.sleep(0.001)
