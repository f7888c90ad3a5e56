"""A `Context` for a critic under test."""

from __future__ import annotations

from collections.abc import Mapping

from gadfly._errors import SandboxError
from gadfly._ports import Context, Model, Sandbox, Tool
from gadfly._values.critique import Critique
from gadfly._values.job import Isolation, Job, JobResult
from gadfly._values.task import Task


class NoSandbox:
    """The sandbox of a test that was given none: every job is a `SandboxError`."""

    name = "none"

    async def run(self, job: Job) -> JobResult:
        """Refuse.

        Raises:
            SandboxError: Always.
        """
        raise SandboxError(
            f"the test gave no sandbox, and {' '.join(job.argv)[:60]!r} needs one: pass a real one "
            "or a gadfly.testing.ScriptedSandbox as sandbox=..."
        )

    async def probe(self) -> Isolation:
        """Refuse.

        Raises:
            SandboxError: Always.
        """
        raise SandboxError("the test gave no sandbox: there is nothing to probe")

    async def close(self) -> None:
        """Do nothing."""


def make_context(
    prompt: str | Task = "What is asked here?",
    *,
    sandbox: Sandbox | None = None,
    tools: Mapping[str, Tool] | None = None,
    model: Model | None = None,
    earlier: Mapping[str, Critique] | None = None,
) -> Context:
    """Return what a critic may touch, with nothing in it that the test did not give.

    Args:
        prompt: The task's prompt, or a whole task where `inputs` matter.
        sandbox: Runs jobs; by default every job is a `SandboxError`.
        tools: Tools by id.
        model: The model that judges may ask.
        earlier: Critiques of earlier critics, by id.
    """
    return Context(
        task=prompt if isinstance(prompt, Task) else Task(prompt=prompt),
        sandbox=NoSandbox() if sandbox is None else sandbox,
        tools={} if tools is None else tools,
        model=model,
        earlier={} if earlier is None else earlier,
    )
