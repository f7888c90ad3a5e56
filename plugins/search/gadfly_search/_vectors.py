"""The vectors of a store: what `build_index(..., embedder=...)` keeps beside tantivy's files.

    vectors/vectors.json    whose vectors they are, and of which state of the index
    vectors/vectors.npy     one record a text, `key` and `vector` (float32), sorted by key
    vectors/vectors.part    the same records without a header, while they are being made

A text's key is a digest of the text, so a passage that moved keeps its vector. Each batch is
written as soon as it is made; what a killed process left is used by the next one. The state of the
index is cleared before anything changes and written last: vectors that may lack something are not
searched.

A search compares the query with every vector. That is exact, and a matrix product: numpy does it
on the file as it is mapped, block by block, so that no more than a block's scores are held.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from gadfly import GadflyError, InputError, StorageError, ToolError
from gadfly_search._store import VECTORS

try:
    import numpy as np
except ImportError as missing:
    raise ToolError(
        f"embeddings need numpy ({missing}): pip install 'gadfly-search[embeddings]'"
    ) from missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gadfly_search._embedder import Embedder

VERSION = 1
KEY_BYTES = 16
BLOCK = 8_192
"""Vectors that are compared with a query at a time."""
BATCH = 256
"""Texts that are embedded, and saved, at a time."""
LENGTH_MAY_BE_OFF_BY = 1e-3

Reader = Callable[[bytes], str]

_MANIFEST, _ROWS, _PART = "vectors.json", "vectors.npy", "vectors.part"
_NO_STATE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """The vectors of a store, to be searched."""

    rows: NDArray[Any]
    """Records of `key` and `vector`, mapped from the file."""

    def nearest(self, query: NDArray[np.float32], limit: int) -> list[bytes]:
        """Return the keys of the texts with the highest cosine, best first."""
        best = np.empty(0, np.float32)
        where = np.empty(0, np.int64)
        for first in range(0, len(self.rows), BLOCK):
            scores = self.rows["vector"][first : first + BLOCK] @ query
            best = np.concatenate([best, scores])
            where = np.concatenate([where, np.arange(first, first + len(scores))])
            # Stable, so that the order of equals is that of their keys.
            kept = np.argsort(-best, kind="stable")[:limit]
            best, where = best[kept], where[kept]
        return [self.rows["key"][row].tobytes() for row in where]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    name: str
    """Of the embedder."""
    digest: str
    dimensions: int = 0
    """Zero: not known yet."""
    state: str = _NO_STATE
    """Of the index that they are all of."""
    crc32: int = 0
    """Of the records."""


def stamp(store: Path) -> tuple[int, int]:
    """Return what differs after every change of a store's vectors.

    Raises:
        InputError: There are none.
    """
    try:
        stat = (store / VECTORS / _MANIFEST).stat()
    except OSError as error:
        raise InputError(
            f"{store} holds no vectors; build_index(DOCUMENTS, STORE, embedder=...) makes them"
        ) from error
    return stat.st_mtime_ns, stat.st_ino


def open_vectors(store: Path, embedder: Embedder, state: str) -> Vectors:
    """Return the vectors of a store.

    Args:
        store: The folder of the index.
        embedder: Whose vectors they have to be.
        state: Of the index, as it was given to `update`.

    Raises:
        InputError: There are none, they are another embedder's, or they are not of this state.
        StorageError: They are damaged.
    """
    stamp(store)
    manifest = _expect(store, embedder)
    if manifest is None or manifest.state != state:
        raise InputError(
            f"the vectors of {store} are not those of its passages now: "
            "build_index(DOCUMENTS, STORE, embedder=...) makes what is missing"
        )
    rows = _finished(store, manifest)
    if _checksum(rows) != manifest.crc32:
        raise StorageError(_damaged(store))
    return Vectors(rows=rows)


def check(store: Path, embedder: Embedder) -> None:
    """Raise an `InputError` where the vectors of a store are another embedder's."""
    _expect(store, embedder)


