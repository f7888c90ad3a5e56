"""Reads linked sentences as queries: every way that the grammar allows, one SELECT each.

Each query gives 1 where the sentence holds, 0 where it does not. A sentence counts only if all its
readings agree: whoever wrote it meant one of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice

from gadfly_table._linking import Item, UnreadError
from gadfly_table._tables import Kind, Table, quoted
from gadfly_table._values import fold
from gadfly_table._words import stems

MAX_READINGS = 24
MAX_ITEMS = 14
_COMPARISONS = {">": ">", "<": "<", "G": ">=", "L": "<="}
_RANKS = frozenset(stems("rank ranking position place pos pick seed grid"))
_INDEXES = frozenset(stems("no number round game week match year season episode"))
_TOTALS = frozenset({"total", "totals", "average", "sum", "overall", "all", "grand total"})


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a sentence."""

    rule: str
    """The rule that read it: `count`, `lookup`, ..."""
    sql: str
    """Gives 1 or 0; NULL where there is nothing to compare."""
    shown: str
    """Gives what the table has instead."""
    about: str
    """What `shown` gives, in words: `the count of rows where ...`."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What a row must have in one column."""

    column: int
    sql: str
    is_comparison: bool = False
    after_and: bool = False


@dataclass(frozen=True, slots=True)
class Filter:
    """What rows must have, and the columns that were named besides."""

    conditions: tuple[Condition, ...]
    nouns: tuple[int, ...]

    @property
    def sql(self) -> str:
        """The conditions as SQL."""
        return " AND ".join(condition.sql for condition in self.conditions) or "1"


def read(items: Sequence[Item], table: Table) -> list[Reading]:
    """Return all readings of a sentence, at least one.

    Raises:
        UnreadError: The grammar has none, or too many.
    """
    if len(items) > MAX_ITEMS:
        raise UnreadError("too long a sentence")
    reader = Reader(table)
    if names_repeat(table):
        raise UnreadError("a table whose columns repeat")
    items = without_having(items)
    letters = "".join(item.kind for item in items)
    readings: dict[str, Reading] = {}
    rules: list[_Rule] = [reader.lookup, reader.comparison]
    if not reader.has_totals():
        rules += [
            reader.count,
            reader.superlative,
            reader.aggregate,
            reader.only,
            reader.quantified,
        ]
    for rule in rules:
        for reading in islice(rule(items, letters), MAX_READINGS + 1):
            readings.setdefault(reading.sql, reading)
    if not readings:
        raise UnreadError("its form")
    if len(readings) > MAX_READINGS:
        raise UnreadError("too many readings")
    return list(readings.values())


def without_having(items: Sequence[Item]) -> list[Item]:
    """Leave verbs of having out where an amount is compared: `who won the most medals`.

    Elsewhere they matter: who won in a year need not be all who stand in that year's rows.
    """
    is_compared = any(item.kind in "Mm+-" for item in items)
    return [item for item in items if item.kind != "p" or not is_compared]


def names_repeat(table: Table) -> bool:
    """Whether columns have one name, told apart by a number: the table is several side by side."""
    names = {fold(column.name) for column in table.columns}
    return any(re.fullmatch(r"(.+) 2", name) and name[:-2] in names for name in names)


