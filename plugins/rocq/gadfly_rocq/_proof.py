"""`rocq/proof`: does the draft prove what the task asks, and how much of that is known?"""

from __future__ import annotations

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
from gadfly_rocq._decision import Decision, Policy, decide
from gadfly_rocq._drafts import admissions, find_challenge, find_source, span_at
from gadfly_rocq._levels import Level, State
from gadfly_rocq._oneshot import OneShotRocq
from gadfly_rocq._ports import Answer, Message, Request, Rocq
from gadfly_rocq._toolchain import find_toolchain

_ID = "rocq/proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofCritic:
    """Accept a program that proves the task's statement, as far as the level asks.

    It fails what Rocq refuses, what is admitted, what proves another statement, and what rests on
    an axiom that is not allowed. It abstains where something could not be looked at: it says what,
    and how to have it looked at. What reaches a lower level than asked is called plausible.
    """

    cost: ClassVar[Cost] = Cost.DEAR
    deadline_seconds: ClassVar[float] = 900.0
    rocq: Rocq | None = None
    """The driver; by default `OneShotRocq` with the Rocq of this machine, in the sandbox."""
    level: Level | str = Level.L3
    """What is needed for a pass (see `Level`)."""
    axioms: tuple[str, ...] = ()
    """The axioms that a proof may rest on, in full (see `Policy`)."""
    trust_old_kernels: bool = False
    """See `Policy`."""
    seconds: float = 60.0
    """Wall time for the draft's program, and for each step that follows."""

    def __post_init__(self) -> None:
        self._policy()

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft has a program of Rocq."""
        try:
            return find_source(draft.text) is not None
        except InputError:
            return True  # and `critique` says that there are several

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        try:
            program = find_source(draft.text)
            challenge = find_challenge(context.task)
            if program is None:
                return Critique(Verdict.ABSTAIN, "The draft has no program of Rocq.")
            if challenge is None:
                said = "The task does not say what is to be proved: give `statement` in its inputs."
                return Critique(Verdict.ABSTAIN, said)
            request = Request(
                header=challenge.header,
                statement=challenge.statement,
                target=challenge.target,
                source=program.text,
                seconds=self.seconds,
                want_checks=Level.of(self.level) >= Level.L2,
            )
            rocq = self.rocq or OneShotRocq(context.sandbox, find_toolchain())
        except InputError as error:
            return Critique(Verdict.ABSTAIN, f"{str(error)[:1].upper()}{str(error)[1:]}.")
        answer = await rocq.check(request)
        decision = decide(answer, request, self._policy())
        evidence = self._evidence(request, answer, decision)
        findings = tuple(_findings(program, answer, decision, evidence.id))
        return Critique(decision.verdict, _summary(self, decision), findings, (evidence,))

    def _policy(self) -> Policy:
        return Policy(
            level=self.level, axioms=self.axioms, trust_old_kernels=self.trust_old_kernels
        )

    def _evidence(self, request: Request, answer: Answer, decision: Decision) -> Evidence:
        asked: dict[str, JSON] = {
            "header": request.header,
            "statement": request.statement,
            "target": request.target,
            "program": request.source,
            "level": Level.of(self.level).name,
            "axioms": list(self.axioms),
            "driver": answer.driver,
        }
        observation: dict[str, JSON] = {
            "level": None if decision.level is None else decision.level.name,
            "layers": {
                f"{layer.level.name} {layer.name}": f"{layer.state}: {layer.said}"
                for layer in decision.layers
            },
            "statement_digest": answer.statement_digest,
            "axioms": None
            if answer.assumptions is None
            else [f"{one.name} ({one.why})" for one in answer.assumptions],
            "messages": [f"{one.line}: {one.text}" for one in answer.messages[:50]],
            "replays": [f"{one.checker}: {one.said}" for one in answer.replays],
            "commands": list(answer.commands),
            "raw": answer.raw,
            "seconds": round(answer.elapsed_seconds, 3),
        }
        return Evidence(
            id=digest({"tool": _ID, "request": asked}),
            tool=_ID,
            request=asked,
            observation=observation,
            versions=dict(answer.versions),
        )


def _findings(
    program: Artifact, answer: Answer, decision: Decision, evidence: str
) -> list[Finding]:
    if decision.verdict is not Verdict.FAIL:
        return []
    findings = [
        Finding(
            _told(one),
            Hardness.HARD,
            span_at(program, one.start, one.end) if one.line else None,
            evidence,
        )
        for one in answer.messages
    ]
    if not findings:
        findings += (
            Finding(
                f"{word} leaves it without a proof",
                Hardness.HARD,
                span_at(program, place, place + len(word)),
                evidence,
            )
            for word, place in admissions(program.text)
        )
    told = {"errors", "admitted"}
    findings += (
        Finding(layer.said, Hardness.HARD, None, evidence)
        for layer in decision.layers
        if layer.state is State.BROKEN and layer.name not in told
    )
    return findings[:20]


def _told(message: Message) -> str:
    """Return an error in words that help to mend it."""
    told = message.text[:1000]
    if message.near:
        told += f"\nNames like it: {', '.join(message.near)}"
    if message.goals:
        told += f"\nThe goals there:\n{message.goals[:1000]}"
    return told


def _summary(critic: ProofCritic, decision: Decision) -> str:
    wanted, level = Level.of(critic.level), decision.level
    stop = decision.stopped_by
    if decision.verdict is Verdict.PASS:
        assert level is not None
        if level < Level.L3:
            return f"Plausible, at level {level.name}, which is all that was asked for."
        return f"Proved, at level {level.name}."
    if stop is None:
        return f"Not proved: level {wanted.name} was asked for."
    if decision.verdict is Verdict.FAIL:
        return f"Not proved ({stop.name}): {stop.said}."
    known = "nothing is known"
    if level is not None:
        known = f"plausible at level {level.name}, which can be forged"
    if level is Level.L3:
        known = "proved at level L3"
    remedy = f"; to have it looked at, {stop.remedy}" if stop.remedy else ""
    return f"Level {wanted.name} is not reached ({known}): {stop.said}{remedy}."
