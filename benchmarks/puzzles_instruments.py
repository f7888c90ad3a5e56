"""How good the instruments of gadfly-puzzles are, on recorded answers.

    python benchmarks/puzzles_instruments.py [--data FOLDER] [--limit N]

game24    answers of one model to the game of 24: is the recorded label reproduced, and what is the
          reason where one is wrong?
mistake   solutions to tasks of BIG-Bench Mistake: verdicts against whether the answer is right, and
          the first finding against the step that a person marked first; arithmetic and deduction
          are judged by gadfly-math and gadfly-logic
bbh       answers to tasks of BIG-Bench Hard, with steps and without: verdicts only

Gold answers and labels are read by the scorer only. Intervals of 95 %: Wilson for what is counted
once, and a bootstrap over problems for shares of drafts. The exit status is 1 where a verdict in
the game of 24 differs from its label. What comes out is printed, and written as JSON beside this
file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from figures import clustered, percent, read_rows, wilson

from gadfly import Critic, Critique, Draft, Finding, Hardness, Task, Verdict
from gadfly.testing import make_context
from gadfly_logic import ClaimsCritic
from gadfly_math import AnswerCritic, StepsCritic
from gadfly_puzzles import (
    BooleansCritic,
    CountingCritic,
    DatesCritic,
    DyckCritic,
    LiesCritic,
    NavigateCritic,
    NumbersCritic,
    ScheduleCritic,
    SortingCritic,
    TrackingCritic,
    can_make,
)

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
SEED = 20261130
SHOWN = 40
"""Differing drafts that are listed for each task."""
Row = dict[str, Any]
Judged = Sequence[tuple[Row, Critique]]
DYCK, SORTING, TRACKING, CLAIMS = DyckCritic(), SortingCritic(), TrackingCritic(), ClaimsCritic()
MISTAKES: dict[str, tuple[Critic, Critic]] = {
    "dyck_languages": (DYCK, DYCK),
    "word_sorting": (SORTING, SORTING),
    "tracking_shuffled_objects": (TRACKING, TRACKING),
    "multistep_arithmetic": (AnswerCritic(), StepsCritic()),
    "logical_deduction": (CLAIMS, CLAIMS),
}
"""The critic of the answer, and that of the steps."""
HARD: dict[str, Critic] = {
    "dyck_languages": DYCK,
    "word_sorting": SORTING,
    "tracking_shuffled_objects_three_objects": TRACKING,
    "tracking_shuffled_objects_five_objects": TRACKING,
    "tracking_shuffled_objects_seven_objects": TRACKING,
    "boolean_expressions": BooleansCritic(),
    "web_of_lies": LiesCritic(),
    "navigate": NavigateCritic(),
    "temporal_sequences": ScheduleCritic(),
    "object_counting": CountingCritic(),
    "date_understanding": DatesCritic(),
}
RATES = ("coverage", "false_accept", "false_reject", "pass_is_right", "fail_is_wrong")


def main() -> int:
    """Run the benchmark; the exit status says whether the game of 24 is judged as labelled."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of recorded data")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    parser.add_argument("--limit", type=int, help="drafts of each file; all by default")
    arguments = parser.parse_args()
    folder, limit = arguments.data, arguments.limit
    game = _judge_all(_read(folder / "recorded", "game24_gpt4", limit), NumbersCritic())
    mistakes = _read(folder / "recorded", "bigbench_mistake", limit)
    hard = _read(folder / "recorded", "bbh_codex", limit)
    report: Row = {
        "game24": _game(game),
        "game24_tasks": _solvable(_read(folder / "tasks", "game24", limit)),
        "mistake": {name: _mistake(_of(mistakes, name), *c) for name, c in MISTAKES.items()},
        "bbh": {name: _verdicts(_judge_all(_of(hard, name), c)) for name, c in HARD.items()},
    }
    arguments.report.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    _print(report)
    print(f"written to {arguments.report}")
    return 0 if report["game24"]["agree"] == report["game24"]["drafts"] else 1


