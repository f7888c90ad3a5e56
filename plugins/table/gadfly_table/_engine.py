"""Asks the tables in a sandbox, by SQLite, and records it so that it can be asked again.

SQLite, not DuckDB: it comes with the Python that every sandbox has, its authorizer refuses by kind
of action what is more than reading, and its steps can be counted, so that an endless query ends at
the same place on every machine. The sandbox stands around it, because SQL is a stranger's program:
what a flaw in the engine let out would still be held. One job asks all the queries of a critique,
and `gadfly replay` runs it again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

from gadfly import JSON, Context, Ended, Evidence, Job, JobResult, Limits, ToolError, job_evidence
from gadfly_table import _inside
from gadfly_table._tables import Table
from gadfly_table._values import Cell

LIMITS = Limits(wall_seconds=60, cpu_seconds=5, memory_mib=512, output_kib=512)
"""For one job. Wall time has room to spare: that a machine is busy says nothing about a query."""
STEPS = 20_000_000
"""Of SQLite's virtual machine for one query, about a second; a full scan of 10,000 rows takes
a hundred thousand."""
MAX_ROWS = 200
"""Rows of a result that are kept."""
_LIMITS_REACHED = {
    Ended.CPU: "it takes more than {limits.cpu_seconds:g} seconds of processor time",
    Ended.MEMORY: "it needs more than {limits.memory_mib} MiB of memory",
    Ended.OUTPUT: "its result has more than {limits.output_kib} KiB",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one query gave, or why it gave nothing."""

    sql: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    is_cut: bool = False
    """Whether there were more rows than are kept."""
    tables: tuple[str, ...] = ()
    """The tables that it reads."""
    grounded: bool | None = None
    """Whether it gives something else where the tables are empty, and where all cells are blank;
    None where that was not tried."""
    failed: Literal["refused", "limit", "invalid"] | None = None
    """Why there is no result: it asks for more than reading, reached a limit, or is no valid SQL
    for these tables."""
    message: str = ""
    """The same in words, to follow "the query": `it takes more than ...`."""

    @property
    def value(self) -> Cell:
        """The one value that it gave; None where there is not exactly one."""
        return self.rows[0][0] if len(self.rows) == 1 == len(self.columns) else None


async def ask(
    tool: str,
    tables: Sequence[Table],
    queries: Sequence[str],
    context: Context,
    *,
    controls: bool = False,
    limits: Limits = LIMITS,
) -> tuple[list[Result], Evidence]:
    """Ask queries of tables in the context's sandbox.

    Args:
        tool: The critic's id.
        tables: The tables.
        queries: One SELECT each; anything else is refused, which is a result.
        context: The critic's.
        controls: Whether each is also asked of tables without any content (`Result.grounded`).
        limits: Of the job.

    Raises:
        ToolError: The sandbox or the engine failed, or the machine is too slow.
    """
    request = {
        "tables": [table.as_sql() for table in tables],
        "queries": list(queries),
        "controls": controls,
        "steps": STEPS,
        "rows": MAX_ROWS,
    }
    files = {_inside.SCRIPT: _script(), _inside.REQUEST: json.dumps(request)}
    job = Job(("python", "-I", _inside.SCRIPT), files=files, limits=limits)
    ran = await context.sandbox.run(job)
    results = _results(ran, queries, limits)
    observed: dict[str, JSON] = {
        "tables": {table.name: table.digest for table in tables},
        "queries": [_observed(result) for result in results],
    }
    if len(results) == 1 and results[0].value is not None:
        observed["value"] = results[0].value
    return results, job_evidence(tool, job, ran, **observed)


def _observed(result: Result) -> JSON:
    if result.failed is not None:
        return {"sql": result.sql[:2000], "failed": result.failed, "message": result.message}
    shown = [[_short(value) for value in row] for row in result.rows[:20]]
    return {"sql": result.sql[:2000], "columns": list(result.columns), "rows": shown}


def _short(value: Cell) -> Cell:
    return value[:200] if isinstance(value, str) else value


@cache
def _script() -> str:
    return Path(_inside.__file__).read_text(encoding="utf-8")


def _results(ran: JobResult, queries: Sequence[str], limits: Limits) -> list[Result]:
    if ran.ended in _LIMITS_REACHED:
        # Which of several it was cannot be told: then none of them gave anything.
        message = _LIMITS_REACHED[ran.ended].format(limits=limits)
        return [Result(sql=sql, failed="limit", message=message) for sql in queries]
    if not ran.succeeded:
        last = ran.stderr.strip().splitlines()[-1:] or [str(ran.ended)]
        raise ToolError(f"the table engine did not answer: {last[0]:.200}")
    try:
        read = cast("dict[str, Any]", json.loads(ran.stdout))
        found = [_read(sql, one) for sql, one in zip(queries, read["results"], strict=True)]
    except (ValueError, KeyError, TypeError) as error:
        raise ToolError(f"the table engine's answer cannot be read: {error}") from error
    return found


def _read(sql: str, one: dict[str, Any]) -> Result:
    if "failed" in one:
        return Result(sql=sql, failed=one["failed"], message=str(one["message"])[:300])
    return Result(
        sql=sql,
        columns=tuple(one["columns"]),
        rows=tuple(tuple(row) for row in one["rows"]),
        is_cut=bool(one["more"]),
        tables=tuple(one["tables"]),
        grounded=one.get("grounded"),
    )
