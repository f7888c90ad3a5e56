"""Identical work in flight is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from gadfly import Agent, Context, Critique, Draft, Ended, Job, JobResult, Task, Verdict, critic
from gadfly._engine.checker import Checker
from gadfly._engine.flight import SingleFlight
from gadfly._ports import critic_spec
from gadfly.testing import ScriptedSandbox

if TYPE_CHECKING:
    from tests.engine.conftest import Marks

TASK = Task(prompt="q")


class Work:
    """Counts its calls and ends when it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.cancelled = 0
        self.done = asyncio.Event()

    async def __call__(self) -> int:
        self.calls += 1
        number = self.calls
        try:
            await self.done.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return number


async def begin(*coroutines: object) -> list[asyncio.Task[tuple[int, bool]]]:
    """Tasks that have all got as far as they can by themselves."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]  # type: ignore[call-overload] # coroutines
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


async def test_identical_calls_in_flight_are_one_call_that_counts_once() -> None:
    flight, work = SingleFlight[int](), Work()

    tasks = await begin(*(flight.run("key", work) for _ in range(3)))
    work.done.set()

    assert sorted(await asyncio.gather(*tasks)) == [(1, False), (1, True), (1, True)]
    assert work.calls == 1


async def test_different_keys_are_different_calls() -> None:
    flight, work = SingleFlight[int](), Work()
    work.done.set()

    results = await asyncio.gather(*(flight.run(key, work) for key in "ab"))

    assert results == [(1, False), (2, False)]


async def test_nothing_is_remembered_once_a_call_has_ended() -> None:
    flight, work = SingleFlight[int](), Work()
    work.done.set()

    assert [await flight.run("key", work) for _ in range(2)] == [(1, False), (2, False)]


@pytest.mark.parametrize("leaves", [0, 1])
async def test_a_caller_that_is_cancelled_leaves_the_other_alone(leaves: int) -> None:
    """Whoever stays gets the result, and is the one who takes account of it."""
    flight, work = SingleFlight[int](), Work()
    tasks = await begin(flight.run("key", work), flight.run("key", work))

    tasks[leaves].cancel()
    await asyncio.wait([tasks[leaves]])
    work.done.set()

    assert await tasks[1 - leaves] == (1, False)
    assert (work.calls, work.cancelled) == (1, 0)


async def test_the_last_caller_to_leave_cancels_the_call() -> None:
    flight, work = SingleFlight[int](), Work()
    tasks = await begin(flight.run("key", work), flight.run("key", work))

    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)

    assert (work.calls, work.cancelled) == (1, 1)


async def test_a_call_begun_while_the_old_one_is_being_cancelled_stands_by_itself() -> None:
    flight, slow_to_die, work = SingleFlight[int](), asyncio.Event(), Work()

    async def stubborn() -> int:
        try:
            await asyncio.Event().wait()
        finally:
            await slow_to_die.wait()
        return 0

    (old,) = await begin(flight.run("key", stubborn))
    old.cancel()
    (first,) = await begin(flight.run("key", work))
    slow_to_die.set()
    await asyncio.wait([old])
    (second,) = await begin(flight.run("key", work))
    work.done.set()

    assert [await first, await second] == [(1, False), (1, True)]


async def test_a_call_begun_as_the_old_one_ends_stands_by_itself() -> None:
    """Callers of the old one have not all been told yet when the new one begins."""
    flight, old, new = SingleFlight[int](), Work(), Work()
    again: list[asyncio.Task[tuple[int, bool]]] = []
    waiting = await begin(*(flight.run("key", old) for _ in range(3)))

    def begin_again(_: object) -> None:
        again.append(asyncio.ensure_future(flight.run("key", new)))

    next(iter(flight._flights.values())).task.add_done_callback(begin_again)
    old.done.set()
    await asyncio.gather(*waiting)
    new.done.set()

    assert await again[0] == (1, False)


async def test_a_failure_reaches_every_caller() -> None:
    flight = SingleFlight[int]()

    async def fail() -> int:
        await asyncio.sleep(0)
        raise ValueError("broken")

    results = await asyncio.gather(
        *(flight.run("key", fail) for _ in range(2)), return_exceptions=True
    )

    assert [str(error) for error in results] == ["broken", "broken"]


async def test_identical_checks_are_done_once(checker: Checker, marks: Marks) -> None:
    spec = critic_spec(marks.critic(sleep=0.5))

    checks = [checker.check(spec, TASK, Draft("same", number)) for number in range(4)]
    checked = await asyncio.gather(*checks, checker.check(spec, TASK, Draft("other")))

    assert {each.critique.verdict for each in checked} == {Verdict.PASS}
    assert len(marks.read()) == 2
    assert [each.shared for each in checked].count(True) == 3


async def test_two_runs_of_one_agent_share_a_check(
    make_agent: Callable[..., Agent], marks: Marks
) -> None:
    agent = make_agent(marks.critic(sleep=2))

    async with agent:
        outcomes = await asyncio.gather(agent.ainvoke("q"), agent.ainvoke("q"))

    assert [outcome.accepted for outcome in outcomes] == [True, True]
    assert len(marks.read()) == 1


async def test_a_run_that_is_cancelled_does_not_disturb_one_that_shares_its_check(
    make_agent: Callable[..., Agent], marks: Marks
) -> None:
    async with make_agent(marks.critic(sleep=2)) as agent:
        runs = [asyncio.create_task(agent.ainvoke("q")) for _ in range(2)]
        await marks.wait()
        runs[0].cancel()

        assert (await runs[1]).accepted
        assert len(marks.read()) == 1
        with pytest.raises(asyncio.CancelledError):
            await runs[0]


async def test_what_a_shared_check_used_is_counted_once() -> None:
    sandbox = ScriptedSandbox(JobResult(ended=Ended.EXITED, exit_code=0, wall_seconds=3))

    @critic
    async def runs_twice(draft: Draft, context: Context) -> Critique:
        await context.sandbox.run(Job(("a",)))
        await context.sandbox.run(Job(("b",)))
        return Critique(Verdict.PASS)

    async with Checker(sandbox=sandbox) as checker:
        spec = critic_spec(runs_twice)
        checked = await asyncio.gather(*(checker.check(spec, TASK, Draft("x")) for _ in range(3)))

    assert sorted(each.usage.tool_calls for each in checked) == [0, 0, 2]
    assert sorted(each.usage.sandbox_seconds for each in checked) == [0, 0, 6]
    assert len(sandbox.jobs) == 2
