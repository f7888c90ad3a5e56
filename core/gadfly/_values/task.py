"""What is asked, what is answered, and the gold answer that loop code must never see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from gadfly._errors import InputError, OracleError

if TYPE_CHECKING:
    JSON: TypeAlias = bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"] | None
    """Plain data: what `json.dumps` accepts, and nothing else."""
else:
    # pydantic cannot follow a recursive alias; type checkers hold the shape, `dump` the content.
    JSON = Any


@dataclass(frozen=True, slots=True)
class Reference:
    """A gold answer. Only scorers, benchmarks and reports hold one.

    It is a type of its own, unrelated to `Task`, so that passing one to loop code is a type error;
    `Task`, `Draft` and `Job` also refuse one at run time (`OracleError`).
    """

    task_id: str
    """The `Task.id` that it belongs to."""
    gold: JSON
    """The gold answer."""

    def __reduce__(self) -> str:
        raise OracleError("a Reference is never pickled: it must not reach a critic's process")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is asked. It holds no gold answer.

    Raises:
        InputError: The prompt is empty.
        OracleError: A `Reference` is somewhere in `inputs`.
    """

    prompt: str
    """The question or instruction, as the actor reads it."""
    id: str = ""
    """A stable name, unique in its data set; empty for a question asked once."""
    inputs: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    """Further data that critics and tools may use (a table, a signature); JSON only."""

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, str) or not self.prompt.strip():
            raise InputError("a task needs a prompt: a non-empty string")
        refuse_references(self.inputs, "Task.inputs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A part of a draft that can be checked by itself: a program, a final answer, a claim."""

    kind: str
    """What it is: `python`, `answer`, `claim`, ..."""
    text: str
    """The part itself."""
    start: int
    """Where it begins in `Draft.text`, in characters."""

    @property
    def end(self) -> int:
        """Where it ends in `Draft.text`: the first character after it."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Draft:
    """One candidate answer.

    Raises:
        OracleError: A `Reference` was given as text.
    """

    text: str
    """The answer as the actor wrote it, untrusted."""
    number: int = 1
    """Its place in the run: 1 for the first draft."""
    parent: int | None = None
    """The number of the draft that it revises; None for a draft made from the task alone."""
    author: str = ""
    """Who wrote it (a model's name, a person)."""

    def __post_init__(self) -> None:
        refuse_references(self.text, "Draft.text")
        if not isinstance(self.text, str):
            raise InputError(f"a draft's text is a string, not {type(self.text).__name__}")


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model answered."""

    text: str
    prompt_tokens: int = 0
    """Tokens read; 0 where the model does not say."""
    completion_tokens: int = 0
    """Tokens written; 0 where the model does not say."""


def refuse_references(value: object, where: str) -> None:
    """Raise `OracleError` if a `Reference` is anywhere in plain nested data."""
    if any(isinstance(leaf, Reference) for leaf in _leaves(value)):
        raise OracleError(f"{where} holds a Reference: loop code must never see a gold answer")


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        for inner in cast("Mapping[object, object]", value).values():
            yield from _leaves(inner)
    elif isinstance(value, list | tuple | set | frozenset):
        for inner in cast("Iterable[object]", value):
            yield from _leaves(inner)
    else:
        yield value
