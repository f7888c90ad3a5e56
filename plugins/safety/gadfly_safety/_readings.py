"""What a meter reads off a text: one number to be lowered, and the passages that it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from gadfly import JSON, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A part of a text that counts against it."""

    start: int
    end: int
    label: str
    """What it is, in the meter's words (`insult`, `e-mail address`)."""
    score: float
    """How much it counts, in [0, 1]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a meter found in one text."""

    score: float
    """0 where nothing counts against the text, at most 1. Only a classifier's is a probability."""
    passages: tuple[Passage, ...] = ()
    """In reading order."""
    is_exact: bool = False
    """Whether the passages are just what is wrong (a word), not the sentences that hold it."""
    unread: float = 0.0
    """The share of the text that the meter could not read (a script that it does not know)."""
    details: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    """More of what was seen (scores by label), for the evidence."""


@runtime_checkable
class Meter(Protocol):
    """Measures how bad a text is. What measures lower is better."""

    @property
    def name(self) -> str:
        """What evidence calls it (`lexicon`, `classifier toxic-bert`)."""
        ...

    def read(self, text: str) -> Reading:
        """Measure a text, deterministically and without the network.

        Raises:
            ToolError: The instrument broke: nothing is known about the text.
        """
        ...


def line_of(text: str, place: int) -> int:
    """Return the 1-based number of the line that a place is in, as `str.splitlines` counts."""
    return len(text[: place + 1].splitlines()) or 1


def span_of(text: str, start: int, end: int) -> Span:
    """Return the span of a part of a text."""
    return Span(line_of(text, start), start, end)
