"""Code critics without gold: predictions, false accepts and rejects, and selection among samples.

    python benchmarks/code_selection.py [--data FOLDER] [--folder FOLDER] [--every N] [--workers N]

predictions  `python/predictions` on every recorded CRUXEval answer: is it the recorded label?
verdicts     recorded HumanEval and MBPP samples judged from the prompt's examples and from
             model-written tests alone, with and without consensus, against the hidden tests' label
selection    best of n = 1, 2, 4, 8 samples by critic score, by majority vote and at random; what is
             agreed on is worked out from the n samples alone. MBPP, with at most seven samples of
             a problem, goes to 4

Every distinct program runs once, on all inputs of its problem's examples and tests. The expected
values never enter its process. With `--folder` what it gave is kept there, and the same command
goes on where an interrupted one stopped. The model-written tests are `humaneval_llm_tests`, and the
tests that models wrote for themselves in recorded `feedback` (which MBPP has too). The label
(`correct`) is used for scoring only; rows with `label_conflict` are left out of scores. Runs that
kept only passing samples have no vote and are not drawn: their rows count for false rejects alone.

Intervals of 95 % are a bootstrap over problems. What comes out is printed, and written as JSON and
as a plot (SVG) beside this file. The exit status says whether all predictions are labelled right
and the goals on HumanEval (false rejects at most 3 %, false accepts at most 35 %) are met.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from figures import read_rows

from gadfly import JSON, Critique, Draft, Plugins, Sandbox, Task, Verdict
from gadfly.testing import make_context
from gadfly_python import AgreedTestsCritic, PredictionsCritic

# The rules are tried on one table of runs, so this is one of the few readers of private modules.
from gadfly_python._asserts import Check, read_asserts
from gadfly_python._calls import Lost, call_key, run_calls
from gadfly_python._claims import Example, as_example, find_claims
from gadfly_python._consensus import KEPT, Ballot, accepts, ballot, holds, share, weigh
from gadfly_python._execution import LIMITS, Raised
from gadfly_python._notations import read_notations
from gadfly_python._program import Program
from gadfly_python._runner import decode, encode

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
SEED = 20261125
DRAWS = 200
SIZES = {"humaneval": (1, 2, 4, 8), "mbpp": (1, 2, 4)}
"""How many samples are drawn: of an MBPP problem there are at most seven."""
RATES = 1000
GOAL_REJECT, GOAL_ACCEPT = 0.03, 0.35
SAMPLES: Mapping[str, tuple[str, frozenset[str]]] = {
    "humaneval": ("humaneval", frozenset({"reflexion/direct", "reflexion/reflexion"})),
    "mbpp": ("mbpp_sanitized", frozenset()),
}
"""The tasks of each set, and the runs of which only passing samples were kept."""
Row = dict[str, Any]
Answers = dict[str, object]


@dataclass
class Problem:
    """One problem with its samples, and what may be known of it without gold."""

    gid: str
    prompt: str
    function: str
    rows: list[Row]
    examples: list[Example]
    notations: list[Check]
    written: list[Check]
    """Tests of `humaneval_llm_tests`."""
    own: list[Check]
    """Tests that models wrote for themselves."""
    answers: dict[str, Answers] = field(default_factory=dict[str, Answers])
    """What each program gave, by the call."""

    def calls(self) -> list[Any]:
        """Return every distinct call."""
        items = [item.call for item in self.examples]
        items += [item.call for item in (*self.notations, *self.written, *self.own)]
        return list({call_key(call): call for call in items}.values())

    def checks(self, tests: str) -> list[Check]:
        """Return the tests of an arm, each once."""
        chosen = {"": [], "written": self.written, "own": self.own}
        chosen["both"] = [*self.written, *self.own]
        found = [*self.notations, *chosen[tests]] if tests else []
        return list({check.text: check for check in found}.values())

    def given(self, program: str, items: Iterable[Example | Check]) -> list[object]:
        """Return what a program gave for the calls of some examples or checks."""
        return [self.answers[program][call_key(item.call)] for item in items]

    def ballots(self, checks: Sequence[Check]) -> dict[str, Ballot]:
        """Return each program's votes."""
        items: list[Example | Check] = [*self.examples, *checks]
        return {
            program: ballot(self.examples, checks, self.given(program, items))
            for program in self.answers
        }


