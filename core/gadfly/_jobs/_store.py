"""The ledger of a verification job, in SQLite: what is to be checked, and what came of it.

Two tables. `checks` holds every distinct prompt and draft once, with its state and result; `rows`
says which check stands for which row of the input. Identical drafts are so checked once by
construction, and a check that is not finished is simply still waiting: there is no state for work
in flight that a killed process could leave behind.

A finished check is committed by itself. In WAL mode that is an append without waiting for the disk:
it survives the death of the process, and of a power cut loses at most the last moments.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gadfly._errors import InputError, StorageError
from gadfly._jobs.rows import Row
from gadfly._values.budget import Usage
from gadfly._values.codec import dump
from gadfly._values.task import JSON, Draft, Task

VERSION = 1
"""Version of the tables, kept as SQLite's `user_version`."""
PAGE = 64
"""Rows read at a time. No cursor stays open across a write: it would let the WAL grow."""

_TABLES = """
CREATE TABLE run (identity TEXT NOT NULL);
CREATE TABLE checks (
    position INTEGER PRIMARY KEY,        -- of the first row that it stands for
    digest TEXT NOT NULL UNIQUE,
    draft TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'broke')),
    result TEXT
);
CREATE TABLE rows (
    position INTEGER PRIMARY KEY,        -- from 1, in input order
    number INTEGER NOT NULL,             -- what messages call it: its line
    id TEXT NOT NULL UNIQUE,             -- as JSON: any string can be stored so
    checked INTEGER NOT NULL REFERENCES checks (position)
);
CREATE INDEX rows_by_check ON rows (checked);
"""


class DuplicateIdError(Exception):
    """Two rows bear one id. The session makes it an `InputError` that names their places."""

    def __init__(self, id: str, first: int, second: int) -> None:  # noqa: A002 - what it is
        super().__init__(id)
        self.id, self.first, self.second = id, first, second


@dataclass(frozen=True, slots=True)
class Check:
    """One distinct draft that waits to be checked."""

    position: int
    task: Task
    draft: Draft


