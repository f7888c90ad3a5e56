"""Whose a container is: written on it as a label, so that the leftovers of the dead can be told.

A process is named by more than its number, which another may bear by now, on this machine or in
another container on it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_LABEL = re.compile(r"(?P<machine>\S*) (?P<pid>\d+) (?P<started>\d+)")


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that has started containers."""

    machine: str
    """The boot of the machine and the PID namespace: where its number means something."""
    pid: int
    started: int
    """When it was started, by the kernel's clock; 0 where the system does not say."""

    @classmethod
    def here(cls) -> Owner:
        """Return this process."""
        return cls(_machine(), os.getpid(), _started(os.getpid()))

    @classmethod
    def parse(cls, label: str) -> Owner | None:
        """Return whom a label names, or None if it names nobody."""
        found = _LABEL.fullmatch(label)
        return found and cls(found["machine"], int(found["pid"]), int(found["started"]))

    def __str__(self) -> str:
        return f"{self.machine} {self.pid} {self.started}"

    def is_gone(self) -> bool:
        """Whether it is known to be dead. Of processes elsewhere nothing is known."""
        if self.machine != _machine():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # another user's
        return _started(self.pid) != self.started


def _machine() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return os.uname().nodename.replace(" ", "-")


def _started(pid: int) -> int:
    try:
        # The name in parentheses may hold anything; what follows it is numbers.
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0
    # A zombie starts nothing any more: it only waits for its parent to look.
    return 0 if fields[0] == b"Z" else int(fields[19])
