"""What an engine that was killed has left of containers that it has forgotten: their shims.

    engine --asks--> containerd --starts--> shim --is the parent of--> what runs in a container

An engine that is killed while it starts a container does not know of it when it is back, so nobody
can ask it for the removal, and the shim stays for ever. Root of its machine can see that, and what
it was started for: it works in a folder with the settings. Others see nothing here.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PROC, _GROUPS = Path("/proc"), Path("/sys/fs/cgroup")
_NAME = b"containerd-shim"
_PATIENCE_SECONDS = 3.0
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Shim:
    """A process that keeps a container."""

    pid: int
    container: str
    """The container's id."""
    environment: Mapping[str, str]
    """What the container's first process was started with."""

    def __str__(self) -> str:
        return f"shim {self.pid} of container {self.container[:12]}"

    def is_there(self, seconds: float = 0.0) -> bool:
        """Whether it still is after so many seconds, or a little less."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            return not select.select([handle], [], [], seconds)[0] and _container(self.pid) == (
                self.container
            )
        finally:
            os.close(handle)

    def end(self) -> None:
        """End it, and what runs in its container; their control groups go, too."""
        groups = sorted(_groups(self.container), reverse=True)  # inner ones first
        for group in groups:
            for pid in _read(group / "cgroup.procs").split():
                _kill(int(pid), signal.SIGKILL)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self.is_there():
                _kill(self.pid, number)
                self.is_there(_PATIENCE_SECONDS)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while any(not _is_removed(group) for group in groups) and time.monotonic() < deadline:
            time.sleep(_PAUSE_SECONDS)


def find() -> list[Shim]:
    """Return the shims on this machine whose containers' settings we may read."""
    shims: list[Shim] = []
    for process in _PROC.glob("[0-9]*") if hasattr(os, "pidfd_open") else ():
        pid = int(process.name)
        if container := _container(pid):
            with contextlib.suppress(OSError, ValueError, LookupError):
                settings: Any = json.loads((process / "cwd/config.json").read_bytes())
                words = (word.partition("=") for word in settings["process"]["env"])
                shims.append(Shim(pid, container, {name: value for name, _, value in words}))
    return shims


def _container(pid: int) -> str:
    """Return the container that a process is the shim of, or an empty string."""
    words = _read(_PROC / str(pid) / "cmdline").encode().split(b"\0")
    if _NAME not in words[0] or b"-id" not in words:
        return ""
    return words[words.index(b"-id") + 1].decode()


def _groups(container: str) -> Iterator[Path]:
    """Yield the control groups of a container, on version 1 one in each tree."""
    for place, folders, _ in os.walk(_GROUPS):
        for name in folders:
            if container in name:
                yield Path(place, name)


def _is_removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False  # its last process has not quite gone
    return True


def _kill(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
