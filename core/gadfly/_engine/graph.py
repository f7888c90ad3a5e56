"""The state machine: draft, select, critique side by side, adjudicate, then refine or finish.

    draft -> select -> critique (each critic a Send) -> select ... -> adjudicate
    adjudicate -> refine -> select | ask (a person, by interrupt) -> refine | finish

`select` runs once per wave. Nodes route by Command, so a state alone says where a run stands, and a
run that was killed goes on with the unfinished critics only.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command, Send, interrupt

from gadfly._engine.adjudicate import Choice, adjudicate, best_round
from gadfly._engine.checker import Checker
from gadfly._engine.state import Order, Plain, RunInput, RunOutput, RunState, View, keepable
from gadfly._engine.waves import Wave, next_wave
from gadfly._errors import InputError
from gadfly._feedback import shape_feedback
from gadfly._ports import Actor, CriticSpec, Model, Refiner, Strategy
from gadfly._values.budget import Budget, Usage
from gadfly._values.codec import dump, dump_dict, load
from gadfly._values.critique import Critique, Finding, Hardness, Verdict
from gadfly._values.outcome import Event, EventKind, Outcome, Stopped
from gadfly._values.task import Draft, Reply, Task

ANSWERS = "accept, stop, or a comment"
PERSON = "person"
"""The id under which a person's word stands among the critiques."""


