"""Expression trees to exact values.

Values are intervals of fractions: a number that was rounded on the way stands for all numbers that
round to it. Sizes are bounded at every step, so no draft can make this slow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from gadfly_math._trees import Number, Percent, Tree, Variable

MAX_EXPONENT = 64
MAX_BITS = 4000


class UnknownValueError(Exception):
    """An expression has no value that can be computed exactly and soon."""


@dataclass(frozen=True, slots=True)
class Interval:
    """All numbers between two exact ones; one number where they are the same."""

    low: Fraction
    high: Fraction

    @classmethod
    def of(cls, *values: Fraction) -> Interval:
        """Return the smallest interval that holds them."""
        return cls(min(values), max(values))

    @property
    def is_exact(self) -> bool:
        """Whether it is one number."""
        return self.low == self.high

    def meets(self, other: Interval) -> bool:
        """Whether they have a number in common."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read an expression."""

    percent: Fraction = Fraction(1, 100)
    """What a percent sign multiplies by: 1 where it is a unit like any other."""
    relative: bool = False
    """Whether `80 - 20%` takes a fifth off."""
    variables: Mapping[str, Interval] = field(default_factory=dict[str, Interval])
    spread: Callable[[Number], Interval] | None = None
    """What a number that was rounded stands for."""


def readings(
    variables: Mapping[str, Interval], spread: Callable[[Number], Interval] | None = None
) -> Iterator[Reading]:
    """The ways to read percent signs, the literal one first."""
    for percent in (Fraction(1, 100), Fraction(1)):
        yield Reading(percent, variables=variables, spread=spread)
    yield Reading(relative=True, variables=variables, spread=spread)


def evaluate(tree: Tree, reading: Reading) -> Interval:
    """Return an expression's value.

    Raises:
        UnknownValueError: It divides by zero, holds an unknown name or the root of a negative
            number, or comes to a number too long to write down.
    """
    if isinstance(tree, Number):
        return reading.spread(tree) if reading.spread else Interval(tree.value, tree.value)
    if isinstance(tree, Variable):
        if tree.name not in reading.variables:
            raise UnknownValueError(tree.name)
        return reading.variables[tree.name]
    if isinstance(tree, Percent):
        inside = evaluate(tree.of, reading)
        return Interval(inside.low * reading.percent, inside.high * reading.percent)
    values = [evaluate(operand, reading) for operand in tree.operands]
    if reading.relative and tree.sign in {"+", "-"} and isinstance(tree.operands[1], Percent):
        values[1] = _times(values[0], values[1])
    value = _OPERATIONS[tree.sign](*values)
    if max(_bits(value.low), _bits(value.high)) > MAX_BITS:
        raise UnknownValueError("a number too long")
    return value


def _bits(value: Fraction) -> int:
    return value.numerator.bit_length() + value.denominator.bit_length()


def _plus(one: Interval, other: Interval) -> Interval:
    return Interval(one.low + other.low, one.high + other.high)


def _minus(one: Interval, other: Interval) -> Interval:
    return _plus(one, _negative(other))


def _negative(one: Interval) -> Interval:
    return Interval(-one.high, -one.low)


def _times(one: Interval, other: Interval) -> Interval:
    return Interval.of(*(a * b for a in (one.low, one.high) for b in (other.low, other.high)))


def _over(one: Interval, other: Interval) -> Interval:
    if other.low <= 0 <= other.high:
        raise UnknownValueError("division by zero")
    return _times(one, Interval.of(1 / other.low, 1 / other.high))


def _power(base: Interval, exponent: Interval) -> Interval:
    if not exponent.is_exact:
        raise UnknownValueError("a power of a rounded number")
    if exponent.low == Fraction(1, 2):
        return _root(base)
    if exponent.low.denominator != 1 or abs(exponent.low) > MAX_EXPONENT:
        raise UnknownValueError("a power that is not small and whole")
    power = int(exponent.low)
    if power < 0:
        return _over(
            Interval(Fraction(1), Fraction(1)), _power(base, Interval(-exponent.low, -exponent.low))
        )
    ends = [base.low**power, base.high**power]
    if power % 2 == 0 and base.low < 0 < base.high:
        ends.append(Fraction(0))
    return Interval.of(*ends)


def _root(base: Interval) -> Interval:
    if base.low < 0:
        raise UnknownValueError("the root of a negative number")
    return Interval(_root_near(base.low)[0], _root_near(base.high)[1])


def _root_near(value: Fraction) -> tuple[Fraction, Fraction]:
    """The root, twice where it is rational; else two fractions with the root between them."""
    scale = 10**30
    below = math.isqrt(value.numerator * value.denominator * scale**2)
    exact = Fraction(below, value.denominator * scale)
    if exact * exact == value:
        return exact, exact
    return exact, Fraction(below + 1, value.denominator * scale)


_OPERATIONS: Mapping[str, Callable[..., Interval]] = {
    "+": _plus,
    "-": _minus,
    "*": _times,
    "/": _over,
    "^": _power,
    "neg": _negative,
    "sqrt": _root,
}
