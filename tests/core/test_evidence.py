"""Recorded runs: their identity, their bounds, and running them again."""

from __future__ import annotations

import json

import pytest

from gadfly import (
    Ended,
    Evidence,
    Isolation,
    Job,
    JobResult,
    Level,
    SandboxError,
    dump,
    job_evidence,
    load,
    replay,
)
from gadfly._evidence import MAX_TEXT
from gadfly.testing import ScriptedSandbox

JOB = Job(("python", "-c", "print(4)"), files={"a.py": "x"})
RESULT = JobResult(
    ended=Ended.EXITED,
    exit_code=0,
    stdout="4\n",
    wall_seconds=0.123456789,
    isolation=Isolation(
        sandbox="local", level=Level.PROCESS, network="none", details={"python": "3.11.2"}
    ),
)


def test_evidence_holds_the_whole_request_and_what_was_seen() -> None:
    evidence = job_evidence("python/runs", JOB, RESULT, value=4)

    assert evidence.request == dump(JOB)
    assert evidence.observation["ended"] == "exited"
    assert evidence.observation["stdout"] == "4\n"
    assert evidence.observation["value"] == 4
    assert evidence.versions == {"sandbox": "local", "network": "none", "python": "3.11.2"}


def test_the_same_check_has_the_same_id_whatever_came_out() -> None:
    first = job_evidence("t", JOB, RESULT)
    again = job_evidence("t", JOB, JobResult(ended=Ended.TIMEOUT))

    assert first.id == again.id
    assert first.id != job_evidence("other", JOB, RESULT).id
    assert first.id != job_evidence("t", Job(("python",)), RESULT).id


def test_what_was_seen_is_bounded() -> None:
    loud = JobResult(ended=Ended.OUTPUT, stdout="x" * 10**6, files={"a": "y" * 10**6})

    evidence = job_evidence("t", JOB, loud)

    assert len(json.dumps(dump(evidence))) < 3 * MAX_TEXT
    assert "(1000000 characters)" in str(evidence.observation["stdout"])


async def test_the_same_result_is_reproduced_though_times_differ() -> None:
    slower = JobResult(ended=Ended.EXITED, exit_code=0, stdout="4\n", wall_seconds=9)
    sandbox = ScriptedSandbox(slower)

    outcome = await replay(_from_disk(job_evidence("t", JOB, RESULT)), sandbox)

    assert (outcome.status, outcome.differences) == ("reproduced", {})
    assert sandbox.jobs == [JOB]


async def test_another_result_is_shown_field_by_field() -> None:
    sandbox = ScriptedSandbox(JobResult(ended=Ended.EXITED, exit_code=1, stdout="5\n"))

    outcome = await replay(job_evidence("t", JOB, RESULT), sandbox)

    assert outcome.status == "differs"
    assert outcome.differences == {"exit_code": (0, 1), "stdout": ("4\n", "5\n")}


async def test_long_output_is_compared_beyond_what_is_kept() -> None:
    long = JobResult(ended=Ended.EXITED, exit_code=0, stdout="x" * 9999)
    longer = JobResult(ended=Ended.EXITED, exit_code=0, stdout="x" * 10_000)

    outcome = await replay(job_evidence("t", JOB, long), ScriptedSandbox(longer))

    assert outcome.status == "differs"


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        pytest.param({"query": "x"}, "not a sandboxed run", id="a-search"),
        pytest.param({"argv": []}, "damaged", id="no-command"),
        pytest.param({"argv": ["x"], "files": {"/x": ""}}, "damaged", id="bad-file"),
        pytest.param({"argv": "python"}, "damaged", id="text-for-a-list"),
    ],
)
async def test_what_is_no_job_cannot_run(request_: dict[str, object], reason: str) -> None:
    evidence = Evidence(id="1", tool="t", request=request_, observation={})  # type: ignore[arg-type]
    sandbox = ScriptedSandbox(RESULT)

    outcome = await replay(evidence, sandbox)

    assert outcome.status == "cannot run"
    assert reason in outcome.reason
    assert sandbox.jobs == []


async def test_a_broken_sandbox_is_no_difference() -> None:
    sandbox = ScriptedSandbox([SandboxError("no runner")])

    outcome = await replay(job_evidence("t", JOB, RESULT), sandbox)

    assert (outcome.status, outcome.reason) == ("cannot run", "no runner")


def _from_disk(evidence: Evidence) -> Evidence:
    return load(Evidence, json.loads(json.dumps(dump(evidence))))
