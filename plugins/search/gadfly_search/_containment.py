"""Whether a sentence states what a claim says, and more: "X is a tall man" for "X is a man".

English puts modifiers in front of what they modify, so a sentence still holds without some of
them. It does not hold without a negation, without "former" or "alleged", or cut off before a head
("X is a stone bridge" is not "X is a stone"). So the sentence must begin as the claim does; only
words that are no function words may be passed over, and only in front of one that is none either;
and where the claim ends, the sentence must end or go on with a new phrase.
"""

from __future__ import annotations

import re

from gadfly_search._contradictions import Words
from gadfly_search._words import FUNCTION_WORDS, is_number, vocabulary

_WEAKENING = vocabulary(
    "former formerly fake vice deputy ex retired aspiring would failed alleged allegedly proposed "
    "potential potentially unsuccessful imaginary called proclaimed acting assistant anti non "
    "future planned cancelled canceled toy mock quasi few little hardly nearly almost rarely "
    "seldom half partly without despite except unlike neither nor if unless denied refused barely "
    "virtually honorary supposed supposedly purported once pseudo counterfeit aborted abandoned "
    "unfinished disputed presumed reported reportedly possible possibly probably likely perhaps "
    "maybe may might could should"
)
"""Words after which a sentence without them need not hold."""
_STRICT = vocabulary(
    "not no never only all every each always exclusively solely 1. last most least entire entirely "
    "largest smallest biggest tallest oldest youngest longest shortest highest lowest best worst"
)
"""Words in a claim with which it says more than a longer sentence may mean."""
_NEW_PHRASE = vocabulary(
    "and who which that whose where while when in on at from by with of for as during after before "
    "since until"
)
_BREAK = re.compile(r"[,;:()]|\b(?:who|which|whose|where)\b")


def contains(said: Words, read: Words) -> bool:
    """Whether a sentence holds everything that a claim says, in the claim's order."""
    spelt = [word for word, _ in read]
    if {word for word, _ in said} & _STRICT or set(spelt) & (_WEAKENING | {"not", "no", "never"}):
        return False
    at = 0
    for index, (word, _) in enumerate(said):
        place = _next(word, read, at)
        if place is None or (place > at and not _may_skip(read[at:place], said, index)):
            return False
        if index == 0 and place != 0:
            return False
        at = place + 1
    return _may_end(said, read[at:])


def _next(word: str, read: Words, at: int) -> int | None:
    return next((place for place in range(at, len(read)) if read[place][0] == word), None)


def _may_skip(skipped: Words, said: Words, index: int) -> bool:
    word, as_is = said[index]
    if word in FUNCTION_WORDS or any(other in FUNCTION_WORDS for other, _ in skipped):
        return False
    if index > 0 and is_number(said[index - 1][0]):
        return False  # "2 moons" is not "2 million moons"
    if not any(earlier in FUNCTION_WORDS or w[0].islower() for earlier, w in said[:index]):
        # In the name that it begins with: "Colin Rand Kaepernick", not "New York Times is".
        return as_is[0].isupper() and all(w[0].isupper() for _, w in skipped)
    return not any(is_number(other) or not other[0].isalpha() for other, _ in skipped)


def _may_end(said: Words, rest: Words) -> bool:
    if not rest:
        return True
    word = rest[0][0]
    return word in _NEW_PHRASE and not is_number(said[-1][0])


def main_clause(sentence: str, subject_ends: int) -> str:
    """Return a sentence up to where its first clause ends, not looking before `subject_ends`."""
    stop = _BREAK.search(sentence, subject_ends)
    return sentence[: stop.start()] if stop else sentence
