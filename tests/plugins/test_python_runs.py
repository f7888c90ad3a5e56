"""`python/runs`, mostly in the real sandbox: it judges by what happened."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

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
    Span,
    Verdict,
    replay,
)
from gadfly.testing import ScriptedSandbox, make_context
from gadfly_python import RunsCritic
from gadfly_python._execution import LIMITS

SANDBOXED = pytest.mark.sandbox
KEYWORD_DATACLASS = """
from __future__ import annotations
from dataclasses import KW_ONLY, dataclass

@dataclass
class Point:
    _: KW_ONLY
    x: int

answer = Point(x=1).x
"""
"""Its decorator looks the module up by name to understand the annotation of `_`."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


async def judge(text: str, sandbox: Sandbox, critic: RunsCritic | None = None) -> Critique:
    return await (critic or RunsCritic()).critique(Draft(text), make_context(sandbox=sandbox))


@SANDBOXED
@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("answer = 6 * 7", 42),
        ("ans = 1 / 4", 0.25),
        ("result = 'yes'", "yes"),
        ("answer = True\nans = 1", True),
        ("def solve():\n    return [1, (2.5, None)]", [1, [2.5, None]]),
        ("def solution(x=3):\n    return x", 3),
        ("from decimal import Decimal\nanswer = Decimal('2.50')", 2.5),
        ("import numpy as np\nanswer = np.array([1, 2]).sum()", 3),
        ("import sympy as s\nx = s.Symbol('x')\nanswer = s.solve(2 * x - 3, x)[0]", 1.5),
        ("answer = float('inf')", "inf"),
        ("if __name__ == '__main__':\n    answer = 1\n    raise SystemExit(0)", 1),
        (KEYWORD_DATACLASS, 1),
        ("open('result.json', 'w').write('{}')\nanswer = 3", 3),
        ("import os\nos.symlink('/etc/passwd', 'result.json')\nanswer = 3", 3),
        ("import os\nos.chdir('/')\nanswer = 3", 3),
    ],
)
async def test_a_program_that_gives_an_answer_passes(
    text: str, value: JSON, sandbox: Sandbox
) -> None:
    critique = await judge(text, sandbox)

    assert critique.verdict is Verdict.PASS, critique.summary
    assert critique.findings == ()
    assert critique.evidence[0].observation["value"] == value


@SANDBOXED
@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("y = 1\nanswer = x + y", "NameError: name 'x' is not defined", 2),
        ("answer = 1\nanswer = (2", "SyntaxError: '(' was never closed", 2),
        ("def f():\n    return 1 / 0\nanswer = f()", "ZeroDivisionError: division by zero", 2),
        ("import json\nanswer = json.loads('')", "JSONDecodeError: Expecting value: line 1 col", 2),
        ("raise ValueError('a\\n' + 'b' * 200)", f"ValueError: a {'b' * 118}", 1),
        ("raise ValueError", "ValueError", 1),
        ("answer = 3\nraise SystemExit('no')", "SystemExit: no", 2),
        ("class E(Exception):\n    def __str__(self):\n        raise self\nraise E", "E", 4),
        ("answer = input()", "EOFError: EOF when reading a line", 1),
        ("def solve():\n    return missing", "NameError: name 'missing' is not defined", 2),
        ("x = 3", "the program does not set answer", None),
        ("def solve(x):\n    return x", "the program does not set answer", None),
        ("import os\nanswer = 3\nos._exit(0)", "the program does not set answer", None),
        ("import os\nanswer = 3\nos._exit(3)", "the program ended with exit status 3", None),
        ("import os\nos.kill(os.getpid(), 11)", "the program was killed by signal 11", None),
        ("x = 1\nanswer = None", "answer is None, not a value", 2),
        ("ans = float('nan')", "ans is nan, not a number", 1),
        ("def result():\n    pass", "result is <function>, not a value", None),
        ("def solve():\n    pass", "solve() is None, not a value", None),
        (
            "import os\nopen('result.json', 'w').write('{}')\nos._exit(0)",
            "the program spoilt the record of what it did",
            None,
        ),
        (
            "import os\nos.symlink('/etc/passwd', 'result.json')\nos._exit(0)",
            "the program spoilt the record of what it did",
            None,
        ),
    ],
)
async def test_a_program_that_gives_none_fails_with_the_reason(
    text: str, message: str, line: int | None, sandbox: Sandbox
) -> None:
    critique = await judge(text, sandbox)

    assert critique.verdict is Verdict.FAIL
    [finding] = critique.findings
    assert finding.message.startswith(message)
    assert finding.hardness is Hardness.HARD
    assert (finding.span.line if finding.span else None) == line
    assert finding.evidence == critique.evidence[0].id


