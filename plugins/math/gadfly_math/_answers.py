"""The final answer of a text: where it stands, and what it is.

An answer is read into plain data: a choice, a quantity (an expression with the words of its unit),
or a collection of answers. What is none of these stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from gadfly import Artifact
from gadfly_math._expressions import parse
from gadfly_math._tokens import Kind, Token, tokenize
from gadfly_math._trees import Tree

MAX_CHARACTERS = 2_000
"""Of an answer; a longer one stays text."""
TRUTHS = {"yes": True, "true": True, "no": False, "false": False}
"""Words that answer a question by themselves."""
_BOXED = re.compile(r"\\f?boxed\s*\{")
_MARKED = re.compile(
    r"^[ \t]*####[ \t]*(?P<hashes>\S.*)$"
    r"|^[ \t>*_#]*(?:A|(?:the[ \t]+)?(?:final[ \t]+)?answer(?:[ \t]+is)?)[ \t]*[*_]*"
    r"[:=][ \t*_]*(?P<line>\S.*)$"
    r"|\banswer[ \t]+(?:is|to\b[^.\n]{1,80}\bis)[ \t:]+(?P<inline>\S[^\n]*?)(?=\.(?:\s|$)|$)",
    re.IGNORECASE | re.MULTILINE,
)
_CHOICE = re.compile(r"[(\[]([A-Ja-j])[)\]](?:[ .:].*)?|([A-J])(?:[.):](?:\s.*)?)?", re.DOTALL)
_NAMED = re.compile(r"\s*\\?[A-Za-z](?:_\w|_\{\w+\})?\s*(?:=|\\in\b|∈)\s*(?=[^=])")
_PIECES = re.compile(r"\d+(?:\.\d+)?|\.\d+|[^\W\d_]")
_GREEK = re.compile(
    r"\\(?:alpha|beta|gamma|delta|epsilon|theta|lambda|mu|phi|rho|sigma|tau|omega|pi|infty)\Z"
)
_SYMBOLS = {"\\pi": "π", "pi": "π", "\\infty": "∞", "infinity": "∞"}
_DELIMITERS = frozenset({"\\(", "\\)", "\\[", "\\]"})
UNION = "\u222a"
_UNIONS = frozenset({"\\cup", UNION})


@dataclass(frozen=True, slots=True)
class Choice:
    """A letter among options."""

    letter: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """An expression, with the words of its unit."""

    tree: Tree
    names: tuple[str, ...]
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Several:
    """A set, a tuple, an interval, a union, or a list without brackets."""

    brackets: str
    """`{}`, `()`, `[)`, ...; `UNION` for a union, nothing for a list without brackets."""
    items: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Words, or what could not be read."""

    text: str


Answer: TypeAlias = Choice | Quantity | Several | Text


def find_answer(text: str) -> Artifact | None:
    r"""Return the final answer that a text states; None where it states none.

    The last `\boxed{...}` counts; without one the last line `#### ...`, `A: ...` or
    `Answer: ...`, or the last "answer is ...". A number that merely comes last is no answer.
    """
    found: tuple[int, int] | None = None
    for match in _BOXED.finditer(text):
        end = _closing(text, match.end())
        if end is not None:
            found = match.end(), end
    if found is None:
        for match in _MARKED.finditer(text):
            found = match.span(match.lastgroup or 0)
    if found is None:
        return None
    start, end = found
    inside = text[start:end]
    bare = inside.strip().strip("*_").rstrip(".").strip()
    return Artifact(kind="answer", text=bare, start=start + inside.index(bare)) if bare else None


def read_answer(text: str) -> Answer:
    """Return what an answer is. It never fails: what it cannot read is `Text`."""
    plain = _without_math(text.strip().rstrip(".").strip())
    if len(plain) > MAX_CHARACTERS:
        return Text(plain)
    choice = _CHOICE.fullmatch(plain)
    if choice is not None:
        return Choice((choice[1] or choice[2]).upper())
    named = _NAMED.match(plain)
    if named is not None and "=" not in plain[named.end() :]:
        plain = plain[named.end() :]
    tokens = [token for token in tokenize(plain, 0, len(plain)) if token.text not in _DELIMITERS]
    if plain.casefold() in TRUTHS:
        return Text(plain)
    return _read(_trimmed(tokens), plain) or Text(plain)


