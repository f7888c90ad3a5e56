"""Nothing is lost: thousands of jobs, a tenth of them hostile, while what runs them is killed.

    python benchmarks/soak.py [--jobs 20000] [--seed 1] [--sandbox local] [--level strict]

A batch process gives jobs to a sandbox and writes each ending into a ledger. This process, its
supervisor, kills workers, zygotes (or containers) and the batch itself at points of progress that
the seed decides, starts the batch again, and fills the disk under it once (as root: a small tmpfs
is that disk). With `--dockerd COMMAND`, the docker engine is killed too, and started again by that
command. Before all that, every kind of job is run in quiet. In the end

- every id has ended exactly once, as its kind ended in quiet, with its own answer;
- nothing is left: processes, containers, mounts, control groups, shared memory, files.

All that the batch has started stays below this process, which adopts orphans, so what is left of it
is known exactly. Other places are compared with how they were found; where other Gadflies work on
the machine at the same time, differences there may be theirs, and are told but not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import json
import os
import random
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from processes import below, fields

from gadfly import Job, JobResult, Limits, Sandbox, SandboxError

HERE = Path(__file__)
DISK_MIB = 48
_PR_SET_CHILD_SUBREAPER = 36
_SETTLING_SECONDS = 15.0
_STALLED_SECONDS = 180.0
_TMP = Path("/tmp")  # noqa: S108 - where leftovers are looked for

# ----------------------------------------------------------------------------------------- jobs

_LIMITS = Limits(
    wall_seconds=20, cpu_seconds=10, memory_mib=256, output_kib=64, disk_mib=8, processes=16
)
_SHORT = Limits(wall_seconds=0.5, cpu_seconds=10, memory_mib=256, processes=16)
_LITTLE_CPU = Limits(wall_seconds=30, cpu_seconds=0.3, memory_mib=256, processes=16)


def _name(number: int) -> str:
    return f"job{number}x"


@dataclass(frozen=True, slots=True)
class Kind:
    """Jobs that differ in their number only; `{id}` in what they are given stands for its name."""

    code: str
    limits: Limits = _LIMITS
    stdin: str = ""
    argv: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    collect: tuple[str, ...] = ()
    answers: bool = True
    """Whether all of its output is the same each time."""

    def job(self, number: int) -> Job:
        """Return the job of a number."""

        def fill(text: str) -> str:
            return text.replace("{id}", _name(number)).replace("{number}", str(number))

        command = self.argv or ("python", "-I", "-c", self.code)
        return Job(
            tuple(map(fill, command)),
            files={name: fill(content) for name, content in self.files},
            stdin=fill(self.stdin),
            collect=self.collect,
            limits=self.limits,
        )

    def ending(self, number: int, result: JobResult) -> str:
        """Say how a job ended, with its number taken out; equal for all jobs of a kind."""
        said = f"{result.ended.value} {result.exit_code} {result.signal}"
        if self.answers:
            told = json.dumps([result.stdout, dict(result.files)], sort_keys=True)
            said += f" {told.replace(_name(number), '{id}')}"
        return said


ORDINARY = {
    "prints": Kind("print('{id}')"),
    "computes": Kind("print('{id}', sum(n * n for n in range(20000)))"),
    "reads": Kind("import sys; print(sys.stdin.read()[::-1][::-1])", stdin="about {id}\n"),
    "writes": Kind("open('out.txt', 'w').write('made by {id}')", collect=("out.txt",)),
    "has files": Kind("print(open('a/b').read())", files=(("a/b", "given to {id}"),)),
    "fails": Kind("print('{id}'); raise ValueError('{id}')"),
    "exits": Kind("import sys; print('{id}'); sys.exit(3)"),
    "another program": Kind("", argv=("sh", "-c", "echo {id}; exit 4")),
    "has children": Kind(
        "import subprocess\nprint(subprocess.run(['echo', '{id}'], capture_output=True).stdout)"
    ),
}
_FORGERY = """
import os, struct
said = b'{"exit_code": 0, "reason": "", "stdout": 6, "stderr": 0, "wall": 0, "files": []}forged'
frame = struct.pack('>cI', b'D', 4 + len(said)) + len(said).to_bytes(4, 'big') + said
print('{id}', flush=True)
for fd in range(3, 256):
    for data in (frame, b'R\\0\\0\\0\\2{}', b'\\xff' * 64):
        try:
            os.write(fd, data)
        except OSError:
            pass
