"""`puzzles/booleans`: what does an expression of True, False, and, or, not come to?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gadfly import Task
from gadfly_puzzles._critic import Fault, Judged, PuzzleCritic, UnreadError
from gadfly_puzzles._drafts import find_answer, lines

MAX_CHARACTERS = 500
_EXPRESSION = r"(?:True|False|and|or|not|[()\s])+"
_ASKED = re.compile(
    rf"(?:(?:what is|evaluate(?: the expression)?|q:)[: ]\s*)?(?P<what>{_EXPRESSION}?)"
    r"\s*(?:\bis\b|=)?\s*[?:.]?",
    re.IGNORECASE,
)
_SIDE = re.compile(rf"\s*(?P<side>{_EXPRESSION})\s*\.?\s*")


def evaluate(text: str) -> bool | None:
    """Return what an expression of truth values comes to; None where it is none, or too long."""
    if len(text) > MAX_CHARACTERS or not re.fullmatch(_EXPRESSION, text):
        return None
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _value(tree: ast.expr) -> bool:
    match tree:
        case ast.Constant(value=bool(value)):
            return value
        case ast.UnaryOp(op=ast.Not()):
            return not _value(tree.operand)
        case ast.BoolOp(op=ast.And()):
            values = [_value(one) for one in tree.values]  # All are read, whatever comes out.
            return all(values)
        case ast.BoolOp():
            values = [_value(one) for one in tree.values]
            return any(values)
        case _:
            raise ValueError(type(tree).__name__)


@dataclass(frozen=True, slots=True)
class BooleansPuzzle:
    """What an expression comes to."""

    value: bool

    def judge(self, text: str) -> Judged:
        """See `Puzzle.judge`."""
        answer = find_answer(text, _read)
        chains = [step for line in lines(text) for step in _chains(line.text, line.start)]
        wrong: tuple[Fault, ...] = ()
        if answer is not None and answer.value is not self.value:
            message = f"the expression is {self.value}, not {answer.value}"
            wrong = (Fault(answer.start, answer.end, "wrong value", message),)
        return Judged(
            expected=str(self.value),
            stated=None if answer is None else str(answer.value),
            wrong=wrong,
            steps=tuple(fault for fault in chains if fault is not None),
            executed=len(chains),
        )


class BooleansCritic(PuzzleCritic):
    """Accept the truth value that the task's expression comes to.

    The task is `not ( True ) and False is`, or asks `What is ...?`. Steps are equations between
    expressions without names.
    """

    __slots__ = ()
    id = "puzzles/booleans"

    def read(self, task: Task) -> BooleansPuzzle:
        """See `PuzzleCritic.read`."""
        match = _ASKED.fullmatch(task.prompt.strip()[: MAX_CHARACTERS + 100])
        value = None if match is None else evaluate(match["what"])
        if value is None:
            raise UnreadError(task.prompt)
        return BooleansPuzzle(value)


def _read(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text.strip().rstrip(".").casefold())


def _chains(line: str, start: int) -> Iterator[Fault | None]:
    """Return a fault, or None, for each side that another of the same chain precedes."""
    for sentence in re.finditer(r"[^.:\"]+", line):
        before: tuple[str, bool] | None = None
        at = start + sentence.start()
        for side in sentence.group().split("="):
            match = _SIDE.fullmatch(side)
            value = None if match is None else evaluate(match["side"].strip())
            if value is not None:
                said = " ".join(side.split())
                if before is not None:
                    fault = None
                    if before[1] is not value:
                        about = f"{before[0]!r} is {before[1]}, and {said!r} is {value}"
                        fault = Fault(at, at + len(side), "wrong step", about)
                    yield fault
                before = (said, value)
            at += len(side) + 1
