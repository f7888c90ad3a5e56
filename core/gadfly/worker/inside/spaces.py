"""Namespaces and mounts: the house that workers live in, and the room that each worker gets.

The *house* is a file system of its own: a small read-only tree into which only what an interpreter
needs is bound from the machine. It is entered once for each zygote. A *room* is one worker's: fresh
user, PID, IPC, mount, network and UTS namespaces in which one bounded file system, `/job`, can be
written. Where a room cannot be had inside the house (some kernels refuse user namespaces in user
namespaces), the zygote itself is the worker, and the house its room.
"""

from __future__ import annotations

import os

from . import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

PLACE = "/job"
"""Where a room can be written."""
_QUIET = kernel.NOSUID | kernel.NODEV
_PROC = kernel.NOSUID | kernel.NODEV | kernel.NOEXEC
_OLD = ".old"
_HOST_NAME = "gadfly"


def room_flags(*, network: bool) -> int:
    """Return the namespaces of a room."""
    flags = (
        kernel.CLONE_NEWUSER
        | kernel.CLONE_NEWPID
        | kernel.CLONE_NEWIPC
        | kernel.CLONE_NEWNS
        | kernel.CLONE_NEWUTS
    )
    return flags if network else flags | kernel.CLONE_NEWNET


def furnish(place: str, disk_mib: int) -> None:
    """Set up a room's mounts; call it inside.

    Args:
        place: Where can be written.
        disk_mib: How much can be written, a little more than what a job may.
    """
    kernel.mount("tmpfs", place, "tmpfs", _QUIET, _bounds(disk_mib))
    mount_proc()


def mount_proc() -> None:
    """Show the processes of this PID namespace, and no others, in /proc."""
    kernel.mount("proc", "/proc", "proc", _PROC)


def _bounds(disk_mib: int) -> str:
    """Return the options of a file system that is a little larger than what a job may write."""
    return f"mode=700,size={disk_mib + 8}m,nr_inodes={64 * disk_mib + 1024}"


def enter_house(spec: dict[str, Any]) -> None:
    """Enter the house. Returns in the process that is PID 1 of it; its parent waits and ends.

    Args:
        spec: `house` (see `_build`), `user` (that root becomes; None to stay who we are),
            `network`, `workers`, `strict` and `disk_mib`: `/job` is of this size, where it is made
            for the jobs of this very process.
    """
    user, group = os.getuid(), os.getgid()
    flags = room_flags(network=spec["network"])
    becomes: int | None = spec["user"]
    if becomes is not None:
        # Mounts are root's: so the interpreter may lie where nobody could follow.
        flags &= ~kernel.CLONE_NEWUSER
    kernel.unshare(flags)
    if becomes is None:
        map_self(user, group)
    kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_SLAVE)
    _build(spec["house"], spec["base"])
    pid = os.fork()
    if pid:
        wait_for(pid)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, 9)
    kernel.set_host_name(_HOST_NAME)
    mount_proc()
    kernel.unmount(f"/{_OLD}")
    os.rmdir(f"/{_OLD}")
    if not spec["workers"] and not spec["strict"]:
        owner = "" if becomes is None else f",uid={becomes},gid={becomes}"
        kernel.mount("tmpfs", PLACE, "tmpfs", _QUIET, _bounds(spec["disk_mib"]) + owner)
    kernel.change_mount("/", add=kernel.RDONLY)
    if becomes is not None:
        kernel.become(becomes)


def _build(layout: Sequence[Sequence[str]], base: str) -> None:
    """Make the house on a fresh tmpfs at `base`, and move in.

    Each step of a layout is `dir PATH`, `link PATH TARGET`, `file PATH TEXT`, `read PATH` (bound
    from the machine, read-only) or `device PATH`. What the machine does not have is left out.
    """
    kernel.mount("tmpfs", base, "tmpfs", _QUIET, "mode=755,size=1m")
    os.mkdir(f"{base}/{_OLD}")
    kernel.pivot_root(base, f"{base}/{_OLD}")
    os.chdir("/")
    old = f"/{_OLD}"
    for step, path, *more in layout:
        if step == "dir":
            os.makedirs(path, exist_ok=True)
        elif step == "link":
            os.makedirs(os.path.dirname(path), exist_ok=True)
            if not os.path.lexists(path):
                os.symlink(more[0], path)
        elif step == "file":
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(more[0])
        elif os.path.exists(old + path):
            _bind(old + path, path, device=step == "device")


def _bind(source: str, place: str, *, device: bool) -> None:
    if os.path.isdir(source):
        os.makedirs(place, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if not os.path.exists(place):
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))
    kernel.mount(source, place, None, kernel.MS_BIND | kernel.MS_REC)
    if device:
        kernel.change_mount(place, add=kernel.NOSUID | kernel.NOEXEC)
    else:
        kernel.change_mount(place, kernel.AT_RECURSIVE, add=kernel.RDONLY | _QUIET)


def map_self(user: int, group: int) -> None:
    """Be the same user inside a fresh user namespace as outside."""
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)  # or /proc/self would be root's
    map_user("/proc/self", user, group)
    kernel.prctl(kernel.PR_SET_DUMPABLE, 0)


def map_user(process: str, user: int, group: int) -> None:
    """Have a user and a group be the same inside a process's user namespace as outside."""
    kernel.write(f"{process}/setgroups", "deny")
    kernel.write(f"{process}/uid_map", f"{user} {user} 1")
    kernel.write(f"{process}/gid_map", f"{group} {group} 1")


def wait_for(pid: int) -> NoReturn:
    """End when a child ends, which has taken over."""
    os.closerange(0, 1024)  # the host must see the end when the child ends
    os.waitpid(pid, 0)
    os._exit(0)