def update(
    store: Path, embedder: Embedder, state: str, wanted: Collection[bytes], read: Reader
) -> int:
    """Bring the vectors of a store up to date; return how many were made.

    The caller sees to it that nobody else does it at the same time.

    Args:
        store: The folder of the index.
        embedder: Makes the missing ones.
        state: What the index is called as it is now.
        wanted: The keys of its texts.
        read: Returns the text of a key.

    Raises:
        InputError: The vectors there are another embedder's.
        ToolError: The embedder broke, or what it gave is not what an embedder gives.
        OSError: Something cannot be written.
    """
    manifest = _expect(store, embedder)
    if manifest is None:
        manifest = _Manifest(name=embedder.name, digest=embedder.digest)
        for name in (_ROWS, _PART):  # nobody knows whose they are
            (store / VECTORS / name).unlink(missing_ok=True)
    elif manifest.state == state:
        return 0
    (store / VECTORS).mkdir(exist_ok=True)
    old = _usable(store, manifest)
    manifest = replace(manifest, state=_NO_STATE)
    _save(store, manifest)
    known = _sound(old).keys() | _sound(_made(store, manifest)).keys()
    missing = sorted(set(wanted) - known)
    for first in range(0, len(missing), BATCH):
        keys = missing[first : first + BATCH]
        matrix = embed(embedder, [read(key) for key in keys], manifest.dimensions)
        if not manifest.dimensions:
            manifest = replace(manifest, dimensions=matrix.shape[1])
            _save(store, manifest)
        records = np.zeros(len(keys), _record(manifest))
        records["key"] = np.frombuffer(b"".join(keys), f"V{KEY_BYTES}")
        records["vector"] = matrix
        with (store / VECTORS / _PART).open("ab") as file:
            file.write(records.tobytes())
    crc32 = _merge(store, manifest, sorted(wanted), [old, _made(store, manifest)])
    _save(store, replace(manifest, state=state, crc32=crc32))
    (store / VECTORS / _PART).unlink(missing_ok=True)
    return len(missing)


def embed(
    embedder: Embedder, texts: Sequence[str], dimensions: int = 0, *, query: bool = False
) -> NDArray[np.float32]:
    """Return what an embedder makes of some texts, which is not taken on trust.

    Raises:
        ToolError: It broke, or did not return a row of length one for each text.
    """
    try:
        made: object = embedder.embed(texts, query=query)
    except GadflyError:
        raise
    except Exception as error:
        said = f"embedder {embedder.name} broke: {type(error).__name__}: {error!s:.200}"
        raise ToolError(said) from error
    if not isinstance(made, np.ndarray) or made.ndim != 2 or made.dtype.kind != "f":
        raise ToolError(f"embedder {embedder.name} returned {made!r:.80}, no matrix of numbers")
    matrix = np.ascontiguousarray(made, np.float32)
    shape = (len(texts), dimensions or matrix.shape[1])
    if matrix.shape != shape or not shape[1]:
        said = f"embedder {embedder.name} returned a matrix of {matrix.shape}, not of {shape}"
        raise ToolError(said)
    if not _of_length_one(matrix).all():
        raise ToolError(f"embedder {embedder.name} returned vectors that are not of length one")
    return matrix


# -------------------------------------------------------------------------------- the files


def _record(manifest: _Manifest) -> np.dtype[Any]:
    return np.dtype([("key", f"V{KEY_BYTES}"), ("vector", "<f4", (manifest.dimensions,))])


def _usable(store: Path, manifest: _Manifest) -> NDArray[Any]:
    """Return the finished records that an update may go on with; none where they are damaged."""
    try:
        rows = _finished(store, manifest)
    except StorageError:
        return np.zeros(0, _record(manifest))
    whole = manifest.state == _NO_STATE or _checksum(rows) == manifest.crc32
    return rows if whole else rows[:0]


