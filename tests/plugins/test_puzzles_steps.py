"""Steps of puzzles: each is executed from what the draft said before; the first slip is found."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gadfly import Critique, Draft, Hardness, InputError, Task, Verdict
from gadfly.testing import make_context
from gadfly_puzzles import (
    BooleansCritic,
    CountingCritic,
    DatesCritic,
    DyckCritic,
    LiesCritic,
    NavigateCritic,
    PuzzleCritic,
    ScheduleCritic,
    SortingCritic,
    TrackingCritic,
    closing,
)
from gadfly_puzzles._booleans import evaluate

SEQUENCE = "{ ( [ ] <"
STACK = """stack: empty
{ ; stack: {
( ; stack: { (
[ ; stack: { ( [
] ; stack: { (
< ; stack: { ( <
Now, we have reached the end. The final stack is "{ ( <".
We will need to pop out "<", "(", "{" one by one in that order.
So, we need ">", ")", "}". So the answer is > ) }"""
WORDS = "pebble otter plum ocean"
SORT = """The first letter: "pebble": "p" (16). "otter": "o" (15). "plum": "p" (16). \
"ocean": "o" (15).
We now have: (15) ["otter" ? "ocean"] < (16) ["pebble" ? "plum"].
Now let's sort this subpart ["otter" ? "ocean"] by looking at their second letters. The second \
letter: "otter": "t" (20). "ocean": "c" (3).
We now have: (3) "ocean" < (20) "otter" for the subpart. Hence, we have "ocean" < "otter" < \
["pebble" ? "plum"].
Now let's sort this subpart ["pebble" ? "plum"] by looking at their second letters. The second \
letter: "pebble": "e" (5). "plum": "l" (12).
We now have: (5) "pebble" < (12) "plum" for the subpart. Hence, we have "ocean" < "otter" < \
"pebble" < "plum".
I have now sorted all the words. The answer is ocean otter pebble plum"""
BALLS = """Nina, Omar, and Pia are playing a game. At the start of the game, they are each holding \
a ball: Nina has a gold ball, Omar has a silver ball, and Pia has a grey ball.
As the game progresses, pairs of players trade balls. First, Nina and Pia swap balls. Then, Omar \
and Nina swap balls. At the end of the game, Omar has the
Options:
(A) gold ball.
(B) silver ball.
(C) grey ball."""
STATES = """At the start: Nina: gold, Omar: silver, Pia: grey.
Nina and Pia swap: Nina: grey, Omar: silver, Pia: gold.
Omar and Nina swap: Nina: silver, Omar: grey, Pia: gold.
At the end of the game, Omar has the grey ball. So the answer is (C)"""
WALK = (
    "If you follow these instructions, do you return to the starting point? "
    "Take 4 steps. Turn left."
)
DAY = """Today, Rosa went to the pool. Between what times could they have gone?
We know that:
Rosa woke up at 7am.
Karl saw Rosa reading in the park from 7am to 11am.
The pool was closed after 1pm.
Between what times could Rosa have gone to the pool?
Options:
(A) 7am to 11am
(B) 11am to 1pm"""


async def judge(critic: PuzzleCritic, text: str, task: Task | str) -> Critique:
    return await critic.critique(Draft(text), make_context(task))


def located(said: Critique) -> list[tuple[int, str]]:
    """The lines of findings, with what they say."""
    return [(one.span.line if one.span else 0, one.message) for one in said.findings]


@pytest.mark.parametrize(
    ("critic", "prompt", "text"),
    [
        (DyckCritic(), SEQUENCE, STACK),
        (SortingCritic(), WORDS, SORT),
        (TrackingCritic(), BALLS, STATES),
    ],
    ids=["dyck", "sorting", "tracking"],
)
async def test_nothing_is_found_in_right_steps(
    critic: PuzzleCritic, prompt: str, text: str
) -> None:
    said = await judge(critic, text, prompt)

    assert (said.verdict, said.findings) == (Verdict.PASS, ())
    assert "0 wrong" in said.summary


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("] ; stack: { (", "] ; stack: {", 5, "after ], the stack is { (, not {"),
        ("\n[ ; stack: { ( [", "", 4, "the next symbol is [, not ]"),
        ("\n< ; stack: { ( <", "", 6, "the end is not reached: < follows"),
        ('"{ ( <".', '"{ <".', 7, "the final stack is { ( <, not { <"),
        ('"<", "(", "{" one', '"(", "<", "{" one', 8, "popped are < ( {, in that order, not ( < {"),
        ('need ">", ")", "}"', 'need ">", "}"', 9, "needed are > ) }, not > }"),
    ],
)
async def test_the_first_wrong_stack_is_located(
    old: str, new: str, line: int, message: str
) -> None:
    assert old in STACK

    said = await judge(DyckCritic(), STACK.replace(old, new), SEQUENCE)

    assert located(said)[0] == (line, message)
    assert said.verdict is Verdict.PASS  # Its answer is right, whatever came before.
    assert {one.hardness for one in said.findings} == {Hardness.SOFT}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("> )", "brackets left open"),
        ("> ) } ]", "brackets too many"),
        ("} ) >", "wrong brackets"),
        ("", "brackets left open"),
        ("nothing", "brackets left open"),
    ],
)
async def test_a_wrong_answer_to_brackets_has_a_reason(answer: str, reason: str) -> None:
    said = await judge(DyckCritic(), f"So the answer is {answer}", SEQUENCE)

    assert said.verdict is Verdict.FAIL
    assert said.evidence[0].observation["reasons"] == [reason]


@given(st.lists(st.sampled_from("([{<"), max_size=12))
def test_what_opens_is_closed_in_reverse(opened: list[str]) -> None:
    whole = [*opened, *closing(opened)]

    assert closing(whole) == ()
    for cut in range(len(whole)):
        assert closing(whole[:cut]) == tuple(whole[cut:]) if cut >= len(opened) else True


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (
            '"otter": "o" (15)',
            '"otter": "t" (20)',
            1,
            'the first letter of "otter" is "o", not "t"',
        ),
        ('"plum": "p" (16)', '"plum": "p" (17)', 1, '"p" is letter 16, not 17'),
        (' "ocean": "o" (15).', "", 1, '"ocean" left out'),
        ('["otter" ? "ocean"] < (16)', '"otter" < "ocean" < (16)', 2, "otter"),
        ('(3) "ocean" < (20) "otter" for', '(3) "otter" < (20) "ocean" for', 4, "ocean"),
        ('have "ocean" < "otter" < [', 'have ["ocean" ? "otter"] < [', 4, "told apart already"),
        (
            'part ["pebble" ? "plum"]',
            'part ["pebble" ? "otter"]',
            5,
            'there is no such part to be sorted: "pebble", "otter"',
        ),
        ('"pebble" < "plum".\n', '"plum" < "pebble".\n', 6, '"plum" does not come before "pebble"'),
    ],
)
async def test_the_first_wrong_step_of_sorting_is_located(
    old: str, new: str, line: int, message: str
) -> None:
    assert old in SORT

    said = await judge(SortingCritic(), SORT.replace(old, new, 1), WORDS)

    assert said.verdict is Verdict.PASS
    first = located(said)[0]
    assert first[0] == line
    assert message in first[1]


async def test_a_right_order_that_was_not_settled_is_a_soft_finding() -> None:
    text = SORT.split('\nNow let\'s sort this subpart ["pebble"', maxsplit=1)[0]

    said = await judge(SortingCritic(), f"{text}\nThe answer is ocean otter pebble plum", WORDS)

    assert said.verdict is Verdict.PASS
    assert located(said) == [(5, '"pebble" and "plum" are not told apart by what was looked at')]


@pytest.mark.parametrize(
    ("answer", "reasons"),
    [
        ("ocean otter pebble", ["words left out"]),
        ("ocean otter pebble plum plum", ["words added"]),
        ("otter ocean pebble plum", ["wrong order"]),
        ("plum pebble ocean", ["words left out", "wrong order"]),
    ],
)
async def test_a_wrong_list_has_its_reasons(answer: str, reasons: list[str]) -> None:
    said = await judge(SortingCritic(), f"The answer is {answer}.", WORDS)

    assert said.verdict is Verdict.FAIL
    assert list(said.evidence[0].observation["reasons"]) == reasons  # type: ignore[arg-type]


@given(st.lists(st.text(alphabet="abcd", min_size=1, max_size=4), min_size=2, max_size=5))
@settings(max_examples=50, deadline=None)
async def test_of_all_orders_only_the_sorted_one_passes(words: list[str]) -> None:
    right = sorted(words)
    for order in itertools.islice(itertools.permutations(words), 24):
        said = await judge(SortingCritic(), f"Answer: {' '.join(order)}", " ".join(words))
        assert (said.verdict is Verdict.PASS) is (list(order) == right)


async def test_where_marks_decide_both_orders_are_right() -> None:
    for order in ("re-do real", "real re-do"):
        said = await judge(SortingCritic(), f"Answer: {order}", "re-do real")
        assert said.verdict is Verdict.PASS, order


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("Omar: silver, Pia: grey.", "Omar: grey, Pia: grey.", 1, "Omar has silver ball, not grey"),
        (
            "Nina: grey, Omar: silver, Pia: gold",
            "Nina: gold, Omar: silver, Pia: gold",
            2,
            "Nina has grey ball, not gold",
        ),
        ("Omar and Nina swap:", "Omar and Pia swap:", 3, "the next to swap are Omar and Nina"),
        (
            "\nOmar and Nina swap: Nina: silver, Omar: grey, Pia: gold.",
            "",
            3,
            "1 swaps are left out before the end",
        ),
    ],
)
async def test_the_first_wrong_state_is_located(
    old: str, new: str, line: int, message: str
) -> None:
    assert old in STATES

    said = await judge(TrackingCritic(), STATES.replace(old, new, 1), BALLS)

    assert located(said)[0] == (line, message)
    assert said.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Nina has a gold ball, ", ""),
        ("Then, Omar and Nina swap", "Then, Omar and Zoe swap"),
        ("First, Nina and Pia swap balls.", "First, Nina drops her ball."),
        ("Omar has the\n", "who has the gold ball?\n"),
        ("Omar has a silver ball", "Omar has a gold ball"),
    ],
)
async def test_swaps_are_read_whole_or_not_at_all(old: str, new: str) -> None:
    assert old in BALLS

    assert (await judge(TrackingCritic(), "(C)", BALLS)).verdict is Verdict.PASS
    said = await judge(TrackingCritic(), "(C)", BALLS.replace(old, new))
    assert said.verdict is Verdict.ABSTAIN


@given(
    st.recursive(
        st.sampled_from(["True", "False"]),
        lambda e: st.one_of(
            e.map(lambda one: f"not {one}"),
            st.tuples(e, st.sampled_from(["and", "or"]), e).map(
                lambda p: f"( {p[0]} {p[1]} {p[2]} )"
            ),
        ),
        max_leaves=6,
    )
)
@settings(max_examples=100, deadline=None)
def test_not_turns_every_value_round(text: str) -> None:
    value = evaluate(text)

    assert value is not None
    assert evaluate(f"not ( {text} )") is (not value)
    assert evaluate(f"( {text} ) and not ( {text} )") is False
    assert evaluate(f"( {text} ) or not ( {text} )") is True


@pytest.mark.parametrize("text", ["", "1", "True is False", "not", "True()", "(" * 300])
def test_other_expressions_have_no_truth_value(text: str) -> None:
    assert evaluate(text) is None


@pytest.mark.parametrize(
    ("critic", "prompt", "text", "message"),
    [
        (
            BooleansCritic(),
            "not False and True is",
            "not False and True = False and True\nSo the answer is True.",
            "'not False and True' is True, and 'False and True' is False",
        ),
        (
            LiesCritic(),
            "Ada lies. Ben says Ada lies. Does Ben tell the truth?",
            "We know that Ada lies, then Ben lies.\nSo the answer is Yes.",
            "Ben tells the truth",
        ),
        (
            NavigateCritic(),
            WALK,
            (
                "We start at (0, 0), facing the positive y-axis.\n"
                "(1) Take 4 steps: (0, 4), facing the positive y-axis.\n"
                "(2) Turn left: (0, 4), facing the positive x-axis.\nSo the answer is No."
            ),
            "it is (0, 4), facing the negative x-axis, not (0, 4), facing the positive x-axis",
        ),
        (
            ScheduleCritic(),
            DAY,
            "7am-10am: reading.\n11am-1pm: free.\nSo the answer is (B).",
            "from 7am to 10am they were not seen elsewhere",
        ),
        (
            CountingCritic(),
            "I have two plums, a drum, and a fig. How many fruits do I have?",
            "- plums (2)\n- drum (1)\n- fig (1)\nSo the answer is 3.",
            "drum is no fruit",
        ),
    ],
    ids=["booleans", "lies", "navigate", "schedule", "counting"],
)
async def test_a_wrong_step_before_a_right_answer_is_a_soft_finding(
    critic: PuzzleCritic, prompt: str, text: str, message: str
) -> None:
    said = await judge(critic, text, prompt)

    assert said.verdict is Verdict.PASS
    assert [(one.hardness, one.message) for one in said.findings] == [(Hardness.SOFT, message)]


@pytest.mark.parametrize(
    ("today", "asked", "right"),
    [
        ("Today is 3/1/2024.", "yesterday", "02/29/2024"),
        ("It is 12/31/1999 today.", "24 hours later", "01/01/2000"),
        ("Yesterday was Mar 5, 2010.", "one week from today", "03/13/2010"),
        ("Tomorrow is June 1, 2015.", "a month ago", ""),  # 31 April is no day.
        ("Today is the last day of Feb 2023.", "one year ago from today", "02/28/2022"),
        (
            "Ann thinks today is 5/6/2001, but Bo thinks today is 5/7/2001. Bo is right.",
            "today",
            "05/07/2001",
        ),
        ("Today is a fine day.", "today", ""),
        ("Today is 13/1/2024.", "today", ""),
    ],
)
async def test_dates_are_counted_or_left_alone(today: str, asked: str, right: str) -> None:
    prompt = f"{today} What is the date {asked} in MM/DD/YYYY?"

    for answer in ("02/29/2024", "01/01/2000", "03/13/2010", "02/28/2022", "05/07/2001"):
        said = await judge(DatesCritic(), answer, prompt)
        wanted = Verdict.PASS if answer == right else Verdict.FAIL
        assert said.verdict is (wanted if right else Verdict.ABSTAIN), said.summary


async def test_without_an_answer_steps_are_still_located() -> None:
    text = STACK.split("\nNow", maxsplit=1)[0].replace("{ ( [\n", "{ [\n")

    said = await judge(DyckCritic(), text, SEQUENCE)

    assert said.verdict is Verdict.ABSTAIN
    assert located(said)[0][0] == 4


async def test_words_may_be_inputs() -> None:
    task = Task(prompt="Please sort.", inputs={"words": ["b", "a"]})

    assert (await judge(SortingCritic(), "Answer: a b", task)).verdict is Verdict.PASS
    with pytest.raises(InputError, match="list of strings"):
        await judge(SortingCritic(), "a b", Task(prompt="Sort.", inputs={"words": "b a"}))


async def test_what_is_too_long_is_not_judged() -> None:
    assert (await judge(DyckCritic(), "(" * 210_000, "(")).verdict is Verdict.ABSTAIN
    assert (await judge(DyckCritic(), ")", "(" * 30_000)).verdict is Verdict.ABSTAIN
