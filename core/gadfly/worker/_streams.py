"""The usual stream to a worker."""

from __future__ import annotations

import contextlib
import socket

_CHUNK = 1 << 18


class SocketStream:
    """A stream over a connected socket, which it owns."""

    def __init__(self, line: socket.socket) -> None:
        self._socket = line

    def fileno(self) -> int:
        """See `Stream.fileno`."""
        return self._socket.fileno()

    def receive(self) -> bytes:
        """See `Stream.receive`."""
        with contextlib.suppress(ConnectionResetError):
            return self._socket.recv(_CHUNK)
        return b""

    def send(self, data: bytes) -> None:
        """See `Stream.send`."""
        self._socket.sendall(data)

    def close(self) -> None:
        """See `Stream.close`."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # other descriptors of it may live on
        self._socket.close()
