"""`judge/questions`: does the draft's argument stand up to critical questions?

They are asked one by one, each in a conversation of its own, after the parts of an argument that
Toulmin names: the claim, the grounds it rests on, the warrant that leads from the one to the other,
and the rebuttal that would defeat it. Each is put so that yes speaks for the draft.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gadfly import Context, Cost, Critique, Draft, Evidence, Finding, InputError, Task, Verdict
from gadfly_judge._interview import MAX_QUOTED, Interview
from gadfly_judge._opinions import judge_model, objection, unfit, unsettled

YES, NO, UNSURE = "yes", "no", "unsure"
QUESTIONS: Mapping[str, str] = {
    "claim": "Does the answer state a definite conclusion, and to the very question that is asked?",
    "grounds": "Is everything that the answer starts from given in the question, or true?",
    "warrant": "Does each conclusion follow from what is before it, by a rule that is valid here?",
    "rebuttal": "Does the conclusion hold in every case that the question leaves open?",
}
INSTRUCTION = """\
You examine the argument of an answer by one critical question. Look for what speaks against the \
answer before you decide. Check facts and computations yourself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionsCritic:
    """Accept a draft that every critical question speaks for; fail one that any speaks against.

    It abstains where none speaks against it and one is not settled.

    Raises:
        InputError: There is no question, or one is empty or too long.
    """

    cost: ClassVar[Cost] = Cost.DEAR
    deadline_seconds: ClassVar[float] = 300.0
    questions: Mapping[str, str] = field(default_factory=lambda: dict(QUESTIONS))
    """What is asked, by a short name; yes must speak for the draft."""

    def __post_init__(self) -> None:
        good = all(0 < len(asked.strip()) <= MAX_QUOTED for asked in self.questions.values())
        if not self.questions or not good:
            raise InputError("judge/questions needs questions: texts by their short names")

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft says anything."""
        return bool(draft.text.strip())

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        refused = unfit(draft, context)
        if refused is not None:
            return refused
        model = judge_model(context, "judge/questions")
        texts = {"question": context.task.prompt, "answer": draft.text}
        evidence: list[Evidence] = []
        against: list[Finding] = []
        doubts: list[str] = []
        for name, question in self.questions.items():
            interview = Interview(model, INSTRUCTION)
            answer = await interview.ask(question, (YES, NO, UNSURE), texts=texts)
            evidence.append(answer.evidence)
            if answer.label == NO:
                against.append(objection(answer, about=f"{name}: "))
            elif answer.label != YES:
                doubts.append(f"{name}: {unsettled(answer)}")
        total = len(self.questions)
        held = total - len(against) - len(doubts)
        score = held / total if held or against else None
        summary = f"{held} of {total} critical questions speak for it"
        if against:
            summary = f"{summary}, {len(against)} against."
            return Critique(Verdict.FAIL, summary, tuple(against), tuple(evidence), score)
        if doubts:
            summary = f"{summary}; not settled: {'; '.join(doubts)}."
            return Critique(Verdict.ABSTAIN, summary, (), tuple(evidence), score)
        return Critique(Verdict.PASS, f"{summary}.", (), tuple(evidence), score)
