"""What a critic says of a draft, and what it rests on.

`Verdict` is an algebra, not a bool: each of its five members has its own edge in the graph, and a
broken tool (`ERROR`) can be mistaken neither for an acceptance nor for a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from gadfly._errors import InputError
from gadfly._values.task import JSON


class Verdict(StrEnum):
    """What a critic established about a draft."""

    PASS = "pass"
    """The check was made and holds."""
    FAIL = "fail"
    """The check was made and does not hold."""
    ABSTAIN = "abstain"
    """The check was made and established nothing."""
    ERROR = "error"
    """The critic or its tool broke: nothing is known, and no refinement is spent on it."""
    SKIP = "skip"
    """The check does not apply to this draft, or its outcome no longer mattered."""


class Hardness(IntEnum):
    """How much weight a finding bears: a hard one beats any number of soft ones."""

    HINT = 0
    """A remark; it never fails a draft by itself."""
    SOFT = 1
    """A suspicion (an implausible value, a judge's opinion)."""
    HARD = 2
    """A fact that an instrument showed (it crashed, an example failed)."""


@dataclass(frozen=True, slots=True)
class Span:
    """Where in a draft something is."""

    line: int
    """1-based line of the checked artifact (of the whole draft where there is none)."""
    start: int | None = None
    """First character in `Draft.text`; None where only the line is known."""
    end: int | None = None
    """First character after it in `Draft.text`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (or worth saying), in words that the refiner can act on."""

    message: str
    """One sentence; it may quote untrusted output and is always passed on as data."""
    hardness: Hardness = Hardness.SOFT
    span: Span | None = None
    evidence: str | None = None
    """`Evidence.id` of what it rests on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The record of one use of a tool, enough to run it again (`gadfly replay`)."""

    id: str
    """Digest of tool and request: the same check has the same id."""
    tool: str
    """The tool's id (`local` sandbox, `search/wikipedia`)."""
    request: Mapping[str, JSON]
    """What was asked, whole: a job's argv, files and limits."""
    observation: Mapping[str, JSON]
    """What came back, bounded: how it ended, streams, values."""
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    """What it ran on: interpreter, sandbox, isolation in force."""


@dataclass(frozen=True, slots=True)
class Critique:
    """What one critic says of one draft.

    Raises:
        InputError: `score` is outside [0, 1].
    """

    verdict: Verdict
    summary: str = ""
    """One sentence for a person."""
    findings: tuple[Finding, ...] = ()
    """Localised remarks, for the refiner."""
    evidence: tuple[Evidence, ...] = ()
    """What the verdict rests on."""
    score: float | None = None
    """Confidence that the draft is right, in [0, 1]; None where the critic has none."""
    suggestion: str | None = None
    """How to mend it, in the critic's words; None where it has no idea."""

    def __post_init__(self) -> None:
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise InputError(f"a critique's score is between 0 and 1, not {self.score!r}")

    @property
    def is_hard_failure(self) -> bool:
        """Whether an instrument showed the draft wrong: a FAIL with at least one hard finding."""
        return self.verdict is Verdict.FAIL and any(
            finding.hardness is Hardness.HARD for finding in self.findings
        )
