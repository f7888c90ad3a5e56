"""Attempts at proofs by a driver, each a request of its own, and what became of them.

What is attempted here is never what was submitted to be proved: it is a statement that we ask
about (does it elaborate, does it follow from another one). A stranger's syntax may be in it, so
what comes of an attempt is a sign, and nothing is proved by it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from gadfly import JSON
from gadfly_lean._decision import as_seen
from gadfly_lean._levels import State
from gadfly_lean._ports import Answer, Lean, Request
from gadfly_lean._standard import AXIOMS

_OUT_OF_TIME = "the time for all attempts was used up before it"


class Outcome(StrEnum):
    """What became of an attempt, or of several."""

    SHOWN = "shown"
    NOT_SHOWN = "not shown"
    """Lean answered, and it is no proof. That does not say that there is none."""
    UNKNOWN = "unknown"
    """Lean did not answer, or not in a way that can be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request, and what became of it."""

    name: str
    """What was tried."""
    source: str
    """What the driver was given, after the header."""
    outcome: Outcome
    said: str
    """Why, in a clause; may quote Lean."""
    seconds: float = 0.0

    def record(self) -> dict[str, JSON]:
        """Return it as plain data, for evidence."""
        return {
            "tried": self.name,
            "source": self.source,
            "outcome": self.outcome.value,
            "said": self.said,
            "seconds": round(self.seconds, 3),
        }


@dataclass(slots=True, kw_only=True)
class Workbench:
    """A driver and the limits that attempts have; it keeps all of them."""

    lean: Lean
    header: str
    seconds: float
    """Wall time for each attempt."""
    until: float
    """When no attempt is begun any more, by `time.monotonic`."""
    attempts: list[Attempt] = field(default_factory=list[Attempt], init=False)
    versions: dict[str, str] = field(default_factory=dict[str, str], init=False)

    async def elaborate(self, name: str, source: str) -> Attempt:
        """Say whether a source has no error. It may leave a `sorry`."""
        return await self._try(name, source, "", "", errors_only=True)

    async def prove(self, name: str, source: str, target: str, *, base: str = "") -> Attempt:
        """Say whether a source proves its target, by standard axioms and by `base`.

        Args:
            name: What is tried.
            source: The whole source.
            target: The full name of the theorem in it.
            base: The full name of an axiom in it. The proof must use it: one that does not shows
                nothing of what follows from it.
        """
        return await self._try(name, source, target, base, errors_only=False)

    async def _try(
        self, name: str, source: str, target: str, base: str, *, errors_only: bool
    ) -> Attempt:
        left = self.until - time.monotonic()
        if left <= 0:
            attempt = Attempt(name=name, source=source, outcome=Outcome.UNKNOWN, said=_OUT_OF_TIME)
            self.attempts.append(attempt)
            return attempt
        answer = await self.lean.check(
            Request(
                header=self.header,
                source=source,
                target=target,
                seconds=min(self.seconds, left),
                want_axioms=bool(target),
            )
        )
        self.versions.update(answer.versions)
        outcome, said = _judge(answer, base, errors_only=errors_only)
        attempt = Attempt(
            name=name,
            source=source,
            outcome=outcome,
            said=said[:400],
            seconds=answer.elapsed_seconds,
        )
        self.attempts.append(attempt)
        return attempt


def _judge(answer: Answer, base: str, *, errors_only: bool) -> tuple[Outcome, str]:
    layers = as_seen(answer)
    if layers[0].state is not State.HOLDS:
        return Outcome.UNKNOWN, layers[0].said
    if answer.exit_code and not any(one.severity == "error" for one in answer.messages):
        return Outcome.UNKNOWN, f"Lean ended with status {answer.exit_code} and named no error"
    for layer in layers[:2] if errors_only else layers:
        if layer.state is not State.HOLDS:
            return Outcome.NOT_SHOWN, layer.said
    return (Outcome.SHOWN, "no error") if errors_only else _rests(answer.axioms, base)


def _rests(axioms: tuple[str, ...] | None, base: str) -> tuple[Outcome, str]:
    """Judge a proof by what Lean says that it rests on."""
    if axioms is None:
        return Outcome.UNKNOWN, "Lean was not asked what it rests on, or its answer cannot be read"
    odd = sorted(set(axioms) - {*AXIOMS, base})
    if odd:
        return Outcome.NOT_SHOWN, f"it rests on {', '.join(odd)[:200]}"
    if base and base not in axioms:
        return Outcome.NOT_SHOWN, "it is proved without the other statement, which shows nothing"
    return Outcome.SHOWN, "proved"


def together(attempts: Iterable[Attempt]) -> Outcome:
    """Return what several attempts at one thing come to: one success is enough."""
    seen = {one.outcome for one in attempts}
    for outcome in (Outcome.SHOWN, Outcome.UNKNOWN):
        if outcome in seen:
            return outcome
    return Outcome.NOT_SHOWN
