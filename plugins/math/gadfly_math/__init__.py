"""Critics that evaluate a draft's arithmetic, and the equivalence of answers.

math/steps    every computation that the draft states comes out as it says
math/answer   the final answer is what the task, the program or the last computation comes to

    equivalent     whether two answers are the same
    is_correct     whether a draft's final answer is the gold one: for scorers
    find_answer    the final answer of a text, with its place
    check_steps    the computations of a text, with what became of each
"""

from __future__ import annotations

from gadfly import Critic, Register, hookimpl
from gadfly_math._answer import AnswerCritic
from gadfly_math._answers import find_answer
from gadfly_math._equivalence import equivalent, is_correct
from gadfly_math._judging import Checked, Judgement
from gadfly_math._steps import StepsCritic, check_steps

__all__ = [
    "AnswerCritic",
    "Checked",
    "Judgement",
    "StepsCritic",
    "check_steps",
    "equivalent",
    "find_answer",
    "is_correct",
    "register_critics",
]


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    """Offer the two critics."""
    register("steps", StepsCritic)
    register("answer", AnswerCritic)
