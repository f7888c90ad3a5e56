"""Commands that plugins bring are run under the plugin's name, and fail like any other."""

from __future__ import annotations

from typing import Any

import pytest

PLUGIN = """
from gadfly import InputError, hookimpl

def doctor(words):
    if "broken" in words:
        raise InputError("broken is not\\n a word")
    print("doctor", *words)
    return len(words)

@hookimpl
def register_commands(register):
    register("doctor", doctor)
"""


@pytest.fixture
def plugged(gadfly: Any) -> Any:
    gadfly.install("mine", PLUGIN)
    gadfly.install("run", PLUGIN)
    gadfly.install("bare", "")
    gadfly.install("broken", "import no_such_module_anywhere\n")
    return gadfly


def test_a_plugins_command_gets_its_words_and_gives_the_exit_code(plugged: Any) -> None:
    done = plugged.run("mine", "doctor", "--help", "-x")

    assert (done.stdout, done.stderr, done.returncode) == ("doctor --help -x\n", "", 2)


@pytest.mark.parametrize("words", [(), ("--help",)])
def test_a_plugins_commands_are_listed(plugged: Any, words: tuple[str, ...]) -> None:
    done = plugged.run("mine", *words)

    assert (done.stdout, done.stderr, done.returncode) == ("gadfly mine doctor\n", "", 0)


@pytest.mark.parametrize(
    ("words", "line", "code"),
    [
        (("mine", "doctor", "broken"), "error: broken is not a word", 2),
        (("mine", "nurse"), "error: plugin 'mine' has no command 'nurse': doctor", 2),
        (("bare",), "error: plugin 'bare' has no commands; see `gadfly --help`", 2),
        (("broken", "doctor"), "error: plugin 'broken' is quarantined: it does not load", 3),
    ],
)
def test_what_cannot_be_run_is_one_line(
    plugged: Any, words: tuple[str, ...], line: str, code: int
) -> None:
    done = plugged.run(*words)

    assert done.stdout == ""
    assert line in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert done.returncode == code


def test_a_plugin_cannot_take_the_name_of_a_command(plugged: Any) -> None:
    done = plugged.run("run", "doctor", "--help")

    assert "Usage: gadfly run" in done.stdout
