"""What is kept of a run, and how a run goes on."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from gadfly import (
    Agent,
    InputError,
    ModelError,
    StorageError,
    UnknownNameError,
    Verdict,
)
from gadfly.testing import Misbehaviour, ScriptedCritic, ScriptedModel, install_plugin

if TYPE_CHECKING:
    from tests.engine.conftest import Marks, Scripts

MakeAgent = Callable[..., Agent]

PLUGIN = """
from dataclasses import dataclass
from gadfly import Critique, Evidence, Finding, Hardness, Span, Verdict, hookimpl

@dataclass(frozen=True)
class Mine(Critique):
    extra: str = "of the plugin"

class Critic:
    async def critique(self, draft, context):
        evidence = Evidence(id="e", tool="t", request={"n": 1}, observation={"value": 1.5})
        finding = Finding("m", Hardness.HARD, Span(1), "e")
        verdict = Verdict.FAIL if draft.number == 1 else Verdict.ABSTAIN
        return Mine(verdict, "s", (finding,), (evidence,))

@hookimpl
def register_critics(register):
    register("odd", Critic)
"""
READ = """
import importlib.util, json, sys
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Interrupt, Send

WRAPPERS = {Send: "arg", Interrupt: "value"}  # LangGraph's own; what they hold has to be plain.

def show(value):
    print(json.dumps(value, allow_nan=False, default=lambda o: getattr(o, WRAPPERS[type(o)])))

assert importlib.util.find_spec("gadfly_odd") is None
with SqliteSaver.from_conn_string(sys.argv[1]) as saver:
    for kept in saver.list(None):
        show([kept.checkpoint["channel_values"], kept.metadata, kept.pending_writes])
print(sorted(name for name in sys.modules if name.startswith("gadfly")))
"""


async def test_what_is_kept_is_plain_data_that_needs_no_plugin(
    make_agent: MakeAgent, scripts: Scripts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(install_plugin(tmp_path / "site", "odd", PLUGIN)))
    place = tmp_path / "runs.sqlite"
    agent = make_agent("odd/odd", checkpoints=place, ask_person=True)
    outcome = await agent.ainvoke("q", run="r1")
    assert (outcome.stopped, outcome.rounds) == ("waiting", 1)

    printed = scripts.run(READ, place, LANGGRAPH_STRICT_MSGPACK="true")

    *kept, modules = printed.splitlines()
    newest = json.loads(kept[0])[0]
    assert newest["critiques"][0]["critique"]["findings"][0]["span"]["line"] == 1
    assert newest["drafts"][1]["text"] == "two"
    assert modules == "[]"


async def test_a_run_is_not_begun_twice(make_agent: MakeAgent, tmp_path: Path) -> None:
    agent = make_agent(
        ScriptedCritic(Verdict.PASS, inline=True), checkpoints=tmp_path / "runs.sqlite"
    )
    await agent.ainvoke("q", run="r1")

    with pytest.raises(InputError, match="'r1' exists already"):
        await agent.ainvoke("q", run="r1")


async def test_a_run_that_is_not_there_is_refused_with_the_nearest(
    make_agent: MakeAgent, tmp_path: Path
) -> None:
    agent = make_agent(
        ScriptedCritic(Verdict.PASS, inline=True), checkpoints=tmp_path / "runs.sqlite"
    )
    await agent.ainvoke("q", run="monday")

    with pytest.raises(UnknownNameError, match="no run named 'mondays'; nearest: monday"):
        await agent.aresume("mondays")


async def test_a_finished_run_gives_its_outcome_again(
    make_agent: MakeAgent, marks: Marks, tmp_path: Path
) -> None:
    agent = make_agent(marks.critic(), checkpoints=tmp_path / "runs.sqlite")
    outcome = await agent.ainvoke("q", run="r1")

    again = await agent.aresume("r1")

    assert again == outcome
    assert len(marks.read()) == 1


async def test_a_run_whose_model_failed_goes_on(make_agent: MakeAgent, tmp_path: Path) -> None:
    model = ScriptedModel(["one", ModelError("overloaded"), "two"])
    critic = ScriptedCritic(Verdict.FAIL, Verdict.PASS, inline=True)
    agent = make_agent(critic, model=model, actor=None, checkpoints=tmp_path / "runs.sqlite")

    with pytest.raises(ModelError, match="overloaded"):
        await agent.ainvoke("q", run="r1")
    outcome = await agent.aresume("r1")

    assert (outcome.answer, outcome.stopped) == ("two", "accepted")
    assert [draft.number for draft in critic.drafts] == [1, 2]


async def test_a_run_whose_model_failed_at_once_goes_on(
    make_agent: MakeAgent, tmp_path: Path
) -> None:
    model = ScriptedModel([ModelError("overloaded"), "one"])
    critic = ScriptedCritic(Verdict.PASS, inline=True)
    agent = make_agent(critic, model=model, actor=None, checkpoints=tmp_path / "runs.sqlite")

    with pytest.raises(ModelError, match="overloaded"):
        await agent.ainvoke("q", run="r1")

    assert (await agent.aresume("r1")).answer == "one"


async def test_a_checkpointer_of_ones_own_is_used(make_agent: MakeAgent) -> None:
    saver = InMemorySaver()
    critic = ScriptedCritic(Verdict.PASS, inline=True)

    outcome = await make_agent(critic, checkpoints=saver).ainvoke("q", run="r1")

    assert await make_agent(critic, checkpoints=saver).aresume("r1") == outcome


FULL = """
import resource, sys
from gadfly import Agent, StorageError, Verdict
from gadfly.testing import ScriptedActor, ScriptedCritic

