"""`python/tests`: does the draft's program pass the tests that come with the task?

Two sandboxed processes stand behind a verdict. The program runs in one of them and answers calls;
the tests run in the other and never meet the program's code, only its values, as plain data. The
verdict is read from the tests' process, and from what the kernel says of both. So a program has
nothing to gain from what it does to its own process: it is alone there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar

from gadfly import (
    JSON,
    Context,
    Cost,
    Critique,
    Draft,
    Ended,
    Evidence,
    Finding,
    Hardness,
    Job,
    JobResult,
    Limits,
    SandboxError,
    Span,
    Task,
    Verdict,
    job_evidence,
)
from gadfly_python._execution import LIMITS, ending
from gadfly_python._program import Program, find_program
from gadfly_python._runs import NO_PROGRAM
from gadfly_python._split.candidate import PROGRAM
from gadfly_python._split.harness import REPORT, REQUEST, TESTS
from gadfly_python._testing import TestCode, find_tests, has_tests

MAX_FINDINGS = 5
"""Failed tests that are told of one by one."""
_ID = "python/tests"
_SHARED = ("__init__.py", "wire.py", "exceptions.py")
_BOOT = "import sys; sys.path.insert(0, ''); from _split.{0} import main; main()"
_PATIENCE_SECONDS = 10.0
"""What the tests' process waits longer than the program may run: it then tells what it saw."""
_TESTS_CPU_SECONDS = 20.0
"""Processor time of the tests themselves beyond the program's: pytest's import, a long test."""
_AT_THE_END = frozenset({Ended.RELEASED, Ended.EXITED})
"""How the program's process ends when the tests have: killed, or by itself in that moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestsCritic:
    """Accept a program that passes the tests that come with the task.

    It does not apply where the task has no tests, and abstains where they test nothing, need what
    two processes cannot do, or skip some of their own.
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
        job = self._job(program, tests)
        result = await context.sandbox.run(job)
        if result.peer is None:
            raise SandboxError(
                f"sandbox {context.sandbox.name} ran the tests without the program beside them: "
                "use one that supports Job.peer"
            )
        outcome = _read(job, result, tests)
        said = {"integrity": "split", "program": result.peer.ended.value, **outcome.facts}
        evidence = job_evidence(_ID, job, result, **said)
        quote = not tests.hidden if self.quote is None else self.quote
        return _critique(outcome, program, evidence, quote=quote)

    def _job(self, program: Program, tests: TestCode) -> Job:
        seconds = self.limits.wall_seconds
        request = {
            "style": tests.style,
            "entry_point": tests.entry_point,
            "modules": list(tests.modules),
            "names": list(tests.names),
            "patience": seconds + _PATIENCE_SECONDS / 2,
        }
        candidate = Job(
            ("python", "-I", "-c", _BOOT.format("candidate")),
            files={**_shipped("candidate.py"), PROGRAM: program.text},
            limits=self.limits,
            preload=self.preload,
        )
        own = replace(
            self.limits,
            wall_seconds=seconds + _PATIENCE_SECONDS,
            cpu_seconds=self.limits.cpu_seconds + _TESTS_CPU_SECONDS,
        )
        return Job(
            ("python", "-I", "-c", _BOOT.format("harness")),
            files={
                **_shipped("remote.py", "harness.py", "runners.py"),
                TESTS: tests.source,
                REQUEST: json.dumps(request),
            },
            collect=(REPORT,),
            limits=own,
            preload=self.preload,
            peer=candidate,
        )


_NOTHING_TESTED = (
    "The task's tests test nothing: no assert, no test function, and no check(candidate) with an "
    "entry_point."
)


def _find_program(draft: Draft) -> Program | None:
    """Return the program of a draft: a text that defines functions is one, however broken."""
    program = find_program(draft)
    if program is None and "```" not in draft.text:
        whole = Program(draft.text, 0)
        return whole if whole.functions() else None
    return program


