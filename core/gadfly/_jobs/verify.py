"""The public functions: verify many drafts, to a report or as a stream."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import TypedDict, Unpack

from gadfly._jobs.results import VerifyReport, VerifyResult
from gadfly._jobs.session import Session
from gadfly._plugins import Plugins
from gadfly._ports import Critic, CriticSpec, Sandbox, Tool
from gadfly._values.task import JSON


class VerifyOptions(TypedDict, total=False):
    """The keyword options of `verify` and `averify`."""

    out: str | os.PathLike[str] | None
    """The results file, one JSON line per row. Its ledger lies beside it, as `OUT.db`: started
    again with the same arguments, the job goes on. None: results are only returned."""
    prompt_field: str | None
    """By default `prompt` or `question`, whichever the first row has."""
    draft_field: str | None
    """By default `draft`, `response`, `program` or `text`."""
    id_field: str | None
    """By default `id`, or the number of the line where the first row has none."""
    input_fields: Sequence[str]
    """Further fields that critics may see, as `Task.inputs`. No other field gets to them."""
    options: Mapping[str, Mapping[str, JSON]] | None
    """Options of plugin critics, by critic id."""
    sandbox: str | Sandbox | None
    """Where critics' programs run; `local` by default, None for none."""
    tools: Sequence[str] | Mapping[str, Tool]
    """Tools for critics: ids of plugin tools, or a mapping of ids to tools."""
    judge: object
    """The model that critics may ask; by default none."""
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
        rows: A file of JSON lines (gzipped if it ends in `.gz`), or the rows themselves.
        critics: Ids of plugin critics (`python/runs`), critics made in code, or `CriticSpec`s.
        **options: See `VerifyOptions`.

    Raises:
        InputError: Something that was given is wrong; nothing was started.
        StorageError: Results cannot be kept (a full disk, say); what was finished before is.
        KeyboardInterrupt: On SIGINT or SIGTERM; what was finished is kept.
    """
    with Session(rows, critics, **options) as session:
        return session.run()


async def averify(
    rows: str | os.PathLike[str] | Iterable[Mapping[str, JSON]],
    critics: Sequence[str | Critic | CriticSpec],
    **options: Unpack[VerifyOptions],
) -> AsyncGenerator[VerifyResult, None]:
    """Check every draft like `verify`, and yield the results in input order as they come.

    The input is read and validated before the first result, in the event loop. Leaving the stream
    early ends what is running; with `out`, the same call later goes on, and the results file is
    written once the stream has ended.

    Raises:
        InputError: As `verify`.
        StorageError: As `verify`.
    """
    with Session(rows, critics, **options) as session:
        async with aclosing(session.stream()) as results:
            async for result in results:
                yield result
        if options.get("out") is not None:
            session.finish(0.0)
