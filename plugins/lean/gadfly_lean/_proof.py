"""`lean/proof`: does the draft prove what the task asks, and how much of that is known?"""

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
from gadfly_lean._decision import Decision, Policy, decide
from gadfly_lean._drafts import (
    Challenge,
    find_challenge,
    find_source,
    has_source,
    span_of_line,
    without_imports,
)
from gadfly_lean._levels import Level, State
from gadfly_lean._oneshot import OneShotLean
from gadfly_lean._ports import Answer, Lean, Request
from gadfly_lean._standard import AXIOMS
from gadfly_lean._telling import message_lines, sentence, sorry_finding
from gadfly_lean._toolchain import find_toolchain

_ID = "lean/proof"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofCritic:
    """Accept a program that proves the task's statement, as far as the level asks.

    It fails what Lean refuses, what leaves a `sorry`, what proves another statement, and what needs
    an axiom that is not allowed. It abstains where something could not be looked at: it says what,
    and how to have it looked at. What reaches a lower level than asked is called plausible.
    """

    cost: ClassVar[Cost] = Cost.DEAR
    deadline_seconds: ClassVar[float] = 900.0
    lean: Lean | None = None
    """The driver; by default `OneShotLean` with the Lean of this machine, in the sandbox."""
    project: str | None = None
    """For the default driver: the folder of a project of yours, whose packages may be imported."""
    level: Level | str = Level.L3
    """What is needed for a pass (see `Level`)."""
    axioms: tuple[str, ...] = AXIOMS
    """The axioms that a proof may need, by their exact names."""
    trust_old_kernels: bool = False
    """See `Policy`."""
    seconds: float = 120.0
    """Wall time for the draft's program."""

    def __post_init__(self) -> None:
        self._policy()

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft has a program of Lean."""
        return has_source(draft.text)

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        try:
            program = find_source(draft.text)
            challenge = find_challenge(context.task)
            if program is None:
                return Critique(Verdict.ABSTAIN, "The draft has no program of Lean.")
            if challenge is None:
                said = "The task does not say what is to be proved: give `statement` in its inputs."
                return Critique(Verdict.ABSTAIN, said)
            request = Request(
                header=challenge.header,
                source=without_imports(program.text, challenge.header),
                target=challenge.target,
                statement=challenge.statement,
                seconds=self.seconds,
                want_axioms=True,
                want_exports=Level.of(self.level) >= Level.L3,
            )
            lean = self.lean or OneShotLean(context.sandbox, find_toolchain(self.project))
            answer = await lean.check(request)
            decision = decide(answer, challenge.target, self._policy())
        except InputError as error:
            return Critique(Verdict.ABSTAIN, sentence(str(error)))
        return self._critique(program, challenge, answer, decision)

    def _policy(self) -> Policy:
        return Policy(
            level=self.level, axioms=self.axioms, trust_old_kernels=self.trust_old_kernels
        )

    def _critique(
        self, program: Artifact, challenge: Challenge, answer: Answer, decision: Decision
    ) -> Critique:
        evidence = self._evidence(program, challenge, answer, decision)
        findings = tuple(_findings(program, answer, decision, evidence.id))
        return Critique(decision.verdict, _summary(self, decision), findings, (evidence,))

    def _evidence(
        self, program: Artifact, challenge: Challenge, answer: Answer, decision: Decision
    ) -> Evidence:
        request: dict[str, JSON] = {
            "header": challenge.header,
            "statement": challenge.statement,
            "target": challenge.target,
            "program": program.text,
            "level": Level.of(self.level).name,
            "axioms": list(self.axioms),
            "driver": answer.driver,
        }
        audit = decision.audit
        observation: dict[str, JSON] = {
            "level": None if decision.level is None else decision.level.name,
            "layers": {
                f"{layer.level.name} {layer.name}": f"{layer.state}: {layer.said}"
                for layer in decision.layers
            },
            "statement_hash": audit.statement_hash if audit else None,
            "axioms": list(audit.axioms) if audit else None,
            "messages": [*message_lines(answer)],
            "raw": answer.raw,
            "seconds": round(answer.elapsed_seconds, 3),
        }
        checkers = {one.checker: one.version for one in answer.replays}
        return Evidence(
            id=digest({"tool": _ID, "request": request}),
            tool=_ID,
            request=request,
            observation=observation,
            versions={**answer.versions, **checkers},
        )


def _findings(
    program: Artifact, answer: Answer, decision: Decision, evidence: str
) -> list[Finding]:
    findings = [
        Finding(message.text[:1000], Hardness.HARD, span_of_line(program, message.line), evidence)
        for message in answer.messages
        if message.severity == "error" and not answer.problem
    ]
    findings += (
        sorry_finding(program, one, evidence) for one in answer.sorries or () if not answer.problem
    )
    told = {"errors", "sorry in the syntax"} if findings else set[str]()
    for layer in decision.layers:
        if layer.state is State.BROKEN and layer.name not in told:
            findings.append(Finding(layer.said, Hardness.HARD, None, evidence))
    return findings[:20]


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
