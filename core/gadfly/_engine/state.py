"""What LangGraph carries and checkpoints: plain JSON data, so that any checkpoint stays readable.

Critiques and drafts are kept in their plain form; `View` reads them back as values.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypedDict, cast

from gadfly._actors import extract_artifacts
from gadfly._ports import CriticSpec, Round
from gadfly._values.budget import Usage
from gadfly._values.codec import load
from gadfly._values.critique import Critique
from gadfly._values.task import Draft, Task

Plain = dict[str, Any]


def add_usage(left: Plain | None, right: Plain | None) -> Plain:
    """Add two plain usages: the reducer of the `usage` channel."""
    total: Plain = dict(left or {})
    for name, spent in (right or {}).items():
        total[name] = total.get(name, 0) + spent
    return total


def keepable(plain: object) -> Any:  # noqa: ANN401 - plain data of any shape
    """Return plain data as every checkpointer can hold it: integers above 64 bits as text."""
    if isinstance(plain, dict):
        return {name: keepable(inner) for name, inner in cast("Plain", plain).items()}
    if isinstance(plain, list):
        return [keepable(inner) for inner in cast("list[object]", plain)]
    if isinstance(plain, int) and not -(2**63) <= plain < 2**63:
        return str(plain)
    return plain


class RunInput(TypedDict):
    """What the graph is given."""

    task: Plain
    """The plain form of a `Task`."""


class RunOutput(TypedDict):
    """What the graph gives back."""

    outcome: Plain
    """The plain form of an `Outcome`."""


class RunState(RunInput, RunOutput, total=False):
    """Everything about a run that must survive its process."""

    run: str
    started: float
    """Seconds since the epoch."""
    drafts: Annotated[list[Plain], operator.add]
    critiques: Annotated[list[Plain], operator.add]
    """Each with its `draft` number, its `critic` id and the plain `critique`."""
    usage: Annotated[Plain, add_usage]
    rounds: int
    """Refinements made."""
    stopped: str
    reason: str


class Order(TypedDict):
    """What one critic's node is sent: all it needs, so that a restart runs it by itself."""

    run: str
    task: Plain
    draft: Plain
    critic: str
    earlier: Plain
    """What was said of the draft before, in plain form, by critic id."""


class View:
    """Reads a run's state as values."""

    def __init__(self, state: Mapping[str, Any], specs: Sequence[CriticSpec]) -> None:
        self._state = state
        self._order = {spec.id: place for place, spec in enumerate(specs)}
        self.run: str = state.get("run", "")
        self.task = load(Task, state["task"])
        self.rounds_made: int = state.get("rounds", 0)
        self.usage = Usage(**state.get("usage", {}))
        self.started: float = state.get("started", 0.0)
        self.reason: str = state.get("reason", "")

    @property
    def drafts(self) -> tuple[Draft, ...]:
        """All drafts, in order."""
        return tuple(load(Draft, plain) for plain in self._state.get("drafts", ()))

    @property
    def newest(self) -> Draft:
        """The draft that is being worked on."""
        return load(Draft, self.newest_plain)

    @property
    def newest_plain(self) -> Plain:
        """The plain form of the draft that is being worked on."""
        newest: Plain = self._state["drafts"][-1]
        return newest

    def critiques_of(self, number: int) -> dict[str, Critique]:
        """What was said of one draft, by critic id, in the order of the critics."""
        said = {
            record["critic"]: load(Critique, record["critique"])
            for record in self._state.get("critiques", ())
            if record["draft"] == number
        }
        last = len(self._order)
        return dict(sorted(said.items(), key=lambda item: self._order.get(item[0], last)))

    @property
    def history(self) -> list[Round]:
        """All rounds, in order."""
        rounds: list[Round] = []
        for draft in self.drafts:
            critiques = self.critiques_of(draft.number)
            rounds.append(Round(draft, critiques, answer_of(draft, critiques)))
        return rounds


def answer_of(draft: Draft, critiques: Mapping[str, Critique]) -> str:
    """Return a draft's answer, normalised so that "unchanged" means something.

    What an instrument computed (`value` in its evidence) is the answer where there is one; else the
    last checkable part, else the text, without regard to white space.
    """
    for critique in critiques.values():
        for evidence in critique.evidence:
            value = evidence.observation.get("value")
            if value is not None:
                return f"value {value}"
    artifacts = extract_artifacts(draft.text)
    return " ".join((artifacts[-1].text if artifacts else draft.text).split())
