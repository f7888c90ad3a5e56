"""One problem in one arm: the same first draft in all arms, at most so many model calls in each.

Every call is made through a `Meter`, whoever makes it: the actor, the refiner, or a critic that
asks the model. The first draft is drawn once for all arms and counted in each.

No loop is given a gold answer. The oracle's loop goes on whatever critics say; a scorer that holds
the gold answers cuts it off when it has ended (`Trial.cut`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from gadfly import (
    Actor,
    Agent,
    Budget,
    Context,
    Cost,
    Critic,
    CriticRule,
    CriticSpec,
    Critique,
    Draft,
    EventKind,
    Feedback,
    Finding,
    Message,
    Model,
    ModelActor,
    ModelError,
    Outcome,
    Refiner,
    Reply,
    Task,
    Tool,
    Verdict,
    digest,
    load,
    shape_feedback,
)

NO_CRITIC = "no critic"
NO_TOOL = "no tool"
TOOL = "tool"
REJECTION = "rejection sampling"
ORACLE = "oracle"
NAMES = (NO_CRITIC, NO_TOOL, TOOL, REJECTION, ORACLE)
"""The arms, in the order of the tables."""

OBJECTION = "look at it again"
LOOK_AGAIN = "Check this draft yourself, without tools.\nWrite the corrected answer in full."
NO_CALLS_LEFT = Critique(Verdict.ABSTAIN, "No model calls are left for another round.")

AT_ONCE = 16
"""Problems worked on at a time."""


@dataclass(slots=True)
class Meter:
    """The model of one problem in one arm. It counts calls, and makes no more than it may."""

    model: Model
    most: int
    used: int = 1
    """Calls made; the first draft, which all arms share, is one."""
    at_draft: list[int] = field(default_factory=lambda: [1])
    """Calls made when each draft was there."""
    name: str = field(init=False)
    """The model's."""

    def __post_init__(self) -> None:
        self.name = self.model.name

    @property
    def left(self) -> int:
        """Calls that may still be made."""
        return self.most - self.used

    async def generate(self, messages: Sequence[Message]) -> Reply:
        """See `Model.generate`.

        Raises:
            ModelError: All calls are used up.
        """
        if self.left < 1:
            raise ModelError(f"{self.name}: all {self.most} calls of this problem are made")
        self.used += 1
        return await self.model.generate(messages)


