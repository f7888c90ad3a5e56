"""`python/examples`: do the examples in the task hold for the draft's functions?

The inputs of an example go into the sandbox, the expected value does not: a draft cannot claim to
have met what its process has never seen. (It may have read it in the prompt, of course, and
return a constant.)
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

from gadfly import (
    Context,
    Cost,
    Critique,
    Draft,
    Finding,
    Hardness,
    Limits,
    Task,
    Verdict,
    job_evidence,
)
from gadfly_python._claims import Example, as_example, find_claims
from gadfly_python._execution import LIMITS, Raised, Report, as_json, observe, program_job
from gadfly_python._program import Program, find_program
from gadfly_python._runs import NO_PROGRAM

MAX_EXAMPLES = 20
"""Examples that are tried, from the first on."""
_ID = "python/examples"
_ABSENT = "the program ended before its examples could be tried"
_SPOILT = "the program spoilt the record of its examples"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamplesCritic:
    """Accept a program whose functions do what the examples in the task's prompt say.

    It does not apply where the prompt has no example for a function that the draft defines, and
    abstains where none of them consists of literals.
    """

    cost: ClassVar[Cost] = Cost.CHEAP
    limits: Limits = LIMITS

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the prompt has an example for a function of the draft."""
        program = find_program(draft)
        return program is not None and any(find_claims(task.prompt, program.functions()))

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        program = find_program(draft)
        if program is None:
            return NO_PROGRAM
        claims = list(find_claims(context.task.prompt, program.functions()))
        if not claims:
            return Critique(Verdict.SKIP, "The task has no example for a function of the draft.")
        readable = (example for claim in claims if (example := as_example(claim)) is not None)
        examples = list(islice(readable, MAX_EXAMPLES))
        if not examples:
            return Critique(Verdict.ABSTAIN, "No example of the task consists of literals.")
        calls = [example.call for example in examples]
        job = program_job(program, None, self.limits, calls)
        result = await context.sandbox.run(job)
        report = observe(job, result, absent=_ABSENT)
        given = report.returned if isinstance(report, Report) else ()
        value = [str(one) if isinstance(one, Raised) else as_json(one) for one in given]
        evidence = job_evidence(_ID, job, result, value=value)
        findings = tuple(_findings(program, examples, report, evidence.id))
        if findings:
            return Critique(Verdict.FAIL, f"{findings[0].message}.", findings, (evidence,))
        summary = f"The task's examples hold: {len(examples)}."
        return Critique(Verdict.PASS, summary, (), (evidence,))


def _findings(
    program: Program, examples: list[Example], report: Report | str, evidence: str
) -> list[Finding]:
    if isinstance(report, str):
        return [Finding(report, Hardness.HARD, None, evidence)]
    if report.crash is not None:
        span = program.line_span(report.crash.line)
        return [Finding(str(report.crash), Hardness.HARD, span, evidence)]
    if len(report.returned) != len(examples):
        return [Finding(_SPOILT, Hardness.HARD, None, evidence)]
    functions = program.functions()
    found: list[Finding] = []
    for example, given in zip(examples, report.returned, strict=True):
        text = example.text if len(example.text) <= 60 else f"{example.text[:59]}…"
        if isinstance(given, Raised):
            said = f"{text} raised {given}"
        elif not example.holds(given):
            said = f"{text} gave {given!r:.50}, the example says {example.expected!r:.50}"
        else:
            continue
        span = program.line_span(functions[example.call.function])
        found.append(Finding(said, Hardness.HARD, span, evidence))
    return found
