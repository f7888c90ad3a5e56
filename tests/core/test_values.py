"""The values: what they refuse, and what they work out."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import (
    Artifact,
    Budget,
    Critique,
    Draft,
    Ended,
    Finding,
    Hardness,
    InputError,
    Job,
    JobResult,
    Limits,
    Outcome,
    Stopped,
    Task,
    Usage,
    Verdict,
)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: Task(prompt=""), "prompt", id="task-without-prompt"),
        pytest.param(lambda: Task(prompt=" \n"), "prompt", id="task-with-blank-prompt"),
        pytest.param(lambda: Draft(5), "not int", id="draft-of-a-number"),  # type: ignore[arg-type]
        pytest.param(lambda: Job(()), "argv is empty", id="job-without-command"),
        pytest.param(lambda: Job(("x",), files={"/etc/x": ""}), "'/etc/x'", id="absolute-file"),
        pytest.param(lambda: Job(("x",), files={"a/../../x": ""}), "a/../../x", id="file-outside"),
        pytest.param(lambda: Job(("x",), files={"": ""}), "''", id="file-without-name"),
        pytest.param(lambda: Job(("x",), collect=("a\0b",)), "inside", id="name-with-nul"),
        pytest.param(lambda: Limits(wall_seconds=0), "wall_seconds", id="no-time"),
        pytest.param(lambda: Limits(memory_mib=-1), "memory_mib", id="negative-memory"),
        pytest.param(lambda: Limits(cpu_seconds=float("nan")), "cpu_seconds", id="nan-seconds"),
        pytest.param(lambda: Budget(rounds=-1), "rounds", id="negative-rounds"),
        pytest.param(lambda: Budget(tokens=-5), "tokens", id="negative-tokens"),
        pytest.param(lambda: Critique(Verdict.PASS, score=1.1), "score", id="score-above-one"),
        pytest.param(
            lambda: Critique(Verdict.PASS, score=float("nan")), "score", id="score-that-is-nan"
        ),
    ],
)
def test_a_wrong_value_is_refused_by_name(make: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("(", r"\(")):
        make()


def test_values_are_frozen_and_have_no_dict() -> None:
    draft = Draft("x")

    with pytest.raises(dataclasses.FrozenInstanceError):
        draft.text = "y"  # type: ignore[misc] # the point of the test

    assert not hasattr(draft, "__dict__")


def test_an_artifact_ends_after_its_last_character() -> None:
    text = "see: x = 1."
    artifact = Artifact(kind="python", text="x = 1", start=5)

    assert text[artifact.start : artifact.end] == artifact.text


@pytest.mark.parametrize(
    ("critique", "hard"),
    [
        (Critique(Verdict.FAIL, findings=(Finding("x", Hardness.HARD),)), True),
        (Critique(Verdict.FAIL, findings=(Finding("x", Hardness.SOFT),)), False),
        (Critique(Verdict.FAIL), False),
        (Critique(Verdict.ABSTAIN, findings=(Finding("x", Hardness.HARD),)), False),
    ],
)
def test_only_a_fail_with_a_hard_finding_is_a_hard_failure(critique: Critique, hard: bool) -> None:
    assert critique.is_hard_failure is hard


@pytest.mark.parametrize(
    ("result", "succeeded"),
    [
        (JobResult(ended=Ended.EXITED, exit_code=0), True),
        (JobResult(ended=Ended.EXITED, exit_code=1), False),
        (JobResult(ended=Ended.TIMEOUT), False),
        (JobResult(ended=Ended.OUTPUT, exit_code=0), False),
    ],
)
def test_a_job_succeeds_only_by_exiting_with_zero(result: JobResult, succeeded: bool) -> None:
    assert result.succeeded is succeeded


usages = st.builds(
    Usage,
    model_calls=st.integers(0, 9),
    prompt_tokens=st.integers(0, 999),
    completion_tokens=st.integers(0, 999),
    tool_calls=st.integers(0, 9),
    # Whole numbers: floating-point addition is not associative, and no promise is made that it is.
    sandbox_seconds=st.integers(0, 9).map(float),
)


@given(usages, usages, usages)
def test_usages_add_up_in_any_grouping(a: Usage, b: Usage, c: Usage) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + Usage() == a
    assert (a + b).tokens == a.tokens + b.tokens


@pytest.mark.parametrize(
    ("budget", "exceeded"),
    [
        pytest.param(Budget(rounds=3), None, id="below"),
        pytest.param(Budget(rounds=2), "rounds", id="rounds"),
        pytest.param(Budget(rounds=0), "rounds", id="no-rounds-at-all"),
        pytest.param(Budget(rounds=3, tokens=30), "tokens", id="tokens"),
        pytest.param(Budget(rounds=3, tokens=31), None, id="one-token-left"),
        pytest.param(Budget(rounds=3, tool_calls=4), "tool_calls", id="tool-calls"),
        pytest.param(Budget(rounds=3, seconds=1.5), "seconds", id="seconds"),
    ],
)
def test_a_budget_names_what_is_used_up(budget: Budget, exceeded: str | None) -> None:
    usage = Usage(prompt_tokens=10, completion_tokens=20, tool_calls=4)

    assert budget.exceeded(usage, rounds=2, seconds=1.5) == exceeded


@pytest.mark.parametrize("stopped", list(Stopped))
def test_an_outcome_is_accepted_only_when_the_checks_hold(stopped: Stopped) -> None:
    outcome = Outcome(run="r", task=Task(prompt="?"), draft=Draft("4"), stopped=stopped)

    assert outcome.accepted is (stopped is Stopped.ACCEPTED)
    assert outcome.answer == "4"
    assert outcome.oracle == "none"


def test_values_can_be_copied() -> None:
    task = Task(prompt="?", inputs={"rows": [1, 2]})

    assert copy.deepcopy(task) == task
