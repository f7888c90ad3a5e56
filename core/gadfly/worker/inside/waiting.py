"""A job's process that is forked before there is a job, and the line on which it is given one.

    worker                          job's process
    Waiting(), fork() ------------> gets shut in
    order() ----------------------> take_order(): what the job may use, and what it prints to
    receive() <-------------------- it begins, or why it cannot

What it takes to have a process is done when a job comes.
"""

from __future__ import annotations

import marshal
import os
import select
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WORD_BYTES, _MOST_DESCRIPTORS = 4096, 4


class Waiting:
    """A process that waits for its job, as its worker has it, and as it has itself."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.line, self._theirs = ours.detach(), theirs.detach()
        self.pid = 0

    def fork(self) -> bool:
        """Fork it; True in the process that is to wait.

        Raises:
            OSError: There is none to be had.
        """
        self.pid = os.fork()
        if self.pid == 0:
            self.line, self._theirs = self._theirs, self.line
        os.close(self._theirs)
        return self.pid == 0

    def take_order(self) -> tuple[dict[str, Any], list[int]]:
        """Wait for a job, and return its facts and what it prints to."""
        word, fds = self.receive()
        if not word:
            os._exit(0)  # there will be none
        limits: dict[str, Any] = marshal.loads(word)  # noqa: S302 - from the worker
        return limits, fds

    def order(self, limits: dict[str, Any], streams: list[int]) -> None:
        """Give it a job. Should it be gone, `receive` tells."""
        try:
            self.send(marshal.dumps(limits), streams)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def is_gone(self) -> bool:
        """Whether it is gone before it had a job: somebody has killed it."""
        poller = select.poll()
        poller.register(self.line, 0)
        return bool(poller.poll(0))

    def send(self, word: bytes, fds: list[int]) -> None:
        """Say a word to the other side, with descriptors."""
        with self._socket() as told:
            socket.send_fds(told, [word], fds)

    def receive(self) -> tuple[bytes, list[int]]:
        """Return a word of the other side's, empty if that is gone, and what comes with it."""
        with self._socket() as told:
            try:
                word, fds, _, _ = socket.recv_fds(told, _WORD_BYTES, _MOST_DESCRIPTORS)
            except ConnectionResetError:
                return b"", []
        return word, fds

    def close(self) -> None:
        """Let go of the line."""
        os.close(self.line)

    def _socket(self) -> socket.socket:
        """Return our end as an object, which may be closed by itself."""
        return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=os.dup(self.line))
