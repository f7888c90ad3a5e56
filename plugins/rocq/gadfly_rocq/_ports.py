"""The port to Rocq: one submission in, what was seen out. Drivers see; they never judge.

Whatever a driver could not establish is None or a `problem`, never an empty list: an empty list
says that Rocq was asked and named nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from gadfly import JSON, InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One submission to check.

    Raises:
        InputError: The time is not positive.
    """

    header: str
    """Imports, settings and definitions of the trusted side; may be empty."""
    statement: str
    """The challenge: one sentence `Theorem name ... : type.` of the trusted side."""
    target: str
    """The name in the statement."""
    source: str
    """The submission without the header: a stranger's commands, which do what their user can."""
    seconds: float = 60.0
    """Wall time for the source, and for each step that follows."""
    want_checks: bool = True
    """Compile the challenge apart, and compare and check once more. Not every driver can."""

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise InputError(f"seconds must be positive, not {self.seconds!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One error of Rocq about the source."""

    text: str
    line: int = 0
    """1-based line of `Request.source`; 0 where there is none."""
    start: int = 0
    """Code points of `Request.source` before the place; only where there is a line."""
    end: int = 0
    goals: str = ""
    """The goals before the tactic that failed, as Rocq shows them; empty where nobody looked."""
    near: tuple[str, ...] = ()
    """Names that exist and look like the one that does not."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Assumption:
    """What a proof rests on without proof."""

    name: str
    """In full (`Coq.Logic.Classical_Prop.classic`)."""
    why: str = "axiom"
    """`axiom`, or the check that was left out for it, in Rocq's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a checker said that read the compiled files and ran no command of the submission."""

    checker: str
    version: str
    accepted: bool
    assumptions: tuple[Assumption, ...] | None = None
    """What it lists of the submission's own file, used or not; None where the list was not
    understood."""
    said: str = ""
    """Its own words, bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was seen of one submission."""

    driver: str
    """The driver's name."""
    problem: str = ""
    """Why nothing is known about the submission (no Rocq, time used up, dead worker), and what to
    do; empty where the driver vouches for the rest."""
    messages: tuple[Message, ...] = ()
    """Errors, in the order in which Rocq met them."""
    assumptions: tuple[Assumption, ...] | None = None
    """What `Print Assumptions` said of the target; None where it was not asked or what came back
    lacked the nonce or failed the canary."""
    asked_apart: bool = False
    """Whether it was asked in a process that ran no command of the submission."""
    target_found: bool | None = None
    """Whether the finished submission has the target; None where nobody looked."""
    statement_holds: bool | None = None
    """Whether the target, in a process of ours, has the type of the challenge; None where nobody
    looked."""
    statement_said: str = ""
    """What Rocq said where it has not."""
    statement_digest: str = ""
    """Of the challenge as Rocq prints it in full."""
    replays: tuple[Replay, ...] = ()
    sandboxed: bool = False
    """Whether the submission was compiled in a sandbox, without network."""
    exit_code: int | None = None
    """The exit status of a one-shot run; None for drivers without one."""
    elapsed_seconds: float = 0.0
    raw: JSON = None
    """What came back, bounded, as evidence."""
    commands: tuple[str, ...] = ()
    """What was run, to be run again."""
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    """`rocq` as `coqc --version` says it."""


@runtime_checkable
class Rocq(Protocol):
    """A way to have Rocq look at a submission."""

    name: str
    """What evidence calls it (`oneshot`, `pool`)."""

    async def check(self, request: Request) -> Answer:
        """Check one submission, apart from every other one.

        Never raises for what Rocq or the submission did: that is `Answer.problem`. Calls may
        overlap; cancelling one ends what it started.
        """
        ...

    async def close(self) -> None:
        """Give back what the driver holds. Closing twice is fine."""
        ...
