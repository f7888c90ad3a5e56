"""Second looks at some of the drafts: the same again, with injected text, mutated.

Which drafts are mutated depends on their labels (they must be right), so this module is told which
ones they are by the scorer, and reads no reference itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gadfly._cards.checks import Said
from gadfly._cards.data import Subject
from gadfly._cards.injections import injected
from gadfly._cards.mutants import mutants
from gadfly._values.codec import digest
from gadfly._values.critique import Verdict

Look = Literal["again", "injected", "mutated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """A second look at a draft."""

    look: Look
    name: str
    """The place of an injection, the kind of a mutant; empty for the same draft."""
    of: str
    """The `Subject.id` of the draft that it comes from."""
    subject: Subject


def plan_probes(
    subjects: Sequence[Subject], said: Mapping[str, Said], right: frozenset[str], number: int
) -> list[Probe]:
    """Return the second looks that are worth having, the same ones every time.

    Args:
        subjects: The drafts.
        said: What the critic said of each.
        right: The ids of right drafts.
        number: How many drafts each sort of look is made at. Drafts that were passed are mutated if
            they are right; drafts that were failed or abstained on get injected text.
    """
    drawn = sorted(subjects, key=lambda subject: digest([subject.id, "probe"]))

    def some(*verdicts: Verdict) -> Iterator[Subject]:
        return (s for s in drawn if said[s.id].verdict in verdicts and not said[s.id].shared)

    passed = (s for s in some(Verdict.PASS) if s.id in right)
    not_passed = some(Verdict.FAIL, Verdict.ABSTAIN)
    judged = some(Verdict.PASS, Verdict.FAIL, Verdict.ABSTAIN)
    return [
        *(_probe("again", subject, "", subject.text) for subject in _head(judged, number)),
        *(
            _probe("injected", subject, place, text)
            for turn, subject in enumerate(_head(not_passed, number))
            for place, text in injected(subject.text, turn)
        ),
        *(
            _probe("mutated", subject, kind, text)
            for subject in _head(passed, number)
            for kind, text in mutants(subject.text, subject.id)
        ),
    ]


def _head(subjects: Iterable[Subject], number: int) -> Iterator[Subject]:
    return (subject for subject, _ in zip(subjects, range(number), strict=False))


def _probe(look: Look, subject: Subject, name: str, text: str) -> Probe:
    id_ = digest([subject.id, look, name])
    return Probe(look=look, name=name, of=subject.id, subject=replace(subject, id=id_, text=text))
