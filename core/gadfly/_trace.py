"""Traces: what happened in a run, one JSON line per event, appended and flushed as it happens.

A trace survives `kill -9`: at most its last line is torn, which a reader leaves out and the next
writer cuts off. Every line carries the version of its shape, and a reader refuses a newer one
rather than misread it. Evidence is found again by its id, in traces and in any other JSON.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from gadfly._errors import InputError, UnknownNameError
from gadfly._home import private_folder, runs_folder, storage
from gadfly._values.codec import decode_json, dump, load
from gadfly._values.critique import Evidence
from gadfly._values.outcome import TRACE_VERSION, Event
from gadfly._values.task import JSON

logger = logging.getLogger(__name__)

RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""What a run may be called: its trace is a file of that name."""
MIN_PREFIX = 6
"""Fewest characters by which evidence may be named."""
NAMED = 20
"""Runs that an error may list: the newest ones."""


class TraceWriter:
    """Appends the events of one run to its trace. A context manager.

    Args:
        folder: The folder of traces (`runs_folder()`); it is made when the writer is entered.
        run: The run's id; a trace that exists goes on.

    Raises:
        InputError: The id cannot be a file's name.
        StorageError: On entering and on writing: the disk is full, or the file cannot be written.
    """

    def __init__(self, folder: Path, run: str) -> None:
        if not RUN.fullmatch(run):
            raise InputError(
                f"run id {run!r} must be up to 128 letters, digits, '.', '-' and '_', "
                "and begin with a letter or digit"
            )
        self.path = folder / f"{run}.jsonl"
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        private_folder(self.path.parent)
        with storage("write", self.path):
            # Unbuffered: every write is in the kernel's hands when it returns.
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = os.fdopen(descriptor, "ab", buffering=0)
            _cut_torn_line(self.path)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def write(self, event: Event) -> None:
        """Append one event. When this returns, the event survives the death of the process."""
        if self._file is None:
            raise ValueError("a TraceWriter is used in a `with` block")
        line = json.dumps(dump(event), separators=(",", ":")).encode() + b"\n"
        with storage("write", self.path):
            while line:
                # A full disk first takes a part, then refuses the rest.
                line = line[self._file.write(line) :]


def read_trace(source: str | Path) -> list[Event]:
    """Return the events of a trace, in order. A torn last line is left out, with a logged note.

    Args:
        source: A run's id, or the path of a trace.

    Raises:
        UnknownNameError: There is no such run and no such file.
        InputError: It is not a trace, or a newer Gadfly wrote it; the message names the line.
        StorageError: It cannot be read.
    """
    path = trace_path(source)
    events: list[Event] = []
    for number, record in _records(path):
        try:
            version = record.get("version") if isinstance(record, Mapping) else None
            if isinstance(version, int) and version > TRACE_VERSION:
                raise InputError(
                    f"it was written in trace version {version}, this Gadfly reads up to "
                    f"{TRACE_VERSION}: upgrade gadfly"
                )
            events.append(load(Event, record))
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from error
    if not events:
        raise InputError(f"{path} holds no events: it is not a trace, or its run never began")
    return events


def trace_path(source: str | Path) -> Path:
    """Return the file of a trace, given a run's id or a path.

    Raises:
        UnknownNameError: There is neither.
    """
    run = runs_folder() / f"{source}.jsonl"
    if RUN.fullmatch(str(source)) and _is_file(run):
        return run
    if _is_file(source):
        return Path(source)
    runs = [path.stem for path in trace_files()[:NAMED]]
    raise UnknownNameError("run or trace file", str(source), runs, "See `gadfly trace list`")


def trace_files() -> list[Path]:
    """Return the traces that are kept, newest first."""
    folder = runs_folder()
    with storage("read", folder):
        files = [(path.stat().st_mtime, path) for path in folder.glob("*.jsonl")]
    return [path for _, path in sorted(files, reverse=True)]


