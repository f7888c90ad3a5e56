"""The tables of verification jobs, and everything in which SQLite and PostgreSQL differ.

One schema, one code path: what is above this module builds SQLAlchemy statements and never asks
which database it has. All texts are JSON in ASCII, so that any string a row may hold (a null byte,
half of a surrogate pair) can be kept in either.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import (
    Column,
    Connection,
    Double,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import StaticPool

from gadfly._errors import InputError, StorageError
from gadfly._jobs._extras import missing_extra

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

T = TypeVar("T")

VERSION = 2
"""Version of the tables."""
WAIT_SECONDS = 60
"""How long a writer waits for another one of the same SQLite file."""
AGAIN_AFTER_SECONDS = (0.05, 0.5, 2.0)
"""Waits before a transaction that failed through no fault of its own is tried again."""
PASSING = frozenset(
    {
        "23505",  # two processes wrote down the same work: the second will find that of the first
        "40001",  # serialization failure
        "40P01",  # deadlock
        "57P01",  # the server is being restarted
    }
)
"""SQLSTATEs of failures that go away by themselves."""
_TABLES_LOCK = 0x67616466
"""What PostgreSQL's advisory lock of whoever makes the tables is called."""

_metadata = MetaData()

SCHEMA = Table("gadfly_schema", _metadata, Column("version", Integer, nullable=False))

BATCHES = Table(
    "gadfly_batches",
    _metadata,
    Column("id", Text, primary_key=True),
    # The same for the same work, so that whoever brings it again joins; NULL until it is loaded.
    Column("key", Text, unique=True),
    Column("created", Double, nullable=False),
    Column("state", Text, nullable=False),  # loading, open, cancelled
    Column("plan", Text, nullable=False),  # digest of `options`
    Column("options", Text, nullable=False),  # what results depend on besides the rows
    Column("input", Text, nullable=False),  # source, number of rows, digest of all
    Column("out", Text, nullable=False),
    Column("engine", Text, nullable=False),
)

