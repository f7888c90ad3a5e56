"""One batch of a store as one process works on it: claim, finish, give back.

A row is `queued`, then `running` under the name of its owner and a lease, then `done`, or `failed`
where a critic broke. A row whose owner is no more (its process has ended, or its lease has run out)
is queued again; a late result of the former owner changes nothing, so that no row ends twice.

Rows whose check is the same stand and fall together: only the first of them is claimed, and what
becomes of it becomes of all.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Text,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    update,
)

from gadfly._jobs._database import BATCHES, ROWS, Database
from gadfly._values.budget import Usage
from gadfly._values.codec import dump
from gadfly._values.task import JSON, Draft, Task

LEASE_SECONDS = 30.0
"""How long a row stays its owner's after the last sign of life."""
PAGE = 64
"""Rows read at a time. No cursor stays open across a write: it would let SQLite's WAL grow."""
UNFINISHED = ("queued", "running")
SETTLED = ("done", "failed")


@dataclass(frozen=True, slots=True)
class Check:
    """One distinct draft that is to be checked."""

    position: int
    task: Task
    draft: Draft
    attempts: int
    """How often it was claimed, this time included."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a check."""

    position: int
    result: str
    """A plain `VerifyResult`, as JSON."""
    broke: bool


class Queue:
    """The rows of a batch. Any thread may use it.

    Args:
        database: Where they are.
        batch: The batch's id.
        limit: Only rows up to this position are claimed.
        owner: Under what name rows are claimed; by default one that tells where this process is.
    """

    def __init__(self, database: Database, batch: str, limit: int, owner: str = "") -> None:
        self._db = database
        self.batch = batch
        self.limit = limit
        self.owner = owner or f"{_place()}:{os.getpid()}:{secrets.token_hex(4)}"
        # Built once: this is what every single check costs.
        self._finishing = (
            update(ROWS)
            # By its position: only what is running has an owner.
            .where(ROWS.c.batch == batch, ROWS.c.first == bindparam("of"))
            .where(ROWS.c.owner == self.owner)
            .values(
                state=bindparam("to"),
                owner=None,
                lease=None,
                finished=bindparam("at"),
                result=case(
                    (ROWS.c.position == ROWS.c.first, bindparam("said", type_=Text)), else_=None
                ),
            )
            .returning(ROWS.c.position)
        )

    def claim(self, count: int) -> list[Check]:
        """Claim rows that are queued, the highest priority first, then in input order."""

        def work(connection: Connection) -> list[Check]:
            query = (
                select(ROWS.c.position, ROWS.c.attempts, ROWS.c.draft)
                .where(self._in("queued"), ROWS.c.position == ROWS.c.first)
                .where(ROWS.c.position <= self.limit)
                .order_by(ROWS.c.priority.desc(), ROWS.c.position)
                .limit(count)
                # Not for SQLite, which knows one writer at a time and leaves it out.
                .with_for_update(skip_locked=True)
            )
            found = connection.execute(query).all()
            if found:
                firsts = [position for position, _, _ in found]
                connection.execute(
                    update(ROWS)
                    .where(ROWS.c.batch == self.batch, ROWS.c.first.in_(firsts))
                    .where(ROWS.c.state == "queued")
                    .values(
                        state="running",
                        owner=self.owner,
                        lease=self._db.now(connection) + LEASE_SECONDS,
                        attempts=ROWS.c.attempts + 1,
                    )
                )
            return [_check(*row) for row in found]

        return self._db.write(work)

    def finish(self, finished: Sequence[Finished]) -> list[int]:
        """Write down what came of checks, and return the positions of the rows that this settled.

        When this returns, `kill -9` does not undo it. What is no longer this owner's is left alone.
        """

        def work(connection: Connection) -> list[int]:
            now = self._db.now(connection)
            settled: list[int] = []
            for check in finished:
                state = "failed" if check.broke else "done"
                values = {"of": check.position, "to": state, "at": now, "said": check.result}
                settled += connection.scalars(self._finishing, values)
            return settled

        return self._db.write(work)

    def give_back(self, positions: Sequence[int] | None = None) -> None:
        """Queue again what this owner has claimed and not finished: some of it, or all."""
        some = [] if positions is None else [ROWS.c.first.in_(positions)]
        self._requeue(self._mine(), *some)

    def take_over(self) -> None:
        """Queue again whatever anybody has claimed: for whoever knows that nobody else is left."""
        self._requeue(self._in("running"))

    def reclaim(self) -> None:
        """Queue again what was claimed by those that are no more."""

        def gone(connection: Connection) -> ColumnElement[bool]:
            owners = connection.scalars(select(ROWS.c.owner).where(self._in("running")).distinct())
            ended = [owner for owner in owners if owner and has_ended(owner)]
            return or_(ROWS.c.lease < self._db.now(connection), ROWS.c.owner.in_(ended))

        condition = self._db.read(lambda c: gone(c) if self._any_running(c) else None)
        if condition is not None:
            self._requeue(self._in("running"), condition)

    def retry_failed(self) -> None:
        """Queue again the rows in which a critic broke."""
        self._requeue(self._in("failed"))

    def renew(self) -> None:
        """Give a sign of life."""
        self._db.write(
            lambda c: c.execute(
                update(ROWS).where(self._mine()).values(lease=self._db.now(c) + LEASE_SECONDS)
            )
        )

    def is_open(self) -> bool:
        """Whether the batch is still wanted: nobody has cancelled it or thrown it away."""
        query = select(BATCHES.c.state).where(BATCHES.c.id == self.batch)
        return self._db.read(lambda c: c.scalar(query)) == "open"

    def done(self) -> int:
        """Return how many rows are done; those in which a critic broke are not."""
        return self._count("done")

    def settled(self) -> int:
        """Return how many rows have a result."""
        return self._count(*SETTLED)

    def unfinished(self) -> int:
        """Return how many rows are queued or at work, with anybody."""
        return self._count(*UNFINISHED)

    def results(self, after: int = 0) -> Iterator[dict[str, Any]]:
        """Yield the plain results of the rows after a position, up to the first unfinished one."""
        for _, result in self._results(after):
            if result is None:
                return
            yield result

    def finished_results(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the positions and plain results of all rows that have one, in input order."""
        for position, result in self._results(0):
            if result is not None:
                yield position, result

    def results_at(self, positions: Sequence[int]) -> Iterator[tuple[int, dict[str, Any]]]:
        """Yield the positions and plain results of these rows, as far as they have one."""
        for start in range(0, len(positions), PAGE):
            for position, result in self._page(
                ROWS.c.position.in_(positions[start : start + PAGE])
            ):
                if result is not None:
                    yield position, result

    def _results(self, after: int) -> Iterator[tuple[int, dict[str, Any] | None]]:
        while page := self._page(ROWS.c.position > after):
            yield from page
            after = page[-1][0]

    def _page(self, condition: ColumnElement[bool]) -> list[tuple[int, dict[str, Any] | None]]:
        checked = ROWS.alias()
        query = (
            select(ROWS.c.position, ROWS.c.id, ROWS.c.first, ROWS.c.state, checked.c.result)
            .join(checked, stands_for(checked))
            .where(ROWS.c.batch == self.batch, ROWS.c.position <= self.limit, condition)
            .order_by(ROWS.c.position)
            .limit(PAGE)
        )
        page = self._db.read(lambda c: c.execute(query).all())
        return [
            (position, _plain(position, id_, first, result) if state in SETTLED else None)
            for position, id_, first, state, result in page
        ]

    def _requeue(self, *conditions: ColumnElement[bool]) -> None:
        values = {"state": "queued", "owner": None, "lease": None, "result": None}
        self._db.write(lambda c: c.execute(update(ROWS).where(*conditions).values(values)))

    def _any_running(self, connection: Connection) -> bool:
        query = select(ROWS.c.position).where(self._in("running")).limit(1)
        return connection.scalar(query) is not None

    def _count(self, *states: str) -> int:
        query = select(func.count()).where(self._in(*states), ROWS.c.position <= self.limit)
        return int(self._db.read(lambda c: c.execute(query).scalar_one()))

    def _in(self, *states: str) -> ColumnElement[bool]:
        state = ROWS.c.state == states[0] if len(states) == 1 else ROWS.c.state.in_(states)
        return and_(ROWS.c.batch == self.batch, state)

    def _mine(self) -> ColumnElement[bool]:
        return and_(self._in("running"), ROWS.c.owner == self.owner)


def stands_for(checked: FromClause) -> ColumnElement[bool]:
    """Return the condition under which a row of `checked` is the one that stands for a row."""
    return and_(checked.c.batch == ROWS.c.batch, checked.c.position == ROWS.c.first)


def _check(position: int, attempts: int, draft: str) -> Check:
    payload = json.loads(draft)
    return Check(position, Task(**payload["task"]), Draft(payload["text"]), attempts + 1)


def _plain(position: int, id_: str, first: int, result: str) -> dict[str, Any]:
    plain: dict[str, Any] = {**json.loads(result), "id": json.loads(id_)}
    if first != position:
        # Nothing was spent on a copy, so that what was spent can be added up.
        spent: dict[str, JSON] = {"usage": dump(Usage()), "seconds": 0.0, "critic_seconds": {}}
        plain |= {"shared": True, **spent}
    return plain


@cache
def _place() -> str:
    """A name for where process ids mean what they mean here: this boot, this PID namespace."""
    facts = [os.uname().nodename]
    try:
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        facts.append(str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        pass  # Elsewhere than on Linux the host's name must do.
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:12]


def has_ended(owner: str) -> bool:
    """Return whether an owner is known to be no more: a process of here that does not exist."""
    place, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if place != _place() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
