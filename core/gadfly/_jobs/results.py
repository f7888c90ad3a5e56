"""What was established: of one draft, and of all of them together."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gadfly._engine.adjudicate import Choice, adjudicate
from gadfly._engine.checked import Checked, broken
from gadfly._errors import InputError
from gadfly._ports import CriticSpec
from gadfly._values.budget import Usage
from gadfly._values.codec import dump, load
from gadfly._values.critique import Critique, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyResult:
    """What was established of one draft. Its plain form is one line of the results file."""

    id: str
    verdict: Verdict
    """FAIL if a required critic failed it, PASS if all required ones that apply passed and at least
    one does; otherwise ERROR, ABSTAIN or SKIP: nothing was decided, and why."""
    critiques: Mapping[str, Critique]
    """What each critic said, by critic id."""
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    """Wall time of all its critics."""
    critic_seconds: Mapping[str, float] = field(default_factory=dict[str, float])
    """Wall time by critic id, waiting for a free process included."""
    shared: bool = False
    """Whether an earlier row has the same prompt and draft: its result was copied, for free."""

    @property
    def broke(self) -> bool:
        """Whether a critic broke, whatever the verdict; such rows are tried again by a rerun."""
        return any(critique.verdict is Verdict.ERROR for critique in self.critiques.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What came of a verification job."""

    rows: int
    verdicts: Mapping[str, int]
    """Rows by verdict."""
    errors: int
    """Rows in which a critic broke, whatever their verdict."""
    shared: int
    """Rows whose result was copied from an identical one."""
    ended: Mapping[str, int]
    """Sandbox jobs by how they ended."""
    usage: Usage
    """Spent on all rows, in earlier runs too."""
    critic_seconds: Mapping[str, float]
    """Mean wall time of a check by critic id, slowest first."""
    critic_median_seconds: Mapping[str, float]
    """The median of the same, to about one per cent."""
    critic_longest_seconds: Mapping[str, float]
    """The longest of the same."""
    seconds: float
    """Wall time of this run."""
    kept: int
    """Rows that an earlier run had already done."""
    out: str | None
    """The results file's path; None where none was asked for."""
    batch: str | None
    """What `gadfly jobs` calls this job; None where nothing of it is kept but the results."""
    results: tuple[VerifyResult, ...] = ()
    """Every row's result, in input order. Empty where there is a results file, which holds them."""

    @property
    def rows_per_second(self) -> float:
        """How fast this run was."""
        return (self.rows - self.kept) / self.seconds if self.seconds > 0 else 0.0


def combine(
    id: str,  # noqa: A002 - the field's own name
    checked: Mapping[str, Checked],
    specs: Sequence[CriticSpec],
    seconds: float,
) -> VerifyResult:
    """Return what the checks of one draft amount to."""
    checked = {name: _as_data(check) for name, check in checked.items()}
    critiques = {name: check.critique for name, check in checked.items()}
    return VerifyResult(
        id=id,
        verdict=_verdict(critiques, specs),
        critiques=critiques,
        usage=sum((check.usage for check in checked.values()), Usage()),
        seconds=round(seconds, 4),
        critic_seconds={
            name: round(check.seconds, 4)
            for name, check in checked.items()
            if check.critique.verdict is not Verdict.SKIP
        },
    )


def _as_data(checked: Checked) -> Checked:
    """A critique that JSON cannot hold (a set, a NaN) is a critic's fault like any other."""
    try:
        json.dumps(dump(checked.critique), allow_nan=False)
    except (InputError, ValueError) as error:
        return replace(checked, critique=broken(f"what it returned is not plain data: {error}"))
    return checked


def _verdict(critiques: Mapping[str, Critique], specs: Sequence[CriticSpec]) -> Verdict:
    choice = adjudicate(critiques, specs).choice
    if choice is not Choice.UNDECIDED:
        return Verdict.PASS if choice is Choice.ACCEPT else Verdict.FAIL
    said = {critiques[spec.id].verdict for spec in specs if spec.required}
    return next((v for v in (Verdict.ERROR, Verdict.ABSTAIN) if v in said), Verdict.SKIP)


class Durations:
    """What many durations have in common, in memory that does not grow with their number."""

    def __init__(self) -> None:
        self._count = 0
        self._sum = 0.0
        self.longest = 0.0
        # By order of magnitude, in steps of two per cent.
        self._steps: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count one more."""
        self._count += 1
        self._sum += seconds
        self.longest = max(self.longest, seconds)
        self._steps[round(math.log(max(seconds, _SHORTEST), _STEP))] += 1

    @property
    def mean(self) -> float:
        """The mean; 0 of none."""
        return self._sum / self._count if self._count else 0.0

    @property
    def median(self) -> float:
        """The median, to about one per cent; 0 of none."""
        seen = 0
        for step in sorted(self._steps):
            seen += self._steps[step]
            if 2 * seen >= self._count:
                return min(float(_STEP**step), self.longest)
        return 0.0


_STEP = 1.02
_SHORTEST = 1e-4
"""Results hold no shorter durations than this, but 0."""


class Tally:
    """Counts plain results, one at a time."""

    def __init__(self) -> None:
        self._rows = self._errors = self._shared = 0
        self._verdicts: Counter[str] = Counter()
        self._ended: Counter[str] = Counter()
        self._critics: defaultdict[str, Durations] = defaultdict(Durations)
        self._usage = Usage()

    def add(self, result: Mapping[str, Any]) -> None:
        """Count one plain `VerifyResult`."""
        critiques = result["critiques"].values()
        self._rows += 1
        self._verdicts[result["verdict"]] += 1
        self._errors += any(critique["verdict"] == Verdict.ERROR for critique in critiques)
        self._shared += result["shared"]
        if result["shared"]:
            return
        self._usage += load(Usage, result["usage"])
        for critic, seconds in result["critic_seconds"].items():
            self._critics[critic].add(seconds)
        for critique in critiques:
            for evidence in critique["evidence"]:
                if "argv" in evidence["request"]:
                    self._ended[evidence["observation"].get("ended", "unknown")] += 1

    def report(
        self,
        *,
        seconds: float,
        kept: int,
        out: str | None,
        batch: str | None = None,
        results: Sequence[VerifyResult] = (),
    ) -> VerifyReport:
        """Return the counts as a report."""
        critics = sorted(self._critics.items(), key=lambda item: -item[1].mean)
        return VerifyReport(
            rows=self._rows,
            verdicts={str(v): self._verdicts[v] for v in Verdict if self._verdicts[v]},
            errors=self._errors,
            shared=self._shared,
            ended=dict(self._ended.most_common()),
            usage=self._usage,
            critic_seconds={critic: spent.mean for critic, spent in critics},
            critic_median_seconds={critic: spent.median for critic, spent in critics},
            critic_longest_seconds={critic: spent.longest for critic, spent in critics},
            seconds=seconds,
            kept=kept,
            out=out,
            batch=batch,
            results=tuple(results),
        )
