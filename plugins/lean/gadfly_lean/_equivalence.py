"""Are two formal statements the same, up to a short proof? BEqL and BEq+, on any driver.

Each statement is taken for granted in turn, and the other is to be derived from it by few tactics.
Success both ways is strong evidence that both say the same; failure shows nothing, as equivalent
statements may need a longer proof. Neither says that the reference is faithful.

- BEqL: the library search (`exact?`) finds the other statement from the base.
- BEq+: also, unless the goal is among the hypotheses: applying the base and closing what is left;
  the base's conclusion as a hypothesis, unless it is proved without it; and the base up to small
  differences (`convert ... using` 0 to 4).

In place of the search's suggestion, in which the papers look for the base's name, the base is an
axiom here, and `#print axioms` must name it: a proof counts only where it uses the base. Which
tactics close what is left is our choice, too.

Source: Poiroux, Weiss, Kunčak and Bosselut, *Reliable Evaluation and Benchmarks for Statement
Autoformalization*, EMNLP 2025 (BEqL, BEq+), after Liu et al., *Rethinking and Improving
Autoformalization*, ICLR 2025 (BEq).
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

from gadfly_lean._attempts import Attempt, Outcome, Workbench, together
from gadfly_lean._sources import axiom, name_for, program, tactics, theorem
from gadfly_lean._statements import Statement, read_statement

SEARCH = "exact?"
_FINISH = "first | assumption | tauto | (simp_all; done) | omega"
CLOSE = f"all_goals {_FINISH} | noncomm_ring | exact?"
USE = f"{_FINISH} | exact? using this"
UNAIDED = f"{_FINISH} | exact?"
LOOSENESS = range(5)
"""How deep `convert` may look for differences."""


class Equivalence(StrEnum):
    """What is known of two statements."""

    EQUIVALENT = "equivalent"
    """Each was derived from the other."""
    NOT_SHOWN = "not shown"
    """At least one way, all attempts came to nothing: they may still be equivalent."""
    UNKNOWN = "unknown"
    """Lean did not answer enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Direction:
    """Whether one statement follows from another."""

    name: str
    outcome: Outcome
    by: str
    """What showed it (`exact?`, `apply`, ...); empty where nothing did."""
    attempts: tuple[Attempt, ...]
    """In their order, guards included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of comparing two statements."""

    result: Equivalence
    metric: str
    """`BEqL` where the search was enough both ways, else `BEq+`."""
    said: str
    """Why, in a clause."""
    controls: tuple[Attempt, ...] = ()
    """What showed whether this Lean has the tactics, and finds fault with what is false."""
    directions: tuple[Direction, ...] = ()


async def compare(bench: Workbench, draft: Statement, reference: Statement) -> Comparison:
    """Say whether two statements are equivalent, as far as short proofs can show.

    Controls come first: one that must succeed, as it needs every tactic to be known, and one that
    must fail. Where either does not, nothing that follows would mean anything.
    """
    controls = await _controls(bench)
    fault = _fault(controls)
    if fault:
        return Comparison(result=Equivalence.UNKNOWN, metric="BEq+", said=fault, controls=controls)
    there = await _derive(bench, "the draft from the reference", reference, draft)
    back = await _derive(bench, "the reference from the draft", draft, reference)
    directions = (there, back)
    outcomes = {one.outcome for one in directions}
    if outcomes == {Outcome.SHOWN}:
        result, said = Equivalence.EQUIVALENT, f"by {there.by}, and back by {back.by}"
    elif Outcome.NOT_SHOWN in outcomes:
        failed = next(one for one in directions if one.outcome is Outcome.NOT_SHOWN)
        result, said = Equivalence.NOT_SHOWN, f"no short proof of {failed.name}"
    else:
        unknown = next(one for one in directions if one.outcome is Outcome.UNKNOWN)
        silent = next(one for one in unknown.attempts if one.outcome is Outcome.UNKNOWN)
        result, said = Equivalence.UNKNOWN, f"{unknown.name}, {silent.name}: {silent.said}"
    linear = all(one.by == SEARCH for one in directions)
    return Comparison(
        result=result,
        metric="BEqL" if linear else "BEq+",
        said=said,
        controls=controls,
        directions=directions,
    )


