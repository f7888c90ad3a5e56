"""`python/lint`: what do a linter and a type checker say of the program?

Nothing of the program runs. What these tools find is a suspicion: programs that have such findings
are wrong more often, and many are right. So findings are soft, and the rules that count by default
are those that were seen to tell wrong programs from right ones (`benchmarks/lint_evidence.py`). A
program that is no Python is the exception: that is a fact, and hard.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from gadfly import (
    Context,
    Cost,
    Critique,
    Draft,
    Evidence,
    Finding,
    Hardness,
    InputError,
    Limits,
    Span,
    Task,
    Verdict,
    job_evidence,
)
from gadfly_python._linters import (
    LIMITS,
    SYNTAX_RULES,
    VERSIONS,
    Linter,
    Remark,
    Report,
    lint_job,
    read_report,
)
from gadfly_python._program import Program, find_program
from gadfly_python._runs import NO_PROGRAM

RULES: tuple[str, ...] = ("F821", "ARG001", "PIE790", "empty-body")
"""What counts by default: an undefined name, an unused argument, a needless `pass`, and a function
without a body. `benchmarks/lint_evidence.py` chose them."""
HOST_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
MAX_CHARACTERS = 100_000
"""Of a program that is looked at."""
MAX_FINDINGS = 10
_ID = "python/lint"
_FILE = "draft.py"
_RUFF_RULE = re.compile(r"[A-Z]+[0-9]*")
_MYPY_RULE = re.compile(r"[a-z]+(?:-[a-z]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class LintCritic:
    """Accept a program in which ruff and mypy find nothing, by rules that tell wrong from right.

    It fails a program that is no Python of the version, and abstains where there are findings:
    they are soft. It informs, and acceptance does not need its pass.

    Raises:
        InputError: A rule, or the version of Python, is none that the tools have.
    """

    cost: ClassVar[Cost] = Cost.NORMAL
    required: ClassVar[bool] = False
    rules: tuple[str, ...] = RULES
    """Rules that count: ruff's by code or family (`F821`, `B`), mypy's by name (`call-arg`)."""
    types: bool = True
    """Whether mypy is asked, too, which takes seconds."""
    python: str = HOST_PYTHON
    """The version of Python that drafts are for; by default this one, as in the local sandbox."""
    strict: bool = False
    """Whether soft findings fail a draft, too; only then are they told to the actor."""
    limits: Limits = LIMITS
    """Of each tool."""

    def __post_init__(self) -> None:
        for rule in self.rules:
            if not _RUFF_RULE.fullmatch(rule) and not _MYPY_RULE.fullmatch(rule):
                raise InputError(
                    f"there is no rule {rule!r}: rules are codes of ruff (F821) or mypy (call-arg)"
                )
        if self.python not in VERSIONS:
            raise InputError(f"python is one of {', '.join(VERSIONS)}, not {self.python!r}")

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft has a Python program."""
        return find_program(draft) is not None

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`.

        Raises:
            ToolError: A tool is missing, reached a limit, or does not work.
        """
        program = find_program(draft)
        if program is None:
            return NO_PROGRAM
        if len(program.text) > MAX_CHARACTERS:
            return Critique(Verdict.ABSTAIN, "The program is too long to be read by the tools.")
        report, evidence = await self._ask("ruff", program, context)
        errors = [r for r in report.remarks[_FILE] if r.rule in SYNTAX_RULES]
        if errors:
            findings = _findings(program, errors, Hardness.HARD, evidence)
            summary = f"The program is no Python {self.python}: {findings[0].message}."
            return Critique(Verdict.FAIL, summary, findings, (evidence,))
        findings = _findings(program, self._counted(report), Hardness.SOFT, evidence)
        if not self.types:
            return self._critique(findings, (evidence,), whole=True)
        report, second = await self._ask("mypy", program, context)
        findings += _findings(program, self._counted(report), Hardness.SOFT, second)
        return self._critique(findings, (evidence, second), whole=report.whole)

    async def _ask(
        self, tool: Linter, program: Program, context: Context
    ) -> tuple[Report, Evidence]:
        rules = [rule for rule in self.rules if _RUFF_RULE.fullmatch(rule)]
        job = lint_job(tool, {_FILE: program.text}, rules, self.python, self.limits)
        result = await context.sandbox.run(job)
        report = read_report(tool, job, result)
        said = [f"{remark.line}: {remark.rule}" for remark in report.remarks[_FILE]]
        return report, job_evidence(_ID, job, result, remarks=said[:100])

    def _counted(self, report: Report) -> list[Remark]:
        return [remark for remark in report.remarks[_FILE] if self._counts(remark)]

    def _counts(self, remark: Remark) -> bool:
        if remark.tool == "mypy":
            return remark.rule in self.rules
        return any(remark.rule.startswith(r) for r in self.rules if _RUFF_RULE.fullmatch(r))

    def _critique(
        self, findings: tuple[Finding, ...], evidence: tuple[Evidence, ...], *, whole: bool
    ) -> Critique:
        if findings:
            verdict = Verdict.FAIL if self.strict else Verdict.ABSTAIN
            return Critique(verdict, f"{findings[0].message}.", findings[:MAX_FINDINGS], evidence)
        if not whole:
            return Critique(Verdict.ABSTAIN, "mypy did not understand the program.", (), evidence)
        return Critique(Verdict.PASS, "The tools find nothing that counts.", (), evidence)


def _findings(
    program: Program, remarks: Sequence[Remark], hardness: Hardness, evidence: Evidence
) -> tuple[Finding, ...]:
    return tuple(
        Finding(_message(remark), hardness, _span(program, remark), evidence.id)
        for remark in remarks[:MAX_FINDINGS]
    )


def _message(remark: Remark) -> str:
    said = " ".join(remark.message.split()).rstrip(".")
    return f"{said[:160]} ({remark.tool}: {remark.rule})"


def _span(program: Program, remark: Remark) -> Span:
    lines = re.split(r"(?<=\n)|(?<=\r)(?!\n)", program.text)
    starts = list(accumulate(map(len, lines), initial=program.start))
    ends = starts[-1]
    # The end of the file has a place, too: a line of its own, which the draft need not have.
    line = min(remark.line, len(program.text.splitlines()) or 1)
    start = min(starts[remark.line - 1] + remark.column, ends)
    end_line, end_column = remark.end
    return Span(line, start, min(max(start, starts[end_line - 1] + end_column), ends))
