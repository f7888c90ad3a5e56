"""The batches of a store: written down, found again, listed, cancelled, retried.

A batch is written down piece by piece while its input is read, and counts from the moment when all
of it is there: what a killed process has left half-way is seen by nobody, and swept away later.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from gadfly._errors import InputError, StorageError
from gadfly._jobs._database import BATCHES, ROWS, Database
from gadfly._jobs._queue import PAGE, SETTLED, UNFINISHED, has_ended, stands_for
from gadfly._jobs.rows import Row
from gadfly._values.codec import digest, dump
from gadfly._values.task import JSON

CHUNK = 200
"""Rows written down in one transaction."""
ABANDONED_SECONDS = 24 * 3600.0
"""Age at which a batch that is still not whole is taken for one that was left half-way."""
RECENT_SECONDS = 60.0
"""A batch's rate is that of the last such time in which it was worked on."""
BatchState = Literal["running", "waiting", "done", "cancelled"]
STATES = ("queued", "running", "done", "failed", "cancelled")
"""What a row may be, in the order in which people read it."""


class DuplicateIdError(Exception):
    """Two rows bear one id. The session makes it an `InputError` that names their places."""

    def __init__(self, id: str, first: int, second: int) -> None:  # noqa: A002 - what it is
        super().__init__(id)
        self.id, self.first, self.second = id, first, second


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A batch and how far it is."""

    id: str
    state: BatchState
    """`running` while somebody works on it; `waiting` when rows are left and nobody does."""
    created: float
    """Seconds since 1970."""
    source: str | None
    """The input file; None for rows given in code."""
    out: str | None
    engine: str
    identity: Mapping[str, Any]
    """What its results depend on: critics, options, versions, input."""
    rows: int
    counts: Mapping[str, int]
    """Rows by state."""
    rows_per_second: float
    """In the last minute in which it was worked on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowInfo:
    """One row of a batch."""

    position: int
    id: str
    state: str
    priority: int
    attempts: int
    verdict: str | None
    """None until it has a result."""


