"""Where a draft states its answer, and its lines with their places."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
MAX_ANSWER_CHARACTERS = 10_000
MAX_MARKS = 20
"""Places that may state an answer, from the last on."""
_MARK = re.compile(
    r"^[ \t]*(?:\*\*)?(?:the )?(?:final |correct )?answer(?:\*\*)?[ \t]*[:=](?:\*\*)?"
    r"|\b(?:the|my) (?:final |correct )?answer is\b:?(?:\*\*)?",
    re.IGNORECASE | re.MULTILINE,
)
_OPTION = re.compile(r"^[ \t]*\(?([A-Z])[).][ \t]+(\S.*?)[ \t]*$", re.MULTILINE)
_CHOICE = re.compile(
    r"(?:option )?\(?(?P<letter>[A-Za-z])(?:\)|(?=$|[.:,\s]))[.:,]?\s*(?P<rest>.*)"
)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """An answer as a draft states it."""

    value: T
    text: str
    start: int
    """First character in the draft."""

    @property
    def end(self) -> int:
        """First character after it."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a draft."""

    text: str
    start: int
    """First character in the draft."""

    @property
    def end(self) -> int:
        """First character after it."""
        return self.start + len(self.text)


def lines(text: str) -> Iterator[Line]:
    """Return the lines of a text that say something."""
    start = 0
    for line in text.split("\n"):
        if line.strip():
            yield Line(line, start)
        start += len(line) + 1


def find_answer(text: str, read: Callable[[str], T | None]) -> Answer[T] | None:
    """Return the last answer of a draft that can be read, or all that it says where that can be.

    Args:
        text: The draft.
        read: What an answer means; None where it is none. It is given the rest of the line.
    """
    for match in reversed(list(_MARK.finditer(text))[-MAX_MARKS:]):
        found = _after(text, match.end())
        value = read(clean(found.text)) if len(found.text) <= MAX_ANSWER_CHARACTERS else None
        if value is not None:
            return Answer(value, found.text, found.start)
    stripped = text.strip()
    if not stripped or "\n" in stripped or len(stripped) > MAX_ANSWER_CHARACTERS:
        return None
    value = read(clean(stripped))
    return None if value is None else Answer(value, stripped, text.index(stripped))


def clean(text: str) -> str:
    """Return an answer without what people put around one."""
    return text.strip().removesuffix(".").strip(" \t*`\"'$\u201c\u201d")


def _after(text: str, start: int) -> Line:
    """Return the rest of a line, or the next line where it is empty."""
    end = text.find("\n", start)
    rest = text[start : end if end >= 0 else len(text)]
    if rest.strip(" \t*") or end < 0:
        begin = start + len(rest) - len(rest.lstrip())
        return Line(rest.strip(), begin)
    following = next(lines(text[end:]), None)
    if following is None:
        return Line("", start)
    begin = end + following.start + len(following.text) - len(following.text.lstrip())
    return Line(following.text.strip(), begin)


def read_options(prompt: str) -> tuple[str, dict[str, str]]:
    """Return a prompt without its lettered options, and these by letter."""
    options = {match[1]: clean(match[2]) for match in _OPTION.finditer(prompt)}
    text = _OPTION.sub("", prompt)
    return re.sub(r"\s*\bOptions:\s*$", "", text.rstrip()).strip(), options


def read_choice(text: str, options: dict[str, str]) -> str | None:
    """Return the letter of the option that a text names, by letter, by its words, or by both."""
    match = _CHOICE.fullmatch(text)
    if match and match["letter"].upper() in options:
        letter = match["letter"].upper()
        rest = clean(match["rest"])
        if not rest or _same(rest, options[letter]):
            return letter
    named = [letter for letter, words in options.items() if _same(text, words)]
    return named[0] if len(named) == 1 else None


def _same(one: str, other: str) -> bool:
    return bare_words(one) == bare_words(other)


def bare_words(text: str) -> str:
    """Return a text in lower case, without articles before it and marks after it."""
    text = " ".join(clean(text).casefold().split())
    return re.sub(r"^(?:an?|the) ", "", text)


def read_yes_no(text: str) -> bool | None:
    """Return whether an answer is yes or no; None where it is neither."""
    match = re.match(r"(yes|no)\b(?!\s+(?:or|and)\b)", text, re.IGNORECASE)
    return None if match is None else match[1].casefold() == "yes"