ROWS = Table(
    "gadfly_rows",
    _metadata,
    Column("batch", Text, ForeignKey(BATCHES.c.id, ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),  # from 1, in input order
    Column("number", Integer, nullable=False),  # what messages call it: its line
    Column("id", Text, nullable=False),
    Column("digest", Text, nullable=False),  # the same for rows whose check is the same
    Column("first", Integer, nullable=False),  # position of the row that is checked for this one
    Column("priority", Integer, nullable=False),
    Column("state", Text, nullable=False),  # queued, running, done, failed, cancelled
    Column("owner", Text),  # who is at work on it,
    Column("lease", Double),  # and until when, if nothing more is heard of them
    Column("attempts", Integer, nullable=False),
    Column("finished", Double),
    Column("draft", Text),  # task and text; only where position = first
    Column("result", Text),  # the same
    UniqueConstraint("batch", "id"),
    Index("gadfly_rows_by_state", "batch", "state", text("priority DESC"), "position"),
    Index("gadfly_rows_by_digest", "batch", "digest", "position"),
    Index("gadfly_rows_by_first", "batch", "first"),
)


class Database:
    """A database with the tables in it. Any thread may use it; close it.

    Args:
        where: A file's path, an SQLAlchemy URL (`sqlite:///FILE`, `postgresql://...`), or None for
            one that is gone when it is closed (on disk, too, where it outgrows memory).
        create: Make the tables, and the file, where they are missing.
        clock: The time, in seconds; by default the database server's own, which is the same for
            all machines.

    Raises:
        InputError: It is no database of this version of Gadfly, a driver is missing, or it is not
            there and is not to be made.
        StorageError: Here and in every method: it is damaged, full, not to be reached, ...
    """

    def __init__(
        self,
        where: str | os.PathLike[str] | None,
        *,
        create: bool = True,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._url = url_of(where)
        self._clock = clock
        self.name = self._url.render_as_string() if where is not None else "the temporary ledger"
        self.file: Path | None = None
        self._is_temporary = where is None
        if self._url.drivername.startswith("sqlite"):
            self._open_sqlite(create=create)
        else:
            self._open_server()
        # The one connection of a temporary database has one transaction at a time.
        self._turn = threading.Lock() if self._is_temporary else nullcontext()
        self._engine = self._make_engine()
        try:
            self.is_new = self._prepare(create=create)
        except BaseException:
            self._engine.dispose()
            raise

    def _open_sqlite(self, *, create: bool) -> None:
        if self._url.database:
            self.file = Path(self._url.database)
            self.name = str(self.file)
            if not create and not self.file.is_file():
                raise InputError(f"there is no store {self.file}")

    def _open_server(self) -> None:
        if self._url.drivername != "postgresql+psycopg":
            raise InputError(
                f"a store is an SQLite file or a PostgreSQL database, not {self._url.drivername}"
            )
        try:
            import psycopg  # noqa: F401 # pyright: ignore[reportUnusedImport] - the driver
        except ModuleNotFoundError as error:
            raise missing_extra("a PostgreSQL store", "psycopg", "postgresql") from error

    def _make_engine(self) -> Engine:
        if not self._url.drivername.startswith("sqlite"):
            return create_engine(self._url, pool_pre_ping=True)
        arguments: dict[str, Any] = {"timeout": WAIT_SECONDS}
        if self._is_temporary:
            # SQLite's own temporary database belongs to its connection, so there is one only.
            engine = create_engine(
                "sqlite://",
                creator=lambda: sqlite3.connect("", check_same_thread=False),
                poolclass=StaticPool,
            )
        else:
            engine = create_engine(self._url, connect_args=arguments)
        event.listen(engine, "connect", _on_sqlite_connect)
        event.listen(engine, "begin", _on_sqlite_begin)
        return engine

    def _prepare(self, *, create: bool) -> bool:
        """Make what is missing, refuse what is not ours, and say whether it was new."""
        if not create:
            if self.read(self._look):
                raise InputError(f"{self.name} holds no verification jobs")
            return False
        is_new = self.write(self._make_tables)
        if is_new and self.file is not None:
            connection = self._guarded(self._engine.raw_connection)
            try:
                self._guarded(lambda: connection.cursor().execute("PRAGMA journal_mode = WAL"))
            finally:
                connection.close()
        return is_new

    def _look(self, connection: Connection) -> bool:
        """Whether there is nothing yet; refuse what is not ours."""
        there = set(inspect(connection).get_table_names())
        if SCHEMA.name in there:
            version = connection.scalar(select(SCHEMA.c.version))
            if version != VERSION:
                raise InputError(
                    f"{self.name} was written by another version of Gadfly: delete it, or name "
                    "another"
                )
            return False
        # A server's database may hold other things too; a file is ours alone.
        if there and (self.file is not None or ROWS.name in there):
            raise InputError(
                f"{self.name} is not a store of this version of Gadfly: delete it, or name another"
            )
        return True

    def _make_tables(self, connection: Connection) -> bool:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_TABLES_LOCK})"))
        is_new = self._look(connection)
        if is_new:
            _metadata.create_all(connection)
            connection.execute(insert(SCHEMA).values(version=VERSION))
        return is_new

    def close(self) -> None:
        """Close the database; a file is then one file."""
        self._guarded(self._engine.dispose)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` does with a connection that only reads."""
        return self._guarded(lambda: self._transact(work, write=False))

    def write(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` does in a transaction, all or nothing.

        It may be called again where another process was in the way.
        """
        return self._guarded(lambda: self._try(work))

    def _try(self, work: Callable[[Connection], T]) -> T:
        for seconds in AGAIN_AFTER_SECONDS:
            try:
                return self._transact(work, write=True)
            except DBAPIError as error:
                if not (
                    error.connection_invalidated or getattr(error.orig, "sqlstate", "") in PASSING
                ):
                    raise
                time.sleep(seconds)
        return self._transact(work, write=True)

    def _transact(self, work: Callable[[Connection], T], *, write: bool) -> T:
        options = {"gadfly_write": write}
        with (
            self._turn,
            self._engine.connect().execution_options(**options) as connection,
            connection.begin(),
        ):
            return work(connection)

    def now(self, connection: Connection) -> float:
        """Return the time by which leases are judged, in seconds since 1970."""
        if self._clock is not None:
            return self._clock()
        if connection.dialect.name == "postgresql":
            return float(connection.execute(text(_SERVER_TIME)).scalar_one())
        return time.time()

    def _guarded(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except (SQLAlchemyError, sqlite3.Error) as error:
            raise _failure(error, self.name) from error


_SERVER_TIME = "SELECT extract(epoch FROM clock_timestamp())::float8"


def url_of(where: str | os.PathLike[str] | None) -> URL:
    """Return the URL of a store as people name it: a URL, or a file's path.

    Raises:
        InputError: It looks like a URL and is none.
    """
    given = "" if where is None else os.fspath(where)
    if "://" not in given:
        return make_url("sqlite://").set(database=given or None)
    try:
        url = make_url(given)
    except ArgumentError as error:
        # Not quoted: there may be a password in it.
        raise InputError("the store is not a URL such as postgresql://USER@HOST/NAME") from error
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    if url.drivername.startswith("sqlite") and not url.database:
        raise InputError(f"the store {given} names no file: sqlite:///FILE does")
    return url


def _on_sqlite_connect(connection: sqlite3.Connection, _record: object) -> None:
    # Transactions are begun by `_on_sqlite_begin`, not by the driver.
    connection.isolation_level = None
    for pragma in ("foreign_keys = ON", "synchronous = NORMAL", "cache_size = -1024"):
        # In WAL mode a commit is then an append without waiting for the disk: it survives the death
        # of the process, and of a power cut loses at most the last moments.
        connection.execute(f"PRAGMA {pragma}")


def _on_sqlite_begin(connection: Connection) -> None:
    # A writer that began as a reader could not wait for another writer.
    writes = connection.get_execution_options().get("gadfly_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _failure(error: Exception, name: str) -> StorageError:
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    detail = " ".join(str(cause).split())
    code = getattr(cause, "sqlite_errorname", "") or getattr(cause, "sqlstate", "") or ""
    if code in {"SQLITE_NOTADB", "SQLITE_CORRUPT"}:
        return StorageError(f"{name} is damaged ({detail}): delete it to start over")
    if code in {"SQLITE_FULL", "53100"} or code.startswith("SQLITE_IOERR"):
        kept = "what was finished before is kept, free some space and go on"
        return StorageError(f"cannot write {name}: {detail}; {kept}")
    return StorageError(f"cannot use {name}: {detail}")
