"""`python/examples`: inputs go into the sandbox, what must come out stays outside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from gadfly import Critique, Draft, Ended, JobResult, Limits, Plugins, Sandbox, Verdict
from gadfly.testing import ScriptedSandbox, make_context
from gadfly_python import ExamplesCritic

PROMPT = "Write f.\n\n>>> f(2)\n4\n>>> f([1])\n[1, 1]\n"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


async def judge(text: str, sandbox: Sandbox, prompt: str = PROMPT) -> Critique:
    critic = ExamplesCritic(limits=Limits(cpu_seconds=2, wall_seconds=60))
    return await critic.critique(Draft(text), make_context(prompt, sandbox=sandbox))


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (PROMPT, "def f(x):\n    return 2 * x"),
        ("f(1, k='a') == {'a': (1, None)}", "def f(x, *, k):\n    return {k: (x, None)}"),
        ("f(3) == 1", "def f(x):\n    return x / 3"),
        ("f(3) -> 0.3333333333333", "def f(x):\n    return 1 / x"),
        ("f(True) returns -1.5", "import numpy as np\ndef f(x):\n    return np.float64(-1.5 * x)"),
        (
            "f(1) == 1\nf(2) == 2",
            "calls = []\ndef f(x):\n    calls.append(x)\n    return len(calls)",
        ),
        ("f(x) == 5\nf(1) == 1", "def f(x):\n    return x"),
    ],
)
async def test_a_function_that_does_what_the_examples_say_passes(
    prompt: str, text: str, sandbox: Sandbox
) -> None:
    critique = await judge(text, sandbox, prompt)

    assert critique.verdict is Verdict.PASS, critique.summary


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("prompt", "text", "findings"),
    [
        pytest.param(
            PROMPT, "\ndef f(x):\n    return x + x if x == [1] else 5",
            [(2, "f(2) gave 5, the example says 4")], id="value",
        ),
        pytest.param(
            PROMPT, "def f(x):\n    return sum(x)",
            [(1, "f(2) raised TypeError: 'int' object is not iterable"),
             (1, "f([1]) gave 1, the example says [1, 1]")], id="exception",
        ),
        pytest.param(
            "f(2) -> 4", "def f(x):\n    return 4.0",
            [(1, "f(2) gave 4.0, the example says 4")], id="type",
        ),
        pytest.param(
            "f(2) == 1", "def f(x):\n    return True",
            [(1, "f(2) gave True, the example says 1")], id="bool",
        ),
        pytest.param(
            "f(2) == 0.1", "def f(x):\n    return 0.1 + 1e-9",
            [(1, "f(2) gave 0.100000001, the example says 0.1")], id="tolerance",
        ),
        pytest.param(
            "f(2) == 4", "class E(int):\n    __eq__ = lambda *_: True\ndef f(x):\n    return E(5)",
            [(3, "f(2) gave <E>, the example says 4")], id="always equal",
        ),
        pytest.param(
            "f(2) == 4", "def f(x):\n    raise SystemExit",
            [(1, "f(2) raised SystemExit")], id="exit",
        ),
        pytest.param(
            "f(2) == 4", "def f(x):\n    return x\nf = None",
            [(1, "f(2) raised TypeError: 'NoneType' object is not callable")], id="rebound",
        ),
        pytest.param(
            PROMPT, "import nothing_of_that_name\ndef f(x): return 2 * x",
            [(1, "ModuleNotFoundError: No module named 'nothing_of_that_name'")], id="crash",
        ),
        pytest.param(
            PROMPT, "import os\ndef f(x):\n    os._exit(0)",
            [(None, "the program ended before its examples could be tried")], id="os._exit",
        ),
        pytest.param(
            PROMPT, "def f(x):\n    while True: pass",
            [(None, "the program used more than 2 seconds of processor time")], id="endless",
        ),
    ],
)  # fmt: skip
async def test_a_function_that_does_not_fails_at_its_definition(
    prompt: str, text: str, findings: list[tuple[int | None, str]], sandbox: Sandbox
) -> None:
    critique = await judge(text, sandbox, prompt)

    assert critique.is_hard_failure
    found = [(f.span.line if f.span else None, f.message) for f in critique.findings]
    assert found == findings


async def test_the_expected_value_never_enters_the_sandbox() -> None:
    sandbox = ScriptedSandbox(JobResult(ended=Ended.EXITED, exit_code=0))

    await judge("def f(x):\n    return x", sandbox, "f(2, 'in') == 'out of reach'")

    [job] = sandbox.jobs
    everything = " ".join([*job.files.values(), job.stdin, *job.argv])
    assert '"in"' in everything
    assert "out of reach" not in everything


async def test_a_report_of_too_few_calls_fails() -> None:
    report = '{"crash": null, "answer": null, "variables": [], "calls": [{"value": 4}]}'
    result = JobResult(ended=Ended.EXITED, exit_code=0, files={"result.json": report})

    critique = await judge("def f(x):\n    return 2 * x", ScriptedSandbox(result))

    assert critique.is_hard_failure


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        pytest.param(PROMPT, "def g(x):\n    return x", id="another function"),
        pytest.param("Write f.", "def f(x):\n    return x", id="no example"),
        pytest.param(PROMPT, "I do not know.", id="no program"),
    ],
)
async def test_without_an_example_it_does_not_apply(prompt: str, text: str) -> None:
    context = make_context(prompt)

    assert not ExamplesCritic().applies(context.task, Draft(text))
    assert (await ExamplesCritic().critique(Draft(text), context)).verdict is Verdict.SKIP


async def test_examples_without_literals_are_no_ground_to_judge() -> None:
    context = make_context("f(range(3)) == 3")
    draft = Draft("def f(x):\n    return len(x)")

    assert ExamplesCritic().applies(context.task, draft)
    assert (await ExamplesCritic().critique(draft, context)).verdict is Verdict.ABSTAIN