@dataclass(frozen=True, slots=True)
class _Problem:
    """One thing that is wrong with the program."""

    message: str
    line: int | None = None
    """Of the program."""
    quoted: str = ""
    """What the test was, for those who may see it."""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of the tests."""

    problems: tuple[_Problem, ...] = ()
    undecided: str | None = None
    """Why nothing is known, where nothing is wrong."""
    facts: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    """For the evidence."""


def _read(job: Job, result: JobResult, tests: TestCode) -> _Outcome:
    """Say what came of the tests, by the report of their process and the kernel's facts."""
    peer, candidate = result.peer, job.peer
    assert peer is not None
    assert candidate is not None
    text = result.files.get(REPORT)
    if result.ended is not Ended.EXITED or result.exit_code or text is None:
        why = ending(job, result, "the tests", absent="the tests ended without a report")
        return _Outcome((_Problem(why),))
    # The tests' process wrote it, where nothing of the program's ran.
    report: dict[str, Any] = json.loads(text)
    facts: dict[str, JSON] = {
        "tests": report["counts"],
        "calls": report["calls"],
        "uses": report["uses"],
        "asked": report["asked"],
    }
    absent = "the program's process ended before the tests did"
    program_ended = ending(candidate, peer, "the program", absent=absent)
    problems = tuple(_problems(report, tests, program_ended))
    if not problems and peer.ended not in _AT_THE_END:
        problems = (_Problem(program_ended),)
    return _Outcome(problems, _undecided(report, tests), facts)


def _problems(report: dict[str, Any], tests: TestCode, program_ended: str) -> list[_Problem]:
    if report["crash"] is not None:
        crash = f"the program cannot be loaded: {report['crash']}"
        return [_Problem(crash, report["crash_line"])]
    whole = [
        report["broken"] and f"the program wrote to the tests' channel: {report['broken']}",
        report["gone"] and program_ended,
        report["missing"] and f"the program does not define {report['missing']}",
        report["refused"],
    ]
    if any(whole):
        return [_Problem(next(problem for problem in whole if problem))]
    if report["unsupported"] is not None:
        return []
    failed = [trouble for trouble in report["troubles"] if trouble["outcome"] == "failed"]
    lines = tests.source.splitlines()
    return [_problem(trouble, lines) for trouble in failed]


def _problem(trouble: dict[str, Any], lines: list[str]) -> _Problem:
    line: int | None = trouble["line"]
    quoted: str = lines[line - 1].strip()[:160] if line and line <= len(lines) else ""
    if trouble["theirs"]:
        return _Problem(f"the program raised {trouble['message']}", trouble["program_line"], quoted)
    seen = f"{trouble['message']}; {trouble['call']}" if trouble["call"] else trouble["message"]
    quoted = f"{quoted} ({seen})" if quoted else seen
    return _Problem(f"test {trouble['test']} failed", None, quoted)


def _undecided(report: dict[str, Any], tests: TestCode) -> str | None:
    if report["unsupported"] is not None:
        return str(report["unsupported"])
    if skipped := report["counts"].get("skipped", 0):
        return f"{skipped} of the tests were skipped"
    excused = {trouble["test"].partition("[")[0] for trouble in report["troubles"]}
    absent = [name for name in tests.expected if name not in {*report["passed"], *excused}]
    if absent:
        return f"test {absent[0]} did not run"
    return None if report["passed"] else "no test passed, and none failed"


def _critique(outcome: _Outcome, program: Program, evidence: Evidence, *, quote: bool) -> Critique:
    findings: list[Finding] = []
    for problem in outcome.problems[:MAX_FINDINGS]:
        shown = f": {problem.quoted}" if quote and problem.quoted else ""
        span: Span | None = program.line_span(problem.line)
        findings.append(Finding(f"{problem.message}{shown}", Hardness.HARD, span, evidence.id))
    if findings:
        return Critique(Verdict.FAIL, f"{findings[0].message}.", tuple(findings), (evidence,))
    if outcome.undecided is not None:
        return Critique(Verdict.ABSTAIN, f"{outcome.undecided}.", (), (evidence,))
    counts: Any = outcome.facts["tests"]
    return Critique(Verdict.PASS, f"The tests pass: {counts['passed']}.", (), (evidence,))


@cache
def _source(name: str) -> str:
    return (files("gadfly_python") / "_split" / name).read_text(encoding="utf-8")


def _shipped(*names: str) -> dict[str, str]:
    return {f"_split/{name}": _source(name) for name in (*_SHARED, *names)}
