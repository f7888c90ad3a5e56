"""`table/answers`: is the stated answer what the table gives for the task's question?

The question is turned into SQL by rule, or not at all, and all its readings must give the same
verdict. The draft's working is not read: only the answer counts, and only the question is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from gadfly import (
    Artifact,
    Context,
    Cost,
    Critique,
    Draft,
    Evidence,
    Finding,
    Hardness,
    Task,
    ToolError,
    Verdict,
)
from gadfly_table._answers import Said, compare, find_answer, span_of
from gadfly_table._claims import title_of
from gadfly_table._engine import ask
from gadfly_table._linking import UnreadError, make_lexicon
from gadfly_table._queries import find_queries, show, without
from gadfly_table._questions import read_question
from gadfly_table._sources import find_tables, question_of

_ID = "table/answers"
MAX_CHARACTERS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersCritic:
    """Accept an answer that the table gives for the task's question, and fail any other.

    It abstains where the question cannot be read exactly, and where its readings differ.
    """

    cost: ClassVar[Cost] = Cost.CHEAP
    deadline_seconds: ClassVar[float] = 120.0
    table: str | None = None
    """A file to ask instead of the task's table: CSV, TSV, Markdown, JSON, Parquet or SQLite."""

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether there is a table to ask."""
        return bool(self.table or find_tables(task))

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        if len(draft.text) > MAX_CHARACTERS:
            return Critique(Verdict.ABSTAIN, f"The draft has over {MAX_CHARACTERS:,} characters.")
        tables = find_tables(context.task, self.table)
        if len(tables) != 1:
            verdict = Verdict.ABSTAIN if tables else Verdict.SKIP
            return Critique(verdict, f"There are {len(tables)} tables, and one can be asked.")
        answer = find_answer(without(draft.text, find_queries(draft.text)), whole=True)
        if answer is None:
            return Critique(Verdict.ABSTAIN, "The draft states no answer.")
        lexicon = make_lexicon(tables[0], title_of(context.task))
        try:
            readings = read_question(question_of(context.task), lexicon)
        except UnreadError as error:
            summary = f"The question is not read exactly: {str(error)!r:.60}."
            return Critique(Verdict.ABSTAIN, summary)
        results, evidence = await ask(_ID, tables, [one.sql for one in readings], context)
        for result in results:
            if result.failed in {"refused", "invalid"}:
                raise ToolError(f"{_ID} made a query that does not run: {result.sql:.200}")
        # A result without rows answers nothing: the question may mean something else.
        said = [
            compare(answer.text, one)
            if one.failed is None and any(v is not None for row in one.rows for v in row)
            else Said.UNTOLD
            for one in results
        ]
        given = " or ".join(dict.fromkeys(show(result) for result in results))
        return _conclude(draft, answer, said, given, evidence, results[0].sql)


def _conclude(
    draft: Draft, answer: Artifact, said: Sequence[Said], given: str, evidence: Evidence, sql: str
) -> Critique:
    if set(said) == {Said.SAME}:
        return Critique(Verdict.PASS, f"The table gives {given:.200}, as stated.", (), (evidence,))
    if set(said) == {Said.DIFFERENT}:
        message = (
            f"the table gives {given:.200}, the draft answers {answer.text[:120]}, by {sql:.400}"
        )
        finding = Finding(message, Hardness.HARD, span_of(draft.text, answer), evidence.id)
        return Critique(
            Verdict.FAIL, f"{message[0].upper()}{message[1:]}.", (finding,), (evidence,)
        )
    summary = f"The table gives {given:.200}; that may be what is stated, or not."
    return Critique(Verdict.ABSTAIN, summary, (), (evidence,))
