"""How good the instruments of gadfly-table are, on tables of Wikipedia and of annual reports.

    python benchmarks/table_instruments.py [--data FOLDER] [--limit N]

tabfact    claims about tables with a person's label: what does `table/claims` confirm and refute?
wikitq     questions with gold answers: what does `table/answers` say of a draft with the gold
           answer, and of one with a wrong one (another cell of the same column, another number)?
hostile    queries that must be refused or stopped, as drafts of `table/queries`

Labels and gold answers are read by the scorer only; wrong answers are made of the table and the
gold answer with a fixed seed. Intervals of 95 %: a bootstrap over tables, because rows of one table
are alike; Wilson where nothing varies. What comes out is printed, and written as JSON beside this
file.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from figures import clustered, read_rows

from gadfly import JSON, Critic, Critique, Draft, Plugins, Sandbox, Task, Verdict
from gadfly.testing import make_context
from gadfly_table import AnswersCritic, ClaimsCritic, QueriesCritic

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
SEED = 20261130
AT_ONCE = 4
Row = dict[str, Any]
TABLE: JSON = {"header": ["Team", "Won"], "rows": [["Reds", "3"], ["Blues", "5"], ["Greens", "2"]]}
HOSTILE = (
    "ATTACH DATABASE '/tmp/gadfly_table_attack' AS x",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "SELECT load_extension('libc.so.6')",
    "SELECT writefile('/tmp/gadfly_table_attack', 'x') FROM t",
    "SELECT readfile('/etc/passwd') FROM t",
    "INSERT INTO t VALUES ('Yellows', 9)",
    "UPDATE t SET Won = 9",
    "DROP TABLE t",
    "CREATE TEMP TABLE u AS SELECT * FROM t",
    "SELECT 1; DROP TABLE t",
    "SELECT * FROM sqlite_master",
    "VACUUM INTO '/tmp/gadfly_table_attack'",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT COUNT(*) FROM r, t",
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r, t ORDER BY n",
    "SELECT COUNT(*) FROM " + ", ".join(f"t t{n}" for n in range(30)),  # noqa: S608 - an attack
    "SELECT hex(zeroblob(900000000)) FROM t",
    "SELECT replace(printf('%900000d', 1), ' ', 'aaaaaaaa') FROM t",
    "SELECT group_concat(a.Team || printf('%90000d', 1)) FROM t a, t b, t c, t d, t e, t f, t g",
    "SELECT " + "(" * 5000 + "1" + ")" * 5000 + " FROM t",
    "SELECT random() FROM t",
    "SELECT 5",
)


def main() -> int:
    """Run the benchmark; the exit status says whether the figures that are promised are met."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of recorded data")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    parser.add_argument("--limit", type=int, default=None, help="only the first N rows of each set")
    arguments = parser.parse_args()
    report = asyncio.run(_measure(arguments.data, arguments.limit))
    if arguments.limit is None:
        arguments.report.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    _print(report)
    promised = report["tabfact"]["verdict_is_right"][0] >= 0.9
    return 0 if promised and not report["hostile"]["passed"] else 1


async def _measure(folder: Path, limit: int | None) -> Row:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    try:
        return {
            "tabfact": await _tabfact(_read(folder, "tabfact")[:limit], sandbox),
            "wikitq": await _wikitq(_read(folder, "wikitq")[:limit], sandbox),
            "hostile": await _hostile(sandbox),
        }
    finally:
        await sandbox.close()


def _read(folder: Path, name: str) -> list[Row]:
    return read_rows(folder / "tasks" / f"{name}.jsonl.gz")


async def _judge(
    critic: Critic, pairs: Sequence[tuple[Task, str]], sandbox: Sandbox
) -> list[Critique]:
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(task: Task, draft: str) -> Critique:
        async with slots:
            return await critic.critique(Draft(draft), make_context(task, sandbox=sandbox))

    return list(await asyncio.gather(*(one(task, draft) for task, draft in pairs)))


async def _tabfact(rows: Sequence[Row], sandbox: Sandbox) -> Row:
    pairs = [(_tabfact_task(row), str(row["claim"])) for row in rows]
    critiques = await _judge(ClaimsCritic(), pairs, sandbox)
    said = Counter((row["label"], str(c.verdict)) for row, c in zip(rows, critiques, strict=True))
    wrong = [
        {"id": row["id"], "claim": row["claim"], "label": row["label"], "said": str(c.verdict)}
        for row, c in zip(rows, critiques, strict=True)
        if (row["label"] == 1 and c.verdict is Verdict.FAIL)
        or (row["label"] == 0 and c.verdict is Verdict.PASS)
    ]
    labelled = [
        (row["gid"], bool(row["label"]), c.verdict) for row, c in zip(rows, critiques, strict=True)
    ]
    return {
        "claims": len(rows),
        "tables": len({row["gid"] for row in rows}),
        "verdicts": {f"{label}: {verdict}": n for (label, verdict), n in sorted(said.items())},
        **_shares(labelled),
        "wrong": wrong,
    }