def main() -> int:
    """Run the benchmark; the exit status says whether the goals are met."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        report = asyncio.run(_measure(arguments, folder))
    arguments.report.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    plot = arguments.report.with_suffix(".svg")
    plot.write_text(_plot(report["selection"]), encoding="utf-8")
    _print(report)
    print(f"written to {arguments.report} and {plot.name}")
    return 0 if all(report["goals"].values()) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of shared data")
    parser.add_argument("--folder", type=Path, help="where to keep what programs gave")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    parser.add_argument("--every", type=int, default=1, help="only every n-th problem and answer")
    parser.add_argument("--workers", type=int, default=2, help="programs at a time")
    return parser.parse_args()


async def _measure(arguments: argparse.Namespace, folder: Path) -> Row:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    try:
        rows = _read(arguments.data, "recorded/cruxeval_codellama")[:: arguments.every]
        predictions = await _predictions(rows, sandbox, arguments.workers)
        sets = {name: _problems(arguments.data, name)[:: arguments.every] for name in SAMPLES}
        for name, problems in sets.items():
            kept = folder / f"code_selection-{name}.jsonl"
            await _run_all(problems, sandbox, arguments.workers, kept)
        report: Row = {
            "predictions": predictions,
            "tests": [_valid_tests(arguments.data, sets["humaneval"])],
            "verdicts": [arm for name in sets for arm in _verdicts(name, sets[name])],
            "selection": [_selection(name, sets[name]) for name in sets],
            "critic_agrees": await _critic_agrees(sets["humaneval"], sandbox),
        }
    finally:
        await sandbox.close()
    best = next(arm for arm in report["verdicts"] if arm["arm"] == GOAL_ARM)
    report["goals"] = {
        "predictions 100 %": predictions["agree"] == predictions["rows"],
        "false rejects at most 3 %": best["false_reject"][0] <= GOAL_REJECT,
        "false accepts at most 35 %": best["false_accept"][0] <= GOAL_ACCEPT,
    }
    return report


def _read(folder: Path, name: str) -> list[Row]:
    return read_rows(folder / f"{name}.jsonl.gz")


async def _predictions(rows: Sequence[Row], sandbox: Sandbox, workers: int) -> Row:
    critic, gate = PredictionsCritic(), asyncio.Semaphore(workers)

    async def judge(row: Row) -> Critique:
        side = "input" if row["task"] == "output-prediction" else "output"
        task = Task(prompt="-", inputs={"code": row["code"], side: row["given"]})
        async with gate:
            context = make_context(task, sandbox=sandbox)
            return await critic.critique(Draft(row["response"]), context)

    critiques = await asyncio.gather(*(judge(row) for row in rows))
    counts: Counter[str] = Counter()
    differing: list[Row] = []
    for row, critique in zip(rows, critiques, strict=True):
        label = Verdict.PASS if row["correct"] else Verdict.FAIL
        counts[f"{row['task']}: {critique.verdict}"] += 1
        if critique.verdict is not label:
            differing.append({"id": row["id"], "label": label, "said": critique.summary})
    agree = len(rows) - len(differing)
    return {"rows": len(rows), "agree": agree, "counts": dict(counts), "differing": differing}


def _problems(folder: Path, name: str) -> list[Problem]:
    tasks = {task["gid"]: task for task in _read(folder, f"tasks/{SAMPLES[name][0]}")}
    written: dict[str, list[str]] = defaultdict(list)
    if name == "humaneval":
        for row in _read(folder, "recorded/humaneval_llm_tests"):
            written[row["gid"]].append(row["response"])
    rows_of: dict[str, list[Row]] = defaultdict(list)
    for row in _read(folder, f"recorded/{name}_samples"):
        rows_of[row["gid"]].append(row)
    return [_problem(gid, rows, tasks.get(gid), written[gid]) for gid, rows in rows_of.items()]


def _problem(gid: str, rows: list[Row], task: Row | None, written: Sequence[str]) -> Problem:
    # CodeT took the examples out of its prompts; the problem's own prompt is what is asked.
    prompt, function = (task or rows[0])["prompt"], rows[0]["entry_point"]
    names = {function}
    own = [
        line.partition(" # output:")[0]
        for row in rows
        for line in (row["feedback"] or "").splitlines()
        if line.startswith("assert ")
    ]
    claims = find_claims(prompt, names)
    return Problem(
        gid=gid,
        prompt=prompt,
        function=function,
        rows=rows,
        examples=[example for claim in claims if (example := as_example(claim)) is not None],
        notations=list(read_notations(prompt, names)),
        written=[check for test in written for check in read_asserts(test, names)],
        own=[check for test in dict.fromkeys(own) for check in read_asserts(test, names)],
    )


async def _run_all(problems: Sequence[Problem], sandbox: Sandbox, workers: int, kept: Path) -> None:
    """Run every program of every problem once, or take what it gave from an earlier run."""
    known = _known(kept)
    gate = asyncio.Semaphore(workers)
    with kept.open("a", encoding="utf-8") as file:

        async def run(problem: Problem, program: str) -> None:
            calls = problem.calls()
            keys = [call_key(call) for call in calls]
            digest = hashlib.sha256("\0".join([program, *keys]).encode()).hexdigest()
            if digest not in known:
                async with gate:
                    found = await run_calls(Program(program, 0), calls, sandbox, LIMITS)
                known[digest] = dict(zip(keys, found[0], strict=True))
                given = {key: _dump(value) for key, value in known[digest].items()}
                file.write(json.dumps({"key": digest, "given": given}) + "\n")
                file.flush()
            problem.answers[program] = known[digest]

        todo = [
            run(problem, program)
            for problem in problems
            for program in dict.fromkeys(row["program"] for row in problem.rows)
        ]
        await asyncio.gather(*todo)


def _known(kept: Path) -> dict[str, Answers]:
    if not kept.exists():
        return {}
    with kept.open(encoding="utf-8") as file:
        entries = [json.loads(line) for line in file]
    return {
        entry["key"]: {key: _load(form) for key, form in entry["given"].items()}
        for entry in entries
    }


def _dump(value: object) -> Row:
    if isinstance(value, Lost):
        return {"lost": value.reason}
    if isinstance(value, Raised):
        return {"raised": [value.type_name, value.message, value.line]}
    type_name = getattr(value, "type_name", None)
    return {"value": encode(value) if type_name is None else {"unencodable": type_name}}


def _load(form: Row) -> object:
    if "lost" in form:
        return Lost(form["lost"])
    return Raised(*form["raised"]) if "raised" in form else decode(form["value"])


# Verdicts: what is accepted, against the label.


def _valid_tests(folder: Path, problems: Sequence[Problem]) -> Row:
    """Say how well the weights tell valid tests from invalid ones."""
    valid = {
        (row["gid"], check.text): row["correct"]
        for row in _read(folder, "recorded/humaneval_llm_tests")
        for check in read_asserts(row["response"], {row["entry_point"]})
    }
    counts: Counter[str] = Counter()
    for problem in problems:
        checks = problem.checks("written")
        for check, weight in zip(checks, _weights(problem, checks), strict=True):
            label = valid.get((problem.gid, check.text))
            if label is not None:
                kept = "kept" if weight >= KEPT else "dropped"
                counts[f"{'valid' if label else 'invalid'}, {kept}"] += 1
    return dict(sorted(counts.items()))


def _weights(problem: Problem, checks: Sequence[Check]) -> list[float]:
    """Return the weights that the samples of a problem agree on, each sample with a vote."""
    ballots = problem.ballots(checks)
    return weigh([ballots[row["program"]] for row in _drawable(problem)])


def _drawable(problem: Problem) -> list[Row]:
    """Return the samples of runs that kept wrong ones too."""
    return [row for row in problem.rows if row["method"] not in _only_passing(problem)]


def _only_passing(problem: Problem) -> frozenset[str]:
    return SAMPLES[problem.gid.partition(":")[0]][1]


def _majority(problem: Problem, checks: Sequence[Check]) -> list[float]:
    """Keep a test that at least half of the samples pass: the plain form of the consensus rule."""
    ballots = problem.ballots(checks)
    votes = [ballots[row["program"]].passed for row in _drawable(problem)]
    return [float(2 * sum(column) >= len(votes)) for column in zip(*votes, strict=True)]


def _all(_problem: Problem, checks: Sequence[Check]) -> list[float]:
    return [1.0] * len(checks)


Rule = Callable[[Problem, Sequence[Check]], list[float]]
ARMS: Mapping[str, Sequence[tuple[str, str, Rule]]] = {
    "humaneval": (
        ("examples", "", _all),
        ("examples + tests", "written", _all),
        ("examples + tests, half of the samples", "written", _majority),
        ("examples + tests, agreed", "written", _weights),
        ("examples + tests + own tests", "both", _all),
        ("examples + tests + own tests, half of the samples", "both", _majority),
        ("examples + tests + own tests, agreed", "both", _weights),
    ),
    "mbpp": (
        ("examples", "", _all),
        ("examples + own tests", "own", _all),
        ("examples + own tests, half of the samples", "own", _majority),
        ("examples + own tests, agreed", "own", _weights),
    ),
}
GOAL_ARM = "humaneval: examples + tests, agreed"


def _verdicts(name: str, problems: Sequence[Problem]) -> list[Row]:
    return [_arm(f"{name}: {arm}", problems, tests, rule) for arm, tests, rule in ARMS[name]]


def _arm(arm: str, problems: Sequence[Problem], tests: str, rule: Rule) -> Row:
    """Judge every sample of an arm, and count against the label."""
    right: list[tuple[str, bool]] = []
    wrong: list[tuple[str, bool]] = []
    rows = 0
    for problem in problems:
        checks = problem.checks(tests)
        weights = rule(problem, checks)
        ballots = problem.ballots(checks)
        decided = problem.examples or any(weight >= KEPT for weight in weights)
        for row in problem.rows:
            if row["label_conflict"]:
                continue
            rows += 1
            if not decided:
                continue
            vote = ballots[row["program"]]
            accepted = accepts(vote, weights)
            (right if row["correct"] else wrong).append((problem.gid, accepted))
    return {
        "arm": arm,
        "rows": rows,
        "coverage": round((len(right) + len(wrong)) / rows, 4),
        "false_reject": _clustered([(gid, not accepted) for gid, accepted in right]),
        "false_accept": _clustered(wrong),
        "right": len(right),
        "wrong": len(wrong),
    }


def _clustered(values: Sequence[tuple[str, bool]]) -> list[float]:
    """Return a share with its interval: a bootstrap over problems."""
    groups: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for gid, counted in values:
        groups[gid][0] += counted
        groups[gid][1] += 1
    return _interval([(part, whole) for part, whole in groups.values()])


def _interval(groups: Sequence[tuple[float, float]]) -> list[float]:
    if not groups:
        return [0.0, 0.0, 1.0]
    dice = random.Random(SEED)
    again = sorted(_ratio(dice.choices(groups, k=len(groups))) for _ in range(RATES))
    ends = again[RATES // 40], again[-RATES // 40 - 1]
    return [round(value, 4) for value in (_ratio(groups), *ends)]


def _ratio(groups: Sequence[tuple[float, float]]) -> float:
    return sum(part for part, _ in groups) / sum(whole for _, whole in groups)


async def _critic_agrees(problems: Sequence[Problem], sandbox: Sandbox) -> Row:
    """Judge one sample of every problem by the critic itself: does the table say the same?"""
    critic, same, compared = AgreedTestsCritic(), 0, 0
    for problem in problems:
        checks = problem.checks("written")
        weights = _weights(problem, checks)
        tests: list[JSON] = [
            {"test": check.text, "weight": weight}
            for check, weight in zip(checks, weights, strict=True)
        ]
        row = problem.rows[len(problem.rows) // 2]
        inputs: dict[str, JSON] = {"model_tests": tests, "entry_point": problem.function}
        context = make_context(Task(prompt=problem.prompt, inputs=inputs), sandbox=sandbox)
        critique = await critic.critique(Draft(row["program"]), context)
        vote = problem.ballots(checks)[row["program"]]
        accepted = accepts(vote, weights)
        if critique.verdict in {Verdict.PASS, Verdict.FAIL}:
            compared += 1
            same += (critique.verdict is Verdict.PASS) == accepted
    return {"compared": compared, "same": same}


# Selection: which of n samples is taken, and is it right?


@dataclass(frozen=True)
class Pool:
    """The samples of one problem that may be drawn, as far as a selector sees them."""

    examples: list[float]
    """The share of the examples that each passes."""
    ballots: list[Ballot]
    behaviours: list[tuple[str | None, ...]]
    right: list[bool]


Scorer = Callable[[Pool, Sequence[int]], Sequence[float]]


def _by_random(_pool: Pool, drawn: Sequence[int]) -> Sequence[float]:
    return [0.0] * len(drawn)


def _by_majority(pool: Pool, drawn: Sequence[int]) -> Sequence[float]:
    """Score a sample by how many of those drawn behave as it does, if it gives any value."""
    counts = Counter(pool.behaviours[index] for index in drawn)
    seen = [pool.behaviours[index] for index in drawn]
    return [float(counts[one]) if any(value is not None for value in one) else 0.0 for one in seen]


def _by_score(pool: Pool, drawn: Sequence[int], weights: Sequence[float]) -> Sequence[float]:
    """The critic's score."""
    scores: list[float] = []
    for index in drawn:
        held = pool.examples[index]
        scores.append(
            0.5 + 0.5 * share(pool.ballots[index].passed, weights) if held == 1 else 0.5 * held
        )
    return scores


