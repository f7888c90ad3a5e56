"""Where a text states that one thing computed equals another.

Prose is full of signs that look like arithmetic. An equation is read only where both its sides end
where an expression can end, so that nothing in front of it ("half of", "2 more than", `x +`) could
change what it says. All other equality signs are counted as unread, definitions (`x = 3`,
`1 hour = 60 minutes`) apart.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gadfly_math._expressions import parse
from gadfly_math._tokens import Kind, Token, tokenize, word_set
from gadfly_math._trees import Tree, computes

MAX_EQUATIONS = 500
"""Of one text; the signs after these stay unread."""
_WINDOW = 80
_ANNOTATION = re.compile(r"<<([^<>\n]{1,400})>>")
_LINE_END = re.compile(r"\n(?![ \t&]*(?:\\\\)?[ \t&]*=)|\\\\(?![ \t&\n]*=)|\\\]")
_AFTER_CLAUSE = word_set("so then is are was were be equals be therefore thus hence")
_CHANGES_WHAT_FOLLOWS = word_set(
    "of by than times plus minus over divided multiplied twice double triple thrice half third "
    "quarter less more per every each dozen percent not isn't log ln sin cos tan sqrt root mod if "
    "when cannot never"
)
_TOTAL_OF = word_set("total sum cost profit number amount result product value")
_GOES_ON = word_set(
    "plus minus times divided multiplied x hundred hundreds thousand thousands million millions "
    "billion trillion dozen dozens remainder modulo mod half squared cubed k r"
)
_SIGN = re.compile(r"[=≈≅]|\\(?:approx|simeq)")
_NAME = re.compile(r"[A-Z]")
_FRACTION = re.compile(r"\d+/\d|\\[dt]?frac|[¼½¾]")


@dataclass(frozen=True, slots=True)
class Side:
    """One side of an equation."""

    tree: Tree
    start: int
    end: int
    words: tuple[str, ...] = ()
    """The words and currency signs beside its numbers, in lower case."""

    @property
    def computes(self) -> bool:
        """Whether there is something to compute."""
        return computes(self.tree)


@dataclass(frozen=True, slots=True)
class Equation:
    """A statement that two sides are equal."""

    left: Side
    right: Side
    line: tuple[int, int]
    """Where the line that it stands in begins and ends, in which rounding may be stated."""
    is_approximate: bool = False
    """Whether the sign is `≈`."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A statement of what a capital letter stands for."""

    name: str
    side: Side
    line: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Unread:
    """An equality sign that could not be read."""

    start: int


Statement = Equation | Definition | Unread


def find_statements(text: str, start: int = 0, end: int | None = None) -> Iterator[Statement]:
    """Find what a text states, in reading order."""
    names: set[str] = set()
    found = 0
    for begin, stop in _lines(text, start, len(text) if end is None else end):
        if not _SIGN.search(text, begin, stop):
            continue
        for statement in _in_line(text, begin, stop, names):
            found += 1
            yield statement if found <= MAX_EQUATIONS else Unread(begin)


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    begin = start
    for match in _LINE_END.finditer(text, start, end):
        yield begin, match.start()
        begin = match.end()
    yield begin, end


def _in_line(text: str, begin: int, stop: int, names: set[str]) -> list[Statement]:
    found: list[tuple[int, Statement]] = []
    line = text[begin:stop]
    for note in _ANNOTATION.finditer(line):
        inside = begin + note.start(1), begin + note.end(1)
        found += _in_tokens(tokenize(text, *inside), (begin, stop), names)
    # The note repeats what stands around it, and the equation goes on behind it.
    line = _ANNOTATION.sub(lambda note: " " * len(note[0]), line)
    found += _in_tokens(tokenize(line, 0, len(line)), (begin, stop), names, begin)
    return [statement for _, statement in sorted(found, key=lambda pair: pair[0])]


