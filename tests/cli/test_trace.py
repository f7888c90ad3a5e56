"""A real run's trace, told to a person."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gadfly import (
    Agent,
    Context,
    Critique,
    Draft,
    Evidence,
    Finding,
    Hardness,
    Span,
    Verdict,
    critic,
)
from gadfly.testing import ScriptedModel


@critic(name="sums", inline=True)
def sums(draft: Draft, context: Context) -> Critique:
    seen = Evidence(id="e" * 32, tool="adder", request={"sum": draft.text}, observation={"is": 4})
    if "5" not in draft.text:
        return Critique(Verdict.PASS, "the sum holds", evidence=(seen,))
    wrong = Finding("2 + 2 is not 5\x1b[2J", Hardness.HARD, Span(2), seen.id)
    return Critique(Verdict.FAIL, "a sum is wrong", (wrong,), (seen,), suggestion="add again")


@pytest.fixture
def run(gadfly: Any) -> str:
    """A run in which a wrong draft was mended, kept in the command line's home."""
    model = ScriptedModel(["Let me see:\n2 + 2 = 5", "2 + 2 = 4"])
    agent = Agent(model, [sums], sandbox=None, checkpoints=None, traces=gadfly.home / "runs")
    return agent.invoke("What is 2 + 2?").run


def test_the_story_has_drafts_critiques_evidence_decisions_and_the_end(
    gadfly: Any, run: str
) -> None:
    done = gadfly.run("trace", "show", run)

    assert done.returncode == 0, done.stderr
    told = [line.strip() for line in done.stdout.splitlines()]
    expected = [
        "task: What is 2 + 2?",
        "draft 1 by scripted:",
        "2 + 2 = 5",
        "checks: sums",
        "sums: fail (a sum is wrong)",
        rf"- line 2: 2 + 2 is not 5\x1b[2J [{'e' * 32}]",
        "suggestion: add again",
        f"evidence {'e' * 32} (adder)",
        "decision: refine (sums failed it)",
        "draft 2 by scripted:, revising draft 1",
        "2 + 2 = 4",
        "sums: pass (the sum holds)",
        "decision: accept (sums passed it)",
        "stopped: accepted (sums passed it)",
        "best draft: 2 of 2",
        "oracle: none",
    ]
    places = [told.index(line) for line in expected]
    assert places == sorted(places)
    assert any(line.startswith("spent: ") and "2 model calls" in line for line in told)


def test_the_story_is_data_with_json(gadfly: Any, run: str) -> None:
    events = gadfly.json("trace", "show", run)

    assert events[0]["kind"] == "started"
    assert events[-1]["data"]["outcome"]["stopped"] == "accepted"


def test_a_trace_is_told_from_its_file_too(gadfly: Any, run: str, tmp_path: Path) -> None:
    moved = tmp_path / "moved.jsonl"
    (gadfly.home / "runs" / f"{run}.jsonl").rename(moved)

    assert f"run {run}" in gadfly.run("trace", "show", moved).stdout


def test_a_run_that_was_cut_off_is_told_as_far_as_it_got(gadfly: Any, run: str) -> None:
    path = gadfly.home / "runs" / f"{run}.jsonl"
    path.write_bytes(path.read_bytes()[:-20])

    done = gadfly.run("trace", "show", run)

    assert done.returncode == 0
    assert "not finished: the last event is of" in done.stdout
    assert "is torn: left out" in done.stderr
    assert gadfly.json("trace", "list")[0]["stopped"] == "not finished"


def test_runs_are_listed_newest_first(gadfly: Any, run: str) -> None:
    runs = gadfly.home / "runs"
    first = (runs / f"{run}.jsonl").read_text()
    (runs / "older.jsonl").write_text(first.replace(f'"run":"{run}"', '"run":"older"'))
    os.utime(runs / "older.jsonl", (1, 1))

    listed = gadfly.json("trace", "list")

    assert [row["run"] for row in listed] == [run, "older"]
    assert listed[0]["stopped"] == "accepted"
    assert listed[0]["drafts"] == 2
    assert "What is 2 + 2?" in gadfly.run("trace", "list").stdout


def test_a_file_that_is_no_trace_does_not_hide_the_others(gadfly: Any, run: str) -> None:
    (gadfly.home / "runs" / "odd.jsonl").write_text("[1, 2]\n")

    done = gadfly.run("trace", "list", "--json")

    assert [row["run"] for row in json.loads(done.stdout)] == [run]
    assert "odd.jsonl" in done.stderr


def test_without_runs_the_list_says_where_it_looked(gadfly: Any) -> None:
    assert gadfly.run("trace", "list").stdout == f"no run is kept in {gadfly.home / 'runs'}\n"
    assert gadfly.json("trace", "list") == []


def test_an_unknown_run_is_code_2_with_the_nearest(gadfly: Any, run: str) -> None:
    done = gadfly.run("trace", "show", run[:-1])

    assert done.returncode == 2
    assert f"nearest: {run}" in done.stderr


def test_an_event_that_does_not_hold_what_it_should_is_code_2(gadfly: Any, tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_text('{"kind": "drafted", "run": "r", "data": {"draft": 7}, "version": 1}\n')

    done = gadfly.run("trace", "show", path)

    assert done.returncode == 2
    assert "not a Draft" in done.stderr
