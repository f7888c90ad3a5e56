"""Where a task's tables come from: a file given to the critic, or the task. Never the draft."""

from __future__ import annotations

import importlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, cast

from gadfly import InputError, Task
from gadfly_table._tables import (
    MAX_CELLS,
    Table,
    find_markdown,
    make_table,
    parse_table,
    quoted,
    table_from,
)

NAME = "t"
"""What queries call a table that has no name of its own."""
MAX_BYTES = 20_000_000
_DATABASES = frozenset({".db", ".sqlite", ".sqlite3"})


def find_tables(task: Task, path: str | None = None) -> tuple[Table, ...]:
    """Return the tables that a task is about; nothing where it has none.

    In this order: the file, `Task.inputs["tables"]` (an object of tables by name),
    `Task.inputs["table"]`, and the Markdown tables of the prompt (`t`, `t2`, ...).

    Raises:
        InputError: What is there is no table.
    """
    if path is not None:
        return read_tables(path)
    several = task.inputs.get("tables")
    if several is not None:
        if not isinstance(several, Mapping):
            raise InputError("Task.inputs['tables'] is an object: tables by name")
        return tuple(table_from(data, name) for name, data in several.items())
    single = task.inputs.get("table")
    if single is not None:
        return (table_from(single, NAME),)
    return tuple(
        parse_table(text, NAME if number == 1 else f"{NAME}{number}")
        for number, text in enumerate(find_markdown(task.prompt), 1)
    )


def question_of(task: Task) -> str:
    """Return the prompt without the tables in it."""
    text = "\n".join(task.prompt.splitlines())
    for table in find_markdown(task.prompt):
        text = text.replace(table, "")
    return text


def read_tables(path: str) -> tuple[Table, ...]:
    """Return the tables in a file: CSV, TSV, Markdown, JSON, Parquet, or a SQLite database.

    A file with one table calls it `t`; the tables of a database keep their names.

    Raises:
        InputError: It is none of these, is too large, or cannot be read.
    """
    file = Path(path)
    try:
        if file.suffix.lower() in _DATABASES:
            return _database(file)
        if file.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} is larger than {MAX_BYTES:,} bytes")
        if file.suffix.lower() == ".parquet":
            return (_parquet(file),)
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix.lower() == ".json":
            return (table_from(json.loads(text), NAME),)
        return (parse_table(text, NAME),)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, sqlite3.Error) as error:
        raise InputError(f"{path} cannot be read as a table: {error}") from error


def _database(file: Path) -> tuple[Table, ...]:
    address = f"{file.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as connection:
        found = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') "
            "AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
        tables: list[Table] = []
        for (name,) in found.fetchall():
            # The name is the database's own, quoted. One row more than may be tells of too many.
            sql = f"SELECT * FROM {quoted(name)} LIMIT {MAX_CELLS + 1}"  # noqa: S608
            rows = connection.execute(sql)
            header = [column for column, *_ in rows.description]
            tables.append(make_table(header, rows, str(name)))
    if not tables:
        raise InputError(f"{file} holds no tables")
    return tuple(tables)


def _parquet(file: Path) -> Table:
    try:
        # By name: it ships no types, and is needed for nothing else.
        parquet: Any = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise InputError(f"{file} needs pyarrow: pip install 'gadfly-table[parquet]'") from error
    data: Any = parquet.read_table(file)
    columns = cast("Sequence[Sequence[object]]", [column.to_pylist() for column in data.columns])
    return make_table(data.column_names, list(zip(*columns, strict=True)), NAME)
