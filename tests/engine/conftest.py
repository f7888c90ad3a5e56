"""Agents that keep nothing, critics that leave marks, and scripts in processes of their own."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gadfly import Agent, Context, Critic, Critique, Draft, Verdict, critic
from gadfly._engine.checker import Checker
from gadfly.testing import ScriptedActor

PATIENCE = 60.0
"""Seconds that something may take on a loaded machine before a test gives it up."""


@dataclass(frozen=True)
class Marks:
    """A file in which critics leave marks, from whatever process."""

    path: Path

    def read(self) -> list[str]:
        return self.path.read_text().split() if self.path.exists() else []

    async def wait(self, count: int = 1) -> list[str]:
        """Return the marks once there are so many."""
        ends = time.monotonic() + PATIENCE
        while len(self.read()) < count:
            assert time.monotonic() < ends, f"only {self.read()} in {self.path}"
            await asyncio.sleep(0.02)
        return self.read()

    def critic(self, mark: str = "{pid}", *, sleep: float = 0, **wishes: Any) -> Critic:
        """A critic that passes everything, leaves a mark, and then sleeps."""
        path = self.path

        # Local functions travel by value: a process does not have to import this module.
        async def leaves_a_mark(draft: Draft, context: Context) -> Critique:
            with path.open("a") as file:
                file.write(mark.format(pid=os.getpid()) + "\n")
            await asyncio.sleep(sleep)
            return Critique(Verdict.PASS)

        options: dict[str, Any] = {"name": mark, **wishes}
        made: Critic = critic(**options)(leaves_a_mark)
        return made


@pytest.fixture
def marks(tmp_path: Path) -> Marks:
    return Marks(tmp_path / "marks")


@pytest.fixture
async def checker() -> AsyncIterator[Checker]:
    async with Checker(workers=4) as checker:
        yield checker


@pytest.fixture
def make_agent() -> Callable[..., Agent]:
    """Agents that draft "one", then "two", ..., and keep nothing."""

    def make(*critics: Any, **options: Any) -> Agent:
        defaults: dict[str, Any] = {
            "actor": ScriptedActor("one", "two", "three", "four", "five", "six"),
            "sandbox": None,
            "checkpoints": None,
            "traces": None,
        }
        return Agent(critics=critics, **{**defaults, **options})

    return make


@dataclass(frozen=True)
class Scripts:
    """Runs Python scripts in processes of their own, in one folder."""

    folder: Path

    def start(self, source: str, *arguments: object, **environment: str) -> subprocess.Popen[str]:
        path = self.folder / "script.py"
        path.write_text(textwrap.dedent(source))
        return subprocess.Popen(
            [sys.executable, str(path), *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, source: str, *arguments: object, **environment: str) -> str:
        """What a script that succeeds prints."""
        with self.start(source, *arguments, **environment) as process:
            try:
                out, err = process.communicate(timeout=2 * PATIENCE)
            finally:
                process.kill()
        assert process.returncode == 0, err
        return out


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    return Scripts(tmp_path)


def is_alive(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


@pytest.fixture
def gone() -> Callable[[object], None]:
    """Wait until a process has ended."""

    def wait(pid: object) -> None:
        ends = time.monotonic() + PATIENCE
        while is_alive(int(str(pid))):
            assert time.monotonic() < ends, f"process {pid} is alive"
            time.sleep(0.05)

    return wait
