"""The public functions: verify many drafts, to a report or as a stream."""

from __future__ import annotations

import os
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Generator,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from typing import Any, TypedDict, Unpack

from gadfly._errors import InputError
from gadfly._jobs.results import VerifyReport, VerifyResult
from gadfly._jobs.session import Session
from gadfly._plugins import Plugins
from gadfly._ports import Critic, CriticSpec, Sandbox, Tool
from gadfly._values.job import Level
from gadfly._values.task import JSON


class VerifyOptions(TypedDict, total=False):
    """The keyword options of `verify` and `averify`."""

    out: str | os.PathLike[str] | None
    """The results file: one JSON line per row, or Parquet where its name ends in `.parquet`. Its
    ledger lies beside it, as `OUT.db`: started again with the same arguments, the job goes on.
    None: results are only returned."""
    store: str | os.PathLike[str] | None
    """Where the work is kept instead of beside `out`: a database's URL (`postgresql://...`,
    `sqlite:///FILE`) or an SQLite file. It holds many jobs; the same call goes on with its own, or
    works on it side by side with the processes that already do."""
    prompt_field: str | None
    """By default `prompt` or `question`, whichever the first row has."""
    draft_field: str | None
    """By default `draft`, `response`, `program` or `text`."""
    id_field: str | None
    """By default `id`, or the number of the line where the first row has none."""
    input_fields: Sequence[str]
    """Further fields that critics may see, as `Task.inputs`. No other field gets to them."""
    priority_field: str | None
    """By default `priority`, where the first row has a whole number there. Rows of a higher one are
    checked first; results come in input order all the same."""
    priority: int
    """That of rows that have none of their own; 0 by default."""
    options: Mapping[str, Mapping[str, JSON]] | None
    """Options of plugin critics, by critic id."""
    sandbox: str | Sandbox | None
    """Where critics' programs run; `local` by default, None for none."""
    require: Level | str
    """The weakest level of isolation that will do; in a weaker sandbox nothing is checked."""
    tools: Sequence[str] | Mapping[str, Tool]
    """Tools for critics: ids of plugin tools, or a mapping of ids to tools."""
    judge: object
    """The model that critics may ask; by default none."""
    engine: str
    """What checks: `local`, this machine, or `ray`, the workers of a Ray cluster."""
    ray_address: str | None
    """The cluster's address; by default the one this process is connected to or that `RAY_ADDRESS`
    names, else one is started on this machine and ended afterwards."""
    workers: int | None
    """Drafts that are checked at a time; by default as many as there are cores."""
    limit: int | None
    """Verify only the first rows. A later run with a higher limit goes on from there."""
    restart: bool
    """Throw away what an earlier run has left beside `out`."""
    plugins: Plugins | None
    """Where names are looked up; `Plugins.discover()` by default."""


def verify(
    rows: str | os.PathLike[str] | Iterable[Mapping[str, JSON]],
    critics: Sequence[str | Critic | CriticSpec],
    **options: Unpack[VerifyOptions],
) -> VerifyReport:
    """Check every draft of a file with critics, each draft once, and report what came of it.

    The whole input is validated before anything runs. Only prompt, draft, id and the fields named
    in `input_fields` are passed on; gold columns never reach a critic.

    Args:
        rows: A file of JSON lines (gzipped if it ends in `.gz`), a Parquet file (if it ends in
            `.parquet`), or the rows themselves.
        critics: Ids of plugin critics (`python/runs`), critics made in code, or `CriticSpec`s.
        **options: See `VerifyOptions`.

    Raises:
        InputError: Something that was given is wrong, and nothing was started; or the job was
            cancelled (`gadfly jobs cancel`), and what was finished is kept.
        StorageError: Results cannot be kept (a full disk, say); what was finished before is.
        KeyboardInterrupt: On SIGINT or SIGTERM; what was finished is kept.
    """
    with Session(rows, critics, **options) as session:
        return session.run()


class Verification:
    """A job that `averify` has begun: await it for its report, or iterate it for its results.

    One or the other, once. It is not started before.
    """

    def __init__(self, session: Callable[[], Session], *, ordered: bool) -> None:
        self._session = session
        self._results = self._stream(ordered=ordered)
        self._report: VerifyReport | None = None

    def __await__(self) -> Generator[Any, None, VerifyReport]:
        return self._work().__await__()

    def __aiter__(self) -> AsyncIterator[VerifyResult]:
        return self._results

    async def __anext__(self) -> VerifyResult:
        return await anext(self._results)

    async def aclose(self) -> None:
        """End what is running; what is done is kept where there is an `out` or a store."""
        await self._results.aclose()

    @property
    def report(self) -> VerifyReport:
        """What came of it, once all results were handed out.

        Raises:
            InputError: They were not.
        """
        if self._report is None:
            raise InputError("the report is there when the last result has been handed out")
        return self._report

    async def _work(self) -> VerifyReport:
        with self._session() as session:
            self._report = await session.work()
        return self._report

    async def _stream(self, *, ordered: bool) -> AsyncGenerator[VerifyResult, None]:
        started = time.monotonic()
        with self._session() as session:
            async with aclosing(session.stream(ordered=ordered)) as results:
                async for result in results:
                    yield result
            self._report = session.finish(time.monotonic() - started, keep=False)


def averify(
    rows: str | os.PathLike[str] | Iterable[Mapping[str, JSON]],
    critics: Sequence[str | Critic | CriticSpec],
    *,
    ordered: bool = True,
    **options: Unpack[VerifyOptions],
) -> Verification:
    """Check every draft like `verify`, in a running event loop.

        report = await averify(rows, critics)

        async for result in averify(rows, critics):
            ...

    The input is read and validated before anything runs, in the event loop. Leaving the stream
    early ends what is running; with `out` or a store, the same call later goes on, and the results
    file is written once the stream has ended.

    Args:
        rows: As `verify`.
        critics: As `verify`.
        ordered: Whether the stream is in input order; else results come as soon as they are there.
        **options: See `VerifyOptions`.

    Raises:
        InputError: As `verify`, when it is awaited or iterated.
        StorageError: As `verify`.
    """
    return Verification(lambda: Session(rows, critics, **options), ordered=ordered)
