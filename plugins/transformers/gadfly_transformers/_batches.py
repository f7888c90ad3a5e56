"""Requests to batches, in one worker thread.

Every request brings one *turn* of the thread; a turn takes all that has arrived and answers one
batch of it. So a lone request is answered at once, and what arrives while the thread is busy
becomes the next batch, without a timer and without a lock: the turns outnumber the requests that
wait, and a turn that finds nothing left is over at once.

A batch is the request that has waited longest with those of about its length, so padding is short
and nobody waits for ever. The thread ends when the model is no longer referenced.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import Protocol

from gadfly import GadflyError, ModelError
from gadfly_transformers._requests import Answer, Prompt, Request, Statistics


class Writes(Protocol):
    """What does the work, in the worker thread only: `Writer`."""

    def read(self, request: Request) -> Prompt:
        """Turn a conversation into tokens."""
        ...

    def write(self, prompts: Sequence[Prompt]) -> list[Answer | None]:
        """Answer prompts side by side; None for one that was cancelled meanwhile."""
        ...


class Batches:
    """Gathers concurrent requests into batches. Safe to use from any thread and event loop.

    Args:
        writer: What does the work.
        size: Most requests in one batch.
    """

    def __init__(self, writer: Writes, size: int) -> None:
        self._writer = writer
        self._size = size
        self._arrived: SimpleQueue[Request] = SimpleQueue()
        self._waiting: list[Prompt] = []
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="gadfly-local-model")
        self.statistics = Statistics()
        """Replaced, never changed, after each batch."""

    def add(self, request: Request) -> None:
        """Take a request; it is answered through `request.answer`. A `turn` must follow."""
        self._arrived.put(request)

    def turn(self) -> None:
        """Let the thread answer one batch as soon as it is free."""
        self._thread.submit(self._turn)

    def _turn(self) -> None:
        self._read()
        batch = self._next_batch()
        if not batch:
            return
        try:
            answers = self._writer.write(batch)
        except Exception as error:  # noqa: BLE001 - whatever broke is told to all who wait for it
            for prompt in batch:
                _fail(prompt.request, error)
            return
        pairs = zip(batch, answers, strict=True)
        done = [(prompt, answer) for prompt, answer in pairs if answer is not None]
        self._count([answer for _, answer in done])
        for prompt, answer in done:
            # From here on it can no longer be cancelled, so the result cannot come too late.
            if prompt.request.answer.set_running_or_notify_cancel():
                prompt.request.answer.set_result(answer)

    def _read(self) -> None:
        while True:
            try:
                request = self._arrived.get_nowait()
            except Empty:
                return
            if request.answer.cancelled():
                continue
            try:
                self._waiting.append(self._writer.read(request))
            except Exception as error:  # noqa: BLE001 - told to the one who waits for it
                _fail(request, error)

    def _next_batch(self) -> list[Prompt]:
        self._waiting = [p for p in self._waiting if not p.request.answer.cancelled()]
        if not self._waiting:
            return []
        by_length = sorted(self._waiting, key=lambda prompt: len(prompt.tokens))
        oldest = by_length.index(self._waiting[0])
        last_start = max(0, len(by_length) - self._size)
        start = min(max(0, oldest - self._size // 2), last_start)
        batch = by_length[start : start + self._size]
        taken = {id(prompt) for prompt in batch}
        self._waiting = [prompt for prompt in self._waiting if id(prompt) not in taken]
        return batch

    def _count(self, answers: Sequence[Answer]) -> None:
        before = self.statistics
        self.statistics = Statistics(
            requests=before.requests + len(answers),
            batches=before.batches + 1,
            prompt_tokens=before.prompt_tokens + sum(a.prompt_tokens for a in answers),
            completion_tokens=before.completion_tokens + sum(a.completion_tokens for a in answers),
        )


def _fail(request: Request, error: Exception) -> None:
    if request.answer.set_running_or_notify_cancel():
        if not isinstance(error, GadflyError):
            failure = ModelError(f"the local model failed: {type(error).__name__}: {error}")
            failure.__cause__ = error
            error = failure
        request.answer.set_exception(error)
