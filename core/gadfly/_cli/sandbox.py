"""`gadfly sandbox`: which sandboxes there are, what each holds here, what is left over."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Protocol, cast, runtime_checkable

import typer
from rich.table import Table

from gadfly._cli import TOOL_BROKE
from gadfly._cli._options import critic_options
from gadfly._cli._output import AsJson, console, foreign_output, load_plugins, plain, print_json
from gadfly._errors import GadflyError, InputError
from gadfly._plugins import Plugins
from gadfly._ports import Sandbox
from gadfly._values.codec import dump_dict
from gadfly._values.job import Isolation
from gadfly._values.task import JSON

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)
app.callback(help="List, probe and clean up sandboxes.")(lambda: None)

Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="A sandbox's id. [default: all of them]")
]


@runtime_checkable
class _Cleanable(Protocol):
    """A sandbox that may leave something on the machine when its process is killed."""

    async def cleanup(self, *, dry_run: bool = False) -> Sequence[str]:
        """Remove what dead processes have left, and nobody else's; return a line for each.

        Raises:
            SandboxError: It cannot look.
        """
        ...


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """List the sandboxes that are installed. Nothing is started: `probe` does that."""
    with foreign_output():
        plugins = load_plugins()
        ids = plugins.names("sandboxes")
    distributions = {info.name: info.distribution for info in plugins.infos}
    rows = [
        {"sandbox": _short(id_), "distribution": distributions[id_.partition("/")[0]]}
        for id_ in ids
    ]
    if as_json:
        print_json(rows)
        return
    out = console()
    if not rows:
        out.print("no sandbox is installed; `gadfly plugins install gadfly-local` gets one")
        return
    table = Table("sandbox", "distribution", box=None)
    for row in rows:
        table.add_row(*map(plain, row.values()))
    out.print(table)


@app.command("probe")
def probe(
    name: Name = None,
    *,
    option: Annotated[
        list[str] | None,
        typer.Option(help="An option of the sandbox, such as level=strict; repeat for several."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a job in a sandbox and say what was in force, and what this machine does not give.

    Exits with 3 if the sandbox that was named, or every one that is installed, does not work here.
    """
    if option and name is None:
        raise InputError("an option is one sandbox's: name the sandbox, too")
    options = _options(option or [])
    with foreign_output():
        plugins = load_plugins()
        if name is not None:
            found: dict[str, Isolation | str] = {name: _probe(plugins, name, options)}
        else:
            found = {id_: _try(plugins, id_) for id_ in map(_short, plugins.names("sandboxes"))}
    if as_json:
        print_json({id_: _plain(answer) for id_, answer in found.items()})
    else:
        for id_, answer in found.items():
            _show(id_, answer)
    if not any(isinstance(answer, Isolation) for answer in found.values()):
        raise typer.Exit(TOOL_BROKE)


@app.command("cleanup")
def cleanup(
    name: Name = None,
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be removed.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what sandboxes of dead processes have left on this machine. Live ones keep theirs."""
    with foreign_output():
        plugins = load_plugins()
        ids = (name,) if name is not None else tuple(map(_short, plugins.names("sandboxes")))
        removed: dict[str, None] = {}
        for id_ in ids:
            try:
                removed.update(dict.fromkeys(_clean(plugins, id_, dry_run=dry_run)))
            except GadflyError as error:
                if name is not None:
                    raise
                # One that does not work here has left nothing that anybody could find.
                typer.echo(f"{plain(id_)}: {plain(str(error))}", err=True)
    if as_json:
        print_json({"dry_run": dry_run, "removed": list(removed)})
        return
    out = console()
    for line in removed:
        out.print(f"{'would remove' if dry_run else 'removed'} {plain(line)}")
    if not removed:
        out.print("nothing is left over")


def _short(id_: str) -> str:
    plugin, _, name = id_.partition("/")
    return plugin if name == plugin else id_


def _options(texts: Sequence[str]) -> dict[str, JSON]:
    for text in texts:
        if "=" not in text or not text.partition("=")[0].isidentifier():
            raise InputError(f"option {text!r} must read NAME=VALUE")
    return critic_options([f"sandbox:{text}" for text in texts]).get("sandbox", {})


def _probe(plugins: Plugins, id_: str, options: dict[str, JSON]) -> Isolation:
    async def look() -> Isolation:
        sandbox = cast("Sandbox", plugins.create("sandboxes", id_, **options))
        try:
            return await sandbox.probe()
        finally:
            await sandbox.close()

    return asyncio.run(look())


def _try(plugins: Plugins, id_: str) -> Isolation | str:
    try:
        return _probe(plugins, id_, {})
    except GadflyError as error:
        return " ".join(str(error).split())


def _clean(plugins: Plugins, id_: str, *, dry_run: bool) -> Sequence[str]:
    async def clean() -> Sequence[str]:
        sandbox = cast("Sandbox", plugins.create("sandboxes", id_))
        try:
            if isinstance(sandbox, _Cleanable):
                return await sandbox.cleanup(dry_run=dry_run)
            return ()
        finally:
            await sandbox.close()

    return asyncio.run(clean())


def _plain(answer: Isolation | str) -> dict[str, JSON]:
    return {"problem": answer} if isinstance(answer, str) else dump_dict(answer)


def _show(id_: str, answer: Isolation | str) -> None:
    out = console()
    if isinstance(answer, str):
        out.print(f"{plain(id_)}: does not work here: {plain(answer)}")
        return
    out.print(f"{plain(id_)}: level {answer.level}, network {answer.network}")
    width = max(map(len, answer.details), default=0)
    for key, value in answer.details.items():
        out.print(f"  {plain(key):<{width}}  {plain(_words(value))}")
    for line in answer.missing:
        out.print(f"  missing: {plain(line)}")


def _words(value: JSON) -> str:
    if isinstance(value, list):
        return ", ".join(map(_words, value)) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(inner)}" for key, inner in value.items()) or "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
