"""Critics that hang, raise or misbehave: an ERROR in time, and nothing else suffers."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from gadfly import (
    Agent,
    Context,
    Critique,
    Draft,
    InputError,
    Reference,
    Task,
    Verdict,
    critic,
)
from gadfly._engine.checker import Checker
from gadfly._ports import critic_spec
from gadfly.testing import Misbehaviour, ScriptedCritic

if TYPE_CHECKING:
    from tests.engine.conftest import Marks

TASK = Task(prompt="q")
DRAFT = Draft("x")
MARGIN = 30.0
"""Seconds by which a deadline may be late on a machine that does ten other things."""


def sleeps_for_ever() -> Callable[[], Awaitable[None]]:
    async def wait() -> None:
        await asyncio.sleep(3_600)

    return wait


def holds_the_interpreter() -> Callable[[], Awaitable[None]]:
    async def wait() -> None:
        # Native code that never lets go: no thread of this process runs meanwhile.
        re.match(r"(a+)+$", "a" * 64 + "b")

    return wait


def ignores_being_cancelled() -> Callable[[], Awaitable[None]]:
    async def wait() -> None:
        while True:
            try:
                await asyncio.sleep(3_600)
            except asyncio.CancelledError:
                continue

    return wait


@pytest.mark.parametrize("make", [sleeps_for_ever, holds_the_interpreter, ignores_being_cancelled])
async def test_a_critic_that_hangs_ends_with_its_process_at_the_deadline(
    checker: Checker,
    marks: Marks,
    gone: Callable[[object], None],
    make: Callable[[], Callable[[], Awaitable[None]]],
) -> None:
    path, wait = marks.path, make()

    @critic(deadline_seconds=5)
    async def hangs(draft: Draft, context: Context) -> Critique:
        with path.open("a") as file:
            file.write(f"{os.getpid()}\n")
        await wait()
        return Critique(Verdict.PASS)

    async with asyncio.timeout(5 + MARGIN):
        checked = await checker.check(critic_spec(hangs), TASK, DRAFT)

    assert checked.critique == Critique(Verdict.ERROR, "no verdict within 5 s")
    (process,) = marks.read()  # Once: a critic that hung is not tried again.
    gone(process)


async def test_a_critic_that_raises_is_tried_twice(checker: Checker, marks: Marks) -> None:
    path = marks.path

    @critic
    def recovers(draft: Draft, context: Context) -> Critique:
        with path.open("a+") as file:
            file.write("x\n")
            file.seek(0)
            if len(file.readlines()) < 2:
                raise OSError("not yet")
        return Critique(Verdict.PASS)

    assert (await checker.check(critic_spec(recovers), TASK, DRAFT)).critique.verdict == "pass"
    assert len(marks.read()) == 2


async def test_a_critic_that_always_raises_is_given_up_after_two(
    checker: Checker, marks: Marks
) -> None:
    path = marks.path

    @critic
    def raises(draft: Draft, context: Context) -> Critique:
        with path.open("a") as file:
            file.write("x\n")
        raise OSError("never")

    assert (await checker.check(critic_spec(raises), TASK, DRAFT)).critique.verdict == "error"
    assert len(marks.read()) == 2


async def test_a_critic_that_cannot_be_sent_says_so(checker: Checker) -> None:
    lock = threading.Lock()

    @critic
    def holds_a_lock(draft: Draft, context: Context) -> Critique:
        with lock:
            return Critique(Verdict.PASS)

    checked = await checker.check(critic_spec(holds_a_lock), TASK, DRAFT)

    assert checked.critique.verdict is Verdict.ERROR
    assert "make it picklable, or inline" in checked.critique.summary


async def test_a_critic_that_cannot_be_loaded_there_says_so_both_times(checker: Checker) -> None:
    class Explodes:
        async def critique(self, draft: Draft, context: Context) -> Critique:
            raise AssertionError

        def __reduce__(self) -> tuple[Any, ...]:
            return (__import__, ("no_such_module_there",))

    checked = await checker.check(critic_spec(Explodes()), TASK, DRAFT)

    assert "cannot be loaded in its process: ModuleNotFoundError" in checked.critique.summary


async def test_a_gold_answer_does_not_travel_with_a_critic(checker: Checker) -> None:
    gold = Reference("t", 42)

    @critic
    def cheats(draft: Draft, context: Context) -> Critique:
        return Critique(Verdict.PASS if draft.text == str(gold.gold) else Verdict.FAIL)

    checked = await checker.check(critic_spec(cheats), TASK, Draft("42"))

    assert checked.critique.verdict is Verdict.ERROR
    assert "Reference" in checked.critique.summary


async def test_a_critic_may_print_and_leave_threads(checker: Checker) -> None:
    @critic
    def noisy(draft: Draft, context: Context) -> Critique:
        sys.stdout.write("to stdout, where frames would be")
        os.write(1, b"\x00\x00\x00\x01")
        threading.Thread(target=time.sleep, args=(600,)).start()
        return Critique(Verdict.PASS)

    spec = critic_spec(noisy)

    verdicts = [(await checker.check(spec, TASK, DRAFT)).critique.verdict for _ in range(3)]

    assert verdicts == [Verdict.PASS] * 3


@pytest.mark.parametrize("how", [*Misbehaviour, ValueError("unplugged")])
async def test_an_error_costs_no_round_and_the_others_verdicts_stand(
    make_agent: Callable[..., Agent], how: Misbehaviour | Exception
) -> None:
    agent = make_agent(
        ScriptedCritic(how, name="breaks", deadline_seconds=5),
        ScriptedCritic(Verdict.PASS, name="passes"),
        ScriptedCritic(Verdict.ABSTAIN, name="abstains", required=False),
    )

    outcome = await agent.ainvoke("q")

    said = {id_: critique.verdict for id_, critique in outcome.critiques.items()}
    assert said == {"breaks": "error", "passes": "pass", "abstains": "abstain"}
    assert (outcome.stopped, outcome.rounds, len(outcome.drafts)) == ("undecided", 0, 1)
    assert "breaks" in outcome.reason


async def test_a_critic_whose_applies_raises_is_an_error(checker: Checker) -> None:
    class Careless:
        inline = True

        def applies(self, task: Task, draft: Draft) -> bool:
            raise InputError("no idea")

        async def critique(self, draft: Draft, context: Context) -> Critique:
            raise AssertionError

    checked = await checker.check_all([critic_spec(Careless())], TASK, DRAFT)

    assert checked["Careless"].critique.verdict is Verdict.ERROR
