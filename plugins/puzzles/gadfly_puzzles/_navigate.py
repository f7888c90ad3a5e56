"""`puzzles/navigate`: do the instructions lead back to where one started?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gadfly import Task
from gadfly_puzzles._critic import Fault, Judged, PuzzleCritic, UnreadError
from gadfly_puzzles._drafts import find_answer, lines, read_yes_no

_QUESTION = re.compile(
    r"If you follow these instructions, do you return to the starting point\?", re.IGNORECASE
)
_TAKE = re.compile(
    r"Take (?P<steps>\d{1,6}) steps?(?: (?:to the )?(?P<way>forward|backward|left|right))?\.",
    re.IGNORECASE,
)
_TURN = re.compile(r"Turn (?P<way>left|right|around)\.", re.IGNORECASE)
_FORWARD = re.compile(r"Always face forward\.", re.IGNORECASE)
_OPTIONS = re.compile(r"\s*Options:\s*- Yes\s*- No\s*$")
_TURNS = {"forward": 0, "right": 1, "around": 2, "backward": 2, "left": 3}
_HEADINGS = ((0, 1), (1, 0), (0, -1), (-1, 0))
_FACING = ("positive y-axis", "positive x-axis", "negative y-axis", "negative x-axis")
_STATE = re.compile(
    r"\((?P<x>-?\d{1,9}), ?(?P<y>-?\d{1,9})\), facing the (?P<facing>(?:posi|nega)tive [xy]-axis)",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\s*\(?(?P<number>\d{1,4})[).]\s")


@dataclass(frozen=True, slots=True)
class Place:
    """Where one is, and where one looks."""

    x: int = 0
    y: int = 0
    heading: int = 0
    """Quarter turns to the right from the positive y-axis."""

    def turned(self, quarters: int) -> Place:
        """Return the place after a turn to the right."""
        return Place(self.x, self.y, (self.heading + quarters) % 4)

    def moved(self, steps: int, quarters: int) -> Place:
        """Return the place after steps in a direction, looking where one looked before."""
        x, y = _HEADINGS[(self.heading + quarters) % 4]
        return Place(self.x + steps * x, self.y + steps * y, self.heading)

    def __str__(self) -> str:
        return f"({self.x}, {self.y}), facing the {_FACING[self.heading]}"


@dataclass(frozen=True, slots=True)
class Instruction:
    """A turn, or steps in a direction."""

    quarters: int
    steps: int | None = None
    """None for a turn."""

    def follow(self, place: Place) -> Place:
        """Return where it leads."""
        if self.steps is None:
            return place.turned(self.quarters)
        return place.moved(self.steps, self.quarters)


@dataclass(frozen=True, slots=True)
class NavigatePuzzle:
    """Instructions that may lead back."""

    instructions: tuple[Instruction, ...]

    def judge(self, text: str) -> Judged:
        """See `Puzzle.judge`."""
        end = Place()
        for instruction in self.instructions:
            end = instruction.follow(end)
        returns = (end.x, end.y) == (0, 0)
        answer = find_answer(text, read_yes_no)
        wrong: tuple[Fault, ...] = ()
        if answer is not None and answer.value is not returns:
            where = "at the start" if returns else f"at {(end.x, end.y)} seen from the start"
            wrong = (
                Fault(answer.start, answer.end, "wrong answer", f"the instructions end {where}"),
            )
        steps, executed = self._steps(text)
        return Judged(
            expected="Yes" if returns else "No",
            stated=None if answer is None else ("Yes" if answer.value else "No"),
            wrong=wrong,
            steps=tuple(steps),
            executed=executed,
        )

    def _steps(self, text: str) -> tuple[list[Fault], int]:
        """Follow each instruction from where the draft was before."""
        faults: list[Fault] = []
        place: Place | None = None
        executed = 0
        for line in lines(text):
            match = _STATE.search(line.text)
            if match is None:
                continue
            stated = Place(int(match["x"]), int(match["y"]), _FACING.index(match["facing"].lower()))
            numbered = _NUMBERED.match(line.text)
            if numbered is None:
                # Where the draft says it starts; from elsewhere the states mean something else.
                place = stated if stated == Place() and place is None else None
                continue
            number = int(numbered["number"])
            if place is None or number != executed + 1 or number > len(self.instructions):
                break
            executed += 1
            expected = self.instructions[number - 1].follow(place)
            if stated != expected:
                message = f"it is {expected}, not {stated}"
                faults.append(Fault(line.start, line.end, "wrong place", message))
            place = stated
        return faults, executed


class NavigateCritic(PuzzleCritic):
    """Accept the right answer to whether instructions lead back to the starting point.

    The instructions are `Take 3 steps.`, `Take 3 steps left.`, `Turn around.` and the like, after
    the question. Steps are numbered lines with a place: `(1) Turn left: (0, 0), facing the ...`.
    """

    __slots__ = ()
    id = "puzzles/navigate"

    def read(self, task: Task) -> NavigatePuzzle:
        """See `PuzzleCritic.read`."""
        text = _OPTIONS.sub("", task.prompt.strip())
        question = _QUESTION.match(text)
        if question is None:
            raise UnreadError(text)
        return NavigatePuzzle(tuple(_instructions(text[question.end() :].strip())))


def _instructions(rest: str) -> Sequence[Instruction]:
    found: list[Instruction] = []
    always_forward = False
    while rest:
        if match := _FORWARD.match(rest):
            if found:
                raise UnreadError(rest)
            always_forward = True
            found.append(Instruction(0))
        elif match := _TURN.match(rest):
            if always_forward:
                raise UnreadError(rest)
            found.append(Instruction(_TURNS[match["way"].lower()]))
        elif match := _TAKE.match(rest):
            way = (match["way"] or "forward").lower()
            found.append(Instruction(_TURNS[way], int(match["steps"])))
        else:
            raise UnreadError(rest)
        rest = rest[match.end() :].strip()
    if not found:
        raise UnreadError("there are no instructions")
    return found
