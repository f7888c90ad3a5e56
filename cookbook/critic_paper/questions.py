"""Question answering: a question in, reasons and an answer out; the tool is a search.

The critic is `judge/critic`: the model looks at whether the answer is plausible, then whether it is
true, and may search at each turn; a query that is repeated shows passages not seen before. Every
call of the judge counts, and it is given no more turns than leave a call for the revision. Without
tools it is the paper's control arm: the same critique from memory.

Search is a local index, before it recorded searches where there are, so that nothing here needs a
network. Another one: any tool of `gadfly-search`.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar, cast

from critic_paper import loop, tables
from critic_paper.metrics import bootstrap, exact_match, f1, wilson
from critic_paper.sources import HERE, choose, read_rows
from gadfly import (
    Context,
    Cost,
    Critic,
    Critique,
    Draft,
    Model,
    ModelActor,
    Reference,
    Task,
    Tool,
    ToolError,
)
from gadfly_judge import InteractiveCritic
from gadfly_search import Index, Passage, Replay, SearchTool, build_index

SEARCH = "search"
"""The id under which the judge is offered the search."""
HITS = 7
TURNS = 7
"""Model calls for the truthfulness of one draft, at most; those that are left may allow fewer."""
INSTRUCTIONS = """\
Answer the question. First think, in a sentence or two; then end with a line of this form:
Answer: the answer, as short as can be, and nothing else"""
CALLS = 12
TEMPERATURE = 0.5

_MARK = re.compile(r"[ \t>*_#-]*answer[ \t*_]*:[\s*_]*", re.IGNORECASE)
_ANSWER = re.compile(
    rf"^{_MARK.pattern}(?P<answer>[^\s*_].*?)[ \t*_]*$", re.IGNORECASE | re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Questions:
    """Questions, their answers for the scorer, and where one may search."""

    name: str
    tasks: Sequence[Task]
    golds: Mapping[str, Reference]
    passages: Path
    recorded: Path | None


def questions(n: int, data: Path | None) -> Questions:
    """Return HotpotQA's where there is data, else a few of our own.

    Raises:
        InputError: The data cannot be read.
    """
    if data is None:
        rows, name = read_rows(HERE / "questions.jsonl"), "a few of our own"
        passages, recorded = HERE / "passages.jsonl", None
    else:
        rows, name = read_rows(data / "tasks" / "hotpotqa_100.jsonl.gz"), "HotpotQA"
        passages = data / "corpora" / "hotpotqa_paragraphs.jsonl.gz"
        recorded = data / "corpora" / "hotpotqa_search_replay.jsonl.gz"
    chosen = choose(rows, n)
    return Questions(
        name,
        [Task(id=row["id"], prompt=row["question"]) for row in chosen],
        {row["id"]: Reference(row["id"], _listed(row["gold"])) for row in chosen},
        passages,
        recorded,
    )


def _listed(gold: str | list[str]) -> list[str]:
    return [gold] if isinstance(gold, str) else gold


@dataclass(frozen=True, slots=True)
class Library:
    """What was recorded for a query, then what the index has."""

    index: Index
    recorded: Replay | None
    name: str = SEARCH

    async def search(self, query: str, limit: int = 5) -> Sequence[Passage]:
        """See `Searcher.search`."""
        found: list[Passage] = []
        if self.recorded is not None:
            # That a query was not recorded says nothing about what there is.
            with suppress(ToolError):
                found += await self.recorded.search(query, limit)
        return [*found, *await self.index.search(query, limit)][:limit]


@contextmanager
def searching(asked: Questions) -> Generator[Tool]:
    """Give the search as a tool, by an index that is built for it and then removed."""
    with TemporaryDirectory() as folder:
        build_index(asked.passages, Path(folder) / "index")
        recorded = None if asked.recorded is None else Replay(asked.recorded)
        yield SearchTool(Library(Index(Path(folder) / "index"), recorded), limit=HITS)


@dataclass(frozen=True, slots=True)
class Judge:
    """`judge/critic` on the problem's meter, with as many turns as leave a call to revise by."""

    meters: loop.Meters
    tools: Sequence[str]
    name: ClassVar[str] = "judge"
    inline: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost.DEAR
    deadline_seconds: ClassVar[float] = 1_800.0

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        meter = self.meters[context.task.id]
        # One for plausibility before them, one for the revision after.
        turns = min(TURNS, meter.left - 2)
        if turns < (2 if self.tools else 1):
            return loop.NO_CALLS_LEFT
        judge = InteractiveCritic(tools=self.tools, turns=turns)
        return await judge.critique(draft, replace(context, model=meter))


