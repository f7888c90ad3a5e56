"""A file of labelled drafts, parted in two: what a critic may see, and what only scorers may.

The firewall: `Subject`s go to critics and hold no label; labels are `References`, a type that every
value of a check refuses. Not even the row's own id gets through, which may name the label
(`...-hallucinated`): critics see a digest.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from gadfly._cards.fields import LabelledFields, is_same
from gadfly._errors import InputError
from gadfly._home import storage
from gadfly._jobs.rows import field_of, records_of, text_of
from gadfly._values.codec import digest
from gadfly._values.task import JSON, Reference

GROUP = "gid"
"""The usual name of the field that drafts and tasks of one problem share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One draft as a critic may see it."""

    id: str
    """A digest: it says nothing."""
    prompt: str
    text: str
    inputs: Mapping[str, JSON] = field(default_factory=dict[str, JSON])

    def row(self) -> dict[str, JSON]:
        """Return what is handed to `verify`."""
        return {"id": self.id, "prompt": self.prompt, "draft": self.text, **self.inputs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a scorer may know of a draft besides its label."""

    name: str
    """Its id in the file."""
    problem: str
    group: str
    """The value of the grouping field; empty where there is none."""
    steps: tuple[int, ...]
    """Where the draft's steps begin, in characters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """Labelled drafts."""

    name: str
    sha256: str
    """Of the file's bytes, as `sha256sum` prints it."""
    tasks: str | None = None
    """The same of the file of tasks, where there is one."""
    fields: LabelledFields
    subjects: Sequence[Subject]
    known: Mapping[str, Known]
    """By `Subject.id`."""
    references: Mapping[str, Reference]
    """By `Subject.id`; gold is `{"correct": ..., "first_error": ...}`. Only scoring reads it."""


def read_data(
    path: Path, fields: LabelledFields, limit: int | None = None, tasks: Path | None = None
) -> DataSet:
    """Read labelled drafts: JSON lines (gzipped where the name ends in `.gz`), or Parquet.

    Args:
        path: The file.
        fields: Which of its fields are what.
        limit: At most so many drafts, drawn at random from as many problems as there are: the same
            ones every time.
        tasks: A file of the tasks that the drafts are for, one row a problem. What a draft's row
            lacks is taken from the row of the same problem here.

    Raises:
        InputError: A row is not what it should be (the message begins with its place), or there
            is none.
        StorageError: The file cannot be read.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit must be at least 1, not {limit}")
    by_problem = None if tasks is None else _read_tasks(tasks, fields.problem or GROUP)
    rows: list[_Row] = []
    settled: LabelledFields | None = None
    for number, place, record in records_of(path):
        with _at(place):
            if not fields.wanted(record):
                continue
            whole = record if by_problem is None else _joined(record, *by_problem)
        settled = settled or fields.settle(whole, place)
        with _at(place):
            rows.append(_row(whole, settled, number))
    if settled is None:
        raise InputError(f"{path} holds no rows that are asked for: there is nothing to measure")
    rows = rows if limit is None else _drawn(rows)[:limit]
    return DataSet(
        name=path.name,
        sha256=_sha256(path),
        tasks=None if tasks is None else _sha256(tasks),
        fields=settled,
        subjects=[row.subject for row in rows],
        known={row.subject.id: row.known for row in rows},
        references={row.subject.id: row.reference for row in rows},
    )


@contextmanager
def _at(place: str) -> Generator[None]:
    """What is wrong in here is wrong there."""
    try:
        yield
    except InputError as error:
        # The class stays: an OracleError is more than a wrong row.
        raise type(error)(f"{place}: {error}") from error


@dataclass(frozen=True, slots=True)
class _Row:
    subject: Subject
    known: Known
    reference: Reference


def _row(record: Mapping[str, JSON], fields: LabelledFields, number: int) -> _Row:
    prompt = text_of(record, fields.prompt)
    text, starts = _draft(record, fields.draft)
    name = str(number) if fields.id is None else str(field_of(record, fields.id))
    id_ = digest([number, name])
    if not prompt.strip():
        raise InputError(f"field {fields.prompt!r} is empty: there is nothing that was asked")
    return _Row(
        Subject(id=id_, prompt=prompt, text=text, inputs=fields.given(record)),
        Known(
            name=name,
            problem=prompt if fields.problem is None else str(field_of(record, fields.problem)),
            group="" if fields.group is None else str(field_of(record, fields.group)),
            steps=starts,
        ),
        Reference(id_, {"correct": _label(record, fields), "first_error": _step(record, fields)}),
    )


def _label(record: Mapping[str, JSON], fields: LabelledFields) -> bool | None:
    label = field_of(record, fields.label)
    if label is None or (isinstance(label, bool) and fields.right is None):
        return label
    if fields.right is not None:
        return is_same(label, fields.right)
    kind = type(label).__name__
    raise InputError(
        f"field {fields.label!r} must be true, false or null, not {kind}; "
        f"--label-field {fields.label}=VALUE says what it holds where a draft is right"
    )


def _step(record: Mapping[str, JSON], fields: LabelledFields) -> int | None:
    """The first wrong step, counted from 0."""
    if fields.first_error is None:
        return None
    step = field_of(record, fields.first_error)
    if step is None:
        return None
    base = 0 if fields.first_error.endswith("index") else 1
    if isinstance(step, bool) or not isinstance(step, int) or step < base:
        raise InputError(f"field {fields.first_error!r} must be a step's number, or null")
    return step - base


def _draft(record: Mapping[str, JSON], name: str | None) -> tuple[str, tuple[int, ...]]:
    """The draft's text, and where its steps begin: a list's items, or lines that are not blank."""
    assert name is not None, "the first row has settled the fields"
    value = field_of(record, name)
    steps = [value] if isinstance(value, str) else value
    if not isinstance(steps, list) or not all(isinstance(step, str) for step in steps):
        raise InputError(f"field {name!r} must be a string, or a list of strings")
    lines = value.split("\n") if isinstance(value, str) else cast("list[str]", steps)
    starts: list[int] = []
    place = 0
    for line in lines:
        if line.strip() or not isinstance(value, str):
            starts.append(place)
        place += len(line) + 1
    return "\n".join(lines), tuple(starts)


def _drawn(rows: Iterable[_Row]) -> list[_Row]:
    """Rows by chance, but the first draft of every problem before the second of any.

    Drafts of one problem are alike: so many drafts of many problems say more than of a few.
    """
    turns = Counter[str]()
    turn: dict[str, int] = {}
    by_chance = sorted(rows, key=lambda row: digest([row.known.problem, row.subject.id]))
    for row in by_chance:
        turn[row.subject.id] = turns[row.known.problem]
        turns[row.known.problem] += 1
    return sorted(by_chance, key=lambda row: turn[row.subject.id])


def _read_tasks(path: Path, key: str) -> tuple[str, Mapping[str, Mapping[str, JSON]]]:
    """The field by which tasks are found, and the tasks by it."""
    tasks: dict[str, Mapping[str, JSON]] = {}
    for _, place, record in records_of(path):
        with _at(place):
            name = str(field_of(record, key))
            if name in tasks:
                raise InputError(f"a second task with {key} {name!r}: which one is meant?")
        tasks[name] = record
    return key, tasks


def _joined(
    record: Mapping[str, JSON], key: str, tasks: Mapping[str, Mapping[str, JSON]]
) -> Mapping[str, JSON]:
    name = str(field_of(record, key))
    if name not in tasks:
        raise InputError(f"there is no task with {key} {name!r}")
    return {**tasks[name], **record}


def _sha256(path: Path) -> str:
    with storage("read", path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
