"""How much is known of a proof: levels, and the layers that they are made of.

The levels are those of gadfly-lean, by name and meaning. Each layer asks one thing; it holds, it is
broken, or it is missing because nobody could look. A missing layer never counts as one that holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from gadfly import InputError


class Level(IntEnum):
    """What was established of a submission, the weakest first; each includes those below."""

    L0 = 0
    """Rocq compiled it without an error; `Admitted` may be in it."""
    L1 = 1
    """And nothing in it is admitted, as far as its text shows."""
    L2 = 2
    """And Rocq, asked with nonce and canary, names allowed axioms only. Where it was asked in the
    submission's own process, that can be forged."""
    L3 = 3
    """And in processes that run none of its commands: it has the statement of a challenge compiled
    apart, it rests on allowed axioms and no unsafe flag, and a kernel checked it once more."""
    L4 = 4
    """And it was compiled in a sandbox, and a second kernel, which is not Rocq's, agrees."""

    @classmethod
    def of(cls, name: Level | str) -> Level:
        """Return a level by its name (`L3`).

        Raises:
            InputError: There is no such level.
        """
        if isinstance(name, Level):
            return name
        if name not in cls.__members__:
            raise InputError(f"there is no level {name!r}; there are {', '.join(cls.__members__)}")
        return cls[name]


class State(StrEnum):
    """What became of a layer."""

    HOLDS = "holds"
    BROKEN = "broken"
    """It was looked at, and it is not so: the submission is no proof of the challenge."""
    MISSING = "missing"
    """Nothing is known of it."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One thing that was asked of a submission."""

    name: str
    level: Level
    """The level that it belongs to."""
    state: State
    said: str
    """What was seen, in a clause."""
    remedy: str = ""
    """How to have it looked at; only where it is missing."""


def reached(layers: Iterable[Layer]) -> Level | None:
    """Return the highest level whose layers, and those of all levels below it, hold.

    A level that nobody asked about is not reached. None where not even `L0` is.
    """
    layers = list(layers)
    best: Level | None = None
    for level in Level:
        own = [layer for layer in layers if layer.level is level]
        if not own or any(layer.state is not State.HOLDS for layer in own):
            break
        best = level
    return best
