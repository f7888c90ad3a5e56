"""A plugin with cheap critics, and `python -m gadfly verify` in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gadfly.testing import install_plugin

PLUGIN = """
import asyncio, json, os
from gadfly import Critique, Finding, Hardness, Job, Verdict, critic, dump, hookimpl

def judge(text):
    if "bad" in text:
        return Critique(Verdict.FAIL, findings=(Finding("it is bad", Hardness.HARD),))
    return Critique(Verdict.PASS if "good" in text else Verdict.ABSTAIN)

def words():
    @critic(name="words", inline=True)
    def words(draft, context):
        return judge(draft.text)
    return words

def slow(seconds=0.02):
    @critic(name="slow", inline=True)
    async def slow(draft, context):
        await asyncio.sleep(seconds)
        return judge(draft.text)
    return slow

def breaks():
    @critic(name="breaks", inline=True)
    def breaks(draft, context):
        if "fragile" in draft.text and os.path.exists(os.environ["PROBE_BROKEN"]):
            raise RuntimeError("the instrument is unplugged")
        return judge(draft.text)
    return breaks

def sees():
    @critic(name="sees", inline=True)
    def sees(draft, context):
        with open(os.environ["PROBE_SEEN"], "a") as file:
            file.write(json.dumps({"task": dump(context.task), "draft": dump(draft)}) + "\\n")
        return judge(draft.text)
    return sees

def spins():
    @critic(name="spins", inline=True)
    async def spins(draft, context):
        await context.sandbox.run(Job(("python", "-c", "while True: pass", draft.text)))
    return spins

@hookimpl
def register_critics(register):
    for factory in (words, slow, breaks, sees, spins):
        register(factory.__name__, factory)
"""


@dataclass(frozen=True)
class Command:
    """`python -m gadfly verify INPUT --out results.jsonl` with the plugin `probe` installed."""

    folder: Path

    @property
    def input(self) -> Path:
        return self.folder / "drafts.jsonl"

    @property
    def out(self) -> Path:
        return self.folder / "results.jsonl"

    @property
    def ledger(self) -> Path:
        return self.folder / "results.jsonl.db"

    @property
    def broken(self) -> Path:
        return self.folder / "broken"

    @property
    def seen(self) -> Path:
        return self.folder / "seen.jsonl"

    def write(self, *rows: Mapping[str, object]) -> Path:
        self.input.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return self.input

    def results(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def start(
        self, *options: str, critic: str = "probe/words", limit_file_bytes: int | None = None
    ) -> subprocess.Popen[str]:
        def prepare() -> None:
            # A test run in the background has SIGINT ignored, and children inherit that.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if limit_file_bytes is not None:
                import resource

                resource.setrlimit(resource.RLIMIT_FSIZE, (limit_file_bytes, limit_file_bytes))

        environment = os.environ | {
            "PYTHONPATH": str(self.folder / "site"),
            "GADFLY_HOME": str(self.folder / "home"),
            "GADFLY_PLUGINS": "probe,local",
            "PROBE_BROKEN": str(self.broken),
            "PROBE_SEEN": str(self.seen),
        }
        arguments = ["verify", str(self.input), "--out", str(self.out), "--critic", critic]
        return subprocess.Popen(
            [sys.executable, "-m", "gadfly", *arguments, "--sandbox", "none", *options],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=prepare,  # noqa: PLW1509 - the tests start no threads
        )

    def run(
        self, *options: str, critic: str = "probe/words", limit_file_bytes: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        process = self.start(*options, critic=critic, limit_file_bytes=limit_file_bytes)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    install_plugin(tmp_path / "site", "probe", PLUGIN)
    return Command(tmp_path)
