"""Which findings of ruff and mypy are evidence that a program is wrong.

    python benchmarks/lint_evidence.py [--data FOLDER] [--limit N]

The programs are the HumanEval and MBPP samples of the shared data, each text of a problem once; the
label is that of the hidden tests. For each rule: how much more often is a program wrong that has
such a finding than one that has none (the risk ratio)? Intervals of 95 % are by a bootstrap over
problems, as programs of one problem are alike.

chosen    the rules whose interval lies above 1 on one half of the problems, with what they are
          worth on the other half, where nothing was chosen; those whose interval lies above 1
          there, too, are confirmed
default   the same for the rules that `python/lint` has by default, on all problems; `within`
          compares programs of one problem only (Mantel and Haenszel, 1959), so that a hard problem,
          where much is wrong, does not count for the rule
syntax    whether what is said to be no Python is refused by the compiler, too

The tools read some hundred programs at a time here, and one in `python/lint`; `alone` counts where
the two agree. What comes out is printed, and written as JSON beside this file.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import hashlib
import json
import random
import re
import sys
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gadfly import Draft, Limits, Plugins, Sandbox, ToolError
from gadfly.testing import make_context
from gadfly_python._lint import RULES, LintCritic
from gadfly_python._linters import SYNTAX_RULES, Linter, lint_job, read_report
from gadfly_python._program import find_program

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
FILES = ("humaneval_samples", "mbpp_samples")
FAMILIES = (
    *("A", "ARG", "B", "BLE", "C4", "E7", "E9", "F", "ISC", "PERF", "PIE"),
    *("PLC", "PLE", "PLR", "PLW", "RET", "RUF", "S", "SIM", "TRY", "UP", "W6"),
)
PYTHON = "3.11"
BATCH = 300
LIMITS = Limits(wall_seconds=500, cpu_seconds=400, memory_mib=4096, output_kib=16_384, disk_mib=64)
RESAMPLES = 1000
FEWEST = 5
"""Problems that must have a finding of a rule before anything is said of it."""
SEED = 20261130
Row = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A program with its label, and the rules by which the tools found something."""

    problem: str
    kind: str
    text: str
    correct: bool
    rules: frozenset[str] = frozenset()


