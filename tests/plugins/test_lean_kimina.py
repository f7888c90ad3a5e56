"""The Kimina driver, against a server on this machine that answers and lies as the real one can."""

from __future__ import annotations

import asyncio
import copy
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gadfly import InputError
from gadfly_lean._kimina import Kimina
from gadfly_lean._ports import Answer, Lean, Request
from gadfly_lean._repl.replay import VERSION, _Book

POS = {"line": 1, "column": 3}
WRONG = "theorem t : 1 = 2 := rfl"
RIGHT = "theorem t : 1 = 1 := rfl"
SORRY = "theorem t : 1 = 2 := sorry"
BAD = "open Nowhere"
BOOK: dict[str, Any] = {
    "requests": [{"cmd": cmd} for cmd in (WRONG, RIGHT, SORRY, BAD)],
    "responses": [
        {"messages": [{"severity": "error", "pos": POS, "data": "type mismatch"}]},
        {},
        {
            "sorries": [{"goal": "⊢ 1 = 2", "proofState": 0, "pos": POS, "endPos": POS}],
            "messages": [{"severity": "warning", "pos": POS, "data": "declaration uses `sorry`"}],
        },
        {"messages": [{"severity": "error", "pos": POS, "data": "unknown namespace"}]},
    ],
    "axioms": {"t": ["propext"]},
}
BARRIER = "/- what was imported ends here -/"
Change = Callable[[dict[str, Any]], Any]


@dataclass
class Server:
    """What it was asked, and what it does to an answer on its way."""

    url: str = ""
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    status: int = 200
    statuses: list[int] = field(default_factory=list)
    """Of the next answers, before `status`."""
    change: Change | None = None
    """Applied to every whole answer."""
    change_later: Change | None = None
    """The same, from the second answer on: the trial of the header is left alone."""
    body: bytes | None = None
    wait: threading.Event | None = None


def elaborate(code: str) -> dict[str, Any]:
    """Answer as the server's REPL does: leading imports are environment 0, the rest is 1."""
    lines = code.split("\n")
    split = 0
    while split < len(lines) and (not lines[split] or lines[split].startswith("import ")):
        split += 1
    if not any(lines[:split]):
        return {"env": 0}
    body = lines[split:]
    text, said = _Book([BOOK])._probes("\n".join(body).rstrip("\n"))
    assert text.startswith(BARRIER)
    source = text.removeprefix(BARRIER)
    before = split + 1 + len(source) - len(source.lstrip("\n")) - 1
    known = _Book([BOOK]).answer({"cmd": source.strip()}) if source.strip() else {}
    answer: dict[str, Any] = json.loads(json.dumps(known))
    for item in (*answer.get("messages", ()), *answer.get("sorries", ())):
        item["pos"]["line"] += before
    for message in said:
        message["pos"]["line"] += split
        message["endPos"]["line"] += split
    answer["messages"] = [*answer.get("messages", ()), *said]
    return {**answer, "env": 1}


