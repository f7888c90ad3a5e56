"""The vocabulary of the grammar: dice, steps, and domains of steps that fit together."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


class RetryError(Exception):
    """The numbers drawn so far admit no well-posed problem: draw again."""


class Dice:
    """Choices made with `random()` alone, the one method whose sequence is guaranteed."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        if high < low:
            raise RetryError
        return low + int(self._random() * (high - low + 1))

    def pick(self, items: Sequence[T]) -> T:
        """Return one item; nothing to pick from is a reason to draw again."""
        return items[self.between(0, len(items) - 1)]

    def some(self, items: Sequence[T], count: int) -> list[T]:
        """Return `count` different items."""
        pool = list(items)
        return [pool.pop(self.between(0, len(pool) - 1)) for _ in range(count)]

    def near(self, value: int) -> int:
        """Return a value 2 to 20 % away, never `value` itself."""
        off = max(1, round(value * (0.02 + 0.18 * self._random())))
        return value + off if self._random() < 0.5 else max(1, value - off)


Operand = str | int
Line = tuple[str, Operand, str, Operand]
Draw = Callable[[Dice, int], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Step:
    """One sentence and what it does to the quantity.

    In `lines`, `@` is the quantity so far, `a` and `c` are the drawn numbers, and `>` and `<` are
    the larger and the smaller of two tracks (or of the quantity and `a`).
    """

    wordings: tuple[str, ...]
    draw: Draw
    lines: tuple[tuple[str, str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Domain:
    """Openings, changes and questions that fit together."""

    openers: dict[str, Step]
    changes: dict[str, Step]
    one: dict[str, Step]
    """Questions about one track, answered by following the text."""
    one_hard: dict[str, Step]
    """Questions about one track that need a comparison."""
    two: dict[str, Step]
    two_hard: dict[str, Step]
