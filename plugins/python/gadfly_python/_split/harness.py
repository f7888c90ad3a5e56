"""What both ways of running tests have in common: loading them, and writing down what came of them.

`apart` runs them where nothing of the program's is, `together` in the program's own process.
"""

from __future__ import annotations

import linecache
import re
import sys
import traceback
import unittest
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, ModuleType

from .exceptions import CandidateError, is_theirs, line_of_program, message_of, name_of
from .wire import MAX_TEXT, Foreign, Form

TESTS, REQUEST, REPORT = "tests_of_draft.py", "request.json", "report.json"
MAX_TROUBLES = 50
"""Tests that are told of one by one, of those that did not pass."""
SPOKE = "spoke for itself"
"""What is said of an object that a test should not have believed."""
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
    late: bool = False
    """Whether the tests had met before what two processes cannot do: then it says nothing."""


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
    absent: str | None = None
    """What the tests need that is not there: a module, pytest."""
    tampered: bool = False
    """Whether tests whose outcome is known came out otherwise once the program was loaded."""
    doubts: list[str] = field(default_factory=list[str])
    """Why it is not believed that tests passed in the program's own process."""
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
        source: Their source.
        request: What the critic wants: `style`, `modules`, `names`, `entry_point`.
    """

    def __init__(self, source: str, request: Form) -> None:
        self.source = source
        self.request = request
        self.entry_point: Foreign = None
        self.report = Report()
        self._counts: Counter[str] = Counter()

    def settle(self) -> Report:
        """Return what came of the tests."""
        self.report.counts = dict(self._counts)
        self.report.passed = sorted(set(self.report.passed))
        return self.report

    def let_import(self, program: ModuleType) -> None:
        """Let the tests import the program, by each of the names that it may have."""
        for name in self.request["modules"]:
            if name not in _NEVER_THE_PROGRAM:
                sys.modules[name] = program

    def load(self) -> ModuleType:
        """Run the tests' source as a module, and return it."""
        name = Path(TESTS).stem
        module = ModuleType(name)
        module.__file__ = TESTS
        if self.entry_point is not None:
            # Here it is the program's even where Python has a function of that name.
            module.__dict__[self.request["entry_point"]] = self.entry_point
        sys.modules[name] = module
        self.prepare(module)
        exec(self.compiled(), module.__dict__)  # noqa: S102
        return module

    def prepare(self, module: ModuleType) -> None:
        """Make ready what the tests' module is to hold before it runs."""
        lines = self.source.splitlines(keepends=True)
        linecache.cache[TESTS] = (len(self.source), None, lines, TESTS)

    def compiled(self) -> CodeType:
        """Return the tests' code."""
        return compile(self.source, TESTS, "exec")

    def collected(self, _path: Path, _parent: Foreign) -> Foreign:
        """Return the tests' module as pytest is to collect it; None leaves it to pytest."""
        return None

    def begin(self) -> None:
        """Note that a test begins."""

    def last_call(self) -> str:
        """Return the last call of the program that returned, and what it gave, as far as known."""
        return ""

    def attempt(self, name: str, test: Callable[[], object]) -> None:
        """Run one test and write down what came of it."""
        self.begin()
        try:
            test()
        except unittest.SkipTest as skip:
            self.note(name, "skipped", message_of(skip))
        except BaseException as error:  # noqa: BLE001 - whatever ends a test is what we report
            self.fail(name, error)
        else:
            self.note(name, "passed")

    def note(self, name: str, outcome: str, message: str = "") -> Trouble | None:
        """Write down what came of a test; return the record if it is one of trouble."""
        self._counts[outcome] += 1
        if outcome == "passed":
            # Without parameters: one that fails is told of anyway.
            self.report.passed.append(name.partition("[")[0])
            return None
        if self._counts.total() - self._counts["passed"] > MAX_TROUBLES:
            return None
        trouble = Trouble(clean(name), outcome, clean(message))
        self.report.troubles.append(trouble)
        return trouble

    def fail(self, name: str, error: BaseException) -> None:
        """Write down a test that an exception ended."""
        theirs = is_theirs(error)
        if isinstance(error, ModuleNotFoundError) and not theirs:
            self.report.absent = f"the tests import {error.name}, which is not there"
        trouble = self.note(name, "failed")
        if trouble is None:
            return
        trouble.message = said(error)
        trouble.line = _line_of(error)
        trouble.theirs = theirs
        trouble.program_line = line_of_program(error)
        trouble.call = "" if theirs else self.last_call()


def said(error: BaseException) -> str:
    """Return an exception as text."""
    message = message_of(error).strip()
    if type(error) is CandidateError:
        return clean(message)
    return clean(f"{name_of(type(error))}: {message}" if message else name_of(type(error)))


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
