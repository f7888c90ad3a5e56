"""Runs the tests against the program in the other process, and writes down what came of them.

Nothing of the program's runs here. Its answers are plain data of this process, and the report is a
file in this process's own folder.
"""

from __future__ import annotations

import builtins
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from .exceptions import line_of_program
from .harness import REPORT, REQUEST, TESTS, Harness, Report, Trouble, clean, said
from .remote import Line, Program, Remote, about_of, find_names
from .runners import RUNNERS
from .wire import CHANNEL, Channel, Foreign, Form

MAX_SHOWN = 200
"""Characters of a call and of its value."""


class Apart(Harness):
    """The tests of one draft, in a process of their own.

    Args:
        line: The line to the program.
        source: The tests' source.
        request: What the critic wants.
    """

    def __init__(self, line: Line, source: str, request: Form) -> None:
        super().__init__(source, request)
        self.line = line

    def run(self, runner: Callable[[Harness], None]) -> Report:
        """Run the tests and return what came of it, whatever happens."""
        try:
            crash = self.line.greet()
            if crash is not None:
                self.report.crash = said(crash)
                self.report.crash_line = line_of_program(crash)
            elif self._let_tests_find_the_program():
                runner(self)
                self._hear_the_end()
        except BaseException as error:  # noqa: BLE001 - whatever ends the tests is what we report
            self.fail("tests", error)
        line, report = self.line, self.report
        report.gone, report.broken, report.refused = line.gone, line.broken, line.refused
        report.unsupported = line.unsupported
        report.calls, report.asked = line.calls, dict(line.asked)
        return self.settle()

    def _hear_the_end(self) -> None:
        """Notice what is on the line though nothing was asked."""
        if not self.line.gone and self.line.broken is None and not self.line.is_quiet():
            self.line.overhear()

    def _let_tests_find_the_program(self) -> bool:
        """Give the tests their names; say whether the program has what they test."""
        self.let_import(Program(self.request["modules"][0], self.line))
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

    def begin(self) -> None:
        """See `Harness.begin`."""
        self.line.last = None

    def note(self, name: str, outcome: str, message: str = "") -> Trouble | None:
        """See `Harness.note`."""
        trouble = super().note(name, outcome, message)
        if trouble is not None:
            trouble.late = self.line.unsupported is not None
        return trouble

    def last_call(self) -> str:
        """See `Harness.last_call`."""
        if self.line.last is None:
            return ""
        name, args, kwargs, value = self.line.last
        given = [_shown(part) for part in args]
        given += [f"{key}={_shown(part)}" for key, part in kwargs.items()]
        return clean(f"{name}({', '.join(given)[:MAX_SHOWN]}) gave {_shown(value)}")


def _shown(value: Foreign) -> str:
    if isinstance(value, Remote):
        return f"<{about_of(value).type_name}>"
    try:
        return repr(value)[:MAX_SHOWN]
    except Exception:  # noqa: BLE001 - an int of ten thousand digits, an object of the tests
        return f"<{type(value).__name__}>"


def main() -> None:
    """Run the tests beside us and write the report."""
    request = json.loads(Path(REQUEST).read_text(encoding="utf-8"))
    channel = Channel(int(os.environ[CHANNEL]), request["patience"])
    source = Path(TESTS).read_text(encoding="utf-8")
    harness = Apart(Line(channel, request["entry_point"]), source, request)
    report = harness.run(RUNNERS[request["style"]])
    channel.close()
    Path(REPORT).write_text(json.dumps(asdict(report)), encoding="utf-8")
