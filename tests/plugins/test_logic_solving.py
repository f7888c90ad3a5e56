"""`solve`: statuses and reasons, what is left open, limits, and the recorded labels."""

from __future__ import annotations

import gzip
import json
import re
import sys
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gadfly import InputError, ToolError
from gadfly_logic import SolverLimits, Status, solve
from gadfly_logic._solving import find_option

FACTS = "Facts:\nCold(Bob, True) ::: Bob is cold.\nQuiet(Bob, False) ::: Bob is not quiet.\n"
RULE = "Cold($x, True) >>> Big($x, True) ::: Cold things are big.\n"


def ask(query: str, rules: str = RULE, **options: object) -> tuple[Status, str | None]:
    outcome = solve(f"{FACTS}Rules:\n{rules}Query:\n{query}", **options)  # type: ignore[arg-type]
    return outcome.status, outcome.option


def order(constraints: str, options: str = "A) a == 1\nB) b == 1\nC) c == 1") -> str:
    values = "".join(f"{name} [IN] [1, 2, 3]\n" for name in "abc")
    apart = "AllDifferentConstraint([a, b, c])\n"
    return f"Variables:\n{values}Constraints:\n{constraints}{apart}Query:\n{options}"


@pytest.mark.parametrize(
    ("query", "option"),
    [
        ("Big(Bob, True)", "A"),
        ("Big(Bob, False)", "B"),
        ("!Big(Bob, True)", "B"),
        ("Big(Ann, True)", "C"),
        ("Quiet(Bob)", "B"),
        ("Quiet(Bob, False)", "A"),
    ],
)
def test_the_query_is_true_false_or_unknown(query: str, option: str) -> None:
    assert ask(query) == (Status.OK, option)


def test_without_unknown_what_does_not_follow_is_false() -> None:
    assert ask("Big(Ann, True)", options=("A) True", "B) False")) == (Status.OK, "B")


def test_rules_are_applied_forwards_only() -> None:
    backwards = "Quick($x, True) >>> Quiet($x, True)\n"

    assert ask("Quick(Bob, True)", backwards) == (Status.OK, "C")


def test_the_reasons_are_the_statements_that_are_needed() -> None:
    outcome = solve(f"{FACTS}Rules:\n{RULE}Cold($x) >>> Red($x)\nQuery:\nBig(Bob)")

    assert [str(one) for one in outcome.reasons] == [
        "line 2: Bob is cold.",
        "line 5: Cold things are big.",
    ]


def test_a_query_that_follows_with_its_opposite_is_a_contradiction() -> None:
    rules = f"{RULE}Cold($x) >>> Big($x, False) ::: Cold things are not big.\n"

    assert ask("Big(Bob, True)", rules) == (Status.CONTRADICTION, "A")
    elsewhere = solve(f"{FACTS}Rules:\n{rules}Query:\nQuiet(Bob)")
    assert elsewhere.status is Status.OK
    assert [one.words for one in elsewhere.conflict] == [
        "Bob is cold.",
        "Cold things are big.",
        "Cold things are not big.",
    ]


@pytest.mark.parametrize(
    ("constraints", "status", "option"),
    [
        ("a < b\nb < c\n", Status.OK, "A"),
        ("a < b < c\n", Status.OK, "A"),
        ("a + 1 == b\n2*b != 4\n", Status.OK, "C"),
        ("a == 3\nb == c + 1\n", Status.OK, "C"),
        ("a == 1 ::: First.\na == 3 - 1 ::: Second.\n", Status.UNSAT, None),
        ("a != 1\n", Status.NO_OPTION, None),
    ],
)
def test_constraints_lead_to_one_option_or_say_why_not(
    constraints: str, status: Status, option: str | None
) -> None:
    outcome = solve(order(constraints))

    assert (outcome.status, outcome.option) == (status, option)


def test_constraints_that_cannot_hold_are_named() -> None:
    outcome = solve(order("c > 0\na == 1 ::: First.\na == 3 - 1 ::: Second.\n"))

    assert [one.words for one in outcome.reasons] == ["First.", "Second."]


