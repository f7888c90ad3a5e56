"""A table as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from critic_paper.loop import ORACLE, Ended, Trial

FLIPS = ("wrong>right", "right>wrong")
SPENT = ("model calls", "tool calls")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One task's results: an arm a row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def __str__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        head, *rest = (
            "  ".join(
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )
        rule = "-" * max(map(len, [head, *rest]))
        return "\n".join([self.title, head, rule, *rest, *self.notes])


def called(arm: str) -> str:
    """Return an arm's name as a table has it: whoever reads the oracle's row must know."""
    return f"{arm} (sees gold: no method)" if arm == ORACLE else arm


def flips(first: Sequence[bool], last: Sequence[bool]) -> tuple[str, str]:
    """Return how many problems were mended, and how many spoilt."""
    pairs = list(zip(first, last, strict=True))
    return str(pairs.count((False, True))), str(pairs.count((True, False)))


def spent(trials: Sequence[Trial]) -> tuple[str, str]:
    """Return mean model calls and mean tool calls."""
    n = len(trials)
    return (
        f"{sum(trial.model_calls for trial in trials) / n:.2f}",
        f"{sum(trial.tool_calls for trial in trials) / n:.2f}",
    )


def remarks(ended: Ended) -> list[str]:
    """Return what went wrong, a line each."""
    lines: list[str] = []
    if ended.lost:
        lines.append(f"Left out of every arm: {ended.lost}, where the model did not answer.")
    broken = {
        name: [why for t in tried for why in t.broken] for name, tried in ended.trials.items()
    }
    if any(broken.values()):
        listed = ", ".join(f"{len(said)} in {name}" for name, said in broken.items() if said)
        first = next(why for said in broken.values() for why in said)
        lines.append(f"Critiques that broke, and said nothing of their drafts: {listed}.")
        lines.append(f"The first of them: {first:.200}")
    return lines
