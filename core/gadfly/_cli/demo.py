"""`gadfly demo`: the main job on unseen problems, measured against doing without critics."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, cast

import typer
from rich.table import Table

from gadfly._cli._output import (
    AsJson,
    console,
    foreign_output,
    load_plugins,
    plain,
    print_json,
    progress,
)
from gadfly._cli._story import tell
from gadfly._engine.checker import Checker
from gadfly._engine.specs import resolve_critics
from gadfly._experiment.arms import SELF_CRITIQUE, TOOL_CRITICS, Advance, Arm, Experiment
from gadfly._experiment.scoring import ArmScore, Scorer, compare
from gadfly._home import runs_folder
from gadfly._models import as_model
from gadfly._plugins import Plugins
from gadfly._ports import Benchmark, Model, Sandbox
from gadfly._trace import read_trace
from gadfly._values.task import Draft, Reference, Task

MODEL = "embedded:"
BENCHMARK = "embedded/word-problems"
CRITICS = ("python/runs", "python/quantities")
ARMS = 4
"""Passes over the problems: the drafts, and the three loops."""


def command(
    *,
    problems: Annotated[int, typer.Option(min=10, help="How many problems.")] = 200,
    calls: Annotated[int, typer.Option(min=1, help="Model calls per problem, in every arm.")] = 3,
    temperature: Annotated[float, typer.Option(min=0.0, help="Of the model's sampling.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Other problems, other samples.")] = 2026,
    as_json: AsJson = False,
) -> None:
    """See an answer checked, refuted and mended, offline, and measured against the alternatives."""
    plugins = load_plugins()
    benchmark = cast("Benchmark", plugins.create("benchmarks", BENCHMARK))
    tasks = benchmark.tasks(problems, seed)
    with foreign_output(), progress("working on problems", ARMS * problems) as advance:
        model = as_model(MODEL, plugins, temperature=temperature, seed=seed)
        arms, scorer = asyncio.run(_work(model, tasks, calls, plugins, advance))
    # Only now, with every arm ended and every draft run, are the gold answers looked at.
    references = benchmark.references(problems, seed)
    scores = compare(arms, tasks, references, benchmark, scorer)
    mended = _mended(arms, tasks, references, benchmark, scorer)
    if as_json:
        print_json({"problems": problems, "calls": calls, "arms": scores, "example": mended})
        return
    _print_report(scores, problems, calls)
    if mended:
        out = console()
        out.print("\nOne problem in full (again: `gadfly trace show " + mended + "`)\n")
        for line in tell(read_trace(mended)):
            out.print(plain(line))


async def _work(
    model: Model, tasks: Sequence[Task], calls: int, plugins: Plugins, advance: Advance
) -> tuple[list[Arm], Scorer]:
    sandbox = cast("Sandbox", plugins.create("sandboxes", "local"))
    experiment = Experiment(
        model, CRITICS, tasks, calls=calls, sandbox=sandbox, plugins=plugins, advance=advance
    )
    try:
        async with Checker(sandbox=sandbox) as checker:
            scorer = Scorer(resolve_critics(CRITICS[:1], plugins)[0], checker)
            averaged, vote = await experiment.draft_arms()
            await scorer.run_all(tasks, averaged)
            arms = [averaged, await experiment.self_critique(), vote(scorer.answer)]
            arms.append(await experiment.gated())
            # The loop itself keeps its traces: one of them is shown at the end.
            arms.append(await experiment.tool_critics(traces=runs_folder()))
            for arm in arms:
                await scorer.run_all(tasks, arm)
    finally:
        await sandbox.close()
    return arms, scorer


def _mended(
    arms: Sequence[Arm],
    tasks: Sequence[Task],
    references: Mapping[str, Reference],
    benchmark: Benchmark,
    scorer: Scorer,
) -> str:
    """The run id of a problem whose wrong first draft ended right; empty where there is none."""

    def right(task: Task, draft: Draft | None) -> bool:
        return draft is not None and scorer.is_right(task, draft, benchmark, references)

    loop = next(arm for arm in arms if arm.name == TOOL_CRITICS)
    for task, tried, final, run in zip(tasks, loop.drafts, loop.final, loop.runs, strict=True):
        if not right(task, tried[0]) and right(task, final):
            return run
    return ""


def _print_report(scores: Sequence[ArmScore], problems: int, calls: int) -> None:
    out = console()
    out.print(
        f"{problems} problems from templates the model has never seen; "
        f"{calls} model calls allowed per problem in every arm; gold answers seen by arms: none\n"
    )
    table = Table(box=None, pad_edge=False)
    for title in ("arm", "right, 95 % interval", "wrong→right", "right→wrong", "spoilt"):
        table.add_column(title, justify="left" if title == "arm" else "right")
    for title in ("calls", "tokens", "sandbox runs", "seconds"):
        table.add_column(title, justify="right")
    for score in scores:
        flips = score.flips
        table.add_row(
            score.name,
            str(score.accuracy),
            "" if flips is None else str(flips.wrong_right),
            "" if flips is None else str(flips.right_wrong),
            "" if flips is None else f"{flips.spoilt:.1%}",
            str(score.usage.model_calls),
            str(score.usage.tokens),
            str(score.usage.tool_calls),
            f"{score.seconds:.1f}",
        )
    out.print(table)
    by_name = {score.name: score for score in scores}
    tool, alone = by_name[TOOL_CRITICS], by_name[SELF_CRITIQUE]
    apart = not tool.accuracy.overlaps(alone.accuracy)
    out.print(
        f"\nTool critics against self-critique: {tool.accuracy.share - alone.accuracy.share:+.1%}, "
        f"intervals {'do not overlap' if apart else 'overlap'}. "
        "The model is a demonstration: it knows generated word problems and nothing else."
    )
