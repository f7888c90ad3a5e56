"""Runs the tests against the program in the other process, and writes down what came of them.

Nothing of the program's runs here. Its answers are plain data of this process, and the report is a
file in this process's own folder.
"""

from __future__ import annotations

import builtins
import json
import linecache
import os
import re
import sys
import traceback
import unittest
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType

from .exceptions import CandidateError, is_theirs, line_of_program, message_of, name_of
from .remote import Line, Program, Remote, about_of, find_names
from .wire import CHANNEL, MAX_TEXT, Channel, Foreign, Form

TESTS, REQUEST, REPORT = "tests_of_draft.py", "request.json", "report.json"
MAX_TROUBLES = 50
"""Tests that are told of one by one, of those that did not pass."""
MAX_SHOWN = 200
"""Characters of a call and of its value."""
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,}")
_NEVER_THE_PROGRAM = frozenset(sys.stdlib_module_names) | {"hypothesis", "numpy", "pytest"}


@dataclass
class Trouble:
    """A test that did not pass."""

    test: str
    outcome: str
    """`failed`, `skipped` or `expected` (to fail)."""
    message: str = ""
    """The exception that ended it."""
    line: int | None = None
    """Of the tests."""
    theirs: bool = False
    """Whether the program raised the exception."""
    program_line: int | None = None
    """Of the program, as it says."""
    call: str = ""
    """The last call of the program that returned, and what it gave."""


@dataclass
class Report:
    """What came of all tests."""

    crash: str | None = None
    """The exception that kept the program from being loaded, or None."""
    crash_line: int | None = None
    """Of the program, as it says."""
    gone: bool = False
    """Whether the program's process ended before the tests did."""
    broken: str | None = None
    """How it broke the protocol."""
    refused: str | None = None
    """What it gave that is no plain data, where the tests want some."""
    unsupported: str | None = None
    """What the tests need that two processes cannot do."""
    missing: str | None = None
    """The function under test, where the program has none of that name."""
    passed: list[str] = field(default_factory=list[str])
    """The tests that passed, each once."""
    counts: dict[str, int] = field(default_factory=dict[str, int])
    """How many passed, failed, ..."""
    troubles: list[Trouble] = field(default_factory=list[Trouble])
    uses: list[str] = field(default_factory=list[str])
    """Names that the tests take from the program without importing them."""
    calls: int = 0
    """Calls of the program's functions."""
    asked: dict[str, int] = field(default_factory=dict[str, int])
    """What the program was asked about its own objects, and how often."""


