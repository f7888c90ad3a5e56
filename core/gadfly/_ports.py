"""The ports: what an actor, a critic, a sandbox, ... must be. Protocols over values, nothing else.

Ports are asynchronous, because a model server and a sandbox want many requests in flight. A critic
that only computes may be a plain function (`@critic`). Nothing here is global: whatever a critic
may touch comes in by `Context`.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol, TypeVar, overload, runtime_checkable

from gadfly._errors import InputError
from gadfly._values.critique import Critique, Evidence
from gadfly._values.job import Isolation, Job, JobResult
from gadfly._values.task import Draft, Message, Reference, Reply, Task


@runtime_checkable
class Model(Protocol):
    """Messages in, text out. Every LangChain chat model becomes one (`as_model`)."""

    name: str
    """What a trace calls it (`embedded:`)."""

    async def generate(self, messages: Sequence[Message]) -> Reply:
        """Answer a conversation.

        Raises:
            ModelError: The model did not answer. An empty answer is an answer.
        """
        ...


@runtime_checkable
class Tool(Protocol):
    """A named instrument: a question in, evidence out."""

    async def __call__(self, request: str) -> Evidence:
        """Use the tool once.

        Raises:
            ToolError: It did not work. "Nothing found" is an observation, not an error.
        """
        ...


@runtime_checkable
class Sandbox(Protocol):
    """A place where a stranger's code runs without harm."""

    name: str
    """The backend's name (`local`)."""

    async def run(self, job: Job) -> JobResult:
        """Run one job to its end, in a fresh work folder, and leave nothing behind.

        Every limit that is reached is a result (`JobResult.ended`). Cancelling the call kills the
        job's whole process tree before it returns. Calls may overlap.

        Raises:
            SandboxError: The sandbox itself failed; nothing is known about the job.
        """
        ...

    async def probe(self) -> Isolation:
        """Say what is in force for a job without network, as seen by running one; not assumed.

        Raises:
            SandboxError: The sandbox cannot work here; the message says what is missing and how to
                get it.
        """
        ...

    async def close(self) -> None:
        """Give back what the sandbox holds. Closing twice is fine; a later `run` is an error."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a critic may touch. It has no place for a gold answer."""

    task: Task
    sandbox: Sandbox
    """Runs jobs. Without one configured, `run` raises `SandboxError` with what to install."""
    tools: Mapping[str, Tool] = field(default_factory=dict[str, Tool])
    """Tools by id."""
    model: Model | None = None
    """The model that judges may ask; None where the person gave none."""
    earlier: Mapping[str, Critique] = field(default_factory=dict[str, Critique])
    """What the critics of earlier waves (prerequisites among them) said of this draft, by id."""


class Cost(IntEnum):
    """What a check costs, roughly: dearer ones wait for cheaper ones, which may spare them."""

    CHEAP = 1
    """Milliseconds: it computes, or runs one small job."""
    NORMAL = 2
    """Up to seconds: several jobs, a search."""
    DEAR = 3
    """Model calls, proofs, minutes."""


@runtime_checkable
class Critic(Protocol):
    """Judges a draft with tools.

    Optional class attributes say how it wants to be run; the defaults are those of `CriticSpec`:
    `cost`, `deadline_seconds`, `requires`, `inline`, `required`, and a method
    `applies(task, draft) -> bool`.
    """

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """Judge one draft.

        Return `Verdict.FAIL` only for what was established; `ABSTAIN` when nothing was. Whatever
        is raised becomes an `ERROR` in the critic's name and never counts for or against the draft.
        The call happens in a process of its own that is killed at the deadline (unless `inline`),
        so a critic may block; it must not rely on state kept between calls.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What the critics found, shaped for a refiner: merged, ranked, bounded, quoted as data."""

    findings: tuple[str, ...]
    """One line each, hardest first."""
    text: str
    """The message for a model."""


@runtime_checkable
class Actor(Protocol):
    """Makes the first draft."""

    async def draft(self, task: Task, model: Model | None) -> tuple[str, Reply]:
        """Answer a task from nothing but the task.

        Returns:
            The text of the draft, and the reply it came from (for its token counts).

        Raises:
            ModelError: The model did not answer.
        """
        ...


@runtime_checkable
class Refiner(Protocol):
    """Makes the next draft from the newest one and what the critics found."""

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        """Revise a draft. Only the newest draft and its feedback are given: context does not grow.

        Raises:
            ModelError: The model did not answer.
        """
        ...


