"""Stop rules: when another refinement is not worth making. Plain functions of a run's history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gadfly._ports import Round, Stop
from gadfly._values.critique import Finding, Verdict
from gadfly._values.outcome import Stopped


@dataclass(frozen=True, slots=True)
class CriticRule:
    """Stop when the answer is stable, when the same findings come back, or in a circle.

    Stability is the rule of CRITIC (Gou et al. 2023): the answer unchanged for two rounds. The rest
    guards the budget: a refiner that earns the same findings again, or swings between two answers,
    is not going anywhere.
    """

    stable_rounds: int = 2
    """Refinements in a row that left the answer as it was; 0 turns the rule off."""
    stagnant_rounds: int = 2
    """Refinements in a row that earned the very same findings; 0 turns the rule off."""
    circles: bool = True
    """Whether A, B, A ends the run."""

    def stop(self, history: Sequence[Round]) -> Stop | None:
        """See `Strategy.stop`."""
        answers = [round_.answer for round_ in history]
        if self._same(answers, self.stable_rounds):
            reason = f"the answer stayed the same for {self.stable_rounds} rounds"
            return Stop(Stopped.STABLE, reason)
        if self._same([_signature(round_) for round_ in history], self.stagnant_rounds):
            reason = f"the same findings came back {self.stagnant_rounds} times"
            return Stop(Stopped.STAGNANT, reason)
        if self.circles and len(answers) >= 3 and answers[-1] == answers[-3] != answers[-2]:
            return Stop(Stopped.STAGNANT, "the answers go in a circle (A, B, A)")
        return None

    @staticmethod
    def _same(marks: Sequence[object], rounds: int) -> bool:
        return rounds > 0 and len(marks) > rounds and len(set(marks[-rounds - 1 :])) == 1


def _signature(round_: Round) -> tuple[tuple[str, str], ...]:
    """What the failing critics found, without where they found it."""
    return tuple(
        sorted(
            (id_, finding.message)
            for id_, critique in round_.critiques.items()
            if critique.verdict is Verdict.FAIL
            for finding in critique.findings or (Finding(critique.summary),)
        )
    )
