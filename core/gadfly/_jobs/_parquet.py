"""Parquet in and out, a batch of rows at a time. pyarrow is imported on first use."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any

from gadfly._errors import InputError
from gadfly._home import storage
from gadfly._jobs._extras import missing_extra
from gadfly._values.task import JSON

SUFFIX = ".parquet"
READ_ROWS = 128
"""Rows in memory while reading."""
WRITE_ROWS = 512
"""Rows in memory while writing, which are one row group of the file."""


def is_parquet(path: str | os.PathLike[str]) -> bool:
    """Return whether a file's name says that it is Parquet."""
    return Path(path).suffix == SUFFIX


def pyarrow(module: str = "pyarrow") -> Any:  # noqa: ANN401 - it ships no types
    """Return pyarrow, or a module of it.

    Raises:
        InputError: It is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise missing_extra("Parquet", "pyarrow", "parquet") from error


def read_records(path: Path) -> Iterator[Mapping[str, object]]:
    """Yield the rows of a file as plain Python values.

    Raises:
        InputError: It is no whole Parquet file.
        StorageError: It cannot be read.
    """
    arrow, parquet = pyarrow(), pyarrow("pyarrow.parquet")
    with storage("read", path), path.open("rb") as file:
        try:
            for batch in parquet.ParquetFile(file).iter_batches(batch_size=READ_ROWS):
                yield from batch.to_pylist()
        except arrow.ArrowException as error:
            detail = " ".join(str(error).split())
            raise InputError(f"{path} is not a whole Parquet file: {detail}") from error


def write_results(file: IO[bytes], results: Iterable[Mapping[str, JSON]]) -> None:
    """Write plain results: the columns are their fields; what critics said is JSON text."""
    arrow, parquet = pyarrow(), pyarrow("pyarrow.parquet")
    rows = iter(results)
    with parquet.ParquetWriter(file, _schema(arrow)) as writer:
        while group := [_record(row) for row in islice(rows, WRITE_ROWS)]:
            writer.write_table(arrow.Table.from_pylist(group, schema=writer.schema))


def _schema(arrow: Any) -> Any:  # noqa: ANN401 - see `pyarrow`
    return arrow.schema(
        [
            ("id", arrow.string()),
            ("verdict", arrow.string()),
            ("critiques", arrow.string()),
            ("usage", arrow.string()),
            ("seconds", arrow.float64()),
            ("critic_seconds", arrow.map_(arrow.string(), arrow.float64())),
            ("shared", arrow.bool_()),
        ]
    )


def _record(result: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **result,
        # Half of a surrogate pair is a string in JSON, and none in Parquet.
        "id": result["id"].encode(errors="backslashreplace").decode(),
        "critiques": json.dumps(result["critiques"]),
        "usage": json.dumps(result["usage"]),
        "critic_seconds": list(result["critic_seconds"].items()),
    }
