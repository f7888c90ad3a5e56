"""The public face: what is exported, that it is there, and that it says what it is."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gadfly
import gadfly.testing
import gadfly.worker

PUBLIC = (gadfly, gadfly.testing, gadfly.worker)
NO_DOCSTRING_OF_THEIR_OWN = {
    "API_VERSION",  # a string
    "JSON",  # a type alias
    "hookimpl",  # a marker that pluggy makes
}


def by_kind(name: str) -> tuple[bool, bool, str]:
    """Constants, classes, functions: the order that ruff keeps literal lists in."""
    return (not name.isupper(), not name[0].isupper(), name)


@pytest.mark.parametrize(
    ("module", "order"),
    [(gadfly, str.lower), (gadfly.testing, by_kind), (gadfly.worker, by_kind)],
    ids=["gadfly", "gadfly.testing", "gadfly.worker"],
)
def test_exports_are_sorted_and_named_once(module: ModuleType, order: Callable[[str], Any]) -> None:
    names = list(module.__all__)

    assert names == sorted(names, key=order)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("module", PUBLIC, ids=lambda module: module.__name__)
def test_type_checkers_see_exactly_the_exports(module: ModuleType) -> None:
    """Imports of the form `X as X` are what type checkers take for exports."""
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    seen = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name
    }

    assert seen == set(module.__all__)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        pytest.param(module, name, id=f"{module.__name__}.{name}")
        for module in PUBLIC
        for name in module.__all__
    ],
)
def test_every_export_is_there_and_documented(module: ModuleType, name: str) -> None:
    value = getattr(module, name)

    if name in NO_DOCSTRING_OF_THEIR_OWN:
        return
    if isinstance(value, tuple):
        # A table: what stands in it is documented.
        assert value
        return
    documentation = inspect.getdoc(value) or ""
    assert documentation
    # dataclass writes the signature where nothing else is.
    assert not documentation.startswith(f"{name}(")


def test_every_export_comes_from_where_type_checkers_are_told() -> None:
    """The lazy table and the block for type checkers name the same home."""
    tree = ast.parse(Path(str(gadfly.__file__)).read_text(encoding="utf-8"))
    told = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }

    assert told == {name: f"gadfly.{home}" for name, home in gadfly._HOME_OF.items()}


def test_what_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'gadfly' has no attribute 'Agnet'"):
        gadfly.Agnet  # noqa: B018 - the access is the test


def test_dir_lists_the_exports() -> None:
    assert {*gadfly.__all__, "testing", "__version__"} == set(dir(gadfly))


def test_the_version_is_the_distributions() -> None:
    from importlib.metadata import version

    assert gadfly.__version__ == version("gadfly")


def test_a_star_import_brings_the_exports() -> None:
    namespace: dict[str, object] = {}

    exec("from gadfly import *", namespace)

    assert set(namespace) - {"__builtins__"} == set(gadfly.__all__)


def test_there_are_no_other_public_submodules() -> None:
    public = {
        path.stem
        for path in Path(str(gadfly.__file__)).parent.iterdir()
        if not path.name.startswith(("_", "."))
    }

    assert public == {"testing", "worker", "py"}
    assert importlib.import_module("gadfly.testing") is gadfly.testing
