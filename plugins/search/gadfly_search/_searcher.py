"""The port of every search: a query in, passages with their sources out, best first.

An index on disk, a web search and a recording of one stand behind the same port, so that a critic
never knows which of them it asks. `SearchTool` makes a searcher a `gadfly.Tool`; `passages_of`
reads what such a tool observed, and takes nothing on trust: tools come from strangers too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol, cast, runtime_checkable

from gadfly import JSON, Evidence, GadflyError, InputError, ToolError, digest

MAX_TEXT = 4_000
"""Characters of one passage that go into evidence."""
MAX_PASSAGES = 50
"""Of one answer."""
MAX_NAME = 500
"""Characters of a passage's id, title, source and place."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of text that can be cited."""

    id: str
    """Stable: the same passage of the same source has the same id."""
    text: str
    title: str = ""
    """Of the document, with the headings that lead to the passage."""
    source: str = ""
    """The file or address it is from."""
    place: str = ""
    """Where in the source: `line 12`, `page 3`."""

    def cite(self) -> str:
        """Return the id with the title, the source and the place, as a finding names them."""
        where = ", ".join(part for part in (self.title, self.source, self.place) if part)
        return f"[{self.id}] ({where})" if where else f"[{self.id}]"


@runtime_checkable
class Searcher(Protocol):
    """Finds passages for a query."""

    @property
    def name(self) -> str:
        """What evidence calls it (`search/index`)."""
        ...

    async def search(self, query: str, limit: int = 5) -> Sequence[Passage]:
        """Return at most `limit` passages, best first; none where nothing was found.

        Raises:
            ToolError: The search did not work: that nothing is there is not known.
        """
        ...


@dataclass(frozen=True, slots=True)
class SearchTool:
    """A searcher as a tool: its evidence holds the passages whole, up to a bound.

    A search that does not answer in time, or that breaks, is a `ToolError`.
    """

    searcher: Searcher
    limit: int = 5
    seconds: float = 20.0
    """How long one search may take."""

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_PASSAGES or not self.seconds > 0:
            raise InputError(f"a search gives 1 to {MAX_PASSAGES} passages, in more than 0 seconds")

    async def __call__(self, request: str) -> Evidence:
        """See `Tool.__call__`."""
        name = self.searcher.name
        try:
            async with asyncio.timeout(self.seconds):
                found = await self.searcher.search(request, self.limit)
            passages = [_bounded(passage) for passage in list(found)[: self.limit]]
        except GadflyError:
            raise
        except TimeoutError as error:
            raise ToolError(f"{name} did not answer within {self.seconds:g} seconds") from error
        except Exception as error:
            raise ToolError(f"{name} broke: {type(error).__name__}: {error!s:.200}") from error
        asked: dict[str, JSON] = {"query": request, "limit": self.limit}
        return Evidence(
            id=digest({"tool": name, "request": asked}),
            tool=name,
            request=asked,
            observation={"passages": passages},
        )


def passages_of(evidence: object) -> list[Passage]:
    """Return the passages that a search tool observed.

    Raises:
        ToolError: It is no evidence, or holds something else than a list of passages.
    """
    if not isinstance(evidence, Evidence):
        raise ToolError(f"a search tool returned {evidence!r:.80}, not evidence")
    listed = evidence.observation.get("passages")
    if not isinstance(listed, list | tuple):
        raise ToolError(f"{evidence.tool} returned no list of passages")
    rows = cast("Sequence[object]", listed)[:MAX_PASSAGES]
    return [_read(row, evidence.tool) for row in rows]


def _read(row: object, tool: str) -> Passage:
    empty: Mapping[object, object] = {}
    fields = cast("Mapping[object, object]", row) if isinstance(row, Mapping) else empty
    given = {name: fields.get(name, "") for name in ("id", "text", "title", "source", "place")}
    texts = {name: value for name, value in given.items() if isinstance(value, str)}
    if len(texts) < len(given) or not texts["id"] or not texts["text"].strip():
        raise ToolError(f"{tool} returned a passage without an id or a text: {row!r:.80}")
    return Passage(**texts)


def _bounded(passage: object) -> dict[str, JSON]:
    if not isinstance(passage, Passage):
        raise ToolError(f"a search returned {passage!r:.80}, not a passage")
    fields = asdict(passage)
    if not all(isinstance(value, str) for value in fields.values()) or not passage.id:
        raise ToolError(f"a search returned a passage without an id or a text: {passage!r:.80}")
    return {
        name: value[: MAX_TEXT if name == "text" else MAX_NAME] for name, value in fields.items()
    }
