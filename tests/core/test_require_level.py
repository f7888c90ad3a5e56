"""A level of isolation that is required is had, or nothing runs."""

from __future__ import annotations

import pytest

from gadfly import Agent, InputError, Isolation, Job, JobResult, Level, SandboxError, require_level
from gadfly.testing import ScriptedModel
from gadfly_local import LocalSandbox


class Weak:
    """A sandbox that says what it is told to, and counts its jobs."""

    name = "weak"

    def __init__(self, probed: Level, had: Level) -> None:
        self.probed, self.had, self.jobs = probed, had, 0

    async def run(self, job: Job) -> JobResult:
        self.jobs += 1
        return JobResult(ended="exited", isolation=self.isolation(self.had))  # type: ignore[arg-type]

    async def probe(self) -> Isolation:
        return self.isolation(self.probed)

    async def close(self) -> None:
        pass

    def isolation(self, level: Level) -> Isolation:
        missing = ("namespaces: install bubblewrap",)
        return Isolation(sandbox=self.name, level=level, network="none", missing=missing)


def test_levels_are_ordered() -> None:
    assert Level.UNSAFE < Level.PROCESS < Level.FAST < Level.STRICT
    assert sorted(["strict", "fast"], key=Level) == ["fast", "strict"]
    assert Level.STRICT >= "strict" and not Level.FAST > "fast"


async def test_nothing_runs_in_a_weaker_sandbox() -> None:
    weak = Weak(Level.PROCESS, Level.PROCESS)

    with pytest.raises(
        SandboxError, match=r"process here, and fast is required; missing: .*bubble"
    ):
        await require_level(weak, "fast").run(Job(("true",)))

    assert weak.jobs == 0


async def test_a_result_that_was_had_more_weakly_than_promised_is_no_result() -> None:
    with pytest.raises(SandboxError, match="unsafe"):
        await require_level(Weak(Level.STRICT, Level.UNSAFE), Level.FAST).run(Job(("true",)))


async def test_a_sandbox_that_is_strong_enough_is_used() -> None:
    sandbox = require_level(LocalSandbox(), "process")

    assert (await sandbox.run(Job(("true",)))).succeeded
    assert (await sandbox.probe()).level >= Level.PROCESS
    await sandbox.close()


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(InputError, match=r"'paranoid'.*unsafe, process, fast, strict"):
        require_level(Weak(Level.STRICT, Level.STRICT), "paranoid")


async def test_an_agent_refuses_before_its_model_is_asked() -> None:
    model = ScriptedModel("print(1)")
    weak = Weak(Level.PROCESS, Level.PROCESS)
    agent = Agent(model, ["python/runs"], sandbox=weak, require="strict", checkpoints=None)

    with pytest.raises(SandboxError, match="strict is required"):
        await agent.ainvoke("q")

    assert not model.conversations
