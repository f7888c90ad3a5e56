"""What the engine costs: many concurrent runs, beside the same topology in bare LangGraph.

    python benchmarks/engine.py [--runs 1000] [--json FILE]

Each run is three rounds: a draft, three critics side by side, a decision; models and critics are
scripted and instant, so all that is left is the engine. The bare graph routes the same way (select,
three Sends, adjudicate, refine) and keeps the same plain records, with none of Gadfly. Each variant
runs in a process of its own, in turn, and the ratio is taken within one repetition; peak memory is
the process's. `processes` is the default way critics run (each in a process that can be killed);
`inline` is for critics that promise not to block, and is what compares with the bare graph, whose
critics run in the loop too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import operator
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict

ROUNDS = 3
CRITICS = ("first", "second", "third")
LIMIT = 64
"""Runs in flight at a time, for both sides."""


async def bare(runs: int) -> None:  # noqa: C901 - one graph, read from top to bottom
    """The same topology, hand-written."""
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph
    from langgraph.types import Command, Send

    class State(TypedDict, total=False):
        task: dict[str, Any]
        drafts: Annotated[list[dict[str, Any]], operator.add]
        critiques: Annotated[list[dict[str, Any]], operator.add]
        rounds: int
        outcome: dict[str, Any]

    async def draft(state: State) -> State:
        return {"drafts": [{"text": "answer 1", "number": 1}], "rounds": 0}

    async def select(state: State) -> Command[Any]:
        newest = state["drafts"][-1]
        done = [c for c in state.get("critiques", []) if c["draft"] == newest["number"]]
        if len(done) == len(CRITICS):
            return Command(goto="adjudicate")
        order = {"task": state["task"], "draft": newest}
        return Command(goto=[Send("critique", {**order, "critic": name}) for name in CRITICS])

    async def critique(order: dict[str, Any]) -> State:
        number = order["draft"]["number"]
        verdict = "fail" if order["critic"] == "third" and number < ROUNDS else "pass"
        return {"critiques": [{"draft": number, "critic": order["critic"], "verdict": verdict}]}

    async def adjudicate(state: State) -> Command[Any]:
        number = state["drafts"][-1]["number"]
        said = [c["verdict"] for c in state["critiques"] if c["draft"] == number]
        return Command(goto="refine" if "fail" in said else "finish")

    async def refine(state: State) -> State:
        number = state["drafts"][-1]["number"] + 1
        return {"drafts": [{"text": f"answer {number}", "number": number}], "rounds": number - 1}

    async def finish(state: State) -> State:
        return {"outcome": {"draft": state["drafts"][-1]}}

    graph = StateGraph(State)
    for node in (draft, select, critique, adjudicate, refine, finish):
        graph.add_node(node.__name__, node)  # type: ignore[arg-type] # six nodes, six signatures
    graph.add_edge(START, "draft")
    graph.add_edge("draft", "select")
    graph.add_edge("critique", "select")
    graph.add_edge("refine", "select")
    graph.add_edge("finish", END)
    compiled = graph.compile(checkpointer=InMemorySaver())
    gate = asyncio.Semaphore(LIMIT)

    async def one(number: int) -> None:
        config: Any = {"configurable": {"thread_id": str(number)}, "recursion_limit": 50}
        async with gate:
            stream = compiled.astream(
                {"task": {"prompt": "what?"}}, config, stream_mode="custom", durability="async"
            )
            async for _ in stream:
                pass
        assert number or (await compiled.aget_state(config)).values["rounds"] == ROUNDS - 1

    await asyncio.gather(*(one(number) for number in range(runs)))


async def gadfly(runs: int, *, inline: bool) -> None:
    """The same with Gadfly."""
    from gadfly import Agent, Context, Critic, Critique, Draft, Finding, Message, Verdict, critic
    from gadfly.testing import ScriptedModel

    def make(name: str) -> Critic:
        def judge(draft: Draft, context: Context) -> Critique:
            if name == "third" and not draft.text.endswith(str(ROUNDS)):
                return Critique(Verdict.FAIL, "not yet", (Finding("not yet"),))
            return Critique(Verdict.PASS)

        return critic(name=name, inline=inline)(judge)

    def answer(messages: Sequence[Message]) -> str:
        if len(messages) == 1:
            return "answer 1"
        return f"answer {int(messages[1].text.split()[-1]) + 1}"

    agent = Agent(
        ScriptedModel(answer),
        critics=[make(name) for name in CRITICS],
        sandbox=None,
        checkpoints=None,
        traces=None,
    )
    gate = asyncio.Semaphore(LIMIT)

    async def one() -> None:
        async with gate:
            outcome = await agent.ainvoke("what?")
        assert outcome.accepted and outcome.rounds == ROUNDS - 1

    async with agent:
        await asyncio.gather(*(one() for _ in range(runs)))


VARIANTS: dict[str, Callable[[int], Coroutine[Any, Any, None]]] = {
    "bare LangGraph": bare,
    "gadfly, inline": lambda runs: gadfly(runs, inline=True),
    "gadfly, processes": lambda runs: gadfly(runs, inline=False),
}


def measure(variant: str, runs: int) -> None:
    """Run one variant here and print its figures."""
    asyncio.run(VARIANTS[variant](LIMIT))  # imports and compilation are not what is measured
    started, used = time.perf_counter(), time.process_time()
    asyncio.run(VARIANTS[variant](runs))
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu_seconds": cpu, "peak_mib": peak}))


def main() -> None:
    """Measure all variants in turn, several times, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(chr(10))[0])
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--variant", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.variant:
        measure(given.variant, given.runs)
        return
    figures: dict[str, list[dict[str, float]]] = {name: [] for name in VARIANTS}
    for _ in range(given.repeat):
        for name in VARIANTS:
            command = [sys.executable, __file__, "--runs", str(given.runs), "--variant", name]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            figures[name].append(json.loads(done.stdout))
    print(
        f"{given.runs} concurrent runs of {ROUNDS} rounds and {len(CRITICS)} critics, "
        f"{LIMIT} in flight; median of {given.repeat}"
    )
    print(f"{'':20} {'runs/s':>8} {'cpu ms/run':>11} {'peak MiB':>9} {'time ratio':>11}")
    rows: dict[str, dict[str, float]] = {}
    for name, measured in figures.items():
        ratios = [
            m["seconds"] / b["seconds"]
            for m, b in zip(measured, figures["bare LangGraph"], strict=True)
        ]
        rows[name] = {
            "runs_per_second": given.runs / statistics.median(m["seconds"] for m in measured),
            "cpu_ms_per_run": statistics.median(m["cpu_seconds"] for m in measured)
            / given.runs
            * 1e3,
            "peak_mib": statistics.median(m["peak_mib"] for m in measured),
            "ratio": statistics.median(ratios),
        }
        row = rows[name]
        print(
            f"{name:20} {row['runs_per_second']:8.1f} {row['cpu_ms_per_run']:11.2f} "
            f"{row['peak_mib']:9.0f} {row['ratio']:11.2f}"
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
