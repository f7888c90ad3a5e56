"""`python/runs`: does the program run, and does it give an answer?"""

from __future__ import annotations

from dataclasses import dataclass
from math import isnan
from typing import ClassVar

from gadfly import (
    Context,
    Cost,
    Critique,
    Draft,
    Finding,
    Hardness,
    Limits,
    Span,
    Task,
    Verdict,
    job_evidence,
)
from gadfly_python._execution import LIMITS, Report, answer_value, as_json, observe, program_job
from gadfly_python._program import Program, find_program
from gadfly_python._runner import Unencodable

NO_PROGRAM = Critique(Verdict.SKIP, "The draft has no Python program.")
_ID = "python/runs"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsCritic:
    """Accept a program that ends by itself and gives an answer of a fitting type.

    It fails a program that crashes, reaches a limit, or gives no answer, None, NaN or something
    that is not plain data. Whether the answer is right is not its business.
    """

    cost: ClassVar[Cost] = Cost.CHEAP
    answer: str | None = None
    """The variable that holds the answer; None tries `answer`, `ans` and `result`, then calls
    `solution()` or `solve()`."""
    limits: Limits = LIMITS

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft has a Python program."""
        return find_program(draft) is not None

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        program = find_program(draft)
        if program is None:
            return NO_PROGRAM
        job = program_job(program, self.answer, self.limits)
        result = await context.sandbox.run(job)
        absent = f"the program does not set {self.answer or 'answer'}"
        report = observe(job, result, absent=absent)
        value = as_json(answer_value(report))
        evidence = (job_evidence(_ID, job, result, value=value),)
        objection = _objection(program, report, absent)
        if objection is None:
            return Critique(Verdict.PASS, f"The program gives {value!r:.80}.", (), evidence)
        message, span = objection
        finding = Finding(message, Hardness.HARD, span, evidence[0].id)
        return Critique(Verdict.FAIL, f"{message}.", (finding,), evidence)


_Objection = tuple[str, Span | None]


def _objection(program: Program, report: Report | str, absent: str) -> _Objection | None:
    """Say what is wrong with a run, and where; None where nothing is."""
    if isinstance(report, str):
        return report, None
    if report.crash is not None:
        return str(report.crash), program.line_span(report.crash.line)
    if report.answer is None:
        return absent, None
    name, value = report.answer
    misfit = _misfit(value)
    assigned = program.assignments().get(name)
    span = None if assigned is None else program.span(assigned)
    return None if misfit is None else (f"{name} is {misfit}", span)


def _misfit(value: object) -> str | None:
    """Say what a value is that cannot be an answer; None where it can."""
    if value is None:
        return "None, not a value"
    if isinstance(value, float) and isnan(value):
        return "nan, not a number"
    if isinstance(value, Unencodable):
        return f"{value!r}, not a value"
    return None
