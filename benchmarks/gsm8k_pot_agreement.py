"""Verify 1,331 recorded programs and compare what they give with what was recorded.

    python benchmarks/gsm8k_pot_agreement.py [--kill] [--limit N] [--folder FOLDER]

Each program of `recorded/gsm8k_pot.jsonl.gz` runs in the sandbox by `gadfly verify`; the value in
the evidence of `python/runs` is then compared with the recorded `run.value`, which the verification
never saw. `--kill` first ends the command with `kill -9` at a random moment and starts it again:
the results must then hold every id exactly once.

The recorded run wrote every value down in its own form: a number as a float, of several values the
first one, anything else as its text (`None` too). Our value is brought into that form and must then
be the same to the last digit. Every difference is listed with an explanation. What comes out is
printed, and written as JSON beside this file.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import math
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data" / "recorded" / "gsm8k_pot.jsonl.gz"
CRITIC = "python/runs"
WANTED = 0.995
"""The share of programs that must agree."""
CHANGING = re.compile(r"\b(random|datetime|time|set)\b")


@dataclass(frozen=True)
class Difference:
    """One program that gave something else than was recorded."""

    id: str
    category: str
    ours: str
    recorded: str
    explanation: str


def main() -> int:
    """Run the benchmark; the exit status says whether enough programs agree."""
    arguments = _arguments()
    rows = _read(arguments.input)[: arguments.limit]
    with tempfile.TemporaryDirectory() as temporary:
        out = (arguments.folder or Path(temporary)) / "results.jsonl"
        killed = _kill(arguments, out, len(rows)) if arguments.kill else None
        started = time.monotonic()
        process = subprocess.run(_command(arguments, out), stdout=subprocess.PIPE, check=False)
        if process.returncode not in {0, 3}:
            return process.returncode
        summary = json.loads(process.stdout)
        results = _read(out)
    report = _compare(rows, results) | {
        "input": arguments.input.name,
        "seconds": round(time.monotonic() - started, 1),
        "killed": killed,
        "summary": summary | {"out": out.name},
    }
    arguments.report.write_text(json.dumps(report, indent=2) + "\n")
    _print(report)
    print(f"written to {arguments.report}")
    good = report["agreement"] >= WANTED and report["every_id_once"]
    return 0 if good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--input", type=Path, default=DATA, help="the recorded programs")
    parser.add_argument("--folder", type=Path, help="where to keep the results and their ledger")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    parser.add_argument("--limit", type=int, help="only the first rows")
    parser.add_argument("--workers", type=int, help="programs at a time")
    parser.add_argument("--kill", action="store_true", help="kill -9 on the way, then start again")
    parser.add_argument("--seed", type=int, help="of the random moment")
    return parser.parse_args()


def _read(path: Path) -> list[dict[str, Any]]:
    data = path.read_bytes()
    lines = (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines()
    return [json.loads(line) for line in lines]


def _command(arguments: argparse.Namespace, out: Path) -> list[str]:
    options = ["--critic", CRITIC, "--option", f"{CRITIC}:answer=ans", "--out", str(out), "--json"]
    for name in ("limit", "workers"):
        if (value := getattr(arguments, name)) is not None:
            options += [f"--{name}", str(value)]
    return [sys.executable, "-m", "gadfly", "verify", str(arguments.input), *options]


def _kill(arguments: argparse.Namespace, out: Path, total: int) -> dict[str, Any]:
    """Start the command and kill it when a random number of rows, and a bit more time, is done."""
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed
    dice = random.Random(seed)
    wanted = dice.randrange(total)
    process = subprocess.Popen(_command(arguments, out), stdout=subprocess.DEVNULL)
    while process.poll() is None and _done(out) < wanted:
        time.sleep(0.05)
    time.sleep(dice.random())
    process.kill()
    process.wait()
    kept = _done(out)
    print(f"killed with {kept} of {total} done (--seed {seed}); starting again", file=sys.stderr)
    return {"seed": seed, "kept": kept, "left_results_behind": out.exists()}


def _done(out: Path) -> int:
    ledger = out.with_name(f"{out.name}.db")
    if not ledger.exists():
        return -1
    query = "SELECT count(*) FROM gadfly_rows WHERE state = 'done'"
    try:
        with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
            return int(database.execute(query).fetchone()[0])
    except sqlite3.OperationalError:
        return -1  # It is being filled.


def _compare(rows: list[dict[str, Any]], results: list[dict[str, Any]]) -> dict[str, Any]:
    by_id = {result["id"]: result for result in results}
    differences: list[Difference] = []
    agreed: Counter[str] = Counter()
    for row in rows:
        found = _observed(by_id[row["id"]]) if row["id"] in by_id else {"broken": "no result"}
        kind = _agreement(row["run"], found)
        if kind is None:
            differences.append(_difference(row, found))
        else:
            agreed[kind] += 1
    return {
        "programs": len(rows),
        "agree": agreed.total(),
        "agreement": agreed.total() / len(rows),
        "agreed": dict(agreed.most_common()),
        "every_id_once": [r["id"] for r in results] == [row["id"] for row in rows],
        "differences": [asdict(difference) for difference in differences],
    }


def _observed(result: dict[str, Any]) -> dict[str, Any]:
    """What our run of a program showed."""
    critique = result["critiques"][CRITIC]
    if critique["verdict"] == "error":
        return {"broken": critique["summary"]}
    if not critique["evidence"]:
        return {"gave": False, "summary": critique["summary"], "ended": "not run", "seconds": 0.0}
    observation = critique["evidence"][0]["observation"]
    value = observation["value"]
    # An answer that is None and no answer at all have the same value; the run's record says which.
    said_none = '"answer": ["ans", null]' in observation["files"].get("result.json", "")
    return {
        "gave": value is not None or said_none,
        "value": value,
        "summary": critique["summary"],
        "ended": observation["ended"],
        "seconds": observation["wall_seconds"],
    }


def _agreement(run: dict[str, Any], found: dict[str, Any]) -> str | None:
    """Say in which way a program agrees with the record, or None."""
    if "broken" in found:
        return None
    if not run["ok"] or not found["gave"]:
        return "no value, then and now" if not run["ok"] and not found["gave"] else None
    value, recorded = found["value"], _recorded(run["value"])
    if value is None:
        return "None, then and now" if recorded == "None" else None
    if isinstance(value, list) and value:
        return "the first of several values" if _same(value[0], recorded) else None
    return "the same value" if _same(value, recorded) else None


def _recorded(text: str) -> float | str:
    """A recorded value: a float's digits, or the quoted text of anything else."""
    value = ast.literal_eval(text)
    return value if isinstance(value, str) else float(value)


