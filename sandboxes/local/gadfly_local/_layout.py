"""What of this machine a job sees: enough for its interpreter and the system's commands, no more.

The steps are those of `gadfly.worker.inside.spaces`; `bubblewrap` renders the same for `bwrap`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

Step = tuple[str, ...]

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = (
    "alternatives",
    "ca-certificates",
    "fonts",
    "java-17-openjdk",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "pki",
    "protocols",
    "services",
    "ssl/certs",
    "ssl/openssl.cnf",
)
"""Of /etc: what programs look up, and nothing that says whose machine this is."""
_RESOLVING = ("hosts", "resolv.conf", "nsswitch.conf")
DEVICES = ("null", "zero", "full", "random", "urandom")
_PLACE = "/job"
_ACCOUNTS = "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
_GROUPS = "root:x:0:\nnogroup:x:65534:\n"


def readable(extra: Iterable[str]) -> list[str]:
    """Return the files and folders of this machine that a job may read.

    Args:
        extra: What there is beside the system's, the interpreter's folders among it.
    """
    settings = [f"/etc/{name}" for name in _SETTINGS]
    found: list[str] = []
    for path in (*_SYSTEM, *settings, *extra):
        for place in dict.fromkeys((path, os.path.realpath(path))):
            if Path(place).exists() and not _is_below(place, found):
                found.append(place)
    return found


def house(extra: Iterable[str], *, network: bool) -> list[Step]:
    """Return the steps of building a job's file system.

    Args:
        extra: See `readable`.
        network: Whether its jobs look up names.
    """
    steps: list[Step] = [("dir", place) for place in ("/proc", _PLACE, "/dev", "/etc", "/run")]
    for path in readable(extra):
        place = Path(path)
        if place.is_symlink():
            steps.append(("link", path, str(place.readlink())))
        else:
            steps.append(("read", path))
    if network:
        steps += [("read", os.path.realpath(f"/etc/{name}")) for name in _RESOLVING]
        steps += [
            ("link", f"/etc/{name}", os.path.realpath(f"/etc/{name}"))
            for name in _RESOLVING
            if Path(f"/etc/{name}").is_symlink()
        ]
    steps += [("device", f"/dev/{name}") for name in DEVICES]
    steps += [
        ("link", "/dev/fd", "/proc/self/fd"),
        ("link", "/dev/stdin", "/proc/self/fd/0"),
        ("link", "/dev/stdout", "/proc/self/fd/1"),
        ("link", "/dev/stderr", "/proc/self/fd/2"),
        ("link", "/dev/shm", f"{_PLACE}/shm"),  # noqa: S108 - made a link to a job's own
        ("file", "/etc/passwd", _ACCOUNTS),
        ("file", "/etc/group", _GROUPS),
        # Where the interpreter itself lies below /tmp, that is a folder already, and stays one.
        ("link", "/tmp", f"{_PLACE}/tmp"),  # noqa: S108 - the same
        ("link", "/var/tmp", f"{_PLACE}/tmp"),  # noqa: S108 - the same
    ]
    return steps


def bubblewrap(steps: Sequence[Step], *, network: bool, disk_mib: int | None) -> list[str]:
    """Return the `bwrap` command that builds the same, up to the program to run.

    Args:
        steps: See `house`.
        network: Whether to leave the machine's network to its jobs.
        disk_mib: How much can be written; None where workers will have file systems of their own.
    """
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--as-pid-1"]
    command += ["--hostname", "gadfly", "--proc", "/proc"]
    if network:
        command.append("--share-net")
    made: set[str] = set()
    for kind, path, *more in steps:
        if kind == "dir":
            command += ["--dir", path]
        elif kind == "read" and Path(path).exists():
            command += ["--ro-bind", path, path]
            made |= {str(parent) for parent in Path(path).parents}
        elif kind == "device":
            command += ["--dev-bind", path, path]
        elif kind == "link" and path not in made:
            command += ["--symlink", more[0], path]
            made.add(path)
        elif kind == "file":
            command += ["--dir", str(Path(path).parent)]
    if disk_mib is not None:
        command += ["--size", str((disk_mib + 8) << 20), "--perms", "0700", "--tmpfs", _PLACE]
    return [*command, "--remount-ro", "/", "--"]


def _is_below(path: str, places: Sequence[str]) -> bool:
    """Whether a path is in a folder that is read as a whole."""
    return any(
        path == place or (path.startswith(f"{place}/") and not Path(place).is_symlink())
        for place in places
    )
