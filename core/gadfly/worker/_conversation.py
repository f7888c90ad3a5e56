"""One job, or one with its peer, on workers: what is sent, carried between them, and heard."""

from __future__ import annotations

import contextlib
import selectors
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gadfly._errors import InputError, SandboxError
from gadfly._values.job import Ended, Isolation, Job, JobResult
from gadfly.worker._line import Line, LineError, read_done
from gadfly.worker._pool import Member
from gadfly.worker._ports import MachineryError

_GRACE_SECONDS = 20.0
"""How long after a job's wall time its worker may be silent before it is given up."""


def with_peer(job: Job) -> list[Job]:
    """Return a job and, if it has one, its peer."""
    return [job] if job.peer is None else [job, job.peer]


class Conversation:
    """What is said about one job, with one worker or, for a job with a peer, with two."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._lock = threading.Lock()
        self._cancelled = False
        self._lines: list[Line] = []

    def cancel(self) -> None:
        """Have the job ended; `hold` then ends soon. At any time, from any thread."""
        with self._lock:
            self._cancelled = True
            for line in self._lines:
                with contextlib.suppress(LineError):  # it is over already
                    line.cancel()

    def hold(self, workers: Sequence[Member], isolations: Sequence[Isolation]) -> JobResult:
        """Run the job to its end.

        Raises:
            InputError: The job cannot be given to any process.
            MachineryError: A worker failed.
            SandboxError: The job was cancelled.
        """
        seats = [
            _Seat(job, worker) for job, worker in zip(with_peer(self._job), workers, strict=True)
        ]
        try:
            self._begin(seats)
            self._listen(seats)
        except LineError as error:
            raise MachineryError(self._obituary(seats, error)) from error
        finally:
            with self._lock:
                self._lines = []
        if self._cancelled:
            raise SandboxError("the job was cancelled")
        result, *peers = [
            seat.result(isolation) for seat, isolation in zip(seats, isolations, strict=True)
        ]
        return replace(result, peer=peers[0]) if peers else result

    def _begin(self, seats: Sequence[_Seat]) -> None:
        with self._lock:
            if self._cancelled:
                for seat in seats:
                    seat.worker.healthy = True
                raise SandboxError("the job was cancelled")
            self._lines = [seat.worker.line for seat in seats]
        # The peer first: it stands ready when it is called.
        for seat in reversed(seats):
            seat.worker.line.order(seat.job, channel=len(seats) > 1)
        if self._cancelled:
            self.cancel()  # it may have come too early to reach a job

    def _listen(self, seats: Sequence[_Seat]) -> None:
        """Hear all workers until each has told what happened."""
        longest = max(seat.job.limits.wall_seconds for seat in seats)
        deadline = time.monotonic() + min(longest, 1e9) + _GRACE_SECONDS
        with selectors.DefaultSelector() as selector:
            for seat in seats:
                selector.register(seat.worker.line, selectors.EVENT_READ, seat)
            while any(seat.done is None for seat in seats):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise LineError("a worker did not answer in time")
                for key, _ in selector.select(min(left, _GRACE_SECONDS)):
                    speaker: _Seat = key.data
                    for kind, content in speaker.worker.line.receive():
                        self._hear(kind, content, speaker, seats)
                    if speaker.done is not None:
                        selector.unregister(speaker.worker.line)

    def _hear(self, kind: bytes, content: bytes, seat: _Seat, seats: Sequence[_Seat]) -> None:
        other = next((one for one in seats if one is not seat), None)
        if kind == b"E":
            raise LineError(content.decode("utf-8", "replace")[:500])
        if kind == b"D":
            seat.done = content
            seat.worker.healthy = True
            if other is not None and other.done is None:
                if seat is seats[0]:
                    other.released = True
                    other.worker.line.cancel()
                else:
                    other.worker.line.relay(b"")
        elif kind == b"M" and other is not None and other.done is None:
            other.worker.line.relay(content)

    def _obituary(self, seats: Sequence[_Seat], error: LineError) -> str:
        known = [seat.worker.worker.post_mortem() for seat in seats if not seat.worker.healthy]
        return ": ".join([str(error), *filter(None, known)])


class _Seat:
    """One job and the worker that it is on."""

    def __init__(self, job: Job, worker: Member) -> None:
        self.job = job
        self.worker = worker
        self.done: bytes | None = None
        self.released = False
        """Whether it was told to end because the job that it served has ended."""

    def result(self, isolation: Isolation) -> JobResult:
        assert self.done is not None
        facts, parts = read_done(self.done)
        if "refused" in facts:
            raise InputError(facts["refused"])
        reason: str = facts["reason"]
        if reason == "cancelled" and not self.released:
            raise SandboxError("the job was cancelled")
        stdout, stderr, *files = (part.decode("utf-8", "replace") for part in parts)
        asked = self.job.collect
        names: list[str] = [asked[number] for number, _ in facts["files"]]
        rejected: dict[str, str] = {asked[int(n)]: why for n, why in facts["rejected"].items()}
        return JobResult(
            ended=_ended(reason, facts),
            exit_code=None if reason else facts.get("exit_code"),
            signal=None if reason else facts.get("signal"),
            stdout=stdout,
            stderr=stderr,
            truncated=facts["truncated"],
            files=dict(zip(names, files, strict=True)),
            rejected=rejected,
            wall_seconds=facts["wall"],
            cpu_seconds=facts["cpu"],
            peak_memory_mib=facts["peak"],
            leftover_processes=facts["leftover"],
            isolation=isolation,
        )


def _ended(reason: str, facts: dict[str, Any]) -> Ended:
    if reason:
        return Ended.RELEASED if reason == "cancelled" else Ended(reason)
    return Ended.EXITED if "exit_code" in facts else Ended.SIGNALED
