"""Where runs are kept: SQLite by default, so that a killed run goes on where it was."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Generator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, contextmanager
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from gadfly._errors import StorageError
from gadfly._home import private_folder
from gadfly._plugins import Plugins

Checkpoints = str | Path | BaseCheckpointSaver[str] | None


async def open_checkpoints(
    where: Checkpoints, stack: AsyncExitStack, plugins: Plugins
) -> BaseCheckpointSaver[str]:
    """Open the place where runs are kept.

    Args:
        where: A SQLite file (made when missing), a URL whose scheme is a plugin's store, a
            LangGraph checkpointer of your own, or None to keep runs in memory only.
        stack: Closes it.
        plugins: Where stores are looked up.

    Raises:
        StorageError: The file cannot be opened or made.
        UnknownNameError: No plugin has a store of that scheme.
    """
    if where is None:
        return InMemorySaver()
    if not isinstance(where, str | Path):
        return where
    if isinstance(where, str) and "://" in where:
        store: AbstractAsyncContextManager[BaseCheckpointSaver[str]]
        store = plugins.create("stores", where.partition("://")[0], where)
        return await stack.enter_async_context(store)
    path = Path(where)
    private_folder(path.parent)
    with storing(path):
        connecting = aiosqlite.connect(path)
        # A stream that is abandoned half-way may never come to close this; its thread must not then
        # keep the process alive for ever.
        thread = connecting._thread  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - there is no public way
        thread.daemon = True
        try:
            connection = await stack.enter_async_context(connecting)
        except sqlite3.Error:
            # Its thread ends by itself, but talks to this event loop once more.
            await asyncio.to_thread(thread.join)
            raise
        # WAL lets readers look at a live run; NORMAL syncs at checkpoints of the log. A killed
        # process loses nothing; a power cut may lose the last step, which is then done again.
        for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=NORMAL"):
            await connection.execute(f"PRAGMA {pragma}")
    return AsyncSqliteSaver(connection)


@contextmanager
def storing(where: Checkpoints) -> Generator[None, None, None]:
    """Say in one line that runs cannot be kept.

    Raises:
        StorageError: From whatever SQLite raised.
    """
    try:
        yield
    except sqlite3.Error as error:
        place = where if isinstance(where, str | Path) else "the checkpointer"
        message = f"runs cannot be kept in {place}: {error}; free space, or name another place"
        raise StorageError(message) from error
