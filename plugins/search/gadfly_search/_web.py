"""Web searches behind the port: SearXNG, Brave and Tavily, by their JSON interfaces.

None is used unless it is asked for by name and has its address or key. Titles and snippets of the
web are strangers' text, like passages of any source. Keys are sent in headers only, and are in no
message, representation or evidence.
"""

from __future__ import annotations

import html
import importlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from gadfly import JSON, InputError, ToolError, digest
from gadfly_search._searcher import Passage

if TYPE_CHECKING:
    import httpx

MAX_BYTES = 5_000_000
"""Of one answer."""
_TAG = re.compile(r"<[^<>]{0,200}>")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Web:
    """What the three have in common: one request, one answer, one way to be wrong."""

    name: str = ""
    seconds: float = 15.0
    """How long an answer may take."""

    def _request(self, query: str, limit: int) -> httpx.Request:
        raise NotImplementedError

    def _results(self, answer: Mapping[str, object]) -> object:
        raise NotImplementedError

    def _texts(self, row: Mapping[str, object]) -> Sequence[object]:
        """Return the parts of one result that are text of the page."""
        raise NotImplementedError

    async def search(self, query: str, limit: int = 5) -> Sequence[Passage]:
        """See `Searcher.search`."""
        import httpx

        try:
            async with httpx.AsyncClient(timeout=self.seconds, follow_redirects=False) as client:
                response = await client.send(self._request(query, limit), stream=True)
                content = b""
                async for part in response.aiter_bytes():
                    content += part
                    if len(content) > MAX_BYTES:
                        raise ToolError(f"{self.name} sent more than {MAX_BYTES} bytes")
                await response.aclose()
        except httpx.HTTPError as error:
            raise ToolError(f"{self.name} did not answer: {type(error).__name__}") from error
        if response.status_code != 200:
            raise ToolError(f"{self.name} answered with status {response.status_code}")
        return self._read(content)[:limit]

    def _read(self, content: bytes) -> list[Passage]:
        try:
            answer: object = json.loads(content)
        except ValueError as error:
            raise ToolError(f"{self.name} answered with something that is not JSON") from error
        rows = self._results(_object(answer))
        if not isinstance(rows, list):
            raise ToolError(f"{self.name} answered without a list of results")
        found = [self._passage(row) for row in cast("list[object]", rows)]
        return [passage for passage in found if passage.text]

    def _passage(self, row: object) -> Passage:
        fields = _object(row)
        url, title = fields.get("url"), fields.get("title") or ""
        texts = [text for text in self._texts(fields) if text]
        if not (isinstance(url, str) and url and isinstance(title, str)) or not all(
            isinstance(text, str) for text in texts
        ):
            raise ToolError(f"{self.name} answered with a result that has no address or text")
        text = "\n".join(_plain(cast("str", text)) for text in texts)
        # The same text at the same address has the same id; what it says may change.
        return Passage(digest([url, text])[:12], text, _plain(title), url)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearXNG(_Web):
    """A SearXNG instance; it must allow the format `json`. Without `url`: `SEARXNG_URL`."""

    name: str = "search/searxng"
    url: str = ""

    def __post_init__(self) -> None:
        _need_httpx()
        object.__setattr__(
            self,
            "url",
            _address(self.url or os.environ.get("SEARXNG_URL", ""), self.name, "SEARXNG_URL"),
        )

    def _request(self, query: str, limit: int) -> httpx.Request:
        import httpx

        return httpx.Request("GET", f"{self.url}/search", params={"q": query, "format": "json"})

    def _results(self, answer: Mapping[str, object]) -> object:
        return answer.get("results")

    def _texts(self, row: Mapping[str, object]) -> Sequence[object]:
        return [row.get("content")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Brave(_Web):
    """Brave's web search. Without `key`: `BRAVE_API_KEY`."""

    name: str = "search/brave"
    key: str = field(default="", repr=False)
    url: str = "https://api.search.brave.com"

    def __post_init__(self) -> None:
        _need_httpx()
        object.__setattr__(self, "key", _key(self.key, self.name, "BRAVE_API_KEY"))
        object.__setattr__(self, "url", _address(self.url, self.name, "url"))

    def _request(self, query: str, limit: int) -> httpx.Request:
        import httpx

        return httpx.Request(
            "GET",
            f"{self.url}/res/v1/web/search",
            params={"q": query[:400], "count": min(limit, 20), "extra_snippets": "true"},
            headers={"Accept": "application/json", "X-Subscription-Token": self.key},
        )

    def _results(self, answer: Mapping[str, object]) -> object:
        web = answer.get("web")
        # It leaves `web` out where nothing was found, and says so by the kind of the answer.
        if web is None and answer.get("type") == "search":
            return []
        return _object(web).get("results")

    def _texts(self, row: Mapping[str, object]) -> Sequence[object]:
        more = row.get("extra_snippets")
        return [
            row.get("description"),
            *(cast("list[object]", more) if isinstance(more, list) else []),
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tavily(_Web):
    """Tavily's search, without its own answer. Without `key`: `TAVILY_API_KEY`."""

    name: str = "search/tavily"
    key: str = field(default="", repr=False)
    url: str = "https://api.tavily.com"

    def __post_init__(self) -> None:
        _need_httpx()
        object.__setattr__(self, "key", _key(self.key, self.name, "TAVILY_API_KEY"))
        object.__setattr__(self, "url", _address(self.url, self.name, "url"))

    def _request(self, query: str, limit: int) -> httpx.Request:
        import httpx

        asked: dict[str, JSON] = {
            "query": query,
            "max_results": min(limit, 20),
            "include_answer": False,
        }
        headers = {"Authorization": f"Bearer {self.key}"}
        return httpx.Request("POST", f"{self.url}/search", json=asked, headers=headers)

    def _results(self, answer: Mapping[str, object]) -> object:
        return answer.get("results")

    def _texts(self, row: Mapping[str, object]) -> Sequence[object]:
        return [row.get("content")]


def _object(value: object) -> Mapping[str, object]:
    """Return an object of a JSON answer; an empty one where it is something else."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def _plain(text: str) -> str:
    """Return text without the markup that search engines put around hits."""
    return " ".join(html.unescape(_TAG.sub("", text)).split())


def _key(given: str, name: str, variable: str) -> str:
    key = given or os.environ.get(variable, "")
    if not key or not key.isascii() or not key.isprintable():
        raise InputError(f"{name} needs a key: give key=..., or set {variable}")
    return key


def _address(given: str, name: str, variable: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#]+[^\s?#]*", given):
        raise InputError(f"{name} needs an address (http://...): give url=..., or set {variable}")
    return given.rstrip("/")


def _need_httpx() -> None:
    try:
        importlib.import_module("httpx")
    except ImportError as error:
        raise InputError("web search needs httpx: pip install 'gadfly-search[web]'") from error
