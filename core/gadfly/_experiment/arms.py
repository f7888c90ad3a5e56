"""The arms: what one may do with a fixed number of model calls per problem.

All arms begin with the same first draft, drawn once and counted in each. No arm, critic or stop
rule is given a gold answer: arms see `Task`s only.

    draft only               as many drafts as there are calls; their mean counts
    self-critique, no tool   the model checks and rewrites its own draft, every time
    resample, no critique    as many drafts as there are calls; the commonest answer counts
    resample until accepted  a new draft while the tool critics object
    tool critics             a refined draft while the tool critics object: Gadfly's loop
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gadfly._actors import ModelActor
from gadfly._agent import Agent
from gadfly._feedback import SELF_CHECK
from gadfly._plugins import Plugins
from gadfly._ports import Actor, Context, Critic, Feedback, Model, Refiner, Sandbox, critic
from gadfly._strategies import CriticRule
from gadfly._values.budget import Budget, Usage
from gadfly._values.critique import Critique, Verdict
from gadfly._values.task import Draft, Reply, Task

IN_FLIGHT = 64
"""Problems worked on at a time: enough to fill a model's batches."""

DRAFT_ONLY = "draft only"
SELF_CRITIQUE = "self-critique, no tool"
RESAMPLE = "resample, no critique"
GATED = "resample until accepted"
TOOL_CRITICS = "tool critics"

Advance = Callable[[], object]
AnswerOf = Callable[[str], str | None]
"""The computed answer of a draft's text, or None where it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What one arm made of all problems, in the problems' order."""

    name: str
    drafts: tuple[tuple[Draft, ...], ...]
    """Every draft of every problem, in order."""
    final: tuple[Draft | None, ...]
    """The submitted draft; None throughout where the arm's drafts are averaged."""
    runs: tuple[str, ...] = ()
    """Run ids, for their traces; empty for arms that are no loop."""
    usage: Usage
    seconds: float


@dataclass(frozen=True, slots=True)
class _Given:
    """An actor whose first drafts were made before."""

    first: dict[str, Reply]

    async def draft(self, task: Task, model: Model | None) -> tuple[str, Reply]:
        reply = self.first[task.id]
        return reply.text, reply


class _SelfCheck(ModelActor):
    """Refines without being told anything."""

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        return await ModelActor().refine(task, draft, Feedback(findings=(), text=SELF_CHECK), model)


class _Redraft(ModelActor):
    """Drafts anew where it should refine."""

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        return await self.draft(task, model)


@critic(name="unconvinced", inline=True)
def _unconvinced(draft: Draft, context: Context) -> Critique:
    """Objects to everything: the self-critique arm spends all its calls."""
    return Critique(Verdict.FAIL, "look again")


class Experiment:
    """One model and one set of critics on one list of problems.

    Args:
        model: Drafts and refines.
        critics: Ids of the tool critics.
        tasks: The problems, each with an id of its own.
        calls: Model calls per problem that every arm may make.
        sandbox: Where the critics' programs run.
        plugins: Where the critics are looked up.
        advance: Called once per problem and arm.
    """

    def __init__(
        self,
        model: Model,
        critics: Sequence[str],
        tasks: Sequence[Task],
        *,
        calls: int,
        sandbox: Sandbox,
        plugins: Plugins,
        advance: Advance,
    ) -> None:
        self._model = model
        self._critics = critics
        self._tasks = tasks
        self._calls = calls
        self._sandbox = sandbox
        self._plugins = plugins
        self._advance = advance
        self._first: dict[str, Reply] = {}
        self._gate = asyncio.Semaphore(IN_FLIGHT)

    async def draft_arms(self) -> tuple[Arm, Callable[[AnswerOf], Arm]]:
        """Draw the drafts; return the arm that averages them, and one that lets them vote.

        The vote needs the drafts' computed answers, which the caller supplies.
        """
        started = time.monotonic()
        samples = await asyncio.gather(*(self._sample(task) for task in self._tasks))
        seconds = time.monotonic() - started
        self._first = {
            task.id: replies[0] for task, replies in zip(self._tasks, samples, strict=True)
        }
        drafts = tuple(
            tuple(
                Draft(reply.text, number, None, self._model.name)
                for number, reply in enumerate(replies, 1)
            )
            for replies in samples
        )
        usage = sum((_spent(reply) for replies in samples for reply in replies), Usage())
        averaged = Arm(
            name=DRAFT_ONLY,
            drafts=drafts,
            final=(None,) * len(drafts),
            usage=usage,
            seconds=seconds,
        )

        def vote(answer_of: AnswerOf) -> Arm:
            final = tuple(_commonest(tried, answer_of) for tried in drafts)
            return Arm(name=RESAMPLE, drafts=drafts, final=final, usage=usage, seconds=seconds)

        return averaged, vote

    async def self_critique(self) -> Arm:
        """The model rewrites its own draft, told nothing, as often as calls allow."""
        return await self._loop(SELF_CRITIQUE, [_unconvinced], _SelfCheck())

    async def gated(self) -> Arm:
        """A new draft while the tool critics object."""
        return await self._loop(GATED, self._critics, _Redraft())

    async def tool_critics(self, traces: Path | None = None) -> Arm:
        """A refined draft while the tool critics object; its runs are traced where asked."""
        return await self._loop(TOOL_CRITICS, self._critics, ModelActor(), traces)

    async def _sample(self, task: Task) -> list[Reply]:
        async with self._gate:
            asked = (ModelActor().draft(task, self._model) for _ in range(self._calls))
            replies = [reply for _, reply in await asyncio.gather(*asked)]
        self._advance()
        return replies

    async def _loop(
        self,
        name: str,
        critics: Sequence[str | Critic],
        refiner: Refiner,
        traces: Path | None = None,
    ) -> Arm:
        actor: Actor = _Given(self._first)
        agent = Agent(
            self._model,
            critics,
            actor=actor,
            refiner=refiner,
            budget=Budget(rounds=self._calls - 1),
            # Every arm may spend all its calls: no rule but acceptance ends it early.
            strategy=CriticRule(stable_rounds=0, stagnant_rounds=0, circles=False),
            checkpoints=None,
            sandbox=self._sandbox,
            plugins=self._plugins,
            traces=traces,
        )
        started = time.monotonic()
        async with agent:

            async def one(task: Task) -> tuple[Draft, tuple[Draft, ...], str, Usage]:
                async with self._gate:
                    outcome = await agent.ainvoke(task)
                self._advance()
                return outcome.draft, outcome.drafts, outcome.run, outcome.usage

            ended = await asyncio.gather(*(one(task) for task in self._tasks))
        return Arm(
            name=name,
            drafts=tuple(drafts for _, drafts, _, _ in ended),
            final=tuple(draft for draft, _, _, _ in ended),
            runs=tuple(run for _, _, run, _ in ended),
            usage=sum((usage for _, _, _, usage in ended), Usage()),
            seconds=time.monotonic() - started,
        )


def _spent(reply: Reply) -> Usage:
    return Usage(
        model_calls=1,
        prompt_tokens=reply.prompt_tokens,
        completion_tokens=reply.completion_tokens,
    )


def _commonest(drafts: Sequence[Draft], answer_of: AnswerOf) -> Draft:
    """The first draft with the commonest answer; drafts without one do not vote."""
    answers = [answer_of(draft.text) for draft in drafts]
    votes = Counter(answer for answer in answers if answer is not None)
    if not votes:
        return drafts[0]
    winner = max(votes, key=lambda answer: (votes[answer], -answers.index(answer)))
    return drafts[answers.index(winner)]
