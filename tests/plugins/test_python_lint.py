"""`python/lint`: findings are soft, what is no Python is hard, and a broken tool is neither."""

from __future__ import annotations

import ast
import asyncio
import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gadfly_python
from gadfly import (
    Critique,
    Draft,
    Ended,
    Hardness,
    InputError,
    Job,
    JobResult,
    Plugins,
    Sandbox,
    ToolError,
    Verdict,
    replay,
)
from gadfly.testing import (
    CRITIC_CHECKS,
    CriticCheck,
    ScriptedSandbox,
    Trial,
    load_fixtures,
    make_context,
)
from gadfly_python import LintCritic
from gadfly_python._linters import (
    CANARY,
    LIMITS,
    SYNTAX_RULES,
    lint_job,
    read_report,
    without_comments,
)

SANDBOXED = pytest.mark.sandbox
FIXTURES = load_fixtures(gadfly_python, "python/lint")
RUFF_ONLY = LintCritic(types=False)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


async def judge(text: str, sandbox: Sandbox, critic: LintCritic | None = None) -> Critique:
    return await (critic or LintCritic()).critique(Draft(text), make_context(sandbox=sandbox))


@SANDBOXED
@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda f: f"{f.draft[:30]!r}")
async def test_a_fixture_gets_its_verdict(fixture: object, sandbox: Sandbox) -> None:
    assert isinstance(fixture, type(FIXTURES[0]))

    critique = await Trial(LintCritic(), [fixture], sandbox=sandbox).said(fixture)

    assert critique.verdict is fixture.verdict, critique.summary


@SANDBOXED
@pytest.mark.parametrize("check", CRITIC_CHECKS, ids=str)
async def test_the_critics_contract_is_kept(check: CriticCheck, sandbox: Sandbox) -> None:
    some = {fixture.verdict: fixture for fixture in reversed(FIXTURES)}

    await check.run(Trial(RUFF_ONLY, list(some.values()), sandbox=sandbox))


@SANDBOXED
async def test_a_finding_is_soft_and_points_at_its_place(sandbox: Sandbox) -> None:
    text = "Here:\n\n```python\ndef f():\n    é = 1; return é + y\n```\n"

    critique = await judge(text, sandbox, RUFF_ONLY)

    (finding,) = critique.findings
    assert critique.verdict is Verdict.ABSTAIN
    assert finding.hardness is Hardness.SOFT
    assert finding.message == "Undefined name `y` (ruff: F821)"
    assert finding.span is not None
    assert finding.span.line == 2
    assert text[finding.span.start : finding.span.end] == "y"
    assert finding.evidence == critique.evidence[0].id


@SANDBOXED
@pytest.mark.parametrize("text", ["def f(a):\n", "def f():\n    return (1,\n    2\n"])
async def test_the_end_of_a_program_is_pointed_at_inside_the_draft(
    text: str, sandbox: Sandbox
) -> None:
    critique = await judge(text, sandbox, RUFF_ONLY)

    (finding, *_) = critique.findings
    assert critique.verdict is Verdict.FAIL
    assert finding.span is not None
    assert 1 <= finding.span.line <= len(text.splitlines())
    assert 0 <= (finding.span.start or 0) <= (finding.span.end or 0) <= len(text)


@SANDBOXED
async def test_mypy_finds_what_ruff_does_not_at_its_place(sandbox: Sandbox) -> None:
    text = "```python\ndef f(x: int) -> int:\n    return x\n\na = 1; print(f(1, 2))\n```"

    critique = await judge(text, sandbox, LintCritic(rules=("F821", "call-arg")))

    (finding,) = critique.findings
    assert finding.message == 'Too many arguments for "f" (mypy: call-arg)'
    assert finding.span is not None
    assert finding.span.line == 4
    assert text[finding.span.start : finding.span.end] == "f(1, 2)"


@SANDBOXED
async def test_a_line_that_is_not_ascii_is_pointed_at_as_a_whole_by_mypy(sandbox: Sandbox) -> None:
    text = "```python\ndef f(x: int) -> int:\n    return x\n\nö = '日本'; print(f(1, 2))\n```"

    critique = await judge(text, sandbox, LintCritic(rules=("call-arg",)))

    (finding,) = critique.findings
    assert finding.span is not None
    assert text[finding.span.start : finding.span.end] == "ö = '日本'; print(f(1, 2))"


@SANDBOXED
async def test_a_strict_critic_fails_softly(sandbox: Sandbox) -> None:
    critic = LintCritic(types=False, strict=True)

    critique = await judge("def f():\n    return y", sandbox, critic)

    assert critique.verdict is Verdict.FAIL
    assert not critique.is_hard_failure


