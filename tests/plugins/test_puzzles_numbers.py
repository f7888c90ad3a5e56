"""`puzzles/numbers`: reasons, places, exact values, and expressions that try to be more."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gadfly import Critique, Draft, Hardness, InputError, Task, Verdict
from gadfly.testing import make_context
from gadfly_puzzles import NumbersCritic, can_make
from gadfly_puzzles._expressions import NotAnExpressionError, evaluate, numbers_of, parse

PROMPT = "4 6 7 7"
RIGHT = "Answer: 4 * (7 - 7) + 6 * 4"


async def judge(text: str, task: Task | str = PROMPT) -> Critique:
    return await NumbersCritic().critique(Draft(text), make_context(task))


def reasons(said: Critique) -> object:
    return list(said.evidence[0].observation["reasons"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Answer: 4 + 6 + 7 + 7 = 24", []),
        ("Answer: 4 * 6 * 7 / 7 = 24", []),
        ("4 + 6 + 7 + 7", []),
        ("**Answer:** `4 \xd7 6 \xd7 (7 \xf7 7)`", []),
        ("Answer: -(4 - 6) * (7 + 7) - 4", ["numbers reused"]),
        ("Answer: 4 * 6 = 24", ["numbers left out"]),
        ("Answer: 4 * 6 + 7 - 7 + 4 - 4 = 24", ["numbers reused"]),
        ("Answer: 4 * 6 * 1 = 24", ["other numbers", "numbers left out"]),
        ("Answer: 4 + 6 + 7 - 7 = 24", ["wrong value"]),
        ("Answer: 4 + 6 + 7 / (7 - 7) = 24", ["numbers reused", "wrong value"]),
        ("Answer: 4 ** 6 + 7 + 7 = 24", ["not an expression"]),
        ("Answer: None", ["says that there is none"]),
        ("It cannot be done.", ["says that there is none"]),
        ("4 + 6 = 10 (left: 7 7 10)\n7 + 7 = 14 (left: 10 14)", ["not an expression"]),
        ("", ["not an expression"]),
    ],
)
async def test_a_wrong_answer_has_its_reasons(text: str, wanted: list[str]) -> None:
    said = await judge(text)

    assert reasons(said) == wanted
    assert said.verdict is (Verdict.FAIL if wanted else Verdict.PASS)
    assert all(finding.hardness is Hardness.HARD for finding in said.findings)


async def test_a_finding_points_at_the_answer_and_names_the_numbers() -> None:
    text = "Let us see.\nAnswer: 4 * 6 + 7 - 7 + 4 - 4 = 24"

    (finding,) = (await judge(text)).findings

    assert finding.message == "'4 * 6 + 7 - 7 + 4 - 4' uses 4 3 times; given is 4 once"
    assert finding.span is not None
    assert finding.span.line == 2
    assert text[finding.span.start : finding.span.end] == "4 * 6 + 7 - 7 + 4 - 4 = 24"


async def test_the_first_wrong_step_comes_first_and_is_soft() -> None:
    text = "6 + 7 = 14 (left: 4 7 14)\n14 - 7 = 7 (left: 4 7)\n7 * 4 = 28 (left: 28)\nAnswer: 4 + 7"

    said = await judge(text)

    assert said.verdict is Verdict.FAIL
    assert said.findings[0].message == "6 + 7 is 13, not 14"
    assert [one.hardness for one in said.findings] == [
        Hardness.SOFT,
        Hardness.HARD,
        Hardness.HARD,
    ]
    assert said.summary == "'4 + 7' leaves out 6 and 7."


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("5 + 7 = 12 (left: 4 6 12)", "in '5 + 7 = 12 (left: 4 6 12)', 5 is not left"),
        ("7 + 7 = 14 (left: 4 14)", "after '7 + 7 = 14 (left: 4 14)', 4, 6 and 14 are left"),
        ("7 / 0 = 1 (left: 4)", "in '7 / 0 = 1 (left: 4)', 0 is not left"),
        ("4 / 7 = 0.57 (left: 6 7 0.57)", "4 / 7 is 4/7, not 57/100"),
    ],
)
async def test_a_step_is_executed_from_what_is_left(step: str, message: str) -> None:
    said = await judge(f"{step}\nAnswer: 4 + 6 + 7 + 7")

    assert said.verdict is Verdict.PASS
    assert [one.message for one in said.findings] == [message]


async def test_a_draft_may_give_up_where_nothing_can_be_made() -> None:
    assert (await judge("There is no solution.", "1 1 1 2")).verdict is Verdict.PASS
    assert (await judge("We add them.", "1 1 1 2")).verdict is Verdict.FAIL
    many = Task(prompt="Make it.", inputs={"numbers": [1, 1, 1, 1, 1, 1], "target": 999})
    assert (await judge("There is no solution.", many)).verdict is Verdict.ABSTAIN


@pytest.mark.parametrize(
    "prompt",
    [
        "Use 4, 6, 7 and 7 to make 24.",
        "Using the numbers 4 6 7 7 each exactly once, make 24.",
        "Use 4, 6, 7, 7 to obtain 24. You may use +, -, *, / and brackets. Use each number once.",
        "Use numbers and basic arithmetic operations (+ - * /) to obtain 24. Input: 4 6 7 7",
    ],
)
async def test_a_task_is_read_from_its_words(prompt: str) -> None:
    assert (await judge("Answer: 4 + 6 + 7 + 7", prompt)).verdict is Verdict.PASS
    assert (await judge("Answer: 4 + 6 + 7 - 7", prompt)).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    "prompt",
    [
        "Use 4, 6, 7 and 7 to make 24. You may use a number twice.",
        "Use some of 4, 6, 7 and 7 to make 24.",
        "4 6 7",
        "4 6 7 7 8",
        "What is 4 + 6 + 7 + 7?",
    ],
)
async def test_a_task_is_read_whole_or_not_at_all(prompt: str) -> None:
    assert (await judge("Answer: 4 + 6 + 7 + 7", prompt)).verdict is Verdict.ABSTAIN


@pytest.mark.parametrize("inputs", [{"numbers": "4 6"}, {"numbers": [4, "6"]}, {"numbers": 4}])
async def test_inputs_of_the_wrong_type_are_errors(inputs: dict[str, object]) -> None:
    with pytest.raises(InputError, match="whole numbers"):
        await judge("4 + 6", Task(prompt="Make 24.", inputs=inputs))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "9**9**9**9",
        "9//2",
        "1e9",
        "4(5+1)",
        "4 if 5 else 6",
        "(" * 150 + ")" * 50,
        "(" * 90 + "1" + ")" * 90 + "+",
        "1,2",
        "04 + 1",
        "",
        "+",
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(NotAnExpressionError):
        parse(text)


EXPRESSIONS = st.recursive(
    st.integers(0, 99).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(
        lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
@settings(max_examples=100, deadline=None)
def test_values_are_exact(text: str) -> None:
    tree = parse(text)
    digits = "".join(char if char.isdigit() else " " for char in text)

    assert sorted(numbers_of(tree)) == sorted(map(Fraction, digits.split()))
    try:
        value = evaluate(tree)
    except ZeroDivisionError:
        return
    # The same by postfix: a second reader of the same text.
    assert value == postfix(text)


def postfix(text: str) -> Fraction:
    stack: list[Fraction] = []
    signs: list[str] = []
    for part in text.replace("(", " ( ").replace(")", " ) ").split():
        if part.isdigit():
            stack.append(Fraction(part))
        elif part in "+-*/":
            signs.append(part)
        elif part == ")":
            other, one, sign = stack.pop(), stack.pop(), signs.pop()
            by = {"+": one + other, "-": one - other, "*": one * other}
            stack.append(by[sign] if sign in by else one / other)
    return stack.pop()


@pytest.mark.parametrize(
    ("numbers", "target", "can"),
    [
        ((3, 3, 8, 8), 24, True),
        ((1, 5, 5, 5), 24, True),
        ((1, 1, 1, 1), 24, False),
        ((7,), 7, True),
        ((2, 3), 24, False),
    ],
)
def test_whether_a_target_can_be_made(numbers: tuple[int, ...], target: int, can: bool) -> None:
    assert can_make(numbers, target) is can
