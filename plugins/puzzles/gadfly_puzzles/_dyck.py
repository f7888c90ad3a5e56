"""`puzzles/dyck`: which brackets close a sequence, and is the stack kept right on the way?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from gadfly import Task
from gadfly_puzzles._critic import Fault, Judged, PuzzleCritic, UnreadError
from gadfly_puzzles._drafts import Answer, Line, find_answer, lines

PAIRS = {"(": ")", "[": "]", "{": "}", "<": ">"}
_OPENS = {close: open_ for open_, close in PAIRS.items()}
_BRACKETS = r"[()\[\]{}<>]"
_SEQUENCE = re.compile(rf"\s*{_BRACKETS}(?:\s*{_BRACKETS})*\s*")
_ASKED = re.compile(
    r"(?:complete the rest of the sequence, making sure that the (?:parentheses|brackets) are "
    r"closed properly\.|"
    r"(?:close|complete) (?:the|this|these) (?:sequence of |open )?(?:brackets|parentheses)[.:])"
    r"\s*(?:(?:input|sequence):)?(?P<sequence>[\s()\[\]{}<>]+)",
    re.IGNORECASE,
)
_NOTHING = re.compile(r"nothing|none|empty|(?:the )?empty (?:sequence|string)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[\s,\"'`\u201c\u201d]|\band\b")
_STEP = re.compile(
    rf"\s*(?:\(?\d+[.):]\s*)?(?P<symbol>{_BRACKETS})?\s*;\s*stack:\s*"
    rf"(?P<stack>empty|(?:{_BRACKETS}\s*)*)(?=\s*$|[.\s])"
)
_START = re.compile(r"\s*(?:\(?\d+[.):]\s*)?(?:stack: empty|empty stack)\s*\.?\s*", re.IGNORECASE)
_FINAL = re.compile(
    r"reached the end\. the final stack is (?:empty|\"?(?P<stack>[\s()\[\]{}<>]+)\"?)",
    re.IGNORECASE,
)
_POP = re.compile(r"need to pop out (?P<symbols>[^.\n]+?),?(?: one by one|\.|$)", re.IGNORECASE)
_NEED = re.compile(r"so, we need (?P<symbols>[^.\n]+)", re.IGNORECASE)


def closing(sequence: Sequence[str]) -> tuple[str, ...]:
    """Return the brackets that close a sequence of them.

    Raises:
        ValueError: One of its brackets closes nothing.
    """
    stack: list[str] = []
    for symbol in sequence:
        if symbol in PAIRS:
            stack.append(symbol)
        elif not stack or PAIRS[stack.pop()] != symbol:
            raise ValueError(f"{symbol} closes nothing")
    return tuple(PAIRS[open_] for open_ in reversed(stack))


@dataclass(frozen=True, slots=True)
class DyckPuzzle:
    """Brackets, of which some are to be closed."""

    sequence: tuple[str, ...]

    def judge(self, text: str) -> Judged:
        """See `Puzzle.judge`."""
        expected = closing(self.sequence)
        answer = find_answer(text, _read)
        trace = _Trace(self.sequence)
        for line in lines(text):
            trace.read(line)
        wrong: tuple[Fault, ...] = ()
        if answer is not None:
            fault = _compare(answer, expected)
            wrong = () if fault is None else (fault,)
            if not wrong:
                trace.close(answer.value, answer.start, answer.end)
        return Judged(
            expected=" ".join(expected),
            stated=None if answer is None else " ".join(answer.value),
            wrong=wrong,
            steps=tuple(trace.faults),
            executed=trace.executed,
        )


@dataclass(slots=True)
class _Trace:
    """The stack as a draft tells it, one symbol a line."""

    sequence: tuple[str, ...]
    faults: list[Fault] = field(default_factory=list[Fault])
    executed: int = 0
    _stack: tuple[str, ...] = ()
    _at: int | None = 0
    """How many symbols were read; None once the draft reads another than the next."""
    _needed: tuple[str, ...] | None = None

    def read(self, line: Line) -> None:
        """Execute what a line states."""
        if _START.fullmatch(line.text) and not self.executed:
            self.executed += 1
        elif match := _STEP.match(line.text):
            self._push_or_pop(line, match)
        else:
            self._end(line)

    def close(self, answer: tuple[str, ...], start: int, end: int) -> None:
        """Hold an answer against the stack, where no line before has said what is needed."""
        if self.executed > 1 and not self.faults and answer != self._closing():
            message = f"the stack {_shown(self._stack)} is closed by {_shown(self._closing())}"
            self.faults.append(Fault(start, end, "answer not from the stack", message))

    def _push_or_pop(self, line: Line, match: re.Match[str]) -> None:
        self.executed += 1
        symbol = match["symbol"]
        stated = _symbols(match["stack"])
        expected = self._next(line, symbol)
        if expected is not None and stated != expected:
            message = f"after {symbol}, the stack is {_shown(expected)}, not {_shown(stated)}"
            self._add(line, "wrong stack", message)
        self._stack = stated

    def _next(self, line: Line, symbol: str | None) -> tuple[str, ...] | None:
        """Return the stack after the next symbol; None where a fault was found already."""
        if self._at is not None:
            wanted = self.sequence[self._at] if self._at < len(self.sequence) else None
            self._at += 1
            if symbol != wanted:
                self._at = None
                ended = "the sequence has ended"
                said = ended if wanted is None else f"the next symbol is {wanted}"
                self._add(line, "wrong symbol", f"{said}, not {symbol or 'nothing'}")
                return None
        if symbol is None or symbol in PAIRS:
            return self._stack if symbol is None else (*self._stack, symbol)
        if not self._stack or self._stack[-1] != _OPENS[symbol]:
            self._add(line, "wrong stack", f"{symbol} closes nothing of {_shown(self._stack)}")
            return None
        return self._stack[:-1]

    def _end(self, line: Line) -> None:
        final, pop, need = _FINAL.search(line.text), _POP.search(line.text), _NEED.search(line.text)
        if final:
            self.executed += 1
            stated = _symbols(final["stack"] or "")
            if self._at is not None and self._at < len(self.sequence):
                left = " ".join(self.sequence[self._at :])
                self._add(line, "symbols left out", f"the end is not reached: {left} follows")
            elif stated != self._stack:
                message = f"the final stack is {_shown(self._stack)}, not {_shown(stated)}"
                self._add(line, "wrong stack", message)
            self._stack = stated
        if pop and (popped := _read(pop["symbols"])) is not None:
            self.executed += 1
            reverse = tuple(reversed(self._stack))
            if popped != reverse:
                said = f"popped are {_shown(reverse)}, in that order, not {_shown(popped)}"
                self._add(line, "wrong symbols popped", said)
            self._needed = tuple(PAIRS.get(one, one) for one in popped)
        if need and (needed := _read(need["symbols"])) is not None:
            self.executed += 1
            if needed != self._closing():
                said = f"needed are {_shown(self._closing())}, not {_shown(needed)}"
                self._add(line, "wrong symbols needed", said)
            self._needed = needed

    def _closing(self) -> tuple[str, ...]:
        if self._needed is not None:
            return self._needed
        return tuple(PAIRS.get(one, one) for one in reversed(self._stack))

    def _add(self, line: Line, reason: str, message: str) -> None:
        self.faults.append(Fault(line.start, line.end, reason, message))


class DyckCritic(PuzzleCritic):
    """Accept the brackets that close the task's sequence, in order.

    The task is the sequence, alone or after a sentence that asks to complete it. Steps are lines
    `[ ; stack: ( [`, and the sentences that end them.
    """

    __slots__ = ()
    id = "puzzles/dyck"

    def read(self, task: Task) -> DyckPuzzle:
        """See `PuzzleCritic.read`."""
        prompt = task.prompt.strip()
        match = _ASKED.fullmatch(prompt)
        sequence = match["sequence"] if match else prompt
        if not _SEQUENCE.fullmatch(sequence):
            raise UnreadError(prompt)
        symbols = _symbols(sequence)
        try:
            closing(symbols)
        except ValueError as error:
            raise UnreadError(str(error)) from error
        return DyckPuzzle(symbols)


def _symbols(text: str) -> tuple[str, ...]:
    return tuple(re.findall(_BRACKETS, text))


def _read(text: str) -> tuple[str, ...] | None:
    """Return the brackets that a text is; None where it is anything else."""
    if _NOTHING.fullmatch(text.strip().rstrip(".")):
        return ()
    bare = _SEPARATORS.sub("", text.strip().rstrip("."))
    if bare and not re.fullmatch(rf"{_BRACKETS}+", bare):
        return None
    return tuple(bare)


def _compare(answer: Answer[tuple[str, ...]], expected: tuple[str, ...]) -> Fault | None:
    stated = answer.value
    if stated == expected:
        return None
    if len(stated) < len(expected) and expected[: len(stated)] == stated:
        reason = "brackets left open"
    elif len(stated) > len(expected) and stated[: len(expected)] == expected:
        reason = "brackets too many"
    else:
        reason = "wrong brackets"
    message = f"the sequence is closed by {_shown(expected)}, not by {_shown(stated)}"
    return Fault(answer.start, answer.end, reason, message)


def _shown(symbols: Sequence[str]) -> str:
    return " ".join(symbols)[:200] if symbols else "nothing"
