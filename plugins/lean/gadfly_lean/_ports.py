"""The port to Lean: one submission in, what was seen out. Drivers see; they never judge.

A driver is a one-shot `lean`, a pool of REPLs, or a server. Whatever it could not establish is
None or a `problem`, never an empty list: an empty list says that Lean was asked and said nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from gadfly import JSON, InputError

SEVERITIES = frozenset({"trace", "info", "warning", "error"})
"""What Lean calls the messages that it prints."""
_SORRY = re.compile(r"declaration uses .sorry.")


def tells_of_sorry(text: str) -> bool:
    """Whether a message is the warning of a `sorry`; its quotes were ' and became ` in 2026."""
    return _SORRY.search(text) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One submission to elaborate.

    Raises:
        InputError: The time is not positive.
    """

    header: str
    """Imports and options, written by the trusted side and elaborated first; may be empty."""
    source: str
    """The submission without the header: a stranger's code, which can do what its user can."""
    target: str = ""
    """The full name of the declaration that is to be proved; empty where nothing is."""
    statement: str = ""
    """The challenge: the target as the trusted side states it, ended by `sorry`; may be empty."""
    seconds: float = 60.0
    """Wall time for the source; the header, which is shared, has a limit of the driver's own."""
    want_axioms: bool = False
    """Ask, after the source, for the axioms of the target, by a probe with nonce and canary."""
    want_tactics: bool = False
    """Tell the state before each tactic. Not every driver can."""
    want_exports: bool = False
    """Compile `statement` apart, and export the target from both. Not every driver can."""

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise InputError(f"seconds must be positive, not {self.seconds!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of Lean about the source."""

    severity: str
    """One of `SEVERITIES`; an answer with another one is a `problem`."""
    text: str
    line: int = 0
    """1-based line of `Request.source`; 0 where Lean gave no place."""
    column: int = 0
    """Code points before it in its line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sorry:
    """A `sorry` that Lean found in the syntax, with the goal that it leaves open."""

    goal: str
    line: int = 0
    """1-based line of `Request.source`; 0 where Lean gave no place."""
    column: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tactic:
    """A tactic that Lean ran, and the goals that it ran on."""

    text: str
    goals: str
    """The goals before it, as Lean shows them."""
    line: int
    """1-based line of `Request.source`."""
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a checker said that read the finished declarations and ran no candidate syntax."""

    checker: str
    """Its name (`lean4checker`, `safe_verify`, `comparator`, `nanoda`)."""
    version: str
    accepted: bool
    same_kernel: bool
    """Whether it is the kernel that Lean itself has: then its bugs are the same."""
    about: str = "replay"
    """The layer that it speaks of: the replay, or what it refuses (`target`, `statement`,
    `axioms`). Where it accepts, it stands for the replay alone."""
    said: str = ""
    """Its own words, bounded; a stranger's text may be in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was seen of one submission."""

    driver: str
    """The driver's name."""
    problem: str = ""
    """Why nothing is known about the submission (dead worker, malformed or forged answer, no
    toolchain), and what to do; empty where the driver vouches for the rest. Time that was used up
    is one too: it says nothing about the draft."""
    messages: tuple[Message, ...] = ()
    sorries: tuple[Sorry, ...] | None = None
    """None where the driver has no such signal (`lean --json` has none)."""
    tactics: tuple[Tactic, ...] | None = None
    """What ran, compound tactics and their parts; None where it was not asked, or the driver has no
    such signal."""
    axioms: tuple[str, ...] | None = None
    """What the probe said of the target; None where it was not asked, or what came back lacked the
    nonce or failed the canary. Candidate syntax ran in that process: it can be forged."""
    challenge_export: str | None = None
    """The target as lean4export wrote it from the trusted side's own statement."""
    submission_export: str | None = None
    """The same from the submission."""
    reference_export: str | None = None
    """What kernels compute with (`Nat.gcd`, ...), exported from the same Lean without a submission.
    None where nobody asked: then only what the challenge has can be compared."""
    target_found: bool | None = None
    """Whether the finished submission declares the target, as the exporter saw; None where nobody
    looked."""
    replays: tuple[Replay, ...] = ()
    sandboxed: bool = False
    """Whether the submission was elaborated in a sandbox, without network."""
    env: int | None = None
    """The REPL's environment number; None for drivers without one."""
    exit_code: int | None = None
    """The exit status of a one-shot run; None for drivers without one."""
    elapsed_seconds: float = 0.0
    raw: JSON = None
    """What came back, bounded, as evidence."""
    versions: Mapping[str, str] = field(default_factory=dict[str, str])
    """`lean` first of all, as `lean --version` says it; exporters and servers too."""


@runtime_checkable
class Lean(Protocol):
    """A way to have Lean look at a submission."""

    name: str
    """What evidence calls it (`repl`, `oneshot`, `kimina`)."""

    async def check(self, request: Request) -> Answer:
        """Elaborate one submission, apart from every other one.

        Never raises for what Lean or the submission did: that is `Answer.problem`. Calls may
        overlap; cancelling one kills what it started.
        """
        ...

    async def close(self) -> None:
        """Give back what the driver holds. Closing twice is fine."""
        ...