def _in_tokens(
    tokens: Sequence[Token], line: tuple[int, int], names: set[str], offset: int = 0
) -> Iterator[tuple[int, Statement]]:
    signs = [i for i, token in enumerate(tokens) if token.kind is Kind.EQUALS]
    bounds = [-1, *signs, len(tokens)]
    read = _Reader(tokens, names, offset)
    for k, sign in enumerate(signs, 1):
        place = tokens[sign].start + offset
        right = read.right(sign + 1, bounds[k + 1])
        left = read.left(bounds[k - 1] + 1, sign)
        defined = read.definition(bounds[k - 1] + 1, sign)
        if defined is not None:
            if right is not None:
                names.add(defined)
                yield place, Definition(defined, right, line)
        elif left is not None and right is not None and read.is_stated(left, right):
            yield place, Equation(left, right, line, tokens[sign].text == "≈")
        elif not read.is_definition(bounds[k - 1] + 1, sign, left, right):
            yield place, Unread(place)


@dataclass(frozen=True, slots=True)
class _Reader:
    tokens: Sequence[Token]
    names: Collection[str]
    offset: int

    def right(self, start: int, stop: int) -> Side | None:
        """The longest expression that begins there, if it can end where it does."""
        found = parse(self.tokens, start, min(stop, start + _WINDOW), self.names)
        if found is None or not self._may_end(found.stop, stop):
            return None
        words = [*found.words]
        for token in self.tokens[found.stop : min(stop, found.stop + 4)]:
            if token.kind is not Kind.WORD:
                break
            words.append(token.text.lower())
        return self._side(found.tree, start, found.stop, words)

    def left(self, start: int, stop: int) -> Side | None:
        """The longest expression that ends there, if nothing before it could belong to it."""
        first = max(start, stop - _WINDOW)
        for begin in range(first, stop):
            token = self.tokens[begin]
            if begin == 0 < stop - 1 and token.text == "-" and not token.touches(self.tokens[1]):
                continue  # A bullet.
            if token.kind in {Kind.WORD, Kind.CLOSE, Kind.OTHER} and token.text not in self.names:
                continue
            found = parse(self.tokens, begin, stop, self.names)
            if found is not None and found.stop == stop:
                clear = begin > first or first == start
                if clear and self._may_begin(start, begin, tight=not _has_words(found.words)):
                    return self._side(found.tree, begin, stop, found.words)
                return None
        return None

    def definition(self, start: int, stop: int) -> str | None:
        """The capital letter that stands alone before an equality sign."""
        if stop <= start:
            return None
        last = self.tokens[stop - 1]
        before = self.tokens[stop - 2] if stop - 2 >= start else None
        alone = before is None or before.kind is Kind.WORD or before.text in set(",:;.\"'“”")
        return last.text if _NAME.fullmatch(last.text) and alone else None

    def is_stated(self, left: Side, right: Side) -> bool:
        """Whether a computation and its result stand there, no label: `Cost of 2 pens = 2 * 3`."""
        if _has_words(left.words) and self._is_amount(left):
            return False
        return left.computes or (right.computes and not _has_words(left.words))

    def _is_amount(self, side: Side) -> bool:
        """Whether a side is a number or a fraction in one piece, as in `1/4 container`."""
        begin, end = side.start - self.offset, side.end - self.offset
        inside = [token for token in self.tokens if begin <= token.start < end]
        if len(inside) != 3 or inside[1].text != "/":
            return len(inside) == 1
        return all(one.touches(other) for one, other in pairwise(inside))

    def is_definition(self, start: int, stop: int, left: Side | None, right: Side | None) -> bool:
        """Whether a sign says what words, a name or a unit stand for, and computes nothing."""
        before = self.tokens[start:stop]
        if left is None and not any(
            t.kind in {Kind.NUMBER, Kind.OPERATOR, Kind.NAME} for t in before
        ):
            return True
        if left is None and len(before) == 1 and before[0].kind is Kind.NAME:
            return True
        return left is not None and (right is not None or not left.computes)

    def _side(self, tree: Tree, start: int, stop: int, words: Sequence[str]) -> Side:
        # The words of a unit belong to the sense of a side, not to the place of its value.
        while stop - 1 > start and self._is_unit(self.tokens[stop - 1]):
            stop -= 1
        first = self.tokens[start]
        if first.kind is Kind.CURRENCY and not first.touches(self.tokens[start + 1]):
            start += 1
        begin, end = self.tokens[start].start, self.tokens[stop - 1].end
        lower = tuple(word.lower() for word in words)
        return Side(tree, begin + self.offset, end + self.offset, lower)

    def _is_unit(self, token: Token) -> bool:
        is_word = token.kind is Kind.WORD and token.text not in self.names
        return is_word or token.kind is Kind.CURRENCY or token.text == "/"

    def _may_end(self, at: int, stop: int) -> bool:
        if at >= min(stop, len(self.tokens)):
            return True
        last, after = self.tokens[at - 1], self.tokens[at]
        if after.kind is Kind.WORD:
            # `5 and 1/2` is one number, `5 and 3 + 4` are two things.
            ahead = "".join(token.text for token in self.tokens[at + 1 : at + 4])
            joins = after.text.lower() == "and" and _FRACTION.match(ahead)
            is_letter = len(after.text) == 1 and after.text not in {"a", "A", "I"}
            return after.text.lower() not in _GOES_ON and not joins and not is_letter
        if after.kind is Kind.OTHER:
            following = self.tokens[at + 1] if at + 1 < len(self.tokens) else None
            glued = last.touches(after) and following is not None and after.touches(following)
            if after.text == "!" and last.touches(after):
                return False
            return not (glued and _is_number(following)) and not after.text.startswith("\\p")
        return after.kind in {Kind.EQUALS, Kind.CLOSE} or (
            after.kind is Kind.OPEN and not last.touches(after)
        )

    def _may_begin(self, start: int, at: int, *, tight: bool) -> bool:
        if at == start or (at == 1 and self.tokens[0].text == "-"):
            # At the beginning of a side that follows another sign, or of the line.
            return True
        before, token = self.tokens[at - 1], self.tokens[at]
        if token.kind is Kind.OPERATOR and before.text not in set(",:;(\"'“`"):
            return False
        if before.kind is Kind.WORD:
            allowed = not before.touches(token) and self._word_allows(start, at - 1)
            return allowed and (tight or not self._number_in_clause(start, at))
        earlier = self.tokens[at - 2] if at - 2 >= start else None
        if before.kind is Kind.OPEN:
            return earlier is None or earlier.kind in {Kind.WORD, Kind.OTHER, Kind.OPEN}
        if before.kind is Kind.OTHER:
            return self._sign_allows(earlier, before, token)
        return before.kind is Kind.CURRENCY and not before.touches(token)

    def _sign_allows(self, earlier: Token | None, sign: Token, token: Token) -> bool:
        """Whether a sign may stand before an expression: not as in `1:30` or `#5`."""
        glued = sign.touches(token)
        if glued and sign.text in {":", ",", "."} and earlier is not None:
            return not earlier.touches(sign)
        return not glued or sign.text in {*"\"'“\u2018`*:,;.", "\\(", "\\["}

    def _word_allows(self, start: int, at: int) -> bool:
        word = self.tokens[at].text.lower()
        if word not in _CHANGES_WHAT_FOLLOWS:
            return True
        return word == "of" and at > start and self.tokens[at - 1].text.lower() in _TOTAL_OF

    def _number_in_clause(self, start: int, at: int) -> bool:
        for token in reversed(self.tokens[start:at]):
            if token.kind is Kind.OTHER and token.text in set(',.;:"!?'):
                return False
            if token.kind is Kind.WORD and token.text.lower() in _AFTER_CLAUSE:
                return False
            if token.kind in {Kind.NUMBER, Kind.NAME, Kind.OPERATOR}:
                return True
        return False


def _has_words(words: Sequence[str]) -> bool:
    return any(word.isalpha() for word in words)


def _is_number(token: Token | None) -> bool:
    return token is not None and token.kind in {Kind.NUMBER, Kind.NAME, Kind.FRACTION}