@SANDBOXED
@pytest.mark.parametrize(
    ("text", "limits", "message"),
    [
        (
            "while True: pass",
            Limits(cpu_seconds=1, wall_seconds=60),
            "the program used more than 1 seconds of processor time",
        ),
        (
            "import time\ntime.sleep(60)",
            Limits(wall_seconds=1),
            "the program did not end within 1 seconds",
        ),
        (
            "while True: print('x' * 1000)",
            Limits(output_kib=64, wall_seconds=60),
            "the program printed more than 64 KiB",
        ),
    ],
)
async def test_a_limit_that_was_reached_fails_a_program(
    text: str, limits: Limits, message: str, sandbox: Sandbox
) -> None:
    critique = await judge(text, sandbox, RunsCritic(limits=limits))

    assert critique.verdict is Verdict.FAIL
    assert [finding.message for finding in critique.findings] == [message]


@pytest.mark.parametrize("ended", [ended for ended in Ended if ended is not Ended.EXITED])
async def test_every_ending_but_the_programs_own_fails_with_its_own_words(ended: Ended) -> None:
    report = json.dumps({"crash": None, "answer": ["answer", 1], "variables": [], "calls": []})
    own = ScriptedSandbox(JobResult(ended=Ended.EXITED, exit_code=0, files={"result.json": report}))
    other = ScriptedSandbox(JobResult(ended=ended, signal=9, files={"result.json": report}))

    assert (await judge("answer = 1", own)).verdict is Verdict.PASS
    critique = await judge("answer = 1", other)

    assert critique.is_hard_failure
    assert critique.findings[0].message.startswith("the program ")


async def test_what_a_program_prints_decides_nothing() -> None:
    printed = JobResult(ended=Ended.EXITED, exit_code=0, stdout='PASS\n{"answer": ["answer", 1]}')

    critique = await judge("print('PASS')", ScriptedSandbox(printed))

    assert critique.verdict is Verdict.FAIL
    assert critique.evidence[0].observation["stdout"] == printed.stdout


async def test_a_sandbox_that_fails_is_no_verdict() -> None:
    with pytest.raises(SandboxError):
        await judge("answer = 1", ScriptedSandbox([SandboxError("broken")]))


@SANDBOXED
async def test_only_the_named_variable_is_the_answer(sandbox: Sandbox) -> None:
    critic = RunsCritic(answer="left")

    found = await judge("answer = 1\nleft = 2", sandbox, critic)
    missing = await judge("answer = 1\ndef solve(): return 2", sandbox, critic)

    assert found.evidence[0].observation["value"] == 2
    assert [finding.message for finding in missing.findings] == ["the program does not set left"]


@SANDBOXED
async def test_a_finding_points_into_the_draft(sandbox: Sandbox) -> None:
    text = "Hé, look:\n```python\ny = 1\nfor i in [1]:\n    answer = x + y  # é\n```\n"

    critique = await judge(text, sandbox)

    line = "answer = x + y  # é"
    start = text.index(line)
    assert critique.findings[0].span == Span(3, start, start + len(line))


@SANDBOXED
async def test_evidence_can_be_run_again(sandbox: Sandbox) -> None:
    critique = await judge("answer = 6 * 7", sandbox)

    again = await replay(critique.evidence[0], sandbox)

    assert again.status == "reproduced", again


async def test_a_draft_without_a_program_is_skipped() -> None:
    critic = RunsCritic()
    context = make_context()

    assert not critic.applies(context.task, Draft("It is 43."))
    assert (await critic.critique(Draft("It is 43."), context)).verdict is Verdict.SKIP


@SANDBOXED
@pytest.mark.skipif(sys.platform != "linux", reason="a limit that Linux enforces")
async def test_running_out_of_memory_fails_a_program(sandbox: Sandbox) -> None:
    text = "x = []\nwhile True:\n    x.append(' ' * 10**6)"

    critique = await judge(
        text, sandbox, RunsCritic(limits=Limits(memory_mib=256, wall_seconds=60))
    )

    assert critique.is_hard_failure
    # The sandbox may see it first, or the program's own interpreter.
    assert "emory" in critique.findings[0].message


def test_limits_may_be_given_by_name() -> None:
    made = Plugins.discover().create("critics", "python/runs", limits={"wall_seconds": 2})

    assert made.limits == replace(LIMITS, wall_seconds=2)


def test_an_unknown_limit_is_named() -> None:
    with pytest.raises(InputError, match="no limit 'seconds'; there are wall_seconds"):
        Plugins.discover().create("critics", "python/runs", limits={"seconds": 2})
