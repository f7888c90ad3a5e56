"""The critics' processes: what they may ask for, when they are used again, and when they end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from gadfly import (
    Context,
    Critique,
    Draft,
    Ended,
    Evidence,
    InputError,
    Job,
    JobResult,
    Message,
    ModelError,
    SandboxError,
    StorageError,
    Task,
    ToolError,
    UnknownNameError,
    Verdict,
    critic,
)
from gadfly._engine.checker import Checker
from gadfly._ports import critic_spec
from gadfly.testing import ScriptedModel, ScriptedSandbox, fixed_tool

if TYPE_CHECKING:
    from tests.engine.conftest import Marks, Scripts

TASK = Task(prompt="q", inputs={"table": [1, 2]})
DRAFT = Draft("x")
RESULT = JobResult(ended=Ended.EXITED, exit_code=0, stdout="4\n", wall_seconds=2)


def asks_everything() -> Any:
    @critic
    async def asks(draft: Draft, context: Context) -> Critique:
        assert context.model is not None
        result = await context.sandbox.run(Job(("python", "x.py"), files={"x.py": draft.text}))
        found = await context.tools["search"]("moon")
        reply = await context.model.generate([Message("user", "sure?")])
        said = [
            result.stdout.strip(),
            str(found.observation["text"]),
            reply.text,
            context.model.name,
            str(context.task.inputs["table"]),
            context.earlier["first"].summary,
        ]
        return Critique(Verdict.PASS, " ".join(said), evidence=(found,))

    return asks


@pytest.mark.parametrize("inline", [False, True])
async def test_what_a_critic_asks_for_is_served_and_counted(inline: bool) -> None:
    sandbox, model = ScriptedSandbox(RESULT), ScriptedModel("very sure", name="judge:")
    tools = {"search": fixed_tool("search", {"moon": "1969"})}
    asks = asks_everything()
    spec = critic_spec(critic(name="asks", inline=inline)(asks.critique))

    async with Checker(sandbox=sandbox, tools=tools, model=model) as checker:
        earlier = {"first": Critique(Verdict.PASS, "fine")}
        checked = await checker.check(spec, TASK, DRAFT, earlier)

    assert checked.critique.summary == "4 1969 very sure judge: [1, 2] fine"
    assert sandbox.jobs == [Job(("python", "x.py"), files={"x.py": "x"})]
    usage = checked.usage
    assert (usage.tool_calls, usage.sandbox_seconds) == (2, 2)
    assert (usage.model_calls, usage.prompt_tokens, usage.completion_tokens) == (1, 1, 2)


class OwnError(SandboxError):
    """Not one of Gadfly's, but of its kind."""

    def __init__(self, number: int) -> None:
        super().__init__(f"own {number}")


@pytest.mark.parametrize(
    ("raised", "name", "text"),
    [
        pytest.param(SandboxError("gone"), "SandboxError", "gone", id="sandbox"),
        pytest.param(ModelError("mute"), "ModelError", "mute", id="model"),
        pytest.param(StorageError("full"), "StorageError", "full", id="storage"),
        pytest.param(ToolError("odd"), "ToolError", "odd", id="tool"),
        pytest.param(OwnError(1), "SandboxError", "own 1", id="a-kind-of-sandbox-error"),
        pytest.param(InputError("bad"), "InputError", "bad", id="input"),
        pytest.param(UnknownNameError("image", "x", ["y"]), "InputError", "no image", id="name"),
        pytest.param(KeyError("x"), "ToolError", "KeyError: 'x'", id="any-other"),
    ],
)
async def test_errors_come_to_the_critic_as_what_they_are(
    raised: Exception, name: str, text: str
) -> None:
    @critic
    async def tells(draft: Draft, context: Context) -> Critique:
        try:
            await context.sandbox.run(Job(("x",)))
        except Exception as error:  # noqa: BLE001 - to see what comes
            return Critique(Verdict.ABSTAIN, f"{type(error).__name__}: {error}")
        return Critique(Verdict.PASS)

    async with Checker(sandbox=ScriptedSandbox([raised])) as checker:
        checked = await checker.check(critic_spec(tells), TASK, DRAFT)

    assert checked.critique.summary.startswith(f"{name}: {text}")


async def test_an_error_that_the_critic_lets_through_is_its_error() -> None:
    @critic
    async def trusts(draft: Draft, context: Context) -> Critique:
        await context.sandbox.run(Job(("x",)))
        return Critique(Verdict.PASS)

    async with Checker() as checker:
        checked = await checker.check(critic_spec(trusts), TASK, DRAFT)

    assert checked.critique.verdict is Verdict.ERROR
    assert "SandboxError: no sandbox to run 'x' in" in checked.critique.summary


async def test_an_answer_that_is_too_large_is_an_error_at_once() -> None:
    async def endless(request: str) -> Evidence:
        text = "x" * (64 * 1024 * 1024)
        return Evidence(id="1", tool="t", request={}, observation={"text": text})

    @critic(deadline_seconds=600)
    async def reads(draft: Draft, context: Context) -> Critique:
        await context.tools["t"]("x")
        return Critique(Verdict.PASS)

    async with Checker(tools={"t": endless}) as checker, asyncio.timeout(120):
        checked = await checker.check(critic_spec(reads), TASK, DRAFT)

    assert checked.critique.verdict is Verdict.ERROR
    assert "exceeds" in checked.critique.summary


