"""Intervals and flips. Standard library: each is one formula."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = statistics.NormalDist().inv_cdf(0.975)


@dataclass(frozen=True, slots=True)
class Interval:
    """A share with its 95 % interval, all in [0, 1]."""

    share: float
    low: float
    high: float

    def overlaps(self, other: Interval) -> bool:
        """Whether the two intervals have a value in common."""
        return self.low <= other.high and other.low <= self.high

    def __str__(self) -> str:
        return f"{self.share:6.1%} [{self.low:.1%}, {self.high:.1%}]"


def wilson(right: float, n: int) -> Interval:
    """Return the Wilson score interval of `right` successes in `n` (Wilson 1927).

    `right` may be a sum of per-problem shares. Such a sum varies less than as many yes-or-no
    answers would, so the interval is then on the wide side. n = 0 gives the whole range.
    """
    if n == 0:
        return Interval(0.0, 0.0, 1.0)
    share = right / n
    centre = (share + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
    half = Z95 / (1 + Z95**2 / n) * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    # Rounding may put an end a hair past the share, or past 0 or 1.
    low, high = min(share, centre - half), max(share, centre + half)
    return Interval(share, max(0.0, low), min(1.0, high))


@dataclass(frozen=True, slots=True)
class Flips:
    """What became of first drafts: counted per problem."""

    right_right: int
    right_wrong: int
    wrong_right: int
    wrong_wrong: int

    @classmethod
    def count(cls, first: Sequence[bool], final: Sequence[bool]) -> Flips:
        """Count how the first drafts' correctness went over into the final ones'."""
        pairs = list(zip(first, final, strict=True))
        return cls(
            right_right=pairs.count((True, True)),
            right_wrong=pairs.count((True, False)),
            wrong_right=pairs.count((False, True)),
            wrong_wrong=pairs.count((False, False)),
        )

    @property
    def spoilt(self) -> float:
        """The share of right first drafts that ended wrong."""
        right = self.right_right + self.right_wrong
        return self.right_wrong / right if right else 0.0
