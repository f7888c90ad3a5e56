"""Evidence of sandboxed runs: recorded so that it can be run again, and run again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gadfly._errors import GadflyError, InputError
from gadfly._ports import Sandbox
from gadfly._values.codec import digest, dump, dump_dict, load
from gadfly._values.critique import Evidence
from gadfly._values.job import Job, JobResult
from gadfly._values.task import JSON

MAX_TEXT = 4_096
"""Characters kept of each stream and file in an observation."""
_COMPARED = ("ended", "exit_code", "signal", "stdout", "files", "rejected")
"""What must come out the same. Times, memory and tracebacks' addresses may differ."""


def job_evidence(tool: str, job: Job, result: JobResult, **observed: JSON) -> Evidence:
    """Record a sandboxed run.

    Args:
        tool: The critic's or tool's id.
        job: What was run.
        result: What happened.
        **observed: What the caller read out of it (`value=18`), added to the observation.
    """
    request = dump_dict(job)
    facts = _facts(result)
    isolation = dump(result.isolation)
    versions = {}
    if result.isolation is not None:
        versions = {"sandbox": result.isolation.sandbox, "network": result.isolation.network}
        interpreter = result.isolation.details.get("python")
        if isinstance(interpreter, str):
            versions["python"] = interpreter
    facts |= {"wall_seconds": round(result.wall_seconds, 4), "isolation": isolation, **observed}
    identity = digest({"tool": tool, "request": request})
    return Evidence(id=identity, tool=tool, request=request, observation=facts, versions=versions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What came of running evidence again."""

    status: Literal["reproduced", "differs", "cannot run"]
    differences: Mapping[str, tuple[JSON, JSON]]
    """What was observed then and now, by field; empty unless the status is `differs`."""
    reason: str = ""
    """Why it cannot run."""


async def replay(evidence: Evidence, sandbox: Sandbox) -> Replay:
    """Run recorded evidence again and compare what is observed.

    What cannot be run again is an answer (`cannot run`), not an exception.
    """
    if "argv" not in evidence.request:
        reason = f"{evidence.tool} is not a sandboxed run: its record cannot be run again here"
        return Replay(status="cannot run", differences={}, reason=reason)
    try:
        result = await sandbox.run(load(Job, evidence.request))
    except InputError as error:
        return Replay(status="cannot run", differences={}, reason=f"the record is damaged: {error}")
    except GadflyError as error:
        return Replay(status="cannot run", differences={}, reason=str(error))
    now = _facts(result)
    differences = {
        name: (evidence.observation.get(name), now[name])
        for name in _COMPARED
        if evidence.observation.get(name) != now[name]
    }
    status: Literal["reproduced", "differs"] = "differs" if differences else "reproduced"
    return Replay(status=status, differences=differences)


def _facts(result: JobResult) -> dict[str, JSON]:
    return {
        "ended": result.ended.value,
        "exit_code": result.exit_code,
        "signal": result.signal,
        "stdout": _bounded(result.stdout),
        "stderr": _bounded(result.stderr),
        "files": {name: _bounded(text) for name, text in result.files.items()},
        "rejected": dict(result.rejected),
    }


def _bounded(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}… ({len(text)} characters)"
