from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gadfly import Level
from gadfly_local import LocalSandbox

WAYS: dict[str, dict[str, Any]] = {
    "strict": {"level": Level.STRICT},
    "fast": {"level": Level.FAST},
    # Root's jobs stay root's, and so unsafe, where nobody else can start our interpreter.
    "process": {"without": ("namespaces",), "allow_unsafe": True},
}
"""The sandbox as this machine lets it be, and as it is where namespaces are refused."""


@pytest.fixture(scope="session", params=WAYS)
def local(request: pytest.FixtureRequest) -> Iterator[LocalSandbox]:
    """The sandbox, in each way."""
    sandbox = LocalSandbox(**WAYS[request.param])
    yield sandbox
    asyncio.run(sandbox.close())


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    """For tests that make a sandbox of their own."""
    return WAYS[request.param]


@pytest.fixture(scope="session", params=["strict", "fast"])
def strong(request: pytest.FixtureRequest) -> Iterator[LocalSandbox]:
    """The sandbox with namespaces, for what only they can do; skips where they are refused."""
    sandbox = LocalSandbox(**WAYS[request.param])
    if asyncio.run(sandbox.probe()).level < Level.FAST:
        pytest.skip("this kernel grants no namespaces to an ordinary user")
    yield sandbox
    asyncio.run(sandbox.close())


class Marker:
    """A word to put into a job's command line, by which its processes are found from outside."""

    def __init__(self) -> None:
        self.word = f"gadfly-test-{secrets.token_hex(8)}"

    def processes(self) -> list[int]:
        """Return the PIDs of the processes that bear the word."""
        found: list[int] = []
        for place in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if self.word.encode() in place.read_bytes():
                    found.append(int(place.parent.name))
            except OSError:
                continue  # gone meanwhile
        return found

    async def appear(self, count: int = 1) -> None:
        """Wait until so many processes bear the word."""
        while len(self.processes()) < count:  # noqa: ASYNC110 - other processes tell us nothing
            await asyncio.sleep(0.01)

    async def vanish(self) -> None:
        """Wait until none does."""
        while self.processes():  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.01)


@pytest.fixture
def marker() -> Marker:
    return Marker()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may write in, and reach."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)
