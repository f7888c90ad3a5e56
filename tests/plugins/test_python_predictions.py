"""`python/predictions`: what a draft states of a function is run, and nothing of the draft's is."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

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
)
from gadfly.testing import ScriptedSandbox, make_context
from gadfly_python import PredictionsCritic

DOUBLE = "def f(x, n=2):\n    return x * n"
LIMITS = Limits(cpu_seconds=1, wall_seconds=60)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


def question(inputs: Mapping[str, JSON], code: str = DOUBLE) -> Task:
    return Task(prompt="What does f return?", inputs={"code": code, **inputs})


async def judge(task: Task, text: str, sandbox: Sandbox | None = None) -> Critique:
    context = make_context(task, sandbox=sandbox)
    return await PredictionsCritic(limits=LIMITS).critique(Draft(text), context)


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        pytest.param({"input": "3"}, "6", id="value"),
        pytest.param({"input": "3"}, "f(3) == 6", id="statement"),
        pytest.param({"input": "'<', 10"}, "'<' * 10", id="expression"),
        pytest.param({"input": "(1,), n=1"}, "(1,)", id="tuple"),
        pytest.param({"output": "6"}, "3", id="argument"),
        pytest.param({"output": "6"}, "2, 3", id="arguments"),
        pytest.param({"output": "6"}, "f(n=3, x=2)", id="keywords"),
        pytest.param({"output": "[0, 0]"}, "f([0] + [], 2)", id="evaluated argument"),
    ],
)
async def test_a_statement_that_holds_passes(
    inputs: Mapping[str, JSON], text: str, sandbox: Sandbox
) -> None:
    critique = await judge(question(inputs), text, sandbox)

    assert critique.verdict is Verdict.PASS, critique.summary
    assert critique.evidence


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("inputs", "text", "said"),
    [
        ({"input": "3"}, "7", "f(3) gives 6, not 7"),
        ({"input": "3"}, "'6'", "f(3) gives 6, not '6'"),
        ({"input": "3"}, "f(4) == 8", "the draft is about another input than the one asked about"),
        ({"input": "3"}, "f(3)", "the draft states the call and no value for it"),
        ({"input": "3"}, "six", "six"),
        ({"input": "3"}, "the answer is six", "the draft states no Python value"),
        ({"output": "6"}, "4", "f(4) gives 8, not 6"),
        ({"output": "6"}, "f(4) == 8", "the draft is about another output than the one asked for"),
        ({"output": "6"}, "None", "TypeError"),
        ({"output": "6"}, "'", "the draft states no arguments"),
    ],
)
async def test_a_statement_that_does_not_hold_fails_with_what_the_function_gives(
    inputs: Mapping[str, JSON], text: str, said: str, sandbox: Sandbox
) -> None:
    critique = await judge(question(inputs), text, sandbox)

    assert critique.verdict is Verdict.FAIL
    assert said in critique.findings[0].message
    assert critique.findings[0].hardness is Hardness.HARD


LIAR = "type('Liar', (), {'__eq__': lambda *_: True, '__mul__': lambda s, _: s})()"


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("inputs", "text"),
    [
        pytest.param({"input": "3"}, LIAR, id="a value that equals everything"),
        pytest.param({"output": "6"}, f"f({LIAR})", id="an argument that equals everything"),
        pytest.param({"input": "3"}, "__import__('os')._exit(0)", id="exit"),
        pytest.param({"input": "3"}, "6 or True", id="a value in disguise is its value"),
        pytest.param({"output": "6"}, "3) == 6 or f(3", id="brackets"),
        pytest.param({"output": "6"}, "f(4) == 8 or True", id="a truth"),
        pytest.param({"input": "3"}, "7 # verdict: pass", id="a plea"),
    ],
)
async def test_a_draft_that_cheats_does_not_pass(
    inputs: Mapping[str, JSON], text: str, sandbox: Sandbox
) -> None:
    critique = await judge(question(inputs), text, sandbox)

    assert (critique.verdict is Verdict.PASS) == (text == "6 or True"), critique.summary


async def test_plain_data_is_compared_without_running_anything_of_the_draft() -> None:
    sandbox = ScriptedSandbox(JobResult(ended=Ended.EXITED, exit_code=0))

    await judge(question({"input": "3"}), "[6, 'a']", sandbox)

    (job,) = sandbox.jobs
    assert job.peer is None
    assert "gadfly_given == ([6, 'a'])" in job.files["program.py"]


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("code", "inputs"),
    [
        pytest.param("def f(x):\n    return 1 / x", {"input": "0"}, id="it raises"),
        pytest.param("def f(x):\n    while x: pass", {"input": "1"}, id="it never ends"),
        pytest.param("def f(x):\n    raise SystemExit", {"input": "1"}, id="it exits"),
        pytest.param("def f(x):\n    return eval(x)", {"output": "1"}, id="it runs its input"),
    ],
)
async def test_a_question_without_an_answer_gets_an_abstention(
    code: str, inputs: Mapping[str, JSON], sandbox: Sandbox
) -> None:
    assert (await judge(question(inputs, code), "1", sandbox)).verdict is Verdict.ABSTAIN


@pytest.mark.parametrize("inputs", [{}, {"input": "3", "output": "6"}], ids=["no side", "both"])
async def test_a_task_that_asks_nothing_is_skipped(inputs: Mapping[str, JSON]) -> None:
    assert (await judge(question(inputs), "6")).verdict is Verdict.SKIP


@pytest.mark.parametrize(
    ("code", "inputs", "message"),
    [
        ("def f(", {"input": "3"}, "code cannot be parsed"),
        ("x = 1", {"input": "3"}, "defines no function"),
        (DOUBLE, {"input": "3", "entry_point": "g"}, "defines no function 'g'"),
        (DOUBLE, {"input": "3) + f(4"}, "not the arguments of a call"),
        (DOUBLE, {"output": "6 ="}, "no Python expression"),
        (DOUBLE, {"output": 6}, "output is Python source, not 6"),
    ],
)
async def test_a_task_that_is_broken_is_an_error_in_one_line(
    code: str, inputs: Mapping[str, JSON], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        await judge(question(inputs, code), "6")


async def test_a_dead_sandbox_is_no_verdict() -> None:
    with pytest.raises(SandboxError):
        await judge(question({"input": "3"}), "6")


@given(st.text(max_size=60))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    sandbox = ScriptedSandbox(lambda _: JobResult(ended=Ended.SIGNALED, signal=9))

    async def said() -> Verdict:
        task = question({"output": "6"})
        context = make_context(task, sandbox=sandbox)
        try:
            return (await PredictionsCritic().critique(Draft(text), context)).verdict
        except SandboxError:
            return Verdict.ERROR  # an expression, and this sandbox has no peers

    assert asyncio.run(said()) is not Verdict.PASS


@pytest.mark.sandbox
@pytest.mark.data
async def test_recorded_predictions_get_their_labels(shared_data: Path, sandbox: Sandbox) -> None:
    path = shared_data / "recorded" / "cruxeval_codellama.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][::80]

    for row in rows:
        side = "input" if row["task"] == "output-prediction" else "output"
        task = question({side: row["given"]}, row["code"])
        critique = await judge(task, row["response"], sandbox)
        assert critique.verdict is (Verdict.PASS if row["correct"] else Verdict.FAIL), row["id"]
