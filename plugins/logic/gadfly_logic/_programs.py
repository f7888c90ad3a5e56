"""`logic/programs`: is the draft's program sound, and is its answer that of the task?

Three things are held against it, one after the other: its grammar, what follows from it, and the
task's own sentences, where they can all be read exactly. Only the last shows that a program says
what it should; where it cannot be had, a sound program is not passed, but left open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import ClassVar

from gadfly import (
    JSON,
    Artifact,
    Context,
    Cost,
    Critique,
    Draft,
    Evidence,
    Finding,
    Hardness,
    InputError,
    Task,
    Verdict,
    digest,
)
from gadfly_logic._drafts import find_answer, find_program, span_of, span_of_line
from gadfly_logic._language import Rules, Source
from gadfly_logic._parsing import ProgramError, parse
from gadfly_logic._sentences import UnreadError
from gadfly_logic._solving import (
    ANSWERS,
    LIMITS,
    Outcome,
    Status,
    find_option,
    solve,
)
from gadfly_logic._tasks import options_of, read_task
from gadfly_logic._z3 import SolverLimits

_ID = "logic/programs"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramsCritic:
    """Accept a program whose answer is the draft's, and that of the task's own sentences.

    It fails one that is no program, contradicts itself, leaves its answer open, or leads to another
    answer. It abstains where the task's sentences cannot all be read, or the solver gives up.
    """

    cost: ClassVar[Cost] = Cost.CHEAP
    limits: SolverLimits = LIMITS
    """What the solver may spend on a program."""

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft holds a program."""
        try:
            return find_program(draft.text) is not None
        except InputError:
            return True  # and `critique` says that there are several

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        try:
            program = find_program(draft.text)
        except InputError as error:
            return Critique(Verdict.ABSTAIN, f"{_capital(str(error))}.")
        if program is None:
            return Critique(Verdict.ABSTAIN, "The draft holds no program.")
        # Off the event loop: z3 computes outside the interpreter's lock.
        return await asyncio.to_thread(self._judge, draft, program, context.task)

    def _judge(self, draft: Draft, program: Artifact, task: Task) -> Critique:
        options = options_of(task)
        asked = options if find_option("True", options) else ANSWERS
        outcome = solve(program.text, options=asked, limits=self.limits)
        stated = find_answer(draft.text, options, program) or find_answer(
            draft.text, ANSWERS, program
        )
        task_outcome, unread = self._solve_task(task)
        evidence = _evidence(program, task, asked, self.limits, outcome, task_outcome)
        if outcome.status is Status.UNDECIDED:
            return Critique(Verdict.ABSTAIN, f"{_capital(outcome.message)}.", (), (evidence,))
        wrong = _wrong(draft, program, outcome, evidence.id)
        if wrong is None:
            wrong = _mismatch(draft, stated, outcome, options, evidence.id)
        if wrong is None and task_outcome is not None and task_outcome.option != outcome.option:
            message = (
                f"the program gives {said(outcome)}, the task's sentences "
                f"{said(task_outcome)}{because(task_outcome.reasons, lines=False)}"
            )
            span = span_of_line(program, _query_line(program))
            wrong = Finding(message, Hardness.HARD, span, evidence.id)
        hints = tuple(_hints(program, outcome, evidence.id))
        if wrong is not None:
            return Critique(
                Verdict.FAIL, f"{_capital(wrong.message)}.", (wrong, *hints), (evidence,)
            )
        reached = f"The program gives {said(outcome)}"
        if task_outcome is None:
            summary = f"{reached}; whether it says what the task says is open: {unread}."
            return Critique(Verdict.ABSTAIN, summary, hints, (evidence,))
        summary = f"{reached}, and so do the task's sentences."
        return Critique(Verdict.PASS, summary, hints, (evidence,))

    def _solve_task(self, task: Task) -> tuple[Outcome | None, str]:
        try:
            puzzle = read_task(task)
        except UnreadError as error:
            return None, f"the task is not read exactly: {str(error)[:80]!r}"
        outcome = solve(puzzle.program, options=puzzle.options, limits=self.limits)
        if outcome.status is not Status.OK:
            return None, f"the task's sentences have no one answer ({outcome.status})"
        return outcome, ""


