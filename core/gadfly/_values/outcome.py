"""What a run gives back, and what happened on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gadfly._values.budget import Usage
from gadfly._values.critique import Critique
from gadfly._values.task import JSON, Draft, Task

TRACE_VERSION = 1
"""Version of the events' shape on disk; a reader refuses a newer one."""


class Stopped(StrEnum):
    """Why a run ended."""

    ACCEPTED = "accepted"
    """Every required critic that applied passed, and at least one did."""
    UNDECIDED = "undecided"
    """No critic failed the draft, but a required one abstained or broke: nothing to refine by."""
    STABLE = "stable"
    """The answer stayed the same for two rounds (CRITIC's rule, Gou et al. 2023)."""
    STAGNANT = "stagnant"
    """The same findings came back, or drafts went in a circle (A, B, A)."""
    BUDGET = "budget"
    """Something the budget names was used up; `Outcome.reason` says what."""
    PERSON = "person"
    """A person decided."""
    WAITING = "waiting"
    """It is not ended: it waits for a person (`Agent.resume(run, answer=...)`)."""


class EventKind(StrEnum):
    """What an `Event` reports."""

    STARTED = "started"
    DRAFTED = "drafted"
    SELECTED = "selected"
    CRITIQUED = "critiqued"
    DECIDED = "decided"
    ASKED = "asked"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened in a run: what is streamed, and one line of a trace file."""

    kind: EventKind
    run: str
    """The run's id (LangGraph's `thread_id`)."""
    draft: int = 0
    """Number of the draft that it is about; 0 before the first."""
    data: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    """The plain form of what it reports: a draft, a critique with its critic's id, a decision."""
    at: float = 0.0
    """Seconds since the epoch."""
    version: int = TRACE_VERSION


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a run gives back: the best draft, with everything that was established about it."""

    run: str
    task: Task
    draft: Draft
    """The best draft, not the last: one that fails a hard check which an earlier one passed never
    replaces it."""
    stopped: Stopped
    reason: str = ""
    """One sentence on why it stopped."""
    critiques: Mapping[str, Critique] = field(default_factory=dict[str, Critique])
    """What each critic said of `draft`, by critic id."""
    drafts: tuple[Draft, ...] = ()
    """All drafts, in order."""
    rounds: int = 0
    """Refinements made."""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    oracle: str = "none"
    """Whether a gold answer steered the run; the engine knows no other value than `none`."""

    @property
    def accepted(self) -> bool:
        """Whether the checks hold for `draft`."""
        return self.stopped is Stopped.ACCEPTED

    @property
    def answer(self) -> str:
        """The text of the best draft."""
        return self.draft.text
