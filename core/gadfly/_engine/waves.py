"""Which critics run next: prerequisites first, then the cheapest that are ready, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence

from gadfly._engine.checked import Checked, broken, skipped
from gadfly._ports import CriticSpec
from gadfly._values.critique import Critique, Verdict
from gadfly._values.task import Draft, Task

GRACE_SECONDS = 1.0
"""How long the others of a wave may still contribute once one of them failed the draft hard."""


def next_wave(
    specs: Sequence[CriticSpec], done: Mapping[str, Critique], task: Task, draft: Draft
) -> tuple[list[CriticSpec], dict[str, Critique]]:
    """Return the critics to run now, and those that are spared with the reason.

    After a required critic's hard failure all that is left is spared. Otherwise the cheapest
    critics run whose prerequisites passed. Nothing left to run means that the draft can be judged.
    """
    spared: dict[str, Critique] = {}
    refused = (spec.id for spec in specs if spec.id in done and _refuses(spec, done[spec.id]))
    failed = next(refused, None)
    ready: list[CriticSpec] = []
    for spec in specs:
        if spec.id in done:
            continue
        if failed is not None:
            spared[spec.id] = skipped(f"spared: {failed} already failed the draft")
            continue
        known = {**done, **spared}
        unmet = [need for need in spec.requires if _stands(known, need) is False]
        if unmet:
            spared[spec.id] = skipped(f"not run: {unmet[0]} did not pass")
        elif all(_stands(known, need) for need in spec.requires):
            try:
                applies = spec.applies(task, draft)
            except Exception as error:  # noqa: BLE001 - it is the critic's, like what `critique` raises
                spared[spec.id] = broken(f"its applies raised {type(error).__name__}: {error}")
                continue
            if applies:
                ready.append(spec)
            else:
                spared[spec.id] = skipped("it does not apply to this draft")
    cheapest = min((spec.cost for spec in ready), default=None)
    return [spec for spec in ready if spec.cost == cheapest], spared


def _refuses(spec: CriticSpec, critique: Critique) -> bool:
    """Whether this alone decides against the draft; a critic that only informs never does."""
    return spec.required and critique.is_hard_failure


def _stands(done: Mapping[str, Critique], need: str) -> bool | None:
    """Whether a prerequisite passed; None while it has not run."""
    critique = done.get(need)
    return None if critique is None else critique.verdict is Verdict.PASS


class Wave:
    """Critics that run side by side: a hard failure soon ends the ones still running.

    A decision that a slow critic can no longer change does not wait for it.
    """

    def __init__(self, grace_seconds: float = GRACE_SECONDS) -> None:
        self._grace = grace_seconds
        self._running: set[asyncio.Future[Checked]] = set()
        self._failed_by: str | None = None
        self._spared: set[asyncio.Future[Checked]] = set()

    async def run(self, spec: CriticSpec, check: Awaitable[Checked]) -> Checked:
        """Return what the check gives, or a SKIP when the wave was decided without it."""
        task = asyncio.ensure_future(check)
        self._running.add(task)
        try:
            checked = await task
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if task not in self._spared or (caller is not None and caller.cancelling()):
                raise
            return Checked(skipped(f"stopped: {self._failed_by} already failed the draft"))
        finally:
            self._running.discard(task)
        if _refuses(spec, checked.critique) and self._failed_by is None:
            self._failed_by = spec.id
            asyncio.get_running_loop().call_later(self._grace, self._spare)
        return checked

    def _spare(self) -> None:
        for task in self._running:
            self._spared.add(task)
            task.cancel()