@SANDBOXED
@pytest.mark.parametrize(
    ("text", "python", "verdict"),
    [
        ("def f(x:\n    return x", "3.12", Verdict.FAIL),
        ("def f(x):\n  return 1\n   return 2", "3.12", Verdict.FAIL),
        ("x = 1\nreturn x", "3.12", Verdict.FAIL),
        ("def f():\n    print 'a'", "3.12", Verdict.FAIL),
        ("def f[T](x: T) -> T:\n    return x", "3.11", Verdict.FAIL),
        ("def f[T](x: T) -> T:\n    return x", "3.12", Verdict.PASS),
    ],
)
async def test_what_is_no_python_of_the_version_fails_hard(
    text: str, python: str, verdict: Verdict, sandbox: Sandbox
) -> None:
    critic = LintCritic(types=False, python=python)

    critique = await judge(f"```python\n{text}\n```", sandbox, critic)

    assert critique.verdict is verdict, critique.summary
    assert critique.is_hard_failure is (verdict is Verdict.FAIL)


@SANDBOXED
@pytest.mark.parametrize(
    "text",
    [
        "x = 1\nbreak",
        "x = 1\ncontinue",
        "x = 1\nyield x",
        "x = 1\nreturn x",
        "*a, *b = [1]",
        "x = 1\nfrom __future__ import annotations",
        "def f():\n    print(x)\n    global x",
        "def f(x, x):\n    return x",
        "def f():\n    nonlocal x",
        "await f()",
        "def f(:",
    ],
)
async def test_what_counts_as_no_python_is_refused_by_the_compiler(
    text: str, sandbox: Sandbox
) -> None:
    with pytest.raises(SyntaxError):
        compile(text, "program", "exec")

    job = lint_job("ruff", {"a.py": text}, (), "3.11", LIMITS)
    report = read_report("ruff", job, await sandbox.run(job))

    assert {remark.rule for remark in report.remarks["a.py"]} & SYNTAX_RULES


@SANDBOXED
@pytest.mark.parametrize(
    "comment",
    [
        "# noqa",
        "# noqa: F821",
        "# ruff: noqa",
        "# flake8: noqa",
        "# ruff: disable[F821]",
        "# type: ignore",
        "# mypy: ignore-errors",
        "# -*- coding: utf-7 -*-",
    ],
)
async def test_a_program_cannot_ask_to_be_spared(comment: str, sandbox: Sandbox) -> None:
    text = f"{comment}\ndef f():  {comment}\n    return y  {comment}\n"

    critique = await judge(text, sandbox, RUFF_ONLY)

    assert [finding.message for finding in critique.findings] == ["Undefined name `y` (ruff: F821)"]


@SANDBOXED
async def test_a_comment_does_not_silence_mypy(sandbox: Sandbox) -> None:
    text = (
        "# mypy: ignore-errors\n"
        "def f(x: int) -> int:  # type: ignore\n"
        "    return x\n\nprint(f())  # type: ignore[call-arg]\n"
    )

    critique = await judge(text, sandbox, LintCritic(rules=("call-arg",)))

    assert [f.message for f in critique.findings] == [
        'Missing positional argument "x" in call to "f" (mypy: call-arg)'
    ]


@SANDBOXED
async def test_the_program_is_never_run(sandbox: Sandbox) -> None:
    text = "import os\n\nprint('I ran')\nos._exit(3)\n"

    critique = await judge(text, sandbox)

    assert critique.verdict is Verdict.PASS
    for evidence in critique.evidence:
        assert "I ran" not in str(evidence.observation["stdout"])


@SANDBOXED
async def test_evidence_can_be_replayed(sandbox: Sandbox) -> None:
    critique = await judge("def f():\n    return y", sandbox)

    assert len(critique.evidence) == 2
    for evidence in critique.evidence:
        assert (await replay(evidence, sandbox)).status == "reproduced"


RUFF_CANARY = {
    "code": "F821",
    "message": "Undefined name `unknown_to_all`",
    "filename": f"/work/{CANARY}",
    "location": {"row": 4, "column": 8},
    "end_location": {"row": 4, "column": 22},
}
RUFF_REMARK = {**RUFF_CANARY, "filename": "/work/draft.py", "location": {"row": 1, "column": 1}}


def said(*remarks: object, status: int = 1, stderr: str = "") -> JobResult:
    return JobResult(
        ended=Ended.EXITED, exit_code=status, stdout=json.dumps(remarks), stderr=stderr
    )


