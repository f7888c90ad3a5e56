"""Reads questions about a table as queries, one for each reading, by the grammar of claims."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from gadfly_table._linking import Item, Lexicon, UnreadError, link
from gadfly_table._reading import MAX_ITEMS, MAX_READINGS, Reader, names_repeat, without_having
from gadfly_table._tables import Kind
from gadfly_table._words import QUESTION_OPERATORS, stems

MAX_CHARACTERS = 400
_PEOPLE = frozenset(
    stems(
        "player name driver rider athlete skier golfer swimmer runner cyclist candidate person "
        "winner singer actor author batsman bowler skipper coach member artist performer "
        "representative"
    )
)
"""Words of columns that "who" may ask for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One way to read a question."""

    rule: str
    sql: str
    """Gives the answer: one value, or one column."""


def read_question(text: str, lexicon: Lexicon) -> list[Asked]:
    """Return all readings of a question, at least one.

    Raises:
        UnreadError: It cannot be read exactly.
    """
    if len(text) > MAX_CHARACTERS:
        raise UnreadError("too long a question")
    linked = link(text, lexicon, QUESTION_OPERATORS)
    items = without_having([item for item in linked if item.kind != "e"])
    if len(items) > MAX_ITEMS:
        raise UnreadError("too long a question")
    letters = "".join(item.kind for item in items)
    reader = Reader(lexicon.table)
    if names_repeat(lexicon.table):
        raise UnreadError("a table whose columns repeat")
    asks = _Questions(reader)
    rules: list[_Rule] = [asks.lookup, asks.beside, asks.choice]
    if not reader.has_totals():
        rules += [asks.count, asks.holder, asks.extreme, asks.aggregate]
    found: dict[str, Asked] = {}
    for rule in rules:
        for asked in islice(rule(items, letters), MAX_READINGS + 1):
            found.setdefault(asked.sql, asked)
    if not found or len(found) > MAX_READINGS:
        raise UnreadError("its form" if not found else "too many readings")
    return list(found.values())


_Rule = Callable[[Sequence[Item], str], Iterator[Asked]]


@dataclass(frozen=True, slots=True)
class _Questions:
    reader: Reader

    def count(self, items: Sequence[Item], letters: str) -> Iterator[Asked]:
        """`how many games were in texas`, `how many goals did x score`."""
        match = re.fullmatch(r"u?qt?(?P<noun>[Kc])(?P<rest>[vcn<>GL]*)(?P<having>p?)", letters)
        if match is None:
            return
        noun = items[match.start("noun")]
        if len(noun.columns) > 1 or any(map(self.reader.has_several, noun.columns)):
            return
        # How many games did it win: not all that it played.
        if match["having"] and not any(map(self._is_amount, noun.columns)):
            return
        for found in self.reader.filters(items[slice(*match.span("rest"))]):
            if found.nouns:
                continue
            if noun.kind == "K":
                yield Asked("count", self.reader.select("COUNT(*)", found.sql))
            for column in noun.columns:
                number = self.reader.number_of(column)
                if number is None or self.reader.is_ordered(column):
                    yield Asked("count", self.reader.select("COUNT(*)", found.sql))
                    distinct = f"COUNT(DISTINCT {self.reader.name_of(column)})"
                    yield Asked("count", self.reader.select(distinct, found.sql))
                if number is not None and not self.reader.is_ordered(column):
                    yield Asked("sum", self.reader.select(f"SUM({number})", found.sql))

    def holder(self, items: Sequence[Item], letters: str) -> Iterator[Asked]:
        """`which team has the most wins`."""
        match = re.fullmatch(
            r"(?:h|w|[wu](?P<c>c))(?P<a>[vn]*)(?P<m>[Mm])q?(?P<k>c)(?P<b>[vcn<>GL]*)", letters
        )
        if match is None:
            return
        rest = [*items[slice(*match.span("a"))], *items[slice(*match.span("b"))]]
        function = "MAX" if match["m"] == "M" else "MIN"
        for number, column in self._numbers(items[match.start("k")]):
            for wanted in items[1].columns if match["c"] else self._named():
                if wanted == column:
                    continue
                for found in self.reader.filters(rest):
                    if found.nouns:
                        continue
                    best = self.reader.select(f"{function}({number})", found.sql)
                    where = f"{found.sql} AND {number} = ({best})"
                    name = self.reader.name_of(wanted)
                    yield Asked("holder", self.reader.select(f"DISTINCT {name}", where))

    def extreme(self, items: Sequence[Item], letters: str) -> Iterator[Asked]:
        """`what is the highest attendance`."""
        match = re.fullmatch(r"u(?P<m>[Mm])q?(?P<k>c)(?P<b>[vcn<>GL]*)", letters)
        if match is None:
            return
        function = "MAX" if match["m"] == "M" else "MIN"
        for number, _ in self._numbers(items[match.start("k")]):
            for found in self.reader.filters(items[match.start("b") :]):
                if found.nouns:
                    continue
                yield Asked("extreme", self.reader.select(f"{function}({number})", found.sql))

    def lookup(self, items: Sequence[Item], letters: str) -> Iterator[Asked]:
        """`what is the score of the game in texas`."""
        match = re.fullmatch(r"[wu](?P<c>c)(?P<rest>[vcn<>GL]+)", letters)
        if match is None:
            return
        for found in self.reader.filters(items[match.start("rest") :]):
            for column in items[1].columns:
                if found.conditions and column not in {one.column for one in found.conditions}:
                    name = self.reader.name_of(column)
                    yield Asked("lookup", self.reader.select(f"DISTINCT {name}", found.sql))

    def aggregate(self, items: Sequence[Item], letters: str) -> Iterator[Asked]:
        """`what is the total attendance in texas`, `what is the average attendance`."""
        match = re.fullmatch(r"[uq]?(?P<f>[ta])(?P<c>c)(?P<rest>[vcn<>GL]*)", letters)
        if match is None:
            return
        function = "SUM" if match["f"] == "t" else "AVG"
        for column in items[match.start("c")].columns:
            number = self.reader.number_of(column)
            if number is None or self.reader.is_ordered(column):
                continue
            for found in self.reader.filters(items[match.start("rest") :]):
                if found.nouns:
                    continue
                yield Asked("aggregate", self.reader.select(f"{function}({number})", found.sql))

    def beside(self, items: Sequence[Item], letters: str) -> Iterator[Asked]:
        """`which team comes after the reds`: by the order of the rows."""
        match = re.fullmatch(r"(?:h|[wu](?P<c>c?))(?P<o>[NP])(?P<v>v)", letters)
        if match is None:
            return
        for found in self.reader.filters([items[-1]]):
            wanted = items[1].columns if match["c"] else (found.conditions[0].column,)
            step = "+ 1" if match["o"] == "N" else "- 1"
            # Null, and so nothing, where it is in several rows.
            at = self.reader.select("CASE COUNT(*) WHEN 1 THEN MAX(rowid) END", found.sql)
            for column in wanted:
                where = f"rowid = ({at}) {step}"
                yield Asked("beside", self.reader.select(self.reader.name_of(column), where))

    def choice(self, items: Sequence[Item], letters: str) -> Iterator[Asked]:
        """`which team has more wins, the reds or the blues`."""
        match = re.fullmatch(r"(?:h|[wu]c?)(?P<s>[-+Mm])(?P<k>c)(?P<v>v)/(?P<w>v)", letters)
        if match is None:
            return
        function = "MAX" if match["s"] in "+M" else "MIN"
        for number, _ in self._numbers(items[match.start("k")]):
            for one in self.reader.alternatives(items[match.start("v")], None):
                for other in self.reader.alternatives(items[match.start("w")], None):
                    if one.column == other.column:
                        either = f"({one.sql} OR {other.sql})"
                        best = self.reader.select(f"{function}({number})", either)
                        where = f"{either} AND {number} = ({best})"
                        name = self.reader.name_of(one.column)
                        yield Asked("choice", self.reader.select(f"DISTINCT {name}", where))

    def _is_amount(self, column: int) -> bool:
        is_number = self.reader.table.columns[column].kind is Kind.NUMBER
        return is_number and not self.reader.is_ordered(column)

    def _named(self) -> tuple[int, ...]:
        """The column that tells the rows apart, if it is one: of people, or without repetition."""
        columns = self.reader.table.columns
        for found in (
            [place for place, one in enumerate(columns) if _PEOPLE & set(stems(one.name))],
            [
                place
                for place, one in enumerate(columns)
                if one.kind is Kind.TEXT
                and len(set(one.cells)) == len(one.cells)
                and not one.beside
            ],
        ):
            if found:
                return tuple(found) if len(found) == 1 else ()
        return ()

    def _numbers(self, item: Item) -> Iterator[tuple[str, int]]:
        for column in item.columns:
            number = self.reader.number_of(column)
            if number is not None and not self.reader.is_ordered(column):
                yield number, column
