"""Importing is light, and every module can be imported by itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import gadfly

CORE = Path(str(gadfly.__file__)).parent
MODULES = sorted(
    ".".join(path.relative_to(CORE.parent).with_suffix("").parts).removesuffix(".__init__")
    for path in CORE.rglob("*.py")
    if path.name != "__main__.py"
)
HEAVY = {
    "aiosqlite",
    "docker",
    "pyarrow",
    "ray",
    "sqlalchemy",
    "langchain_core",
    "langgraph",
    "pluggy",
    "pydantic",
    "rich",
    "torch",
    "transformers",
    "typer",
}


def imported_by(code: str) -> set[str]:
    """Top-level packages that a fresh interpreter has after running the code."""
    script = f"{code}\nimport json, sys\nprint(json.dumps([m.split('.')[0] for m in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


def test_import_gadfly_is_light() -> None:
    assert imported_by("import gadfly") & HEAVY == set()


def test_values_and_ports_are_light() -> None:
    code = "from gadfly import Critique, Draft, Finding, Job, Limits, Task, Verdict, critic"

    assert imported_by(code) & HEAVY == set()


def test_an_agent_can_be_imported_without_the_engine() -> None:
    assert (
        imported_by("from gadfly import Agent") & {"langgraph", "langchain_core", "torch"} == set()
    )


def test_the_test_kit_needs_no_test_framework() -> None:
    assert imported_by("import gadfly.testing") & {"pytest", "hypothesis", "langgraph"} == set()


def test_import_has_no_effect_on_logging() -> None:
    code = (
        "import logging, gadfly, gadfly.testing\n"
        "assert not logging.getLogger().handlers\n"
        "handlers = logging.getLogger('gadfly').handlers\n"
        "assert [type(h).__name__ for h in handlers] == ['NullHandler']"
    )

    imported_by(code)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_imports_alone_without_a_warning(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import {module}"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
