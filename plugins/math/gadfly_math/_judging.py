"""Whether a stated equation holds, at the precision that its digits claim.

Exact first. Where a value does not come out even, the digits written say what was claimed: 14.33
stands for everything that rounds or is cut to it, 39943160 for nothing but itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from itertools import product

from gadfly_math._equations import (
    Definition,
    Equation,
    Side,
    Unread,
    find_statements,
)
from gadfly_math._trees import Number, Percent, bare, has_name, leftmost, regrouped
from gadfly_math._units import may_be_converted
from gadfly_math._values import Interval, Reading, UnknownValueError, evaluate, readings

_ROUNDING = re.compile(
    r"round|approx|about|nearest|roughly|estimat|whole|almost|nearly|around|close to|≈|integer|"
    r"complete|full|at least|at most|minimum|maximum|up to",
    re.IGNORECASE,
)
_DIRECTION = re.compile(
    r"\b(?:more|less|fewer|lower|higher|below|above|under|over|short|shorter|older|younger|away|apart|"
    r"differen\w+|loss|lost|lose|debt|owes?|negative|decrease\w*|increase\w*|sav(?:e|es|ed|ing|ings)|left)\b",
    re.IGNORECASE,
)
_REPEATING = re.compile(r"\.\d*?(?:3{2,}|6+7|6{2,}|1{2,}|[28]{2,}|16+7?|83+|142\d*|285\d*|714\d*)$")


class Judgement(StrEnum):
    """What became of an equation."""

    HOLDS = "holds"
    ROUNDED = "rounded"
    """It holds at the digits that are written."""
    DOUBTFUL = "doubtful"
    """Wrong, unless it was rounded to a whole number without saying so."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Checked:
    """An equation with what became of it."""

    equation: Equation
    judgement: Judgement
    computed: Interval
    """What the working comes to."""
    stated: Interval
    """What the claim comes to."""

    @property
    def is_certain(self) -> bool:
        """Whether it holds or not, beyond doubt: names may change what they stand for."""
        return self.judgement is not Judgement.DOUBTFUL and not (
            has_name(self.working.tree) or has_name(self.claimed.tree)
        )

    @property
    def is_wrong(self) -> bool:
        """Whether it does not hold, as far as one can see."""
        return self.judgement in {Judgement.WRONG, Judgement.DOUBTFUL}

    @property
    def claimed(self) -> Side:
        """The side that states the result."""
        return working_and_claimed(self.equation)[1]

    @property
    def working(self) -> Side:
        """The side that it is the result of."""
        return working_and_claimed(self.equation)[0]


@dataclass(slots=True)
class Judge:
    """Judges the equations of one text in reading order, and remembers what was rounded."""

    names: dict[str, Interval] = field(default_factory=dict[str, Interval])
    unread: int = 0
    _rounded: set[Fraction] = field(default_factory=set[Fraction])
    _disputed: set[str] = field(default_factory=set[str])

    def read(self, text: str, start: int = 0, end: int | None = None) -> Iterator[Checked]:
        """Judge what a text states."""
        defined: Definition | None = None
        for statement in find_statements(text, start, end):
            if isinstance(statement, Unread):
                self.unread += 1
            elif isinstance(statement, Definition):
                defined = statement
                self._define(statement)
            else:
                checked = self.check(statement, text)
                if checked is None:
                    self.unread += 1
                    continue
                is_same_line = defined is not None and defined.line == statement.line
                if defined and is_same_line and checked.judgement is not Judgement.HOLDS:
                    self.names.pop(defined.name, None)
                yield checked

    def _define(self, definition: Definition) -> None:
        name = definition.name
        try:
            value = evaluate(definition.side.tree, Reading(variables=self.names))
        except UnknownValueError:
            self.names.pop(name, None)
            return
        if name in self._disputed or self.names.get(name, value) != value:
            # Two meanings: from here on it has none.
            self._disputed.add(name)
            self.names.pop(name, None)
            return
        self.names[name] = value

    def check(self, equation: Equation, text: str) -> Checked | None:
        """Judge one equation; None where it may mean several things and none of them holds."""
        working, claimed = working_and_claimed(equation)
        try:
            computed = evaluate(working.tree, Reading(variables=self.names))
            stated = evaluate(claimed.tree, Reading(variables=self.names))
            if self._agree(working, claimed) or _runs_on(equation, text, computed):
                return Checked(equation, Judgement.HOLDS, computed, stated)
            if self._agree_as_written(working, claimed):
                judgement = Judgement.ROUNDED
            elif _converts(equation, computed, stated) or _may_mean_else(
                equation, text, computed, stated
            ):
                return None
            else:
                judgement = _otherwise(equation, text, computed, stated)
        except UnknownValueError:
            return None
        number = bare(claimed.tree)
        if judgement is Judgement.ROUNDED and number is not None:
            self._rounded.add(number.value)
        return Checked(equation, judgement, computed, stated)

    def _agree(self, working: Side, claimed: Side) -> bool:
        return any(
            evaluate(tree, one).meets(evaluate(claimed.tree, other))
            for tree in dict.fromkeys((working.tree, regrouped(working.tree)))
            for one, other in product(readings(self.names), readings(self.names))
        )

    def _agree_as_written(self, working: Side, claimed: Side) -> bool:
        number = bare(claimed.tree)
        is_percent = isinstance(claimed.tree, Percent)
        stated = written if number is not None else _written_decimals
        for one, other in product(
            readings(self.names, self._carried), readings(self.names, stated)
        ):
            computed = evaluate(working.tree, one)
            if number is not None and not _is_double(number) and computed.is_exact:
                unit = Fraction(1, 10**number.decimals) * (other.percent if is_percent else 1)
                if (computed.low / unit).denominator == 1:
                    continue  # It comes out even at these digits: there was nothing to round.
            if computed.meets(evaluate(claimed.tree, other)):
                return True
        return False

    def _carried(self, number: Number) -> Interval:
        """What a number in a computation stands for: itself, unless it was rounded before."""
        repeats = number.is_plain and _REPEATING.search(number.text)
        if _is_double(number):
            return _near(number)
        if number.value not in self._rounded and not repeats:
            return _exactly(number)
        unit = Fraction(1, 10**number.decimals)
        return Interval(number.value - unit, number.value + unit)


