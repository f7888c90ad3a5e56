"""What came of tests, read from the report of the trusted process and from the kernel's facts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gadfly import JSON, Ended, Job, JobResult
from gadfly_python._execution import ending
from gadfly_python._split.harness import REPORT
from gadfly_python._testing import TestCode

_AT_THE_END = frozenset({Ended.RELEASED, Ended.EXITED})
"""How the program's process ends when the tests have: killed, or by itself in that moment."""
_TAMPERED = "the program changed what runs the tests: of tests with a known outcome, not all had it"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with the program."""

    message: str
    line: int | None = None
    """Of the program."""
    quoted: str = ""
    """What the test was, for those who may see it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the tests."""

    problems: tuple[Problem, ...] = ()
    undecided: str | None = None
    """Why nothing is known, where nothing is wrong."""
    needs_one_process: str | None = None
    """What the tests need that two processes cannot do."""
    facts: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    """For the evidence."""


def read_outcome(job: Job, result: JobResult, tests: TestCode) -> Outcome:
    """Say what came of the tests, by the report of their process and the kernel's facts."""
    peer, candidate = result.peer, job.peer
    assert peer is not None
    assert candidate is not None
    text = result.files.get(REPORT)
    if result.ended is not Ended.EXITED or result.exit_code or text is None:
        why = ending(job, result, "the tests", absent="the tests ended without a report")
        return Outcome((Problem(why),))
    # The trusted process wrote it, where nothing of the program's ran.
    report: dict[str, Any] = json.loads(text)
    facts: dict[str, JSON] = {
        "tests": report["counts"],
        "calls": report["calls"],
        "uses": report["uses"],
        "asked": report["asked"],
        "doubts": report["doubts"],
    }
    absent = "the program's process ended before the tests did"
    program_ended = ending(candidate, peer, "the program", absent=absent)
    problems = tuple(_problems(report, tests, program_ended))
    if not problems and peer.ended not in _AT_THE_END:
        problems = (Problem(program_ended),)
    return Outcome(problems, _undecided(report, tests), report["unsupported"], facts)


def _problems(report: dict[str, Any], tests: TestCode, program_ended: str) -> list[Problem]:
    if report["crash"] is not None:
        crash = f"the program cannot be loaded: {report['crash']}"
        return [Problem(crash, report["crash_line"])]
    whole = [
        report["broken"] and f"the program wrote to the tests' channel: {report['broken']}",
        report["gone"] and program_ended,
        report["tampered"] and _TAMPERED,
        report["missing"] and f"the program does not define {report['missing']}",
        report["refused"],
    ]
    if any(whole):
        return [Problem(next(problem for problem in whole if problem))]
    if report["absent"] is not None:
        return []
    failed = [trouble for trouble in report["troubles"] if trouble["outcome"] == "failed"]
    lines = tests.source.splitlines()
    return [_problem(trouble, lines) for trouble in failed if not trouble["late"]]


def _problem(trouble: dict[str, Any], lines: list[str]) -> Problem:
    line: int | None = trouble["line"]
    quoted: str = lines[line - 1].strip()[:160] if line and 0 < line <= len(lines) else ""
    if trouble["theirs"]:
        return Problem(f"the program raised {trouble['message']}", trouble["program_line"], quoted)
    seen = f"{trouble['message']}; {trouble['call']}" if trouble["call"] else trouble["message"]
    quoted = f"{quoted} ({seen})" if quoted else seen
    return Problem(f"test {trouble['test']} failed", None, quoted)


def _undecided(report: dict[str, Any], tests: TestCode) -> str | None:
    for reason in (report["unsupported"], report["absent"]):
        if reason is not None:
            return str(reason)
    if skipped := report["counts"].get("skipped", 0):
        return f"{skipped} of the tests were skipped"
    excused = {trouble["test"].partition("[")[0] for trouble in report["troubles"]}
    absent = [name for name in tests.expected if name not in {*report["passed"], *excused}]
    if absent:
        return f"test {absent[0]} did not run"
    if report["doubts"]:
        return f"the tests passed, and are not believed: {report['doubts'][0]}"
    return None if report["passed"] else "no test passed, and none failed"
