"""Critics that solve: facts, rules and constraints as queries to z3, within limits.

logic/programs   the draft's formal program is sound, and its answer is that of the task
logic/claims     each step of a draft in plain English follows from what the task says

    solve      what follows from a program, which option that is, and why
    parse      a program as values
"""

from __future__ import annotations

from gadfly import Critic, Register, hookimpl
from gadfly_logic._claims import ClaimsCritic
from gadfly_logic._language import (
    Clause,
    Comparison,
    Condition,
    Constraints,
    Literal,
    Program,
    Rules,
    Source,
    Sum,
)
from gadfly_logic._parsing import ProgramError, parse
from gadfly_logic._programs import ProgramsCritic
from gadfly_logic._solving import Outcome, Status, solve
from gadfly_logic._z3 import SolverLimits

__all__ = [
    "ClaimsCritic",
    "Clause",
    "Comparison",
    "Condition",
    "Constraints",
    "Literal",
    "Outcome",
    "Program",
    "ProgramError",
    "ProgramsCritic",
    "Rules",
    "SolverLimits",
    "Source",
    "Status",
    "Sum",
    "parse",
    "register_critics",
    "solve",
]


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    """Offer the two critics."""
    register("programs", ProgramsCritic)
    register("claims", ClaimsCritic)
