"""Mathematical program synthesis: a question in, a Python program out; the tool is an interpreter.

Programs run in the agent's sandbox, never in this process. What the interpreter shows goes back to
the model as findings: the error, or quantities that cannot be, as the paper's critique looks at
whether a number is reasonable. That costs no model call; where the paper has the model write its
critique, ours is written by `python/runs` and `python/quantities`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from critic_paper import loop, tables
from critic_paper.metrics import same_number, wilson
from critic_paper.sources import choose, read_rows
from gadfly import (
    Critic,
    Draft,
    InputError,
    Model,
    ModelActor,
    Plugins,
    Reference,
    Sandbox,
    Task,
    ToolError,
    Verdict,
)
from gadfly.testing import make_context

TOOLS = ("python/runs", "python/quantities")
INSTRUCTIONS = """\
Answer with one block of Python, and nothing else. Compute the answer from the numbers of the \
question, a step a line, in variables that say what they are; the last is called `answer`."""
CALLS = 4
TEMPERATURE = 0.7


@dataclass(frozen=True, slots=True)
class Problems:
    """Word problems, and their answers for the scorer."""

    name: str
    tasks: Sequence[Task]
    golds: Mapping[str, Reference]


def problems(n: int, data: Path | None) -> Problems:
    """Return GSM8K's where there is data, else generated ones that the embedded model knows.

    Raises:
        InputError: The data cannot be read.
    """
    if data is not None:
        rows = choose(read_rows(data / "tasks" / "gsm8k_test.jsonl.gz"), n)
        return Problems(
            "GSM8K",
            [Task(id=row["id"], prompt=row["question"]) for row in rows],
            {row["id"]: Reference(row["id"], _number(row["gold"])) for row in rows},
        )
    import gadfly_embedded

    made = gadfly_embedded.WordProblems()
    return Problems("generated word problems", made.tasks(n, 11), made.references(n, 11))


def _number(text: str) -> float:
    try:
        return float(str(text).replace(",", ""))
    except ValueError as error:
        raise InputError(f"the gold answer {text!r:.80} is no number") from error


def arms(instructions: str) -> list[loop.Arm]:
    """Return the arms of the paper for this task."""
    told = ModelActor(instructions)
    again = loop.LookAgain(instructions)
    return [
        loop.Arm(name=loop.NO_CRITIC, critics=lambda _: (), refiner=told),
        loop.Arm(name=loop.NO_TOOL, critics=lambda m: [loop.NeverContent(m)], refiner=again),
        loop.Arm(name=loop.TOOL, critics=lambda _: TOOLS, refiner=told),
        loop.Arm(name=loop.REJECTION, critics=lambda _: TOOLS, refiner=loop.Redraw(instructions)),
        loop.Arm(
            name=loop.ORACLE,
            critics=lambda m: [*TOOLS, loop.NeverContent(m)],
            refiner=loop.GoOn(instructions),
        ),
    ]


async def table(model: Model, *, n: int, calls: int, data: Path | None) -> tables.Table:
    """Run the arms, then look at the gold answers and return the table.

    Raises:
        InputError: The data cannot be read.
        ModelError: The model answered nothing.
        ToolError: A program cannot be run: nothing can be scored.
    """
    asked = problems(n, data)
    # The embedded model was trained on the bare question.
    instructions = "" if model.name.startswith("embedded:") else INSTRUCTIONS
    ended = await loop.run_arms(
        arms(instructions), model, asked.tasks, calls=calls, actor=ModelActor(instructions)
    )
    # Only now are gold answers looked at, and by nothing but the scorer.
    right = await score(ended, asked.golds)
    rows: list[Sequence[str]] = []
    for name, whole in ended.trials.items():
        tried = [_until_right(t, right) for t in whole] if name == loop.ORACLE else whole
        rows.append((tables.called(name), *_cells(tried, right), *tables.spent(tried)))
    return tables.Table(
        title=f"program: {len(right)} problems ({asked.name}), model {model.name}, "
        f"at most {calls} model calls each",
        columns=("arm", "right, 95 % interval", *tables.FLIPS, *tables.SPENT),
        rows=rows,
        notes=tables.remarks(ended),
    )


Right = Mapping[str, Mapping[str, bool]]
"""Whether a draft is right, by the task's id and the draft's text."""


async def score(ended: loop.Ended, golds: Mapping[str, Reference]) -> Right:
    """Run every draft once more, and compare what it gives with the gold answer.

    Raises:
        ToolError: A program cannot be run.
    """
    plugins = Plugins.discover()
    runs = cast("Critic", plugins.create("critics", "python/runs"))
    sandbox = cast("Sandbox", plugins.create("sandboxes", "local"))
    right: dict[str, dict[str, bool]] = {}
    try:
        for tried in ended.trials.values():
            for trial in tried:
                known = right.setdefault(trial.task.id, {})
                for draft in trial.drafts:
                    if draft.text not in known:
                        gold = golds[trial.task.id]
                        known[draft.text] = await _is_right(draft, trial.task, gold, runs, sandbox)
    finally:
        await sandbox.close()
    return right


async def _is_right(
    draft: Draft, task: Task, reference: Reference, runs: Critic, sandbox: Sandbox
) -> bool:
    said = await runs.critique(draft, make_context(task, sandbox=sandbox))
    if said.verdict is Verdict.ERROR:
        raise ToolError(f"a draft cannot be scored: {said.summary}")
    if said.verdict is not Verdict.PASS:
        return False
    values = [record.observation.get("value") for record in said.evidence]
    gold = cast("float", reference.gold)
    return any(same_number(value, gold) for value in values)


def _until_right(trial: loop.Trial, right: Right) -> loop.Trial:
    known = right[trial.task.id]
    found = next((i for i, draft in enumerate(trial.drafts) if known[draft.text]), None)
    # Where none is right, an oracle would have gone on to the last.
    return trial.end() if found is None else trial.cut(found)


def _cells(tried: Sequence[loop.Trial], right: Right) -> tuple[str, str, str]:
    known = [right[trial.task.id] for trial in tried]
    first = [of[trial.drafts[0].text] for of, trial in zip(known, tried, strict=True)]
    last = [of[trial.draft.text] for of, trial in zip(known, tried, strict=True)]
    return (wilson(sum(last), len(last)).percent(), *tables.flips(first, last))
