"""Judges finished drafts with gold answers, after every arm has ended.

The firewall: arms run on tasks alone; `Scorer` runs the drafts once more, in the sandbox, for their
computed answers, and references are handed to nothing but `is_right` and `compare`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gadfly._engine.checker import Checker
from gadfly._engine.state import answer_of
from gadfly._errors import ToolError
from gadfly._experiment.arms import Arm
from gadfly._experiment.statistics import Flips, Interval, wilson
from gadfly._ports import Benchmark, CriticSpec
from gadfly._values.budget import Usage
from gadfly._values.critique import Critique, Verdict
from gadfly._values.task import Draft, Reference, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmScore:
    """How right one arm was, and what it spent."""

    name: str
    accuracy: Interval
    flips: Flips | None
    """None where the arm's drafts are averaged."""
    usage: Usage
    seconds: float


class Scorer:
    """Runs drafts for their computed answers, each different one once.

    Args:
        spec: The critic whose evidence holds a program's value (`python/runs`).
        checker: Runs it.
    """

    def __init__(self, spec: CriticSpec, checker: Checker) -> None:
        self._spec = spec
        self._checker = checker
        self._said: dict[str, Critique] = {}

    async def run(self, task: Task, drafts: Iterable[Draft]) -> None:
        """Compute the answers of one problem's drafts.

        Raises:
            ToolError: The critic broke: nothing can be said about a draft then.
        """
        for draft in drafts:
            if draft.text not in self._said:
                checked = await self._checker.check(self._spec, task, draft)
                if checked.critique.verdict is Verdict.ERROR:
                    raise ToolError(f"a draft cannot be scored: {checked.critique.summary}")
                self._said[draft.text] = checked.critique

    async def run_all(self, tasks: Sequence[Task], arm: Arm) -> None:
        """Compute the answers of all drafts of an arm."""
        await asyncio.gather(
            *(self.run(task, tried) for task, tried in zip(tasks, arm.drafts, strict=True))
        )

    def critiques(self, draft: Draft) -> Mapping[str, Critique]:
        """What was seen when the draft ran."""
        return {self._spec.id: self._said[draft.text]}

    def answer(self, text: str) -> str | None:
        """A draft's computed answer, or None where it has none."""
        critique = self._said[text]
        if critique.verdict is not Verdict.PASS:
            return None
        return answer_of(Draft(text), {self._spec.id: critique})

    def is_right(
        self, task: Task, draft: Draft, benchmark: Benchmark, references: Mapping[str, Reference]
    ) -> bool:
        """Whether a draft that was run is right: this is where gold answers come in."""
        return benchmark.is_correct(self.critiques(draft), draft, references[task.id])


def compare(
    arms: Sequence[Arm],
    tasks: Sequence[Task],
    references: Mapping[str, Reference],
    benchmark: Benchmark,
    scorer: Scorer,
) -> list[ArmScore]:
    """Return how right each arm was. Every draft must have been run by the scorer."""

    def right(task: Task, draft: Draft) -> bool:
        return scorer.is_right(task, draft, benchmark, references)

    scores: list[ArmScore] = []
    for arm in arms:
        rows = list(zip(tasks, arm.drafts, arm.final, strict=True))
        first = [right(task, tried[0]) for task, tried, _ in rows]
        averaged = arm.final[0] is None
        if averaged:
            shares = [sum(right(task, d) for d in tried) / len(tried) for task, tried, _ in rows]
            accuracy, flips = wilson(sum(shares), len(rows)), None
        else:
            final = [right(task, draft) for task, _, draft in rows if draft is not None]
            accuracy, flips = wilson(sum(final), len(final)), Flips.count(first, final)
        scores.append(
            ArmScore(
                name=arm.name,
                accuracy=accuracy,
                flips=flips,
                usage=arm.usage,
                seconds=arm.seconds,
            )
        )
    return scores
