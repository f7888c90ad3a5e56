"""Tokens to expression trees.

A tree is data and nothing else: no name is looked up and nothing is called, whatever the text says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fractions import Fraction

from gadfly_math._tokens import CLOSING, Kind, Token, word_set
from gadfly_math._trees import Number, Operation, Percent, Tree, Variable, is_share, read_number

MAX_DEPTH = 40
MAX_UNIT_WORDS = 5
VERBAL = word_set(
    "plus minus times of is are was were be been being would will shall can could should may might "
    "has have had do does did need needs get gets got make makes made take takes took cost costs "
    "give gives gave spend spends equals equal or than less more divided multiplied by and if so "
    "then because since which half third thirds quarter quarters fourth fourths fifth fifths twice "
    "double triple thrice dozen dozens hundred hundreds thousand thousands million millions "
    "billion trillion remainder modulo mod squared cubed into from"
)
"""Words that are arithmetic themselves: an operand is never read across one."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression and where it stopped."""

    tree: Tree
    stop: int
    """The index of the first token after it."""
    words: tuple[str, ...]
    """Words and currency signs that stood beside its numbers."""


class _UnreadableError(Exception):
    """The tokens are no expression."""


_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}


class _Parser:
    def __init__(
        self,
        tokens: Sequence[Token],
        start: int,
        stop: int,
        names: Collection[str],
        *,
        algebra: bool = False,
    ) -> None:
        self.algebra = algebra
        self.tokens = tokens
        self.at = start
        self.stop = stop
        self.names = names
        self.words: list[str] = []

    def peek(self, ahead: int = 0) -> Token | None:
        return self.tokens[self.at + ahead] if self.at + ahead < self.stop else None

    def take(self) -> Token:
        token = self.peek()
        if token is None:
            raise _UnreadableError
        self.at += 1
        return token

    def sum(self, depth: int, least: int = 1) -> Tree:
        """Precedence climbing: `least` is the precedence that an operator needs to be taken."""
        left = self.signed(depth)
        while (token := self.peek()) is not None:
            if self._is_rate(token):
                return left
            if token.kind is Kind.OPERATOR and _PRECEDENCE.get(token.text, 0) >= least:
                before, words = self.at, len(self.words)
                self.at += 1
                try:
                    right = self.sum(depth + 1, _PRECEDENCE[token.text] + 1)
                except _UnreadableError:
                    # `5 + x`: the expression ends before the operator.
                    self.at, self.words[words:] = before, []
                    return left
                left = Operation(token.text, (left, right))
            elif least <= 2 and token.text == "of" and is_share(left):
                self.at += 1
                left = Operation("*", (left, self.signed(depth + 1)))
            elif least <= 2 and self._juxtaposed(token):
                left = Operation("*", (left, self.signed(depth + 1)))
            else:
                return left
        return left

    def _is_rate(self, slash: Token) -> bool:
        """`2 pages/15 minutes`: a unit, not a division."""
        last, after = self.tokens[self.at - 1], self.peek(1)
        return (
            slash.text == "/"
            and after is not None
            and (
                last.kind is Kind.WORD
                and last.touches(slash)
                and slash.touches(after)
                and after.kind is Kind.NUMBER
            )
        )

    def _juxtaposed(self, token: Token) -> bool:
        last = self.tokens[self.at - 1]
        if self.algebra:
            begins = token.kind in {Kind.OPEN, Kind.FRACTION, Kind.ROOT} or token.text in self.names
            return begins or (token.kind is Kind.NUMBER and last.kind is not Kind.NUMBER)
        if token.kind is not Kind.OPEN or not last.touches(token):
            return False
        return last.kind is Kind.CLOSE or last.kind is Kind.NUMBER

    def signed(self, depth: int) -> Tree:
        if depth > MAX_DEPTH:
            raise _UnreadableError
        token = self.peek()
        if token is not None and token.kind is Kind.OPERATOR and token.text in "+-":
            self.at += 1
            inner = self.signed(depth + 1)
            return inner if token.text == "+" else Operation("neg", (inner,))
        base = self.operand(depth)
        token = self.peek()
        if token is not None and token.kind is Kind.OPERATOR and token.text == "^":
            self.at += 1
            return Operation("^", (base, self.signed(depth + 1)))
        return base

    def operand(self, depth: int) -> Tree:
        token = self.take()
        if token.kind is Kind.CURRENCY:
            self.words.append(token.text)
            return self.signed(depth + 1)
        if token.kind is Kind.OPEN:
            tree = self.sum(depth + 1)
            self.close(token)
        elif token.kind is Kind.FRACTION:
            tree = Operation("/", (self.group(depth), self.group(depth)))
        elif token.kind is Kind.ROOT:
            tree = Operation("sqrt", (self.group(depth),))
        elif token.kind is Kind.NUMBER:
            tree = self.number(token)
        elif token.kind in {Kind.WORD, Kind.NAME} and token.text in self.names:
            return Variable(token.text)
        else:
            raise _UnreadableError
        return self.units(tree)

    def number(self, token: Token) -> Number:
        r"""Read a number; `1 1/2`, `1½` and `1\frac{1}{2}` are one."""
        whole = read_number(token.text)
        if not token.text.isdigit():
            return whole
        before = self.at
        try:
            part = self.proper_fraction()
        except _UnreadableError:
            self.at = before
            return whole
        return Number(whole.value + part, 0, token.text, is_plain=False)

    def proper_fraction(self) -> Fraction:
        first = self.take()
        if first.kind is Kind.NUMBER and not first.text.isascii():
            return read_number(first.text).value
        if first.kind is Kind.FRACTION:
            above, below = self.group(0), self.group(0)
        else:
            slash, last = self.take(), self.take()
            glued = first.touches(slash) and slash.touches(last) and slash.text == "/"
            if not glued or {first.kind, last.kind} != {Kind.NUMBER}:
                raise _UnreadableError
            above, below = read_number(first.text), read_number(last.text)
        for part in (above, below):
            if not isinstance(part, Number) or part.value.denominator != 1:
                raise _UnreadableError
        assert isinstance(above, Number) and isinstance(below, Number)
        if not 0 < above.value < below.value:
            raise _UnreadableError
        return above.value / below.value

    def group(self, depth: int) -> Tree:
        token = self.take()
        if token.kind is Kind.OPEN:
            tree = self.sum(depth + 1)
            self.close(token)
            return tree
        if token.kind is Kind.NUMBER:
            return read_number(token.text)
        raise _UnreadableError

    def close(self, opened: Token) -> None:
        token = self.take()
        if token.kind is not Kind.CLOSE or token.text != CLOSING[opened.text]:
            raise _UnreadableError

    def units(self, tree: Tree) -> Tree:
        """Take a percent sign, a currency sign, and the words of a unit."""
        token = self.peek()
        while token is not None and token.kind in {Kind.PERCENT, Kind.CURRENCY}:
            follows = self.peek(1)
            if token.kind is Kind.CURRENCY and follows is not None and _is_price(token, follows):
                break  # It belongs to what follows.
            self.at += 1
            if token.kind is Kind.PERCENT:
                tree = Percent(tree)
            token = self.peek()
        taken = self._unit_words()
        self.words += taken
        return tree

    def _unit_words(self) -> list[str]:
        begin, words = self.at, list[str]()
        while (token := self.peek()) is not None and len(words) <= MAX_UNIT_WORDS:
            if is_unit(token):
                words.append(token.text.lower())
            elif not (token.text == "/" and self._is_word(self.peek(1))):
                break
            self.at += 1
        token = self.peek()
        ends = token is None or token.kind in {Kind.OPERATOR, Kind.CLOSE, Kind.EQUALS}
        if not ends or len(words) > MAX_UNIT_WORDS:
            self.at = begin
            return []
        return words

    def _is_word(self, token: Token | None) -> bool:
        return token is not None and is_unit(token) and token.text not in self.names


def _is_price(sign: Token, amount: Token) -> bool:
    return sign.touches(amount) and amount.kind in {Kind.NUMBER, Kind.OPEN, Kind.WORD}


def is_unit(token: Token) -> bool:
    """Whether a token may be a word of a unit. A single letter may be a variable."""
    word = token.text.lower()
    return token.kind is Kind.WORD and word not in VERBAL and (len(word) > 1 or word == "a")


def parse(
    tokens: Sequence[Token],
    start: int,
    stop: int,
    names: Collection[str] = (),
    *,
    algebra: bool = False,
) -> Parsed | None:
    """Return the longest expression that begins at a token; None where none does.

    Args:
        tokens: The tokens.
        start: Where it begins.
        stop: The first token that it may not hold.
        names: What stands for a value.
        algebra: Whether things side by side are multiplied, as in `2x(x + 1)`.
    """
    parser = _Parser(tokens, start, stop, names, algebra=algebra)
    try:
        tree = parser.sum(0)
    except (_UnreadableError, RecursionError):
        return None
    return Parsed(tree, parser.at, tuple(parser.words))
