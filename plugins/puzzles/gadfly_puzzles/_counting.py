"""`puzzles/counting`: how many things of a kind are in a list?

What is of which kind is a matter of words: those that are known stand here, each with one kind. A
list with any other word is not judged, unless every thing counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gadfly import Task
from gadfly_puzzles._critic import Fault, Judged, PuzzleCritic, UnreadError
from gadfly_puzzles._drafts import find_answer, lines

_KINDS = {
    "fruit": """
        apple apricot avocado banana blackberry blueberry cherry coconut date fig grape grapefruit
        kiwi lemon lime mango melon nectarine orange papaya peach pear pineapple plum pomegranate
        raspberry strawberry tangerine watermelon
    """,
    "vegetable": """
        artichoke asparagus beet broccoli cabbage carrot cauliflower celery cucumber eggplant garlic
        kale leek lettuce onion parsnip pea potato radish spinach turnip yam zucchini
    """,
    "animal": """
        bear bee bird camel cat chicken cow crab deer dog dolphin donkey duck elephant fish fox frog
        giraffe goat goose hamster hen horse lion lizard monkey mouse octopus owl parrot penguin pig
        pigeon rabbit rat sheep snail snake spider squirrel swan tiger turkey turtle wolf zebra
    """,
    "musical instrument": """
        accordion banjo bassoon cello clarinet drum flute guitar harmonica harp keyboard mandolin
        oboe piano saxophone trombone trumpet tuba ukulele viola violin xylophone
    """,
    "object": """
        armchair bed bench blender bookcase bookshelf car chair clock couch cupboard desk dresser
        fridge kettle lamp microwave mirror oven phone refrigerator shelf sofa stool stove table
        television toaster wardrobe
    """,
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names.split()}
_EVERYTHING = frozenset({"object", "thing", "item"})
_PLURALS = {"mice": "mouse", "geese": "goose", "wolves": "wolf", "shelves": "shelf", "fish": "fish"}
_WORDS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty
"""
_NUMBERS = {word: number for number, word in enumerate(_WORDS.split())}
_MEASURES = re.compile(r"(?:heads?|stalks?|cloves?|bunch(?:es)?|pieces?|bulbs?|ears?) of ")
_ASKED = re.compile(
    r"(?:Q(?:uestion)?: )?I have (?P<list>[^.?\n]+)\. "
    r"How many (?P<kind>[a-z]+(?: [a-z]+)?) do I have(?: in total)?\?"
)
_ITEM = re.compile(r"(?P<count>an?|\d{1,6}|[a-z]+) (?P<name>[a-z]+(?: [a-z]+){0,3})")
_ANSWER = re.compile(r"(?P<number>\d{1,9}|[a-z]+)(?: [a-z ]{1,60})?", re.IGNORECASE)
_STEP = re.compile(r"\s*(?:[-*•]|\(?\d+[.)]) (?P<name>[A-Za-z ]+?) \((?P<count>\d{1,9})\)\s*")


@dataclass(frozen=True, slots=True)
class CountingPuzzle:
    """Things with their numbers, and the kind that counts."""

    counts: dict[str, int]
    """Of the things of the kind that is asked for."""
    others: frozenset[str]
    kind: str

    def judge(self, text: str) -> Judged:
        """See `Puzzle.judge`."""
        total = sum(self.counts.values())
        answer = find_answer(text, _read)
        wrong: tuple[Fault, ...] = ()
        if answer is not None and answer.value != total:
            message = f"it is {total}, not {answer.value}: {_listed(self.counts)}"
            wrong = (Fault(answer.start, answer.end, "wrong number", message),)
        steps = list(self._steps(text))
        return Judged(
            expected=str(total),
            stated=None if answer is None else str(answer.value),
            wrong=wrong,
            steps=tuple(fault for fault in steps if fault is not None),
            executed=len(steps),
        )

    def _steps(self, text: str) -> Iterator[Fault | None]:
        """Hold `- apples (2)` against the list, and what of it was left out at the end."""
        left = dict(self.counts)
        last: tuple[int, int] | None = None
        for line in lines(text):
            match = _STEP.fullmatch(line.text)
            if match is None:
                continue
            last = (line.start, line.end)
            name, count = _singular(match["name"].casefold()), int(match["count"])
            actual = left.pop(name, None)
            if actual is None:
                about = f"{name} is no {self.kind}" if name in self.others else f"no {name} is left"
                yield Fault(*last, "not to be counted", about)
            elif actual != count:
                yield Fault(*last, "wrong number", f"of {name} there are {actual}, not {count}")
            else:
                yield None
        if last is not None and left:
            yield Fault(*last, "left out", f"{_listed(left)} left out")


class CountingCritic(PuzzleCritic):
    """Accept the number of things of a kind in a list.

    The task is `I have two apples, and a drum. How many fruits do I have?` It abstains where the
    list has a word whose kind it does not know, unless all objects count.
    """

    __slots__ = ()
    id = "puzzles/counting"

    def read(self, task: Task) -> CountingPuzzle:
        """See `PuzzleCritic.read`."""
        match = _ASKED.fullmatch(" ".join(task.prompt.split()))
        if match is None:
            raise UnreadError(task.prompt)
        kind = _kind(match["kind"])
        counts: dict[str, int] = {}
        others: set[str] = set()
        for count, name in _items(match["list"]):
            if name in counts or name in others:
                raise UnreadError(f"{name} twice")
            if kind in _EVERYTHING or _KIND_OF.get(name) == kind:
                counts[name] = count
            elif name in _KIND_OF:
                others.add(name)
            else:
                raise UnreadError(name)
        return CountingPuzzle(counts, frozenset(others), kind)


def _kind(text: str) -> str:
    kind = text.removesuffix("s")
    if kind not in _KINDS and kind not in _EVERYTHING:
        raise UnreadError(text)
    return kind


def _items(text: str) -> Iterator[tuple[int, str]]:
    for part in re.split(r", and |, | and ", text):
        match = _ITEM.fullmatch(part.strip().casefold())
        if match is None:
            raise UnreadError(part)
        count = _number(match["count"])
        if count is None:
            raise UnreadError(part)
        yield count, _singular(match["name"])


def _number(text: str) -> int | None:
    if text in {"a", "an"}:
        return 1
    return int(text) if text.isdecimal() else _NUMBERS.get(text.casefold())


def _singular(name: str) -> str:
    """Return the name of one such thing: `stalks of celery` is celery, `lettuce head` lettuce."""
    name = _MEASURES.sub("", name.strip())
    name = re.sub(r" (?:heads?|stalks?)$", "", name)
    if name in _KIND_OF:
        return name
    known = [
        _PLURALS.get(name, ""),
        name.removesuffix("s"),
        name.removesuffix("es"),
        f"{name.removesuffix('ies')}y",
    ]
    return next((one for one in known if one in _KIND_OF), name)


def _read(text: str) -> int | None:
    match = _ANSWER.fullmatch(text)
    return None if match is None else _number(match["number"].casefold())


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())[:300]
