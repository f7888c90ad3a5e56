"""Shares with intervals that know that drafts of one problem are alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from gadfly._experiment.statistics import wilson


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share with its 95 % interval. Of nothing, the interval is everything."""

    count: int
    of: int
    share: float
    low: float
    high: float

    def __str__(self) -> str:
        if not self.of:
            return "-"
        return f"{self.share:.1%} [{self.low:.1%}, {self.high:.1%}]"


def clustered(outcomes: Iterable[tuple[str, bool]]) -> Rate:
    """Return the share of true outcomes, with an interval clustered by problem.

    It is the Wilson interval of as many independent outcomes as the clustered ones are worth: their
    number divided by the design effect (Kish 1965), which compares the variance between problems
    with that of independent outcomes. With one outcome a problem, that is Wilson's own. Where all
    outcomes are the same they say nothing of how alike they are, and each problem counts once.

    Args:
        outcomes: Pairs of a problem's name and what is counted.
    """
    hits: defaultdict[str, int] = defaultdict(int)
    sizes: defaultdict[str, int] = defaultdict(int)
    for problem, outcome in outcomes:
        hits[problem] += outcome
        sizes[problem] += 1
    count, of = sum(hits.values()), sum(sizes.values())
    if not of:
        return Rate(count=0, of=0, share=0.0, low=0.0, high=1.0)
    share = count / of
    worth = len(sizes) if count in {0, of} else _worth(share, of, hits, sizes)
    interval = wilson(share * worth, worth)
    # Rounding may put an end a hair past the share.
    low, high = min(share, interval.low), max(share, interval.high)
    return Rate(count=count, of=of, share=share, low=low, high=high)


def _worth(share: float, of: int, hits: dict[str, int], sizes: dict[str, int]) -> int:
    """How many independent outcomes the clustered ones are worth: never more than there are."""
    problems = len(sizes)
    if problems == 1:
        return 1
    residuals = sum((hits[name] - share * size) ** 2 for name, size in sizes.items())
    between = problems / (problems - 1) * residuals / of**2
    independent = share * (1 - share) / (of - 1)
    effect = max(1.0, between / independent)
    return max(1, round(of / effect))
