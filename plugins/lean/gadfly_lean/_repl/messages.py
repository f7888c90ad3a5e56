"""Requests and responses of the REPL as values, and their strict reading.

An answer is read as what it is or not at all: a key that is missing, has another type, is there
twice or is not known, a severity that Lean does not have, a number that is a truth value. A checker
that took an answer without `env` for a proof was wrong in four published projects: the REPL reports
its own errors as `{"message": ...}`, which has no list of messages and so no error in it.

Source: `REPL/JSON.lean` of leanprover-community/repl at 8948401; keys and defaults as there, empty
lists left out. Servers add keys of their own around such an answer; they are taken off first.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

from gadfly_lean._ports import SEVERITIES, tells_of_sorry

_STATUSES = frozenset(
    {
        "Completed",
        "Incomplete: open goals remain",
        "Incomplete: contains sorry",
        "Incomplete: contains metavariable(s)",
        "Not verified: more than one initial goal",
        "Error: Goal not assigned",
    }
)
_STATUS_HEADS = ("Error: proof has type ", "Error: kernel type check failed: ")
_INFOTREES = frozenset({"full", "tactics", "original", "substantive"})
T = TypeVar("T")


class MalformedError(ValueError):
    """The text is not what the protocol says; the message says where. It is never a verdict."""


# -------------------------------------------------------------------------------------- requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Elaborate commands, on top of an environment or, without one, as the start of a file."""

    cmd: str
    env: int | None = None
    all_tactics: bool = False
    root_goals: bool = False
    infotree: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """The same for what stands in a file."""

    path: str
    env: int | None = None
    all_tactics: bool = False
    root_goals: bool = False
    infotree: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofStep:
    """Run a tactic on a proof state. Never the last word on a proof (issue #44 of the REPL)."""

    tactic: str
    proof_state: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PickleEnvironment:
    """Write an environment to a file."""

    pickle_to: str
    env: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpickleEnvironment:
    """Read one back. No kernel checks what is read: only files of one's own."""

    unpickle_env_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PickleProofState:
    """Write a proof state to a file."""

    pickle_to: str
    proof_state: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpickleProofState:
    """Read one back; the same caution."""

    unpickle_proof_state_from: str
    env: int | None = None


ReplRequest = (
    ProofStep
    | PickleEnvironment
    | UnpickleEnvironment
    | PickleProofState
    | UnpickleProofState
    | Command
    | File
)

# ------------------------------------------------------------------------------------- responses


@dataclass(frozen=True, slots=True)
class Pos:
    """A place in what was sent: line from 1 (0 in tactic mode), column in code points from 0."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplMessage:
    """One message of Lean."""

    severity: str
    pos: Pos
    end_pos: Pos | None = None
    data: str

    @property
    def tells_of_sorry(self) -> bool:
        """Whether it is the warning that a declaration uses `sorry`, in old or new quotes."""
        return tells_of_sorry(self.data)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplSorry:
    """A `sorry` in the syntax. `sorryAx` written as a term is none, so the list may lack it."""

    goal: str
    proof_state: int | None = None
    pos: Pos | None = None
    end_pos: Pos | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplTactic:
    """A tactic that ran, where all of them were asked for."""

    tactic: str
    goals: str
    pos: Pos
    end_pos: Pos
    proof_state: int | None = None
    used_constants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResponse:
    """Commands were elaborated, well or not: `env` is there also when there are errors."""

    env: int
    messages: tuple[ReplMessage, ...] = ()
    sorries: tuple[ReplSorry, ...] = ()
    tactics: tuple[ReplTactic, ...] = ()
    infotree: object = None
    """As it came; None where it was not asked for."""

    @property
    def errors(self) -> tuple[ReplMessage, ...]:
        """The messages that are errors."""
        return tuple(message for message in self.messages if message.severity == "error")

    @property
    def is_clean(self) -> bool:
        """Whether it has no error and no `sorry`, by the list and by the warning.

        Clean is not proved: `sorryAx` and axioms do not show here.
        """
        return not (
            self.errors or self.sorries or any(message.tells_of_sorry for message in self.messages)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofStepResponse:
    """A tactic ran. No goals does not mean proved: only the status `Completed` says so."""

    proof_state: int
    goals: tuple[str, ...]
    proof_status: str
    messages: tuple[ReplMessage, ...] = ()
    sorries: tuple[ReplSorry, ...] = ()
    traces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplError:
    """The REPL's own error: nothing was elaborated, and nothing is known of what was sent."""

    message: str


