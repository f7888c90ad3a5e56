"""Rows to tasks and drafts. Only the fields that are named here get through: gold columns do not.

The fields are settled by the first row. A later row that lacks one is an error, never read by
another field: a row that is judged by the wrong text would be worse than one that is refused.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from gadfly._errors import InputError
from gadfly._home import storage
from gadfly._jobs._parquet import is_parquet, read_records
from gadfly._values.codec import decode_json, digest, dump_dict
from gadfly._values.task import JSON, Draft, Task

PROMPTS = ("prompt", "question")
DRAFTS = ("draft", "response", "program", "text")
ID = "id"
PRIORITY = "priority"
PRIORITY_BITS = 31
"""What a priority must fit in: databases have whole numbers of this size."""

Source = str | os.PathLike[str] | Iterable[Mapping[str, JSON]]
"""A file of JSON lines, gzipped where its name ends in `.gz`, a Parquet file where it ends in
`.parquet`, or the rows themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Which fields of a row are its prompt, draft, id and priority. None: the usual names, then."""

    prompt: str | None = None
    draft: str | None = None
    id: str | None = None
    inputs: tuple[str, ...] = ()
    """Fields that become `Task.inputs`."""
    priority: str | None = None
    """Without a name of its own, `priority` where the first row has a whole number there."""

    def settle(self, row: Mapping[str, object], place: str) -> Fields:
        """Return the fields with all names decided, by what the first row has.

        Raises:
            InputError: It has no prompt or no draft under any of the usual names.
        """
        return replace(
            self,
            prompt=self.prompt or first_name(PROMPTS, row, place, _hint("prompt")),
            draft=self.draft or first_name(DRAFTS, row, place, _hint("draft")),
            id=self.id or (ID if ID in row else None),
            priority=self.priority or (PRIORITY if type(row.get(PRIORITY)) is int else None),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One draft to be checked."""

    number: int
    """1-based line in its file, blank lines counted; 1-based position among rows given in code."""
    id: str
    task: Task
    draft: Draft
    priority: int = 0
    """Rows of a higher one are checked first."""

    @property
    def digest(self) -> str:
        """The same for rows whose check is the same: prompt, inputs and text, whatever the id."""
        return digest([self.task.prompt, self.task.inputs, self.draft.text])


def read_rows(source: Source, fields: Fields, priority: int = 0) -> Iterator[Row]:
    """Yield the rows of a source, one at a time.

    Args:
        source: See `Source`.
        fields: Which of their fields are what.
        priority: That of rows that have none of their own.

    Raises:
        InputError: A row is not what it should be (the message begins with its place), or there
            is none.
        StorageError: The file cannot be read.
    """
    settled: Fields | None = None
    for number, place, row in records_of(source):
        settled = settled or fields.settle(row, place)
        try:
            yield _row(row, settled, number, priority)
        except InputError as error:
            # The class stays: an OracleError is more than a wrong row.
            raise type(error)(f"{place}: {error}") from error
    if settled is None:
        what = str(source) if isinstance(source, str | os.PathLike) else "what was given"
        raise InputError(f"{what} holds no rows: there is nothing to verify")


def records_of(source: Source) -> Iterator[tuple[int, str, Mapping[str, JSON]]]:
    """Yield the rows of a source as they are, each with its number and its place in messages.

    Raises:
        InputError: One is no object, or the source cannot hold rows; the message begins with the
            place.
        StorageError: The file cannot be read.
    """
    for number, place, record in _records(source):
        if not isinstance(record, Mapping):
            kind = type(record).__name__
            raise InputError(f"{place}: a row is an object with named fields, not a {kind}")
        yield number, place, cast("Mapping[str, JSON]", record)


def field_of(record: Mapping[str, JSON], name: str) -> JSON:
    """Return a row's field.

    Raises:
        InputError: It has none of that name; the message names those that it has.
    """
    if name not in record:
        raise InputError(f"no field {name!r}; {_there(record)}")
    return record[name]


def text_of(record: Mapping[str, JSON], name: str | None) -> str:
    """Return a row's field that holds text.

    Raises:
        InputError: It has none of that name, or something else is there.
    """
    assert name is not None, "the first row has settled the fields"
    value = field_of(record, name)
    if not isinstance(value, str):
        raise InputError(f"field {name!r} must be a string, not {type(value).__name__}")
    return value


def first_name(names: Sequence[str], row: Mapping[str, object], place: str, hint: str) -> str:
    """Return the first of some names that a row has a field of.

    Args:
        names: The usual names.
        row: The row.
        place: Where it is.
        hint: How to name another, for the message.

    Raises:
        InputError: It has none.
    """
    for name in names:
        if name in row:
            return name
    wanted = " or ".join(repr(name) for name in names)
    raise InputError(f"{place}: no field {wanted}; {_there(row)}; name yours with {hint}")


def place_of(source: Source, number: int) -> str:
    """Return a row's place as messages name it."""
    return f"{source}:{number}" if isinstance(source, str | os.PathLike) else f"row {number}"


def _row(record: Mapping[str, JSON], fields: Fields, number: int, priority: int) -> Row:
    task = Task(
        prompt=text_of(record, fields.prompt),
        id=str(number) if fields.id is None else _id(record, fields.id),
        inputs={name: field_of(record, name) for name in fields.inputs},
    )
    # What Python objects hold may still not be data.
    dump_dict(task.inputs)
    return Row(
        number=number,
        id=task.id,
        task=task,
        draft=Draft(text_of(record, fields.draft)),
        priority=_priority(record, fields.priority, priority),
    )


def _records(source: Source) -> Iterator[tuple[int, str, object]]:
    if not isinstance(source, str | os.PathLike):
        yield from _numbered(source, source)
        return
    if is_parquet(source):
        yield from _numbered(source, read_records(_existing(source)))
        return
    for number, line in enumerate(_lines(_existing(source)), 1):
        place = place_of(source, number)
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{place}: not UTF-8 text") from error
        if not text.strip():
            continue
        try:
            record = decode_json(text)
        except InputError as error:
            detail = str(error).removeprefix("not JSON: ")
            raise InputError(f"{place}: not JSON: {detail}") from error
        yield number, place, record


def _numbered(source: Source, records: Iterable[object]) -> Iterator[tuple[int, str, object]]:
    for number, record in enumerate(records, 1):
        yield number, place_of(source, number), record


def _existing(source: str | os.PathLike[str]) -> Path:
    path = Path(source)
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    return path


def _lines(path: Path) -> Iterator[bytes]:
    with storage("read", path), _open(path) as file:
        try:
            yield from file
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(f"{path} is not a whole gzip file: {error}") from error


def _open(path: Path) -> Any:  # noqa: ANN401 - the common type of both files is a private one
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _id(record: Mapping[str, JSON], name: str) -> str:
    value = field_of(record, name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InputError(f"field {name!r} must be a non-empty string or a whole number")
    return str(value)


def _priority(record: Mapping[str, JSON], name: str | None, usual: int) -> int:
    value = None if name is None else record.get(name)
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError(f"field {name!r} must be a whole number, or missing")
    return checked_priority(value)


def checked_priority(value: int) -> int:
    """Return a priority.

    Raises:
        InputError: No database can hold it.
    """
    if value.bit_length() > PRIORITY_BITS:
        raise InputError(f"priority {value} is too far from 0")
    return value


def _hint(what: str) -> str:
    return f"--{what}-field (in Python: {what}_field)"


def _there(record: Mapping[str, object]) -> str:
    return f"fields there: {', '.join(map(str, record)) or '(none)'}"
