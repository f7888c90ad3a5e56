"""`gadfly run`: answer a question with an agent whose drafts are checked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import typer

from gadfly._agent import Agent
from gadfly._cli import DONE, NOT_ACCEPTED
from gadfly._cli._options import Require, critic_options
from gadfly._cli._output import AsJson, console, foreign_output, load_plugins, plain, print_json
from gadfly._cli._story import tell_event
from gadfly._errors import InputError, ToolError
from gadfly._models import as_model
from gadfly._values.budget import Budget
from gadfly._values.codec import load
from gadfly._values.critique import Verdict
from gadfly._values.job import Level
from gadfly._values.outcome import Event, EventKind, Outcome
from gadfly._values.task import JSON


def command(
    question: Annotated[str, typer.Argument(help="What to ask; empty with --resume.")] = "",
    *,
    model: Annotated[
        str, typer.Option(help="PROVIDER:NAME, such as local:FOLDER, openai:NAME or embedded:.")
    ] = "",
    critic: Annotated[
        list[str] | None, typer.Option(help="A critic, such as python/runs; may be repeated.")
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="CRITIC:NAME=VALUE; may be repeated.")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="For local models; 0 takes the likeliest word.")
    ] = None,
    sandbox: Annotated[str, typer.Option(help="Where drafts' programs run.")] = "local",
    require: Require = Level.UNSAFE,
    rounds: Annotated[int, typer.Option(help="Refinements at most.")] = 4,
    seconds: Annotated[float | None, typer.Option(help="Seconds at most.")] = None,
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask you when nothing can be decided.")
    ] = False,
    name: Annotated[str | None, typer.Option(help="A name for the run.")] = None,
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with a run that was cut off or waits.")
    ] = None,
    answer: Annotated[
        str | None, typer.Option(help="With --resume: accept, stop, or a comment to refine by.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question; exit with 0 when the checks hold, with 1 when they do not."""
    if bool(question) == bool(resume):
        raise InputError("give a question, or a run to go on with (--resume RUN)")
    if not model:
        raise InputError(
            "give a model, --model PROVIDER:NAME (local:FOLDER for Hugging Face weights; "
            "embedded: is a demonstration that knows generated word problems only)"
        )
    if not critic:
        raise InputError("give at least one --critic; `gadfly plugins list` shows what there is")
    plugins = load_plugins()
    settings: dict[str, JSON] = {} if temperature is None else {"temperature": temperature}
    with foreign_output():
        agent = Agent(
            as_model(model, plugins, **settings),
            critics=critic,
            options=critic_options(option or []),
            sandbox=sandbox,
            require=require,
            budget=Budget(rounds=rounds, seconds=seconds),
            ask_person=ask,
            plugins=plugins,
        )
    if resume:
        events = agent.astream_resume(resume, answer=answer)
    else:
        events = agent.astream(question, run=name)
    with foreign_output():
        outcome = asyncio.run(_follow(events, resume or name))
    if as_json:
        print_json(outcome)
    else:
        _show(outcome)
    raise typer.Exit(DONE if outcome.accepted else NOT_ACCEPTED)


async def _follow(events: AsyncIterator[Event], run: str | None) -> Outcome:
    """Tell on stderr what happens, as it happens, and return what it came to."""
    err = console(stderr=True)
    outcome: Outcome | None = None
    try:
        async for event in events:
            run = event.run
            if "outcome" in event.data:
                outcome = load(Outcome, event.data["outcome"])
            if event.kind is not EventKind.FINISHED:
                for line in tell_event(event):
                    err.print(plain(line))
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise KeyboardInterrupt(_go_on(run)) from None
    except ToolError as error:
        # Not a new one: an error class of a plugin may take other arguments.
        error.args = (f"{error}; {_go_on(run)}",)
        raise
    assert outcome is not None, "a stream ends with an outcome"
    return outcome


def _go_on(run: str | None) -> str:
    if run is None:
        return "nothing had begun"
    return f"finished work is kept: the same command with --resume {run} instead of the question"


def _show(outcome: Outcome) -> None:
    out = console()
    out.print(plain(outcome.answer))
    err = console(stderr=True)
    err.print(f"\n{outcome.stopped}: {plain(outcome.reason)}")
    for id_, critique in outcome.critiques.items():
        evidence = ", ".join(e.id[:12] for e in critique.evidence)
        note = f"  (evidence {evidence})" if evidence else ""
        mark = "" if critique.verdict is Verdict.PASS else f": {plain(critique.summary)}"
        err.print(f"  {plain(id_)} {critique.verdict}{mark}{note}")
    err.print(
        f"draft {outcome.draft.number} of {len(outcome.drafts)}, "
        f"{outcome.usage.model_calls} model calls, {outcome.usage.tokens} tokens, "
        f"{outcome.seconds:.1f} s; the whole story: gadfly trace show {outcome.run}"
    )
