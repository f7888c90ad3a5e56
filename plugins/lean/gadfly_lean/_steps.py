"""`lean/steps`: which tactic of a proof is the first that fails, and what was to be shown there?

Provers may think aloud between tactics, in comments. Such thoughts are kept beside the step that
they come before, in the evidence and for whoever refines; no verdict depends on them.

Source: thoughts between tactics, Lean-STaR (Lin et al., 2024); states by `allTactics` of
leanprover-community/repl.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
    Task,
    Verdict,
    digest,
)
from gadfly_lean._drafts import (
    find_challenge,
    find_source,
    has_source,
    span_of_line,
    without_imports,
)
from gadfly_lean._ports import Answer, Lean, Message, Request, Tactic
from gadfly_lean._telling import message_lines, sentence, sorry_finding

_ID = "lean/steps"
_MARK = re.compile(r'"(?:\\.|[^"\\])*"|--[^\n]*|/-|-/', re.DOTALL)
_KEPT = 200
"""Steps in evidence."""
_NO_STATES = "the driver does not tell the states of tactics: use `ReplPool`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One tactic of a proof."""

    tactic: Tactic
    thought: str
    """The comments between the tactic before it and this one; empty where there are none."""


def read_steps(program: str, tactics: Sequence[Tactic]) -> tuple[Step, ...]:
    """Return tactics in the order in which they stand, each with the thoughts before it.

    Args:
        program: The source that the tactics are of.
        tactics: As Lean told; of two with one place, the first counts.
    """
    places = {(one.line, one.column): one for one in reversed(tactics)}
    thoughts = list(_comments(program))
    steps: list[Step] = []
    last = (0, 0)
    for place in sorted(places):
        own = [text for where, text in thoughts if last <= where < place]
        steps.append(Step(tactic=places[place], thought="\n".join(own)))
        last = place
    return tuple(steps)


def _comments(program: str) -> Iterator[tuple[tuple[int, int], str]]:
    """Yield comments with their line and column; they nest, and strings have none."""
    depth, start = 0, 0
    for mark in _MARK.finditer(program):
        text = mark[0]
        if depth == 0 and text.startswith("--"):
            yield _place(program, mark.start()), text[2:].strip()
        elif text == "/-":
            start = start if depth else mark.start()
            depth += 1
        elif text == "-/" and depth:
            depth -= 1
            if depth == 0:
                inner = program[start + 2 : mark.start()].lstrip("-!")
                yield _place(program, start), inner.strip()


def _place(program: str, offset: int) -> tuple[int, int]:
    before = program[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1)


def first_failure(
    steps: Sequence[Step], messages: Sequence[Message]
) -> tuple[int | None, Message] | None:
    """Return the first error, and the number from 0 of the step that it is in.

    Returns:
        None where there is no error. The number is None where no step is at its place: then it is
        one of the whole proof (goals that are left) or of the statement.
    """
    errors = sorted(
        (one for one in messages if one.severity == "error"), key=lambda m: (m.line, m.column)
    )
    if not errors:
        return None
    error = errors[0]
    place = (error.line, error.column)
    inside = [
        number
        for number, step in enumerate(steps)
        if (step.tactic.line, step.tactic.column)
        <= place
        < (step.tactic.end_line, step.tactic.end_column)
    ]
    return (inside[-1] if inside else None), error


