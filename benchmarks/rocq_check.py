"""What gadfly-rocq believes, and how fast: a corpus of tricks and of honest proofs, for real.

    python benchmarks/rocq_check.py [--report FILE]

tricks    programs that must not pass, each for a reason of its own; how many are accepted by an
          exit status of 0, by that and no word of admission, by a warm `coqtop` that was asked what
          the proof rests on (L2), and by the critic (L3)
honest    programs that should pass, by the same ways
seconds   wall time of a check, warm and one-shot, in the middle and at the 95th percentile, for
          lemmas that need nothing but the prelude

It needs coqc, coqchk and coqtop. Nothing but our own corpus is read (`rocq_cases.jsonl`); what is
honest there is of the kinds that tasks ask for. Intervals of 95 %: Wilson. What comes out is
printed, and written as JSON beside this file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from figures import wilson

from gadfly import InputError, Task, Verdict
from gadfly_local import LocalSandbox
from gadfly_rocq import (
    Level,
    OneShotRocq,
    Policy,
    Request,
    RocqPool,
    decide,
    find_toolchain,
)
from gadfly_rocq._drafts import admissions, find_challenge

HERE = Path(__file__)
CASES = HERE.with_name("rocq_cases.jsonl")
WARM_ROUNDS = 20
WARM_SECONDS = 0.010
"""What the middle of a warm check must not exceed, for lemmas of the prelude."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One program, and what it claims to prove."""

    kind: str
    """`trick` or `honest`."""
    name: str
    statement: str
    source: str
    header: str = ""
    axioms: tuple[str, ...] = ()
    """Those that its task allows."""
    seconds: float = 60.0

    @property
    def request(self) -> Request:
        """The case as a driver gets it."""
        inputs = {"header": self.header, "statement": self.statement}
        challenge = find_challenge(Task(prompt="Prove it.", inputs=inputs))
        assert challenge is not None
        return Request(
            header=challenge.header,
            statement=challenge.statement,
            target=challenge.target,
            source=self.source,
            seconds=self.seconds,
        )


def read_cases(kind: str) -> list[Case]:
    """Return the cases of a kind, in the order of the file."""
    lines = CASES.read_text(encoding="utf-8").splitlines()
    rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
    return [_case(row) for row in rows if row["kind"] == kind]


def _case(row: dict[str, Any]) -> Case:
    axioms: tuple[str, ...] = tuple(row.pop("axioms", ()))
    return Case(**row, axioms=axioms)


async def judge(case: Case, oneshot: OneShotRocq, pool: RocqPool) -> dict[str, Any]:
    """Return which ways accept a case, and what the critic's rule says of it."""
    request, policy = case.request, Policy(axioms=case.axioms)
    answer = await oneshot.check(request)
    decision = decide(answer, request, policy)
    warm = await pool.check(request)
    sieve = decide(warm, request, Policy(level=Level.L2, axioms=case.axioms))
    compiles = answer.exit_code == 0 and not answer.problem
    stop = decision.stopped_by if decision.verdict is not Verdict.PASS else None
    return {
        "name": case.name,
        "exit status": compiles,
        "no admission": compiles and not list(admissions(case.source)),
        "L2": sieve.verdict is Verdict.PASS,
        "L3": decision.verdict is Verdict.PASS,
        "verdict": str(decision.verdict),
        "level": None if decision.level is None else decision.level.name,
        "stopped by": stop.name if stop else "",
        "seconds": round(answer.elapsed_seconds, 3),
    }


WAYS = ("exit status", "no admission", "L2", "L3")


async def measure() -> dict[str, Any]:
    """Run all cases, one after the other, then time those of the prelude."""
    bad, good = read_cases("trick"), read_cases("honest")
    small = [case for case in good if not case.header]
    toolchain = find_toolchain()
    sandbox = LocalSandbox()
    oneshot = OneShotRocq(sandbox, toolchain)
    async with RocqPool(toolchain, workers=1) as pool:
        tricks = [await judge(case, oneshot, pool) for case in bad]
        honest = [await judge(case, oneshot, pool) for case in good]
        await pool.check(small[0].request)
        warm = [
            (await pool.check(case.request)).elapsed_seconds
            for _ in range(WARM_ROUNDS)
            for case in small
        ]
    prelude = {case.name for case in small}
    cold = [row["seconds"] for row in honest if row["name"] in prelude]
    version = (await oneshot.check(small[0].request)).versions.get("rocq", "")
    await sandbox.close()
    return {
        "rocq": version,
        "tricks": {way: _share(tricks, way) for way in WAYS},
        "honest": {way: _share(honest, way) for way in WAYS},
        "seconds": {"warm": _times(warm), "one-shot": _times(cold)},
        "rows": {"tricks": tricks, "honest": honest},
    }


def _share(rows: Sequence[dict[str, Any]], way: str) -> dict[str, Any]:
    accepted = sum(row[way] for row in rows)
    return {"accepted": accepted, "of": len(rows), "interval": wilson(accepted, len(rows))[1:]}


def _times(seconds: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(seconds)
    late = ordered[min(len(ordered) - 1, math.ceil(0.95 * len(ordered)) - 1)]
    return {
        "n": len(ordered),
        "median": round(statistics.median(ordered), 5),
        "p95": round(late, 5),
    }


def main() -> int:
    """Run the benchmark; the exit status says whether the figures that are promised are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    arguments = parser.parse_args()
    begun = time.monotonic()
    try:
        report = asyncio.run(measure())
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    arguments.report.write_text(json.dumps(report, indent=2) + "\n")
    for kind in ("tricks", "honest"):
        for way in WAYS:
            share = report[kind][way]
            counted = f"{share['accepted']:3} of {share['of']} {share['interval']}"
            print(f"{kind:7} {way:13} accepted {counted}")
    for row in report["rows"]["tricks"]:
        warm = "accepted by L2" if row["L2"] else ""
        print(f"  {row['name']:36} {row['verdict']:8} {row['stopped by']:18} {warm}")
    for row in report["rows"]["honest"]:
        if not row["L3"]:
            print(f"  honest, not passed: {row['name']} ({row['verdict']}, {row['stopped by']})")
    print(f"seconds {report['seconds']}, in all {time.monotonic() - begun:.0f}; {arguments.report}")
    sound = report["tricks"]["L3"]["accepted"] == 0
    return 0 if sound and report["seconds"]["warm"]["median"] <= WARM_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
