"""A critic that has Lean check a proof, and an audit of what was checked that needs no Lean.

lean/proof          does the draft's program prove what the task asks, and how much is known of it?
lean/steps          which tactic is the first that fails, and what was to be shown there?
lean/formalisation  what is suspicious about a formal statement of the task's text?

    parse_export    declarations as lean4export writes them, read strictly
    audit           an exported proof against the exported challenge: statement, axioms, constants
    decide          from what a driver saw to a level, and to a verdict
    OneShotLean     a fresh `lean` for each file, in the sandbox: all levels
    ReplPool        warm REPLs: fast, at most L2
    Kimina          a Kimina Lean Server: at most L2
    find_signals    what is suspicious about a formal statement, by its text alone
    Sieve           a fast driver first, a thorough one for what it finds no fault with
"""

from __future__ import annotations

from gadfly import Critic, Register, hookimpl
from gadfly_lean._audit import Audit, audit
from gadfly_lean._commands import audit_exports, doctor
from gadfly_lean._decision import Decision, Policy, decide
from gadfly_lean._export import Constant, Export, ExportError, Kind, parse_export
from gadfly_lean._formalisation import FormalisationCritic
from gadfly_lean._kimina import Kimina
from gadfly_lean._levels import Layer, Level, State
from gadfly_lean._oneshot import OneShotLean
from gadfly_lean._ports import Answer, Lean, Message, Replay, Request, Sorry, Tactic
from gadfly_lean._proof import ProofCritic
from gadfly_lean._repl import Confinement, ReplLimits, ReplPool, replay_command
from gadfly_lean._sieve import Sieve
from gadfly_lean._signals import Signal, find_signals
from gadfly_lean._standard import AXIOMS
from gadfly_lean._steps import Step, StepsCritic, read_steps
from gadfly_lean._toolchain import Toolchain, find_toolchain
from gadfly_lean._versions import KERNEL_BUGS, KernelBug, LeanVersion, kernel_bugs

__all__ = [
    "AXIOMS",
    "KERNEL_BUGS",
    "Answer",
    "Audit",
    "Confinement",
    "Constant",
    "Decision",
    "Export",
    "ExportError",
    "FormalisationCritic",
    "KernelBug",
    "Kimina",
    "Kind",
    "Layer",
    "Lean",
    "LeanVersion",
    "Level",
    "Message",
    "OneShotLean",
    "Policy",
    "ProofCritic",
    "ReplLimits",
    "ReplPool",
    "Replay",
    "Request",
    "Sieve",
    "Signal",
    "Sorry",
    "State",
    "Step",
    "StepsCritic",
    "Tactic",
    "Toolchain",
    "audit",
    "decide",
    "find_signals",
    "find_toolchain",
    "kernel_bugs",
    "parse_export",
    "read_steps",
    "register_commands",
    "register_critics",
    "replay_command",
]


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    """Offer the critics."""
    register("proof", ProofCritic)
    register("steps", StepsCritic)
    register("formalisation", FormalisationCritic)


@hookimpl
def register_commands(register: Register[int]) -> None:
    """Offer `gadfly lean doctor` and `gadfly lean audit`."""
    register("doctor", doctor)
    register("audit", audit_exports)
