"""The byte stream to a container's first process, out of what docker makes of it.

An attached container without a terminal has both its outputs in one stream: each piece comes with
a header of eight bytes, which names the output and the piece's size. What we send is not wrapped.
"""

from __future__ import annotations

import contextlib
import socket
import struct

_HEADER = struct.Struct(">B3xI")
_STDOUT, _STDERR = 1, 2
_AT_ONCE = 1 << 16
_ERRORS_KEPT = 4096
"""Bytes of the newest standard error: enough to say why a worker did not start."""
PATIENCE_SECONDS = 30.0
"""How long the other side may neither read nor finish a piece that it has begun."""


class Pieces:
    """Takes docker's stream apart, however it was cut on its way."""

    def __init__(self) -> None:
        self._header = b""
        self._output = _STDOUT
        self._expected = 0
        self._errors = bytearray()

    def feed(self, data: bytes) -> bytes:
        """Return what of the standard output is in the next bytes of the stream.

        Raises:
            OSError: This is not docker's format.
        """
        found: list[bytes] = []
        rest = memoryview(data)
        while rest:
            if self._expected == 0:
                rest = self._read_header(rest)
                continue
            piece, rest = rest[: self._expected], rest[self._expected :]
            self._expected -= len(piece)
            if self._output == _STDOUT:
                found.append(bytes(piece))
            else:
                self._errors += piece
                del self._errors[:-_ERRORS_KEPT]
        return b"".join(found)

    def _read_header(self, rest: memoryview) -> memoryview:
        missing = _HEADER.size - len(self._header)
        self._header += bytes(rest[:missing])
        if len(self._header) == _HEADER.size:
            self._output, self._expected = _HEADER.unpack(self._header)
            if self._output not in {_STDOUT, _STDERR} or any(self._header[1:4]):
                raise OSError(f"the docker engine sent {self._header!r} for a piece of output")
            self._header = b""
        return rest[missing:]

    @property
    def errors(self) -> str:
        """The end of the standard error so far."""
        return self._errors.decode(errors="replace")


class AttachedStream:
    """The standard streams of a container's first process; see `gadfly.worker.Stream`.

    Args:
        attached: The connection on which the engine passes them on. It is closed with the stream.
    """

    def __init__(self, attached: socket.socket) -> None:
        self._socket = attached
        # Never for ever: not if the engine stops in the middle of a piece, nor if nobody reads.
        self._socket.settimeout(PATIENCE_SECONDS)
        self._pieces = Pieces()

    def fileno(self) -> int:
        """See `gadfly.worker.Stream.fileno`."""
        return self._socket.fileno()

    def receive(self) -> bytes:
        """See `gadfly.worker.Stream.receive`."""
        while True:
            try:
                data = self._socket.recv(_AT_ONCE)
            except ConnectionError:
                return b""
            if not data:
                return b""
            # Standard error alone is no answer: the worker's own output follows, or the end.
            if found := self._pieces.feed(data):
                return found

    def send(self, data: bytes) -> None:
        """See `gadfly.worker.Stream.send`."""
        self._socket.sendall(data)

    def cut(self) -> None:
        """End the connection both ways, from any thread: who waits for it is woken.

        The descriptor stays: its number could be another's while somebody still waits on it.
        """
        with contextlib.suppress(OSError):  # the engine was first
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """See `gadfly.worker.Stream.close`."""
        self.cut()
        self._socket.close()

    @property
    def errors(self) -> str:
        """The end of what the process wrote to its standard error."""
        return self._pieces.errors