def _wrong(draft: Draft, program: Artifact, outcome: Outcome, evidence: str) -> Finding | None:
    """Return what is wrong with a program in itself."""
    if outcome.status is Status.OK:
        return None
    line = outcome.line
    if line is None:
        line = outcome.reasons[0].line if outcome.reasons else _query_line(program)
    message = f"{outcome.message}{because(outcome.reasons)}"
    if outcome.models:
        message += f" ({'; or '.join(outcome.models)})"
    span = span_of_line(program, line)
    return Finding(message, Hardness.HARD, span, evidence)


def _mismatch(
    draft: Draft,
    stated: Artifact | None,
    outcome: Outcome,
    options: tuple[str, ...],
    evidence: str,
) -> Finding | None:
    """Return that the draft states another answer than its program gives."""
    if stated is None:
        return None
    known = options if find_option(stated.text, options) else ANSWERS
    option = find_option(stated.text, known)
    if option is None or option == outcome.option:
        return None
    message = f"the draft states {stated.text[:80]!r}, its program gives {said(outcome)}"
    return Finding(message, Hardness.HARD, span_of(draft.text, stated), evidence)


def _hints(program: Artifact, outcome: Outcome, evidence: str) -> Iterator[Finding]:
    try:
        read = parse(program.text)
    except ProgramError:
        return
    if outcome.conflict and outcome.status is Status.OK:
        message = f"something follows, and so does its opposite{because(outcome.conflict)}"
        yield Finding(message, Hardness.HINT, None, evidence)
    if isinstance(read, Rules) and read.declared:
        used = {
            (one.predicate, len(one.terms))
            for clause in read.clauses
            for one in (*clause.body, clause.head)
        } | {(read.query.predicate, len(read.query.terms))}
        for predicate, count in sorted(used - set(read.declared.items())):
            message = f"{predicate} with {count} terms is used and not declared"
            yield Finding(message[:300], Hardness.HINT, None, evidence)


def _query_line(program: Artifact) -> int:
    try:
        read = parse(program.text)
    except ProgramError as error:
        return error.line
    if isinstance(read, Rules):
        return read.query_source.line
    return min((one.source.line for one in read.options.values()), default=1)


def because(reasons: tuple[Source, ...], *, lines: bool = True) -> str:
    """Return reasons as a message goes on; without lines, where only words are known."""
    words = [(f"{one}" if lines else one.words)[:160].rstrip(".") for one in reasons[:8]]
    more = f"; and {len(reasons) - 8} more" if len(reasons) > 8 else ""
    return f", by {'; '.join(words)}{more}" if words else ""


def said(outcome: Outcome) -> str:
    """Return an outcome's answer as a message names it."""
    answer = (outcome.answer or "").rstrip(".")
    return f"{outcome.option} ({answer})"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _level(outcome: Outcome, task_outcome: Outcome | None) -> str | None:
    """Return how much is known of a program, by the levels of the proof checkers (`gadfly-lean`).

    L0: it can be read; L1: one answer follows from it; L3: the task's own sentences, read apart,
    have that answer. There is no L2, since a program has no axioms, and no L4, which would need a
    second solver.
    """
    if outcome.status in {Status.PARSE_ERROR, Status.UNDECIDED}:
        return None
    if outcome.status is not Status.OK:
        return "L0"
    return "L3" if task_outcome is not None and task_outcome.option == outcome.option else "L1"


def _evidence(
    program: Artifact,
    task: Task,
    options: tuple[str, ...],
    limits: SolverLimits,
    outcome: Outcome,
    task_outcome: Outcome | None,
) -> Evidence:
    request: dict[str, JSON] = {
        "program": program.text,
        "task": task.prompt,
        "options": list(options),
        "milliseconds": limits.milliseconds,
        "steps": limits.steps,
    }
    observation: dict[str, JSON] = {
        "level": _level(outcome, task_outcome),
        "status": str(outcome.status),
        "option": outcome.option,
        "answer": outcome.answer,
        "message": outcome.message,
        "reasons": [str(one)[:200] for one in outcome.reasons[:50]],
        "models": list(outcome.models),
        "task_option": None if task_outcome is None else task_outcome.option,
    }
    return Evidence(
        id=digest({"tool": _ID, "request": request}),
        tool=_ID,
        request=request,
        observation=observation,
        versions={"z3-solver": version("z3-solver")},
    )