def working_and_claimed(equation: Equation) -> tuple[Side, Side]:
    """Return the side that computes and the side that states what comes out."""
    if equation.left.computes:
        return equation.left, equation.right
    return equation.right, equation.left


def _runs_on(equation: Equation, text: str, computed: Interval) -> bool:
    """`5 + 3 = 8 + 2 = 10`: what was computed is the beginning of the next computation."""
    first = leftmost(equation.right.tree)
    if first is None or not equation.right.computes or not equation.left.computes:
        return False
    if text[equation.right.start] in "([{\\":
        return False  # Who puts brackets rewrites the whole.
    return computed.meets(_exactly(first))


def _exactly(number: Number) -> Interval:
    return Interval(number.value, number.value)


def written(number: Number) -> Interval:
    """Return what a stated result stands for: all that rounds, or is cut, to its digits."""
    if _is_double(number):
        return _near(number)
    unit = Fraction(1, 10**number.decimals)
    # Of a single digit so little is left that one cannot say.
    if not number.is_plain or (not number.decimals and number.value < 10):
        return _exactly(number)
    return Interval(number.value - unit / 2, number.value + unit - unit / 10**6)


def _written_decimals(number: Number) -> Interval:
    return written(number) if number.decimals else _exactly(number)


def _is_double(number: Number) -> bool:
    """Whether it is what a machine prints of a binary fraction: `1.7000000000000002`."""
    return number.is_plain and number.decimals > 0 and len(number.text.strip("0.")) >= 15


def _near(number: Number) -> Interval:
    slack = abs(number.value) / 10**13
    return Interval(number.value - slack, number.value + slack)


def _otherwise(equation: Equation, text: str, computed: Interval, stated: Interval) -> Judgement:
    """Judge what is neither exact nor rounded by its digits."""
    working, claimed = working_and_claimed(equation)
    number = bare(claimed.tree)
    if number is None or not stated.is_exact:
        return Judgement.WRONG
    if computed.is_exact and computed.low == -stated.low:
        return Judgement.DOUBTFUL
    unit = Fraction(1, 100) if isinstance(claimed.tree, Percent) else Fraction(1)
    if (computed.low / unit).denominator == 1:
        return Judgement.WRONG
    off = abs(computed.low - stated.low) / unit
    # A note between the sides that shows all the digits shows that they were left out.
    between = text[working.end : claimed.start]
    says_so = equation.is_approximate or "<<" in between
    says_so = says_so or _ROUNDING.search(text, *equation.line) is not None
    if number.decimals == 0 and off < 1:
        return Judgement.ROUNDED if says_so else Judgement.DOUBTFUL
    return Judgement.ROUNDED if says_so and off <= _significant(number) else Judgement.WRONG


def _may_mean_else(equation: Equation, text: str, computed: Interval, stated: Interval) -> bool:
    return _is_bullet(text, equation) or _is_size(equation, text, computed, stated)


def _is_size(equation: Equation, text: str, computed: Interval, stated: Interval) -> bool:
    """Whether only the size of a difference is stated, as in `5 - 8 = 3 less`.

    A name stands for a number that may have been rounded in between.
    """
    working, claimed = working_and_claimed(equation)
    if has_name(working.tree) and computed.low.denominator > 1:
        return abs(computed.low - stated.low) < 1
    return computed.low == -stated.low and bool(
        _DIRECTION.search(text, claimed.end, equation.line[1])
    )


def _significant(number: Number) -> Fraction:
    """Half the place of the last digit that is not a zero of a whole number."""
    digits = number.text.replace(",", "")
    zeros = 0 if number.decimals else len(digits) - len(digits.rstrip("0"))
    return Fraction(10) ** (zeros - number.decimals) / 2


def _is_bullet(text: str, equation: Equation) -> bool:
    """Whether a dash before it, at the beginning of a line, may have been a sign."""
    before = text[equation.line[0] : equation.left.start].strip()
    return before in {"-", "\u2013", "\u2212"} and text[equation.left.start - 1] == " "


def _converts(equation: Equation, computed: Interval, stated: Interval) -> bool:
    """Whether the sides may differ by a change of units only."""
    one, other = abs(computed.low), abs(stated.low)
    factor = max(one / other, other / one) if one and other else Fraction(0)
    return may_be_converted({*equation.left.words, *equation.right.words}, factor)