def test_what_is_open_is_shown_by_two_assignments() -> None:
    outcome = solve(order("a != 1\n"))

    assert outcome.message == "no option follows: B may hold or not"
    assert len(set(outcome.models)) == 2
    assert "b = 1" in outcome.models[0] and "b = 1" not in outcome.models[1]


def test_options_that_both_follow_are_ambiguous() -> None:
    outcome = solve(order("a < b < c\n", "A) b == 2\nB) a == 3\nC) c == 3"))

    assert (outcome.status, outcome.option) == (Status.AMBIGUOUS, "A")
    assert outcome.message == "several options follow: A, C"


def pigeons(count: int) -> str:
    names = [f"v{n}" for n in range(count)]
    holes = ", ".join(map(str, range(count - 1)))
    values = "".join(f"{name} [IN] [{holes}]\n" for name in names)
    apart = f"AllDifferentConstraint([{', '.join(names)}])\n"
    return f"Variables:\n{values}Constraints:\n{apart}Query:\nA) v0 == 1"


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (SolverLimits(steps=20_000), "gave up"),
        (SolverLimits(milliseconds=1), "timeout|canceled"),
        (SolverLimits(memory_mib=1), "memory"),
    ],
)
def test_a_limit_that_is_reached_leaves_it_undecided(limits: SolverLimits, message: str) -> None:
    outcome = solve(pigeons(40), limits=limits)

    assert outcome.status is Status.UNDECIDED
    assert outcome.option is None
    assert re.search(message, outcome.message)


def test_what_would_not_fit_is_undecided_before_it_is_built() -> None:
    names = ", ".join(f"v{n}" for n in range(900))
    values = "".join(f"v{n} [IN] [1, 2]\n" for n in range(900))

    outcome = solve(
        f"Variables:\n{values}Constraints:\nAllDifferentConstraint([{names}])\nQuery:\nA) v0 == 1"
    )

    assert outcome.status is Status.UNDECIDED
    assert "pairs" in outcome.message


def test_rules_of_too_many_things_are_undecided_before_they_are_built() -> None:
    facts = "".join(f"P(t{n})\n" for n in range(60))
    rule = "P($a) && P($b) && P($c) && P($d) >>> Q($a, $b, $c, $d)\n"

    outcome = solve(f"Facts:\n{facts}Rules:\n{rule}Query:\nP(t0)")

    assert outcome.status is Status.UNDECIDED
    assert "more than" in outcome.message


def test_without_z3_there_is_an_error_and_no_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "z3", None)

    with pytest.raises(ToolError, match="pip install z3-solver"):
        ask("Big(Bob, True)")


def test_limits_are_positive() -> None:
    with pytest.raises(InputError, match="positive"):
        SolverLimits(steps=0)


@pytest.mark.parametrize(
    ("answer", "letter"),
    [
        ("B", "B"), ("(B)", "B"), ("B) False", "B"), ("False.", "B"), ("false, because", "B"),
        ("B: it is", "B"), ("Unknown", None), ("proved", None), ("Blue", None), ("", None),
    ],
)  # fmt: skip
def test_an_option_is_named_by_letter_or_words(answer: str, letter: str | None) -> None:
    assert find_option(answer, ("A) True", "B) False")) == letter


@given(st.permutations(["a < b ::: one", "b < c ::: two", "a != 2 ::: three"]), st.booleans())
@settings(max_examples=20, deadline=None)
def test_solving_again_gives_the_same(lines: list[str], bad: bool) -> None:
    text = order("".join(f"{line}\n" for line in lines) + "c < a\n" * bad)

    assert solve(text) == solve(text)
    assert solve(text).status is (Status.UNSAT if bad else Status.OK)


@pytest.mark.data
def test_the_recorded_outcomes_are_reproduced(shared_data: Path) -> None:
    path = shared_data / "recorded" / "logic_programs.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in islice(file, 0, None, 13)]

    differing = [
        row["id"]
        for row in rows
        for outcome in [solve(row["response"], options=row["options"])]
        if (str(outcome.status), outcome.option) != (row["status"], row["pred"])
    ]

    assert len(rows) > 150
    assert differing == []
