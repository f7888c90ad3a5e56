"""`gadfly jobs`: what became of verification jobs, to cancel them, and to let rows wait again."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.table import Table

from gadfly._cli._output import AsJson, console, duration, plain, print_json
from gadfly._cli._story import clock
from gadfly._errors import InputError, StorageError
from gadfly._jobs._database import Database
from gadfly._jobs._store import STATES, Batch, RowInfo, Store, find_batch
from gadfly._values.codec import dump_dict
from gadfly._values.task import JSON

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)
app.callback(help="List, show, retry and cancel verification jobs.")(lambda: None)

StoreOption = Annotated[
    str | None,
    typer.Option(
        metavar="URL|FILE",
        envvar="GADFLY_STORE",
        help="Where jobs are kept. [default: every ledger (*.db) in this folder]",
        show_default=False,
    ),
]
BatchId = Annotated[str, typer.Argument(metavar="ID", help="A batch's id, or how it begins.")]
RowState = Literal["queued", "running", "done", "failed", "cancelled", "all"]


@app.command("list")
def list_(*, store: StoreOption = None, as_json: AsJson = False) -> None:
    """List the jobs, the oldest first, with their rows by state."""
    with _stores(store) as stores:
        batches = [batch for _, found in stores for batch in found.batches()]
    if as_json:
        print_json([_plain(batch) for batch in batches])
        return
    out = console()
    if not batches:
        out.print(f"no verification job is kept in {plain(store or str(Path.cwd()))}")
        return
    table = Table("id", "state", "rows", *STATES, "a second", "left", "began", "input", box=None)
    for batch in batches:
        counts = [str(batch.counts.get(state, 0)) for state in STATES]
        table.add_row(
            batch.id,
            batch.state,
            str(batch.rows),
            *counts,
            f"{batch.rows_per_second:.1f}",
            _left(batch),
            clock(batch.created),
            plain(batch.source or "given in code"),
        )
    out.print(table)


@app.command("show")
def show(
    batch: BatchId,
    *,
    rows: Annotated[
        RowState | None, typer.Option(help="List the rows that are in this state, too.")
    ] = None,
    store: StoreOption = None,
    as_json: AsJson = False,
) -> None:
    """Show what a job is and how far."""
    with _stores(store) as stores:
        place, found = find_batch(stores, batch)
        states = STATES if rows == "all" else (rows,) if rows else ()
        listed = place.rows(found.id, states) if states else iter(())
        if as_json:
            facts = _plain(found)
            if rows:
                facts["listed"] = [dump_dict(row) for row in listed]
            print_json(facts)
        else:
            _print(found, listed if rows else None)


@app.command("retry")
def retry(
    batch: BatchId,
    *,
    errors: Annotated[
        bool, typer.Option("--errors", help="Only the rows in which a critic broke.")
    ] = False,
    row: Annotated[
        str | None, typer.Option("--id", help="Only the row of this id, even if it is done.")
    ] = None,
    store: StoreOption = None,
    as_json: AsJson = False,
) -> None:
    """Let rows wait again: those in which a critic broke, and those that were cancelled.

    They are checked by whoever works on the job: start the command that began it once more.
    """
    if errors and row is not None:
        raise InputError("give --errors or --id, not both")
    with _stores(store) as stores:
        place, found = find_batch(stores, batch)
        states = ("failed",) if errors else ("failed", "cancelled")
        count = place.retry(found.id, states=states, id=row)
    if as_json:
        print_json({"batch": found.id, "rows": count})
    elif count:
        console().print(
            f"batch {found.id}: {count} rows wait again; the `gadfly verify` that began it goes on"
        )
    else:
        console().print(f"batch {found.id}: there is nothing to retry")


@app.command("cancel")
def cancel(batch: BatchId, *, store: StoreOption = None, as_json: AsJson = False) -> None:
    """Cancel a job; what is done is kept, and who works on it stops within seconds."""
    with _stores(store) as stores:
        place, found = find_batch(stores, batch)
        count = place.cancel(found.id)
    if as_json:
        print_json({"batch": found.id, "rows": count})
    elif count:
        console().print(
            f"batch {found.id}: {count} rows are cancelled, the others kept; "
            f"`gadfly jobs retry {found.id}` lets it go on"
        )
    else:
        console().print(f"batch {found.id}: there is nothing left to cancel")


@contextmanager
def _stores(where: str | None) -> Generator[list[tuple[str, Store]]]:
    """The stores that were named, or all that are here, by name."""
    with ExitStack() as stack:

        def opened(place: str | Path) -> tuple[str, Store]:
            database = stack.enter_context(closing(Database(place, create=False)))
            return database.name, Store(database)

        yield [opened(where)] if where else list(_here(opened))


def _here(opened: Callable[[Path], tuple[str, Store]]) -> Iterator[tuple[str, Store]]:
    for path in sorted(Path().glob("*.db")):
        try:
            yield opened(path)
        except (InputError, StorageError):
            continue  # Another program's file, or one that is broken: nothing is known of it.


def _plain(batch: Batch) -> dict[str, JSON]:
    left = _seconds_left(batch)
    return dump_dict(batch) | {"seconds_left": None if left is None else round(left, 1)}


def _seconds_left(batch: Batch) -> float | None:
    unfinished = batch.counts.get("queued", 0) + batch.counts.get("running", 0)
    if batch.state != "running" or not batch.rows_per_second:
        return None
    return unfinished / batch.rows_per_second


def _left(batch: Batch) -> str:
    seconds = _seconds_left(batch)
    return "" if seconds is None else duration(seconds)


def _print(batch: Batch, rows: Iterator[RowInfo] | None) -> None:
    out = console()
    counts = ", ".join(f"{count} {state}" for state, count in batch.counts.items())
    facts = {
        "batch": batch.id,
        "state": batch.state,
        "rows": f"{batch.rows}: {counts}",
        "rate": f"{batch.rows_per_second:.1f} a second",
        "time left": _left(batch),
        "began": clock(batch.created),
        "input": batch.source or "given in code",
        "results": batch.out or "",
        "engine": batch.engine,
        "critics": json.dumps(batch.identity["critics"]),
        "options": json.dumps(batch.identity["options"]),
        "sandbox": json.dumps(batch.identity["sandbox"]),
    }
    for name, fact in facts.items():
        if fact:
            out.print(f"{name:<10} {plain(fact)}")
    if rows is None:
        return
    out.print(f"\n{'position':>8}  {'state':<9}  {'verdict':<7}  {'priority':>8}  {'tries':>5}  id")
    for row in rows:
        verdict = row.verdict or ""
        out.print(
            f"{row.position:>8}  {row.state:<9}  {verdict:<7}  {row.priority:>8}  "
            f"{row.attempts:>5}  {plain(row.id)}"
        )
