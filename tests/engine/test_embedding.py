"""The graph inside other people's programs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

from gadfly import Agent, Cost, Event, Outcome, Verdict, load
from gadfly.testing import ScriptedCritic

if TYPE_CHECKING:
    from tests.engine.conftest import Marks, Scripts

MakeAgent = Callable[..., Agent]


class Theirs(TypedDict):
    task: dict[str, Any]
    outcome: dict[str, Any]
    shout: str


def inside(agent: Agent, saver: InMemorySaver | None = None) -> Any:
    async def shout(state: Theirs) -> dict[str, str]:
        return {"shout": state["outcome"]["draft"]["text"].upper()}

    graph = StateGraph(Theirs)
    graph.add_node("checked", agent.graph)
    graph.add_node("shout", shout)
    graph.add_edge(START, "checked")
    graph.add_edge("checked", "shout")
    graph.add_edge("shout", END)
    return graph.compile(checkpointer=saver)


async def test_the_graph_is_a_node_of_another_graph(make_agent: MakeAgent) -> None:
    graph = inside(make_agent(ScriptedCritic(Verdict.FAIL, Verdict.PASS)), InMemorySaver())
    config = {"configurable": {"thread_id": "theirs"}}

    state = await graph.ainvoke({"task": {"prompt": "q"}}, config)

    outcome = load(Outcome, state["outcome"])
    assert (outcome.run, outcome.answer, outcome.accepted) == ("theirs", "two", True)
    assert state["shout"] == "TWO"
    assert (await graph.aget_state(config)).values["shout"] == "TWO"


async def test_its_interrupt_is_answered_through_their_checkpointer(make_agent: MakeAgent) -> None:
    agent = make_agent(ScriptedCritic(Verdict.ABSTAIN, inline=True), ask_person=True)
    graph = inside(agent, InMemorySaver())
    config = {"configurable": {"thread_id": "theirs"}}

    waiting = await graph.ainvoke({"task": {"prompt": "q"}}, config)
    state = await graph.ainvoke(Command(resume="accept"), config)

    assert waiting["__interrupt__"][0].value["draft"] == "one"
    assert load(Outcome, state["outcome"]).stopped == "person"


async def test_it_needs_no_checkpointer_and_streams_events(make_agent: MakeAgent) -> None:
    graph = inside(make_agent(ScriptedCritic(Verdict.PASS, inline=True)))

    events = [
        event
        async for _, event in graph.astream(
            {"task": {"prompt": "q"}}, stream_mode="custom", subgraphs=True
        )
    ]

    assert all(isinstance(event, Event) for event in events)
    assert [event.kind for event in events][:: len(events) - 1] == ["started", "finished"]


def test_one_graph_serves_several_event_loops(make_agent: MakeAgent, marks: Marks) -> None:
    graph = make_agent(marks.critic()).graph

    for question in ("p", "q"):
        state = asyncio.run(graph.ainvoke({"task": {"prompt": question}}))
        assert load(Outcome, state["outcome"]).accepted

    assert len(marks.read()) == 2


LEAVES = """
import asyncio, contextlib, os, sys, time
from gadfly import Agent, Critique, Verdict, critic
from gadfly.testing import ScriptedActor, ScriptedCritic

@critic
def sleeps(draft, context):
    with open("marks", "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(600)

async def main():
    agent = Agent(
        actor=ScriptedActor("one"), sandbox=None,
        critics=[sleeps, ScriptedCritic(Verdict.PASS, cost=sleeps.cost, inline=True)],
        checkpoints="runs.sqlite", traces="traces",
    )
    async for event in agent.astream("q", run="r1"):
        if event.kind == "critiqued":
            while not os.path.exists("marks"):
                await asyncio.sleep(0.05)
            break
    print("left")

asyncio.run(main())
"""


def test_leaving_a_stream_half_way_leaves_no_process_hanging(
    scripts: Scripts, marks: Marks, gone: Callable[[object], None]
) -> None:
    assert scripts.run(LEAVES) == "left\n"

    gone(marks.read()[0])


async def test_closing_a_stream_ends_the_critics_it_began(
    make_agent: MakeAgent, marks: Marks, gone: Callable[[object], None]
) -> None:
    slow, quick = (
        marks.critic(sleep=600),
        ScriptedCritic(Verdict.PASS, inline=True, cost=Cost.CHEAP),
    )
    async with make_agent(slow, quick) as agent:
        events = agent.astream("q")
        async for event in events:
            if event.kind == "critiqued":
                await marks.wait()
                break
        await events.aclose()

        gone(marks.read()[0])
