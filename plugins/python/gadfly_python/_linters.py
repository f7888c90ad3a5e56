"""Ruff and mypy as instruments: the jobs that ask them, and their answers read strictly.

Neither runs what it reads. Each gets the programs as files in a fresh work folder, with no
configuration, plugin, cache or package of this machine's, and without the programs' comments, by
which a program could ask to be spared. Beside them lies a canary with a defect that the tool must
find at its place: so a tool that is missing, dies, hangs or says nothing is told from one that
found nothing, and is a `ToolError`.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gadfly import Ended, Job, JobResult, Limits, ToolError

Linter = Literal["ruff", "mypy"]
LIMITS = Limits(wall_seconds=60, cpu_seconds=30, output_kib=1024)
"""For one program. Mypy reads the standard library's types anew each time, which takes seconds."""
VERSIONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""The versions of Python that both tools know."""
SYNTAX_RULES = frozenset(
    {
        "invalid-syntax",
        "F404",  # a late `from __future__`
        "F622",  # two stars in one assignment
        "F701",  # `break` outside a loop
        "F702",  # `continue` outside a loop
        "F704",  # `yield` outside a function
        "F706",  # `return` outside a function
        "PLE0117",  # `nonlocal` for what no function around it has
        "PLE0118",  # a name used before it is declared global
    }
)
"""What the compiler refuses too: no program that has one of these runs at all."""
CANARY = "canary.py"
_CANARY = "def canary(song: str) -> None: ...\n\n\ncanary(unknown_to_all, 1)\n"
_CANARY_LINE = 4
_CANARY_RULES: Mapping[Linter, str] = {"ruff": "F821", "mypy": "call-arg"}
_NEW_LINE = re.compile(r"\r\n|\r|\n")
_RUFF = (
    *("python", "-I", "-m", "ruff", "check"),
    *("--isolated", "--no-cache", "--ignore-noqa", "--no-respect-gitignore"),
    *("--output-format", "json"),
)
_MYPY = (
    *("python", "-I", "-m", "mypy"),
    *("--config-file=", "--cache-dir=/dev/null", "--no-incremental"),
    *("--no-site-packages", "--ignore-missing-imports"),
    *("--check-untyped-defs", "--warn-unreachable", "--strict-equality"),
    *("--enable-error-code", "possibly-undefined", "--enable-error-code", "truthy-bool"),
    *("--enable-error-code", "redundant-expr", "--enable-error-code", "unused-awaitable"),
    *("--no-error-summary", "--hide-error-context", "--output", "json"),
)
_REMEDY = "pip install 'gadfly-python[lint]', where the sandbox's Python is"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that a tool says of a file."""

    tool: Linter
    rule: str
    """`F821`, `call-arg`, `invalid-syntax`."""
    message: str
    line: int
    """1-based, as Python counts lines."""
    column: int
    """0-based, in characters."""
    end: tuple[int, int]
    """Line and column after it."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a tool says of all files."""

    remarks: Mapping[str, Sequence[Remark]]
    """By file, in reading order; every file is there."""
    whole: bool
    """Whether it read them to their end: mypy stops at what it cannot understand."""


def lint_job(
    tool: Linter, files: Mapping[str, str], rules: Sequence[str], python: str, limits: Limits
) -> Job:
    """Return the job that asks a tool about programs.

    Args:
        tool: The tool.
        files: Programs by file name.
        rules: Rules or families of ruff's; those of mypy are all on.
        python: The version of Python that they are for, one of `VERSIONS`.
        limits: What the tool may use.
    """
    if tool == "ruff":
        select = sorted({_CANARY_RULES["ruff"], *SYNTAX_RULES - {"invalid-syntax"}, *rules})
        version = f"py{python.replace('.', '')}"
        argv = [*_RUFF, "--target-version", version, "--select", ",".join(select)]
    else:
        argv = [*_MYPY, "--python-version", python]
    bare = {name: without_comments(text) for name, text in files.items()}
    return Job((*argv, *files, CANARY), files={**bare, CANARY: _CANARY}, limits=limits)


