"""Verify 4,572 recorded programs by their tests, and compare the verdicts with the labels.

    python benchmarks/recorded_programs.py [--limit N] [--workers N] [--compare N] [--folder FOLDER]

The programs are the HumanEval and MBPP samples of the shared data. `python/tests` runs each with
the tests of its problem, the program in one sandboxed process and the tests in another; the label
(`correct`) is not among what a critic sees. Rows whose recorded label differs from ours
(`label_conflict`) are run and counted, and left out of the comparison. Every disagreement is listed
with its reason. With `--folder` the results are kept there, and the same command goes on where an
interrupted one stopped. Then every tenth program is verified with 1 worker, with 2, and on Ray with
2, for their time and memory. What comes out is printed, and written as JSON beside this file.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self

from figures import read_rows
from processes import below

from gadfly import verify

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data" / "recorded"
FILES = ("humaneval_samples", "mbpp_samples")
CRITIC = "python/tests"
SETTINGS = ((1, "local"), (2, "local"), (2, "ray"))
"""Workers and engine."""
DECIDED = {"pass": True, "fail": False}


def main() -> int:
    """Run the benchmark; the exit status says whether every verdict is the label."""
    arguments = _arguments()
    files = (arguments.data / f"{name}.jsonl.gz" for name in FILES)
    rows = [row for file in files for row in read_rows(file)][: arguments.limit]
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        summary = _run(rows, folder / "all.jsonl", arguments.workers, "local", arguments)
        _print(summary)
        if arguments.compare:
            few = rows[:: arguments.compare]
            summary["settings"] = []
            for workers, engine in SETTINGS:
                out = folder / f"every-{arguments.compare}-{engine}-{workers}.jsonl"
                setting = _run(few, out, workers, engine, arguments)
                summary["settings"].append(setting)
                _print(setting)
    arguments.report.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    print(f"written to {arguments.report}")
    return 1 if any(s["disagreements"] for s in (summary, *summary.get("settings", ()))) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of recorded outputs")
    parser.add_argument("--folder", type=Path, help="where to keep the results and their ledger")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    parser.add_argument("--limit", type=int, help="only the first rows")
    parser.add_argument("--workers", type=int, default=2, help="programs at a time")
    parser.add_argument(
        "--compare",
        type=int,
        default=10,
        help="then every n-th program with 1 and 2 workers, and on Ray; 0 leaves that out",
    )
    parser.add_argument("--cpu-seconds", type=float, default=10.0, help="of each program")
    return parser.parse_args()


def _run(
    rows: list[dict[str, Any]], out: Path, workers: int, engine: str, arguments: argparse.Namespace
) -> dict[str, Any]:
    started = time.monotonic()
    with Watch() as watch:
        verify(
            rows,
            [CRITIC],
            out=out,
            prompt_field="prompt",
            draft_field="program",
            id_field="id",
            input_fields=("test", "entry_point"),
            options={CRITIC: {"limits": {"cpu_seconds": arguments.cpu_seconds}}},
            workers=workers,
            engine=engine,
        )
    seconds = time.monotonic() - started
    with out.open(encoding="utf-8") as file:
        results = [_brief(json.loads(line)) for line in file]
    return {
        "engine": engine,
        "workers": workers,
        "seconds": round(seconds, 1),
        "programs_per_second": round(len(rows) / seconds, 2),
        "peak_memory_mib": watch.peak_mib,
        **_compare(rows, results),
    }


class Watch:
    """Watches the memory of this process and of all below it, each page counted once."""

    def __init__(self) -> None:
        self.peak_mib = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(1):
            family = (os.getpid(), *below(os.getpid()))
            self.peak_mib = max(self.peak_mib, round(sum(map(_share_mib, family)), 1))


def _share_mib(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _brief(result: dict[str, Any]) -> dict[str, Any]:
    """Return what is compared of a result: its evidence holds whole jobs."""
    critique = result["critiques"][CRITIC]
    return {
        "id": result["id"],
        "verdict": critique["verdict"],
        "summary": critique["summary"],
        "seconds": [e["observation"]["wall_seconds"] for e in critique["evidence"]],
    }


def _compare(rows: list[dict[str, Any]], results: list[dict[str, Any]]) -> dict[str, Any]:
    by_id = {result["id"]: result for result in results}
    agreed: Counter[str] = Counter()
    conflicts: Counter[str] = Counter()
    disagreements: list[dict[str, Any]] = []
    for row in rows:
        result = by_id[row["id"]]
        verdict = result["verdict"]
        if row["label_conflict"]:
            conflicts[f"{verdict}, labelled {_word(row['correct'])}"] += 1
        elif DECIDED.get(verdict) is row["correct"]:
            agreed[verdict] += 1
        else:
            disagreements.append(_disagreement(row, result))
    compared = agreed.total() + len(disagreements)
    return {
        "programs": len(rows),
        "every_id_once": [result["id"] for result in results] == [row["id"] for row in rows],
        "compared": compared,
        "agree": agreed.total(),
        "agreement": agreed.total() / compared,
        "agreed": dict(agreed),
        "label_conflicts": dict(conflicts),
        "disagreements": disagreements,
        "sandbox_seconds": _seconds(results),
    }


def _disagreement(row: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "verdict": result["verdict"],
        "label": _word(row["correct"]),
        "recorded_error": row["error"],
        "reason": result["summary"][:300],
    }


def _word(correct: object) -> str:
    return "right" if correct else "wrong"


def _seconds(results: list[dict[str, Any]]) -> dict[str, float]:
    """Return what the tests took in the sandbox, in order of size."""
    seconds = sorted(second for result in results for second in result["seconds"])
    if not seconds:
        return {}
    return {
        "median": seconds[len(seconds) // 2],
        "p99": seconds[min(len(seconds) - 1, len(seconds) * 99 // 100)],
        "sum": round(sum(seconds), 1),
    }


def _print(summary: dict[str, Any]) -> None:
    print(f"{summary['agree']} of {summary['compared']} verdicts are the label")
    print(f"  {summary['agreed']}; label conflicts, not compared: {summary['label_conflicts']}")
    print(f"every id exactly once, in order: {'yes' if summary['every_id_once'] else 'NO'}")
    print(
        f"{summary['seconds']} s on {summary['engine']} with {summary['workers']} workers, "
        f"{summary['programs_per_second']} programs a second; in the sandbox "
        f"{summary['sandbox_seconds']}; memory {summary['peak_memory_mib']} MiB"
    )
    for row in summary["disagreements"]:
        print(f"  {row['id']}: {row['verdict']}, labelled {row['label']}")
        print(f"      {row['reason']} (recorded: {row['recorded_error']})")


if __name__ == "__main__":
    sys.exit(main())
