"""Model-written tests: read without running them, weighed by agreement, judged from outside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import (
    JSON,
    Critique,
    Draft,
    Ended,
    Hardness,
    InputError,
    JobResult,
    Limits,
    Plugins,
    Sandbox,
    SandboxError,
    Task,
    Verdict,
    dump,
)
from gadfly.testing import ScriptedSandbox, make_context
from gadfly_python import AgreedTestsCritic, agreed_tests
from gadfly_python._asserts import read_asserts
from gadfly_python._consensus import KEPT
from gadfly_python._notations import read_notations

PROMPT = "Write f(x), which doubles.\n\n>>> f(2)\n4\n"
RIGHT = "def f(x):\n    return x + x"
ALSO_RIGHT = "def f(x):\n    return 2 * x"
WRONG = "def f(x):\n    return x * x"
LIMITS = Limits(cpu_seconds=1, wall_seconds=60)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


async def judge(
    text: str, tests: JSON = None, sandbox: Sandbox | None = None, prompt: str = PROMPT
) -> Critique:
    task = Task(prompt=prompt, inputs={} if tests is None else {"model_tests": tests})
    context = make_context(task, sandbox=sandbox)
    return await AgreedTestsCritic(limits=LIMITS).critique(Draft(text), context)


@pytest.mark.parametrize(
    ("source", "good", "bad"),
    [
        ("assert f(1) == 2, 'message'", 2, 3),
        ("assert 2 == f(1)", 2.0, "2"),
        ("assert f(1) == 0.3", 0.1 + 0.2, 0.31),
        ("assert f(1) == True", True, False),
        ("assert f(1) is None", None, 0),
        ("assert f(1) != 2", 3, 2),
        ("assert f(1)", [0], []),
        ("assert not f(1)", "", "no"),
        ("assert f(1) == (1, [2])", (1, [2]), [1, [2]]),
        ("import math\nassert math.isclose(f(1), 2.0, rel_tol=0.1)", 2.1, 2.5),
        ("assert abs(f(1) - 2) < 1e-3", 2.0001, 2.1),
        ("assert abs(2 - f(1)) <= 1", 3, "3"),
        ("def test_f():\n    assert f(1) == 2", 2, 1),
    ],
)
def test_an_assert_is_read_as_a_call_and_what_it_should_give(
    source: str, good: object, bad: object
) -> None:
    (check,) = read_asserts(source, {"f"})

    assert check.call.arguments == (1,)
    assert check.holds(good)
    assert not check.holds(bad)


@pytest.mark.parametrize(
    "source",
    [
        "assert f(x) == 1",
        "assert f(1) == x",
        "assert f(f(1)) == 4",
        "assert g(1) == 1",
        "assert f({1}) == 1",
        "assert f(1) in (1, 2)",
        "assert f(1) == 1 == 1",
        "assert f(*[1]) == 1",
        "assert f(1",
        "f(1) == 1",
        "",
    ],
)
def test_what_is_no_claim_about_one_call_is_left_alone(source: str) -> None:
    assert read_asserts(source, {"f"}) == ()


@given(st.text(max_size=80), st.sampled_from(["", "assert f(1) == ", "assert "]))
def test_any_source_is_read_without_an_exception(text: str, start: str) -> None:
    read_asserts(start + text, {"f"})
    read_notations(start + text, {"f"})


@pytest.mark.parametrize(
    "line",
    [
        "f(2) => 4",
        "f(2) ==> 4",
        "f(2) ➞ 4",
        "* f(2) = 4",
        "f(2) # => 4",
        "f(2) should return 4.",
        ">>> f(2) == 4",
    ],
)
def test_uncertain_notations_of_an_example_are_read_as_tests(line: str) -> None:
    assert [check.text for check in read_notations(line, {"f"})] == ["assert f(2) == 4"]


@pytest.mark.parametrize("line", ["f(n) = n + 1", "f(2) == 4", "if f(2) = 4: pass", "f(2)"])
def test_what_is_certain_or_no_example_is_not_read_as_one(line: str) -> None:
    assert read_notations(line, {"f"}) == ()


@pytest.mark.sandbox
async def test_a_test_that_right_candidates_fail_loses_its_weight(sandbox: Sandbox) -> None:
    tests = ["assert f(3) == 6", "assert f(5) == 11", "print(f)"]

    good, bad = await agreed_tests(
        PROMPT, [RIGHT, ALSO_RIGHT, RIGHT, WRONG], tests, sandbox=sandbox
    )

    assert (good.test, good.passed, good.voters) == ("assert f(3) == 6", 3, 4)
    assert good.weight > KEPT > bad.weight


@pytest.mark.sandbox
async def test_wrong_candidates_that_scatter_do_not_outvote_a_test(sandbox: Sandbox) -> None:
    scattered = [f"def f(x):\n    return 4 if x == 2 else {n}" for n in range(4)]

    (test,) = await agreed_tests(PROMPT, scattered, ["assert f(3) == 6"], sandbox=sandbox)

    assert test.passed == 0
    assert test.weight >= KEPT


@pytest.mark.sandbox
async def test_a_candidate_that_fails_an_example_has_no_vote(sandbox: Sandbox) -> None:
    wrong = ["def f(x):\n    return -1"] * 5

    (test,) = await agreed_tests(PROMPT, [RIGHT, *wrong], ["assert f(3) == 6"], sandbox=sandbox)

    assert (test.voters, test.weight) == (1, 1.0)


async def test_a_program_is_run_once_however_often_it_was_drawn() -> None:
    sandbox = ScriptedSandbox(lambda _: JobResult(ended=Ended.EXITED, exit_code=1))

    await agreed_tests("?", [RIGHT, RIGHT, WRONG], ["assert f(3) == 6"], sandbox=sandbox)

    assert len(sandbox.jobs) == 2


@pytest.mark.sandbox
async def test_agreed_tests_go_to_the_critic_as_plain_data(sandbox: Sandbox) -> None:
    tests = ["assert f(3) == 6", "assert f(5) == 11"]
    agreed = await agreed_tests(PROMPT, [RIGHT, ALSO_RIGHT, WRONG], tests, sandbox=sandbox)

    plain = dump(agreed)

    assert (await judge(RIGHT, tests, sandbox)).verdict is Verdict.FAIL
    assert (await judge(RIGHT, plain, sandbox)).verdict is Verdict.PASS
    wrong = await judge(WRONG, plain, sandbox)
    assert wrong.verdict is Verdict.FAIL
    assert wrong.findings[0].message == "f gave 9 where a test says assert f(3) == 6"


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("text", "hardness"),
    [
        pytest.param("def f(x):\n    return 5", Hardness.HARD, id="a failed example is a fact"),
        pytest.param(WRONG, Hardness.SOFT, id="a failed test is a suspicion"),
    ],
)
async def test_findings_are_as_hard_as_what_they_rest_on(
    text: str, hardness: Hardness, sandbox: Sandbox
) -> None:
    critique = await judge(text, ["assert f(3) == 6"], sandbox)

    assert critique.findings[0].hardness is hardness


@pytest.mark.sandbox
async def test_the_score_ranks_what_fails(sandbox: Sandbox) -> None:
    tests = ["assert f(3) == 6", "assert f(0) == 0"]
    texts = [RIGHT, WRONG, "def f(x):\n    return 5"]

    scores = [(await judge(text, tests, sandbox)).score for text in texts]

    assert scores == [1.0, 0.75, 0.0]


@pytest.mark.sandbox
@pytest.mark.parametrize(
    "text",
    [
        "class E(int):\n    __eq__ = lambda *_: True\ndef f(x):\n    return E(5)",
        "import os\ndef f(x):\n    os._exit(0)",
        "def f(x):\n    while True: pass",
        "import json\nopen('result.json', 'w').write('{}')\ndef f(x):\n    return 5",
        "raise SystemExit\ndef f(x):\n    return 2 * x",
        "def g(x):\n    return 2 * x",
    ],
)
async def test_a_program_that_cheats_or_is_lost_does_not_pass(text: str, sandbox: Sandbox) -> None:
    critique = await judge(text, [{"test": "assert f(3) == 6", "weight": 1}], sandbox)

    assert critique.verdict in {Verdict.FAIL, Verdict.SKIP, Verdict.ABSTAIN}, critique.summary


@pytest.mark.sandbox
async def test_one_call_that_never_ends_does_not_take_the_others_with_it(sandbox: Sandbox) -> None:
    text = "def f(x):\n    while x == 7: pass\n    return x + x"

    critique = await judge(text, ["assert f(7) == 14", "assert f(3) == 6"], sandbox)

    assert [finding.message.partition(":")[0] for finding in critique.findings] == [
        "f has no value"
    ]


async def test_tests_that_nobody_believes_say_nothing() -> None:
    tests: Sequence[JSON] = [{"test": "assert f(3) == 6", "weight": 0.2}]

    assert (await judge(RIGHT, tests, prompt="Write f.")).verdict is Verdict.ABSTAIN


async def test_a_task_without_tests_or_examples_is_skipped() -> None:
    assert (await judge(RIGHT, prompt="Write f.")).verdict is Verdict.SKIP


@pytest.mark.parametrize(
    "tests", ["assert f(3) == 6", [3], [{"test": "assert f(3) == 6"}], [{"test": "x", "weight": 2}]]
)
async def test_tests_in_another_form_are_an_error_in_one_line(tests: JSON) -> None:
    with pytest.raises(InputError, match="model_tests"):
        await judge(RIGHT, tests)


async def test_a_dead_sandbox_is_no_verdict() -> None:
    with pytest.raises(SandboxError):
        await judge(RIGHT)