CriticFunction = Callable[[Draft, Context], Critique | Awaitable[Critique]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticSpec:
    """A critic with its name and the way it is to be run.

    Raises:
        InputError: The deadline is not positive.
    """

    id: str
    """`plugin/name`, or a plain name for a critic made in code."""
    critic: Critic
    cost: Cost = Cost.NORMAL
    deadline_seconds: float = 60.0
    """Wall time for one critique, tools included. Passing it is an `ERROR`."""
    requires: tuple[str, ...] = ()
    """Ids of critics that must pass first; where one does not, this one is skipped."""
    inline: bool = False
    """Run it in the engine's own event loop instead of a process. Saves 0.2 ms a call; its deadline
    then only holds while it awaits, so set it for code that never blocks."""
    required: bool = True
    """Whether acceptance needs its pass. A critic that is not required can only inform."""

    def __post_init__(self) -> None:
        if not self.deadline_seconds > 0:
            raise InputError(f"critic {self.id}: deadline_seconds must be positive")

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the critic has anything to check here; without an `applies` of its own, yes."""
        own = getattr(self.critic, "applies", None)
        return True if own is None else bool(own(task, draft))


@dataclass(frozen=True, slots=True)
class _FunctionCritic:
    """A plain or async function as a critic."""

    function: CriticFunction
    name: str
    cost: Cost = Cost.CHEAP
    deadline_seconds: float = 60.0
    requires: tuple[str, ...] = ()
    inline: bool = False

    async def critique(self, draft: Draft, context: Context) -> Critique:
        result = self.function(draft, context)
        return await result if inspect.isawaitable(result) else result


@overload
def critic(function: CriticFunction) -> Critic: ...
@overload
def critic(
    *,
    name: str | None = None,
    cost: Cost = Cost.CHEAP,
    deadline_seconds: float = 60.0,
    requires: tuple[str, ...] = (),
    inline: bool = False,
) -> Callable[[CriticFunction], Critic]: ...
def critic(
    function: CriticFunction | None = None,
    *,
    name: str | None = None,
    cost: Cost = Cost.CHEAP,
    deadline_seconds: float = 60.0,
    requires: tuple[str, ...] = (),
    inline: bool = False,
) -> Critic | Callable[[CriticFunction], Critic]:
    """Make a critic of a function `(draft, context) -> Critique`, plain or async.

    Args:
        function: The function, when used as `@critic` without arguments.
        name: Its id in reports; the function's name by default.
        cost: See `Cost`.
        deadline_seconds: See `CriticSpec.deadline_seconds`.
        requires: See `CriticSpec.requires`.
        inline: See `CriticSpec.inline`.
    """

    def wrap(wrapped: CriticFunction) -> Critic:
        called = name or str(getattr(wrapped, "__name__", "critic"))
        return _FunctionCritic(wrapped, called, cost, deadline_seconds, requires, inline)

    return wrap if function is None else wrap(function)


def critic_spec(critic: Critic | CriticSpec, id: str | None = None) -> CriticSpec:  # noqa: A002 - the field's own name
    """Return the critic with its name and its own wishes, defaults filled in.

    Raises:
        InputError: It is not a critic.
    """
    if isinstance(critic, CriticSpec):
        return critic
    if isinstance(critic, type) or not isinstance(critic, Critic):
        what = f"the class {critic.__name__}" if isinstance(critic, type) else repr(critic)[:80]
        raise InputError(f"{what} is not a critic: give an instance with `async def critique`")
    name = id or getattr(critic, "name", None) or type(critic).__name__
    wishes = {
        key: getattr(critic, key)
        for key in ("cost", "deadline_seconds", "requires", "inline", "required")
        if hasattr(critic, key)
    }
    return CriticSpec(id=str(name), critic=critic, **wishes)


@runtime_checkable
class Strategy(Protocol):
    """Decides after each round whether to go on. A plain controller over values: no I/O."""

    def stop(self, history: Sequence[Round]) -> Stop | None:
        """Say why to stop after the last of these rounds, or None to refine again.

        It is asked only when the last round failed and the budget is not spent.
        """
        ...


@dataclass(frozen=True, slots=True)
class Round:
    """One draft with what was said of it."""

    draft: Draft
    critiques: Mapping[str, Critique]
    answer: str
    """The draft's checkable answer, normalised: what "unchanged" is measured on."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a strategy ends a run."""

    stopped: str
    """A value of `Stopped`."""
    reason: str


@runtime_checkable
class Benchmark(Protocol):
    """Tasks with gold answers kept apart from them."""

    def tasks(self, n: int, seed: int) -> list[Task]:
        """Return n tasks, the same for the same seed, without any gold answer."""
        ...

    def references(self, n: int, seed: int) -> dict[str, Reference]:
        """Return the gold answers of the same tasks, by task id. Only scorers call this."""
        ...

    def is_correct(self, critiques: Mapping[str, Critique], draft: Draft, gold: Reference) -> bool:
        """Judge a finished draft; evidence in the critiques may hold its computed value."""
        ...


Thing = TypeVar("Thing", contravariant=True)  # noqa: PLC0105 - it is read in signatures


class Register(Protocol[Thing]):
    """The callback that a registration hook gets: a name and a factory."""

    def __call__(self, name: str, factory: Callable[..., Thing], /) -> None:
        """Offer a factory under a name that is unique within the plugin.

        The factory is called with keyword options on first use: heavy imports belong inside it.

        Raises:
            PluginError: The name is taken, or holds anything but letters, digits, `-` and `_`.
        """
        ...
