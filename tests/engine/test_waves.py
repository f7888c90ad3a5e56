"""Which critics run next, and which are spared."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gadfly import (
    Agent,
    Cost,
    CriticSpec,
    Critique,
    Draft,
    Finding,
    Hardness,
    InputError,
    Plugins,
    Task,
    UnknownNameError,
    Verdict,
)
from gadfly._engine.checked import Checked
from gadfly._engine.checker import Checker
from gadfly._engine.specs import resolve_critics
from gadfly._engine.waves import Wave, next_wave
from gadfly._ports import critic_spec
from gadfly.testing import ScriptedCritic, install_plugin

if TYPE_CHECKING:
    from tests.engine.conftest import Marks

TASK, DRAFT = Task(prompt="q"), Draft("x")
HARD = Critique(Verdict.FAIL, findings=(Finding("wrong", Hardness.HARD),))
SOFT = Critique(Verdict.FAIL, findings=(Finding("odd", Hardness.SOFT),))
PASS = Critique(Verdict.PASS)


def spec(name: str, *requires: str, **wishes: Any) -> CriticSpec:
    return critic_spec(ScriptedCritic(Verdict.PASS, name=name, requires=requires, **wishes))


def names(specs: list[CriticSpec]) -> list[str]:
    return [each.id for each in specs]


def test_the_cheapest_run_first_side_by_side() -> None:
    specs = [spec("dear", cost=Cost.DEAR), spec("a", cost=Cost.CHEAP), spec("b", cost=Cost.CHEAP)]

    assert names(next_wave(specs, {}, TASK, DRAFT)[0]) == ["a", "b"]
    assert names(next_wave(specs, {"a": PASS, "b": SOFT}, TASK, DRAFT)[0]) == ["dear"]
    assert next_wave(specs, {"a": PASS, "b": PASS, "dear": PASS}, TASK, DRAFT) == ([], {})


def test_a_prerequisite_goes_first_even_when_it_is_dearer() -> None:
    specs = [spec("tests", "compiles", cost=Cost.CHEAP), spec("compiles", cost=Cost.DEAR)]

    assert names(next_wave(specs, {}, TASK, DRAFT)[0]) == ["compiles"]
    assert names(next_wave(specs, {"compiles": PASS}, TASK, DRAFT)[0]) == ["tests"]


@pytest.mark.parametrize("verdict", [v for v in Verdict if v is not Verdict.PASS])
def test_what_needs_a_critic_that_did_not_pass_is_skipped(verdict: Verdict) -> None:
    """Also what needs that in turn, at once."""
    specs = [spec("a"), spec("b", "a"), spec("c", "b"), spec("d")]

    ready, spared = next_wave(specs, {"a": Critique(verdict)}, TASK, DRAFT)

    assert names(ready) == ["d"]
    assert {id_: said.verdict for id_, said in spared.items()} == {"b": "skip", "c": "skip"}
    assert spared["b"].summary == "not run: a did not pass"


@pytest.mark.parametrize(
    ("said", "required", "spares"),
    [
        pytest.param(HARD, True, True, id="hard"),
        pytest.param(SOFT, True, False, id="soft"),
        pytest.param(Critique(Verdict.ERROR), True, False, id="error"),
        pytest.param(HARD, False, False, id="a-critic-that-only-informs"),
    ],
)
def test_a_hard_failure_spares_what_is_left(said: Critique, required: bool, spares: bool) -> None:
    specs = [spec("a", required=required), spec("b", cost=Cost.DEAR)]

    ready, spared = next_wave(specs, {"a": said}, TASK, DRAFT)

    assert (ready == []) is spares
    assert [critique.verdict for critique in spared.values()] == [Verdict.SKIP] * spares


async def test_critics_run_in_waves(checker: Checker, marks: Marks) -> None:
    critics = [
        marks.critic("tests", requires=("compiles",), cost=Cost.CHEAP),
        marks.critic("judge", cost=Cost.DEAR),
        marks.critic("compiles", cost=Cost.NORMAL),
        marks.critic("format", cost=Cost.CHEAP),
    ]

    checked = await checker.check_all([critic_spec(each) for each in critics], TASK, DRAFT)

    assert marks.read() == ["format", "compiles", "tests", "judge"]
    assert list(checked) == ["tests", "judge", "compiles", "format"]


async def test_a_hard_failure_spares_dearer_critics(
    make_agent: Callable[..., Agent], marks: Marks
) -> None:
    failing = ScriptedCritic(HARD, PASS, name="cheap", cost=Cost.CHEAP)

    outcome = await make_agent(marks.critic("dear", cost=Cost.DEAR), failing).ainvoke("q")

    assert outcome.accepted
    assert marks.read() == ["dear"]  # For the second draft only.


async def test_stragglers_of_a_wave_that_is_decided_are_stopped(
    make_agent: Callable[..., Agent], marks: Marks, gone: Callable[[object], None]
) -> None:
    path = marks.path

    # A local function travels by value: its process cannot import this module.
    def wait_for_mark(draft: Draft) -> Critique:
        import time

        while not path.exists():
            time.sleep(0.05)
        return HARD

    agent = make_agent(
        marks.critic(name="slow", sleep=600, deadline_seconds=900, cost=Cost.NORMAL),
        ScriptedCritic(wait_for_mark, name="fails"),
        budget=None,
        strategy=StopAtOnce(),
    )

    async with asyncio.timeout(120):
        outcome = await agent.ainvoke("q")

    assert outcome.critiques["slow"].verdict is Verdict.SKIP
    assert outcome.critiques["slow"].summary == "stopped: fails already failed the draft"
    gone(marks.read()[0])


class StopAtOnce:
    def stop(self, history: object) -> Any:
        from gadfly import Stop

        return Stop("stable", "that is enough")


async def test_a_straggler_within_the_grace_still_counts() -> None:
    wave = Wave(grace_seconds=30)

    async def say(critique: Critique, after: float) -> Checked:
        await asyncio.sleep(after)
        return Checked(critique)

    said = await asyncio.gather(
        wave.run(spec("a"), say(HARD, 0)), wave.run(spec("b"), say(SOFT, 0.2))
    )

    assert [checked.critique for checked in said] == [HARD, SOFT]


async def test_a_run_that_is_cancelled_is_no_straggler() -> None:
    wave = Wave(grace_seconds=0)

    async def fail() -> Checked:
        return Checked(HARD)

    async def hang() -> Checked:
        await asyncio.sleep(600)
        raise AssertionError

    straggler = asyncio.create_task(wave.run(spec("b"), hang()))
    await asyncio.sleep(0)
    await wave.run(spec("a"), fail())
    asyncio.get_running_loop().call_soon(straggler.cancel)

    with pytest.raises(asyncio.CancelledError):
        await straggler


class Picky(ScriptedCritic):
    def applies(self, task: Task, draft: Draft) -> bool:
        return "code" in draft.text


async def test_a_critic_that_does_not_apply_is_skipped(checker: Checker) -> None:
    picky = critic_spec(Picky(Verdict.PASS, name="picky", inline=True))
    after = critic_spec(ScriptedCritic(PASS, name="after", inline=True, requires=("picky",)))

    prose = await checker.check_all([picky, after], TASK, Draft("prose"))
    code = await checker.check_all([picky, after], TASK, Draft("code"))

    assert [each.critique.verdict for each in prose.values()] == ["skip", "skip"]
    assert prose["picky"].critique.summary == "it does not apply to this draft"
    assert [each.critique.verdict for each in code.values()] == ["pass", "pass"]


PLUGIN = """
from gadfly import Critique, Verdict, critic, hookimpl

