"""What gadfly-search takes for a claim, and what its rules say of one without a model."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly_search import Passage
from gadfly_search._claims import find_sentences
from gadfly_search._rules import Label, judge_by_rules
from gadfly_search._words import words


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        pytest.param("One is odd. Two is even!", ["One is odd.", "Two is even!"], id="two"),
        pytest.param("Dr. J. R. Smith of the U.S. won.", None, id="abbreviations"),
        pytest.param("Pi is 3.14 here.", None, id="decimals"),
        pytest.param("- Cats purr\n- Dogs bark", ["Cats purr", "Dogs bark"], id="list"),
        pytest.param("# Pets\n\n1. Cats purr.", ["Cats purr."], id="heading and number"),
        pytest.param("Do cats purr? They do.", ["They do."], id="question"),
        pytest.param(
            "Cats purr.\n```\nx = 1\n```\nDogs bark.", ["Cats purr.", "Dogs bark."], id="code"
        ),
        pytest.param('He said "Go." Then he left.', ['He said "Go."', "Then he left."], id="quote"),
        pytest.param("42", ["42"], id="fragment"),
        pytest.param("... ! \n\n---\n", [], id="nothing"),
    ],
)
def test_sentences_are_found(text: str, sentences: list[str] | None) -> None:
    assert [s.text for s in find_sentences(text)] == ([text] if sentences is None else sentences)


@given(st.text(max_size=400))
def test_sentences_lie_in_the_text_one_after_the_other(text: str) -> None:
    end = 0
    for sentence in find_sentences(text):
        assert sentence.start >= end
        assert text[sentence.start : sentence.end] == sentence.text
        end = sentence.end


@given(st.text(max_size=300))
def test_any_text_has_words_and_their_spelling_is_stable(text: str) -> None:
    assert words(text) == words(text)
    assert words(" ".join(word for word in words(text) if word.isalpha())) is not None


def test_one_spelling_for_what_means_the_same() -> None:
    pairs = [
        ("March 31st, 1889", "31 March 1889"),
        ("2,000 men", "2000 men"),
        ("It isn't", "it is not"),
        ("the first", "The 1st"),
        ("three and 2.50", "3 and 2.5"),
        ("John\u2019s", "John's"),
    ]
    for one, other in pairs:
        assert words(one) == words(other)
    assert words("-5") != words("5")
    assert words("C++") != words("C")


S, R, N = Label.SUPPORTS, Label.REFUTES, Label.NOT_ENOUGH


@pytest.mark.parametrize(
    ("claim", "source", "label"),
    [
        # Word for word.
        ("Mars has two moons.", "Mars has 2 moons.", S),
        ("Mars has two moons.", "Mars (Ares in Greece) has two moons.", S),
        ("Mars has two moons (of ice).", "Mars has two moons.", N),
        ("Mars has two moons.", "Mars has two moons, and Venus has none.", S),
        ("Mars has two moons.", 'Kim wrote: "Listen. Mars has two moons. Believe me."', N),
        ("Mars has two moons.", "Some common myths:\n- Mars has two moons.", N),
        ("Mars has two moons.", "Does it matter? Mars has two moons?", N),
        # And more.
        ("Ann Lee is a writer.", "Ann Mae Lee is an American writer.", S),
        ("Ann Lee is a writer.", "Ann Lee is a former writer.", N),
        ("Ann Lee is a writer.", "Ann Lee is not a good writer.", N),
        ("Ann Lee is a rock.", "Ann Lee is a rock singer.", N),
        ("New York is a newspaper.", "New York Times is a newspaper.", N),
        ("Ann Lee is president.", "Ann Lee is a critic of the president.", N),
        ("Ann Lee is an actor.", "Ann Lee is the mother of Bo, who is an actor.", N),
        ("Paris is the largest city.", "Paris is the largest city in France.", N),
        ("Mars has 2 moons.", "Mars has 2 million moons.", N),
        # Counts.
        ("Mars has three moons.", "Mars has two moons.", R),
        ("Mars has three moons.", "Mars has about two moons.", N),
        ("Mars has at least three moons.", "Mars has at least two moons.", N),
        ("Apollo 11 landed on the Moon.", "Apollo 12 landed on the Moon.", N),
        ("Italy won the cup in 1990.", "Italy won the cup in 1994.", N),
        # Dates.
        ("Ann Lee was born in 1950.", "Ann Lee was born in 1951.", R),
        ("Ann Lee was born on 4 May 1950.", "Ann Lee was born on May 5, 1950.", R),
        ("Ann Lee was born on 4 May 1950.", "Ann Lee was born on May 4th, 1950.", S),
        ("Ann Lee was born in May 1950.", "Ann Lee (4 May 1950 \u2013 2 June 2000) sang.", S),
        ("Ann Lee died in 1999.", "Ann Lee (4 May 1950 \u2013 2 June 2000) sang.", R),
        ("Ann Lee was born on 4 May 1950.", "Ann Lee (born 1950) sings.", N),
        ("Bo Lee was born in 1950.", "Ann Lee (born 1951) sings.", N),
        # Negations and opposites.
        ("Whales are not fish at sea.", "Whales are fish at sea.", R),
        ("Whales can be big fish.", "Whales can't be big fish.", R),
        ("Bo is not only a singer of songs.", "Bo is only a singer of songs.", N),
        ("Bo left before the big war.", "Bo left after the big war.", R),
        # The only one.
        ("Bo Lee was the first man on Mars.", "Ann Fox was the first man on Mars.", R),
        ("Bo Lee was a man on Mars.", "Ann Fox was a man on Mars.", N),
        ("Ann starred in Titanic the film.", "Ann starred in Avatar the film.", N),
        # What means something else in another text.
        ("He was born in 1950.", "He was born in 1950.", N),
        ("The film was released in 1994.", "The film was released in 1995.", N),
    ],
)
def test_rules_decide_only_what_they_can(claim: str, source: str, label: Label) -> None:
    judgement = judge_by_rules(claim, [Passage("p", source)])

    assert judgement.label is label, judgement
    assert (judgement.passage is None) == (label is N)
    assert judgement.quote in source


def test_sources_that_contradict_each_other_settle_nothing() -> None:
    passages = [Passage("a", "Mars has two moons."), Passage("b", "Mars has three moons.")]

    judgement = judge_by_rules("Mars has two moons.", passages)

    assert (judgement.label, judgement.reason) == (N, "the sources contradict each other")


@given(st.text(max_size=120), st.text(max_size=200))
def test_any_text_gets_a_judgement(claim: str, source: str) -> None:
    judgement = judge_by_rules(claim, [Passage("p", source)])

    assert judgement.quote in source


@pytest.mark.data
def test_rules_are_right_about_the_labelled_claims_that_they_decide(shared_data: Path) -> None:
    path = shared_data / "tasks" / "fever_symmetric.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]

    labels = [str(judge_by_rules(r["claim"], [Passage("e", r["evidence"])]).label) for r in rows]

    decided = [(row, label) for row, label in zip(rows, labels, strict=True) if label != N]
    assert len(decided) >= 20
    assert [row["claim"] for row, label in decided if row["label"] != label] == []
