"""Each covered line of the README, attacked once, with the exact end that it must have."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest

from gadfly import Ended, Job, JobResult, Level, Limits
from gadfly_local import LocalSandbox

pytestmark = pytest.mark.sandbox


async def run(sandbox: LocalSandbox, code: str, *words: str, **options: Any) -> JobResult:
    limits = options.pop("limits", Limits())
    return await sandbox.run(Job(("python", "-c", code, *words), limits=limits, **options))


def contents(folder: Path) -> list[str]:
    return sorted(place.name for place in folder.iterdir())


# ------------------------------------------------------------------ limits


async def test_children_that_are_small_each_are_counted_together(local: LocalSandbox) -> None:
    code = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        held = b"x" * 40_000_000
        time.sleep(20)
        os._exit(0)
time.sleep(20)
"""

    result = await run(local, code, limits=Limits(memory_mib=128, wall_seconds=15))

    assert result.ended is Ended.MEMORY


async def test_memory_that_processes_share_is_counted_once(local: LocalSandbox) -> None:
    code = """
import os, time
held = b"x" * 60_000_000
for _ in range(4):
    if os.fork() == 0:
        time.sleep(0.3)
        os._exit(0)
while True:
    try: os.wait()
    except ChildProcessError: break
"""

    result = await run(local, code, limits=Limits(memory_mib=128))

    assert (result.ended, result.exit_code) == (Ended.EXITED, 0)


async def test_memory_that_is_only_reserved_is_no_memory(local: LocalSandbox) -> None:
    code = """
import mmap
held = mmap.mmap(-1, 200 * 2**20)
try:
    mmap.mmap(-1, 2**40)
except OSError:
    print("refused")
"""

    result = await run(local, code, limits=Limits(memory_mib=128))

    assert (result.ended, result.stdout) == (Ended.EXITED, "refused\n")


async def test_threads_count_as_processes(local: LocalSandbox) -> None:
    code = """
import threading, time
for _ in range(20):
    threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
time.sleep(20)
"""

    result = await run(local, code, limits=Limits(processes=8, wall_seconds=15))

    assert result.ended is Ended.PROCESSES


async def test_a_fork_bomb_is_stopped(tmp_path: Path, marker: Any, way: dict[str, Any]) -> None:
    sandbox = LocalSandbox(root=tmp_path, **way)
    code = """
import os, time
started = time.monotonic()
while time.monotonic() < started + 5:  # it ends by itself, in case nothing else ends it
    try: os.fork()
    except OSError: pass
"""

    result = await run(sandbox, code, marker.word, limits=Limits(processes=8))

    assert result.ended is Ended.PROCESSES
    assert marker.processes() == []
    await sandbox.close()


async def test_open_files_are_bounded(local: LocalSandbox) -> None:
    code = "import os\nfor _ in range(100): os.dup(0)"

    result = await run(local, code, limits=Limits(open_files=32))

    assert (result.ended, result.exit_code) == (Ended.EXITED, 1)
    assert "Too many open files" in result.stderr


async def test_both_streams_may_flood_at_once(local: LocalSandbox) -> None:
    code = """
import os
for _ in range(20_000):
    os.write(1, b"o" * 4096)
    os.write(2, b"e" * 4096)
"""

    result = await run(local, code, limits=Limits(output_kib=64))

    assert (result.ended, result.truncated) == (Ended.OUTPUT, True)
    assert 0 < len(result.stdout) <= 65_536 and set(result.stdout) == {"o"}
    assert 0 < len(result.stderr) <= 65_536 and set(result.stderr) == {"e"}


async def test_output_that_just_fits_is_whole(local: LocalSandbox) -> None:
    code = "import os; os.write(1, b'x' * 16384)"

    result = await run(local, code, limits=Limits(output_kib=16))

    assert (result.ended, result.truncated) == (Ended.EXITED, False)
    assert len(result.stdout) == 16_384


async def test_a_short_flood_is_one_even_if_the_job_has_ended(local: LocalSandbox) -> None:
    result = await run(local, "import os; os.write(1, b'x' * 2000)", limits=Limits(output_kib=1))

    assert (result.ended, result.exit_code, len(result.stdout)) == (Ended.OUTPUT, None, 1024)


async def test_a_sparse_giant_is_refused(local: LocalSandbox) -> None:
    result = await run(local, "open('giant', 'wb').truncate(2**50)")

    assert (result.ended, result.exit_code) == (Ended.EXITED, 1)
    assert "File too large" in result.stderr


async def test_a_file_too_large_is_disk_even_if_the_job_has_ended(local: LocalSandbox) -> None:
    code = "open('a', 'wb').write(b'x' * 2 * 2**20)"

    result = await run(local, code, limits=Limits(disk_mib=1))

    assert (result.ended, result.exit_code) == (Ended.DISK, None)


