"""What a person composes and runs: a model, critics, a budget, and a graph underneath."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, aclosing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from gadfly._actors import ModelActor
from gadfly._errors import InputError, UnknownNameError
from gadfly._home import checkpoints_file, runs_folder
from gadfly._models import as_model
from gadfly._plugins import Plugins
from gadfly._ports import Actor, Critic, CriticSpec, Refiner, Sandbox, Strategy, Tool
from gadfly._sandboxes import refuse_weakness, require_level
from gadfly._strategies import CriticRule
from gadfly._trace import TraceWriter
from gadfly._values.budget import Budget
from gadfly._values.codec import dump, load
from gadfly._values.job import Level
from gadfly._values.outcome import Event, EventKind, Outcome, Stopped
from gadfly._values.task import JSON, Task, refuse_references

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver
    from langgraph.graph.state import CompiledStateGraph
    from langgraph.types import StateSnapshot

    from gadfly._engine.graph import Engine

DEFAULT = "default"
"""Stands for the places in the user's state folder (`GADFLY_HOME`)."""


class Agent:
    """Answers tasks with drafts that critics have checked with tools.

    An agent holds no state of its runs; many may run at once. Used as an async context manager it
    keeps its critics' processes between runs; otherwise they end with each call.

    Args:
        model: A LangChain chat model, a `gadfly.Model`, or a `provider:name` string. None where
            `actor` needs none.
        critics: Ids of plugin critics (`python/runs`), critics made in code, or `CriticSpec`s.
            Prerequisites of plugin critics are added by themselves.
        actor: Makes the first draft; by default the model answers the task's prompt.
        refiner: Revises; by default the actor, if it can, else the model.
        sandbox: Where critics' programs run: a sandbox, or the name of one. None for none.
        require: The weakest level of isolation that will do; in a weaker one no program runs.
        tools: Tools for critics: ids of plugin tools, or a mapping of ids to tools.
        judge: The model that critics may ask; by default `model`.
        strategy: When to stop short of the budget: a strategy, or the id of a plugin's.
        budget: What one run may spend.
        options: Options of plugin critics, by critic id.
        ask_person: Whether a person is asked (`interrupt`) when nothing was established, or when
            the strategy would give up. The run then waits, and `resume` goes on with the answer.
        checkpoints: A SQLite file, a URL whose scheme is a plugin's store, or a LangGraph
            checkpointer; None keeps runs in memory only.
        traces: The folder for traces, one JSON line per event; None for none.
        workers: How many critics run at a time.
        plugins: Where names are looked up.

    Raises:
        UnknownNameError: A critic, tool, sandbox or model provider of that name is not installed.
        InputError: A part does not fit; the message says which.
    """

    def __init__(
        self,
        model: object = None,
        critics: Sequence[str | Critic | CriticSpec] = (),
        *,
        actor: Actor | None = None,
        refiner: Refiner | None = None,
        sandbox: str | Sandbox | None = "local",
        require: Level | str = Level.UNSAFE,
        tools: Sequence[str] | Mapping[str, Tool] = (),
        judge: object = None,
        strategy: str | Strategy | None = None,
        budget: Budget | None = None,
        options: Mapping[str, Mapping[str, JSON]] | None = None,
        ask_person: bool = False,
        checkpoints: str | Path | BaseCheckpointSaver[str] | None = DEFAULT,
        traces: str | Path | None = DEFAULT,
        workers: int | None = None,
        plugins: Plugins | None = None,
    ) -> None:
        from gadfly._engine.specs import resolve_critics

        self._plugins = plugins or Plugins.discover()
        self._specs = resolve_critics(critics, self._plugins, options)
        self._model = None if model is None else as_model(model, self._plugins)
        self._judge = self._model if judge is None else as_model(judge, self._plugins)
        self._actor = actor or ModelActor()
        if refiner is None:
            refiner = self._actor if isinstance(self._actor, Refiner) else ModelActor()
        self._refiner = refiner
        if self._model is None and isinstance(self._actor, ModelActor):
            raise InputError("an agent needs a model (or an actor that needs none)")
        self._sandbox = sandbox
        self._require = require
        # Made anew for each event loop; made once now so that a wrong name fails here.
        self._make_sandbox()
        self._tools = self._make_tools(tools)
        if isinstance(strategy, str):
            strategy = cast("Strategy", self._plugins.create("strategies", strategy))
        self._strategy = strategy or CriticRule()
        self._budget = budget or Budget()
        self._ask_person = ask_person
        self._checkpoints = checkpoints_file() if checkpoints == DEFAULT else checkpoints
        self._traces = runs_folder() if traces == DEFAULT else traces
        self._workers = workers
        self._session: _Session | None = None
        self._exit: AsyncExitStack | None = None

    def _make_tools(self, tools: Sequence[str] | Mapping[str, Tool]) -> dict[str, Tool]:
        if isinstance(tools, Mapping):
            return dict(tools)
        return {name: self._plugins.create("tools", name) for name in tools}

    @property
    def critics(self) -> tuple[CriticSpec, ...]:
        """The critics, prerequisites included, each with the way it is run."""
        return self._specs

    @property
    def graph(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        """The compiled graph, to stream, or to put inside a graph of your own.

        Its input is `{"task": {"prompt": ...}}`, its output `{"outcome": ...}`, both plain data.
        Inside another graph it uses that graph's checkpointer. Events are what it writes to the
        `custom` stream.
        """
        from gadfly._engine.checker import Checker

        checker = Checker(
            sandbox=self._make_sandbox(),
            tools=self._tools,
            model=self._judge,
            workers=self._workers,
        )
        return self._engine(checker).build().compile()

    def invoke(self, task: Task | str, *, run: str | None = None) -> Outcome:
        """Answer one task: `ainvoke` for code that is not asynchronous.

        Raises:
            InputError: It is called from a running event loop; await `ainvoke` there.
        """
        return _run(self.ainvoke(task, run=run))

    def resume(self, run: str, *, answer: str | None = None) -> Outcome:
        """Go on with a run: `aresume` for code that is not asynchronous."""
        return _run(self.aresume(run, answer=answer))

    async def ainvoke(self, task: Task | str, *, run: str | None = None) -> Outcome:
        """Answer one task.

        Args:
            task: What is asked. A string is a task with that prompt.
            run: A name for the run, new among the checkpoints; made up by default.

        Returns:
            The best draft with what was established about it, accepted or not.

        Raises:
            InputError: The task is not one, or the run exists already.
            ModelError: The model did not answer. The run is kept; `resume` goes on with it.
            StorageError: Checkpoints or traces cannot be written.
        """
        return await self._outcome(self.astream(task, run=run))

    async def aresume(self, run: str, *, answer: str | None = None) -> Outcome:
        """Go on with a run that was killed, failed, or waits for a person.

        Critics that had finished do not run again.

        Args:
            run: Its id.
            answer: For a run that waits: `accept`, `stop`, or a comment to refine by.

        Raises:
            UnknownNameError: No such run is kept.
            InputError: It waits and no answer is given, or the other way round.
        """
        return await self._outcome(self.astream_resume(run, answer=answer))

    async def astream(
        self, task: Task | str, *, run: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """Answer one task and yield its events as they happen; see `ainvoke`."""
        from gadfly._engine.state import keepable

        if isinstance(task, str):
            task = Task(prompt=task)
        if not isinstance(task, Task):
            # Checked although typed: what comes here untyped may be a gold answer.
            refuse_references(task, "the task")
            raise InputError(f"a task is a Task or a string, not {type(task).__name__}")
        plain = dump(task)
        if keepable(plain) != plain:
            raise InputError("Task.inputs holds an integer above 64 bits; give it as text")
        async with AsyncExitStack() as stack:
            session = await self._open(stack)
            if run is None:
                run = uuid.uuid4().hex[:12]
            elif await session.state(run):
                raise InputError(f"run {run!r} exists already; resume it, or choose another name")
            async with aclosing(session.stream(run, {"task": plain})) as events:
                async for event in events:
                    yield event

    async def astream_resume(
        self, run: str, *, answer: str | None = None
    ) -> AsyncGenerator[Event, None]:
        """Go on with a run and yield the events from there; see `aresume`."""
        from langgraph.types import Command

        async with AsyncExitStack() as stack:
            session = await self._open(stack)
            state = await session.state(run)
            if not state:
                raise UnknownNameError("run", run, await session.runs())
            if "outcome" in state:
                outcome = load(Outcome, state["outcome"])
                kind = EventKind.FINISHED
                yield Event(kind=kind, run=run, data={"outcome": dump(outcome)})
                return
            waits = await session.waits(run)
            if waits and not (answer or "").strip():
                raise InputError(f"run {run!r} waits for a person: accept, stop, or a comment")
            if answer is not None and not waits:
                raise InputError(f"run {run!r} does not wait for an answer; resume it without one")
            given: Command[Any] | None = Command(resume=answer) if waits else None
            async with aclosing(session.stream(run, given)) as events:
                async for event in events:
                    yield event

    async def _outcome(self, events: AsyncGenerator[Event, None]) -> Outcome:
        outcome: Outcome | None = None
        async with aclosing(events):
            async for event in events:
                if "outcome" in event.data:
                    outcome = load(Outcome, event.data["outcome"])
        assert outcome is not None, "a stream ends with an outcome"
        return outcome

    async def __aenter__(self) -> Self:
        """Keep checkpoints and critics' processes open between runs."""
        if self._session is not None:
            raise InputError("this agent is open already: enter it once, its runs may overlap")
        async with AsyncExitStack() as stack:
            self._session = await self._open(stack)
            self._exit = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close them."""
        self._session = None
        if self._exit is not None:
            await self._exit.aclose()

    async def _open(self, stack: AsyncExitStack) -> _Session:
        """The session that is open, or a new one that ends with the stack."""
        if self._session is not None:
            return self._session
        from gadfly._engine.checker import Checker
        from gadfly._engine.checkpoints import open_checkpoints

        saver = await open_checkpoints(self._checkpoints, stack, self._plugins)
        sandbox = self._make_sandbox()
        if sandbox is not None and isinstance(self._sandbox, str):
            stack.push_async_callback(sandbox.close)
        await refuse_weakness(sandbox)
        checker = await stack.enter_async_context(
            Checker(sandbox=sandbox, tools=self._tools, model=self._judge, workers=self._workers)
        )
        return _Session(
            self._engine(checker), saver, self._checkpoints, self._traces, self._plugins
        )

    def _make_sandbox(self) -> Sandbox | None:
        sandbox = self._sandbox
        if isinstance(sandbox, str):
            sandbox = cast("Sandbox", self._plugins.create("sandboxes", sandbox))
        return None if sandbox is None else require_level(sandbox, self._require)

    def _engine(self, checker: Any) -> Engine:  # noqa: ANN401 - a Checker; naming it here would import the engine
        from gadfly._engine.graph import Engine

        return Engine(
            actor=self._actor,
            refiner=self._refiner,
            model=self._model,
            specs=self._specs,
            checker=checker,
            strategy=self._strategy,
            budget=self._budget,
            ask_person=self._ask_person,
        )


class _Session:
    """One open set of checkpoints and processes, in one event loop."""

    def __init__(
        self,
        engine: Engine,
        saver: BaseCheckpointSaver[str],
        place: str | Path | BaseCheckpointSaver[str] | None,
        traces: str | Path | None,
        plugins: Plugins,
    ) -> None:
        self._engine = engine
        self._saver = saver
        self._place = place
        self._graph = engine.build().compile(checkpointer=saver)
        self._traces = traces
        self._plugins = plugins

    async def state(self, run: str) -> dict[str, Any]:
        return dict((await self._snapshot(run)).values)

    async def waits(self, run: str) -> bool:
        return bool((await self._snapshot(run)).interrupts)

    async def _snapshot(self, run: str) -> StateSnapshot:
        from gadfly._engine.checkpoints import storing

        with storing(self._place):
            return await self._graph.aget_state(self._config(run))

    async def runs(self, most: int = 1_000) -> list[str]:
        found = {
            str(kept.config.get("configurable", {}).get("thread_id"))
            async for kept in self._saver.alist(None, limit=most)
        }
        return sorted(found)

    async def stream(self, run: str, given: Any) -> AsyncGenerator[Event, None]:  # noqa: ANN401 - what LangGraph takes as input
        from gadfly._engine.checkpoints import storing

        with ExitStack() as stack:
            stack.enter_context(storing(self._place))
            trace = None
            if self._traces is not None:
                trace = stack.enter_context(TraceWriter(Path(self._traces), run))
            finished = False
            written = self._graph.astream(
                given, self._config(run), stream_mode="custom", durability="async"
            )
            # Closed at once, not by the garbage collector, when our reader leaves half-way.
            async with aclosing(cast("AsyncGenerator[Event, None]", written)) as events:
                async for event in events:
                    if trace is not None:
                        trace.write(event)
                    self._plugins.emit(event)
                    finished = event.kind is EventKind.FINISHED
                    yield event
            if not finished:
                # It waits for a person: what it amounts to so far.
                standing = self._engine.outcome(await self.state(run))
                outcome = replace(standing, stopped=Stopped.WAITING)
                yield Event(kind=EventKind.ASKED, run=run, data={"outcome": dump(outcome)})

    def _config(self, run: str) -> Any:  # noqa: ANN401 - LangGraph's RunnableConfig
        return {"configurable": {"thread_id": run}, "recursion_limit": self._engine.steps}


def _run(coroutine: Coroutine[Any, Any, Outcome]) -> Outcome:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    coroutine.close()
    raise InputError("an event loop is running here: await `ainvoke` or `aresume` instead")