ReplResponse = CommandResponse | ProofStepResponse | ReplError

# --------------------------------------------------------------------------------------- writing


def write_request(request: ReplRequest) -> dict[str, object]:
    """Return the JSON object of a request; what has its default value is left out."""
    return {
        _NAMES.get(name, name): value
        for name in type(request).__slots__
        if (value := getattr(request, name)) is not None and value is not False
    }


def write_response(response: ReplResponse) -> dict[str, object]:
    """Return the JSON object of a response, as the REPL leaves things out."""
    return cast("dict[str, object]", _plain(response))


_NAMES = {
    "all_tactics": "allTactics",
    "end_pos": "endPos",
    "pickle_to": "pickleTo",
    "proof_state": "proofState",
    "proof_status": "proofStatus",
    "root_goals": "rootGoals",
    "unpickle_env_from": "unpickleEnvFrom",
    "unpickle_proof_state_from": "unpickleProofStateFrom",
    "used_constants": "usedConstants",
}
_KEPT_EMPTY = frozenset({"goals", "used_constants"})


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [_plain(item) for item in cast("tuple[object, ...]", value)]
    names = cast("tuple[str, ...]", getattr(type(value), "__slots__", ()))
    if not names:
        return value
    fields = ((name, getattr(value, name)) for name in names)
    return {
        _NAMES.get(name, name): field if name == "infotree" else _plain(field)
        for name, field in fields
        if not (field is None or (field == () and name not in _KEPT_EMPTY))
    }


# --------------------------------------------------------------------------------------- reading


def parse(text: bytes | str) -> object:
    """Return the value of one JSON text that begins with an object.

    Raises:
        MalformedError: It is no such text, has a key twice, or is nested without reason.
    """
    if text[:1] not in {b"{", "{"}:
        raise MalformedError("an answer begins with {")
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except MalformedError:
        raise
    except RecursionError as error:
        raise MalformedError("it is nested too deeply") from error
    except ValueError as error:  # syntax, UTF-8, numbers that are too long
        raise MalformedError(f"it is not JSON: {error}") from error


def read_request(value: object) -> ReplRequest:
    """Return the request that the REPL would take a JSON value for.

    As there, the first kind that fits is it, and keys that the kind does not have are ignored.

    Raises:
        MalformedError: None fits.
    """
    problem = MalformedError("it is no request")
    for read in _REQUESTS:
        try:
            return read(_Fields(value, "a request"))
        except MalformedError as error:
            problem = error
    raise problem


def read_response(value: object) -> ReplResponse:
    """Return the response that a JSON value is.

    Raises:
        MalformedError: It is none, or has something in it that no response has.
    """
    fields = _Fields(value, "an answer")
    response: ReplResponse
    if "message" in fields:
        response = ReplError(message=fields.take("message", _text))
    elif "proofStatus" in fields:
        response = ProofStepResponse(
            proof_state=fields.take("proofState", _natural),
            goals=fields.take("goals", _list_of(_text)),
            proof_status=fields.take("proofStatus", _status),
            messages=fields.take("messages", _list_of(_message), ()),
            sorries=fields.take("sorries", _list_of(_sorry), ()),
            traces=fields.take("traces", _list_of(_text), ()),
        )
    else:
        response = CommandResponse(
            env=fields.take("env", _natural),
            messages=fields.take("messages", _list_of(_message), ()),
            sorries=fields.take("sorries", _list_of(_sorry), ()),
            tactics=fields.take("tactics", _list_of(_tactic), ()),
            infotree=fields.take("infotree", _anything, None),
        )
    fields.end()
    return response


class _Fields:
    """An object that is read key by key."""

    def __init__(self, value: object, what: str) -> None:
        if not isinstance(value, dict):
            raise MalformedError(f"{what} is an object, not {type(value).__name__}")
        self._left = dict(cast("dict[str, object]", value))
        self._what = what

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def take(self, name: str, read: Callable[[object], T], *default: T) -> T:
        """Return a field as `read` has it; the default where it is missing or null."""
        value = self._left.pop(name, None)
        if value is None and default:
            return default[0]
        try:
            return read(value)
        except MalformedError as error:
            raise MalformedError(f"{name} of {self._what}: {error}") from error

    def flag(self, name: str) -> bool:
        """Return a truth value, which is false where it is missing."""
        return self.take(name, _flag, False)  # noqa: FBT003 - the default

    def end(self) -> None:
        """Hold that every key was taken."""
        if self._left:
            raise MalformedError(f"{self._what} has no key {min(self._left)[:40]!r}")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise MalformedError("a key is there twice")
    return fields