async def test_the_signal_for_large_files_is_disk(local: LocalSandbox) -> None:
    code = """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
open('a', 'wb').write(b'x' * 4 * 2**20)
"""

    result = await run(local, code, limits=Limits(disk_mib=1))

    assert (result.ended, result.signal) == (Ended.DISK, None)


async def test_empty_files_use_disk_too(local: LocalSandbox) -> None:
    code = "import time\nfor i in range(2000): open(str(i), 'w').close()\ntime.sleep(20)"

    result = await run(local, code, limits=Limits(disk_mib=4, wall_seconds=15))

    assert result.ended is Ended.DISK


async def test_a_signal_of_the_jobs_own_is_not_the_cpu_limit(local: LocalSandbox) -> None:
    result = await run(local, "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)")

    assert (result.ended, result.signal) == (Ended.SIGNALED, 24)


async def test_a_crash_is_a_signal_and_leaves_no_core(local: LocalSandbox) -> None:
    code = "import ctypes; ctypes.string_at(0)"

    result = await run(local, code, collect=("core",))

    assert (result.ended, result.signal) == (Ended.SIGNALED, 11)
    assert not result.files and not result.rejected


# ------------------------------------------------------------------ whole trees


async def test_daemons_are_counted_and_dead_when_the_result_is_there(
    tmp_path: Path, marker: Any, way: dict[str, Any]
) -> None:
    sandbox = LocalSandbox(root=tmp_path, **way)
    code = """
import os, signal, time
reader, writer = os.pipe()
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)
            os.write(writer, b"x")
            time.sleep(60)
        os._exit(0)
for _ in range(3):
    os.wait()
    os.read(reader, 1)
os._exit(0)
"""

    result = await run(sandbox, code, marker.word, limits=Limits(wall_seconds=50))

    assert (result.ended, result.exit_code) == (Ended.EXITED, 0)
    assert result.leftover_processes == 3
    assert marker.processes() == []
    await sandbox.close()


@pytest.mark.parametrize("code", ["while True: pass", "import time; time.sleep(60)"])
async def test_a_timeout_takes_the_daemons_along(
    tmp_path: Path, marker: Any, way: dict[str, Any], code: str
) -> None:
    sandbox = LocalSandbox(root=tmp_path, **way)
    code = f"import os\nif os.fork() == 0:\n os.setsid()\n os.fork()\n{code}"

    result = await run(sandbox, code, marker.word, limits=Limits(wall_seconds=0.5))

    assert result.ended is Ended.TIMEOUT
    assert marker.processes() == []
    await sandbox.close()


async def test_killing_everything_in_sight_kills_nobody_else(strong: LocalSandbox) -> None:
    code = """
import os, signal
for pid in (-1, 1, os.getppid() or 1):  # 0, where the parent is not in sight, is one's own group
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
        try: os.kill(pid, number)
        except OSError: pass
print("still here")
"""

    result = await run(strong, code)

    assert (result.ended, result.stdout) == (Ended.EXITED, "still here\n")


async def test_a_worker_cannot_be_killed_by_its_job(local: LocalSandbox) -> None:
    code = """
import os
try:
    os.kill(os.getppid() or 1, 9)  # 0, where the parent is not in sight, is one's own group
except PermissionError:
    pass
print("still here")
"""

    first, second = await run(local, code), await run(local, "print(1)")

    assert (first.ended, first.stdout) == (Ended.EXITED, "still here\n")
    assert second.stdout == "1\n"


async def test_a_room_that_is_killed_from_outside_is_no_fact_about_its_job() -> None:
    sandbox = LocalSandbox(workers=1)
    if (await sandbox.probe()).level is not Level.STRICT:
        pytest.skip("no namespaces for each job here")
    code = "import time; time.sleep(1.5); print('done')"
    job = asyncio.create_task(run(sandbox, code))
    await asyncio.sleep(0.7)

    os.kill(innermost("1"), signal.SIGKILL)

    result = await job  # it was tried once more
    assert (result.ended, result.stdout) == (Ended.EXITED, "done\n")
    await sandbox.close()


@pytest.mark.parametrize("number", [0, 1], ids=["keeper", "job"])
async def test_a_room_that_is_emptied_before_its_job_comes_is_made_again(number: int) -> None:
    sandbox = LocalSandbox(workers=1)
    if (await sandbox.probe()).level is not Level.STRICT:
        pytest.skip("no namespaces for each job here")
    room = await next_room()
    worker = parent(room[0])

    os.kill(room[number], signal.SIGKILL)
    async with asyncio.timeout(30):
        # It stays so until its worker, which has no job, looks.
        while "Z" not in status(room[1])["State"]:  # noqa: ASYNC110 - other processes tell nothing
            await asyncio.sleep(0.01)

    assert (await run(sandbox, "print(2)")).stdout == "2\n"
    assert parent((await next_room())[0]) == worker
    await sandbox.close()


