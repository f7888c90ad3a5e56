"""The local sandbox as a port: its contract, its report, its jobs side by side, their ends."""

from __future__ import annotations

import asyncio
import json
import math
import shlex
import signal
import sys
import time
import venv
from pathlib import Path
from typing import Any

import pytest

from gadfly import Ended, InputError, Job, Level, Limits, Plugins, SandboxError
from gadfly.testing import SANDBOX_CHECKS, SandboxCheck
from gadfly_local import LocalSandbox, _backend

pytestmark = pytest.mark.sandbox


def contents(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.iterdir())


def namespace(kind: str) -> str:
    return str(Path(f"/proc/self/ns/{kind}").readlink())


@pytest.mark.parametrize("check", SANDBOX_CHECKS, ids=str)
async def test_it_keeps_the_sandbox_contract(check: SandboxCheck, local: LocalSandbox) -> None:
    # The fixture is for all tests, and closing is for good.
    await check.run(LocalSandbox() if str(check) == "ends when closed" else local)


async def test_a_first_worker_that_is_killed_is_no_fact_about_the_machine(
    monkeypatch: pytest.MonkeyPatch, way: dict[str, Any]
) -> None:
    sandbox, again = LocalSandbox(**way), LocalSandbox(**way)
    level = (await sandbox.probe()).level
    await sandbox.close()
    launched: list[Any] = []

    class Killed(_backend._Process):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            launched.append(self)
            if len(launched) < 3:
                self._process.kill()

    monkeypatch.setattr(_backend, "_Process", Killed)

    assert (await again.probe()).level is level
    assert len(launched) >= 3
    await again.close()


async def test_it_is_found_by_its_name() -> None:
    sandbox = Plugins.discover().create("sandboxes", "local")

    result = await sandbox.run(Job(("python", "-c", "print(1)")))

    assert result.stdout == "1\n"
    await sandbox.close()


async def test_it_runs_the_hosts_own_interpreter_with_its_packages(local: LocalSandbox) -> None:
    code = "import pluggy, sys; print(sys.prefix, sys.version)"

    result = await local.run(Job(("python", "-c", code)))

    assert result.stdout == f"{sys.prefix} {sys.version}\n"


async def test_python_in_a_job_is_the_same_interpreter(local: LocalSandbox) -> None:
    code = "import subprocess; subprocess.run(['python', '-c', 'import sys; print(sys.prefix)'])"

    result = await local.run(Job(("python", "-c", code)))

    assert result.stdout == f"{sys.prefix}\n"


async def test_other_commands_run_too(local: LocalSandbox) -> None:
    result = await local.run(Job(("sh", "-c", 'cat; echo "$1"', "sh", "word"), stdin="in "))

    assert result.stdout == "in word\n"


async def test_a_file_that_cannot_be_executed_is_status_126(local: LocalSandbox) -> None:
    result = await local.run(Job(("./script",), files={"script": "echo no"}))

    assert (result.ended, result.exit_code) == (Ended.EXITED, 126)
    assert "./script" in result.stderr


async def test_the_report_says_what_a_job_can_verify(local: LocalSandbox) -> None:
    code = """
import json, os, sys
status = dict(line.rstrip().split(":", 1) for line in open("/proc/self/status"))
kinds = ("user", "pid", "ipc", "net", "mnt", "uts", "cgroup")
spaces = {n: os.readlink(f"/proc/self/ns/{n}") for n in kinds}
print(json.dumps([os.getuid(), status["NoNewPrivs"], status["CapPrm"], spaces]))
"""

    result = await local.run(Job(("python", "-c", code)))

    user, no_new_privs, capabilities, spaces = json.loads(result.stdout)
    assert result.isolation is not None
    details: Any = result.isolation.details
    entered = [n for n, link in spaces.items() if link != namespace(n)]
    assert details["namespaces"] == entered
    assert details["user"] == user
    assert (details["no_new_privs"], no_new_privs.strip()) == (True, "1")
    assert (details["capabilities"], int(capabilities, 16)) == ("none", 0)
    assert details["python"] == sys.version.split()[0]
    assert (result.isolation.level >= Level.FAST) == bool(entered)


async def test_with_network_the_report_leaves_the_network_namespace_out(
    local: LocalSandbox,
) -> None:
    code = "import os; print(os.readlink('/proc/self/ns/net'))"

    result = await local.run(Job(("python", "-c", code), limits=Limits(network=True)))

    assert result.stdout.strip() == namespace("net")
    assert result.isolation is not None
    assert result.isolation.network == "open"
    namespaces: Any = result.isolation.details["namespaces"]
    assert "net" not in namespaces