def maker(name, *requires):
    def make(answer="x"):
        return critic(name=name, requires=requires)(lambda draft, context: Critique(Verdict.PASS))
    return make

@hookimpl
def register_critics(register):
    register("runs", maker("runs"))
    register("tests", maker("tests", "code/runs"))
    register("round", maker("round", "code/trip"))
    register("trip", maker("trip", "code/round"))
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    monkeypatch.syspath_prepend(str(install_plugin(tmp_path / "site", "code", PLUGIN)))
    return Plugins.discover()


def test_a_prerequisite_of_a_plugin_critic_is_added_before_it(plugins: Plugins) -> None:
    specs = resolve_critics(["code/tests"], plugins)

    assert [each.id for each in specs] == ["code/runs", "code/tests"]


MINE = ScriptedCritic(Verdict.PASS, name="mine")


@pytest.mark.parametrize(
    ("critics", "options", "message"),
    [
        (["code/round"], {}, "require each other: code/round -> code/trip -> code/round"),
        (["code/runs", "code/runs"], {}, "'code/runs' is given twice"),
        ([MINE, MINE], {}, "'mine' is given twice"),
        (["code/run"], {}, "no critic named 'code/run'; nearest: code/runs"),
        ([spec("a", "b")], {}, "'b' is required by another one but not given"),
        ([spec("a", "a")], {}, "require each other: a -> a"),
        (["code/runs"], {"code/tests": {}}, "no critic in use named 'code/tests'"),
        (["code/runs"], {"code/runs": {"x": 1}}, "code/runs does not take these options"),
        ("code/runs", {}, "given as a list"),
        (MINE, {}, "given as a list"),
        ([ScriptedCritic], {}, "the class ScriptedCritic is not a critic"),
        ([print], {}, "is not a critic"),
    ],
)
def test_critics_that_do_not_fit_are_refused(
    plugins: Plugins, critics: Any, options: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        resolve_critics(critics, plugins, options)


def test_a_wrong_name_is_no_other_error(plugins: Plugins) -> None:
    with pytest.raises(UnknownNameError):
        resolve_critics(["coed/runs"], plugins)


def test_what_a_required_critic_rests_on_is_required_too() -> None:
    base = spec("base", required=False)
    alone = spec("alone", required=False)

    specs = resolve_critics([spec("top", "base"), base, alone], Plugins([]))

    assert {each.id: each.required for each in specs} == {
        "base": True,
        "top": True,
        "alone": False,
    }
