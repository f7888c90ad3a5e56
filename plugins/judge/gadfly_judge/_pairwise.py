"""`judge/pairwise`: is the draft better than another answer to the same question?

Judges like what they read first (or last). So both orders are asked, and a preference that does not
survive the swap is a tie.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from gadfly import (
    Context,
    Cost,
    Critique,
    Draft,
    Evidence,
    Finding,
    InputError,
    Model,
    Task,
    Verdict,
)
from gadfly_judge._interview import MAX_QUOTED, Answer, Interview
from gadfly_judge._opinions import judge_model, objection, unfit, unsettled

INPUT = "other_answer"
"""The key of `Task.inputs` under which the other answer comes with a task."""
INSTRUCTION = """\
You compare two answers to one question. The better one is right where the other is wrong; between \
two right ones there is a tie, and so there is between two wrong ones, unless one is much nearer. \
Length, style and confidence do not count."""
ASK = "Which answer is better?"
FIRST, SECOND, TIE, UNSURE = "first", "second", "tie", "unsure"
_SWAPPED = {FIRST: SECOND, SECOND: FIRST}


class Winner(StrEnum):
    """Which of two answers a judge prefers, whatever their order."""

    ONE = "one"
    OTHER = "other"
    TIE = "tie"
    """Neither, or the preference flips with the order."""
    UNSETTLED = "unsettled"
    """A reply was not in the agreed form, or the judge is unsure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two answers compared in both orders."""

    winner: Winner
    reason: str
    answers: tuple[Answer, Answer]
    """As asked, and swapped."""

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        """What the model was asked and replied, in both orders; once where they are the same."""
        return tuple({answer.evidence.id: answer.evidence for answer in self.answers}.values())


async def compare(task: Task, one: str, other: str, model: Model) -> Comparison:
    """Return which of two answers the model prefers in both orders.

    Raises:
        InputError: An answer is too long to be judged.
        ModelError: The model did not answer.
    """
    if max(len(one), len(other), len(task.prompt)) > MAX_QUOTED:
        raise InputError(f"answers longer than {MAX_QUOTED:,} characters cannot be compared")
    straight = await _ask(task, one, other, model)
    swapped = await _ask(task, other, one, model)
    answers = (straight, swapped)
    # As if the second conversation had been in the first one's order.
    labels = (straight.label, _SWAPPED.get(swapped.label or "", swapped.label))
    for answer in answers:
        if answer.label in {None, UNSURE}:
            return Comparison(winner=Winner.UNSETTLED, reason=unsettled(answer), answers=answers)
    if labels == (FIRST, FIRST):
        return Comparison(winner=Winner.ONE, reason=straight.reason, answers=answers)
    if labels == (SECOND, SECOND):
        return Comparison(winner=Winner.OTHER, reason=straight.reason, answers=answers)
    flips = TIE not in labels
    reason = "the preference flips with the order" if flips else "the judge sees a tie"
    return Comparison(winner=Winner.TIE, reason=reason, answers=answers)


async def _ask(task: Task, first: str, second: str, model: Model) -> Answer:
    texts = {"question": task.prompt, "first answer": first, "second answer": second}
    return await Interview(model, INSTRUCTION).ask(ASK, (FIRST, SECOND, TIE, UNSURE), texts=texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairwiseCritic:
    """Accept a draft that is preferred to the other answer in both orders; fail the reverse.

    A tie is an abstention: it does not say that both are right.
    """

    cost: ClassVar[Cost] = Cost.DEAR
    deadline_seconds: ClassVar[float] = 300.0
    other: str | None = None
    """The answer to compare with; None takes `Task.inputs["other_answer"]`."""

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether there is something to compare, on both sides."""
        return bool(draft.text.strip()) and self._other(task) is not None

    def _other(self, task: Task) -> str | None:
        other = task.inputs.get(INPUT) if self.other is None else self.other
        return other if isinstance(other, str) and other.strip() else None

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        other = self._other(context.task)
        if other is None:
            return Critique(Verdict.SKIP, "There is no other answer to compare with.")
        refused = unfit(draft, context)
        if refused is not None:
            return refused
        model = judge_model(context, "judge/pairwise")
        if draft.text.strip() == other.strip():
            return Critique(Verdict.ABSTAIN, "The two answers are the same.")
        compared = await compare(context.task, draft.text, other, model)
        evidence = compared.evidence
        if compared.winner is Winner.ONE:
            return Critique(Verdict.PASS, "It is preferred in both orders.", (), evidence)
        if compared.winner is Winner.OTHER:
            findings: tuple[Finding, ...] = (objection(compared.answers[0]),)
            return Critique(Verdict.FAIL, "The other is preferred in both.", findings, evidence)
        summary = f"Neither is preferred: {compared.reason}."
        return Critique(Verdict.ABSTAIN, summary, (), evidence)
