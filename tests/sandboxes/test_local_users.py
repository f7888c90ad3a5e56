"""Who may use the sandbox, and as whom its jobs run: each in a host process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start processes of other users"),
    pytest.mark.skipif(shutil.which("setpriv") is None, reason="needs setpriv (util-linux)"),
]

NOBODY = 65_534
AS_NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")

HOST = """
import asyncio, json, os, sys
from gadfly import Job, Limits
from gadfly_local import LocalSandbox

async def main(root, way):
    sandbox = LocalSandbox(root=root, **way)
    async def python(code, **limits):
        job = Job(("python", "-c", code), limits=Limits(**limits), collect=("made",))
        return await sandbox.run(job)
    first = await python("import os; print(os.getuid()); open('made', 'w').write('x')")
    locked = await python("import os; os.makedirs('a/b'); os.chmod('a', 0); os.chmod('.', 0)")
    bomb = await python(
        "import os, time\\nfor _ in range(20):\\n if os.fork() == 0: time.sleep(9)", processes=4
    )
    hungry = await python("x = []\\nwhile 1: x.append(b'x' * 2**20)", memory_mib=96)
    await sandbox.close()
    print(json.dumps({
        "user": first.stdout.strip(),
        "files": dict(first.files),
        "level": first.isolation.level,
        "network": first.isolation.network,
        "details": dict(first.isolation.details),
        "ended": [r.ended for r in (first, locked, bomb, hungry)],
        "left": os.listdir(root),
    }))

asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
"""


def plain_interpreter() -> str:
    """An interpreter like ours that every user may start; ours may lie in root's home."""
    for candidate in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        # Started from there, and once more as the sandbox does it.
        code = "import subprocess, sys; subprocess.run([sys.executable, '-c', ''], check=True)"
        code += f"; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
        command = [*AS_NOBODY, candidate, "-c", code]
        tried = subprocess.run(command, check=False, capture_output=True)
        if tried.returncode == 0:
            return candidate
    pytest.skip("no interpreter of our version that an ordinary user can start")


def host(command: tuple[str, ...], root: Path, *, way: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as packages:
        # Every user may read these; the environment that we run in may lie in root's home.
        for name in ("gadfly", "gadfly_local", "pluggy"):
            spec = importlib.util.find_spec(name)
            assert spec is not None
            assert spec.origin is not None
            shutil.copytree(Path(spec.origin).parent, Path(packages) / name)
        Path(packages).chmod(0o755)
        done = subprocess.run(
            [*command, "-c", HOST, str(root), json.dumps(way)],
            check=False,
            capture_output=True,
            text=True,
            env={"PATH": os.defpath, "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            timeout=100,
        )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_an_ordinary_user_needs_nothing(open_folder: Path, way: dict[str, Any]) -> None:
    report = host((*AS_NOBODY, plain_interpreter()), open_folder, way=way)

    assert report["user"] == str(NOBODY)
    assert report["files"] == {"made": "x"}
    assert report["ended"] == ["exited", "exited", "processes", "memory"]
    assert report["left"] == []
    assert report["details"]["capabilities"] == "none"
    assert report["network"] == "none"


def test_the_jobs_of_root_run_as_nobody(open_folder: Path, way: dict[str, Any]) -> None:
    report = host((plain_interpreter(),), open_folder, way=way)

    assert report["user"] == str(NOBODY)
    assert report["files"] == {"made": "x"}
    assert report["ended"] == ["exited", "exited", "processes", "memory"]
    assert report["left"] == []
    assert report["details"]["capabilities"] == "none"


def test_root_keeps_its_user_where_nobody_cannot_read_the_interpreter(open_folder: Path) -> None:
    hidden = open_folder / "hidden"
    hidden.mkdir(mode=0o700)
    interpreter = hidden / "python3"
    interpreter.symlink_to(shutil.which(plain_interpreter()) or "")

    report = host((str(interpreter),), open_folder, way={})

    assert report["user"] == "0"
    assert report["details"]["user"] == 0
    assert report["details"]["capabilities"] == "none"
