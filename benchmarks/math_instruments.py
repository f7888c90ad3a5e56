"""How good the instruments of gadfly-math are, on recorded solutions.

    python benchmarks/math_instruments.py [--data FOLDER] [--draw]

answers   final answers found and compared with the gold ones: is the recorded label reproduced?
steps     how many drafts have computations that can be read, and how many of them are failed
hundred   findings drawn at random (fixed seed) and judged by a person who read each; the judgements
          are in `math_instruments_checked.json`, and `--draw` prints those that have none yet
first     the index of the first wrong step against the human one (multi-step arithmetic)
others    the same pairs of answers compared by `math-verify`, where it is installed

Intervals of 95 %: Wilson, and for shares of drafts a bootstrap over problems, because drafts of one
problem are alike. What comes out is printed, and written as JSON beside this file.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from figures import clustered, percent, read_rows, wilson

from gadfly import Critique, Draft, Reference, Verdict
from gadfly.testing import make_context
from gadfly_math import AnswerCritic, StepsCritic, equivalent, find_answer, is_correct

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
CHECKED = HERE.with_name("math_instruments_checked.json")
SEED = 20261125
HUNDRED = 100
Row = dict[str, Any]
SETS = ("gsm8k_oai", "gsm8k_tora", "mrgsm8k_steps", "realcritic", "factool_claims")
PAIRS: tuple[tuple[str, str, bool], ...] = (
    ("1/2", "0.5", True),
    ("50%", "0.5", True),
    ("$18", "18", True),
    ("1,234", "1234", True),
    ("5 cm", "50 mm", True),
    ("10 hours", "10 minutes", False),
    ("1 1/2", "1.5", True),
    ("$x^2-1$", "$(x-1)(x+1)$", True),
    ("$2x$", "$2y$", False),
    (r"$\{1,2\}$", r"$\{2,1\}$", True),
    ("(1,2)", "(2,1)", False),
    ("$[0,1)$", "$[0,1]$", False),
    ("B", "(B)", True),
    ("B", "C", False),
    ("39943156", "39943160", False),
    ("18 dollars", "18", True),
    (r"$\sqrt{8}$", r"$2\sqrt{2}$", True),
    ("14.33", "43/3", False),
    ("x=5", "5", True),
    (r"$1\frac{1}{2}$", "$3/2$", True),
    ("1{,}000", "1000", True),
    ("-3", "3", False),
    (r"$\frac{\pi}{2}$", r"$0.5\pi$", True),
)
HOSTILE = (r"$9^{9^{9^9}}$", "9**9**9**9", "$1000000!$", "(" * 5000, "7" * 100_000)


def main() -> int:
    """Run the benchmark; the exit status says whether the figures that are promised are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of recorded data")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    parser.add_argument("--draw", action="store_true", help="print findings that nobody judged yet")
    arguments = parser.parse_args()
    rows = {name: _read(arguments.data, name) for name in SETS}
    judged = {name: [_judge(StepsCritic(), row) for row in rows[name]] for name in SETS}
    drawn = _draw(rows, judged)
    if arguments.draw:
        known = {_key(entry) for entry in json.loads(CHECKED.read_text())}
        json.dump(
            [e for e in drawn if _key(e) not in known], sys.stdout, indent=1, ensure_ascii=False
        )
        return 0
    report: Row = {
        "answers": [
            _answers(name, rows[name]) for name in ("gsm8k_oai", "gsm8k_tora", "realcritic")
        ],
        "steps": [_verdicts(name, rows[name], judged[name]) for name in SETS],
        "answer_critic": [
            _verdicts(name, rows[name], [_judge(AnswerCritic(), row) for row in rows[name]])
            for name in ("gsm8k_oai", "gsm8k_tora")
        ],
        "hundred": _precision(drawn),
        "first": _first(_read(arguments.data, "bigbench_mistake")),
        "others": _others(),
    }
    arguments.report.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    _print(report)
    print(f"written to {arguments.report}")
    return 0 if report["answers"][0]["agree"] == 1 and report["hundred"]["precision"] >= 0.98 else 1


