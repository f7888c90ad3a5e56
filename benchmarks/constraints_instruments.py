"""Hold 4,799 recorded answers to IFEval's instructions, and compare with the recorded verdicts.

    python benchmarks/constraints_instruments.py [--data FOLDER] [--report FILE] [--limit N]

`constraints/instructions` judges each answer by the instructions of its task, all in one checklist;
the label is the verdict that the benchmark's own verifiers gave for each instruction. *Strict* is
the answer as it is. *Loose* is the benchmark's second reading: an instruction holds if it holds for
one of eight variants (without the first line, the last, both; each of these with and without
asterisks). Every disagreement is listed with the reason, where one can be established by running
something again. The second table is what `extract` reads out of the prompts' plain text, against
the instructions that the data names. What comes out is printed, and written as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from figures import read_rows
from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory  # type: ignore[import-untyped]

from gadfly import Draft, Task
from gadfly.testing import make_context
from gadfly_constraints import InstructionsCritic, extract, from_ifeval

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
WANTED = 0.998
DRAWS: Any = DetectorFactory()
DRAWS.load_profile(PROFILES_DIRECTORY)
CRITIC = InstructionsCritic()
FIELDS = ("instruction_id_list", "kwargs")
BOUNDS = ("at_least", "at_most", "exactly")


def main() -> int:
    """Run the benchmark; the exit status says whether the agreement is as wanted."""
    arguments = _arguments()
    tasks = {row["id"]: row for row in read_rows(arguments.data / "tasks" / "ifeval.jsonl.gz")}
    answers = read_rows(arguments.data / "recorded" / "ifeval_responses.jsonl.gz")
    answers = answers[: arguments.limit]
    started = time.monotonic()
    strict, disagreements = asyncio.run(_strict(tasks, answers))
    seconds = time.monotonic() - started
    loose, loose_disagreements = asyncio.run(_loose(tasks, answers))
    report: dict[str, Any] = {
        "answers": len(answers),
        "milliseconds_per_answer": round(1000 * seconds / len(answers), 2),
        "strict": _summary(strict),
        "loose": _summary(loose),
        "disagreements": disagreements,
        "loose_disagreements": loose_disagreements,
        "extract": _extraction(tasks.values()),
    }
    arguments.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    _print(report)
    print(f"written to {arguments.report}")
    return 0 if report["strict"]["agreement"] >= WANTED else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of shared data")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    parser.add_argument("--limit", type=int, help="only the first answers")
    return parser.parse_args()


def _task(row: Mapping[str, Any]) -> Task:
    return Task(prompt=row["prompt"], id=row["id"], inputs={name: row[name] for name in FIELDS})


async def _judge(task: Task, text: str) -> list[dict[str, Any]]:
    """Return what the critic found for each instruction: `held`, `found`, `item`."""
    critique = await CRITIC.critique(Draft(text), make_context(task))
    if not critique.evidence:  # an empty draft, which holds nothing
        empty = {"held": False, "found": critique.summary, "item": ""}
        return [empty] * len(task.inputs["instruction_id_list"])  # type: ignore[arg-type]
    return critique.evidence[0].observation["results"]  # type: ignore[return-value]


async def _strict(
    tasks: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]
) -> tuple[Counter[tuple[str, bool]], list[dict[str, Any]]]:
    agreed: Counter[tuple[str, bool]] = Counter()
    listed: list[dict[str, Any]] = []
    for answer in answers:
        row = tasks[f"ifeval-{answer['key']}"]
        results = await _judge(_task(row), answer["response"])
        given = (row["instruction_id_list"], results, answer["follow_strict"], row["kwargs"])
        for id_, result, label, kwargs in zip(*given, strict=True):
            same = result["held"] is label
            agreed[id_, same] += 1
            if not same:
                reason = await _reason(id_, kwargs, answer["response"], label)
                listed.append({
                    "id": answer["id"],
                    "instruction": id_,
                    "label": label,
                    **result,
                    "reason": reason,
                })  # fmt: skip
    return agreed, listed


async def _loose(
    tasks: Mapping[str, Any], answers: Sequence[Mapping[str, Any]]
) -> tuple[Counter[tuple[str, bool]], list[dict[str, Any]]]:
    agreed: Counter[tuple[str, bool]] = Counter()
    listed: list[dict[str, Any]] = []
    for answer in answers:
        row = tasks[f"ifeval-{answer['key']}"]
        ids = row["instruction_id_list"]
        held = [False] * len(ids)
        for text in _variants(answer["response"]):
            if all(held):
                break
            open_ = [n for n, done in enumerate(held) if not done]
            part = {
                name: [row[name][n] for n in open_] for name in ("instruction_id_list", "kwargs")
            }
            for n, result in zip(open_, await _judge(_task({**row, **part}), text), strict=True):
                held[n] = result["held"] is True
        given = (ids, held, answer["follow_loose"], row["kwargs"])
        for id_, ours, label, kwargs in zip(*given, strict=True):
            agreed[id_, ours is label] += 1
            if ours is not label:
                reason = await _reason(id_, kwargs, answer["response"], label)
                listed.append({
                    "id": answer["id"],
                    "instruction": id_,
                    "label": label,
                    "reason": reason,
                })  # fmt: skip
    return agreed, listed


def _variants(text: str) -> list[str]:
    lines = text.split("\n")
    cut = [lines, lines[1:], lines[:-1], lines[1:-1]]
    whole = [text, *("\n".join(part).strip() for part in cut[1:])]
    return list(dict.fromkeys([*whole, *(one.replace("*", "") for one in whole)]))


async def _reason(id_: str, kwargs: Mapping[str, Any], text: str, label: bool) -> str:  # noqa: FBT001 - a label is a truth value
    """Say why the recorded verdict differs, by what reproduces it."""
    if id_.endswith("letter_frequency") and not kwargs["letter"].isalpha():
        letters = [{**kwargs, "letter": letter} for letter in ascii_lowercase]
        held = [(await _judge(_single(id_, one), text))[0]["held"] for one in letters]
        return (
            f"{kwargs['letter']!r} is no letter, and the verdict is not that of its count; "
            f"{held.count(label)} of the 26 letters give it"
        )
    if "language" in id_ or "english" in id_:
        code = kwargs.get("language", "en")
        counts = Counter(_single_draw(text, seed) for seed in range(50))
        if len(counts) > 1:
            drawn = ", ".join(f"{name} {count}" for name, count in counts.most_common(4))
            return f"langdetect draws at random ({code} is wanted); 50 single draws: {drawn}"
    garbled = text.encode().decode("cp1252", errors="replace")
    if garbled != text and (await _judge(_single(id_, kwargs), garbled))[0]["held"] is label:
        return "the verdict is that of the text with its UTF-8 read as Windows-1252"
    return "not explained"


def _single(id_: str, kwargs: Mapping[str, Any]) -> Task:
    return Task(prompt=id_, inputs={"instruction_id_list": [id_], "kwargs": [dict(kwargs)]})


def _single_draw(text: str, seed: int) -> str:
    """Return what langdetect's own `detect` says for a seed."""
    detector: Any = DRAWS.create()
    detector.seed = seed
    detector.append(text)
    return str(detector.detect())


