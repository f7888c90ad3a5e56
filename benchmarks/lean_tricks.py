"""Which layer stops which trick: recorded runs of a real Lean through gadfly-lean's decision.

    python benchmarks/lean_tricks.py [--data FOLDER] [--page FILE]

Each row of `lean/tricks.jsonl` is a submission that must be refused, or an honest one. What a real
Lean and real checkers said of it is recorded (`lean/exports/`), and goes through the procedure as
it stands, with four kinds of knowledge:

messages     exit status and messages only: a policy of L1
probe        and what `#print axioms` printed in the submission's own process: a policy of L2
one kernel   exports, audit, and a replay by Lean's own kernel; once believing a kernel with known
             bugs (`trust_old_kernels`), once not
two kernels  and what nanoda said

Then the recorded answers for proofs of Goedel-Prover (a policy of L1, as no exports are recorded),
and the signals of `lean/formalisation` on statements that people judged, beside type checking,
which accepts all of them. Intervals of 95 % (Wilson).

A refusal by nanoda for its own list of axioms is left out: the audit has to see that by itself. The
milliseconds are of processor time, the best of five: to read an export and hold it against the
other. `--page` writes the table, trick by layer, as `docs/reference/lean-tricks.md` has it.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import figures

from gadfly import Verdict
from gadfly_lean import (
    Answer,
    Decision,
    Message,
    Policy,
    Replay,
    State,
    audit,
    decide,
    find_signals,
    parse_export,
)

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
Row = dict[str, Any]
LIMIT_MS = 50.0
_MESSAGE = re.compile(r"^\w+\.lean:(\d+):(\d+): (error|warning|info): (.*)$")
_AXIOMS = re.compile(
    r"^'?(?P<name>\S+?)'? (?:does not depend on any axioms|"
    r"depends on axioms: \[(?P<list>[^\]]*)\])",
    re.MULTILINE,
)
POLICIES = {
    "messages": Policy(level="L1"),
    "probe": Policy(level="L2"),
    "one kernel, believed": Policy(trust_old_kernels=True),
    "one kernel": Policy(),
    "two kernels": Policy(),
}


def main() -> int:
    """Run the benchmark; the exit status says whether what is promised holds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of shared data")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    parser.add_argument("--page", type=Path, help="write the table of tricks and layers, too")
    arguments = parser.parse_args()
    report = measure(arguments.data)
    report["goedel"] = measure_goedel(arguments.data)
    report["formalisation"] = measure_formalisation(arguments.data)
    _print(report)
    arguments.report.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    print(f"written to {arguments.report}")
    if arguments.page is not None:
        arguments.page.write_text(page(report), encoding="utf-8")
        print(f"written to {arguments.page}")
    final = report["accepted"]["two kernels"]
    is_met = final["bad"][0] == 0 and final["honest"][0] == final["honest"][1]
    is_met = is_met and report["goedel"]["differing"] == []
    return 0 if is_met and report["slowest_ms"] <= LIMIT_MS else 1


def read_rows(folder: Path) -> list[Row]:
    """Return the tricks, each with what was recorded of its runs under `runs`."""
    lean = folder / "lean"
    with (lean / "tricks.jsonl").open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    with (lean / "exports" / "runs.jsonl").open(encoding="utf-8") as file:
        runs = {run["id"]: run for run in map(json.loads, file)}
    return [row | {"runs": runs[row["id"]], "folder": lean / "exports"} for row in rows]


def recorded_answer(row: Row, knowledge: str) -> Answer:
    """Return what a driver would have seen, with no more than the named kind of knowledge."""
    runs = row["runs"]
    ran = runs["submission"]
    messages, problem = _messages(ran["stdout"])
    said = Answer(
        driver="recorded",
        problem=problem,
        messages=messages,
        exit_code=ran["exit"],
        axioms=None if knowledge == "messages" else _axioms(row),
        versions={"lean": "4.0.0-pre"},
    )
    if knowledge in {"messages", "probe"}:
        return said
    found = ran.get("export") is not None
    return Answer(
        driver=said.driver,
        problem=said.problem,
        messages=said.messages,
        exit_code=said.exit_code,
        axioms=said.axioms,
        versions=said.versions,
        challenge_export=_export(row, "challenge"),
        submission_export=_export(row, "submission"),
        # Lean ended well, and left nothing: it was made to end before it had finished.
        target_found=found if ran["olean"] or ran["exit"] == 0 else None,
        replays=tuple(_replays(row["real_lean"], second=knowledge == "two kernels")),
        sandboxed=True,
    )


def _messages(stdout: str) -> tuple[tuple[Message, ...], str]:
    """Read Lean's messages; what stands before the first one is not Lean's."""
    messages: list[Message] = []
    for line in stdout.splitlines():
        match = _MESSAGE.match(line)
        if match:
            row, column, severity, text = match.groups()
            messages.append(
                Message(severity=severity, text=text, line=int(row), column=int(column))
            )
        elif messages:
            last = messages[-1]
            messages[-1] = Message(
                severity=last.severity,
                text=f"{last.text}\n{line}",
                line=last.line,
                column=last.column,
            )
    return tuple(messages), ""