class Ledger:
    """Keeps one job. Use it from one thread, and close it.

    Args:
        path: The database; None for one that is gone when it is closed (on disk, too, where it
            outgrows memory).

    Raises:
        InputError: Another version of Gadfly wrote it.
        StorageError: On opening and in every method: it is damaged, the disk is full, ...
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        with self._storage():
            self._db = sqlite3.connect(path or "", isolation_level=None)
        try:
            version = self._open()
            if version not in {0, VERSION}:
                raise InputError(f"{path} was written by another version of Gadfly: delete it")
        except BaseException:
            self._db.close()
            raise
        self.is_new = version == 0

    def _open(self) -> int:
        with self._storage():
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
        return int(version)

    def close(self) -> None:
        """Close the database; it is then one file."""
        with self._storage():
            self._db.close()

    def identity(self) -> dict[str, Any]:
        """Return what the job was begun with: see `begin`."""
        with self._storage():
            (text,) = self._db.execute("SELECT identity FROM run").fetchone()
        identity: dict[str, Any] = json.loads(text)
        return identity

    def begin(self, identity: Mapping[str, JSON], rows: Iterable[Row]) -> None:
        """Write down a job, all or nothing, in place of the one that was there.

        Args:
            identity: What the results depend on besides the rows.
            rows: The input; its summary joins the identity, as `input`.

        Raises:
            DuplicateIdError: Two rows bear one id.
        """
        with self._transaction():
            for table in ("rows", "checks", "run"):
                self._db.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in _TABLES.split(";"):
                self._db.execute(statement)
            summary = summarize(self._add(position, row) for position, row in enumerate(rows, 1))
            text = json.dumps({**identity, "input": summary})
            self._db.execute("INSERT INTO run VALUES (?)", (text,))
            self._db.execute(f"PRAGMA user_version = {VERSION}")

    def _add(self, position: int, row: Row) -> Row:
        payload = {"prompt": row.task.prompt, "id": row.id, "inputs": dump(row.task.inputs)}
        draft = json.dumps({"task": payload, "text": row.draft.text})
        self._db.execute(
            "INSERT INTO checks (position, digest, draft) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (position, row.digest, draft),
        )
        id_ = json.dumps(row.id)
        added = self._db.execute(
            "INSERT INTO rows SELECT ?, ?, ?, position FROM checks WHERE digest = ?"
            " ON CONFLICT (id) DO NOTHING",
            (position, row.number, id_, row.digest),
        )
        if added.rowcount == 0:
            (first,) = self._db.execute("SELECT number FROM rows WHERE id = ?", (id_,)).fetchone()
            raise DuplicateIdError(row.id, first, row.number)
        return row

    def total(self) -> int:
        """Return how many rows the input has."""
        return self._count("SELECT count(*) FROM rows")

    def done(self, limit: int) -> int:
        """Return how many of the first rows are done; those in which a critic broke are not."""
        return self._count(
            "SELECT count(*) FROM rows JOIN checks ON checks.position = checked"
            " WHERE rows.position <= ? AND state = 'done'",
            limit,
        )

    def retry_broken(self) -> None:
        """Let the checks in which a critic broke wait again."""
        with self._storage():
            self._db.execute("UPDATE checks SET state = 'waiting' WHERE state = 'broke'")

    def waiting(self, limit: int) -> Iterator[Check]:
        """Yield what is to be checked for the first rows, in input order, each once."""
        query = (
            "SELECT position, draft FROM checks"
            " WHERE position > ? AND position <= ? AND state = 'waiting' ORDER BY position LIMIT ?"
        )
        for position, text in self._pages(query, limit):
            payload = json.loads(text)
            yield Check(position, Task(**payload["task"]), Draft(payload["text"]))

    def finish(self, position: int, result: Mapping[str, JSON], *, broke: bool) -> None:
        """Write down what came of a check. When this returns, `kill -9` does not undo it."""
        with self._storage():
            self._db.execute(
                "UPDATE checks SET state = ?, result = ? WHERE position = ?",
                ("broke" if broke else "done", json.dumps(result), position),
            )

    def rows_of(self, position: int, limit: int) -> int:
        """Return for how many of the first rows a check stands."""
        query = "SELECT count(*) FROM rows WHERE checked = ? AND position <= ?"
        return self._count(query, position, limit)

    def results(self, limit: int, after: int = 0) -> Iterator[dict[str, Any]]:
        """Yield the plain results of the rows after a position, up to the first unfinished one."""
        query = (
            "SELECT rows.position, id, checked, CASE state WHEN 'waiting' THEN NULL ELSE result END"
            " FROM rows JOIN checks ON checks.position = checked"
            " WHERE rows.position > ? AND rows.position <= ? ORDER BY rows.position LIMIT ?"
        )
        for position, id_, checked, result in self._pages(query, limit, after):
            if result is None:
                return
            plain = {**json.loads(result), "id": json.loads(id_)}
            if checked != position:
                # Nothing was spent on a copy, so that what was spent can be added up.
                spent: dict[str, JSON] = {
                    "usage": dump(Usage()),
                    "seconds": 0.0,
                    "critic_seconds": {},
                }
                plain |= {"shared": True, **spent}
            yield plain

    def _pages(self, query: str, limit: int, after: int = 0) -> Iterator[tuple[Any, ...]]:
        while True:
            with self._storage():
                page = self._db.execute(query, (after, limit, PAGE)).fetchall()
            if not page:
                return
            yield from page
            after = page[-1][0]

    def _count(self, query: str, *values: int) -> int:
        with self._storage():
            (count,) = self._db.execute(query, values).fetchone()
        return int(count)

    @contextmanager
    def _transaction(self) -> Generator[None]:
        with self._storage():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                # A full disk has already rolled it back.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    @contextmanager
    def _storage(self) -> Generator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise _failure(error, self._path) from error


def summarize(rows: Iterable[Row]) -> dict[str, JSON]:
    """Return what identifies an input: how many rows, and a digest of all ids and drafts."""
    state, count = hashlib.sha256(), 0
    for row in rows:
        state.update(json.dumps([row.id, row.digest]).encode())
        count += 1
    return {"rows": count, "digest": state.hexdigest()[:32]}


def _failure(error: sqlite3.Error, path: Path | None) -> StorageError:
    where = path or "the temporary ledger"
    name = getattr(error, "sqlite_errorname", "")
    if name in {"SQLITE_NOTADB", "SQLITE_CORRUPT"}:
        return StorageError(f"{where} is damaged ({error}): delete it to start over")
    if name == "SQLITE_FULL" or name.startswith("SQLITE_IOERR"):
        kept = "what was finished before is kept, free some space and go on"
        return StorageError(f"cannot write {where}: {error}; {kept}")
    return StorageError(f"cannot use {where}: {error}")
