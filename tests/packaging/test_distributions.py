"""The house rules for plugins and sandboxes: each folder is an ordinary distribution."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(
    path.parent
    for room in ("plugins", "sandboxes")
    for path in ROOT.glob(f"{room}/*/pyproject.toml")
)
ALL_FOLDERS = sorted(
    path
    for room in ("plugins", "sandboxes")
    for path in (ROOT / room).iterdir()
    if path.is_dir() and not path.name.startswith((".", "__"))
)
each_folder = pytest.mark.parametrize(
    "folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT))
)


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))


def package(folder: Path) -> Path:
    return folder / f"gadfly_{folder.name}"


def imports(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every module that the package imports, `from x import y` as `x.y`."""
    for path in package(folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((path, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield from ((path, f"{node.module}.{alias.name}") for alias in node.names)


def test_every_folder_is_a_distribution() -> None:
    assert ALL_FOLDERS == FOLDERS


@each_folder
def test_it_is_named_like_its_folder_and_has_the_roots_version(folder: Path) -> None:
    own, root = project(folder)["project"], project(ROOT)["project"]

    assert own["name"] == f"gadfly-{folder.name}"
    for key in ("version", "license", "requires-python"):
        assert own[key] == root[key]
    assert any(re.match(r"gadfly\b(?!-)", needed) for needed in own["dependencies"])


@each_folder
def test_it_registers_by_one_entry_point_named_like_its_folder(folder: Path) -> None:
    points = project(folder)["project"]["entry-points"]

    assert points == {"gadfly": {folder.name: f"gadfly_{folder.name}"}}


@each_folder
def test_it_is_typed_and_says_what_it_covers(folder: Path) -> None:
    readme = (folder / "README.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", readme, re.MULTILINE)

    assert (package(folder) / "py.typed").is_file()
    wanted = {"Covered", "Not covered"} if folder.parent.name == "sandboxes" else {"What it covers"}
    assert wanted <= set(headings)


@each_folder
def test_it_uses_public_names_only(folder: Path) -> None:
    private = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, name in imports(folder)
        if re.match(r"gadfly\._(?!_version__)", name)
    ]

    assert private == []


@each_folder
def test_it_does_not_import_another_plugin(folder: Path) -> None:
    others = {f"gadfly_{other.name}" for other in FOLDERS if other != folder}

    assert [name for _, name in imports(folder) if name.split(".")[0] in others] == []


@each_folder
def test_it_loads_and_offers_something(folder: Path) -> None:
    script = (
        "import json; from gadfly import Plugins;"
        f"info = Plugins.discover().load({folder.name!r});"
        "print(json.dumps([info.status, info.problem, sum(map(len, info.offers.values()))]))"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    status, problem, offered = json.loads(done.stdout)
    assert (status, problem) == ("loaded", "")
    assert offered


@each_folder
def test_it_is_known_to_the_whole_house(folder: Path) -> None:
    """Adding a plugin means naming it in these places."""
    place = str(folder.relative_to(ROOT))
    root = project(ROOT)["tool"]
    module = f"gadfly_{folder.name}"

    assert place in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"-e ./{place}\n" in (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    assert f"$MYPY_CONFIG_FILE_DIR/{place}" in root["mypy"]["mypy_path"]
    assert module in root["importlinter"]["root_packages"]
    (independent,) = [c for c in root["importlinter"]["contracts"] if c["type"] == "independence"]
    assert module in independent["modules"]


def test_everything_that_is_needed_is_pinned() -> None:
    pinned = dict(
        line.split("==")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    )
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in pinned}
    needed = {
        re.sub(r"[-_.]+", "-", re.split(r"[\[<>=~!; ]", line)[0]).lower()
        for folder in (ROOT, *FOLDERS)
        for line in project(folder)["project"]["dependencies"]
    }

    assert {name for name in needed - names if not name.startswith("gadfly")} == set()
    assert pinned["torch"] == "2.13.0"
    assert all(re.fullmatch(r"[\w.!]+", version) for version in pinned.values())


def test_dev_requirements_use_the_constraints() -> None:
    lines = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8").splitlines()

    assert "-c constraints.txt" in lines
    assert "-e ." in lines


def test_the_license_is_there_and_shipped() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")

    assert "Apache License" in text
    assert project(ROOT)["project"]["license"] == "Apache-2.0"
    assert distribution("gadfly").metadata["License-Expression"] == "Apache-2.0"


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


LOCKS = {
    "Cargo.lock",
    "Pipfile.lock",
    "conda-lock.yml",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pdm.lock",
    "pixi.lock",
    "pnpm-lock.yaml",
    "poetry.lock",
    "pylock.toml",
    "uv.lock",
    "yarn.lock",
}
INDEXES = re.compile(
    "|".join(
        # Written apart, so that this file does not hold what it looks for.
        [
            r"://[\w.-]*" + "py" + r"pi\b",
            "files\\." + "pythonhosted",
            "registry\\." + "npmjs",
            "index" + "[-_]url",
            "find" + "-links",
            "trusted" + "-host",
        ]
    ),
    re.IGNORECASE,
)


def test_no_lock_file_is_kept() -> None:
    assert [path.name for path in tracked() if path.name in LOCKS] == []


def test_no_package_index_is_named() -> None:
    named = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked()
        if path.stat().st_size < 2_000_000
        for match in INDEXES.finditer(path.read_text(encoding="utf-8", errors="replace"))
    ]

    assert named == []
