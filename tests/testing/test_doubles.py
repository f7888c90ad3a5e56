"""The doubles: they fit the ports, play their scripts, and record."""

from __future__ import annotations

import asyncio
import pickle

import cloudpickle
import pytest

from gadfly import (
    Actor,
    Context,
    Critic,
    CriticError,
    Critique,
    Draft,
    Ended,
    Feedback,
    InputError,
    Job,
    JobResult,
    Message,
    Model,
    ModelError,
    Refiner,
    Reply,
    Sandbox,
    SandboxError,
    Task,
    Tool,
    Verdict,
)
from gadfly.testing import (
    Misbehaviour,
    NoSandbox,
    ScriptedActor,
    ScriptedCritic,
    ScriptedModel,
    ScriptedSandbox,
    fixed_tool,
    make_context,
)

ASK = [Message("system", "Be brief."), Message("user", "What is 2 + 2?")]
TASK = Task(prompt="What is 2 + 2?")
EXITED = JobResult(ended=Ended.EXITED, exit_code=0)
KILLED = JobResult(ended=Ended.TIMEOUT)


def test_the_doubles_fit_the_ports() -> None:
    assert isinstance(ScriptedModel("x"), Model)
    assert isinstance(ScriptedActor("x"), Actor)
    assert isinstance(ScriptedActor("x"), Refiner)
    assert isinstance(ScriptedCritic(Verdict.PASS), Critic)
    assert isinstance(ScriptedSandbox(EXITED), Sandbox)
    assert isinstance(NoSandbox(), Sandbox)
    assert isinstance(fixed_tool("t", "x"), Tool)


async def test_a_scripted_model_gives_one_answer_for_ever() -> None:
    model = ScriptedModel("four, then")

    replies = [await model.generate(ASK) for _ in range(3)]

    assert {reply.text for reply in replies} == {"four, then"}
    assert (replies[0].prompt_tokens, replies[0].completion_tokens) == (7, 2)
    assert model.conversations == [tuple(ASK)] * 3
    assert model.prompts == ["What is 2 + 2?"] * 3


async def test_a_scripted_model_plays_a_list_and_then_fails_by_name() -> None:
    exact = Reply(text="b", prompt_tokens=100)
    model = ScriptedModel(["a", exact, ModelError("no answer")], name="mine:")

    assert (await model.generate(ASK)).text == "a"
    assert await model.generate(ASK) is exact
    with pytest.raises(ModelError, match="no answer"):
        await model.generate(ASK)
    with pytest.raises(ModelError, match="model mine:: the script is over"):
        await model.generate(ASK)


async def test_a_scripted_model_may_be_asked_many_times_at_once() -> None:
    waiting = asyncio.Event()

    async def answer(messages: object) -> str:
        await waiting.wait()
        return "x"

    model = ScriptedModel(answer)
    listed = ScriptedModel([str(n) for n in range(50)])
    calls = [asyncio.create_task(model.generate(ASK)) for _ in range(50)]
    await asyncio.sleep(0)
    waiting.set()

    assert len(await asyncio.gather(*calls)) == len(model.conversations) == 50
    texts = await asyncio.gather(*(listed.generate(ASK) for _ in range(50)))
    assert {reply.text for reply in texts} == {str(n) for n in range(50)}


async def test_a_scripted_actor_gives_its_drafts_by_number() -> None:
    actor = ScriptedActor("one", "two")
    feedback = Feedback(findings=("x",), text="x")

    first, _ = await actor.draft(TASK, None)
    second, _ = await actor.refine(TASK, Draft(first, 1), feedback, None)
    third, _ = await actor.refine(TASK, Draft(second, 2), feedback, None)
    other_run, _ = await actor.draft(TASK, None)

    assert (first, second, third, other_run) == ("one", "two", "two", "one")
    assert actor.feedback == [feedback, feedback]


async def test_a_scripted_critic_judges_by_the_drafts_number() -> None:
    own = Critique(Verdict.ABSTAIN, "mine")
    critic = ScriptedCritic(Verdict.FAIL, own, Verdict.PASS)

    said = [await critic.critique(Draft("x", n), make_context()) for n in (1, 2, 3, 4, 1)]

    assert [c.verdict.value for c in said] == ["fail", "abstain", "pass", "pass", "fail"]
    assert said[0].is_hard_failure
    assert said[1] is own
    assert [draft.number for draft in critic.drafts] == [1, 2, 3, 4, 1]


