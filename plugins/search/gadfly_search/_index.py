"""A full-text index on disk, ranked by BM25 (tantivy), that is built once and then kept up.

    build_index("documents/", "library.index")     only what has changed is read again
    await Index("library.index").search("Who wrote it?")

tantivy holds the postings: it writes to disk, adds and deletes without a rebuild, maps files
instead of loading them, and may be read by many processes while one writes (`_store`).

How text is matched, as measured in `benchmarks/search.py`:

- words are lower-cased, freed of accents and stemmed; title and text are one field, so that a
  sentence is found by what its page is about;
- words of the title count half as much again (`TITLE`), where they are not function words;
- function words count half (`FUNCTION_WORDS`): left out, as is usual, they cost recall on claims,
  and counted whole they cost recall on questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import tantivy

from gadfly import InputError, StorageError
from gadfly_search._searcher import Passage
from gadfly_search._store import (
    STORE_VERSION,
    analyzer,
    damage_is_an_error,
    open_store,
    read_manifest,
    unpack,
)

TITLE = 0.5
FUNCTION_WORDS = 0.5
MAX_TERMS = 256
"""Different words of a query that are looked up."""

_MAX_OPEN = 8
_MAX_KNOWN = 20_000


@dataclass(frozen=True, slots=True)
class Index:
    """Searches a store that `build_index` made.

    It holds nothing but the path, so it can be copied and sent to other processes. What a store
    gained meanwhile is seen by the next search.

    Raises:
        InputError: On use, where the path is no index, or is one of another version.
        StorageError: On use, where it is damaged.
    """

    path: Path | str
    name: str = "search/index"

    async def search(self, query: str, limit: int = 5) -> Sequence[Passage]:
        """See `Searcher.search`. It takes less than a millisecond, so it does not yield."""
        return self.find(query, limit)

    def find(self, query: str, limit: int = 5) -> list[Passage]:
        """Return the passages that share the most telling words with the query, best first."""
        opened = open_index(self.path)
        with damage_is_an_error(self.path, "read"):
            return opened.find(query, limit)

    def __len__(self) -> int:
        return open_index(self.path).searcher.num_docs


@dataclass(slots=True)
class Opened:
    """A store as it was at one moment."""

    schema: tantivy.Schema
    searcher: tantivy.Searcher
    words: tantivy.TextAnalyzer
    telling: tantivy.TextAnalyzer
    """The same without function words."""
    meta: Path
    stamp: tuple[int, int]
    """Of that file: it differs after every commit."""
    known: dict[str, _Clauses] = field(default_factory=dict[str, "_Clauses"])
    """What to ask for words that were asked for before: making it takes as long as the search."""

    def find(self, query: str, limit: int) -> list[Passage]:
        """See `Index.find`."""
        asked: _Clauses = {}
        for chunk in query.split():
            if len(asked) >= MAX_TERMS:
                break
            asked |= self._clauses(chunk)
        clauses = [clause for some in asked.values() for clause in some]
        if not clauses or limit < 1:
            return []
        either = tantivy.Query.boolean_query(clauses)
        hits = self.searcher.search(either, limit, count=False).hits
        return self._passages(hits)

    def of(self, key: bytes, limit: int) -> list[Passage]:
        """Return the passages whose text has this key: more than one where they say the same.

        Raises:
            StorageError: There is none.
        """
        query = tantivy.Query.term_query(self.schema, "key", key.hex(), index_option="basic")
        found = self._passages(self.searcher.search(query, limit, count=False).hits)
        if not found:
            raise StorageError(f"{self.meta.parent} lacks a passage of which it has the vector")
        return found

    def _passages(self, hits: Sequence[tuple[object, tantivy.DocAddress]]) -> list[Passage]:
        stored = (self.searcher.doc(address).get_first("passage") for _, address in hits)
        return [unpack(cast("bytes", packed)) for packed in stored]

    def _clauses(self, chunk: str) -> _Clauses:
        if chunk not in self.known:
            if len(self.known) >= _MAX_KNOWN:
                self.known.clear()
            telling = set(self.telling.analyze(chunk))
            self.known[chunk] = {
                word: [self._clause("body", word, 1.0), self._clause("title", word, TITLE)]
                if word in telling
                else [self._clause("body", word, FUNCTION_WORDS)]
                for word in self.words.analyze(chunk)
            }
        return self.known[chunk]

    def _clause(self, place: str, word: str, weight: float) -> _Clause:
        query = tantivy.Query.term_query(self.schema, place, word, index_option="freq")
        if weight != 1.0:
            query = tantivy.Query.boost_query(query, weight)
        return tantivy.Occur.Should, query


_Clause = tuple[tantivy.Occur, tantivy.Query]
_Clauses = dict[str, list[_Clause]]
"""By word."""
_OPEN: dict[str, Opened] = {}


def open_index(path: Path | str) -> Opened:
    """Return a store as it is now.

    Raises:
        InputError: It is no index, or one of another version.
        StorageError: It is damaged.
    """
    opened = _OPEN.get(str(path))
    meta = Path(path) / "meta.json" if opened is None else opened.meta
    try:
        stat = meta.stat()
    except OSError as error:
        said = f"{path} is no index; gadfly_search.build_index(DOCUMENTS, STORE) makes one"
        raise InputError(said) from error
    # tantivy writes this file anew with every commit.
    stamp = (stat.st_mtime_ns, stat.st_ino)
    if opened is None or opened.stamp != stamp:
        if len(_OPEN) >= _MAX_OPEN:
            _OPEN.clear()
        opened = _OPEN[str(path)] = _opened(meta, stamp)
    return opened


def _opened(meta: Path, stamp: tuple[int, int]) -> Opened:
    path = meta.parent
    manifest = read_manifest(path)
    version, language = manifest.get("version"), str(manifest.get("language"))
    if version != STORE_VERSION:
        said = f"{path} is an index of version {version}, this is {STORE_VERSION}"
        raise InputError(f"{said}; build_index(DOCUMENTS, STORE) builds it anew")
    words, telling = analyzer(language), analyzer(language, telling=True)
    with damage_is_an_error(path, "read"):
        index = open_store(path, language)
        return Opened(index.schema, index.searcher(), words, telling, meta, stamp)
