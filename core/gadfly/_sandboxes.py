"""Sandboxes that must be strong enough: nothing runs in a weaker one, and none weakens unseen."""

from __future__ import annotations

from gadfly._errors import InputError, SandboxError
from gadfly._ports import Sandbox
from gadfly._values.job import Isolation, Job, JobResult, Level


def require_level(sandbox: Sandbox, level: Level | str) -> Sandbox:
    """Return the sandbox so guarded that every job in it has at least this level of isolation.

    One that cannot give it raises `SandboxError` from `probe` and `run`, with what is missing.

    Args:
        sandbox: What to guard. Closing the guarded one closes it.
        level: The weakest that will do; `Level.UNSAFE` guards nothing.

    Raises:
        InputError: There is no such level.
    """
    try:
        weakest = Level(level)
    except ValueError:
        known = ", ".join(Level)
        raise InputError(f"there is no level {level!r} of isolation; there are {known}") from None
    return sandbox if weakest is Level.UNSAFE else _GuardedSandbox(sandbox, weakest)


async def refuse_weakness(sandbox: Sandbox | None) -> None:
    """See that a sandbox that must have a level has it, before anything is asked of it.

    Raises:
        SandboxError: It has not.
    """
    if isinstance(sandbox, _GuardedSandbox):
        await sandbox.probe()


class _GuardedSandbox:
    def __init__(self, sandbox: Sandbox, level: Level) -> None:
        self.name = sandbox.name
        self._sandbox = sandbox
        self._level = level
        self._is_strong = False

    async def run(self, job: Job) -> JobResult:
        if not self._is_strong:
            await self.probe()
        result = await self._sandbox.run(job)
        self._check(result.isolation)
        return result

    async def probe(self) -> Isolation:
        isolation = await self._sandbox.probe()
        self._check(isolation)
        self._is_strong = True
        return isolation

    async def close(self) -> None:
        await self._sandbox.close()

    def _check(self, isolation: Isolation | None) -> None:
        found = isolation.level if isolation is not None else Level.UNSAFE
        if found < self._level:
            missing = "; ".join(isolation.missing) if isolation is not None else ""
            raise SandboxError(
                f"sandbox {self.name} gives the level {found} here, and {self._level} is required"
                + (f"; missing: {missing}" if missing else "")
            )