async def test_a_job_that_fails_for_want_of_network_is_told_apart(local: LocalSandbox) -> None:
    code = "import socket; socket.create_connection(('127.0.0.1', 9))"
    elsewhere = """
import socket, sys, threading
threading.excepthook = print
thread = threading.Thread(target=socket.socket)
thread.start()
thread.join()
sys.exit(1)
"""

    results = [await local.run(Job(("python", "-c", text))) for text in (code, elsewhere)]

    told = (await local.probe()).level > Level.PROCESS
    assert {result.ended for result in results} == {Ended.NETWORK if told else Ended.EXITED}
    assert {result.exit_code for result in results} == {None if told else 1}
    assert "PermissionError" in results[0].stderr


async def test_a_job_that_does_without_network_has_not_failed(local: LocalSandbox) -> None:
    code = """
import socket
try: socket.create_connection(("127.0.0.1", 9))
except OSError: print("alone")
"""
    result = await local.run(Job(("python", "-c", code)))

    assert (result.ended, result.exit_code, result.stdout) == (Ended.EXITED, 0, "alone\n")


async def test_usage_is_measured(local: LocalSandbox) -> None:
    code = """
import time
held = b"x" * 60_000_000
while time.process_time() < 0.3: pass
"""

    result = await local.run(Job(("python", "-c", code)))

    assert result.ended is Ended.EXITED
    assert 0.3 <= result.cpu_seconds < 2.0
    assert result.wall_seconds >= 0.3
    assert 57 <= result.peak_memory_mib < 200


async def test_fifty_jobs_at_once_each_get_their_own_answer(local: LocalSandbox) -> None:
    jobs = [Job(("python", "-I", "-S", "-c", f"print({i})")) for i in range(50)]

    results = await asyncio.gather(*(local.run(job) for job in jobs))

    assert [result.stdout for result in results] == [f"{i}\n" for i in range(50)]


async def test_no_more_jobs_run_at_once_than_asked_for(marker: Any) -> None:
    sandbox = LocalSandbox(workers=2)
    # By an option that a warm interpreter does not take: one process, with the word on its line.
    job = Job(("python", "-X", "utf8", "-c", "import time; time.sleep(0.2)", marker.word))
    jobs = [asyncio.create_task(sandbox.run(job)) for _ in range(6)]
    seen: list[int] = []

    while not all(job.done() for job in jobs):
        seen.append(len(marker.processes()))
        await asyncio.sleep(0.01)

    assert max(seen) == 2
    await sandbox.close()


def test_one_sandbox_serves_several_event_loops(local: LocalSandbox) -> None:
    job = Job(("python", "-I", "-S", "-c", "print(1)"))

    async def several() -> list[str]:
        results = await asyncio.gather(*(local.run(job) for _ in range(4)))
        return [result.stdout for result in results]

    assert asyncio.run(several()) == asyncio.run(several()) == ["1\n"] * 4


async def test_limits_hold_while_the_event_loop_is_busy(local: LocalSandbox) -> None:
    sleeper = asyncio.create_task(local.run(Job(("sleep", "30"), limits=Limits(wall_seconds=0.3))))
    await asyncio.sleep(0.05)

    time.sleep(1.5)  # noqa: ASYNC251 - what a careless host does
    result = await sleeper

    assert result.ended is Ended.TIMEOUT
    assert result.wall_seconds < 1.4


async def test_limits_may_be_infinite(local: LocalSandbox) -> None:
    limits = Limits(wall_seconds=math.inf, cpu_seconds=math.inf, memory_mib=2**50)

    result = await local.run(Job(("true",), limits=limits))

    assert result.succeeded


async def test_cancelling_leaves_no_process_and_no_folder(
    tmp_path: Path, marker: Any, way: dict[str, Any]
) -> None:
    sandbox = LocalSandbox(root=tmp_path, **way)
    code = "import os\nfor _ in range(3): os.fork()\nwhile True: pass"
    command = f"exec python -c {shlex.quote(code)} {marker.word}"
    running = asyncio.create_task(sandbox.run(Job(("sh", "-c", command))))
    await marker.appear(8)

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert marker.processes() == []
    await sandbox.close()
    assert contents(tmp_path) == []


