"""Running a draft's program in the sandbox, and reading what it left.

`result.json` was written in the program's own process, so it is read as a stranger's: bounded,
strict, and with one outcome for everything that the runner would not have written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cache
from math import isfinite
from pathlib import Path
from typing import TypeGuard, cast

from gadfly import JSON, Ended, Job, JobResult, Limits
from gadfly_python import _runner
from gadfly_python._program import Program
from gadfly_python._runner import Form, decode, encode, is_text, parts
from gadfly_python._split.wire import read_json

LIMITS = Limits(wall_seconds=45, cpu_seconds=3)
"""For programs that compute an answer, numpy and sympy included. Wall time has room to spare: that
a machine is busy says nothing about a draft."""
_SLOW_IMPORTS = ("numpy", "sympy", "scipy", "pandas")
"""Packages that take tenths of a second to import, which a warm worker does beforehand."""
MAX_RESULT = 300_000
"""Characters of a result that are looked at."""
MAX_MESSAGE = 120
"""Characters of an exception's message that are passed on."""

Number = int | float | Fraction | Decimal
_ENDINGS: Mapping[Ended, str] = {
    Ended.TIMEOUT: "{who} did not end within {limits.wall_seconds:g} seconds",
    Ended.CPU: "{who} used more than {limits.cpu_seconds:g} seconds of processor time",
    Ended.MEMORY: "{who} needed more than {limits.memory_mib} MiB of memory",
    Ended.OUTPUT: "{who} printed more than {limits.output_kib} KiB",
    Ended.PROCESSES: "{who} started more than {limits.processes} processes",
    Ended.DISK: "{who} wrote more than {limits.disk_mib} MiB to disk",
    Ended.DESCRIPTORS: "{who} held more than {limits.open_files} files open",
    Ended.NETWORK: "{who} asked for network, which it may not have",
    Ended.SIGNALED: "{who} was killed by signal {result.signal}",
    Ended.RELEASED: "{who} ended with the job that it served",
}
_UNREADABLE = "the program spoilt the record of what it did"


@dataclass(frozen=True, slots=True)
class Call:
    """One function call with literal arguments: nothing else ever goes into the sandbox."""

    function: str
    arguments: tuple[object, ...]
    keywords: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that ended the program or a call."""

    type_name: str
    message: str
    line: int | None
    """The program's own line; None where it has none."""

    def __str__(self) -> str:
        message = " ".join(self.message[:MAX_MESSAGE].split())
        return f"{self.type_name}: {message}" if message else self.type_name


@dataclass(frozen=True, slots=True)
class Report:
    """What the runner wrote down."""

    crash: Raised | None
    answer: tuple[str, object] | None
    """Name and value; None where the program set no answer."""
    variables: Mapping[str, Number]
    """The numbers among the top-level variables."""
    returned: Sequence[object | Raised]
    """What each call gave."""


def slow_imports(program: Program) -> tuple[str, ...]:
    """Return what a program imports that a worker should have imported before."""
    imports = program.imports()
    return tuple(name for name in _SLOW_IMPORTS if name in imports)


def program_job(
    program: Program, answer: str | None, limits: Limits, calls: Sequence[Call] = ()
) -> Job:
    """Return the job that runs a program and collects the runner's result."""
    request = {"answer": answer, "calls": [_call_form(call) for call in calls]}
    files = {
        _runner.RUNNER: _runner_source(),
        _runner.PROGRAM: program.text,
        _runner.REQUEST: json.dumps(request),
    }
    argv = ("python", "-I", _runner.RUNNER)
    preload = slow_imports(program)
    collect = (_runner.RESULT,)
    return Job(argv, files=files, collect=collect, limits=limits, preload=preload)


def observe(job: Job, result: JobResult, *, absent: str) -> Report | str:
    """Return what the runner wrote, or one sentence on why there is nothing.

    Args:
        job: The program's job.
        result: What happened.
        absent: What to say of a program that ended in order, but before the runner could write.
    """
    if result.ended is not Ended.EXITED or result.exit_code:
        return ending(job, result, "the program", absent=absent)
    if _runner.RESULT in result.rejected:
        return _UNREADABLE
    text = result.files.get(_runner.RESULT)
    if text is None:
        return absent
    try:
        return parse_report(text)
    except ValueError:
        return _UNREADABLE


