"""The attack kit can fail: sandboxes with one hole each are found out, and for that hole."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gadfly import Ended, Isolation, Job, JobResult, Level, Sandbox, UnknownNameError
from gadfly.testing import SANDBOX_ATTACKS, Attack, check_attacks
from gadfly.testing import _attacks as kit
from gadfly.testing._attacks import _attack, _stage
from gadfly.testing._attacks._attack import Kind
from gadfly.testing._attacks._stage import Stage

ATTACKS = {attack.name: attack for attack in SANDBOX_ATTACKS}


class Leaky:
    """Runs jobs as they are, with no protection at all, and claims the highest level.

    It gets good jobs right: what it is found out for is what it lets through.
    """

    name = "leaky"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment: dict[str, str] | None = None
        """None is the host's."""

    def place(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.folder))

    async def run(self, job: Job) -> JobResult:
        # In a thread, which a cancelled call leaves to end by itself.
        return await asyncio.to_thread(self._run, job)

    def _run(self, job: Job) -> JobResult:
        place = self.place()
        for name, text in job.files.items():
            (place / name).write_text(text)
        done = subprocess.run(
            (sys.executable, *job.argv[1:]),
            input=job.stdin.encode(),
            capture_output=True,
            check=False,
            cwd=place,
            env=dict(os.environ) if self.environment is None else self.environment,
            close_fds=False,
        )
        code = done.returncode
        found = {name: place / name for name in job.collect if (place / name).exists()}
        return JobResult(
            ended=Ended.EXITED if code >= 0 else Ended.SIGNALED,
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            stdout=done.stdout.decode(errors="replace"),
            stderr=done.stderr.decode(errors="replace"),
            files={name: path.read_text() for name, path in found.items()},
            isolation=self._isolation(),
        )

    async def probe(self) -> Isolation:
        return self._isolation()

    def _isolation(self) -> Isolation:
        return Isolation(sandbox=self.name, level=Level.STRICT, network="none")

    async def close(self) -> None:
        pass


class Sticky(Leaky):
    """Gives every job the same folder for temporary files, and the folder above it."""

    def place(self) -> Path:
        place = super().place()
        self.environment = dict(os.environ, HOME=str(self.folder), TMPDIR=str(self.folder))
        return place


class Talkative(Leaky):
    """Tells each job what those before were, of which one beside it may have been the last."""

    before = ""

    async def run(self, job: Job) -> JobResult:
        result = await super().run(job)
        said = " ".join((*job.argv[3:], job.stdin))
        if "\0" not in said:
            self.before = f"{said} {self.before}"[:9999]
            self.environment = {**os.environ, "BEFORE": self.before}
        return result


class Credulous(Leaky):
    """Believes what a job prints of itself."""

    async def run(self, job: Job) -> JobResult:
        result = await super().run(job)
        for line in result.stdout.splitlines():
            if line.startswith("{"):
                said: dict[str, Any] = json.loads(line)
                return JobResult(
                    ended=Ended(said["ended"]),
                    exit_code=said["exit_code"],
                    stdout=said["stdout"],
                    isolation=result.isolation,
                )
        return result


@pytest.mark.parametrize(
    ("name", "sandbox", "problem"),
    [
        ("output cut inside a character", Leaky, "ended with exited"),
        ("flood of both streams", Leaky, "ended with exited"),
        ("kills its group", Leaky, "it shares its process group"),
        ("reads the user's files", Leaky, "it reached: .*gadfly-secret"),
        ("writes where everyone may", Leaky, "it wrote"),
        ("names a folder by its number", Leaky, "it reached: .* /"),
        ("reads other processes", Leaky, "it reached: .*cmdline"),
        ("TCP to this machine", Leaky, "it reached: connect 127.0.0.1"),
        ("UDP to this machine", Leaky, "a datagram arrived"),
        ("unix sockets of the machine", Leaky, "it reached: .*socket"),
        ("sockets of the kernel", Leaky, "it reached: .*netlink"),
        ("the environment", Leaky, "a variable of the host"),
        ("privileges", Leaky, "new privileges may be gained"),
        ("kernel addresses", Leaky, "it reached|ended with"),
        ("folder that is a link", Leaky, "it brought back"),
        ("hard links that come back", Leaky, "it brought back|raised"),
        ("leaves files for the next job", Sticky, "the next job found"),
        ("searches memory for earlier jobs", Talkative, "an earlier job's .*argument"),
        ("searches objects for earlier jobs", Talkative, "an earlier job's .*argument"),
        ("forged reports on the streams", Credulous, "exit_code=0"),
        ("forged reports on the channel", Leaky, "ended with exited"),
        ("floods the channel", Leaky, "nothing of the peer"),
    ],
)
async def test_a_hole_is_found(
    name: str, sandbox: Callable[[Path], Leaky], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=problem):
        await ATTACKS[name].run(sandbox(tmp_path))


