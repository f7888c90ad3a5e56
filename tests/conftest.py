"""What every test relies on: a clean environment, no network, and what this machine can do."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

# No deadline: a busy machine is not a bug. Derandomised: the same commit gives the same result.
settings.register_profile("gadfly", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("gadfly")


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Nothing of the person who runs the tests gets in, and nothing of theirs is touched."""
    for name in list(os.environ):
        if name.startswith(("GADFLY_", "LANGSMITH_", "LANGCHAIN_")) and name != SHARED_DATA:
            monkeypatch.delenv(name)
    monkeypatch.setenv("GADFLY_HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """A test that reaches for another machine fails."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _only_here(getattr(socket.socket, name)))
        yield


def _only_here(original: Any) -> Any:
    def connect(self: socket.socket, address: Any) -> Any:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            host = address[0]
            if host not in {"127.0.0.1", "::1", "localhost"}:
                pytest.fail(f"a test wanted to connect to {host}")
        return original(self, address)

    return connect


SHARED_DATA = "GADFLY_SHARED_DATA"


@pytest.fixture
def shared_data() -> Path:
    """The folder of shared data sets; the test is skipped where it is not there."""
    folder = Path(os.environ.get(SHARED_DATA) or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no shared data in {folder} (set {SHARED_DATA})")
    return folder


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot do, and say so."""
    if item.get_closest_marker("lean") and shutil.which("lean") is None:
        pytest.skip("no Lean toolchain")
    if item.get_closest_marker("gpu"):
        torch = pytest.importorskip("torch")
        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")
