"""The driver `pool`: a bounded number of `coqtop`s, kept warm by header. A sieve, at most L2.

Each submission starts from the state that the header made: `BackTo` returns to it first. Its
statement is the task's own, read before the submission could change what it means. After each step
Rocq must fail to find a name that did not exist before, so an answer belongs to its question. What
is unexpected ends the process and is a `problem`.

A sandbox of Gadfly holds one job, not a session: these processes have limits and a folder of their
own, and no more. So a submission with a command that reaches files, plugins or other processes is
not sent at all; commands are spelled out, and are found by their words.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import resource
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self, cast

from gadfly import InputError
from gadfly_rocq._assumptions import is_canary, read_assumptions, read_location
from gadfly_rocq._drafts import is_script, without_header
from gadfly_rocq._oneshot import PLAIN, SAFE
from gadfly_rocq._ports import Answer, Assumption, Message, Request
from gadfly_rocq._text import blanked, is_whole, sentences
from gadfly_rocq._toolchain import GET_ROCQ, Toolchain
from gadfly_rocq._versions import FILES, features

_MIB = 1 << 20
_PROMPT = re.compile(r"<prompt>(?P<name>.*?) < (?P<state>\d+) \|.*?</prompt>")
_NOTICE = re.compile(r"<infomsg>.*?</infomsg>", re.DOTALL)
_PROMPT_END = re.compile(r"<prompt>.*?</prompt>")
_ERROR = re.compile(r"^Error:\s*(?P<text>.*)\Z", re.DOTALL | re.MULTILINE)
_GOALS = re.compile(r"^\d+ goals?\b", re.MULTILINE)
_BULLET = re.compile(r"(?:-+|\++|\*+|\{|\}|(?:\d+|\[[^\]]*\])\s*:\s*\{)\s*")
_BANNER = re.compile(r"Welcome to (?P<version>[^\n]+)")
_TOP = "Coq"
"""What the prompt says where no proof is open."""
_ENDING_SECONDS = 5.0
_NAMES = 200
_KEPT = 4_096
_BEGUN = 5
"""Sentences of the return to the header and of the challenge."""
_PROBED = 10
"""Sentences of the probe."""


class _LostError(Exception):
    """Nothing is known, and the process must be ended."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again
        """Whether an earlier submission is to blame, so that a fresh process may do better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """What one `coqtop` may use, and when it is replaced.

    Raises:
        InputError: A limit is not positive.
    """

    header_seconds: float = 60.0
    """Wall time from its start until the header is read."""
    address_mib: int = 4_096
    """Address space."""
    file_kib: int = 64
    """Largest size of a file that it writes."""
    answer_kib: int = 4_096
    """Size of the answer to one step."""
    recycle_uses: int = 500
    """Submissions after which it is replaced."""

    def __post_init__(self) -> None:
        for name in PoolLimits.__slots__:
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, not {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class _Said:
    """The answer to one step."""

    text: str
    proof: bool
    """Whether a proof is open after it."""
    state: int
    """The number of the state after it."""

    @property
    def steps(self) -> list[str]:
        """What was said after each sentence; a bullet is one, too."""
        text = _NOTICE.sub("", self.text)
        return [one.strip() for one in _PROMPT_END.split(text)[:-1]]

    @property
    def error(self) -> tuple[str, int, str] | None:
        """The first error, how many sentences came before it, and the goals there."""
        steps = self.steps
        for place, step in enumerate(steps):
            if match := _ERROR.search(step):
                goals = next((one for one in reversed(steps[:place]) if _GOALS.search(one)), "")
                return match["text"], place, goals
        return None


_Ask = Callable[[str], Awaitable[_Said]]


class _Worker:
    """One `coqtop`, on which a header was read."""

    def __init__(
        self, process: asyncio.subprocess.Process, folder: str, limits: PoolLimits
    ) -> None:
        self.header = ""
        self.version = ""
        self.uses = 0
        self._process = process
        self._folder = folder
        self._limits = limits
        self._home = 0

    @classmethod
    async def start(cls, command: str, limits: PoolLimits) -> _Worker:
        """Start a process.

        Raises:
            _LostError: It cannot be started.
        """
        folder = tempfile.mkdtemp(prefix="gadfly-rocq-")
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *(command, "-q", "-emacs", "-color", "no", "-native-compiler", "no"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                cwd=folder,
                env={**kept, "HOME": folder},
                start_new_session=True,
            )
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise _LostError(f"coqtop cannot be started: {error.strerror or error}") from error
        worker = cls(process, folder, limits)
        sizes = {
            resource.RLIMIT_AS: limits.address_mib * _MIB,
            resource.RLIMIT_FSIZE: limits.file_kib << 10,
            resource.RLIMIT_CORE: 0,
        }
        with contextlib.suppress(ProcessLookupError):
            for kind, size in sizes.items():
                resource.prlimit(process.pid, kind, (size, size))
        return worker

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def is_worn(self) -> bool:
        """Whether it has served enough."""
        return self.uses >= self._limits.recycle_uses

    async def begin(self, header: str) -> None:
        """Read the header.

        Raises:
            _LostError: It could not, or the header has errors.
        """
        self.header = header
        said = await self._ask(header, self._limits.header_seconds)
        if said.error or said.proof:
            why = said.error[0] if said.error else "a proof is left open"
            raise _LostError(f"the header is not accepted: {why[:300]}")
        banner = _BANNER.search(said.text)
        self.version = banner["version"].strip() if banner else ""
        self._home = said.state

    async def check(self, request: Request) -> Answer:
        """Read one submission, and return to the header.

        Raises:
            _LostError: Nothing is known of it.
        """
        self.uses += 1
        deadline = time.monotonic() + request.seconds
        word = _new_word()

        async def ask(text: str) -> _Said:
            return await self._ask(text, max(0.01, deadline - time.monotonic()))

        claim = f"Module Type {word}.\n{request.statement}\nAdmitted.\nEnd {word}.\n"
        source = without_header(request.source, request.header)
        lead = f"{request.statement}\n" if is_script(source, request.target) else ""
        # One step, as each costs time; what Rocq says of the first five sentences came first.
        said = await ask(f"BackTo {self._home}.\n{claim}{lead}{source}")
        self._hold(said)
        answer = Answer(driver=RocqPool.name, versions={"rocq": self.version})
        answer = replace(answer, raw=said.text[-_KEPT:])
        if error := said.error:
            return replace(answer, messages=(_message(error, claim + lead, source),))
        if said.proof:
            return replace(answer, messages=(Message(text="a proof is left open"),))
        answer = await self._probed(ask, request, word, answer)
        return replace(answer, assumptions=await self._renamed(answer.assumptions))

    def _hold(self, said: _Said) -> None:
        """Hold that it returned to the header, and that the challenge was accepted there."""
        prompts = list(_PROMPT.finditer(said.text))[:_BEGUN]
        back = prompts[0] if prompts else None
        if back is None or back["name"] != _TOP or int(back["state"]) != self._home:
            raise _LostError("it did not return to where the header was read", again=True)
        begun = said.steps[1:_BEGUN]
        if len(begun) < _BEGUN - 1 or any(_ERROR.search(step) for step in begun):
            text = "; ".join(step for step in begun if _ERROR.search(step))
            raise _LostError(f"the challenge is not accepted: {text[:300]}")

    async def _probed(self, ask: _Ask, request: Request, word: str, answer: Answer) -> Answer:
        target = request.target
        said = await ask(
            f"{SAFE}Module {word}_same <: {word}.\nDefinition {target} := {target}.\n"
            f"End {word}_same.\n"
            f"Axiom {word}_a : False.\nDefinition {word}_b := {word}_a.\n"
            f"Print Assumptions {word}_b.\nPrint Assumptions {target}."
        )
        steps = said.steps
        errors = [step for step in steps if _ERROR.search(step)]
        if errors:
            text = " ".join(errors[0].partition("Error:")[2].split())
            if "was not found" in text:
                return replace(answer, target_found=False)
            if "do not match" in text:
                answer = replace(answer, statement_holds=False, statement_said=text[:500])
            return answer
        answer = replace(answer, target_found=True, statement_holds=True)
        named = read_assumptions(steps[-1])
        if len(steps) != _PROBED or not is_canary(steps[-2], f"{word}_a") or named is None:
            return answer
        full: list[Assumption] = []
        for one in named[:_NAMES]:
            name = read_location(_only(await ask(f"Locate Term {one.name}.")))
            if name is None:
                return answer
            full.append(replace(one, name=name))
        return replace(answer, assumptions=tuple(full))

    async def _renamed(self, named: tuple[Assumption, ...] | None) -> tuple[Assumption, ...] | None:
        """Give the header's own assumptions the name that they have elsewhere."""
        full: list[Assumption] = []
        if any(one.name.startswith("Top.") for one in named or ()):
            await self._ask(f"BackTo {self._home}.", self._limits.header_seconds)
        for one in named or ():
            name = one.name
            if name.startswith("Top."):
                there = _only(await self._ask(f"Locate Term {name}.", self._limits.header_seconds))
                if read_location(there) == name:
                    name = f"{PLAIN}.Given.{name.removeprefix('Top.')}"
            full.append(replace(one, name=name))
        return None if named is None else tuple(sorted(full))

    async def _ask(self, text: str, seconds: float) -> _Said:
        """Send sentences, and return what was said until Rocq has missed a new name."""
        word = _new_word()
        end = re.compile(
            rf"The\s+(?:reference|variable)\s+{word}\s+was\s+not\s+found.*{_PROMPT.pattern}\s*\Z",
            re.DOTALL,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        heard = b""
        try:
            async with asyncio.timeout(seconds):
                self._process.stdin.write(f"{text}\nFail Check {word}.\n".encode())
                await self._process.stdin.drain()
                while True:
                    part = await self._process.stdout.read(1 << 16)
                    if not part:
                        raise _LostError("it ended")
                    heard += part
                    if len(heard) > self._limits.answer_kib << 10:
                        raise _LostError("its answer is too long")
                    said = heard[-_KEPT:].decode(errors="replace")
                    if word in said and (match := end.search(said)):
                        break
        except TimeoutError:
            raise _LostError("time was used up") from None
        except (OSError, UnicodeEncodeError) as error:
            raise _LostError(f"it cannot be asked: {error}") from error
        whole = heard.decode(errors="replace")
        body = whole[: whole.rindex(match[0])].removesuffix(
            "The command has indeed failed with message:\n"
        )
        last = list(_PROMPT.finditer(match[0]))[-1]
        return _Said(body, last["name"] != _TOP, int(last["state"]))

    def kill(self) -> None:
        """End it and all in its group, without waiting."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def end(self) -> None:
        """End it, and wait until it is gone."""
        self.kill()
        transport: asyncio.SubprocessTransport = self._process._transport  # type: ignore[attr-defined] # noqa: SLF001 - asyncio has no public way
        # What it said and nobody has read would keep a pipe open until the garbage is collected.
        for number in (0, 1):
            pipe = cast("asyncio.Transport | None", transport.get_pipe_transport(number))
            if pipe is not None and not pipe.is_closing():
                pipe.abort() if number == 0 else pipe.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), _ENDING_SECONDS)
        transport.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class RocqPool:
    """Checks submissions on warm processes. See `Rocq`; levels above L2 are not to be had here.

    What they say can be forged by what runs in them. One pool serves one event loop at a time. It
    needs Linux.

    Args:
        toolchain: Where `coqtop` is; `find_toolchain` finds it.
        workers: Processes at any one time. Each takes the memory of what its header imports.
        limits: What one may use, and when it is replaced.

    Raises:
        InputError: There is no `coqtop`, or no worker.
    """

    name = "pool"

    def __init__(
        self, toolchain: Toolchain, *, workers: int = 2, limits: PoolLimits | None = None
    ) -> None:
        if toolchain.coqtop is None:
            raise InputError(GET_ROCQ)
        if workers < 1:
            raise InputError("a pool needs at least one worker")
        if not hasattr(resource, "prlimit"):
            raise InputError("the pool needs Linux; use OneShotRocq")
        self._command = toolchain.coqtop
        self._limits = limits or PoolLimits()
        self._workers = workers
        self._places = asyncio.Semaphore(workers)
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._closed = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    @property
    def pids(self) -> frozenset[int]:
        """The processes that it has started and not ended."""
        return frozenset(worker.pid for worker in (*self._idle, *self._busy))

    async def check(self, request: Request) -> Answer:
        """See `Rocq.check`."""
        begun = time.monotonic()
        try:
            answer = await self._check(request)
        except _LostError as error:
            answer = Answer(driver=self.name, problem=f"coqtop: {error}")
        return replace(answer, elapsed_seconds=time.monotonic() - begun)

    async def close(self) -> None:
        """See `Rocq.close`."""
        self._closed = True
        for worker in self._busy:
            worker.kill()
        idle, self._idle = self._idle, []
        for worker in idle:
            await worker.end()

    async def _check(self, request: Request) -> Answer:
        if FILES in features(request.source):
            raise _LostError("a command that reaches files or plugins is not sent: use OneShotRocq")
        if not is_whole(request.source):
            messages = (Message(text="a comment or a string does not end"),)
            return Answer(driver=self.name, messages=messages)
        async with self._places:
            try:
                async with self._lent(request.header) as worker:
                    return await worker.check(request)
            except _LostError as error:
                if not error.again:
                    raise
            async with self._lent(request.header, fresh=True) as worker:
                return await worker.check(request)

    @asynccontextmanager
    async def _lent(self, header: str, *, fresh: bool = False) -> AsyncGenerator[_Worker]:
        """Lend a process that has read the header; it comes back only if all went well."""
        if self._closed:
            raise _LostError("the pool is closed")
        worker = next((one for one in reversed(self._idle) if one.header == header), None)
        begun = worker is not None and not fresh
        if worker is not None and begun:
            self._idle.remove(worker)
        else:
            if len(self._idle) + len(self._busy) >= self._workers and self._idle:
                await self._idle.pop(0).end()
            worker = await _Worker.start(self._command, self._limits)
        self._busy.add(worker)
        good = False
        try:
            if not begun:
                await worker.begin(header)
            yield worker
            good = not (worker.is_worn or self._closed)
        finally:
            self._busy.discard(worker)
            if good:
                self._idle.append(worker)
            else:
                worker.kill()
                await asyncio.shield(worker.end())


def _message(error: tuple[str, int, str], lead: str, source: str) -> Message:
    text, before, goals = error
    found = list(_stretches(source))
    place = before - 1 - len(list(_stretches(lead)))
    if not 0 <= place < len(found):
        return Message(text=text[:_KEPT], goals=goals[:_KEPT])
    start, end = found[place]
    line = source.count("\n", 0, start) + 1
    return Message(text=text[:_KEPT], line=line, start=start, end=end, goals=goals[:_KEPT])


def _stretches(source: str) -> Iterator[tuple[int, int]]:
    """Yield where sentences begin and end; bullets and braces are sentences, as for `coqtop`."""
    bare = blanked(source)
    for one in sentences(source):
        start = one.start
        while match := _BULLET.match(bare, start, one.end):
            yield start, start + len(match[0].rstrip())
            start = match.end()
        if start < one.end:
            yield start, one.end


def _only(said: _Said) -> str:
    """Return what a command printed, without prompts."""
    return said.steps[0] if len(said.steps) == 1 else ""


def _new_word() -> str:
    return f"g{secrets.token_hex(6)}"
