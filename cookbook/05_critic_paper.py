"""The arms of the CRITIC paper for its program task, at most as many model calls in each.

    python cookbook/05_critic_paper.py [MODEL [PROBLEMS [CALLS]]]

What is asked are word problems; an answer is a Python program. All arms begin with the same draft.

    no critic            that draft, and nothing more
    no tool              the model looks at its own draft and writes it again
    tool                 CRITIC: the model rewrites it by what tools found, while they object
    rejection sampling   a new draft, while the tools object
    oracle               as with tools, but exactly while the draft is wrong: not a method

The oracle's loop goes on whatever the tools say, and only afterwards the scorer cuts it off at its
first right draft: no loop ever holds a gold answer. The default model knows these problems and
nothing else, so its table shows the machinery, not that the method works; and with a few problems
the arms' intervals overlap.
"""

import asyncio
import math
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import gadfly_embedded
from gadfly import (
    Agent,
    Budget,
    Context,
    Critic,
    CriticRule,
    Critique,
    Draft,
    Feedback,
    Finding,
    Model,
    ModelActor,
    Outcome,
    Plugins,
    Reference,
    Refiner,
    Reply,
    Sandbox,
    Task,
    Verdict,
    as_model,
    critic,
    shape_feedback,
)
from gadfly.testing import make_context

MODEL, PROBLEMS, CALLS = "embedded:", 20, 3
TOOLS = ("python/runs", "python/quantities")
OBJECTION = "look at it again"
LOOK_AGAIN = "Check this draft yourself, without tools.\nWrite the corrected answer in full."


@critic(inline=True)
def never_content(draft: Draft, context: Context) -> Critique:
    """Object to everything, so that a loop makes all its calls."""
    return Critique(Verdict.FAIL, OBJECTION)


@dataclass(frozen=True)
class Begun:
    """Starts from the drafts that all arms share."""

    first: Mapping[str, Reply]

    async def draft(self, task: Task, model: Model | None) -> tuple[str, Reply]:
        """Return the draft of a problem, by its id."""
        return self.first[task.id].text, self.first[task.id]


class LookAgain(ModelActor):
    """Refines without being told what tools found."""

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        """Write it again, told nothing."""
        told = Feedback(findings=(), text=LOOK_AGAIN)
        return await ModelActor().refine(task, draft, told, model)


class GoOn(ModelActor):
    """Refines by what tools found; where that is nothing, by another look."""

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        """Write it again, told what the tool arm is told."""
        found = tuple(Finding(said) for said in feedback.findings if said != OBJECTION)
        if not found:
            return await LookAgain().refine(task, draft, feedback, model)
        told = shape_feedback({"tools": Critique(Verdict.FAIL, findings=found)})
        return await super().refine(task, draft, told, model)


class Redraw(ModelActor):
    """Drafts anew where it should refine."""

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        """Draft from nothing but the task."""
        return await self.draft(task, model)


ARMS: Mapping[str, tuple[Sequence[str | Critic], Refiner, int | None]] = {
    "no critic": ([never_content], ModelActor(), 0),
    "no tool": ([never_content], LookAgain(), None),
    "tool": (TOOLS, ModelActor(), None),
    "rejection sampling": (TOOLS, Redraw(), None),
    "oracle": ([*TOOLS, never_content], GoOn(), None),
}
"""Critics, refiner, and the refinements that an arm may make; None for as many as calls allow."""


async def main(name: str, problems: int, calls: int) -> None:
    """Run every arm, then look at the gold answers and print the table."""
    benchmark = gadfly_embedded.WordProblems()
    tasks = benchmark.tasks(problems, seed=11)
    # Above temperature 0 a second draft differs from the first; the seed makes it repeatable.
    model = as_model(name, temperature=1.0, seed=7)
    replies = await asyncio.gather(*(ModelActor().draft(task, model) for task in tasks))
    first = {task.id: reply for task, (_, reply) in zip(tasks, replies, strict=True)}
    ended: dict[str, list[Outcome]] = {}
    for arm, (critics, refiner, rounds) in ARMS.items():
        agent = Agent(
            model,
            critics,
            actor=Begun(first),
            refiner=refiner,
            budget=Budget(rounds=calls - 1 if rounds is None else rounds),
            # CRITIC's rule, in the loop: an answer that stays the same for two rounds ends it.
            strategy=CriticRule(stable_rounds=2, stagnant_rounds=0, circles=False),
            checkpoints=None,
            traces=None,
        )
        async with agent:
            ended[arm] = await asyncio.gather(*(agent.ainvoke(task) for task in tasks))
    # Only now are gold answers looked at, and by nothing but the scorer.
    golds = benchmark.references(problems, seed=11)
    print(f"{problems} problems, model {name}, at most {calls} calls each")
    print(
        f"{'arm':<34}{'right, 95 % interval':<24}{'wrong>right':>12}{'right>wrong':>12}{'calls':>7}"
    )
    for arm, outcomes in ended.items():
        rows = await score(outcomes, golds)
        finals = [outcome.draft.number - 1 for outcome in outcomes]
        if arm == "oracle":
            finals = [row.index(True) if True in row else len(row) - 1 for row in rows]
            rows = [row[: final + 1] for row, final in zip(rows, finals, strict=True)]
        show(arm, rows, finals)


async def score(outcomes: Sequence[Outcome], golds: Mapping[str, Reference]) -> list[list[bool]]:
    """Return which drafts of each problem are right."""
    plugins = Plugins.discover()
    runs = cast("Critic", plugins.create("critics", "python/runs"))
    sandbox = cast("Sandbox", plugins.create("sandboxes", "local"))
    benchmark = gadfly_embedded.WordProblems()

    async def is_right(draft: Draft, task: Task) -> bool:
        said = await runs.critique(draft, make_context(task, sandbox=sandbox))
        ran = said.verdict is Verdict.PASS
        return ran and benchmark.is_correct({"python/runs": said}, draft, golds[task.id])

    try:
        return [[await is_right(d, outcome.task) for d in outcome.drafts] for outcome in outcomes]
    finally:
        await sandbox.close()


def show(arm: str, rows: Sequence[Sequence[bool]], finals: Sequence[int]) -> None:
    """Print one line of the table."""
    began = [row[0] for row in rows]
    right = [row[final] for row, final in zip(rows, finals, strict=True)]
    mended = sum(now and not then for then, now in zip(began, right, strict=True))
    spoilt = sum(then and not now for then, now in zip(began, right, strict=True))
    calls = sum(len(row) for row in rows)
    name = f"{arm} (sees gold: no method)" if arm == "oracle" else arm
    print(f"{name:<34}{interval(sum(right), len(right)):<24}{mended:>12}{spoilt:>12}{calls:>7}")


def interval(right: int, n: int) -> str:
    """Return a share with its Wilson interval."""
    z = statistics.NormalDist().inv_cdf(0.975)
    centre = (right + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(right * (n - right) / n + z * z / 4)
    return f"{right / n:.1%} ({max(0, centre - half):.1%} to {min(1, centre + half):.1%})"


if __name__ == "__main__":
    given = sys.argv[1:]
    asyncio.run(
        main(
            given[0] if given else MODEL,
            int(given[1]) if len(given) > 1 else PROBLEMS,
            int(given[2]) if len(given) > 2 else CALLS,
        )
    )