def _read(folder: Path, name: str) -> list[Row]:
    return read_rows(folder / "recorded" / f"{name}.jsonl.gz")


def _text(row: Row) -> str:
    return str(row["response"]) if "response" in row else "\n".join(row["steps"])


def _judge(critic: StepsCritic | AnswerCritic, row: Row) -> Critique:
    return asyncio.run(critic.critique(Draft(_text(row)), make_context(row["question"])))


def _answers(name: str, rows: Sequence[Row]) -> Row:
    """Is the label what extraction and equivalence say? An answer that cannot be read is wrong."""
    differing = []
    for row in rows:
        said = is_correct(Draft(row["response"]), Reference(row["id"], row["gold"]))
        if (said is True) != row["correct"]:
            found = find_answer(row["response"])
            differing.append(
                {
                    "id": row["id"],
                    "found": found and found.text[:80],
                    "gold": row["gold"],
                    "said": said,
                }
            )
    right = len(rows) - len(differing)
    return {
        "set": name,
        "rows": len(rows),
        "right": right,
        "agree": right / len(rows),
        "interval": wilson(right, len(rows)),
        "differing": differing,
    }


def _verdicts(name: str, rows: Sequence[Row], critiques: Sequence[Critique]) -> Row:
    """What the critic said of right and of wrong drafts (by their final answers)."""
    said = Counter(
        (bool(r["correct"]), str(c.verdict)) for r, c in zip(rows, critiques, strict=True)
    )
    pairs = list(zip(rows, critiques, strict=True))
    report: Row = {"set": name, "drafts": len(rows)}
    report["verdicts"] = {
        label: {
            str(verdict): said[right, str(verdict)]
            for verdict in Verdict
            if said[right, str(verdict)]
        }
        for label, right in (("right", True), ("wrong", False))
    }
    report["computations"] = sum(map(_computations, critiques))
    report["findings"] = sum(len(c.findings) for c in critiques)
    shares = {
        "coverage": [(r["gid"], c.verdict is not Verdict.ABSTAIN, True) for r, c in pairs],
        "right_failed": [
            (r["gid"], c.verdict is Verdict.FAIL, bool(r["correct"])) for r, c in pairs
        ],
        "wrong_failed": [(r["gid"], c.verdict is Verdict.FAIL, not r["correct"]) for r, c in pairs],
        "wrong_passed": [(r["gid"], c.verdict is Verdict.PASS, not r["correct"]) for r, c in pairs],
        "failed_is_wrong": [
            (r["gid"], not r["correct"], c.verdict is Verdict.FAIL) for r, c in pairs
        ],
    }
    return report | {key: clustered(values) for key, values in shares.items()}


def _computations(critique: Critique) -> int:
    found = critique.evidence[0].observation.get("computations") if critique.evidence else None
    return len(found) if isinstance(found, list) else 0


def _draw(rows: dict[str, list[Row]], judged: dict[str, list[Critique]]) -> list[Row]:
    """A hundred findings at random from all sets, with what a person needs to judge them."""
    pool = []
    for name in SETS:
        for row, critique in zip(rows[name], judged[name], strict=True):
            for finding in critique.findings:
                assert finding.span is not None and finding.span.start is not None
                text, place = _text(row), finding.span.start
                start = text.rfind("\n", 0, place) + 1
                end = text.find("\n", place)
                line = text[max(start, place - 200) : end if end >= 0 else None][:400]
                pool.append(
                    {
                        "set": name,
                        "id": row["id"],
                        "place": place,
                        "line": line,
                        "message": finding.message,
                        "hardness": finding.hardness.name.lower(),
                    }
                )
    drawn = random.Random(SEED).sample(pool, min(HUNDRED, len(pool)))
    print(f"{len(pool)} findings, {len(drawn)} drawn", file=sys.stderr)
    return drawn


