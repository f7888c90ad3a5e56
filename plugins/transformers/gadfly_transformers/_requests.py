"""The values that travel from a caller to the worker thread and back. No torch here."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Literal

from gadfly import InputError

MAX_SEED = 2**63 - 1
"""Every generator of torch takes seeds up to here."""
GREEDY_BELOW = 1e-4
"""Temperatures below are taken as 0: dividing by them overflows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How an answer is written.

    Raises:
        InputError: A value is out of range.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()
    """Texts that end the answer; they are not part of it."""
    seed: int | None = None
    """This request's own seed: the same conversation gets the same answer. None leaves it to the
    model's seed."""

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < float("inf"):
            raise InputError(f"temperature is {self.temperature}; it must be 0 or more")
        if not 0 < self.top_p <= 1:
            raise InputError(f"top_p is {self.top_p}; it must be above 0 and at most 1")
        if self.max_tokens < 1:
            raise InputError(f"the answer may have {self.max_tokens} tokens; allow at least 1")
        if self.seed is not None and not 0 <= self.seed <= MAX_SEED:
            raise InputError(f"seed is {self.seed}; it must be from 0 to {MAX_SEED}")
        if not all(self.stop):
            raise InputError("a stop text is empty")

    @property
    def is_greedy(self) -> bool:
        """Whether the likeliest token is taken each time."""
        return self.temperature < GREEDY_BELOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the model wrote to one request."""

    text: str
    prompt_tokens: int
    completion_tokens: int
    """Tokens written, the end token included."""
    finish_reason: Literal["stop", "length"]
    """`stop`: the model or a stop text ended it. `length`: the tokens or the context ran out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Request:
    """A conversation that waits for its answer."""

    messages: list[dict[str, str]]
    """Role and content, as chat templates read them."""
    sampling: Sampling
    answer: Future[Answer] = field(default_factory=Future[Answer])
    """It stays pending until the answer is there, so it can be cancelled at any time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prompt:
    """A request whose conversation has become tokens."""

    request: Request
    tokens: list[int]
    max_tokens: int
    """Most tokens of the answer: what was asked for, or what the context leaves."""
    seed: int | None
    """What its tokens are drawn with; None draws anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """What a model has done since it was loaded. Cancelled and failed requests count nothing."""

    requests: int = 0
    """Requests answered."""
    batches: int = 0
    """`generate` calls made for them; `requests / batches` is how well batching works."""
    prompt_tokens: int = 0
    completion_tokens: int = 0