def arms() -> list[loop.Arm]:
    """Return the arms of the paper for this task."""
    told = ModelActor(INSTRUCTIONS)

    def with_tool(meters: loop.Meters) -> list[Critic]:
        return [Judge(meters, (SEARCH,))]

    return [
        loop.Arm(name=loop.NO_CRITIC, critics=lambda _: (), refiner=told),
        loop.Arm(name=loop.NO_TOOL, critics=lambda m: [Judge(m, ())], refiner=told),
        loop.Arm(name=loop.TOOL, critics=with_tool, refiner=told),
        loop.Arm(name=loop.REJECTION, critics=with_tool, refiner=loop.Redraw(INSTRUCTIONS)),
        loop.Arm(
            name=loop.ORACLE,
            critics=lambda m: [*with_tool(m), loop.NeverContent(m)],
            refiner=loop.GoOn(INSTRUCTIONS),
        ),
    ]


def answer_in(text: str) -> str | None:
    """Return the answer of a draft: what its last line `Answer:` says.

    A draft that is a single line and has no such mark is an answer as a whole. None where there is
    none; "none", "neither" and "both" are answers.
    """
    marked = [match["answer"] for match in _ANSWER.finditer(text)]
    if marked:
        return marked[-1]
    whole = text.strip()
    return whole if whole and "\n" not in whole and not _MARK.fullmatch(whole) else None


def answer_of(trial: loop.Trial) -> str | None:
    """Return the answer that a loop ended with: of its draft, else of the newest with one."""
    answers = [answer_in(draft.text) for draft in trial.drafts[: trial.chosen + 1]]
    return next((answer for answer in reversed(answers) if answer is not None), None)


async def table(model: Model, *, n: int, calls: int, data: Path | None) -> tables.Table:
    """Run the arms, then look at the gold answers and return the table.

    Raises:
        InputError: The data cannot be read.
        ModelError: The model answered nothing.
    """
    asked = questions(n, data)
    with searching(asked) as search:
        ended = await loop.run_arms(
            arms(),
            model,
            asked.tasks,
            calls=calls,
            actor=ModelActor(INSTRUCTIONS),
            tools={SEARCH: search},
        )
    # Only now are gold answers looked at, and by nothing but the scorer.
    golds = {id_: cast("list[str]", reference.gold) for id_, reference in asked.golds.items()}
    rows: list[Sequence[str]] = []
    for name, whole in ended.trials.items():
        tried = [_until_right(t, golds) for t in whole] if name == loop.ORACLE else whole
        rows.append((tables.called(name), *_cells(tried, golds), *tables.spent(tried)))
    return tables.Table(
        title=f"qa: {len(ended.trials[loop.TOOL])} questions ({asked.name}), model {model.name}, "
        f"at most {calls} model calls each",
        columns=("arm", "exact match, 95 %", "F1, 95 %", *tables.FLIPS, *tables.SPENT),
        rows=rows,
        notes=tables.remarks(ended),
    )


def _until_right(trial: loop.Trial, golds: Mapping[str, Sequence[str]]) -> loop.Trial:
    gold = golds[trial.task.id]
    found = [exact_match(answer_in(draft.text), gold) for draft in trial.drafts]
    return trial.cut(found.index(True)) if True in found else trial.end()


def _cells(
    tried: Sequence[loop.Trial], golds: Mapping[str, Sequence[str]]
) -> tuple[str, str, str, str]:
    known = [golds[trial.task.id] for trial in tried]
    answers = [answer_of(trial) for trial in tried]
    last = [exact_match(answer, gold) for answer, gold in zip(answers, known, strict=True)]
    first = [
        exact_match(answer_in(trial.drafts[0].text), gold)
        for trial, gold in zip(tried, known, strict=True)
    ]
    overlap = [100 * f1(answer, gold) for answer, gold in zip(answers, known, strict=True)]
    shown = bootstrap(overlap)
    return (
        wilson(sum(last), len(last)).percent(),
        f"{shown.mean:.1f} ({shown.low:.1f} to {shown.high:.1f})",
        *tables.flips(first, last),
    )
