"""`puzzles/sorting`: are the words in alphabetical order, all of them, and was each step right?

Steps are those of sorting by letters from the first on: the letters of words, groups of words in
order (`"ant" < ["bee" ? "bat"]`), and the groups that sorting one of them further gives.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from gadfly import InputError, Task
from gadfly_puzzles._critic import Fault, Judged, PuzzleCritic, UnreadError
from gadfly_puzzles._drafts import Answer, find_answer

Groups = tuple[tuple[str, ...], ...]
"""Words in order; the order within a group is not settled."""
MAX_WORDS = 200
_WORD = r"[^\W\d_](?:[\w'\u2019.-]*\w)?"
_LIST = re.compile(rf"\s*{_WORD}(?:(?:\s*,\s*|\s+){_WORD})+\s*")
_ASKED = re.compile(
    r"(?:please )?sort (?:the following|these) words "
    r"(?:alphabetically|in alphabetical order)\s*[:.]\s*(?:list:)?(?P<words>[^:]+)",
    re.IGNORECASE,
)
_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth"),
)
_LETTERS = re.compile(
    rf"the (?P<nth>{'|'.join(_ORDINALS)}) letter:(?P<letters>(?:\s*\"[^\"\n]+\": ?\"[^\"\n]*\""
    r"(?: ?\(\d+\))?[.,;]?)+)",
    re.IGNORECASE,
)
_LETTER = re.compile(r'"(?P<word>[^"\n]+)": ?"(?P<letter>[^"\n]*)"(?: ?\((?P<rank>\d+)\))?')
_PART = re.compile(
    rf"sort (?:this|the) subpart (?P<part>\[[^\]\n]*\]) by looking at their "
    rf"(?P<nth>{'|'.join(_ORDINALS)}) letters?",
    re.IGNORECASE,
)
_ORDER = r"(?P<order>(?:\s*(?:\(\d+\)|\"[^\"\n]*\"|[\[\]<?]))+)"
_HAVE = re.compile(rf"we now have:{_ORDER}", re.IGNORECASE)
_HENCE = re.compile(rf"hence,? we (?:now )?have:?{_ORDER}", re.IGNORECASE)
_TOKEN = re.compile(r'\((?P<rank>\d+)\)|"(?P<word>[^"\n]*)"|(?P<sign>[\[\]<?])')
_BARE = re.compile(rf"hence,? we (?:now )?have:? (?P<words>{_WORD}(?: {_WORD})+)\.", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SortingPuzzle:
    """Words that are to be sorted."""

    words: tuple[str, ...]

    def orders(self) -> tuple[tuple[str, ...], ...]:
        """Return the right orders: with hyphens and the like counted, and left out."""
        strict = tuple(sorted(self.words, key=str.casefold))
        loose = tuple(sorted(self.words, key=lambda word: (_letters(word), word.casefold())))
        return (strict,) if strict == loose else (strict, loose)

    def judge(self, text: str) -> Judged:
        """See `Puzzle.judge`."""
        orders = self.orders()
        answer = find_answer(text, self._read)
        trace = _Trace(self.words)
        trace.read(text)
        wrong: tuple[Fault, ...] = ()
        if answer is not None:
            wrong = tuple(_compare(answer, orders))
            if not wrong:
                trace.close(answer)
        return Judged(
            expected=" ".join(orders[0]),
            stated=None if answer is None else " ".join(answer.value),
            wrong=wrong,
            steps=tuple(trace.faults),
            executed=trace.executed,
        )

    def _read(self, text: str) -> tuple[str, ...] | None:
        """Return the words that a text lists; None unless most are words of the task."""
        words = _split(text.replace('"', " ").replace("<", " "))
        known = {word.casefold() for word in self.words}
        if not words or sum(word in known for word in words) * 2 <= len(words):
            return None
        return words


@dataclass(slots=True)
class _Trace:
    """Groups of words as a draft tells them, from step to step."""

    words: tuple[str, ...]
    faults: list[Fault] = field(default_factory=list[Fault])
    executed: int = 0
    _groups: Groups | None = None
    _part: tuple[str, ...] | None = None
    """The group that is being sorted; None while it is all words."""
    _sorted: Groups | None = None
    """What the draft says the part is in order."""
    _nth: int = 1

    def __post_init__(self) -> None:
        self.words = tuple(word.casefold() for word in self.words)

    def read(self, text: str) -> None:
        """Execute the steps of a text."""
        found = [
            (match.start(), match, act)
            for pattern, act in (
                (_LETTERS, self._look),
                (_PART, self._begin),
                (_HAVE, self._order),
                (_HENCE, self._merge),
                (_BARE, self._merge_bare),
            )
            for match in pattern.finditer(text)
        ]
        for _, match, act in sorted(found, key=lambda one: one[0]):
            self.executed += 1
            act(match)

    def close(self, answer: Answer[tuple[str, ...]]) -> None:
        """Hold a right answer against the groups: it may have come from nowhere."""
        if self._groups is None or self.faults:
            return
        problem = _difference(tuple((word,) for word in answer.value), self._groups)
        if problem is not None:
            self.faults.append(Fault(answer.start, answer.end, "unsettled order", problem))

    def _look(self, match: re.Match[str]) -> None:
        self._nth = _ORDINALS.index(match["nth"].casefold()) + 1
        looked: list[str] = []
        for letter in _LETTER.finditer(match["letters"]):
            word, stated = letter["word"].casefold(), letter["letter"].casefold()
            start = match.start("letters") + letter.start()
            end = match.start("letters") + letter.end()
            looked.append(word)
            actual = word[self._nth - 1] if len(word) >= self._nth else ""
            if stated != actual:
                said = f'"{actual}"' if actual else "missing"
                about = f'the {match["nth"]} letter of "{word}" is {said}, not "{stated}"'
                self._add(start, end, "wrong letter", about)
            elif letter["rank"] and "a" <= actual <= "z" and int(letter["rank"]) != _rank(actual):
                about = f'"{actual}" is letter {_rank(actual)}, not {letter["rank"][:9]}'
                self._add(start, end, "wrong letter", about)
        problem = _other_words(looked, self._part or self.words)
        if problem is not None:
            self._add(match.start(), match.end(), "other words", problem)

    def _begin(self, match: re.Match[str]) -> None:
        self._nth = _ORDINALS.index(match["nth"].casefold()) + 1
        part = tuple(token["word"].casefold() for token in _words_of(match["part"]))
        # A part of a part may be sorted before all words are listed again.
        self._groups = self._expected() or self._groups
        self._part, self._sorted = part, None
        open_ = [group for group in self._groups or () if len(group) > 1]
        if self._groups is not None and Counter(part) not in map(Counter, self._groups):
            about = f"there is no such part to be sorted: {_quoted(part)}"
            self._add(match.start(), match.end(), "other words", about)
        elif len({word[: self._nth - 1] for word in part}) > 1:
            about = f"{_quoted(part)} differ in a letter before the {match['nth']}"
            self._add(match.start(), match.end(), "wrong letter", about)
        elif open_ and Counter(part) != Counter(open_[0]):
            about = f"{_quoted(open_[0])} come first, and are not settled"
            self._add(match.start(), match.end(), "a part passed over", about)

    def _order(self, match: re.Match[str]) -> None:
        stated = _groups_of(match["order"])
        if stated is None:
            self._groups = None if self._part is None else self._groups
            return
        within = self._part or self.words
        problem = _difference(stated, _by_letter(within, self._nth)) or _ranks(match, self._nth)
        if problem is not None:
            self._add(match.start(), match.end(), "wrong order", problem)
        if self._part is None:
            self._groups = stated
        else:
            self._sorted = stated

    def _merge(self, match: re.Match[str]) -> None:
        self._follow(match, _groups_of(match["order"]))

    def _merge_bare(self, match: re.Match[str]) -> None:
        self._follow(match, tuple((word,) for word in _split(match["words"])))

    def _follow(self, match: re.Match[str], stated: Groups | None) -> None:
        expected = self._expected()
        if stated is not None and expected is not None:
            problem = _difference(stated, expected)
            if problem is not None:
                self._add(match.start(), match.end(), "wrong order", problem)
        self._groups, self._part, self._sorted = stated, None, None

    def _expected(self) -> Groups | None:
        """Return the groups with the part in the order that was found for it."""
        if self._groups is None or self._part is None or self._sorted is None:
            return None
        part = Counter(self._part)
        expected: list[tuple[str, ...]] = []
        for group in self._groups:
            expected.extend(self._sorted if Counter(group) == part else (group,))
        return tuple(expected)

    def _add(self, start: int, end: int, reason: str, message: str) -> None:
        self.faults.append(Fault(start, end, reason, message))


class SortingCritic(PuzzleCritic):
    """Accept the task's words in alphabetical order, all of them and no others.

    The task is `Sort the following words alphabetically: ...`, the bare words, or has `words` in
    `Task.inputs`. Case does not count.
    """

    __slots__ = ()
    id = "puzzles/sorting"

    def read(self, task: Task) -> SortingPuzzle:
        """See `PuzzleCritic.read`."""
        given = task.inputs.get("words")
        if given is not None:
            if isinstance(given, str) or not isinstance(given, Sequence):
                raise InputError("Task.inputs['words'] is a list of strings")
            words = tuple(one for one in given if isinstance(one, str))
            if len(words) != len(given):
                raise InputError("Task.inputs['words'] is a list of strings")
            return _puzzle(words)
        match = _ASKED.fullmatch(task.prompt.strip())
        listed = match["words"] if match else task.prompt
        if not _LIST.fullmatch(listed):
            raise UnreadError(task.prompt)
        return _puzzle(_split(listed))


def _puzzle(words: tuple[str, ...]) -> SortingPuzzle:
    if not 1 < len(words) <= MAX_WORDS:
        raise UnreadError(f"{len(words)} words")
    return SortingPuzzle(words)


def _split(text: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in re.findall(_WORD, text))


def _letters(word: str) -> str:
    return "".join(char for char in word.casefold() if char.isalnum())


def _rank(letter: str) -> int:
    return ord(letter) - ord("a") + 1


def _words_of(text: str) -> Iterator[re.Match[str]]:
    return (token for token in _TOKEN.finditer(text) if token["word"] is not None)


def _groups_of(text: str) -> Groups | None:
    """Read `"a" < ["b" ? "c"]`; None where it is written otherwise."""
    groups: list[list[str]] = []
    inside, joined = False, "<"
    for token in _TOKEN.finditer(text):
        if token["rank"]:
            continue
        if token["word"] is not None:
            word = token["word"].casefold()
            if joined == "<":
                groups.append([word])
            elif joined == "?" and inside:
                groups[-1].append(word)
            else:
                return None
            joined = ""
        elif token["sign"] in "[]":
            inside = token["sign"] == "["
        else:
            joined = token["sign"]
    return tuple(map(tuple, groups)) or None


def _by_letter(words: Sequence[str], nth: int) -> Groups:
    """Return the groups that the nth letters of words put them in."""
    letters = sorted({word[nth - 1 : nth] for word in words})
    return tuple(
        tuple(word for word in words if word[nth - 1 : nth] == letter) for letter in letters
    )


def _ranks(match: re.Match[str], nth: int) -> str | None:
    """Return which number before a group is not that of its words' letter."""
    rank: int | None = None
    for token in _TOKEN.finditer(match["order"]):
        if token["rank"]:
            rank = int(token["rank"][:9])
        elif token["word"] is not None and rank is not None:
            letter = token["word"].casefold()[nth - 1 : nth]
            if "a" <= letter <= "z" and _rank(letter) != rank:
                return f'"{token["word"]}" is put under {rank}; "{letter}" is {_rank(letter)}'
        elif token["sign"] == "<":
            rank = None
    return None