def _by_tests(pool: Pool, drawn: Sequence[int]) -> Sequence[float]:
    return _by_score(pool, drawn, [1.0] * len(pool.ballots[0].passed))


def _by_agreement(pool: Pool, drawn: Sequence[int]) -> Sequence[float]:
    return _by_score(pool, drawn, weigh([pool.ballots[index] for index in drawn]))


def _by_codet(pool: Pool, drawn: Sequence[int]) -> Sequence[float]:
    """CodeT's score: the size of a sample's group times the number of tests that it passes."""
    sets = [(pool.examples[index], pool.ballots[index].passed) for index in drawn]
    counts = Counter(sets)
    return [counts[one] * (one[0] + sum(one[1])) for one in sets]


def _by_label(pool: Pool, drawn: Sequence[int]) -> Sequence[float]:
    return [float(pool.right[index]) for index in drawn]


SELECTORS: Mapping[str, Scorer] = {
    "critic, agreed tests": _by_agreement,
    "critic, all tests": _by_tests,
    "CodeT's score": _by_codet,
    "majority vote": _by_majority,
    "random": _by_random,
    "oracle": _by_label,
}
"""The last knows the label: what no selector can pass."""
TESTS_OF = {"humaneval": "both", "mbpp": "own"}


def _pool(name: str, problem: Problem) -> Pool | None:
    rows = [row for row in _drawable(problem) if not row["label_conflict"]]
    checks = problem.checks(TESTS_OF[name])
    if len(rows) < max(SIZES[name]) or not (checks or problem.examples):
        return None
    ballots = problem.ballots(checks)
    shares: dict[str, float] = {}
    behaviours: dict[str, tuple[str | None, ...]] = {}
    for program in problem.answers:
        given = problem.given(program, problem.examples)
        held = list(map(holds, problem.examples, given))
        shares[program] = sum(held) / len(held) if held else 1.0
        values = [None if isinstance(v, Raised | Lost) else json.dumps(_dump(v)) for v in given]
        behaviours[program] = (*values, *ballots[program].values)
    programs = [row["program"] for row in rows]
    return Pool(
        [shares[program] for program in programs],
        [ballots[program] for program in programs],
        [behaviours[program] for program in programs],
        [row["correct"] for row in rows],
    )


