"""What an attack is, and how one is declared."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from gadfly._ports import Sandbox
from gadfly._values.job import Level
from gadfly.testing._attacks._stage import Stage, leave_no_trace, works

PATIENCE_SECONDS = 60.0
"""An attack that takes longer has met a sandbox that hangs."""

Script = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Attack:
    """One thing that hostile code does, and what a sandbox must make of it."""

    name: str
    """Its name in reports and in lists of what is not covered; it never changes."""
    kind: str
    """`resources`, `lifecycle`, `reach`, `files`, `neighbours` or `peers`."""
    run: Callable[[Sandbox], Awaitable[None]]
    """Raises AssertionError where the sandbox does not hold; anything else came out of the sandbox.
    A job beside it and the next job must come out right, and no process may be left."""
    wants: Level = Level.UNSAFE
    """The weakest level that promises to hold it."""

    def __str__(self) -> str:
        return self.name

    @property
    def promise(self) -> str:
        """What the sandbox must do, in one sentence."""
        return " ".join((self.run.__doc__ or "").partition("\n\n")[0].split())


@dataclass(frozen=True, slots=True)
class Kind:
    """Attacks of one kind, in the order in which they are declared."""

    name: str
    attacks: list[Attack] = field(default_factory=list[Attack])

    def attack(self, name: str, wants: Level = Level.UNSAFE) -> Callable[[Script], Script]:
        """Declare a function to be an attack; the first line of its docstring is the promise."""

        def declare(script: Script) -> Script:
            self.attacks.append(Attack(name, self.name, _staged(script), wants))
            return script

        return declare


def _staged(script: Script) -> Callable[[Sandbox], Awaitable[None]]:
    @functools.wraps(script)
    async def run(sandbox: Sandbox) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await _play(script, Stage(sandbox))
        except TimeoutError as error:
            raise AssertionError(f"it was not done in {PATIENCE_SECONDS:.0f} s") from error

    return run


async def _play(script: Script, stage: Stage) -> None:
    neighbour = asyncio.ensure_future(works(stage.sandbox))
    try:
        await script(stage)
    except BaseException:
        neighbour.cancel()
        await asyncio.gather(neighbour, return_exceptions=True)
        raise
    try:
        await neighbour
    except AssertionError as error:
        raise AssertionError(f"the job beside it: {error}") from error
    await leave_no_trace(stage)
