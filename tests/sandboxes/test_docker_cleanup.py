"""Containers go with their process, and `cleanup` finds those that did not, and no others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from tests.sandboxes.docker_images import IMAGE, engine, skip_without_docker

from gadfly import Job, SandboxError
from gadfly_docker import DockerSandbox, _shims
from gadfly_docker._container import OWNER, SANDBOX
from gadfly_docker._owner import Owner
from gadfly_docker._shims import Shim

pytestmark = pytest.mark.sandbox

HOST = """
import asyncio, sys
from gadfly import Job
from gadfly_docker import DockerSandbox

async def main():
    sandbox = DockerSandbox(sys.argv[1], runtime=sys.argv[2] or None, level=sys.argv[3], workers=2)
    await sandbox.run(Job(("python", "-c", "pass")))
    jobs = [Job(("python", "-c", "import time; time.sleep(600)")) for _ in range(2)]
    running = [asyncio.create_task(sandbox.run(job)) for job in jobs]
    await asyncio.sleep(1)
    print(sandbox._docker._mark, flush=True)
    await asyncio.gather(*running)

asyncio.run(main())
"""


@pytest.fixture
def gone() -> Owner:
    """A process that has ended."""
    done = subprocess.run(
        [sys.executable, "-c", "from gadfly_docker._owner import Owner; print(Owner.here())"],
        capture_output=True,
        text=True,
        check=True,
    )
    owner = Owner.parse(done.stdout.strip())
    assert owner is not None
    return owner


@contextlib.contextmanager
def container(owner: str) -> Generator[str]:
    """A container that was made and never started."""
    skip_without_docker()
    name = f"gadfly-test-{secrets.token_hex(8)}"
    with engine() as client:
        client.create_container(IMAGE, ["true"], name=name, labels={OWNER: owner})
        try:
            yield name
        finally:
            with contextlib.suppress(Exception):
                client.remove_container(name, force=True)


def names() -> list[str]:
    with engine() as client:
        return [found["Names"][0].lstrip("/") for found in client.containers(all=True)]


async def clean(*, dry_run: bool = False) -> str:
    sandbox = DockerSandbox()
    lines = await sandbox.cleanup(dry_run=dry_run)
    await sandbox.close()
    return "\n".join(lines)


async def test_what_the_dead_have_left_is_removed_and_named(gone: Owner) -> None:
    with container(str(gone)) as name:
        said = await clean()

        assert name in said
        assert f"of process {gone.pid}, which is gone" in said
        assert name not in names()


async def test_a_dry_run_only_names_it(gone: Owner) -> None:
    with container(str(gone)) as name:
        assert name in await clean(dry_run=True)
        assert name in names()


async def test_a_sandbox_that_closes_removes_what_an_engine_forgot(
    gone: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gadfly_docker._backend._GONE_SECONDS", 0.5)
    sandbox = DockerSandbox(IMAGE, workers=1)
    with container(str(gone)) as of_the_dead:
        await sandbox.run(Job(("python", "-c", "pass")))
        labels = {OWNER: str(Owner.here()), SANDBOX: sandbox._docker._mark}
        with engine() as client:  # ordered by the sandbox, and the engine died before it started
            client.create_container(IMAGE, ["true"], name=f"{of_the_dead}-own", labels=labels)

        await sandbox.close()

        assert not [name for name in names() if name.startswith(of_the_dead)]


@pytest.mark.parametrize("whose", ["ours", "elsewhere", "nobody's"])
async def test_what_may_belong_to_the_living_stays(whose: str, gone: Owner) -> None:
    owner = {
        "ours": str(Owner.here()),
        "elsewhere": str(replace(gone, machine="another-machine")),
        "nobody's": "some words",
    }[whose]
    with container(owner) as name:
        assert name not in await clean()
        assert name in names()


async def test_a_container_that_an_engine_lists_and_has_not_is_none(
    gone: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What docker 20.10 says, until it restarts, of one whose removal was cut off by its death.
    ghost = {"Id": "1" * 64, "Names": [], "Labels": {OWNER: str(gone)}, "State": "dead"}
    client = SimpleNamespace(containers=lambda **_: [ghost], close=lambda: None)
    monkeypatch.setattr("gadfly_docker._engine._connect", lambda _: client)

    assert await clean() == ""


def shims(sandbox: DockerSandbox) -> list[Shim]:
    mark = sandbox._docker._mark
    return [shim for shim in _shims.find() if shim.environment.get(SANDBOX) == mark]


@pytest.mark.parametrize("level", ["fast", "strict"])
async def test_the_shim_of_a_container_that_an_engine_has_forgotten_is_ended(
    level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_docker()
    if os.geteuid():
        pytest.skip("only root sees what shims were started for")
    sandbox, other = (DockerSandbox(IMAGE, level=level, workers=1) for _ in range(2))
    for each in (sandbox, other):
        await each.run(Job(("python", "-c", "pass")))
    (shim,) = shims(sandbox)
    assert await sandbox.cleanup() == []  # the engine knows it
    # As one is that was killed in the middle of a start, when it is back.
    monkeypatch.setattr("gadfly_docker._engine.Engine.containers", lambda *_: [])

    line = f"shim {shim.pid} of container {shim.container[:12]}, which its engine has forgotten"
    assert await sandbox.cleanup(dry_run=True) == [line]
    assert shim.is_there()
    assert await sandbox.cleanup() == [line]

    monkeypatch.undo()
    assert not shim.is_there()
    assert not list(_shims._groups(shim.container))
    assert len(shims(other)) == 1  # its owner lives
    assert (await sandbox.run(Job(("python", "-c", "print(1)")))).stdout == "1\n"
    for each in (sandbox, other):
        await each.close()
        assert not of_sandbox(each._docker._mark)


async def test_without_an_engine_cleanup_says_so() -> None:
    sandbox = DockerSandbox(url="unix:///nowhere.sock")

    with pytest.raises(SandboxError, match="no docker engine answers"):
        await sandbox.cleanup()

    await sandbox.close()


@pytest.fixture(params=["fast", "strict", "gvisor"])
def host(request: pytest.FixtureRequest) -> Iterator[subprocess.Popen[str]]:
    """A process with jobs that run in containers."""
    runtime = "runsc" if request.param == "gvisor" else ""
    level = "strict" if request.param == "strict" else "fast"
    skip_without_docker(runtime or None)
    with subprocess.Popen(
        [sys.executable, "-c", HOST, IMAGE, runtime, level], stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


async def test_when_the_host_is_killed_its_containers_go(host: subprocess.Popen[str]) -> None:
    assert host.stdout is not None
    mark = host.stdout.readline().strip()
    assert of_sandbox(mark)

    host.kill()
    host.wait()

    # They go by themselves: nothing cleans up here.
    for _ in range(300):
        if not of_sandbox(mark):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"there are still {of_sandbox(mark)}")


def of_sandbox(mark: str) -> list[Any]:
    with engine() as client:
        found: list[Any] = client.containers(
            all=True, filters={"label": f"dev.gadfly.sandbox={mark}"}
        )
    return found
