"""`table/queries`: do the draft's queries run, and do they give the answer that it states?

A query is a program of the draft's: it is asked in the sandbox, of the task's tables, read only.
One that is refused, stopped or invalid is a finding. A pass says that the stated answer is what the
query gives, and that it came out of the tables; whether the query asks what the task asks, no run
of it can tell.
"""

from __future__ import annotations

import re
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
    Limits,
    Task,
    Verdict,
    extract_artifacts,
)
from gadfly_table._answers import Said, compare, find_answer, span_of
from gadfly_table._engine import LIMITS, Result, ask
from gadfly_table._sources import find_tables, question_of
from gadfly_table._tables import Table
from gadfly_table._values import fold

_ID = "table/queries"
MAX_QUERIES = 5
"""Of one draft; the last ones count."""
MAX_CHARACTERS = 100_000
_BEGIN = re.compile(
    r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*(?:select|with|values)\b", re.IGNORECASE | re.DOTALL
)
_LANGUAGES = frozenset({"sql", "sqlite", "sqlite3", "postgresql", "postgres", "mysql", "duckdb"})
_INLINE = re.compile(r"`(?P<code>(?:select|with)\s[^`]{5,4000})`", re.IGNORECASE)
_LINES = re.compile(
    r"^[ \t]*(?:sql(?:[ \t]+query)?[ \t]*:[ \t]*\n?[ \t]*|query[ \t]*:[ \t]*\n?[ \t]*)?"
    r"(?P<code>(?:select\s[^;]{0,4000}?\bfrom\b|with\s+(?:recursive\s+)?\w+[^;]{0,200}?\bas\s*\()"
    r".*?)(?:;|\n[ \t]*\n|\Z|\n(?=[ \t]*(?:\*\*)?(?:final[ \t]+)?(?:the[ \t]+)?answer\b))",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
_LITERAL = re.compile(
    r"'(?P<text>(?:[^']|'')*)'|(?:[=(,<>]|\bbetween|\band|\blike|\bselect|\bthen|\belse)\s*(?P<number>-?\d[\d.]*)\b",
    re.IGNORECASE,
)


def find_queries(text: str) -> list[Artifact]:
    """Return the SQL in a draft: fenced, in backquotes, or on lines of its own."""
    blocks = [
        block
        for block in extract_artifacts(text)
        if block.text.strip()
        and (block.kind in _LANGUAGES or (block.kind == "code" and _BEGIN.match(block.text)))
    ]
    if blocks:
        return blocks
    for pattern in (_INLINE, _LINES):
        found = [
            Artifact(kind="sql", text=match["code"].rstrip(), start=match.start("code"))
            for match in pattern.finditer(text)
        ]
        if found:
            return found
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class QueriesCritic:
    """Accept a draft whose queries run and give the answer that it states.

    It fails one whose query is refused, reaches a limit, is invalid, reads no table of the task, or
    gives something else. It abstains where the draft states no answer, where the result would be
    the same without the tables' content, and where the query names the answer itself.
    """

    cost: ClassVar[Cost] = Cost.CHEAP
    deadline_seconds: ClassVar[float] = 120.0
    table: str | None = None
    """A file to ask instead of the task's tables: CSV, TSV, Markdown, JSON, Parquet or SQLite."""
    needs_answer: bool = True
    """Whether the draft must state an answer: otherwise a query that runs and gives rows passes."""
    limits: Limits = LIMITS
    """Of the job that asks."""

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether there is a query, and a table to ask."""
        text = draft.text[:MAX_CHARACTERS]
        return bool(find_queries(text)) and bool(self.table or find_tables(task))

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        if len(draft.text) > MAX_CHARACTERS:
            return Critique(Verdict.ABSTAIN, f"The draft has over {MAX_CHARACTERS:,} characters.")
        queries = find_queries(draft.text)[-MAX_QUERIES:]
        tables = find_tables(context.task, self.table)
        if not queries or not tables:
            missing = "query" if tables else "table"
            return Critique(Verdict.SKIP, f"There is no {missing} to ask.")
        # One job each: a query that uses up the job's limits says nothing about the others.
        asked = [
            await ask(_ID, tables, [query.text], context, controls=True, limits=self.limits)
            for query in queries
        ]
        evidence = tuple({record.id: record for _, record in asked}.values())
        findings = tuple(
            Finding(wrong, Hardness.HARD, span_of(draft.text, query), record.id)
            for query, (results, record) in zip(queries, asked, strict=True)
            if (wrong := _objection(results[0], tables)) is not None
        )
        if findings:
            return Critique(Verdict.FAIL, _sentence(findings[0].message), findings, evidence)
        (last,), record = asked[-1]
        return self._judge(draft, context.task, last, record, evidence)

    def _judge(
        self,
        draft: Draft,
        task: Task,
        result: Result,
        record: Evidence,
        evidence: tuple[Evidence, ...],
    ) -> Critique:
        answer = find_answer(without(draft.text, find_queries(draft.text)))
        shown = show(result)
        if answer is None:
            is_enough = not self.needs_answer and bool(result.rows) and result.grounded is True
            summary = f"The query gives {shown}; the draft states no answer."
            return Critique(Verdict.PASS if is_enough else Verdict.ABSTAIN, summary, (), evidence)
        said = compare(answer.text, result)
        if said is Said.DIFFERENT:
            message = f"the query gives {shown}, the draft answers {answer.text[:120]}"
            finding = Finding(message, Hardness.HARD, span_of(draft.text, answer), record.id)
            return Critique(Verdict.FAIL, _sentence(message), (finding,), evidence)
        if said is Said.UNTOLD:
            summary = f"The query gives {shown}, which the answer may say in other words."
        elif result.grounded is not True:
            summary = f"The query gives {shown}, and would without the tables' content."
        elif named := _names(result, question_of(task)):
            summary = f"The query gives {shown}, but it names {named!r:.80} itself."
        else:
            return Critique(Verdict.PASS, f"The query gives {shown}, as stated.", (), evidence)
        return Critique(Verdict.ABSTAIN, summary, (), evidence)


def show(result: Result) -> str:
    """Return a result in a few words."""
    if not result.rows:
        return "no rows"
    values = [", ".join("nothing" if v is None else str(v) for v in row) for row in result.rows]
    more = f"; ... ({len(values)}{' and more' if result.is_cut else ''} rows)"
    text = "; ".join(values[:5]) + (more if len(values) > 5 else "")
    return text if len(text) <= 200 else f"{text[:200]}..."


def _objection(result: Result, tables: Sequence[Table]) -> str | None:
    known = " and ".join(str(table) for table in tables)
    if result.failed == "invalid":
        return f"the query does not run: {result.message}; there is {known:.600}"
    if result.failed is not None:
        ended = "refused" if result.failed == "refused" else "stopped"
        return f"the query is {ended}: {result.message}"
    if not result.tables:
        return f"the query reads no table of the task; there is {known:.600}"
    return None


def _names(result: Result, question: str) -> str | None:
    """Return a value of the result that the query holds and the question does not."""
    asked = fold(question)
    values = {fold(str(value)) for row in result.rows for value in row if value is not None}
    for match in _LITERAL.finditer(result.sql):
        literal = fold((match["text"] or match["number"] or "").replace("''", "'")).strip("%")
        if literal in values and literal not in {"", "yes", "no"} and literal not in asked:
            return literal
    return None


def without(text: str, parts: Sequence[Artifact]) -> str:
    """Return a text of the same length, blank where the parts are."""
    for part in parts:
        text = text[: part.start] + re.sub(r"[^\n]", " ", part.text) + text[part.end :]
    return text


def _sentence(message: str) -> str:
    return f"{message[:1].upper()}{message[1:]}."
