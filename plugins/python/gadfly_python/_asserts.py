"""What asserts claim of single calls: `assert f(2) == 4`, and the like.

A model's tests are read here, not run: a test whose arguments and expected value are literals is a
call and a comparison, so the call alone can go into the sandbox. These forms are read, at top level
and in test functions:

    assert f(2) == 4                                    !=, is and is not with a literal
    assert f(2)          assert not f(2)                truth
    assert math.isclose(f(2), 0.5, rel_tol=1e-2)        closeness
    assert abs(f(2) - 0.5) < 1e-2                       <= too

Whatever else a test does, it says nothing here.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from gadfly_python._claims import Example
from gadfly_python._execution import Call, is_number
from gadfly_python._runner import Unencodable, decode, encode

Relation = Literal["equal", "unequal", "true", "false", "close"]
_RELATIONS: dict[type[ast.cmpop], Relation] = {
    ast.Eq: "equal",
    ast.Is: "equal",
    ast.NotEq: "unequal",
    ast.IsNot: "unequal",
}
_BEYOND = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)
"""What reading a stranger's source may raise."""


@dataclass(frozen=True, slots=True)
class Check:
    """One call, and what an assert wants of its value."""

    text: str
    """The assert, in one line."""
    call: Call
    relation: Relation
    expected: object = None
    relative: float = 1e-9
    absolute: float = 0.0

    def holds(self, given: object) -> bool:
        """Whether a decoded value is what the assert wants; floats are equal within 1e-9."""
        if isinstance(given, Unencodable):
            return False
        match self.relation:
            case "true" | "false":
                return bool(given) is (self.relation == "true")
            case "close":
                return self._is_close(given)
            case _:
                return self._is_equal(given) is (self.relation == "equal")

    def _is_equal(self, given: object) -> bool:
        # Plain data on both sides, so `==` is Python's own.
        example = Example(self.text, self.call, self.expected, by_value=True)
        return given == self.expected or example.holds(given)

    def _is_close(self, given: object) -> bool:
        if not is_number(given) or not is_number(self.expected):
            return False
        try:
            return math.isclose(given, self.expected, rel_tol=self.relative, abs_tol=self.absolute)
        except (OverflowError, ValueError):
            return False


def read_asserts(source: str, functions: Collection[str]) -> tuple[Check, ...]:
    """Return what the asserts in a source claim of these functions, in reading order.

    A source that is no Python, and an assert of another form, give nothing.
    """
    try:
        with warnings.catch_warnings():
            # What the compiler thinks of a test's style is no warning about this process.
            warnings.simplefilter("ignore")
            tree = ast.parse(source.strip())
    except _BEYOND:
        return ()
    read = (_check(node, functions) for node in _asserts(tree.body))
    return tuple(check for check in read if check is not None)


def _asserts(body: list[ast.stmt]) -> Iterator[ast.Assert]:
    for node in body:
        if isinstance(node, ast.Assert):
            yield node
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from _asserts(node.body)


def _check(node: ast.Assert, functions: Collection[str]) -> Check | None:
    try:
        found = _claim(node.test, functions)
        return None if found is None else replace(found, text=ast.unparse(node))
    except _BEYOND:
        return None


def _claim(test: ast.expr, functions: Collection[str]) -> Check | None:
    """Return what a test claims; None where it has another form."""
    match test:
        case ast.Call() if (call := _call(test, functions)) is not None:
            return Check("", call, "true")
        case ast.UnaryOp(op=ast.Not(), operand=inner) if call := _call(inner, functions):
            return Check("", call, "false")
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _comparison(left, op, right, functions)
        case ast.Call(func=ast.Attribute(attr="isclose") | ast.Name(id="isclose")):
            return _closeness(test, functions)
        case _:
            return None


def _comparison(
    left: ast.expr, op: ast.cmpop, right: ast.expr, functions: Collection[str]
) -> Check | None:
    if type(op) in _RELATIONS:
        for one, other in ((left, right), (right, left)):
            if (call := _call(one, functions)) is not None:
                return Check("", call, _RELATIONS[type(op)], _plain(other))
        return None
    match left, op:
        case (
            ast.Call(func=ast.Name(id="abs"), args=[ast.BinOp(left=one, op=ast.Sub(), right=two)]),
            ast.Lt() | ast.LtE(),
        ):
            for inner, other in ((one, two), (two, one)):
                if (call := _call(inner, functions)) is not None:
                    return _close(call, _plain(other), 0.0, _plain(right))
        case _:
            pass
    return None


def _closeness(test: ast.Call, functions: Collection[str]) -> Check | None:
    words = {word.arg: _plain(word.value) for word in test.keywords}
    if len(test.args) != 2 or not words.keys() <= {"rel_tol", "abs_tol"}:
        return None
    for one, other in (test.args, reversed(test.args)):
        if (call := _call(one, functions)) is not None:
            tolerances = words.get("rel_tol", 1e-9), words.get("abs_tol", 0.0)
            return _close(call, _plain(other), *tolerances)
    return None


def _close(call: Call, expected: object, relative: object, absolute: object) -> Check | None:
    if not is_number(expected) or not isinstance(relative, int | float):
        return None
    if not isinstance(absolute, int | float):
        return None
    return Check("", call, "close", expected, float(relative), float(absolute))


def _call(node: ast.expr, functions: Collection[str]) -> Call | None:
    """Return a call of one of the functions with literal arguments; None for anything else."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    if node.func.id not in functions or any(word.arg is None for word in node.keywords):
        return None
    arguments = tuple(_plain(argument) for argument in node.args)
    return Call(
        node.func.id, arguments, {str(word.arg): _plain(word.value) for word in node.keywords}
    )


def _plain(node: ast.expr) -> object:
    """Return the value of a literal that can travel.

    Raises:
        ValueError: It is none. Sets, bytes and the like are literals, but cannot travel.
    """
    value: object = ast.literal_eval(node)
    if decode(encode(value)) != value:
        raise ValueError("a literal that cannot travel")
    return value