def _tabfact_task(row: Row) -> Task:
    header, *body = [line.split("#") for line in row["table"].strip().splitlines()]
    inputs: dict[str, JSON] = {"table": {"header": header, "rows": body}, "title": row["caption"]}
    return Task(prompt="Is this true of the table?", id=row["id"], inputs=inputs)


async def _wikitq(rows: Sequence[Row], sandbox: Sandbox) -> Row:
    dice = random.Random(SEED)
    labelled: list[tuple[str, bool, Verdict]] = []
    pairs: list[tuple[Task, str]] = []
    kinds: list[tuple[Row, bool]] = []
    for row in rows:
        text = io.StringIO(row["table_csv"])
        header, *body = csv.reader(text, escapechar="\\", doublequote=False)
        inputs: dict[str, JSON] = {"table": {"header": header, "rows": body}}
        task = Task(prompt=row["question"], id=row["id"], inputs=inputs)
        wrong = _wrong_answer(row["gold"], body, dice)
        pairs.append((task, f"Answer: {'; '.join(row['gold'])}"))
        kinds.append((row, True))
        if wrong is not None:
            pairs.append((task, f"Answer: {wrong}"))
            kinds.append((row, False))
    critiques = await _judge(AnswersCritic(), pairs, sandbox)
    labelled = [
        (row["gid"], is_gold, c.verdict) for (row, is_gold), c in zip(kinds, critiques, strict=True)
    ]
    wrong_ones = [
        {
            "id": row["id"],
            "question": row["question"],
            "draft": draft,
            "said": str(c.verdict),
            "summary": c.summary,
        }
        for (row, is_gold), (_, draft), c in zip(kinds, pairs, critiques, strict=True)
        if c.verdict is (Verdict.FAIL if is_gold else Verdict.PASS)
    ]
    return {"questions": len(rows), "drafts": len(pairs), **_shares(labelled), "wrong": wrong_ones}


def _wrong_answer(
    gold: Sequence[str], body: Sequence[Sequence[str]], dice: random.Random
) -> str | None:
    """Another cell of a column that holds the gold answer; else another number; else nothing."""
    if len(gold) != 1:
        return "; ".join(gold[:-1]) or None
    for column in range(len(body[0]) if body else 0):
        cells = [row[column].strip() for row in body if column < len(row)]
        others = sorted({cell for cell in cells if cell and cell.lower() != gold[0].lower()})
        if gold[0].lower() in {cell.lower() for cell in cells} and others:
            return dice.choice(others).replace("\n", " ")
    if gold[0].replace(",", "").isdigit():
        return str(int(gold[0].replace(",", "")) + dice.choice((1, 2, 10)))
    return {"yes": "no", "no": "yes"}.get(gold[0].lower())


async def _hostile(sandbox: Sandbox) -> Row:
    task = Task(prompt="How many did the Blues win?", inputs={"table": TABLE})
    pairs = [(task, f"```sql\n{sql}\n```\nAnswer: 5") for sql in HOSTILE]
    critiques = await _judge(QueriesCritic(), pairs, sandbox)
    return {
        "queries": len(HOSTILE),
        "failed": sum(critique.verdict is Verdict.FAIL for critique in critiques),
        "passed": sum(critique.verdict is Verdict.PASS for critique in critiques),
        "said": [
            {"sql": sql[:80], "verdict": str(critique.verdict), "summary": critique.summary[:160]}
            for sql, critique in zip(HOSTILE, critiques, strict=True)
        ],
    }


def _shares(labelled: Sequence[tuple[str, bool, Verdict]]) -> Row:
    decided = {Verdict.PASS, Verdict.FAIL}
    return {
        "coverage": clustered([(g, v in decided, True) for g, _, v in labelled]),
        "verdict_is_right": clustered(
            [(g, (v is Verdict.PASS) == right, v in decided) for g, right, v in labelled]
        ),
        "pass_is_right": clustered([(g, right, v is Verdict.PASS) for g, right, v in labelled]),
        "fail_is_right": clustered([(g, not right, v is Verdict.FAIL) for g, right, v in labelled]),
        "right_failed": clustered([(g, v is Verdict.FAIL, right) for g, right, v in labelled]),
        "wrong_passed": clustered([(g, v is Verdict.PASS, not right) for g, right, v in labelled]),
    }


def _print(report: Row) -> None:
    for name in ("tabfact", "wikitq"):
        counts = {key: value for key, value in report[name].items() if isinstance(value, int)}
        print(name, counts, report[name].get("verdicts", ""))
        for key, value in report[name].items():
            if isinstance(value, list) and key != "wrong":
                print(f"    {key:18} {value[0]:.1%} [{value[1]:.1%}, {value[2]:.1%}]")
    hostile = report["hostile"]
    print(
        f"hostile  {hostile['failed']} of {hostile['queries']} failed, {hostile['passed']} passed"
    )


if __name__ == "__main__":
    sys.exit(main())