def answer_to(path: str, asked: dict[str, Any]) -> dict[str, Any]:
    if path == "/verify":
        return {
            "results": [
                {
                    "custom_id": code["custom_id"],
                    "error": None,
                    "response": {**elaborate(code["code"]), "time": 0.1},
                }
                for code in asked["codes"]
            ]
        }
    return {
        "results": [
            {
                "id": snippet["id"],
                "time": 0.1,
                "response": elaborate(snippet["code"]),
                "diagnostics": {"repl_uuid": "x", "cpu_max": 1.0, "memory_max": 2.0},
            }
            for snippet in asked["snippets"]
        ]
    }


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.asked.append((self.path, headers, asked))
            if state.wait is not None:
                state.wait.wait(10)
            body = state.body
            if body is None:
                answer = answer_to(self.path, asked)
                changes = [state.change, state.change_later if len(state.asked) > 1 else None]
                for change in filter(None, changes):
                    answer = change(answer) or answer
                body = json.dumps(answer).encode()
            self.send_response(state.statuses.pop(0) if state.statuses else state.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

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


def request(source: str = RIGHT, header: str = "import Mathlib", **options: Any) -> Request:
    options.setdefault("seconds", 5.0)
    return Request(header=header, source=source, **options)


def response_of(answer: dict[str, Any]) -> dict[str, Any]:
    response: dict[str, Any] = answer["results"][0]["response"]
    return response


def is_problem(answer: Answer) -> bool:
    return bool(answer.problem) and not answer.messages and answer.sorries is None


@pytest.mark.parametrize("interface", ["check", "verify"])
async def test_server_is_a_way_to_lean(server: Server, interface: Any) -> None:
    async with Kimina(server.url, interface=interface, key="secret") as kimina:
        assert isinstance(kimina, Lean) and "secret" not in repr(kimina)
        right, wrong, sorry = [await kimina.check(request(s)) for s in (RIGHT, WRONG, SORRY)]
    assert [right.problem, wrong.problem, sorry.problem] == ["", "", ""]
    assert right.messages == () and right.sorries == () and right.versions == {"lean": VERSION}
    assert [(m.severity, m.line, m.column) for m in wrong.messages] == [("error", 1, 3)]
    assert [(s.goal, s.line) for s in sorry.sorries or ()] == [("⊢ 1 = 2", 1)]
    assert [m.severity for m in sorry.messages] == ["warning"]
    path, headers, _ = server.asked[-1]
    assert path == ("/api/check" if interface == "check" else "/verify")
    assert headers["authorization"] == "Bearer secret"


async def test_header_is_tried_once_and_imports_come_first(server: Server) -> None:
    header = "/- about\n this -/ import Mathlib\n-- why\nimport Aesop\nset_option a false"
    async with Kimina(server.url) as kimina:
        # The stand-in does not know the option, so its book gets it.
        BOOK["requests"].append({"cmd": "set_option a false"})
        BOOK["responses"].append({})
        BOOK["requests"].append({"cmd": "set_option a false\n" + WRONG})
        BOOK["responses"].append(
            {"messages": [{"severity": "error", "pos": {"line": 2, "column": 0}, "data": "x"}]}
        )
        answer = await kimina.check(request(WRONG, header))
        await kimina.check(request(WRONG, header))
    assert len(server.asked) == 3
    codes = [asked["snippets"][0]["code"] for _, _, asked in server.asked]
    assert all(code.startswith(f"import Mathlib\nimport Aesop\n{BARRIER}\n") for code in codes)
    assert answer.problem == ""
    assert [m.line for m in answer.messages] == [1]


async def test_submission_without_imports_gets_an_environment_of_its_own(server: Server) -> None:
    async with Kimina(server.url, reuse=False) as kimina:
        assert (await kimina.check(request(header=""))).problem == ""
    for _, _, asked in server.asked:
        assert asked["snippets"][0]["code"].startswith("import Init\n")
        assert asked["reuse"] is False


async def test_import_in_a_submission_is_not_an_import_of_the_server(server: Server) -> None:
    source = "import Evil\n" + RIGHT
    async with Kimina(server.url) as kimina:
        with pytest.raises(InputError):
            await kimina.check(request(RIGHT, "module\nimport Mathlib"))
        await kimina.check(request(source))
    code = server.asked[-1][2]["snippets"][0]["code"]
    assert code.index(BARRIER) < code.index("import Evil")


async def test_axioms_are_asked_for_behind_the_nonce(server: Server) -> None:
    async with Kimina(server.url) as kimina:
        answer = await kimina.check(request(target="t", want_axioms=True))
        assert answer.axioms == ("propext",)
        assert answer.messages == () and answer.sorries == ()


async def test_header_with_an_error_is_a_problem(server: Server) -> None:
    async with Kimina(server.url) as kimina:
        answer = await kimina.check(request(header=f"import Mathlib\n{BAD}"))
    assert is_problem(answer)
    assert "header" in answer.problem and "unknown namespace" in answer.problem
    assert len(server.asked) == 1


def _set(**fields: Any) -> Change:
    def change(answer: dict[str, Any]) -> None:
        answer["results"][0] |= fields

    return change


def _without(name: str) -> Change:
    def change(answer: dict[str, Any]) -> None:
        del answer["results"][0][name]

    return change


def _response(**fields: Any) -> Change:
    def change(answer: dict[str, Any]) -> None:
        response_of(answer).update(fields)

    return change


def _no_env(answer: dict[str, Any]) -> None:
    del response_of(answer)["env"]


def _no_nonce(answer: dict[str, Any]) -> None:
    response_of(answer)["messages"] = []


def _moved_nonce(answer: dict[str, Any]) -> None:
    for message in response_of(answer)["messages"]:
        message["pos"]["line"] += 1


def _twice(answer: dict[str, Any]) -> None:
    answer["results"] *= 2


LIES: dict[str, Change] = {
    "no results": lambda answer: {"results": []},
    "results of another form": lambda answer: {"result": answer["results"]},
    "a list": lambda answer: answer["results"],
    "two results": _twice,
    "the id of another": _set(id="0"),
    "no id": _without("id"),
    "a number as id": _set(id=0),
    "no response": _without("response"),
    "null response": _set(response=None),
    "response and error": _set(error="x"),
    "an error": _set(error="x", response=None),
    "an error of another form": _set(error={"x": 1}, response=None),
    "a new key": _set(status="valid"),
    "the REPL's own error": _set(response={"message": "Unknown environment."}),
    "no env": _no_env,
    "the header's env": _response(env=0),
    "a text as env": _response(env="1"),
    "an unknown severity": _response(
        messages=[{"severity": "sorries", "pos": POS, "data": "sorry"}]
    ),
    "a new key of the response": _response(lean_errors=[]),
    "no nonce": _no_nonce,
    "nonce at another place": _moved_nonce,
    "an answer to a tactic": _set(
        response={"proofState": 1, "goals": [], "proofStatus": "Completed"}
    ),
}


@pytest.mark.parametrize("lie", sorted(LIES))
async def test_answer_that_cannot_be_trusted_is_a_problem(server: Server, lie: str) -> None:
    server.change_later = LIES[lie]
    async with Kimina(server.url) as kimina:
        assert is_problem(await kimina.check(request(RIGHT)))
    assert len(server.asked) == 3


@pytest.mark.parametrize("lie", ["no env", "no nonce", "null response", "the REPL's own error"])
async def test_trial_of_a_header_is_trusted_no_more(server: Server, lie: str) -> None:
    server.change = LIES[lie]
    async with Kimina(server.url) as kimina:
        assert is_problem(await kimina.check(request(RIGHT)))
    assert len(server.asked) == 2


async def test_answer_of_another_submission_is_a_problem(server: Server) -> None:
    kept: list[dict[str, Any]] = []

    def shift(answer: dict[str, Any]) -> None:
        kept.append(copy.deepcopy(response_of(answer)))
        answer["results"][0]["response"] = kept[max(0, len(kept) - 2)]

    server.change_later = shift
    async with Kimina(server.url) as kimina:
        answers = [await kimina.check(request(source)) for source in (RIGHT, WRONG, RIGHT)]
    assert not answers[0].problem  # the first has no one before it
    assert all(is_problem(answer) for answer in answers[1:])


@pytest.mark.parametrize(
    "body", [b"", b"null", b"{", b"\xff", b'{"results": NaN}', b"[" * 100_000, b"x" * (17 << 20)]
)
async def test_what_is_no_answer_is_a_problem(server: Server, body: bytes) -> None:
    server.body = body
    async with Kimina(server.url) as kimina:
        assert is_problem(await kimina.check(request()))


@pytest.mark.parametrize(
    ("status", "tries"), [(401, 1), (422, 1), (302, 1), (429, 2), (500, 2), (499, 1)]
)
async def test_status_other_than_200_is_a_problem(server: Server, status: int, tries: int) -> None:
    server.status = status
    async with Kimina(server.url, key="secret") as kimina:
        answer = await kimina.check(request())
    assert is_problem(answer) and str(status) in answer.problem
    assert "secret" not in answer.problem
    assert len(server.asked) == tries


async def test_server_that_was_busy_once_is_asked_again(server: Server) -> None:
    server.statuses = [200, 500]
    async with Kimina(server.url) as kimina:
        answer = await kimina.check(request(WRONG))
    assert answer.problem == "" and len(answer.messages) == 1


async def test_time_that_is_used_up_is_a_problem_and_is_not_tried_again(server: Server) -> None:
    server.change_later = _set(error="Lean REPL command timed out in 5 seconds", response=None)
    async with Kimina(server.url) as kimina:
        assert "timed out" in (await kimina.check(request())).problem
    assert len(server.asked) == 2


async def test_server_that_does_not_answer_is_a_problem(server: Server) -> None:
    server.wait = threading.Event()
    async with Kimina(server.url, header_seconds=0.1, wait_seconds=0) as kimina:
        assert "did not answer" in (await kimina.check(request(seconds=0.1))).problem
    async with Kimina("http://127.0.0.1:9") as kimina:
        assert "did not answer" in (await kimina.check(request())).problem


async def test_check_can_be_cancelled(server: Server) -> None:
    server.wait = threading.Event()
    async with Kimina(server.url) as kimina:
        task = asyncio.create_task(kimina.check(request()))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_what_is_not_text_is_a_problem(server: Server) -> None:
    async with Kimina(server.url) as kimina:
        assert is_problem(await kimina.check(request("\ud800")))


def test_server_needs_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEAN_SERVER_URL", raising=False)
    for url in ("", "localhost:8000"):
        with pytest.raises(InputError):
            Kimina(url)
    with pytest.raises(InputError):
        Kimina("http://127.0.0.1:1", interface="other")  # type: ignore[arg-type]
    monkeypatch.setenv("LEAN_SERVER_URL", "http://127.0.0.1:1/")
    assert "127.0.0.1:1'" in repr(Kimina())
