"""Writing a store: tantivy's files, and beside them `gadfly-search.json`.

Every passage has a key besides its words, a digest of its text; by it, the vectors of an embedder
(`_vectors`) find their passages.

That file holds the version of the store, its language, and the digest of each file that was read,
by which changed ones are found. It is written before a change, with the touched files marked, and
after it: were the process killed between, the next one does the same work over again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import tantivy

from gadfly import InputError, StorageError, digest
from gadfly_search._documents import find_files, read_bytes, read_passages
from gadfly_search._searcher import Passage

if TYPE_CHECKING:
    from gadfly_search._embedder import Embedder

STORE_VERSION = 3
"""A store of another version is not read; `build_index` builds it anew."""

TITLE = 6
"""How often a title counts among the words of its passage (BM25F, with one posting list a word)."""

_MANIFEST = "gadfly-search.json"
_HEAP_BYTES = 50_000_000
"""Of the writer: what fits in becomes one segment, and one segment is faster than several."""
_SMALLEST_HEAP_BYTES = 15_000_000
VECTORS = "vectors"
"""The folder of `_vectors`."""
_BETWEEN = "\x1f"  # the separator of units in ASCII
_NO_WORDS = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex("[^\\s\\S]")).build()
_UNFINISHED = ""
"""In place of a digest: the file has to be read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexReport:
    """What `build_index` did."""

    passages: int
    """In the index now."""
    added: tuple[str, ...] = ()
    """Files, by their names within the folder of documents."""
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: int = 0
    """Files that are as they were, and were not cut into passages again."""
    empty: tuple[str, ...] = ()
    """Files just read that hold no text (a scanned PDF)."""
    embedded: int = 0
    """Texts that got a vector; the other vectors were kept."""


def build_index(
    documents: Path | str,
    store: Path | str,
    *,
    language: str = "english",
    embedder: Embedder | None = None,
) -> IndexReport:
    """Bring a store up to date with a file or folder of documents; build it where there is none.

    Files are told apart by the digest of their content. Where one of them cannot be read, nothing
    changes.

    Args:
        documents: A file, or a folder that is searched through.
        store: The folder of the index, which need not exist.
        language: Of the stemmer. Another than before builds anew.
        embedder: Makes a vector for each passage, for `HybridIndex`: for those only whose text has
            none in the store. Each batch is saved, so that a build that was stopped goes on where
            it was.

    Raises:
        InputError: There are no documents, one is not what its name says, the store is a folder of
            something else, its vectors are another embedder's, or the language is not known.
        StorageError: Something cannot be read or written, or another process is writing.
        ToolError: The embedder does not work. What can be done without it is done then.
    """
    analyzer(language)
    folder = Path(store)
    known = _known_files(folder, language)
    if embedder is not None:
        from gadfly_search import _vectors  # numpy: only those who have an embedder need it

        _vectors.check(folder, embedder)
    digests: dict[str, str] = {}
    fresh: dict[str, list[Passage]] = {}
    for name, path in find_files(Path(documents)):
        data = read_bytes(path)
        digests[name] = hashlib.sha256(data).hexdigest()
        if known is None or known.get(name) != digests[name]:
            fresh[name] = list(read_passages(name, data))
    before = known or {}
    removed = tuple(sorted(before.keys() - digests.keys()))
    with damage_is_an_error(folder, "written"):
        if known is None:
            _begin(folder, language)
        if fresh or removed:
            _write(folder, language, before, digests, fresh, removed)
        embedded = _embed(folder, language, embedder) if embedder is not None else 0
        total = open_store(folder, language).searcher().num_docs
    return IndexReport(
        passages=total,
        added=tuple(name for name in fresh if name not in before),
        changed=tuple(name for name in fresh if name in before),
        removed=removed,
        kept=len(digests) - len(fresh),
        empty=tuple(name for name, passages in fresh.items() if not passages),
        embedded=embedded,
    )


