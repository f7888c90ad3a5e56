"""`math/steps`: does every computation that a draft states come out as it says?

What is checked is arithmetic, not sense: a draft may compute the wrong thing correctly. So a pass
says that no stated computation is wrong, and nothing about the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Context as Digits
from decimal import Decimal
from fractions import Fraction
from typing import ClassVar

from gadfly import (
    JSON,
    Context,
    Cost,
    Critique,
    Draft,
    Evidence,
    Finding,
    Hardness,
    Span,
    Verdict,
    digest,
    extract_artifacts,
)
from gadfly_math._equations import Side
from gadfly_math._judging import Checked, Judge, Judgement
from gadfly_math._trees import Percent, has_percent

MAX_CHARACTERS = 100_000
_ID = "math/steps"
_PROSE = frozenset({"text", "math", "latex", "tex", "markdown", "md"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsCritic:
    """Fail a draft with a wrong computation; accept one whose computations were all read and hold.

    It abstains where there is none, and where one could not be read and the others hold.
    """

    cost: ClassVar[Cost] = Cost.CHEAP

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        if len(draft.text) > MAX_CHARACTERS:
            return Critique(
                Verdict.ABSTAIN, f"The draft is longer than {MAX_CHARACTERS:,} characters."
            )
        checked, unread = check_steps(draft.text)
        if not checked:
            return Critique(Verdict.ABSTAIN, "The draft states no computation that can be read.")
        evidence = _evidence(draft.text, checked)
        wrong = [step for step in checked if step.is_wrong]
        if wrong:
            findings = tuple(_finding(draft.text, step, evidence.id) for step in wrong)
            summary = f"{len(wrong)} of {len(checked)} computations are wrong, the first: "
            return Critique(Verdict.FAIL, f"{summary}{findings[0].message}.", findings, (evidence,))
        if unread:
            summary = f"{len(checked)} computations hold, {unread} could not be read."
            return Critique(Verdict.ABSTAIN, summary, (), (evidence,))
        return Critique(Verdict.PASS, f"All {len(checked)} computations hold.", (), (evidence,))


def check_steps(text: str) -> tuple[list[Checked], int]:
    """Return the computations of a text with what became of them, and how many could not be read.

    They come in reading order. Fenced code is left out: `x = 3 * 4` is no statement there.
    """
    judge = Judge()
    found = sorted(judge.read(_prose(text)), key=lambda step: step.working.start)
    return [step for step in found if not _repeats_its_note(text, step, found)], judge.unread


def line_of(text: str, place: int) -> int:
    """Return the 1-based number of the line that a place is in, as `str.splitlines` counts."""
    return len(text[: place + 1].splitlines()) or 1


def _prose(text: str) -> str:
    for artifact in extract_artifacts(text):
        if artifact.kind not in _PROSE and "```" in text[: artifact.start]:
            blank = re.sub(r"[^\n]", " ", artifact.text)
            text = text[: artifact.start] + blank + text[artifact.end :]
    return text


def _repeats_its_note(text: str, step: Checked, others: Sequence[Checked]) -> bool:
    """Whether a wrong step says only what the calculator note between its sides says wrongly."""
    if not step.is_wrong:
        return False
    begin, end = step.working.end, step.claimed.start
    return any(
        other.is_wrong
        and begin <= other.working.start < end
        and text[: other.working.start].rstrip().endswith("<<")
        and other.computed == step.computed
        and other.stated == step.stated
        for other in others
    )


def _finding(text: str, step: Checked, evidence: str) -> Finding:
    claimed = step.claimed
    span = Span(line_of(text, claimed.start), claimed.start, claimed.end)
    hardness = Hardness.HARD if step.is_certain else Hardness.SOFT
    message = f"{_quoted(text, step.working)} is {_computed(step)}, not {_quoted(text, claimed)}"
    if step.judgement is Judgement.DOUBTFUL and step.computed.low != -step.stated.low:
        message += ", unless it is rounded"
    return Finding(message, hardness, span, evidence)


def _quoted(text: str, side: Side) -> str:
    return " ".join(text[side.start : side.end].split())[:120]


def _computed(step: Checked) -> str:
    if isinstance(step.claimed.tree, Percent) and has_percent(step.working.tree):
        return f"{shown(step.computed.low * 100)}%"
    return shown(step.computed.low)


def shown(value: Fraction) -> str:
    """Return a number as findings write it: whole numbers in full, others with ten digits."""
    if value.denominator == 1 and abs(value) < 10**40:
        return str(value.numerator)
    digits = Digits(prec=10)
    return f"{digits.divide(Decimal(value.numerator), Decimal(value.denominator)).normalize():f}"


def _evidence(text: str, checked: Sequence[Checked]) -> Evidence:
    """The computations as they are stated, and what they come to."""
    request: dict[str, JSON] = {"computations": [*_stated(text, checked)]}
    observed: list[JSON] = [
        {
            "computed": _computed(step),
            "claimed": _quoted(text, step.claimed),
            "is": step.judgement.value,
        }
        for step in checked
    ]
    return Evidence(
        id=digest({"tool": _ID, "request": request}),
        tool=_ID,
        request=request,
        observation={"computations": observed},
    )


def _stated(text: str, checked: Sequence[Checked]) -> Iterator[str]:
    for step in checked:
        yield f"{_quoted(text, step.working)} = {_quoted(text, step.claimed)}"
