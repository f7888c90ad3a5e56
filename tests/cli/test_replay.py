"""Evidence is run again for real, and the exit code says what came of it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gadfly import Evidence, Job, Plugins, Sandbox, dump, job_evidence

pytestmark = pytest.mark.sandbox


async def _observe(job: Job) -> Evidence:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    try:
        return job_evidence("test/tool", job, await sandbox.run(job))
    finally:
        await sandbox.close()


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    """That six times seven was computed, in a sandbox."""
    return asyncio.run(_observe(Job(("python", "-c", "print(6 * 7)"))))


def _file(folder: Path, evidence: Evidence) -> Path:
    path = folder / "evidence.json"
    path.write_text(json.dumps(dump(evidence)))
    return path


def test_what_comes_out_the_same_is_reproduced(
    gadfly: Any, tmp_path: Path, evidence: Evidence
) -> None:
    done = gadfly.run("replay", _file(tmp_path, evidence))

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"reproduced: test/tool {evidence.id}\n"


def test_what_comes_out_otherwise_differs_and_is_shown(
    gadfly: Any, tmp_path: Path, evidence: Evidence
) -> None:
    forged = replace(evidence, observation={**evidence.observation, "stdout": "43\n"})
    path = _file(tmp_path, forged)

    done = gadfly.run("replay", path)
    assert done.returncode == 1
    assert done.stdout.startswith("differs: ")
    assert "stdout was '43\\n'" in done.stdout
    assert "is '42\\n'" in done.stdout

    told = json.loads(gadfly.run("replay", path, "--json").stdout)
    assert told["status"] == "differs"
    assert told["differences"] == {"stdout": {"then": "43\n", "now": "42\n"}}


def test_what_was_no_sandboxed_run_cannot_run(
    gadfly: Any, tmp_path: Path, evidence: Evidence
) -> None:
    searched = replace(evidence, tool="search/web", request={"query": "6 * 7"})

    done = gadfly.run("replay", _file(tmp_path, searched), "--json")

    assert done.returncode == 3
    assert json.loads(done.stdout)["status"] == "cannot run"
    assert "not a sandboxed run" in json.loads(done.stdout)["reason"]


def test_evidence_is_found_in_the_kept_traces(gadfly: Any, evidence: Evidence) -> None:
    runs = gadfly.home / "runs"
    runs.mkdir(parents=True)
    critique = {"critique": {"evidence": [dump(evidence)]}}
    line = json.dumps({"kind": "critiqued", "run": "r", "data": critique, "version": 1})
    (runs / "r.jsonl").write_text(line + "\n")

    assert gadfly.json("replay", evidence.id[:8])["evidence"] == evidence.id


@pytest.mark.parametrize("reference", ["abcdef", "abc", "no/such.json"])
def test_evidence_that_is_not_there_is_code_2(gadfly: Any, reference: str) -> None:
    done = gadfly.run("replay", reference)

    assert done.returncode == 2
    assert done.stdout == ""


def test_a_sandbox_that_is_not_there_is_code_2(
    gadfly: Any, tmp_path: Path, evidence: Evidence
) -> None:
    done = gadfly.run("replay", _file(tmp_path, evidence), "--sandbox", "nowhere")

    assert done.returncode == 2
    assert "no sandbox named 'nowhere'" in done.stderr
