"""Strategies and stores of plugins, used by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gadfly import (
    Agent,
    Context,
    Critique,
    Draft,
    Finding,
    Plugins,
    UnknownNameError,
    Verdict,
    critic,
)
from gadfly.testing import ScriptedModel, install_plugin

SOURCE = """
from contextlib import asynccontextmanager

from langgraph.checkpoint.memory import InMemorySaver

from gadfly import Stop, hookimpl

OPENED = []


class Once:
    def stop(self, history):
        return Stop("stagnant", "once is enough")


@asynccontextmanager
async def memory(url):
    OPENED.append(url)
    yield InMemorySaver()


@hookimpl
def register_strategies(register):
    register("once", Once)


@hookimpl
def register_stores(register):
    register("plugged", memory)
"""


@critic
def never(draft: Draft, context: Context) -> Critique:
    return Critique(Verdict.FAIL, findings=(Finding(f"not {draft.text}"),))


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    install_plugin(tmp_path, "plugged", SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return Plugins.discover()


async def test_a_strategy_and_a_store_are_used_by_name(plugins: Plugins) -> None:
    agent = Agent(
        ScriptedModel(["a", "b", "c"]),
        critics=[never],
        sandbox=None,
        strategy="plugged/once",
        checkpoints="plugged://somewhere",
        traces=None,
        plugins=plugins,
    )

    outcome = await agent.ainvoke("q")

    assert outcome.reason == "once is enough"
    assert sys.modules["gadfly_plugged"].OPENED == ["plugged://somewhere"]


async def test_an_unknown_store_is_named(plugins: Plugins) -> None:
    agent = Agent(
        ScriptedModel("a"),
        critics=[never],
        sandbox=None,
        checkpoints="pluged://somewhere",
        traces=None,
        plugins=plugins,
    )

    with pytest.raises(UnknownNameError, match="no store named 'pluged'; nearest: plugged/plugged"):
        await agent.ainvoke("q")