def _axioms(row: Row) -> tuple[str, ...] | None:
    """Return what `#print axioms` printed: believed as it stands, without nonce or canary."""
    for match in _AXIOMS.finditer(row["runs"].get("print_axioms", {}).get("stdout", "")):
        if match["name"] == row["runs"]["target"]:
            return tuple(filter(None, (match["list"] or "").replace(",", " ").split()))
    return None


def _export(row: Row, whose: str) -> str | None:
    name = row["runs"][whose].get("export")
    if name is None:
        return None
    with gzip.open(row["folder"] / name, "rt", encoding="utf-8") as file:
        return file.read()


def _replays(said: Row, *, second: bool) -> Iterable[Replay]:
    reason, nanoda = said["replay_reason"], said["nanoda_reason"]
    if "no submission olean" not in reason and "not found" not in reason:
        accepted = "kernel rejected" not in reason
        yield Replay(
            checker="replay", version="7e317d23db", accepted=accepted, same_kernel=True, said=reason
        )
    if second and (nanoda == "accept" or nanoda.startswith("reject(101)")):
        yield Replay(
            checker="nanoda",
            version="",
            accepted=nanoda == "accept",
            same_kernel=False,
            said=nanoda,
        )


def measure(folder: Path, *, times: int = 5) -> Row:
    """Return the report on tricks; each export is read so many times, for the milliseconds."""
    rows = read_rows(folder)
    decisions = {
        knowledge: {
            row["id"]: decide(
                recorded_answer(row, knowledge.split(",")[0]), row["runs"]["target"], policy
            )
            for row in rows
        }
        for knowledge, policy in POLICIES.items()
    }
    table = [
        {
            "id": row["id"],
            "expected": row["expected"],
            **{name: _shown(decisions[name][row["id"]]) for name in POLICIES},
            "stopped_by": [
                layer.name
                for layer in decisions["two kernels"][row["id"]].layers
                if layer.state is State.BROKEN
            ],
            "refused_by": [
                "own kernel" if one.same_kernel else "second kernel"
                for one in _replays(row["real_lean"], second=True)
                if not one.accepted
            ],
            "ms": _milliseconds(row, times),
        }
        for row in rows
    ]
    return {
        "rows": len(rows),
        "accepted": {
            name: {
                kind: _share(
                    [decisions[name][r["id"]] for r in rows if (r["expected"] == "proved") == good]
                )
                for kind, good in (("bad", False), ("honest", True))
            }
            for name in POLICIES
        },
        "slowest_ms": max((row["ms"] for row in table if row["ms"] is not None), default=0.0),
        "table": table,
    }


def measure_goedel(folder: Path) -> Row:
    """Are verdicts on recorded answers the recorded ones?"""
    rows = figures.read_rows(folder / "recorded" / "lean_goedel_proofs.jsonl.gz")
    said = {row["id"]: decide(_goedel_answer(row), "unnamed", POLICIES["messages"]) for row in rows}
    return {
        "proofs": len(rows),
        "verdicts": dict(Counter(str(decision.verdict) for decision in said.values())),
        "differing": [
            row["id"] for row in rows if (said[row["id"]].verdict is Verdict.PASS) != row["correct"]
        ],
    }


def _goedel_answer(row: Row) -> Answer:
    messages = tuple(
        Message(
            severity=one["severity"],
            text=one["data"],
            line=one["pos"]["line"],
            column=one["pos"]["column"],
        )
        for one in row["messages"]
    )
    return Answer(
        driver="recorded", problem=row["tool_error"] or "", messages=messages, sorries=(), env=0
    )


def measure_formalisation(folder: Path) -> Row:
    """What do the signals say of statements that type-check, by what people said of them?"""
    path = folder / "lean" / "human_equivalence.jsonl"
    with path.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    named = {
        row["id"]: {one.name for one in find_signals(row["informal"], row["candidate"])}
        for row in rows
    }
    faithful = {row["id"] for row in rows if row["faithful"]}
    kept = {name for name, signals in named.items() if not signals}
    signals = sorted({signal for own in named.values() for signal in own})
    by_signal = {
        signal: {name for name, own in named.items() if signal in own} for signal in signals
    }
    return {
        "statements": len(rows),
        "type_checking": {
            "precision": _wilson(len(faithful), len(rows)),
            "recall": _wilson(len(faithful), len(faithful)),
        },
        "without_signals": {
            "precision": _wilson(len(kept & faithful), len(kept)),
            "recall": _wilson(len(kept & faithful), len(faithful)),
        },
        "flagged": {
            "precision": _wilson(len(named.keys() - kept - faithful), len(rows) - len(kept)),
            "recall": _wilson(len(named.keys() - kept - faithful), len(named.keys() - faithful)),
        },
        "signals": {
            signal: _wilson(len(own - faithful), len(own)) for signal, own in by_signal.items()
        },
    }


