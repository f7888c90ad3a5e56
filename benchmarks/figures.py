"""What benchmarks share: rows of the data, and shares with their intervals.

An interval is of 95 %, and a share with it is `[share, low, high]`, rounded to four digits.
"""

from __future__ import annotations

import gzip
import json
import math
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SEED = 20261125
RESAMPLES = 1000


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a compressed file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def wilson(right: int, n: int) -> list[float]:
    """Return a share with its interval, for rows that have nothing to do with each other.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference
    (1927).
    """
    if n == 0:
        return [0.0, 0.0, 1.0]
    z, share = 1.959964, right / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return [round(value, 4) for value in (share, max(0.0, centre - half), min(1.0, centre + half))]


def clustered(values: Sequence[tuple[str, bool, bool]]) -> list[float] | None:
    """Return the share of what counts among what is looked at, by a bootstrap over problems.

    Args:
        values: Of each row its problem, whether it counts, and whether it is looked at.

    Returns:
        None where nothing is looked at.
    """
    groups: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for problem, counts, looked_at in values:
        groups[problem][0] += bool(counts and looked_at)
        groups[problem][1] += bool(looked_at)
    sums = [pair for pair in groups.values() if pair[1]]
    total = sum(n for _, n in sums)
    if not total:
        return None
    share = sum(right for right, _ in sums) / total
    if share in {0.0, 1.0}:
        # Resampling what never varies says nothing; problems counted once do.
        return wilson(round(share * len(sums)), len(sums))
    dice = random.Random(SEED)
    again: list[float] = []
    for _ in range(RESAMPLES):
        some = dice.choices(sums, k=len(sums))
        again.append(sum(right for right, _ in some) / sum(n for _, n in some))
    again.sort()
    low, high = again[RESAMPLES // 40 - 1], again[-(RESAMPLES // 40) - 1]
    return [round(value, 4) for value in (share, low, high)]


def percent(share: Sequence[float] | None) -> str:
    """Return a share as a person reads it."""
    return "-" if share is None else f"{share[0]:.1%} [{share[1]:.1%}, {share[2]:.1%}]"
