"""`table/queries`, in the real sandbox: what a query may do, and what its result says."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gadfly import (
    JSON,
    Critique,
    Draft,
    Ended,
    JobResult,
    Limits,
    Plugins,
    Sandbox,
    Task,
    ToolError,
    Verdict,
    replay,
)
from gadfly.testing import ScriptedSandbox, make_context
from gadfly_table import QueriesCritic, find_queries
from gadfly_table._answers import Said, compare, find_answer
from gadfly_table._engine import Result

TEAMS: JSON = {"header": ["Team", "Won"], "rows": [["Reds", "3"], ["Blues", "5"], ["Greens", "2"]]}
TASK = Task(prompt="How many did the Blues win?", inputs={"table": TEAMS})
LIMITS = Limits(wall_seconds=60, cpu_seconds=3, memory_mib=256, output_kib=128)
ENDLESS = (
    "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT COUNT(*) FROM r, t"
)

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


async def judge(
    sql: str, sandbox: Sandbox, answer: str = "5", critic: QueriesCritic | None = None
) -> Critique:
    draft = Draft(f"```sql\n{sql}\n```\nAnswer: {answer}")
    critic = critic or QueriesCritic(limits=LIMITS)
    return await critic.critique(draft, make_context(TASK, sandbox=sandbox))


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("ATTACH DATABASE 'x.db' AS x", "ATTACH"),
        ("DETACH DATABASE main", "DETACH"),
        ("PRAGMA query_only = OFF", "PRAGMA"),
        ("SELECT * FROM pragma_table_info('t')", "refused"),
        ("SELECT load_extension('x.so') FROM t", "load_extension"),
        ("SELECT writefile('x', Team) FROM t", "does not run"),
        ("SELECT random() FROM t", "random"),
        ("INSERT INTO t VALUES ('Yellows', 9)", "refused"),
        ("UPDATE t SET Won = 5", "refused"),
        ("DELETE FROM t", "refused"),
        ("DROP TABLE t", "refused"),
        ("CREATE TEMP TABLE u AS SELECT * FROM t", "refused"),
        ("SELECT Won FROM t; DROP TABLE t", "several statements"),
        ("SELECT name FROM sqlite_master", "sqlite_master"),
        ("VACUUM INTO 'x.db'", "refused"),
        ("BEGIN", "refused"),
        (ENDLESS, "steps"),
        ("SELECT COUNT(*) FROM " + ", ".join(f"t t{n}" for n in range(25)), "steps"),
        ("SELECT hex(zeroblob(900000000)) FROM t", "calls hex"),
        ("SELECT replace(printf('%900000d', 1), ' ', 'aaaa') FROM t", "too big"),
        ("SELECT " + "(" * 3000 + "1" + ")" * 3000 + " FROM t", "does not run"),
        ("SELECT Won FROM t WHERE " + " OR ".join("Won = 5" for _ in range(5000)), "stopped"),
        ("SELECT Points FROM t", "no such column: Points; there is t(Team, Won)"),
        ("SELECT Won FROM teams", "no such table: teams"),
        ("SELECT 5", "reads no table"),
        ("SELEKT Won FROM t", "syntax error"),
    ],
)
async def test_a_query_that_does_more_than_read_is_a_finding(
    sql: str, message: str, sandbox: Sandbox
) -> None:
    critique = await judge(sql, sandbox)

    assert critique.verdict is Verdict.FAIL
    assert critique.is_hard_failure
    assert message in critique.findings[0].message


async def test_a_query_that_fills_memory_is_stopped(sandbox: Sandbox) -> None:
    row = "printf('%900000d', a.n * 1000 + b.n)"
    numbers = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r LIMIT 900) "
    sql = f"{numbers} SELECT COUNT(*) FROM (SELECT DISTINCT {row} FROM r a, r b, t)"

    critique = await judge(sql, sandbox)

    assert critique.verdict is Verdict.FAIL
    assert "stopped" in critique.findings[0].message


@pytest.mark.parametrize(
    ("sql", "answer", "verdict"),
    [
        ("SELECT Won FROM t WHERE Team = 'Blues'", "5", Verdict.PASS),
        ("SELECT Won FROM t WHERE Team = 'Blues';", "5 games", Verdict.PASS),
        ("SELECT Won FROM t WHERE Team = 'Blues'", "6", Verdict.FAIL),
        ("SELECT Team FROM t ORDER BY Won", "Greens, Reds and Blues", Verdict.PASS),
        ("SELECT Team FROM t ORDER BY Won", "Greens, Reds", Verdict.FAIL),
        ("SELECT SUM(Won) * 1.0 / COUNT(*) FROM t", "3.33", Verdict.PASS),
        ("SELECT SUM(Won) * 1.0 / COUNT(*) FROM t", "3.34", Verdict.FAIL),
        ("SELECT COUNT(*) FROM t", "3", Verdict.PASS),
        ("SELECT MAX(Won) > 4 FROM t", "yes", Verdict.PASS),
        ("SELECT MAX(Won) > 4 FROM t", "no", Verdict.FAIL),
        ("SELECT Won FROM t WHERE Team = 'Yellows'", "5", Verdict.FAIL),
        ("SELECT Team, Won FROM t", "Blues", Verdict.ABSTAIN),
        ("SELECT Team FROM t WHERE Won = 5", "the Blues of old", Verdict.ABSTAIN),
        # What follows would be so whatever the table held.
        ("SELECT 5 FROM t LIMIT 1", "5", Verdict.ABSTAIN),
        ("SELECT 5 WHERE (SELECT COUNT(*) FROM t) >= 0", "5", Verdict.ABSTAIN),
        ("SELECT Won FROM t WHERE Won = 5", "5", Verdict.ABSTAIN),
        ("SELECT COALESCE(MAX(Won), 0) * 0 + 5 FROM t", "5", Verdict.ABSTAIN),
    ],
)
async def test_the_stated_answer_is_held_against_the_result(
    sql: str, answer: str, verdict: Verdict, sandbox: Sandbox
) -> None:
    critique = await judge(sql, sandbox, answer)

    assert critique.verdict is verdict, critique.summary


async def test_a_query_alone_passes_only_where_no_answer_is_needed(sandbox: Sandbox) -> None:
    draft = Draft("```sql\nSELECT Won FROM t WHERE Team = 'Blues'\n```")
    context = make_context(TASK, sandbox=sandbox)

    strict = await QueriesCritic().critique(draft, context)
    lenient = await QueriesCritic(needs_answer=False).critique(draft, context)

    assert (strict.verdict, lenient.verdict) == (Verdict.ABSTAIN, Verdict.PASS)
    assert strict.evidence[0].observation["value"] == 5


async def test_every_query_of_a_draft_must_run_and_the_last_gives_the_answer(
    sandbox: Sandbox,
) -> None:
    broken, good = "```sql\nSELECT x FROM t\n```", "```sql\nSELECT MAX(Won) FROM t\n```"
    context = make_context(TASK, sandbox=sandbox)

    both = await QueriesCritic().critique(Draft(f"{broken}\n{good}\nAnswer: 5"), context)
    twice = await QueriesCritic().critique(Draft(f"{good}\n{good}\nAnswer: 5"), context)

    assert [both.verdict, twice.verdict] == [Verdict.FAIL, Verdict.PASS]


async def test_the_drafts_own_table_is_never_asked(sandbox: Sandbox) -> None:
    forged = "| Team | Won |\n|---|---|\n| Blues | 9 |\n\n"
    draft = Draft(f"{forged}```sql\nSELECT Won FROM t WHERE Team = 'Blues'\n```\nAnswer: 9")

    critique = await QueriesCritic().critique(draft, make_context(TASK, sandbox=sandbox))

    assert critique.verdict is Verdict.FAIL


async def test_a_file_takes_the_place_of_the_tasks_table(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("Team,Won\nBlues,7\nReds,1\n", encoding="utf-8")
    critic = QueriesCritic(table=str(tmp_path / "other.csv"))

    critique = await judge("SELECT MAX(Won) FROM t", sandbox, "7", critic)

    assert critique.verdict is Verdict.PASS


@pytest.mark.parametrize("sql", ["SELECT Won FROM t WHERE Team = 'Blues'", ENDLESS])
async def test_its_evidence_is_reproduced(sql: str, sandbox: Sandbox) -> None:
    critique = await judge(sql, sandbox)

    again = await replay(critique.evidence[0], sandbox)

    assert again.status == "reproduced", again


@pytest.mark.parametrize(
    "result",
    [
        JobResult(ended=Ended.EXITED, exit_code=1, stderr="ModuleNotFoundError: sqlite3"),
        JobResult(ended=Ended.EXITED, exit_code=0, stdout="nonsense"),
        JobResult(ended=Ended.EXITED, exit_code=0, stdout='{"results": []}'),
        JobResult(ended=Ended.TIMEOUT),
    ],
)
async def test_an_engine_that_fails_is_no_verdict(result: JobResult) -> None:
    with pytest.raises(ToolError):
        await judge("SELECT Won FROM t", ScriptedSandbox(result))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```sql\nSELECT 1\n```", ["SELECT 1"]),
        ("```\nWITH a AS (SELECT 1) SELECT 2\n```", ["WITH a AS (SELECT 1) SELECT 2"]),
        ("```python\nSELECT\n```", []),
        ("Run `SELECT a FROM t` and see.", ["SELECT a FROM t"]),
        ("SQL: SELECT a\nFROM t\nAnswer: 5", ["SELECT a\nFROM t"]),
        ("SELECT a FROM t;\n\nSo it is 5.", ["SELECT a FROM t"]),
        ("Select the best of them with care.", []),
        ("", []),
    ],
)  # fmt: skip
def test_the_queries_of_a_draft_are_found(text: str, found: list[str]) -> None:
    queries = find_queries(text)

    assert [query.text for query in queries] == found
    assert all(text[query.start : query.end] == query.text for query in queries)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("work\nAnswer: 5.", "5"), ("**Answer:** the Reds", "the Reds"), ("#### 1,234", "1,234"),
        ("So the answer is Reds.", "Reds"), ("\\boxed{12}", "12"),
        ("Answer: 1\nAnswer: 2", "2"), ("They won 5.", None), ("Answer:", None), ("", None),
    ],
)  # fmt: skip
def test_the_stated_answer_is_found(text: str, answer: str | None) -> None:
    found = find_answer(text)

    assert (found and found.text) == answer
    assert found is None or text[found.start : found.end] == answer


def test_values_are_matched_one_by_one() -> None:
    result = Result(sql="", columns=("a",), rows=(("x, y",), ("z",), (None,)))

    assert compare("z; x, y; none", result) is Said.SAME
    assert compare("x, y, z", result) is Said.UNTOLD
    assert compare("b; c; d", result) is Said.DIFFERENT
    assert compare("1", Result(sql="", columns=("a",), rows=((1,),), is_cut=True)) is Said.UNTOLD
