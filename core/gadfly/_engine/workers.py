"""The pool of critics' processes. One critique per process at a time: a deadline is a kill.

A process that ended its call in time and left nothing running is used again; one that did not, or
whose caller went away, is killed, because nobody can say what it is still doing.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

from gadfly._engine import frames
from gadfly._errors import (
    CriticError,
    GadflyError,
    InputError,
    ModelError,
    SandboxError,
    StorageError,
    ToolError,
)

CALLS_PER_WORKER = 2_000
"""Then it is replaced: what critics leave behind in a process stays bounded."""
IDLE_SECONDS = 10.0
"""How long an unused process is kept."""
CARRIED = (CriticError, ModelError, SandboxError, StorageError, ToolError, InputError)
"""The errors that a critic gets as they are, nearest class first; any other is a `ToolError`."""

Answer = Callable[[dict[str, Any]], Awaitable[Any]]
"""Serves what a critic asks of its context: the ask in, plain data out."""


class WorkerDiedError(Exception):
    """The process ended in the middle of a call, or sent what is not a frame."""


class _Worker:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.loop = asyncio.get_running_loop()
        self.calls = 0
        self.known: set[str] = set()

    @classmethod
    async def start(cls) -> _Worker:
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        # Our own path, whole and in order; `-P` keeps the current folder from going first.
        environment["PYTHONPATH"] = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "gadfly._engine.worker", str(os.getpid())),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=2**20,
                env=environment,
                # A group of its own, so that what it started can be killed with it.
                start_new_session=True,
            )
        except OSError as error:
            raise CriticError(f"no process can be started for it: {error.strerror}") from error
        return cls(process)

    async def call(self, message: dict[str, Any], answer: Answer) -> dict[str, Any]:
        assert self.process.stdin is not None and self.process.stdout is not None
        stdin = self.process.stdin
        answering: set[asyncio.Task[None]] = set()
        try:
            stdin.write(frames.encode(message))
            while (reply := await frames.read(self.process.stdout)) is not None:
                if "ask" in reply:
                    task = asyncio.create_task(_answer(reply, answer, stdin))
                    answering.add(task)
                    task.add_done_callback(answering.discard)
                elif reply.get("done") == message["call"] or reply.get("failed") == message["call"]:
                    return reply
            raise WorkerDiedError
        except frames.FrameError as error:
            raise WorkerDiedError(str(error)) from error
        except ConnectionError as error:
            raise WorkerDiedError from error
        finally:
            for task in answering:
                task.cancel()
            if answering:
                await asyncio.wait(answering)

    @property
    def is_reusable(self) -> bool:
        alive = self.process.returncode is None and self.loop is asyncio.get_running_loop()
        return alive and self.calls < CALLS_PER_WORKER

    async def kill(self) -> None:
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
        if self.loop is not asyncio.get_running_loop():
            # Left by a loop that has ended, which can wait for nothing any more.
            return
        transport: asyncio.SubprocessTransport = self.process._transport  # type: ignore[attr-defined] # noqa: SLF001 - asyncio has no public way
        # A stray child may hold the other ends open for ever, and `wait` would wait for it.
        for pipe in (0, 1):
            end = transport.get_pipe_transport(pipe)  # pyright: ignore[reportUnknownVariableType] - typed as any in its stubs
            if end is None or end.is_closing():
                continue
            if isinstance(end, asyncio.WriteTransport):
                end.abort()
            else:
                end.close()
        await self.process.wait()
        # The garbage collector would otherwise do it, with a warning.
        transport.close()


async def _answer(ask: dict[str, Any], answer: Answer, stdin: asyncio.StreamWriter) -> None:
    reply: dict[str, Any]
    try:
        reply = {"answer": ask["ask"], "value": await answer(ask)}
    except Exception as error:  # noqa: BLE001 - carried to the critic, which may know what to do
        kind = next((kind for kind in CARRIED if isinstance(error, kind)), ToolError)
        name = "" if isinstance(error, GadflyError) else f"{type(error).__name__}: "
        reply = {"answer": ask["ask"], "error": f"{name}{error}", "kind": kind.__name__}
    try:
        frame = frames.encode(reply)
    except (frames.FrameError, ValueError, TypeError) as error:
        reply = {"answer": ask["ask"], "error": str(error), "kind": ToolError.__name__}
        frame = frames.encode(reply)
    with contextlib.suppress(ConnectionError):
        stdin.write(frame)


class Workers:
    """Runs critiques in processes that can be killed.

    Args:
        size: How many may run at a time; further calls wait, and their deadline does not begin.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._slots = asyncio.Semaphore(size)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guard: AsyncGenerator[None] | None = None
        self._idle: list[_Worker] = []
        self._numbers = itertools.count(1)
        self._reaper: asyncio.TimerHandle | None = None
        self._reaping: set[asyncio.Task[None]] = set()

    async def call(
        self, key: str, critic: str, message: dict[str, Any], seconds: float, answer: Answer
    ) -> object:
        """Run one critique.

        Args:
            key: Identifies the critic among those this pool has seen.
            critic: The critic, pickled, as base64; sent to a process that does not know it yet.
            message: The rest of the call (see `worker`).
            seconds: Wall time that it may take.
            answer: Serves its asks.

        Returns:
            What it says its critique is, in plain form.

        Raises:
            TimeoutError: The time is up; its process is dead.
            CriticError: It raised, or its process died.
        """
        await self._enter_loop()
        async with self._slots:
            worker = await self._take()
            call = {**message, "call": next(self._numbers), "key": key}
            if key not in worker.known:
                call["critic"] = critic
            worker.calls += 1
            try:
                async with asyncio.timeout(seconds):
                    reply = await worker.call(call, answer)
            except WorkerDiedError as died:
                # It may be alive: its pipe can be closed, or hold what no worker would send.
                await worker.kill()
                code = worker.process.returncode or 0
                how = f"signal {-code}" if code < 0 else f"exit status {code}"
                raise CriticError(str(died) or f"its process died ({how})") from died
            except BaseException:
                await worker.kill()
                raise
            if "failed" not in reply:
                # A critic that failed may not even have been loaded there.
                worker.known.add(key)
            if reply.get("leaves"):
                await worker.kill()
            else:
                await self._give_back(worker)
        if "failed" in reply:
            raise CriticError(str(reply.get("error")))
        return reply.get("critique")

    async def _enter_loop(self) -> None:
        """Begin anew in an event loop: a graph that is used in several has but one pool."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop = loop
            self._slots = asyncio.Semaphore(self._size)
            self._guard = self._until_loop_ends()
            await anext(self._guard)

    async def _until_loop_ends(self) -> AsyncGenerator[None]:
        # Before a loop ends, it ends its asynchronous generators: `close` may never be called.
        try:
            yield
        finally:
            await self._end_idle()

    async def _take(self) -> _Worker:
        while self._idle:
            worker = self._idle.pop()
            if worker.is_reusable:
                return worker
            await worker.kill()
        return await _Worker.start()

    async def _give_back(self, worker: _Worker) -> None:
        if not worker.is_reusable:
            await worker.kill()
            return
        self._idle.append(worker)
        if self._reaper is not None:
            self._reaper.cancel()
        self._reaper = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._reap)

    def _reap(self) -> None:
        task = asyncio.ensure_future(self._end_idle())
        self._reaping.add(task)
        task.add_done_callback(self._reaping.discard)

    async def close(self) -> None:
        """End the idle processes. Later calls start new ones."""
        self._loop = None
        guard, self._guard = self._guard, None
        if guard is not None:
            await guard.aclose()

    async def _end_idle(self) -> None:
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        idle, self._idle = self._idle, []
        await asyncio.gather(*(worker.kill() for worker in idle))