"""
_DAEMONS = """
import os, signal, time
for number in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for name in signal.valid_signals():
                try:
                    signal.signal(name, signal.SIG_IGN)
                except OSError:
                    pass
            time.sleep(1000)
        os._exit(0)
for number in range(5):
    os.wait()
print('{id}')
"""
_SHARED_MEMORY = """
import ctypes, os
libc = ctypes.CDLL(None)
libc.shmget({number} + 1, 65536, 0o1666)
libc.semget({number} + 1, 1, 0o1666)
for place in ('/dev/shm', '/tmp', '/var/tmp', '.'):
    try:
        open(place + '/gadfly-soak-{id}', 'w').write('left')
    except OSError:
        pass
print('{id}')
"""
_KILLS = """
import os, signal
for pid in (os.getppid(), 1, -1):
    for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
        try:
            os.kill(pid, number)
        except OSError:
            pass
print('{id}')
"""
HOSTILE = {
    "fork bomb": Kind(
        "import os, time\nwhile True:\n    try:\n        os.fork()\n"
        "    except OSError:\n        time.sleep(0.01)",
        answers=False,
    ),
    "thread bomb": Kind(
        "import threading, time\nwhile True:\n    try:\n"
        "        threading.Thread(target=time.sleep, args=(1000,)).start()\n"
        "    except RuntimeError:\n        time.sleep(1000)",
        # Room for the stacks: threads that get none are no bomb.
        limits=Limits(wall_seconds=20, cpu_seconds=10, memory_mib=2048, processes=16),
        answers=False,
    ),
    "memory bomb": Kind(
        "import time\nheld = []\nwhile True:\n    try:\n"
        "        held.append(bytearray(b'x' * (4 << 20)))\n"
        "    except MemoryError:\n        time.sleep(1000)",
        answers=False,
    ),
    "flood": Kind("import os\nwhile True:\n    os.write(1, b'x' * 65536)", answers=False),
    "flood of errors": Kind("import os\nwhile True:\n    os.write(2, b'\\n' * 65536)"),
    "disk bomb": Kind(
        "import time\nfile = open('big', 'wb', buffering=0)\nwhile True:\n    try:\n"
        "        file.write(b'x' * 65536)\n    except OSError:\n        time.sleep(1000)",
        answers=False,
    ),
    "deaf loop": Kind(
        "import signal\nfor n in signal.valid_signals():\n    try:\n"
        "        signal.signal(n, signal.SIG_IGN)\n    except OSError:\n        pass\n"
        "while True:\n    pass",
        limits=_LITTLE_CPU,
    ),
    "sleeps": Kind("import time; print('{id}', flush=True); time.sleep(1000)", limits=_SHORT),
    "stops itself": Kind("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", limits=_SHORT),
    "kills itself": Kind("import os; os.kill(os.getpid(), 9)"),
    "kills all it can": Kind(_KILLS, limits=_SHORT, answers=False),
    "crashes": Kind("import ctypes; ctypes.string_at(0)"),
    "leaves daemons": Kind(_DAEMONS),
    "forges frames": Kind(_FORGERY),
    "leaves shared memory": Kind(_SHARED_MEMORY),
    "says it was killed": Kind("import os; print('{id}', flush=True); os._exit(137)"),
}
KINDS = ORDINARY | HOSTILE


def plan(jobs: int, seed: int) -> list[str]:
    """Return the kind of each job, by number: a tenth is hostile, and all kinds come in turn."""
    ordinary, hostile = list(ORDINARY), list(HOSTILE)
    kinds = [
        hostile[n // 10 % len(hostile)] if n % 10 == 0 else ordinary[n % len(ordinary)]
        for n in range(jobs)
    ]
    random.Random(seed).shuffle(kinds)
    return kinds


# ---------------------------------------------------------------------------------------- ledger


class Ledger:
    """Which jobs have ended, and how. It forbids nothing, so that a second ending would be seen."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._database.execute("PRAGMA synchronous = OFF")  # processes are killed here, not power
        self._database.execute("CREATE TABLE IF NOT EXISTS endings (number INTEGER, ending TEXT)")

    def write(self, number: int, ending: str) -> None:
        """Keep an ending.

        Raises:
            sqlite3.OperationalError: It could not be kept, and is not there.
        """
        self._database.execute("INSERT INTO endings VALUES (?, ?)", (number, ending))

    def ended(self) -> list[tuple[int, str]]:
        """Return all endings."""
        return list(self._database.execute("SELECT number, ending FROM endings"))

    def count(self) -> int:
        """Return how many endings there are."""
        return int(self._database.execute("SELECT COUNT(*) FROM endings").fetchone()[0])