@dataclass(frozen=True, slots=True)
class Reader:
    """The grammar, over one table."""

    table: Table

    # ------------------------------------------------------------------ rules

    def lookup(self, items: Sequence[Item], letters: str) -> Iterator[Reading]:
        """`greg bryant play in the running back position`: some row has it all."""
        if not re.fullmatch(r"K?[vcn<>GLb]+", letters):
            return
        rest = [item for item in items if item.kind not in "bK"]
        for found in self.filters(rest):
            columns = [condition.column for condition in found.conditions]
            if len(set(columns)) < 2:
                continue
            if len(set(columns)) < len(columns):
                yield from self._each(found)
                continue
            if "b" in letters:
                continue
            about = f"rows where {self._told(found.conditions[:1])}"
            shown = self.select("*", found.conditions[0].sql)
            yield Reading("lookup", f"SELECT EXISTS ({self.select('*', found.sql)})", shown, about)
            if any(condition.is_comparison for condition in found.conditions):
                same = " AND ".join(c.sql for c in found.conditions if not c.is_comparison)
                other = " AND ".join(c.sql for c in found.conditions if c.is_comparison)
                against = f"{same} AND NOT ({other})"
                sql = (
                    f"SELECT EXISTS ({self.select('*', found.sql)}) "
                    f"AND NOT EXISTS ({self.select('*', against)})"
                )
                yield Reading("lookup", sql, shown, about)

    def _each(self, found: Filter) -> Iterator[Reading]:
        """`a and b be c`: some row has a and c, and some row has b and c."""
        columns = [condition.column for condition in found.conditions]
        several = {column for column in columns if columns.count(column) > 1}
        if len(several) != 1:
            return
        (column,) = several
        each = [one for one in found.conditions if one.column == column]
        others = [one for one in found.conditions if one.column != column]
        if not all(one.after_and for one in each[1:]) or any(one.is_comparison for one in each):
            return
        rows = [
            f"EXISTS ({self.select('*', ' AND '.join(c.sql for c in [one, *others]))})"
            for one in each
        ]
        shown = self.select("*", " OR ".join(one.sql for one in each))
        yield Reading(
            "each", f"SELECT {' AND '.join(rows)}", shown, f"rows where {self._told(each[:1])}"
        )

    def count(self, items: Sequence[Item], letters: str) -> Iterator[Reading]:
        """`there be 5 player from texas`, `... 3 time`, `3 of the 5 ...`."""
        for match in (
            re.fullmatch(
                r"e?t?(?P<op>[o<>GL]?)(?P<n>n)(?P<of>n?)(?P<noun>[Kc]?)(?P<rest>[vcn<>GL]*)",
                letters,
            ),
            re.fullmatch(
                r"(?P<rest>[vcn<>GL]+?)t?(?P<op>[o<>GL]?)(?P<n>n)(?P<of>n?)(?P<noun>K)", letters
            ),
        ):
            if match is None:
                continue
            number, whole = items[match.start("n")], match["of"]
            first, last = match.span("rest")
            noun = items[match.start("noun")] if match["noun"] == "c" else None
            if number.number is None or number.number.denominator > 1:
                continue
            if noun is None and match["noun"] != "K" and not letters.startswith("e"):
                continue
            sign = _COMPARISONS.get(match["op"], "=")
            for found in self.filters(items[first:last]):
                if found.nouns or (not found.conditions and not letters.startswith("e")):
                    continue
                if noun is not None and not self.is_countable(noun):
                    continue
                for counted in self._counted(noun):
                    shown = self.select(f"COUNT({counted})", found.sql)
                    sql = f"({shown}) {sign} {int(number.number)}"
                    if whole:
                        total = items[match.start("of")].number
                        sql += f" AND ({self.select(f'COUNT({counted})', '1')}) = {_literal(total)}"
                    about = f"the count where {self._told(found.conditions)}"
                    yield Reading("count", f"SELECT {sql}", shown, about)

    def _counted(self, noun: Item | None) -> Iterator[str]:
        yield "*"
        for column in noun.columns if noun else ():
            yield f"DISTINCT {self.name_of(column)}"

    def superlative(self, items: Sequence[Item], letters: str) -> Iterator[Reading]:
        """`the highest crowd be 25000`, `x have the most goals`."""
        match = re.fullmatch(
            r"(?P<a>[vcn]*)(?:(?P<m>[Mm])(?P<c>c)|(?P<d>c)(?P<w>[Mm]))(?P<b>[vcn]*)", letters
        )
        if match is None:
            return
        most = match["m"] or match["w"]
        named = items[match.start("c") if match["c"] else match.start("d")]
        rest = [*items[slice(*match.span("a"))], *items[slice(*match.span("b"))]]
        function = "MAX" if most == "M" else "MIN"
        for column in named.columns:
            name = self.number_of(column)
            if name is None or self.is_ordered(column):
                continue
            stated = [place for place, item in enumerate(rest) if item.kind == "n"]
            about = (
                f"the {'highest' if most == 'M' else 'lowest'} {self.table.columns[column].name}"
            )
            if not stated:
                yield from self._holder(rest, name, function, about)
            for place in stated:
                value = _literal(rest[place].number)
                for found in self.filters([*rest[:place], *rest[place + 1 :]]):
                    shown = self.select(f"{function}({name})", found.sql)
                    yield Reading("superlative", f"SELECT ({shown}) = {value}", shown, about)
                    if found.conditions:
                        over = self.select(f"{function}({name})", "1")
                        has = self.select("*", f"{found.sql} AND {name} = {value}")
                        sql = f"SELECT ({over}) = {value} AND EXISTS ({has})"
                        yield Reading("superlative", sql, over, about)

    def _holder(
        self, rest: Sequence[Item], name: str, function: str, about: str
    ) -> Iterator[Reading]:
        for found in self.filters(rest):
            if not found.conditions:
                continue
            scopes = ["1"]
            if len(found.conditions) > 1:
                scopes += [condition.sql for condition in found.conditions]
            for scope in scopes:
                best = self.select(f"{function}({name})", scope)
                has = self.select("*", f"{found.sql} AND {name} = ({best})")
                shown = self.select("*", f"{scope} AND {name} = ({best})")
                yield Reading("superlative", f"SELECT EXISTS ({has})", shown, f"{about} is in")

    def aggregate(self, items: Sequence[Item], letters: str) -> Iterator[Reading]:
        """`the total points be 30`, `the average crowd be 9000`."""
        match = re.fullmatch(r"(?P<a>[vcn]*)(?P<f>[ta])(?P<c>c)(?P<b>[vcn<>GL]*)", letters)
        if match is None:
            return
        function = "SUM" if match["f"] == "t" else "AVG"
        rest = [*items[slice(*match.span("a"))], *items[slice(*match.span("b"))]]
        for column in items[match.start("c")].columns:
            name = self.number_of(column)
            if name is None:
                continue
            for place, item in enumerate(rest):
                if item.kind != "n" or item.number is None:
                    continue
                sign = _COMPARISONS.get(rest[place - 1].kind if place else "", "")
                left = [*rest[: place - 1 if sign else place], *rest[place + 1 :]]
                for found in self.filters(left):
                    shown = self.select(f"{function}({name})", found.sql)
                    if sign:
                        sql = f"SELECT ({shown}) {sign} {_literal(item.number)}"
                    else:
                        near = Fraction(1, 2 * 10**item.decimals) if function == "AVG" else 0
                        if not item.decimals and abs(item.number) < 10:
                            near = 0  # Of one digit too little is left.
                        sql = f"SELECT ABS(({shown}) - {_literal(item.number)}) <= {float(near)}"
                    about = f"the {'total' if function == 'SUM' else 'average'} of {name}"
                    yield Reading("aggregate", sql, shown, about)

    def comparison(self, items: Sequence[Item], letters: str) -> Iterator[Reading]:
        """`a have more goals than b`, `a have 5 more goals than b`."""
        match = re.fullmatch(r"(?P<v>v)(?P<n>n?)(?P<s>[-+])(?P<c>c)T(?P<w>v)", letters)
        if match is None:
            return
        one, other = items[match.start("v")], items[match.start("w")]
        value = items[match.start("n")].number if match["n"] else None
        for column in items[match.start("c")].columns:
            name = self.number_of(column)
            if name is None or self.is_ordered(column):
                continue
            for first in self.alternatives(one, None):
                for second in self.alternatives(other, None):
                    if first.column != second.column:
                        continue
                    shown = self.select("*", f"{first.sql} OR {second.sql}")
                    for low, high in (("MIN", "MAX"), ("MAX", "MIN")):
                        left = self.select(f"{low}({name})", first.sql)
                        right = self.select(f"{high}({name})", second.sql)
                        if match["s"] == "-":
                            left, right = right, left
                        sign = ">" if value is None else f"= {_literal(value)} +"
                        yield Reading(
                            "comparison", f"SELECT ({left}) {sign} ({right})", shown, "rows"
                        )

    def only(self, items: Sequence[Item], letters: str) -> Iterator[Reading]:
        """`x be the only player from texas`: the rows that have it are those of x."""
        match = re.fullmatch(r"(?P<v>v)o(?P<noun>[Kc]?)(?P<rest>[vcn<>GL]+)", letters)
        if match is None:
            return
        for who in self.alternatives(items[0], None):
            for found in self.filters(items[slice(*match.span("rest"))]):
                if not found.conditions or who.column in {c.column for c in found.conditions}:
                    continue
                has = self.select("*", f"{found.sql} AND {who.sql}")
                others = self.select("*", f"{found.sql} AND NOT ({who.sql})")
                sql = f"SELECT EXISTS ({has}) AND NOT EXISTS ({others})"
                shown = self.select("*", found.sql)
                yield Reading("only", sql, shown, f"rows where {self._told(found.conditions)}")

    def quantified(self, items: Sequence[Item], letters: str) -> Iterator[Reading]:
        """`all game be in texas`, `no game be in texas`, `x do not play in texas`."""
        for pattern in (
            r"(?P<who>[vc]*)(?P<q>e?x|A)(?P<n>n?)(?P<noun>[Kc])(?P<rest>[vcn<>GL]+)",
            r"(?P<who>[vc]*)(?P<q>e?x|A)(?P<n>)(?P<noun>)(?P<rest>[vcn<>GL]+)",
        ):
            match = re.fullmatch(pattern, letters)
            if match is not None:
                yield from self._quantified(items, match)

    def _quantified(self, items: Sequence[Item], match: re.Match[str]) -> Iterator[Reading]:
        noun = items[match.start("noun")] if match["noun"] == "c" else None
        if noun is not None and not all(map(self._is_key, noun.columns)):
            return  # `no record`: nothing stands there.
        who = items[slice(*match.span("who"))]
        for found in self.filters(items[slice(*match.span("rest"))]):
            for within in self.filters(who):
                if not found.conditions or (who and not within.conditions):
                    continue
                if {c.column for c in found.conditions} & {c.column for c in within.conditions}:
                    continue
                if match["q"] == "A":
                    against = self.select("*", f"{within.sql} AND ({found.sql}) IS NOT 1")
                    sql = f"NOT EXISTS ({against})"
                    if match["n"]:
                        number = _literal(items[match.start("n")].number)
                        sql += f" AND ({self.select('COUNT(*)', within.sql)}) = {number}"
                elif match["n"]:
                    continue
                else:
                    against = self.select("*", f"{within.sql} AND {found.sql}")
                    sql = f"NOT EXISTS ({against})"
                yield Reading(
                    "all" if match["q"] == "A" else "none", f"SELECT {sql}", against, "rows"
                )

    # ------------------------------------------------------------- conditions

    def filters(self, items: Sequence[Item]) -> Iterator[Filter]:
        """Return all ways to read parts of a sentence as conditions on a row."""
        for conditions, used in islice(self._conditions(items, 0, frozenset()), MAX_READINGS):
            left = [
                item for place, item in enumerate(items) if item.kind == "c" and place not in used
            ]
            nouns = tuple(item.columns[0] for item in left)
            # A column of numbers named without one: something is said of it that is not read.
            if all(self._is_noun(column) for column in nouns):
                yield Filter(conditions, nouns)

    def _is_noun(self, column: int) -> bool:
        return self.table.columns[column].kind is Kind.TEXT or self.is_ordered(column)

    def _conditions(
        self, items: Sequence[Item], place: int, used: frozenset[int]
    ) -> Iterator[tuple[tuple[Condition, ...], frozenset[int]]]:
        if place == len(items):
            yield (), used
            return
        item = items[place]
        if item.kind in _COMPARISONS and (place + 1 == len(items) or items[place + 1].kind != "n"):
            return
        if item.kind not in "vn":
            yield from self._conditions(items, place + 1, used)
            return
        sign = items[place - 1].kind if place and items[place - 1].kind in _COMPARISONS else ""
        before = place - 1 - bool(sign)
        beside = [n for n in (place + 1, before) if 0 <= n < len(items) and n not in used]
        options = [
            (condition, frozenset({near}))
            for near in beside
            if items[near].kind == "c"
            for condition in self.alternatives(item, items[near], sign)
        ]
        if not options:
            options = [
                (condition, frozenset[int]()) for condition in self.alternatives(item, None, sign)
            ]
        for condition, taken in options:
            for others, all_used in self._conditions(items, place + 1, used | taken):
                yield (condition, *others), all_used

    def alternatives(self, item: Item, named: Item | None, sign: str = "") -> Iterator[Condition]:
        cells = item.cells or {}
        if item.kind == "n" and named is None and not _is_telling(item):
            return
        if item.kind == "v" or (named is None and not sign):
            for meant in (cells, item.wider or {}):
                for column, written in meant.items():
                    if named is None or column in named.columns:
                        is_in = self._is_one_of(column, written)
                        yield Condition(column, is_in, after_and=item.after_and)
            return
        for column in named.columns if named else ():
            name = self.number_of(column)
            if name is not None:
                comparison = _COMPARISONS.get(sign, "=")
                sql = f"{name} {comparison} {_literal(item.number)}"
                yield Condition(column, sql, bool(sign), item.after_and)
            elif not sign and column in cells:
                yield Condition(column, self._is_one_of(column, cells[column]))

    # -------------------------------------------------------------------- SQL

    def _is_one_of(self, column: int, written: frozenset[str]) -> str:
        found = self.table.columns[column]
        values = dict.fromkeys(
            value for cell, value in zip(found.cells, found.values, strict=True) if cell in written
        )
        listed = ", ".join(_quote(value) for value in values)
        sign = f"= {listed}" if len(values) == 1 else f"IN ({listed})"
        return f"{quoted(found.name)} {sign}"

    def number_of(self, column: int) -> str | None:
        """The name under which SQL has the numbers of a column; None where it has none."""
        found = self.table.columns[column]
        if found.kind is Kind.NUMBER:
            return quoted(found.name)
        if found.beside is not None and found.beside[0].endswith(" number"):
            return quoted(found.beside[0])
        return None

    def is_ordered(self, column: int) -> bool:
        """Whether the smallest number of a column is the highest, or none is: ranks and indexes."""
        found = self.table.columns[column]
        words = set(stems(found.name))
        is_index = len(set(found.cells)) == len(found.cells) and (not words or words & _INDEXES)
        return bool(words & _RANKS or is_index)

    def is_countable(self, noun: Item) -> bool:
        """Whether a column names what rows are, or what they each have one of."""
        if len(noun.columns) != 1:
            return False
        (column,) = noun.columns
        return self._is_noun(column) and not self.has_several(column)

    def _is_key(self, column: int) -> bool:
        cells = self.table.columns[column].cells
        return len(set(cells)) == len(cells)

    def has_several(self, column: int) -> bool:
        """Whether cells of a text column may list several things."""
        found = self.table.columns[column]
        is_plain = found.kind is Kind.NUMBER or found.beside is not None
        return not is_plain and any(re.search(r"[\n;,/&]| and ", cell) for cell in found.cells)

    def has_totals(self) -> bool:
        """Whether a row of totals is among the rows."""
        return any(
            fold(cell) in _TOTALS for column in self.table.columns for cell in column.cells[-2:]
        )

    def name_of(self, column: int) -> str:
        return quoted(self.table.columns[column].name)

    def select(self, what: str, where: str) -> str:
        # Names are quoted, values are literals made here of the table's own cells.
        return f"SELECT {what} FROM {quoted(self.table.name)} WHERE {where}"  # noqa: S608

    def _told(self, conditions: Sequence[Condition]) -> str:
        return " and ".join(condition.sql for condition in conditions) or "there are any"


def _is_telling(item: Item) -> bool:
    """Whether a number without a column beside it says which it is in: a year, a large one."""
    is_large = item.number is not None and abs(item.number) >= 100
    return is_large and len(item.cells or {}) == 1


_Rule = Callable[[Sequence[Item], str], Iterator[Reading]]


def _literal(value: Fraction | None) -> str:
    if value is None:
        return "NULL"
    return str(value.numerator) if value.denominator == 1 else repr(float(value))


def _quote(value: str | float | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, int | float):
        return repr(value)
    return "'" + value.replace("'", "''") + "'"