agent = Agent(
    actor=ScriptedActor("one " * 20_000, "two " * 20_000, "three " * 20_000),
    critics=[ScriptedCritic(Verdict.FAIL, inline=True)],
    sandbox=None, checkpoints=sys.argv[1], traces=None,
)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
try:
    agent.invoke("q", run="r1")
except StorageError as error:
    print(error)
"""


@pytest.mark.parametrize("room", [0, 200_000])
def test_a_full_disk_is_one_line(scripts: Scripts, tmp_path: Path, room: int) -> None:
    (line,) = scripts.run(FULL, tmp_path / "runs.sqlite", room).splitlines()

    assert line.startswith(f"runs cannot be kept in {tmp_path / 'runs.sqlite'}: ")
    assert line.endswith("free space, or name another place")


@pytest.mark.parametrize("how", ["a-folder", "no-database", "below-a-file"])
async def test_a_place_where_nothing_can_be_kept_is_named(
    make_agent: MakeAgent, tmp_path: Path, how: str
) -> None:
    file = tmp_path / "file"
    file.write_text("not a database, but long enough to be taken for one" * 100)
    place = {"a-folder": tmp_path, "no-database": file, "below-a-file": file / "runs"}[how]
    agent = make_agent(ScriptedCritic(Verdict.PASS, inline=True), checkpoints=place)

    with pytest.raises(StorageError, match=str(file if how == "below-a-file" else place)):
        await agent.ainvoke("q", run="r1")


async def test_resuming_without_a_critic_of_the_run_says_so(
    make_agent: MakeAgent, tmp_path: Path
) -> None:
    place = tmp_path / "runs.sqlite"
    agent = make_agent(ScriptedCritic(Misbehaviour.HANG, name="first"), checkpoints=place)
    async with contextlib.aclosing(agent.astream("q", run="r1")) as events:
        async for event in events:
            if event.kind == "selected":
                break

    other = make_agent(ScriptedCritic(Verdict.PASS, name="other"), checkpoints=place)
    with pytest.raises(InputError, match="begun with the critic 'first', which is not given now"):
        await other.aresume("r1")