def _without_math(text: str) -> str:
    """The text without the signs around it that begin and end mathematics."""
    match = re.fullmatch(r"\$+([^$]*)\$+|\\[(\[](.*)\\[)\]]|\\text\{([^{}]*)\}", text, re.DOTALL)
    return text if match is None else (match[1] or match[2] or match[3] or "").strip()


def _closing(text: str, start: int) -> int | None:
    depth = 1
    for place in range(start, min(len(text), start + MAX_CHARACTERS)):
        depth += (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return place
    return None


def _read(tokens: Sequence[Token], text: str) -> Answer | None:
    parts = _split(tokens, _UNIONS)
    if len(parts) > 1:
        return _several(UNION, parts, text)
    parts = _split(tokens, {",", ";", "and", "or"})
    if len(parts) > 1:
        return _several("", parts, text)
    if len(tokens) > 1 and _encloses(tokens):
        inner = tokens[1:-1]
        brackets = tokens[0].text + tokens[-1].text
        parts = _split(inner, {",", ";"})
        if len(parts) > 1 or brackets == "{}":
            return _several(brackets, parts, text)
    return _quantity(tokens)


def _several(brackets: str, parts: Sequence[Sequence[Token]], text: str) -> Several | None:
    # `1, 2, and 3`: between the comma and the word is nothing.
    items = [_read(_unnamed(part), text) for part in parts if part]
    if not items or any(item is None for item in items):
        return None
    return Several(brackets, tuple(item for item in items if item is not None))


def _unnamed(tokens: Sequence[Token]) -> Sequence[Token]:
    """`x = 1 or x = 2` is 1 or 2."""
    is_named = len(tokens) > 2 and len(tokens[0].text) == 1 and tokens[1].kind is Kind.EQUALS
    return tokens[2:] if is_named and tokens[0].text.isalpha() else tokens


def _split(tokens: Sequence[Token], signs: frozenset[str] | set[str]) -> list[Sequence[Token]]:
    parts: list[Sequence[Token]] = []
    depth = start = 0
    for index, token in enumerate(tokens):
        depth += (token.kind is Kind.OPEN) - (token.kind is Kind.CLOSE)
        if depth == 0 and token.text in signs:
            parts.append(tokens[start:index])
            start = index + 1
    return [*parts, tokens[start:]]


def _encloses(tokens: Sequence[Token]) -> bool:
    """Whether the first token opens what the last one closes; intervals close otherwise."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.kind is Kind.OPEN) - (token.kind is Kind.CLOSE)
        if depth == 0:
            return token.kind is Kind.CLOSE and index == len(tokens) - 1
    return False


def _quantity(tokens: Sequence[Token]) -> Quantity | None:
    found = parse(tokens, 0, len(tokens))
    if found is not None and found.stop == len(tokens):
        return Quantity(found.tree, (), tuple(word.lower() for word in found.words))
    letters = list(_as_algebra(tokens))
    names = sorted({token.text for token in letters if token.kind is Kind.NAME})
    found = parse(letters, 0, len(letters), names, algebra=True)
    if found is None or found.stop < len(letters) or not letters:
        return None
    return Quantity(found.tree, tuple(names), tuple(word.lower() for word in found.words))


def _trimmed(tokens: Sequence[Token]) -> list[Token]:
    """Without the `$` signs that enclose mathematics, and not a price."""
    closes = len(tokens) > 1 and tokens[-1].text == "$"
    return list(tokens[1:-1] if closes and tokens[0].text == "$" else tokens)


def _as_algebra(tokens: Sequence[Token]) -> Iterator[Token]:
    """Cut `2xy` into a number and two names; symbols become names."""
    for token in tokens:
        symbol = _SYMBOLS.get(token.text, token.text)
        if token.text == "sqrt":
            yield replace(token, kind=Kind.ROOT)
        elif symbol in {"π", "∞"} or _GREEK.match(token.text):
            yield replace(token, kind=Kind.NAME, text=symbol)
        elif token.kind is Kind.NAME or (token.kind is Kind.WORD and len(token.text) < 3):
            for piece in _PIECES.finditer(token.text):
                kind = Kind.NUMBER if piece[0][0] in ".0123456789" else Kind.NAME
                start = token.start + piece.start()
                yield Token(kind, piece[0], start, start + len(piece[0]))
        else:
            yield token
