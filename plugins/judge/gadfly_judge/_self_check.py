"""`judge/self_check`: what do several independent looks at the same draft agree on?

Each look is a conversation of its own. The score is the share of looks that find the draft correct;
looks without a verdict count as not agreeing. A model that is asked at temperature 0 repeats
itself, and its agreement means little.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

from gadfly import Context, Cost, Critique, Draft, InputError, Task, Verdict
from gadfly_judge._interview import Answer, Interview
from gadfly_judge._opinions import CORRECT, INCORRECT, LABELS, judge_model, objection, unfit

INSTRUCTION = """\
You check an answer. Work the question out yourself first, then compare. An answer is correct if \
what it concludes is right, however it is worded; reasons that are wrong make it incorrect."""
ASK = "Is the answer correct?"
_AT_ONCE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheckCritic:
    """Accept or fail a draft where enough of n independent verdicts agree; abstain elsewhere.

    Raises:
        InputError: `looks` is not positive, or `agreement` does not mean a majority.
    """

    cost: ClassVar[Cost] = Cost.DEAR
    deadline_seconds: ClassVar[float] = 300.0
    looks: int = 5
    """How often the model is asked."""
    agreement: float = 0.8
    """The share of looks that must give the same verdict."""

    def __post_init__(self) -> None:
        if not (1 <= self.looks <= 50 and 0.5 < self.agreement <= 1):
            raise InputError(
                "judge/self_check: looks is 1 to 50, agreement more than 0.5 and at most 1; "
                f"not {self.looks!r} and {self.agreement!r}"
            )

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft says anything."""
        return bool(draft.text.strip())

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        refused = unfit(draft, context)
        if refused is not None:
            return refused
        model = judge_model(context, "judge/self_check")
        texts = {"question": context.task.prompt, "answer": draft.text}
        slots = asyncio.Semaphore(_AT_ONCE)

        async def look(number: int) -> Answer:
            async with slots:
                interview = Interview(model, INSTRUCTION)
                return await interview.ask(ASK, LABELS, texts=texts, sample=number)

        answers = await asyncio.gather(*(look(n) for n in range(1, self.looks + 1)))
        return self._conclude(answers)

    def _conclude(self, answers: list[Answer]) -> Critique:
        labels = [answer.label for answer in answers]
        right, wrong = labels.count(CORRECT), labels.count(INCORRECT)
        evidence = tuple(answer.evidence for answer in answers)
        score = right / self.looks if right + wrong else None
        summary = f"{right} of {self.looks} looks find it correct, {wrong} incorrect."
        # Whole votes; 0.8 * 5 is a little more than 4 in some machines' arithmetic.
        needed = ceil(self.agreement * self.looks - 1e-9)
        if right >= needed:
            return Critique(Verdict.PASS, summary, (), evidence, score)
        if wrong >= needed:
            # The refiner is to see reasons, not votes; the same reason is said once.
            said = {a.reason: objection(a) for a in answers if a.label == INCORRECT}
            return Critique(Verdict.FAIL, summary, tuple(said.values()), evidence, score)
        return Critique(Verdict.ABSTAIN, summary, (), evidence, score)
