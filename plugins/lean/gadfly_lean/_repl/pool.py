"""The driver `repl`: a bounded number of REPLs, kept warm by header.

A REPL belongs to the exact text of a header and to the version of Lean that answered first; it is
lent to one submission at a time. Where all are taken, callers wait in line. Where all places are
taken by other headers, the REPL that was used longest ago makes room. What is unexpected is tried
once more on a fresh REPL, and is then a `problem`, never an answer.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from gadfly import JSON, InputError, digest
from gadfly_lean._names import parse_name
from gadfly_lean._ports import Answer, Request, Sorry, Tactic
from gadfly_lean._repl.line import LostError
from gadfly_lean._repl.messages import CommandResponse, write_response
from gadfly_lean._repl.processes import Confinement
from gadfly_lean._repl.worker import Elaborated, ReplLimits, Worker, as_messages

_RAW_BYTES = 32 << 10
_ENDING_SECONDS = 0.2


class ReplPool:
    """Elaborates submissions on warm REPLs. See `Lean`; levels above L2 are not to be had here.

    What a REPL says is forgeable by code that runs in it (`_repl.probe` says how far that goes).
    One pool serves one event loop at a time. Sent to another process, as critics are, it begins
    anew there, without REPLs; they end with that process.

    Args:
        command: Starts a REPL in the folder (`("lake", "env", "/path/to/repl")`).
        project: The folder of the Lean project whose libraries headers import.
        workers: REPLs at any one time. Each takes the memory of what its header imports.
        limits: What one may use, and when it is replaced.
        confinement: What holds each of them.
        environ: Variables to add to those that Lean needs; the rest of ours they do not see.

    Raises:
        InputError: There is no such folder, no command, or no worker.
    """

    name = "repl"

    def __init__(
        self,
        command: Sequence[str],
        *,
        project: Path | str = ".",
        workers: int = 2,
        limits: ReplLimits | None = None,
        confinement: Confinement | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = Path(project)
        if not self._folder.is_dir():
            raise InputError(f"{self._folder} is not a folder: give the Lean project")
        if not command or workers < 1:
            raise InputError("a pool needs a command and at least one worker")
        if os.name != "posix":
            raise InputError("the pool of REPLs needs a POSIX system")
        self._command = tuple(command)
        self._limits = limits or ReplLimits()
        self._confinement = confinement or Confinement()
        self._environ = dict(environ or {})
        self._workers = workers
        self._places = asyncio.Semaphore(workers)
        self._idle: list[Worker] = []
        """The one that was used last is last."""
        self._busy: set[Worker] = set()
        self._ending: list[Worker] = []
        self._version = ""
        self._closed = False

    def __reduce__(self) -> tuple[Callable[..., ReplPool], tuple[object, ...]]:
        make = partial(
            ReplPool,
            project=self._folder,
            workers=self._workers,
            limits=self._limits,
            confinement=self._confinement,
            environ=self._environ,
        )
        return make, (self._command,)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def pids(self) -> frozenset[int]:
        """The processes that it has started and not ended."""
        return frozenset(worker.pid for worker in (*self._idle, *self._busy))

    async def check(self, request: Request) -> Answer:
        """Elaborate one submission on an environment of its own; see `Lean.check`.

        Raises:
            InputError: The target is not a name.
        """
        if request.want_axioms and request.target:
            parse_name(request.target)
        begun = time.monotonic()
        problem, seen = "", None
        for fresh in (False, True):
            try:
                seen = await self._elaborate(request, fresh=fresh)
                break
            except LostError as error:
                problem = f"{problem}; again: {error}" if problem else str(error)
                if not error.again:
                    break
        versions = {"lean": self._version} if self._version else {}
        elapsed = time.monotonic() - begun
        if seen is None:
            return Answer(
                driver=self.name, problem=problem, elapsed_seconds=elapsed, versions=versions
            )
        return as_answer(self.name, seen, elapsed_seconds=elapsed, versions=versions)

    async def close(self) -> None:
        """End all REPLs and wait until they are gone; whoever waits for one gets a problem."""
        self._closed = True
        for worker in (*self._idle, *self._busy):
            worker.kill()
        while self._busy:  # noqa: ASYNC110 - who borrowed one is told that it ended, and gives it back
            await asyncio.sleep(0.002)
        ending, self._idle, self._ending = [*self._idle, *self._ending], [], []
        for worker in ending:
            await asyncio.to_thread(worker.reap)

    async def _elaborate(self, request: Request, *, fresh: bool) -> Elaborated:
        async with self._places, self._lent(request.header, fresh=fresh) as worker:
            try:
                return await worker.elaborate(request)
            except LostError as error:
                raise await self._explained(error, worker) from error

    @asynccontextmanager
    async def _lent(self, header: str, *, fresh: bool) -> AsyncGenerator[Worker]:
        """Lend a REPL that has elaborated the header; it comes back only if all went well."""
        worker = None if fresh else self._warm(header)
        begun = worker is not None
        if worker is None:
            self._make_room()
            if self._closed:
                raise LostError("the pool is closed", again=False)
            worker = Worker(
                self._command, self._folder, self._limits, self._confinement, self._environ
            )
        self._busy.add(worker)
        good = False
        try:
            if not begun:
                await self._begin(worker, header)
            yield worker
            good = not (worker.is_worn or self._closed)
        finally:
            self._busy.discard(worker)
            if good:
                self._idle.append(worker)
            else:
                self._end(worker)

    async def _begin(self, worker: Worker, header: str) -> None:
        try:
            await worker.begin(header)
        except LostError as error:
            raise await self._explained(error, worker) from error
        self._version = self._version or worker.version
        if worker.version != self._version:
            raise LostError(
                f"Lean was {self._version} when the pool began and is now {worker.version}: "
                "make a new pool",
                again=False,
            )

    def _warm(self, header: str) -> Worker | None:
        for place in reversed(range(len(self._idle))):
            if self._idle[place].header == header:
                return self._idle.pop(place)
        return None

    def _make_room(self) -> None:
        """End the REPL that was used longest ago where there is no place for one more."""
        self._ending = [worker for worker in self._ending if not worker.try_reap()]
        while self._idle and len(self._idle) + len(self._busy) >= self._workers:
            self._end(self._idle.pop(0))

    def _end(self, worker: Worker) -> None:
        worker.kill()
        if not worker.try_reap():
            self._ending.append(worker)

    async def _explained(self, error: LostError, worker: Worker) -> LostError:
        """Add how the process ended, if it has: its end is seen a moment after that of its pipe."""
        deadline = time.monotonic() + _ENDING_SECONDS
        while str(error) == "it ended" and not worker.why_it_ended():
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.005)
        why = worker.why_it_ended()
        return LostError(f"the REPL: {error}{f' ({why})' if why else ''}", again=error.again)


def as_answer(
    driver: str,
    seen: Elaborated,
    *,
    elapsed_seconds: float,
    versions: Mapping[str, str],
    lines_before: int = 0,
) -> Answer:
    """Return what was seen in the port's terms.

    Args:
        driver: Whose answer it is.
        seen: What was seen.
        elapsed_seconds: How long it took, waiting included.
        versions: Of Lean and what is around it.
        lines_before: Lines that stood before the source in what was sent.
    """
    response = seen.response
    return Answer(
        driver=driver,
        messages=as_messages(response.messages, lines_before),
        sorries=tuple(
            Sorry(
                goal=sorry.goal,
                line=max(0, sorry.pos.line - lines_before) if sorry.pos else 0,
                column=sorry.pos.column if sorry.pos else 0,
            )
            for sorry in response.sorries
        ),
        tactics=_tactics(response, lines_before) if seen.has_tactics else None,
        axioms=seen.axioms,
        env=response.env,
        elapsed_seconds=elapsed_seconds,
        raw=_bounded(response),
        versions=versions,
    )


def _tactics(response: CommandResponse, lines_before: int) -> tuple[Tactic, ...]:
    return tuple(
        Tactic(
            text=one.tactic,
            goals=one.goals,
            line=max(0, one.pos.line - lines_before),
            column=one.pos.column,
            end_line=max(0, one.end_pos.line - lines_before),
            end_column=one.end_pos.column,
        )
        for one in response.tactics
    )


def _bounded(response: CommandResponse) -> JSON:
    value = cast("JSON", write_response(response))
    text = json.dumps(value)
    if len(text) <= _RAW_BYTES:
        return value
    return {"begins": text[:_RAW_BYTES], "characters": len(text), "digest": digest(text)}
