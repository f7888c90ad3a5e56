"""Fixtures: drafts with the verdict that a critic must give, kept beside the critic.

A plugin ships them as `fixtures.jsonl` in its package, one JSON object a line:

    {"critic": "python/runs", "prompt": "What is 2 + 2?", "draft": "answer = 4", "verdict": "pass"}

Good drafts, bad drafts, and good ones with one thing changed that makes them bad: the last sort is
what tells a careful critic from one that looks at the surface.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from types import ModuleType

from gadfly._errors import InputError, StorageError
from gadfly._values.codec import decode_json, load
from gadfly._values.critique import Verdict

FILE_NAME = "fixtures.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixture:
    """One draft with the verdict that is right for it."""

    critic: str
    """The critic's id (`python/runs`)."""
    prompt: str
    """The task's prompt."""
    draft: str
    """The draft's text."""
    verdict: Verdict
    """What the critic must say."""


def load_fixtures(source: ModuleType | Path | str, critic: str | None = None) -> list[Fixture]:
    """Return the fixtures of a plugin, in the file's order.

    Args:
        source: The plugin's package, or a path: `fixtures.jsonl` itself or its folder.
        critic: Only the fixtures of this critic; all by default.

    Raises:
        InputError: There is no such file, or a line of it is not a fixture; the line is named.
        StorageError: The file is there but cannot be read.
    """
    place = _place(source)
    if place.is_dir():
        place = place / FILE_NAME
    if not place.is_file():
        raise InputError(f"{place} is not there: fixtures are a file {FILE_NAME} in the package")
    try:
        # Not `splitlines`, which also splits at characters that JSON strings may hold.
        lines = place.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is not UTF-8 text: {error.reason}") from error
    except OSError as error:
        raise StorageError(f"{place} cannot be read: {error.strerror}") from error
    fixtures = [_fixture(line, f"{place}:{n}") for n, line in enumerate(lines, 1) if line.strip()]
    return [fixture for fixture in fixtures if critic in {None, fixture.critic}]


def _place(source: ModuleType | Path | str) -> Traversable:
    if not isinstance(source, ModuleType):
        return Path(source)
    if not hasattr(source, "__path__"):
        raise InputError(f"{source.__name__} is one module: only a package holds {FILE_NAME}")
    return files(source)


def _fixture(line: str, where: str) -> Fixture:
    try:
        return load(Fixture, decode_json(line))
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