def main() -> int:
    """Run the benchmark; the exit status says whether the default rules are worth it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of recorded data")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    parser.add_argument("--limit", type=int, help="only the first programs")
    arguments = parser.parse_args()
    samples, alone = asyncio.run(_measure(list(_read(arguments.data))[: arguments.limit]))
    one, other = _halves(samples)
    seen = sorted({rule for sample in samples for rule in sample.rules} - SYNTAX_RULES)
    first = {rule: _ratio(one, {rule}) for rule in seen}
    chosen = [rule for rule, found in first.items() if _tells(found)]
    second = {rule: _ratio(other, {rule}) for rule in chosen}
    report: Row = {
        "programs": len(samples),
        "problems": len({sample.problem for sample in samples}),
        "wrong": sum(not sample.correct for sample in samples),
        "versions": {tool: version(tool) for tool in ("ruff", "mypy")},
        "chosen": {
            "rules": {rule: {"first": first[rule], "other": second[rule]} for rule in chosen},
            "confirmed": [rule for rule in chosen if _tells(second[rule])],
            "together": {"first": _ratio(one, set(chosen)), "other": _ratio(other, set(chosen))},
        },
        "default": {
            "rules": list(RULES),
            "together": _ratio(samples, set(RULES)),
            **{kind: _ratio([s for s in samples if s.kind == kind], set(RULES)) for kind in FILES},
        },
        "all": {rule: _ratio(samples, {rule}) for rule in seen},
        "syntax": _syntax(samples),
        "alone": alone,
    }
    arguments.report.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    _print(report)
    print(f"written to {arguments.report}")
    worth = _tells(report["default"]["together"])
    return 0 if worth and not report["syntax"]["wrongly_refused"] else 1


def _read(folder: Path) -> Iterator[Sample]:
    seen: set[tuple[str, str]] = set()
    for name in FILES:
        with gzip.open(folder / "recorded" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
            for row in map(json.loads, file):
                key = row["gid"], row["program"]
                if row["label_conflict"] or key in seen:
                    continue
                seen.add(key)
                yield Sample(row["gid"], name, row["program"], bool(row["correct"]))


def _halves(samples: Sequence[Sample]) -> tuple[list[Sample], list[Sample]]:
    def is_first(sample: Sample) -> bool:
        return hashlib.sha256(sample.problem.encode()).digest()[0] % 2 == 0

    return [s for s in samples if is_first(s)], [s for s in samples if not is_first(s)]


async def _measure(samples: Sequence[Sample]) -> tuple[list[Sample], Row]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    try:
        done: list[Sample] = []
        for begin in range(0, len(samples), BATCH):
            done += await _lint(samples[begin : begin + BATCH], sandbox)
            print(f"{len(done)} programs", file=sys.stderr)
        return done, await _alone(done, sandbox)
    finally:
        await sandbox.close()


async def _lint(samples: Sequence[Sample], sandbox: Sandbox) -> list[Sample]:
    files = {f"program_{n:05}.py": sample.text for n, sample in enumerate(samples)}
    found: dict[str, set[str]] = defaultdict(set)
    for name, rules in (await _ask("ruff", files, sandbox))[0].items():
        found[name] |= rules
    left = {name: text for name, text in files.items() if not found[name] & SYNTAX_RULES}
    while left:
        said, whole = await _ask("mypy", left, sandbox)
        if whole:
            break
        # It stops at a program that it cannot understand: that one is left out.
        left = {name: text for name, text in left.items() if not said[name]}
    for name in left:
        found[name] |= said[name]
    return [
        Sample(s.problem, s.kind, s.text, s.correct, frozenset(found[name]))
        for name, s in zip(files, samples, strict=True)
    ]


async def _ask(
    tool: Linter, files: dict[str, str], sandbox: Sandbox
) -> tuple[dict[str, set[str]], bool]:
    job = lint_job(tool, files, FAMILIES, PYTHON, LIMITS)
    report = read_report(tool, job, await sandbox.run(job))
    return {name: {r.rule for r in said} for name, said in report.remarks.items()}, report.whole


async def _alone(samples: Sequence[Sample], sandbox: Sandbox) -> Row:
    """Does the critic, one program at a time, find what was found among hundreds?"""
    with_findings = [s for s in samples if s.rules & set(RULES) and not s.rules & SYNTAX_RULES]
    others = [s for s in samples if not s.rules & {*RULES, *SYNTAX_RULES}]
    dice = random.Random(SEED)
    drawn = dice.sample(with_findings, min(8, len(with_findings)))
    drawn += dice.sample(others, min(8, len(others)))
    same, tried = 0, 0
    for sample in drawn:
        draft = Draft(f"```python\n{sample.text}\n```")
        if "```" in sample.text or find_program(draft) is None:
            continue
        tried += 1
        critic = LintCritic(python=PYTHON)
        try:
            critique = await critic.critique(draft, make_context(sandbox=sandbox))
        except ToolError as error:
            print(error, file=sys.stderr)
            continue
        said = {
            match[1] for f in critique.findings if (match := re.search(r": (\S+)\)$", f.message))
        }
        same += said == sample.rules & set(RULES)
    return {"programs": tried, "same": same}


def _rule(message: str) -> str:
    found = re.search(r": (\S+)\)$", message)
    return found[1] if found else message


def _ratio(samples: Sequence[Sample], rules: set[str]) -> Row | None:
    """How much more often programs with a finding are wrong; None if few problems have one."""
    groups: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for sample in samples:
        if sample.rules & SYNTAX_RULES:
            continue
        counts = groups[sample.problem]
        place = 0 if sample.rules & rules else 2
        counts[place] += not sample.correct
        counts[place + 1] += 1
    problems = list(groups.values())
    total = [sum(column) for column in zip(*problems, strict=True)] if problems else [0] * 4
    having = sum(counts[1] > 0 for counts in problems)
    if having < FEWEST or not total[3]:
        return None
    return {
        "problems": having,
        "with": total[1],
        "wrong_with": total[0],
        "without": total[3],
        "wrong_without": total[2],
        "ratio": round(_crude(problems), 3),
        "interval": _interval(problems, _crude),
        "within": round(_stratified(problems), 3),
        "within_interval": _interval(problems, _stratified),
    }


def _tells(found: Row | None) -> bool:
    return found is not None and found["interval"][0] > 1


def _crude(problems: Iterable[Sequence[int]]) -> float:
    wrong, having, others_wrong, others = map(sum, zip(*problems, strict=True))
    # Half a program on each side: a rule that was never wrong so far has no endless ratio.
    return ((wrong + 0.5) / (having + 1)) / ((others_wrong + 0.5) / (others + 1))


def _stratified(problems: Iterable[Sequence[int]]) -> float:
    above = below = 0.5
    for wrong, having, others_wrong, others in problems:
        if having and others:
            above += wrong * others / (having + others)
            below += others_wrong * having / (having + others)
    return above / below


def _interval(
    problems: Sequence[Sequence[int]], measure: Callable[[Iterable[Sequence[int]]], float]
) -> list[float]:
    dice = random.Random(SEED)
    again = sorted(measure(dice.choices(problems, k=len(problems))) for _ in range(RESAMPLES))
    return [round(again[int(RESAMPLES * share)], 3) for share in (0.025, 0.975)]


def _syntax(samples: Sequence[Sample]) -> Row:
    said = Counter[str]()
    differing: list[Row] = []
    for sample in samples:
        refused, compiles = bool(sample.rules & SYNTAX_RULES), _compiles(sample.text)
        said[f"{'refused' if refused else 'read'}, {'compiles' if compiles else 'does not'}"] += 1
        if refused == compiles:
            differing.append({"problem": sample.problem, "refused": refused})
    wrongly = sum(row["refused"] for row in differing)
    return {"counts": dict(said), "wrongly_refused": wrongly, "differing": differing}


def _compiles(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(text, "program", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _print(report: Row) -> None:
    print(
        f"{report['programs']} programs of {report['problems']} problems, {report['wrong']} wrong"
    )
    print("rules with an interval above 1 on one half, and what they are worth on the other")
    for rule, found in report["chosen"]["rules"].items():
        print(f"  {rule:24} {_shown(found['first'])}   {_shown(found['other'])}")
    together = report["chosen"]["together"]
    print(f"  confirmed there: {', '.join(report['chosen']['confirmed'])}")
    print(f"  {'together':24} {_shown(together['first'])}   {_shown(together['other'])}")
    default = report["default"]
    for name in ("together", *FILES):
        print(f"default, {name:20} {_shown(default[name])}")
    print(f"syntax: {report['syntax']['counts']}, alone: {report['alone']}")


def _shown(found: Row | None) -> str:
    if found is None:
        return f"(in fewer than {FEWEST} problems)"
    low, high = found["interval"]
    within = "{:.2f} ({:.2f} to {:.2f})".format(found["within"], *found["within_interval"])
    counted = f"{found['wrong_with']}/{found['with']}"
    return f"{found['ratio']:.2f} ({low:.2f} to {high:.2f}), within {within}, wrong {counted}"


if __name__ == "__main__":
    sys.exit(main())
