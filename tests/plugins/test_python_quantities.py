"""`python/quantities`: its findings, whose wording models are trained on, and their order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from gadfly import Critique, Draft, Hardness, Limits, Plugins, Sandbox, Verdict, shape_feedback
from gadfly.testing import make_context
from gadfly_python import QuantitiesCritic, RunsCritic

PROMPT = "Mia buys 6 boxes of 8 pencils and gives 5 away. How many are left?"

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


async def judge(
    text: str, sandbox: Sandbox, prompt: str = PROMPT, critic: QuantitiesCritic | None = None
) -> Critique:
    context = make_context(prompt, sandbox=sandbox)
    return await (critic or QuantitiesCritic()).critique(Draft(text), context)


def lines(critique: Critique) -> list[str]:
    """What a model reads."""
    return list(shape_feedback({"python/quantities": critique}).findings)


@pytest.mark.parametrize(
    ("prompt", "text", "findings"),
    [
        pytest.param(
            PROMPT,
            "left = 5 - 6 * 8\nanswer = 0 - left",
            ["line 1: left is -43, but a quantity cannot be negative"],
            id="negative",
        ),
        pytest.param(
            PROMPT,
            "left = 6 * 8 / 5\nanswer = left * 5",
            ["line 1: left is 9.6, but the question asks for whole things"],
            id="fractional",
        ),
        pytest.param(
            "6 boxes of 8 pencils are shared by 5 children. What does each get?",
            "answer = 6 * 8 / 5",
            [],
            id="fractional where it may be",
        ),
        pytest.param(
            PROMPT,
            "left = 0.1 + 0.2 - 0.3\nanswer = 6 * 8 - 5 + left",
            [
                "line 1: left is 5.55111512313e-17, but the question asks for whole things",
                "line 1: the number 0.1 is not in the question",
                "line 1: the number 0.2 is not in the question",
                "line 1: the number 0.3 is not in the question",
            ],
            id="residue",
        ),
        pytest.param(
            PROMPT,
            "left = 6 * 8 * 1.0000000000000002\nanswer = left - 5",
            None,
            id="whole at 12 digits",
        ),
        pytest.param(
            PROMPT,
            "answer = 6 * 8 - 5 - 7",
            ["line 1: the number 7 is not in the question"],
            id="ungrounded",
        ),
        pytest.param(
            PROMPT,
            "answer = 6 * 8 + 0 - 100 + 2 * (100 - 1) - 100",
            ["the number 5 in the question is not used"],
            id="unused number",
        ),
        pytest.param(
            PROMPT,
            "total = 6 * 8\nleft = total - 5\nanswer = total",
            ["line 2: left is never used"],
            id="unused variable",
        ),
        pytest.param(
            PROMPT,
            "for _ in range(6):\n    total = 8 - 5\nanswer = total",
            [],
            id="a variable that is not to be used",
        ),
        pytest.param(
            "Half of 12 dozen eggs, twice: how many eggs are it?",
            "answer = 12 * 0.5 * 2",
            [],
            id="words",
        ),
        pytest.param(
            "What are 20% of $1,250.50 for five people, 12 times?",
            "a = 1250.5 * 20 / 100 * 5\nanswer = a * 12",
            [],
            id="digits",
        ),
        pytest.param(
            "How many are 6 and 6?",
            "answer = 12",
            [
                "line 1: the number 12 is not in the question",
                "the number 6 in the question is not used",
            ],
            id="each number once",
        ),
    ],
)
async def test_each_rule_finds_what_it_says(
    prompt: str, text: str, findings: list[str] | None, sandbox: Sandbox
) -> None:
    critique = await judge(text, sandbox, prompt)

    if findings is None:
        assert not [line for line in lines(critique) if "whole" in line]
    else:
        assert lines(critique) == findings
        assert critique.verdict is (Verdict.FAIL if findings else Verdict.PASS)
    assert all(finding.hardness is Hardness.SOFT for finding in critique.findings)


async def test_findings_come_in_the_order_of_the_rules(sandbox: Sandbox) -> None:
    text = "b = 7\na = 6 - 8\nc = a / 4\nanswer = c"

    critique = await judge(text, sandbox)

    assert [finding.message for finding in critique.findings] == [
        "a is -2, but a quantity cannot be negative",
        "c is -0.5, but a quantity cannot be negative",
        "answer is -0.5, but a quantity cannot be negative",
        "c is -0.5, but the question asks for whole things",
        "answer is -0.5, but the question asks for whole things",
        "the number 7 is not in the question",
        "the number 4 is not in the question",
        "the number 5 in the question is not used",
        "b is never used",
    ]


async def test_a_value_is_reported_at_its_last_assignment(sandbox: Sandbox) -> None:
    text = "Sé:\n```python\nleft = 6 * 8\né = left = 5 - left\nanswer = 0 - left - é\n```"

    critique = await judge(text, sandbox)

    spans = [finding.span for finding in critique.findings]
    assert [(span.line, text[span.start : span.end]) for span in spans if span] == [
        (2, "left"),
        (2, "é"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            "def f():\n    x = 5 - 8 * 6\n    return -x\nanswer = f()", id="in a function"
        ),
        pytest.param("ok = 6 > 8 or 5\nanswer = True if ok else False", id="booleans"),
        pytest.param("globals()['x'] = -1\nanswer = 6 * 8 - 5", id="no assignment"),
        pytest.param("big = 8.0 * 6 * float('inf')\nanswer = big - 5", id="infinite"),
    ],
)
async def test_only_top_level_numbers_count(text: str, sandbox: Sandbox) -> None:
    assert lines(await judge(text, sandbox)) == []


async def test_what_a_program_writes_itself_cannot_hide_its_literals(sandbox: Sandbox) -> None:
    forged = '{"crash": null, "answer": ["answer", 43], "variables": [], "calls": []}'
    text = f"import os\nopen('result.json', 'w').write('''{forged}''')\nos._exit(0)\nanswer = 9"

    critique = await judge(text, sandbox)

    assert critique.verdict is Verdict.FAIL
    assert "line 4: the number 9 is not in the question" in lines(critique)


async def test_a_question_without_numbers_is_no_ground_to_judge(sandbox: Sandbox) -> None:
    critique = await judge("answer = 0 - 7", sandbox, "How many wheels has a car?")

    assert critique.verdict is Verdict.ABSTAIN


@pytest.mark.parametrize("text", ["answer = (7", "# 7"])
async def test_of_a_program_that_cannot_be_read_nothing_is_said(
    text: str, sandbox: Sandbox
) -> None:
    critique = await judge(f"```python\n{text}\n```", sandbox)

    assert critique.verdict is Verdict.ABSTAIN


@pytest.mark.parametrize("crash", ["missing", "1 / 0", "exit(1)"])
async def test_without_values_there_is_no_acceptance(crash: str, sandbox: Sandbox) -> None:
    critique = await judge(f"answer = 6 * 8 - 5 + {crash}", sandbox)

    assert critique.verdict is Verdict.ABSTAIN


async def test_the_named_answer_need_not_be_read(sandbox: Sandbox) -> None:
    text = "left = 6 * 8 - 5"

    assert lines(await judge(text, sandbox)) == ["line 1: left is never used"]
    named = await judge(text, sandbox, critic=QuantitiesCritic(answer="left"))
    assert named.verdict is Verdict.PASS


async def test_it_asks_for_the_same_run_as_runs(sandbox: Sandbox) -> None:
    draft, context = Draft("answer = 6 * 8 - 5"), make_context(PROMPT, sandbox=sandbox)
    limits = Limits(cpu_seconds=2)

    runs = await RunsCritic(limits=limits).critique(draft, context)
    quantities = await QuantitiesCritic(limits=limits).critique(draft, context)

    assert quantities.evidence[0].request == runs.evidence[0].request
    assert QuantitiesCritic.requires == ("python/runs",)