async def test_cancelling_twice_still_leaves_nothing(tmp_path: Path, marker: Any) -> None:
    sandbox = LocalSandbox(root=tmp_path)
    loop = Job(("sh", "-c", "while :; do :; done", marker.word))
    running = asyncio.create_task(sandbox.run(loop))
    await marker.appear()

    running.cancel()
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert marker.processes() == []
    await sandbox.close()
    assert contents(tmp_path) == []


async def test_a_job_that_waits_for_its_turn_can_be_cancelled(tmp_path: Path, marker: Any) -> None:
    sandbox = LocalSandbox(workers=1, root=tmp_path)
    first = asyncio.create_task(sandbox.run(Job(("sleep", "0.3"))))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(sandbox.run(Job(("touch", marker.word))))
    await asyncio.sleep(0)

    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second

    assert not first.done()
    assert (await first).succeeded
    await sandbox.close()


async def test_a_job_dies_with_its_host(tmp_path: Path, marker: Any, way: dict[str, Any]) -> None:
    host = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _HOST, str(tmp_path), json.dumps(way), marker.word
    )
    await marker.appear(3)  # the host itself bears the word, too

    host.send_signal(signal.SIGKILL)
    await host.wait()

    await asyncio.wait_for(marker.vanish(), 20)
    while contents(tmp_path):  # noqa: ASYNC110 - nobody is left to tell us
        await asyncio.sleep(0.01)


_HOST = """
import asyncio, json, sys
from gadfly import Job
from gadfly_local import LocalSandbox
root, way, word = sys.argv[1:]
sandbox = LocalSandbox(root=root, **json.loads(way))
code = "(setsid sh -c 'while :; do :; done' $0 &) ; while :; do :; done"
asyncio.run(sandbox.run(Job(("sh", "-c", code, word))))
"""


async def test_closing_waits_for_what_runs(tmp_path: Path) -> None:
    sandbox = LocalSandbox(root=tmp_path)
    running = asyncio.create_task(sandbox.run(Job(("sleep", "0.3"))))
    await asyncio.sleep(0.05)

    await sandbox.close()

    assert (await running).succeeded


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(Job(("python", "\0")), id="NUL in the command"),
        pytest.param(Job(("true",), files={"a": "", "a/b": ""}), id="a file as a folder"),
        pytest.param(Job(("true",), files={"x" * 300: ""}), id="a name that is too long"),
        pytest.param(Job(("true",), files={"\ud800": ""}), id="a name that is no text"),
    ],
)
async def test_a_job_that_nobody_could_run_is_the_givers_mistake(
    job: Job, local: LocalSandbox
) -> None:
    with pytest.raises(InputError):
        await local.run(job)


async def test_text_that_is_no_unicode_is_the_jobs_own_problem(local: LocalSandbox) -> None:
    job = Job(("python", "draft.py"), files={"draft.py": "x = '\ud800'"}, stdin="\udfff")

    result = await local.run(job)

    assert (result.ended, result.exit_code) == (Ended.EXITED, 1)
    assert "SyntaxError" in result.stderr


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="workers"):
        LocalSandbox(workers=0)
    with pytest.raises(InputError, match="level"):
        LocalSandbox(level=Level.UNSAFE)
    with pytest.raises(InputError, match="readable"):
        LocalSandbox(readable=("here",))
    with pytest.raises(InputError, match="without"):
        LocalSandbox(without=("everything",))
    with pytest.raises(InputError, match="absent"):
        LocalSandbox(root=tmp_path / "absent")


async def test_jobs_may_run_on_another_interpreter(tmp_path: Path) -> None:
    other = tmp_path / "other"
    venv.create(other, symlinks=True)

    sandbox = LocalSandbox(python=other / "bin" / "python", workers=1)

    result = await sandbox.run(Job(("python", "-c", "import sys; print(sys.prefix)")))
    await sandbox.close()

    assert (result.stdout.strip(), result.stderr) == (str(other), "")


def test_an_interpreter_that_does_not_start_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no interpreter that starts"):
        LocalSandbox(python=tmp_path / "python")


async def test_a_root_that_has_gone_is_a_broken_sandbox(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    sandbox = LocalSandbox(root=root, without=("namespaces",), allow_unsafe=True)
    root.rmdir()

    with pytest.raises(SandboxError, match="work folder"):
        await sandbox.run(Job(("true",)))

    await sandbox.close()


def test_it_says_that_it_needs_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")

    with pytest.raises(SandboxError, match="needs Linux"):
        LocalSandbox()