Meters = Mapping[str, Meter]
"""By the task's id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """What one arm may use."""

    name: str
    critics: Callable[[Meters], Sequence[str | Critic | CriticSpec]]
    """Made for each run of the arm: critics that ask the model need its meters."""
    refiner: Refiner


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What one arm made of one problem."""

    task: Task
    drafts: tuple[Draft, ...]
    critiques: tuple[Mapping[str, Critique], ...]
    """What was said of each draft, by critic."""
    calls: tuple[int, ...]
    """Model calls made when each draft was there."""
    all_calls: int
    chosen: int
    """The index of the draft that the loop gives back."""
    cut_off: bool = False
    """Whether an oracle ended it: no critic heard its last draft then."""

    @property
    def draft(self) -> Draft:
        """The draft that the loop gives back."""
        return self.drafts[self.chosen]

    @property
    def model_calls(self) -> int:
        """Model calls made."""
        return self.calls[-1] if self.cut_off else self.all_calls

    @property
    def tool_calls(self) -> int:
        """Uses of tools, by the records that critics made of them; the model is no tool.

        Critics that judge the very same run, or search, used the tool once.
        """
        heard = self.critiques[:-1] if self.cut_off else self.critiques
        model = self.drafts[0].author
        return sum(
            len({digest(r.request) for c in said.values() for r in c.evidence if r.tool != model})
            for said in heard
        )

    @property
    def broken(self) -> list[str]:
        """Why critiques came to nothing: a tool, or the model, broke."""
        said = (critique for of_draft in self.critiques for critique in of_draft.values())
        return [critique.summary for critique in said if critique.verdict is Verdict.ERROR]

    def end(self) -> Trial:
        """Return it with its last draft: an oracle that found none right went on to the end."""
        return replace(self, chosen=len(self.drafts) - 1)

    def cut(self, at: int) -> Trial:
        """Return it as if it had ended when this draft was there: for the oracle alone."""
        return replace(
            self,
            drafts=self.drafts[: at + 1],
            critiques=self.critiques[: at + 1],
            calls=self.calls[: at + 1],
            chosen=at,
            cut_off=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """All arms on all problems."""

    trials: Mapping[str, Sequence[Trial]]
    """By arm, in the problems' order."""
    lost: int
    """Problems left out of every arm, because the model did not answer in one of them."""


async def run_arms(
    arms: Sequence[Arm],
    model: Model,
    tasks: Sequence[Task],
    *,
    calls: int,
    actor: Actor,
    tools: Mapping[str, Tool] | None = None,
) -> Ended:
    """Run every arm on every problem.

    Args:
        arms: What is compared.
        model: Drafts, refines and judges.
        tasks: The problems, each with an id of its own.
        calls: Model calls for one problem that an arm may make, the first draft included.
        actor: Makes the first draft.
        tools: Tools for critics, by id.

    Raises:
        ModelError: The model answered none of the problems.
    """
    slots = asyncio.Semaphore(AT_ONCE)

    async def begin(task: Task) -> Reply | ModelError:
        async with slots:
            try:
                return (await actor.draft(task, model))[1]
            except ModelError as error:
                return error

    begun = await asyncio.gather(*(begin(task) for task in tasks))
    first = {
        task.id: reply for task, reply in zip(tasks, begun, strict=True) if isinstance(reply, Reply)
    }
    going = [task for task in tasks if task.id in first]
    trials: dict[str, list[Trial | ModelError]] = {}
    for arm in arms:
        meters = {task.id: Meter(model, calls) for task in going}
        agent = Agent(
            model,
            arm.critics(meters),
            actor=Begun(first),
            refiner=Metered(arm.refiner, meters),
            tools=tools or {},
            budget=Budget(rounds=calls - 1),
            # CRITIC's rule, in the loop: an answer that stays the same for two rounds ends it.
            strategy=CriticRule(stable_rounds=2, stagnant_rounds=0, circles=False),
            checkpoints=None,
            traces=None,
        )
        async with agent:
            trials[arm.name] = await asyncio.gather(
                *(_try(agent, task, meters[task.id], slots) for task in going)
            )
    return _whole(trials, going, len(tasks), begun)


async def _try(
    agent: Agent, task: Task, meter: Meter, slots: asyncio.Semaphore
) -> Trial | ModelError:
    said: dict[int, dict[str, Critique]] = {}
    outcome: Outcome | None = None
    async with slots:
        try:
            async for event in agent.astream(task):
                if event.kind is EventKind.CRITIQUED:
                    critic = str(event.data["critic"])
                    said.setdefault(event.draft, {})[critic] = load(
                        Critique, event.data["critique"]
                    )
                elif event.kind is EventKind.FINISHED:
                    outcome = load(Outcome, event.data["outcome"])
        except ModelError as error:
            return error
    assert outcome is not None, "a run that is not asked to wait ends with an outcome"
    return Trial(
        task=task,
        drafts=outcome.drafts,
        critiques=tuple(said.get(draft.number, {}) for draft in outcome.drafts),
        calls=tuple(meter.at_draft),
        all_calls=meter.used,
        chosen=outcome.draft.number - 1,
    )


def _whole(
    trials: Mapping[str, Sequence[Trial | ModelError]],
    going: Sequence[Task],
    asked: int,
    begun: Sequence[Reply | ModelError],
) -> Ended:
    """Leave out problems that the model failed in one arm: arms are compared on the same ones."""
    kept = [
        index
        for index in range(len(going))
        if all(isinstance(tried[index], Trial) for tried in trials.values())
    ]
    if not kept:
        failures = (*begun, *(one for tried in trials.values() for one in tried))
        raise next(one for one in failures if isinstance(one, ModelError))
    whole = {
        name: [one for index in kept if isinstance(one := tried[index], Trial)]
        for name, tried in trials.items()
    }
    return Ended(trials=whole, lost=asked - len(kept))


@dataclass(frozen=True, slots=True)
class Begun:
    """Starts from the drafts that all arms share."""

    first: Mapping[str, Reply]

    async def draft(self, task: Task, model: Model | None) -> tuple[str, Reply]:
        """Return the draft of a problem, by its id."""
        return self.first[task.id].text, self.first[task.id]


@dataclass(frozen=True, slots=True)
class Metered:
    """Refines through the problem's meter."""

    refiner: Refiner
    meters: Meters

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        """See `Refiner.refine`."""
        meter = self.meters[task.id]
        refined = await self.refiner.refine(task, draft, feedback, meter)
        meter.at_draft.append(meter.used)
        return refined


@dataclass(frozen=True, slots=True)
class NeverContent:
    """Objects to everything while another call may be made, so that a loop makes all of them."""

    meters: Meters
    name: ClassVar[str] = "never_content"
    inline: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost.CHEAP

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        left = self.meters[context.task.id].left
        return Critique(Verdict.FAIL, OBJECTION) if left else NO_CALLS_LEFT


@dataclass(frozen=True)
class LookAgain(ModelActor):
    """Refines without being told what tools found."""

    request: str = LOOK_AGAIN

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        """Write it again, told nothing."""
        told = Feedback(findings=(), text=self.request)
        return await ModelActor.refine(self, task, draft, told, model)


@dataclass(frozen=True)
class GoOn(LookAgain):
    """Refines by what tools found; where that is nothing, by another look."""

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        """Write it again, told what the tool arm is told."""
        found = tuple(Finding(said) for said in feedback.findings if said != OBJECTION)
        if not found:
            return await LookAgain.refine(self, task, draft, feedback, model)
        told = shape_feedback({"tools": Critique(Verdict.FAIL, findings=found)})
        return await ModelActor.refine(self, task, draft, told, model)


@dataclass(frozen=True)
class Redraw(ModelActor):
    """Drafts anew where it should refine."""

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        """Draft from nothing but the task."""
        return await self.draft(task, model)
