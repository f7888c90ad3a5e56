"""Units that can be changed into one another.

An own table, because a units library reads too much into words that are none: prefixes and short
names make units of many ordinary plurals.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

# Each family: what its words are worth in its smallest unit.
_FAMILIES: Mapping[str, Mapping[str, str]] = {
    "time": {
        "1": "s sec secs second seconds",
        "60": "min mins minute minutes",
        "3600": "h hr hrs hour hours",
        "86400": "day days daily",
        "604800": "week weeks weekly",
    },
    "years": {
        "1": "month months monthly",
        "12": "year years",
        "120": "decade decades",
        "1200": "century centuries",
    },
    "length": {"1": "mm millimeter millimeters millimetre millimetres",
               "10": "cm centimeter centimeters centimetre centimetres",
               "1000": "m meter meters metre metres",
               "1000000": "km kilometer kilometers kilometre kilometres"},
    "feet": {"1": "in inch inches", "12": "ft foot feet", "36": "yd yard yards",
             "63360": "mi mile miles"},
    "mass": {"1": "mg", "1000": "g gram grams", "1000000": "kg kilogram kilograms",
             "1000000000": "tonne tonnes"},
    "pounds": {"1": "oz ounce ounces", "16": "lb lbs pound pounds", "32000": "ton tons"},
    "volume": {"1": "ml milliliter milliliters", "1000": "l liter liters litre litres"},
    "cups": {"1": "teaspoon teaspoons", "3": "tablespoon tablespoons", "48": "cup cups",
             "96": "pint pints", "192": "quart quarts", "768": "gallon gallons"},
    "money": {"1": "cent cents ¢ penny pennies", "5": "nickel nickels", "10": "dime dimes",
              "100": "$ dollar dollars"},
    "number": {"1": "percent", "2": "pair pairs couple", "12": "dozen dozens", "20": "score"},
    "science": {"1": "hz w j pa v a mol ev cal ppm", "1000": "khz kw kj kpa kv kcal kev",
                "1000000": "mhz mw mpa mev", "1000000000": "ghz gw"},
}  # fmt: skip
UNITS: Mapping[str, tuple[str, Fraction]] = {
    word: (family, Fraction(worth))
    for family, units in _FAMILIES.items()
    for worth, words in units.items()
    for word in words.split()
}
"""Each word's family and worth."""

# Days and months have no fixed length in years, yet people change them.
_LOOSE = {"time": "4 5 28 30 31 52 360 365 366", "years": "4 28 30 31 52 365", "science": "10 100"}


def may_be_converted(words: Iterable[str], factor: Fraction) -> bool:
    """Whether a statement with these words mixes units of a family, or is off by such a change."""
    used: dict[str, set[Fraction]] = {}
    for word in words:
        if word in UNITS:
            family, worth = UNITS[word]
            used.setdefault(family, set()).add(worth)
    if any(len(worths) > 1 for worths in used.values()) or {"time", "years"} <= used.keys():
        return True
    if set(used) == {"money"}:
        # Prices are in dollars or in cents: `$5 * 4 = $100` is off by a factor, and wrong.
        return factor == 100
    return any(factor in _factors(family) for family in used)


def _factors(family: str) -> set[Fraction]:
    worths = [Fraction(worth) for worth in _FAMILIES[family]]
    ratios = {one / other for one in worths for other in worths if one > other}
    return ratios | {Fraction(factor) for factor in _LOOSE.get(family, "").split()}
