"""Cells and answers as values: numbers, dates, texts; and whether two of them are the same.

Texts are compared as the official evaluator of WikiTableQuestions does in spirit (Pasupat and
Liang, 2015): without accents, case, citations, details in trailing brackets, outer quotes and a
final full stop. Numbers are exact, and a stated one may be rounded or cut to the digits written.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

MISSING = frozenset(
    {
        "",
        "-",
        "--",
        "\u2013",
        "\u2014",
        "\u2212",
        "n/a",
        "n / a",
        "na",
        "tba",
        "tbd",
        "?",
        "none",
        "null",
    }
)
"""What stands in a cell that has no value, folded."""
_FOOTNOTE = re.compile(r"(?:\s*(?:\[[^\]\[]{1,20}\]|[*\u2020\u2021\u00a7\u2022\u2666#^]))+$")
_DETAILS = re.compile(r"(?<=\S)(?:\s*\([^()]*\))+$")
_NUMBER = re.compile(
    r"(?P<sign>[-+\u2212\u2013]?)\s?(?P<currency>[$\u20ac\u00a3\u00a5]?)\s?"
    r"(?P<digits>\d{1,3}(?:[,\u00a0\u202f]\d{3})+|\d+)?(?P<decimals>\.\d+)?\s?(?P<percent>%?)"
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january", "feb february", "mar march", "apr april", "may", "jun june", "jul july",
            "aug august", "sep sept september", "oct october", "nov november", "dec december",
        ),
        1,
    )
    for name in names.split()
}  # fmt: skip
_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_DAY_FIRST = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?\s+([a-z]+)\.?\s*,?\s+(\d{4})")
_MONTH_FIRST = re.compile(r"([a-z]+)\.?\s+(\d{1,2})(?:st|nd|rd|th)?\s*,?\s+(\d{4})")
_APOSTROPHES = str.maketrans(
    dict.fromkeys("\u2018\u2019\u00b4`", "'")
    | dict.fromkeys("\u201c\u201d", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-")
)
Cell = str | int | float | None
"""A value as SQL has it."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written."""

    value: Fraction
    decimals: int
    """Digits after the point."""
    is_percent: bool = False


def read_number(text: str) -> Number | None:
    """Read a text that is one number; None where it is none, or a code such as `007`.

    Thousands separators, a currency sign, a percent sign and footnote marks are allowed.
    """
    match = _NUMBER.fullmatch(_FOOTNOTE.sub("", text.strip()))
    if match is None or not (match["digits"] or match["decimals"]):
        return None
    digits = re.sub(r"\D", "", match["digits"] or "0")
    if len(digits) > 15 or (len(digits) > 1 and digits[0] == "0"):
        return None
    decimals = match["decimals"] or ""
    value = Fraction(f"{digits}{decimals}")
    is_negative = match["sign"] not in {"", "+"}
    return Number(
        -value if is_negative else value, max(0, len(decimals) - 1), bool(match["percent"])
    )


def read_date(text: str) -> date | None:
    """Read a text that is one whole date in English or ISO notation; None where it is none."""
    folded = " ".join(_FOOTNOTE.sub("", text.strip()).lower().split()).replace(" ,", ",")
    parts: tuple[str, int | None, str] | None = None
    if match := _ISO.fullmatch(folded):
        parts = (match[1], int(match[2]), match[3])
    elif match := _DAY_FIRST.fullmatch(folded):
        parts = (match[3], _MONTHS.get(match[2]), match[1])
    elif match := _MONTH_FIRST.fullmatch(folded):
        parts = (match[3], _MONTHS.get(match[1]), match[2])
    if parts is None or parts[1] is None:
        return None
    try:
        return date(int(parts[0]), parts[1], int(parts[2]))
    except ValueError:
        return None


def fold(text: str) -> str:
    """Return a text without accents and case, its quotes and dashes plain, its spaces single."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES))
    plain = "".join(char for char in decomposed if unicodedata.category(char) != "Mn")
    return " ".join(plain.lower().split())


def normalize(text: str) -> str:
    """Return what counts of a text when answers are compared."""
    folded = fold(text)
    while True:
        before = folded
        folded = _DETAILS.sub("", _FOOTNOTE.sub("", folded)).strip()
        if len(folded) > 1 and folded[0] == folded[-1] == '"' and '"' not in folded[1:-1]:
            folded = folded[1:-1].strip()
        folded = folded.removesuffix(".").strip()
        if folded == before:
            return folded


def same(stated: str, value: Cell) -> bool:
    """Whether a stated answer is what a query gave."""
    if value is None:
        return fold(stated) in MISSING
    number = read_number(stated)
    computed = as_fraction(value)
    if number is not None and computed is not None:
        return agrees(number, computed)
    text = str(value)
    one, other = read_date(stated), read_date(text)
    if one is not None and other is not None:
        return one == other
    return normalize(stated) == normalize(text)


def as_fraction(value: Cell) -> Fraction | None:
    """Return the exact number that a value is; None where it is none."""
    if isinstance(value, str):
        number = read_number(value)
        return None if number is None else number.value
    if value is None:
        return None
    # The shortest text that names a float: 0.1 is a tenth, not the binary fraction next to it.
    return Fraction(repr(value))


def agrees(number: Number, computed: Fraction) -> bool:
    """Whether a number says what was computed, at the digits that it is written with.

    What comes out even must be stated exactly. Otherwise it may be rounded or cut, to two digits at
    least: of one digit too little is left.
    """
    difference = abs(number.value - computed)
    if difference <= abs(computed) / 10**12:
        return True
    unit = Fraction(1, 10**number.decimals)
    if (computed / unit).denominator == 1:
        return False
    if not number.decimals and abs(number.value) < 10:
        return False
    is_cut = 0 <= (abs(computed) - abs(number.value)) < unit and number.value * computed >= 0
    return difference <= unit / 2 or is_cut
