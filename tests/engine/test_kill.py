"""A run survives `kill -9`, and repeats only what was unfinished."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.engine.conftest import Marks, Scripts

AGENT = """
import json, os, sys, time
from gadfly import Agent, Cost, Critique, Verdict, critic
from gadfly.testing import ScriptedModel

def leave(mark):
    with open("marks", "a") as file:
        file.write(f"{mark}\\n")

def answer(messages):
    leave("model")
    return "one"

def make(name, cost):
    @critic(name=name, cost=cost)
    def leaves_a_mark(draft, context):
        leave(name)
        if name == "third" and open("marks").read().count("third") == 1:
            leave(os.getpid())
            time.sleep(600)
        return Critique(Verdict.PASS)
    return leaves_a_mark

costs = {"waves": (Cost.CHEAP, Cost.NORMAL, Cost.DEAR), "one-wave": (Cost.CHEAP,) * 3}[sys.argv[1]]
agent = Agent(
    ScriptedModel(answer),
    critics=[make(name, cost) for name, cost in zip(("first", "second", "third"), costs)],
    sandbox=None, checkpoints="runs.sqlite", traces="traces",
)
outcome = agent.resume("r1") if "resume" in sys.argv else agent.invoke("q", run="r1")
print(json.dumps([outcome.stopped, outcome.answer, sorted(outcome.critiques)]))
"""


@pytest.mark.parametrize("order", ["waves", "one-wave"])
async def test_after_a_kill_only_the_unfinished_critic_runs_again(
    scripts: Scripts, marks: Marks, gone: Callable[[object], None], order: str
) -> None:
    engine = scripts.start(AGENT, order)
    seen = await marks.wait(5)  # The model, three critics, and the third one's process.
    os.kill(engine.pid, signal.SIGKILL)
    engine.communicate()
    (process,) = (mark for mark in seen if mark.isdigit())
    gone(process)

    resumed = scripts.run(AGENT, order, "resume")

    assert json.loads(resumed) == ["accepted", "one", ["first", "second", "third"]]
    assert Counter(marks.read()) == {"model": 1, "first": 1, "second": 1, "third": 2, process: 1}
