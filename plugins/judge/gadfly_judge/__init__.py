"""Critics that ask a model. Its word is a suspicion, never a fact: no finding of theirs is hard.

judge/critic       plausible, then true: CRITIC's critique, with tools called in turns
judge/steps        every step is right; else the first that is not
judge/self_check   several independent looks agree
judge/questions    critical questions about claim, grounds and warrant, one by one
judge/pairwise     better than another answer, in both orders

    compare        two answers in both orders, for code that selects
"""

from __future__ import annotations

from gadfly import Critic, Register, hookimpl
from gadfly_judge._critic import InteractiveCritic
from gadfly_judge._pairwise import Comparison, PairwiseCritic, Winner, compare
from gadfly_judge._questions import QUESTIONS, QuestionsCritic
from gadfly_judge._self_check import SelfCheckCritic
from gadfly_judge._steps import StepsCritic, find_steps

__all__ = [
    "QUESTIONS",
    "Comparison",
    "InteractiveCritic",
    "PairwiseCritic",
    "QuestionsCritic",
    "SelfCheckCritic",
    "StepsCritic",
    "Winner",
    "compare",
    "find_steps",
    "register_critics",
]


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    """Offer the five critics."""
    register("critic", InteractiveCritic)
    register("steps", StepsCritic)
    register("self_check", SelfCheckCritic)
    register("questions", QuestionsCritic)
    register("pairwise", PairwiseCritic)
