"""Text to tokens, each with its place: plain text, LaTeX and calculator notation alike.

Whatever is not plainly a number, an operator or a word becomes `OTHER` or `NAME`, over which no
expression reaches. So what is not understood is never half understood.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MAX_DIGITS = 40
"""Of a number, its commas among them."""
_OPERATORS = {
    **dict.fromkeys("*\u00d7\u00b7\u22c5\u2217", "*"),
    **dict.fromkeys("/\u00f7\u2215", "/"),
    **dict.fromkeys("-\u2212\u2013", "-"),
    "+": "+",
    "^": "^",
    "\\times": "*",
    "\\cdot": "*",
    "\\div": "/",
    "\\ast": "*",
}
_BRACKETS = {"(": ")", "[": "]", "{": "}"}


def word_set(words: str) -> frozenset[str]:
    """Return words that are written in one string."""
    return frozenset(words.split())


_ATTACHED_UNITS = word_set("kg mg lb lbs oz km cm mm ft mi yd hr hrs min mins sec ml mph cents")
_PATTERN = re.compile(
    r"""
      (?P<SPACE>(?:[\s&\u00a0]|\\[,;:! ]|~|\\q?quad\b|\\left\b|\\right\b|\\displaystyle\b)+)
    | (?P<NUMBER>
        (?:\d{1,3}(?:(?:,|\{,\})\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)
        (?:[eE][-+]?\d{1,2}(?![\w.]))?
      )
    | (?P<TEXT>\\(?:text|textbf|mathrm|mbox|operatorname)\s*\{[^{}]*\})
    | (?P<FRACTION>\\[dt]?frac\b|\\frac(?=\d))
    | (?P<ROOT>\\sqrt\b|√)
    | (?P<COMMAND>\\(?:times|cdot|div|ast)(?![a-zA-Z]))
    | (?P<ABOUT>≈|\\approx\b|≅|\\simeq\b)
    | (?P<BREAK>[=!<>:~]=+|=[=>]+|->)
    | (?P<EQUALS>=)
    | (?P<PERCENT>\\?%|percent\b)
    | (?P<CURRENCY>\\?\$|[€£¥])
    | (?P<POWER>\*\*(?=[-\d(])|[²³])
    | (?P<OPERATOR>[-+*/^\u00d7\u00b7\u22c5\u2217\u00f7\u2215\u2212\u2013])
    | (?P<OPEN>\\?[({]|\[)
    | (?P<CLOSE>\\?[)}]|\])
    | (?P<VULGAR>[¼-¾⅐-⅞])
    | (?P<WORD>[^\W\d_]+(?:['\u2019][^\W\d_]+|-[^\W\d_]{2,})*)
    | (?P<OTHER>\\[a-zA-Z]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)


class Kind(StrEnum):
    """What a token is."""

    NUMBER = "number"
    OPERATOR = "operator"
    """Its text is one of `+ - * / ^`."""
    OPEN = "open"
    CLOSE = "close"
    EQUALS = "equals"
    PERCENT = "percent"
    CURRENCY = "currency"
    FRACTION = "fraction"
    ROOT = "root"
    WORD = "word"
    NAME = "name"
    """A word with digits in it or a number with letters: `x1`, `2x`, `3rd`."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Token:
    """A token with its place."""

    kind: Kind
    text: str
    """As it is written; an operator in its plain form."""
    start: int
    end: int

    def touches(self, after: Token) -> bool:
        """Whether nothing stands between this token and the one after it."""
        return self.end == after.start


def tokenize(text: str, start: int, end: int) -> list[Token]:
    """Return the tokens between two places."""
    tokens: list[Token] = []
    for match in _PATTERN.finditer(text, start, end):
        kind = match.lastgroup or "OTHER"
        if kind != "SPACE":
            tokens += _tokens(kind, match)
    return _with_times(_with_names(tokens))


def _tokens(kind: str, match: re.Match[str]) -> list[Token]:
    text, start, end = match.group(), match.start(), match.end()
    if kind == "TEXT":
        return tokenize(match.string, start + text.index("{") + 1, end - 1)
    if kind == "ABOUT":
        return [Token(Kind.EQUALS, "≈", start, end)]
    if kind == "POWER" and text != "**":
        exponent = Token(Kind.NUMBER, "2" if text == "²" else "3", end, end)
        return [Token(Kind.OPERATOR, "^", start, end), exponent]
    return [Token(*_plain(kind, text), start, end)]


def _plain(kind: str, text: str) -> tuple[Kind, str]:
    if kind in {"OPERATOR", "COMMAND", "POWER"}:
        return Kind.OPERATOR, _OPERATORS.get(text, "^")
    if kind == "NUMBER":
        is_readable = text.isascii() and len(text) <= MAX_DIGITS
        return Kind.NUMBER if is_readable else Kind.NAME, text
    if text in {"\\(", "\\)"}:
        return Kind.OTHER, text
    if kind in {"OPEN", "CLOSE"}:
        return Kind[kind], text[-1]
    if kind == "VULGAR":
        return Kind.NUMBER, text
    return Kind[kind] if kind in Kind.__members__ else Kind.OTHER, text


def _with_names(tokens: list[Token]) -> list[Token]:
    """Join what is written without a space: `2x` and `x1` are names, `5kg` has a unit."""
    joined: list[Token] = []
    for token in tokens:
        last = joined[-1] if joined else None
        if last is None or not last.touches(token):
            joined.append(token)
        elif {last.kind, token.kind} <= {Kind.NUMBER, Kind.WORD, Kind.NAME} or "_" in {
            last.text,
            token.text,
        }:
            is_unit = last.kind is Kind.NUMBER and token.text.lower() in _ATTACHED_UNITS
            is_times = Kind.NUMBER in {last.kind, token.kind} and "x" in {last.text, token.text}
            if is_unit or is_times or last.text == "x" or token.text[0] in "¼½¾⅓⅔":
                joined.append(token)
            else:
                whole = last.text + token.text
                joined[-1] = Token(Kind.NAME, whole, last.start, token.end)
        else:
            joined.append(token)
    return joined


def _with_times(tokens: list[Token]) -> list[Token]:
    """Read an `x` between two operands as a multiplication; glued to one number it is a name."""
    read: list[Token] = []
    for index, token in enumerate(tokens):
        if token.kind is not Kind.WORD or token.text not in {"x", "X"}:
            read.append(token)
            continue
        before = tokens[index - 1] if index else None
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        # `2x (y)` and `2x 3` are no multiplications by x: both sides are spaced alike.
        alike = before is not None and after is not None
        alike = alike and before.touches(token) == token.touches(after)  # type: ignore[union-attr,arg-type]
        if alike and _ends_operand(before) and _begins_operand(after):
            read.append(Token(Kind.OPERATOR, "*", token.start, token.end))
        elif before is not None and before.kind is Kind.NUMBER and before.touches(token):
            read[-1] = Token(Kind.NAME, before.text + token.text, before.start, token.end)
        else:
            read.append(Token(Kind.NAME, token.text, token.start, token.end))
    return read


def _ends_operand(token: Token | None) -> bool:
    return token is not None and (
        token.kind in {Kind.NUMBER, Kind.CLOSE, Kind.PERCENT, Kind.CURRENCY}
        or (token.kind is Kind.WORD and len(token.text) > 1)
    )


def _begins_operand(token: Token | None) -> bool:
    return token is not None and (
        token.kind in {Kind.NUMBER, Kind.OPEN, Kind.CURRENCY, Kind.FRACTION}
    )


CLOSING = _BRACKETS
"""What closes what."""
