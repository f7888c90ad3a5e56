"""What a program gives for each of many calls, in one sandboxed run where that is possible."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from gadfly import Job, JobResult, Limits, Sandbox
from gadfly_python._execution import Call, Raised, Report, observe, program_job
from gadfly_python._program import Program
from gadfly_python._runner import encode

MAX_LOST = 3
"""First calls, each in a process of its own, that may give nothing before the others are let be."""
_NOT_TRIED = f"not tried, as the first {MAX_LOST} calls gave nothing"
_ABSENT = "the program ended before its functions could be called"
_SPOILT = "the program spoilt the record of its calls"


@dataclass(frozen=True, slots=True)
class Lost:
    """Stands for the value of a call that none came back from."""

    reason: str
    """One sentence: it did not end in time, it ended the process, ..."""

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Run:
    """One sandboxed run, for evidence."""

    job: Job
    result: JobResult


async def run_calls(
    program: Program, calls: Sequence[Call], sandbox: Sandbox, limits: Limits
) -> tuple[list[object], list[Run]]:
    """Return what each call gave (a value, `Raised` or `Lost`), and the runs that showed it.

    Calls are made one after another in one process, each distinct call once. Where no record comes
    back (one of them never ends, say) each is made in a process of its own, until the first few
    gave nothing there either. Only the calls go into the sandbox; what they should give does not.

    Raises:
        SandboxError: The sandbox failed.
    """
    distinct = {call_key(call): call for call in calls}
    given, run = await _run(program, list(distinct.values()), sandbox, limits)
    runs = [run]
    if len(distinct) > 1 and all(isinstance(value, Lost) for value in given):
        given = list[object]()
        for call in distinct.values():
            if len(given) == MAX_LOST and all(isinstance(value, Lost) for value in given):
                break
            (value,), run = await _run(program, [call], sandbox, limits)
            given.append(value)
            runs.append(run)
        given += [Lost(_NOT_TRIED)] * (len(distinct) - len(given))
    values = dict(zip(distinct, given, strict=True))
    return [values[call_key(call)] for call in calls], runs


def call_key(call: Call) -> str:
    """Return a text that two calls share when they are the same."""
    arguments = [encode(argument) for argument in call.arguments]
    keywords = {name: encode(argument) for name, argument in call.keywords.items()}
    return json.dumps([call.function, arguments, keywords], sort_keys=True)


async def _run(
    program: Program, calls: list[Call], sandbox: Sandbox, limits: Limits
) -> tuple[list[object], Run]:
    job = program_job(program, None, limits, calls)
    result = await sandbox.run(job)
    report = observe(job, result, absent=_ABSENT)
    return _values(report, len(calls)), Run(job, result)


def _values(report: Report | str, count: int) -> list[object]:
    if isinstance(report, str):
        return [Lost(report)] * count
    if report.crash is not None:
        crash: Raised = report.crash
        return [crash] * count
    if len(report.returned) != count:
        return [Lost(_SPOILT)] * count
    return list(report.returned)
