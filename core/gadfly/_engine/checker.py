"""Runs critics on drafts. Whatever a critic does, what comes out is a critique.

A critic that raises, hangs, returns nonsense, or blocks in native code yields `ERROR` within its
deadline. Everything it touches passes through here: sandbox jobs, tool calls and model calls are
counted, and identical ones in flight are done once.
"""

from __future__ import annotations

import asyncio
import base64
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from gadfly._engine import frames
from gadfly._engine.checked import Checked, broken
from gadfly._engine.flight import SingleFlight
from gadfly._engine.waves import Wave, next_wave
from gadfly._engine.workers import Workers
from gadfly._errors import CriticError, InputError, SandboxError, ToolError, UnknownNameError
from gadfly._ports import Context, CriticSpec, Model, Sandbox, Tool
from gadfly._values.budget import Usage
from gadfly._values.codec import digest, dump, load
from gadfly._values.critique import Critique, Evidence
from gadfly._values.job import Ended, Isolation, Job, JobResult
from gadfly._values.task import Draft, Message, Reply, Task

ATTEMPTS = 2
"""How often a critic that raised is tried, within its one deadline. One that hung is not."""
RECENT_JOBS = 256
"""Results of ended jobs that are kept for the critics that run the same one a moment later."""
RECENT_CHARACTERS = 64 * 1024
"""Larger results are not kept."""