@dataclass(frozen=True, slots=True, kw_only=True)
class StepsCritic:
    """Fail a proof by tactics at its first step that Lean refuses, with the goal at that step.

    It abstains from a proof none of whose steps fails, and calls it plausible: what a REPL says can
    be forged, so a pass is `lean/proof`'s. Without a driver it abstains.
    """

    cost: ClassVar[Cost] = Cost.DEAR
    required: ClassVar[bool] = False
    deadline_seconds: ClassVar[float] = 600.0
    lean: Lean | None = None
    """A driver that tells the states of tactics (`ReplPool`)."""
    seconds: float = 120.0
    """Wall time for the draft's program."""

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft has a program of Lean."""
        return has_source(draft.text)

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        try:
            program = find_source(draft.text)
            if program is None:
                return Critique(Verdict.ABSTAIN, "The draft has no program of Lean.")
            if self.lean is None:
                said = (
                    "No Lean was given: `StepsCritic(lean=ReplPool(...))` says what each step does."
                )
                return Critique(Verdict.ABSTAIN, said)
            challenge = find_challenge(context.task)
            header = challenge.header if challenge else ""
            source = without_imports(program.text, header)
            request = Request(header=header, source=source, seconds=self.seconds, want_tactics=True)
            answer = await self.lean.check(request)
        except InputError as error:
            return Critique(Verdict.ABSTAIN, sentence(str(error)))
        return _judge(program, request, answer)


def _judge(program: Artifact, request: Request, answer: Answer) -> Critique:
    steps = read_steps(request.source, answer.tactics or ())
    evidence = _evidence(request, answer, steps)
    if answer.problem:
        said = f"Nothing is known of the steps: {answer.problem[:300]}."
        return Critique(Verdict.ABSTAIN, said, (), (evidence,))
    failure = first_failure(steps, answer.messages)
    if failure is not None:
        said, findings = _failed(program, steps, failure, evidence.id)
        return Critique(Verdict.FAIL, said, tuple(findings), (evidence,))
    if answer.sorries:
        finding = sorry_finding(program, answer.sorries[0], evidence.id)
        return Critique(Verdict.FAIL, "A step is left out.", (finding,), (evidence,))
    count = f"none of {len(steps)} steps fails" if steps else "no step was seen to fail"
    states = "" if answer.tactics is not None else f"; {_NO_STATES}"
    said = f"Plausible: {count}{states}. Whether it is a proof, `lean/proof` says."
    return Critique(Verdict.ABSTAIN, said, (), (evidence,))


def _failed(
    program: Artifact,
    steps: Sequence[Step],
    failure: tuple[int | None, Message],
    evidence: str,
) -> tuple[str, list[Finding]]:
    """Say which step fails, what was to be shown there, and what was thought of it."""
    number, error = failure
    span = span_of_line(program, error.line)
    if number is None:
        message = error.text[:1000]
        return f"No proof: {_first_line(error.text)}.", [
            Finding(message, Hardness.HARD, span, evidence)
        ]
    step = steps[number]
    name = f"step {number + 1}, `{_first_line(step.tactic.text)}`"
    findings = [
        Finding(f"{name}: {error.text[:800]}", Hardness.HARD, span, evidence),
        Finding(f"the goal before it: {step.tactic.goals[:800]}", Hardness.SOFT, span, evidence),
    ]
    if step.thought:
        message = f"the thought before it: {step.thought[:400]}"
        findings.append(Finding(message, Hardness.SOFT, span, evidence))
    return f"{name[:1].upper()}{name[1:]} fails: {_first_line(error.text)}.", findings


def _first_line(text: str) -> str:
    lines = text.strip().split("\n")
    return lines[0][:80] + ("…" if len(lines) > 1 or len(lines[0]) > 80 else "")


def _evidence(request: Request, answer: Answer, steps: Sequence[Step]) -> Evidence:
    asked: dict[str, JSON] = {
        "header": request.header,
        "program": request.source,
        "driver": answer.driver,
    }
    told: list[JSON] = [
        {
            "line": step.tactic.line,
            "tactic": step.tactic.text[:400],
            "goals": step.tactic.goals[:1000],
            "thought": step.thought[:1000],
        }
        for step in steps[:_KEPT]
    ]
    observation: dict[str, JSON] = {
        "problem": answer.problem,
        "steps": told,
        "messages": [*message_lines(answer)],
        "seconds": round(answer.elapsed_seconds, 3),
    }
    return Evidence(
        id=digest({"tool": _ID, "request": asked}),
        tool=_ID,
        request=asked,
        observation=observation,
        versions=answer.versions,
    )
