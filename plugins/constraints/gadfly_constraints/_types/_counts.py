"""How many there are of something: words, sentences, paragraphs, bullets, letters.

What counts as one is the convention of the IFEval benchmark, whose verdicts these checks reproduce.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

from gadfly_constraints._outcome import Character, Count, Outcome, Place, Words, broken, counted

if TYPE_CHECKING:
    from punkt import PunktSentenceTokenizer

_WORD = re.compile(r"\w+")
_HIGHLIGHT = re.compile(r"\*([^\n*]*)\*")
_STRONG = re.compile(r"\*\*([^\n*]*)\*\*")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
# As in the Penn Treebank, an apostrophe parts words (I'M is two) and a hyphen joins them.
_CASED_WORD = re.compile(r"[^\W_]+(?:[-./][^\W_]+)*")


def words(
    text: str,
    *,
    at_least: Count | None = None,
    at_most: Count | None = None,
    exactly: Count | None = None,
) -> Outcome:
    """The answer has so many words (runs of letters, digits and underscores)."""
    places = [match.span() for match in _WORD.finditer(text)]
    return counted(places, "words", at_least=at_least, at_most=at_most, exactly=exactly)


def sentences(
    text: str,
    *,
    at_least: Count | None = None,
    at_most: Count | None = None,
    exactly: Count | None = None,
) -> Outcome:
    """The answer has so many sentences, as the Punkt model of English splits it."""
    places = [(start, end) for start, end in _punkt().span_tokenize(text)]
    return counted(places, "sentences", at_least=at_least, at_most=at_most, exactly=exactly)


def paragraphs(
    text: str,
    *,
    at_least: Count | None = None,
    at_most: Count | None = None,
    exactly: Count | None = None,
    separator: Words | None = None,
) -> Outcome:
    """The answer has so many paragraphs, separated by `separator` (by default a blank line)."""
    places = paragraph_places(text, separator)
    blank = next((place for place in places[1:-1] if not text[slice(*place)].strip()), None)
    if blank is not None:
        return broken("a paragraph is empty", "remove it, or the separator", blank)
    places = [place for place in places if text[slice(*place)].strip()]
    return counted(places, "paragraphs", at_least=at_least, at_most=at_most, exactly=exactly)


def bullets(
    text: str,
    *,
    at_least: Count | None = None,
    at_most: Count | None = None,
    exactly: Count | None = None,
) -> Outcome:
    """The answer has so many bullet points: lines that start with `* ` or `- `."""
    places = [
        (start, start + len(line))
        for start, line in _lines(text)
        if (bare := line.lstrip()).startswith("-") or re.match(r"\*[^*]", bare)
    ]
    return counted(places, "bullet points", at_least=at_least, at_most=at_most, exactly=exactly)


def highlights(
    text: str,
    *,
    at_least: Count | None = None,
    at_most: Count | None = None,
    exactly: Count | None = None,
) -> Outcome:
    """The answer has so many highlighted parts: `*like this*` or `**like this**`."""
    places = sorted(
        match.span()
        for pattern in (_HIGHLIGHT, _STRONG)
        for match in pattern.finditer(text)
        if match[1].strip()
    )
    return counted(places, "highlighted parts", at_least=at_least, at_most=at_most, exactly=exactly)


def sections(
    text: str,
    *,
    heading: Words,
    at_least: Count | None = None,
    at_most: Count | None = None,
    exactly: Count | None = None,
) -> Outcome:
    """The answer has so many sections, each begun by `heading` and a number (Section 1)."""
    pattern = re.compile(re.escape(heading) + r"\s?\d+")
    places = [match.span() for match in pattern.finditer(text)]
    return counted(
        places, f"{heading} X headings", at_least=at_least, at_most=at_most, exactly=exactly
    )


def placeholders(
    text: str,
    *,
    at_least: Count | None = None,
    at_most: Count | None = None,
    exactly: Count | None = None,
) -> Outcome:
    """The answer has so many placeholders in square brackets, such as `[address]`."""
    places: list[Place] = []
    for offset, line in _lines(text):
        # By hand: a pattern takes time quadratic in the brackets that nothing closes.
        end = 0
        while (start := line.find("[", end)) >= 0 and (close := line.find("]", start)) >= 0:
            end = close + 1
            places.append((offset + start, offset + end))
    return counted(
        places, "placeholders [like this]", at_least=at_least, at_most=at_most, exactly=exactly
    )


def letter(
    text: str,
    *,
    letter: Character,
    at_least: Count | None = None,
    at_most: Count | None = None,
    exactly: Count | None = None,
) -> Outcome:
    """The letter (or other character) `letter` appears so often, in either case."""
    wanted = letter.lower()
    places = [(at, at + 1) for at, one in enumerate(text) if one.lower() == wanted]
    return counted(
        places, f"letters {letter!r}", at_least=at_least, at_most=at_most, exactly=exactly
    )


def capital_words(
    text: str,
    *,
    at_least: Count | None = None,
    at_most: Count | None = None,
    exactly: Count | None = None,
) -> Outcome:
    """So many words are written in capital letters only."""
    places = [match.span() for match in _CASED_WORD.finditer(text) if match[0].isupper()]
    return counted(
        places, "words in all capitals", at_least=at_least, at_most=at_most, exactly=exactly
    )


def paragraph_places(text: str, separator: str | None) -> list[Place]:
    """Return where the paragraphs are, empty ones between two separators included."""
    pattern = _BLANK_LINE if separator is None else re.compile(re.escape(separator))
    cuts = [(0, 0), *(match.span() for match in pattern.finditer(text)), (len(text), len(text))]
    return [(end, start) for (_, end), (start, _) in pairwise(cuts)]


def _lines(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    start = 0
    for line in text.split("\n"):
        found.append((start, line))
        start += len(line) + 1
    return found


@cache
def _punkt() -> PunktSentenceTokenizer:
    import punkt

    return punkt.PunktSentenceTokenizer(punkt.load_model("english"))
