"""The styles of tests: statements, a `check(candidate)`, functions and classes, and pytest's."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import inspect
import io
import os
import unittest
from collections.abc import Callable
from pathlib import Path

from .harness import TESTS, Harness
from .wire import Foreign


def run_script(harness: Harness) -> None:
    """Run tests that are statements."""
    harness.attempt("script", harness.load)


def run_check(harness: Harness) -> None:
    """Run tests that are a function `check(candidate)`, and the statements beside it."""
    harness.attempt("check", lambda: harness.load().__dict__["check"](harness.entry_point))


def run_functions(harness: Harness) -> None:
    """Run test functions without arguments, test classes, and unittest's classes."""
    module = harness.load()
    for name, value in list(module.__dict__.items()):
        if inspect.isfunction(value) and name.startswith("test"):
            harness.attempt(name, _awaited(value))
        elif isinstance(value, type) and value.__module__ == module.__name__:
            _run_class(harness, value)


def _run_class(harness: Harness, kind: Foreign) -> None:
    if issubclass(kind, unittest.TestCase):
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(kind)
        suite.run(_Noted(harness))
    elif kind.__name__.startswith("Test"):
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if name.startswith("test"):
                harness.attempt(f"{kind.__name__}.{name}", _prepared(kind, method))


def _prepared(kind: Foreign, method: Callable[[object], object]) -> Callable[[], object]:
    def test() -> None:
        instance = kind()
        getattr(instance, "setup_method", _nothing)(method)
        try:
            _awaited(lambda: method(instance))()
        finally:
            getattr(instance, "teardown_method", _nothing)(method)

    return test


def _nothing(_method: object) -> None:
    """Stand in for a fixture that a test class does not have."""


def _awaited(test: Callable[[], object]) -> Callable[[], object]:
    def run() -> None:
        outcome = test()
        if inspect.iscoroutine(outcome):
            asyncio.run(outcome)

    return run


class _Noted(unittest.TestResult):
    """Writes down what comes of unittest's tests."""

    def __init__(self, harness: Harness) -> None:
        super().__init__()
        self._harness = harness
        self._failed: set[str] = set()

    def startTest(self, test: Foreign) -> None:  # noqa: N802
        self._harness.begin()
        super().startTest(test)

    def addError(self, test: Foreign, err: Foreign) -> None:  # noqa: N802
        self._harness.fail(_name(test), err[1])

    addFailure = addError  # noqa: N815

    def addSubTest(self, test: Foreign, subtest: Foreign, err: Foreign) -> None:  # noqa: N802
        if err is not None:
            self._failed.add(test.id())
            self._harness.fail(_name(subtest), err[1])

    def addSkip(self, test: Foreign, reason: str) -> None:  # noqa: N802
        self._harness.note(_name(test), "skipped", reason)

    def addExpectedFailure(self, test: Foreign, err: Foreign) -> None:  # noqa: N802
        self._harness.note(_name(test), "expected")

    def addUnexpectedSuccess(self, test: Foreign) -> None:  # noqa: N802
        self._harness.note(_name(test), "failed", "it was expected to fail, and did not")

    def addSuccess(self, test: Foreign) -> None:  # noqa: N802
        if test.id() not in self._failed:
            self._harness.note(_name(test), "passed")


def _name(test: Foreign) -> str:
    return str(test.id()).removeprefix(f"{Path(TESTS).stem}.")


def run_pytest(harness: Harness) -> None:
    """Run the tests by pytest: no plugins but its own, no configuration, no conftest."""
    if importlib.util.find_spec("pytest") is None:
        harness.report.absent = "the tests need pytest, which is not there"
        return
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    import pytest

    if importlib.util.find_spec("hypothesis") is not None:
        _settle_hypothesis(harness.source)
    # An empty one, so that none is looked for further up.
    Path("pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    plugin = _PytestPlugin(harness)
    options = ["-c", "pytest.ini", "--rootdir=.", "--noconftest", "-p", "no:cacheprovider"]
    said = io.StringIO()
    # What it says holds times; what came of the tests is heard by the plugin.
    with contextlib.redirect_stdout(said):
        status = pytest.main([*options, "--capture=sys", TESTS], plugins=[plugin])
    plugin.finish()
    if status not in {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED}:
        harness.note("tests", "failed", f"pytest ended with status {int(status)}")


def _settle_hypothesis(source: str) -> None:
    if "hypothesis" in source:
        from hypothesis import settings

        # The same draft gets the same verdict, however busy the machine.
        settings.register_profile("gadfly", database=None, deadline=None, derandomize=True)
        settings.load_profile("gadfly")


class _PytestPlugin:
    """Writes down what comes of pytest's tests."""

    def __init__(self, harness: Harness) -> None:
        self._harness = harness
        self._unexplained: dict[str, None] = {}

    def pytest_pycollect_makemodule(self, module_path: Path, parent: Foreign) -> Foreign:
        return self._harness.collected(module_path, parent)

    def pytest_runtest_logstart(self) -> None:
        self._harness.begin()

    def pytest_runtest_logreport(self, report: Foreign) -> None:
        name = _node_name(report.nodeid)
        if hasattr(report, "wasxfail"):
            self._harness.note(name, "expected")
        elif report.skipped:
            self._harness.note(name, "skipped", str(report.longrepr[2]))
        elif report.failed:
            # Its exception follows, where there is one.
            self._unexplained[name] = None
        elif report.when == "call":
            self._harness.note(name, "passed")

    def pytest_exception_interact(self, node: Foreign, call: Foreign) -> None:
        name = _node_name(node.nodeid) or "tests"
        self._unexplained.pop(name, None)
        self._harness.fail(name, call.excinfo.value)

    def pytest_internalerror(self, excinfo: Foreign) -> None:
        self._harness.fail("tests", excinfo.value)

    def finish(self) -> None:
        """Write down what failed without an exception."""
        for name in self._unexplained:
            self._harness.note(name, "failed", "it was expected to fail, and did not")


def _node_name(nodeid: str) -> str:
    return nodeid.partition("::")[2].replace("::", ".")


RUNNERS: dict[str, Callable[[Harness], None]] = {
    "script": run_script,
    "check": run_check,
    "functions": run_functions,
    "pytest": run_pytest,
}
