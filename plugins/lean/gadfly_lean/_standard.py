"""What an audit must take for granted, and therefore holds to be as everyone knows it.

A kernel checks proofs from definitions, but it computes with numbers and strings by code of its
own, which is right for the standard definitions only; and an axiom says what it says only if what
its statement mentions is standard. So these are compared: with the challenge where it has them,
else with the digests in `standard.json`, which were read from exports of a Lean that nobody had
tampered with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from gadfly_lean._names import Name, parse_name

AXIOMS = ("propext", "Classical.choice", "Quot.sound")
"""The axioms of Lean's own library, which mathematics is done with. No others, unless allowed."""

SORRY: Name = ("sorryAx",)

NATIVE: frozenset[Name] = frozenset({("Lean", "reduceBool"), ("Lean", "reduceNat")})
"""Constants that a kernel evaluates by running compiled code, whatever that does."""
NATIVE_AXIOMS = frozenset({"Lean.ofReduceBool", "Lean.ofReduceNat", "Lean.trustCompiler"})
"""Who allows one of these allows compiled code."""

_PRIMITIVES = """
Nat Nat.zero Nat.succ Nat.pred Nat.add Nat.sub Nat.mul Nat.pow Nat.gcd Nat.div Nat.mod Nat.beq
Nat.ble Nat.land Nat.lor Nat.xor Nat.shiftLeft Nat.shiftRight Nat.log2 Bool Bool.true Bool.false
Eq Eq.refl Quot Quot.mk Quot.lift Quot.ind eagerReduce
"""
_TEXT = "String String.mk String.ofList Char Char.mk Char.ofNat List List.nil List.cons"
PRIMITIVES: frozenset[Name] = frozenset(map(parse_name, _PRIMITIVES.split()))
"""Constants that kernels know by name (`new_persistent_expr_const` in Lean's kernel)."""
TEXT_PRIMITIVES: frozenset[Name] = frozenset(map(parse_name, _TEXT.split()))
"""The same for what a kernel unfolds a string literal into; of no matter to proofs without one."""


@cache
def standard() -> Mapping[Name, frozenset[bytes]]:
    """Return the digests that standard constants are known to have, by name."""
    text = files("gadfly_lean").joinpath("standard.json").read_text(encoding="utf-8")
    return {
        parse_name(name): frozenset(map(bytes.fromhex, digests))
        for name, digests in json.loads(text)["digests"].items()
    }
