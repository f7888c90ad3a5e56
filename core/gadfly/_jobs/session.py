"""One verification job: the whole input is validated first, then checked, then written out.

The ledger of a job lies beside its results file and holds that one batch, whose id, critics and
input must stay what they are. A store that was named holds many: whoever brings the same work finds
the batch that is there, goes on with it, or works on it side by side with others.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Self

from gadfly._engine.specs import NamedCritic
from gadfly._errors import InputError
from gadfly._jobs._begin import Work
from gadfly._jobs._database import Database
from gadfly._jobs._engines import Engine, LocalEngine
from gadfly._jobs._pump import BatchCancelledError, Pump
from gadfly._jobs._queue import Queue
from gadfly._jobs._signals import cancelled_by_sigterm
from gadfly._jobs._store import Store
from gadfly._jobs._streams import AsTheyCome, InOrder
from gadfly._jobs.output import Output
from gadfly._jobs.plan import Plan
from gadfly._jobs.results import Tally, VerifyReport, VerifyResult
from gadfly._jobs.rows import Fields, Source, checked_priority
from gadfly._plugins import Plugins
from gadfly._ports import Sandbox, Tool
from gadfly._values.codec import load
from gadfly._values.job import Level
from gadfly._values.task import JSON

ENGINES = ("local", "ray")


class Session:
    """A verification job. Entering it validates everything; `run` or `stream` does the work, once.

    For the arguments see `VerifyOptions`.

    Raises:
        InputError: An argument is wrong; on entering: the input is, the ledger beside `out` belongs
            to another job, or the batch was cancelled.
        StorageError: On entering: the output, its ledger or the store cannot be written.
    """

    def __init__(
        self,
        rows: Source,
        critics: Sequence[NamedCritic],
        *,
        out: str | os.PathLike[str] | None = None,
        store: str | os.PathLike[str] | None = None,
        prompt_field: str | None = None,
        draft_field: str | None = None,
        id_field: str | None = None,
        input_fields: Sequence[str] = (),
        priority_field: str | None = None,
        priority: int = 0,
        options: Mapping[str, Mapping[str, JSON]] | None = None,
        sandbox: str | Sandbox | None = "local",
        require: Level | str = Level.UNSAFE,
        tools: Sequence[str] | Mapping[str, Tool] = (),
        judge: object = None,
        engine: str = "local",
        ray_address: str | None = None,
        workers: int | None = None,
        limit: int | None = None,
        restart: bool = False,
        plugins: Plugins | None = None,
    ) -> None:
        if limit is not None and limit < 1:
            raise InputError(f"limit must be at least 1, not {limit}")
        if engine not in ENGINES:
            raise InputError(f"no engine {engine!r}; there are {' and '.join(ENGINES)}")
        if ray_address is not None and engine != "ray":
            raise InputError("a Ray address goes with the engine ray")
        self._source = rows
        self._fields = Fields(
            prompt=prompt_field,
            draft=draft_field,
            id=id_field,
            inputs=tuple(input_fields),
            priority=priority_field,
        )
        self._priority = checked_priority(priority)
        self._plan = Plan(
            critics,
            options=options,
            sandbox=sandbox,
            require=require,
            tools=tools,
            judge=judge,
            workers=workers,
            plugins=plugins,
        )
        self._out = None if out is None else Path(out)
        self._where = store
        self._engine = engine
        self._ray_address = ray_address
        self._workers = workers
        self._limit = limit
        self._restart = restart
        self._cancelled = False

    def __enter__(self) -> Self:
        if self._engine == "ray":
            from gadfly._jobs._ray import require_ray

            require_ray()
        with ExitStack() as stack:
            self._output = self._open_output(stack)
            self._queue = self._open_queue(stack)
            self.kept = self._seen = self._queue.done()
            self._close = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._close.close()

    @property
    def total(self) -> int:
        """How many rows are to be verified, those that an earlier run has done included."""
        return self._queue.limit

    @property
    def batch(self) -> str:
        """The id of the batch, as `gadfly jobs` shows it."""
        return self._queue.batch

    @property
    def cancelled(self) -> bool:
        """Whether somebody has cancelled the batch while this was at work on it."""
        return self._cancelled

    def run(self, advance: Callable[[int], object] = lambda _: None) -> VerifyReport:
        """Check what is not yet done, write the results and return what came of it.

        Args:
            advance: Called with the number of rows that were settled since it was last called.

        Raises:
            InputError: An event loop is running in this thread, or the batch was cancelled.
            KeyboardInterrupt: On SIGINT or SIGTERM; the message says what is kept.
            StorageError: The disk is full, say; finished work is kept.
        """
        started = time.monotonic()
        _refuse_running_loop()
        try:
            asyncio.run(_ended_by_sigterm(self._work(lambda _: None, advance)))
        except (KeyboardInterrupt, asyncio.CancelledError):
            raise KeyboardInterrupt(self._how_to_go_on()) from None
        return self.finish(time.monotonic() - started)

    async def work(self) -> VerifyReport:
        """Do what `run` does, in a running event loop.

        Raises:
            InputError: The batch was cancelled.
            StorageError: The disk is full, say; finished work is kept.
        """
        started = time.monotonic()
        await self._work(lambda _: None, lambda _: None)
        return self.finish(time.monotonic() - started)

    async def stream(self, *, ordered: bool = True) -> AsyncGenerator[VerifyResult, None]:
        """Yield each result once.

        Args:
            ordered: In input order, each as soon as all before it are there; else each as soon as
                it is there, those that an earlier run has found first.
        """
        settled: list[int] = []
        news = asyncio.Event()

        def report(positions: Sequence[int]) -> None:
            settled.extend(positions)
            news.set()

        work = asyncio.create_task(self._work(report, lambda _: news.set()))
        work.add_done_callback(lambda _: news.set())
        results = InOrder(self._queue) if ordered else AsTheyCome(self._queue)
        over = False
        try:
            while not over:
                news.clear()
                over = work.done()
                fresh, settled[:] = tuple(settled), ()
                for plain in results.take(fresh, over=over):
                    yield load(VerifyResult, plain)
                if not over:
                    await news.wait()
            await work
        finally:
            work.cancel()
            # Its failure was raised above, or nobody is left to hear of it.
            await asyncio.gather(work, return_exceptions=True)

    def finish(self, seconds: float, *, keep: bool = True) -> VerifyReport:
        """Write the results where a file was asked for, and return what came of the job.

        Args:
            seconds: How long this run took.
            keep: Whether the report holds the results where there is no file.
        """
        tally = Tally()
        plains = self._tallied(tally)
        results: list[VerifyResult] = []
        if self._output is not None:
            self._output.write(plains)
        elif keep:
            results = [load(VerifyResult, plain) for plain in plains]
        else:
            deque(plains, maxlen=0)  # Only counted.
        out = None if self._out is None else str(self._out)
        return tally.report(
            seconds=seconds,
            kept=self.kept,
            out=out,
            batch=self.batch if self._is_kept else None,
            results=results,
        )

    def _tallied(self, tally: Tally) -> Iterator[dict[str, Any]]:
        for plain in self._queue.results():
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

    def _open_queue(self, stack: ExitStack) -> Queue:
        ledger = None if self._out is None else self._out.with_name(f"{self._out.name}.db")
        with ExitStack() as undo:
            database = Database(ledger if self._where is None else self._where)
            if database.is_new and ledger is not None and not self._is_shared:
                undo.callback(ledger.unlink, missing_ok=True)
            undo.enter_context(closing(database))
            queue = self._begin(database)
            undo.pop_all()
        stack.enter_context(closing(database))
        return queue

    def _begin(self, database: Database) -> Queue:
        work = Work(
            source=self._source,
            fields=self._fields,
            priority=self._priority,
            identity=self._plan.identity(),
            out=self._out,
            engine=self._engine,
            restart=self._restart,
        )
        store = Store(database)
        batch = work.find_in_store(store) if self._is_shared else work.find_in_ledger(store)
        queue = Queue(database, batch.id, limit=min(self._limit or batch.rows, batch.rows))
        if self._is_shared:
            queue.reclaim()
        else:
            # The lock on the results file says that nobody else is at work.
            queue.take_over()
        queue.retry_failed()
        return queue

    async def _work(
        self, report: Callable[[Sequence[int]], object], advance: Callable[[int], object]
    ) -> None:
        if self.kept == self.total:
            return

        def settled(positions: Sequence[int]) -> None:
            report(positions)
            if not self._is_shared:
                advance(sum(position <= self.total for position in positions))

        def count(number: int) -> None:
            # Whoever has settled them.
            if number > self._seen:
                advance(number - self._seen)
                self._seen = number

        pump = Pump(
            self._queue,
            self._plan,
            self._make_engine(),
            report=settled,
            count=count if self._is_shared else None,
        )
        try:
            await pump.run()
        except BatchCancelledError:
            self._cancelled = True
            raise InputError(self._how_to_reopen()) from None

    def _make_engine(self) -> Engine:
        if self._engine == "ray":
            from gadfly._jobs._ray import RayEngine

            return RayEngine(self._plan, address=self._ray_address, workers=self._workers)
        return LocalEngine(self._plan)

    @property
    def _is_shared(self) -> bool:
        return self._where is not None

    @property
    def _is_kept(self) -> bool:
        return self._out is not None or self._is_shared

    def _how_to_go_on(self) -> str:
        done = f"{self._queue.done()} of {self.total} are done"
        if not self._is_kept:
            return f"{done}; nothing is kept, because no file for the results was named"
        return f"{done} and kept; go on with the same command"

    def _how_to_reopen(self) -> str:
        return (
            f"batch {self.batch} was cancelled: {self._queue.done()} of {self.total} are done and "
            f"kept; `gadfly jobs retry {self.batch}` lets it go on"
        )


def _refuse_running_loop() -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise InputError("an event loop is running here: use `averify` instead")


async def _ended_by_sigterm(work: Coroutine[Any, Any, None]) -> None:
    with cancelled_by_sigterm():
        await work
