"""`puzzles/numbers`: does an expression use the given numbers, each once, and make the target?

The game of 24 and its kind. Values are exact fractions. A sign before a number or a bracket is
allowed: what it makes of positive numbers can be had by subtracting the other way round.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from gadfly import InputError, Task
from gadfly_puzzles._critic import Fault, Judged, PuzzleCritic, UnreadError
from gadfly_puzzles._drafts import Answer, find_answer, lines
from gadfly_puzzles._expressions import NotAnExpressionError, apply, evaluate, numbers_of, parse

GAME_OF_24 = 24
MAX_NUMBERS = 8
SEARCHED = 5
"""Of so many numbers it is known whether the target can be made at all."""
NOT_AN_EXPRESSION = "not an expression"
NONE_CLAIMED = "says that there is none"
REUSED = "numbers reused"
OTHERS = "other numbers"
UNUSED = "numbers left out"
WRONG_VALUE = "wrong value"
_LIST = r"(?P<numbers>\d+(?:(?:,? and |[, ]+)\d+)+)"
_BARE = re.compile(r"\d+(?:[, ]+\d+){3}")
_ONCE = r"(?:each|every|all)(?: of the)?(?: numbers?)? (?:exactly |only )?once"
_FOUR = (
    r"(?:\+,? ?-,? ?\*,?(?: and)? ?/|addition, subtraction, multiplication,? and division|"
    r"the four (?:basic )?(?:arithmetic )?operations)(?:,? and (?:brackets|parentheses))?"
)
_ASKED = re.compile(
    rf"(?:use|using|with|combine|from)(?: the)?(?: \w+)?(?: numbers?)?:? {_LIST},?"
    rf"(?: {_ONCE},?)? (?:to )?(?:make|obtain|get|reach|form|produce|write) (?P<target>\d+)\."
    rf"(?:\s+(?:use|you (?:must|may|can) use)(?: only)? (?:{_ONCE}|{_FOUR})\.)*",
    re.IGNORECASE,
)
_OBTAIN = re.compile(
    r"use numbers and basic arithmetic operations \(\+ - \* /\) to obtain (?P<target>\d+)\."
    r"(?:\s+each step, you are only allowed to choose two of the remaining numbers to obtain a "
    rf"new number\.)?\s+input: {_LIST}",
    re.IGNORECASE,
)
_NONE = re.compile(
    r"\bno (?:\w+ )?(?:solutions?|combinations?|ways?|answers?|expressions?|steps)\b|\bnone\b|"
    r"\b(?:not|isn't) possible\b|\bimpossible\b|\b(?:cannot|can't|can not)\b|\bunsolvable\b|"
    r"\bdoes not have\b|\bunable\b|\binvalid\b",
    re.IGNORECASE,
)
_NUMBER = r"-?\d+(?:\.\d+)?(?:/\d+)?"
_STEP = re.compile(
    rf"\s*(?:[-*] |\(?\d+[.)] )?\s*"
    rf"(?P<one>{_NUMBER}) (?P<op>[-+*/x\xd7\xf7]) (?P<other>{_NUMBER}) = (?P<result>{_NUMBER})"
    rf"(?![\d.])(?: ?\(left: ?(?P<left>{_NUMBER}(?:[, ]+{_NUMBER})*)\))?"
)
_OPERATIONS = {"x": "*", "\xd7": "*", "\xf7": "/"}


@dataclass(frozen=True, slots=True)
class NumbersPuzzle:
    """Numbers, and what they are to make."""

    numbers: tuple[int, ...]
    target: int

    def judge(self, text: str) -> Judged:
        """See `Puzzle.judge`."""
        steps, executed = self._steps(text)
        answer = self._find(text)
        if answer is None:
            return self._without(text, tuple(steps), executed)
        return Judged(
            expected=str(self.target),
            stated=answer.text,
            wrong=tuple(self._wrong(answer)),
            steps=tuple(steps),
            executed=executed,
        )

    def _find(self, text: str) -> Answer[ast.expr] | None:
        found = find_answer(text, _read)
        if found is not None:
            return found
        for line in reversed(list(lines(text))):
            tree = _read(line.text)
            if tree is not None and len(list(numbers_of(tree))) == len(self.numbers):
                return Answer(tree, line.text, line.start)
        return None

    def _wrong(self, answer: Answer[ast.expr]) -> Iterator[Fault]:
        def fault(reason: str, message: str) -> Fault:
            return Fault(answer.start, answer.end, reason, message)

        used = Counter(numbers_of(answer.value))
        given = Counter(Fraction(number) for number in self.numbers)
        said = _said(answer.text)
        extra = used - given
        if reused := [number for number in extra if number in given]:
            counts = ", ".join(f"{one} {_times(used[one])}" for one in sorted(reused))
            only = ", ".join(f"{one} {_times(given[one])}" for one in sorted(reused))
            yield fault(REUSED, f"{said!r} uses {counts}; given is {only}")
        if others := sorted(number for number in extra if number not in given):
            yield fault(OTHERS, f"{said!r} uses {_listed(others)}, which is not given")
        if missing := sorted((given - used).elements()):
            yield fault(UNUSED, f"{said!r} leaves out {_listed(missing)}")
        try:
            value = evaluate(answer.value)
        except ZeroDivisionError:
            yield fault(WRONG_VALUE, f"{said!r} divides by zero")
            return
        if value != self.target:
            yield fault(WRONG_VALUE, f"{said!r} is {value}, not {self.target}")

    def _without(self, text: str, steps: tuple[Fault, ...], executed: int) -> Judged:
        """A draft without an expression: it gives up, or it is no answer."""
        claims = list(_NONE.finditer(text))
        if claims and len(self.numbers) <= SEARCHED and not can_make(self.numbers, self.target):
            none = "that there is none"
            return Judged(expected=none, stated=none, steps=steps, executed=executed)
        stated = claims[-1].group() if claims else None
        if claims and len(self.numbers) > SEARCHED:
            return Judged(expected="", stated=None, steps=steps, executed=executed)
        given = _listed(self.numbers)
        if claims:
            fault = Fault(
                claims[-1].start(),
                claims[-1].end(),
                NONE_CLAIMED,
                f"the draft gives up, but {given} can make {self.target}",
            )
        else:
            last = list(lines(text))[-1:]
            start, end = (last[0].start, last[0].end) if last else (0, len(text))
            message = f"the draft ends without an expression of {given} that makes {self.target}"
            fault = Fault(start, end, NOT_AN_EXPRESSION, message)
        return Judged(
            expected=str(self.target),
            stated=stated,
            wrong=(fault,),
            steps=steps,
            executed=executed,
        )

    def _steps(self, text: str) -> tuple[list[Fault], int]:
        """Execute `10 - 4 = 6 (left: 5 6 6)`, each from what the one before has left."""
        faults: list[Fault] = []
        executed = 0
        held: Counter[Fraction] | None = Counter(Fraction(number) for number in self.numbers)
        for line in lines(text):
            match = _STEP.match(line.text)
            if match is None:
                if "(left" in line.text:
                    held = None  # A step that is not read: what is left is not known either.
                continue
            executed += 1
            step = _Step.read(match)
            problem = step.problem(held)
            if problem is not None:
                faults.append(Fault(line.start, line.end, *problem))
            held = step.left if step.left is not None else step.after(held)
        return faults, executed


@dataclass(frozen=True, slots=True)
class _Step:
    said: str
    one: Fraction
    op: str
    other: Fraction
    result: Fraction
    left: Counter[Fraction] | None

    @classmethod
    def read(cls, match: re.Match[str]) -> _Step:
        left = match["left"]
        return cls(
            said=match.group().strip(),
            one=_fraction(match["one"]),
            op=_OPERATIONS.get(match["op"], match["op"]),
            other=_fraction(match["other"]),
            result=_fraction(match["result"]),
            left=None if left is None else Counter(map(_fraction, re.split(r"[, ]+", left))),
        )

    def problem(self, held: Counter[Fraction] | None) -> tuple[str, str] | None:
        """Return what is wrong, as a reason and a message."""
        taken = Counter((self.one, self.other))
        missing = Counter[Fraction]() if held is None else taken - held
        if missing:
            return "a number that is not there", f"in {self.said!r}, {_listed(missing)} is not left"
        try:
            value = apply(self.op, self.one, self.other)
        except ZeroDivisionError:
            return "a wrong computation", f"{self.said!r} divides by zero"
        if value != self.result:
            computed = f"{self.one} {self.op} {self.other} is {value}, not {self.result}"
            return "a wrong computation", computed
        after = self.after(held)
        if after is not None and self.left is not None and after != self.left:
            message = f"after {self.said!r}, {_listed(sorted(after.elements()))} are left"
            return "wrong numbers left", message
        return None

    def after(self, held: Counter[Fraction] | None) -> Counter[Fraction] | None:
        """Return what is left after it; None where that is not known."""
        if held is None:
            return None
        return held - Counter((self.one, self.other)) + Counter((self.result,))


class NumbersCritic(PuzzleCritic):
    """Accept an expression that uses the given numbers, each once, and makes the target.

    The task names numbers and target (`Use 4, 6, 7 and 7 to make 24.`), is four bare numbers (the
    game of 24), or has `numbers` and `target` in `Task.inputs`. A draft without an expression
    fails, unless it says that there is none, and there is none.
    """

    __slots__ = ()
    id = "puzzles/numbers"

    def read(self, task: Task) -> NumbersPuzzle:
        """See `PuzzleCritic.read`."""
        numbers, target = _from_inputs(task) or _from_prompt(task.prompt.strip())
        if not 2 <= len(numbers) <= MAX_NUMBERS:
            raise UnreadError(f"{len(numbers)} numbers")
        return NumbersPuzzle(numbers, target)


def _from_inputs(task: Task) -> tuple[tuple[int, ...], int] | None:
    numbers, target = task.inputs.get("numbers"), task.inputs.get("target", GAME_OF_24)
    if numbers is None:
        return None
    if isinstance(numbers, str) or not isinstance(numbers, Sequence):
        raise InputError("Task.inputs['numbers'] is a list of whole numbers")
    whole = tuple(one for one in numbers if isinstance(one, int) and not isinstance(one, bool))
    if len(whole) != len(numbers) or not isinstance(target, int):
        raise InputError("Task.inputs['numbers'] and Task.inputs['target'] are whole numbers")
    return whole, target


def _from_prompt(prompt: str) -> tuple[tuple[int, ...], int]:
    if _BARE.fullmatch(prompt):
        return _whole(prompt), GAME_OF_24
    match = _ASKED.fullmatch(prompt) or _OBTAIN.fullmatch(prompt)
    if match is None:
        raise UnreadError(prompt)
    return _whole(match["numbers"]), int(match["target"][:9])


def _whole(text: str) -> tuple[int, ...]:
    found = re.findall(r"\d+", text)
    if any(len(digits) > 9 for digits in found):
        raise UnreadError("a number that is too large")
    return tuple(map(int, found))


def _read(text: str) -> ast.expr | None:
    """Return the expression before the first sign of equality; None where there is none."""
    side = _said(text)
    if not re.search(r"[-+*/x\xd7\xf7]", side):
        return None
    try:
        return parse(side)
    except NotAnExpressionError:
        return None


def _said(text: str) -> str:
    return re.split(r"[=≠≈]|!=", text, maxsplit=1)[0].strip(" *`$.\"'")


def _fraction(text: str) -> Fraction:
    try:
        return Fraction(text)
    except ZeroDivisionError:
        return Fraction(0)


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _listed(numbers: Iterable[Fraction | int]) -> str:
    shown = [str(number) for number in numbers]
    return " and ".join((", ".join(shown[:-1]), shown[-1])) if len(shown) > 1 else "".join(shown)


def can_make(numbers: Iterable[Fraction | int], target: int) -> bool:
    """Return whether the four operations can make a target of the numbers, each used once."""
    return _made(tuple(sorted(numbers)), target)


@lru_cache(maxsize=1024)  # Many drafts are of one task.
def _made(numbers: tuple[Fraction | int, ...], target: int) -> bool:
    return _can_make(tuple(map(Fraction, numbers)), target, set())


def _can_make(
    numbers: tuple[Fraction, ...], target: int, failed: set[tuple[Fraction, ...]]
) -> bool:
    if len(numbers) == 1:
        return numbers[0] == target
    if numbers in failed:
        return False
    for i, one in enumerate(numbers):
        for j in range(i):
            other = numbers[j]
            rest = (*numbers[:j], *numbers[j + 1 : i], *numbers[i + 1 :])
            made = {one + other, one - other, other - one, one * other}
            made |= {a / b for a, b in ((one, other), (other, one)) if b}
            if any(_can_make(tuple(sorted((*rest, value))), target, failed) for value in made):
                return True
    failed.add(numbers)
    return False