# ----------------------------------------------------------------------------------------- batch


def make(given: argparse.Namespace) -> Sandbox:
    """Return the sandbox that is soaked."""
    if given.sandbox == "docker":
        from gadfly_docker import DockerSandbox

        return DockerSandbox(given.image, level=given.level, workers=given.workers)
    from gadfly_local import LocalSandbox

    if given.level == "process":
        return LocalSandbox(without=("namespaces",), allow_unsafe=True, workers=given.workers)
    return LocalSandbox(level=given.level, workers=given.workers)


async def quiet(given: argparse.Namespace, numbers: Sequence[int]) -> dict[str, str]:
    """Run each kind in quiet, several times, and return how it ends.

    Raises:
        SystemExit: A kind ends now so, now otherwise: it can be held against nothing.
    """
    sandbox = make(given)
    endings: dict[str, set[str]] = {name: set() for name in KINDS}
    try:
        for number in numbers:
            for name, kind in KINDS.items():
                result = await sandbox.run(kind.job(number))
                endings[name].add(kind.ending(number, result))
    finally:
        await sandbox.close()
    if wavering := {name: seen for name, seen in endings.items() if len(seen) > 1}:
        raise SystemExit(f"in quiet these do not always end alike: {wavering}")
    return {name: seen.pop() for name, seen in endings.items()}


async def batch(given: argparse.Namespace, ledger: Ledger) -> None:
    """Run all jobs that have not ended; what could not be run or written is tried again."""
    kinds = plan(given.jobs, given.seed)
    done = {number for number, _ in ledger.ended()}
    waiting = iter([number for number in range(given.jobs) if number not in done])
    unwritten: deque[tuple[int, str]] = deque()
    sandbox = make(given)

    async def one(number: int) -> None:
        kind = KINDS[kinds[number]]
        result = None
        while result is None:
            try:
                result = await sandbox.run(kind.job(number))
            except SandboxError as error:
                print(f"machinery failed under {number}: {error}", file=sys.stderr, flush=True)
                await asyncio.sleep(0.2)
        unwritten.append((number, kind.ending(number, result)))
        write()

    def write() -> None:
        """Write what there is to be written, as far as that is possible."""
        with contextlib.suppress(sqlite3.OperationalError):
            while unwritten:
                ledger.write(*unwritten[0])
                unwritten.popleft()

    async def caller() -> None:
        for number in waiting:
            await one(number)

    try:
        await asyncio.gather(*(caller() for _ in range(2 * given.workers)))
        while unwritten:
            await asyncio.sleep(0.1)
            write()
    finally:
        await sandbox.close()


# ---------------------------------------------------------------------------- processes, from /proc


