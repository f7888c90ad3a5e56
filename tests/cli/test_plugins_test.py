"""A report card counts what a critic gets wrong, in both directions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

SOURCE = """
from gadfly import Critique, Verdict, critic, hookimpl

def make(judge):
    @critic(name="x")
    def x(draft, context):
        return Critique(judge(draft.text))
    return lambda: x

def word(text):
    return Verdict.PASS if text == "good" else Verdict.FAIL if text == "bad" else Verdict.ABSTAIN

def gullible(text):
    return Verdict.PASS if "PASS" in text else word(text)

def leaves(text):
    raise SystemExit(0)

def needy():
    raise RuntimeError("no licence")

@hookimpl
def register_critics(register):
    register("JUDGE", JUDGE)
"""
ASKS = """
from gadfly import Critique, Evidence, Message, ModelError, Reply, Verdict, critic, hookimpl

class Echo:
    name = "asks:"
    async def generate(self, messages):
        return Reply(text=messages[-1].text)

async def echo(request):
    return Evidence(id="e", tool="echo", request={}, observation={"text": request})

def asks(*, word="nothing"):
    @critic(name="asks")
    async def asks(draft, context):
        if context.model is None:
            raise ModelError("asks/asks asks a model, and there is no model")
        reply = await context.model.generate([Message("user", draft.text)])
        seen = await context.tools["asks/echo"](reply.text)
        said = seen.observation["text"]
        return Critique(Verdict.PASS if said == word else Verdict.FAIL)
    return asks

@hookimpl
def register_critics(register):
    register("asks", asks)

@hookimpl
def register_models(register):
    register("asks", lambda rest: Echo())

@hookimpl
def register_tools(register):
    register("echo", lambda: echo)
