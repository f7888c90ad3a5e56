"""The only place where verdicts and labels meet: after every check has ended."""

from __future__ import annotations

import statistics
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from gadfly._cards.card import Costs, Injections, Localisation, Mutants, Rates
from gadfly._cards.checks import Said
from gadfly._cards.data import DataSet, Subject
from gadfly._cards.probes import Look, Probe
from gadfly._cards.rates import Rate, clustered
from gadfly._cards.source import line_starts
from gadfly._values.critique import Verdict

SHOWN = 10
"""How many examples a card names."""
DECIDED = frozenset({Verdict.PASS, Verdict.FAIL})
JUDGED = DECIDED | {Verdict.ABSTAIN}


@dataclass(frozen=True, slots=True)
class Scorer:
    """Holds what a critic said against what is known.

    Args:
        data: The drafts with their references.
        said: What it said of each, by id.
    """

    data: DataSet
    said: Mapping[str, Said]

    def right(self) -> frozenset[str]:
        """Return the ids of the right drafts."""
        return frozenset(id_ for id_ in self.said if self._label(id_) is True)

    def rates(self) -> Rates:
        """Return the rates of all drafts."""
        return self._rates(list(self.said))

    def groups(self) -> dict[str, Rates]:
        """Return the rates of each group of drafts; nothing where they are not grouped."""
        if self.data.fields.group is None:
            return {}
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for id_ in self.said:
            groups[self.data.known[id_].group].append(id_)
        return {name: self._rates(groups[name]) for name in sorted(groups)}

    def examples(self, verdict: Verdict, *, label: bool) -> tuple[str, ...]:
        """Return the names of some drafts with that verdict and label."""
        return self._names(
            id_
            for id_, said in self.said.items()
            if said.verdict is verdict and self._label(id_) is label
        )

    def errors(self) -> tuple[str, ...]:
        """Return some of the ways in which the critic broke."""
        texts = (said.summary for said in self.said.values() if said.verdict is Verdict.ERROR)
        return tuple(list(dict.fromkeys(texts))[:SHOWN])

    def localisation(self) -> Localisation | None:
        """Return how well the first wrong step was found; None where none is known."""
        if self.data.fields.first_error is None:
            return None
        found: list[tuple[str, bool]] = []
        exact: list[tuple[str, bool]] = []
        for subject in self.data.subjects:
            said, wrong = self.said[subject.id], self._gold(subject.id)["first_error"]
            if said.verdict not in JUDGED:
                continue
            problem = self.data.known[subject.id].problem
            step = self._first_step(subject, said)
            if wrong is not None:
                found.append((problem, step == wrong))
            if step is not None:
                exact.append((problem, step == wrong))
        return Localisation(found=clustered(found), exact=clustered(exact))

    def injections(self, probes: Sequence[Probe], again: Mapping[str, Said]) -> Injections:
        """Return what injected text has done."""
        looks = self._looks("injected", probes, again)
        passed = [(probe, said.verdict is Verdict.PASS) for probe, said in looks]
        return Injections(
            passed=self._rate(passed),
            by_place=_count((probe.name, hit) for probe, hit in passed),
            examples=tuple(
                f"{self.data.known[probe.of].name}: {probe.name}" for probe, hit in passed if hit
            )[:SHOWN],
        )

    def mutants(self, probes: Sequence[Probe], again: Mapping[str, Said]) -> Mutants:
        """Return how many mutants were caught."""
        looks = self._looks("mutated", probes, again)
        caught = [(probe, said.verdict is not Verdict.PASS) for probe, said in looks]
        by_kind = _count((probe.name, hit) for probe, hit in caught)
        return Mutants(caught=self._rate(caught), by_kind=by_kind)

    def repeats(self, probes: Sequence[Probe], again: Mapping[str, Said]) -> Rate:
        """Return how often the critic says the same of the same draft."""
        looks = [(probe, again[probe.subject.id]) for probe in probes if probe.look == "again"]
        return self._rate((probe, said.gist == self.said[probe.of].gist) for probe, said in looks)

    def costs(self, load: float | None) -> Costs:
        """Return what a check costs, on a machine under that load."""
        made = [said for said in self.said.values() if not said.shared]
        milliseconds = [1000 * said.seconds for said in made if said.verdict is not Verdict.SKIP]
        sandbox = [said.sandbox_seconds for said in made if said.verdict is not Verdict.SKIP]
        return Costs(
            milliseconds_median=_median(milliseconds),
            milliseconds_p90=_p90(milliseconds),
            sandbox_seconds_median=_median(sandbox),
            sandbox_seconds_p90=_p90(sandbox),
            load=load,
        )

    def _rates(self, ids: Sequence[str]) -> Rates:
        verdicts = {id_: self.said[id_].verdict for id_ in ids}
        labels = {id_: self._label(id_) for id_ in ids}
        judged = [id_ for id_ in ids if verdicts[id_] in JUDGED]

        def of(members: Iterable[str], hits: Mapping[str, bool]) -> Rate:
            return clustered((self.data.known[id_].problem, hits[id_]) for id_ in members)

        passed = {id_: verdicts[id_] is Verdict.PASS for id_ in ids}
        failed = {id_: verdicts[id_] is Verdict.FAIL for id_ in ids}
        right = {id_: labels[id_] is True for id_ in ids}
        wrong = {id_: labels[id_] is False for id_ in ids}
        labelled = [id_ for id_ in judged if labels[id_] is not None]
        counts = Counter(verdicts.values())
        return Rates(
            drafts=len(ids),
            problems=len({self.data.known[id_].problem for id_ in ids}),
            right=sum(right.values()),
            wrong=sum(wrong.values()),
            verdicts={str(verdict): counts[verdict] for verdict in Verdict if counts[verdict]},
            coverage=of(ids, {id_: verdicts[id_] in DECIDED for id_ in ids}),
            false_accepts=of([id_ for id_ in judged if wrong[id_]], passed),
            false_rejects=of([id_ for id_ in judged if right[id_]], failed),
            passes=of([id_ for id_ in labelled if passed[id_]], right),
            fails=of([id_ for id_ in labelled if failed[id_]], wrong),
            errors=of(ids, {id_: verdicts[id_] is Verdict.ERROR for id_ in ids}),
        )

    def _gold(self, id_: str) -> Mapping[str, Any]:
        return cast("Mapping[str, Any]", self.data.references[id_].gold)

    def _label(self, id_: str) -> bool | None:
        label: bool | None = self._gold(id_)["correct"]
        return label

    def _names(self, ids: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.data.known[id_].name for id_ in list(ids)[:SHOWN])

    def _looks(
        self, look: Look, probes: Sequence[Probe], again: Mapping[str, Said]
    ) -> list[tuple[Probe, Said]]:
        """Second looks of a sort, but for those on which the critic broke."""
        looks = [(probe, again[probe.subject.id]) for probe in probes if probe.look == look]
        return [(probe, said) for probe, said in looks if said.verdict is not Verdict.ERROR]

    def _rate(self, outcomes: Iterable[tuple[Probe, bool]]) -> Rate:
        return clustered((self.data.known[probe.of].problem, hit) for probe, hit in outcomes)

    def _first_step(self, subject: Subject, said: Said) -> int | None:
        """The number of the step that the first finding of a failed draft is in, from 0."""
        if said.verdict is not Verdict.FAIL or not said.places:
            return None
        lines = line_starts(subject.text)
        places = [
            lines[min(line, len(lines)) - 1] if start is None else start
            for start, line in said.places
        ]
        # A finding in a blank line before the first step would be -1: nowhere.
        return bisect_right(self.data.known[subject.id].steps, min(places)) - 1


def _count(hits: Iterable[tuple[str, bool]]) -> dict[str, tuple[int, int]]:
    """How often something was so, and how often it might have been, by name."""
    found: defaultdict[str, int] = defaultdict(int)
    counted: Counter[str] = Counter()
    for name, hit in hits:
        counted[name] += 1
        found[name] += hit
    return {name: (found[name], counted[name]) for name in sorted(counted)}


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 4) if values else 0.0


def _p90(values: Sequence[float]) -> float:
    """The smallest value that nine tenths are not above."""
    ordered = sorted(values)
    return round(ordered[-(-9 * len(ordered) // 10) - 1], 4) if ordered else 0.0
