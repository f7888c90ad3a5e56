"""One verification job: the whole input is validated first, then checked, then written out.

A fixed number of asyncio tasks take checks from one iterator over the ledger. Critics run in
processes of their own and their programs in the sandbox, so the tasks only wait; cancelling them
ends both.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Self

from gadfly._engine.checker import Checker
from gadfly._engine.specs import NamedCritic
from gadfly._errors import InputError
from gadfly._jobs._signals import cancelled_by_sigterm
from gadfly._jobs._store import Check, DuplicateIdError, Ledger, summarize
from gadfly._jobs.output import Output
from gadfly._jobs.plan import Plan
from gadfly._jobs.results import Tally, VerifyReport, VerifyResult, combine
from gadfly._jobs.rows import Fields, Row, Source, place_of, read_rows
from gadfly._plugins import Plugins
from gadfly._ports import Sandbox, Tool
from gadfly._values.codec import dump_dict, load
from gadfly._values.task import JSON


class Session:
    """A verification job. Entering it validates everything; `run` or `stream` does the work, once.

    For the arguments see `VerifyOptions`.

    Raises:
        InputError: An argument is wrong; on entering: the input is, or the ledger beside `out`
            belongs to another job.
        StorageError: On entering: the output or its ledger cannot be written.
    """

    def __init__(
        self,
        rows: Source,
        critics: Sequence[NamedCritic],
        *,
        out: str | os.PathLike[str] | None = None,
        prompt_field: str | None = None,
        draft_field: str | None = None,
        id_field: str | None = None,
        input_fields: Sequence[str] = (),
        options: Mapping[str, Mapping[str, JSON]] | None = None,
        sandbox: str | Sandbox | None = "local",
        tools: Sequence[str] | Mapping[str, Tool] = (),
        judge: object = None,
        workers: int | None = None,
        limit: int | None = None,
        restart: bool = False,
        plugins: Plugins | None = None,
    ) -> None:
        if limit is not None and limit < 1:
            raise InputError(f"limit must be at least 1, not {limit}")
        self._source = rows
        self._fields = Fields(
            prompt=prompt_field, draft=draft_field, id=id_field, inputs=tuple(input_fields)
        )
        self._plan = Plan(
            critics,
            options=options,
            sandbox=sandbox,
            tools=tools,
            judge=judge,
            workers=workers,
            plugins=plugins,
        )
        self._out = None if out is None else Path(out)
        self._limit = limit
        self._restart = restart

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._output = self._open_output(stack)
            self._ledger = self._open_ledger(stack)
            self._limit = min(self._limit or self._ledger.total(), self._ledger.total())
            self.kept = self._ledger.done(self._limit)
            self._close = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._close.close()

    @property
    def total(self) -> int:
        """How many rows are to be verified, those that an earlier run has done included."""
        assert self._limit is not None, "a session is used in a `with` block"
        return self._limit

    def run(self, advance: Callable[[int], object] = lambda _: None) -> VerifyReport:
        """Check what is not yet done, write the results and return what came of it.

        Args:
            advance: Called with the number of rows that a finished check has settled.

        Raises:
            InputError: An event loop is running in this thread.
            KeyboardInterrupt: On SIGINT or SIGTERM; the message says what is kept.
            StorageError: The disk is full, say; finished work is kept.
        """
        started = time.monotonic()
        _refuse_running_loop()
        try:
            asyncio.run(_ended_by_sigterm(self._work(advance)))
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise KeyboardInterrupt(self._how_to_go_on()) from None
        return self.finish(time.monotonic() - started)

    async def stream(self) -> AsyncGenerator[VerifyResult, None]:
        """Yield the results in input order, each as soon as all before it are there."""
        news = asyncio.Event()
        work = asyncio.create_task(self._work(lambda _: news.set()))
        work.add_done_callback(lambda _: news.set())
        position = 0
        try:
            while True:
                news.clear()
                over = work.done()
                for plain in self._ledger.results(self.total, after=position):
                    position += 1
                    yield load(VerifyResult, plain)
                if over:
                    break
                await news.wait()
            await work
        finally:
            work.cancel()
            # Its failure was raised above, or nobody is left to hear of it.
            await asyncio.gather(work, return_exceptions=True)

    def finish(self, seconds: float) -> VerifyReport:
        """Write the results where a file was asked for, and return what came of the job."""
        tally = Tally()
        results: list[VerifyResult] = []
        if self._output is not None:
            self._output.write(self._tallied(tally))
        else:
            results = [load(VerifyResult, plain) for plain in self._tallied(tally)]
        out = None if self._out is None else str(self._out)
        return tally.report(seconds=seconds, kept=self.kept, out=out, results=results)

    def _tallied(self, tally: Tally) -> Iterator[dict[str, Any]]:
        for plain in self._ledger.results(self.total):
            tally.add(plain)
            yield plain

    def _open_output(self, stack: ExitStack) -> Output | None:
        if self._out is None:
            return None
        if not self._out.parent.is_dir():
            raise InputError(f"there is no folder {self._out.parent} to put the results in")
        if isinstance(self._source, str | os.PathLike) and self._out.exists():
            source = Path(self._source)
            if source.exists() and source.samefile(self._out):
                raise InputError(f"{self._out} is the input: name another file for the results")
        return stack.enter_context(Output(self._out))

    def _open_ledger(self, stack: ExitStack) -> Ledger:
        path = None if self._out is None else self._out.with_name(f"{self._out.name}.db")
        with ExitStack() as undo:
            ledger = Ledger(path)
            if ledger.is_new and path is not None:
                undo.callback(path.unlink, missing_ok=True)
            undo.enter_context(closing(ledger))
            self._begin(ledger)
            undo.pop_all()
        stack.enter_context(closing(ledger))
        return ledger

    def _begin(self, ledger: Ledger) -> None:
        rows = read_rows(self._source, self._fields)
        if not ledger.is_new and not self._restart:
            self._refuse_another_job(ledger.identity(), rows)
            ledger.retry_broken()
            return
        try:
            ledger.begin(self._plan.identity(), rows)
        except DuplicateIdError as error:
            first = place_of(self._source, error.first)
            second = place_of(self._source, error.second)
            raise InputError(f"{second}: id {error.id!r} is also that of {first}") from error

    def _refuse_another_job(self, before: Mapping[str, JSON], rows: Iterator[Row]) -> None:
        now = {**self._plan.identity(), "input": summarize(rows)}
        differences = [
            f"{name} was {json.dumps(before.get(name))} and is {json.dumps(now[name])}"
            for name in now
            if before.get(name) != now[name]
        ]
        if differences:
            raise InputError(
                f"{self._out} belongs to another job: {'; '.join(differences)}. "
                "Name another file for the results, or throw these away with --restart "
                "(in Python: restart=True)"
            )

    async def _work(self, advance: Callable[[int], object]) -> None:
        if self.kept == self.total:
            return
        sandbox = self._plan.make_sandbox()
        checks = self._ledger.waiting(self.total)
        try:
            async with self._plan.make_checker(sandbox) as checker, asyncio.TaskGroup() as group:
                for _ in range(self._plan.workers):
                    group.create_task(self._check_each(checks, checker, advance))
        except BaseExceptionGroup as group:
            # One line is wanted: the first failure is what the others were cancelled for.
            raise group.exceptions[0] from group
        finally:
            if sandbox is not None and self._plan.owns_sandbox:
                await sandbox.close()

    async def _check_each(
        self, checks: Iterator[Check], checker: Checker, advance: Callable[[int], object]
    ) -> None:
        specs = self._plan.specs
        for check in checks:
            started = time.monotonic()
            checked = await checker.check_all(specs, check.task, check.draft)
            result = combine(check.task.id, checked, specs, time.monotonic() - started)
            self._ledger.finish(check.position, dump_dict(result), broke=result.broke)
            advance(self._ledger.rows_of(check.position, self.total))

    def _how_to_go_on(self) -> str:
        done = f"{self._ledger.done(self.total)} of {self.total} are done"
        if self._out is None:
            return f"{done}; nothing is kept, because no file for the results was named"
        return f"{done} and kept; go on with the same command"


def _refuse_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise InputError("an event loop is running here: use `averify` instead")


async def _ended_by_sigterm(work: Coroutine[Any, Any, None]) -> None:
    with cancelled_by_sigterm():
        await work
