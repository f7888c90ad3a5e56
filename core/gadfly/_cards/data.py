"""A file of labelled drafts, parted in two: what a critic may see, and what only scorers may.

The firewall: `Subject`s go to critics and hold no label; labels are `References`, a type that every
value of a check refuses. Not even the row's own id gets through, which may name the label
(`...-hallucinated`): critics see a digest.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from gadfly._cards.fields import LabelledFields
from gadfly._errors import InputError
from gadfly._home import storage
from gadfly._values.codec import decode_json, digest
from gadfly._values.task import JSON, Reference


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
    fields: LabelledFields
    subjects: Sequence[Subject]
    known: Mapping[str, Known]
    """By `Subject.id`."""
    references: Mapping[str, Reference]
    """By `Subject.id`; gold is `{"correct": ..., "first_error": ...}`. Only scoring reads it."""


def read_data(path: Path, fields: LabelledFields, limit: int | None = None) -> DataSet:
    """Read labelled drafts: JSON lines, gzipped where the name ends in `.gz`.

    Args:
        path: The file.
        fields: Which of its fields are what.
        limit: At most so many drafts, of problems drawn at random: the same ones every time.

    Raises:
        InputError: A row is not what it should be (the message begins with its place), or there
            is none.
        StorageError: The file cannot be read.
    """
    if limit is not None and limit < 1:
        raise InputError(f"limit must be at least 1, not {limit}")
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    with storage("read", path):
        content = path.read_bytes()
    rows: list[_Row] = []
    settled: LabelledFields | None = None
    for number, record in _records(path, content):
        place = f"{path}:{number}"
        settled = settled or fields.settle(record, place)
        try:
            if settled.drop is None or record.get(settled.drop) is not True:
                rows.append(_row(record, settled, number))
        except InputError as error:
            raise type(error)(f"{place}: {error}") from error
    if settled is None or not rows:
        raise InputError(f"{path} holds no rows: there is nothing to measure with")
    if limit is not None:
        # By problems, so that a part of the file is not its first problems.
        rows = sorted(rows, key=lambda row: digest(row.known.problem))[:limit]
    return DataSet(
        name=path.name,
        sha256=hashlib.sha256(content).hexdigest(),
        fields=settled,
        subjects=[row.subject for row in rows],
        known={row.subject.id: row.known for row in rows},
        references={row.subject.id: row.reference for row in rows},
    )


@dataclass(frozen=True, slots=True)
class _Row:
    subject: Subject
    known: Known
    reference: Reference


def _row(record: Mapping[str, JSON], fields: LabelledFields, number: int) -> _Row:
    prompt = _text(record, fields.prompt)
    text, starts = _draft(record, fields.draft)
    name = str(number) if fields.id is None else str(_get(record, fields.id))
    id_ = digest([number, name])
    if not prompt.strip():
        raise InputError(f"field {fields.prompt!r} is empty: there is nothing that was asked")
    return _Row(
        Subject(
            id=id_,
            prompt=prompt,
            text=text,
            inputs={name: _get(record, source) for name, source in fields.inputs.items()},
        ),
        Known(
            name=name,
            problem=prompt if fields.problem is None else str(_get(record, fields.problem)),
            group="" if fields.group is None else str(_get(record, fields.group)),
            steps=starts,
        ),
        Reference(id_, {"correct": _label(record, fields), "first_error": _step(record, fields)}),
    )


def _label(record: Mapping[str, JSON], fields: LabelledFields) -> bool | None:
    label = _get(record, fields.label)
    if label is None or isinstance(label, bool):
        return label
    kind = type(label).__name__
    raise InputError(f"field {fields.label!r} must be true, false or null, not {kind}")


def _step(record: Mapping[str, JSON], fields: LabelledFields) -> int | None:
    """The first wrong step, counted from 0."""
    if fields.first_error is None:
        return None
    step = _get(record, fields.first_error)
    if step is None:
        return None
    base = 0 if fields.first_error.endswith("index") else 1
    if isinstance(step, bool) or not isinstance(step, int) or step < base:
        raise InputError(f"field {fields.first_error!r} must be a step's number, or null")
    return step - base


def _draft(record: Mapping[str, JSON], name: str | None) -> tuple[str, tuple[int, ...]]:
    """The draft's text, and where its steps begin: a list's items, or lines that are not blank."""
    assert name is not None, "the first row has settled the fields"
    value = _get(record, name)
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


def _records(path: Path, content: bytes) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if path.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise InputError(f"{path} is not a whole gzip file: {error}") from error
    for number, line in enumerate(content.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            record = decode_json(line.decode())
        except UnicodeDecodeError as error:
            raise InputError(f"{path}:{number}: not UTF-8 text") from error
        except InputError as error:
            raise InputError(f"{path}:{number}: {error}") from error
        if not isinstance(record, dict):
            kind = type(record).__name__
            raise InputError(f"{path}:{number}: a row is an object with named fields, not a {kind}")
        yield number, cast("dict[str, Any]", record)


def _text(record: Mapping[str, JSON], name: str | None) -> str:
    assert name is not None, "the first row has settled the fields"
    value = _get(record, name)
    if not isinstance(value, str):
        raise InputError(f"field {name!r} must be a string, not {type(value).__name__}")
    return value


def _get(record: Mapping[str, JSON], name: str) -> JSON:
    if name not in record:
        raise InputError(f"no field {name!r}; fields there: {', '.join(record)}")
    return record[name]
