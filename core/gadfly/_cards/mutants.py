"""Small changes that make a right draft wrong, mostly.

A generic mutator, which knows nothing of the task: one digit of a number, one operator, one
sentence negated or left out. Some mutants are as right as what they come from (a sentence that
nothing rests on, a bound that is never met), so that no critic catches all: the score compares
versions of one critic, and critics on the same data.
"""

from __future__ import annotations

import io
import random
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from gadfly._cards.source import Code, find_code, line_starts, shape

SWAPS = {
    "+": "-",
    "-": "+",
    "*": "+",
    "/": "*",
    "\u00d7": "+",
    "//": "*",
    "%": "*",
    "+=": "-=",
    "-=": "+=",
    "*=": "+=",
    "/=": "*=",
    "<": ">=",
    "<=": ">",
    ">": "<=",
    ">=": "<",
    "==": "!=",
    "!=": "==",
    "and": "or",
    "or": "and",
    "True": "False",
    "False": "True",
}
_NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?!\w)")
_OPERATOR = re.compile(r"(?<=[\d)%]) ?([-+*/\u00d7]) ?(?=[\d($])")
_SENTENCE = re.compile(r"\S[^\n]*?(?:[.!?](?=\s|$)|$)", re.MULTILINE)
_VERB = re.compile(
    r"\b(is|are|was|were|has|have|had|can|will|would|should|must|does|did)( not)?\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Edit:
    """A piece of the text, and what stands there afterwards."""

    start: int
    end: int
    text: str

    def apply(self, text: str) -> str:
        return text[: self.start] + self.text + text[self.end :]


Mutator = Callable[[str, random.Random], Iterable[_Edit]]


def mutants(draft: str, seed: str) -> Iterator[tuple[str, str]]:
    """Yield at most one mutant of each kind, with the kind's name: the same for the same seed."""
    dice = random.Random(seed)
    code = find_code(draft)
    if code is not None:
        for kind, mutator in _OF_CODE.items():
            edits = [edit for edit in mutator(code.text, dice) if _matters(code, edit)]
            if edits:
                yield kind, code.replaced(draft, dice.choice(edits).apply(code.text))
    if code is None or len(code.text) < len(draft):
        for kind, mutator in _OF_PROSE.items():
            edits = [edit for edit in mutator(draft, dice) if _is_outside(code, edit)]
            if edits:
                yield kind, dice.choice(edits).apply(draft)


def _matters(code: Code, edit: _Edit) -> bool:
    """Whether what comes out is a program, and another one."""
    after = shape(edit.apply(code.text))
    return after is not None and after != shape(code.text)


def _is_outside(code: Code | None, edit: _Edit) -> bool:
    return code is None or edit.end <= code.start or edit.start >= code.end


def _code_numbers(code: str, dice: random.Random) -> Iterator[_Edit]:
    for token, start in _tokens(code):
        if token.type == tokenize.NUMBER and token.string.replace(".", "").isdigit():
            yield _other_digit(code, start + len(token.string) - 1, dice)


def _code_operators(code: str, dice: random.Random) -> Iterator[_Edit]:
    for token, start in _tokens(code):
        if token.type in {tokenize.OP, tokenize.NAME} and token.string in SWAPS:
            yield _Edit(start, start + len(token.string), SWAPS[token.string])


def _tokens(code: str) -> Iterator[tuple[tokenize.TokenInfo, int]]:
    """The tokens of a program with their places."""
    starts = line_starts(code)
    try:
        for token in tokenize.generate_tokens(io.StringIO(code).readline):
            line, column = token.start
            if line <= len(starts):
                yield token, starts[line - 1] + column
    except (tokenize.TokenError, SyntaxError):
        return


def _numbers(text: str, dice: random.Random) -> list[_Edit]:
    return [_other_digit(text, match.end() - 1, dice) for match in _NUMBER.finditer(text)]


def _operators(text: str, dice: random.Random) -> list[_Edit]:
    found = _OPERATOR.finditer(text)
    return [_Edit(match.start(1), match.end(1), SWAPS[match[1]]) for match in found]


def _negations(text: str, dice: random.Random) -> list[_Edit]:
    return [
        _Edit(match.start(), match.end(), match[1] if match[2] else f"{match[1]} not")
        for match in _VERB.finditer(text)
    ]


def _removals(text: str, dice: random.Random) -> list[_Edit]:
    sentences = list(_SENTENCE.finditer(text))
    return [_Edit(match.start(), match.end(), "") for match in sentences[: len(sentences) - 1]]


def _other_digit(text: str, place: int, dice: random.Random) -> _Edit:
    """Another digit for a number's last one; of a number of one digit, not zero."""
    alone = place == 0 or not (text[place - 1].isdigit() or text[place - 1] in ".,")
    digits = "123456789" if alone else "0123456789"
    return _Edit(place, place + 1, dice.choice(digits.replace(text[place], "")))


_OF_CODE: dict[str, Mutator] = {
    "number in code": _code_numbers,
    "operator in code": _code_operators,
}
_OF_PROSE: dict[str, Mutator] = {
    "number": _numbers,
    "operator": _operators,
    "sentence negated": _negations,
    "sentence left out": _removals,
}
KINDS = (*_OF_CODE, *_OF_PROSE)
"""What is changed, in reports."""