async def next_room() -> tuple[int, int]:
    """Return who is in the room that waits for a job: its keeper, and the job's process.

    A worker makes it when it has told of its last job.
    """
    for _ in range(1000):
        job, keeper = innermost("2"), innermost("1")  # in this order: keepers come first
        with contextlib.suppress(OSError):
            lives = "Z" not in status(job)["State"]
            if lives and job > keeper and parent(job) == parent(keeper):
                return keeper, job
        await asyncio.sleep(0.01)
    pytest.fail("no room is made")


def innermost(number: str) -> int:
    """Return the last process below this one that has that number in a room; 0 for none.

    That is 1 for what keeps a room, and 2 for its job.
    """
    depths: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError):
            fields = status(int(path.parent.name))
            words = fields["NSpid"].split()
            depths[int(fields["Pid"])] = len(words) if words[-1] == number else 0

    def is_ours(pid: int) -> bool:
        while pid and pid != os.getpid():
            pid = parent(pid)
        return pid != 0

    deepest = max(depths.values())
    return max((pid for pid in depths if depths[pid] == deepest and is_ours(pid)), default=0)


def parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(status(pid)["PPid"])
    return 0


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":", 1) for line in lines)


# ------------------------------------------------------------------ what a job sees


async def test_the_environment_holds_nothing_else(local: LocalSandbox) -> None:
    code = "import os; print(sorted(os.environ), os.environ['HOME'] == os.getcwd())"

    result = await run(local, code)

    names = [
        *("HOME", "LANG", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
        *("PATH", "TMPDIR"),
    ]
    assert result.stdout == f"{names} True\n"


async def test_there_are_no_other_descriptors(local: LocalSandbox) -> None:
    holder = os.open(os.devnull, os.O_RDONLY)
    os.set_inheritable(holder, True)

    result = await run(
        local, "import os; print(sorted(map(int, os.listdir('/proc/self/fd')))[:-1])"
    )

    os.close(holder)
    assert result.stdout == "[0, 1, 2]\n"


async def test_nobody_else_may_read_the_folder_or_what_a_job_makes(local: LocalSandbox) -> None:
    code = """
import os
open("made", "w").close()
print(oct(os.stat(".").st_mode), oct(os.stat("made").st_mode))
"""

    result = await run(local, code)

    assert result.stdout == "0o40700 0o100600\n"


async def test_no_connection_leaves_the_job(strong: LocalSandbox) -> None:
    code = """
import socket, sys
for family, address in (
    (socket.AF_INET, ("127.0.0.1", int(sys.argv[1]))),
    (socket.AF_UNIX, "\\0" + sys.argv[2]),
):
    try:
        socket.socket(family).connect(address)
        print("reached", address)
    except OSError:
        pass
"""
    name = f"gadfly-test-{os.getpid()}"
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_UNIX) as abstract,
    ):
        abstract.bind(f"\0{name}")
        abstract.listen()
        result = await run(strong, code, str(listener.getsockname()[1]), name)

    assert (result.ended, result.stdout) == (Ended.EXITED, "")
    assert result.isolation is not None
    assert result.isolation.network == "none"


async def test_only_the_work_folder_can_be_written(strong: LocalSandbox, open_folder: Path) -> None:
    code = """
import os, sys
places = ("/", "/usr", "/etc", "/dev", os.path.dirname(os.__file__), "/proc/sys/kernel")
for place in (sys.argv[1], *places):
    try:
        open(os.path.join(place, "gadfly-attack"), "w").close()
        print("wrote to", place)
    except OSError:
        pass
open("inside", "w").close()
"""

    result = await run(strong, code, str(open_folder))

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")
    assert contents(open_folder) == []


async def test_other_processes_are_out_of_sight(strong: LocalSandbox) -> None:
    code = """
import os
print(sorted(int(name) for name in os.listdir("/proc") if name.isdigit()) == [1, os.getpid()])
"""

    result = await run(strong, code)

    assert result.stdout == "True\n"


async def test_the_supervisor_cannot_be_looked_into(strong: LocalSandbox) -> None:
    code = """
import os
for pid in (os.getppid(), 1):
    for name in ("mem", "environ", "fd/3", "fd/4"):
        try:
            open(f"/proc/{pid}/{name}", "rb").close()
            print("opened", pid, name)
        except OSError:
            pass
"""

    result = await run(strong, code)

    assert (result.ended, result.stdout) == (Ended.EXITED, "")


