"""What the critics read out of a task's prompt and a program's text, without running anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import Draft
from gadfly_python._claims import as_example, find_claims
from gadfly_python._program import Program, find_program
from gadfly_python._prompt import digit_numbers, word_numbers
from gadfly_python._quantities import shown


@pytest.mark.parametrize(
    ("prompt", "numbers"),
    [
        ("7 apples, 12 pears and 7 plums", [7, 12]),
        ("It costs $1,234.50 or 20% of 10,000,000.", [1234.5, 20, 10_000_000]),
        ("Pay $.50 for 3.0 kg", [0.5, 3]),
        ("between 3,4 and 1,2345", [3, 4, 1, 2345]),
        ("no number", []),
    ],
)
def test_digit_numbers_are_read_literally_and_once(prompt: str, numbers: list[float]) -> None:
    assert digit_numbers(prompt) == numbers


@pytest.mark.parametrize(
    ("prompt", "numbers"),
    [
        ("Two dozen eggs", {2, 12}),
        ("HALF of them, twice", {0.5, 2}),
        ("someone, often, weight", set[float]()),
        ("twelve or double", {12, 2}),
    ],
)
def test_number_words_count_as_whole_words(prompt: str, numbers: set[float]) -> None:
    assert word_numbers(prompt) == numbers


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-14, "-14"),
        (3.5, "3.5"),
        (1 / 3, "0.333333333333"),
        (4.0, "4"),
        pytest.param(10**400, "1.00000000000e+400", id="beyond floats"),
    ],
)
def test_numbers_are_shown_with_at_most_twelve_digits(value: float, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        pytest.param(">>> f(2)\n4", [("f(2)", 4)], id="doctest"),
        pytest.param('    >>> f(2)\n    4\n    """', [("f(2)", 4)], id="docstring"),
        pytest.param(
            ">>> f([1,\n...    2])\n[1,\n 2]\n\nmore", [("f([1,\n   2])", [1, 2])], id="lines"
        ),
        pytest.param(">>> f(2) == 4\nTrue", [("f(2)", 4)], id="doctest of a comparison"),
        pytest.param("f(2) == 4", [("f(2)", 4)], id="=="),
        pytest.param("f(2) -> 4", [("f(2)", 4)], id="->"),
        pytest.param("f(2) returns 4.", [("f(2)", 4)], id="returns"),
        pytest.param(
            "- `f(2)` returns `'a'`, and f(3) == -.5", [("f(2)", "a"), ("f(3)", -0.5)], id="two"
        ),
        pytest.param(
            'assert f(")", k={1: (2,)}) == [4], "f"', [('f(")", k={1: (2,)})', [4])], id="assert"
        ),
        pytest.param("f(2) == 4  # as it should", [("f(2)", 4)], id="comment"),
    ],
)
def test_examples_are_read_in_every_notation(prompt: str, found: list[tuple[str, object]]) -> None:
    examples = [as_example(claim) for claim in find_claims(prompt, {"f"})]

    assert [(e.text, e.expected) for e in examples if e is not None] == found


@pytest.mark.parametrize(
    "prompt",
    [
        "g(2) == 4",
        "self.f(2) == 4",
        "1 + f(2) == 4",
        "not f(2) == 4",
        "if f(2) == 4: stop",
        "f(2) == 4 + x",
        "f(2) == 4 or 5",
        "f(2) == 4x",
        "f(2) != 4",
        "f(2) == x",
        "def f() -> None:",
        "f(2 == 4",
        ">>> f(2)",
        ">>> f(2)\n\n4",
        ">>> f(2) == 4\nFalse",
        ">>> f(2) + 1\n4",
    ],
)
def test_a_line_that_may_mean_something_else_is_no_example(prompt: str) -> None:
    assert list(find_claims(prompt, {"f"})) == []


@pytest.mark.parametrize(
    "prompt",
    [
        "f(x) == 4",
        "f(*[1]) == 4",
        "f(**{}) == 4",
        "f({1, 2}) == 4",
        "f(2) == b[0]",
        ">>> f(2)\n<f>",
    ],
)
def test_only_literals_that_can_travel_make_an_example(prompt: str) -> None:
    assert [as_example(claim) for claim in find_claims(prompt, {"f"})] in ([], [None])


@given(st.text(st.sampled_from("f(2)=>-. 'returns\n\\\"[]{}"), max_size=60))
def test_no_prompt_breaks_the_reader(prompt: str) -> None:
    for claim in find_claims(prompt, {"f"}):
        as_example(claim)


@given(st.text(st.sampled_from("aé=7 \n\r\t()'\"#:\f\u2028"), max_size=40))
def test_spans_point_at_what_they_name(text: str) -> None:
    before = "Sé: "
    program = Program(text, len(before))

    for name, node in program.assignments().items():
        span = program.span(node)
        assert (before + text)[span.start : span.end] == name
    for literal, _ in program.literals():
        span = program.span(literal)
        assert (before + text)[span.start : span.end].strip("7") == ""


@given(st.text(max_size=200))
def test_no_draft_breaks_the_reader(text: str) -> None:
    program = find_program(Draft(text))

    if program is not None:
        program.assignments(), program.literals(), program.functions(), program.names_read()


def test_the_last_python_block_is_the_program() -> None:
    text = "```python\na = 1\n```\nbetter:\n```py\na = 2\n```\n```json\n{}\n```\n"

    program = find_program(Draft(text))

    assert program is not None
    assert program.text == "a = 2"
    assert text[program.start :].startswith("a = 2")


def test_only_top_level_variables_are_assigned() -> None:
    program = Program(
        "def f():\n    inner = 1\nfor i in [x for x in (1, 2)]:\n    total = i\ntotal += 1\n"
        "class C:\n    field = 1\nwith open(f) as file:\n    pass\n",
        0,
    )

    assert {name: node.lineno for name, node in program.assignments().items()} == {
        "i": 3,
        "total": 5,
        "file": 8,
    }


def test_functions_are_found_even_where_the_program_does_not_parse() -> None:
    program = Program("x = 1\n\ndef f(a):\n    return a +\n", 0)

    assert program.functions() == {"f": 3}