@dataclass(slots=True)
class Engine:
    """The nodes of the graph, with what they need. One run's data is all in the state."""

    actor: Actor
    refiner: Refiner
    model: Model | None
    specs: Sequence[CriticSpec]
    checker: Checker
    strategy: Strategy
    budget: Budget
    ask_person: bool = False
    _waves: dict[tuple[str, int], Wave] = field(default_factory=dict[tuple[str, int], Wave])

    def build(self) -> StateGraph[RunState, None, RunInput, RunOutput]:
        """Return the graph, not yet compiled."""
        graph = StateGraph(RunState, input_schema=RunInput, output_schema=RunOutput)
        graph.add_node("draft", self._draft)
        graph.add_node("select", self._select)
        graph.add_node("critique", self._critique, input_schema=Order)
        graph.add_node("adjudicate", self._adjudicate)
        graph.add_node("refine", self._refine)
        graph.add_node("ask", self._ask)
        graph.add_node("finish", self._finish)
        graph.add_edge(START, "draft")
        graph.add_edge("draft", "select")
        graph.add_edge("critique", "select")
        graph.add_edge("refine", "select")
        graph.add_edge("finish", END)
        return graph

    @property
    def steps(self) -> int:
        """How many steps a run can take at most: LangGraph's recursion limit."""
        waves = len(self.specs) + 1
        return (self.budget.rounds + 2) * (2 * waves + 4) + 8

    async def _draft(self, state: RunState, runtime: Runtime[None]) -> Plain:
        info = runtime.execution_info
        run = (info.thread_id if info else None) or uuid.uuid4().hex[:12]
        started = time.time()
        task = load(Task, state["task"])
        _emit(runtime, EventKind.STARTED, run, 0, {"task": dump(task), "oracle": "none"})
        text, reply = await self.actor.draft(task, self.model)
        update = self._drafted(runtime, run, Draft(text, author=self._author), reply)
        return {**update, "run": run, "task": dump(task), "started": started, "rounds": 0}

    async def _refine(self, state: RunState, runtime: Runtime[None]) -> Plain:
        view = View(state, self.specs)
        draft = view.newest
        feedback = shape_feedback(view.critiques_of(draft.number))
        text, reply = await self.refiner.refine(view.task, draft, feedback, self.model)
        refined = Draft(text, draft.number + 1, draft.number, self._author)
        update = self._drafted(runtime, view.run, refined, reply)
        return {**update, "rounds": view.rounds_made + 1}

    @property
    def _author(self) -> str:
        return self.model.name if self.model else type(self.actor).__name__

    @staticmethod
    def _drafted(runtime: Runtime[None], run: str, draft: Draft, reply: Reply) -> Plain:
        usage = Usage(
            model_calls=1,
            prompt_tokens=reply.prompt_tokens,
            completion_tokens=reply.completion_tokens,
        )
        plain = dump(draft)
        _emit(runtime, EventKind.DRAFTED, run, draft.number, {"draft": plain, "usage": dump(usage)})
        return {"drafts": [plain], "usage": dump(usage)}

    async def _select(
        self, state: RunState, runtime: Runtime[None]
    ) -> Command[Literal["critique", "adjudicate", "select"]]:
        view = View(state, self.specs)
        draft = view.newest
        done = view.critiques_of(draft.number)
        ready, spared = next_wave(self.specs, done, view.task, draft)
        records = [
            self._critiqued(runtime, view.run, draft, id_, critique, 0.0)
            for id_, critique in spared.items()
        ]
        if not ready:
            # What was spared may have been a prerequisite: look again before judging.
            return Command(goto="select" if spared else "adjudicate", update={"critiques": records})
        ids = [spec.id for spec in ready]
        _emit(runtime, EventKind.SELECTED, view.run, draft.number, {"critics": ids})
        self._waves[view.run, draft.number] = Wave()
        common = {
            "run": view.run,
            "task": state["task"],
            "draft": view.newest_plain,
            "earlier": dump({**done, **spared}),
        }
        sends = [Send("critique", {**common, "critic": id_}) for id_ in ids]
        return Command(goto=sends, update={"critiques": records})

    async def _critique(self, state: Order, runtime: Runtime[None]) -> Plain:
        spec = next((spec for spec in self.specs if spec.id == state["critic"]), None)
        if spec is None:
            raise InputError(
                f"the run was begun with the critic {state['critic']!r}, which is not given now: "
                "resume it with the critics that it was begun with"
            )
        draft = load(Draft, state["draft"])
        earlier = {id_: load(Critique, plain) for id_, plain in state["earlier"].items()}
        # After a restart the wave is not known here: the unfinished critics form a new one.
        wave = self._waves.setdefault((state["run"], draft.number), Wave())
        check = self.checker.check(spec, load(Task, state["task"]), draft, earlier)
        checked = await wave.run(spec, check)
        record = self._critiqued(
            runtime, state["run"], draft, spec.id, checked.critique, checked.seconds
        )
        return {"critiques": [record], "usage": dump(checked.usage)}

    @staticmethod
    def _critiqued(
        runtime: Runtime[None],
        run: str,
        draft: Draft,
        critic: str,
        critique: Critique,
        seconds: float,
    ) -> Plain:
        said = keepable(dump(critique))
        plain: Plain = {"critic": critic, "critique": said, "seconds": seconds}
        _emit(runtime, EventKind.CRITIQUED, run, draft.number, plain)
        return {**plain, "draft": draft.number}

    async def _adjudicate(
        self, state: RunState, runtime: Runtime[None]
    ) -> Command[Literal["refine", "ask", "finish"]]:
        view = View(state, self.specs)
        number = view.newest.number
        self._waves.pop((view.run, number), None)
        decision = adjudicate(view.critiques_of(number), self.specs)
        _emit(runtime, EventKind.DECIDED, view.run, number, dump_dict(decision))
        if decision.choice is Choice.ACCEPT:
            return _finish(Stopped.ACCEPTED, decision.reason)
        if decision.choice is Choice.UNDECIDED:
            return self._finish_or_ask(runtime, view, Stopped.UNDECIDED, decision.reason)
        seconds = time.time() - view.started
        if spent := self.budget.exceeded(view.usage, view.rounds_made, seconds):
            return _finish(Stopped.BUDGET, f"the budget of {spent} is spent; {decision.reason}")
        if stop := self.strategy.stop(view.history):
            return self._finish_or_ask(runtime, view, Stopped(stop.stopped), stop.reason)
        return Command(goto="refine")

    def _finish_or_ask(
        self, runtime: Runtime[None], view: View, stopped: Stopped, reason: str
    ) -> Command[Literal["refine", "ask", "finish"]]:
        if not self.ask_person:
            return _finish(stopped, reason)
        number = view.newest.number
        _emit(runtime, EventKind.ASKED, view.run, number, {"stopped": stopped, "reason": reason})
        return Command(goto="ask", update={"stopped": stopped.value, "reason": reason})

    async def _ask(
        self, state: RunState, runtime: Runtime[None]
    ) -> Command[Literal["refine", "finish"]]:
        view = View(state, self.specs)
        draft = view.newest
        question = {
            "draft": draft.text,
            "reason": view.reason,
            "answers": ANSWERS,
        }
        answer = str(interrupt(question)).strip()
        if answer.lower() in {"accept", "stop"}:
            verdict = Verdict.PASS if answer.lower() == "accept" else Verdict.FAIL
            critique = Critique(verdict, f"a person said: {answer}")
        else:
            critique = Critique(
                Verdict.FAIL, "a person commented", (Finding(answer, Hardness.HARD),)
            )
        record = self._critiqued(runtime, view.run, draft, PERSON, critique, 0.0)
        if critique.findings:
            return Command(goto="refine", update={"critiques": [record]})
        update = {
            "critiques": [record],
            "stopped": Stopped.PERSON.value,
            "reason": critique.summary,
        }
        return Command(goto="finish", update=update)

    async def _finish(self, state: RunState, runtime: Runtime[None]) -> Plain:
        outcome = self.outcome(state)
        plain = dump(outcome)
        _emit(runtime, EventKind.FINISHED, outcome.run, outcome.draft.number, {"outcome": plain})
        return {"outcome": plain}

    def outcome(self, state: Mapping[str, Any]) -> Outcome:
        """Return what a run amounts to as its state stands."""
        view = View(state, self.specs)
        stopped = Stopped(state.get("stopped", Stopped.WAITING))
        history = view.history
        # What the critics or a person accepted is the newest draft; otherwise the best one counts.
        word = history[-1].critiques.get(PERSON)
        accepted = stopped is Stopped.ACCEPTED or (word and word.verdict is Verdict.PASS)
        best = history[-1] if accepted else best_round(history, self.specs)
        return Outcome(
            run=view.run,
            task=view.task,
            draft=best.draft,
            stopped=stopped,
            reason=state.get("reason", ""),
            critiques=best.critiques,
            drafts=view.drafts,
            rounds=view.rounds_made,
            usage=view.usage,
            seconds=time.time() - view.started,
        )


def _finish(stopped: Stopped, reason: str) -> Command[Literal["refine", "ask", "finish"]]:
    return Command(goto="finish", update={"stopped": stopped.value, "reason": reason})


def _emit(
    runtime: Runtime[None], kind: EventKind, run: str, draft: int, data: Mapping[str, Any]
) -> None:
    event = Event(kind=kind, run=run, draft=draft, data=data, at=time.time())
    runtime.stream_writer(event)
