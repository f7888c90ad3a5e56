"""A run from its first draft to its end: the edges of the graph, the budget, the stop rules."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from gadfly import (
    Agent,
    Budget,
    Context,
    Critique,
    Draft,
    Ended,
    EventKind,
    Evidence,
    Finding,
    Hardness,
    InputError,
    Job,
    JobResult,
    OracleError,
    Reference,
    Task,
    Verdict,
    critic,
)
from gadfly.testing import ScriptedActor, ScriptedCritic, ScriptedModel, ScriptedSandbox

if TYPE_CHECKING:
    from tests.engine.conftest import Marks

MakeAgent = Callable[..., Agent]


def inline(*said: Any, **wishes: Any) -> ScriptedCritic:
    return ScriptedCritic(*said, inline=True, **wishes)


def complaint(number: int) -> Critique:
    return Critique(Verdict.FAIL, findings=(Finding(f"wrong in way {number}", Hardness.HARD),))


def never_satisfied() -> ScriptedCritic:
    return inline(lambda draft: complaint(draft.number))


@pytest.mark.parametrize(
    ("verdict", "stopped", "rounds"),
    [
        (Verdict.PASS, "accepted", 0),
        (Verdict.FAIL, "accepted", 1),
        (Verdict.ABSTAIN, "undecided", 0),
        (Verdict.ERROR, "undecided", 0),
        (Verdict.SKIP, "undecided", 0),
    ],
)
async def test_every_verdict_has_its_own_edge(
    make_agent: MakeAgent, verdict: Verdict, stopped: str, rounds: int
) -> None:
    outcome = await make_agent(inline(verdict, Verdict.PASS)).ainvoke("q")

    assert (outcome.stopped, outcome.rounds) == (stopped, rounds)
    assert outcome.accepted is (stopped == "accepted")
    assert outcome.answer == ("two" if rounds else "one")


async def test_a_draft_is_refined_by_what_the_critics_found(make_agent: MakeAgent) -> None:
    actor = ScriptedActor("one", "two")
    agent = make_agent(inline(complaint(1), Verdict.PASS), actor=actor)

    outcome = await agent.ainvoke(Task(prompt="q", id="t1", inputs={"n": 1}))

    assert [feedback.findings for feedback in actor.feedback] == [("wrong in way 1",)]
    assert [(d.number, d.parent, d.text) for d in outcome.drafts] == [
        (1, None, "one"),
        (2, 1, "two"),
    ]
    assert outcome.task == Task(prompt="q", id="t1", inputs={"n": 1})
    assert outcome.usage.model_calls == 2
    assert outcome.oracle == "none"
    assert outcome.seconds > 0


async def test_the_best_draft_is_given_back_not_the_last(make_agent: MakeAgent) -> None:
    soft = Critique(Verdict.FAIL, findings=(Finding("odd"),))
    first = inline(Verdict.PASS, Verdict.FAIL, name="first")
    second = inline(soft, Verdict.PASS, name="second")

    outcome = await make_agent(first, second, budget=Budget(rounds=1)).ainvoke("q")

    assert (outcome.answer, len(outcome.drafts)) == ("one", 2)
    assert outcome.critiques["first"].verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("budget", "drafts", "spent"),
    [
        (Budget(rounds=0), 1, "rounds"),
        (Budget(rounds=2), 3, "rounds"),
        (Budget(rounds=9, tokens=3), 3, "tokens"),
        (Budget(rounds=9, tool_calls=2), 2, "tool_calls"),
        (Budget(rounds=9, seconds=0), 1, "seconds"),
    ],
)
async def test_a_run_ends_with_its_budget(
    make_agent: MakeAgent, budget: Budget, drafts: int, spent: str
) -> None:
    """Every draft costs one token and one tool call."""

    @critic(inline=True)
    async def runs(draft: Draft, context: Context) -> Critique:
        await context.sandbox.run(Job(("x", draft.text)))
        return complaint(draft.number)

    sandbox = ScriptedSandbox(JobResult(ended=Ended.EXITED, exit_code=0))

    outcome = await make_agent(runs, budget=budget, sandbox=sandbox).ainvoke("q")

    assert (outcome.stopped, len(outcome.drafts)) == ("budget", drafts)
    assert f"the budget of {spent} is spent" in outcome.reason
    assert outcome.usage.tool_calls == outcome.usage.completion_tokens == drafts


async def test_the_first_draft_counts_in_the_budget_of_seconds(make_agent: MakeAgent) -> None:
    async def slow(messages: object) -> str:
        await asyncio.sleep(1)
        return "one"

    outcome = await make_agent(
        never_satisfied(), model=ScriptedModel(slow), actor=None, budget=Budget(seconds=1)
    ).ainvoke("q")

    assert (outcome.stopped, len(outcome.drafts)) == ("budget", 1)
    assert outcome.seconds >= 1


@pytest.mark.parametrize(
    ("texts", "critic", "stopped", "drafts"),
    [
        pytest.param(["one"], never_satisfied(), "stable", 3, id="unchanged"),
        pytest.param(["a", "b", "c", "d"], inline(complaint(1)), "stagnant", 3, id="same-findings"),
        pytest.param(["a", "b", "a", "c"], never_satisfied(), "stagnant", 3, id="a-b-a"),
        pytest.param(["a", "b", "c", "d", "e"], never_satisfied(), "budget", 5, id="it-moves"),
    ],
)
async def test_a_run_ends_when_nothing_gets_better(
    make_agent: MakeAgent, texts: list[str], critic: ScriptedCritic, stopped: str, drafts: int
) -> None:
    outcome = await make_agent(critic, actor=ScriptedActor(*texts)).ainvoke("q")

    assert (outcome.stopped, len(outcome.drafts)) == (stopped, drafts)


async def test_the_context_does_not_grow_with_rounds(make_agent: MakeAgent) -> None:
    texts = [f"draft number {n} {'word ' * 50}" for n in range(1, 9)]
    model = ScriptedModel(texts)
    agent = make_agent(never_satisfied(), model=model, actor=None, budget=Budget(rounds=7))

    await agent.ainvoke("What is it?")

    lengths = [sum(len(m.text) for m in asked) for asked in model.conversations]
    assert [len(asked) for asked in model.conversations] == [1] + 7 * [3]
    assert len(set(lengths[1:])) == 1
    for number, asked in enumerate(model.conversations[1:], 1):
        assert asked[1].text == texts[number - 1]
        assert f"wrong in way {number}" in asked[2].text


async def test_events_are_typed_and_in_order(make_agent: MakeAgent) -> None:
    agent = make_agent(inline(Verdict.FAIL, Verdict.PASS, name="a"))

    events = [event async for event in agent.astream("q", run="r1")]

    assert [(event.kind, event.draft) for event in events] == [
        (EventKind.STARTED, 0),
        (EventKind.DRAFTED, 1),
        (EventKind.SELECTED, 1),
        (EventKind.CRITIQUED, 1),
        (EventKind.DECIDED, 1),
        (EventKind.DRAFTED, 2),
        (EventKind.SELECTED, 2),
        (EventKind.CRITIQUED, 2),
        (EventKind.DECIDED, 2),
        (EventKind.FINISHED, 2),
    ]
    assert {event.run for event in events} == {"r1"}
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert events[0].data["oracle"] == "none"


@pytest.mark.parametrize("how", ["ainvoke", "graph"])
async def test_a_gold_answer_is_refused_in_place_of_a_task(make_agent: MakeAgent, how: str) -> None:
    agent: Any = make_agent(inline(Verdict.PASS))
    gold = Reference("t", 42)
    inputs: Any = {"task": {"prompt": "q", "inputs": {"x": [gold]}}}

    with pytest.raises(OracleError, match="Reference"):
        await (agent.ainvoke(gold) if how == "ainvoke" else agent.graph.ainvoke(inputs))


@pytest.mark.parametrize("task", [None, 7, ["q"], "", "  "])
async def test_what_is_no_task_is_refused(make_agent: MakeAgent, task: Any) -> None:
    with pytest.raises(InputError):
        await make_agent(inline(Verdict.PASS)).ainvoke(task)


async def test_a_number_of_any_size_may_be_evidence(make_agent: MakeAgent) -> None:
    """Checkpoints hold integers of 64 bits only."""
    evidence = Evidence(id="1", tool="t", request={}, observation={"value": 2**100, "small": 7})
    agent = make_agent(inline(Critique(Verdict.PASS, evidence=(evidence,))))

    outcome = await agent.ainvoke("What is 2 to the power of 100?")

    assert outcome.accepted
    observed = outcome.critiques["scripted"].evidence[0].observation
    assert observed == {"value": str(2**100), "small": 7}


def test_invoke_is_for_code_that_is_not_asynchronous(make_agent: MakeAgent) -> None:
    assert make_agent(ScriptedCritic(Verdict.PASS)).invoke("q").accepted


async def test_invoke_in_a_running_loop_says_what_to_do(make_agent: MakeAgent) -> None:
    with pytest.raises(InputError, match="await `ainvoke`"):
        make_agent(inline(Verdict.PASS)).invoke("q")


async def test_an_agent_may_be_entered_again_and_not_twice(
    make_agent: MakeAgent, marks: Marks
) -> None:
    agent = make_agent(marks.critic())

    for _ in range(2):
        async with agent:
            for question in ("p", "q"):
                assert (await agent.ainvoke(question)).accepted
            with pytest.raises(InputError, match="open already"):
                await agent.__aenter__()
    assert (await agent.ainvoke("q")).accepted

    used = marks.read()
    assert used[0] == used[1] != used[2] == used[3] != used[4]


OBSERVER = """
from gadfly import Critique, Verdict, critic, hookimpl

seen = []

@hookimpl
def register_critics(register):
    register("passes", lambda: critic(inline=True)(lambda draft, context: Critique(Verdict.PASS)))

@hookimpl
def on_event(event):
    seen.append(event.kind)
    raise RuntimeError("an observer must not matter")
"""


async def test_an_observer_that_raises_breaks_no_run(
    make_agent: MakeAgent, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib

    from gadfly.testing import install_plugin

    monkeypatch.syspath_prepend(str(install_plugin(tmp_path / "site", "watch", OBSERVER)))

    outcome = await make_agent("watch/passes").ainvoke("q")

    assert outcome.accepted
    seen = importlib.import_module("gadfly_watch").seen
    assert seen == ["started", "drafted", "selected", "critiqued", "decided", "finished"]


async def test_an_integer_that_no_checkpoint_can_hold_is_refused_clearly(
    make_agent: Callable[..., Agent],
) -> None:
    agent = make_agent(ScriptedCritic(Verdict.PASS))

    with pytest.raises(InputError, match="above 64 bits"):
        await agent.ainvoke(Task(prompt="q", inputs={"n": [2**70]}))