@contextmanager
def damage_is_an_error(folder: Path | str, done: str) -> Generator[None]:
    """Make a `StorageError` of whatever tantivy says when it cannot do its work.

    It is Rust: a panic in it is an exception that `except Exception` does not catch.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        raise StorageError(f"the index {folder} cannot be {done}: {error!s:.300}") from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise StorageError(f"the index {folder} is damaged: {error!s:.300}") from error


def open_store(folder: Path, language: str) -> tantivy.Index:
    """Return tantivy's index in a folder, which it makes where there is none."""
    builder = tantivy.SchemaBuilder()
    # As text, which is read in half the time of bytes; no word of it is indexed.
    builder.add_text_field("passage", stored=True, tokenizer_name="none", index_option="basic")
    builder.add_text_field("file", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("key", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("body", tokenizer_name="words", index_option="freq")
    index = tantivy.Index(builder.build(), path=str(folder))
    index.register_tokenizer("words", analyzer(language))
    index.register_tokenizer("none", _NO_WORDS)
    return index


def analyzer(language: str) -> tantivy.TextAnalyzer:
    """Return what cuts a text into words: for both sides, the passages and the queries."""
    kind = tantivy.Filter
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    builder = builder.filter(kind.remove_long(64)).filter(kind.lowercase())
    builder = builder.filter(kind.ascii_fold())
    try:
        return builder.filter(kind.stemmer(language)).build()
    except ValueError as error:
        raise InputError(f"there is no stemmer for the language {language!r}") from error


def _known_files(folder: Path, language: str) -> Mapping[str, str] | None:
    """Return the digests of the files in a store; None where it has to be built."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return None
    manifest = read_manifest(folder)
    same = (manifest.get("version"), manifest.get("language")) == (STORE_VERSION, language)
    files = manifest.get("files")
    if not same or not isinstance(files, dict) or not (folder / "meta.json").is_file():
        return None
    return cast("dict[str, str]", files)


def _begin(folder: Path, language: str) -> None:
    """Make an empty store; what an older one held is deleted."""
    folder.mkdir(parents=True, exist_ok=True)
    _save(folder, language, {})
    for old in folder.iterdir():
        if old.name == VECTORS:
            continue  # they go by the texts, which may be the same
        if old.is_dir():
            shutil.rmtree(old)
        elif old.name != _MANIFEST:
            old.unlink()
    open_store(folder, language)


def _write(
    folder: Path,
    language: str,
    before: Mapping[str, str],
    digests: Mapping[str, str],
    fresh: Mapping[str, Sequence[Passage]],
    removed: Sequence[str],
) -> None:
    writer = open_store(folder, language).writer(_HEAP_BYTES, 1)
    _save(folder, language, {**before, **dict.fromkeys([*fresh, *removed], _UNFINISHED)})
    for name in [*fresh, *removed]:
        writer.delete_documents_by_term("file", name)
    for name, passages in fresh.items():
        for passage in passages:
            document = tantivy.Document()
            document.add_text("passage", _pack(passage))
            document.add_text("file", name)
            document.add_text("key", key(passage).hex())
            document.add_text("body", "\n".join([*[passage.title] * TITLE, passage.text]))
            writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    _save(folder, language, digests)


def _embed(folder: Path, language: str, embedder: Embedder) -> int:
    from gadfly_search import _vectors

    index = open_store(folder, language)
    # Its lock is the store's: two builds do not write vectors at the same time either.
    writer = index.writer(_SMALLEST_HEAP_BYTES, 1)
    try:
        searcher = index.searcher()
        everything = tantivy.Query.all_query()
        hits = searcher.search(everything, max(1, searcher.num_docs), count=False).hits
        places = {key(passage_at(searcher, address)): address for _, address in hits}

        def read(wanted: bytes) -> str:
            return _readable(passage_at(searcher, places[wanted]))

        return _vectors.update(folder, embedder, state_of(folder), places.keys(), read)
    finally:
        writer.wait_merging_threads()  # this lets the lock go


def passage_at(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> Passage:
    """Return the passage that a store has there."""
    return _unpack(cast("str", searcher.doc(address).get_first("passage")))


def state_of(folder: Path) -> str:
    """Return what the content of a store is called: another after every change of a document."""
    return digest(read_manifest(folder).get("files"))


def key(passage: Passage) -> bytes:
    """Return a digest of what an embedder reads of a passage."""
    return bytes.fromhex(digest(_readable(passage)))


def _readable(passage: Passage) -> str:
    # As it is after `_unpack`, so that both sides of a store give the same key.
    title = " ".join(passage.title.split())
    return f"{title}\n{passage.text}" if title else passage.text


def _pack(passage: Passage) -> str:
    """Return a passage as one text: reading JSON would take longer than the search itself."""
    names = (passage.id, passage.title, passage.source, passage.place)
    # `split` without an argument splits at the separator too, so it is in none of them.
    return _BETWEEN.join([*(" ".join(name.split()) for name in names), passage.text])


def _unpack(packed: str) -> Passage:
    """Return the passage that `_pack` packed."""
    own, title, source, place, text = packed.split(_BETWEEN, 4)
    return Passage(own, text, title, source, place)


def _save(folder: Path, language: str, files: Mapping[str, str]) -> None:
    content = {"version": STORE_VERSION, "language": language, "files": dict(files)}
    beside = folder / f"{_MANIFEST}.new"
    beside.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")
    beside.replace(folder / _MANIFEST)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what is kept beside tantivy's files.

    Raises:
        InputError: The folder is no store.
        StorageError: It cannot be read.
    """
    path = folder / _MANIFEST
    try:
        content: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{folder} is no index: it holds no {_MANIFEST}") from error
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} is damaged: {error!s:.200}") from error
    if not isinstance(content, dict):
        raise StorageError(f"{path} is damaged: it holds no object")
    return cast("dict[str, Any]", content)