def _no_constant(name: str) -> object:
    raise MalformedError(f"{name} is not JSON")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise MalformedError(f"it is a text, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise MalformedError("half of a surrogate pair is no text") from error
    return value


def _natural(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise MalformedError("it is a number from 0")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise MalformedError("it is true or false")
    return value


def _anything(value: object) -> object:
    return value


def _one_of(known: frozenset[str]) -> Callable[[object], str]:
    def read(value: object) -> str:
        text = _text(value)
        if text not in known:
            raise MalformedError(f"{text[:40]!r} is not known")
        return text

    return read


def _list_of(read: Callable[[object], T]) -> Callable[[object], tuple[T, ...]]:
    def read_all(value: object) -> tuple[T, ...]:
        if not isinstance(value, list):
            raise MalformedError(f"it is a list, not {type(value).__name__}")
        return tuple(read(item) for item in cast("list[object]", value))

    return read_all


def _status(value: object) -> str:
    text = _text(value)
    if text not in _STATUSES and not text.startswith(_STATUS_HEADS):
        raise MalformedError(f"{text[:40]!r} is not known")
    return text


def _pos(value: object) -> Pos:
    fields = _Fields(value, "a place")
    pos = Pos(fields.take("line", _natural), fields.take("column", _natural))
    fields.end()
    return pos


def _message(value: object) -> ReplMessage:
    fields = _Fields(value, "a message")
    message = ReplMessage(
        severity=fields.take("severity", _one_of(SEVERITIES)),
        pos=fields.take("pos", _pos),
        end_pos=fields.take("endPos", _pos, None),
        data=fields.take("data", _text),
    )
    fields.end()
    return message


def _sorry(value: object) -> ReplSorry:
    fields = _Fields(value, "a sorry")
    sorry = ReplSorry(
        goal=fields.take("goal", _text),
        proof_state=fields.take("proofState", _natural, None),
        pos=fields.take("pos", _pos, None),
        end_pos=fields.take("endPos", _pos, None),
    )
    fields.end()
    return sorry


def _tactic(value: object) -> ReplTactic:
    fields = _Fields(value, "a tactic")
    tactic = ReplTactic(
        tactic=fields.take("tactic", _text),
        goals=fields.take("goals", _text),
        pos=fields.take("pos", _pos),
        end_pos=fields.take("endPos", _pos),
        proof_state=fields.take("proofState", _natural, None),
        used_constants=fields.take("usedConstants", _list_of(_text), ()),
    )
    fields.end()
    return tactic


def _read_command(fields: _Fields) -> Command:
    return Command(
        cmd=fields.take("cmd", _text),
        env=fields.take("env", _natural, None),
        all_tactics=fields.flag("allTactics"),
        root_goals=fields.flag("rootGoals"),
        infotree=fields.take("infotree", _one_of(_INFOTREES), None),
    )


def _read_file(fields: _Fields) -> File:
    return File(
        path=fields.take("path", _text),
        env=fields.take("env", _natural, None),
        all_tactics=fields.flag("allTactics"),
        root_goals=fields.flag("rootGoals"),
        infotree=fields.take("infotree", _one_of(_INFOTREES), None),
    )


_REQUESTS: tuple[Callable[[_Fields], ReplRequest], ...] = (
    lambda f: ProofStep(tactic=f.take("tactic", _text), proof_state=f.take("proofState", _natural)),
    lambda f: PickleEnvironment(pickle_to=f.take("pickleTo", _text), env=f.take("env", _natural)),
    lambda f: UnpickleEnvironment(unpickle_env_from=f.take("unpickleEnvFrom", _text)),
    lambda f: PickleProofState(
        pickle_to=f.take("pickleTo", _text), proof_state=f.take("proofState", _natural)
    ),
    lambda f: UnpickleProofState(
        unpickle_proof_state_from=f.take("unpickleProofStateFrom", _text),
        env=f.take("env", _natural, None),
    ),
    _read_command,
    _read_file,
)
