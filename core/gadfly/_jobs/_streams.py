"""The results of a batch as a stream: each once, in input order or as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from gadfly._jobs._queue import Queue


class Stream(Protocol):
    """Knows which results were handed out."""

    def take(self, settled: Sequence[int], *, over: bool) -> Iterator[dict[str, Any]]:
        """Yield plain results that are there and were not yet handed out.

        Args:
            settled: Positions of the rows that were settled since this was last called.
            over: Whether no more will be settled.
        """
        ...


class InOrder:
    """Hands a result out when all before it have been."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._position = 0

    def take(self, settled: Sequence[int], *, over: bool) -> Iterator[dict[str, Any]]:
        """See `Stream`."""
        for plain in self._queue.results(after=self._position):
            self._position += 1
            yield plain


class AsTheyCome:
    """Hands a result out when it is there: at first what an earlier run has found."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._is_new = True
        self._handed_out = bytearray(queue.limit + 1)

    def take(self, settled: Sequence[int], *, over: bool) -> Iterator[dict[str, Any]]:
        """See `Stream`."""
        if self._is_new or over:
            # All there is: at the end, what other processes have found is there as well.
            found = self._queue.finished_results()
        else:
            found = self._queue.results_at(settled)
        self._is_new = False
        for position, plain in found:
            if not self._handed_out[position]:
                self._handed_out[position] = True
                yield plain
