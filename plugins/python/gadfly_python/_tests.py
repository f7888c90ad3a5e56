"""`python/tests`: does the draft's program pass the tests that come with the task?

Two sandboxed processes stand behind a verdict. The program runs in one of them and answers calls;
the tests run in the other and never meet the program's code, only its values, as plain data. The
verdict is read from the tests' process, and from what the kernel says of both. So a program has
nothing to gain from what it does to its own process: it is alone there.

Some tests need what two processes cannot do: they derive classes from the program's, or pass
objects of their own. By default these say nothing (ABSTAIN). With `integrity="in_process"` they are
run once more, together with the program. Canaries and a guard then stand between an ordinary cheat
and a PASS; a program that sets out to deceive can forge one, and the evidence says how a verdict
was had.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from gadfly import (
    Context,
    Cost,
    Critique,
    Draft,
    Evidence,
    Finding,
    Hardness,
    InputError,
    Job,
    Limits,
    SandboxError,
    Span,
    Task,
    Verdict,
    job_evidence,
)
from gadfly_python._execution import LIMITS
from gadfly_python._outcomes import Outcome, read_outcome
from gadfly_python._program import Program, find_program
from gadfly_python._runs import NO_PROGRAM
from gadfly_python._shipping import harness_digest, job_apart, job_together
from gadfly_python._testing import TestCode, find_tests, has_tests

Integrity = Literal["split", "in_process"]
"""How far a verdict is out of the program's reach: tests in a process of their own, or with it."""
MAX_FINDINGS = 5
"""Failed tests that are told of one by one."""
_ID = "python/tests"
_NOTHING_TESTED = (
    "The task's tests test nothing: no assert, no test function, and no check(candidate) with an "
    "entry_point."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TestsCritic:
    """Accept a program that passes the tests that come with the task.

    It does not apply where the task has no tests, and abstains where they test nothing, need what
    two processes cannot do, or skip some of their own.

    Raises:
        InputError: `integrity` is neither `split` nor `in_process`.
    """

    __test__: ClassVar[bool] = False  # pytest takes it for tests where it is imported

    cost: ClassVar[Cost] = Cost.NORMAL
    limits: Limits = LIMITS
    """Of the program's process; that of the tests has a little more time."""
    preload: tuple[str, ...] = ()
    """Modules that a sandbox with warm workers is to have imported; see `Job.preload`."""
    quote: bool | None = None
    """Whether findings quote the test that failed. By default they do where the tests are in the
    prompt: a finding is for the actor, who should not learn hidden tests by heart."""
    integrity: Integrity = "split"
    """The least that a verdict may have. With `in_process`, tests that two processes cannot run are
    run in the program's own. Cheats are looked for there, and may be missed; so a failure in it is
    a soft one, and the evidence says `in_process`."""

    def __post_init__(self) -> None:
        if self.integrity not in ("split", "in_process"):
            raise InputError(
                f"integrity is 'split' or 'in_process', not {self.integrity!r}: the first demands "
                "a process for the tests alone, the second does without where that cannot be"
            )

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the task has tests and the draft a Python program."""
        return has_tests(task) and _find_program(draft) is not None

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`.

        Raises:
            InputError: The task's tests are no Python source.
            SandboxError: The sandbox failed, or cannot run two processes side by side.
        """
        program = _find_program(draft)
        if program is None:
            return NO_PROGRAM
        tests = find_tests(context.task)
        if tests is None:
            return Critique(Verdict.SKIP, "The task has no tests.")
        if not tests.expected:
            return Critique(Verdict.ABSTAIN, _NOTHING_TESTED)
        quote = not tests.hidden if self.quote is None else self.quote
        apart = job_apart(program, tests, self.limits, self.preload)
        outcome, evidence = await _run(apart, tests, context, "split")
        if outcome.needs_one_process is None or outcome.problems:
            return _critique(outcome, program, (evidence,), "split", quote=quote)
        if self.integrity == "split":
            return Critique(Verdict.ABSTAIN, _refusal(outcome.needs_one_process), (), (evidence,))
        together = job_together(program, tests, self.limits, self.preload)
        outcome, second = await _run(together, tests, context, "in_process")
        return _critique(outcome, program, (evidence, second), "in_process", quote=quote)


async def _run(
    job: Job, tests: TestCode, context: Context, integrity: Integrity
) -> tuple[Outcome, Evidence]:
    result = await context.sandbox.run(job)
    if result.peer is None:
        raise SandboxError(
            f"sandbox {context.sandbox.name} ran the tests without the program beside them: "
            "use one that supports Job.peer"
        )
    outcome = read_outcome(job, result, tests)
    said = {
        "integrity": integrity,
        "harness": harness_digest(job),
        "program": result.peer.ended.value,
        **outcome.facts,
    }
    return outcome, job_evidence(_ID, job, result, **said)


def _refusal(need: str) -> str:
    return (
        f"{need[0].upper()}{need[1:]}, which a process for the tests alone cannot do; "
        'integrity="in_process" would run them in the program\'s own.'
    )


def _find_program(draft: Draft) -> Program | None:
    """Return the program of a draft: a text that defines functions is one, however broken."""
    program = find_program(draft)
    if program is None and "```" not in draft.text:
        whole = Program(draft.text, 0)
        return whole if whole.functions() else None
    return program


def _critique(
    outcome: Outcome,
    program: Program,
    evidence: tuple[Evidence, ...],
    integrity: Integrity,
    *,
    quote: bool,
) -> Critique:
    # In one process either can break the other, so what failed there is no plain fact.
    hardness = Hardness.HARD if integrity == "split" else Hardness.SOFT
    findings: list[Finding] = []
    for problem in outcome.problems[:MAX_FINDINGS]:
        shown = f": {problem.quoted}" if quote and problem.quoted else ""
        span: Span | None = program.line_span(problem.line)
        findings.append(Finding(f"{problem.message}{shown}", hardness, span, evidence[-1].id))
    if findings:
        return Critique(Verdict.FAIL, f"{findings[0].message}.", tuple(findings), evidence)
    if outcome.undecided is not None:
        return Critique(Verdict.ABSTAIN, f"{outcome.undecided}.", (), evidence)
    where = "" if integrity == "split" else " (in the program's own process)"
    counts = outcome.facts["tests"]
    passed = counts["passed"] if isinstance(counts, dict) else 0
    return Critique(Verdict.PASS, f"The tests pass{where}: {passed}.", (), evidence)
