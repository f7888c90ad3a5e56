"""`puzzles/lies`: who tells the truth, where each says of another that they lie or do not?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gadfly import Task
from gadfly_puzzles._critic import Fault, Judged, PuzzleCritic, UnreadError
from gadfly_puzzles._drafts import find_answer, read_yes_no

_NAME = r"[A-Z]\w*"
_DOES = r"(?P<does>lies|tells the truth)"
_KNOWN = re.compile(rf"(?P<name>{_NAME}) {_DOES}\.")
_SAYS = re.compile(rf"(?P<name>{_NAME}) says (?:that )?(?P<of>{_NAME}) {_DOES}\.")
_ASKED = re.compile(rf"(?P<is>Does|Is) (?P<name>{_NAME}) (?P<does>tell the truth|lie|lying)\?")
_CLAIM = re.compile(
    rf"(?:\bthen|\bso,? we know that|\bwe know that|\btherefore,?|\bhence,?) (?P<name>{_NAME}) "
    r"(?P<does>lies|tells the truth)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class LiesPuzzle:
    """Who tells the truth, and what is asked."""

    honest: Mapping[str, bool]
    asked: str
    asks_for_truth: bool

    def judge(self, text: str) -> Judged:
        """See `Puzzle.judge`."""
        right = self.honest[self.asked] is self.asks_for_truth
        answer = find_answer(text, read_yes_no)
        claims = [match for match in _CLAIM.finditer(text) if match["name"] in self.honest]
        steps = tuple(
            Fault(match.start("name"), match.end(), "wrong step", self._about(match["name"]))
            for match in claims
            if self.honest[match["name"]] is not (match["does"].casefold() != "lies")
        )
        wrong: tuple[Fault, ...] = ()
        if answer is not None and answer.value is not right:
            wrong = (Fault(answer.start, answer.end, "wrong answer", self._about(self.asked)),)
        return Judged(
            expected="Yes" if right else "No",
            stated=None if answer is None else ("Yes" if answer.value else "No"),
            wrong=wrong,
            steps=steps,
            executed=len(claims),
        )

    def _about(self, name: str) -> str:
        return f"{name} {'tells the truth' if self.honest[name] else 'lies'}"


class LiesCritic(PuzzleCritic):
    """Accept the answer to which a web of lies leads.

    The task says of one that they lie or tell the truth, then what others say of such, one a
    sentence, and asks whether one of them does: `Does Eve tell the truth?`
    """

    __slots__ = ()
    id = "puzzles/lies"

    def read(self, task: Task) -> LiesPuzzle:
        """See `PuzzleCritic.read`."""
        rest = re.sub(r"^(?:Question|Q): *", "", " ".join(task.prompt.split()))
        honest: dict[str, bool] = {}
        while True:
            match = _SAYS.match(rest) or _KNOWN.match(rest)
            if match is None:
                break
            told = match["does"] != "lies"
            of = match["of"] if "of" in match.re.groupindex else None
            if match["name"] in honest or (of is not None and of not in honest):
                raise UnreadError(match.group())
            honest[match["name"]] = told if of is None else told is honest[of]
            rest = rest[match.end() :].strip()
        asked = _ASKED.fullmatch(rest)
        if asked is None or asked["name"] not in honest:
            raise UnreadError(rest)
        if (asked["is"] == "Is") is not (asked["does"] == "lying"):
            raise UnreadError(rest)
        return LiesPuzzle(honest, asked["name"], asked["does"] == "tell the truth")