def _shown(decision: Decision) -> str:
    level = "-" if decision.level is None else decision.level.name
    stop = decision.stopped_by
    return f"{decision.verdict} {level}" + (f" ({stop.name})" if stop else "")


def _share(decisions: Sequence[Decision]) -> list[float]:
    return _wilson(sum(one.verdict is Verdict.PASS for one in decisions), len(decisions))


def _wilson(right: int, n: int) -> list[float]:
    """How many, of how many, and the interval of the share."""
    return [right, n, *figures.wilson(right, n)[1:]]


def _milliseconds(row: Row, times: int) -> float | None:
    """The dearer export of the two: read, and audited against the other."""
    texts = [_export(row, whose) for whose in ("challenge", "submission")]
    if None in texts:
        return None
    best = math.inf
    for _ in range(times):
        started = time.process_time()
        challenge = parse_export(texts[0] or "")
        middle = time.process_time()
        submission = parse_export(texts[1] or "")
        audit(challenge, submission, row["runs"]["target"])
        best = min(best, max(middle - started, time.process_time() - middle))
    return round(best * 1000, 2)


LAYERS = {
    "errors": "Lean's errors",
    "warning of sorry": "warning of sorry",
    "#print axioms": "`#print axioms`",
    "target": "target",
    "statement": "statement",
    "constants": "constants",
    "axioms": "axioms, by a walk",
    "safety": "safety",
    "primitives": "primitives",
    "own kernel": "Lean's kernel",
    "second kernel": "second kernel",
}
"""The columns of the page: layers as `decide` names them, and the two kernels apart."""
PAGE = """\
# Which layer stops which trick

What a real Lean 4 (2021, commit 7e317d23db) and real checkers said of {bad} submissions that must
be refused and {honest} honest ones, looked at by gadfly-lean layer by layer. A cross: the layer
shows by itself that the submission is no proof. The first three rest on what the submission's own
process says, and can be forged by it; those after them run none of its syntax. The layers are in
[the plugin's README](../../plugins/lean/README.md). This page is made by
`python benchmarks/lean_tricks.py --page docs/reference/lean-tricks.md`.

{table}

How many of the {bad} are accepted, and how many honest ones, by what is known:

{shares}

The one that Lean's own kernel lets through is a bug of that kernel: no audit of terms sees it, and
so `L3` needs a kernel without known bugs, or a second one.
"""


def page(report: Row) -> str:
    """Return the table of tricks and layers, to be read by a person."""
    lines = [
        f"| submission | {' | '.join(LAYERS.values())} | verdict |",
        f"|---{'|---' * len(LAYERS)}|---|",
    ]
    for row in report["table"]:
        shown = {*row["stopped_by"], *row["refused_by"]} - {"replay"}
        assert shown <= LAYERS.keys(), shown
        marks = ["x" if name in shown else "" for name in LAYERS]
        verdict = row["two kernels"].split(" (")[0].removesuffix(" -")
        lines.append(f"| {row['id']} | {' | '.join(marks)} | {verdict} |")
    shares = ["| what is known | must be refused | honest |", "|---|---|---|"]
    for name, share in report["accepted"].items():
        shares.append(f"| {name} | {_interval(share['bad'])} | {_interval(share['honest'])} |")
    return PAGE.format(
        bad=report["accepted"]["probe"]["bad"][1],
        honest=report["accepted"]["probe"]["honest"][1],
        table="\n".join(lines),
        shares="\n".join(shares),
    )


def _print(report: Row) -> None:
    for row in report["table"]:
        stopped = ", ".join(row["stopped_by"]) or "-"
        print(f"{row['id']:28} {row['expected']:9} {row['two kernels']:34} all: {stopped}")
    for name, shares in report["accepted"].items():
        bad, honest = shares["bad"], shares["honest"]
        print(f"{name:22} accepts bad {_interval(bad)}, honest {_interval(honest)}")
    goedel, formalisation = report["goedel"], report["formalisation"]
    print(f"goedel: {goedel['verdicts']}, differing from the recorded: {goedel['differing']}")
    for name in ("type_checking", "without_signals", "flagged"):
        shown = ", ".join(f"{k} {_interval(v)}" for k, v in formalisation[name].items())
        print(f"formalisation, {name}: {shown}")
    for name, share in formalisation["signals"].items():
        print(f"    {name}: unfaithful {_interval(share)}")
    print(f"slowest export, read and audited: {report['slowest_ms']} ms of processor time")


def _interval(share: Sequence[float]) -> str:
    right, n, low, high = share
    return f"{right} of {n} [{low:.1%}, {high:.1%}]"


if __name__ == "__main__":
    sys.exit(main())
