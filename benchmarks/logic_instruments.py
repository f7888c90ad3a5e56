"""How good the instruments of gadfly-logic are, on recorded programs and the tasks they are for.

    python benchmarks/logic_instruments.py [--data FOLDER] [--report FILE] [--limit N]

labels    each recorded program solved: is the recorded status, option and label reproduced? The
          goal is 99 % of the labels of programs that lead to one answer (status `OK`)
programs  the critic on the same programs, without gold: coverage, and how often it is right
tasks     the tasks' own sentences: how many are read exactly, and is what follows the gold answer?
mistake   steps in plain English (`bigbench_mistake`, logical deduction): verdicts by the final
          answer, and the first wrong step against the one that a person marked

Only this scorer reads gold answers. Intervals of 95 %: Wilson, and for shares of drafts a bootstrap
over problems, because drafts of one problem are alike. Every disagreement is listed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from figures import clustered, percent, read_rows, wilson

from gadfly import Critic, Critique, Draft, Hardness, Task, Verdict
from gadfly.testing import make_context
from gadfly_logic import ClaimsCritic, ProgramsCritic, solve

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
SEED = 20261125
WANTED = 0.99
TASKS = ("LogicalDeduction", "ProntoQA", "ProofWriter")
Row = dict[str, Any]


def main() -> int:
    """Run the benchmark; the exit status says whether the figures that are promised are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of recorded data")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    parser.add_argument("--limit", type=int, help="only so many rows, evenly spread")
    arguments = parser.parse_args()
    rows = _read(arguments.data, "logic_programs", arguments.limit)
    started = time.monotonic()
    labels = _labels(rows)
    seconds = time.monotonic() - started
    mistakes = _read(arguments.data, "bigbench_mistake", None)
    mistakes = [row for row in mistakes if row["task"] == "logical_deduction"]
    report: Row = {
        "programs": len(rows),
        "milliseconds_per_program": round(1000 * seconds / len(rows), 1),
        "labels": labels,
        "critic": _critic(rows),
        "tasks": _tasks(rows),
        "mistake": _mistake(mistakes[: arguments.limit]),
    }
    arguments.report.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    _print(report)
    print(f"written to {arguments.report}")
    return 0 if labels["all"]["one_answer"][0] >= WANTED else 1


