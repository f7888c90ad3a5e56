"""The Metamath verifier: the language's rules one by one, and proofs against a second reading."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.plugins.metamath_calculus import (
    ARGUMENTS,
    DATABASE,
    GEN,
    GEN_PROOF,
    ID,
    ID_PROOF,
    SYL,
    SYL_PROOF,
    Goal,
    Item,
    conclusion,
    implies,
    packed,
)

from gadfly_metamath import DatabaseError, ProofError, ProofLimitError, Theorem, theorems, verify

X_IS_Y = ("=", "x", "y")
PROVED = [
    (ID, ID_PROOF, ["wph"]),
    (SYL, SYL_PROOF, ["wph", "wps", "wch", "syl.1", "syl.2"]),
    (GEN, GEN_PROOF, ["wph", "vx"]),
]


def theorem(goal: Goal) -> Theorem:
    *_, last = theorems(DATABASE + goal.source())
    return last


def accepts(goal: Goal, proof: list[str]) -> bool:
    try:
        verify(theorem(goal), proof)
    except ProofError:
        return False
    return True


@pytest.mark.parametrize(("goal", "proof", "mandatory"), PROVED, ids=("id", "syl", "gen"))
def test_a_proof_is_accepted_in_both_formats(
    goal: Goal, proof: list[str], mandatory: list[str]
) -> None:
    assert conclusion(proof, goal) == goal.assertion
    assert [h.label for h in theorem(goal).assertion.hypotheses] == mandatory

    assert verify(theorem(goal), proof) == len(proof)
    assert verify(theorem(goal), packed(proof, mandatory, goal)) <= len(proof)


@pytest.mark.parametrize(("goal", "proof", "mandatory"), PROVED, ids=("id", "syl", "gen"))
def test_a_proof_without_one_of_its_steps_is_refused(
    goal: Goal, proof: list[str], mandatory: list[str]
) -> None:
    for gone in range(len(proof)):
        assert not accepts(goal, proof[:gone] + proof[gone + 1 :])


@st.composite
def mutations(draw: st.DrawFn) -> tuple[Goal, list[str]]:
    goal, proof, _ = draw(st.sampled_from(PROVED))
    labels = list(proof)
    pool = [*ARGUMENTS, *goal.hypotheses]
    places = st.integers(0, len(labels) - 1)
    for _ in range(draw(st.integers(1, 3))):
        one, other = draw(places) % len(labels), draw(places) % len(labels)
        match draw(st.sampled_from(["swap", "replace", "insert", "remove"])):
            case "swap":
                labels[one], labels[other] = labels[other], labels[one]
            case "replace":
                labels[one] = draw(st.sampled_from(pool))
            case "insert":
                labels.insert(one, draw(st.sampled_from(pool)))
            case _ if len(labels) > 1:
                del labels[one]
            case _:
                pass
    return goal, labels


@given(mutations())
def test_a_changed_proof_is_accepted_just_where_it_still_proves_the_goal(
    changed: tuple[Goal, list[str]],
) -> None:
    goal, proof = changed

    assert accepts(goal, proof) == (conclusion(proof, goal) == goal.assertion)


@given(
    st.lists(st.sampled_from([*ARGUMENTS, "h"]), max_size=30),
    st.sets(st.sampled_from([("x", "y"), ("x", "ph"), ("y", "ph"), ("x", "ps")])),
)
def test_a_random_list_of_labels_proves_what_the_second_reading_says(
    labels: list[str], apart: set[tuple[str, str]]
) -> None:
    # What does not fit is dropped, so that most lists get somewhere.
    goal = Goal(("|-", "ph"), {"h": ("|-", "ph")}, tuple(sorted(apart)))
    kept: list[str] = []
    depth = 0
    for label in labels:
        arity = len(ARGUMENTS.get(label, ()))
        if arity <= depth:
            kept.append(label)
            depth += 1 - arity
    found = conclusion(kept, goal)
    assume(depth == 1)
    stated: Item = found or ("|-", ("->", "ph", "ph"))
    asked = Goal(stated, goal.hypotheses, goal.apart)

    assert accepts(asked, kept) == (found is not None)


@given(st.text(alphabet="ABCDEFGHUVYZ?() wi", max_size=60))
def test_no_text_breaks_the_reading_of_a_compressed_proof(text: str) -> None:
    proof = f"( wi ax-1 ax-2 ax-mp ) {text}".split()

    assert not accepts(Goal(("|-", "ps")), proof)


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        ("?", "incomplete"),
        ("wph wph ax-1 ?", "incomplete"),
        ("( ) ?", "incomplete"),
        ("( ax-1 ) AAB?", "incomplete"),
        ("", "0 expressions"),
        ("wph", "something else"),
        ("wph wph", "2 expressions"),
        ("wi", "needs 2 expressions, there are 0"),
        ("wph goal", "no earlier assertion"),
        ("wph later", "no earlier assertion"),
        ("wph nowhere", "no earlier assertion"),
        ("( wi", "does not end"),
        ("( wph ) A", "not to be listed"),
        ("( goal ) A", "no earlier assertion"),
        ("( wi ) AC", "there is not"),
        ("( wi ) AU", "ends within a number"),
        ("( wi ) Z", "cannot stand here"),
        ("( wi ) AZZ", "cannot stand here"),
        ("( wi ) AUZ", "cannot stand here"),
        ("( wi ) Aa", "cannot stand here"),
        ("( wi ) AUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUA", "cannot stand here"),
    ],
)
def test_a_wrong_proof_is_refused_with_its_reason(proof: str, said: str) -> None:
    with pytest.raises(ProofError, match=re.escape(said)):
        verify(theorem(ID), proof.split())


def test_a_theorem_cannot_use_itself_nor_what_comes_later() -> None:
    source = f"{DATABASE} one $p |- ( ph -> ph ) $= ? $. two $p |- ( ph -> ph ) $= ? $."
    one, two = theorems(source)

    assert verify(two, ["wph", "one"]) == 2
    for label in ("one", "two"):
        with pytest.raises(ProofError, match="no earlier assertion"):
            verify(one, ["wph", label])
    with pytest.raises(ProofError, match="no earlier assertion"):
        verify(two, ["wph", "two"])


@pytest.mark.parametrize(
    ("goal", "proof", "said"),
    [
        # x and ph are not kept apart by the goal.
        (Goal(GEN.assertion), GEN_PROOF, "ph and x need not be"),
        # The same variable on both sides.
        (
            Goal(
                ("|-", ("->", ("=", "x", "y"), ("A.", "x", ("=", "x", "y")))), apart=(("x", "y"),)
            ),
            ["vx", "vy", "weq", "vx", "ax-5"],
            "x and x need not be",
        ),
    ],
)
def test_variables_that_must_be_distinct_are_held_apart(
    goal: Goal, proof: list[str], said: str
) -> None:
    with pytest.raises(ProofError, match=said) as caught:
        verify(theorem(goal), proof)

    assert caught.value.step == len(proof)


def test_distinct_variables_may_be_put_for_distinct_ones() -> None:
    assertion: Item = ("|-", ("->", ("=", "y", "y"), ("A.", "x", ("=", "y", "y"))))

    assert accepts(Goal(assertion, apart=(("x", "y"),)), ["vy", "vy", "weq", "vx", "ax-5"])


def test_an_expression_of_another_type_cannot_be_put_for_a_variable() -> None:
    goal = Goal(("|-", implies("x", implies("x", "x"))))

    with pytest.raises(ProofError, match="the hypothesis wph, which does not fit") as caught:
        verify(theorem(goal), ["vx", "vx", "ax-1"])

    assert (caught.value.expected, caught.value.found) == (("wff", "ph"), ("setvar", "x"))


def test_the_step_the_stack_and_both_expressions_are_told() -> None:
    proof = [step if step != "syl.2" else "syl.1" for step in SYL_PROOF]

    with pytest.raises(ProofError) as caught:
        verify(theorem(SYL), proof)

    error = caught.value
    assert error.step is not None
    assert proof[error.step - 1] == "ax-mp"
    assert error.token == error.step - 1
    assert error.found == ("|-", "(", "ph", "->", "ps", ")")
    assert error.expected == ("|-", "(", "ps", "->", "ch", ")")
    assert error.found in error.stack


def test_a_proof_that_squares_what_it_writes_reaches_a_limit() -> None:
    # An implication of what was saved last with itself, again and again: each doubles the last.
    letters = "AABZ" + "".join(f"{chr(67 + n)}{chr(67 + n)}BZ" for n in range(17))
    goal = theorem(ID)

    with pytest.raises(ProofError):
        verify(goal, ["(", "wi", ")", letters])
    more = letters + "TTBZ" + "".join(f"U{chr(65 + n)}U{chr(65 + n)}BZ" for n in range(19))
    with pytest.raises(ProofLimitError):
        verify(goal, ["(", "wi", ")", more])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("$c a $. $c a $.", "taken"),
        ("${ $c a $. $}", "outside"),
        ("$v x $. $v x $.", "taken"),
        ("${ $v x $. $} $c x $.", "taken"),
        ("$c a $. x $f a y $.", "active variable"),
        ("$c a $. $v x $. f $f a x $. g $f a x $.", "has a type"),
        ("$c a $. $v x $. t $a a x $.", "no type"),
        ("$c a $. t $a a b $.", "not declared"),
        ("$c a $. $v x $. f $f a x $. t $a x $.", "begins with a constant"),
        ("$c a $. t $a $.", "begins with a constant"),
        ("$c a $. t $a a $. t $a a $.", "label t is taken"),
        ("$c a $. a $a a $.", "label a is taken"),
        ("$c a $. t $a a $. $c t $.", "taken"),
        ("$c a $. t! $a a $.", "no label"),
        ("$v x $. $d x x $.", "different"),
        ("$d x y $.", "different"),
        ("${ $v x y $. $} $d x y $.", "different"),
        ("${", "block does not end"),
        ("$}", "cannot stand here"),
        ("$c a", "ends before"),
        ("$c a $. t $p a $= ? ", "ends before"),
        ("$c a $. t $p a $.", "before"),
        ("t", "nothing"),
        ("$c a $. t a", "after the label"),
        ("$( a", "does not end"),
        ("$( $( $) $)", "holds another"),
        ("$[ other.mm $]", "cannot stand here"),
        ("$c \u00e4 $.", "no character"),
        ("$c a \x00 $.", "no character"),
    ],
)
def test_a_database_that_breaks_a_rule_is_refused(source: str, said: str) -> None:
    with pytest.raises(DatabaseError, match=re.escape(said)):
        list(theorems(source))


def test_what_a_block_declares_ends_with_it() -> None:
    source = """
        $c a |- $. $v x y $. fx $f a x $. fy $f a y $.
        ${ $d x y $. h $e |- x y $. inner $a |- x $. $}
        outer $a |- x y $. $( $d and $e are gone $)
        ${ $v z $. fz $f a z $. $} ${ $v z $. gz $f a z $. z $p |- z $= ? $. $}
    """
    with pytest.raises(DatabaseError, match="label z is taken"):
        list(theorems(source))
    (last,) = theorems(source.replace("z $p", "goal $p"))

    inner, outer = last.assertions["inner"], last.assertions["outer"]
    assert [h.label for h in inner.hypotheses] == ["fx", "fy", "h"]
    assert inner.distinct == {frozenset("xy")}
    assert [h.label for h in outer.hypotheses] == ["fx", "fy"]
    assert outer.distinct == frozenset()
    assert [h.label for h in last.assertion.hypotheses] == ["gz"]


@given(st.text(alphabet="$cvfeapd.=(){}[] xyab?\n", max_size=80))
def test_no_text_breaks_the_reading_of_a_database(text: str) -> None:
    with contextlib.suppress(DatabaseError):
        list(theorems(text))
