"""The results file: it is there whole or not at all.

It is written under another name beside its place and renamed at the very end. That other file is
made at the start and locked for as long as the job runs: a folder that cannot be written is found
before the work, and two jobs never work on one output.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Self

from gadfly._errors import InputError
from gadfly._home import storage
from gadfly._jobs._parquet import is_parquet, pyarrow, write_results
from gadfly._values.task import JSON


class Output:
    """The results file of a running job, Parquet by its name or else JSON lines. A context manager.

    Raises:
        InputError: On entering: another process is working on the same file, or what writes it is
            not installed.
        StorageError: On entering and on writing: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._written = False

    def __enter__(self) -> Self:
        if is_parquet(self._path):
            pyarrow()
        with storage("write", self._part):
            # Append mode: what another job may be writing there must not be cut off.
            self._file = self._part.open("ab")
        try:
            # A POSIX lock: children do not inherit it, and it ends when the process does.
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise InputError(f"another gadfly verify is working on {self._path}") from error
        return self

    def __exit__(self, *_: object) -> None:
        # Closed, and so unlocked, last: whoever gets the lock next must not lose the file to us.
        with contextlib.suppress(OSError):
            if not self._written:
                self._part.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            # A full disk has been reported; closing tries once more to write what did not fit.
            self._file.close()

    def write(self, results: Iterable[Mapping[str, JSON]]) -> None:
        """Write all results, a line or row each, and put the file in its place."""
        with storage("write", self._path):
            self._file.truncate(0)
            if is_parquet(self._path):
                write_results(self._file, results)
            else:
                for result in results:
                    # ASCII: findings quote other people's text, and some readers take every
                    # Unicode line separator for the end of a line.
                    self._file.write(json.dumps(result).encode("ascii") + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())
            self._part.replace(self._path)
        self._written = True
