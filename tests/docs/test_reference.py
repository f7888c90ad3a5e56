"""The reference pages, built from the docstrings, leave nothing out."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gadfly
import gadfly.testing
import gadfly.worker
from gadfly import _hooks

ROOT = Path(__file__).parents[2]
HOOKS = [name for name in vars(_hooks) if re.match(r"register_|on_", name)]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    script = ROOT / "docs" / "build_reference.py"
    subprocess.run([sys.executable, str(script), str(folder)], check=True, timeout=120)
    return folder


def sections(page: Path) -> dict[str, str]:
    """The text of each section by its heading."""
    _, *parts = re.split(r"^## (\S+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize(
    ("page", "names"),
    [
        pytest.param("api.md", gadfly.__all__, id="gadfly"),
        pytest.param("testing.md", gadfly.testing.__all__, id="gadfly.testing"),
        pytest.param("worker.md", gadfly.worker.__all__, id="gadfly.worker"),
        pytest.param("hooks.md", HOOKS, id="hooks"),
    ],
)
def test_every_name_is_described(pages: Path, page: str, names: list[str]) -> None:
    described = {name: text.strip() for name, text in sections(pages / page).items()}

    assert sorted(described) == sorted(names)
    # More than a signature: a page of those would say nothing.
    assert [n for n in names if not re.sub(r"```.*?```", "", described[n], flags=re.DOTALL)] == []


@pytest.mark.parametrize("hook", HOOKS)
def test_every_argument_of_a_hook_is_shown(pages: Path, hook: str) -> None:
    arguments = inspect.signature(getattr(_hooks, hook)).parameters
    text = sections(pages / "hooks.md")[hook]

    assert arguments
    assert [name for name in arguments if not re.search(rf"\b{name}: ", text)] == []


def test_what_stands_below_a_field_is_shown(pages: Path) -> None:
    api = sections(pages / "api.md")

    assert "`memory_mib: int = 1024`: Address space" in api["Limits"]
    assert "`ABSTAIN = 'abstain'`: The check was made" in api["Verdict"]
    assert "Plain data" in api["JSON"]


def test_the_pages_are_those_that_are_promised_and_ignored_by_git(pages: Path) -> None:
    readme = (ROOT / "docs" / "reference" / "README.md").read_text(encoding="utf-8")
    promised = re.findall(r"^- `(\w+\.md)`", readme, flags=re.MULTILINE)
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()

    built = sorted(page.name for page in pages.iterdir())

    assert built == sorted(promised)
    assert [name for name in built if f"docs/reference/{name}" not in ignored] == []
