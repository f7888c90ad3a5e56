"""Arithmetic of numbers and brackets, exactly: a small part of Python's grammar, never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fractions import Fraction

MAX_CHARACTERS = 200
_SIGNS = str.maketrans(
    {"\xd7": "*", "\xb7": "*", "\xf7": "/", "\u2212": "-", "\u2013": "-", "[": "(", "]": ")"}
)
_TIMES = re.compile(r"(?<=[\d)\s])[xX](?=[\d(\s])")
_ALLOWED = re.compile(r"[\d\s()+\-*/.]+")


class NotAnExpressionError(Exception):
    """A text is no expression of numbers, brackets and the four operations."""


def parse(text: str) -> ast.expr:
    """Return an expression as Python's own tree, holding nothing but what is known here.

    Raises:
        NotAnExpressionError: It is too long, or holds something else.
    """
    plain = _TIMES.sub("*", text.translate(_SIGNS)).strip()
    if len(plain) > MAX_CHARACTERS or not _ALLOWED.fullmatch(plain):
        raise NotAnExpressionError(text)
    try:
        tree = ast.parse(plain, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise NotAnExpressionError(text) from None
    for node in ast.walk(tree):
        if not isinstance(node, _NODES):
            raise NotAnExpressionError(text)
    return tree


_NODES = (
    ast.BinOp,
    ast.UnaryOp,
    ast.Constant,
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.Div,
    ast.USub,
    ast.UAdd,
)


def numbers_of(tree: ast.expr) -> Iterator[Fraction]:
    """Return the numbers of an expression, each as often as it stands there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant):
            yield _number(node)


def evaluate(tree: ast.expr) -> Fraction:
    """Return what an expression comes to.

    Raises:
        ZeroDivisionError: It divides by zero.
    """
    match tree:
        case ast.Constant():
            return _number(tree)
        case ast.UnaryOp(op=ast.USub()):
            return -evaluate(tree.operand)
        case ast.UnaryOp():
            return evaluate(tree.operand)
        case ast.BinOp():
            return apply(_symbol(tree.op), evaluate(tree.left), evaluate(tree.right))
        case _:
            raise TypeError(type(tree).__name__)  # `parse` lets nothing else through.


def apply(symbol: str, one: Fraction, other: Fraction) -> Fraction:
    """Return what one of `+ - * /` gives.

    Raises:
        ZeroDivisionError: It divides by zero.
    """
    match symbol:
        case "+":
            return one + other
        case "-":
            return one - other
        case "*":
            return one * other
        case _:
            return one / other


def _number(node: ast.Constant) -> Fraction:
    # `repr` of a float is the shortest text that means it: what was written, up to 15 digits.
    return Fraction(repr(node.value))


def _symbol(op: ast.operator) -> str:
    match op:
        case ast.Add():
            return "+"
        case ast.Sub():
            return "-"
        case ast.Mult():
            return "*"
        case _:
            return "/"
