"""From what was seen of a submission to a level, and from a level to a verdict.

Nothing here runs anything: an `Answer` of a driver comes in, whatever the driver is. A layer that
was not looked at is missing, and a level with a missing layer is not reached; so the only way up is
to have looked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gadfly import InputError, Verdict
from gadfly_rocq._drafts import admissions
from gadfly_rocq._levels import Layer, Level, State, reached
from gadfly_rocq._oneshot import PLAIN
from gadfly_rocq._ports import Answer, Assumption, Request
from gadfly_rocq._versions import RocqVersion, features, usable_bugs

_STANDARD = re.compile(r"^(?:Coq|Stdlib|Corelib)\.")
_ASK = "use `OneShotRocq`, and see that coqc runs in the sandbox"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What it takes to be called proved.

    Raises:
        InputError: There is no such level, or an axiom's name is not in full.
    """

    level: Level | str = Level.L3
    """The level that is needed. Below `L3`, a proof can be forged by who writes it."""
    axioms: tuple[str, ...] = ()
    """The allowed axioms, in full (`Coq.Logic.Classical_Prop.classic`; `Stdlib.` is the same as
    `Coq.`). Those that the task's header declares are always allowed."""
    trust_old_kernels: bool = False
    """Believe a kernel also where the submission has what a known bug of it needs."""

    def __post_init__(self) -> None:
        Level.of(self.level)
        for axiom in self.axioms:
            if "." not in axiom:
                raise InputError(f"give the axiom {axiom!r} in full, as `Locate` shows it")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is known of a submission."""

    verdict: Verdict
    """PASS where the level is reached, FAIL where something is broken, ABSTAIN otherwise."""
    level: Level | None
    """What was reached; None where something is broken, or not even `L0` is known."""
    layers: tuple[Layer, ...]
    """All that was asked, in the order of the levels."""

    @property
    def stopped_by(self) -> Layer | None:
        """The first layer that does not hold: broken ones first. None where all hold."""
        for state in (State.BROKEN, State.MISSING):
            for layer in self.layers:
                if layer.state is state:
                    return layer
        return None


def decide(answer: Answer, request: Request, policy: Policy | None = None) -> Decision:
    """Say what is known of a submission.

    Args:
        answer: What a driver saw of it.
        request: What the driver was asked.
        policy: What it takes; `L3` and no axioms by default.
    """
    policy = policy or Policy()
    layers: list[Layer] = [_answered(answer)]
    if layers[0].state is State.HOLDS:
        layers.append(_errors(answer))
    if layers[-1].state is State.HOLDS:
        layers += (
            _admitted(request),
            _probe(answer, policy),
            _target(answer),
            _statement(answer),
            _asked_apart(answer),
            _replayed(answer),
            _kernel(answer, request, policy),
            _sandboxed(answer),
            _second_kernel(),
        )
    broken = any(layer.state is State.BROKEN for layer in layers)
    level = None if broken else reached(layers)
    if broken:
        verdict = Verdict.FAIL
    elif level is not None and level >= Level.of(policy.level):
        verdict = Verdict.PASS
    else:
        verdict = Verdict.ABSTAIN
    return Decision(verdict=verdict, level=level, layers=tuple(layers))


def _answered(answer: Answer) -> Layer:
    if answer.problem:
        return Layer("answer", Level.L0, State.MISSING, answer.problem[:500])
    return Layer("answer", Level.L0, State.HOLDS, f"{answer.driver} answered")


def _errors(answer: Answer) -> Layer:
    if answer.messages:
        first = answer.messages[0]
        place = f"line {first.line}: " if first.line else ""
        return Layer("errors", Level.L0, State.BROKEN, f"{place}{_line(first.text)[:300]}")
    return Layer("errors", Level.L0, State.HOLDS, "no error")


def _admitted(request: Request) -> Layer:
    for word, place in admissions(request.source):
        line = request.source.count("\n", 0, place) + 1
        return Layer("admitted", Level.L1, State.BROKEN, f"line {line}: {word} leaves it unproved")
    return Layer("admitted", Level.L1, State.HOLDS, "nothing, as far as its text shows")


def _probe(answer: Answer, policy: Policy) -> Layer:
    name = "Print Assumptions"
    if answer.assumptions is None:
        said = "Rocq was not asked what it rests on, or its answer failed the canary"
        return Layer(name, Level.L2, State.MISSING, said, _ASK)
    odd = _not_allowed(answer.assumptions, policy)
    if odd:
        return Layer(name, Level.L2, State.BROKEN, f"it rests on what is not allowed: {_list(odd)}")
    said = _list(answer.assumptions) or "nothing"
    return Layer(name, Level.L2, State.HOLDS, f"it rests on {said}")


def _target(answer: Answer) -> Layer:
    if answer.target_found is False:
        said = "the finished submission does not have the target"
        return Layer("target", Level.L3, State.BROKEN, said)
    if answer.target_found is None:
        said = "nobody saw whether the target is there"
        return Layer("target", Level.L3, State.MISSING, said, _ASK)
    return Layer("target", Level.L3, State.HOLDS, "it is there")


def _statement(answer: Answer) -> Layer:
    if answer.statement_holds is False:
        said = f"it is another statement than the task's: {answer.statement_said}"
        return Layer("statement", Level.L3, State.BROKEN, said[:500])
    if answer.statement_holds is None or not answer.asked_apart:
        said = "its type was not compared with the challenge in a process of ours"
        return Layer("statement", Level.L3, State.MISSING, said, _ASK)
    return Layer("statement", Level.L3, State.HOLDS, "its type is that of the challenge")


def _asked_apart(answer: Answer) -> Layer:
    if answer.asked_apart and answer.assumptions is not None:
        return Layer(
            "asked apart", Level.L3, State.HOLDS, "no command of it ran where Rocq was asked"
        )
    said = "Rocq was asked where the submission's own commands had run"
    return Layer("asked apart", Level.L3, State.MISSING, said, _ASK)


def _replayed(answer: Answer) -> Layer:
    name = "replay"
    for replay in answer.replays:
        if not replay.accepted:
            said = f"{replay.checker} refuses it: {_line(replay.said)[:300]}"
            return Layer(name, Level.L3, State.BROKEN, said)
        if replay.assumptions is None:
            said = f"what {replay.checker} lists was not understood"
            return Layer(name, Level.L3, State.MISSING, said, "use a release that is known")
        own = [one for one in replay.assumptions if not _is_given(one)]
        if own:
            said = f"{replay.checker} lists what the submission leaves unproved: {_list(own)}"
            remedy = "leave out what is not proved, and signatures that hide proofs"
            return Layer(name, Level.L3, State.MISSING, said, remedy)
        return Layer(name, Level.L3, State.HOLDS, f"{replay.checker} accepts it")
    said = "no checker has looked at the compiled files"
    return Layer(name, Level.L3, State.MISSING, said, "install coqchk, which is part of coq")


def _kernel(answer: Answer, request: Request, policy: Policy) -> Layer:
    name = "known bugs"
    if policy.trust_old_kernels:
        return Layer(name, Level.L3, State.HOLDS, "the kernel is believed, as the policy says")
    try:
        version = RocqVersion.parse(answer.versions.get("rocq", ""))
    except InputError as error:
        return Layer(name, Level.L3, State.MISSING, str(error), "see what answered in Rocq's name")
    bugs = list(usable_bugs(version, features(request.source)))
    if bugs:
        what = f"{bugs[0].id}, {bugs[0].what}" + (", and others" if len(bugs) > 1 else "")
        said = f"it has {bugs[0].needs}, and there kernels of Rocq {version} have bugs ({what})"
        newest = max(bug.fixed for bug in bugs)
        remedy = f"do without, use Rocq {newest} or later, or set `trust_old_kernels`"
        return Layer(name, Level.L3, State.MISSING, said, remedy)
    said = f"none of Rocq {version} that it has the means for"
    return Layer(name, Level.L3, State.HOLDS, said)


def _sandboxed(answer: Answer) -> Layer:
    if answer.sandboxed:
        return Layer("sandbox", Level.L4, State.HOLDS, "compiled in a sandbox without network")
    said = "it was compiled outside of a sandbox: it could do what its user can"
    return Layer("sandbox", Level.L4, State.MISSING, said, "use `OneShotRocq`, which has one")


def _second_kernel() -> Layer:
    said = "no kernel but Rocq's own has checked it (coqchk is the same one)"
    return Layer(
        "second kernel", Level.L4, State.MISSING, said, "none is known for Rocq: ask for L3"
    )


def _not_allowed(named: Iterable[Assumption], policy: Policy) -> list[Assumption]:
    allowed = {_STANDARD.sub("Coq.", axiom) for axiom in policy.axioms}
    return [
        one
        for one in named
        if not _is_given(one)
        and not (one.why == "axiom" and _STANDARD.sub("Coq.", one.name) in allowed)
    ]


def _is_given(one: Assumption) -> bool:
    return one.name.startswith(f"{PLAIN}.Given.")


def _list(named: Iterable[Assumption]) -> str:
    shown = (one.name if one.why == "axiom" else f"{one.name} ({one.why})" for one in named)
    return ", ".join(sorted(shown))[:300]


def _line(text: str) -> str:
    return " ".join(text.split())
