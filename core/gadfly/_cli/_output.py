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
from rich.progress import Progress

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


class Advance(Protocol):
    """Says that n more are done."""

    def __call__(self, n: int = 1) -> None: ...


@contextmanager
def progress(
    description: str, total: int | None = None, *, after: float = 2.0, every: float = 10.0
) -> Generator[Advance]:
    """Show on stderr how far something is, once it has taken longer than `after` seconds.

    A terminal gets a bar that leaves nothing behind, a log file gets a line now and then.

    Args:
        description: What is being done ("verifying").
        total: How many there are; None where that is not known.
        after: Seconds of silence first: what is quick shows nothing.
        every: Seconds between two lines where stderr is no terminal.
    """
    if not sys.stderr.isatty():
        yield _lines(description, total, after, every)
        return
    bar = Progress(console=console(stderr=True), transient=True)
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


def _lines(description: str, total: int | None, after: float, every: float) -> Advance:
    started = time.monotonic()
    due = started + after
    done = 0

    def advance(n: int = 1) -> None:
        nonlocal done, due
        done += n
        now = time.monotonic()
        if now >= due:
            due = now + every
            count = f"{done}" if total is None else f"{done}/{total}"
            typer.echo(f"{description}: {count} ({now - started:.0f} s)", err=True)

    return advance
