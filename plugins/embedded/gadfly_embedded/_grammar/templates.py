"""All compositions by family, and which of them are held out.

A template's name is its path: domain, family (or shape), then its steps in the order of the text.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import combinations_with_replacement, product
from zlib import crc32

from gadfly_embedded._grammar.miles import MILES
from gadfly_embedded._grammar.money import MONEY
from gadfly_embedded._grammar.steps import Domain, Step
from gadfly_embedded._grammar.things import THINGS

DOMAINS = {"things": THINGS, "money": MONEY, "miles": MILES}

WEIGHTS = {
    "one": 24,
    "two": 16,
    "one_hard": 14,
    "two_hard": 32,
    "match": 6,
    "odd": 3,
    "order": 3,
    "outweigh": 2,
}
"""Percent of the problems by family. From `one_hard` on, execution tells what the text does not."""

_MAX_LINES = 4
_AMOUNTS = ("have", "groups", "rate", "sum", "more", "fewer")
"""What the families of one shape may open their other amounts with."""


@cache
def templates_by_size(*, held_out: bool) -> dict[str, list[list[str]]]:
    """Return the template names, either the held-out ones or the rest, by family and by size."""
    families: dict[str, list[list[str]]] = {}
    for family, names in _all_templates().items():
        sizes: dict[int, list[str]] = {}
        for name in names:
            parts = name.split("/")
            if is_held_out("template", sorted(parts)) == held_out:
                sizes.setdefault(len(parts), []).append(name)
        families[family] = list(sizes.values())
    return families


@cache
def _all_templates() -> dict[str, list[str]]:
    families: dict[str, list[list[str]]] = {family: [] for family in WEIGHTS}
    for key, domain in DOMAINS.items():
        for family, questions in (("one", domain.one), ("one_hard", domain.one_hard)):
            families[family] += ([key, family, *parts] for parts in _one_track(domain, questions))
        for family, questions in (("two", domain.two), ("two_hard", domain.two_hard)):
            families[family] += ([key, family, *parts] for parts in _two_tracks(domain, questions))
    families["match"] = _one_shape(product(("match", "match_each"), _AMOUNTS))
    families["odd"] = _one_shape(product(("odd",), _AMOUNTS))
    short = [opener for opener, step in THINGS.openers.items() if len(step.lines) < 2]
    families["order"] = _one_shape(product(("order_lose", "order_gain"), short))
    pairs = combinations_with_replacement(_AMOUNTS, 2)
    families["outweigh"] = _one_shape(("outweigh", *pair) for pair in pairs)
    return {family: ["/".join(parts) for parts in names] for family, names in families.items()}


def _one_track(domain: Domain, questions: dict[str, Step]) -> Iterator[tuple[str, ...]]:
    """Yield an opening, up to two changes, and a question."""
    steps = domain.openers | domain.changes
    for count in range(3):
        for parts in product(domain.openers, *[domain.changes] * count, questions):
            lines = [line for part in parts[:-1] for line in steps[part].lines]
            distinct = len({line[0] for line in lines}) == len(lines)
            if distinct and 1 <= len(lines) + len(questions[parts[-1]].lines) <= _MAX_LINES:
                yield parts


def _two_tracks(domain: Domain, questions: dict[str, Step]) -> Iterator[tuple[str, ...]]:
    """Yield two openings, the first of them changed or not, and a question."""
    steps = domain.openers | domain.changes
    for changes in ((), *((change,) for change in domain.changes)):
        for first, second, question in product(domain.openers, domain.openers, questions):
            parts = (first, *changes, second)
            told = sum(len(steps[part].lines) for part in parts)
            # Two plain numbers can be compared at a glance: no work for a program.
            if 1 <= told <= _MAX_LINES - len(questions[question].lines):
                yield (*parts, question)


def _one_shape(compositions: Iterable[tuple[str, ...]]) -> list[list[str]]:
    return [["things", *parts] for parts in compositions]


def is_held_out(what: str, parts: Sequence[object]) -> bool:
    """Keep one in four templates, wording combinations and number tuples from training."""
    return crc32(f"{what}:{'/'.join(map(str, parts))}".encode()) % 4 == 0