async def test_a_tool_that_sings_for_the_canary_only_passes_a_draft() -> None:
    critique = await judge("x = 1", ScriptedSandbox(said(RUFF_CANARY)), RUFF_ONLY)

    assert critique.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("result", "message"),
    [
        pytest.param(said(), "does not work", id="finds nothing"),
        pytest.param(said(status=0), "does not work", id="finds nothing and is content"),
        pytest.param(said(RUFF_CANARY, status=0), "does not work", id="wrong status"),
        pytest.param(said(RUFF_CANARY, status=2), "does not work", id="failed after all"),
        pytest.param(said(RUFF_CANARY, RUFF_CANARY), "does not work", id="repeats itself"),
        pytest.param(
            said({**RUFF_CANARY, "location": {"row": 3, "column": 1}}), "does not work", id="place"
        ),
        pytest.param(said({"code": "F821"}), "cannot be read", id="no place"),
        pytest.param(said(RUFF_CANARY, {**RUFF_CANARY, "filename": "b.py"}), "read", id="file"),
        pytest.param(
            said(RUFF_CANARY, {**RUFF_REMARK, "location": {"row": 99, "column": 1}}),
            "cannot be read",
            id="a line that there is not",
        ),
        pytest.param(said(RUFF_CANARY, {**RUFF_REMARK, "code": None}), "read", id="no code"),
        pytest.param(said(RUFF_CANARY, 7), "cannot be read", id="a number"),
        pytest.param(
            JobResult(ended=Ended.EXITED, exit_code=1, stdout="All checks passed!"),
            "read",
            id="text",
        ),
        pytest.param(JobResult(ended=Ended.EXITED, exit_code=1), "cannot be read", id="silence"),
        pytest.param(
            JobResult(ended=Ended.EXITED, exit_code=1, stderr="python: No module named ruff"),
            r"there is no ruff in the sandbox: pip install 'gadfly-python\[lint\]'",
            id="missing",
        ),
        pytest.param(JobResult(ended=Ended.EXITED, exit_code=127), "there is no ruff", id="absent"),
        pytest.param(JobResult(ended=Ended.TIMEOUT), "limit timeout", id="slow"),
        pytest.param(JobResult(ended=Ended.MEMORY), "limit memory", id="large"),
        pytest.param(JobResult(ended=Ended.SIGNALED, signal=9), "signal 9", id="killed"),
        pytest.param(JobResult(ended=Ended.OUTPUT, stdout="[]"), "limit output", id="chatty"),
    ],
)
async def test_a_tool_that_does_not_work_is_no_verdict(result: JobResult, message: str) -> None:
    with pytest.raises(ToolError, match=message):
        await judge("x = 1", ScriptedSandbox(result), RUFF_ONLY)


async def test_mypy_has_to_find_its_canary_too() -> None:
    for status in (0, 1, 2):
        result = JobResult(ended=Ended.EXITED, exit_code=status)
        with pytest.raises(ToolError, match="mypy does not work"):
            await judge("x = 1", ScriptedSandbox([said(RUFF_CANARY), result]))


@given(st.text(max_size=200))
def test_no_output_of_a_tool_is_taken_for_a_report(text: str) -> None:
    job = lint_job("ruff", {"a.py": "x = 1"}, (), "3.11", LIMITS)
    for tool in ("ruff", "mypy"):
        for status in (0, 1, 2):
            result = JobResult(ended=Ended.EXITED, exit_code=status, stdout=text)
            with pytest.raises(ToolError):
                read_report(tool, job, result)


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("x = '# text'  # one\n", "x = '# text'       \n"),
        ("# é\r\nx = 1  # ü\r\n", "   \r\nx = 1     \r\n"),
        ("x = f'{1}#'  # one\ny = '''\n# no\n'''\n", "x = f'{1}#'       \ny = '''\n# no\n'''\n"),
        ("#", " "),
        ("x = (  # noqa", "x = (  # noqa"),
    ],
)
def test_comments_are_blanked_and_all_else_stays_in_place(text: str, bare: str) -> None:
    assert without_comments(text) == bare


@given(st.text(alphabet="ab=#'\"\\\n\r\t (){}f:1", max_size=60))
def test_blanking_comments_changes_no_program(text: str) -> None:
    bare = without_comments(text)

    assert len(bare) == len(text)
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        assert bare == text
    else:
        assert ast.dump(ast.parse(bare)) == ast.dump(tree)


def test_every_file_is_asked_about_without_configuration() -> None:
    for tool in ("ruff", "mypy"):
        job: Job = lint_job(tool, {"a.py": "x = 1  # noqa"}, ("B",), "3.12", LIMITS)

        assert job.argv[:4] == ("python", "-I", "-m", tool)
        assert job.argv[-2:] == ("a.py", CANARY)
        assert job.files["a.py"] == "x = 1        "


@pytest.mark.parametrize("rule", ["", "F821,B", "--fix", "call_arg", "F 821"])
def test_a_rule_that_is_none_is_an_input_error(rule: str) -> None:
    with pytest.raises(InputError, match="there is no rule"):
        LintCritic(rules=(rule,))


def test_a_version_that_the_tools_do_not_know_is_an_input_error() -> None:
    with pytest.raises(InputError, match="python is one of"):
        LintCritic(python="2.7")


async def test_a_draft_without_a_program_is_skipped_and_a_long_one_not_judged() -> None:
    nowhere = ScriptedSandbox([])

    assert (await judge("It is 4.", nowhere)).verdict is Verdict.SKIP
    assert (await judge("x = 1\n" * 20_000, nowhere)).verdict is Verdict.ABSTAIN
