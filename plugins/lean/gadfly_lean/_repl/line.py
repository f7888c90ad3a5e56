"""A conversation over the three pipes of a REPL: one question, one answer, and silence.

The event loop looks at the pipes only while a question is open. What came in between lies in the
pipe and is found before the next question is asked: an answer is never read that was there before
its question.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Generator

from gadfly_lean._repl.framing import AnswerReader, TooLongError
from gadfly_lean._repl.processes import Process

_CHUNK = 1 << 16
_WATCH_SECONDS = 0.25
_TAIL_BYTES = 4096
_STDERR_BYTES = 64 << 20


class LostError(Exception):
    """Nothing is known of what was asked, and the REPL is of no use any more.

    Args:
        reason: Why, in a clause.
        again: Whether another REPL may fare better.
    """

    def __init__(self, reason: str, *, again: bool = True) -> None:
        super().__init__(reason)
        self.again = again


class Line:
    """The line to one process.

    Args:
        process: Freshly started.
        max_bytes: Of one answer.
    """

    def __init__(self, process: Process, *, max_bytes: int) -> None:
        popen = process.popen
        assert popen.stdin and popen.stdout and popen.stderr
        self._process = process
        self._in, self._out, self._err = (
            pipe.fileno() for pipe in (popen.stdin, popen.stdout, popen.stderr)
        )
        for fd in (self._in, self._out, self._err):
            os.set_blocking(fd, False)
        self._reader = AnswerReader(max_bytes)
        self._problem = ""
        self._tail = b""
        self._stderr_bytes = 0
        self._woken = asyncio.Event()
        self._rest = memoryview(b"")

    @property
    def stderr(self) -> str:
        """The end of what it wrote to stderr."""
        return self._tail.decode("utf-8", "replace").strip()

    async def ask(self, question: bytes, *, seconds: float, watch: Callable[[], None]) -> bytes:
        """Send a question and return its answer.

        Args:
            question: One framed request.
            seconds: Until when the answer must be there whole.
            watch: Called now and then while the answer is awaited; may raise.

        Raises:
            LostError: No answer came in time, or more than one, or the process ended.
        """
        self.hold_silence()
        self._rest = memoryview(question)
        with self._open():
            answer = await self._answer(seconds, watch)
        if self._rest:
            raise LostError("it answered before it had the question")
        self.hold_silence()
        return answer

    async def _answer(self, seconds: float, watch: Callable[[], None]) -> bytes:
        deadline = time.monotonic() + seconds
        while (answer := self._reader.take()) is None:
            if self._problem:
                raise LostError(self._problem)
            left = deadline - time.monotonic()
            if left <= 0:
                raise LostError(f"there was no answer in {seconds:g} s", again=False)
            self._woken.clear()
            try:
                async with asyncio.timeout(min(left, _WATCH_SECONDS)):
                    await self._woken.wait()
            except TimeoutError:
                watch()
        return answer

    @contextlib.contextmanager
    def _open(self) -> Generator[None]:
        """Have the running event loop look at the pipes."""
        loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()  # the last one may belong to another loop

        def when_writable() -> None:
            if not self._give():
                loop.remove_writer(self._in)

        def when_readable() -> None:
            if not self._take():
                loop.remove_reader(self._out)
            self._woken.set()

        def when_stderr_readable() -> None:
            if not self._take_stderr():
                loop.remove_reader(self._err)
                self._woken.set()

        loop.add_writer(self._in, when_writable)
        loop.add_reader(self._out, when_readable)
        loop.add_reader(self._err, when_stderr_readable)
        try:
            yield
        finally:
            loop.remove_writer(self._in)
            loop.remove_reader(self._out)
            loop.remove_reader(self._err)

    def stop(self, problem: str) -> None:
        """Have whoever waits for an answer wait no longer. From the event loop's thread only."""
        self._problem = self._problem or problem
        self._woken.set()

    def hold_silence(self) -> None:
        """Hold that nothing lies in the pipe, and that the process still listens.

        Raises:
            LostError: Something does: it belongs to no question, so no answer before can be
                trusted to belong to its own.
        """
        while not len(self._reader) and not self._problem and self._take(once=True):
            pass
        self._take_stderr()
        if len(self._reader):
            raise LostError("it said more than it was asked")
        if self._problem:
            raise LostError(self._problem)

    def _give(self) -> bool:
        """Write on; False where there is nothing more to write."""
        try:
            self._rest = self._rest[os.write(self._in, self._rest) :]
        except BlockingIOError:
            return True
        except OSError:  # it ended; what it said before that is still to be read
            self._rest = self._rest[:0]
        return bool(self._rest)

    def _take(self, *, once: bool = False) -> bool:
        """Read from stdout; False at its end, with `once` also where nothing is to be read."""
        try:
            data = os.read(self._out, _CHUNK)
        except BlockingIOError:
            return not once
        except OSError as error:
            data = b""
            self._problem = f"its output cannot be read: {error.strerror}"
        if not data:
            self._problem = self._problem or "it ended"
            return False
        try:
            self._reader.feed(data)
        except TooLongError as error:
            self._problem = f"its answer is too long: {error}"
            return False
        return True

    def _take_stderr(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._err, _CHUNK)
            self._tail = (self._tail + data)[-_TAIL_BYTES:]
            self._stderr_bytes += len(data)
            if self._stderr_bytes > _STDERR_BYTES:
                self._problem = self._problem or f"it wrote over {_STDERR_BYTES} bytes to stderr"
            return bool(data) and not self._problem
        return True
