"""Critics that execute puzzles: the task is carried out exactly, and each step of a draft, too.

puzzles/numbers    an expression uses the given numbers, each once, and makes the target
puzzles/dyck       brackets are closed, and the stack on the way is right
puzzles/sorting    words are in alphabetical order, and so was each step
puzzles/tracking   who has what after all swaps
puzzles/booleans   what an expression of truth values comes to
puzzles/lies       who tells the truth in a web of lies
puzzles/navigate   whether instructions lead back to the start
puzzles/schedule   between what times someone was free
puzzles/counting   how many things of a kind are in a list
puzzles/dates      which date it is, so many days from today

    can_make    whether numbers can make a target at all
    closing     the brackets that close a sequence
"""

from __future__ import annotations

from gadfly import Critic, Register, hookimpl
from gadfly_puzzles._booleans import BooleansCritic
from gadfly_puzzles._counting import CountingCritic
from gadfly_puzzles._critic import PuzzleCritic
from gadfly_puzzles._dates import DatesCritic
from gadfly_puzzles._dyck import DyckCritic, closing
from gadfly_puzzles._lies import LiesCritic
from gadfly_puzzles._navigate import NavigateCritic
from gadfly_puzzles._numbers import NumbersCritic, can_make
from gadfly_puzzles._schedule import ScheduleCritic
from gadfly_puzzles._sorting import SortingCritic
from gadfly_puzzles._tracking import TrackingCritic

__all__ = [
    "BooleansCritic",
    "CountingCritic",
    "DatesCritic",
    "DyckCritic",
    "LiesCritic",
    "NavigateCritic",
    "NumbersCritic",
    "PuzzleCritic",
    "ScheduleCritic",
    "SortingCritic",
    "TrackingCritic",
    "can_make",
    "closing",
    "register_critics",
]


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    """Offer the ten critics."""
    register("numbers", NumbersCritic)
    register("dyck", DyckCritic)
    register("sorting", SortingCritic)
    register("tracking", TrackingCritic)
    register("booleans", BooleansCritic)
    register("lies", LiesCritic)
    register("navigate", NavigateCritic)
    register("schedule", ScheduleCritic)
    register("counting", CountingCritic)
    register("dates", DatesCritic)
