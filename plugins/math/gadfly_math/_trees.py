"""Expressions as data: what was read, as it was written.

A tree holds numbers, names and operations, and nothing that could be called.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is written."""

    value: Fraction
    decimals: int
    """Digits written after the point."""
    text: str
    is_plain: bool = True
    """Whether it is a decimal number, not a fraction sign or a mixed number."""


@dataclass(frozen=True, slots=True)
class Percent:
    """Something followed by a percent sign."""

    of: Tree


@dataclass(frozen=True, slots=True)
class Variable:
    """A name."""

    name: str


@dataclass(frozen=True, slots=True)
class Operation:
    """`+ - * / ^` of two operands, `neg` or `sqrt` of one."""

    sign: str
    operands: tuple[Tree, ...]


Tree: TypeAlias = Number | Percent | Variable | Operation


def read_number(text: str) -> Number:
    """Return a number token's value."""
    if not text.isascii():
        value = Fraction(unicodedata.numeric(text)).limit_denominator(100)
        return Number(value, 0, text, is_plain=False)
    plain = text.replace("{,}", "").replace(",", "")
    mantissa, _, exponent = plain.lower().partition("e")
    decimals = max(0, len(mantissa.partition(".")[2]) - int(exponent or 0))
    return Number(Fraction(plain), decimals, text)


def computes(tree: Tree) -> bool:
    """Whether an expression holds an operation, a sign apart."""
    if isinstance(tree, Percent):
        return computes(tree.of)
    if isinstance(tree, Operation):
        return tree.sign != "neg" or computes(tree.operands[0])
    return False


def is_share(tree: Tree) -> bool:
    """Whether `of` after it multiplies: `20% of`, `1/3 of`, but not `3 of`."""
    if isinstance(tree, Operation):
        return tree.sign == "/" and all(isinstance(part, Number) for part in tree.operands)
    return isinstance(tree, Percent) or (isinstance(tree, Number) and 0 < tree.value < 1)


def regrouped(tree: Tree) -> Tree:
    """Return an expression with `a / b/c` read as a over a fraction."""
    if isinstance(tree, Percent):
        return Percent(regrouped(tree.of))
    if not isinstance(tree, Operation):
        return tree
    operands = tuple(regrouped(operand) for operand in tree.operands)
    first = operands[0]
    if tree.sign == "/" and isinstance(first, Operation) and first.sign == "/":
        above, below = first.operands
        return Operation("/", (above, Operation("/", (below, operands[1]))))
    return Operation(tree.sign, operands)


def leftmost(tree: Tree) -> Number | None:
    """Return the number that an expression begins with; None where it begins otherwise."""
    while isinstance(tree, Operation) and tree.sign not in {"neg", "sqrt"}:
        tree = tree.operands[0]
    return tree if isinstance(tree, Number) else None


def bare(tree: Tree) -> Number | None:
    """Return the number that an expression is, whatever its sign and percent sign."""
    while isinstance(tree, Percent) or (isinstance(tree, Operation) and tree.sign == "neg"):
        tree = tree.of if isinstance(tree, Percent) else tree.operands[0]
    return tree if isinstance(tree, Number) else None


def has_name(tree: Tree) -> bool:
    """Whether an expression's value rests on what a name stands for."""
    if isinstance(tree, Percent):
        return has_name(tree.of)
    if isinstance(tree, Operation):
        return any(has_name(operand) for operand in tree.operands)
    return isinstance(tree, Variable)


def has_percent(tree: Tree) -> bool:
    """Whether a percent sign is in an expression."""
    if isinstance(tree, Operation):
        return any(has_percent(operand) for operand in tree.operands)
    return isinstance(tree, Percent)