def _summary(agreed: Counter[tuple[str, bool]]) -> dict[str, Any]:
    by_id = {
        id_: {"agree": agreed[id_, True], "of": agreed[id_, True] + agreed[id_, False]}
        for id_ in sorted({id_ for id_, _ in agreed})
    }
    agree = sum(one["agree"] for one in by_id.values())
    return {
        "instructions": agreed.total(),
        "agree": agree,
        "agreement": agree / agreed.total(),
        "by_instruction": by_id,
    }


def _extraction(rows: Collection[Mapping[str, Any]]) -> dict[str, Any]:
    """Hold what is read out of prompts against the instructions that the data names.

    The data takes `more than 30` as at least 30; `extract` takes it as at least 31.
    """
    read: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    named: Counter[str] = Counter()
    others: list[dict[str, Any]] = []
    for row in rows:
        gold: list[Any] = from_ifeval(row["instruction_id_list"], row["kwargs"])
        found: list[Any] = extract(row["prompt"])
        named.update(item["type"] for item in gold)
        missed.update({item["type"] for item in gold} - {item["type"] for item in found})
        for item in found:
            distance = min((_distance(item, one) for one in gold), default=None)
            if distance is None or distance > 1:
                others.append({"id": row["id"], "item": item, "prompt": row["prompt"][-200:]})
            else:
                read["the same" if distance == 0 else "its bound differs by one"] += 1
    return {
        "prompts": len(rows),
        "read": dict(read),
        "named": named.total(),
        "named_and_not_read": dict(missed),
        "read_and_not_named": others,
    }


def _distance(item: Mapping[str, Any], named: Mapping[str, Any]) -> float:
    """Return by how much two items differ: 0 for the same, infinity for different ones."""
    if item["type"] != named["type"]:
        return float("inf")
    mine = {name: item[name] for name in BOUNDS if name in item}
    theirs = {name: named[name] for name in BOUNDS if name in named}
    if mine.keys() != theirs.keys():
        return float("inf")
    return max((abs(mine[name] - theirs[name]) for name in mine), default=0)


def _print(report: Mapping[str, Any]) -> None:
    print(f"{'instruction':<45}{'strict':>14}{'loose':>14}")
    loose = report["loose"]["by_instruction"]
    for id_, strict in report["strict"]["by_instruction"].items():
        other = loose[id_]
        print(f"{id_:<45}{_share(strict):>14}{_share(other):>14}")
    for kind in ("strict", "loose"):
        one = report[kind]
        print(f"{kind}: {one['agree']} of {one['instructions']} agree, {one['agreement']:.4%}")
    print(f"{report['milliseconds_per_answer']} ms per answer")
    for row in report["disagreements"]:
        print(f"  {row['id']} {row['instruction']}: labelled {row['label']}, {row['found']}")
        print(f"      {row['reason']}")
    print("loose:")
    for row in report["loose_disagreements"]:
        print(f"  {row['id']} {row['instruction']}: labelled {row['label']}")
        print(f"      {row['reason']}")
    extraction = report["extract"]
    print(
        f"read out of {extraction['prompts']} prompts: {extraction['read']}; "
        f"named by the data: {extraction['named']}; read and not named:"
    )
    for row in extraction["read_and_not_named"]:
        print(f"  {row['id']}: {row['item']}")


def _share(one: Mapping[str, int]) -> str:
    return f"{one['agree']}/{one['of']}"


if __name__ == "__main__":
    sys.exit(main())
