"""A critic that holds a draft to checkable instructions, each judged by itself.

constraints/instructions   every item of the task's checklist holds

A checklist is plain JSON (`Task.inputs["constraints"]`); what its items may be is a registry of
plain functions, to which anyone can add.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gadfly import JSON, Critic, Register, hookimpl
from gadfly_constraints._checklist import Checklist, Constraint, read_checklist
from gadfly_constraints._extract import extract
from gadfly_constraints._ifeval import from_ifeval
from gadfly_constraints._instructions import InstructionsCritic
from gadfly_constraints._outcome import Outcome, counted
from gadfly_constraints._registry import Check, ConstraintType, all_types

__all__ = [
    "Check",
    "Checklist",
    "Constraint",
    "ConstraintType",
    "InstructionsCritic",
    "Outcome",
    "all_types",
    "counted",
    "extract",
    "from_ifeval",
    "read_checklist",
    "register_critics",
]


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    """Offer the critic."""
    register("instructions", _instructions)


def _instructions(
    *,
    constraints: Sequence[JSON] = (),
    types: Mapping[str, Check] | None = None,
    read_prompt: bool = True,
) -> Critic:
    return InstructionsCritic(
        constraints=tuple(constraints), types=dict(types or {}), read_prompt=read_prompt
    )
