"""Workers that are started, kept warm, replaced, and ended."""

from __future__ import annotations

import contextlib
import logging
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gadfly._errors import SandboxError
from gadfly._values.codec import decode_json
from gadfly.worker._line import Line, LineError
from gadfly.worker._ports import Backend, Flavour, MachineryError, Worker

logger = logging.getLogger(__name__)

_START_SECONDS = 60.0
"""How long a worker may take to be ready, imports included."""


class Member:
    """A worker of the pool."""

    def __init__(self, worker: Worker, facts: dict[str, Any], line: Line) -> None:
        self.worker = worker
        self.line = line
        self.facts = facts
        """What it said of itself."""
        self.jobs = 0
        """How many it was given."""
        self.healthy = False
        """Whether it has said all about its last job, so that it may get another."""


class Pool:
    """Keeps workers by flavour.

    Args:
        backend: Starts them.
        jobs_per_worker: Returns after how many jobs one is replaced; asked when one has started.
        spares: How many stand ready where each gets only one job.
    """

    def __init__(
        self, backend: Backend, *, jobs_per_worker: Callable[[], int], spares: int
    ) -> None:
        self._backend = backend
        self._jobs_per_worker = jobs_per_worker
        self._spares = spares
        self._idle: dict[Flavour, deque[Member]] = {}
        self._coming: dict[Flavour, int] = {}
        self._lock = threading.Lock()
        self._starters = ThreadPoolExecutor(2, f"gadfly-{backend.name}-starter")
        self._closed = False

    @contextlib.contextmanager
    def worker(self, flavour: Flavour, *, fresh: bool) -> Generator[Member]:
        """Lend a worker of a flavour; one that is not `healthy` at the end is ended.

        Args:
            flavour: What it must have been started for.
            fresh: Whether it must never have had a job.

        Raises:
            SandboxError: None can be started.
        """
        member = self._take(flavour, fresh=fresh) or self._start(flavour)
        member.healthy = False
        member.jobs += 1
        self._prepare(flavour)
        try:
            yield member
        finally:
            self._give(flavour, member)

    def close(self) -> None:
        """End all workers that are here."""
        with self._lock:
            self._closed = True
        self._starters.shutdown()
        for idle in self._idle.values():
            while idle:
                _end(idle.pop())

    def _take(self, flavour: Flavour, *, fresh: bool) -> Member | None:
        with self._lock:
            idle = self._idle.setdefault(flavour, deque())
            while idle:
                member = idle.pop()
                if _is_quiet(member.line) and not (fresh and member.jobs):
                    return member
                self._starters.submit(_end, member)
        return None

    def _give(self, flavour: Flavour, member: Member) -> None:
        with self._lock:
            if member.healthy and member.jobs < self._jobs_per_worker() and not self._closed:
                self._idle[flavour].append(member)
                return
            if not self._closed:
                self._starters.submit(_end, member)
                return
        _end(member)

    def _prepare(self, flavour: Flavour) -> None:
        """Have spares started, so that the next job need not wait for them."""
        with self._lock:
            coming = self._coming.setdefault(flavour, 0)
            spares = self._spares if self._jobs_per_worker() == 1 else 0
            missing = spares - len(self._idle[flavour]) - coming
            if self._closed or missing <= 0:
                return
            self._coming[flavour] += missing
            for _ in range(missing):
                self._starters.submit(self._start_spare, flavour)

    def _start_spare(self, flavour: Flavour) -> None:
        member = None
        try:
            if not self._closed:
                member = self._start(flavour)
        except SandboxError as error:
            logger.warning("no spare worker: %s", error)
        finally:
            with self._lock:
                self._coming[flavour] -= 1
        with self._lock:
            if member is not None and not self._closed:
                self._idle[flavour].append(member)
                return
        if member is not None:
            _end(member)

    def _start(self, flavour: Flavour) -> Member:
        worker = self._backend.start(flavour)
        line = Line(worker.stream)
        return Member(worker, ready(worker, line), line)


def ready(worker: Worker, line: Line) -> dict[str, Any]:
    """Return what a fresh worker says of itself, when it is ready.

    Raises:
        MachineryError: It is gone without a word.
        SandboxError: It never is, as it says itself, or in time. In any case it was ended.
    """
    deadline = time.monotonic() + _START_SECONDS
    failure, problem = SandboxError, f"it was not ready within {_START_SECONDS:.0f} s"
    try:
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([line], [], [], left)[0]:
                break
            if frames := line.receive():
                kind, content = frames[0]
                if kind == b"R":
                    facts: dict[str, Any] = decode_json(content.decode())
                    return facts
                problem = content.decode("utf-8", "replace")[:500]
                break
    except LineError as error:
        failure, problem = MachineryError, str(error)
    worker.kill()
    known = worker.post_mortem()
    worker.stream.close()
    raise failure(f"a worker did not start: {problem}{': ' if known else ''}{known}")


def _is_quiet(line: Line) -> bool:
    """Whether an idle worker says nothing: its death, or a word out of turn, can be read."""
    return not select.select([line], [], [], 0)[0]


def _end(member: Member) -> None:
    member.worker.kill()
    member.worker.stream.close()
