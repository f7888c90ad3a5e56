"""Things in a row, told in plain English, as constraints on their places.

    On a shelf, there are three books: a red book, a blue book, and a green book.
    The red book is to the left of the green book. The blue book is the second from the right.

Rows are places from left to right, prices from cheap to expensive, ages from old to new, and ranks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gadfly_logic._language import Comparison, Condition, Constraints, Source, Sum
from gadfly_logic._sentences import UnreadError

_COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_ORDINALS = {
    name: place
    for place, name in enumerate(
        ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"), 1
    )
}
_ORDINAL = rf"(?P<ordinal>{'|'.join(_ORDINALS)})"
_INTRODUCTION = re.compile(
    rf"[^:]*\b(?P<count>{'|'.join(_COUNTS)}) [a-z]+: (?P<things>[^:]+?)\.?", re.IGNORECASE
)
_VERB = r"(?:is|are|was|were|finished)"
_LOW = "<"
_HIGH = ">"
_RELATIONS: Mapping[str, str] = {
    "to the left of": _LOW,
    "to the right of": _HIGH,
    "less expensive than": _LOW,
    "cheaper than": _LOW,
    "more expensive than": _HIGH,
    "older than": _LOW,
    "newer than": _HIGH,
    "above": _LOW,
    "below": _HIGH,
}
_RELATION = re.compile(rf"(?P<one>.+?) {_VERB} (?P<relation>{'|'.join(_RELATIONS)}) (?P<other>.+)")
_ENDS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), end)
    for pattern, end in (
        (rf"the (?:leftmost|{_ORDINAL} from the left)", _LOW),
        (rf"the (?:rightmost|{_ORDINAL} from the right)", _HIGH),
        (rf"the (?:{_ORDINAL}-)?(?:cheapest|least expensive|oldest)", _LOW),
        (rf"the (?:{_ORDINAL}-)?(?:most expensive|newest)", _HIGH),
        (_ORDINAL, _LOW),
        (rf"(?:{_ORDINAL}-to-)?last", _HIGH),
    )
)


_ENUMERATION = re.compile(r"from (?P<one>[a-z ]+?) to (?P<other>[a-z ]+?)[:,] (?P<places>.+)")
_DIRECTIONS = {
    **dict.fromkeys(("left", "oldest", "first", "cheapest", "least expensive"), _LOW),
    **dict.fromkeys(("right", "newest", "last", "most expensive", "most"), _HIGH),
}
_NEXT = re.compile(r",? (?:and )?then |, (?:and )?| and ")
_AT = re.compile(
    rf"{_ORDINAL}(?: to (?:{'|'.join(_ORDINALS)}))?(?: (?:can|could) be .+"
    r"| (?:is|must be) (?:(?:an? (?:unknown )?|any )[a-z]+|(?P<thing>.+)))?"
)


@dataclass(frozen=True, slots=True)
class Row:
    """The things of a row, by their names in the text."""

    things: tuple[str, ...]

    @property
    def domains(self) -> Mapping[str, tuple[int, ...]]:
        """The places that each may have."""
        places = tuple(range(1, len(self.things) + 1))
        return dict.fromkeys(self.things, places)

    def read(self, sentence: str, line: int = 1) -> Condition:
        """Read a sentence about their order.

        Raises:
            UnreadError: It is none.
        """
        words = " ".join(sentence.split())
        text = words.lower().removesuffix(".")
        source = Source(line, words)
        if match := _ENUMERATION.fullmatch(text):
            return Condition(tuple(self._enumerated(match)), source)
        if match := _RELATION.fullmatch(text):
            op = _RELATIONS[match["relation"]]
            one, other = self._thing(match["one"]), self._thing(match["other"])
            return Condition((Comparison(_place(one), op, _place(other)),), source)
        subject, _, rest = re.sub(rf" {_VERB} ", "\0", text, count=1).partition("\0")
        for pattern, end in _ENDS:
            if match := pattern.fullmatch(rest):
                place = _ORDINALS[match["ordinal"]] if match["ordinal"] else 1
                place = place if end == _LOW else len(self.things) + 1 - place
                at = Comparison(_place(self._thing(subject)), "==", Sum((), place))
                return Condition((at,), source)
        raise UnreadError(words)

    def _enumerated(self, match: re.Match[str]) -> Iterator[Comparison]:
        """Read `from left to right: first is the owl, then second can be any bird`."""
        ends = [_DIRECTIONS.get(match["one"]), _DIRECTIONS.get(match["other"])]
        parts = [_AT.fullmatch(part) for part in _NEXT.split(match["places"])]
        found = [part for part in parts if part is not None]
        if None in ends or ends[0] == ends[1] or len(found) < len(parts):
            raise UnreadError(match.group())
        if not any(part["thing"] for part in found):
            raise UnreadError(match.group())  # It says of no place what is there.
        for part in found:
            if part["thing"]:
                place = _ORDINALS[part["ordinal"]]
                place = place if ends[0] == _LOW else len(self.things) + 1 - place
                yield Comparison(_place(self._thing(part["thing"])), "==", Sum((), place))

    def _thing(self, words: str) -> str:
        name = words.removeprefix("the ")
        if name not in self.things:
            raise UnreadError(words)
        return name


def _place(thing: str) -> Sum:
    return Sum(((thing, 1),))


def read_row(sentence: str) -> Row:
    """Read the sentence that names the things of a row.

    Raises:
        UnreadError: It does not, or it counts others than it names.
    """
    match = _INTRODUCTION.fullmatch(" ".join(sentence.split()))
    if match is None:
        raise UnreadError(sentence)
    parts = re.split(r",\s*(?:and\s+)?|\s+and\s+", match["things"].lower())
    things = tuple(re.sub(r"^(?:an?|the) ", "", part.strip()) for part in parts)
    if len(set(things)) != len(things) or len(things) != _COUNTS.index(match["count"].lower()) + 1:
        raise UnreadError(sentence)
    return Row(things)


def as_constraints(
    row: Row, conditions: tuple[Condition, ...], options: Mapping[str, Condition]
) -> Constraints:
    """Return the puzzle: each thing has a place of its own."""
    apart = Condition((), Source(1, "each has a place of its own"), row.things)
    return Constraints(row.domains, (*conditions, apart), options)