class Harness:
    """The tests of one draft.

    Args:
        line: The line to the program.
        request: What the critic wants.
    """

    def __init__(self, line: Line, request: Form) -> None:
        self.line = line
        self.request = request
        self.source = Path(TESTS).read_text(encoding="utf-8")
        self.entry_point: Foreign = None
        self.report = Report()
        self._counts: Counter[str] = Counter()

    def run(self, runner: Callable[[Harness], None]) -> Report:
        """Run the tests and return what came of it, whatever happens."""
        try:
            crash = self.line.greet()
            if crash is not None:
                self.report.crash = _said(crash)
                self.report.crash_line = line_of_program(crash)
            elif self._let_tests_find_the_program():
                runner(self)
                self._hear_the_end()
        except BaseException as error:  # noqa: BLE001 - whatever ends the tests is what we report
            self.fail("tests", error)
        line, report = self.line, self.report
        report.gone, report.broken, report.refused = line.gone, line.broken, line.refused
        report.unsupported = report.unsupported or line.unsupported
        report.calls, report.asked = line.calls, dict(line.asked)
        report.counts = dict(self._counts)
        report.passed = sorted(set(report.passed))
        return report

    def _hear_the_end(self) -> None:
        """Notice what is on the line though nothing was asked."""
        if not self.line.gone and self.line.broken is None and not self.line.is_quiet():
            self.line.overhear()

    def _let_tests_find_the_program(self) -> bool:
        """Give the tests their names; say whether the program has what they test."""
        program = Program(self.request["modules"][0], self.line)
        for name in self.request["modules"]:
            if name not in _NEVER_THE_PROGRAM:
                sys.modules[name] = program
        # Python's own names are never the program's.
        wanted = [name for name in self.request["names"] if not hasattr(builtins, name)]
        found = find_names(self.line, wanted)
        self.report.uses = sorted(found)
        # Names that the tests neither define nor import are looked for here last.
        builtins.__dict__.update(found)
        entry_point = self.request["entry_point"]
        if entry_point is not None:
            own = find_names(self.line, [entry_point])
            if entry_point not in own:
                self.report.missing = entry_point
                return False
            self.entry_point = own[entry_point]
        return True

    def load(self) -> ModuleType:
        """Run the tests' source as a module, and return it."""
        name = Path(TESTS).stem
        module = ModuleType(name)
        module.__file__ = TESTS
        if self.entry_point is not None:
            # Here it is the program's even where Python has a function of that name.
            module.__dict__[self.request["entry_point"]] = self.entry_point
        sys.modules[name] = module
        lines = self.source.splitlines(keepends=True)
        linecache.cache[TESTS] = (len(self.source), None, lines, TESTS)
        exec(compile(self.source, TESTS, "exec"), module.__dict__)  # noqa: S102
        return module

    def attempt(self, name: str, test: Callable[[], object]) -> None:
        """Run one test and write down what came of it."""
        self.line.last = None
        try:
            test()
        except unittest.SkipTest as skip:
            self.note(name, "skipped", message_of(skip))
        except BaseException as error:  # noqa: BLE001 - whatever ends a test is what we report
            self.fail(name, error)
        else:
            self.note(name, "passed")

    def note(self, name: str, outcome: str, message: str = "") -> None:
        """Write down what came of a test."""
        self._counts[outcome] += 1
        if outcome == "passed":
            # Without parameters: one that fails is told of anyway.
            self.report.passed.append(name.partition("[")[0])
        elif self._counts.total() - self._counts["passed"] <= MAX_TROUBLES:
            self.report.troubles.append(Trouble(clean(name), outcome, clean(message)))

    def fail(self, name: str, error: BaseException) -> None:
        """Write down a test that an exception ended."""
        theirs = is_theirs(error)
        if isinstance(error, ModuleNotFoundError) and not theirs:
            self.report.unsupported = f"the tests import {error.name}, which is not there"
        self.note(name, "failed")
        if self._counts.total() - self._counts["passed"] > MAX_TROUBLES:
            return
        trouble = self.report.troubles[-1]
        trouble.message = _said(error)
        trouble.line = _line_of(error)
        trouble.theirs = theirs
        trouble.program_line = line_of_program(error)
        trouble.call = "" if theirs else self._last_call()

    def _last_call(self) -> str:
        if self.line.last is None:
            return ""
        name, args, kwargs, value = self.line.last
        given = [_shown(part) for part in args]
        given += [f"{key}={_shown(part)}" for key, part in kwargs.items()]
        return clean(f"{name}({', '.join(given)[:MAX_SHOWN]}) gave {_shown(value)}")


def _said(error: BaseException) -> str:
    message = message_of(error).strip()
    if type(error) is CandidateError:
        return clean(message)
    return clean(f"{name_of(type(error))}: {message}" if message else name_of(type(error)))


def _shown(value: Foreign) -> str:
    if isinstance(value, Remote):
        return f"<{about_of(value).type_name}>"
    try:
        return repr(value)[:MAX_SHOWN]
    except Exception:  # noqa: BLE001 - an int of ten thousand digits, an object of the tests
        return f"<{type(value).__name__}>"


def clean(text: str) -> str:
    """Return text without what differs from run to run, bounded."""
    return _ADDRESS.sub("0x...", text)[:MAX_TEXT].encode("utf-8", "replace").decode()


def _line_of(error: BaseException) -> int | None:
    """Return the tests' line in an exception; None where it has none."""
    if isinstance(error, SyntaxError) and error.filename == TESTS:
        return error.lineno
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename).name == TESTS]
    return lines[-1] if lines else None


def main() -> None:
    """Run the tests beside us and write the report."""
    # Imported before anything is asked: what happens from now on is the tests' business.
    from .runners import RUNNERS

    request = json.loads(Path(REQUEST).read_text(encoding="utf-8"))
    channel = Channel(int(os.environ[CHANNEL]), request["patience"])
    harness = Harness(Line(channel, request["entry_point"]), request)
    report = harness.run(RUNNERS[request["style"]])
    channel.close()
    Path(REPORT).write_text(json.dumps(asdict(report)), encoding="utf-8")
