"""The word list: what counts against a text when there is no classifier.

A list knows words and not what is meant. It misses what is said without them ("people like you
should not be let out"), and it finds them where they are quoted, reported or meant medically. How
often, the critic says with every verdict; the README has the measurements.

What people do to listed words is undone before they are looked up: other scripts, widths, accents
and invisible characters (`_folding`), leetspeak, letters that are repeated, spaced out or starred.
A word is looked up whole, so a list with rude syllables does not find towns in Lincolnshire.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from gadfly import InputError, digest
from gadfly_safety._folding import fold
from gadfly_safety._readings import Passage, Reading

OWN = "lexicon.txt"
_HEADING = re.compile(r"\[([^\[\]]+)\]")
_TERM = re.compile(r"[\w'-]+(?: [\w'-]+)*\*?")
_TOKEN = re.compile(r"[a-z0-9@$!*#]+(?:['-][a-z0-9@$!*#]+)*")
_SPACED = re.compile(
    r"(?<![a-z0-9@$])[a-z@$0-9](?P<gap>[ .\-_*~|/]{1,2})"
    r"(?:[a-z@$0-9](?P=gap)){2,}[a-z@$0-9](?![a-z0-9])"
)
_RUN = re.compile(r"(.)\1+")
_LONG_RUN = re.compile(r"(.)\1\1")
_SYMBOLS = str.maketrans({"@": "a", "$": "s", "!": "i"})
_DIGITS = (
    str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b"}),
    str.maketrans({"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b"}),
)


class _Token(NamedTuple):
    start: int
    end: int
    spellings: tuple[str, ...]
    """What it may be meant to say, as written first."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Listed terms by label."""

    words: Mapping[str, str]
    prefixes: Mapping[str, str]
    phrases: Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]
    """By first word: the words, the last perhaps with an asterisk, and the label."""
    squeezed: Mapping[str, str]
    """The words with their double letters made single: what repeated letters are looked up in."""
    by_length: Mapping[int, tuple[tuple[str, str], ...]]
    """The words by length: what starred ones are looked up in."""
    size: int
    identity: str
    """Digest of the list."""

    def label(self, word: str) -> str | None:
        """Return the label of a word that is listed; None for one that is not."""
        found = self.words.get(word)
        if found is not None:
            return found
        for length in range(3, len(word) + 1):
            found = self.prefixes.get(word[:length])
            if found is not None:
                return found
        return None


def read_lexicon(text: str, where: str) -> Lexicon:
    """Read a word list; see `lexicon.txt` for the format.

    Raises:
        InputError: A line is no list of terms, or there is no term at all; the line is named.
    """
    words: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    phrases: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    label = "listed"
    size = 0
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()  # noqa: PLW2901 - the line without its comment
        if heading := _HEADING.fullmatch(line):
            label = heading[1].strip()
            continue
        for term in filter(None, (part.strip() for part in line.split(","))):
            folded = " ".join(fold(term).text.split())
            if not _TERM.fullmatch(folded):
                raise InputError(f"{where}:{number}: {term!r:.60} is no word or phrase")
            size += 1
            parts = tuple(folded.split(" "))
            if len(parts) > 1:
                phrases.setdefault(parts[0], []).append((parts, label))
            elif not folded.endswith("*"):
                words[folded] = label
            elif len(folded) < 4:
                raise InputError(f"{where}:{number}: {term!r} needs three letters before the *")
            else:
                prefixes[folded[:-1]] = label
                words[folded[:-1]] = label
    if not size:
        raise InputError(f"{where} lists no term")
    by_length: dict[int, list[tuple[str, str]]] = {}
    for word, its in words.items():
        by_length.setdefault(len(word), []).append((word, its))
    return Lexicon(
        words=words,
        prefixes=prefixes,
        phrases={first: tuple(some) for first, some in phrases.items()},
        squeezed={_RUN.sub(r"\1", word): its for word, its in words.items()},
        by_length={length: tuple(some) for length, some in by_length.items()},
        size=size,
        identity=digest({"lexicon": text}),
    )


@lru_cache(maxsize=8)
def _load(path: str | None) -> Lexicon:
    if path is None:
        return read_lexicon((files("gadfly_safety") / OWN).read_text(encoding="utf-8"), OWN)
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"word list {path!r} cannot be read ({error}); give a text file in UTF-8, as the "
            "README shows"
        ) from error
    return read_lexicon(text, path)


