"""What each sandbox holds is said, what does not work is one line, leftovers are cleaned up."""

from __future__ import annotations

from typing import Any

import pytest

SOUND = """
from pathlib import Path

from gadfly import Isolation, Level, hookimpl

LEFT = Path(__file__).with_name("left.txt")

class Sound:
    name = "sound"

    def __init__(self, *, level="fast"):
        self.level = level

    async def run(self, job):
        raise NotImplementedError

    async def probe(self):
        return Isolation(
            sandbox="sound",
            level=Level(self.level),
            network="none",
            details={"seccomp": True, "namespaces": ["pid", "net"], "user": 65534},
            missing=("landlock: boot a kernel that has it",),
        )

    async def cleanup(self, *, dry_run=False):
        lines = LEFT.read_text().splitlines() if LEFT.exists() else []
        if not dry_run:
            LEFT.write_text("")
        return lines

    async def close(self):
        LEFT.with_name("closed").touch()

@hookimpl
def register_sandboxes(register):
    register("sound", Sound)
    register("twin", Sound)
"""
BROKEN = """
from gadfly import SandboxError, hookimpl

class Broken:
    name = "broken"

    async def run(self, job):
        raise NotImplementedError

    async def probe(self):
        raise SandboxError("nothing works;\\ninstall something")

    async def cleanup(self, *, dry_run=False):
        raise SandboxError("nobody answers")

    async def close(self):
        pass

@hookimpl
def register_sandboxes(register):
    register("broken", Broken)
"""


@pytest.fixture
def both(gadfly: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Two plugins: one whose sandboxes work and leave things, one whose sandbox does not work."""
    monkeypatch.setenv("GADFLY_PLUGINS", "sound,broken")
    gadfly.install("sound", SOUND)
    gadfly.install("broken", BROKEN)
    return gadfly


def leave(gadfly: Any, *lines: str) -> None:
    (gadfly.site / "left.txt").write_text("\n".join(lines))


def test_the_list_names_what_is_installed_and_starts_nothing(both: Any) -> None:
    done = both.run("sandbox", "list")

    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[1:] == [
        ["broken", "gadfly-broken"],
        ["sound", "gadfly-sound"],
        ["sound/twin", "gadfly-sound"],
    ]
    assert (done.returncode, done.stderr) == (0, "")


def test_without_a_sandbox_the_list_says_how_to_get_one(
    gadfly: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GADFLY_PLUGINS", "")

    assert "gadfly plugins install gadfly-local" in gadfly.run("sandbox", "list").stdout


def test_a_probe_says_what_is_in_force_and_what_is_missing(both: Any) -> None:
    done = both.run("sandbox", "probe", "sound")

    assert done.stdout.splitlines() == [
        "sound: level fast, network none",
        "  seccomp     yes",
        "  namespaces  pid, net",
        "  user        65534",
        "  missing: landlock: boot a kernel that has it",
    ]
    assert (done.returncode, done.stderr) == (0, "")
    assert (both.site / "closed").exists()


def test_a_probe_takes_options(both: Any) -> None:
    answer = both.json("sandbox", "probe", "sound", "--option", "level=strict")

    assert answer["sound"]["level"] == "strict"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("sound", "--option", "level"), "option 'level' must read NAME=VALUE"),
        (("sound", "--option", "colour=red"), "does not take these options"),
        (("--option", "level=strict"), "name the sandbox, too"),
        (("sond",), "no sandbox named 'sond'; nearest: sound"),
    ],
)
def test_what_is_asked_wrongly_is_code_2(both: Any, arguments: tuple[str, ...], line: str) -> None:
    done = both.run("sandbox", "probe", *arguments)

    assert done.returncode == 2
    assert line in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_sandbox_that_does_not_work_here_is_code_3_and_one_line(both: Any) -> None:
    done = both.run("sandbox", "probe", "broken")

    assert done.returncode == 3
    assert done.stderr == "error: nothing works; install something\n"


def test_of_all_those_that_do_not_work_are_named_beside_the_others(both: Any) -> None:
    done = both.run("sandbox", "probe")

    assert "broken: does not work here: nothing works; install something\n" in done.stdout
    assert "sound/twin: level fast, network none\n" in done.stdout
    assert done.returncode == 0


def test_it_is_code_3_if_none_of_all_works(both: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GADFLY_PLUGINS", "broken")

    done = both.run("sandbox", "probe", "--json")

    assert done.returncode == 3
    assert '"problem": "nothing works; install something"' in done.stdout


def test_leftovers_are_removed_and_named_once(both: Any) -> None:
    leave(both, "a container", "a folder")

    done = both.run("sandbox", "cleanup")

    assert done.stdout == "removed a container\nremoved a folder\n"
    assert done.stderr == "broken: nobody answers\n"
    assert done.returncode == 0
    assert both.run("sandbox", "cleanup").stdout == "nothing is left over\n"


def test_a_dry_run_removes_nothing(both: Any) -> None:
    leave(both, "a container")

    # Both sandboxes of the plugin find it: it is named once.
    done = both.run("sandbox", "cleanup", "--dry-run")

    assert done.stdout == "would remove a container\n"
    assert both.json("sandbox", "cleanup", "sound") == {
        "dry_run": False,
        "removed": ["a container"],
    }


def test_a_sandbox_that_is_named_and_cannot_look_is_code_3(both: Any) -> None:
    done = both.run("sandbox", "cleanup", "broken")

    assert (done.returncode, done.stderr) == (3, "error: nobody answers\n")


def test_a_sandbox_that_never_leaves_anything_needs_no_cleanup(
    gadfly: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GADFLY_PLUGINS", "tidy")
    source = BROKEN.replace("async def cleanup", "async def other").replace("broken", "tidy")
    gadfly.install("tidy", source)

    assert gadfly.run("sandbox", "cleanup").stdout == "nothing is left over\n"


def test_other_peoples_words_cannot_steer_the_terminal(both: Any) -> None:
    leave(both, "a \x1b[2Jcontainer")

    assert both.run("sandbox", "cleanup").stdout == "removed a \\x1b[2Jcontainer\n"
