"""One REPL: a header that was elaborated once, and submissions on top of it, one after the other.

Every submission starts from environment 0, which the header made, so nothing of one is seen by the
next. Its answer is given away only after the REPL has echoed a nonce that did not exist before,
with nothing left in the pipe and no process below the REPL that was not there at the start.

A REPL keeps every environment that it ever made, so it is replaced by memory, age and use.

Source: on growth, issues #77 of the REPL, #25 of Kimina Lean Server, #6 of LeanInteract.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gadfly import InputError
from gadfly_lean._ports import Message, Request
from gadfly_lean._repl.framing import frame
from gadfly_lean._repl.line import Line, LostError
from gadfly_lean._repl.messages import (
    Command,
    CommandResponse,
    File,
    MalformedError,
    PickleEnvironment,
    ReplError,
    ReplMessage,
    ReplRequest,
    ReplResponse,
    UnpickleEnvironment,
    parse,
    read_response,
)
from gadfly_lean._repl.probe import axiom_source, new_nonce, nonce_source, read_axioms, says_nonce
from gadfly_lean._repl.processes import Confinement, Process

_MIB = 1 << 20
_QUOTED = 300
_HEADER_ENV = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplLimits:
    """What one REPL may use, and when it is replaced.

    Raises:
        InputError: A limit is not positive.
    """

    header_seconds: float = 300.0
    """Wall time from its start until the header is elaborated: `import Mathlib` takes seconds on a
    fast disk, and minutes on a slow one."""
    probe_seconds: float = 60.0
    """Wall time for each probe after a submission."""
    answer_mib: int = 16
    """Size of one answer, and of one submission."""
    memory_mib: int = 8192
    """Memory that is not mapped from files; a submission that takes more is ended with its REPL.
    Looked at four times a second, on Linux only: a control group is exact."""
    recycle_mib: int = 4096
    """A REPL that holds more after a submission is replaced."""
    recycle_uses: int = 500
    """Submissions after which it is replaced."""
    recycle_seconds: float = 3600.0
    """Age at which it is replaced."""

    def __post_init__(self) -> None:
        for name in ReplLimits.__slots__:
            if not getattr(self, name) > 0:
                raise InputError(f"{name} must be positive, not {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Elaborated:
    """What a REPL said of a submission, proved to be said of that one."""

    response: CommandResponse
    axioms: tuple[str, ...] | None
    """None where they were not asked for, or the probe was not answered as it must be."""
    has_tactics: bool = False
    """Whether tactics were asked for."""


class Worker:
    """One REPL process.

    Args:
        command: Starts it (`lake env repl`).
        folder: Lean's project.
        limits: What it may use.
        confinement: What holds it.
        environ: Variables to add to those that Lean needs.

    Raises:
        LostError: It cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        limits: ReplLimits,
        confinement: Confinement,
        environ: Mapping[str, str],
    ) -> None:
        self.header = ""
        self.version = ""
        """What Lean says its version is; empty before `begin`."""
        self._limits = limits
        try:
            self._process = Process(command, folder, confinement, environ)
        except OSError as error:
            raise LostError(f"the REPL cannot be started: {error.strerror or error}") from error
        self._line = Line(self._process, max_bytes=limits.answer_mib * _MIB)
        self._last_env = -1
        self._uses = 0
        self._born = time.monotonic()
        self._first_family: set[int] | None = None

    @property
    def pid(self) -> int:
        """The process that the pool started; the REPL itself may be below it."""
        return self._process.popen.pid

    @property
    def is_worn(self) -> bool:
        """Whether it has served enough, or holds too much."""
        return (
            self._uses >= self._limits.recycle_uses
            or time.monotonic() - self._born >= self._limits.recycle_seconds
            or (self._process.private_mib() or 0) > self._limits.recycle_mib
        )

    async def begin(self, header: str) -> None:
        """Elaborate the header, and learn which version of Lean this is.

        Raises:
            LostError: It could not, or the header has errors.
        """
        self.header = header
        seconds = self._limits.header_seconds
        # Without an environment only in the first command: each one without imports anew.
        answer = await self._command(Command(cmd=header or "import Init"), seconds)
        if answer.env != _HEADER_ENV or not answer.is_clean:
            text = "; ".join(message.data for message in answer.messages)[:_QUOTED]
            raise LostError(f"the header did not elaborate: {text}", again=False)
        version = Command(cmd="#eval Lean.versionString", env=_HEADER_ENV)
        said = (await self._command(version, seconds)).messages
        if len(said) == 1 and said[0].severity == "info":
            self.version = said[0].data.strip().strip('"')
        await self._prove(seconds)
        self._first_family = self._process.family()

    async def elaborate(self, request: Request) -> Elaborated:
        """Elaborate one submission on top of the header.

        Raises:
            LostError: Nothing is known of it; the REPL must be ended.
        """
        self._uses += 1
        response = await self._command(
            Command(cmd=request.source, env=_HEADER_ENV, all_tactics=request.want_tactics),
            request.seconds,
        )
        axioms = None
        if request.want_axioms and request.target and not response.errors:
            nonce = new_nonce()
            probe = Command(cmd=axiom_source(request.target, nonce), env=response.env)
            said = await self._command(probe, self._limits.probe_seconds)
            axioms = read_axioms(as_messages(said.messages), request.target, nonce)
        self._hold_family()
        await self._prove(self._limits.probe_seconds)
        self._hold_family()
        return Elaborated(response=response, axioms=axioms, has_tactics=request.want_tactics)

    async def ask(self, request: ReplRequest, seconds: float) -> ReplResponse:
        """Send any request and return its answer, which nothing proves to be its own yet.

        Raises:
            LostError: There is no answer that the protocol allows.
        """
        try:
            question = frame(request)
        except UnicodeEncodeError as error:
            raise LostError("what was sent is not text", again=False) from error
        if len(question) > self._limits.answer_mib * _MIB:
            raise LostError(f"what was sent has {len(question)} bytes", again=False)
        answer = await self._line.ask(question, seconds=seconds, watch=self._watch)
        try:
            response = read_response(parse(answer))
            self._hold_kind(request, response)
        except MalformedError as error:
            raise LostError(f"its answer is malformed: {error}") from error
        return response

    def kill(self) -> None:
        """End it and all that it started, without waiting."""
        self._line.stop("it was ended")
        self._process.kill()

    def reap(self) -> None:
        """End it and wait until it is gone; blocks."""
        self._process.reap()

    def try_reap(self) -> bool:
        """After `kill`: whether it is gone by now."""
        if self._process.popen.poll() is None:
            return False
        self._process.reap()
        return True

    def why_it_ended(self) -> str:
        """Return what is known of its end, in a clause; empty while it runs."""
        status = self._process.popen.poll()
        if status is None:
            return ""
        said = " ".join(self._line.stderr.split())[-_QUOTED:]
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return f"{how}{': ' + said if said else ''}"

    async def _command(self, command: Command, seconds: float) -> CommandResponse:
        response = await self.ask(command, seconds)
        if isinstance(response, ReplError):
            raise LostError(f"it refused: {response.message[:_QUOTED]}")
        if not isinstance(response, CommandResponse):
            raise LostError("its answer is not one to a command")
        return response

    async def _prove(self, seconds: float) -> None:
        nonce = new_nonce()
        answer = await self._command(Command(cmd=nonce_source(nonce), env=_HEADER_ENV), seconds)
        if answer.sorries or not says_nonce(as_messages(answer.messages), nonce):
            raise LostError("its answers do not belong to the questions")

    def _hold_kind(self, request: ReplRequest, response: ReplResponse) -> None:
        """Hold that an answer may follow the request, and that its environment is the next."""
        if isinstance(response, ReplError):
            return
        wants_env = isinstance(request, Command | File | PickleEnvironment | UnpickleEnvironment)
        if wants_env != isinstance(response, CommandResponse):
            raise MalformedError("it answers another kind of request")
        if isinstance(response, CommandResponse):
            old = request.env if isinstance(request, PickleEnvironment) else None
            expected = self._last_env + 1 if old is None else old
            if response.env != expected:
                raise MalformedError(f"its environment is {response.env}, not {expected}")
            self._last_env = max(self._last_env, response.env)

    def _hold_family(self) -> None:
        family = self._process.family()
        if family is None or self._first_family is None:
            return
        if strangers := family - self._first_family:
            raise LostError(f"the submission left {len(strangers)} processes", again=False)

    def _watch(self) -> None:
        memory = self._process.private_mib()
        if memory is not None and memory > self._limits.memory_mib:
            raise LostError(f"it took more than {self._limits.memory_mib} MiB", again=False)


def as_messages(said: Sequence[ReplMessage], lines_before: int = 0) -> tuple[Message, ...]:
    """Return messages in the port's terms.

    Args:
        said: As the REPL has them.
        lines_before: Lines that stood before the source in what was sent.
    """
    return tuple(
        Message(
            severity=message.severity,
            text=message.data,
            line=max(0, message.pos.line - lines_before),
            column=message.pos.column,
        )
        for message in said
    )
