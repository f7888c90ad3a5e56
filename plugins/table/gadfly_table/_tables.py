"""Tables as values: read from a task's data or from a file, with the type of each column inferred.

A column whose every cell is a number is a number column. Its values are numbers, and the cells as
they were written stand in a column beside it (`Crowd text`). Every other column is text; where all
its cells are dates, or begin with a number and go on alike (`3rd`, `59.51 m`), the ISO date or the
number stands beside it (`Date iso`, `Position number`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import cast

from gadfly import JSON, InputError, digest
from gadfly_table._values import MISSING, Cell, fold, read_date, read_number

MAX_CELLS = 100_000
MAX_COLUMNS = 200
_RULE = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?")
_LEADING = re.compile(r"(?P<number>[-+\u2212]?\d+(?:,\d{3})*(?:\.\d+)?)\s*(?P<unit>[^\d\s].*)?")
_ORDINALS = frozenset({"st", "nd", "rd", "th"})


class Kind(StrEnum):
    """What the cells of a column are."""

    NUMBER = "number"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its cells as written, and as values."""

    name: str
    cells: tuple[str, ...]
    kind: Kind
    values: tuple[Cell, ...]
    """What SQL has under `name`."""
    beside: tuple[str, tuple[Cell, ...]] | None = None
    """A further column, `NAME text`, `NAME iso` or `NAME number`; None where there is none."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a name, and columns of the same length."""

    name: str
    columns: tuple[Column, ...]

    @property
    def height(self) -> int:
        """How many rows it has."""
        return len(self.columns[0].cells)

    @property
    def digest(self) -> str:
        """A digest of name, header and cells."""
        return digest([self.name, [[column.name, list(column.cells)] for column in self.columns]])

    def as_sql(self) -> dict[str, JSON]:
        """Return what the sandbox builds it from."""
        named: list[tuple[str, str, tuple[Cell, ...]]] = [
            (one.name, "NUMERIC" if one.kind is Kind.NUMBER else "TEXT", one.values)
            for one in self.columns
        ]
        taken = {fold(name) for name, _, _ in named}
        for one in self.columns:
            if one.beside is not None and fold(one.beside[0]) not in taken:
                declared = "NUMERIC" if one.beside[0].endswith(" number") else "TEXT"
                named.append((one.beside[0], declared, one.beside[1]))
        return {
            "name": self.name,
            "columns": [[name, declared] for name, declared, _ in named],
            "rows": [list(row) for row in zip(*(values for _, _, values in named), strict=True)],
        }

    def __str__(self) -> str:
        """The table as SQL knows it: `t(Date, Crowd)`."""
        return f"{self.name}({', '.join(quoted(column.name) for column in self.columns)})"


def quoted(name: str) -> str:
    """Return a name as an SQL identifier, in quotes where it needs them."""
    if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        return name
    return '"' + name.replace('"', '""') + '"'


def make_table(header: Sequence[object], rows: Iterable[Sequence[object]], name: str) -> Table:
    """Return a table with the types of its columns inferred.

    Header cells that are empty or occur twice get a name of their own (`column 2`, `Year 2`).

    Raises:
        InputError: It has no columns, a row is longer than the header, or it is too large.
    """
    names = _names(header)
    width = len(names)
    body: list[Sequence[object]] = []
    for number, row in enumerate(rows, 1):
        if len(row) > width:
            raise InputError(
                f"table {name!r}: row {number} has {len(row)} cells, the header has {width}"
            )
        body.append([*row, *[None] * (width - len(row))])
        if len(body) * width > MAX_CELLS:
            raise InputError(f"table {name!r} has more than {MAX_CELLS:,} cells")
    columns = tuple(
        _column(named, [row[place] for row in body]) for place, named in enumerate(names)
    )
    return Table(name, columns)


