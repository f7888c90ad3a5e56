"""Identical work in flight is done once: later callers wait for the first one's result."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class _Flight(Generic[T]):
    """One running call and who waits for it."""

    task: asyncio.Task[T]
    waiting: int = 0
    taken: bool = False
    """Whether a caller has its result already."""


class SingleFlight(Generic[T]):
    """Shares one running call among all who ask for the same key at the same time.

    Nothing is remembered once the call has ended. Cancelling one caller leaves the others alone;
    when the last one leaves, the call itself is cancelled.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight[T]] = {}

    async def run(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> tuple[T, bool]:
        """Return the call's result, and whether another caller has it too.

        Of all callers who get a result exactly one is told False, whoever began the call: what it
        cost is counted once even where that one went away.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = _Flight(asyncio.ensure_future(_awaited(call)))
            self._flights[key] = flight
            # What was begun under the same key since then stays.
            flight.task.add_done_callback(lambda _: self._forget(key, flight))
        flight.waiting += 1
        try:
            result = await asyncio.shield(flight.task)
        finally:
            flight.waiting -= 1
            if flight.waiting == 0 and not flight.task.done():
                self._forget(key, flight)
                flight.task.cancel()
                await asyncio.wait({flight.task})
        shared, flight.taken = flight.taken, True
        return result, shared

    def _forget(self, key: Hashable, flight: _Flight[T]) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]


async def _awaited(call: Callable[[], Awaitable[T]]) -> T:
    return await call()
