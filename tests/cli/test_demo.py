"""`gadfly demo` for real: the embedded model, the sandbox, all arms, on few problems."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROBLEMS = 24
CALLS = 3


def gadfly(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "GADFLY_HOME": str(folder)}
    command = [sys.executable, "-m", "gadfly", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=600, check=False
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("demo")
    done = gadfly(folder, "demo", "--problems", str(PROBLEMS), "--calls", str(CALLS), "--json")
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


@pytest.mark.model
def test_demo_measures_every_arm_on_the_same_number_of_calls(
    demo: tuple[Path, dict[str, Any]],
) -> None:
    arms = {arm["name"]: arm for arm in demo[1]["arms"]}

    assert list(arms) == [
        "draft only",
        "self-critique, no tool",
        "resample, no critique",
        "resample until accepted",
        "tool critics",
    ]
    for name in ("draft only", "self-critique, no tool", "resample, no critique"):
        assert arms[name]["usage"]["model_calls"] == PROBLEMS * CALLS
    for name in ("resample until accepted", "tool critics"):
        assert PROBLEMS <= arms[name]["usage"]["model_calls"] <= PROBLEMS * CALLS
        assert arms[name]["usage"]["tool_calls"] > 0


@pytest.mark.model
def test_demo_accounts_for_every_problem_in_the_flips(demo: tuple[Path, dict[str, Any]]) -> None:
    flips = [arm["flips"] for arm in demo[1]["arms"] if arm["flips"] is not None]

    assert len(flips) == 4
    assert all(sum(flip.values()) == PROBLEMS for flip in flips)
    # All arms begin with the same first drafts.
    assert len({flip["right_right"] + flip["right_wrong"] for flip in flips}) == 1


@pytest.mark.model
def test_demo_leaves_a_trace_of_the_problem_that_it_tells(
    demo: tuple[Path, dict[str, Any]],
) -> None:
    folder, report = demo
    if not report["example"]:
        pytest.skip("no wrong draft was mended among so few problems")

    told = gadfly(folder, "trace", "show", report["example"])

    assert told.returncode == 0
    assert "draft 2" in told.stdout
    assert "accepted" in told.stdout
