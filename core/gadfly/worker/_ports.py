"""What a backend has to offer so that workers can run in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gadfly._errors import SandboxError
from gadfly._values.job import Isolation
from gadfly._values.task import JSON


class MachineryError(SandboxError):
    """A worker failed, and nothing is known about what it was to do: another one may do it."""


@dataclass(frozen=True, slots=True)
class Flavour:
    """What a worker is started for. Jobs of one flavour may follow each other on one worker."""

    preload: tuple[str, ...] = ()
    """Python modules that it has imported before its first job."""
    network: bool = False
    """Whether its jobs may reach a network."""
    disk_mib: int = 64
    """How much its jobs may write and be given, at most; a power of two."""


class Stream(Protocol):
    """A line of bytes to a worker."""

    def fileno(self) -> int:
        """Return a descriptor for `select`: when it is readable, `receive` does not wait long."""
        ...

    def receive(self) -> bytes:
        """Return some bytes; none at the end of the line.

        Raises:
            OSError: The line is broken, which is as good as its end.
        """
        ...

    def send(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            OSError: The line is broken.
        """
        ...

    def close(self) -> None:
        """Hang up. Twice is fine."""
        ...


class Worker(Protocol):
    """One started worker."""

    @property
    def stream(self) -> Stream:
        """The line to it."""
        ...

    def kill(self) -> None:
        """End it, and all that runs below it, whatever state it is in. Twice is fine."""
        ...

    def post_mortem(self) -> str:
        """Return what is known of why it died, in one line, or an empty string."""
        ...


class Backend(Protocol):
    """A way of starting workers."""

    name: str
    """The sandbox's name."""

    def start(self, flavour: Flavour) -> Worker:
        """Start a worker: an interpreter that runs `BOOT` and was sent its `first_message`.

        Blocks, and may be called from any thread. That the worker is ready is heard from itself.

        Raises:
            SandboxError: It cannot; the message says what is missing and how to get it.
        """
        ...

    def isolation(self, facts: Mapping[str, JSON], *, network: bool) -> Isolation:
        """Say what is in force, from what a first job saw of it from inside.

        Args:
            facts: See `gadfly.worker.probe`.
            network: Whether for jobs that may reach a network.
        """
        ...

    def close(self) -> None:
        """Give back what the backend holds, all workers included."""
        ...