async def processes_of(checker: Checker, marks: Marks, drafts: Sequence[str]) -> list[str]:
    """The processes that judged drafts, one after the other."""
    spec = critic_spec(marks.critic())
    for text in drafts:
        assert (await checker.check(spec, TASK, Draft(text))).critique.verdict is Verdict.PASS
    return marks.read()


async def test_a_process_is_used_again(checker: Checker, marks: Marks) -> None:
    used = await processes_of(checker, marks, ["a", "b", "c"])

    assert len(used) == 3 and len(set(used)) == 1


async def test_a_process_that_died_while_idle_is_replaced(
    checker: Checker, marks: Marks, gone: Callable[[object], None]
) -> None:
    (first,) = await processes_of(checker, marks, ["a"])
    os.kill(int(first), signal.SIGKILL)
    gone(first)

    _, second = await processes_of(checker, marks, ["b"])

    assert second != first


async def test_no_process_outlives_close(marks: Marks, gone: Callable[[object], None]) -> None:
    async with Checker() as checker:
        spec = critic_spec(marks.critic(sleep=0.5))
        await asyncio.gather(*(checker.check(spec, TASK, Draft(str(n))) for n in range(3)))

    for process in set(marks.read()):
        gone(process)


async def test_a_caller_that_goes_away_ends_the_process(
    checker: Checker, marks: Marks, gone: Callable[[object], None]
) -> None:
    check = asyncio.create_task(checker.check(critic_spec(marks.critic(sleep=600)), TASK, DRAFT))
    (process,) = await marks.wait()

    check.cancel()
    await asyncio.wait([check])

    gone(process)


async def test_what_a_critic_started_ends_with_it(
    checker: Checker, marks: Marks, gone: Callable[[object], None]
) -> None:
    path = marks.path

    @critic(deadline_seconds=5)
    def forks(draft: Draft, context: Context) -> Critique:
        children = [os.fork(), subprocess.Popen(["sleep", "600"]).pid]
        if children[0]:
            with path.open("a") as file:
                file.write("".join(f"{pid}\n" for pid in children))
        subprocess.run(["sleep", "600"], check=True)
        return Critique(Verdict.PASS)

    async with asyncio.timeout(120):
        await checker.check(critic_spec(forks), TASK, DRAFT)

    assert len(marks.read()) == 2
    for process in marks.read():
        gone(process)


async def test_no_more_critics_run_at_a_time_than_there_are_places(marks: Marks) -> None:
    """Those that wait for a place do not use up their deadlines."""
    spec = critic_spec(marks.critic(sleep=4, deadline_seconds=30))

    async with Checker(workers=1) as checker:
        checks = (checker.check(spec, TASK, Draft(str(n))) for n in range(3))
        checked = await asyncio.gather(*checks)

    assert [each.critique.verdict for each in checked] == [Verdict.PASS] * 3
    assert len(set(marks.read())) == 1


BLOCKS = """
import asyncio, os, re, sys
from gadfly import Critique, Draft, Task, Verdict, critic
from gadfly._engine.checker import Checker
from gadfly._ports import critic_spec

@critic(deadline_seconds=600)
def blocks(draft, context):
    with open("marks", "a") as file:
        file.write(f"{os.getpid()}\\n")
    re.match(r"(a+)+$", "a" * 64 + "b")

@critic
def passes(draft, context):
    with open("marks", "a") as file:
        file.write(f"{os.getpid()}\\n")
    return Critique(Verdict.PASS)

async def main():
    checker = Checker()
    check = lambda critic: checker.check(critic_spec(critic), Task(prompt="q"), Draft("x"))
    print((await check(passes)).critique.verdict, flush=True)
    if "block" in sys.argv:
        await asyncio.gather(check(blocks), check(passes))

asyncio.run(main())
"""


async def test_a_blocked_process_dies_with_an_engine_that_is_killed(
    scripts: Scripts, marks: Marks, gone: Callable[[object], None]
) -> None:
    engine = scripts.start(BLOCKS, "block")
    await marks.wait(3)

    engine.kill()
    engine.communicate()

    for process in set(marks.read()):
        gone(process)


def test_a_critic_of_the_main_script_runs_and_its_process_ends_with_the_script(
    scripts: Scripts, marks: Marks, gone: Callable[[object], None]
) -> None:
    assert scripts.run(BLOCKS) == "pass\n"

    gone(marks.read()[0])


def test_modules_in_the_current_folder_do_not_hide_those_that_a_process_needs(
    scripts: Scripts,
) -> None:
    elsewhere = scripts.folder / "elsewhere"
    elsewhere.mkdir()
    for name in ("asyncio", "struct", "json"):
        (elsewhere / f"{name}.py").write_text("raise RuntimeError('the wrong one')")
    source = BLOCKS.replace("async def main", f"os.chdir({str(elsewhere)!r})\nasync def main")

    assert scripts.run(source) == "pass\n"


@pytest.mark.parametrize("leaves", ["task", "thread", "nothing"])
async def test_a_process_is_used_again_only_if_the_critic_left_nothing_in_it(
    checker: Checker, leaves: str
) -> None:
    @critic
    async def careless(draft: Draft, context: Context) -> Critique:
        if leaves == "task":
            asyncio.get_running_loop().create_task(asyncio.sleep(600), name=f"stray {draft.text}")
        if leaves == "thread":
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
        return Critique(Verdict.PASS, str(os.getpid()))

    spec = critic_spec(careless)

    said = [await checker.check(spec, Task(prompt="q"), Draft(str(n))) for n in range(2)]

    pids = {checked.critique.summary for checked in said}
    assert len(pids) == (1 if leaves == "nothing" else 2)
