"""The constraint types: what each counts as held, where it points, and that no text breaks one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gadfly import JSON, InputError
from gadfly_constraints import Outcome, all_types, read_checklist

TYPES = all_types()
SOME: dict[str, Mapping[str, JSON]] = {
    "words": {"at_least": 3},
    "sentences": {"at_most": 2},
    "paragraphs": {"exactly": 2},
    "bullets": {"exactly": 1},
    "sections": {"heading": "Part (", "at_least": 1},
    "highlights": {"at_least": 1},
    "placeholders": {"at_least": 1},
    "keyword": {"word": "a+", "at_most": 1},
    "keywords": {"words": ["a", "[b"]},
    "forbidden_words": {"words": ["a", "(b"]},
    "letter": {"letter": "a", "at_most": 1},
    "capital_words": {"at_most": 1},
    "lowercase": {"code": "en"},
    "uppercase": {},
    "language": {"code": "en"},
    "json": {"schema": {"type": "object", "additionalProperties": {"multipleOf": 0.1}}},
    "title": {},
    "postscript": {"marker": "P.P.S"},
    "paragraph_start": {"paragraph": 1, "word": "a", "paragraphs": 1},
    "one_of": {"options": ["yes", "no"]},
    "two_responses": {},
    "quotation": {},
    "no_commas": {},
    "repeat_prompt": {"prompt": "Say a."},
    "end_phrase": {"phrase": "Bye."},
}
TEXTS = st.one_of(
    st.text(),
    st.text(alphabet="aA1 \n\t.,*-_#<>[]\"'{}:`P"),
    st.text(alphabet=st.characters()),
    st.recursive(st.none() | st.floats() | st.text(), st.lists).map(str),
)


def check(name: str, text: str, **arguments: JSON) -> Outcome:
    (constraint,) = read_checklist([{"type": name, **arguments}], TYPES)
    assert not isinstance(constraint, str)
    return constraint.check(text)


def test_every_type_is_tried_here() -> None:
    assert set(SOME) == set(TYPES)


@pytest.mark.parametrize("name", SOME)
def test_no_text_breaks_a_check(name: str) -> None:
    (constraint,) = read_checklist([{"type": name, **SOME[name]}], TYPES)
    assert not isinstance(constraint, str)

    @given(TEXTS)
    @settings(max_examples=40, deadline=None)
    def bears(text: str) -> None:
        outcome = constraint.check(text)

        assert outcome.held in {True, False, None}
        assert outcome.found
        assert bool(outcome.advice) is (outcome.held is False)
        if outcome.place is not None:
            start, end = outcome.place
            assert 0 <= start <= end <= len(text)
        assert constraint.check(text) == outcome

    bears()


@pytest.mark.parametrize("text", ["[" * 200_000, "<" * 200_000, "*" * 200_000, "\n" * 200_000])
@pytest.mark.parametrize("name", sorted(set(SOME) - {"language", "lowercase", "uppercase"}))
def test_hostile_text_costs_no_more_than_long_text(name: str, text: str) -> None:
    outcome = check(name, text, **SOME[name])

    assert outcome.held in {True, False}


@pytest.mark.parametrize(
    ("name", "arguments", "text", "held"),
    [
        ("words", {"exactly": 3}, "one two-three", True),
        ("sentences", {"exactly": 2}, "Mr. Bo left at 3 p.m. on Monday. He was late.", True),
        ("paragraphs", {"exactly": 2}, "one\n\ntwo\n", True),
        ("paragraphs", {"exactly": 2, "separator": "***"}, "one\n***\ntwo\n***\n", True),
        ("paragraphs", {"exactly": 2, "separator": "***"}, "one\n***\n***\ntwo", False),
        ("bullets", {"exactly": 2}, "* one\n  - two\n**three**", True),
        ("sections", {"heading": "Part", "at_least": 2}, "Part 1\na\nPart 2\nb", True),
        ("sections", {"heading": "Part", "at_least": 2}, "Part 1\na\npart 2\nb", False),
        ("highlights", {"exactly": 2}, "*one* and **two** and ** **", True),
        ("placeholders", {"exactly": 2}, "[a] [b\n] [c]", True),
        ("keyword", {"word": "cat", "exactly": 2}, "Cat, concatenate", True),
        ("keywords", {"words": ["C++", "tea"]}, "Teapots for c++", True),
        ("keywords", {"words": ["C++", "tea"]}, "Teapots for C", False),
        ("forbidden_words", {"words": ["tea"]}, "Teapots", True),
        ("forbidden_words", {"words": ["tea"]}, "More TEA!", False),
        ("letter", {"letter": "T", "exactly": 2}, "To it", True),
        ("capital_words", {"exactly": 2}, "NATO and A-B, not Nato", True),
        ("lowercase", {}, "größe 1", True),
        ("lowercase", {}, "grÖße", False),
        ("lowercase", {}, "\u01c5 is half a capital", False),
        ("lowercase", {}, "1 2 3", False),
        ("uppercase", {}, "THIS 1", True),
        ("uppercase", {"code": "en"}, "this", False),
        ("language", {"code": "de"}, "Das ist ein ganz gewöhnlicher deutscher Satz.", True),
        ("language", {"code": "fr"}, "Das ist ein ganz gewöhnlicher deutscher Satz.", False),
        ("language", {"code": "en"}, "1 + 2", None),
        ("json", {}, '```JSON\n{"a": 1}\n```', True),
        ("json", {}, '{"a": Infinity}', False),
        ("json", {}, "[" * 100_000, False),
        ("json", {"schema": {"required": ["a"]}}, "{}", False),
        ("json", {"schema": {"required": ["a"]}}, '{"a": 1}', True),
        ("title", {}, "Well\n<<A tale>> begins", True),
        ("title", {}, "<<>>", False),
        ("title", {}, "<<A\ntale>>", False),
        ("postscript", {"marker": "P.S."}, "Dear\np. s. me", True),
        ("postscript", {"marker": "P.S."}, "Dear\nP. S. me", True),
        ("postscript", {"marker": "P.P.S"}, "P.S. me", False),
        (
            "paragraph_start",
            {"paragraph": 2, "word": "send", "paragraphs": 2},
            "A.\n\n'Send' it",
            True,
        ),
        (
            "paragraph_start",
            {"paragraph": 2, "word": "send", "paragraphs": 2},
            "A.\n\nSending it",
            False,
        ),
        ("one_of", {"options": ["Yes.", "No."]}, "Well: No.", True),
        ("one_of", {"options": ["Yes.", "No."]}, "Well: no.", False),
        ("two_responses", {}, "a\n******\nb\n******\n", True),
        ("two_responses", {}, "a\n******\na", False),
        ("two_responses", {}, "a", False),
        ("quotation", {}, ' "all of it"\n', True),
        ("quotation", {}, '"', False),
        ("no_commas", {}, "a; b", True),
        ("repeat_prompt", {"prompt": "Say A. "}, " say a. Here: A.", True),
        ("repeat_prompt", {"prompt": "Say A."}, "Say a! A.", False),
        ("end_phrase", {"phrase": "Bye."}, '"So, bye."', True),
        ("end_phrase", {"phrase": "Bye."}, "Bye. Ann", False),
    ],
)
def test_a_text_is_held_to_its_constraint(
    name: str, arguments: dict[str, Any], text: str, held: bool | None
) -> None:
    assert check(name, text, **arguments).held is held


def test_an_outcome_says_what_to_change_and_where() -> None:
    outcome = check("words", "one two three", at_most=2)

    assert str(outcome) == "the number of words is 3; it must be at most 2: remove 1"
    assert outcome.place == (8, 13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "words: give at_least, at_most or exactly"),
        ({"exactly": 2, "at_most": 3}, "not both"),
        ({"at_least": 3, "at_most": 2}, "at_least 3 is more than at_most 2"),
        ({"at_least": -1}, "at_least: "),
        ({"at_least": "3"}, "at_least: "),
        ({"at_least": True}, "at_least: "),
        ({"at_least": 3, "unit": "page"}, "unit: "),
    ],
)
def test_arguments_that_mean_nothing_are_refused(arguments: dict[str, JSON], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check("words", "", **arguments)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "thing"},
        {"$ref": "http://example.com/schema"},
        {"pattern": "("},
    ],
)
def test_a_schema_that_is_none_is_the_checklists_fault(schema: dict[str, JSON]) -> None:
    with pytest.raises(InputError, match="constraint json: the schema"):
        check("json", '"a"', schema=schema)


def test_a_language_is_the_same_every_time() -> None:
    text = "WRITE AN ODE TO TEA: O TEA"

    assert len({str(check("language", text, code="en")) for _ in range(5)}) == 1
