"""A text as a reader sees it: folded to plain small letters, each with its place in the text.

Full-width and mathematical letters, accents, invisible characters and letters of other scripts that
look Latin hide a word from a list without hiding it from a reader. Folding undoes that: NFKD of
Unicode (UAX 15) without marks and format characters, and a small table of look-alikes for which
Unicode has no decomposition (after UTS 39, the letters that whole words can be written with).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

# Cyrillic, then Greek, then letters that no decomposition reaches.
_LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0445\u0443\u0456\u0455\u0458\u043a\u043c\u043d\u0442\u0432\u0501\u04bb\u051b\u051d"
    "\u03b1\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7\u03b7"
    "\u0131\u0251\u0261\u0142\u0111\u0127\u00f8\u0180\u0219",
    "aeopcxyisjkmhtbdhqw" + "aeikvoptuxn" + "iagldhobs",
)
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-")
_QUOTES = dict.fromkeys(map(ord, "\u2018\u2019\u02bc"), "'")


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text and where each of its characters came from."""

    text: str
    places: tuple[int, ...]
    """For each character of `text` its place in the original, and one more for the end."""

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where a part of the folded text stands in the original."""
        return self.places[start], self.places[end - 1] + 1


def fold(text: str, *, lookalikes: bool = True) -> Folded:
    """Fold a text to what a reader sees.

    Args:
        text: Any text.
        lookalikes: Whether letters of other scripts become the Latin ones that they look like, and
            letters become small; without, only width, style, marks and invisible characters go.
    """
    if text.isascii():
        return Folded(text.lower() if lookalikes else text, tuple(range(len(text) + 1)))
    characters: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        seen = _seen(character) if lookalikes else _plain(character)
        characters.append(seen)
        places.extend([place] * len(seen))
    return Folded("".join(characters), (*places, len(text)))


@lru_cache(maxsize=4096)
def _seen(character: str) -> str:
    return _plain(_plain(character).lower()).translate(_LOOKALIKES)


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    if character.isascii():
        return character
    apart = unicodedata.normalize("NFKD", character)
    kept = "".join(c for c in apart if unicodedata.category(c) not in {"Mn", "Me", "Cf"})
    return kept.translate(_HYPHENS).translate(_QUOTES)
