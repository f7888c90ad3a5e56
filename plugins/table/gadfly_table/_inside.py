"""What runs in the sandbox: queries against tables in memory, read only and within limits.

It is sent as a file and run by the sandbox's own interpreter: standard library only, Python 3.9.

A query is compiled under an authorizer that knows what is allowed (reading the given tables, and
functions by name) and denies everything else: writing, ATTACH, PRAGMA, extensions, the schema.
A count of the virtual machine's steps bounds time in the same way on every machine, so that a query
which is stopped here is stopped again when its evidence is replayed. The sandbox bounds the rest.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from typing import Any

Table = dict[str, Any]
"""`name`, `columns` (pairs of name and declared type) and `rows`."""

SCRIPT = "query.py"
REQUEST = "request.json"
_EVERY = 1_000
_ALLOWED = {21, 33}  # SQLITE_SELECT, SQLITE_RECURSIVE
_READ, _FUNCTION = 20, 31
# Neither chance nor the time of day: a query must give the same again. Nor files, nor extensions.
FUNCTIONS = frozenset({
    "abs", "avg", "cast", "char", "coalesce", "count", "cume_dist", "date", "datetime",
    "dense_rank", "first_value", "format", "glob", "group_concat", "ifnull", "iif", "instr",
    "julianday", "lag", "last_value", "lead", "length", "like", "lower", "ltrim", "max", "min",
    "nth_value", "ntile", "nullif", "percent_rank", "printf", "quote", "rank", "replace",
    "round", "row_number", "rtrim", "sign", "strftime", "string_agg", "substr", "substring",
    "sum", "time", "timediff", "total", "trim", "typeof", "unicode", "upper", "ceil", "ceiling",
    "floor", "ln", "log", "log10", "log2", "mod", "pow", "power", "sqrt", "trunc", "exp",
})  # fmt: skip
# By number, as the names came with Python 3.11: the longest value, statement and result; the depth
# of expressions; compound selects; steps of a program; arguments; ATTACH; patterns.
_LIMITS = {0: 1_000_000, 1: 20_000, 3: 100, 4: 20, 5: 25_000, 6: 20, 7: 0, 8: 200}


class RefusedError(Exception):
    """A query that asks for what it may not have."""


def connect(tables: list[Table]) -> sqlite3.Connection:
    """Return a database in memory that holds the tables, and can no longer be changed."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for table in tables:
        declared = ", ".join(f"{_quoted(name)} {kind}" for name, kind in table["columns"])
        connection.execute(f"CREATE TABLE {_quoted(table['name'])} ({declared})")
        marks = ", ".join("?" * len(table["columns"]))
        # The names are quoted, and the values bound.
        into = f"INSERT INTO {_quoted(table['name'])} VALUES ({marks})"  # noqa: S608
        connection.executemany(into, table["rows"])
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    set_limit = getattr(connection, "setlimit", None)
    if set_limit is not None:
        for number, most in _LIMITS.items():
            set_limit(number, most)
    return connection


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Guard:
    """What stands beside one query: it denies what is not allowed, and counts steps."""

    def __init__(self, tables: list[Table], steps: int) -> None:
        self.known = {table["name"].lower() for table in tables}
        self.used: set[str] = set()
        self.refused: list[str] = []
        self.steps = steps
        self.left = steps // _EVERY

    def authorize(self, action: int, first: Any, second: Any, _database: Any, _by: Any) -> int:  # noqa: ANN401
        """See `sqlite3.Connection.set_authorizer`."""
        if action in _ALLOWED:
            return sqlite3.SQLITE_OK
        if action == _FUNCTION and str(second).lower() in FUNCTIONS:
            return sqlite3.SQLITE_OK
        if action == _READ and not str(first).lower().startswith("sqlite_"):
            if str(first).lower() in self.known:
                self.used.add(str(first).lower())
            return sqlite3.SQLITE_OK
        self.refused.append(_refusal(action, first, second))
        return sqlite3.SQLITE_DENY

    def tick(self) -> bool:
        """See `sqlite3.Connection.set_progress_handler`: whether to stop."""
        self.left -= 1
        return self.left < 0

    def failure(self, error: Exception) -> dict[str, Any]:
        """Say why a query gave nothing."""
        message = str(error) or type(error).__name__
        kind = "invalid"
        if self.left < 0:
            kind, message = "limit", f"it takes more than {self.steps:,} steps"
        elif isinstance(error, RefusedError):
            kind = "refused"
        elif self.refused:
            kind, message = "refused", self.refused[0]
        elif "one statement" in message:
            kind, message = "refused", "it holds several statements"
        elif isinstance(error, MemoryError) or "too big" in message or "too large" in message:
            kind = "limit"
        return {"failed": kind, "message": message}


