"""Runs tests and program in one process: for tests that two processes cannot do.

The witness, in a process that the program never was in, sends the tests only when the program is
loaded, and believes nothing else than what answers them. Yet whatever this module does, the program
can undo once its functions are called: here a program that sets out to deceive is not held, and the
evidence says so.
"""

from __future__ import annotations

import builtins
import contextlib
import gc
import importlib
import os
import sys
from dataclasses import asdict
from pathlib import Path
from types import CodeType, ModuleType

from .candidate import line_of, load, make_program
from .exceptions import mark_theirs
from .guard import Guard
from .harness import TESTS, Harness, said
from .rewriting import GUARD, watched
from .runners import RUNNERS
from .wire import CHANNEL, Channel, Foreign, Form

_PACKAGE = __name__.partition(".")[0]


class Together(Harness):
    """Tests in the program's own process.

    Args:
        program: The program, loaded.
        guard: Made before it was.
        source: The tests' source.
        request: What the critic wants.
    """

    def __init__(self, program: ModuleType, guard: Guard, source: str, request: Form) -> None:
        super().__init__(source, request)
        self._program = program
        self._guard = guard

    def run(self) -> Form:
        """Run the tests and return what came of it."""
        entry_point = self.request["entry_point"]
        self.let_import(self._program)
        if entry_point is not None and not hasattr(self._program, entry_point):
            self.report.missing = entry_point
        else:
            self.entry_point = entry_point and getattr(self._program, entry_point)
            try:
                Path(TESTS).write_text("", encoding="utf-8")
                RUNNERS[self.request["style"]](self)
            except BaseException as error:  # noqa: BLE001 - whatever ends tests is what we report
                self.fail("tests", error)
        self._guard.look_around()
        self.report.doubts, self.report.asked = self._guard.take()
        return asdict(self.settle())

    def prepare(self, module: ModuleType) -> None:
        """See `Harness.prepare`."""
        super().prepare(module)
        self._guard.watch(module)
        own = vars(self._program)
        wanted = [name for name in self.request["names"] if not hasattr(builtins, name)]
        found = {name: own[name] for name in wanted if name in own}
        self.report.uses = sorted(found)
        module.__dict__.update({GUARD: self._guard, **found})

    def compiled(self) -> CodeType:
        """See `Harness.compiled`."""
        return watched(self.source, TESTS)

    def begin(self) -> None:
        """See `Harness.begin`."""
        self._guard.begin()

    def collected(self, path: Path, parent: Foreign) -> Foreign:
        """See `Harness.collected`."""
        import pytest

        harness = self

        class Loaded(pytest.Module):
            def _getobj(self) -> ModuleType:
                return harness.load()

        return Loaded.from_parent(parent, path=path)

    def fail(self, name: str, error: BaseException) -> None:
        """See `Harness.fail`."""
        trace, last = error.__traceback__, ""
        while trace is not None:
            file = trace.tb_frame.f_code.co_filename
            last = (
                file if file == TESTS or trace.tb_frame.f_globals is vars(self._program) else last
            )
            trace = trace.tb_next
        if last and last != TESTS:
            mark_theirs(error, line_of(error))
        super().fail(name, error)


def main() -> None:
    """Load the program beside us and serve the witness, who has the tests."""
    channel = Channel(int(os.environ[CHANNEL]))
    order = channel.receive()
    for name in order["imports"]:
        # Whatever is wrong with it, the program or the tests will meet it again.
        with contextlib.suppress(BaseException):
            importlib.import_module(name)
    _go_out_of_sight()
    guard = Guard()
    program = make_program()
    try:
        load(program)
    except BaseException as error:  # noqa: BLE001 - whatever ends a program is what we report
        channel.send({"crash": said(error), "line": line_of(error)})
        return
    guard.open(program)
    channel.send({"ready": True})
    while "tests" in (message := channel.receive()):
        harness = Together(program, guard, message["tests"], message["request"])
        channel.send({"nonce": message["nonce"], "report": harness.run()})
    channel.send({"nonce": message["nonce"]})


def _go_out_of_sight() -> None:
    """Leave no names of ours, and no place to import them from, for the program to stumble on."""
    for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
        del sys.modules[name]
    sys.path[:] = [place for place in sys.path if _PACKAGE not in place]
    gc.freeze()
