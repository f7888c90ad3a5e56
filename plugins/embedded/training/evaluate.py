"""Five ways to spend three model calls on a problem, compared on the same first drafts.

=========== ==================================================================================
arm         calls
=========== ==================================================================================
draft       one draft
self        a draft, then two refinements after the request to check it without tools
majority    three drafts, the answer that most of them compute
gated       drafts until the critics object to nothing, at most three
tools       a draft, then refinements with the critics' findings while they object, at most three
=========== ==================================================================================

Where critics gate (the last two arms), the draft with the fewest findings is kept and a later one
wins ties. Critics see the question only; answers are compared here, after everything is written.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import comb, sqrt

from gadfly_embedded.word_problems import Problem, Split, problems, references
from training.conversation import ask, ask_again
from training.critics import answer_of, findings
from training.writer import Writer

Figures = dict[str, float | int | list[float]]

ARMS = ("draft", "self", "majority", "gated", "tools")
_CALLS = 3
_TOLD_FAMILIES = ("/one/", "/two/")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one arm ended on one problem."""

    right: bool
    calls: int


def evaluate(
    writer: Writer, split: Split, n: int, *, seed: int, temperature: float
) -> dict[str, Figures]:
    """Return the figures of every arm; at temperature 0 only the redrawn drafts are sampled."""
    asked = problems(split, n, seed)
    gold = references(split, n, seed)
    outcomes = run_arms(writer, asked, gold, temperature=temperature)
    first = outcomes["draft"]
    hard = [not any(family in problem.template for family in _TOLD_FAMILIES) for problem in asked]
    figures: dict[str, Figures] = {}
    for arm in ARMS:
        results = outcomes[arm]
        right = sum(outcome.right for outcome in results)
        fixed = sum(o.right and not f.right for o, f in zip(results, first, strict=True))
        broken = sum(f.right and not o.right for o, f in zip(results, first, strict=True))
        figures[arm] = {
            "right": right,
            "n": n,
            "percent": round(100 * right / n, 2),
            "interval": [round(100 * bound, 1) for bound in wilson(right, n)],
            "calls": round(sum(outcome.calls for outcome in results) / n, 3),
            "fixed": fixed,
            "broken": broken,
            "broken_percent": round(100 * broken / max(1, sum(f.right for f in first)), 2),
            "percent_told": _percent(
                [o.right for o, h in zip(results, hard, strict=True) if not h]
            ),
            "percent_execution_tells": _percent(
                [o.right for o, h in zip(results, hard, strict=True) if h]
            ),
        }
    for arm in ARMS[:-1]:
        figures["tools"][f"p_against_{arm}"] = mcnemar(outcomes["tools"], outcomes[arm])
    return figures


def run_arms(
    writer: Writer, asked: Sequence[Problem], gold: dict[str, int | float], *, temperature: float
) -> dict[str, list[Outcome]]:
    """Write all drafts and refinements and judge what each arm ends with."""
    first = writer.write([ask(p.prompt) for p in asked], temperature=temperature)
    redrawn = [
        writer.write([ask(p.prompt) for p in asked], temperature=temperature or 1.0)
        for _ in range(_CALLS - 1)
    ]
    drawn = list(zip(first, *redrawn, strict=True))

    def outcome(problem: Problem, answer: float | None, calls: int) -> Outcome:
        return Outcome(answer == gold[problem.id], calls)

    alone = first
    for _ in range(_CALLS - 1):
        alone = writer.write(
            [ask_again(p.prompt, draft, None) for p, draft in zip(asked, alone, strict=True)],
            temperature=temperature,
        )
    gated = [_until_accepted(problem, drafts) for problem, drafts in zip(asked, drawn, strict=True)]
    helped = _refined(writer, asked, first, temperature)
    return {
        "draft": [outcome(p, answer_of(d), 1) for p, d in zip(asked, first, strict=True)],
        "self": [outcome(p, answer_of(d), _CALLS) for p, d in zip(asked, alone, strict=True)],
        "majority": [outcome(p, _majority(ds), _CALLS) for p, ds in zip(asked, drawn, strict=True)],
        "gated": [
            outcome(p, answer_of(_best(p, ds)), len(ds)) for p, ds in zip(asked, gated, strict=True)
        ],
        "tools": [
            outcome(p, answer_of(_best(p, ds)), len(ds))
            for p, ds in zip(asked, helped, strict=True)
        ],
    }


def wilson(right: int, n: int) -> tuple[float, float]:
    """Return the 95 % score interval of a proportion."""
    z = 1.959964
    rate = right / n
    middle = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return middle - half, middle + half


def mcnemar(one: Sequence[Outcome], other: Sequence[Outcome]) -> float:
    """Return the exact two-sided p-value for paired outcomes."""
    better = sum(a.right and not b.right for a, b in zip(one, other, strict=True))
    worse = sum(b.right and not a.right for a, b in zip(one, other, strict=True))
    tail = sum(comb(better + worse, k) for k in range(min(better, worse) + 1))
    return min(1.0, float(f"{2 * tail / 2 ** (better + worse):.3g}"))


def _until_accepted(problem: Problem, drafts: Sequence[str]) -> list[str]:
    for calls, draft in enumerate(drafts, 1):
        if not findings(problem.prompt, draft):
            return list(drafts[:calls])
    return list(drafts)


def _refined(
    writer: Writer, asked: Sequence[Problem], first: Sequence[str], temperature: float
) -> list[list[str]]:
    drafts = [[draft] for draft in first]
    for _ in range(_CALLS - 1):
        objected = [i for i, p in enumerate(asked) if findings(p.prompt, drafts[i][-1])]
        conversations = [
            ask_again(asked[i].prompt, drafts[i][-1], findings(asked[i].prompt, drafts[i][-1]))
            for i in objected
        ]
        for i, refinement in zip(
            objected, writer.write(conversations, temperature=temperature), strict=True
        ):
            drafts[i].append(refinement)
    return drafts


def _best(problem: Problem, drafts: Sequence[str]) -> str:
    return min(reversed(drafts), key=lambda draft: len(findings(problem.prompt, draft)))


def _majority(drafts: Sequence[str]) -> float | None:
    votes = Counter(answer for draft in drafts if (answer := answer_of(draft)) is not None)
    return votes.most_common(1)[0][0] if votes else None


def _percent(results: Sequence[bool]) -> float:
    return round(100 * sum(results) / max(1, len(results)), 2)
