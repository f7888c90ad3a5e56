"""`table/claims`: does the table bear out what the draft says of it?

Sentences are turned into SQL by rule, or not at all: every word must be linked to a column, a cell,
a number or an operator, and all readings that the grammar allows must agree. What that does not
settle is an abstention, unless a model is allowed to write the query. Either way the query is the
evidence, and the rows are quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
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
    InputError,
    Model,
    Task,
    ToolError,
    Verdict,
)
from gadfly_table._answers import span_of
from gadfly_table._asking import ask_for_query
from gadfly_table._engine import Result, ask
from gadfly_table._linking import Lexicon, UnreadError, link, make_lexicon
from gadfly_table._queries import show
from gadfly_table._reading import Reading, read
from gadfly_table._sentences import MAX_CHARACTERS, find_sentences
from gadfly_table._sources import find_tables
from gadfly_table._tables import Table

_ID = "table/claims"
MAX_CLAIMS = 30
"""Of one draft. One with more is never passed: the rest was not looked at."""


class Holds(Enum):
    """What became of a claim."""

    YES = "holds"
    NO = "does not hold"
    UNKNOWN = "is not settled"


@dataclass(slots=True)
class _Claim:
    sentence: Artifact
    readings: list[Reading] = field(default_factory=list[Reading])
    holds: Holds = Holds.UNKNOWN
    why: str = ""
    evidence: str | None = None
    by_model: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsCritic:
    """Accept a draft if the table confirms each sentence; fail it if it refutes one.

    It abstains where a sentence is neither: most English is not read.
    """

    cost: ClassVar[Cost] = Cost.NORMAL
    deadline_seconds: ClassVar[float] = 120.0
    table: str | None = None
    """A file to ask instead of the task's table: CSV, TSV, Markdown, JSON, Parquet or SQLite."""
    model: bool = False
    """Whether the context's model writes queries for claims that the rules do not settle."""

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft asserts anything, and there is a table."""
        return bool(find_sentences(draft.text)) and bool(self.table or find_tables(task))

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`.

        Raises:
            InputError: A model is to write queries, and there is none.
        """
        tables = find_tables(context.task, self.table)
        sentences = find_sentences(draft.text)
        if not tables or not sentences:
            return Critique(Verdict.SKIP, "There is no table, or nothing is said of it.")
        claims = [_Claim(sentence) for sentence in sentences[:MAX_CLAIMS]]
        evidence: list[Evidence] = []
        if len(tables) == 1:
            evidence += await _by_rules(claims, tables[0], title_of(context.task), context)
        if self.model:
            if context.model is None:
                raise InputError("table/claims: model=True needs a model, and the agent has none")
            evidence += await _by_model(claims, tables, context.model, context)
        return _conclude(draft, claims, len(sentences), tuple(evidence))


def title_of(task: Task) -> str:
    """Return what the table is called: `Task.inputs["title"]`, or `caption`; empty where neither.

    Raises:
        InputError: It is no string.
    """
    title = task.inputs.get("title", task.inputs.get("caption"))
    if title is None:
        return ""
    if not isinstance(title, str):
        raise InputError(f"Task.inputs['title'] is a string, not {type(title).__name__}")
    return title


def read_claim(text: str, lexicon: Lexicon) -> list[Reading]:
    """Return the readings of one sentence.

    Raises:
        UnreadError: It cannot be read exactly.
    """
    if len(text) > MAX_CHARACTERS:
        raise UnreadError("too long a sentence")
    return read(link(text, lexicon), lexicon.table)


async def _by_rules(
    claims: Sequence[_Claim], table: Table, title: str, context: Context
) -> list[Evidence]:
    lexicon = make_lexicon(table, title)
    for claim in claims:
        try:
            claim.readings = read_claim(claim.sentence.text, lexicon)
        except UnreadError as error:
            claim.why = f"it is not read exactly: {str(error)!r:.60}"
    queries = [sql for claim in claims for one in claim.readings for sql in (one.sql, one.shown)]
    if not queries:
        return []
    results, evidence = await ask(_ID, [table], queries, context)
    for result in results:
        if result.failed in {"refused", "invalid"}:
            raise ToolError(f"table/claims made a query that does not run: {result.sql:.200}")
    by_sql = {result.sql: result for result in results}
    for claim in claims:
        if claim.readings:
            _settle(claim, by_sql)
            claim.evidence = evidence.id
    return [evidence]


def _settle(claim: _Claim, results: dict[str, Result]) -> None:
    said = {results[one.sql].value for one in claim.readings}
    first = claim.readings[0]
    if said == {1}:
        claim.holds, claim.why = Holds.YES, first.sql
    elif said == {0}:
        claim.holds = Holds.NO
        claim.why = f"{first.about}: {show(results[first.shown])}, by {first.sql}"
    else:
        claim.why = "it can be read in several ways" if len(said) > 1 else "nothing is to compare"


async def _by_model(
    claims: Sequence[_Claim], tables: Sequence[Table], model: Model, context: Context
) -> list[Evidence]:
    records: list[Evidence] = []
    for claim in claims:
        if claim.holds is not Holds.UNKNOWN:
            continue
        sql = await ask_for_query(claim.sentence.text[:MAX_CHARACTERS], tables, model)
        if sql is None:
            claim.why = "the model wrote no query"
            continue
        # A job of its own: a query that reaches the job's limits says nothing of other claims.
        (result,), record = await ask(_ID, tables, [sql], context, controls=True)
        records.append(record)
        claim.evidence = record.id
        if result.failed is not None:
            claim.why = f"the model's query fails: {result.message}"
        elif result.value not in {0, 1} or not isinstance(result.value, int):
            claim.why = f"the model's query gives {show(result)}, neither 1 nor 0"
        elif result.grounded is not True or not result.tables:
            claim.why = "the model's query would give the same without the table's content"
        else:
            claim.by_model = True
            claim.holds = Holds.YES if result.value else Holds.NO
            claim.why = f"by the model's query {sql:.400}"
    return records


def _conclude(
    draft: Draft, claims: Sequence[_Claim], total: int, evidence: tuple[Evidence, ...]
) -> Critique:
    findings = tuple(_finding(draft, claim) for claim in claims if claim.holds is not Holds.YES)
    wrong = [claim for claim in claims if claim.holds is Holds.NO]
    right = sum(claim.holds is Holds.YES for claim in claims)
    score = right / total
    if wrong:
        summary = f"The table refutes {len(wrong)} of {total} claims."
        return Critique(Verdict.FAIL, summary, findings, evidence, score)
    if right == total:
        summary = (
            f"The table confirms all {total} claims." if total > 1 else "The table confirms it."
        )
        return Critique(Verdict.PASS, summary, findings, evidence, score)
    summary = f"The table confirms {right} of {total} claims and settles no other."
    return Critique(Verdict.ABSTAIN, summary, findings, evidence)


def _finding(draft: Draft, claim: _Claim) -> Finding:
    said = f'"{claim.sentence.text[:200]}" {claim.holds.value}: {claim.why}'
    hardness = Hardness.HINT
    if claim.holds is Holds.NO:
        hardness = Hardness.SOFT if claim.by_model else Hardness.HARD
    return Finding(said, hardness, span_of(draft.text, claim.sentence), claim.evidence)
