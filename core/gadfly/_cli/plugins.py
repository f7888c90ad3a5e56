"""`gadfly plugins`: list, write, test, install and disable plugins.

Only `list`, `info` and `test` import plugins; a plugin that breaks everything it touches can still
be disabled and uninstalled.
"""

from __future__ import annotations

import logging
from importlib.metadata import PackageNotFoundError, metadata
from typing import Annotated

import typer
from rich.table import Table

from gadfly._cards import shelf
from gadfly._cli._cards import line
from gadfly._cli._output import (
    AsJson,
    PluginName,
    console,
    find_plugin,
    foreign_output,
    load_plugins,
    plain,
    print_json,
)
from gadfly._cli._pip import install, uninstall
from gadfly._cli._scaffolding import new
from gadfly._cli._trial import measure
from gadfly._home import disabled_plugins, set_disabled
from gadfly._plugins import PluginInfo, Plugins
from gadfly._values.codec import dump_dict

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

NoLoad = Annotated[
    bool, typer.Option("--no-load", help="Import nothing: only what the package says of itself.")
]


@app.callback()
def plugins_() -> None:
    """List, write, test, install and disable plugins."""
    # The commands name each plugin's problem; the loader's warnings would say it twice.
    logging.getLogger("gadfly._plugins").setLevel(logging.ERROR)


@app.command("list")
def list_(*, no_load: NoLoad = False, as_json: AsJson = False) -> None:
    """List what is installed, what is wrong with it, and how good its critics were measured."""
    infos = _look(load_plugins(), load=not no_load)
    if as_json:
        print_json([_plain(info) | {"cards": shelf.newest(info.name)} for info in infos])
        return
    out = console()
    if not infos:
        out.print("no plugin is installed; `gadfly plugins install gadfly-python` gets a first one")
        return
    table = Table("plugin", "distribution", "version", "status", "import", "offers", box=None)
    for info in infos:
        offers = "; ".join(f"{kind}: {', '.join(ids)}" for kind, ids in info.offers.items())
        cells = (
            info.name,
            info.distribution,
            info.version,
            info.status,
            "" if info.import_seconds is None else f"{info.import_seconds:.2f} s",
            offers,
        )
        table.add_row(*map(plain, cells))
    out.print(table)
    for info in infos:
        for card in shelf.newest(info.name).values():
            out.print(plain(line(card)))
    for info in infos:
        for problem in _problems(info):
            out.print(f"{plain(info.name)} ({plain(info.distribution)}): {plain(problem)}")


@app.command("info")
def info_(name: PluginName, *, as_json: AsJson = False) -> None:
    """Say what is known about one plugin."""
    plugins = load_plugins()
    chosen = {(info.name, info.distribution) for info in find_plugin(plugins, name)}
    for plugin in sorted({plugin for plugin, _ in chosen}):
        with foreign_output():
            plugins.load(plugin)
    infos = [info for info in plugins.infos if (info.name, info.distribution) in chosen]
    if as_json:
        print_json([_plain(info) | {"summary": _summary(info)} for info in infos])
        return
    out = console()
    for info in infos:
        out.print(f"{plain(info.name)}: {plain(_summary(info) or 'no summary')}")
        out.print(f"  distribution  {plain(info.distribution)} {plain(info.version)}")
        out.print(f"  module        {plain(info.module)}")
        out.print(f"  status        {info.status}")
        if info.import_seconds is not None:
            out.print(f"  import        {info.import_seconds:.2f} s")
        for kind, ids in info.offers.items():
            out.print(f"  {kind:<13} {plain(', '.join(ids))}")
        for problem in _problems(info):
            out.print(f"  problem       {plain(problem)}")


@app.command("disable")
def disable(name: PluginName, *, as_json: AsJson = False) -> None:
    """Leave a plugin out from now on."""
    _switch(name, disabled=True, as_json=as_json)


@app.command("enable")
def enable(name: PluginName, *, as_json: AsJson = False) -> None:
    """Use a disabled plugin again."""
    _switch(name, disabled=False, as_json=as_json)


app.command("new")(new)
app.command("test")(measure)
app.command("install")(install)
app.command("uninstall")(uninstall)


def _switch(name: str, *, disabled: bool, as_json: bool) -> None:
    # A plugin that is gone may still stand on the list, and must come off it.
    if disabled or name not in disabled_plugins():
        find_plugin(load_plugins(), name)
    set_disabled(name, disabled=disabled)
    if as_json:
        print_json({"disabled": sorted(disabled_plugins())})
    else:
        console().print(f"{plain(name)} is {'disabled' if disabled else 'enabled'}")


def _look(plugins: Plugins, *, load: bool) -> tuple[PluginInfo, ...]:
    if not load:
        return plugins.infos
    with foreign_output():
        return plugins.load_all()


def _problems(info: PluginInfo) -> list[str]:
    problems = [info.problem] if info.problem else []
    if info.is_slow:
        problems.append(
            f"its import is slow ({info.import_seconds:.2f} s): "
            "heavy imports belong into its factories"
        )
    return problems


def _plain(info: PluginInfo) -> dict[str, object]:
    return {**dump_dict(info), "slow": info.is_slow, "problems": _problems(info)}


def _summary(info: PluginInfo) -> str:
    try:
        return metadata(info.distribution)["Summary"] or ""
    except (PackageNotFoundError, KeyError):
        return ""
