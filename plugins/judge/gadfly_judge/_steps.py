"""`judge/steps`: is each step right, given those before it, and which is the first that is not?

The judge sees the draft up to the step in question and nothing later, one step a call, and stops at
the first that it finds wrong: what follows from a wrong step is not worth a call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from gadfly import (
    Artifact,
    Context,
    Cost,
    Critique,
    Draft,
    Evidence,
    InputError,
    Span,
    Task,
    Verdict,
)
from gadfly_judge._interview import Interview
from gadfly_judge._opinions import (
    CORRECT,
    INCORRECT,
    LABELS,
    NOTHING,
    judge_model,
    objection,
    unfit,
    unsettled,
)

INSTRUCTION = """\
You check a worked answer one step at a time. A step is correct if it follows from the question \
and the steps before it, and whatever it states and computes is true. Redo each computation. \
Judge only the step you are shown last; whether it is the best next step does not matter."""
ASK = "Is the step correct, given the question and the steps before it?"

_SENTENCE = re.compile(r"\S(?:.*?[.!?](?=\s+\S)|.*\S|)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsCritic:
    """Fail a draft at the first step that the judge finds wrong; accept one without any.

    It abstains where no step is found wrong and one is not settled, or was not looked at.
    """

    cost: ClassVar[Cost] = Cost.DEAR
    deadline_seconds: ClassVar[float] = 600.0
    max_steps: int = 30
    """Steps that are judged. A draft with more is never passed."""

    def __post_init__(self) -> None:
        if self.max_steps < 1:
            raise InputError(f"judge/steps: max_steps is at least 1, not {self.max_steps!r}")

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft says anything."""
        return bool(find_steps(draft.text))

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        refused = unfit(draft, context)
        if refused is not None:
            return refused
        steps = find_steps(draft.text)
        if not steps:
            return NOTHING
        model = judge_model(context, "judge/steps")
        evidence: list[Evidence] = []
        right, doubts = 0, list[str]()
        for number, step in enumerate(steps[: self.max_steps], 1):
            texts = {"question": context.task.prompt}
            if step.start:
                texts["steps before"] = draft.text[: step.start].rstrip("\n")
            texts["step"] = step.text
            answer = await Interview(model, INSTRUCTION).ask(ASK, LABELS, texts=texts)
            evidence.append(answer.evidence)
            if answer.label == INCORRECT:
                finding = objection(answer, _span(draft.text, step), f"step {number}: ")
                summary = f"The judge finds step {number} of {len(steps)} wrong."
                return Critique(Verdict.FAIL, summary, (finding,), tuple(evidence))
            right += answer.label == CORRECT
            if answer.label != CORRECT:
                doubts.append(f"step {number}: {unsettled(answer)}")
        doubts += [f"step {n}: not looked at" for n in range(self.max_steps + 1, len(steps) + 1)]
        if doubts:
            summary = (
                f"{len(doubts)} of {len(steps)} steps are not settled, the first: {doubts[0]}."
            )
            return Critique(Verdict.ABSTAIN, summary, (), tuple(evidence))
        summary = f"The judge finds nothing wrong in {len(steps)} steps."
        return Critique(Verdict.PASS, summary, (), tuple(evidence))


def find_steps(text: str) -> list[Artifact]:
    """Return the steps of a worked answer, in order: its lines, or the sentences of a single one.

    Lines without a letter or digit (rules, fences without a language) are no steps.
    """
    steps = list(_lines(text))
    if len(steps) != 1:
        return steps
    (only,) = steps
    return [
        Artifact(kind="step", text=match[0], start=only.start + match.start())
        for match in _SENTENCE.finditer(only.text)
    ]


def _lines(text: str) -> Iterator[Artifact]:
    start = 0
    for line in text.splitlines(keepends=True):
        words = line.strip()
        if any(character.isalnum() for character in words):
            yield Artifact(kind="step", text=words, start=start + line.index(words))
        start += len(line)


def _span(text: str, step: Artifact) -> Span:
    return Span(len(text[: step.start + 1].splitlines()) or 1, step.start, step.end)
