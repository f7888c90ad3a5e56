"""What can be said of a claim without a model, where a sentence of a source is almost the same.

    supports    the sentence states it, word for word
    refutes     the two differ in one place only, and both cannot be true there

Everything else is for a model or a person: rules do not understand. They compare words in one
spelling (`_words`), and the places where two sentences may differ and so contradict are few:

    a count or measure     "has 3 moons" - "has 4 moons"; not next to "about", "at least", ...
    a date                 where the thing happens once: born, died, founded, released, ...
    a negation             "is not a fish" - "is a fish"
    an opposite            before - after, first - last, north - south, ...
    who was the only one   "Ann was the first to ..." - "Bea was the first to ..."

A claim that means something else in another text ("He was born in 1950.", "The film was long.") is
not compared, nor is a passage that speaks of myths and errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gadfly_search._claims import find_sentences
from gadfly_search._containment import contains, main_clause
from gadfly_search._contradictions import Words, contradiction
from gadfly_search._lifetimes import compare_lifetimes
from gadfly_search._searcher import Passage
from gadfly_search._words import ARTICLES, FUNCTION_WORDS, PRONOUNS, tokens


class Label(StrEnum):
    """What a source says of a claim."""

    SUPPORTS = "SUPPORTS"
    REFUTES = "REFUTES"
    NOT_ENOUGH = "NOT ENOUGH"


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the sources say of one claim, and which words of which passage say it."""

    label: Label
    reason: str
    passage: Passage | None = None
    """The passage that is cited; None where nothing was established."""
    quote: str = ""
    """Exactly as the passage has it."""
    by: str = "rules"


_DOUBT = re.compile(
    r"\b(?:myths?|misconceptions?|hoax(?:es)?|untrue|incorrect(?:ly)?|false(?:ly|hoods?)?|"
    r"rumou?rs?|fictional|wrongly|erroneous(?:ly)?|mistaken(?:ly)?|allegedly|debunked)\b",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\s*(?:\((?=[^()]*[A-Z\d])[^()]*\)|-LRB- .*? -RRB-)")
_CLAUSE_ENDS = re.compile(r"[,;]\s+(?:and|but|which|who|whose|where|while|with)\b")


def judge_by_rules(claim: str, passages: Sequence[Passage]) -> Judgement:
    """Judge one claim by passages: `NOT_ENOUGH` wherever a rule is not sure, or two disagree."""
    said = _telling(claim)
    if not _stands_alone(claim) or len(said) < 3:
        return Judgement(Label.NOT_ENOUGH, "it cannot be understood by itself")
    found = [
        Judgement(label, reason, passage, sentence)
        for passage in passages
        if not _DOUBT.search(f"{passage.title}\n{passage.text}") or _DOUBT.search(claim)
        for sentence in _statements(passage.text)
        if (verdict := _compare(claim, said, sentence)) is not None
        for label, reason in [verdict]
    ]
    if len({judgement.label for judgement in found}) > 1:
        return Judgement(Label.NOT_ENOUGH, "the sources contradict each other")
    return (
        found[0]
        if found
        else Judgement(Label.NOT_ENOUGH, "no source says the same or the opposite")
    )


def _stands_alone(claim: str) -> bool:
    spelt = tokens(claim)
    if not spelt or spelt[0][0] in PRONOUNS:
        return False
    named = any(word[0].isupper() for _, word in spelt[1:])
    return named or spelt[0][0] not in FUNCTION_WORDS


def _telling(text: str) -> Words:
    """Return the words without articles; a capital A is a name, unless it begins the sentence."""
    spelt = tokens(text)
    return [
        (word, as_is)
        for index, (word, as_is) in enumerate(spelt)
        if word not in ARTICLES or (as_is == "A" and index > 0)
    ]


def _statements(text: str) -> Iterator[str]:
    """Return the sentences that a passage states; what stands in quotation marks it only quotes."""
    for sentence in find_sentences(text):
        if text.count('"', 0, sentence.start) % 2 == 0:
            yield sentence.text


def _readings(sentence: str) -> Iterator[Words]:
    """Return a sentence, the same without asides, and its main clause where one can be cut off."""
    yield _telling(sentence)
    bare = _ASIDE.sub("", sentence)
    if bare != sentence:
        yield _telling(bare)
    clause = _CLAUSE_ENDS.search(bare)
    if clause:
        yield _telling(bare[: clause.start()])


def _compare(claim: str, said: Words, sentence: str) -> tuple[Label, str] | None:
    """Return what a sentence says of a claim; None where no rule is sure."""
    alive = compare_lifetimes(claim, sentence)
    if alive is not None:
        return (
            (Label.SUPPORTS, "a source gives this date")
            if alive
            else (
                Label.REFUTES,
                "a source gives another date",
            )
        )
    for read in _readings(sentence):
        if [word for word, _ in said] == [word for word, _ in read]:
            return Label.SUPPORTS, "a source states it word for word"
        reason = contradiction(said, read)
        if reason:
            return Label.REFUTES, reason
    bare = _ASIDE.sub("", sentence)
    clause = _telling(main_clause(bare, len(claim.split(" ", 1)[0])))
    if contains(said, clause):
        return Label.SUPPORTS, "a source states it, and more"
    return None