def ending(job: Job, result: JobResult, who: str, *, absent: str) -> str:
    """Say in one sentence how a job ended, by the kernel's facts.

    Args:
        job: The job.
        result: What happened.
        who: What ran there (`the program`).
        absent: What to say where it ended in order.
    """
    if result.ended is Ended.EXITED:
        return f"{who} ended with exit status {result.exit_code}" if result.exit_code else absent
    return _ENDINGS[result.ended].format(limits=job.limits, result=result, who=who)


def answer_value(report: Report | str) -> object:
    """Return the value of the answer; None where there is none."""
    return report.answer[1] if isinstance(report, Report) and report.answer else None


def parse_report(text: str) -> Report:
    """Return the report of a `result.json`.

    Raises:
        ValueError: It is not one.
    """
    if len(text) > MAX_RESULT:
        raise ValueError("too long")
    try:
        return _report(read_json(text))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def as_json(value: object) -> JSON:
    """Return a decoded value for evidence: numbers as numbers, what JSON cannot say as text."""
    if isinstance(value, Fraction | Decimal):
        # Beyond float's range the text is all that is left.
        return int(value) if value == int(value) else _finite(value)
    if isinstance(value, float):
        return value if isfinite(value) else repr(value)
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in cast("Sequence[object]", value)]
    if isinstance(value, dict):
        items = cast("dict[object, object]", value).items()
        return {str(as_json(key)): as_json(inner) for key, inner in items}
    return value if value is None or isinstance(value, bool | int | str) else repr(value)


def is_number(value: object) -> TypeGuard[Number]:
    """Whether a decoded value is a number; True and False are none."""
    return isinstance(value, int | float | Fraction | Decimal) and not isinstance(value, bool)


def _finite(value: Fraction | Decimal) -> JSON:
    try:
        return float(value)
    except OverflowError:
        return str(value)


@cache
def _runner_source() -> str:
    return Path(_runner.__file__).read_text(encoding="utf-8")


def _call_form(call: Call) -> JSON:
    return {
        "function": call.function,
        "arguments": [_form(argument) for argument in call.arguments],
        "keywords": {name: _form(argument) for name, argument in call.keywords.items()},
    }


def _form(argument: object) -> JSON:
    form: JSON = encode(argument)  # type: ignore[assignment]  # its forms are JSON
    return form


def _report(data: Form) -> Report:
    match data:
        case {"crash": crash, "answer": answer, "variables": variables, "calls": calls}:
            return Report(
                crash=None if crash is None else _raised(crash),
                answer=None if answer is None else _named(answer),
                variables=_numbers([_named(variable) for variable in parts(variables)]),
                returned=[_returned(call) for call in parts(calls)],
            )
        case _:
            raise ValueError("not a report")


def _raised(data: Form) -> Raised:
    match data:
        case {"type": str(type_name), "message": str(message), "line": None | int() as line}:
            return Raised(" ".join(_text(type_name).split())[:60], _text(message), line)
        case _:
            raise ValueError("not an exception")


def _named(data: Form) -> tuple[str, object]:
    name, form = parts(data, 2)
    return _text(name), decode(form)


def _numbers(variables: list[tuple[str, object]]) -> dict[str, Number]:
    numbers = {name: value for name, value in variables if is_number(value)}
    if len(numbers) != len(variables):
        raise ValueError("a variable is not a number, or is there twice")
    return numbers


def _returned(data: Form) -> object:
    match data:
        case {"value": form}:
            return decode(form)
        case {"raised": raised}:
            return _raised(raised)
        case _:
            raise ValueError("not what a call gives")


def _text(text: object) -> str:
    if isinstance(text, str) and is_text(text):
        return text
    raise ValueError("not text")
