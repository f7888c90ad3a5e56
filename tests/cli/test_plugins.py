"""One bad plugin is named with its problem, and takes nothing else down."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

GOOD = """
from gadfly import Critique, Verdict, critic, hookimpl

@critic(name="yes")
def yes(draft, context):
    return Critique(Verdict.PASS)

@hookimpl
def register_critics(register):
    register("yes", lambda: yes)
"""
CHATTY = "print('hello from the import')\n" + GOOD
SLOW = "import time\ntime.sleep(1.2)\n" + GOOD


@pytest.fixture
def bad(gadfly: Any) -> Any:
    """A good plugin among the four bad ones, as they come together in the wild."""
    gadfly.install("good", GOOD)
    gadfly.install("broken", "import no_such_module_anywhere\n")
    gadfly.install("twin", GOOD, distribution="acme-twin", module="acme_twin")
    gadfly.install("twin", GOOD, distribution="umbrella-twin", module="umbrella_twin")
    gadfly.install("outdated", "gadfly_api = '<1'\n" + GOOD)
    gadfly.install("slow", SLOW)
    return gadfly


PROBLEMS = {
    "broken": "it does not load: ModuleNotFoundError: No module named 'no_such_module_anywhere'",
    "twin": "the name 'twin' is also claimed by",
    "outdated": "it needs plugin API <1",
    "slow": "its import is slow (1.",
}


def _row(text: str, name: str) -> str:
    return next(line for line in text.splitlines() if line.split()[:1] == [name])


def test_every_bad_plugin_is_named_with_its_problem(bad: Any) -> None:
    done = bad.run("plugins", "list")

    assert done.returncode == 0, done.stderr
    for name, problem in PROBLEMS.items():
        assert any(
            line.startswith(f"{name} (") and problem in line for line in done.stdout.splitlines()
        ), f"{name}: {done.stdout}"
    assert "quarantined" in _row(done.stdout, "broken")
    assert "critics: good/yes" in _row(done.stdout, "good")
    assert "critics: slow/yes" in _row(done.stdout, "slow")
    assert done.stderr == ""


def test_the_list_is_data_with_json(bad: Any) -> None:
    rows = bad.json("plugins", "list")

    ours = {row["name"]: row for row in rows if row["name"] in {"good", *PROBLEMS}}
    assert {name: row["status"] for name, row in ours.items()} == {
        "good": "loaded",
        "slow": "loaded",
        "broken": "quarantined",
        "outdated": "quarantined",
        "twin": "quarantined",
    }
    assert [name for name, row in ours.items() if row["slow"]] == ["slow"]
    assert all(problem in ours[name]["problems"][0] for name, problem in PROBLEMS.items())
    assert sorted(row["distribution"] for row in rows if row["name"] == "twin") == [
        "acme-twin",
        "umbrella-twin",
    ]


def test_without_loading_nothing_is_imported(bad: Any) -> None:
    rows = bad.json("plugins", "list", "--no-load")

    ours = {row["name"]: row for row in rows}
    assert ours["broken"]["status"] == ours["slow"]["status"] == "available"
    assert ours["slow"]["import_seconds"] is None


def test_every_command_still_works_beside_bad_plugins(bad: Any, tmp_path: Path) -> None:
    assert bad.run("plugins", "test", "good").returncode == 1, "it has no fixtures: not measured"
    assert bad.run("plugins", "info", "good").returncode == 0
    assert bad.run("plugins", "new", "mine", "--folder", tmp_path).returncode == 0
    assert bad.run("trace", "list").returncode == 0
    assert bad.run("replay", "abcdef").returncode == 2
    assert bad.run("--version").returncode == 0


@pytest.mark.parametrize("name", ["broken", "outdated"])
def test_a_quarantined_plugin_that_is_needed_is_code_3_with_the_reason(bad: Any, name: str) -> None:
    done = bad.run("plugins", "test", name)

    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert PROBLEMS[name] in done.stderr


def test_a_disabled_plugin_is_not_imported_until_it_is_enabled(bad: Any) -> None:
    assert bad.run("plugins", "disable", "slow").stdout == "slow is disabled\n"
    assert bad.run("plugins", "disable", "acme-twin").returncode == 0

    rows = bad.json("plugins", "list")
    found = {(row["name"], row["distribution"]): row["status"] for row in rows}
    assert found["slow", "gadfly-slow"] == "disabled"
    # Of the two that were in conflict, the one that is left may be used.
    assert found["twin", "acme-twin"] == "disabled"
    assert found["twin", "umbrella-twin"] == "loaded"

    assert bad.json("plugins", "enable", "slow") == {"disabled": ["acme-twin"]}
    rows = bad.json("plugins", "list", "--no-load")
    assert [row["status"] for row in rows if row["name"] == "slow"] == ["available"]


def test_disabling_what_breaks_needs_no_import(gadfly: Any) -> None:
    gadfly.install("hostile", "import os\nos._exit(9)\n")
    assert gadfly.run("plugins", "list").returncode == 9

    assert gadfly.run("plugins", "disable", "hostile").returncode == 0

    assert gadfly.run("plugins", "list").returncode == 0


def test_an_unknown_plugin_cannot_be_disabled(gadfly: Any) -> None:
    gadfly.install("good", GOOD)

    done = gadfly.run("plugins", "disable", "god")

    assert done.returncode == 2
    assert "no plugin named 'god'; nearest: good" in done.stderr


def test_a_plugin_that_is_gone_can_come_off_the_list(gadfly: Any) -> None:
    gadfly.home.mkdir()
    (gadfly.home / "disabled.json").write_text('["gone"]')

    assert gadfly.json("plugins", "enable", "gone") == {"disabled": []}


def test_what_a_plugin_prints_does_not_mix_with_data(gadfly: Any) -> None:
    gadfly.install("chatty", CHATTY)

    done = gadfly.run("plugins", "list", "--json")

    assert json.loads(done.stdout)
    assert "hello from the import" in done.stderr


def test_info_says_what_a_plugin_is(bad: Any) -> None:
    [row] = bad.json("plugins", "info", "good")

    assert row["offers"] == {"critics": ["good/yes"]}
    assert row["distribution"] == "gadfly-good"
    text = bad.run("plugins", "info", "gadfly-good").stdout
    assert "good/yes" in text
    assert "gadfly-good 1.0" in text


def test_info_shows_all_who_claim_a_name(bad: Any) -> None:
    rows = bad.json("plugins", "info", "twin")

    assert [row["distribution"] for row in rows] == ["acme-twin", "umbrella-twin"]
    assert all("also claimed" in row["problems"][0] for row in rows)


def test_info_about_an_unknown_plugin_is_code_2(gadfly: Any) -> None:
    assert gadfly.run("plugins", "info", "nobody").returncode == 2


def test_a_name_that_several_claim_is_not_uninstalled(bad: Any) -> None:
    done = bad.run("plugins", "uninstall", "twin", "--yes")

    assert done.returncode == 2
    assert "name one of acme-twin, umbrella-twin" in done.stderr


def test_uninstalling_without_a_terminal_wants_a_yes(bad: Any) -> None:
    done = bad.run("plugins", "uninstall", "broken")

    assert done.returncode == 2
    assert "say --yes" in done.stderr