def _finished(store: Path, manifest: _Manifest) -> NDArray[Any]:
    path = store / VECTORS / _ROWS
    if not path.exists():
        return np.zeros(0, _record(manifest))
    try:
        rows = cast("NDArray[Any]", np.load(path, mmap_mode="r"))
    except (OSError, ValueError, EOFError) as error:
        raise StorageError(_damaged(store)) from error
    if rows.dtype != _record(manifest) or rows.ndim != 1:
        raise StorageError(_damaged(store))
    return rows


def _made(store: Path, manifest: _Manifest) -> NDArray[Any]:
    """Return the records that were made but not merged; half of one at the end is cut off."""
    path = store / VECTORS / _PART
    record = _record(manifest)
    count = path.stat().st_size // record.itemsize if path.exists() else 0
    if not count or not manifest.dimensions:
        path.unlink(missing_ok=True)
        return np.zeros(0, record)
    with path.open("r+b") as file:
        file.truncate(count * record.itemsize)
    return np.memmap(path, record, "r", shape=(count,))


def _sound(rows: NDArray[Any]) -> dict[bytes, int]:
    """Return where the vector of each key is; those that were only half written are none."""
    found: dict[bytes, int] = {}
    for first in range(0, len(rows), BLOCK):
        block = rows[first : first + BLOCK]
        for row in np.flatnonzero(_of_length_one(block["vector"])):
            found[block["key"][row].tobytes()] = first + int(row)
    return found


def _merge(
    store: Path, manifest: _Manifest, keys: Sequence[bytes], sources: Sequence[NDArray[Any]]
) -> int:
    """Write the records of some keys, in this order; return their checksum."""
    path = store / VECTORS / _ROWS
    if not keys:
        path.unlink(missing_ok=True)
        return 0
    beside = path.with_suffix(".new")
    places = {key: (rows, row) for rows in sources for key, row in _sound(rows).items()}
    open_memmap = cast("Callable[..., np.memmap[Any, Any]]", np.lib.format.open_memmap)
    merged = open_memmap(beside, mode="w+", dtype=_record(manifest), shape=(len(keys),))
    for at, key in enumerate(keys):
        rows, row = places[key]
        merged[at] = rows[row]
    merged.flush()
    crc32 = _checksum(merged)
    beside.replace(path)
    return crc32


def _checksum(rows: NDArray[Any]) -> int:
    crc32 = 0
    for first in range(0, len(rows), BLOCK):
        crc32 = zlib.crc32(rows[first : first + BLOCK].tobytes(), crc32)
    return crc32


def _of_length_one(matrix: NDArray[np.float32]) -> NDArray[np.bool_]:
    with np.errstate(all="ignore"):  # a damaged number may be anything, and is then not near 1
        squares = np.einsum("ij,ij->i", matrix, matrix)
        return np.asarray(np.abs(np.sqrt(squares) - 1) < LENGTH_MAY_BE_OFF_BY)


def _expect(store: Path, embedder: Embedder) -> _Manifest | None:
    """Return what is written about a store's vectors; None where it has none."""
    path = store / VECTORS / _MANIFEST
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content.pop("version")
        manifest = _Manifest(**content)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise StorageError(_damaged(store)) from error
    if version != VERSION or manifest.digest != embedder.digest:
        raise InputError(
            f"the vectors of {store} were made by the embedder {manifest.name} "
            f"({manifest.digest:.8}), not by {embedder.name} ({embedder.digest:.8}): give that "
            f"one, or delete {store / VECTORS} and build the index with this one"
        )
    return manifest


def _save(store: Path, manifest: _Manifest) -> None:
    path = store / VECTORS / _MANIFEST
    beside = path.with_suffix(".new")
    content = {"version": VERSION, **asdict(manifest)}
    beside.write_text(json.dumps(content, indent=1), encoding="utf-8")
    beside.replace(path)


def _damaged(store: Path) -> str:
    return f"{store / VECTORS} is damaged: delete it, and build the index again with its embedder"
