"""What commands share: how to print, how to show progress, which plugins to use.

Data goes to stdout, everything else to stderr. Drafts, findings and plugin names are other people's
text: `plain` takes the terminal's control characters out of them, and rich's markup is off.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, redirect_stdout
from typing import Annotated, NoReturn, Protocol

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, ProgressColumn, Task
from rich.text import Text

from gadfly._cli._text import plain as plain  # noqa: PLC0414 - passed on to the commands
from gadfly._errors import UnknownNameError
from gadfly._home import disabled_plugins
from gadfly._plugins import PluginInfo, Plugins
from gadfly._values.codec import dump

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
"""The option of every command that prints data."""
PluginName = Annotated[
    str, typer.Argument(metavar="NAME", help="A plugin's name, or its distribution's.")
]
UNWRAPPED = 10_000
"""Columns of an output that nobody's eyes are limited by."""


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError  # `main` knows what to do; rich would exit by itself.


def console(*, stderr: bool = False) -> Console:
    """Return a console for text; it reads no markup in what it is given.

    Where it is no terminal, lines are not wrapped: `grep` finds a table's row in one piece.
    """
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else UNWRAPPED
    return _Console(stderr=stderr, markup=False, highlight=False, emoji=False, width=width)


def print_json(value: object) -> None:
    """Print a value's plain form as JSON, in ASCII, on stdout."""
    typer.echo(json.dumps(dump(value), indent=2, allow_nan=False))


@contextmanager
def foreign_output() -> Generator[None]:
    """Send what other people's code prints to stderr: stdout is for our data."""
    with redirect_stdout(sys.stderr):
        yield


def load_plugins() -> Plugins:
    """Return the installed plugins without those that a person has disabled."""
    return Plugins.discover(disabled=disabled_plugins())


def find_plugin(plugins: Plugins, name: str) -> list[PluginInfo]:
    """Return the plugins of that name or of that distribution: several where they are in conflict.

    Raises:
        UnknownNameError: There is none.
    """
    found = [info for info in plugins.infos if name in {info.name, info.distribution}]
    if not found:
        raise UnknownNameError("plugin", name, {info.name for info in plugins.infos})
    return found


def duration(seconds: float) -> str:
    """Return a duration for a person: `45 s`, `12 min`, `3 h 5 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


class Advance(Protocol):
    """Says that n more are done."""

    def __call__(self, n: int = 1) -> None: ...


@contextmanager
def progress(
    description: str, total: int | None = None, *, after: float = 2.0, every: float = 10.0
) -> Generator[Advance]:
    """Show on stderr how far something is, how fast it goes and how long it will take, once it has
    taken longer than `after` seconds.

    A terminal gets a bar that leaves nothing behind, a log file gets a line now and then.

    Args:
        description: What is being done ("verifying").
        total: How many there are; None where that is not known.
        after: Seconds of silence first: what is quick shows nothing.
        every: Seconds between two lines where stderr is no terminal.
    """  # noqa: D205 - the promise does not fit a line
    if not sys.stderr.isatty():
        yield _lines(description, total, after, every)
        return
    bar = Progress(
        *Progress.get_default_columns(), _Rate(), console=console(stderr=True), transient=True
    )
    task = bar.add_task(escape(plain(description)), total=total)
    timer = threading.Timer(after, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield lambda n=1: bar.advance(task, n)
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


class _Rate(ProgressColumn):
    """How many there are and how many of them a second."""

    def render(self, task: Task) -> Text:
        count = f"{task.completed:.0f}"
        if task.total is not None:
            count += f"/{task.total:.0f}"
        return Text(f"{count}, {task.speed:.1f}/s" if task.speed else count)


def _lines(description: str, total: int | None, after: float, every: float) -> Advance:
    started = time.monotonic()
    due = started + after
    done = 0
    # The first to be done have waited for everything to start: they say nothing of the rate.
    first = (0, started)

    def advance(n: int = 1) -> None:
        nonlocal done, due, first
        done += n
        now = time.monotonic()
        if done == n:
            first = (n, now)
        if now >= due:
            due = now + every
            before, since = first if done > first[0] else (0, started)
            rate = (done - before) / max(now - since, 0.001)
            count = f"{done}" if total is None else f"{done}/{total}"
            facts = [f"{now - started:.0f} s", f"{rate:.1f} a second"]
            if total is not None and rate and done < total:
                facts.append(f"{duration((total - done) / rate)} left")
            typer.echo(f"{description}: {count} ({', '.join(facts)})", err=True)

    return advance
