"""The public API as people use it: type-checked, never run.

The lines with a `type: ignore` must be errors. mypy reports an ignore that is not needed, so a
change that lets one of them pass fails the check.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_type

from gadfly import (
    JSON,
    Actor,
    Agent,
    Budget,
    Context,
    Critic,
    CriticRule,
    CriticSpec,
    Critique,
    Draft,
    Ended,
    Event,
    Evidence,
    Feedback,
    Finding,
    Hardness,
    Job,
    JobResult,
    Message,
    Model,
    Outcome,
    Plugins,
    Reference,
    Refiner,
    Register,
    Reply,
    Round,
    Sandbox,
    Stop,
    Stopped,
    Strategy,
    Task,
    Tool,
    Usage,
    Verdict,
    as_model,
    critic,
    digest,
    dump,
    extract_artifacts,
    hookimpl,
    job_evidence,
    load,
    replay,
    shape_feedback,
)
from gadfly.testing import (
    Fixture,
    ScriptedActor,
    ScriptedCritic,
    ScriptedModel,
    ScriptedSandbox,
    check_critic,
    fixed_tool,
    load_fixtures,
    make_context,
)

# ------------------------------------------------------------- somebody who writes a critic


@critic
def plain(draft: Draft, context: Context) -> Critique:
    return Critique(Verdict.PASS if draft.text == context.task.prompt else Verdict.FAIL)


@critic(name="slow", deadline_seconds=5.0, inline=True)
async def asynchronous(draft: Draft, context: Context) -> Critique:
    job = Job(("python", "-c", draft.text))
    result = await context.sandbox.run(job)
    found = await context.tools["search"](context.task.prompt)
    evidence = (job_evidence("mine/slow", job, result, value=4), found)
    finding = Finding("it crashed", Hardness.HARD, evidence=evidence[0].id)
    return Critique(Verdict.FAIL, findings=(finding,), evidence=evidence, score=0.5)


@dataclass(frozen=True, slots=True)
class ClassCritic:
    strict: bool = False

    async def critique(self, draft: Draft, context: Context) -> Critique:
        return Critique(Verdict.ABSTAIN)


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    register("class", ClassCritic)
    register("slow", lambda: asynchronous)
    register("wrong", Draft)  # type: ignore[arg-type]


assert_type(plain, Critic)
assert_type(asynchronous, Critic)
spec = CriticSpec(id="mine/class", critic=ClassCritic(), requires=("python/runs",))

# ------------------------------------------------------------- somebody who composes an agent


class Doubling:
    async def draft(self, task: Task, model: Model | None) -> tuple[str, Reply]:
        return task.prompt * 2, Reply(text="")

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        return draft.text + feedback.text, Reply(text="")


class Impatient:
    def stop(self, history: Sequence[Round]) -> Stop | None:
        return Stop(Stopped.STAGNANT, "enough") if len(history) > 1 else None


actor: Actor = Doubling()
refiner: Refiner = Doubling()
strategy: Strategy = Impatient()
strategy = CriticRule(stable_rounds=3)
model: Model = ScriptedModel("4")

agent = Agent(
    "embedded:",
    critics=["python/runs", plain, spec],
    actor=actor,
    refiner=refiner,
    strategy=strategy,
    budget=Budget(rounds=2, seconds=60),
    options={"python/runs": {"strict": True}},
)


async def compose() -> None:
    outcome = await agent.ainvoke(Task(prompt="2 + 2?"))
    assert_type(outcome, Outcome)
    assert_type(outcome.usage, Usage)
    assert_type(outcome.critiques, Mapping[str, Critique])
    assert_type(outcome.answer, str)
    events: AsyncIterator[Event] = agent.astream("2 + 2?")
    async for event in events:
        assert_type(event.data, Mapping[str, JSON])
    async with agent:
        assert_type(await agent.aresume("run-1", answer="accept"), Outcome)


assert_type(agent.invoke("2 + 2?"), Outcome)
assert_type(as_model("embedded:"), Model)
assert_type(Plugins.discover().names("critics"), tuple[str, ...])
assert_type(load(Outcome, {}), Outcome)
assert_type(dump(Draft("4")), JSON)
assert_type(digest(Draft("4")), str)
assert_type(shape_feedback({"a": Critique(Verdict.FAIL)}), Feedback)
assert_type(extract_artifacts("x = 1")[0].text, str)
Plugins.discover().names("critic")  # type: ignore[arg-type]
Agent(model, critics=[len])  # type: ignore[list-item]
Agent(model, budget={"rounds": 2})  # type: ignore[arg-type]
Budget(2)  # type: ignore[call-arg]
Message("robot", "beep")  # type: ignore[arg-type]

# ------------------------------------------------------------- the oracle firewall

gold = Reference("t1", "4")


async def smuggle(context: Context, sandbox: Sandbox) -> None:
    agent.invoke(gold)  # type: ignore[arg-type]
    await agent.ainvoke(gold)  # type: ignore[arg-type]
    await plain.critique(gold, context)  # type: ignore[arg-type]
    await plain.critique(Draft("4"), gold)  # type: ignore[arg-type]
    Context(task=gold, sandbox=sandbox)  # type: ignore[arg-type]
    Context(gold, sandbox)  # type: ignore[arg-type]
    Draft(gold)  # type: ignore[arg-type]
    Task(prompt="2 + 2?", inputs={"gold": gold})  # type: ignore[dict-item]
    Job(("python",), files={"gold": gold})  # type: ignore[dict-item]
    await Doubling().draft(gold, None)  # type: ignore[arg-type]
    Message("user", gold)  # type: ignore[arg-type]
    await sandbox.run(gold)  # type: ignore[arg-type]


# ------------------------------------------------------------- somebody who tests

sandbox: Sandbox = ScriptedSandbox(lambda job: JobResult(ended=Ended.EXITED, exit_code=0))
tool: Tool = fixed_tool("search", "1969")
scripted_actor: Actor = ScriptedActor("5", "4")
scripted_critic: Critic = ScriptedCritic(Verdict.FAIL, Verdict.PASS, name="twice")


async def tests(evidence: Evidence) -> None:
    context = make_context("2 + 2?", sandbox=sandbox, tools={"search": tool}, model=model)
    assert_type(context, Context)
    assert_type(load_fixtures("folder"), list[Fixture])
    check_critic(plain, load_fixtures("folder"), sandbox=sandbox)
    assert_type((await replay(evidence, sandbox)).reason, str)
    ScriptedSandbox("text")  # type: ignore[arg-type]
    make_context(gold)  # type: ignore[arg-type]
