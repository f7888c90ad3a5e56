"""`gadfly trace`: which runs are kept, and what happened in one."""

from __future__ import annotations

import logging
from typing import Annotated

import typer
from rich.table import Table

from gadfly._cli._output import AsJson, console, plain, print_json
from gadfly._cli._story import clock, outcome_of, task_of, tell
from gadfly._errors import InputError
from gadfly._home import runs_folder
from gadfly._trace import read_trace, trace_files
from gadfly._values.outcome import Event, EventKind

logger = logging.getLogger(__name__)

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)
app.callback(help="Read what happened in a run.")(lambda: None)


@app.command("show")
def show(
    run: Annotated[
        str, typer.Argument(metavar="RUN|FILE", help="A run's id, or the file of a trace.")
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Tell what happened in a run: drafts, critiques, decisions, why it stopped."""
    events = read_trace(run)
    if as_json:
        print_json(events)
        return
    out = console()
    for line in tell(events):
        out.print(plain(line))


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the runs that are kept, newest first."""
    runs: list[dict[str, str | int]] = []
    for path in trace_files():
        try:
            runs.append(_summary(read_trace(path)))
        except InputError as error:
            logger.warning("left out: %s", error)
    if as_json:
        print_json(runs)
        return
    out = console()
    if not runs:
        out.print(f"no run is kept in {runs_folder()}")
        return
    table = Table("run", "began", "drafts", "stopped", "task", box=None)
    for run in runs:
        table.add_row(*(plain(str(cell)) for cell in run.values()))
    out.print(table)


def _summary(events: list[Event]) -> dict[str, str | int]:
    first, last = events[0], events[-1]
    finished = last.kind is EventKind.FINISHED
    return {
        "run": first.run,
        "began": clock(first.at),
        "drafts": sum(event.kind is EventKind.DRAFTED for event in events),
        "stopped": outcome_of(last).stopped.value if finished else "not finished",
        "task": task_of(first),
    }