def _key(entry: Row) -> tuple[str, int]:
    return entry["id"], entry["place"]


def _precision(drawn: Sequence[Row]) -> Row:
    checked = {_key(entry): entry for entry in json.loads(CHECKED.read_text())}
    known = [checked[_key(entry)] for entry in drawn if _key(entry) in checked]
    right = sum(entry["judgement"] == "right" for entry in known)
    return {
        "drawn": len(drawn),
        "judged": len(known),
        "right": right,
        "precision": right / len(known) if known else 0.0,
        "interval": wilson(right, len(known)),
        "wrong": [entry for entry in known if entry["judgement"] != "right"],
    }


def _first(rows: Sequence[Row]) -> Row:
    """The first step with a finding against the first step that a person marked."""
    rows = [row for row in rows if row["task"] == "multistep_arithmetic"]
    pairs = []
    for row in rows:
        findings = _judge(StepsCritic(), row).findings
        ours = min((f.span.line - 1 for f in findings if f.span), default=None)
        pairs.append((row, ours, findings[0].message if findings else None))
    same = [row for row, ours, _ in pairs if ours == row["first_error_index"]]
    told = [pair for pair in pairs if pair[0]["first_error_index"] is not None]
    located = sum(ours == row["first_error_index"] for row, ours, _ in told)
    return {
        "drafts": len(rows),
        "same": len(same),
        "share": wilson(len(same), len(rows)),
        "with_error": len(told),
        "located": wilson(located, len(told)),
        "differing": [
            {"id": row["id"], "human": row["first_error_index"], "ours": ours, "finding": message}
            for row, ours, message in pairs
            if ours != row["first_error_index"]
        ],
    }


def _others() -> Row:
    report: Row = {"pairs": len(PAIRS), "gadfly-math": _contend(equivalent)}
    if importlib.util.find_spec("math_verify") is None:
        return report
    import logging

    import math_verify  # type: ignore[import-not-found, import-untyped, unused-ignore]

    logging.disable(logging.CRITICAL)

    def verify(one: str, other: str) -> bool:
        return bool(math_verify.verify(math_verify.parse(one), math_verify.parse(other)))

    report["math-verify"] = _contend(verify)
    return report


def _contend(compare: Any) -> Row:  # noqa: ANN401
    wrong = [f"{one} | {other}" for one, other, same in PAIRS if compare(one, other) is not same]
    slowest = 0.0
    for text in HOSTILE:
        started = time.monotonic()
        compare("1", text)
        slowest = max(slowest, time.monotonic() - started)
    return {"wrong": wrong, "slowest_hostile_seconds": round(slowest, 3)}


def _print(report: Row) -> None:
    for row in report["answers"]:
        counted = f"{row['right']}/{row['rows']}"
        print(f"answers  {row['set']:15} label reproduced {counted} {percent(row['interval'])}")
    for kind in ("steps", "answer_critic"):
        for row in report[kind]:
            counted = f"computations {row['computations']}, findings {row['findings']}"
            print(f"{kind:13} {row['set']:15} drafts {row['drafts']}, {counted}")
            for key, value in row.items():
                if value is None or isinstance(value, list):
                    print(f"           {key:16} {percent(value)}")
    hundred, first, others = report["hundred"], report["first"], report["others"]
    counted = f"{hundred['right']}/{hundred['judged']} right of {hundred['drawn']} drawn"
    print(f"hundred  {counted} {percent(hundred['interval'])}")
    counted = f"{first['same']}/{first['drafts']}"
    print(f"first    same as the human index: {counted} {percent(first['share'])};")
    print(f"         where a person marked one: {first['with_error']} {percent(first['located'])}")
    for name in ("gadfly-math", "math-verify"):
        if name in others:
            wrong, slowest = len(others[name]["wrong"]), others[name]["slowest_hostile_seconds"]
            print(f"others   {name:12} wrong on {wrong} of {others['pairs']}, slowest {slowest} s")


if __name__ == "__main__":
    sys.exit(main())