def _read(folder: Path, name: str, limit: int | None) -> list[Row]:
    rows = read_rows(folder / f"{name}.jsonl.gz")
    return rows[:: max(1, len(rows) // limit)] if limit else rows


def _of(rows: Sequence[Row], task: str) -> list[Row]:
    return [row for row in rows if row["task"] == task]


def _judge_all(rows: Sequence[Row], critic: Critic) -> list[tuple[Row, Critique]]:
    async def judge() -> list[tuple[Row, Critique]]:
        return [
            (
                row,
                await critic.critique(
                    Draft(_text(row)), make_context(Task(prompt=row["question"]))
                ),
            )
            for row in rows
        ]

    return asyncio.run(judge())


def _text(row: Row) -> str:
    return str(row["response"]) if "response" in row else "\n".join(row["steps"])


def _game(judged: Judged) -> Row:
    """Every verdict against the label, and the reasons of what fails; `count` says how often."""
    first, every, weighted = Counter[str](), Counter[str](), Counter[str]()
    for row, said in judged:
        reasons = [str(one) for one in _reasons(said)]
        if reasons:
            first[reasons[0]] += 1
            every.update(set(reasons))
            weighted[reasons[0]] += row["count"]
    agree = sum((said.verdict is Verdict.PASS) == row["correct"] for row, said in judged)
    wrong = sum(not row["correct"] for row, _ in judged)
    return {
        **_verdicts(judged),
        "agree": agree,
        "agreement": wilson(agree, len(judged)),
        "answers_recorded": sum(row["count"] for row, _ in judged),
        "wrong_with_reason": wilson(sum(first.values()), wrong),
        "first_reason": dict(first.most_common()),
        "first_reason_of_recorded": dict(weighted.most_common()),
        "any_reason": dict(every.most_common()),
    }


def _reasons(said: Critique) -> Sequence[Any]:
    found = said.evidence[0].observation["reasons"] if said.evidence else ()
    assert isinstance(found, Sequence)
    return found


def _solvable(rows: Sequence[Row]) -> Row:
    """All puzzles can be made, so that an answer that gives up is wrong."""
    can = sum(can_make(map(int, row["question"].split()), 24) for row in rows)
    return {"puzzles": len(rows), "can_be_made": can}


def _mistake(rows: Sequence[Row], answers: Critic, steps: Critic) -> Row:
    """Verdicts, and the first finding against the step that was marked first."""
    judged = _judge_all(rows, steps)
    told: list[tuple[str, bool]] = []
    found: list[tuple[str, bool]] = []
    clean: list[tuple[str, bool]] = []
    same = 0
    differing: list[Row] = []
    for row, said in judged:
        first = min(said.findings, key=_place, default=None)
        ours, human = _step(row, first), row["first_error_index"]
        same += ours == human
        if human is None:
            clean.append((row["gid"], ours is None))
        else:
            told.append((row["gid"], ours == human))
        if ours is not None:
            found.append((row["gid"], ours == human))
        if ours != human:
            says = said.summary if first is None else first.message
            differing.append({"id": row["id"], "human": human, "ours": ours, "says": says[:200]})
    return {
        **_verdicts(judged if answers is steps else _judge_all(rows, answers)),
        "same_index": wilson(same, len(rows)),
        "with_error": len(told),
        "located": clustered([(gid, hit, True) for gid, hit in told]),
        "location_right": clustered([(gid, hit, True) for gid, hit in found]),
        "without_error": len(clean),
        "nothing_found": clustered([(gid, hit, True) for gid, hit in clean]),
        "differing_index": len(differing),
        "differing_index_shown": differing[:SHOWN],
    }


def _place(finding: Finding) -> int:
    return 0 if finding.span is None else finding.span.start or 0


def _step(row: Row, finding: Finding | None) -> int | None:
    """Return the index of the step that a finding is in."""
    if finding is None:
        return None
    starts = [0]
    for step in row["steps"]:
        starts.append(starts[-1] + len(step) + 1)
    return min(bisect_right(starts, _place(finding)), len(row["steps"])) - 1


def _verdicts(judged: Judged) -> Row:
    """What was said of right and of wrong drafts, by their final answers."""
    counted = Counter((bool(row["correct"]), str(said.verdict)) for row, said in judged)
    shares: dict[str, list[tuple[str, bool, bool]]] = defaultdict(list)
    differing: list[Row] = []
    for row, said in judged:
        gid, right = row["gid"], bool(row["correct"])
        passed, failed = said.verdict is Verdict.PASS, said.verdict is Verdict.FAIL
        shares["coverage"].append((gid, passed or failed, True))
        shares["false_accept"].append((gid, passed, not right))
        shares["false_reject"].append((gid, failed, right))
        shares["pass_is_right"].append((gid, right, passed))
        shares["fail_is_wrong"].append((gid, not right, failed))
        if (passed and not right) or (failed and right):
            differing.append(
                {
                    "id": row["id"],
                    "verdict": str(said.verdict),
                    "pred": str(row.get("pred", row.get("response")))[:100],
                    "gold": str(row.get("gold", ""))[:100],
                    "says": said.summary[:200],
                }
            )
    read = sum(bool(said.evidence) for _, said in judged)
    return {
        "drafts": len(judged),
        "tasks_read": wilson(read, len(judged)),
        "right": {str(v): counted[True, str(v)] for v in Verdict if counted[True, str(v)]},
        "wrong": {str(v): counted[False, str(v)] for v in Verdict if counted[False, str(v)]},
        **{name: clustered(shares[name]) for name in RATES},
        "hard_findings": sum(
            one.hardness is Hardness.HARD for _, said in judged for one in said.findings
        ),
        "soft_findings": sum(
            one.hardness is Hardness.SOFT for _, said in judged for one in said.findings
        ),
        "differing_verdicts": differing,
    }


def _print(report: Row) -> None:
    game = report["game24"]
    print(f"game24   {game['agree']} of {game['drafts']} as labelled {percent(game['agreement'])}")
    print(f"         wrong answers with a reason: {percent(game['wrong_with_reason'])}")
    for name, count in game["first_reason"].items():
        said = f"(named at all {game['any_reason'][name]})"
        print(f"           {name:28} {count:5} {said}")
    tasks = report["game24_tasks"]
    print(f"         {tasks['can_be_made']} of {tasks['puzzles']} puzzles can be made")
    for name, row in report["mistake"].items():
        _print_row("mistake", name, row)
        for key in ("same_index", "located", "location_right", "nothing_found"):
            print(f"           {key:16} {percent(row[key])}")
    for name, row in report["bbh"].items():
        _print_row("bbh", name, row)


def _print_row(kind: str, name: str, row: Row) -> None:
    print(f"{kind:8} {name:40} {row['drafts']:4}: right {row['right']}, wrong {row['wrong']}")
    for key in ("tasks_read", *RATES):
        print(f"           {key:16} {percent(row[key])}")
    for one in row["differing_verdicts"][:5]:
        print(f"           {one['id']}: {one['verdict']}: {one['says'][:120]}")


if __name__ == "__main__":
    sys.exit(main())