def _selection(name: str, problems: Sequence[Problem]) -> Row:
    """Return the accuracy of every selector at every size, on the same draws."""
    pools = [pool for problem in problems if (pool := _pool(name, problem)) is not None]
    curves: dict[str, dict[str, list[float]]] = {selector: {} for selector in SELECTORS}
    gains: dict[str, list[float]] = {}
    for size in SIZES[name]:
        dice = random.Random(f"{SEED} {size}")
        draws = [[dice.sample(range(len(p.right)), size) for _ in range(DRAWS)] for p in pools]
        found = {
            selector: [
                sum(_accuracy(pool, drawn, scorer) for drawn in of_pool) / DRAWS
                for pool, of_pool in zip(pools, draws, strict=True)
            ]
            for selector, scorer in SELECTORS.items()
        }
        for selector, shares in found.items():
            curves[selector][str(size)] = _interval([(one, 1.0) for one in shares])
        pairs = zip(found["critic, agreed tests"], found["majority vote"], strict=True)
        gains[str(size)] = _interval([(one - other, 1.0) for one, other in pairs])
    return {"set": name, "problems": len(pools), "curves": curves, "critic_minus_majority": gains}


def _accuracy(pool: Pool, drawn: Sequence[int], scorer: Scorer) -> float:
    """Return how often the best of those drawn is right; ties are broken at random."""
    scores = scorer(pool, drawn)
    best = max(scores)
    tied = [pool.right[i] for i, score in zip(drawn, scores, strict=True) if score > best - 1e-9]
    return sum(tied) / len(tied)


