"""Which batch a job works on: the one that is there, or one that is written down now.

The ledger beside a results file holds one batch, and another job is refused: results of other
critics, options, versions or drafts are never mixed with it. A store that a person has named holds
many, and the same work finds its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gadfly._errors import InputError
from gadfly._jobs._store import Batch, DuplicateIdError, Store, key_of, summarize
from gadfly._jobs.rows import Fields, Row, Source, place_of, read_rows
from gadfly._values.task import JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be done: rows, and all that their results depend on."""

    source: Source
    fields: Fields
    priority: int
    identity: Mapping[str, JSON]
    out: Path | None
    engine: str
    restart: bool
    """Do it anew, whatever is there."""

    def find_in_ledger(self, store: Store) -> Batch:
        """Return the one batch of the ledger beside the results, written down now if need be.

        Raises:
            InputError: The input is wrong, or the ledger belongs to another job.
        """
        there = store.batches()
        if not there or self.restart:
            return store.get(self._load(store, "all"))
        (batch,) = there
        self._refuse_another(batch.identity)
        return _opened(batch)

    def find_in_store(self, store: Store) -> Batch:
        """Return the batch of the same work, written down now if need be.

        Raises:
            InputError: The input is wrong.
        """
        if self.restart:
            return store.get(self._load(store, "same"))
        id_ = None
        if isinstance(self.source, str | os.PathLike):
            # It can be read twice: then what is there need not be written again to be known.
            id_ = store.find(key_of(self.identity, summarize(self._rows())))
        return _opened(store.get(id_ or self._load(store, None)))

    def _rows(self) -> Iterator[Row]:
        return read_rows(self.source, self.fields, self.priority)

    def _load(self, store: Store, replace: Literal["same", "all"] | None) -> str:
        try:
            return store.load(
                self._rows(),
                self.identity,
                source=str(self.source) if isinstance(self.source, str | os.PathLike) else None,
                out=None if self.out is None else str(self.out),
                engine=self.engine,
                replace=replace,
            )
        except DuplicateIdError as error:
            first = place_of(self.source, error.first)
            second = place_of(self.source, error.second)
            raise InputError(f"{second}: id {error.id!r} is also that of {first}") from error

    def _refuse_another(self, before: Mapping[str, Any]) -> None:
        now = {**self.identity, "input": summarize(self._rows())}
        differences = [
            f"{name} was {json.dumps(before.get(name))} and is {json.dumps(now[name])}"
            for name in now
            if before.get(name) != now[name]
        ]
        if differences:
            raise InputError(
                f"{self.out} belongs to another job: {'; '.join(differences)}. "
                "Name another file for the results, or throw these away with --restart "
                "(in Python: restart=True)"
            )


def _opened(batch: Batch) -> Batch:
    if batch.state == "cancelled":
        raise InputError(
            f"batch {batch.id} was cancelled: `gadfly jobs retry {batch.id}` lets it go on, "
            "--restart (in Python: restart=True) does it anew"
        )
    return batch
