"""A person is asked, and answers days later in another process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gadfly import Agent, InputError, Model, Reply, Task, Verdict
from gadfly.testing import ScriptedActor, ScriptedCritic

if TYPE_CHECKING:
    from tests.engine.conftest import Scripts

AGENT = """
import json, sys
from gadfly import Agent, Verdict
from gadfly.testing import ScriptedActor, ScriptedCritic

actor = ScriptedActor("one", "two")
agent = Agent(
    actor=actor,
    critics=[ScriptedCritic(Verdict.ABSTAIN, Verdict.PASS, name="unsure")],
    sandbox=None,
    ask_person=True,
    checkpoints="runs.sqlite",
    traces="traces",
)
answer = sys.argv[1:]
outcome = agent.resume("r1", answer=answer[0]) if answer else agent.invoke("q", run="r1")
feedback = [line for feedback in actor.feedback for line in feedback.findings]
print(json.dumps([outcome.stopped, outcome.answer, outcome.rounds, feedback]))
"""


def test_a_run_waits_for_a_person_and_goes_on_in_another_process(scripts: Scripts) -> None:
    waits = json.loads(scripts.run(AGENT))
    resumed = json.loads(scripts.run(AGENT, "say it shorter"))

    assert waits == ["waiting", "one", 0, []]
    assert resumed == ["accepted", "two", 1, ["say it shorter"]]


@pytest.fixture
def agent(make_agent: Callable[..., Agent], tmp_path: Path) -> Agent:
    return make_agent(
        ScriptedCritic(Verdict.ABSTAIN, inline=True),
        ask_person=True,
        checkpoints=tmp_path / "runs.sqlite",
    )


@pytest.mark.parametrize(
    ("answer", "verdict"), [("accept", Verdict.PASS), (" Stop ", Verdict.FAIL)]
)
async def test_a_person_ends_a_run(agent: Agent, answer: str, verdict: Verdict) -> None:
    waiting = await agent.ainvoke("q", run="r1")

    outcome = await agent.aresume("r1", answer=answer)

    assert waiting.stopped == "waiting"
    assert (outcome.stopped, outcome.answer, outcome.rounds) == ("person", "one", 0)
    assert outcome.critiques["person"].verdict is verdict
    assert await agent.aresume("r1") == outcome


@pytest.mark.parametrize("answer", [None, "", "  "])
async def test_a_run_that_waits_needs_an_answer(agent: Agent, answer: str | None) -> None:
    await agent.ainvoke("q", run="r1")

    with pytest.raises(InputError, match="waits for a person: accept, stop, or a comment"):
        await agent.aresume("r1", answer=answer)


async def test_a_run_that_does_not_wait_takes_no_answer(
    make_agent: Callable[..., Agent], tmp_path: Path
) -> None:
    class Breaks(ScriptedActor):
        async def draft(self, task: Task, model: Model | None) -> tuple[str, Reply]:
            raise RuntimeError("no")

    agent = make_agent(
        ScriptedCritic(Verdict.PASS), actor=Breaks("x"), checkpoints=tmp_path / "runs.sqlite"
    )
    with pytest.raises(RuntimeError):
        await agent.ainvoke("q", run="r1")

    with pytest.raises(InputError, match="does not wait for an answer"):
        await agent.aresume("r1", answer="accept")


async def test_a_person_may_comment_more_than_once(agent: Agent) -> None:
    await agent.ainvoke("q", run="r1")

    for number, comment in enumerate(["shorter", "shorter still"], 1):
        outcome = await agent.aresume("r1", answer=comment)
        assert (outcome.stopped, outcome.rounds) == ("waiting", number)
    outcome = await agent.aresume("r1", answer="accept")

    assert (outcome.stopped, outcome.answer) == ("person", "three")


async def test_a_person_is_asked_where_the_strategy_would_give_up(
    make_agent: Callable[..., Agent], tmp_path: Path
) -> None:
    agent = make_agent(
        ScriptedCritic(Verdict.FAIL, inline=True),
        actor=ScriptedActor("same"),
        ask_person=True,
        checkpoints=tmp_path / "runs.sqlite",
    )

    outcome = await agent.ainvoke("q", run="r1")

    assert (outcome.stopped, outcome.rounds) == ("waiting", 2)
    assert "stayed the same" in outcome.reason