class Checker:
    """Runs critics. An async context manager, used in the event loop that it was entered in.

    Args:
        sandbox: Where critics' jobs run; None makes every job a `SandboxError`.
        tools: Tools for critics, by id.
        model: The model that judges ask.
        workers: Critics that may run at a time, each in a process; by default twice the cores
            and two.
    """

    def __init__(
        self,
        *,
        sandbox: Sandbox | None = None,
        tools: Mapping[str, Tool] | None = None,
        model: Model | None = None,
        workers: int | None = None,
    ) -> None:
        self.sandbox = sandbox or NoSandbox()
        self._tools = dict(tools or {})
        self._model = model
        self._workers = Workers(workers or 2 * (os.cpu_count() or 1) + 2)
        self._checks: SingleFlight[Checked] = SingleFlight()
        self._jobs: SingleFlight[JobResult] = SingleFlight()
        self._recent: dict[str, JobResult] = {}
        self._pickled: dict[int, tuple[CriticSpec, str]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End the critics' processes that are idle. The sandbox stays its owner's to close."""
        await self._workers.close()

    async def check(
        self,
        spec: CriticSpec,
        task: Task,
        draft: Draft,
        earlier: Mapping[str, Critique] | None = None,
    ) -> Checked:
        """Return what one critic says of one draft; an `ERROR` critique where it broke.

        An identical check in flight is shared. `Draft.number` and authorship do not matter for
        being identical; the text does.
        """
        rest = digest([task.inputs, earlier]) if task.inputs or earlier else ""
        key = (id(spec.critic), task.id, task.prompt, draft.text, rest)
        checked, shared = await self._checks.run(
            key, lambda: self._check(spec, task, draft, earlier or {})
        )
        return replace(checked, usage=Usage(), shared=True) if shared else checked

    async def check_all(
        self, specs: Sequence[CriticSpec], task: Task, draft: Draft
    ) -> dict[str, Checked]:
        """Return what all critics say of one draft, by id, in the order of `specs`.

        They run in waves: prerequisites before what needs them, cheap before dear, and a hard
        failure spares what is left.
        """
        done: dict[str, Checked] = {}
        while True:
            critiques = {id_: checked.critique for id_, checked in done.items()}
            ready, spared = next_wave(specs, critiques, task, draft)
            done |= {id_: Checked(critique) for id_, critique in spared.items()}
            if not ready:
                if not spared:
                    return {spec.id: done[spec.id] for spec in specs}
                continue
            wave = Wave()
            checks = (wave.run(spec, self.check(spec, task, draft, critiques)) for spec in ready)
            results = await asyncio.gather(*checks)
            done |= {spec.id: checked for spec, checked in zip(ready, results, strict=True)}

    async def _check(
        self, spec: CriticSpec, task: Task, draft: Draft, earlier: Mapping[str, Critique]
    ) -> Checked:
        meter = _Meter(self)
        context = Context(
            task=task,
            sandbox=meter,
            tools={name: meter.tool(name) for name in self._tools},
            model=None if self._model is None else meter.model(self._model.name),
            earlier=earlier,
        )
        started = time.monotonic()
        run = self._inline if spec.inline else self._in_process
        critique = broken("it was not tried")
        left = spec.deadline_seconds
        for _ in range(ATTEMPTS):
            try:
                critique = await run(spec, draft, context, meter, left)
                break
            except TimeoutError:
                critique = broken(f"no verdict within {spec.deadline_seconds:g} s")
                break
            except CriticError as error:
                critique = broken(str(error))
            left = spec.deadline_seconds - (time.monotonic() - started)
            if left <= 0:
                break
        return Checked(critique, meter.usage, time.monotonic() - started)

    @staticmethod
    async def _inline(
        spec: CriticSpec, draft: Draft, context: Context, _meter: _Meter, seconds: float
    ) -> Critique:
        deadline = asyncio.timeout(seconds)
        try:
            async with deadline:
                critique = await spec.critic.critique(draft, context)
        except (Exception, SystemExit, asyncio.CancelledError) as error:
            # A critic may raise these two of its own accord, and then they are like any other.
            if isinstance(error, TimeoutError) and deadline.expired():
                raise
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            raise CriticError(f"{type(error).__name__}: {error}") from error
        if not isinstance(critique, Critique):
            raise CriticError(f"it returned {type(critique).__name__}, not a Critique")
        return _read(critique)

    async def _in_process(
        self, spec: CriticSpec, draft: Draft, context: Context, meter: _Meter, seconds: float
    ) -> Critique:
        message = {
            "task": dump(context.task),
            "draft": dump(draft),
            "earlier": dump(context.earlier),
            "tools": list(context.tools),
            "model": None if context.model is None else context.model.name,
        }
        key, pickled = f"{spec.id}:{id(spec.critic)}", self._pickle(spec)
        plain = await self._workers.call(key, pickled, message, seconds, meter.answer)
        return _read(plain)

    def _pickle(self, spec: CriticSpec) -> str:
        # The spec is kept beside its pickle so that its critic's id() stays its own.
        if (known := self._pickled.get(id(spec.critic))) is not None:
            return known[1]
        import cloudpickle

        try:
            pickled = base64.b64encode(cloudpickle.dumps(spec.critic)).decode()
        except Exception as error:
            raise CriticError(
                f"it cannot be sent to a process ({error}); make it picklable, or inline"
            ) from error
        self._pickled[id(spec.critic)] = (spec, pickled)
        return pickled

    async def run_job(self, job: Job) -> tuple[JobResult, bool]:
        """Run a sandbox job, shared with an identical one in flight or just ended.

        Critics of one draft often run the same program: they then judge the very same run.
        """
        key = digest(job)
        if (known := self._recent.get(key)) is not None:
            return known, True
        result, shared = await self._jobs.run(key, lambda: self.sandbox.run(job))
        texts = (result.stdout, result.stderr, *result.files.values())
        # A limit that was reached may have been a busy machine: that is worth another try.
        if result.ended is Ended.EXITED and sum(map(len, texts)) <= RECENT_CHARACTERS:
            self._recent[key] = result
            while len(self._recent) > RECENT_JOBS:
                del self._recent[next(iter(self._recent))]
        return result, shared

    def tool(self, name: str) -> Tool:
        """Return a tool by id.

        Raises:
            UnknownNameError: There is none.
        """
        if name not in self._tools:
            raise UnknownNameError("tool", name, self._tools)
        return self._tools[name]

    @property
    def model(self) -> Model | None:
        """The model that judges ask."""
        return self._model


def _is_cancelled() -> bool:
    """Whether somebody wants the running task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _read(said: object) -> Critique:
    """Return what a critic said as a sound value: nothing that cannot be kept gets into a run."""
    try:
        if isinstance(said, Critique):
            # From our own process: bounded as if it had come from another.
            said = dump(said)
            frames.encode({"critique": said})
        return load(Critique, said)
    except (InputError, frames.FrameError, ValueError, RecursionError) as error:
        raise CriticError(f"what it returned is damaged: {error}") from error


class _Meter:
    """The ports of one check: counts what is used. It is a sandbox itself."""

    name = "engine"

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self.usage = Usage()

    async def run(self, job: Job) -> JobResult:
        result, shared = await self._checker.run_job(job)
        if not shared:
            self.usage += Usage(tool_calls=1, sandbox_seconds=result.wall_seconds)
        return result

    async def probe(self) -> Isolation:
        return await self._checker.sandbox.probe()

    async def close(self) -> None:
        """Nothing to give back: the sandbox is its owner's."""

    def tool(self, name: str) -> Tool:
        async def use(request: str) -> Evidence:
            self.usage += Usage(tool_calls=1)
            return await self._checker.tool(name)(request)

        return use

    def model(self, name: str) -> Model:
        return _MeteredModel(self, name)

    async def generate(self, messages: Sequence[Message]) -> Reply:
        if self._checker.model is None:
            raise ToolError("no model was given for critics to ask")
        reply = await self._checker.model.generate(messages)
        self.usage += Usage(
            model_calls=1,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
        )
        return reply

    async def answer(self, ask: dict[str, Any]) -> Any:  # noqa: ANN401 - each port answers with its own plain data
        """Serve what a critic in another process asks of its context."""
        if ask["port"] == "sandbox":
            return dump(await self.run(load(Job, ask["job"])))
        if ask["port"] == "probe":
            return dump(await self.probe())
        if ask["port"] == "tool":
            return dump(await self.tool(ask["name"])(ask["request"]))
        return dump(await self.generate([Message(**message) for message in ask["messages"]]))


class _MeteredModel:
    def __init__(self, meter: _Meter, name: str) -> None:
        self._meter = meter
        self.name = name

    async def generate(self, messages: Sequence[Message]) -> Reply:
        return await self._meter.generate(messages)


class NoSandbox:
    """Stands where no sandbox was given: every job is a `SandboxError` that says what to do."""

    name = "none"

    async def run(self, job: Job) -> JobResult:
        """Refuse."""
        raise SandboxError(
            f"no sandbox to run {job.argv[0]!r} in: install one (`pip install gadfly-local`) "
            'and name it, `sandbox="local"`'
        )

    async def probe(self) -> Isolation:
        """Refuse."""
        raise SandboxError("no sandbox was given: there is nothing to probe")

    async def close(self) -> None:
        """Nothing to give back."""
