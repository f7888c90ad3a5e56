"""`gadfly run` with a model and critics of a plugin: no weights are needed."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gadfly.testing import install_plugin

if TYPE_CHECKING:
    from tests.engine.conftest import Marks

PLUGIN = """
import os, time
from gadfly import Critique, Finding, Hardness, ModelError, Reply, Verdict, critic, hookimpl

class Told:
    def __init__(self, text):
        self.name, self.text = f"told:{text}", text

    async def generate(self, messages):
        print("a careless plugin prints")
        if self.text == "mute" and not os.path.exists("awake"):
            raise ModelError("model told:mute did not answer")
        refined = len(messages) > 1
        return Reply(text="good" if refined or self.text == "mute" else self.text)

def says():
    @critic(name="says")
    def says(draft, context):
        if "good" in draft.text:
            return Critique(Verdict.PASS)
        return Critique(Verdict.FAIL, findings=(Finding("it is not good", Hardness.HARD),))
    return says

def unsure():
    return critic(name="unsure")(lambda draft, context: Critique(Verdict.ABSTAIN, "who knows"))

def slow():
    @critic(name="slow")
    def slow(draft, context):
        again = os.path.exists("marks")
        with open("marks", "a") as file:
            file.write(f"{os.getpid()}\\n")
        time.sleep(0 if again else 600)
        return Critique(Verdict.PASS)
    return slow

@hookimpl
def register_models(register):
    register("told", Told)

@hookimpl
def register_critics(register):
    register("says", says)
    register("unsure", unsure)
    register("slow", slow)
"""


@dataclass(frozen=True)
class Command:
    """`gadfly run` in a folder of its own."""

    folder: Path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        environment = {"PYTHONPATH": str(self.folder / "site"), "GADFLY_HOME": str(self.folder)}
        return subprocess.Popen(
            [sys.executable, "-m", "gadfly", "run", *arguments],
            cwd=self.folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # A test run in the background has SIGINT ignored, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads here
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr."""
        with self.start(*arguments) as process:
            try:
                out, err = process.communicate(timeout=120)
            finally:
                process.kill()
        return process.returncode, out, err


@pytest.fixture
def command(tmp_path: Path) -> Command:
    install_plugin(tmp_path / "site", "told", PLUGIN)
    return Command(tmp_path)


def asking(model: str, critic: str = "told/says") -> tuple[str, ...]:
    return ("--model", f"told:{model}", "--critic", critic)


def go_on(err: str) -> list[str]:
    """The options that the last line tells a person to give."""
    found = re.search(r"the same command with (--resume \S+) instead of the question", err)
    assert found, err
    return shlex.split(found[1])


def test_an_accepted_answer_is_exit_code_0(command: Command) -> None:
    code, out, err = command.run("What?", *asking("bad"))

    assert (code, out) == (0, "good\n"), err
    assert "it is not good" in err
    assert "accepted: told/says passed it" in err


def test_an_answer_that_is_not_accepted_is_exit_code_1(command: Command) -> None:
    code, out, err = command.run("What?", *asking("bad", "told/unsure"))

    assert (code, out) == (1, "bad\n"), err
    assert "undecided" in err


def test_json_is_all_that_is_on_stdout(command: Command) -> None:
    code, out, err = command.run("What?", *asking("bad"), "--json", "--name", "r1")

    outcome = json.loads(out)
    assert code == 0, err
    assert (outcome["run"], outcome["stopped"], outcome["oracle"]) == ("r1", "accepted", "none")
    assert [draft["text"] for draft in outcome["drafts"]] == ["bad", "good"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("What?",), "give a model"),
        (("What?", "--model", "told:x"), "give at least one --critic"),
        ((*asking("x"),), "give a question, or a run to go on with"),
        (("What?", *asking("x", "told/say")), "no critic named 'told/say'; nearest: told/says"),
        (("What?", "--model", "tell:x", "--critic", "told/says"), "no model provider named 'tell'"),
        (("--resume", "r9", *asking("x")), "no run named 'r9'"),
    ],
)
def test_what_is_given_wrongly_is_exit_code_2(
    command: Command, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = command.run(*arguments)

    assert (code, out) == (2, "")
    assert message in err and "Traceback" not in err


def test_a_model_that_fails_is_exit_code_3_and_the_run_can_go_on(command: Command) -> None:
    code, out, err = command.run("What?", *asking("mute"))
    (command.folder / "awake").touch()
    resumed = command.run(*go_on(err), *asking("mute"))

    assert (code, out) == (3, "")
    assert "error: model told:mute did not answer; finished work is kept" in err
    assert resumed[:2] == (0, "good\n"), resumed


async def test_ctrl_c_is_exit_code_130_and_the_run_can_go_on(
    command: Command, marks: Marks, gone: Callable[[object], None]
) -> None:
    with command.start("What?", *asking("fine", "told/slow")) as process:
        (critic,) = await marks.wait()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    gone(critic)
    resumed = command.run(*go_on(err), *asking("fine", "told/slow"))

    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1].startswith("interrupted: ") and "Traceback" not in err
    assert resumed[:2] == (0, "fine\n"), resumed


def test_a_person_is_asked_and_answers_with_resume(command: Command) -> None:
    ask = asking("bad", "told/unsure")
    waiting: tuple[int, str, str] = command.run("What?", *ask, "--ask", "--name", "r1", "--json")
    resumed: Any = command.run("--resume", "r1", "--answer", "stop", *ask, "--ask", "--json")

    assert (waiting[0], json.loads(waiting[1])["stopped"]) == (1, "waiting")
    assert (resumed[0], json.loads(resumed[1])["stopped"]) == (1, "person")
