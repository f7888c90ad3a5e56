"""`puzzles/tracking`: who has what after all the swaps, and is every state on the way right?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gadfly import Task
from gadfly_puzzles._critic import Fault, Judged, PuzzleCritic, UnreadError
from gadfly_puzzles._drafts import (
    Line,
    bare_words,
    clean,
    find_answer,
    lines,
    read_choice,
    read_options,
)

_NAME = r"[A-Z][a-z]+"
_VERB = r"(?:has|gets|holds|plays|is (?:playing|holding|wearing|dancing with))"
_SWAPS = r"(?:swap|trade|switch|exchange)(?:s|es)?"
_GIVEN = re.compile(rf"(?P<name>{_NAME}) {_VERB} (?P<thing>[^,.:;]+)")
_INTRODUCTION = re.compile(rf"(?P<names>{_NAME}(?:, {_NAME})*,? and {_NAME}) are [^.:]+\.")
_START = re.compile(r"At the start of (?:the|a) \w+, they [^:.]+: (?P<given>[^.:]+)\.")
_MEANWHILE = re.compile(r"(?:As|Throughout|During) the [^.:]+\.")
_SWAP = re.compile(
    rf"(?:First|Then|Next|Finally|After that|Lastly), (?P<one>{_NAME}) and (?P<other>{_NAME}) "
    rf"{_SWAPS} (?:their )?\w+\."
)
_QUESTION = re.compile(rf"At the end of (?:the|a) \w+, (?P<name>{_NAME}) {_VERB}(?: the)?[\s:.?_]*")
_PAIR = re.compile(
    r"(?<!\w)(?P<name>[A-Z][a-z]*): *(?P<thing>\S[^,;:\n]*?)\.?(?=\s*(?:[,;]|$|\. ))"
)
_SAID_SWAP = re.compile(
    rf"\b(?P<one>[A-Z][a-z]*) and (?P<other>[A-Z][a-z]*) {_SWAPS}\b", re.IGNORECASE
)
_CLOSING = re.compile(r"at the end of|\banswer is\b", re.IGNORECASE)
_ENDED = re.compile(
    rf"at the end of (?:the|a) \w+, (?P<name>{_NAME}) {_VERB} (?:the )?(?P<thing>[^,.:;]+)",
    re.IGNORECASE,
)

State = Mapping[str, str]
"""What each one has."""


@dataclass(frozen=True, slots=True)
class TrackingPuzzle:
    """Who has what at the start, the swaps, and whose thing is asked for."""

    start: State
    swaps: tuple[tuple[str, str], ...]
    asked: str
    options: Mapping[str, str]
    """The options by letter; none where the thing itself is the answer."""

    def end(self) -> State:
        """Return who has what after all swaps."""
        state = self.start
        for one, other in self.swaps:
            state = swapped(state, one, other)
        return state

    def judge(self, text: str) -> Judged:
        """See `Puzzle.judge`."""
        thing = self.end()[self.asked]
        answer = find_answer(text, self._read)
        trace = _Trace(self)
        for line in lines(text):
            trace.read(line)
        wrong: tuple[Fault, ...] = ()
        if answer is not None and answer.value != thing:
            message = f"{self.asked} ends with {thing}, not with {answer.value}"
            wrong = (Fault(answer.start, answer.end, "wrong thing", message),)
        elif answer is not None:
            trace.close(answer.value, answer.start, answer.end)
        return Judged(
            expected=thing,
            stated=None if answer is None else answer.value,
            wrong=wrong,
            steps=tuple(trace.faults),
            executed=trace.executed,
        )

    def _read(self, text: str) -> str | None:
        """Return the thing that an answer names, as the task calls it."""
        if self.options:
            letter = read_choice(text, dict(self.options))
            if letter is not None:
                return self.named(self.options[letter]) or self.options[letter]
            return None
        return self.named(text)

    def named(self, text: str) -> str | None:
        """Return the one thing that some words mean; None where they mean none, or several.

        `blue` is the blue ball, if only one thing is blue.
        """
        words = bare_words(text).split()
        things = list(self.start.values())
        same = [thing for thing in things if bare_words(thing).split() == words]
        if not same and words:
            same = [thing for thing in things if set(words) <= set(bare_words(thing).split())]
        return same[0] if len(same) == 1 else None

    def person(self, text: str) -> str | None:
        """Return the one that a name or an initial means; None where it means none."""
        if text in self.start:
            return text
        fit = [name for name in self.start if len(text) == 1 and name.startswith(text)]
        return fit[0] if len(fit) == 1 else None


def swapped(state: State, one: str, other: str) -> State:
    """Return a state after two have swapped."""
    return {**state, one: state[other], other: state[one]}


@dataclass(slots=True)
class _Trace:
    """States as a draft tells them, swap by swap."""

    puzzle: TrackingPuzzle
    faults: list[Fault] = field(default_factory=list[Fault])
    executed: int = 0
    _state: State | None = None
    """What the draft said last, completed by execution; None before it has said anything."""
    _done: int = 0
    """How many swaps are made."""

    def read(self, line: Line) -> None:
        """Execute what a line states."""
        stated = self._stated(line)
        told = None if _CLOSING.match(line.text.strip()) else _SAID_SWAP.search(line.text)
        if told is not None and self.puzzle.person(told["one"]) and not self._starts(line):
            self._swap(line, (told["one"], told["other"]))
        elif len(stated) > 1 and (self._starts(line) or self._state is None):
            self._state = self.puzzle.start
            self._done = 0
        elif len(stated) > 1:
            self._swap(line, None)
        elif ended := _ENDED.search(line.text):
            self._end(line, ended)
            return
        else:
            return
        self._compare(line, stated)

    def close(self, thing: str, start: int, end: int) -> None:
        """Hold a right answer against the last state: it may have come from nowhere."""
        if self._state is None or self.faults:
            return
        held = self._state[self.puzzle.asked]
        if self._done < len(self.puzzle.swaps):
            missing = len(self.puzzle.swaps) - self._done
            about = f"{missing} swaps are left out before the answer"
            self.faults.append(Fault(start, end, "swaps left out", about))
        elif held != thing:
            about = f"{self.puzzle.asked} was said to have {held} at the end"
            self.faults.append(Fault(start, end, "answer not from the steps", about))

    def _starts(self, line: Line) -> bool:
        return re.search(r"at the start", line.text, re.IGNORECASE) is not None

    def _stated(self, line: Line) -> list[tuple[str, str]]:
        told = re.split(r"\bso the answer\b", line.text, maxsplit=1, flags=re.IGNORECASE)[
            0
        ].rstrip()
        found = list(_PAIR.finditer(told))
        if not found and not _CLOSING.search(told):
            found = list(_GIVEN.finditer(told))
        pairs = ((self.puzzle.person(match["name"]), match["thing"]) for match in found)
        return [(name, thing.strip()) for name, thing in pairs if name is not None]

    def _swap(self, line: Line, told: tuple[str, str] | None) -> None:
        if self._state is None:
            self._state = self.puzzle.start
        if self._done >= len(self.puzzle.swaps):
            self._add(line, "wrong swap", "all swaps are made already")
            return
        one, other = self.puzzle.swaps[self._done]
        self._done += 1
        self._state = swapped(self._state, one, other)
        if told is not None and {self.puzzle.person(name) for name in told} != {one, other}:
            self._add(line, "wrong swap", f"the next to swap are {one} and {other}")

    def _compare(self, line: Line, stated: Sequence[tuple[str, str]]) -> None:
        self.executed += 1
        assert self._state is not None
        wrong: list[str] = []
        state = dict(self._state)
        for name, words in stated:
            thing = self.puzzle.named(words)
            held = state[name]
            if thing is None and bare_words(words) in bare_words(held):
                continue  # A name that several share: it may be the right one.
            if thing != held:
                wrong.append(f"{name} has {held}, not {clean(words)[:60]}")
            state[name] = thing or held
        if wrong:
            self._add(line, "wrong state", "; ".join(wrong))
        self._state = state

    def _end(self, line: Line, ended: re.Match[str]) -> None:
        name, thing = self.puzzle.person(ended["name"]), self.puzzle.named(ended["thing"])
        if self._state is None or name is None or thing is None:
            return
        self.executed += 1
        if self._done < len(self.puzzle.swaps):
            missing = len(self.puzzle.swaps) - self._done
            self._add(line, "swaps left out", f"{missing} swaps are left out before the end")
        elif self._state[name] != thing:
            message = f"{name} has {self._state[name]} at the end, not {thing}"
            self._add(line, "wrong state", message)

    def _add(self, line: Line, reason: str, message: str) -> None:
        self.faults.append(Fault(line.start, line.end, reason, message))


class TrackingCritic(PuzzleCritic):
    """Accept the thing that the one who is asked for has after all the swaps.

    The task says who has what at the start, then swaps of two, one a sentence, and ends with
    `At the end of the game, Alice has the`. Steps are lines `Bob and Eve swap: Bob: red, ...`.
    """

    __slots__ = ()
    id = "puzzles/tracking"

    def read(self, task: Task) -> TrackingPuzzle:
        """See `PuzzleCritic.read`."""
        text, options = read_options(task.prompt)
        rest = " ".join(text.split())
        introduced, rest = _take(_INTRODUCTION, rest)
        names = re.findall(_NAME, introduced["names"].replace(" and ", ", "))
        given, rest = _take(_START, rest)
        start = dict(_read_given(given["given"]))
        if set(start) != set(names) or len(set(start.values())) != len(start):
            raise UnreadError(given.group())
        if match := _MEANWHILE.match(rest):
            rest = rest[match.end() :].strip()
        swaps: list[tuple[str, str]] = []
        while match := _SWAP.match(rest):
            swaps.append((match["one"], match["other"]))
            rest = rest[match.end() :].strip()
        question = _QUESTION.fullmatch(rest)
        people = {question["name"]} if question else set[str]()
        people |= {name for swap in swaps for name in swap}
        if question is None or not people <= set(start) or not swaps:
            raise UnreadError(rest)
        if any(one == other for one, other in swaps):
            raise UnreadError("someone swaps alone")
        return TrackingPuzzle(start, tuple(swaps), question["name"], options)


def _take(pattern: re.Pattern[str], text: str) -> tuple[re.Match[str], str]:
    match = pattern.match(text)
    if match is None:
        raise UnreadError(text)
    return match, text[match.end() :].strip()


def _read_given(text: str) -> Iterator[tuple[str, str]]:
    for part in re.split(r",(?: and)? | and (?=[A-Z][a-z]+ (?:has|gets|holds|plays|is) )", text):
        match = _GIVEN.fullmatch(part)
        if match is None:
            raise UnreadError(part)
        yield match["name"], re.sub(r"^(?:an?|the) ", "", match["thing"].strip())
