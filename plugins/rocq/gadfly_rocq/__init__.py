"""A critic that has Rocq (once Coq) check a proof, as if its author wanted to deceive.

rocq/proof    does the draft's program prove what the task asks, and how much is known of it?

    OneShotRocq   a fresh `coqc` for each file, in the sandbox, then `coqchk`: up to L3
    RocqPool      warm `coqtop`s: fast, at most L2
    decide        from what a driver saw to a level, and to a verdict
"""

from __future__ import annotations

from gadfly import Critic, Register, hookimpl
from gadfly_rocq._decision import Decision, Policy, decide
from gadfly_rocq._doctor import doctor
from gadfly_rocq._levels import Layer, Level, State
from gadfly_rocq._oneshot import OneShotRocq
from gadfly_rocq._pool import PoolLimits, RocqPool
from gadfly_rocq._ports import Answer, Assumption, Message, Replay, Request, Rocq
from gadfly_rocq._proof import ProofCritic
from gadfly_rocq._toolchain import Toolchain, find_toolchain
from gadfly_rocq._versions import KERNEL_BUGS, KernelBug, RocqVersion, features, kernel_bugs

__all__ = [
    "KERNEL_BUGS",
    "Answer",
    "Assumption",
    "Decision",
    "KernelBug",
    "Layer",
    "Level",
    "Message",
    "OneShotRocq",
    "Policy",
    "PoolLimits",
    "ProofCritic",
    "Replay",
    "Request",
    "Rocq",
    "RocqPool",
    "RocqVersion",
    "State",
    "Toolchain",
    "decide",
    "doctor",
    "features",
    "find_toolchain",
    "kernel_bugs",
    "register_commands",
    "register_critics",
]


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    """Offer the critic."""
    register("proof", ProofCritic)


@hookimpl
def register_commands(register: Register[int]) -> None:
    """Offer `gadfly rocq doctor`."""
    register("doctor", doctor)