async def test_what_a_sandbox_without_protection_gets_right_is_held(tmp_path: Path) -> None:
    await ATTACKS["says that it was killed"].run(Leaky(tmp_path))
    await ATTACKS["odd names that come back"].run(Leaky(tmp_path))


# ------------------------------------------------------------------ what is looked at afterwards


class Fading(Leaky):
    """Gets the first job right and no other."""

    jobs = 0

    async def run(self, job: Job) -> JobResult:
        self.jobs += 1
        result = await super().run(job)
        return result if self.jobs == 1 else replace(result, stdout="")


async def test_a_wrong_next_job_is_told(tmp_path: Path) -> None:
    attack = staged("passes by", _passes)

    with pytest.raises(AssertionError, match="the next job: stdout was ''"):
        await attack.run(Fading(tmp_path))


class Confused(Leaky):
    """Gives every job the same answer."""

    async def run(self, job: Job) -> JobResult:
        return replace(await super().run(job), stdout="[]\n")


async def test_a_wrong_job_beside_it_is_told(tmp_path: Path) -> None:
    attack = staged("passes by", _passes)

    with pytest.raises(AssertionError, match="the job beside it: stdout was"):
        await attack.run(Confused(tmp_path))


async def test_a_process_that_is_left_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_stage, "GRACE_SECONDS", 0.1)
    left: list[subprocess.Popen[bytes]] = []

    def start(word: str) -> None:
        command = (sys.executable, "-c", "input()", word)
        left.append(subprocess.Popen(command, stdin=subprocess.PIPE))

    async def leaves(stage: Stage) -> None:
        start(stage.word)

    with pytest.raises(AssertionError, match="processes live on"):
        await staged("leaves", leaves).run(Leaky(tmp_path))
    with left[0] as process:
        process.communicate(b"\n")


async def test_a_sandbox_that_hangs_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_attack, "PATIENCE_SECONDS", 0.05)

    async def waits(stage: Stage) -> None:
        await asyncio.Event().wait()

    with pytest.raises(AssertionError, match="it was not done in"):
        await staged("waits", waits).run(Leaky(tmp_path))


# ------------------------------------------------------------------ check_attacks


def staged(name: str, script: Callable[[Stage], Awaitable[None]]) -> Attack:
    kind = Kind("resources")
    kind.attack(name)(script)
    return kind.attacks[0]


async def _passes(stage: Stage) -> None:
    """Hold."""


def attack(name: str, problem: str = "", wants: Level = Level.UNSAFE) -> Attack:
    async def run(sandbox: Sandbox) -> None:
        if problem:
            raise AssertionError(problem)

    return Attack(name, "resources", run, wants)


class Modest(Leaky):
    """Claims a middling level, and counts how often it is made."""

    made = 0

    def __init__(self) -> None:
        super().__init__(Path())
        Modest.made += 1

    def _isolation(self) -> Isolation:
        return Isolation(sandbox=self.name, level=Level.FAST, network="none")


@pytest.fixture
def attacks(monkeypatch: pytest.MonkeyPatch) -> None:
    these = (
        attack("held"),
        attack("broken", "it got out"),
        attack("held at this level", wants=Level.FAST),
        attack("beyond this level", "it got out", Level.STRICT),
    )
    monkeypatch.setattr(kit, "SANDBOX_ATTACKS", these)


@pytest.mark.usefixtures("attacks")
def test_an_attack_that_succeeds_is_named_and_one_beyond_the_level_is_not_run() -> None:
    with pytest.raises(AssertionError) as caught:
        check_attacks(Modest)

    told = "the sandbox does not hold what it promises:\n- broken: it got out"
    assert str(caught.value) == told


@pytest.mark.usefixtures("attacks")
def test_what_is_not_covered_is_forgiven() -> None:
    check_attacks(Modest, not_covered=["broken"])


@pytest.mark.usefixtures("attacks")
def test_what_is_not_covered_and_held_is_reported() -> None:
    with pytest.raises(AssertionError, match="- held: it is held, but listed as not covered"):
        check_attacks(Modest, not_covered=["broken", "held"])


@pytest.mark.usefixtures("attacks")
def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="broken"):
        check_attacks(Modest, not_covered=["brocken"])


@pytest.mark.usefixtures("attacks")
def test_a_sandbox_that_was_broken_is_replaced() -> None:
    Modest.made = 0

    check_attacks(Modest, not_covered=["broken"])

    assert Modest.made == 2


@pytest.mark.parametrize("attack", SANDBOX_ATTACKS, ids=str)
def test_each_attack_says_its_promise(attack: Attack) -> None:
    assert attack.promise.endswith(".")
    assert attack.kind in {"resources", "lifecycle", "reach", "files", "neighbours", "peers"}


def test_names_are_unique() -> None:
    assert len(ATTACKS) == len(SANDBOX_ATTACKS)