# What a person sees.

COLOURS = ("#0b6e4f", "#7bb661", "#8e6bbf", "#d1731e", "#8a8a8a", "#bbbbbb")


def _plot(sets: Sequence[Row]) -> str:
    """Draw one panel for each set, as SVG."""
    width, height = 440, 330
    parts = [_panel(chosen, place * width) for place, chosen in enumerate(sets)]
    size = f'width="{width * len(sets)}" height="{height}"'
    style = 'font-family="sans-serif" font-size="11" fill="none"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{"".join(parts)}</svg>\n'


def _panel(chosen: Row, left: int) -> str:
    curves = chosen["curves"]
    ends = [value for curve in curves.values() for point in curve.values() for value in point]
    low, high = int(min(ends) * 10) / 10, min(1.0, int(max(ends) * 10 + 1) / 10)
    places = {
        size: left + 45 + 110 * step for step, size in enumerate(chosen["critic_minus_majority"])
    }

    def y(value: float) -> float:
        return round(225 - 190 * (value - low) / (high - low), 1)

    title = f"{chosen['set']}: accuracy of best of n ({chosen['problems']} problems)"
    drawn = [f'<text x="{left + 45}" y="18" fill="black">{title}</text>\n']
    for step in range(round(low * 10), round(high * 10) + 1):
        line = f'x1="{left + 40}" x2="{left + 385}" y1="{y(step / 10)}" y2="{y(step / 10)}"'
        drawn.append(f'<line {line} stroke="#e5e5e5"/>\n')
        drawn.append(f'<text x="{left + 12}" y="{y(step / 10) + 4}" fill="black">{step * 10} %')
        drawn.append("</text>\n")
    for size, x in places.items():
        drawn.append(f'<text x="{x - 8}" y="244" fill="black">n = {size}</text>\n')
    for place, (selector, curve) in enumerate(curves.items()):
        ink = f'stroke="{COLOURS[place]}"'
        points = " ".join(f"{places[size]},{y(point[0])}" for size, point in curve.items())
        drawn.append(f'<polyline points="{points}" {ink} stroke-width="2"/>\n')
        for size, point in curve.items():
            x = places[size] + 3 * place - 7
            drawn.append(f'<path d="M{x} {y(point[1])}V{y(point[2])}" {ink}/>\n')
        x, row = left + 45 + 190 * (place % 2), 268 + 18 * (place // 2)
        drawn.append(f'<path d="M{x} {row - 4}h18" {ink} stroke-width="2"/>')
        drawn.append(f'<text x="{x + 24}" y="{row}" fill="black">{selector}</text>\n')
    return "".join(drawn)


def _print(report: Row) -> None:
    found = report["predictions"]
    print(f"predictions: {found['agree']} of {found['rows']} are the label; {found['counts']}")
    for row in found["differing"][:20]:
        print(f"  {row['id']}: labelled {row['label']}, {row['said']}")
    print(f"model-written tests of HumanEval: {report['tests'][0]}")
    print(f"{'arm':62} {'coverage':>8}  {'false reject':24} {'false accept':24}")
    for arm in report["verdicts"]:
        rates = [_shown(arm[rate]) for rate in ("false_reject", "false_accept")]
        print(f"{arm['arm']:62} {arm['coverage']:8.1%}  {rates[0]:24} {rates[1]:24}")
    for chosen in report["selection"]:
        print(f"{chosen['set']}, {chosen['problems']} problems: accuracy of best of n")
        gains = chosen["critic_minus_majority"]
        print(f"  {'':22}" + "".join(f"{f'n = {size}':24}" for size in gains))
        for selector, curve in [*chosen["curves"].items(), ("critic - majority", gains)]:
            print(f"  {selector:22}" + "".join(f"{_shown(curve[size]):24}" for size in gains))
    print(f"the critic itself, on a sample of every problem: {report['critic_agrees']}")
    for goal, met in report["goals"].items():
        print(f"{'met' if met else 'MISSED'}: {goal}")


def _shown(interval: Sequence[float]) -> str:
    if interval[1:] == [0.0, 1.0]:
        return "-"
    middle, low, high = (f"{100 * value:.1f}" for value in interval)
    return f"{middle} % ({low} to {high})"


if __name__ == "__main__":
    sys.exit(main())
