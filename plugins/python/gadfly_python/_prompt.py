"""The numbers that a question holds, read literally.

`1,234`, `3.50`, `$4` and `20%` are the numbers 1234, 3.5, 4 and 20. A percentage is no fraction
here: that 20% may be written 0.2 is arithmetic, and this module only reads.
"""

from __future__ import annotations

import re

_DIGITS = re.compile(
    r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?"  # 1,234.50
    r"|[0-9]+(?:\.[0-9]+)?"
    r"|\.[0-9]+"
)
_COUNTS = (
    *("one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)
_WORDS: dict[str, tuple[float, ...]] = {
    **{word: (number,) for number, word in enumerate(_COUNTS, 1)},
    "half": (0.5, 2),
    "twice": (2,),
    "double": (2,),
    "dozen": (12,),
}


def digit_numbers(prompt: str) -> list[float]:
    """Return the numbers written in digits, each once, in reading order."""
    return list(dict.fromkeys(_number(text) for text in _DIGITS.findall(prompt)))


def word_numbers(prompt: str) -> set[float]:
    """Return the numbers written as words, from one to twelve, and half, twice, double, dozen."""
    words = re.findall(r"[a-z]+", prompt.lower())
    return {number for word in words for number in _WORDS.get(word, ())}


def _number(text: str) -> float:
    plain = text.replace(",", "")
    # An int compares exactly however long it is; beyond this length nobody means it.
    return int(plain) if plain.isdecimal() and len(plain) <= 300 else float(plain)
