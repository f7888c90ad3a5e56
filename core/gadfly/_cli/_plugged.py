"""Commands that plugins bring: `gadfly PLUGIN NAME ...`."""

from __future__ import annotations

from typing import Any

import typer

from gadfly._cli._output import load_plugins
from gadfly._errors import InputError, PluginError
from gadfly._plugins import Plugins

_ITS_OWN: dict[str, Any] = {
    "ignore_unknown_options": True,
    "allow_extra_args": True,
    "help_option_names": [],
}


def offers(plugin: str) -> bool:
    """Whether a plugin of that name is installed. Nothing is imported."""
    return any(info.name == plugin for info in Plugins.discover().infos)


def load(plugin: str) -> Any:  # noqa: ANN401 - a click command, of a type that typer keeps private
    """Return the command that runs a plugin's commands."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)

    @app.command(plugin, context_settings=_ITS_OWN)
    def run(context: typer.Context) -> None:
        raise typer.Exit(_run(plugin, context.args))

    return typer.main.get_command(app)


def _run(plugin: str, words: list[str]) -> int:
    plugins = load_plugins()
    info = plugins.load(plugin)
    if info.status != "loaded":
        raise PluginError(f"plugin {plugin!r} is {info.status}: {info.problem}".rstrip(": "))
    known = [full.partition("/")[2] for full in info.offers.get("commands", ())]
    if not known:
        raise InputError(f"plugin {plugin!r} has no commands; see `gadfly --help` for gadfly's")
    if words[:1] in ([], ["--help"]):
        typer.echo("\n".join(f"gadfly {plugin} {name}" for name in known))
        return 0
    if words[0] not in known:
        raise InputError(f"plugin {plugin!r} has no command {words[0]!r}: {', '.join(known)}")
    status: int = plugins.create("commands", f"{plugin}/{words[0]}", words[1:])
    return status
