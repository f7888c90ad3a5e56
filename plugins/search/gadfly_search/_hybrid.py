"""An index that is searched by words and by meaning, and ranks by both.

    build_index("documents/", "library.index", embedder=embedder)
    await HybridIndex("library.index", embedder).search("Who wrote it?")

Both rankings are fused by reciprocal rank: a passage scores 1 / (60 + rank) in each that has it
(Cormack, Clarke and Büttcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual
Rank Learning Methods", SIGIR). Ranks need no common scale, which BM25 and a cosine do not have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gadfly import InputError
from gadfly_search._embedder import Embedder
from gadfly_search._index import Opened, open_index
from gadfly_search._searcher import Passage
from gadfly_search._store import damage_is_an_error, state_of

if TYPE_CHECKING:
    from gadfly_search._vectors import Vectors

K = 60
"""What the paper found best, and what came after it kept."""
DEPTH = 100
"""Passages of each ranking that are fused."""

_MAX_OPEN = 8
_OPEN: dict[tuple[str, str], tuple[object, Vectors]] = {}
"""By path and embedder, with what tells one state of the store from the next."""


@dataclass(frozen=True, slots=True)
class HybridIndex:
    """Searches a store that `build_index` made with the same embedder.

    It never goes on without vectors. It finds something for every query, because something is
    always nearest.

    Raises:
        InputError: On use, where the path is no index, or its vectors are missing, are another
            embedder's or are not those of its passages now.
        StorageError: On use, where it is damaged.
        ToolError: On use, where the embedder does not work.
    """

    path: Path | str
    embedder: Embedder
    name: str = "search/hybrid"

    def __post_init__(self) -> None:
        if not isinstance(self.embedder, Embedder):
            raise InputError(
                f"HybridIndex takes an embedder, such as HuggingFaceEmbedder(FOLDER), "
                f"not {self.embedder!r:.80}"
            )

    async def search(self, query: str, limit: int = 5) -> Sequence[Passage]:
        """See `Searcher.search`. The embedder works in a thread."""
        opened = open_index(self.path)
        keys = await asyncio.to_thread(self._nearest, opened, query)
        return self._fused(opened, query, keys, limit)

    def find(self, query: str, limit: int = 5) -> list[Passage]:
        """Return the passages that words and meaning put first, best first."""
        opened = open_index(self.path)
        return self._fused(opened, query, self._nearest(opened, query), limit)

    def _nearest(self, opened: Opened, query: str) -> list[bytes]:
        from gadfly_search import _vectors  # numpy: only those who have an embedder need it

        store = Path(self.path)
        place = str(store), self.embedder.digest
        now = opened.stamp, _vectors.stamp(store)
        known = _OPEN.get(place)
        if known is None or known[0] != now:
            if len(_OPEN) >= _MAX_OPEN:
                _OPEN.clear()
            known = now, _vectors.open_vectors(store, self.embedder, state_of(store))
            _OPEN[place] = known
        vectors = known[1]
        if not query.strip() or not len(vectors.rows):
            return []
        dimensions = vectors.rows["vector"].shape[1]
        (row,) = _vectors.embed(self.embedder, [query], dimensions, query=True)
        return vectors.nearest(row, DEPTH)

    def _fused(
        self, opened: Opened, query: str, keys: Sequence[bytes], limit: int
    ) -> list[Passage]:
        if limit < 1:
            return []
        depth = max(DEPTH, limit)
        with damage_is_an_error(self.path, "read"):
            by_words = opened.find(query, depth)
            by_meaning = [passage for key in keys for passage in opened.of(key, depth)]
        return fuse([by_words, by_meaning[:depth]])[:limit]


def fuse(rankings: Iterable[Sequence[Passage]]) -> list[Passage]:
    """Return all passages of some rankings, those with the highest reciprocal ranks first.

    Among equals, what comes first in the first of the rankings comes first.
    """
    scores: dict[Passage, float] = {}
    for ranking in rankings:
        for rank, passage in enumerate(dict.fromkeys(ranking), 1):
            scores[passage] = scores.get(passage, 0.0) + 1 / (K + rank)
    return sorted(scores, key=lambda passage: -scores[passage])
