"""A recorded search: what a search once observed, given again. For tests and benchmarks.

A recording is JSON lines with `query` and `observation`, and where there is one `id` (gzip too).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gadfly import ToolError
from gadfly_search._documents import read_bytes, read_passages
from gadfly_search._searcher import Passage


@dataclass(frozen=True, slots=True)
class Replay:
    """Answers the queries that were recorded; case and spaces do not count.

    A query that was not recorded is a `ToolError`: nobody knows what it would have found.

    Raises:
        InputError: The recording is no JSON lines with `query` and `observation`.
        StorageError: It cannot be read.
    """

    path: Path | str
    name: str = "search/replay"
    _recorded: Mapping[str, Sequence[Passage]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        recorded: dict[str, list[Passage]] = {}
        path = Path(self.path)
        for passage in read_passages(path.name, read_bytes(path)):
            same = recorded.setdefault(_key(passage.title), [])
            # Several runs asked the same, and were answered the same.
            if all(passage.text != other.text for other in same):
                same.append(passage)
        object.__setattr__(self, "_recorded", recorded)

    async def search(self, query: str, limit: int = 5) -> Sequence[Passage]:
        """See `Searcher.search`."""
        try:
            return self._recorded[_key(query)][:limit]
        except KeyError as error:
            raise ToolError(f"{self.name}: {query!r:.100} is not in {self.path}") from error

    def __len__(self) -> int:
        return len(self._recorded)


def _key(query: str) -> str:
    return " ".join(query.casefold().split())