@dataclass(frozen=True, slots=True)
class LexiconMeter:
    """Counts listed words.

    The score is 1 - 1/2^n for n of them: it orders texts and is no probability. Each listed word is
    a passage.

    Raises:
        InputError: The file is no word list.
    """

    path: str | None = None
    """A file with a list of your own; None for the one that comes with the package."""

    def __post_init__(self) -> None:
        _load(self.path)

    @property
    def name(self) -> str:
        """What evidence calls it."""
        return "lexicon" if self.path is None else f"lexicon {Path(self.path).name}"

    @property
    def lexicon(self) -> Lexicon:
        """The list."""
        return _load(self.path)

    def read(self, text: str) -> Reading:
        """Find the listed words of a text; see `Meter.read`."""
        passages = find_listed(text, self.lexicon)
        labels = sorted({passage.label for passage in passages})
        return Reading(
            score=1 - 0.5 ** len(passages),
            passages=passages,
            is_exact=True,
            details={"labels": [*labels]},
        )


def find_listed(text: str, lexicon: Lexicon) -> tuple[Passage, ...]:
    """Return the listed words and phrases of a text in reading order; none overlaps another."""
    folded = fold(text)
    found = {(start, end): label for start, end, label in _listed(folded.text, lexicon)}
    passages: list[Passage] = []
    # The longer one of two that begin alike: a phrase rather than its first word.
    for (start, end), label in sorted(found.items(), key=lambda item: (item[0][0], -item[0][1])):
        begin, stop = folded.span(start, end)
        if not passages or passages[-1].end <= begin:
            passages.append(Passage(start=begin, end=stop, label=label, score=0.5))
    return tuple(passages)


def _listed(text: str, lexicon: Lexicon) -> Iterator[tuple[int, int, str]]:
    tokens = list(_tokens(text))
    for index, token in enumerate(tokens):
        label = _label(token, lexicon)
        if label is not None:
            yield token.start, token.end, label
        for word in token.spellings:
            for parts, its in lexicon.phrases.get(word, ()):
                after = tokens[index : index + len(parts)]
                if _says(after, parts):
                    yield token.start, after[-1].end, its
    for match in _SPACED.finditer(text):
        joined = re.sub(r"[ .\-_*~|/]", "", match.group())
        for spelling in _spellings(joined):
            label = lexicon.label(spelling)
            if label is not None:
                yield match.start(), match.end(), label


def _tokens(text: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(text):
        raw = match.group()
        left = len(raw) - len(raw.lstrip("*!#"))
        inner = raw[left:].rstrip("*!#")
        if inner:
            start = match.start() + left
            yield _Token(start, start + len(inner), tuple(_spellings(inner)))
            # `f***`; stars on both sides are emphasis.
            starred = raw.rstrip("!")
            if not left and starred != inner:
                yield _Token(start, start + len(starred), (starred,))
            if "-" in inner:
                yield from _halves(inner, start)


def _halves(inner: str, start: int) -> Iterator[_Token]:
    """The words of a compound, each by itself too."""
    for part in re.finditer(r"[^-]+", inner):
        if len(part.group()) > 2:
            yield _Token(start + part.start(), start + part.end(), tuple(_spellings(part.group())))


def _spellings(word: str) -> list[str]:
    """What a word may be meant to say: itself, then without leetspeak."""
    spellings = [word]
    plain = word.translate(_SYMBOLS)
    letters = sum(c.isalpha() for c in word)
    if plain != word and letters and not any(c.isdigit() for c in word):
        spellings.append(plain)
    # `a55` is a road, and `2nd` a number: digits are letters only in a longer word.
    if letters >= 2 and len(word) >= 4 and any(c.isdigit() for c in word):
        spellings += [plain.translate(digits) for digits in _DIGITS]
    if word.endswith("'s"):
        spellings.append(word[:-2])
    return list(dict.fromkeys(spellings))


def _label(token: _Token, lexicon: Lexicon) -> str | None:
    for word in token.spellings:
        label = lexicon.label(word)
        if label is None and _LONG_RUN.search(word):
            once = _RUN.sub(r"\1", word)
            label = lexicon.squeezed.get(once) or lexicon.label(once)
        if label is None and ("*" in word or "#" in word):
            label = _starred(word, lexicon)
        if label is not None:
            return label
    return None


def _starred(word: str, lexicon: Lexicon) -> str | None:
    """The label of a word that a starred one can be; the first letter must be shown."""
    shown = [(place, c) for place, c in enumerate(word) if c not in "*#"]
    stars = len(word) - len(shown)
    if word[0] in "*#" or (len(shown) < 2 and stars < 3) or len(word) < 4:
        return None
    for listed, label in lexicon.by_length.get(len(word), ()):
        if all(listed[place] == c for place, c in shown):
            return label
    return None


def _says(tokens: list[_Token], parts: tuple[str, ...]) -> bool:
    if len(tokens) < len(parts):
        return False
    *front, last = parts
    if any(part not in token.spellings for part, token in zip(front, tokens, strict=False)):
        return False
    spellings = tokens[-1].spellings
    if last.endswith("*"):
        return any(spelling.startswith(last[:-1]) for spelling in spellings)
    return last in spellings
