"""The loop as one node of your own LangGraph graph, with your checkpointer and your stream."""

import asyncio
from typing import Any, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from gadfly import Agent, Event, Outcome, load
from gadfly.testing import ScriptedModel

PROGRAMS = ["```python\nanswer = legs * 3\n```", "```python\nlegs = 4\nanswer = legs * 3\n```"]


class State(TypedDict):
    """Your state; the loop reads `task` and writes `outcome`."""

    question: str
    task: dict[str, Any]
    outcome: dict[str, Any]
    report: str


def ask(state: State) -> dict[str, Any]:
    """Turn a question into a task."""
    return {"task": {"prompt": state["question"]}}


def report(state: State) -> dict[str, Any]:
    """Use what the loop gave back."""
    outcome = load(Outcome, state["outcome"])
    value = outcome.critiques["python/runs"].evidence[0].observation["value"]
    return {"report": f"{value} ({outcome.stopped}, {len(outcome.drafts)} drafts)"}


async def main() -> None:
    """Build the graph, stream the loop's events, print the report."""
    agent = Agent(ScriptedModel(PROGRAMS), critics=["python/runs"])
    graph = StateGraph(State)
    graph.add_node("ask", ask)
    graph.add_node("answer", agent.graph)
    graph.add_node("report", report)
    for before, after in ((START, "ask"), ("ask", "answer"), ("answer", "report"), ("report", END)):
        graph.add_edge(before, after)
    app = graph.compile(checkpointer=InMemorySaver())

    config: Any = {"configurable": {"thread_id": "cats"}}
    question: Any = {"question": "How many legs have 3 cats?"}
    stream = app.astream(question, config, stream_mode="custom", subgraphs=True)
    async for _, event in stream:
        assert isinstance(event, Event)
        print(event.kind, event.draft or "")
    state = await app.aget_state(config)
    print(state.values["report"])


if __name__ == "__main__":
    asyncio.run(main())
