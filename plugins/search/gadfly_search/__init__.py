"""Critics that look a draft's claims up, and the searches that they use.

search/claims    sources support what the draft says, or contradict it

Tools: `search/index` (a local index), and on the web `search/searxng`, `search/brave` and
`search/tavily`. A recorded search (`Replay`) becomes one by `SearchTool`.
"""

from __future__ import annotations

import os

from gadfly import Critic, InputError, Register, Tool, hookimpl
from gadfly_search._critic import ClaimsCritic
from gadfly_search._documents import read_passages
from gadfly_search._embedder import Embedder, HuggingFaceEmbedder
from gadfly_search._hybrid import HybridIndex
from gadfly_search._index import Index
from gadfly_search._replay import Replay
from gadfly_search._searcher import Passage, Searcher, SearchTool, passages_of
from gadfly_search._store import IndexReport, build_index
from gadfly_search._web import Brave, SearXNG, Tavily

__all__ = [
    "Brave",
    "ClaimsCritic",
    "Embedder",
    "HuggingFaceEmbedder",
    "HybridIndex",
    "Index",
    "IndexReport",
    "Passage",
    "Replay",
    "SearXNG",
    "SearchTool",
    "Searcher",
    "Tavily",
    "build_index",
    "passages_of",
    "read_passages",
    "register_critics",
    "register_tools",
]

INDEX_VARIABLE = "GADFLY_SEARCH_INDEX"


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    """Offer the critic."""
    register("claims", _claims_critic)


@hookimpl
def register_tools(register: Register[Tool]) -> None:
    """Offer the searches as tools.

    Where a tool is named without options, its path, address or key is in the environment: a command
    line is no place for keys.
    """
    register("index", _index_tool)
    register("searxng", _searxng_tool)
    register("brave", _brave_tool)
    register("tavily", _tavily_tool)


def _claims_critic(
    *,
    index: str | None = None,
    embedder: str | None = None,
    tool: str | None = None,
    searcher: Searcher | None = None,
    limit: int = 5,
    model: bool = True,
) -> Critic:
    return ClaimsCritic(
        index=index,
        embedder=None if embedder is None else HuggingFaceEmbedder(embedder),
        tool=tool,
        searcher=searcher,
        limit=limit,
        model=model,
    )


def _index_tool(*, path: str = "", embedder: str = "", limit: int = 5) -> Tool:
    store = path or os.environ.get(INDEX_VARIABLE, "")
    if not store:
        raise InputError(f"search/index needs a store: give path=..., or set {INDEX_VARIABLE}")
    if embedder:
        return SearchTool(HybridIndex(store, HuggingFaceEmbedder(embedder)), limit)
    return SearchTool(Index(store), limit)


def _searxng_tool(*, url: str = "", limit: int = 5) -> Tool:
    return SearchTool(SearXNG(url=url), limit)


def _brave_tool(*, key: str = "", limit: int = 5) -> Tool:
    return SearchTool(Brave(key=key), limit)


def _tavily_tool(*, key: str = "", limit: int = 5) -> Tool:
    return SearchTool(Tavily(key=key), limit)
