"""Whatever a critic does, what comes out is a critique that says how it broke."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gadfly import Context, Critique, Draft, Evidence, Task, Verdict, critic
from gadfly._engine.checker import Checker
from gadfly._ports import critic_spec

TASK = Task(prompt="q")
DRAFT = Draft("x")
MARGIN = 30.0
"""Seconds by which a deadline may be late on a machine that does ten other things."""

Function = Callable[[Draft, Context], Any]


# Each returns a local function, which travels to a process by value.
def raises() -> Function:
    def function(draft: Draft, context: Context) -> Critique:
        raise ValueError("unplugged")

    return function


def exits() -> Function:
    def function(draft: Draft, context: Context) -> Critique:
        raise SystemExit(3)

    return function


def cancels_itself() -> Function:
    def function(draft: Draft, context: Context) -> Critique:
        raise asyncio.CancelledError

    return function


def times_out_by_itself() -> Function:
    def function(draft: Draft, context: Context) -> Critique:
        raise TimeoutError("the instrument's own")

    return function


def answers_a_number() -> Function:
    def function(draft: Draft, context: Context) -> Any:
        return 1

    return function


def forges_its_score() -> Function:
    def function(draft: Draft, context: Context) -> Critique:
        critique = Critique(Verdict.PASS)
        object.__setattr__(critique, "score", 7.0)
        return critique

    return function


def forges_its_verdict() -> Function:
    def function(draft: Draft, context: Context) -> Critique:
        critique = Critique(Verdict.PASS)
        object.__setattr__(critique, "verdict", "surely")
        return critique

    return function


def gives_odd_evidence() -> Function:
    def function(draft: Draft, context: Context) -> Critique:
        observation: Mapping[str, Any] = {"value": {1, 2}}
        evidence = Evidence(id="1", tool="t", request={}, observation=observation)
        return Critique(Verdict.PASS, evidence=(evidence,))

    return function


def says_far_too_much() -> Function:
    def function(draft: Draft, context: Context) -> Critique:
        return Critique(Verdict.PASS, "x" * (64 * 1024 * 1024))

    return function


def ends_its_process() -> Function:
    def function(draft: Draft, context: Context) -> Critique:
        os._exit(7)

    return function


def kills_itself() -> Function:
    def function(draft: Draft, context: Context) -> Critique:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    return function


def writes_garbage_to_every_file() -> Function:
    def function(draft: Draft, context: Context) -> Critique:
        for number in range(3, 30):
            try:
                os.write(number, b"\x00\x00\x00\x03abc")
            except OSError:
                continue
        time.sleep(600)
        raise AssertionError

    return function


def closes_every_file() -> Function:
    def function(draft: Draft, context: Context) -> Critique:
        os.closerange(3, 30)
        time.sleep(600)
        raise AssertionError

    return function


BROKEN = [
    pytest.param(raises, "ValueError: unplugged", id="raises"),
    pytest.param(exits, "SystemExit: 3", id="exits"),
    pytest.param(cancels_itself, "CancelledError", id="cancels-itself"),
    pytest.param(times_out_by_itself, "TimeoutError: the instrument's own", id="times-out"),
    pytest.param(answers_a_number, "returned int", id="number"),
    pytest.param(forges_its_score, "between 0 and 1", id="forged-score"),
    pytest.param(forges_its_verdict, "verdict", id="forged-verdict"),
    pytest.param(gives_odd_evidence, "set is not JSON-able", id="odd-evidence"),
]
DEADLY = [
    pytest.param(says_far_too_much, "exceeds", id="too-much"),
    pytest.param(ends_its_process, "exit status 7", id="os-exit"),
    pytest.param(kills_itself, "signal 9", id="sigkill"),
    pytest.param(writes_garbage_to_every_file, "not JSON", id="garbage"),
    pytest.param(closes_every_file, "its process died", id="closes-its-files"),
]


@pytest.mark.parametrize(("make", "reason"), [*BROKEN, *DEADLY])
async def test_a_critic_that_breaks_is_an_error_that_says_how(
    checker: Checker, make: Callable[[], Function], reason: str
) -> None:
    spec = critic_spec(critic(make()))

    async with asyncio.timeout(spec.deadline_seconds + MARGIN):
        checked = await checker.check(spec, TASK, DRAFT)

    assert checked.critique.verdict is Verdict.ERROR
    assert reason in checked.critique.summary


@pytest.mark.parametrize(("make", "reason"), BROKEN)
async def test_an_inline_critic_that_breaks_is_an_error_too(
    checker: Checker, make: Callable[[], Function], reason: str
) -> None:
    checked = await checker.check(critic_spec(critic(inline=True)(make())), TASK, DRAFT)

    assert checked.critique.verdict is Verdict.ERROR
    assert reason in checked.critique.summary
