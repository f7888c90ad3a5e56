"""`math/answer` and the equivalence of answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import Critique, Draft, Evidence, InputError, Reference, Task, Verdict
from gadfly.testing import make_context
from gadfly_math import AnswerCritic, equivalent, find_answer, is_correct

SAME = [
    ("1/2", "0.5"), ("50%", "0.5"), ("50%", "50"), ("$18", "18"), ("1,234", "1234"),
    ("1{,}000", "1000"), ("5 cm", "50 mm"), ("10 hours", "600 minutes"), ("1 1/2", "1.5"),
    (r"$1\frac{1}{2}$", "3/2"), (r"$\frac{1}{2}$", "0.5"), (r"$x^2-1$", r"$(x-1)(x+1)$"),
    ("2x+3y", "3y+2x"), ("a(b+c)", "ab+ac"), (r"$\{1,2\}$", r"$\{2,1\}$"), ("B", "(B)"),
    ("B. Paris", "B"), ("18 dollars", "18"), (r"$\sqrt{8}$", r"$2\sqrt{2}$"), ("x=5", "5"),
    ("x = 1 or x = 2", "{1,2}"), ("1, 2, and 3", "3,2,1"), (r"\frac{\pi}{2}", r"0.5\pi"),
    (r"(-\infty, 3) \cup (5, \infty)", r"(5,\infty)\cup(-\infty,3)"), ("Yes", "yes"),
    ("72.", "72"), (r"\text{Paris}", r"\text{Paris}"),
]  # fmt: skip
DIFFERENT = [
    ("39943156", "39943160"), ("14.33", "43/3"), ("(1,2)", "(2,1)"), ("$[0,1)$", "$[0,1]$"),
    ("B", "C"), ("2x", "2y"), ("10 hours", "10 minutes"), ("5 cm", "5 kg"), ("-3", "3"),
    ("yes", "No"), ("{1,2}", "{1,2,3}"), ("x^2", "x^3"),
]  # fmt: skip
UNKNOWN = [
    ("5 apples", "5 oranges"), ("5 m", "5"), ("9^9^9^9", "1"), ("2/0", "1"),
    ("Paris", "London"), ("10+John's age", "50"), ("7" * 10_000, "1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        *((*pair, True) for pair in SAME),
        *((*pair, False) for pair in DIFFERENT),
        *((*pair, None) for pair in UNKNOWN),
    ],
)
def test_two_answers_are_the_same_different_or_untold(
    one: str, other: str, said: bool | None
) -> None:
    assert equivalent(one, other) is said
    assert equivalent(other, one) is said


def test_rounding_is_allowed_where_it_is_asked_for() -> None:
    assert equivalent("14.33", "43/3", rounded=True) is True
    assert equivalent("14.34", "43/3", rounded=True) is False
    assert equivalent("39943156", "39943160", rounded=True) is False


@given(st.fractions(max_denominator=999))
def test_a_fraction_is_itself_in_any_notation(value: object) -> None:
    above, below = str(value).split("/") if "/" in str(value) else (str(value), "1")
    latex = rf"\frac{{{above}}}{{{below}}}"

    assert equivalent(str(value), latex) is True
    assert equivalent(f"({above}) / {below} + 1", latex) is False


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_are_borne(one: str, other: str) -> None:
    assert equivalent(one, other) is equivalent(other, one)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So \\boxed{\\frac{1}{2}}.", "\\frac{1}{2}"),
        ("\\boxed{1}, no: \\boxed{2}", "2"),
        ("work\n#### 1,234", "1,234"),
        ("work\nA: 4", "4"),
        ("**Answer:** 12 pens", "12 pens"),
        ("Therefore the final answer is $18.50. That is all.", "$18.50"),
        ("She has 43 pens.", None),
        ("\\boxed{1", None),
    ],
)
def test_the_marked_answer_is_found(text: str, answer: str | None) -> None:
    found = find_answer(text)

    assert (found and found.text) == answer
    assert found is None or text[found.start : found.end] == found.text


def test_the_scorer_compares_with_the_gold_answer() -> None:
    gold = Reference("t", "18")

    assert is_correct(Draft("A: $18.00"), gold) is True
    assert is_correct(Draft("A: 17"), gold) is False
    assert is_correct(Draft("It is 18."), gold) is False
    assert is_correct(Draft("A: many"), gold) is None


async def judge(text: str, task: str | Task = "How many?", value: object = None) -> Critique:
    evidence = Evidence(id="1", tool="local", request={}, observation={"value": value})  # type: ignore[dict-item]
    earlier = {"python/runs": Critique(Verdict.PASS, "", (), (evidence,))}
    context = make_context(task, earlier={} if value is None else earlier)
    return await AnswerCritic().critique(Draft(text), context)


@pytest.mark.parametrize(
    ("prompt", "text", "verdict"),
    [
        ("What is 2 + 3 * 4?", "A: 14", Verdict.PASS),
        ("(2 + 3) * 4 =", "A: 14", Verdict.FAIL),
        ("Calculate 1/3.", "A: 0.333", Verdict.PASS),
        ("What is 9^9^9^9?", "A: 1", Verdict.ABSTAIN),
    ],
)
async def test_a_question_that_is_an_expression_is_computed(
    prompt: str, text: str, verdict: Verdict
) -> None:
    critique = await judge(text, prompt)

    assert critique.verdict is verdict
    assert critique.is_hard_failure == (verdict is Verdict.FAIL)


@pytest.mark.parametrize(
    ("value", "text", "verdict"),
    [
        (18, "A: 18", Verdict.PASS),
        (18.0, "A: $18", Verdict.PASS),
        (18, "A: 20", Verdict.FAIL),
        (17.6, "A: 18", Verdict.ABSTAIN),
        (-18, "A: 18", Verdict.ABSTAIN),
    ],
)
async def test_the_answer_is_what_the_program_gave(
    value: float, text: str, verdict: Verdict
) -> None:
    assert (await judge(text, value=value)).verdict is verdict


async def test_the_task_may_ask_for_a_kind_of_answer() -> None:
    number = Task(prompt="How many?", inputs={"answer": "number"})
    choice = Task(prompt="Which?", inputs={"answer": "choice"})

    assert (await judge("A: many", number)).is_hard_failure
    assert (await judge("There are many.", number)).is_hard_failure
    assert (await judge("A: B", number)).is_hard_failure
    assert (await judge("A: 12", choice)).is_hard_failure
    assert (await judge("A: (B)", choice)).verdict is Verdict.ABSTAIN
    with pytest.raises(InputError, match="number, choice"):
        await judge("A: 1", Task(prompt="?", inputs={"answer": "poem"}))