async def test_a_scripted_critic_judges_by_a_function_of_the_draft() -> None:
    critic = ScriptedCritic(lambda draft: Verdict.PASS if draft.text == "4" else Verdict.FAIL)

    assert (await critic.critique(Draft("4"), make_context())).verdict is Verdict.PASS
    assert (await critic.critique(Draft("5"), make_context())).verdict is Verdict.FAIL


async def test_a_scripted_critic_travels_to_another_process() -> None:
    plain = pickle.loads(pickle.dumps(ScriptedCritic(Verdict.FAIL, name="a")))
    by_function = cloudpickle.loads(cloudpickle.dumps(ScriptedCritic(lambda draft: Verdict.PASS)))

    assert plain.name == "a"
    assert (await plain.critique(Draft("x"), make_context())).verdict is Verdict.FAIL
    assert (await by_function.critique(Draft("x"), make_context())).verdict is Verdict.PASS


async def test_a_scripted_critic_misbehaves_when_told_to() -> None:
    context = make_context()

    with pytest.raises(CriticError, match="broken"):
        await ScriptedCritic(CriticError("broken")).critique(Draft("x"), context)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await ScriptedCritic(Misbehaviour.HANG).critique(Draft("x"), context)
    nonsense: object = await ScriptedCritic(Misbehaviour.NONSENSE).critique(Draft("x"), context)
    assert not isinstance(nonsense, Critique)


@pytest.mark.parametrize("how", [Misbehaviour.BLOCK, Misbehaviour.DIE])
def test_a_critic_that_would_take_the_test_along_is_refused(how: Misbehaviour) -> None:
    with pytest.raises(InputError, match="must not run inline"):
        ScriptedCritic(how, inline=True)


@pytest.mark.parametrize("empty", [ScriptedActor, ScriptedCritic])
def test_a_double_without_a_script_is_refused(empty: type) -> None:
    with pytest.raises(InputError, match="needs"):
        empty()


async def test_a_scripted_sandbox_plays_its_results_and_records_the_jobs() -> None:
    sandbox = ScriptedSandbox([EXITED, KILLED])
    first, second = Job(("a",)), Job(("b",))

    assert [await sandbox.run(first), await sandbox.run(second)] == [EXITED, KILLED]
    assert sandbox.jobs == [first, second]
    with pytest.raises(SandboxError, match="the script is over"):
        await sandbox.run(first)


async def test_a_scripted_sandbox_answers_by_a_function_of_the_job() -> None:
    sandbox = ScriptedSandbox(lambda job: EXITED if job.argv == ("a",) else KILLED)

    assert await sandbox.run(Job(("a",))) is EXITED
    assert await sandbox.run(Job(("b",))) is KILLED


async def test_a_closed_sandbox_runs_nothing() -> None:
    sandbox = ScriptedSandbox(EXITED)
    await sandbox.close()
    await sandbox.close()

    with pytest.raises(SandboxError, match="closed"):
        await sandbox.run(Job(("a",)))


async def test_a_fixed_tool_observes_its_text() -> None:
    tool = fixed_tool("search", "20 July 1969")

    found = await tool("When did Apollo 11 land?")

    assert (found.tool, found.observation) == ("search", {"text": "20 July 1969"})
    assert found.request == {"request": "When did Apollo 11 land?"}
    assert found.id == (await tool("When did Apollo 11 land?")).id != (await tool("x")).id


async def test_a_fixed_tool_may_know_some_requests_only() -> None:
    tool = fixed_tool("search", {"a": "1"})

    assert [(await tool(asked)).observation["text"] for asked in ("a", "b")] == ["1", ""]


def test_a_context_holds_nothing_that_was_not_given() -> None:
    context = make_context("2 + 2?")

    assert context == Context(task=Task(prompt="2 + 2?"), sandbox=context.sandbox)
    assert make_context(TASK).task is TASK


async def test_a_context_without_a_sandbox_says_what_to_give() -> None:
    with pytest.raises(SandboxError, match=r"pass a real one or a .*ScriptedSandbox as sandbox="):
        await make_context().sandbox.run(Job(("python", "-c", "1")))
