"""The grammar of programs: what is read, what is refused and where, and that no text breaks it."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gadfly import InputError
from gadfly_logic import Constraints, Literal, ProgramError, Rules, Status, parse, solve
from gadfly_logic._drafts import find_answer, find_program
from gadfly_logic._sentences import UnreadError, read_sentence, sentences

RULES = """Predicates:
Cold($x, bool) ::: Is x cold?
Facts:
Cold(Bob, True) ::: Bob is cold.
Likes(Bob, bald eagle) ::: Bob likes the bald eagle.
Rules:
Cold($x, True) && !Red($x, True) >>> Big($x, False) ::: Cold things that are not red are not big.
Query:
Big(Bob, False) ::: Bob is not big.
"""
ORDER = """Domain:
1: leftmost
3: rightmost
Variables:
owl [IN] [1, 2, 3]
quail [IN] [1, 2, 3]
Constraints:
2*owl - 1 < quail + 3 <= 6 ::: It is far.
AllDifferentConstraint([owl, quail]) ::: They differ.
Query:
A) owl == 7 - 6 ::: The owl is first.
B) quail == 1 ::: The quail is first.
"""
PIECES = st.sampled_from(
    [*RULES.splitlines(), *ORDER.splitlines(), "Rules:", ">>>", "&&", "!", "A)", ":::", "Not(P(a))"]
)
TEXTS = st.one_of(
    st.text(max_size=300),
    st.lists(PIECES | st.text(max_size=20), max_size=25).map("\n".join),
    st.lists(PIECES, max_size=9).map(" ".join),
)


def test_facts_and_rules_are_read() -> None:
    program = parse(RULES)

    assert isinstance(program, Rules)
    fact, likes, rule = program.clauses
    assert fact.head == Literal("Cold", ("Bob",))
    assert likes.head == Literal("Likes", ("Bob", "bald eagle"))
    assert [str(one) for one in rule.body] == ["Cold($x)", "not Red($x)"]
    assert rule.head == Literal("Big", ("$x",), value=False)
    assert str(rule.source) == "line 7: Cold things that are not red are not big."
    assert program.query == Literal("Big", ("Bob",), value=False)
    assert program.declared == {"Cold": 1}


def test_constraints_are_read() -> None:
    program = parse(ORDER)

    assert isinstance(program, Constraints)
    assert program.domains == {"owl": (1, 2, 3), "quail": (1, 2, 3)}
    chain, apart = program.conditions
    assert [one.op for one in chain.comparisons] == ["<", "<="]
    assert chain.comparisons[0].left.factors == (("owl", 2),)
    assert apart.different == ("owl", "quail")
    assert list(program.options) == ["A", "B"]
    assert program.options["A"].comparisons[0].right.constant == 1


def test_talk_after_the_query_is_no_part_of_it() -> None:
    assert parse(f"{RULES}So the answer is True.\nBig(Bob, True)") == parse(RULES)
    assert parse(f"{ORDER}So the answer is A.") == parse(ORDER)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("Cold(Bob, True)", "Cold($x, True)", 4, "no variable may be in a fact"),
        ("Cold(Bob, True)", "Cold(Bob, True", 4, "it is no literal"),
        ("Cold(Bob, True)", "Not(Cold(Bob, True))", 4, "it is no literal"),
        ("Cold(Bob, True)", "\u00acCold(Bob, True)", 4, "it is no literal"),
        ("Cold(Bob, True)", "Cold(?, True)", 4, "a term is a name"),
        ("Cold(Bob, True)", "Cold()", 4, "a term is a name"),
        (">>>", "=>", 7, "a rule has `>>>`"),
        ("&&", "and", 7, "it is no literal"),
        ("Rules:\n", "", 6, "it is no literal"),
        ("Rules:", "Facts:", 6, "a second section"),
        ("Big(Bob, False)", "Big($x, False)", 9, "no variable may be in a fact or a query"),
        ("Cold($x, bool)", "Cold", 2, "it declares no predicate"),
    ],
)
def test_what_is_no_rule_program_is_refused_where_it_is_not(
    old: str, new: str, line: int, message: str
) -> None:
    with pytest.raises(ProgramError, match=message) as caught:
        parse(RULES.replace(old, new, 1))

    assert caught.value.line == line


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("1: leftmost", "leftmost", 2, "a line of the domain"),
        ("owl [IN] [1, 2, 3]", "owl [IN] [first]", 5, "it is no variable"),
        ("owl [IN] [1, 2, 3]", "owl [IN] []", 5, "no whole number"),
        ("quail [IN]", "owl [IN]", 6, "a second variable"),
        ("2*owl", "2*crow", 8, "there is no variable 'crow'"),
        ("2*owl", "owl*owl", 8, "it is no sum"),
        ("2*owl", "9999999999999*owl", 8, "no whole number of at most 12 digits"),
        ("2*owl - 1 < quail + 3 <= 6", "owl quail", 8, "a constraint compares"),
        ("2*owl - 1", "__import__('os').system('true')", 8, "there is no variable '__import__'"),
        ("[owl, quail]", "[owl, crow]", 9, "there is no variable 'crow'"),
        ("A) owl", "owl", 11, "an option has a letter"),
        ("B) quail", "A) quail", 12, "an option has a letter of its own"),
    ],
)
def test_what_is_no_constraint_program_is_refused_where_it_is_not(
    old: str, new: str, line: int, message: str
) -> None:
    with pytest.raises(ProgramError, match=message) as caught:
        parse(ORDER.replace(old, new, 1))

    assert caught.value.line == line


@pytest.mark.parametrize(
    "text", ["", "Query:\nP(a)", "Max is red.\nFacts:", "Facts:\nP(a)", "x" * 200_000, "\n" * 9000]
)
def test_what_is_no_program_at_all_is_refused(text: str) -> None:
    with pytest.raises(ProgramError, match=r"^line \d+: "):
        parse(text)


@given(TEXTS)
@example("Facts:\nP(\u0661, True)\nQuery:\nP(a)")
@example("Variables:\nx [IN] [\u0661]\nQuery:\nA) x == \u0661")
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_the_parser(text: str) -> None:
    with suppress(ProgramError):
        parse(text)
    with suppress(InputError):
        find_program(text)
    find_answer(text, ("A) True", "B) False"))


@given(TEXTS)
@settings(max_examples=60, deadline=None)
def test_every_text_has_an_outcome(text: str) -> None:
    outcome = solve(text)

    assert outcome.status in Status
    assert outcome.message or outcome.status is Status.OK


@given(TEXTS)
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_the_reader_of_sentences(text: str) -> None:
    for sentence, start in sentences(text):
        assert text[start:].startswith(sentence)
        with suppress(UnreadError):
            read_sentence(sentence)


@pytest.mark.parametrize(
    ("sentence", "read"),
    [
        ("Max is a yumpus.", ["max: a yumpus"]),
        ("Yumpuses are not shy.", ["$x: a yumpus >>> $x: not shi"]),
        ("Each yumpus is an impus.", ["$x: a yumpus >>> $x: a impus"]),
        ("Yumpuses are impuses.", ["$x: a yumpus >>> $x: a impus"]),
        ("All big, cold things are red.", ["$x: big, $x: cold >>> $x: red"]),
        ("The bald eagle does not see the dog.", ["bald eagle, dog: not s"]),
        ("If Bob is big and not red then Bob is cold.", ["bob: big, bob: not red >>> bob: cold"]),
        (
            "If someone is big and they chase the dog then they are not red.",
            ["$x: big, $x, dog: chas >>> $x: not red"],
        ),
        (
            "If something sees the cat and the cat is big then it chases the dog.",
            ["$x, cat: s, cat: big >>> $x, dog: chas"],
        ),
    ],
)
def test_plain_sentences_are_read(sentence: str, read: list[str]) -> None:
    def said(literal: Literal) -> str:
        sign = "" if literal.value else "not "
        return f"{', '.join(literal.terms)}: {sign}{literal.predicate}"

    found = [
        " >>> ".join(filter(None, [", ".join(map(said, one.body)), said(one.head)]))
        for one in read_sentence(sentence)
    ]

    assert found == read


@pytest.mark.parametrize(
    "sentence",
    [
        "Nobody is red.",
        "She is red.",
        "Someone is red.",
        "They are red.",
        "Max is red or blue.",
        "Max is probably red.",
        "Suppose Max is red.",
        "If he is red then Max is blue.",
        "It is not true that Max is red.",
        "Mice are red.",
        "Max is taller than Bob.",
        "Only cats are red.",
    ],
)
def test_other_sentences_are_left_alone(sentence: str) -> None:
    with pytest.raises(UnreadError):
        read_sentence(sentence)
