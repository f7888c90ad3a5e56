"""`python/quantities`: are there quantities that cannot be, or that come from nowhere?

Suspicions, all of them soft: a program may well need 7 for the days of a week. What they say is
worth reading nonetheless, because each names a line and a number. The wording is part of what
small models were trained on, so it does not change.

The answer is never known here. The rules look at the question's text, at the program's text, and
at the values that its variables had when it ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import ClassVar

from gadfly import (
    Context,
    Cost,
    Critique,
    Draft,
    Finding,
    Limits,
    Span,
    Task,
    Verdict,
    job_evidence,
)
from gadfly_python._execution import (
    LIMITS,
    Number,
    Report,
    answer_value,
    as_json,
    observe,
    program_job,
)
from gadfly_python._program import Program, find_program
from gadfly_python._prompt import digit_numbers, word_numbers
from gadfly_python._runner import ANSWERS
from gadfly_python._runs import NO_PROGRAM

ALWAYS_ALLOWED = frozenset({0, 1, 2, 100})
"""Literals that need no ground in the question."""
_ID = "python/quantities"
_NO_VARIABLES: Mapping[str, Number] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantitiesCritic:
    """Object to negative, fractional, ungrounded and unused quantities; accept where none is.

    It abstains where a question has no numbers, where a program does not parse, and where nothing
    is found in a program whose values are not known because it did not run to its end.
    """

    cost: ClassVar[Cost] = Cost.CHEAP
    requires: ClassVar[tuple[str, ...]] = ("python/runs",)
    answer: str | None = None
    """See `RunsCritic.answer`: with the same options both share one run of the program."""
    limits: Limits = LIMITS

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft has a Python program."""
        return find_program(draft) is not None

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        program = find_program(draft)
        if program is None:
            return NO_PROGRAM
        prompt = context.task.prompt
        if not digit_numbers(prompt) and not word_numbers(prompt):
            return Critique(Verdict.ABSTAIN, "The question holds no numbers.")
        if not program.tree.body:
            return Critique(Verdict.ABSTAIN, "The program cannot be read.")
        job = program_job(program, self.answer, self.limits)
        result = await context.sandbox.run(job)
        report = observe(job, result, absent="")
        ran = isinstance(report, Report) and report.crash is None
        variables = report.variables if isinstance(report, Report) else _NO_VARIABLES
        evidence = job_evidence(_ID, job, result, value=as_json(answer_value(report)))
        objections = [
            *_implausible(program, variables, whole="how many" in prompt.lower()),
            *_ungrounded(program, prompt),
            *_unused(program, prompt, self.answer),
        ]
        findings = tuple(
            Finding(said, span=span, evidence=evidence.id) for said, span in objections
        )
        if findings:
            summary = (
                f"Objections to quantities: {len(findings)}, the first: {findings[0].message}."
            )
            return Critique(Verdict.FAIL, summary, findings, (evidence,))
        if not ran:
            summary = "The program did not run to its end, so its values are not known."
            return Critique(Verdict.ABSTAIN, summary, (), (evidence,))
        return Critique(Verdict.PASS, "No quantity looks wrong.", (), (evidence,))


_Objections = Iterator[tuple[str, Span | None]]


def _implausible(program: Program, variables: Mapping[str, Number], *, whole: bool) -> _Objections:
    known = [
        (node, variables[name]) for name, node in program.assignments().items() if name in variables
    ]
    for node, value in known:
        if value < 0:
            said = f"{node.id} is {shown(value)}, but a quantity cannot be negative"
            yield said, program.span(node)
    for node, value in known:
        if whole and not _is_whole(value):
            said = f"{node.id} is {shown(value)}, but the question asks for whole things"
            yield said, program.span(node)


def _ungrounded(program: Program, prompt: str) -> _Objections:
    grounded = {*digit_numbers(prompt), *word_numbers(prompt), *ALWAYS_ALLOWED}
    for node, value in program.literals():
        if value not in grounded:
            yield f"the number {shown(value)} is not in the question", program.span(node)


def _unused(program: Program, prompt: str, answer: str | None) -> _Objections:
    used = {value for _, value in program.literals()}
    for number in digit_numbers(prompt):
        if number not in used:
            yield f"the number {shown(number)} in the question is not used", None
    assigned, read = program.assignments(), program.names_read()
    names = ANSWERS if answer is None else (answer,)
    # `_` is what one writes for a value that is not to be used.
    needed = {*read, *[name for name in names if name in assigned][:1], "_"}
    for name, node in assigned.items():
        if name not in needed:
            yield f"{name} is never used", program.span(node)


def shown(value: Number) -> str:
    """Return a number as findings write it: at most 12 digits."""
    try:
        return format(float(value), ".12g")
    except OverflowError:
        return format(Decimal(int(value)), ".12g")


def _is_whole(value: Number) -> bool:
    # At the digits that are shown: `3 is 3, but the question asks for whole things` helps nobody.
    if isinstance(value, float) and not isfinite(value):
        return True
    digits = Decimal(shown(value))
    return digits == digits.to_integral_value()
