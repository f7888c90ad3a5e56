"""What a machine gives that lacks something: the sandbox works, and says what to do about it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gadfly import Job, Level, SandboxError
from gadfly_local import LocalSandbox

pytestmark = pytest.mark.sandbox

HOST = """
import asyncio, json
from gadfly import Job
from gadfly_local import LocalSandbox

async def main():
    sandbox = LocalSandbox()
    result = await sandbox.run(Job(("python", "-c", "print(6 * 7)")))
    await sandbox.close()
    found = result.isolation
    print(json.dumps([result.stdout, found.level, found.network, found.missing]))

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("without", "level", "missing"),
    [
        ("bwrap", Level.STRICT, ""),
        ("landlock", Level.STRICT, "landlock: Linux 5.13 or newer"),
        ("namespaces", None, "install bubblewrap, or allow user namespaces"),
    ],
)
async def test_without_it_jobs_run_and_what_is_missing_is_a_line(
    without: str, level: Level | None, missing: str
) -> None:
    sandbox = LocalSandbox(without=(without,), allow_unsafe=True)

    result = await sandbox.run(Job(("python", "-c", "print(6 * 7)")))

    assert result.stdout == "42\n"
    assert result.isolation is not None
    assert level is None or result.isolation.level is level
    assert bool(result.isolation.missing) == bool(missing)
    assert all(missing in line or "ordinary user" in line for line in result.isolation.missing)
    await sandbox.close()


async def test_with_nothing_at_all_it_refuses_and_says_what_to_use() -> None:
    sandbox = LocalSandbox(without=("namespaces", "landlock"))

    with pytest.raises(SandboxError, match=r"docker sandbox, or LocalSandbox.allow_unsafe=True"):
        await sandbox.run(Job(("true",)))

    await sandbox.close()


async def test_limits_alone_are_unsafe_and_have_to_be_allowed() -> None:
    sandbox = LocalSandbox(without=("namespaces", "landlock", "seccomp"), allow_unsafe=True)

    result = await sandbox.run(Job(("python", "-c", "print(6 * 7)")))

    assert result.stdout == "42\n"
    assert result.isolation is not None
    assert result.isolation.level is Level.UNSAFE
    await sandbox.close()


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap to refuse namespaces")
def test_where_the_kernel_refuses_namespaces_it_is_landlock_and_seccomp() -> None:
    command = ["bwrap", "--unshare-user", "--disable-userns", "--uid", "1000", "--gid", "1000"]
    command += ["--dev-bind", "/", "/", "--proc", "/proc"]

    done = subprocess.run(
        [*command, sys.executable, "-c", HOST],
        check=False,
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, "HOME": "/nowhere"},
    )

    assert done.returncode == 0, done.stderr
    answer: Any = json.loads(done.stdout)
    stdout, level, network, missing = answer
    assert (stdout, level, network) == ("42\n", "process", "none")
    (line,) = missing
    assert line.startswith("namespaces (")
    assert "kernel.unprivileged_userns_clone" in line


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 70 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=70m", "none", tmp_path], check=True)
    yield tmp_path
    left = list(tmp_path.iterdir())
    subprocess.run(["umount", tmp_path], check=True)
    assert left == []


async def test_a_full_disk_of_the_machines_is_no_verdict(small_disk: Path) -> None:
    sandbox = LocalSandbox(root=small_disk, without=("namespaces",), allow_unsafe=True)
    job = Job(("python", "-c", "open('made', 'w').write('x')"), collect=("made",))
    assert (await sandbox.run(job)).files == {"made": "x"}

    others = small_disk / "others"
    others.write_bytes(bytes(10 << 20))
    with pytest.raises(SandboxError, match="less than 64 MiB"):
        await sandbox.run(job)

    others.unlink()
    assert (await sandbox.run(job)).files == {"made": "x"}
    await sandbox.close()
