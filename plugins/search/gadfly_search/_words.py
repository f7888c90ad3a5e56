"""Words as the rules compare them: one spelling for what means the same."""

from __future__ import annotations

import re
import unicodedata


def vocabulary(text: str) -> frozenset[str]:
    """Return the words of a list that is written as text."""
    return frozenset(text.split())


PRONOUNS = vocabulary(
    "i me my mine we us our ours you your yours he him his she her hers it its they them their "
    "theirs this that these those here there who whom whose which himself herself itself "
    "themselves one another other former latter"
)
"""Words that mean something else in another text."""
FUNCTION_WORDS = PRONOUNS | vocabulary(
    "a an the and or but if of in on at by to for from with as into than then so such is are was "
    "were be been being am has have had do does did will would can could may might shall should "
    "must not no never also"
)
"""Words that say little by themselves."""
ARTICLES = frozenset({"a", "an", "the"})
MONTHS = vocabulary("jan feb mar apr may jun jul aug sep oct nov dec")
"""As they are spelt here."""

_NUMBERS = {
    "zero": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "thirteen": "13",
    "fourteen": "14",
    "fifteen": "15",
    "sixteen": "16",
    "seventeen": "17",
    "eighteen": "18",
    "nineteen": "19",
    "twenty": "20",
}
_ORDINALS = {
    "first": "1.",
    "second": "2.",
    "third": "3.",
    "fourth": "4.",
    "fifth": "5.",
    "sixth": "6.",
    "seventh": "7.",
    "eighth": "8.",
    "ninth": "9.",
    "tenth": "10.",
    "eleventh": "11.",
    "twelfth": "12.",
}
_MONTHS = {
    "january": "jan",
    "february": "feb",
    "march": "mar",
    "april": "apr",
    "june": "jun",
    "july": "jul",
    "august": "aug",
    "september": "sep",
    "october": "oct",
    "november": "nov",
    "december": "dec",
}
_PLAIN = str.maketrans("\u2018\u2019\u201c\u201d\u2013\u2014\u2212", "''\"\"---")
"""Typographic quotes and dashes, and what a keyboard has for them."""
_WORD = re.compile(
    r"(?:(?<![^\s(])-)?\d+(?:[.,]\d+)*(?:(?:st|nd|rd|th)\b|%)?"
    r"|[^\W\d_]+(?:'[^\W\d_]+)?"
    r"|[%$€£¥+#=<>/&@*^~°]"
)
_MONTH = (
    r"((?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b)\.?"
)
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?\b(?![.,]\d)"
_MONTH_FIRST = re.compile(rf"\b{_MONTH}\s+{_DAY}")
_DAY_FIRST = re.compile(rf"\b{_DAY}\s+(?:of\s+)?{_MONTH}")
_NOT = re.compile(r"n't\b", re.IGNORECASE)


def tokens(text: str) -> list[tuple[str, str]]:
    """Return the words of a text in one spelling, each with the word as it stands there.

    Case, quotes and punctuation do not count; `1,000` is `1000`, `two` is `2`, `first` is `1st`,
    `March 31` is `31 March`, and `isn't` is two words.
    """
    plain = unicodedata.normalize("NFKC", text).translate(_PLAIN)
    for short, long in (("can't", "can not"), ("cannot", "can not"), ("won't", "will not")):
        plain = re.sub(rf"\b{short}\b", long, plain, flags=re.IGNORECASE)
    plain = _NOT.sub(" not", plain)
    plain = _MONTH_FIRST.sub(r"\2 \1", _DAY_FIRST.sub(r"\1 \2", plain))
    return [(_spelling(match[0]), match[0]) for match in _WORD.finditer(plain)]


def words(*texts: str) -> list[str]:
    """Return the words of some texts in one spelling."""
    return [word for text in texts for word, _ in tokens(text)]


def is_number(word: str) -> bool:
    """Whether a word, in our spelling, is a number that counts or measures: no ordinal."""
    return re.fullmatch(r"-?\d+(?:\.\d+)?%?", word) is not None


def _spelling(word: str) -> str:
    low = word.casefold()
    ordinal = re.fullmatch(r"(\d+)(?:st|nd|rd|th)", low)
    if ordinal:
        return f"{int(ordinal[1])}."
    if low.lstrip("-")[:1].isdigit():
        return _number(low)
    low = low.removesuffix("'s") if low.endswith("'s") and len(low) > 2 else low
    low = "sep" if low == "sept" else low
    return _NUMBERS.get(low) or _ORDINALS.get(low) or _MONTHS.get(low) or low


def _number(text: str) -> str:
    percent = "%" if text.endswith("%") else ""
    digits = text.rstrip("%")
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        digits = digits.replace(",", "")
    if "." in digits and re.fullmatch(r"\d+\.\d+", digits):
        digits = digits.rstrip("0").rstrip(".")
    return digits + percent
