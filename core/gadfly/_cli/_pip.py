"""`gadfly plugins install` and `uninstall`: pip, in the interpreter that runs this.

Neither imports the plugin. What pip says goes to stderr.
"""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from typing import Annotated

import typer

from gadfly._cli._output import (
    AsJson,
    PluginName,
    console,
    find_plugin,
    load_plugins,
    plain,
    print_json,
)
from gadfly._errors import InputError, ToolError
from gadfly._home import disabled_plugins, set_disabled
from gadfly._plugins import PluginInfo


def install(
    spec: Annotated[
        str,
        typer.Argument(metavar="SPEC", help="As for pip: a name, a folder, a wheel, git+https://…"),
    ],
    *,
    as_json: AsJson = False,
) -> None:
    """Install a plugin with pip.

    A plugin is code that runs as you: install what you would run.
    """
    before = set(_installed())
    _pip("install", "--", spec)
    added = [info for key, info in _installed().items() if key not in before]
    if as_json:
        print_json({"installed": added})
        return
    out = console()
    for info in added:
        out.print(f"installed {plain(info.name)}; now measure it: gadfly plugins test {info.name}")
    if not added:
        out.print(f"pip is content with {plain(spec)}; it brought no plugin that was not there")


def uninstall(
    name: PluginName,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Uninstall a plugin with pip, without importing it."""
    infos = find_plugin(load_plugins(), name)
    distributions = sorted({info.distribution for info in infos})
    if len(distributions) > 1:
        raise InputError(
            f"{name!r} is claimed by several distributions: name one of {', '.join(distributions)}"
        )
    distribution = distributions[0]
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(f"to uninstall {distribution} without being asked, say --yes")
        if not typer.confirm(f"Uninstall {distribution}?", err=True):
            raise typer.Exit(1)
    _pip("uninstall", "--yes", "--", distribution)
    if any(found == distribution for found, _ in _installed()):
        raise ToolError(f"pip left {distribution} where it is; see what it says above")
    for gone in {distribution, *(info.name for info in infos)} & disabled_plugins():
        set_disabled(gone, disabled=False)
    if as_json:
        print_json({"uninstalled": distribution})
    else:
        console().print(f"uninstalled {plain(distribution)}")


def _installed() -> dict[tuple[str, str], PluginInfo]:
    importlib.invalidate_caches()
    return {(info.distribution, info.name): info for info in load_plugins().infos}


def _pip(*arguments: str) -> None:
    if importlib.util.find_spec("pip") is None:
        raise ToolError(f"{sys.executable} has no pip: `{sys.executable} -m ensurepip` installs it")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments]
    # Its output is no data of ours.
    done = subprocess.run(command, stdout=sys.stderr, check=False)
    if done.returncode:
        raise ToolError(f"pip {arguments[0]} {arguments[-1]} failed; see what it says above")
