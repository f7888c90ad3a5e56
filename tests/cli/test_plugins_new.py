"""A plugin that `plugins new` has written is small, correct, and usable as it is."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gadfly import Draft, InputError, Verdict
from gadfly._cli._scaffolding import new
from gadfly.testing import make_context

ROOT = Path(__file__).parents[2]


@pytest.fixture
def written(gadfly: Any, tmp_path: Path) -> Path:
    """The folder of a new plugin `my-sums`."""
    done = gadfly.run("plugins", "new", "my-sums", "--folder", tmp_path)
    assert done.returncode == 0, done.stderr
    return tmp_path / "gadfly-my-sums"


def test_the_folder_is_a_distribution_with_tests(gadfly: Any, tmp_path: Path) -> None:
    made = gadfly.json("plugins", "new", "sums", "--folder", tmp_path)

    folder = Path(made["folder"])
    assert folder == tmp_path / "gadfly-sums"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert files == {
        "pyproject.toml",
        "README.md",
        "gadfly_sums/__init__.py",
        "gadfly_sums/fixtures.jsonl",
        "tests/test_gadfly_sums.py",
    }
    assert {str(Path(path).relative_to(folder)) for path in made["files"]} == files
    assert not any("$" in path.read_text().replace('$"', "") for path in folder.rglob("*.*"))


def _code_lines(source: str) -> int:
    """Lines that are neither blank, nor a comment, nor of a docstring."""
    tree = ast.parse(source)
    prose: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef) and ast.get_docstring(
            node
        ):
            prose |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    return sum(
        bool(line.strip()) and not line.lstrip().startswith("#") and number not in prose
        for number, line in enumerate(source.splitlines(), 1)
    )


def test_the_critic_has_at_most_fifteen_lines_of_code(written: Path) -> None:
    assert _code_lines((written / "gadfly_my_sums" / "__init__.py").read_text()) <= 15


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("17 + 25 = 42", Verdict.PASS),
        ("17 + 25 = 43", Verdict.FAIL),
        ("-5 + 3 = -2\r\n  7+1=8", Verdict.PASS),
        ("1 + 1 = 2\n1 + 1 = 3", Verdict.FAIL),
        ("1 + 2 + 3 = 6", Verdict.ABSTAIN),
        ("so 2 + 2 = 5 it is", Verdict.ABSTAIN),
        ("1.5 + 2 = 3.5", Verdict.ABSTAIN),
        ("", Verdict.ABSTAIN),
    ],
)
async def test_the_critic_checks_sums(
    written: Path, monkeypatch: pytest.MonkeyPatch, text: str, verdict: Verdict
) -> None:
    monkeypatch.syspath_prepend(written)
    module: Any = __import__("gadfly_my_sums")

    critique = await module.equations.critique(Draft(text), make_context("?"))

    assert critique.verdict is verdict


def test_the_plugin_passes_its_own_trial_without_being_installed(
    gadfly: Any, written: Path
) -> None:
    [card] = gadfly.json("plugins", "test", written)

    assert card["critic"] == "my-sums/equations"
    assert card["passed"]
    assert card["right"] == card["fixtures"]
    assert min(card["good"], card["bad"]) > 0


def test_the_plugins_own_tests_pass(written: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore"],
        cwd=written,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("tool", ["check", "format"])
def test_the_plugin_is_clean_for_our_own_linter(written: Path, tool: str) -> None:
    pytest.importorskip("ruff")
    options = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    diff = ["--diff"] if tool == "format" else []

    done = subprocess.run(
        [sys.executable, "-m", "ruff", tool, *options, *diff, "gadfly_my_sums"],
        cwd=written,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_a_folder_that_is_there_is_left_alone(gadfly: Any, written: Path) -> None:
    (written / "README.md").write_text("mine")

    done = gadfly.run("plugins", "new", "my-sums", "--folder", written.parent)

    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert (written / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("My-Sums", "lower-case"),
        ("my sums", "lower-case"),
        ("my_sums", "lower-case"),
        ("9lives", "beginning with a letter"),
        ("sums-", "lower-case"),
        ("../sums", "lower-case"),
        ("gadfly-sums", "name the plugin 'sums'"),
        ("python", "already brings a plugin 'python'"),
    ],
)
def test_a_bad_name_is_refused_with_the_rule(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        new(name, folder=tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_missing_is_named(gadfly: Any, tmp_path: Path) -> None:
    done = gadfly.run("plugins", "new", "sums", "--folder", tmp_path / "nowhere")

    assert done.returncode == 2
    assert "nowhere is not a folder" in done.stderr


USE = """
import asyncio, json
from gadfly import Draft, Plugins
from gadfly.testing import make_context

critic = Plugins.discover().create("critics", "my-sums/equations")
print(asyncio.run(critic.critique(Draft("2 + 2 = 5"), make_context("?"))).verdict)
"""


@pytest.mark.slow
def test_the_plugin_lives_through_install_use_and_uninstall(
    gadfly: Any, written: Path, tmp_path: Path
) -> None:
    """Its wheel, in a fresh environment that sees ours."""
    python = tmp_path / "venv" / "bin" / "python"
    _run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    # The environment of this test is itself a venv, which a venv's "system" does not include.
    packages = next((tmp_path / "venv" / "lib").glob("python*/site-packages"))
    ours = [path for path in sys.path if path.endswith("site-packages")]
    packages.joinpath("ours.pth").write_text(
        "".join(f"import site; site.addsitedir({p!r})\n" for p in ours)
    )
    wheels = tmp_path / "wheels"
    build = ("--no-deps", "--no-build-isolation", "--wheel-dir", wheels, written)
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", *build)
    [wheel] = wheels.iterdir()

    def gadfly_there(*arguments: object) -> Any:
        options = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "GADFLY_HOME": str(gadfly.home)}
        return json.loads(_run(python, "-m", "gadfly", *arguments, "--json", **options))

    installed = gadfly_there("plugins", "install", wheel)
    assert [info["name"] for info in installed["installed"]] == ["my-sums"]

    assert _run(python, "-c", USE) == "fail\n"
    [card] = gadfly_there("plugins", "test", "my-sums")
    assert card["passed"]

    gadfly_there("plugins", "disable", "my-sums")
    assert gadfly_there("plugins", "uninstall", "my-sums", "--yes") == {
        "uninstalled": "gadfly-my-sums"
    }
    names = [row["name"] for row in gadfly_there("plugins", "list", "--no-load")]
    assert names
    assert "my-sums" not in names
    assert (gadfly.home / "disabled.json").read_text() == "[]"


def _run(*command: object, **environment: str) -> str:
    import os

    done = subprocess.run(
        [str(part) for part in command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout
