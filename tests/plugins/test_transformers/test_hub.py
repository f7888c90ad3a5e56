"""Names on the hub, against a hub of our own on this machine. No torch is needed to fetch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FETCH = """
import sys
from gadfly import GadflyError
from gadfly_transformers._hub import fetch
try:
    print(fetch(sys.argv[1]))
except GadflyError as error:
    print(type(error).__name__, error)
assert "torch" not in sys.modules
"""


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download needs: one model, described and served from a folder."""

    folder: Path
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        path = self.path.partition("?")[0]
        files = sorted(self.folder.iterdir())
        if path.startswith("/api/models/org/tiny/tree/"):
            self._send(
                json.dumps(
                    [
                        {"type": "file", "path": f.name, "size": f.stat().st_size, "oid": f.name}
                        for f in files
                    ]
                ).encode()
            )
        elif path in {"/api/models/org/tiny", "/api/models/org/tiny/revision/main"}:
            siblings = [{"rfilename": file.name} for file in files]
            about = {"id": "org/tiny", "sha": COMMIT, "siblings": siblings}
            self._send(json.dumps(about).encode())
        elif path.startswith(f"/org/tiny/resolve/{COMMIT}/"):
            self._send((self.folder / path.rpartition("/")[2]).read_bytes())
        elif "gated" in path:
            self._refuse(403, "GatedRepo")
        elif "busy" in path:
            self._refuse(500, "")
        else:
            self._refuse(404, "RepoNotFound")

    do_HEAD = do_GET  # noqa: N815 - the library's name

    def _send(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hash(body)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture
def hub(tiny_folder: Path) -> Iterator[tuple[str, list[str]]]:
    """The address of a hub, and what it is asked."""
    asked: list[str] = []
    handler = type("TinyHub", (Hub,), {"folder": tiny_folder, "asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(name: str, home: Path, **environment: str) -> str:
    """Fetch in a fresh process: the hub's library reads its settings when it is imported."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", FETCH, name],
        env=clean | {"HF_HOME": str(home)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_model_is_fetched_once_and_then_never_asked_for(
    hub: tuple[str, list[str]], tmp_path: Path, tiny_folder: Path
) -> None:
    address, asked = hub

    folder = Path(fetch("org/tiny", tmp_path, HF_ENDPOINT=address))
    asked_first = len(asked)
    again = Path(fetch("org/tiny", tmp_path, HF_ENDPOINT=address))

    assert {file.name for file in folder.iterdir()} == {f.name for f in tiny_folder.iterdir()}
    assert again == folder
    assert len(asked) == asked_first > 0


def test_what_is_in_the_cache_needs_no_network(hub: tuple[str, list[str]], tmp_path: Path) -> None:
    folder = fetch("org/tiny", tmp_path, HF_ENDPOINT=hub[0])

    assert fetch("org/tiny", tmp_path, HF_HUB_OFFLINE="1") == folder


@pytest.mark.parametrize(
    ("name", "message"),
    [
        pytest.param("org/absent", "InputError there is no folder 'org/absent', and", id="absent"),
        pytest.param("org/gated", "InputError model 'org/gated' is gated", id="gated"),
        pytest.param("org/busy", "the Hugging Face hub answered 500", id="busy"),
    ],
)
def test_what_the_hub_refuses_is_one_line(
    hub: tuple[str, list[str]], tmp_path: Path, name: str, message: str
) -> None:
    answer = fetch(name, tmp_path, HF_ENDPOINT=hub[0])

    assert message in answer
    assert "\n" not in answer


def test_offline_mode_says_that_a_folder_can_be_given(tmp_path: Path) -> None:
    answer = fetch("org/tiny", tmp_path, HF_HUB_OFFLINE="1")

    assert answer.startswith("ModelError there is no folder 'org/tiny', and it is not in the cache")
    assert answer.endswith("give the folder of a model")


def test_a_hub_that_cannot_be_reached_says_so_at_once(tmp_path: Path) -> None:
    # Nothing listens on the port of the discard service.
    answer = fetch("org/tiny", tmp_path, HF_ENDPOINT="http://127.0.0.1:9")

    assert "cannot be reached (offline?" in answer
    assert answer.endswith("give the folder of a model")
