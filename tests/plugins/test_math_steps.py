"""`math/steps`: what counts as a computation, and whether it holds."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import Critique, Draft, Hardness, Verdict
from gadfly.testing import make_context
from gadfly_math import Judgement, StepsCritic, check_steps


async def judge(text: str) -> Critique:
    return await StepsCritic().critique(Draft(text), make_context())


def judgements(text: str) -> list[Judgement]:
    return [step.judgement for step in check_steps(text)[0]]


@pytest.mark.parametrize(
    "text",
    [
        "48/2 = 24",
        "She has 16 - 3 = <<16-3=13>>13 eggs left.",
        "5 + 3 = 8 + 2 = 10",
        "3 + 4 &= 7 \\\\",
        r"\(\frac{3}{4} \times 8 = 6\)",
        r"$1\frac{1}{2} \cdot 2 = 3$",
        r"\sqrt{16} \div 2 = 2",
        "1 1/2 x 2 = 3",
        "2½ \u00d7 2 = 5",
        "5² \u2212 5 = 20",
        "2**3 = 8",
        "$1,200 + $34.50 = $1,234.50",
        "20% of 50 = 10",
        "100 - 20% = 80",
        "6 / 8 * 100% = 75%",
        "6 / 8 * 100 = 75%",
        "10 miles / 2 hours = 5 miles/hour",
        "24 feet / 2/3 = 36 feet",
        "1.87*9 = 16.830000000000002",
        "13 = 16 - 3",
        "The total is 3(4 + 5) = 27.",
        "1. 3 + 4 = 7",
        "- 5 + 3 = 8",
    ],
)
def test_what_holds_is_read_and_holds(text: str) -> None:
    steps, unread = check_steps(text)

    assert steps
    assert [step for step in steps if step.is_wrong] == []
    assert unread == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("48/2 = 25", "48/2 is 24, not 25"),
        ("48/2 = <<48/2=25>>25", "48/2 is 24, not 25"),
        ("1 * 39943156 = 39943160", "1 * 39943156 is 39943156, not 39943160"),
        (r"\frac{1}{2} \times 10 = 6", r"\frac{1}{2} \times 10 is 5, not 6"),
        ("Mr. X pays $5 x 3 = $16.", "$5 x 3 is 15, not $16"),
        ("43/3 = 14.43", "43/3 is 14.33333333, not 14.43"),
        ("4.55 + 1.2 = 5.74", "4.55 + 1.2 is 5.75, not 5.74"),
        ("5+3 = 8 and 3 - 1 = 3", "3 - 1 is 2, not 3"),
        ("6 / 4 * 100% = 75%", "6 / 4 * 100% is 150%, not 75%"),
        ("40 = 55 - 5", "55 - 5 is 50, not 40"),
    ],
)
async def test_what_is_wrong_is_failed_hard_and_in_words(text: str, said: str) -> None:
    critique = await judge(text)

    assert critique.is_hard_failure
    assert [finding.message for finding in critique.findings] == [said]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("7/2 = 3", "7/2 is 3.5, not 3, unless it is rounded"),
        ("5 - 8 = 3 rows", "5 - 8 is -3, not 3"),
        ("A = (3 + 4) = 7\nSo A * 2 = 15", "A * 2 is 14, not 15"),
    ],
)
async def test_what_may_be_meant_otherwise_is_failed_softly(text: str, said: str) -> None:
    critique = await judge(text)

    assert critique.verdict is Verdict.FAIL
    assert [(f.message, f.hardness) for f in critique.findings] == [(said, Hardness.SOFT)]


@pytest.mark.parametrize(
    "text",
    [
        "x = 3",
        "2x + 3 = 7",
        "x + 10 = 60",
        "4c - 2 = 10",
        r"\frac{1}{2}B = 4",
        "half of 10 + 2 = 7",
        "2 more than 3 * 5 = 17",
        "For 5 apples a day for 3 days * 4 = 60",
        "1 hour = 60 minutes",
        "Cost of 2 subs = 2 * 7.5",
        "2 hours + 30 minutes = 150 minutes",
        "5 * 50 cents = $2.50",
        "5! = 120",
        "5 * 4 * 3 * 2 * 1 = 5!",
        "1:30 + 2 = 3:30",
        "3 dozen * 12 = 432",
        "17 / 5 = 3 remainder 2",
        "2 pages/15 minutes * 30 = 4",
        "3 + 4 != 8",
        "3 + 4 => 8",
        "price - 3 = 9",
        "320 - 400 = 80 less",
        "1,5 + 1 = 2,5",
    ],
)
def test_what_is_no_plain_arithmetic_is_not_judged(text: str) -> None:
    steps, _ = check_steps(text)

    assert [step for step in steps if step.is_wrong] == []


@pytest.mark.parametrize(
    ("text", "judgement"),
    [
        ("43/3 = 14.33", Judgement.ROUNDED),
        ("2/3 = 0.66", Judgement.ROUNDED),
        ("2/3 = 0.67", Judgement.ROUNDED),
        ("43/3 = 14", Judgement.ROUNDED),
        ("1/3 = 33.3%", Judgement.ROUNDED),
        (r"\sqrt{2} = 1.414", Judgement.ROUNDED),
        ("7/2 ≈ 4", Judgement.ROUNDED),
        ("7/2 = 4, rounded up", Judgement.ROUNDED),
        ("70/30 = <<70/30=2.3333333333333335>>2", Judgement.ROUNDED),
        ("1/3*1000000 ≈ 333,000", Judgement.ROUNDED),
        ("1/3*1000000 = 333,000", Judgement.WRONG),
        ("1000 * 1000 ≈ 999,000", Judgement.WRONG),
    ],
)
def test_rounding_is_what_the_digits_and_the_words_say(text: str, judgement: Judgement) -> None:
    assert judgements(text)[-1] is judgement


def test_a_number_that_was_rounded_may_be_used_so() -> None:
    assert judgements("10/3 = 3.33 and 3.33 * 3 = 10") == [Judgement.ROUNDED] * 2
    assert judgements("43/3 = 14 and 14 * 3 = 43") == [Judgement.ROUNDED] * 2
    assert judgements("14 * 3 = 43") == [Judgement.WRONG]


async def test_the_first_wrong_step_is_pointed_at() -> None:
    text = "First 2 + 2 = 4.\nThen 4 * 3 = 13 pens.\nSo 13 - 1 = 11."

    critique = await judge(text)

    spans = [finding.span for finding in critique.findings if finding.span]
    assert [(span.line, text[span.start : span.end]) for span in spans] == [(2, "13"), (3, "11")]
    assert "the first: 4 * 3 is 12, not 13" in critique.summary


async def test_an_unread_equation_keeps_a_draft_from_passing() -> None:
    assert (await judge("2 + 2 = 4")).verdict is Verdict.PASS
    assert (await judge("2 + 2 = 4 and 2x + 3 = 7")).verdict is Verdict.ABSTAIN


async def test_code_is_no_statement() -> None:
    assert (await judge("```python\nx = 3 * 4\ny = 3 + 4 == 8\n```")).verdict is Verdict.ABSTAIN


@given(st.integers(-999, 999), st.integers(-999, 999), st.sampled_from("+-*"), st.integers(-3, 3))
def test_sums_and_products_are_judged_exactly(one: int, other: int, sign: str, off: int) -> None:
    value = {"+": one + other, "-": one - other, "*": one * other}[sign]

    (step,), unread = check_steps(f"Here ({one}) {sign} ({other}) = {value + off}")

    assert unread == 0
    assert step.computed.low == value
    assert step.is_wrong == (off != 0)


@given(st.integers(1, 999), st.integers(1, 99), st.integers(1, 6))
def test_a_quotient_holds_at_any_number_of_digits(above: int, below: int, digits: int) -> None:
    value = Fraction(above, below)
    stated = f"{float(round(value, digits)):.{digits}f}"

    (step,), _ = check_steps(f"{above} / {below} = {stated}")

    assert not step.is_wrong


@given(st.text(alphabet="0123456789+-*/^=()%$.,<>x A{}\\\nfrac sqrt½²√≈", max_size=120))
def test_any_text_is_borne(text: str) -> None:
    steps, unread = check_steps(text)

    assert unread >= 0
    for step in steps:
        assert 0 <= step.claimed.start <= step.claimed.end <= len(text)


@pytest.mark.parametrize(
    "text",
    ["9^9^9^9 = 1", "2^64^64 = 1", "(" * 3000 + "1" + ")" * 3000 + " = 1", "1+" * 20_000 + "1 = 3"],
)
def test_hostile_numbers_are_not_computed(text: str) -> None:
    assert judgements(text) == []