async def _derive(bench: Workbench, name: str, base: Statement, other: Statement) -> Direction:
    tried: list[Attempt] = []
    async for attempt, counts in _attempts(bench, base, other):
        tried.append(attempt)
        if counts and attempt.outcome is Outcome.SHOWN:
            return Direction(
                name=name, outcome=Outcome.SHOWN, by=attempt.name, attempts=tuple(tried)
            )
    # A guard that succeeds is no success.
    failed = [one for one in tried if one.outcome is not Outcome.SHOWN]
    return Direction(name=name, outcome=together(failed), by="", attempts=tuple(tried))


async def _attempts(
    bench: Workbench, base: Statement, other: Statement
) -> AsyncIterator[tuple[Attempt, bool]]:
    """Yield attempts, and whether each counts; stops where going on would show nothing."""
    granted, goal = name_for("base", base, other), name_for("goal", base, other)
    given = axiom(base, granted)

    def source(proof: str, *, alone: bool = False) -> str:
        parts = (theorem(other, goal, proof),) if alone else (given, theorem(other, goal, proof))
        return program(*parts)

    async def derive(tried: str, *lines: str) -> Attempt:
        proof = source(tactics("symm_saturate", *lines))
        return await bench.prove(tried, proof, goal, base=granted)

    async def alone(tried: str, *lines: str) -> Attempt:
        return await bench.prove(tried, source(tactics(*lines), alone=True), goal)

    both = await bench.elaborate("both elaborate", source("sorry"))
    if both.outcome is not Outcome.SHOWN:
        # Where one cannot even be stated here, nothing was tried.
        silent = Attempt(
            name=both.name,
            source=both.source,
            outcome=Outcome.UNKNOWN,
            said=both.said,
            seconds=both.seconds,
        )
        yield silent, False
        return
    yield both, False
    yield await derive(SEARCH, SEARCH), True
    assumed = await alone("guard: by assumption", "symm_saturate", "assumption")
    yield assumed, False
    if assumed.outcome is not Outcome.NOT_SHOWN:
        return
    yield await derive("apply", f"apply {granted}", "all_goals intros", CLOSE), True
    unaided = await alone("guard: without the base", "symm_saturate", UNAIDED)
    yield unaided, False
    if unaided.outcome is Outcome.NOT_SHOWN:
        inner = f"  apply_rules [{granted}]\n  all_goals intros\n  {CLOSE}"
        have = f"have : {' '.join(base.goal.split())} := by\n{inner}"
        yield await derive("have", have, USE), True
    for depth in LOOSENESS:
        lines = (f"convert {granted} using {depth}", "all_goals intros", CLOSE)
        yield await derive(f"convert using {depth}", *lines), True


# --------------------------------------------------------------------- controls


def _control(text: str) -> Statement:
    statement = read_statement(f"theorem control {text}")
    assert statement is not None
    return statement


_HOLDS = _control("(p : Nat → Prop) : p 0")
_ALL = (
    "exact {base} _ | assumption | tauto | (simp_all; done) | omega | noncomm_ring | exact? "
    "| (apply_rules [{base}]) | (convert {base} _ using 0)"
)
"""Every tactic that is used, so that a Lean without one of them says so."""


async def _controls(bench: Workbench) -> tuple[Attempt, ...]:
    granted, goal = name_for("granted", _HOLDS), name_for("control", _HOLDS)
    proof = tactics("symm_saturate", f"first | {_ALL}".format(base=granted))
    good = program(axiom(_HOLDS, granted), theorem(_HOLDS, goal, proof))
    can = await bench.prove("control: follows from itself", good, goal, base=granted)
    if can.outcome is not Outcome.SHOWN:
        return (can,)
    bad = program(theorem(_HOLDS, goal, tactics("symm_saturate", CLOSE)))
    return can, await bench.prove("control: is false", bad, goal)


def _fault(controls: tuple[Attempt, ...]) -> str:
    can = controls[0]
    if can.outcome is Outcome.UNKNOWN:
        return can.said
    if can.outcome is Outcome.NOT_SHOWN:
        return f"this Lean lacks a tactic (they are Mathlib's; import it): {can.said[:200]}"
    cannot = controls[1]
    if cannot.outcome is Outcome.SHOWN:
        return "the driver accepts a proof of what is false"
    return cannot.said if cannot.outcome is Outcome.UNKNOWN else ""