def _depth(pid: int) -> int:
    """Return below how many PID namespaces it is the first process of one; 0 if it is of none."""
    with contextlib.suppress(OSError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
        numbers = next(line for line in lines if line.startswith("NSpid:")).split()[1:]
        return len(numbers) - 1 if numbers[-1] == "1" else 0
    return 0


def _kill(pid: int, root: int) -> bool:
    """Kill a process if it is still the one below us that it was taken for."""
    try:
        handle = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if pid not in below(root):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


# ------------------------------------------------------------------------------------ supervisor


@dataclass
class Supervisor:
    """Starts the batch, kills what it is told to, and starts it again."""

    given: argparse.Namespace
    folder: Path
    """Where the batch has its ledger and its temporary files."""
    disk: Path | None
    """The same, if it is a file system of its own and may be filled."""
    random: random.Random
    happened: Counter[str] = field(default_factory=Counter[str])
    batch: int = 0
    """The PID of the batch; 0 while there is none."""
    batches: set[str] = field(default_factory=set[str])
    """The PIDs of all that there were."""

    def run(self, ledger: Ledger) -> None:
        """See the batch to its end.

        Raises:
            SystemExit: Nothing has ended for minutes.
        """
        events = self._events()
        ended, last = ledger.count(), time.monotonic()
        finished = False
        while not finished:
            if not self.batch:
                self._start()
            time.sleep(0.02)
            finished = self._reap()
            now = ledger.count()
            if now > ended:
                ended, last = now, time.monotonic()
            elif time.monotonic() - last > _STALLED_SECONDS:
                raise SystemExit(f"nothing has ended for {_STALLED_SECONDS:.0f} s, at {ended}")
            while self.batch and events and events[0][0] <= ended and self._happen(events[0][1]):
                self.happened[events.pop(0)[1]] += 1
        for _, event in events:
            self.happened[f"{event}, too late"] += 1

    def _events(self) -> list[tuple[int, str]]:
        """Return what is to happen when so many jobs have ended."""
        jobs = self.given.jobs
        often = {"worker": jobs // 50, "zygote": jobs // 200, "parent": jobs // 1000}
        if self.given.dockerd:
            often["dockerd"] = jobs // 5000
        points = [
            (self.random.randrange(jobs // 10, jobs * 9 // 10), event)
            for event, times in often.items()
            for _ in range(max(1, times))
        ]
        if self.disk is not None:
            points.append((jobs // 2, "disk"))
        return sorted(points)

    def _start(self) -> None:
        command = [sys.executable, str(HERE), "--part", "batch", *sys.argv[1:]]
        environment = {**os.environ, "TMPDIR": str(self.folder)}
        self.batch = os.posix_spawn(sys.executable, command, environment)
        self.batches.add(str(self.batch))

    def _reap(self) -> bool:
        """Bury the dead, orphans included; True if the batch has ended by itself, all done."""
        finished = False
        with contextlib.suppress(ChildProcessError):
            while (dead := os.waitpid(-1, os.WNOHANG))[0]:
                if dead[0] == self.batch:
                    self.batch = 0
                    finished = dead[1] == 0
                    self.happened["the batch broke"] += not finished
        return finished

    def _happen(self, event: str) -> bool:
        """Do it; False if what it is done to is not there yet."""
        if event == "disk":
            self._fill()
        elif event == "dockerd":
            self._restart_engine()
        elif event == "parent":
            os.kill(self.batch, signal.SIGKILL)  # our own child, not yet waited for
            os.waitpid(self.batch, 0)
            self.batch = 0
        elif self.given.sandbox == "docker":
            return self._kill_container()
        else:
            depths = {pid: _depth(pid) for pid in below(self.batch)}
            deepest = max(depths.values(), default=0)
            if event == "worker" and deepest:
                chosen = [pid for pid, depth in depths.items() if depth == deepest]
            else:
                chosen = [pid for pid in depths if fields(pid)[1:2] == [str(self.batch)]]
            return bool(chosen) and _kill(self.random.choice(chosen), self.batch)
        return True

    def _fill(self) -> None:
        """Leave no room on the disk for a while."""
        assert self.disk is not None
        ballast = self.disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1 << 16))
        with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
            while True:
                file.write(b"x")
        time.sleep(2)
        ballast.unlink()

    def _kill_container(self) -> bool:
        mine = [name for name, owner in containers() if owner == str(self.batch)]
        return bool(mine) and bool(_command("docker", "kill", self.random.choice(mine)))

    def _bury_orphans(self) -> None:
        """Reap the dead that this process has adopted, and leave the batch to `_reap`."""
        with contextlib.suppress(ChildProcessError):
            while dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if dead.si_pid == self.batch:
                    return
                os.waitpid(dead.si_pid, 0)

    def _restart_engine(self) -> None:
        pid = int(_command("pidof", "dockerd").split()[0])
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + _STALLED_SECONDS
        engine = None
        while not _command("docker", "info", "--format", "{{.ServerVersion}}").strip():
            if time.monotonic() > deadline:
                raise SystemExit("the engine does not come back")
            self._bury_orphans()
            # It gives up where processes of the last one, dead or alive, still stand in its files.
            if engine is None or engine.poll() is not None:
                engine = subprocess.Popen(
                    shlex.split(self.given.dockerd),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            time.sleep(0.5)


def containers() -> list[tuple[str, str]]:
    """Return the names of Gadfly's containers, with the numbers of the processes that own them."""
    form = '{{.Names}} {{.Label "dev.gadfly.owner"}}'
    lines = _command(
        "docker", "ps", "--all", "--filter", "label=dev.gadfly.owner", "--format", form
    )
    return [(words[0], words[2]) for line in lines.splitlines() if len(words := line.split()) > 2]


def _command(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout


# ---------------------------------------------------------------------------- what may be left over


def places() -> dict[str, set[str]]:
    """Return what of this machine a job could leave something in, outside the batch's folder."""
    groups = Path("/sys/fs/cgroup")
    return {
        "mount": {
            line.split(" - ")[0].split()[4]
            for line in Path("/proc/self/mountinfo").read_text().splitlines()
        },
        "control group": {
            str(place)
            for depth in ("*", "*/*", "*/*/*")
            for place in groups.glob(depth)
            if place.is_dir()
        },
        "file in /dev/shm": _names(Path("/dev/shm")),  # noqa: S108 - looked at, not used
        "file in /tmp": {name for name in _names(_TMP) if name.startswith("gadfly")},
        "System V segment": {
            f"{kind} {line.split()[1]}"
            for kind in ("shm", "sem", "msg")
            for line in _lines(Path(f"/proc/sysvipc/{kind}"))[1:]
        },
    }


def _names(folder: Path) -> set[str]:
    return {place.name for place in folder.iterdir()} if folder.is_dir() else set()


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def others_at_work() -> bool:
    """Whether another process of this machine, not below us, has to do with Gadfly."""
    ours = below(os.getpid()).keys() | {os.getpid(), os.getppid()}
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if int(place.parent.name) not in ours and b"gadfly" in place.read_bytes().lower():
                return True
    return False


def leftovers(
    before: dict[str, set[str]], folder: Path, batches: set[str], *, others: bool
) -> Iterator[str]:
    """Say what is left, when time has been given for it to go."""
    deadline = time.monotonic() + _SETTLING_SECONDS
    while True:
        left = list(_left(folder, batches))
        new = {
            f"{what}: {name}"
            for what, names in places().items()
            for name in names - before[what]
            if not name.startswith(str(folder))
        }
        if (not left and (others or not new)) or time.monotonic() > deadline:
            break
        time.sleep(0.2)
    yield from left
    if others or others_at_work():
        for one in sorted(new):
            print(f"new on this machine, perhaps of others that work here: {one}")
    else:
        yield from sorted(new)


def _left(folder: Path, batches: set[str]) -> Iterator[str]:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    # The engine that was asked for is below us since it was started again.
    engines = [int(pid) for pid in _command("pidof", "dockerd").split()]
    asked_for = {*engines, *(pid for engine in engines for pid in below(engine))}
    for pid, state in below(os.getpid()).items():
        if pid in asked_for:
            continue
        command = Path(f"/proc/{pid}/cmdline")
        yield f"process {pid} ({state}): {b' '.join(command.read_bytes().split(bytes(1)))[:200]!r}"
    for name in sorted(_names(folder) - {"ledger.sqlite"}):
        inside = [str(place.relative_to(folder)) for place in (folder / name).rglob("*")]
        yield f"file in the batch's folder: {name} {inside[:10]}"
    if shutil.which("docker"):
        yield from (f"container {name}" for name, owner in containers() if owner in batches)


# ------------------------------------------------------------------------------------------- main


@contextlib.contextmanager
def work_folder(*, may_fill: bool) -> Iterator[tuple[Path, Path | None]]:
    """A folder for the batch; as root it is a small disk, which is returned too."""
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    disk = None
    if may_fill and os.geteuid() == 0:
        size = f"size={DISK_MIB}m,mode=0755"
        mount = ["/bin/mount", "-t", "tmpfs", "-o", size, "gadfly-soak", str(folder)]
        disk = None if subprocess.run(mount, check=False).returncode else folder
    else:
        folder.chmod(0o755)
    try:
        yield folder, disk
    finally:
        if disk is not None:
            subprocess.run(["/bin/umount", "--lazy", str(folder)], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def disagreements(
    ended: list[tuple[int, str]], kinds: list[str], expected: dict[str, str]
) -> Iterator[str]:
    """Say which jobs have not ended exactly once, or not as in quiet."""
    times = Counter(number for number, _ in ended)
    for number, kind in enumerate(kinds):
        if times[number] != 1:
            yield f"{number} ({kind}) has ended {times[number]} times"
    for number, ending in ended:
        if ending != expected[kinds[number]]:
            kind = kinds[number]
            yield f"{number} ({kind}) ended {ending[:300]}, and in quiet {expected[kind][:300]}"


def soak(given: argparse.Namespace) -> int:
    """Do it all, and return the exit status."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    before, others = places(), others_at_work()
    started = time.monotonic()
    expected = asyncio.run(quiet(given, range(given.quiet)))
    print(f"{len(KINDS)} kinds, each run {given.quiet} times in quiet: all end alike", flush=True)
    with work_folder(may_fill=given.fill) as (folder, disk):
        if disk is None:
            print(
                "the disk will not be filled" + ("" if os.geteuid() == 0 else ": that takes root")
            )
        ledger = Ledger(folder / "ledger.sqlite")
        supervisor = Supervisor(given, folder, disk, random.Random(given.seed))
        supervisor.run(ledger)
        ended = ledger.ended()
        kinds = plan(given.jobs, given.seed)
        problems = list(disagreements(ended, kinds, expected))
        problems += leftovers(before, folder, supervisor.batches, others=others)
    seconds = time.monotonic() - started
    print(f"{len(ended)} endings of {given.jobs} jobs in {seconds:.0f} s; seed {given.seed}")
    print(f"what happened to them: {dict(supervisor.happened)}")
    for problem in problems[:50]:
        print(f"PROBLEM: {problem}")
    print(f"{len(problems)} problems" if problems else "nothing is lost, nothing is left")
    return 1 if problems else 0


def main() -> int:
    """Be the supervisor, or the batch that it starts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(chr(10))[0])
    parser.add_argument("--jobs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sandbox", choices=["local", "docker"], default="local")
    parser.add_argument("--level", choices=["strict", "fast", "process"], default="strict")
    parser.add_argument("--image", default="gadfly-python", help="the containers' image")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--quiet", type=int, default=3, help="runs of each kind in quiet")
    parser.add_argument("--fill", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--dockerd", help="the command that starts the engine again")
    parser.add_argument("--part", choices=["batch"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part != "batch":
        return soak(given)
    ledger = Ledger(Path(os.environ["TMPDIR"]) / "ledger.sqlite")
    asyncio.run(batch(given, ledger))
    return 0


if __name__ == "__main__":
    sys.exit(main())
