"""A plugin with cheap critics, `python -m gadfly verify` in a process of its own, and databases."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gadfly import InputError
from gadfly._jobs._database import Database
from gadfly._jobs._store import Store
from gadfly.testing import install_plugin

POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))

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

def kills():
    @critic(name="kills", inline=True)
    def kills(draft, context):
        # Whoever checks it: the first time where there is a file to tell, else always.
        if "deadly" in draft.text and not os.path.exists(os.environ["PROBE_KILLED"]):
            if "once" in draft.text:
                open(os.environ["PROBE_KILLED"], "w").close()
            os.kill(os.getpid(), 9)
        return judge(draft.text)
    return kills

def spins():
    @critic(name="spins", inline=True)
    async def spins(draft, context):
        # Not Python, which may run in a fork that bears no arguments of its own.
        await context.sandbox.run(Job(("sh", "-c", "while :; do sleep 1; done", draft.text)))
    return spins

@hookimpl
def register_critics(register):
    for factory in (words, slow, breaks, sees, kills, spins):
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

    @property
    def killed(self) -> Path:
        return self.folder / "killed"

    def write(self, *rows: Mapping[str, object]) -> Path:
        self.input.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return self.input

    def results(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_text().splitlines()]

    def start(
        self, *options: str, critic: str = "probe/words", limit_file_bytes: int | None = None
    ) -> subprocess.Popen[str]:
        given = ["--out", str(self.out), "--critic", critic, "--sandbox", "none", *options]
        return self._start("verify", str(self.input), *given, limit_file_bytes=limit_file_bytes)

    def run(
        self, *options: str, critic: str = "probe/words", limit_file_bytes: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        return ended(self.start(*options, critic=critic, limit_file_bytes=limit_file_bytes))

    def wait_for_done(self, process: subprocess.Popen[str], count: int) -> None:
        """Return when that many rows are in the ledger; the process must still be at work."""
        self.wait_until(lambda: self.count_done() >= count or process.poll() is not None)
        assert process.poll() is None, "the job ended before it could be interrupted"

    def count_done(self) -> int:
        """Return how many rows of the ledger are done; -1 until it is filled."""
        try:
            with closing(Database(self.ledger, create=False)) as database:
                batches = Store(database).batches()
        except InputError:
            return -1
        return batches[0].counts.get("done", 0) if batches else -1

    @staticmethod
    def wait_until(holds: Callable[[], object]) -> None:
        deadline = time.monotonic() + 120
        while not holds():
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.02)

    def jobs(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `gadfly jobs` in the folder of the ledger."""
        return ended(self._start("jobs", *arguments))

    def jobs_json(self, *arguments: str) -> Any:
        """What `gadfly jobs ... --json` prints."""
        ran = self.jobs(*arguments, "--json")
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def _start(self, *arguments: str, limit_file_bytes: int | None = None) -> subprocess.Popen[str]:
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
            "PROBE_KILLED": str(self.killed),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "gadfly", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=prepare,  # noqa: PLW1509 - the tests start no threads
        )


def ended(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    out, err = process.communicate(timeout=120)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    install_plugin(tmp_path / "site", "probe", PLUGIN)
    return Command(tmp_path)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A PostgreSQL server of our own, behind a socket in a folder of its own; yields the folder."""
    if not POSTGRESQL:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    programs = POSTGRESQL[-1].parent
    # The server refuses to run as root; and a socket's path is short.
    as_server = ("runuser", "-u", "postgres", "--") if os.geteuid() == 0 else ()
    with tempfile.TemporaryDirectory(prefix="gadfly-pg-") as folder:
        if as_server:
            shutil.chown(folder, "postgres")
        data = f"{folder}/data"

        def call(program: str, *arguments: str) -> None:
            line = [*as_server, str(programs / program), "-D", data, *arguments]
            subprocess.run(line, check=True, capture_output=True, timeout=120, cwd="/")

        call("initdb", "--auth=trust", "--username=postgres", "--no-sync", "--encoding=UTF8")
        settings = f"-c listen_addresses= -c fsync=off -k {folder}"
        call("pg_ctl", "start", "-w", "-l", f"{folder}/log", "-o", settings)
        try:
            yield folder
        finally:
            call("pg_ctl", "stop", "-w", "-m", "immediate")


@pytest.fixture
def postgresql_url(postgresql: str) -> str:
    """A new database on a real server."""
    psycopg = pytest.importorskip("psycopg", reason="gadfly[postgresql] is not installed")
    name = f"test_{secrets.token_hex(4)}"
    with psycopg.connect(f"host={postgresql} user=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql://postgres@/{name}?host={postgresql}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place for a store, of each kind that there is."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/store.db"
    url: str = request.getfixturevalue("postgresql_url")
    return url
