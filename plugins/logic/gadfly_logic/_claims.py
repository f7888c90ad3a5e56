"""`logic/claims`: does each step, and the answer, follow from what the task says?

The task's sentences are read exactly, or the critic abstains; so are the draft's, and those that
are not are left out. A step follows if it does so in classical logic, which is generous. The answer
is the one that the rules lead to, applied forwards, as the makers of such tasks mean it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from importlib.metadata import version
from typing import ClassVar

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
from gadfly_logic._drafts import find_answer, find_program, span_of
from gadfly_logic._programs import because, said
from gadfly_logic._sentences import UnreadError
from gadfly_logic._solving import LIMITS, Outcome, Status, find_option, solve
from gadfly_logic._steps import Judgement, Step, check_steps, wrong_steps
from gadfly_logic._tasks import Puzzle, read_task
from gadfly_logic._z3 import SolverLimits, UndecidedError

_ID = "logic/claims"
MAX_CHARACTERS = 20_000
"""Characters that a draft may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsCritic:
    """Accept a draft whose answer the task's sentences lead to, and whose steps follow from them.

    The first step that does not follow is located. It abstains where the task cannot be read
    exactly, where it contradicts itself, and where the draft states no answer and no wrong step.
    """

    cost: ClassVar[Cost] = Cost.CHEAP
    limits: SolverLimits = LIMITS
    """What the solver may spend on a program."""

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        if len(draft.text) > MAX_CHARACTERS:
            return Critique(Verdict.ABSTAIN, f"The draft has over {MAX_CHARACTERS:,} characters.")
        try:
            puzzle = read_task(context.task)
        except UnreadError as error:
            about = f"The task is not read exactly: {str(error)[:80]!r}."
            return Critique(Verdict.ABSTAIN, about)
        if find_program(draft.text) is not None:
            return Critique(Verdict.ABSTAIN, "The draft is a program, which is not judged here.")
        # Off the event loop: z3 computes outside the interpreter's lock.
        return await asyncio.to_thread(self._judge, draft, puzzle, context.task)

    def _judge(self, draft: Draft, puzzle: Puzzle, task: Task) -> Critique:
        outcome = solve(puzzle.program, options=puzzle.options, limits=self.limits)
        if outcome.status is not Status.OK:
            return Critique(Verdict.ABSTAIN, f"The task has no one answer ({outcome.status}).")
        try:
            steps, unread = check_steps(draft.text, puzzle, self.limits)
        except UndecidedError as error:
            return Critique(Verdict.ABSTAIN, f"The solver gave up: {error}.")
        evidence = _evidence(draft, task, puzzle, self.limits, outcome, steps, unread)
        wrong = [
            *_answer_findings(draft, puzzle, outcome, steps, evidence.id),
            *(_step_finding(draft, step, evidence.id) for step in wrong_steps(steps)),
        ]
        hasty = tuple(_hasty_finding(draft, step, evidence.id) for step in steps if step.is_hasty)
        if wrong:
            wrong.sort(key=_place)
            first = wrong[0].message
            summary = f"{first[:1].upper()}{first[1:]}."
            findings = (*wrong, *hasty)
            return Critique(Verdict.FAIL, summary, findings, (evidence,))
        option = _stated(draft, puzzle, steps)
        if option is None:
            return Critique(Verdict.ABSTAIN, "The draft states no answer.", hasty, (evidence,))
        follow = f"{len(steps)} steps read follow, {unread} are not read"
        summary = f"The task's sentences give {said(outcome)}, as stated; {follow}."
        return Critique(Verdict.PASS, summary, hasty, (evidence,))


def _place(finding: Finding) -> int:
    return finding.span.start or 0 if finding.span else 0


def _stated(draft: Draft, puzzle: Puzzle, steps: list[Step]) -> str | None:
    """Return the option that a draft states: marked, as all it says, or as what is asked."""
    marked = find_answer(draft.text, puzzle.options)
    if marked is not None:
        return find_option(marked.text, puzzle.options)
    alone = find_option(draft.text, puzzle.options) if len(draft.text) < 200 else None
    if alone is not None:
        return alone
    answers = [step.answers for step in steps if step.answers is not None]
    return find_option(str(answers[-1]), puzzle.options) if answers else None


def _answer_findings(
    draft: Draft, puzzle: Puzzle, outcome: Outcome, steps: list[Step], evidence: str
) -> list[Finding]:
    option = _stated(draft, puzzle, steps)
    if option is None or option == outcome.option:
        return []
    marked = find_answer(draft.text, puzzle.options)
    span = Span(1, 0, len(draft.text)) if marked is None else span_of(draft.text, marked)
    message = (
        f"the draft answers {option}, the task's sentences give "
        f"{said(outcome)}{because(outcome.reasons, lines=False)}"
    )
    return [Finding(message, Hardness.HARD, span, evidence)]


def _step_finding(draft: Draft, step: Step, evidence: str) -> Finding:
    if step.judgement is Judgement.REFUTED:
        message = f"{step.text[:160]!r} is refuted{because(step.reasons, lines=False)}"
    else:
        message = f"{step.text[:160]!r} does not follow from what the task says"
    return Finding(message, Hardness.HARD, _span(draft, step), evidence)


def _hasty_finding(draft: Draft, step: Step, evidence: str) -> Finding:
    message = f"{step.text[:160]!r} is right, but what the draft names before does not show it"
    return Finding(message, Hardness.SOFT, _span(draft, step), evidence)


def _span(draft: Draft, step: Step) -> Span:
    end = step.start + len(step.text)
    return Span(draft.text.count("\n", 0, step.start) + 1, step.start, end)


def _evidence(
    draft: Draft,
    task: Task,
    puzzle: Puzzle,
    limits: SolverLimits,
    outcome: Outcome,
    steps: list[Step],
    unread: int,
) -> Evidence:
    request: dict[str, JSON] = {
        "draft": draft.text,
        "task": task.prompt,
        "inputs": dict(task.inputs),
        "options": list(puzzle.options),
        "milliseconds": limits.milliseconds,
        "steps": limits.steps,
    }
    observation: dict[str, JSON] = {
        "level": "L3",  # what is held against the draft is the task's own statement, as a whole
        "option": outcome.option,
        "answer": outcome.answer,
        "steps": [{"text": one.text[:200], "judgement": str(one.judgement)} for one in steps],
        "unread": unread,
    }
    return Evidence(
        id=digest({"tool": _ID, "request": request}),
        tool=_ID,
        request=request,
        observation=observation,
        versions={"z3-solver": version("z3-solver")},
    )