def find_evidence(reference: str) -> Evidence:
    """Return one piece of recorded evidence; of several records of it, the newest.

    Args:
        reference: An evidence id, looked up in the kept traces; the path of a JSON or JSONL file
            that holds one piece of evidence; or `PATH#ID`. A unique beginning of an id, of at least
            six characters, is enough.

    Raises:
        InputError: There is none of that name, or several, or the file cannot be understood.
        StorageError: The file cannot be read.
    """
    place, separator, wanted = reference.rpartition("#")
    if not separator or _is_file(reference):
        place, wanted = reference, ""
    if _is_file(place):
        return _pick(_evidence_in(Path(place)), wanted, where=place)
    if separator or "/" in place or place.endswith((".json", ".jsonl")):
        raise InputError(f"there is no file {place!r}")
    # Oldest first, so that the newest record of the same check is the one that stays.
    paths = [path for path in reversed(trace_files()) if reference.encode() in _read(path)]
    found = [evidence for path in paths for evidence in _evidence_in(path)]
    return _pick(found, reference, where=str(runs_folder()))


def _pick(found: Iterable[Evidence], wanted: str, *, where: str) -> Evidence:
    by_id = {evidence.id: evidence for evidence in found}
    if wanted in by_id:
        return by_id[wanted]
    if wanted and len(wanted) < MIN_PREFIX:
        raise InputError(
            f"evidence id {wanted!r} is too short: give at least {MIN_PREFIX} characters"
        )
    matches = [id_ for id_ in by_id if id_.startswith(wanted)]
    if len(matches) == 1:
        return by_id[matches[0]]
    if not matches:
        raise InputError(f"{where} holds no evidence{f' {wanted!r}' if wanted else ''}")
    listed = ", ".join(matches[:10]) + (", ..." if len(matches) > 10 else "")
    hint = "name one, as PATH#ID" if not wanted else "give more characters"
    raise InputError(f"{where} holds {len(matches)} pieces of evidence; {hint}: {listed}")


def _evidence_in(path: Path) -> list[Evidence]:
    found: list[Evidence] = []
    for number, record in _records(path):
        try:
            found += _evidence_of(record)
        except InputError as error:
            raise InputError(f"{path}, line {number}: {error}") from error
    return found


def _evidence_of(record: JSON) -> Iterator[Evidence]:
    """Whatever has evidence's shape, however deep: the caller's format does not matter."""
    left = [record]
    while left:
        value = left.pop()
        if isinstance(value, Mapping):
            if value.keys() >= {"id", "tool", "request", "observation"}:
                yield load(Evidence, value)
            else:
                left += reversed(list(value.values()))
        elif isinstance(value, list):
            left += reversed(value)


def _records(path: Path) -> Iterator[tuple[int, JSON]]:
    """The JSON values of a file and the line of each: one value, or one per line."""
    data = _read(path)
    lines = [data] if path.suffix == ".json" else data.split(b"\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = _decode(line)
        except InputError as error:
            if number == len(lines) > 1:
                logger.warning("%s, line %d is torn: left out", path, number)
                return
            raise InputError(f"{path}, line {number}: {error}") from error
        yield number, record


def _is_file(path: str | Path) -> bool:
    # Unlike Path.is_file, this holds for any text: one too long for a name is just no file.
    return os.path.isfile(path)  # noqa: PTH113 - see above


def _read(path: Path) -> bytes:
    with storage("read", path):
        return path.read_bytes()


def _decode(line: bytes) -> JSON:
    try:
        record: JSON = decode_json(line.decode())
    except UnicodeDecodeError as error:
        raise InputError("not UTF-8 text") from error
    return record


def _cut_torn_line(path: Path) -> None:
    """End a file at its last whole line: what follows it was being written when a process died."""
    data = path.read_bytes()
    tail = data[data.rfind(b"\n") + 1 :]
    if tail:
        os.truncate(path, len(data) - len(tail))
