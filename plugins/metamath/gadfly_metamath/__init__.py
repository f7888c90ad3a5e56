"""A critic for Metamath proofs, and the verifier behind it.

metamath/proofs   the draft's proof proves the task's statement, from the task's database

    theorems   the theorems of a database, one by one
    verify     whether a proof proves a theorem
"""

from __future__ import annotations

from gadfly import Critic, Register, hookimpl
from gadfly_metamath._critic import ProofsCritic
from gadfly_metamath._database import Assertion, DatabaseError, Hypothesis, Scope, Theorem, theorems
from gadfly_metamath._verifier import ProofError, ProofLimitError, verify

__all__ = [
    "Assertion",
    "DatabaseError",
    "Hypothesis",
    "ProofError",
    "ProofLimitError",
    "ProofsCritic",
    "Scope",
    "Theorem",
    "register_critics",
    "theorems",
    "verify",
]


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    """Offer the critic."""
    register("proofs", ProofsCritic)