def _difference(stated: Groups, expected: Groups) -> str | None:
    """Return in words the first thing in which groups differ; None where they are the same."""
    words = [word for group in stated for word in group]
    problem = _other_words(words, [word for group in expected for word in group])
    if problem is not None:
        return problem
    place = {word: at for at, group in enumerate(expected) for word in group}
    last = stated[0][0]
    for group in stated:
        for word in group:
            if place[word] < place[last]:
                return f'"{last}" does not come before "{word}"'
        last = max(group, key=place.__getitem__)
    return _settled_otherwise(stated, place)


def _settled_otherwise(stated: Groups, place: Mapping[str, int]) -> str | None:
    """Return what groups in the right order settle too early, or leave open."""
    for (*_, one), (other, *_) in pairwise(stated):
        if place[one] == place[other] and one != other:
            return f'"{one}" and "{other}" are not told apart by what was looked at'
    for first, *rest in stated:
        for other in rest:
            if place[first] != place[other]:
                return f'"{first}" and "{other}" are told apart already'
    return None


def _other_words(stated: Sequence[str], expected: Sequence[str]) -> str | None:
    missing = Counter(expected) - Counter(stated)
    if missing:
        return f"{_quoted(sorted(missing))} left out"
    extra = Counter(stated) - Counter(expected)
    return f"{_quoted(sorted(extra))} added" if extra else None


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f'"{word}"' for word in words)[:200]


def _compare(answer: Answer[tuple[str, ...]], orders: Sequence[tuple[str, ...]]) -> Iterator[Fault]:
    stated = answer.value
    rights = [tuple(word.casefold() for word in order) for order in orders]
    if stated in rights:
        return
    missing, extra = Counter(rights[0]) - Counter(stated), Counter(stated) - Counter(rights[0])

    def fault(reason: str, message: str) -> Fault:
        return Fault(answer.start, answer.end, reason, message)

    if missing:
        listed = _quoted(sorted(missing.elements()))
        yield fault("words left out", f"the answer leaves out {listed}")
    if extra:
        yield fault("words added", f"the answer has {_quoted(sorted(extra.elements()))} too many")
    places = [{word: at for at, word in enumerate(order)} for order in rights]
    known = [word for word in stated if word in places[0]]
    for one, other in pairwise(known):
        if all(place[one] > place[other] for place in places):
            yield fault("wrong order", f'"{other}" comes before "{one}"')
            return
    if not missing and not extra:
        yield fault("wrong order", f"the order is {' '.join(rights[0])[:300]}")
