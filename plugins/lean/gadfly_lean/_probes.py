"""What Lean shows of a formal statement without a proof of it: is it refused, empty, or trivial?

Each probe is an attempt of its own, and each thing found is a signal of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from gadfly import Hardness
from gadfly_lean._attempts import Outcome, Workbench
from gadfly_lean._signals import Signal
from gadfly_lean._sources import name_for, program, tactics, theorem
from gadfly_lean._statements import Statement

ALONE = ("trivial", "simp", "decide")
"""Tactics that prove hardly anything that is worth stating."""
CONTRADICTION = ("contradiction", "(simp_all; done)", "omega", "tauto", "nlinarith")
"""Tactics that find what contradicts itself; those that a Lean lacks find nothing."""
_MOST_BINDERS = 12
_DENIALS = frozenset({"False", "⊥"})


async def probe(bench: Workbench, statement: Statement) -> tuple[Signal, ...]:
    """Return what Lean finds about a statement, the gravest first.

    What Lean does not answer is no signal; `bench.attempts` has it. A statement that is refused is
    asked nothing else.
    """
    name = name_for("statement", statement)
    whole = await bench.elaborate("elaborates", program(theorem(statement, name, "sorry")))
    if whole.outcome is Outcome.NOT_SHOWN:
        message = f"Lean refuses the statement, with autoImplicit off: {whole.said[:300]}"
        return (Signal("refused", message, Hardness.HARD),)
    if whole.outcome is Outcome.UNKNOWN:
        return ()
    looks = (_contradiction, _alone, _unused)
    return tuple([signal for look in looks async for signal in look(bench, statement, name)])


async def _contradiction(
    bench: Workbench, statement: Statement, name: str
) -> AsyncIterator[Signal]:
    # Where a contradiction is what is to be shown, it is no fault to find one.
    if not statement.binders or statement.goal in _DENIALS:
        return
    for tactic in CONTRADICTION:
        source = theorem(statement, name, tactics(tactic), signature=statement.with_goal("False"))
        tried = await bench.prove(f"False by {tactic}", program(source), name)
        if tried.outcome is Outcome.SHOWN:
            message = f"Lean derives False from the hypotheses alone, by {tactic}: anything follows"
            yield Signal("contradiction", message, Hardness.HARD)
            return


async def _alone(bench: Workbench, statement: Statement, name: str) -> AsyncIterator[Signal]:
    for tactic in ALONE:
        source = program(theorem(statement, name, tactics(tactic)))
        tried = await bench.prove(f"by {tactic}", source, name)
        if tried.outcome is Outcome.SHOWN:
            message = f"{tactic} proves it alone: does it say as much as the text?"
            yield Signal("provable at once", message)
            return


async def _unused(bench: Workbench, statement: Statement, name: str) -> AsyncIterator[Signal]:
    """Drop each value: where the rest still elaborates, nothing speaks of it.

    Hypotheses are not meant: a proof may need what the goal does not mention.
    """
    bound = [(one, own) for one in statement.binders if one.bracket != "[" for own in one.names]
    for binder, own in bound[:_MOST_BINDERS]:
        rest = statement.without(own)
        source = program(theorem(statement, name, "sorry", signature=rest))
        dropped = await bench.elaborate(f"elaborates without {own}", source)
        if dropped.outcome is not Outcome.SHOWN:
            continue
        before = statement.text[: binder.start]
        source = program(
            theorem(statement, name, "sorry", signature=f"{before}: ({binder.kind.strip()} : Prop)")
        )
        hypothesis = await bench.elaborate(f"{own} is a hypothesis", source)
        if hypothesis.outcome is Outcome.NOT_SHOWN:
            yield Signal("unused binder", f"{own} is bound, and nothing else speaks of it")
