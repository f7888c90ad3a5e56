"""The value that running a critic gives: its critique, and what that cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from gadfly._values.budget import Usage
from gadfly._values.critique import Critique, Verdict


@dataclass(frozen=True, slots=True)
class Checked:
    """One critique with its cost."""

    critique: Critique
    usage: Usage = field(default_factory=Usage)
    """Spent on it; nothing where an identical check in flight was shared."""
    seconds: float = 0.0
    """Wall time from the call to the critique, waiting for a free process included."""
    shared: bool = False
    """Whether it is the result of an identical check in flight."""


def skipped(reason: str) -> Critique:
    """Return the critique of a critic that did not run."""
    return Critique(Verdict.SKIP, reason)


def broken(reason: str) -> Critique:
    """Return the critique of a critic that broke."""
    return Critique(Verdict.ERROR, reason)
