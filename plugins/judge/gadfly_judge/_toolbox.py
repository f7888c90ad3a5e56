"""The tools that a judge may call: those of the agent, and an interpreter in the agent's sandbox.

What a tool returns goes to the judge bounded, and quoted as data; whole, it is evidence. A tool
that breaks, or is slow, or returns something else than evidence ends the critique with an error: a
judge that is told "the search failed" might go on and judge without it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from gadfly import (
    Context,
    Evidence,
    InputError,
    Job,
    JobResult,
    Limits,
    ToolError,
    dump,
    extract_artifacts,
    job_evidence,
)

INTERPRETER = "interpreter"
LIMITS = Limits(wall_seconds=10, cpu_seconds=10, memory_mib=1024, output_kib=64)
PASSAGES = 3
"""Of one search, those that were not shown before."""
PASSAGE = 600
SHOWN = 2_000
"""Characters that the judge sees of anything else."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one tool call."""

    evidence: Evidence
    shown: str
    """What the judge is shown; empty where the tool observed nothing (new)."""


@dataclass(slots=True)
class Toolbox:
    """The tools of one critique. It remembers what the judge has seen.

    Args:
        context: Where the tools and the sandbox are.
        wanted: Ids of the tools to offer; None for all of the agent's and the interpreter.
        seconds: How long one call may take.

    Raises:
        InputError: A tool that is wanted is not there.
    """

    context: Context
    wanted: Sequence[str] | None
    seconds: float
    names: tuple[str, ...] = field(init=False)
    _seen: set[str] = field(default_factory=set[str], init=False)

    def __post_init__(self) -> None:
        own = self.context.tools
        names = tuple(dict.fromkeys((*own, INTERPRETER) if self.wanted is None else self.wanted))
        for name in names:
            if name not in own and name != INTERPRETER:
                known = ", ".join((*own, INTERPRETER))
                raise InputError(f"judge/critic is to use the tool {name!r}; there are: {known}")
        self.names = names

    async def use(self, name: str, request: str) -> Result:
        """Call a tool.

        Raises:
            ToolError: It broke, was slow, or returned something else than evidence.
        """
        call = self._run if name == INTERPRETER and name not in self.context.tools else self._call
        try:
            async with asyncio.timeout(self.seconds):
                return await call(name, request)
        except TimeoutError as error:
            raise ToolError(f"{name} did not answer within {self.seconds:g} seconds") from error

    async def _call(self, name: str, request: str) -> Result:
        # A type checker believes the annotation; tools come from strangers.
        found = cast("object", await self.context.tools[name](request))
        if not isinstance(found, Evidence):
            raise ToolError(f"{name} returned {found!r:.80}, not evidence")
        passages = _passages(found.observation)
        if passages is not None:
            new = [p for p in dict.fromkeys(passages) if p not in self._seen][:PASSAGES]
            self._seen.update(new)
            return Result(found, "\n\n".join(new))
        text = found.observation.get("text")
        if not isinstance(text, str):
            plain = dump(found.observation)
            text = json.dumps(plain, ensure_ascii=False) if plain else ""
        return Result(found, text.strip()[:SHOWN])

    async def _run(self, name: str, request: str) -> Result:
        programs = [a.text for a in extract_artifacts(request) if a.kind in {"python", "code"}]
        code = programs[0] if programs else request
        job = Job(("python", "main.py"), files={"main.py": code}, limits=LIMITS)
        result = cast("object", await self.context.sandbox.run(job))
        if not isinstance(result, JobResult):
            raise ToolError(f"the sandbox returned {result!r:.80}, not a result")
        evidence = job_evidence("judge/interpreter", job, result)
        return Result(evidence, _output(result))


def _passages(observation: Mapping[str, object]) -> list[str] | None:
    """Return what a search observed, each passage with its title; None where it was no search."""
    listed = observation.get("passages")
    if not isinstance(listed, list | tuple):
        return None
    shown: list[str] = []
    for row in cast("Sequence[object]", listed):
        fields = cast("Mapping[object, object]", row) if isinstance(row, Mapping) else {"text": row}
        title, text = fields.get("title"), fields.get("text")
        if isinstance(text, str) and text.strip():
            head = f"[{title}] " if isinstance(title, str) and title else ""
            shown.append(f"{head}{text.strip()[:PASSAGE]}")
    return shown


def _output(result: JobResult) -> str:
    """Return what a program printed and how it ended; nothing where that shows nothing."""
    if result.succeeded and not result.stdout.strip():
        return ""
    parts = [f"It ended: {result.ended}, exit code {result.exit_code}."]
    if result.stdout.strip():
        parts.append(f"It printed:\n{result.stdout.strip()[:SHOWN]}")
    if result.stderr.strip() and not result.succeeded:
        # Of a traceback the end tells.
        parts.append(f"Its errors:\n{result.stderr.strip()[-SHOWN // 2 :]}")
    return "\n".join(parts)