class Store:
    """The batches in a database."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def load(
        self,
        rows: Iterable[Row],
        identity: Mapping[str, JSON],
        *,
        source: str | None = None,
        out: str | None = None,
        engine: str = "local",
        replace: Literal["same", "all"] | None = None,
    ) -> str:
        """Write down a batch, all or nothing, and return its id: that of the same work if it is
        there already.

        Args:
            rows: The input; its summary joins the identity, as `input`.
            identity: What the results depend on besides the rows.
            source: The input's file, for people.
            out: The results file, for people.
            engine: What works on it, for people.
            replace: Throw away the same work, or all there is, instead of going on with it.

        Raises:
            DuplicateIdError: Two rows bear one id.
        """  # noqa: D205 - the promise does not fit a line
        id_ = secrets.token_hex(4)
        values = {
            "id": id_,
            "state": "loading",
            "plan": digest(identity),
            "options": json.dumps(identity),
            "input": json.dumps({"source": source}),
            "out": json.dumps(out),
            "engine": engine,
        }
        self._db.write(
            lambda c: c.execute(insert(BATCHES).values(**values, created=self._db.now(c)))
        )
        try:
            summary = summarize(self._written(id_, rows))
            return self._publish(id_, identity, summary, source, replace)
        except BaseException:
            with suppress(StorageError):
                self._db.write(lambda c: c.execute(delete(BATCHES).where(BATCHES.c.id == id_)))
            raise

    def _written(self, batch: str, rows: Iterable[Row]) -> Iterator[Row]:
        numbered = enumerate(rows, 1)
        while chunk := list(islice(numbered, CHUNK)):
            records = dict(chunk)
            self._db.write(partial(_add, batch=batch, rows=records))
            yield from records.values()

    def _publish(
        self,
        id_: str,
        identity: Mapping[str, JSON],
        summary: Mapping[str, JSON],
        source: str | None,
        replace: str | None,
    ) -> str:
        key = key_of(identity, summary)

        def work(connection: Connection) -> str:
            others = BATCHES.c.id != id_
            old = self._db.now(connection) - ABANDONED_SECONDS
            abandoned = and_(BATCHES.c.state == "loading", BATCHES.c.created < old)
            conditions: dict[str | None, ColumnElement[bool]] = {
                None: abandoned,
                "same": or_(abandoned, BATCHES.c.key == key),
                "all": others,
            }
            connection.execute(delete(BATCHES).where(others, conditions[replace]))
            there = connection.scalar(select(BATCHES.c.id).where(BATCHES.c.key == key))
            if there is not None:
                connection.execute(delete(BATCHES).where(BATCHES.c.id == id_))
                return str(there)
            given = json.dumps({"source": source, **summary})
            connection.execute(
                update(BATCHES)
                .where(BATCHES.c.id == id_)
                .values(key=key, state="open", input=given)
            )
            return id_

        return self._db.write(work)

    def find(self, key: str) -> str | None:
        """Return the id of the batch that is this work; None if there is none."""
        return self._db.read(lambda c: c.scalar(select(BATCHES.c.id).where(BATCHES.c.key == key)))

    def get(self, id_: str) -> Batch:
        """Return a batch by its whole id.

        Raises:
            InputError: It is not there (any more).
        """
        query = select(BATCHES).where(BATCHES.c.id == id_)

        def work(connection: Connection) -> Batch:
            values = connection.execute(query).mappings().one_or_none()
            if values is None:
                raise InputError(f"there is no batch {id_!r}: it was thrown away")
            return self._describe(connection, values)

        return self._db.read(work)

    def batches(self) -> list[Batch]:
        """Return all batches, the oldest first."""
        query = select(BATCHES).where(BATCHES.c.state != "loading").order_by(BATCHES.c.created)

        def work(connection: Connection) -> list[Batch]:
            found = connection.execute(query).mappings().all()
            return [self._describe(connection, values) for values in found]

        return self._db.read(work)

    def _describe(self, connection: Connection, values: Mapping[Any, Any]) -> Batch:
        of_it = ROWS.c.batch == values["id"]
        grouped = select(ROWS.c.state, func.count()).where(of_it).group_by(ROWS.c.state)
        counts: Counter[str] = Counter()
        for row_state, count in connection.execute(grouped):
            counts[row_state] = count
        state: BatchState
        if values["state"] == "cancelled":
            state = "cancelled"
        elif self._has_live_owner(connection, of_it):
            state = "running"
        else:
            state = "waiting" if counts["queued"] or counts["running"] else "done"
        given = json.loads(values["input"])
        summary = {name: given[name] for name in ("rows", "digest")}
        return Batch(
            id=values["id"],
            state=state,
            created=values["created"],
            source=given["source"],
            out=json.loads(values["out"]),
            engine=values["engine"],
            identity={**json.loads(values["options"]), "input": summary},
            rows=given["rows"],
            counts={name: counts[name] for name in STATES if counts[name]},
            rows_per_second=_rate(connection, of_it),
        )

    def _has_live_owner(self, connection: Connection, of_it: ColumnElement[bool]) -> bool:
        leased = and_(ROWS.c.state == "running", ROWS.c.lease >= self._db.now(connection))
        owners = connection.scalars(select(ROWS.c.owner).where(of_it, leased).distinct())
        return any(owner and not has_ended(owner) for owner in owners)

    def rows(self, batch: str, states: Sequence[str]) -> Iterator[RowInfo]:
        """Yield the rows of a batch that are in one of these states, in input order."""
        checked = ROWS.alias()
        columns = ROWS.c.position, ROWS.c.id, ROWS.c.state, ROWS.c.priority, checked.c.attempts
        query = (
            select(*columns, checked.c.result)
            .join(checked, stands_for(checked))
            .where(ROWS.c.batch == batch, ROWS.c.state.in_(states))
            .order_by(ROWS.c.position)
            .limit(PAGE)
        )
        after = 0
        while page := self._page(query.where(ROWS.c.position > after)):
            for position, id_, state, priority, attempts, result in page:
                verdict = json.loads(result)["verdict"] if state in SETTLED else None
                yield RowInfo(
                    position=position,
                    id=json.loads(id_),
                    state=state,
                    priority=priority,
                    attempts=attempts,
                    verdict=verdict,
                )
            after = page[-1][0]

    def _page(self, query: Executable) -> Sequence[Any]:
        return self._db.read(lambda c: c.execute(query).all())

    def cancel(self, batch: str) -> int:
        """Let nobody go on with a batch, and return how many rows that leaves without a result.

        Where there are none, it is as it was.
        """

        def work(connection: Connection) -> int:
            left = ROWS.c.state.in_(UNFINISHED)
            values = {"state": "cancelled", "owner": None, "lease": None}
            count = connection.execute(
                update(ROWS).where(ROWS.c.batch == batch, left).values(values)
            ).rowcount
            if count:
                connection.execute(
                    update(BATCHES).where(BATCHES.c.id == batch).values(state="cancelled")
                )
            return count

        return self._db.write(work)

    def retry(self, batch: str, *, states: Sequence[str] = (), id: str | None = None) -> int:  # noqa: A002 - what it is
        """Queue rows of a batch again, open it, and return how many rows that are.

        Args:
            batch: Its id.
            states: Which rows: those in one of these states; not those that are at work.
            id: Or the one of this id, whatever its state, with those whose check is the same.

        Raises:
            InputError: No row bears the id.
        """

        def work(connection: Connection) -> int:
            which: ColumnElement[bool] = ROWS.c.state.in_(states)
            if id is not None:
                one = and_(ROWS.c.batch == batch, ROWS.c.id == json.dumps(id))
                first = connection.scalar(select(ROWS.c.first).where(one))
                if first is None:
                    raise InputError(f"no row of batch {batch} has the id {id!r}")
                which = and_(ROWS.c.first == first, ROWS.c.state != "running")
            values = {"state": "queued", "result": None, "finished": None, "attempts": 0}
            changed = connection.execute(
                update(ROWS).where(ROWS.c.batch == batch, which).values(values)
            ).rowcount
            if changed:
                connection.execute(
                    update(BATCHES).where(BATCHES.c.id == batch).values(state="open")
                )
            return changed

        return self._db.write(work)


def summarize(rows: Iterable[Row]) -> dict[str, JSON]:
    """Return what identifies an input: how many rows, and a digest of all ids and drafts."""
    state, count = hashlib.sha256(), 0
    for row in rows:
        state.update(json.dumps([row.id, row.digest]).encode())
        count += 1
    return {"rows": count, "digest": state.hexdigest()[:32]}


def key_of(identity: Mapping[str, JSON], summary: Mapping[str, JSON]) -> str:
    """Return what is the same for the same work: the same rows, and the same to do with them."""
    return digest([identity, summary])


def find_batch(stores: Iterable[tuple[str, Store]], id_: str) -> tuple[Store, Batch]:
    """Return the batch whose id is, or begins with, what was given.

    Raises:
        InputError: There is none, or several.
    """
    names: list[str] = []
    found: list[tuple[Store, Batch]] = []
    for name, store in stores:
        names.append(name)
        found += [(store, batch) for batch in store.batches() if batch.id.startswith(id_)]
    if len(found) == 1:
        return found[0]
    if found:
        many = ", ".join(batch.id for _, batch in found)
        raise InputError(f"several batches begin with {id_!r}: {many}; give more of it")
    where = ", ".join(names)
    raise InputError(f"no batch {id_!r} in {where}: `gadfly jobs list` shows what there is")


def _add(connection: Connection, batch: str, rows: Mapping[int, Row]) -> None:
    """Insert rows by position: each that is the first of its kind with its draft."""
    _refuse_duplicates(connection, batch, list(rows.values()))
    of_batch = ROWS.c.batch == batch
    digests = {position: row.digest for position, row in rows.items()}
    known = select(ROWS.c.digest, ROWS.c.position, ROWS.c.priority).where(
        of_batch, ROWS.c.position == ROWS.c.first, ROWS.c.digest.in_(set(digests.values()))
    )
    firsts = {digest_: (first, priority) for digest_, first, priority in connection.execute(known)}
    records: dict[int, dict[str, Any]] = {}
    for position, row in rows.items():
        first, highest = firsts.setdefault(digests[position], (position, row.priority))
        if row.priority > highest:
            # The check that stands for several rows is as urgent as the most urgent of them.
            firsts[digests[position]] = first, row.priority
            if first in records:
                records[first]["priority"] = row.priority
            else:
                connection.execute(
                    update(ROWS)
                    .where(of_batch, ROWS.c.position == first)
                    .values(priority=row.priority)
                )
        records[position] = {
            "batch": batch,
            "position": position,
            "number": row.number,
            "id": json.dumps(row.id),
            "digest": digests[position],
            "first": first,
            "priority": row.priority,
            "state": "queued",
            "attempts": 0,
            "draft": _payload(row) if first == position else None,
        }
    connection.execute(insert(ROWS), list(records.values()))


def _refuse_duplicates(connection: Connection, batch: str, rows: Sequence[Row]) -> None:
    ids = [json.dumps(row.id) for row in rows]
    there = select(ROWS.c.id, ROWS.c.number).where(ROWS.c.batch == batch, ROWS.c.id.in_(ids))
    earlier: dict[str, int] = {row[0]: row[1] for row in connection.execute(there)}
    for id_, row in zip(ids, rows, strict=True):
        if id_ in earlier:
            raise DuplicateIdError(row.id, earlier[id_], row.number)
        earlier[id_] = row.number


def _payload(row: Row) -> str:
    task = {"prompt": row.task.prompt, "id": row.id, "inputs": dump(row.task.inputs)}
    return json.dumps({"task": task, "text": row.draft.text})


def _rate(connection: Connection, of_it: ColumnElement[bool]) -> float:
    begun, last = connection.execute(
        select(func.min(ROWS.c.finished), func.max(ROWS.c.finished)).where(of_it)
    ).one()
    if begun is None:
        return 0.0
    since = max(begun, last - RECENT_SECONDS)
    count = connection.execute(
        select(func.count()).where(of_it, ROWS.c.finished > since)
    ).scalar_one()
    return round(count / (last - since), 2) if last > since else 0.0