def _read(folder: Path, name: str, limit: int | None) -> list[Row]:
    rows = read_rows(folder / "recorded" / f"{name}.jsonl.gz")
    return rows[:: max(1, len(rows) // limit)] if limit else rows


def _task(row: Row) -> Task:
    prompt = "\n".join((row["context"], row["question"], *row["options"]))
    return Task(prompt=prompt, inputs={"options": row["options"]})


def _judge(critic: Critic, task: Task, text: str) -> Critique:
    return asyncio.run(critic.critique(Draft(text), make_context(task)))


def _labels(rows: Sequence[Row]) -> Row:
    """Hold what is solved against what is recorded: the label says whether the option is gold."""
    same: dict[str, Counter[str]] = defaultdict(Counter)
    differing: list[Row] = []
    for row in rows:
        outcome = solve(row["response"], options=row["options"])
        found = {
            "status": str(outcome.status) == row["status"],
            "option": outcome.option == row["pred"],
            "label": (outcome.option == row["gold"]) == row["correct"],
        }
        for name in (row["task"], "all"):
            same[name]["rows"] += 1
            same[name].update(key for key, value in found.items() if value)
            if row["status"] == "OK":
                same[name]["with one answer"] += 1
                same[name]["one_answer"] += found["label"] and found["option"]
        if not all(found.values()):
            differing.append(
                {
                    "id": row["id"],
                    "recorded": [row["status"], row["pred"], row["correct"]],
                    "solved": [str(outcome.status), outcome.option],
                    "gold": row["gold"],
                    "reason": outcome.message or "; ".join(map(str, outcome.reasons)),
                }
            )
    report: Row = {"differing": differing}
    for name in (*TASKS, "all"):
        counted = same[name]
        report[name] = {
            "rows": counted["rows"],
            **{key: wilson(counted[key], counted["rows"]) for key in ("status", "option", "label")},
            "with_one_answer": counted["with one answer"],
            "one_answer": wilson(counted["one_answer"], counted["with one answer"]),
        }
    return report


def _critic(rows: Sequence[Row]) -> Row:
    """What the critic says of programs that lead to the gold answer, and of others."""
    judged = [(row, _judge(ProgramsCritic(), _task(row), row["response"])) for row in rows]
    report: Row = {name: _shares([p for p in judged if p[0]["task"] == name]) for name in TASKS}
    report["all"] = _shares(judged)
    report["disagreements"] = [
        {
            "id": row["id"],
            "verdict": str(said.verdict),
            "label": row["correct"],
            "status": row["status"],
            "says": said.summary[:400],
        }
        for row, said in judged
        if (said.verdict is Verdict.PASS and not row["correct"])
        or (said.verdict is Verdict.FAIL and row["correct"])
    ]
    return report


def _shares(judged: Sequence[tuple[Row, Critique]]) -> Row:
    counted = Counter((bool(row["correct"]), str(said.verdict)) for row, said in judged)

    passed = [said.verdict is Verdict.PASS for _, said in judged]
    failed = [said.verdict is Verdict.FAIL for _, said in judged]
    right = [bool(row["correct"]) for row, _ in judged]
    wrong = [not one for one in right]
    every = [True] * len(judged)
    decided = [one or other for one, other in zip(passed, failed, strict=True)]

    def share(counted: Sequence[bool], within: Sequence[bool]) -> list[float] | None:
        gids = [row["gid"] for row, _ in judged]
        return clustered(list(zip(gids, counted, within, strict=True)))

    return {
        "drafts": len(judged),
        "right": {str(v): counted[True, str(v)] for v in Verdict if counted[True, str(v)]},
        "wrong": {str(v): counted[False, str(v)] for v in Verdict if counted[False, str(v)]},
        "coverage": share(decided, every),
        "false_accept": share(passed, wrong),
        "false_reject": share(failed, right),
        "pass_is_right": share(right, passed),
        "fail_is_wrong": share(wrong, failed),
    }


def _tasks(rows: Sequence[Row]) -> Row:
    """Each task once: `logic/claims` on the gold answer, and on each other option."""
    tasks = {(row["task"], row["context"], row["question"]): row for row in rows}
    report: Row = {}
    differing: list[Row] = []
    for name in TASKS:
        read = right = passed = wrong = 0
        mine = [row for row in tasks.values() if row["task"] == name]
        for row in mine:
            said = {
                letter: _judge(ClaimsCritic(), _task(row), f"Answer: {letter}")
                for letter in (option[0] for option in row["options"])
            }
            gold = said.pop(row["gold"])
            read += gold.verdict is not Verdict.ABSTAIN
            right += gold.verdict is Verdict.PASS
            wrong += len(said)
            passed += sum(one.verdict is Verdict.PASS for one in said.values())
            if gold.verdict is not Verdict.PASS:
                differing.append({"id": row["id"], "gold": row["gold"], "says": gold.summary[:400]})
        report[name] = {
            "tasks": len(mine),
            "read": wilson(read, len(mine)),
            "gold_passed": wilson(right, read),
            "others_passed": wilson(passed, wrong),
        }
    report["differing"] = differing
    return report


def _mistake(rows: Sequence[Row]) -> Row:
    """Steps in plain English: the first found wrong against the one that a person marked."""
    judged: list[tuple[Row, Critique]] = []
    located = told = silent = agree = hard = 0
    differing: list[Row] = []
    for row in rows:
        said = _judge(ClaimsCritic(), Task(prompt=row["question"]), "\n".join(row["steps"]))
        judged.append((row, said))
        lines = [one.span.line - 1 for one in said.findings if one.span is not None]
        sure = [
            one.span.line - 1
            for one in said.findings
            if one.span is not None and one.hardness is Hardness.HARD
        ]
        ours, human = min(lines, default=None), row["first_error_index"]
        hard += human is not None and min(sure, default=None) == human
        agree += ours == human
        if human is not None:
            told += 1
            located += ours == human
            silent += ours is None
        if ours != human:
            says = said.findings[0].message[:200] if said.findings else said.summary[:200]
            differing.append({"id": row["id"], "human": human, "ours": ours, "says": says})
    return {
        **_shares(judged),
        "same_index": wilson(agree, len(rows)),
        "with_error": told,
        "located": wilson(located, told),
        "located_by_hard_findings": wilson(hard, told),
        "located_where_found": wilson(located, told - silent),
        "differing": differing,
    }


def _print(report: Row) -> None:
    print(f"{report['programs']} programs, {report['milliseconds_per_program']} ms each")
    for name in (*TASKS, "all"):
        row = report["labels"][name]
        shown = ", ".join(f"{key} {percent(row[key])}" for key in ("status", "option", "label"))
        one = f"of {row['with_one_answer']} with one answer {percent(row['one_answer'])}"
        print(f"labels   {name:17} {row['rows']:5}: {shown}; {one}")
    for row in report["labels"]["differing"]:
        print(f"         {row['id']}: {row['recorded']} recorded, {row['solved']}: {row['reason']}")
    for name in (*TASKS, "all"):
        row = report["critic"][name]
        print(f"critic   {name:17} {row['drafts']:5}: right {row['right']}, wrong {row['wrong']}")
        _print_shares(row)
    for row in report["critic"]["disagreements"]:
        print(f"         {row['id']}: {row['verdict']}, label {row['label']}: {row['says'][:200]}")
    for name in TASKS:
        row = report["tasks"][name]
        shown = ", ".join(
            f"{key} {percent(row[key])}" for key in ("read", "gold_passed", "others_passed")
        )
        print(f"tasks    {name:17} {row['tasks']:5}: {shown}")
    for row in report["tasks"]["differing"]:
        print(f"         {row['id']}: gold {row['gold']}: {row['says'][:200]}")
    row = report["mistake"]
    print(
        f"mistake  logical_deduction {row['drafts']:5}: right {row['right']}, wrong {row['wrong']}"
    )
    _print_shares(row)
    shown = ", ".join(
        f"{key} {percent(row[key])}"
        for key in ("same_index", "located", "located_by_hard_findings")
    )
    print(f"         {shown}; {row['with_error']} with an error")


def _print_shares(row: Row) -> None:
    for key in ("coverage", "false_accept", "false_reject", "pass_is_right", "fail_is_wrong"):
        print(f"           {key:16} {percent(row[key])}")


if __name__ == "__main__":
    sys.exit(main())
