"""Moves checks from the queue through an engine and back, with few in memory at a time.

A fixed number of slots take checks that were claimed a few ahead; what is finished is written down
by one writer, as many at a time as have come together meanwhile. Slots wait where the writer falls
behind. A thread of its own gives signs of life and hears of a cancellation, whatever the event loop
is busy with.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self, TypeVar, TypeVarTuple

from gadfly._errors import StorageError
from gadfly._jobs._engines import Engine, LostWorkerError, given_up
from gadfly._jobs._queue import LEASE_SECONDS, Check, Finished, Queue
from gadfly._jobs.plan import Plan
from gadfly._jobs.results import VerifyResult
from gadfly._values.codec import dump_dict

logger = logging.getLogger(__name__)

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

AHEAD_SECONDS = 0.2
"""For about so long a process claims ahead..."""
MOST_AHEAD = 64
"""...but never more than so many rows; nor are more finished ones kept from being written."""
POLL_SECONDS = 1.0
"""Time between two looks at what other processes have done to the batch."""
MOST_ATTEMPTS = 3
"""How often a draft may end the process that checks it."""


class BatchCancelledError(Exception):
    """Somebody has cancelled the batch, or has thrown it away."""


class Pump:
    """Checks what is queued until nothing is.

    Args:
        queue: Where checks come from and results go to.
        plan: What to check with.
        engine: What checks.
        report: Called, in the event loop, with the positions of the rows that were settled.
        count: Called, in the event loop, with the number of all settled rows, now and then; None
            where nobody else can settle any.
    """

    def __init__(
        self,
        queue: Queue,
        plan: Plan,
        engine: Engine,
        *,
        report: Callable[[Sequence[int]], object],
        count: Callable[[int], object] | None = None,
    ) -> None:
        self._queue = queue
        self._plan = plan
        self._engine = engine
        self._report = report
        self._count = count
        self._claimed: deque[Check] = deque()
        self._claiming = asyncio.Lock()
        self._unwritten: dict[int, Finished] = {}
        self._room = asyncio.Semaphore(MOST_AHEAD)
        self._news = asyncio.Event()
        self._written = asyncio.Event()
        self._cancelled = asyncio.Event()
        self._over = False
        self._finished = 0

    async def run(self) -> None:
        """Do the work.

        Raises:
            BatchCancelledError: The batch is no longer wanted; what is done is kept.
            StorageError: The queue cannot be read or written.
        """
        self._started = time.monotonic()
        watch = _Watch(self._queue, asyncio.get_running_loop(), self._cancelled.set, self._count)
        # One thread: statements of one process would only wait for each other.
        with ThreadPoolExecutor(1, "gadfly-store") as self._thread, watch:
            try:
                async with self._engine:
                    await self._run_slots()
            except BaseExceptionGroup as group:
                # One line is wanted: the first failure is what the others were cancelled for.
                raise group.exceptions[0] from group
            finally:
                self._thread.shutdown()
                self._leave()

    async def _run_slots(self) -> None:
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(self._write())
            alarm = group.create_task(self._raise_when_cancelled())
            slots = [group.create_task(self._work(slot)) for slot in range(self._engine.slots)]
            await asyncio.wait(slots)
            self._over = True
            self._news.set()
            await writer
            alarm.cancel()
            # Nothing is left to do in a cancelled batch either.
            if not await self._call(self._queue.is_open):
                raise BatchCancelledError

    def _leave(self) -> None:
        """Keep what was finished, give back what was not."""
        try:
            if self._unwritten:
                self._queue.finish(list(self._unwritten.values()))
            self._queue.give_back()
        except StorageError as error:
            # Whoever goes on finds the leases run out.
            logger.debug("could not leave the queue in order", exc_info=error)

    async def _work(self, slot: int) -> None:
        while (check := await self._next()) is not None:
            try:
                result = await self._engine.check(slot, check)
            except LostWorkerError as error:
                if check.attempts < MOST_ATTEMPTS:
                    await self._call(self._queue.give_back, [check.position])
                    continue
                reason = f"{error} ({check.attempts} times)"
                result = given_up(self._plan, check, reason)
            await self._room.acquire()
            self._unwritten[check.position] = _finished(check, result)
            self._news.set()

    async def _next(self) -> Check | None:
        """The next check; None when there will be none."""
        async with self._claiming:
            while not self._claimed and not self._over:
                self._written.clear()
                self._claimed.extend(await self._call(self._queue.claim, self._ahead()))
                if self._claimed:
                    break
                await self._call(self._queue.reclaim)
                if not await self._call(self._queue.unfinished):
                    self._over = True
                    break
                # What is left is at work, here or elsewhere, and may come back.
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._written.wait(), POLL_SECONDS)
            return self._claimed.popleft() if self._claimed else None

    def _ahead(self) -> int:
        """How many to claim: enough to be busy, few enough to leave others some."""
        rate = self._finished / max(time.monotonic() - self._started, AHEAD_SECONDS)
        return max(self._engine.slots, min(MOST_AHEAD, int(rate * AHEAD_SECONDS)))

    async def _write(self) -> None:
        while not self._over or self._unwritten:
            await self._news.wait()
            self._news.clear()
            while group := list(self._unwritten.values()):
                settled = await self._call(self._queue.finish, group)
                for finished in group:
                    del self._unwritten[finished.position]
                    self._room.release()
                self._finished += len(group)
                self._written.set()
                self._report(settled)

    async def _raise_when_cancelled(self) -> None:
        await self._cancelled.wait()
        raise BatchCancelledError

    async def _call(self, function: Callable[[*Arguments], T], *arguments: *Arguments) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, function, *arguments)


class _Watch:
    """A thread that renews the leases and looks whether the batch is still wanted."""

    def __init__(
        self,
        queue: Queue,
        loop: asyncio.AbstractEventLoop,
        cancelled: Callable[[], object],
        count: Callable[[int], object] | None,
    ) -> None:
        self._queue = queue
        self._loop = loop
        self._cancelled = cancelled
        self._count = count
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gadfly-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic() + LEASE_SECONDS / 3
        while not self._over.wait(POLL_SECONDS):
            try:
                if not self._queue.is_open():
                    self._loop.call_soon_threadsafe(self._cancelled)
                    return
                if self._count is not None:
                    self._loop.call_soon_threadsafe(self._count, self._queue.settled())
                if time.monotonic() >= due:
                    self._queue.renew()
                    due = time.monotonic() + LEASE_SECONDS / 3
            except StorageError as error:
                # The next look may be luckier; those at work will say what is the matter.
                logger.debug("could not look at the queue", exc_info=error)


def _finished(check: Check, result: VerifyResult) -> Finished:
    return Finished(check.position, json.dumps(dump_dict(result)), result.broke)