async def test_multiprocessing_works(strong: LocalSandbox) -> None:
    code = """
import multiprocessing
with multiprocessing.Pool(2) as pool:
    print(pool.map(abs, [-1, -2]))
"""

    result = await run(strong, code)

    assert (result.stdout, result.stderr) == ("[1, 2]\n", "")


# ------------------------------------------------------------------ files


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            "import os\nos.makedirs('a/b/c')\nopen('a/b/c/x', 'w')\n"
            "for d in ('a/b/c', 'a/b', 'a', '.'): os.chmod(d, 0)",
            id="locked",
        ),
        pytest.param(
            "import os\nos.symlink('.', 'loop')\nos.mkfifo('fifo')\nos.symlink('/etc', 'etc')\n"
            "open('line\\nbreak \\udcff', 'w')",
            id="odd things",
        ),
        pytest.param("import time; open('x', 'w'); time.sleep(60)", id="timed out"),
        pytest.param("import os; open('x', 'w'); os.kill(os.getpid(), 9)", id="killed"),
    ],
)
async def test_the_folder_is_gone_whatever_was_in_it(
    tmp_path: Path, way: dict[str, Any], code: str
) -> None:
    sandbox = LocalSandbox(root=tmp_path, **way)

    result = await run(sandbox, code, limits=Limits(wall_seconds=2.0))

    assert result.ended is not Ended.DISK
    assert "Error" not in result.stderr
    assert (await run(sandbox, "import os; print(os.listdir())")).stdout == "[]\n"
    await sandbox.close()
    assert contents(tmp_path) == []


async def test_a_folder_a_thousand_deep_is_gone_too(tmp_path: Path, way: dict[str, Any]) -> None:
    sandbox = LocalSandbox(root=tmp_path, **way)
    code = "import os\nfor _ in range(1000):\n os.mkdir('d' * 200)\n os.chdir('d' * 200)"

    result = await run(sandbox, code)

    assert (result.ended, result.exit_code) == (Ended.EXITED, 0)
    assert (await run(sandbox, "import os; print(os.listdir())")).stdout == "[]\n"
    await sandbox.close()
    assert contents(tmp_path) == []


async def test_a_folder_that_is_swapped_for_a_link_is_not_followed(open_folder: Path) -> None:
    victim, root = open_folder / "victim", open_folder / "root"
    for folder in (victim, root):
        folder.mkdir()
        folder.chmod(0o777)
    (victim / "kept").write_text("kept")
    sandbox = LocalSandbox(root=root, without=("namespaces",), allow_unsafe=True)
    code = """
import os, sys
here = os.getcwd()
os.rename(here, here + "-moved")
os.symlink(sys.argv[1], here)
"""

    result = await run(sandbox, code, str(victim), collect=("kept",))

    assert (result.exit_code, result.files) == (0, {})
    assert (victim / "kept").read_text() == "kept"
    await sandbox.close()


async def test_what_is_refused_says_why(local: LocalSandbox) -> None:
    code = """
import os
os.symlink("/etc/passwd", "link")
os.symlink("nowhere", "dangling")
os.symlink("/etc", "folder")
os.mkfifo("fifo")
open("one", "w").close()
os.link("one", "two")
os.mkdir("real")
open("large", "wb").write(b"x" * 1025)
open("fits", "wb").write(b"x" * 1024)
"""
    names = ("link", "dangling", "folder/passwd", "fifo", "one", "real", "large", "fits", "absent")

    result = await run(local, code, collect=names, limits=Limits(output_kib=1))

    assert result.files == {"fits": "x" * 1024}
    assert {name: reason.split(":")[0] for name, reason in result.rejected.items()} == {
        "link": "it is a symbolic link",
        "dangling": "it is a symbolic link",
        "folder/passwd": "a part of its path is not a folder (a symbolic link or a file)",
        "fifo": "it is not a regular file",
        "one": "it has a second name (a hard link)",
        "real": "it is not a regular file",
        "large": "it is larger than output_kib allows (1024 bytes)",
    }


async def test_files_are_read_when_everything_is_dead(local: LocalSandbox) -> None:
    code = """
import os, time
open("result", "w").write("by the job")
if os.fork() == 0:
    os.setsid()
    while True:
        open("new", "w").write("by the daemon")
        os.replace("new", "result")
time.sleep(0.2)
"""

    result = await run(local, code, collect=("result", "new"))

    assert result.leftover_processes == 1
    assert result.files["result"] == "by the daemon"


async def test_a_well_behaved_job_beside_a_bad_one_is_untouched(local: LocalSandbox) -> None:
    bad = "held = []\nwhile True: held.append(b'x' * 2**20)"
    good = "import time; time.sleep(0.5); print('fine')"

    first, second = await asyncio.gather(
        run(local, bad, limits=Limits(memory_mib=96)), run(local, good)
    )

    assert first.ended is Ended.MEMORY
    assert second.stdout == "fine\n"
