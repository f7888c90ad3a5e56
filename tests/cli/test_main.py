"""Errors become one line and a code that scripts can rely on; stdout is for data."""

from __future__ import annotations

import errno
import re
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from gadfly import (
    CriticError,
    InputError,
    ModelError,
    OracleError,
    PluginError,
    SandboxError,
    StorageError,
    ToolError,
    UnknownNameError,
)
from gadfly._cli import COMMANDS, main

HEAVY = ("langgraph", "langchain_core", "torch", "rich", "pydantic", "aiosqlite")
FULL_DEVICE = Path("/dev/full")


@pytest.fixture
def run_command(
    monkeypatch: pytest.MonkeyPatch, own_logging: None
) -> Callable[[Callable[[], None]], int]:
    """Runs a function as if it were the command `gadfly probe`, and returns the exit code."""

    def run(function: Callable[[], None], *options: str) -> int:
        module = types.ModuleType("gadfly._cli.probe")
        module.command = function  # type: ignore[attr-defined] # a module made by hand
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(COMMANDS, "probe", "Do what a test wants.")
        with pytest.raises(SystemExit) as exit_:
            main([*options, "probe"])
        assert isinstance(exit_.value.code, int)
        return exit_.value.code

    return run


def _raiser(error: BaseException) -> Callable[[], None]:
    def command() -> None:
        raise error

    return command


def _wrapped(cause: BaseException) -> BaseException:
    error = SandboxError("the sandbox failed")
    error.__cause__ = cause
    return error


FULL_DISK = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        pytest.param(InputError("no"), 2, "error: no", id="input"),
        pytest.param(OracleError("gold"), 2, "error: gold", id="oracle"),
        pytest.param(
            UnknownNameError("critic", "runz", ["python/runs"]), 2, "error: no critic", id="name"
        ),
        pytest.param(PluginError("odd"), 3, "error: odd", id="plugin"),
        pytest.param(ToolError("broke"), 3, "error: broke", id="tool"),
        pytest.param(CriticError("broke"), 3, "error: broke", id="critic"),
        pytest.param(ModelError("broke"), 3, "error: broke", id="model"),
        pytest.param(SandboxError("broke"), 3, "error: broke", id="sandbox"),
        pytest.param(StorageError("full"), 4, "error: full", id="storage"),
        pytest.param(FULL_DISK, 4, "error: no space is left", id="full-disk"),
        pytest.param(_wrapped(FULL_DISK), 4, "error: no space is left", id="full-disk-inside"),
        pytest.param(ZeroDivisionError("oops"), 70, "internal error: ZeroDivis", id="bug"),
        pytest.param(
            PermissionError(13, "denied"), 70, "internal error: Perm", id="other-os-error"
        ),
        pytest.param(KeyboardInterrupt(), 130, "interrupted: what was finished", id="ctrl-c"),
        pytest.param(KeyboardInterrupt("go on so"), 130, "interrupted: go on so", id="ctrl-c-how"),
        pytest.param(typer.Abort(), 130, "interrupted: ", id="abort"),
    ],
)
def test_an_error_is_one_line_and_its_code(
    run_command: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    line: str,
) -> None:
    assert run_command(_raiser(error)) == code

    captured = capsys.readouterr()
    assert captured.err.startswith(line)
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_command_that_returns_is_done(run_command: Callable[..., int]) -> None:
    assert run_command(lambda: None) == 0


def test_a_command_may_choose_its_code(run_command: Callable[..., int]) -> None:
    assert run_command(_raiser(typer.Exit(1))) == 1


def test_an_error_of_several_lines_is_still_one(
    run_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(_raiser(InputError("first\n  second")))

    assert capsys.readouterr().err == "error: first second\n"


def test_an_error_cannot_steer_the_terminal(
    run_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(_raiser(InputError("\x1b[2Jgone")))

    assert capsys.readouterr().err == "error: \\x1b[2Jgone\n"


def test_debug_shows_the_traceback(
    run_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(_raiser(InputError("no")), "--debug")

    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.endswith("error: no\n")


def test_a_reader_that_has_enough_is_no_noise(
    run_command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(_raiser(BrokenPipeError())) == 4
    assert capsys.readouterr().err == ""


def test_a_pipe_that_nobody_reads_is_quiet(gadfly: Any) -> None:
    with gadfly.start("plugins", "list", "--json") as process:
        process.stdout.close()

        assert process.stderr.read() == ""
    assert process.returncode == 4


@pytest.mark.skipif(not FULL_DEVICE.exists(), reason="no /dev/full")
@pytest.mark.parametrize(
    "arguments", [["--help"], ["plugins", "list"], ["plugins", "list", "--json"]], ids=" ".join
)
def test_output_that_cannot_be_written_is_code_4(gadfly: Any, arguments: list[str]) -> None:
    with FULL_DEVICE.open("w") as full:
        done = gadfly.run(*arguments, stdout=full)

    assert done.returncode == 4
    assert done.stderr.startswith("error: no space is left")
    assert done.stderr.count("\n") == 1


SLEEPY = """
import sys, time
print("importing", file=sys.stderr, flush=True)
time.sleep(60)
"""


def test_ctrl_c_ends_with_130_and_one_line(gadfly: Any) -> None:
    gadfly.install("sleepy", SLEEPY)
    with gadfly.start("plugins", "info", "sleepy") as process:
        assert process.stderr.readline() == "importing\n"

        process.send_signal(signal.SIGINT)

        assert process.stderr.read() == "interrupted: what was finished is kept\n"
    assert process.returncode == 130


@pytest.mark.parametrize(
    "arguments",
    [["plugin"], ["plugins", "lst"], ["plugins", "info"], ["trace", "show", "--nope"], ["--nope"]],
    ids=" ".join,
)
def test_wrong_usage_is_code_2_without_a_traceback(gadfly: Any, arguments: list[str]) -> None:
    done = gadfly.run(*arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_misspelt_command_names_the_right_one(gadfly: Any) -> None:
    assert "Did you mean 'plugins'?" in gadfly.run("plugin").stderr


def test_help_lists_every_exit_code_and_command(gadfly: Any) -> None:
    done = gadfly.run("--help")

    codes = re.findall(r"^ +(\d+)  ", done.stdout, re.MULTILINE)
    assert codes == ["0", "1", "2", "3", "4", "70", "130"]
    assert all(re.search(rf"^  {name} ", done.stdout, re.MULTILINE) for name in COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from gadfly._cli import main\n"
        "try:\n    main(['--help'])\n"
        f"finally:\n    print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stderr == "[]\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(gadfly: Any, name: str) -> None:
    done = gadfly.run(name, "--help")

    assert done.returncode == 0, done.stderr
    assert f"Usage: gadfly {name}" in done.stdout


def test_version_is_the_distributions(gadfly: Any) -> None:
    from importlib.metadata import version

    assert gadfly.run("--version").stdout == f"{version('gadfly')}\n"
