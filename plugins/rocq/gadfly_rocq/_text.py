"""The little of Rocq's lexis that is needed: comments, strings, and where a sentence ends.

Source: the reference manual, "Lexical conventions".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_STOP = re.compile(r"\.+")
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Sentence:
    """One command or tactic with its full stop."""

    text: str
    start: int
    """Code points before its first character that is neither blank nor comment."""

    @property
    def end(self) -> int:
        """Code points before what follows it."""
        return self.start + len(self.text)

    @property
    def plain(self) -> str:
        """Its text without comments, blanks made one; strings are kept."""
        return _SPACES.sub(" ", blanked(self.text, strings=False)).strip()


def blanked(text: str, *, strings: bool = True) -> str:
    """Return the text with comments, and the insides of strings, made blank; lines stay in place.

    A comment or a string that does not end reaches to the end of the text, as for Rocq.
    """
    return _scan(text, strings=strings)[0]


def is_whole(text: str) -> bool:
    """Whether every comment and every string of a text ends in it."""
    return _scan(text)[1]


def _scan(text: str, *, strings: bool = True) -> tuple[str, bool]:
    out: list[str] = []
    place, depth, quoted = 0, 0, False
    while place < len(text):
        two, one = text[place : place + 2], text[place]
        if quoted:
            quoted = one != '"'
            ends = not quoted and not depth
            out.append(one if ends else _blank(one, keep=not (strings or depth)))
            place += 1
        elif two == "(*" or (depth and two == "*)"):
            depth += 1 if two == "(*" else -1
            out.append("  ")
            place += 2
        elif one == '"':
            quoted = True
            out.append(" " if depth else one)
            place += 1
        else:
            out.append(_blank(one, keep=not depth))
            place += 1
    return "".join(out), not depth and not quoted


def sentences(text: str) -> list[Sentence]:
    """Split a text where Rocq does: at full stops that blanks, or nothing, follow.

    What comes after the last full stop is a sentence too, if it is more than blanks and comments.
    """
    bare = blanked(text)
    quoted = [False] * len(bare)
    inside = False
    for place, one in enumerate(bare):
        if one == '"':
            inside = not inside
        quoted[place] = inside
    found: list[Sentence] = []
    start = 0
    for match in _STOP.finditer(bare):
        after = bare[match.end() : match.end() + 1]
        if (
            quoted[match.start()]
            or len(match[0]) not in {1, 3}
            or not (after.isspace() or not after)
        ):
            continue
        _add(found, text, bare, start, match.end())
        start = match.end()
    _add(found, text, bare, start, len(text))
    return found


def _add(found: list[Sentence], text: str, bare: str, start: int, end: int) -> None:
    body = bare[start:end]
    if body.strip():
        start += len(body) - len(body.lstrip())
        found.append(Sentence(text[start:end].rstrip(), start))


def _blank(one: str, *, keep: bool) -> str:
    return one if keep or one == "\n" else " "
