"""`puzzles/schedule`: between what times could someone, seen elsewhere at others, have gone?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gadfly import Task
from gadfly_puzzles._critic import Fault, Judged, PuzzleCritic, UnreadError
from gadfly_puzzles._drafts import find_answer, lines, read_choice, read_options

_TIME = r"\d{1,2}(?::\d\d)? ?[ap]m"
_HEAD = re.compile(
    r"(?:Q(?:uestion)?: )?Today, (?P<who>\w+) went to the (?P<place>[^.?\n]+)\. Between what times "
    r"could they have gone\? We know that:",
)
_WOKE = re.compile(rf"(?P<who>\w+) woke up at (?P<at>{_TIME})\.")
_SEEN = re.compile(rf"\w+ saw (?P<who>\w+) [^.\n]+? from (?P<start>{_TIME}) to (?P<end>{_TIME})\.")
_CLOSED = re.compile(rf"The (?P<place>[^.\n]+?) was closed after (?P<at>{_TIME})\.")
_TAIL = re.compile(r"Between what times could (?P<who>\w+) have gone to the (?P<place>[^.?\n]+)\?")
_INTERVAL = re.compile(rf"(?P<start>{_TIME})(?: ?- ?| to )(?P<end>{_TIME})")
_STEP = re.compile(rf"\s*(?:from )?(?P<start>{_TIME})(?: ?- ?| to )(?P<end>{_TIME}): (?P<what>.+)")

MIDNIGHT = 24 * 60
Interval = tuple[int, int]
"""Minutes since midnight, from and to."""


@dataclass(frozen=True, slots=True)
class SchedulePuzzle:
    """When someone was seen, and from when to when they could have gone."""

    busy: tuple[Interval, ...]
    free: tuple[Interval, ...]
    options: Mapping[str, str]

    def judge(self, text: str) -> Judged:
        """See `Puzzle.judge`."""
        right = self.right()
        answer = find_answer(text, lambda said: read_choice(said, dict(self.options)))
        wrong: tuple[Fault, ...] = ()
        if answer is not None and answer.value != right:
            message = f"{self.options[answer.value]} is not free; {self.options[right]} is"
            wrong = (Fault(answer.start, answer.end, "wrong option", message),)
        steps, executed = self._steps(text)
        return Judged(
            expected=f"({right})",
            stated=None if answer is None else f"({answer.value})",
            wrong=wrong,
            steps=tuple(steps),
            executed=executed,
        )

    def right(self) -> str:
        """Return the one option in which there is time.

        Raises:
            UnreadError: It is not one, or an option is not a stretch of time.
        """
        letters: list[str] = []
        for letter, words in self.options.items():
            match = _INTERVAL.fullmatch(words)
            if match is None:
                raise UnreadError(words)
            start, end = _interval(match)
            if any(low <= start and end <= high for low, high in self.free):
                letters.append(letter)
        if len(letters) != 1:
            raise UnreadError(f"{len(letters)} options are free")
        return letters[0]

    def _steps(self, text: str) -> tuple[list[Fault], int]:
        """Hold `5pm-6pm: free.` and `8am-9am: reading.` against what is known."""
        faults: list[Fault] = []
        executed = 0
        for line in lines(text):
            match = _STEP.fullmatch(line.text)
            if match is None:
                continue
            executed += 1
            try:
                stated = _interval(match)
            except UnreadError:
                continue
            is_free = match["what"].strip(" .").casefold() == "free"
            if stated not in (self.free if is_free else self.busy):
                said = "free" if is_free else "seen elsewhere"
                message = f"from {match['start']} to {match['end']} they were not {said}"
                faults.append(Fault(line.start, line.end, "wrong time", message))
        return faults, executed


class ScheduleCritic(PuzzleCritic):
    """Accept the option that lies between the times at which someone was seen elsewhere.

    The task says when they woke up, who saw them from when to when, and when the place closed.
    """

    __slots__ = ()
    id = "puzzles/schedule"

    def read(self, task: Task) -> SchedulePuzzle:
        """See `PuzzleCritic.read`."""
        text, options = read_options(task.prompt)
        rest = " ".join(text.split())
        head, rest = _take(_HEAD, rest)
        woke, rest = _take(_WOKE, rest)
        busy: list[Interval] = []
        people = {head["who"], woke["who"]}
        while match := _SEEN.match(rest):
            busy.append(_interval(match))
            people.add(match["who"])
            rest = rest[match.end() :].strip()
        closed, rest = _take(_CLOSED, rest)
        places = {head["place"], closed["place"]}
        if tail := _TAIL.fullmatch(rest):
            people.add(tail["who"])
            places.add(tail["place"])
        elif rest:
            raise UnreadError(rest)
        if len(people) > 1 or len(places) > 1:
            raise UnreadError(f"{sorted(people)} {sorted(places)}")
        free = _gaps(busy, _minutes(woke["at"]), _minutes(closed["at"]) or MIDNIGHT)
        puzzle = SchedulePuzzle(tuple(busy), tuple(free), options)
        puzzle.right()
        return puzzle


def _gaps(busy: Sequence[Interval], start: int, end: int) -> list[Interval]:
    gaps: list[Interval] = []
    for low, high in sorted(busy):
        if low > start:
            gaps.append((start, min(low, end)))
        start = max(start, high)
    if start < end:
        gaps.append((start, end))
    return [(low, high) for low, high in gaps if low < high]


def _take(pattern: re.Pattern[str], text: str) -> tuple[re.Match[str], str]:
    match = pattern.match(text)
    if match is None:
        raise UnreadError(text)
    return match, text[match.end() :].strip()


def _interval(match: re.Match[str]) -> Interval:
    start, end = _minutes(match["start"]), _minutes(match["end"]) or MIDNIGHT
    if end <= start:
        raise UnreadError(match.group())
    return start, end


def _minutes(text: str) -> int:
    match = re.fullmatch(r"(\d{1,2})(?::(\d\d))? ?([ap])m", text)
    if match is None or not 1 <= int(match[1]) <= 12 or int(match[2] or 0) > 59:
        raise UnreadError(text)
    return (int(match[1]) % 12 + 12 * (match[3] == "p")) * 60 + int(match[2] or 0)
