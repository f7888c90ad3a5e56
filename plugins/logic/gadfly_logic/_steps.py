"""Steps in plain English, each held against what a task says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from gadfly_logic._language import Clause, Condition, Constraints, Literal, Rules, Source
from gadfly_logic._orders import Row, as_constraints
from gadfly_logic._sentences import UnreadError, read_sentence, sentences
from gadfly_logic._solving import Outcome, Status, solve
from gadfly_logic._tasks import Puzzle
from gadfly_logic._theory import Theory
from gadfly_logic._z3 import SolverLimits, UndecidedError

MAX_STEPS = 200
"""Sentences of a draft that are checked; more of them leave the rest unread."""
_SUPPOSES = re.compile(
    r"\b(?:suppos\w+|assum\w+|imagine|contradict\w*|hypothe\w+|let us say|let's|what if|were to)\b",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:step \d+\W+|\d+[.)]\s*|[-*•]\s*)?"
    r"(?:(?:and|so|then|thus|hence|therefore|also|next|now|finally|first|second|third|"
    r"as a result|in conclusion|it follows that|according to this (?:ordering|order)|"
    r"this means that|we know that)\b,?\s*)*",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^\s*\(?[A-Z][).]\s")
_ANYTHING = "anything at all"


class Judgement(StrEnum):
    """What became of a step."""

    FOLLOWS = "follows"
    REFUTED = "refuted"
    """Its opposite follows."""
    OPEN = "open"
    """Neither it nor its opposite follows."""


@dataclass(frozen=True, slots=True)
class Step:
    """A sentence that was read, with what became of it."""

    text: str
    start: int
    judgement: Judgement
    reasons: tuple[Source, ...] = ()
    """The task's sentences by which it follows, or is refuted."""
    is_hasty: bool = False
    """Whether it does not follow yet from the statements that the draft has named until then."""
    answers: bool | None = None
    """Whether it states what the task asks, or its opposite; None where it is about else."""


def check_steps(text: str, puzzle: Puzzle, limits: SolverLimits) -> tuple[list[Step], int]:
    """Return the steps that could be read, and how many sentences could not.

    From the first sentence that supposes something nothing more is read: what follows it need not
    follow from the task.

    Raises:
        UndecidedError: The solver reached a limit.
        ToolError: z3 is not installed, or does not work.
    """
    program, row = puzzle.program, puzzle.row
    judge: _Rules | _Places
    if isinstance(program, Rules):
        judge = _Rules(program, limits)
    else:
        assert row is not None
        judge = _Places(row, program, limits)
    steps: list[Step] = []
    unread = 0
    for sentence, start in sentences(text):
        if _SUPPOSES.search(sentence) or len(steps) == MAX_STEPS:
            return steps, unread + 1
        if sentence.endswith("?") or _LABEL.match(sentence):
            continue
        lead = _LEAD.match(sentence)
        skipped = 0 if lead is None else lead.end()
        bare = sentence[skipped:].strip()
        try:
            step = judge.step(bare, start + skipped)
        except UnreadError:
            unread += 1
        else:
            steps.append(step)
    return steps, unread


class _Rules:
    def __init__(self, program: Rules, limits: SolverLimits) -> None:
        self._query = program.query
        # A rule is tried on a thing of which nothing is known.
        things = (*program.query.terms, _ANYTHING)
        self._theory = Theory(program.clauses, limits, things)
        clauses = (*program.clauses, Clause((), program.query, program.query_source))
        literals = [one for clause in clauses for one in (*clause.body, clause.head)]
        self._predicates = {(one.predicate, len(one.terms)) for one in literals}
        self._things = {term for one in literals for term in one.terms if term[0] != "$"}

    def step(self, sentence: str, start: int) -> Step:
        clauses = read_sentence(sentence)
        if self._proves_anything:
            raise UnreadError(sentence)
        found = [self._judge(clause) for clause in clauses]
        # Of several the first that does not follow, else the last.
        worst = next((one for one in found if one[0] is not Judgement.FOLLOWS), found[-1])
        answers: bool | None = None
        if len(clauses) == 1 and not clauses[0].body:
            head = clauses[0].head
            if head in {self._query, self._query.negated()}:
                answers = head == self._query
        return Step(sentence, start, *worst, answers=answers)

    @cached_property
    def _proves_anything(self) -> bool:
        """Whether the task contradicts itself, classically: then it proves no step."""
        return self._theory.contradiction() is not None

    def _judge(self, clause: Clause) -> tuple[Judgement, tuple[Source, ...]]:
        literals = (*clause.body, clause.head)
        if not all(self._knows(one) for one in literals):
            raise UnreadError(clause.source.words)
        binding = dict.fromkeys(clause.variables, _ANYTHING)
        given = [one.bound(binding) for one in clause.body]
        head = clause.head.bound(binding)
        for literal, judgement in (
            (head, Judgement.FOLLOWS),
            (head.negated(), Judgement.REFUTED),
        ):
            core = self._theory.entails(literal, given)
            if core is not None:
                sources = dict.fromkeys(self._theory.clauses[label].source for label in core)
                return judgement, tuple(sources)
        return Judgement.OPEN, ()

    def _knows(self, literal: Literal) -> bool:
        """Whether the task speaks of it: a word of the draft's own may mean something else."""
        return (literal.predicate, len(literal.terms)) in self._predicates and all(
            term in self._things or term[0] == "$" for term in literal.terms
        )


class _Places:
    def __init__(self, row: Row, program: Constraints, limits: SolverLimits) -> None:
        self._row = row
        self._given = program.conditions
        self._named: list[Condition] = []
        self._limits = limits

    def step(self, sentence: str, start: int) -> Step:
        claimed = self._row.read(sentence)
        known = [one for one in self._given if one.comparisons == claimed.comparisons]
        self._named += known
        outcome = self._solve(self._given, claimed)
        if outcome.status is Status.OK:
            is_hasty = bool(self._named) and not known and not self._follows_yet(claimed)
            return Step(sentence, start, Judgement.FOLLOWS, outcome.reasons, is_hasty)
        judgement = Judgement.OPEN if len(outcome.models) == 2 else Judgement.REFUTED
        return Step(sentence, start, judgement)

    def _follows_yet(self, claimed: Condition) -> bool:
        return self._solve(tuple(self._named), claimed).status is Status.OK

    def _solve(self, given: tuple[Condition, ...], claimed: Condition) -> Outcome:
        """Solve the puzzle with the claim as its only option."""
        outcome = solve(as_constraints(self._row, given, {"A": claimed}), limits=self._limits)
        if outcome.status is Status.UNDECIDED:
            raise UndecidedError(outcome.message)
        return outcome


def wrong_steps(steps: list[Step]) -> Iterator[Step]:
    """Return the steps that do not follow, in order."""
    return (step for step in steps if step.judgement is not Judgement.FOLLOWS)
