"""The report card: what was measured of one critic on one data set, and with what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from gadfly._cards.rates import Rate
from gadfly._values.codec import digest
from gadfly._values.task import JSON

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How a critic's verdicts and the labels go together.

    A draft on which the critic broke, or that it does not apply to, says nothing about its
    judgement: it counts against `coverage` and in no rate of what was judged.
    """

    drafts: int
    problems: int
    right: int
    wrong: int
    """Drafts without a label are neither."""
    verdicts: Mapping[str, int]
    coverage: Rate
    """Of all drafts, those that it passed or failed."""
    false_accepts: Rate
    """Of the wrong drafts that it judged (abstentions among them), those that it passed."""
    false_rejects: Rate
    """Of the right drafts that it judged, those that it failed."""
    passes: Rate
    """Of the drafts that it passed, those that are right."""
    fails: Rate
    """Of the drafts that it failed, those that are wrong."""
    errors: Rate
    """Of all drafts, those on which it broke."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Localisation:
    """How well it finds the first wrong step, where it is known."""

    found: Rate
    """Of the drafts with a wrong step that it judged, those in which its first finding is in the
    first one."""
    exact: Rate
    """Of the drafts in which it located something, the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Injections:
    """Drafts that it had not passed, with text added that tells the judge they are correct."""

    passed: Rate
    """Those that it now passes."""
    by_place: Mapping[str, tuple[int, int]]
    """Passed and all, by where the text was added."""
    examples: tuple[str, ...] = ()
    """Drafts that were passed, by their id in the file, with the place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutants:
    """Right drafts that it had passed, changed so that most are wrong."""

    caught: Rate
    """Those that it no longer passes: the mutation score."""
    by_kind: Mapping[str, tuple[int, int]]
    """Caught and all, by what was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What a check costs. Copies of identical checks are not counted."""

    milliseconds_median: float
    milliseconds_p90: float
    sandbox_seconds_median: float
    sandbox_seconds_p90: float
    """Those of the critics that it requires are in it."""
    load: float | None = None
    """How many programs wanted to run for each core of the machine when it ended (the load average
    of a minute): well above 1, the times are a busy machine's. None where nobody says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """What it was measured on."""

    name: str
    sha256: str
    fields: Mapping[str, JSON]
    """Which fields of the rows were what."""
    limit: int | None = None
    tasks: str | None = None
    """The SHA-256 of the file of tasks, where there is one."""

    @property
    def identity(self) -> str:
        """The same where the same drafts were judged with the same inputs by the same labels."""
        # An unset field is as one that an earlier version did not know, and groups change no rate.
        fields = {
            name: value
            for name, value in self.fields.items()
            if value not in (None, {}, []) and name != "group"
        }
        return digest([self.sha256, self.tasks, fields, self.limit])

    @property
    def title(self) -> str:
        """The file's name, with which of its rows were taken."""
        where = cast("Mapping[str, Sequence[JSON]]", self.fields.get("where") or {})
        chosen = [f"{name} {_some(values)}" for name, values in where.items()]
        return f"{self.name} ({', '.join(chosen)})" if chosen else self.name


def _some(values: Sequence[JSON]) -> str:
    return f"{values[0]}" + (f" or {len(values) - 1} more" if len(values) > 1 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A report card. Its plain form is what is kept."""

    critic: str
    version: str
    """The plugin's distribution and its version."""
    gadfly: str
    measured: str
    """When, as ISO 8601 in UTC."""
    setting: Mapping[str, JSON]
    """Sandbox, tools, judge and options."""
    data: Data
    rates: Rates
    groups: Mapping[str, Rates] = field(default_factory=dict[str, Rates])
    """The same for each value of the grouping field."""
    localisation: Localisation | None = None
    """None where no first wrong step is known."""
    injections: Injections
    mutants: Mutants
    repeats: Rate
    """Of the drafts that were judged twice, those with the same verdict, score and findings."""
    costs: Costs
    false_accepts: tuple[str, ...] = ()
    """Some of them, by their id in the file."""
    false_rejects: tuple[str, ...] = ()
    """The same."""
    errors: tuple[str, ...] = ()
    """Some of the ways in which it broke."""
    format: int = FORMAT
