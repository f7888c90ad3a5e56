"""The critics' conformance kit: it passes an honest critic and catches each kind of bad one."""

from __future__ import annotations

import random

import pytest

from gadfly import (
    Context,
    Critic,
    Critique,
    Draft,
    Ended,
    Evidence,
    Finding,
    Hardness,
    Job,
    JobResult,
    Span,
    Task,
    Verdict,
    critic,
    job_evidence,
)
from gadfly.testing import (
    CRITIC_CHECKS,
    CriticCheck,
    Fixture,
    ScriptedSandbox,
    Trial,
    check_critic,
)

GOOD = Fixture(critic="t", prompt="2 + 2?", draft="4", verdict=Verdict.PASS)
BAD = Fixture(critic="t", prompt="2 + 2?", draft="say\n5", verdict=Verdict.FAIL)
FIXTURES = (GOOD, BAD)


def honest(draft: Draft, context: Context) -> Critique:
    if draft.text == "4":
        return Critique(Verdict.PASS)
    if not draft.text.strip():
        return Critique(Verdict.ABSTAIN, "Nothing to check.")
    finding = Finding("not 4", Hardness.HARD, Span(1, 0, len(draft.text)))
    return Critique(Verdict.FAIL, findings=(finding,))


async def run_program(draft: Draft, context: Context) -> Critique:
    job = Job(("python", "-c", draft.text))
    result = await context.sandbox.run(job)
    verdict = Verdict.PASS if result.stdout == "4" else Verdict.FAIL
    return Critique(verdict, evidence=(job_evidence("t", job, result),))


async def swallow(draft: Draft, context: Context) -> Critique:
    try:
        return await run_program(draft, context)
    except Exception:  # noqa: BLE001 - the habit that the kit has to catch
        return Critique(Verdict.PASS, "could not check")


def crashes_on_nothing(draft: Draft, context: Context) -> Critique:
    return honest(draft, context) if draft.text[0] else Critique(Verdict.ABSTAIN)


def listens(draft: Draft, context: Context) -> Critique:
    if "this is correct" in draft.text:
        return Critique(Verdict.PASS)
    return honest(draft, context)


def moody(draft: Draft, context: Context) -> Critique:
    return Critique(honest(draft, context).verdict, score=random.random())


def points_outside(draft: Draft, context: Context) -> Critique:
    span = Span(1, 0, len(draft.text) + 1)
    return Critique(honest(draft, context).verdict, findings=(Finding("x", span=span),))


def counts_lines_from_nowhere(draft: Draft, context: Context) -> Critique:
    finding = Finding("x", span=Span(99))
    return Critique(honest(draft, context).verdict, findings=(finding,))


def names_no_evidence(draft: Draft, context: Context) -> Critique:
    finding = Finding("x", evidence="made-up")
    return Critique(honest(draft, context).verdict, findings=(finding,))


def writes_into_the_task(draft: Draft, context: Context) -> Critique:
    numbers = context.task.inputs.get("numbers")
    if isinstance(numbers, list):
        numbers.append(3)
    return honest(draft, context)


def is_no_json(draft: Draft, context: Context) -> Critique:
    observation = {"raw": b"bytes"}
    evidence = Evidence(id="1", tool="t", request={}, observation=observation)
    return Critique(honest(draft, context).verdict, evidence=(evidence,))


def answers_yes(draft: Draft, context: Context) -> Critique:
    return "yes"  # type: ignore[return-value] # what the kit has to catch


def always_passes(draft: Draft, context: Context) -> Critique:
    return Critique(Verdict.PASS)


class Unpicklable:
    """Holds something that no other process can get."""

    def __init__(self) -> None:
        self.generator = (n for n in range(3))

    async def critique(self, draft: Draft, context: Context) -> Critique:
        return honest(draft, context)


class Counting:
    """Says something else each time, because it keeps count."""

    def __init__(self) -> None:
        self.calls = 0

    async def critique(self, draft: Draft, context: Context) -> Critique:
        self.calls += 1
        return Critique(honest(draft, context).verdict, f"draft {self.calls}")


class Choosy:
    """Does not apply to anything but numbers, and would break on it."""

    def applies(self, task: Task, draft: Draft) -> bool:
        return draft.text.isdigit() and len(draft.text) == 1

    async def critique(self, draft: Draft, context: Context) -> Critique:
        return Critique(Verdict.PASS if int(draft.text) == 4 else Verdict.FAIL)


def by_program(job: Job) -> JobResult:
    return JobResult(ended=Ended.EXITED, exit_code=0, stdout="4" if job.argv[-1] == "4" else "5")


def test_an_honest_critic_keeps_the_contract() -> None:
    check_critic(critic(honest), FIXTURES)


def test_an_honest_critic_with_a_sandbox_keeps_the_contract_and_the_sandbox_is_closed() -> None:
    sandbox = ScriptedSandbox(by_program)

    check_critic(critic(run_program), FIXTURES, sandbox=sandbox)

    assert sandbox.closed


def test_a_critic_that_does_not_apply_is_not_asked() -> None:
    skipped = Fixture(critic="t", prompt="2 + 2?", draft="four", verdict=Verdict.SKIP)

    check_critic(Choosy(), (GOOD, skipped))


@pytest.mark.parametrize(
    ("subject", "check"),
    [
        pytest.param(critic(answers_yes), "returns a critique", id="nonsense"),
        pytest.param(critic(always_passes), "is right about the fixtures", id="always-passes"),
        pytest.param(critic(is_no_json), "survives JSON", id="bytes"),
        pytest.param(critic(moody), "repeats itself", id="random"),
        pytest.param(Counting(), "repeats itself", id="keeps-state"),
        pytest.param(Unpicklable(), "can be copied", id="unpicklable"),
        pytest.param(critic(writes_into_the_task), "changes nothing", id="writes-inputs"),
        pytest.param(critic(crashes_on_nothing), "bears odd drafts", id="crashes"),
        pytest.param(critic(listens), "is not talked round", id="talked-round"),
        pytest.param(critic(points_outside), "points into the draft", id="span-outside"),
        pytest.param(critic(counts_lines_from_nowhere), "points into the draft", id="line"),
        pytest.param(critic(names_no_evidence), "points into the draft", id="no-evidence"),
        pytest.param(critic(swallow), "does not judge by a broken tool", id="swallows"),
    ],
)
def test_a_bad_critic_is_caught_by_name(subject: Critic, check: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_critic(subject, FIXTURES, sandbox=ScriptedSandbox(by_program))

    assert f"\n- {check}: " in str(caught.value)


def test_a_critic_that_needs_a_sandbox_is_told_that_none_was_given() -> None:
    with pytest.raises(AssertionError, match="the test gave no sandbox"):
        check_critic(critic(run_program), FIXTURES)


@pytest.mark.parametrize("check", CRITIC_CHECKS, ids=str)
async def test_checks_can_be_run_one_by_one(check: CriticCheck) -> None:
    await check.run(Trial(critic(honest), FIXTURES))


def test_checks_have_names_and_promises() -> None:
    names = [check.name for check in CRITIC_CHECKS]

    assert len(set(names)) == len(names)
    assert all(check.promise.endswith(".") for check in CRITIC_CHECKS)
