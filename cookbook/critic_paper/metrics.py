"""What the paper measures, with 95 % intervals. Standard library: each is a formula.

Answers are compared as SQuAD and HotpotQA do, and not more kindly: numbers in words, plural endings
and ordinals stay what they are, and "both", "neither" and "none" are answers.
"""

from __future__ import annotations

import math
import random
import re
import statistics
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

DRAWS = 2_000
"""Of the bootstrap."""
_Z95 = statistics.NormalDist().inv_cdf(0.975)
_CLOSED = frozenset({"yes", "no", "noanswer"})


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean or share with its 95 % interval."""

    mean: float
    low: float
    high: float

    def percent(self) -> str:
        """Return it in percent, to one place."""
        return f"{self.mean:.1%} ({self.low:.1%} to {self.high:.1%})"

    def __str__(self) -> str:
        return f"{self.mean:.3f} ({self.low:.3f} to {self.high:.3f})"


def wilson(hits: int, n: int) -> Interval:
    """Return a share with its Wilson interval (1927); the whole range where n is 0."""
    if n == 0:
        return Interval(0.0, 0.0, 1.0)
    centre = (hits + _Z95**2 / 2) / (n + _Z95**2)
    half = _Z95 / (n + _Z95**2) * math.sqrt(hits * (n - hits) / n + _Z95**2 / 4)
    share = hits / n
    return Interval(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))


def bootstrap(values: Sequence[float], seed: int = 1) -> Interval:
    """Return a mean with its percentile bootstrap interval over problems, the same each time.

    Raises:
        ValueError: There are no values.
    """
    mean = statistics.fmean(values)
    dice = random.Random(seed)
    n = len(values)
    means = sorted(statistics.fmean(dice.choices(values, k=n)) for _ in range(DRAWS))
    return Interval(mean, means[round(0.025 * DRAWS)], means[round(0.975 * DRAWS) - 1])


def normalised(answer: str) -> str:
    """Return an answer as SQuAD compares it: no case, punctuation, articles or extra spaces."""
    low = "".join(c for c in answer.lower() if c not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", low).split())


def exact_match(answer: str | None, golds: Sequence[str]) -> bool:
    """Whether an answer is one of the gold ones, normalised. None is none of them."""
    return answer is not None and normalised(answer) in {normalised(gold) for gold in golds}


def f1(answer: str | None, golds: Sequence[str]) -> float:
    """Return the F1 of an answer's words, of the gold answer where it is largest.

    Where one of the two is yes, no or noanswer, only equality counts, as HotpotQA has it.
    """
    return 0.0 if answer is None else max((_f1(answer, gold) for gold in golds), default=0.0)


def _f1(answer: str, gold: str) -> float:
    one, other = normalised(answer), normalised(gold)
    if one == other:
        return 1.0
    if one in _CLOSED or other in _CLOSED:
        return 0.0
    said, meant = Counter(one.split()), Counter(other.split())
    common = (said & meant).total()
    return 2 * common / (said.total() + meant.total()) if common else 0.0


def same_number(value: object, gold: float) -> bool:
    """Whether a computed value is the gold number, to a millionth of it: 18 is not 1800."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value - gold) <= 1e-6 * max(1.0, abs(gold))


def distinct(texts: Sequence[str], n: int) -> float:
    """Return dist-n (Li et al. 2016): different n-grams of words for each word of some texts."""
    words = [text.split() for text in texts]
    grams = {tuple(of[i : i + n]) for of in words for i in range(len(of) - n + 1)}
    total = sum(map(len, words))
    return len(grams) / total if total else 0.0
