"""A full-text index on disk, ranked by BM25 (tantivy), that is built once and then kept up.

    build_index("documents/", "library.index")     only what has changed is read again
    await Index("library.index").search("Who wrote it?")

tantivy holds the postings: it writes to disk, adds and deletes without a rebuild, maps files
instead of loading them, and may be read by many processes while one writes (`_store`).

How text is matched, as measured in `benchmarks/search.py`:

- words are lower-cased, freed of accents and stemmed; title and text are one field, so that a
  sentence is found by what its page is about, and in it the title counts `TITLE` times (`_store`);
- all words of a query count, as often as it has them: without function words, as is usual, claims
  are found worse;
- but where `ENOUGH` of its words are in no more than half of the passages, it does without those
  that are in more: their weight is next to nothing (the idf of Okapi BM25 is not even above zero),
  and going through the passages that have them takes most of the time.

A search costs one posting list a word, and the reading of the passages that it finds. What was
looked up once is kept while the store stays as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import tantivy

from gadfly import InputError, StorageError
from gadfly_search._searcher import Passage
from gadfly_search._store import (
    STORE_VERSION,
    analyzer,
    damage_is_an_error,
    open_store,
    passage_at,
    read_manifest,
)

MAX_TERMS = 256
"""Different words of a query that are looked up."""
ENOUGH = 8
"""Words of a query, none of them in more than half of the passages."""

_MAX_OPEN = 8
_MAX_WORDS = 20_000
_MAX_PASSAGES = 10_000
"""Of each open store, kept in memory: ten megabytes where passages are of a thousand characters."""


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


@dataclass(frozen=True, slots=True)
class Opened:
    """A store as it was at one moment."""

    meta: Path
    stamp: tuple[int, int]
    """Of that file: it differs after every commit."""
    searcher: tantivy.Searcher
    words: Callable[[str], list[str]]
    term: Callable[[str, int], tuple[tantivy.Query, bool]]
    """What to ask for a word that is asked for so many times, and whether most passages have it."""
    key: Callable[[str], tantivy.Query]
    passage: Callable[[int, int], Passage]
    """Of a segment and a number in it."""

    def find(self, query: str, limit: int) -> list[Passage]:
        """See `Index.find`."""
        asked = Counter(self.words(query))
        found = [self.term(word, times) for word, times in islice(asked.items(), MAX_TERMS)]
        if not found or limit < 1:
            return []
        terms = [term for term, common in found if not common]
        if len(terms) < ENOUGH:
            terms = [term for term, _ in found]
        return self._passages(terms[0].or_should_match(*terms[1:]), limit)

    def of(self, key: bytes, limit: int) -> list[Passage]:
        """Return the passages whose text has this key: more than one where they say the same.

        Raises:
            StorageError: There is none.
        """
        found = self._passages(self.key(key.hex()), limit)
        if not found:
            raise StorageError(f"{self.meta.parent} lacks a passage of which it has the vector")
        return found

    def _passages(self, query: tantivy.Query, limit: int) -> list[Passage]:
        hits = self.searcher.search(query, limit, count=False).hits
        return [self.passage(place.segment_ord, place.doc) for _, place in hits]


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
    words = analyzer(language).analyze
    with damage_is_an_error(path, "read"):
        index = open_store(path, language)
        schema, searcher = index.schema, index.searcher()
    half = searcher.num_docs / 2

    @lru_cache(_MAX_WORDS)
    def term(word: str, times: int) -> tuple[tantivy.Query, bool]:
        query = tantivy.Query.term_query(schema, "body", word, index_option="freq")
        if times > 1:
            query = tantivy.Query.boost_query(query, times)
        return query, searcher.doc_freq("body", word) > half

    def key(text: str) -> tantivy.Query:
        return tantivy.Query.term_query(schema, "key", text, index_option="basic")

    @lru_cache(_MAX_PASSAGES)
    def passage(segment: int, number: int) -> Passage:
        return passage_at(searcher, tantivy.DocAddress(segment, number))

    return Opened(meta, stamp, searcher, words, term, key, passage)
