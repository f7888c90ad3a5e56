"""A critic that says what a test tells it to, or misbehaves in the ways real ones do."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from enum import StrEnum
from typing import TypeAlias, cast

from gadfly._errors import InputError
from gadfly._ports import Context, Cost
from gadfly._values.critique import Critique, Finding, Hardness, Verdict
from gadfly._values.task import Draft


class Misbehaviour(StrEnum):
    """What a broken critic does instead of returning a critique."""

    HANG = "hang"
    """It awaits something that never comes."""
    BLOCK = "block"
    """It blocks its thread for ever: only killing its process ends it. Never with `inline`."""
    DIE = "die"
    """Its process ends at once, status 1. Never with `inline`."""
    NONSENSE = "nonsense"
    """It returns something that is not a `Critique`."""


Said: TypeAlias = Verdict | Critique | Exception | Misbehaviour


class ScriptedCritic:
    """A `Critic` that answers from a script.

    It judges draft number n by the n-th answer (later ones by the last), whoever asks and in
    whatever process: it keeps no state that decides, and travels by pickle (by cloudpickle when
    given a lambda).

    A bare `FAIL` carries one hard finding, so that there is something to refine by.

    Args:
        *said: Verdicts, critiques, exceptions to raise, or `Misbehaviour`s; or one function of the
            draft that returns such a thing.
        name: Its id in reports.
        cost: See `CriticSpec.cost`.
        deadline_seconds: See `CriticSpec.deadline_seconds`.
        requires: See `CriticSpec.requires`.
        inline: See `CriticSpec.inline`.
        required: See `CriticSpec.required`.

    Raises:
        InputError: It was told nothing to say, or to block or die inline.
    """

    def __init__(
        self,
        *said: Said | Callable[[Draft], Said],
        name: str = "scripted",
        cost: Cost = Cost.NORMAL,
        deadline_seconds: float = 60.0,
        requires: tuple[str, ...] = (),
        inline: bool = False,
        required: bool = True,
    ) -> None:
        if not said:
            raise InputError("a scripted critic needs something to say")
        if inline and any(
            s in {Misbehaviour.BLOCK, Misbehaviour.DIE} for s in said if isinstance(s, Misbehaviour)
        ):
            raise InputError("a critic that blocks or dies must not run inline: it takes us along")
        self.said = said
        self.name = name
        self.cost = cost
        self.deadline_seconds = deadline_seconds
        self.requires = requires
        self.inline = inline
        self.required = required
        self.drafts: list[Draft] = []
        """What it was asked to judge, in order; stays empty here unless it runs inline."""

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        self.drafts.append(draft)
        answer = self.said[min(draft.number, len(self.said)) - 1]
        # Enum members are not callable, so a callable is the function.
        said = answer(draft) if callable(answer) else answer
        if isinstance(said, Exception):
            raise said
        if isinstance(said, Misbehaviour):
            return await _misbehave(said)
        if isinstance(said, Critique):
            return said
        return _bare(said)


def _bare(verdict: Verdict) -> Critique:
    if verdict is Verdict.FAIL:
        finding = Finding("the script says that this is wrong", Hardness.HARD)
        return Critique(verdict, "scripted: fail", (finding,))
    return Critique(verdict, f"scripted: {verdict}")


async def _misbehave(how: Misbehaviour) -> Critique:
    match how:
        case Misbehaviour.HANG:
            await asyncio.Event().wait()
        case Misbehaviour.BLOCK:
            threading.Event().wait()
        case Misbehaviour.DIE:
            os._exit(1)
        case Misbehaviour.NONSENSE:
            pass
    return cast("Critique", "it looks right to me")
