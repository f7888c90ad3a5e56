"""What flows between the host and a job: three kinds of channel, none of which can block or grow.

A channel is advanced whenever its file is ready and says whether there is more to come.
"""

from __future__ import annotations

import contextlib
import os
import socket
from typing import IO, Protocol

_CHUNK = 65_536
_REPORT_BYTES = 8_192


class Channel(Protocol):
    """One direction of talk with a supervisor or its job."""

    def advance(self) -> bool:
        """Move what can be moved now; False when this channel has ended."""
        ...


class Output:
    """A stream of the job's: the head is kept, the rest is drained and dropped."""

    def __init__(self, pipe: IO[bytes], limit: int) -> None:
        self._pipe = pipe
        self._limit = limit
        self._kept = bytearray()
        self.flooded = False
        """Whether more came than is kept."""

    def advance(self) -> bool:
        """Read a chunk."""
        try:
            chunk = os.read(self._pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return True
        if not chunk:
            return False
        room = self._limit - len(self._kept)
        self._kept += chunk[:room]
        self.flooded |= len(chunk) > room
        return True

    @property
    def text(self) -> str:
        """What was kept; undecodable bytes are replaced."""
        return self._kept.decode("utf-8", "replace")


class Input:
    """The job's standard input. A job that does not read it is no trouble."""

    def __init__(self, pipe: IO[bytes], content: bytes) -> None:
        self._pipe = pipe
        self._left = memoryview(content)

    def advance(self) -> bool:
        """Write what fits; close the pipe after the last byte."""
        if self._left:
            try:
                self._left = self._left[self._pipe.write(self._left[:_CHUNK]) or 0 :]
            except BrokenPipeError:
                self._left = self._left[:0]
        if not self._left:
            self._pipe.close()
        return bool(self._left)


class Report:
    """The supervisor's side of the socket: lines of `key value`, then the end."""

    def __init__(self, ours: socket.socket) -> None:
        self._socket = ours
        self._data = b""

    def advance(self) -> bool:
        """Receive a piece."""
        chunk = b""
        with contextlib.suppress(ConnectionResetError):
            chunk = self._socket.recv(_CHUNK)
        self._data += chunk
        return bool(chunk) and len(self._data) <= _REPORT_BYTES

    @property
    def lines(self) -> dict[str, str]:
        """What was reported; empty if the supervisor died without a word."""
        pairs = (line.partition(" ") for line in self._data.decode().splitlines())
        return {key: value for key, _, value in pairs}
