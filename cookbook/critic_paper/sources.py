"""Rows of data: a file of the folder that was named, or a few of our own."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

from gadfly import InputError

HERE = Path(__file__).parent / "data"
SEED = 11
Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """Return the objects of a file of JSON lines, plain or gzipped.

    Raises:
        InputError: It cannot be read, or is something else.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
        rows: list[Any] = [json.loads(line) for line in text.split("\n") if line.strip()]
    except (OSError, EOFError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON lines: {error!s:.200}") from error
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{path} holds no rows, or one that is no object")
    return rows


def choose(rows: list[Row], n: int) -> list[Row]:
    """Return n rows drawn at random, the same each time; all where there are not as many."""
    return random.Random(SEED).sample(rows, min(n, len(rows)))
