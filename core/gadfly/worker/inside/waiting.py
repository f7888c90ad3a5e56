"""A job's process that is forked before there is a job, and the lines between it and its worker.

    worker                          job's process
    Waiting(), fork() ------------> gets shut in
    order() ----------------------> take_order(): what the job may use
    hear() <----------------------- it begins, or why it cannot

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
        self.pid = 0
        # Without objects around them: each costs a process some pages.
        self.line, self._line = _pair(socket.SOCK_SEQPACKET)
        self.channel, self._channel = _pair(socket.SOCK_STREAM)
        self.stdout, self._stdout = os.pipe2(os.O_CLOEXEC)
        self.stderr, self._stderr = os.pipe2(os.O_CLOEXEC)

    def fork(self) -> bool:
        """Fork it; True in the process that is to wait.

        Raises:
            OSError: There is none to be had.
        """
        self.pid = os.fork()
        if self.pid == 0:
            self.line, self._line = self._line, self.line
            self.channel, self._channel = self._channel, self.channel
            self.stdout, self._stdout = self._stdout, self.stdout
            self.stderr, self._stderr = self._stderr, self.stderr
        # In both: holding the worker's end itself, it would never see that the worker has gone.
        for fd in (self._line, self._channel, self._stdout, self._stderr):
            os.close(fd)
        return self.pid == 0

    def close(self) -> None:
        """Let go of all lines."""
        for fd in (self.line, self.channel, self.stdout, self.stderr):
            os.close(fd)

    def take_order(self) -> dict[str, Any]:
        """Wait for a job, and return its facts."""
        word = os.read(self.line, _WORD_BYTES)
        if not word:
            os._exit(0)  # there will be none
        limits: dict[str, Any] = marshal.loads(word)  # noqa: S302 - from the worker
        return limits

    def order(self, limits: dict[str, Any]) -> None:
        """Give it a job. Should it be gone, `hear` tells."""
        try:
            os.write(self.line, marshal.dumps(limits))
        except (BrokenPipeError, ConnectionResetError):
            pass

    def is_gone(self) -> bool:
        """Whether it is gone before it had a job: somebody has killed it."""
        poller = select.poll()
        poller.register(self.line, 0)
        return bool(poller.poll(0))

    def give(self, word: bytes, fds: list[int]) -> None:
        """Say a word to the worker, and give it descriptors."""
        with self._socket() as told:
            socket.send_fds(told, [word], fds)

    def hear(self) -> tuple[bytes, list[int]]:
        """Return a word of the process, empty if it is gone, and the descriptors that it gives."""
        with self._socket() as told:
            try:
                word, fds, _, _ = socket.recv_fds(told, _WORD_BYTES, _MOST_DESCRIPTORS)
            except ConnectionResetError:
                return b"", []
        return word, fds

    def _socket(self) -> socket.socket:
        """Return our end of the line as an object, which may be closed by itself."""
        return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, fileno=os.dup(self.line))


def _pair(kind: int) -> tuple[int, int]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, kind)
    return ours.detach(), theirs.detach()
