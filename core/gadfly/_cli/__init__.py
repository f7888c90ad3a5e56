"""The command line. This is the one place where errors become lines and exit codes.

Commands raise what they raise; `_report` turns it into one line on stderr and a code that a
script can rely on. stdout carries data only. Each command is a module of its own, imported when it
is invoked, so that `gadfly --help` imports neither rich nor langgraph nor torch.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from gadfly._cli._text import plain
from gadfly._errors import GadflyError, InputError, StorageError
from gadfly._home import FULL

if TYPE_CHECKING:
    from collections.abc import Sequence

logger = logging.getLogger("gadfly")

COMMANDS = {
    "demo": "See an answer checked, refuted and mended, offline, in a minute.",
    "run": "Answer a question with an agent whose drafts are checked.",
    "verify": "Check a file of drafts with critics: fast, resumable, in a sandbox.",
    "jobs": "List, show, retry and cancel verification jobs.",
    "bench": "Measure critics on drafts whose truth is known.",
    "replay": "Run recorded evidence again and compare.",
    "trace": "Read what happened in a run.",
    "sandbox": "List, probe and clean up sandboxes.",
    "plugins": "List, write, test, install and disable plugins.",
}
"""Each is the module `gadfly._cli.NAME`, which has a function `command` or a Typer `app`."""

DONE, NOT_ACCEPTED, WRONG_INPUT, TOOL_BROKE, STORAGE, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 4, 70, 130
EPILOG = """\
Plugins may bring commands of their own: gadfly PLUGIN --help.

\b
Exit codes:
  0    done; for a run: the checks hold
  1    finished, but not accepted: a draft is not verified, a replay differs, a test fails
  2    what was given is wrong: an option, a name, a file
  3    a tool broke: a critic, a model, a sandbox, a plugin
  4    storage failed: a full disk, a file that cannot be written
  70   a bug in gadfly: run again with --debug and report it
  130  interrupted by Ctrl-C; what was finished is kept
"""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit with one of the codes that `--help` lists.

    Args:
        arguments: What was typed after `gadfly`; `sys.argv` by default.
    """
    # Plain help: rich's would cost a quarter of a second, more than everything else together.
    app = typer.Typer(cls=_Root, rich_markup_mode=None, add_completion=False)
    app.callback(epilog=EPILOG, no_args_is_help=True)(_root)
    command = typer.main.get_command(app)
    try:
        command.main(args=None if arguments is None else list(arguments), prog_name="gadfly")
    except OSError as error:
        # Before any command was invoked: the help itself could not be printed.
        raise SystemExit(_report(error)) from error
    raise SystemExit(DONE)  # Not reached: typer exits by itself.


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer passes it by position
    if wanted:
        from gadfly import __version__

        typer.echo(__version__)
        raise typer.Exit


def _root(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Log more, show tracebacks.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_print_version, help="Say which it is."),
    ] = False,
) -> None:
    """Agents whose answers are checked by instruments before they are believed."""


def _log(*, debug: bool) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    logger.handlers = [handler]
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)


class _Root(TyperGroup):
    """Knows the commands by name, imports one on need, turns what it raises into an exit code."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - typer's own keywords, passed on
        super().__init__(**attributes)
        for name, text in COMMANDS.items():
            self.add_command(TyperCommand(name, help=text))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:  # noqa: ANN401 - click's types, which typer keeps private
        """See click: the command to invoke, here the real one in place of its stub."""
        if args and args[0] not in COMMANDS:
            from gadfly._cli import _plugged

            if _plugged.offers(args[0]):
                return args[0], _plugged.load(args[0]), args[1:]
        name, _, rest = super().resolve_command(ctx, args)
        return name, _load(str(name)), rest

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Invoke the command; what it raises becomes a line and an exit code."""
        _log(debug=ctx.params["debug"])
        try:
            super().invoke(ctx)
            sys.stdout.flush()
        except typer.Exit:
            raise
        except BaseException as error:
            # typer prints its own usage errors, and exits with 2.
            if isinstance(error, SystemExit) or hasattr(error, "show"):
                raise
            raise typer.Exit(_report(error, debug=ctx.params["debug"])) from error


def _report(error: BaseException, *, debug: bool = False) -> int:
    """Print an error's line and return its exit code."""
    code, line = _judge(error)
    if debug:
        logger.error("the traceback of this error", exc_info=error)
    if line:
        typer.echo(line, err=True)
    try:
        sys.stdout.flush()
    except OSError:
        # What cannot be written is let go: the interpreter would try again at exit, and complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _judge(error: BaseException) -> tuple[int, str]:
    """The exit code and the line for an error; an empty line says nothing."""
    text = plain(" ".join(str(error).split()))
    name = type(error).__name__
    match error:
        case KeyboardInterrupt() | typer.Abort():
            verdict = INTERRUPTED, f"interrupted: {text or 'what was finished is kept'}"
        case BrokenPipeError():
            verdict = STORAGE, ""  # The reader has what it wanted (`| head`).
        case StorageError():
            verdict = STORAGE, f"error: {text}"
        case _ if any(isinstance(e, OSError) and e.errno in FULL for e in _chain(error)):
            verdict = STORAGE, f"error: no space is left ({text}); free some and run it again"
        case InputError():
            verdict = WRONG_INPUT, f"error: {text}"
        case GadflyError():
            verdict = TOOL_BROKE, f"error: {text}"
        case _:
            hint = "run again with --debug for the traceback"
            verdict = INTERNAL, f"internal error: {name}: {text} ({hint})"
    return verdict


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _load(name: str) -> Any:  # noqa: ANN401 - a click command, of a type that typer keeps private
    module = importlib.import_module(f"gadfly._cli.{name}")
    app: typer.Typer | None = getattr(module, "app", None)
    if app is None:
        app = typer.Typer(rich_markup_mode=None, add_completion=False)
        app.command(name, help=COMMANDS[name])(module.command)
    return typer.main.get_command(app)
