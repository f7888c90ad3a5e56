"""The arms of an experiment: the same calls, the same first draft, no gold answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gadfly import Draft, Ended, JobResult, Message, OracleError, Plugins, Reference, Reply, Task
from gadfly._experiment.arms import Arm, Experiment
from gadfly._values.task import _leaves
from gadfly.testing import ScriptedModel, ScriptedSandbox, install_plugin

CALLS = 4
TASKS = [Task(prompt=f"question {n}", id=f"t{n}") for n in range(3)]
GOLD = "the-gold-answer"
PLUGIN = """
from gadfly import Critique, Finding, Hardness, Verdict, critic, hookimpl

seen = []

def strict():
    @critic(name="strict", inline=True)
    def strict(draft, context):
        seen.append((draft, context.task, dict(context.earlier)))
        if draft.text.endswith("right"):
            return Critique(Verdict.PASS)
        found = Finding(f"{draft.text} is wrong", Hardness.HARD)
        return Critique(Verdict.FAIL, findings=(found,))
    return strict

@hookimpl
def register_critics(register):
    register("strict", strict)
"""


class CountingModel:
    """Gives a different wrong answer every time; records what it was asked."""

    name = "counting:"

    def __init__(self, *, right_at: int | None = None) -> None:
        self.asked: list[tuple[Message, ...]] = []
        self._right_at = right_at

    async def generate(self, messages: Sequence[Message]) -> Reply:
        self.asked.append(tuple(messages))
        text = f"answer {len(self.asked)}"
        model = ScriptedModel(f"{text} right" if len(self.asked) == self._right_at else text)
        return await model.generate(messages)


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    monkeypatch.syspath_prepend(str(install_plugin(tmp_path / "site", "umpire", PLUGIN)))
    return Plugins.discover()


def experiment(model: CountingModel, plugins: Plugins, tasks: Sequence[Task] = TASKS) -> Experiment:
    return Experiment(
        model,
        ["umpire/strict"],
        tasks,
        calls=CALLS,
        sandbox=ScriptedSandbox(JobResult(ended=Ended.EXITED, exit_code=0)),
        plugins=plugins,
        advance=lambda: None,
    )


async def run_all(model: CountingModel, plugins: Plugins) -> tuple[Arm, list[Arm]]:
    trial = experiment(model, plugins)
    averaged, vote = await trial.draft_arms()
    loops = [await trial.self_critique(), await trial.gated(), await trial.tool_critics()]
    return averaged, [vote(lambda text: text), *loops]


async def test_all_arms_make_the_same_calls_and_share_the_first_draft(plugins: Plugins) -> None:
    model = CountingModel()

    averaged, arms = await run_all(model, plugins)

    for arm in (averaged, *arms):
        assert arm.usage.model_calls == CALLS * len(TASKS), arm.name
        assert [len(drafts) for drafts in arm.drafts] == [CALLS] * len(TASKS), arm.name
        assert [drafts[0].text for drafts in arm.drafts] == [d[0].text for d in averaged.drafts]
        assert len(arm.final) == len(TASKS)
    # The first draft is drawn once, and counted in each.
    assert len(model.asked) == len(TASKS) * (CALLS + 3 * (CALLS - 1))


async def test_only_the_tool_critics_arm_tells_the_model_what_was_found(plugins: Plugins) -> None:
    model = CountingModel()
    trial = experiment(model, plugins)
    await trial.draft_arms()

    told: dict[str, list[bool]] = {}
    for arm in (trial.self_critique, trial.gated, trial.tool_critics):
        before = len(model.asked)
        await arm()
        asked = model.asked[before:]
        told[arm.__name__] = ["is wrong" in messages[-1].text for messages in asked]

    assert not any(told["self_critique"]) and not any(told["gated"])
    assert all(told["tool_critics"])


async def test_a_loop_ends_when_the_critics_accept(plugins: Plugins) -> None:
    model = CountingModel(right_at=CALLS + 1)
    trial = experiment(model, plugins, TASKS[:1])
    await trial.draft_arms()

    arm = await trial.tool_critics()

    assert [len(drafts) for drafts in arm.drafts] == [2]
    assert [draft and draft.text for draft in arm.final] == [f"answer {CALLS + 1} right"]
    assert arm.usage.model_calls == 2


async def test_no_arm_ever_sees_a_gold_answer(plugins: Plugins) -> None:
    import importlib

    model = CountingModel()
    await run_all(model, plugins)

    seen = importlib.import_module("gadfly_umpire").seen
    assert seen
    for draft, task, earlier in seen:
        assert task in TASKS and earlier == {}
        assert not any(isinstance(leaf, Reference) for leaf in _leaves([draft.text, task.inputs]))
    assert GOLD not in str(model.asked)


def test_a_reference_cannot_be_put_into_an_arms_tasks() -> None:
    inputs: Any = {"gold": Reference("t0", GOLD)}

    with pytest.raises(OracleError):
        replace(TASKS[0], inputs=inputs)


@pytest.mark.parametrize(
    ("answers", "winner"),
    [
        pytest.param(["1", "2", "2", "3"], 1, id="the-commonest"),
        pytest.param(["1", "2", "2", "1"], 0, id="of-equals-the-first"),
        pytest.param([None, None, None, "3"], 3, id="those-without-one-do-not-vote"),
        pytest.param([None] * 4, 0, id="none-has-one"),
    ],
)
async def test_the_vote(plugins: Plugins, answers: list[str | None], winner: int) -> None:
    trial = experiment(CountingModel(), plugins, TASKS[:1])
    averaged, vote = await trial.draft_arms()
    drafts: tuple[Draft, ...] = averaged.drafts[0]
    answer_of = dict(zip([draft.text for draft in drafts], answers, strict=True))

    (final,) = vote(answer_of.__getitem__).final

    assert final == drafts[winner]