def table_from(data: JSON, name: str) -> Table:
    """Return the table that a task's plain data holds.

    Args:
        data: `{"header": [...], "rows": [[...]]}`, a list of objects, a list of lists with the
            header first, or a text: CSV, TSV or Markdown.
        name: What queries call it.

    Raises:
        InputError: It is none of these.
    """
    if isinstance(data, str):
        return parse_table(data, name)
    if isinstance(data, Mapping):
        header, rows = _list(data.get("header", data.get("columns"))), _list(data.get("rows"))
        body = None if rows is None else [_list(row) for row in rows]
        if header is not None and body is not None and None not in body:
            return make_table(header, [row for row in body if row is not None], name)
    elif isinstance(data, Sequence) and data:
        if all(isinstance(row, Mapping) for row in data):
            records = cast("Sequence[Mapping[str, object]]", data)
            keys = list(dict.fromkeys(key for record in records for key in record))
            return make_table(keys, [[one.get(key) for key in keys] for one in records], name)
        lists = [row for row in map(_list, data) if row is not None]
        if len(lists) == len(data):
            return make_table(lists[0], lists[1:], name)
    raise InputError(
        f"table {name!r} is an object with header and rows, a list of objects or of lists, or a "
        "text (CSV, TSV, Markdown)"
    )


def parse_table(text: str, name: str) -> Table:
    """Return the table that a CSV, TSV or Markdown text is.

    Raises:
        InputError: It holds no table.
    """
    lines = text.strip().splitlines()
    if len(lines) > 1 and _RULE.fullmatch(lines[1].strip()) and "|" in lines[0]:
        header, _, *rows = (_cells(line) for line in lines)
        return make_table(header, rows, name)
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    try:
        read = [row for row in csv.reader(io.StringIO(text.strip()), delimiter=delimiter) if row]
    except csv.Error as error:
        raise InputError(f"table {name!r} cannot be read as CSV: {error}") from error
    if not read:
        raise InputError(f"table {name!r} is empty")
    return make_table(read[0], read[1:], name)


def find_markdown(text: str) -> list[str]:
    """Return the Markdown tables in a text."""
    found: list[str] = []
    lines = text.splitlines()
    place = 1
    while place < len(lines):
        if _RULE.fullmatch(lines[place].strip()) and "|" in lines[place - 1]:
            end = place + 1
            while end < len(lines) and "|" in lines[end]:
                end += 1
            found.append("\n".join(lines[place - 1 : end]))
            place = end
        place += 1
    return found


def _list(value: object) -> Sequence[object] | None:
    if isinstance(value, str) or not isinstance(value, Sequence):
        return None
    return cast("Sequence[object]", value)


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", inner)]


def _names(header: Sequence[object]) -> list[str]:
    if not 1 <= len(header) <= MAX_COLUMNS:
        raise InputError(f"a table has 1 to {MAX_COLUMNS} columns, not {len(header)}")
    names: list[str] = []
    for place, cell in enumerate(header, 1):
        plain = " ".join(_text(cell).split()) or f"column {place}"
        name, number = plain, 2
        while fold(name) in {fold(one) for one in names}:
            name, number = f"{plain} {number}", number + 1
        names.append(name)
    return names


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    return str(cell)


def _column(name: str, raw: Sequence[object]) -> Column:
    cells = tuple(_text(cell).strip() for cell in raw)
    present = [cell for cell in cells if fold(cell) not in MISSING]
    if present and all(read_number(cell) is not None for cell in present):
        values = tuple(_number(cell) for cell in cells)
        changed = any(str(v) != c for v, c in zip_longest(values, cells))
        return Column(
            name, cells, Kind.NUMBER, values, (f"{name} text", cells) if changed else None
        )
    if present and all(read_date(cell) is not None for cell in present):
        dates = tuple(_iso(cell) for cell in cells)
        return Column(name, cells, Kind.TEXT, cells, (f"{name} iso", dates))
    leading = [_LEADING.fullmatch(cell) for cell in present]
    units = {match and (match["unit"] or "").strip().lower() for match in leading}
    if present and not units & {None, ""} and (len(units) == 1 or units <= _ORDINALS):
        numbers = tuple(_leading(cell) for cell in cells)
        return Column(name, cells, Kind.TEXT, cells, (f"{name} number", numbers))
    return Column(name, cells, Kind.TEXT, cells)


def _number(cell: str) -> Cell:
    number = None if fold(cell) in MISSING else read_number(cell)
    if number is None:
        return None
    return int(number.value) if number.value.denominator == 1 else float(number.value)


def _iso(cell: str) -> Cell:
    found = read_date(cell)
    return None if found is None else found.isoformat()


def _leading(cell: str) -> Cell:
    match = _LEADING.fullmatch(cell)
    return None if match is None else _number(match["number"])
