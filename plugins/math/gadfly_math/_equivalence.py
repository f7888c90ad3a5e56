"""Whether two answers are the same, decided exactly and in bounded time.

Numbers are compared as fractions. Expressions with variables are compared at five fixed points: two
rational functions of the small degrees that are read here and that differ cannot agree at all of
them but by a coincidence that nobody can aim for without knowing the points. Roots and π are known
to 30 digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

from gadfly import Draft, Reference
from gadfly_math._answers import (
    TRUTHS,
    UNION,
    Answer,
    Choice,
    Quantity,
    Several,
    Text,
    find_answer,
    read_answer,
)
from gadfly_math._judging import written
from gadfly_math._trees import bare, has_percent
from gadfly_math._units import UNITS
from gadfly_math._values import Interval, Reading, UnknownValueError, evaluate

_PI = Fraction(3141592653589793238462643383279, 10**30)
_POINTS = 5
_CERTAIN = Fraction(1, 10**15)


def equivalent(one: str, other: str, *, rounded: bool = False) -> bool | None:
    """Return whether two answers are the same; None where that cannot be told.

    Numbers must be the same exactly: 39943156 is not 39943160, and 0.33 is not 1/3. A missing unit
    or percent sign is forgiven (`$18` is 18, `50%` is 50 and 0.5), a different one is not.

    Args:
        one: An answer.
        other: Another one; the order does not matter.
        rounded: Whether a decimal of three digits or more stands for all that round to it.
    """
    return _same(read_answer(one), read_answer(other), rounded=rounded)


def is_correct(draft: Draft, reference: Reference, *, rounded: bool = False) -> bool | None:
    """Return whether a draft's final answer is the gold one; None where that cannot be told.

    For scorers: a critic never holds a `Reference`. A draft that states no final answer is wrong.
    """
    answer = find_answer(draft.text)
    if answer is None:
        return False
    return equivalent(answer.text, str(reference.gold), rounded=rounded)


def _same(one: Answer, other: Answer, *, rounded: bool) -> bool | None:
    if isinstance(one, Several) and isinstance(other, Several):
        return _same_items(one, other, rounded=rounded)
    if isinstance(one, Choice) and isinstance(other, Choice):
        return one.letter == other.letter
    if isinstance(one, Quantity) and isinstance(other, Quantity):
        return _same_quantity(one, other, rounded=rounded)
    if isinstance(one, Text) and isinstance(other, Text):
        return _same_text(one.text, other.text)
    if Text in {type(one), type(other)} or Choice in {type(one), type(other)}:
        return None
    return False


def _same_text(one: str, other: str) -> bool | None:
    this, that = (" ".join(text.casefold().split()) for text in (one, other))
    if this == that:
        return True
    if this in TRUTHS and that in TRUTHS:
        return TRUTHS[this] == TRUTHS[that]
    return None


def _same_items(one: Several, other: Several, *, rounded: bool) -> bool | None:
    if len(one.items) != len(other.items):
        return False
    unordered = {"{}", "", UNION}
    if one.brackets not in unordered or other.brackets not in unordered:
        if "" not in {one.brackets, other.brackets} and one.brackets != other.brackets:
            return False
        pairs = zip(one.items, other.items, strict=True)
        return _all([_same(*pair, rounded=rounded) for pair in pairs])
    left = list(other.items)
    for item in one.items:
        said = [_same(item, candidate, rounded=rounded) for candidate in left]
        if True not in said:
            return None if None in said else False
        left.pop(said.index(True))
    return True


def _all(said: Sequence[bool | None]) -> bool | None:
    return False if False in said else None if None in said else True


def _same_quantity(one: Quantity, other: Quantity, *, rounded: bool) -> bool | None:
    factors = _factors(one.words, other.words)
    if factors is None:
        return False
    said = _same_value(one, other, factors, rounded=rounded)
    if said is False and bool(one.names) != bool(other.names):
        # `5 m` may be five metres as well as five times m.
        return None if {*one.names, *other.names} <= UNITS.keys() else False
    if said and factors[0] == factors[1] and _unlike(one.words, other.words):
        return None
    return said


def _factors(one: Sequence[str], other: Sequence[str]) -> tuple[Fraction, Fraction] | None:
    """What both are multiplied by to have the same unit; None where they measure unlike things."""
    known = [[UNITS[word] for word in words if word in UNITS] for words in (one, other)]
    if not known[0] or not known[1]:
        return Fraction(1), Fraction(1)
    (family, worth), (other_family, other_worth) = known[0][0], known[1][0]
    return (worth, other_worth) if family == other_family else None


def _unlike(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether both have words, and none in common."""
    these, those = ({word.rstrip("s") for word in words if word != "$"} for words in (one, other))
    return bool(these and those) and not these & those


def _same_value(
    one: Quantity, other: Quantity, factors: tuple[Fraction, Fraction], *, rounded: bool
) -> bool | None:
    names = sorted({*one.names, *other.names})
    unlike = has_percent(one.tree) != has_percent(other.tree)
    readings = [Fraction(1, 100), Fraction(1)] if unlike else [Fraction(1, 100)]
    compared = [
        _agree(one, other, factors, _point(names, number, percent), rounded=rounded)
        for percent, number in product(readings, range(_POINTS if names else 1))
    ]
    per_reading = len(compared) // len(readings)
    answers: list[bool | None] = []
    for start in range(0, len(compared), per_reading):
        told = [said for said in compared[start : start + per_reading] if said is not None]
        enough = len(told) >= (3 if names else 1)
        answers.append(False if False in told else True if enough else None)
    return True if True in answers else None if None in answers else False


def _point(names: Sequence[str], number: int, percent: Fraction) -> Reading:
    values = {
        name: Fraction(101 + 37 * number + 11 * place, 53 + 7 * number + 3 * place)
        for place, name in enumerate(names)
    }
    variables = {name: Interval(value, value) for name, value in values.items()}
    if "π" in variables:
        variables["π"] = Interval(_PI, _PI + Fraction(1, 10**30))
    return Reading(percent, variables=variables)


def _agree(
    one: Quantity,
    other: Quantity,
    factors: tuple[Fraction, Fraction],
    reading: Reading,
    *,
    rounded: bool,
) -> bool | None:
    try:
        this = _scaled(evaluate(one.tree, reading), factors[0])
        that = _scaled(evaluate(other.tree, reading), factors[1])
        if this.meets(that):
            slack: Fraction = max(this.high - this.low, that.high - that.low)
            return True if slack <= _CERTAIN * max(Fraction(1), abs(this.low)) else None
        return rounded and (
            _rounds_to(one, that, reading, factors[0])
            or _rounds_to(other, this, reading, factors[1])
        )
    except UnknownValueError:
        return None


def _rounds_to(short: Quantity, value: Interval, reading: Reading, factor: Fraction) -> bool:
    number = bare(short.tree)
    if number is None or not number.decimals or len(number.text.replace(".", "").strip("0")) < 3:
        return False
    wide = Reading(reading.percent, variables=reading.variables, spread=written)
    return _scaled(evaluate(short.tree, wide), factor).meets(value)


def _scaled(value: Interval, factor: Fraction) -> Interval:
    return Interval(value.low * factor, value.high * factor)
