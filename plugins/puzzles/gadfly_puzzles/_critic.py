"""What all critics of puzzles share: a task is read whole, executed, and held against a draft.

The verdict is about the answer, and is exact: the task is executed. The steps are located: each is
executed from what the draft itself stated before, so that one slip is one finding. A wrong step
never fails a draft by itself, because a draft may come back to the right answer.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Protocol

from gadfly import (
    JSON,
    Context,
    Cost,
    Critique,
    Draft,
    Evidence,
    Finding,
    Hardness,
    Span,
    Task,
    Verdict,
    digest,
)

MAX_DRAFT_CHARACTERS = 200_000
MAX_TASK_CHARACTERS = 20_000
MAX_STEP_FINDINGS = 50
"""Wrong steps that are told, from the first on."""


class UnreadError(Exception):
    """A task is not read exactly; the message says what of it."""


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that is wrong in a draft, and where."""

    start: int
    """First character in the draft."""
    end: int
    reason: str
    """Its kind in a few words (`wrong value`): what reports count."""
    message: str
    """What exactly is wrong, for the one who mends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A draft held against the executed task."""

    expected: str
    """What executing the task gives."""
    stated: str | None
    """The draft's answer; None where it states none."""
    wrong: tuple[Fault, ...] = ()
    """Why the answer is wrong; empty where it is right, or where there is none."""
    steps: tuple[Fault, ...] = ()
    """The steps that do not come out as stated."""
    executed: int = 0
    """How many steps were read and executed."""


class Puzzle(Protocol):
    """A task that was read whole."""

    def judge(self, text: str) -> Judged:
        """Hold a draft against it."""
        ...


class PuzzleCritic(ABC):
    """Accept a draft whose answer is the one that executing the task gives, and refuse others.

    It abstains where the task cannot be read exactly, and where the draft states no answer. Wrong
    steps are soft findings, in reading order; what is wrong with the answer is hard.
    """

    __slots__ = ()
    id: ClassVar[str]
    cost: ClassVar[Cost] = Cost.CHEAP

    @abstractmethod
    def read(self, task: Task) -> Puzzle:
        """Read a task whole.

        Raises:
            UnreadError: Something in it is not read exactly.
            InputError: Something in `Task.inputs` is of the wrong type.
        """

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        task = context.task
        if len(draft.text) > MAX_DRAFT_CHARACTERS:
            about = f"The draft has over {MAX_DRAFT_CHARACTERS:,} characters."
            return Critique(Verdict.ABSTAIN, about)
        if len(task.prompt) > MAX_TASK_CHARACTERS:
            return Critique(Verdict.ABSTAIN, "The task is too long to be read.")
        try:
            puzzle = self.read(task)
        except UnreadError as error:
            about = f"The task is not read exactly: {str(error)[:80]!r}."
            return Critique(Verdict.ABSTAIN, about)
        return self._say(draft.text, task, puzzle.judge(draft.text))

    def _say(self, text: str, task: Task, judged: Judged) -> Critique:
        evidence = self._evidence(text, task, judged)
        findings = [
            *((fault, Hardness.HARD) for fault in judged.wrong),
            *((fault, Hardness.SOFT) for fault in judged.steps[:MAX_STEP_FINDINGS]),
        ]
        # Of two at one place, what is wrong with the answer comes first.
        findings.sort(key=lambda pair: (pair[0].start, -pair[1]))
        found = tuple(_finding(text, fault, how, evidence.id) for fault, how in findings)
        steps = _counted(judged)
        if judged.wrong:
            message = judged.wrong[0].message
            summary = f"{message[:1].upper()}{message[1:]}."
            return Critique(Verdict.FAIL, summary, found, (evidence,))
        if judged.stated is None:
            return Critique(
                Verdict.ABSTAIN, f"The draft states no answer; {steps}.", found, (evidence,)
            )
        right = f"The answer is {judged.expected[:200] or 'that nothing is missing'}, as stated"
        return Critique(Verdict.PASS, f"{right}; {steps}.", found, (evidence,))

    def _evidence(self, text: str, task: Task, judged: Judged) -> Evidence:
        request: dict[str, JSON] = {
            "draft": text,
            "task": task.prompt,
            "inputs": dict(task.inputs),
        }
        observation: dict[str, JSON] = {
            "expected": judged.expected[:1000],
            "stated": None if judged.stated is None else judged.stated[:1000],
            "reasons": [fault.reason for fault in judged.wrong],
            "executed": judged.executed,
            "wrong_steps": [fault.reason for fault in judged.steps][:100],
        }
        return Evidence(
            id=digest({"tool": self.id, "request": request}),
            tool=self.id,
            request=request,
            observation=observation,
        )


def _counted(judged: Judged) -> str:
    if not judged.executed:
        return "no step was read"
    return f"{judged.executed} steps executed, {len(judged.steps)} wrong"


def _finding(text: str, fault: Fault, hardness: Hardness, evidence: str) -> Finding:
    start = min(fault.start, len(text))
    end = max(start, min(fault.end, len(text)))
    span = Span(text.count("\n", 0, start) + 1, start, end)
    return Finding(fault.message[:500], hardness, span, evidence)
