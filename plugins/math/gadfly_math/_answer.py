"""`math/answer`: is the stated final answer what the draft, or the task itself, comes to?

Without a gold answer three things can be held against it, the strongest first: the task's own
expression (`What is 3 * (4 + 5)?`), what the draft's program gave when `python/runs` ran it, and
what the draft's computations come to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from gadfly import (
    JSON,
    Artifact,
    Context,
    Cost,
    Critique,
    Draft,
    Evidence,
    Finding,
    Hardness,
    InputError,
    Span,
    Task,
    Verdict,
    digest,
    extract_artifacts,
)
from gadfly_math._answers import Choice, Quantity, find_answer, read_answer
from gadfly_math._equivalence import equivalent
from gadfly_math._expressions import parse
from gadfly_math._judging import Checked
from gadfly_math._steps import MAX_CHARACTERS, check_steps, line_of, shown
from gadfly_math._tokens import tokenize
from gadfly_math._trees import Number, bare, computes
from gadfly_math._values import Reading, UnknownValueError, evaluate

_ID = "math/answer"
_ASKS = re.compile(
    r"\s*(?:(?:please\s+)?(?:what\s+is|calculate|compute|evaluate|work\s+out|find)\b(?:\s+the\s+value\s+of)?:?)?"
    r"(?P<expression>[^=?]*?)\s*(?:=\s*\??|\?|\.)?\s*",
    re.IGNORECASE,
)
KINDS = ("number", "choice")
"""What `Task.inputs["answer"]` may ask for."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What the final answer is held against."""

    value: str
    source: str
    """What gives it, as a finding says it: `the program`."""
    is_certain: bool
    """Whether an instrument computed it: only then is agreement a pass and a difference hard."""
    is_whole_answer: bool = False
    """Whether the task asks for just this, so that nothing may be rounded afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerCritic:
    """Accept a final answer that is what the task, the program or the last computation comes to.

    It fails one that is not, and one that is not of the kind that the task asks for in
    `Task.inputs["answer"]`. It abstains where there is nothing to hold the answer against.
    """

    # It waits for `python/runs`, which is cheap, so as to see what the program gave.
    cost: ClassVar[Cost] = Cost.NORMAL

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        if len(draft.text) > MAX_CHARACTERS:
            return Critique(
                Verdict.ABSTAIN, f"The draft is longer than {MAX_CHARACTERS:,} characters."
            )
        answer = find_answer(draft.text)
        misfit = _misfit(context.task, answer)
        if misfit is not None:
            finding = Finding(
                misfit, Hardness.HARD, None if answer is None else _span(draft, answer)
            )
            return Critique(Verdict.FAIL, f"{misfit[0].upper()}{misfit[1:]}.", (finding,))
        if answer is None:
            return Critique(Verdict.ABSTAIN, "The draft marks no final answer.")
        for expected in _expectations(draft, context):
            said = equivalent(answer.text, expected.value, rounded=True)
            if said is not None:
                return _critique(draft, answer, expected, holds=said)
        return _by_computations(draft, answer)


def _misfit(task: Task, answer: Artifact | None) -> str | None:
    kind = task.inputs.get("answer")
    if kind is None:
        return None
    if kind not in KINDS:
        raise InputError(f"Task.inputs['answer'] is one of {', '.join(KINDS)}, not {kind!r:.80}")
    if answer is None:
        return f"the draft marks no final answer, the task asks for a {kind}"
    read = read_answer(answer.text)
    if kind == "choice":
        fits = isinstance(read, Choice)
    else:
        fits = isinstance(read, Quantity) and not {*read.names} - {"π"}
    return None if fits else f"the final answer {answer.text[:80]!r} is no {kind}"


def _expectations(draft: Draft, context: Context) -> Iterator[Expected]:
    asked = _asked(context.task.prompt)
    if asked is not None:
        yield Expected(asked, "the question's expression", is_certain=True, is_whole_answer=True)
    for critique in context.earlier.values():
        for evidence in critique.evidence:
            value = evidence.observation.get("value")
            if isinstance(value, int | float | str) and not isinstance(value, bool):
                yield Expected(str(value)[:80], "the program", is_certain=True)
    blocks = [block for block in extract_artifacts(draft.text) if block.kind == "output"]
    if blocks and blocks[-1].text.strip():
        last = blocks[-1].text.strip().splitlines()[-1]
        yield Expected(last.strip()[:80], "the output that the draft shows", is_certain=False)


def _asked(prompt: str) -> str | None:
    """Return the value of the expression that the whole prompt is; None where it is no such."""
    match = _ASKS.fullmatch(prompt) if len(prompt) <= 1000 else None
    if match is None:
        return None
    tokens = tokenize(prompt, *match.span("expression"))
    found = parse(tokens, 0, len(tokens))
    if found is None or found.stop < len(tokens) or not computes(found.tree):
        return None
    try:
        value = evaluate(found.tree, Reading())
    except UnknownValueError:
        return None
    return _exact(value.low) if value.is_exact else None


def _exact(value: Fraction) -> str:
    return str(value) if value.denominator > 1 else shown(value)


def _critique(draft: Draft, answer: Artifact, expected: Expected, *, holds: bool) -> Critique:
    request: dict[str, JSON] = {"answer": answer.text[:200], "against": expected.source}
    observation: dict[str, JSON] = {"expected": expected.value, "is": holds}
    identity = digest({"tool": _ID, "request": {**request, "expected": expected.value}})
    evidence = Evidence(id=identity, tool=_ID, request=request, observation=observation)
    if holds and not expected.is_certain:
        summary = f"The final answer is {expected.source}, which the draft may have made up."
        return Critique(Verdict.ABSTAIN, summary, (), (evidence,))
    if holds:
        summary = f"The final answer is what {expected.source} gives: {expected.value}."
        return Critique(Verdict.PASS, summary, (), (evidence,))
    if not expected.is_whole_answer and _is_nearly(answer.text, expected.value):
        summary = f"The final answer may be {expected.value}, rounded or without its sign."
        return Critique(Verdict.ABSTAIN, summary, (), (evidence,))
    message = f"{expected.source} gives {expected.value}, the final answer is {answer.text[:80]}"
    hardness = Hardness.HARD if expected.is_certain else Hardness.SOFT
    finding = Finding(message, hardness, _span(draft, answer), evidence.id)
    return Critique(Verdict.FAIL, f"{message[0].upper()}{message[1:]}.", (finding,), (evidence,))


def _by_computations(draft: Draft, answer: Artifact) -> Critique:
    """Hold the answer against what the draft computes. Its last result need not be the answer."""
    before = draft.text[: answer.start]
    steps, unread = check_steps(before)
    number = _number(answer.text)
    if not steps or number is None:
        return Critique(Verdict.ABSTAIN, "There is nothing to hold the final answer against.")
    last = steps[-1]
    if not last.is_wrong and number.value in _results(last):
        expected = Expected(_exact(last.computed.low), "the last computation", is_certain=True)
        return _critique(draft, answer, expected, holds=True)
    known = {value for step in steps for value in _results(step)}
    if unread or any(abs(value - number.value) < 1 for value in known) or number.text in before:
        summary = "The final answer is not the last result; it may be an earlier or a rounded one."
        return Critique(Verdict.ABSTAIN, summary)
    expected = Expected(_exact(last.computed.low), "the last computation", is_certain=False)
    return _critique(draft, answer, expected, holds=False)


def _results(step: Checked) -> set[Fraction]:
    """What a computation comes to and is said to come to; as a percentage too."""
    values = {abs(value) for value in (step.computed.low, step.stated.low)}
    return values | {value * 100 for value in values if value <= 10}


def _number(text: str) -> Number | None:
    read = read_answer(text)
    return bare(read.tree) if isinstance(read, Quantity) else None


def _is_nearly(answer: str, value: str) -> bool:
    one, other = _number(answer), _number(value)
    if one is None or other is None or one.value.denominator > 1:
        return False
    if one.value == other.value:
        return True  # But for its sign: `he owes 4` for -4.
    return other.value.denominator > 1 and abs(one.value - other.value) < 1


def _span(draft: Draft, answer: Artifact) -> Span:
    return Span(line_of(draft.text, answer.start), answer.start, answer.end)
