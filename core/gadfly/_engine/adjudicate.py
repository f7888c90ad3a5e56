"""Critiques to a decision, and drafts to the best one. Pure functions over values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gadfly._ports import CriticSpec, Round
from gadfly._values.critique import Critique, Verdict


class Choice(StrEnum):
    """What to do with a draft."""

    ACCEPT = "accept"
    REFINE = "refine"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the critiques of one draft amount to."""

    choice: Choice
    reason: str
    disagreement: bool = False
    """Whether one critic passed what another failed; a failure vetoes, and this is an event."""


def adjudicate(critiques: Mapping[str, Critique], specs: Sequence[CriticSpec]) -> Decision:
    """Return what to do with a draft.

    Any required critic's FAIL vetoes. Without one, the draft is accepted when at least one required
    critic passed and none abstained or broke: an ERROR is neither a pass nor a failure, so it can
    neither accept a draft nor cost a refinement.
    """
    said = {spec.id: critiques[spec.id] for spec in specs if spec.required and spec.id in critiques}
    by_verdict: dict[Verdict, list[str]] = {verdict: [] for verdict in Verdict}
    for id_, critique in said.items():
        by_verdict[critique.verdict].append(id_)
    passed, failed = by_verdict[Verdict.PASS], by_verdict[Verdict.FAIL]
    if failed:
        return Decision(Choice.REFINE, f"{', '.join(failed)} failed it", bool(passed))
    silent = by_verdict[Verdict.ERROR] + by_verdict[Verdict.ABSTAIN]
    if silent:
        reasons = "; ".join(f"{id_}: {said[id_].summary or said[id_].verdict}" for id_ in silent)
        return Decision(Choice.UNDECIDED, f"nothing was established by {reasons}")
    if not passed:
        return Decision(Choice.UNDECIDED, "no critic applies to it")
    return Decision(Choice.ACCEPT, f"{', '.join(passed)} passed it")


def best_round(rounds: Sequence[Round], specs: Sequence[CriticSpec]) -> Round:
    """Return the round with the best draft, not the last.

    In order: accepted, fewer hard failures, more passes, fewer findings; the later one of equals.
    Whatever the rest says, a draft that fails hard what the best so far passed does not replace it.
    """
    best = rounds[0]
    for round_ in rounds[1:]:
        if _loses_ground(best, round_):
            continue
        if _merit(round_, specs) >= _merit(best, specs):
            best = round_
    return best


def _loses_ground(best: Round, other: Round) -> bool:
    return any(
        critique.is_hard_failure
        and id_ in best.critiques
        and best.critiques[id_].verdict is Verdict.PASS
        for id_, critique in other.critiques.items()
    )


def _merit(round_: Round, specs: Sequence[CriticSpec]) -> tuple[bool, int, int, int]:
    critiques = round_.critiques
    return (
        adjudicate(critiques, specs).choice is Choice.ACCEPT,
        -sum(critique.is_hard_failure for critique in critiques.values()),
        sum(critique.verdict is Verdict.PASS for critique in critiques.values()),
        -sum(
            max(len(critique.findings), 1)
            for critique in critiques.values()
            if critique.verdict is Verdict.FAIL
        ),
    )
