"""Fixtures are read strictly, with the line that is wrong."""

from __future__ import annotations

import importlib
import math
from pathlib import Path

import pytest

from gadfly import InputError, Verdict
from gadfly.testing import Fixture, install_plugin, load_fixtures

LINE = '{"critic": "a/b", "prompt": "p", "draft": "x\u2028y", "verdict": "fail"}\n'
OTHER = '{"critic": "a/c", "prompt": "p", "draft": "", "verdict": "abstain"}\n'


def test_fixtures_are_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "fixtures.jsonl").write_text(f"{LINE}\n{OTHER}", encoding="utf-8")

    in_folder = load_fixtures(tmp_path)

    assert in_folder == load_fixtures(str(tmp_path / "fixtures.jsonl"))
    assert in_folder[0] == Fixture(critic="a/b", prompt="p", draft="x\u2028y", verdict=Verdict.FAIL)
    assert [fixture.critic for fixture in in_folder] == ["a/b", "a/c"]
    assert load_fixtures(tmp_path, "a/c") == in_folder[1:]


def test_fixtures_come_with_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin(tmp_path, "withfixtures", "", files={"fixtures.jsonl": LINE})
    monkeypatch.syspath_prepend(str(tmp_path))

    (fixture,) = load_fixtures(importlib.import_module("gadfly_withfixtures"))

    assert fixture.critic == "a/b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(OTHER + "{", r"fixtures\.jsonl:2: not JSON", id="broken"),
        pytest.param(OTHER + '{"critic": "x"}', r":2: not a Fixture: prompt", id="missing"),
        pytest.param(OTHER.replace("abstain", "maybe"), r":1: .*verdict", id="no-verdict"),
        pytest.param("[]", ":1: not a Fixture", id="a-list"),
    ],
)
def test_a_line_that_is_no_fixture_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "fixtures.jsonl").write_text(text)

    with pytest.raises(InputError, match=message):
        load_fixtures(tmp_path)


def test_missing_and_unreadable_fixtures_are_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not there: fixtures are a file fixtures\.jsonl"):
        load_fixtures(tmp_path)
    (tmp_path / "fixtures.jsonl").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="not UTF-8"):
        load_fixtures(tmp_path)
    with pytest.raises(InputError, match="math is one module"):
        load_fixtures(math)
