"""Where an attack takes place: a sandbox, a neighbour at work in it, and what must hold afterwards.

Whatever the attack, the same three things are looked at: a job beside it and the next job get the
right answer, and of the attacker's processes none is left. Processes are found by a word in their
name and command line, which children inherit, so that warm workers are seen through as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path

from gadfly._ports import Sandbox
from gadfly._values.job import Ended, Job, JobResult, Limits

SLACK_SECONDS = 3.0
"""How much later than its wall limit a job may be over: a busy machine is no broken promise."""
GRACE_SECONDS = 2.0
"""How long processes that were killed may take to be gone."""
COPIES = min(4, os.cpu_count() or 1)
"""How many jobs are started at once to meet all workers that a sandbox has by default."""

_NAMED = """\
try:
    with open("/proc/self/comm", "w") as name: name.write({word!r})
except OSError:
    import ctypes
    ctypes.CDLL(None).prctl(15, {word!r}.encode(), 0, 0, 0)
"""
_WORK = """
import os, sys
open("made", "wb").write(bytes(2**20))
pid = os.fork()
if pid == 0:
    os._exit(7)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
n = int(sys.stdin.read())
print(sorted(os.listdir()), status, sum(range(n)), len(sorted("gadfly")))
"""


class Stage:
    """A sandbox under one attack.

    Args:
        sandbox: The sandbox.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.word = f"gadfly{secrets.token_hex(4)}"
        """In the name of every process of the attack; fits into the kernel's 15 bytes."""

    def job(
        self,
        code: str,
        *words: str,
        limits: Limits | None = None,
        files: Mapping[str, str] | None = None,
        stdin: str = "",
        collect: tuple[str, ...] = (),
        preload: tuple[str, ...] = (),
        peer: Job | None = None,
    ) -> Job:
        """Return a job that runs a Python program; its last argument is `word`."""
        return Job(
            ("python", "-c", _NAMED.format(word=self.word) + code, *words, self.word),
            limits=limits or Limits(),
            files=files or {},
            stdin=stdin,
            collect=collect,
            preload=preload,
            peer=peer,
        )

    async def run(self, job: Job) -> JobResult:
        """Run a job, and hold the sandbox to its wall time and to its report.

        Raises:
            AssertionError: It was late, or the result does not say what was in force.
        """
        result = await self.sandbox.run(job)
        late = result.wall_seconds - job.limits.wall_seconds
        hold(late < SLACK_SECONDS, f"it was over {late:.1f} s after its wall limit")
        hold(result.isolation is not None, "the result has no isolation report")
        return result

    async def python(
        self,
        code: str,
        *words: str,
        limits: Limits | None = None,
        files: Mapping[str, str] | None = None,
        stdin: str = "",
        collect: tuple[str, ...] = (),
        preload: tuple[str, ...] = (),
    ) -> JobResult:
        """Run a Python program; see `job` and `run`."""
        return await self.run(
            self.job(
                code,
                *words,
                limits=limits,
                files=files,
                stdin=stdin,
                collect=collect,
                preload=preload,
            )
        )

    async def refused(self, code: str, *words: str) -> None:
        """Run a program that prints what it reached, one line each: it must print nothing.

        Raises:
            AssertionError: It reached something, or it did not come to its end.
        """
        result = await self.python(code, *words)
        hold(not result.stdout, f"it reached: {', '.join(result.stdout.splitlines())}")
        expect(result, Ended.EXITED, exit_code=0, stdout="")

    def survivors(self) -> list[int]:
        """Return the processes of the attack that this machine shows."""
        found: list[int] = []
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                shown = (folder / "comm").read_bytes() + (folder / "cmdline").read_bytes()
            except OSError:
                continue  # gone meanwhile, or none of our business
            if self.word.encode() in shown:
                found.append(int(folder.name))
        return found


@contextlib.contextmanager
def open_folder(mode: int = 0o755) -> Generator[Path]:
    """Make a folder of this machine that every user may look into, or with 0o777 write in."""
    with tempfile.TemporaryDirectory(prefix="gadfly-attack-") as folder:
        place = Path(folder)
        place.chmod(mode)
        yield place


@contextlib.contextmanager
def secret_file(folder: Path) -> Generator[tuple[Path, str]]:
    """Make a file that every user may read; yield it with the text in it."""
    text = f"gadfly-secret-{secrets.token_hex(16)}"
    place = folder / f".gadfly-{secrets.token_hex(8)}"
    place.write_text(text)
    place.chmod(0o644)
    try:
        yield place, text
    finally:
        place.unlink()


async def works(sandbox: Sandbox) -> None:
    """Run a job that uses files, input and a child, and compare its answer.

    Raises:
        AssertionError: The answer is wrong.
    """
    number = secrets.randbelow(50_000)
    job = Job(("python", "-c", _WORK), stdin=str(number))
    result = await sandbox.run(job)
    answer = f"['made'] 7 {sum(range(number))} 6\n"
    expect(result, Ended.EXITED, exit_code=0, stdout=answer, stderr="")


async def leave_no_trace(stage: Stage) -> None:
    """Check that the next job works, and that nothing of the attack is running.

    Raises:
        AssertionError: One of the two does not hold.
    """
    try:
        await works(stage.sandbox)
    except AssertionError as error:
        raise AssertionError(f"the next job: {error}") from error
    try:
        async with asyncio.timeout(GRACE_SECONDS):
            while stage.survivors():  # noqa: ASYNC110 - other processes send us no events
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"processes live on: {stage.survivors()}") from None


def expect(
    result: JobResult,
    ended: Ended,
    *,
    exit_code: int | None = None,
    signal: int | None = None,
    stdout: str | None = None,
    stderr: str | None = None,
) -> None:
    """Compare a result with the one that is right; None for a stream accepts any text.

    Raises:
        AssertionError: They differ.
    """
    found = (result.ended, result.exit_code, result.signal)
    if found != (ended, exit_code, signal):
        raise AssertionError(
            f"it ended with {_end(*found)}, not {_end(ended, exit_code, signal)};"
            f" stdout {result.stdout[-100:]!r}, stderr {result.stderr[-200:]!r}"
        )
    for name, wanted, text in (
        ("stdout", stdout, result.stdout),
        ("stderr", stderr, result.stderr),
    ):
        hold(wanted is None or text == wanted, f"{name} was {text!r:.200}, not {wanted!r:.200}")


def expect_bounded(result: JobResult, *ends: Ended, at_most: float) -> None:
    """Accept one of the ends, or a program that ended by itself and printed that it got little.

    For what the kernel may refuse (a full disk, a locked page): a program that takes the refusal
    has hurt nobody.

    Raises:
        AssertionError: Neither holds.
    """
    if result.ended in ends:
        return
    expect(result, Ended.EXITED, exit_code=0)
    got = float(result.stdout or "inf")
    hold(got <= at_most, f"it got {got:g}, and {at_most:g} was the limit")


def hold(promise: object, problem: str) -> None:
    """Raise AssertionError unless the promise holds; not the statement, which `python -O` drops."""
    if not promise:
        raise AssertionError(problem)


def _end(ended: Ended, exit_code: int | None, signal: int | None) -> str:
    return f"{ended} (exit_code={exit_code}, signal={signal})"
