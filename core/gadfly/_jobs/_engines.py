"""What checks drafts: this process, or others (see `_ray`)."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from gadfly._engine.checked import Checked, broken
from gadfly._engine.checker import Checker
from gadfly._jobs._queue import Check
from gadfly._jobs.plan import Plan
from gadfly._jobs.results import VerifyResult, combine
from gadfly._sandboxes import refuse_weakness


class LostWorkerError(Exception):
    """The process that was at work on a check has ended; nothing is known about the draft."""


class Engine(Protocol):
    """Checks drafts, one per slot at a time. An async context manager."""

    @property
    def slots(self) -> int:
        """How many checks may run at a time; known once it has been entered."""
        ...

    async def __aenter__(self) -> Self:
        """Start what is needed."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End what was started, checks that are running included."""
        ...

    async def check(self, slot: int, check: Check) -> VerifyResult:
        """Return what the plan's critics say of a draft.

        Args:
            slot: From 0; no two checks run in one slot.
            check: The draft.

        Raises:
            LostWorkerError: The slot's process has ended; the slot is in order again.
        """
        ...


class LocalEngine:
    """Critics run in processes of this machine, their programs in its sandbox."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._sandbox = plan.make_sandbox()
        self._checker = plan.make_checker(self._sandbox)

    @property
    def slots(self) -> int:
        """See `Engine`."""
        return self._plan.workers

    async def __aenter__(self) -> Self:
        try:
            await refuse_weakness(self._sandbox)
        except BaseException:
            await self.__aexit__(None, None, None)
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._checker.close()
        finally:
            if self._sandbox is not None and self._plan.owns_sandbox:
                await self._sandbox.close()

    async def check(self, slot: int, check: Check) -> VerifyResult:
        """See `Engine`."""
        return await checked_by(self._checker, self._plan, check)


async def checked_by(checker: Checker, plan: Plan, check: Check) -> VerifyResult:
    """Return what a plan's critics say of a draft."""
    started = time.monotonic()
    checked = await checker.check_all(plan.specs, check.task, check.draft)
    return combine(check.task.id, checked, plan.specs, time.monotonic() - started)


def given_up(plan: Plan, check: Check, reason: str) -> VerifyResult:
    """Return the result of a draft that ends whoever checks it."""
    checked = {spec.id: Checked(broken(reason)) for spec in plan.specs}
    return combine(check.task.id, checked, plan.specs, 0.0)
