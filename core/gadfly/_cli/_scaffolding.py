"""`gadfly plugins new`: write the folder of a plugin that works, to be changed into one's own."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from gadfly._cli._output import AsJson, console, load_plugins, print_json
from gadfly._errors import InputError
from gadfly._home import storage

PLUGIN_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""Good for a distribution (`gadfly-NAME`), a package (`gadfly_NAME`) and an id (`NAME/critic`)."""


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Lower-case words joined by '-'.")],
    *,
    folder: Annotated[Path, typer.Option(help="Where the plugin's own folder is made.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Write the folder of a new plugin.

    It holds a critic of 15 lines, fixtures and a test, and works as it is.
    """
    _check(name)
    target = folder / f"gadfly-{name}"
    if target.exists():
        raise InputError(f"{target} is there already: choose another name or --folder")
    if not folder.is_dir():
        raise InputError(f"--folder {folder} is not a folder")
    written = _write(target, name)
    if as_json:
        print_json({"folder": str(target), "files": [str(path) for path in written]})
        return
    out = console()
    for path in written:
        out.print(f"wrote {path}")
    out.print(f"now: gadfly plugins test {target}")


def _check(name: str) -> None:
    if not PLUGIN_NAME.fullmatch(name):
        raise InputError(
            f"plugin name {name!r} must be lower-case letters and digits, in words joined by '-', "
            "beginning with a letter: my-critic"
        )
    if name.startswith("gadfly-"):
        raise InputError(f"the distribution adds the gadfly-: name the plugin {name[7:]!r}")
    for info in load_plugins().infos:
        if info.name == name:
            raise InputError(
                f"{info.distribution} already brings a plugin {name!r}: choose another"
            )


def _write(target: Path, name: str) -> list[Path]:
    package = f"gadfly_{name.replace('-', '_')}"
    places = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "plugin.py": f"{package}/__init__.py",
        "fixtures.jsonl": f"{package}/fixtures.jsonl",
        "test_plugin.py": f"tests/test_{package}.py",
    }
    templates = files("gadfly") / "_scaffold"
    written: list[Path] = []
    with storage("write", target):
        for template, place in places.items():
            text = (templates / f"{template}.template").read_text("utf-8")
            path = target / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(Template(text).substitute(name=name, package=package), "utf-8")
            written.append(path)
    return written