def read_report(tool: Linter, job: Job, result: JobResult) -> Report:
    """Return what a tool said.

    Raises:
        ToolError: It is missing, did not end by itself, or gave what it would not give if it
            worked: other statuses, other text, or nothing about the canary.
    """
    if result.ended is not Ended.EXITED or result.truncated:
        raise ToolError(f"{tool} did not end by itself: {_ending(result)}")
    if f"No module named {tool}" in result.stderr or result.exit_code in {126, 127}:
        raise ToolError(f"there is no {tool} in the sandbox: {_REMEDY}")
    remarks: dict[str, list[Remark]] = {name: [] for name in job.files}
    try:
        for name, remark in _ruff(result.stdout) if tool == "ruff" else _mypy(result.stdout):
            remarks[name].append(_within(remark, job.files[name]))
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        last = " ".join(result.stderr.split())[-200:]
        raise ToolError(f"{tool} gave what cannot be read ({error!r:.80}): {last}") from None
    canary = [r for r in remarks.pop(CANARY) if r.rule == _CANARY_RULES[tool]]
    sings = [remark.line for remark in canary] == [_CANARY_LINE]
    stopped = tool == "mypy" and result.exit_code == 2 and any(remarks.values())
    if not stopped and (result.exit_code != 1 or not sings):
        last = " ".join(result.stderr.split())[-200:] or "it missed a defect that was put there"
        raise ToolError(f"{tool} does not work (exit status {result.exit_code}): {last}")
    return Report(
        {
            name: sorted(found, key=lambda remark: (remark.line, remark.column))
            for name, found in remarks.items()
        },
        whole=sings,
    )


def without_comments(text: str) -> str:
    """Return a program with its comments blanked, all else at its place.

    A program that this Python cannot parse is returned as it is.
    """
    tree = _dump(text)
    if tree is None or "#" not in text:
        return text
    lines = io.StringIO(text, newline="").readlines()
    try:
        for token in tokenize.generate_tokens(iter(lines).__next__):
            if token.type == tokenize.COMMENT:
                (row, begin), (_, end) = token.start, token.end
                line = lines[row - 1]
                lines[row - 1] = line[:begin] + " " * (end - begin) + line[end:]
    except (tokenize.TokenError, SyntaxError):
        return text
    bare = "".join(lines)
    # Tokenizer and parser may differ on what is odd; what was parsed is what counts.
    return bare if _dump(bare) == tree else text


def _dump(text: str) -> str | None:
    try:
        with warnings.catch_warnings():
            # What the compiler thinks of a draft's style is no warning about this process.
            warnings.simplefilter("ignore")
            return ast.dump(ast.parse(text), include_attributes=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _ruff(stdout: str) -> Iterator[tuple[str, Remark]]:
    for item in json.loads(stdout):
        place, end = item["location"], item["end_location"]
        remark = Remark(
            "ruff",
            _text(item["code"]),
            _text(item["message"]),
            _count(place["row"], 1),
            _count(place["column"], 1) - 1,
            (_count(end["row"], 1), _count(end["column"], 1) - 1),
        )
        yield _file_name(item["filename"]), remark


def _mypy(stdout: str) -> Iterator[tuple[str, Remark]]:
    for line in stdout.splitlines():
        item = json.loads(line)
        if item["severity"] != "error":
            continue
        remark = Remark(
            "mypy",
            # What stops it has no code.
            "blocker" if item["code"] is None else _text(item["code"]),
            _text(item["message"]),
            _count(item["line"], 1),
            max(0, _count(item["column"], -1)),
            (_count(item["end_line"], 1), max(0, _count(item["end_column"], -1))),
        )
        yield _file_name(item["file"]), remark


def _within(remark: Remark, text: str) -> Remark:
    """Hold a remark to its file.

    Mypy (2.4.1) miscounts the columns of a line that is not all ASCII; there, the line is meant.
    """
    lines = _NEW_LINE.split(text)
    line, (end_line, end_column) = lines[remark.line - 1], remark.end
    if remark.tool == "mypy" and not line.isascii():
        return replace(remark, column=len(line) - len(line.lstrip()), end=(remark.line, len(line)))
    column = min(remark.column, len(line))
    if end_line > len(lines):
        return replace(remark, column=column, end=(len(lines), len(lines[-1])))
    return replace(remark, column=column, end=(end_line, min(end_column, len(lines[end_line - 1]))))


def _file_name(path: object) -> str:
    return _text(path).rpartition("/")[2]


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r:.40} is no text")
    return value


def _count(value: object, least: int) -> int:
    if type(value) is not int or value < least:
        raise ValueError(f"{value!r:.40} is no place")
    return value


def _ending(result: JobResult) -> str:
    if result.ended is Ended.SIGNALED:
        return f"signal {result.signal}"
    return "its output was cut" if result.ended is Ended.EXITED else f"limit {result.ended}"
