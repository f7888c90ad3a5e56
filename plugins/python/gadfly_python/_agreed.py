"""`python/agreed_tests`: do the prompt's examples and the believed model-written tests hold?

The tests come in `Task.inputs["model_tests"]`: asserts as text, or with their weights as
`agreed_tests` finds them (`{"test": "assert f(2) == 4", "weight": 0.9}`). Only the calls go into
the sandbox, what they should give stays outside, as for `python/examples`. A failed example is a
fact, and hard. A failed test is a suspicion, and soft: its author may be wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from gadfly import (
    JSON,
    Context,
    Cost,
    Critique,
    Draft,
    Finding,
    Hardness,
    InputError,
    Limits,
    Task,
    Verdict,
    job_evidence,
)
from gadfly_python._asserts import Check, read_asserts
from gadfly_python._calls import Lost, run_calls
from gadfly_python._claims import Example
from gadfly_python._consensus import KEPT, holds, read_checks, score_of
from gadfly_python._examples import MAX_EXAMPLES
from gadfly_python._execution import LIMITS, Raised
from gadfly_python._program import Program, find_program
from gadfly_python._runs import NO_PROGRAM

FIELD = "model_tests"
MAX_FINDINGS = 5
"""Failures that are told of one by one."""
_ID = "python/agreed_tests"


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedTestsCritic:
    """Accept a program that meets the prompt's examples and every model-written test it is given.

    Tests that other candidates do not agree with (a weight below two thirds) count in the score and
    decide nothing; where nothing else is there it abstains. The score ranks what fails, too.
    """

    cost: ClassVar[Cost] = Cost.CHEAP
    limits: Limits = LIMITS

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft has a program, and the task examples or tests for it."""
        program = find_program(draft)
        if program is None:
            return False
        if task.inputs.get(FIELD):
            return True
        return any(read_checks(task.prompt, (), program.functions()))

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`.

        Raises:
            InputError: The task's model_tests are not tests with weights.
            SandboxError: The sandbox failed.
        """
        program = find_program(draft)
        if program is None:
            return NO_PROGRAM
        examples, tests = _read(context.task, program)
        if not examples and not tests:
            return Critique(Verdict.SKIP, "The task has no example and no test for the draft.")
        kept = [weight >= KEPT for _, weight in tests]
        if not examples and not any(kept):
            return Critique(Verdict.ABSTAIN, "The candidates agree with none of the tests.")
        checks: list[Example | Check] = [*examples, *(check for check, _ in tests)]
        calls = [check.call for check in checks]
        given, runs = await run_calls(program, calls, context.sandbox, self.limits)
        evidence = tuple(job_evidence(_ID, run.job, run.result) for run in runs)
        held = [holds(*pair) for pair in zip(checks, given, strict=True)]
        count = len(examples)
        score = score_of(held[:count], held[count:], [weight for _, weight in tests])
        counted = zip(checks, given, held, [True] * count + kept, strict=True)
        failed = [(check, value) for check, value, ok, counts in counted if counts and not ok]
        if failed:
            told = [_finding(program, *pair, evidence[0].id) for pair in failed[:MAX_FINDINGS]]
            summary = f"{told[0].message}."
            return Critique(Verdict.FAIL, summary, tuple(told), evidence, score)
        summary = f"All hold: {count} examples, {sum(kept)} tests."
        return Critique(Verdict.PASS, summary, (), evidence, score)


def _read(task: Task, program: Program) -> tuple[list[Example], list[tuple[Check, float]]]:
    """Return the examples of the prompt, and its tests with their weights."""
    functions = program.functions().keys() | _entry_point(task)
    weighed = [_weighed(entry) for entry in _entries(task)]
    examples, checks = read_checks(task.prompt, [source for source, _ in weighed], functions)
    weights = {
        check.text: weight
        for source, weight in weighed
        for check in read_asserts(source, functions)
    }
    return examples[:MAX_EXAMPLES], [(check, weights.get(check.text, 1.0)) for check in checks]


def _entries(task: Task) -> Sequence[JSON]:
    given = task.inputs.get(FIELD) or ()
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise InputError(f"the task's {FIELD} is a list of tests, not {given!r:.60}")
    return given


def _weighed(entry: JSON) -> tuple[str, float]:
    match entry:
        case str():
            return entry, 1.0
        case {"test": str(source), "weight": int() | float() as weight} if 0 <= weight <= 1:
            return source, float(weight)
        case _:
            raise InputError(
                f"one of the task's {FIELD} is neither an assert as text nor "
                f'{{"test": ..., "weight": 0 to 1}}: {entry!r:.60}'
            )


def _entry_point(task: Task) -> set[str]:
    """Return the function under test: a draft that lacks it fails its tests."""
    given = task.inputs.get("entry_point")
    return {given} if isinstance(given, str) else set()


def _finding(program: Program, check: Example | Check, given: object, evidence: str) -> Finding:
    said = f"raised {given}" if isinstance(given, Raised) else f"gave {given!r:.50}"
    if isinstance(given, Lost):
        said = f"has no value: {given}"
    call, line = check.call, program.functions().get(check.call.function)
    span = program.line_span(given.line if isinstance(given, Raised) and given.line else line)
    if isinstance(check, Example):
        said = f"{check.text:.60} {said}, the example says {check.expected!r:.50}"
        return Finding(said, Hardness.HARD, span, evidence)
    return Finding(
        f"{call.function} {said} where a test says {check.text:.100}", Hardness.SOFT, span, evidence
    )
