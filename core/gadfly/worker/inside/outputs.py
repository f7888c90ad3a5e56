"""What a job says: its two streams, and its line to a peer. Carried, bounded, never read."""

from __future__ import annotations

import contextlib
import os
import select
import socket

from . import wire
from .memory import Memory

RELAYED = 64 << 20
"""Bytes that a job may say to its peer, in all."""


class Output:
    """One stream of a job: what fits is kept, the rest is told from it."""

    def __init__(self, fd: int, cap: int) -> None:
        # One byte more than is kept tells a flood from output that just fits.
        self._memory = Memory(cap + 1)
        self._cap = cap
        self.flooded = False
        """Whether more came than is kept."""
        self.fd = fd
        """Where it comes from; it is closed by others."""
        os.set_blocking(fd, False)

    def __enter__(self) -> Output:  # noqa: PYI034 - `Self` is newer than the oldest Python here
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.close()

    def read(self) -> bool:
        """Take what is there; False at the end."""
        more = self._memory.read_from(self.fd)
        self.flooded |= self._memory.size > self._cap
        return more

    @property
    def kept(self) -> int:
        """How much is kept."""
        return min(self._memory.size, self._cap)

    def write_to(self, fd: int) -> None:
        """Write what is kept."""
        self._memory.write_to(fd, self.kept)


class Channel:
    """A job's line to its peer: carried to and from the host, and never read."""

    def __init__(self, fd: int, writer: int) -> None:
        self._writer = writer
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=os.dup(fd))
        self._socket.setblocking(False)  # noqa: FBT003 - its only form
        # The other side is stopped when it has passed the limit, by one piece at most.
        self._inward = Memory(RELAYED + wire.CHUNK)
        self._given = 0  # of what came from the host, how much the job has
        self._outward = 0
        self._ends = self._ended = False
        self._open = True
        self._watched = -1

    def close(self) -> None:
        """Forget everything."""
        self._socket.close()
        self._inward.close()

    @property
    def flooded(self) -> bool:
        """Whether the job has said more than a job may."""
        return self._outward > RELAYED

    def carry_rest(self) -> None:
        """Carry what the job has said, when it is dead."""
        while not self.flooded and self._carry_out():
            pass

    def _carry_out(self) -> bool:
        """Carry what the job has said, once; False if that was nothing."""
        with Memory(wire.CHUNK) as scratch:
            self._open = self._open and scratch.receive_from(self._socket)
            if scratch.size:
                self._outward += scratch.size
                wire.write_all(self._writer, [wire.HEADER.pack(b"M", scratch.size)])
                scratch.write_to(self._writer, scratch.size)
            return bool(scratch.size)

    def give(self, reader: int, size: int) -> None:
        """Take so many bytes that the job shall read; none is the news that no more will come."""
        if size:
            self._inward.read_exactly(reader, size)
        else:
            self._ends = True

    def announce(self, poller: select.poll) -> None:
        """Say what to wait for."""
        wanted = select.POLLIN if self._open else 0
        if self._given < self._inward.size:
            wanted |= select.POLLOUT
        if wanted != self._watched:
            poller.register(self._socket, wanted)
            self._watched = wanted

    def serve(self, events: dict[int, int]) -> None:
        """Carry what can be carried now."""
        if events.get(self._socket.fileno(), 0) & (select.POLLIN | select.POLLHUP):
            self._carry_out()
        if self._given < self._inward.size:
            try:
                self._given += self._inward.send_to(self._socket, self._given)
            except OSError:  # the job has closed its end
                self._given = self._inward.size
        if self._ends and self._given == self._inward.size and not self._ended:
            self._ended = True
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_WR)
