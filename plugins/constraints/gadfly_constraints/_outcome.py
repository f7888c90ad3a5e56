"""What a check returns, and the small words that all checks share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from gadfly import InputError

Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
"""A number of things, as an argument of a constraint."""
Words = Annotated[str, Field(min_length=1)]
"""Text that must be there to be looked for, as an argument of a constraint."""
Character = Annotated[str, Field(min_length=1, max_length=1)]
"""One character, as an argument of a constraint."""
Place = tuple[int, int]
"""Where in the text: the first character, and the first after it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one check found in one text."""

    held: bool | None
    """Whether the constraint holds; None where the instrument says nothing."""
    found: str
    """What was found, with its numbers: `it has 212 words`."""
    advice: str = ""
    """For the refiner, what to change: `at least 300 are asked for: add 88`."""
    place: Place | None = None
    """Where the trouble is, if it is somewhere."""
    sure: bool = True
    """Whether it is a fact; False for a guess by statistics, which makes a soft finding."""

    def __str__(self) -> str:
        return f"{self.found}; {self.advice}" if self.advice else self.found


def met(found: str, *, sure: bool = True) -> Outcome:
    """Say that a constraint holds."""
    return Outcome(held=True, found=found, sure=sure)


def broken(found: str, advice: str, place: Place | None = None, *, sure: bool = True) -> Outcome:
    """Say that a constraint does not hold, and what to change."""
    return Outcome(held=False, found=found, advice=advice, place=place, sure=sure)


def undecided(found: str) -> Outcome:
    """Say that the instrument cannot tell, and why."""
    return Outcome(held=None, found=found)


def counted(
    places: list[Place],
    noun: str,
    *,
    at_least: int | None = None,
    at_most: int | None = None,
    exactly: int | None = None,
) -> Outcome:
    """Say whether there are as many things as there should be; what is too many is pointed at.

    Args:
        places: Where the things are.
        noun: What they are, in the plural.
        at_least: The fewest that may be there.
        at_most: The most that may be there.
        exactly: How many must be there.

    Raises:
        InputError: No bound is given, or they contradict each other.
    """
    least = exactly if at_least is None else at_least
    most = exactly if at_most is None else at_most
    if exactly is not None and (at_least, at_most) != (None, None):
        raise InputError(f"{noun}: give exactly, or at_least and at_most, not both")
    if least is None and most is None:
        raise InputError(f"{noun}: give at_least, at_most or exactly")
    if least is not None and most is not None and least > most:
        raise InputError(f"{noun}: at_least {least} is more than at_most {most}")
    count = len(places)
    found = f"the number of {noun} is {count}"
    if least is not None and count < least:
        wanted = f"exactly {least}" if exactly is not None else f"at least {least}"
        return broken(found, f"it must be {wanted}: add {least - count}")
    if most is not None and count > most:
        wanted = f"exactly {most}" if exactly is not None else f"at most {most}"
        first = places[most]
        return broken(found, f"it must be {wanted}: remove {count - most}", first)
    return met(found)


def shown(text: str, most: int = 60) -> str:
    """Return text as a message quotes it: bounded, control characters escaped."""
    return repr(text if len(text) <= most else f"{text[: most - 1]}…")