def _same(value: object, recorded: float | str) -> bool:
    if isinstance(recorded, float) and isinstance(value, int | float):
        return float(value) == recorded
    return str(value) == recorded


def _difference(row: dict[str, Any], found: dict[str, Any]) -> Difference:
    run = row["run"]
    category, explanation = _explain(row["response"], run, found)
    ours = found.get("broken") or (str(found["value"]) if found["gave"] else found["summary"])
    recorded = run["value"] if run["ok"] else f"no value ({run['error']})"
    return Difference(row["id"], category, ours, recorded, explanation)


def _explain(program: str, run: dict[str, Any], found: dict[str, Any]) -> tuple[str, str]:
    if "broken" in found:
        return "critic broke", "nothing is known of it; the same command tries it again"
    if run["error"] == "Timeout" or found["ended"] not in {"exited", "signaled"}:
        then = "was stopped at its time limit" if run["error"] == "Timeout" else "ended"
        now = f"ended as {found['ended']!r} after {found['seconds']:.1f} s"
        return "limits", f"the recorded run {then}; here it {now}"
    if "NameError" in found["summary"]:
        return "names", "the recorded run gave programs names that they do not import (sympy's)"
    if CHANGING.search(program):
        return "nondeterminism", "the program depends on chance, time or the order of a set"
    if found["gave"] and run["ok"]:
        return _explain_values(found["value"], _recorded(run["value"]))
    return "unexplained", found["summary"]


def _explain_values(value: object, recorded: float | str) -> tuple[str, str]:
    if not isinstance(value, int | float) or not isinstance(recorded, float):
        return "type", "the answer is no number: each side wrote it down in its own way"
    if math.isclose(value, recorded, rel_tol=1e-9):
        return "float rounding", "the last digits differ"
    return "unexplained", "both are numbers, and not the same"


def _print(report: dict[str, Any]) -> None:
    print(f"{report['agree']} of {report['programs']} agree ({report['agreement']:.2%})")
    for kind, count in report["agreed"].items():
        print(f"  {count:5}  {kind}")
    if report["killed"] is not None:
        print(f"killed with {report['killed']['kept']} done, then finished")
    print(f"every id exactly once, in order: {'yes' if report['every_id_once'] else 'NO'}")
    print(f"{report['seconds']} s, {report['summary']['rows_per_second']} programs a second")
    print(f"{len(report['differences'])} differences:")
    for difference in report["differences"]:
        print(f"  {difference['id']}  [{difference['category']}] {difference['explanation']}")
        print(f"      ours {difference['ours'][:80]}, recorded {difference['recorded'][:80]}")


if __name__ == "__main__":
    sys.exit(main())