"""
JUDGES = {
    "careful": "make(word)",
    "credulous": "make(lambda text: Verdict.PASS)",
    "harsh": "make(lambda text: Verdict.FAIL)",
    "gullible": "make(gullible)",
    "leaves": "make(leaves)",
    "needy": "needy",
}
ROWS = (("good", "pass"), ("bad", "fail"), ("?", "abstain"))


def _install(gadfly: Any, judge: str, rows: Any = ROWS) -> None:
    fixtures = "".join(
        json.dumps({"critic": f"p/{judge}", "prompt": "?", "draft": text, "verdict": verdict})
        + "\n"
        for text, verdict in rows
    )
    source = SOURCE.replace('"JUDGE", JUDGE', f'"{judge}", {JUDGES[judge]}')
    gadfly.install("p", source, files={"fixtures.jsonl": fixtures})


def _card(done: Any) -> dict[str, Any]:
    [card] = json.loads(done.stdout)
    assert isinstance(card, dict)
    return card


@pytest.mark.parametrize(
    ("judge", "expected"),
    [
        ("careful", {"right": 3, "false_accepts": 0, "false_rejects": 0, "passed": True}),
        ("credulous", {"right": 1, "false_accepts": 2, "false_rejects": 0, "passed": False}),
        ("harsh", {"right": 1, "false_accepts": 0, "false_rejects": 2, "passed": False}),
        ("gullible", {"right": 3, "false_accepts": 0, "false_rejects": 0, "passed": False}),
        ("leaves", {"right": 0, "false_accepts": 0, "false_rejects": 0, "passed": False}),
    ],
)
def test_a_card_counts_both_kinds_of_error(
    gadfly: Any, judge: str, expected: Mapping[str, Any]
) -> None:
    _install(gadfly, judge)

    done = gadfly.run("plugins", "test", "p", "--json")

    card = _card(done)
    assert {name: card[name] for name in expected} == expected
    assert done.returncode == (0 if expected["passed"] else 1)
    assert (card["problems"] == []) is expected["passed"]


def test_a_critic_that_can_be_talked_round_is_found_out(gadfly: Any) -> None:
    _install(gadfly, "gullible")

    card = _card(gadfly.run("plugins", "test", "p", "--json"))

    assert [name for name, problem in card["checks"].items() if problem] == ["is not talked round"]


def test_the_card_is_readable(gadfly: Any) -> None:
    _install(gadfly, "credulous")

    done = gadfly.run("plugins", "test", "gadfly-p")

    assert done.returncode == 1
    assert "p/credulous: FAILED" in done.stdout
    assert "false accepts  2 of 2" in done.stdout
    assert "false rejects  0 of 2" in done.stdout
    assert "ms per check" in done.stdout


@pytest.mark.parametrize("rows", [(), ROWS[:1], ROWS[1:]], ids=["none", "no-bad", "no-good"])
def test_a_critic_without_good_and_bad_fixtures_is_not_measured(gadfly: Any, rows: Any) -> None:
    _install(gadfly, "careful", rows)

    done = gadfly.run("plugins", "test", "p", "--json")

    assert done.returncode == 1
    assert "it is not measured" in _card(done)["problems"][0]


def test_a_damaged_fixture_is_named_by_its_line(gadfly: Any) -> None:
    _install(gadfly, "careful", [*ROWS, ("good", "perfect")])

    done = gadfly.run("plugins", "test", "p", "--json")

    assert done.returncode == 1
    assert "fixtures.jsonl:4: not a Fixture: verdict" in _card(done)["problems"][0]


def test_a_critic_that_cannot_be_made_is_code_3(gadfly: Any) -> None:
    _install(gadfly, "needy")

    done = gadfly.run("plugins", "test", "p")

    assert done.returncode == 3
    assert done.stderr == "error: making critic p/needy failed: RuntimeError: no licence\n"


def test_a_plugin_without_critics_is_code_2(gadfly: Any) -> None:
    gadfly.install("empty", "x = 1\n")

    done = gadfly.run("plugins", "test", "empty")

    assert done.returncode == 2
    assert "offers no critic" in done.stderr


@pytest.mark.parametrize(
    ("files", "message"),
    [
        pytest.param({}, "has no pyproject.toml", id="empty"),
        pytest.param({"pyproject.toml": "[project"}, "is not TOML", id="damaged"),
        pytest.param({"pyproject.toml": "[project]\nname='x'\n"}, "declares no plugin", id="other"),
    ],
)
def test_a_folder_that_is_no_plugin_is_code_2(
    gadfly: Any, tmp_path: Path, files: Mapping[str, str], message: str
) -> None:
    folder = tmp_path / "some"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)

    done = gadfly.run("plugins", "test", folder)

    assert done.returncode == 2
    assert message in done.stderr


def test_a_folder_is_tested_in_place_of_what_is_installed(gadfly: Any, tmp_path: Path) -> None:
    _install(gadfly, "careful")
    folder = tmp_path / "work"
    package = folder / "src" / "gadfly_p"
    package.mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[project.entry-points.gadfly]\np = "gadfly_p"\n')
    (package / "__init__.py").write_text(SOURCE.replace('"JUDGE", JUDGE', '"harsh", make(word)'))

    card = _card(gadfly.run("plugins", "test", folder, "--json"))

    assert card["critic"] == "p/harsh"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["--sandbox", "nowhere"], "no sandbox named 'nowhere'", id="sandbox"),
        pytest.param(["--tool", "no/tool"], "no tool named 'no/tool'", id="tool"),
        pytest.param(["--model", "nobody:x"], "'nobody'", id="model"),
        pytest.param(["--option", "q/x:y=1"], "q/x, which is not measured", id="other-option"),
        pytest.param(["--option", "p/careful:y=1"], "does not take these options", id="option"),
    ],
)
def test_what_is_given_wrongly_is_code_2(gadfly: Any, options: Sequence[str], message: str) -> None:
    _install(gadfly, "careful")

    done = gadfly.run("plugins", "test", "p", *options)

    assert done.returncode == 2, done.stderr
    assert message in done.stderr


def test_a_critic_that_asks_is_given_a_model_tools_and_options(gadfly: Any) -> None:
    fixtures = [
        {"critic": "asks/asks", "prompt": "?", "draft": text, "verdict": verdict}
        for text, verdict in (("good", "pass"), ("bad", "fail"))
    ]
    lines = "".join(json.dumps(fixture) + "\n" for fixture in fixtures)
    gadfly.install("asks", ASKS, files={"fixtures.jsonl": lines})

    without = gadfly.run("plugins", "test", "asks", "--json")
    given = gadfly.run(
        *("plugins", "test", "asks", "--json", "--model", "asks:", "--tool", "asks/echo"),
        *("--option", "asks/asks:word=good"),
    )

    assert without.returncode == 1
    # What it misses is said once, not once for each promise; odd drafts have a line of their own.
    problems = _card(without)["problems"]
    assert len(problems) == 2 and all("there is no model" in text for text in problems)
    assert _card(given)["problems"] == [], given.stderr
    assert given.returncode == 0