def ask(
    connection: sqlite3.Connection, tables: list[Table], sql: str, steps: int, rows: int
) -> dict[str, Any]:
    """Return what one query gives: columns and rows, or why there are none."""
    guard = Guard(tables, steps)
    connection.set_authorizer(guard.authorize)
    connection.set_progress_handler(guard.tick, _EVERY)
    try:
        cursor = connection.execute(sql)
        if cursor.description is None:
            raise RefusedError("it is no SELECT")
        found = cursor.fetchmany(rows + 1)
        columns = [name for name, *_ in cursor.description]
    except (
        RefusedError,
        sqlite3.Error,
        sqlite3.Warning,
        ValueError,
        OverflowError,
        MemoryError,
    ) as error:
        return guard.failure(error)
    finally:
        connection.set_progress_handler(None, 0)
        connection.set_authorizer(None)
    shown = [[_plain(value) for value in row] for row in found[:rows]]
    is_cut = len(found) > rows
    return {"columns": columns, "rows": shown, "more": is_cut, "tables": sorted(guard.used)}


def _refusal(action: int, first: object, second: object) -> str:
    names = {22: "BEGIN", 24: "ATTACH", 25: "DETACH", 19: "PRAGMA", 32: "SAVEPOINT", 9: "DELETE"}
    names.update({18: "INSERT", 23: "UPDATE", 29: "CREATE VIRTUAL TABLE", 2: "CREATE TABLE"})
    if action == _FUNCTION:
        return f"it calls {second}, which is not among the functions allowed"
    if action == _READ:
        return f"it reads {first}, which is no table of the task"
    return f"it asks for {names.get(action, 'more than reading')}, and may only read"


def _plain(value: Any) -> Any:  # noqa: ANN401 - what SQL has
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, float) and value - value != 0:
        return str(value)  # infinite
    return value


def controls(tables: list[Table]) -> list[tuple[list[Table], sqlite3.Connection]]:
    """Two databases in which no cell of the tables is left: no rows, and twice as many blank ones.

    A query that gives the same there did not take its result from the tables.
    """
    emptied = [dict(table, rows=[]) for table in tables]
    blank = [
        dict(table, rows=[[None] * len(table["columns"])] * (2 * len(table["rows"]) + 1))
        for table in tables
    ]
    return [(emptied, connect(emptied)), (blank, connect(blank))]


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """Return what every query of a request gives."""
    tables, steps, rows = request["tables"], request["steps"], request["rows"]
    connection = connect(tables)
    others = controls(tables) if request["controls"] else []
    results = []
    for sql in request["queries"]:
        result = ask(connection, tables, sql, steps, rows)
        if others and "rows" in result:
            blank = [ask(other, given, sql, steps, rows) for given, other in others]
            # One that fails there has shown nothing.
            result["grounded"] = all(
                "rows" in one and one["rows"] != result["rows"] for one in blank
            )
        results.append(result)
    return {"sqlite": sqlite3.sqlite_version, "results": results}


if __name__ == "__main__":
    with open(REQUEST, encoding="utf-8") as file:  # noqa: PTH123 - it imports as little as it can
        json.dump(answer(json.load(file)), sys.stdout)
