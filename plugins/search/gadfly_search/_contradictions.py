"""The places where two sentences that are otherwise the same exclude each other."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gadfly_search._words import FUNCTION_WORDS, MONTHS, is_number, vocabulary

Words = Sequence[tuple[str, str]]
"""Words in our spelling, each with the word as the text has it."""

_ONCE = vocabulary(
    "born died founded established released published premiered opened built completed signed "
    "invented discovered assassinated abolished ratified inaugurated launched formed created "
    "dissolved incorporated erected sank"
)
"""What happens to a thing once, so that two dates of it exclude each other."""
_ROUGH = vocabulary(
    "about around approximately roughly nearly almost over under above below least most than up to "
    "between some circa estimated"
)
_UNIQUE = vocabulary("1. only last capital tallest")
_OPPOSITES = frozenset(
    frozenset(pair.split("/"))
    for pair in vocabulary(
        "before/after more/less more/fewer 1./last north/south east/west northern/southern "
        "eastern/western increased/decreased increase/decrease rose/fell won/lost true/false "
        "above/below largest/smallest male/female older/younger oldest/youngest always/never "
        "best/worst highest/lowest husband/wife son/daughter brother/sister mother/father "
        "longest/shortest left/right began/ended started/ended started/stopped higher/lower "
        "larger/smaller alive/dead accepted/rejected legal/illegal possible/impossible man/woman "
        "boy/girl king/queen actor/actress positive/negative"
    )
)
_NEGATIONS = frozenset({("not",), ("never",), ("no", "longer")})


def contradiction(said: Words, read: Words) -> str:
    """Return why two sentences cannot both be true; empty where they can."""
    before = 0
    while before < min(len(said), len(read)) and said[before][0] == read[before][0]:
        before += 1
    after = 0
    while after < min(len(said), len(read)) - before and said[-1 - after][0] == read[-1 - after][0]:
        after += 1
    ours = said[before : len(said) - after]
    theirs = read[before : len(read) - after]
    frame = [*said[:before], *said[len(said) - after :]]
    if sum(word not in FUNCTION_WORDS for word, _ in frame) < 2 or len(frame) < 3:
        return ""
    return (
        _negated(ours, theirs, said[len(said) - after :])
        or _opposed(ours, theirs)
        or _dated(ours, theirs, said[:before], said[len(said) - after :])
        or _counted(ours, theirs, said[:before], said[len(said) - after :])
        or _only_one(ours, theirs, said[:before], said[len(said) - after :])
    )


def _spelt(words: Words) -> tuple[str, ...]:
    return tuple(word for word, _ in words)


def _as_is(words: Words) -> str:
    return " ".join(word for _, word in words)


def _negated(ours: Words, theirs: Words, after: Words) -> str:
    one, other = _spelt(ours), _spelt(theirs)
    apart = (not one and other in _NEGATIONS) or (not other and one in _NEGATIONS)
    if not apart or (after and after[0][0] in {"only", "just", "merely", "all", "every", "always"}):
        return ""
    return "a source denies it" if other else "a source states what it denies"


def _opposed(ours: Words, theirs: Words) -> str:
    opposed = len(ours) == len(theirs) == 1 and frozenset({ours[0][0], theirs[0][0]}) in _OPPOSITES
    return f"a source says {_as_is(theirs)}, not {_as_is(ours)}" if opposed else ""


def _dated(ours: Words, theirs: Words, before: Words, after: Words) -> str:
    beside = {*_spelt(before[-1:]), *_spelt(after[:1])}
    both = (ours, theirs)
    if not all(words and all(_is_date(word) for word in _spelt(words)) for words in both):
        return ""
    dated = all(any(w in MONTHS or _is_year(w) for w in _spelt(words)) for words in both)
    once = {*_spelt(before), *_spelt(after)} & _ONCE
    rough = {*_spelt(before[-2:])} & _ROUGH
    if not (dated or beside & MONTHS) or not once or rough or len(ours) != len(theirs):
        return ""
    return f"a source says {_as_is(theirs)}, not {_as_is(ours)}"


def _counted(ours: Words, theirs: Words, before: Words, after: Words) -> str:
    if not len(ours) == len(theirs) == 1 or not all(is_number(w) for w, _ in (*ours, *theirs)):
        return ""
    beside = {*_spelt(before[-2:]), *_spelt(after[:1])}
    # "Apollo 11" and "Apollo 12" are two things; 1994 is seldom a count.
    named = any(as_is[0].isupper() and w not in FUNCTION_WORDS for w, as_is in before[-1:])
    counts = not after or after[0][1][0].islower() or after[0][0] in {"%", "°"}
    years = all(_is_year(word) for word, _ in (*ours, *theirs))
    if named or not counts or years or beside & (_ROUGH | MONTHS):
        return ""
    return f"a source says {_as_is(theirs)}, not {_as_is(ours)}"


def _only_one(ours: Words, theirs: Words, before: Words, after: Words) -> str:
    names = all(words and all(word[0].isupper() for _, word in words) for words in (ours, theirs))
    said = _spelt(after)
    unique = len(said) > 3 and said[0] in {"is", "was", "became"} and said[1] in _UNIQUE
    if before or not names or not unique or {*_spelt(ours)} & {*_spelt(theirs)}:
        return ""
    return f"a source says {_as_is(theirs)}, not {_as_is(ours)}"


def _is_date(word: str) -> bool:
    return word in MONTHS or re.fullmatch(r"\d{1,4}\.?", word) is not None


def _is_year(word: str) -> bool:
    return re.fullmatch(r"1[0-9]{3}|20[0-9]{2}", word) is not None
