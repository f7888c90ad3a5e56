"""The web searches, against a server on this machine that speaks their JSON (not the services)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gadfly import Draft, InputError, Plugins, ToolError, Verdict
from gadfly.testing import make_context
from gadfly_search import Brave, ClaimsCritic, SearchTool, SearXNG, Tavily

KEY = "secret-key"


@dataclass
class Service:
    """What the server answers, and what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b"{}"
    wait: threading.Event | None = None
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)

    def answers(self, value: object) -> None:
        self.body = json.dumps(value).encode()


@pytest.fixture
def service() -> Iterator[Service]:
    state = Service()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.asked.append((self.command, self.path, headers, body))
            if state.wait is not None:
                state.wait.wait(10)
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(state.body)))
            self.end_headers()
            self.wfile.write(state.body)

        do_GET = answer  # noqa: N815 - named by http.server
        do_POST = answer  # noqa: N815

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    yield state
    if state.wait is not None:
        state.wait.set()
    server.shutdown()
    thread.join()
    server.server_close()


def searchers(service: Service, seconds: float = 5.0) -> dict[str, SearXNG | Brave | Tavily]:
    return {
        "searxng": SearXNG(url=service.url, seconds=seconds),
        "brave": Brave(key=KEY, url=service.url, seconds=seconds),
        "tavily": Tavily(key=KEY, url=service.url, seconds=seconds),
    }


HIT = {"url": "https://a.example/moons", "title": "Moons &amp; more"}
ANSWERS = {
    "searxng": {"results": [{**HIT, "content": "Mars has two moons."}]},
    "brave": {
        "type": "search",
        "web": {
            "results": [
                {**HIT, "description": "Mars has <strong>two</strong> moons.", "extra_snippets": []}
            ]
        },
    },
    "tavily": {"results": [{**HIT, "content": "Mars has two moons.", "score": 0.9}]},
}
NAMES = sorted(ANSWERS)
each = pytest.mark.parametrize("name", NAMES)


@each
async def test_results_become_passages(name: str, service: Service) -> None:
    service.answers(ANSWERS[name])

    (passage,) = await searchers(service)[name].search("How many moons?", 3)

    assert (passage.text, passage.title) == ("Mars has two moons.", "Moons & more")
    assert passage.source == "https://a.example/moons"


@each
async def test_the_same_page_has_the_same_id_and_another_one_another(
    name: str, service: Service
) -> None:
    service.answers(ANSWERS[name])
    first = await searchers(service)[name].search("one")
    again = await searchers(service)[name].search("two")
    service.body = service.body.replace(b"a.example", b"b.example")
    other = await searchers(service)[name].search("one")

    assert first[0].id == again[0].id != other[0].id


async def test_each_service_is_asked_in_its_own_way(service: Service) -> None:
    for name, searcher in searchers(service).items():
        service.answers(ANSWERS[name])
        await searcher.search("moons & more", 3)

    searxng, brave, tavily = service.asked
    assert searxng[:2] == ("GET", "/search?q=moons+%26+more&format=json")
    assert brave[0] == "GET"
    assert brave[1].startswith("/res/v1/web/search?q=moons+%26+more&count=3")
    assert brave[2]["x-subscription-token"] == KEY
    assert tavily[:2] == ("POST", "/search")
    assert tavily[2]["authorization"] == f"Bearer {KEY}"
    assert json.loads(tavily[3]) == {
        "query": "moons & more",
        "max_results": 3,
        "include_answer": False,
    }


@each
async def test_no_results_are_an_answer(name: str, service: Service) -> None:
    service.answers({"type": "search"} if name == "brave" else {"results": []})

    assert await searchers(service)[name].search("nothing") == []


@each
@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        pytest.param(500, b"{}", "status 500", id="broken"),
        pytest.param(401, b"{}", "status 401", id="wrong key"),
        pytest.param(429, b"{}", "status 429", id="too many"),
        pytest.param(302, b"{}", "status 302", id="sent elsewhere"),
        pytest.param(200, b"<html>Log in</html>", "not JSON", id="HTML"),
        pytest.param(200, b"", "not JSON", id="empty"),
        pytest.param(200, b"\xff\xfe\x00", "not JSON", id="bytes"),
        pytest.param(200, b"[]", "without a list of results", id="a list"),
        pytest.param(200, b'{"results": {}, "web": []}', "without a list", id="no list"),
        pytest.param(
            200, b'{"results": [7], "web": {"results": [7]}}', "no address or text", id="a number"
        ),
        pytest.param(
            200,
            b'{"results": [{"url": 1, "content": "x"}], "web": {"results": [{"title": "x"}]}}',
            "no address or text",
            id="no address",
        ),
        pytest.param(
            200,
            b'{"results": [{"url": "u", "content": 5}],'
            b' "web": {"results": [{"url": "u", "description": 5}]}}',
            "no address or text",
            id="no text",
        ),
    ],
)
async def test_a_service_that_fails_or_answers_nonsense_is_an_error(
    name: str, status: int, body: bytes, said: str, service: Service
) -> None:
    service.status, service.body = status, body

    with pytest.raises(ToolError, match=said) as caught:
        await searchers(service)[name].search("moons")

    assert KEY not in str(caught.value)


@each
async def test_a_service_that_sends_too_much_is_an_error(
    name: str, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gadfly_search._web.MAX_BYTES", 1_000)
    service.body = b" " * 2_000

    with pytest.raises(ToolError, match="more than 1000 bytes"):
        await searchers(service)[name].search("moons")


@each
async def test_a_service_that_does_not_answer_is_an_error(name: str, service: Service) -> None:
    service.wait = threading.Event()

    with pytest.raises(ToolError, match="did not answer"):
        await searchers(service, seconds=0.2)[name].search("moons")


@each
async def test_a_service_that_is_not_there_is_an_error(name: str) -> None:
    nobody = Service(url="http://127.0.0.1:9")

    with pytest.raises(ToolError, match="did not answer"):
        await searchers(nobody)[name].search("moons")


@each
async def test_a_draft_is_checked_by_what_the_web_says(name: str, service: Service) -> None:
    service.answers(ANSWERS[name])
    context = make_context(tools={f"search/{name}": SearchTool(searchers(service)[name])})

    right = await ClaimsCritic().critique(Draft("Mars has two moons."), context)
    wrong = await ClaimsCritic().critique(Draft("Mars has three moons."), context)

    assert (right.verdict, wrong.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert "https://a.example/moons" in wrong.findings[0].message
    assert KEY not in repr([right, wrong, searchers(service)])


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("index", "GADFLY_SEARCH_INDEX"),
        ("searxng", "SEARXNG_URL"),
        ("brave", "BRAVE_API_KEY"),
        ("tavily", "TAVILY_API_KEY"),
    ],
)
def test_a_tool_is_off_until_it_is_configured(
    name: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(variable, raising=False)
    plugins = Plugins.discover()

    with pytest.raises(InputError, match=variable):
        plugins.create("tools", f"search/{name}")

    monkeypatch.setenv(variable, "http://127.0.0.1:9" if name == "searxng" else "something")
    assert isinstance(plugins.create("tools", f"search/{name}"), SearchTool)


def test_an_address_that_is_none_is_refused() -> None:
    for url in ("localhost", "ftp://a", "http://", "http://a b"):
        with pytest.raises(InputError, match="needs an address"):
            SearXNG(url=url)
