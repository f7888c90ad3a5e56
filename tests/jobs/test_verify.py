from __future__ import annotations

import asyncio
import json
import statistics
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import (
    JSON,
    Context,
    Critic,
    Critique,
    Draft,
    Ended,
    Evidence,
    Finding,
    Hardness,
    InputError,
    Job,
    JobResult,
    Plugins,
    Usage,
    Verdict,
    VerifyOptions,
    VerifyReport,
    VerifyResult,
    averify,
    critic,
    job_evidence,
    load,
    verify,
)
from gadfly._jobs._database import Database
from gadfly._jobs._store import Store
from gadfly._jobs.results import Durations
from gadfly.testing import ScriptedSandbox

HARD = (Finding("it is bad", Hardness.HARD),)


def judge(draft: Draft, context: Context) -> Critique:
    for verdict in Verdict:
        if draft.text.startswith(verdict.value):
            return Critique(verdict, findings=HARD if verdict is Verdict.FAIL else ())
    raise RuntimeError("the instrument is unplugged")


words = critic(name="words", inline=True)(judge)


def rows(*texts: str) -> list[dict[str, str]]:
    return [{"id": f"r{i}", "prompt": "q", "text": text} for i, text in enumerate(texts)]


def check(
    given: Path | Sequence[Mapping[str, JSON]],
    critics: Sequence[Critic] = (words,),
    **options: Unpack[VerifyOptions],
) -> VerifyReport:
    defaults: VerifyOptions = {"sandbox": None, "plugins": Plugins([]), "workers": 2}
    return verify(given, critics, **(defaults | options))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_row_gets_the_verdict_of_its_only_critic(verdict: Verdict) -> None:
    report = check(rows(verdict.value))

    assert [result.verdict for result in report.results] == [verdict]
    assert report.verdicts == {verdict.value: 1}


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        pytest.param("pass skip", "pass", id="one that applies is enough"),
        pytest.param("pass abstain", "abstain", id="an abstention decides nothing"),
        pytest.param("pass error", "error", id="a broken one decides nothing"),
        pytest.param("error fail", "fail", id="a failure vetoes"),
        pytest.param("abstain error", "error", id="broken outweighs silent"),
        pytest.param("skip skip", "skip", id="nothing applies"),
    ],
)
def test_verdicts_of_several_critics_are_adjudicated(said: str, verdict: str) -> None:
    def sayer(place: int) -> Critic:
        def say(draft: Draft, context: Context) -> Critique:
            return Critique(Verdict(draft.text.split()[place]))

        return critic(name=f"critic-{place}", inline=True)(say)

    report = check(rows(said), [sayer(0), sayer(1)])

    assert report.results[0].verdict == verdict
    assert [c.verdict for c in report.results[0].critiques.values()] == said.split()


def test_results_come_in_input_order_each_once(tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    texts = [f"pass {number % 7}" for number in range(100)]

    report = check(rows(*texts), out=out)

    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["id"] for line in lines] == [f"r{number}" for number in range(100)]
    assert (report.rows, report.shared, report.results) == (100, 93, ())


def test_line_of_the_results_file_is_a_result(tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"

    check(rows("fail"), out=out)

    result = load(VerifyResult, json.loads(out.read_text()))
    assert (result.id, result.verdict, result.critiques["words"].findings) == ("r0", "fail", HARD)


def test_identical_drafts_are_checked_once() -> None:
    calls: list[str] = []

    @critic(inline=True)
    async def counting(draft: Draft, context: Context) -> Critique:
        calls.append(draft.text)
        await asyncio.sleep(0)
        return Critique(Verdict.PASS)

    report = check(rows("a", "b", "a", "a"), [counting], workers=4)

    assert sorted(calls) == ["a", "b"]
    assert [result.shared for result in report.results] == [False, False, True, True]


def test_gold_columns_never_reach_a_critic() -> None:
    seen: list[object] = []

    @critic(inline=True)
    def sees(draft: Draft, context: Context) -> Critique:
        seen.append((draft, context))
        return Critique(Verdict.PASS)

    row: dict[str, JSON] = {"id": "a", "question": "q", "response": "d", "table": "t"}
    gold: dict[str, JSON] = {"gold": "SECRET", "correct": True, "run": {"value": "SECRET"}}

    check([{**row, **gold}], [sees], input_fields=["table"])

    assert len(seen) == 1
    assert "SECRET" not in repr(seen)
    assert "'table': 't'" in repr(seen)


@pytest.mark.parametrize("seen", [{1, object()}, float("nan")], ids=["object", "nan"])
def test_critique_that_is_not_data_is_the_critics_error(seen: Any) -> None:
    @critic(inline=True)
    def odd(draft: Draft, context: Context) -> Critique:
        evidence = Evidence(id="e", tool="t", request={}, observation={"seen": seen})
        return Critique(Verdict.PASS, evidence=(evidence,))

    report = check(rows("a", "b"), [odd])

    assert report.verdicts == {"error": 2}


def test_report_counts_programs_and_what_they_cost() -> None:
    @critic(inline=True)
    async def runs(draft: Draft, context: Context) -> Critique:
        job = Job(("python", "-c", draft.text))
        result = await context.sandbox.run(job)
        return Critique(Verdict.PASS, evidence=(job_evidence("runs", job, result),))

    ended = JobResult(ended=Ended.TIMEOUT, wall_seconds=2.0)
    report = check(rows("a", "b", "a"), [runs], sandbox=ScriptedSandbox(ended), workers=1)

    assert report.ended == {"timeout": 2}
    assert report.usage == Usage(tool_calls=2, sandbox_seconds=4.0)
    assert report.results[2].usage == Usage()


def test_given_sandbox_stays_open() -> None:
    sandbox = ScriptedSandbox([])

    check(rows("pass"), sandbox=sandbox)

    assert not sandbox.closed


def test_second_run_does_nothing_again(tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    check(rows("pass", "fail"), out=out)
    before = out.read_bytes()
    out.unlink()

    def fresh(draft: Draft, context: Context) -> Critique:
        raise AssertionError("it was asked again")

    report = check(rows("pass", "fail"), [critic(name="words", inline=True)(fresh)], out=out)

    assert report.kept == 2
    assert report.verdicts == {"pass": 1, "fail": 1}
    assert out.read_bytes() == before


def test_row_that_ended_in_error_is_tried_again_by_a_rerun(tmp_path: Path) -> None:
    plugged = False

    @critic(name="shaky", inline=True)
    def shaky(draft: Draft, context: Context) -> Critique:
        if draft.text == "fragile" and not plugged:
            raise RuntimeError("the instrument is unplugged")
        return Critique(Verdict.PASS)

    first = check(rows("fine", "fragile"), [shaky], out=tmp_path / "out")
    plugged = True
    second = check(rows("fine", "fragile"), [shaky], out=tmp_path / "out")

    assert (first.errors, first.verdicts) == (1, {"pass": 1, "error": 1})
    assert (second.errors, second.verdicts, second.kept) == (0, {"pass": 2}, 1)


def test_higher_limit_goes_on_from_the_lower_one(tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    texts = [f"pass {number}" for number in range(5)]
    first = check(rows(*texts), out=out, limit=2)
    assert (first.rows, len(out.read_text().splitlines())) == (2, 2)

    second = check(rows(*texts), out=out)

    assert (second.rows, second.kept, len(out.read_text().splitlines())) == (5, 2, 5)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param({"given": rows("pass", "pass")}, '"rows": 1', id="input"),
        pytest.param({"critics": [critic(name="other", inline=True)(judge)]}, "other", id="critic"),
        pytest.param({"sandbox": ScriptedSandbox([])}, "scripted", id="sandbox"),
    ],
)
def test_another_job_on_the_same_output_is_refused(
    tmp_path: Path, change: dict[str, Any], named: str
) -> None:
    out = tmp_path / "results.jsonl"
    check(rows("pass"), out=out)
    before = out.read_bytes()
    change |= {"out": out}

    with pytest.raises(InputError, match=f"belongs to another job: .*{named}.*--restart"):
        check(change.pop("given", rows("pass")), **change)

    assert out.read_bytes() == before


def test_restart_throws_the_earlier_results_away(tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    check(rows("pass"), out=out)

    report = check(rows("fail", "pass"), out=out, restart=True)

    assert (report.kept, report.verdicts) == (0, {"pass": 1, "fail": 1})


def test_restart_with_wrong_input_keeps_the_earlier_results(tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    check(rows("pass"), out=out)

    with pytest.raises(InputError, match="row 2: id 'r0' is also that of row 1"):
        check([*rows("pass"), *rows("fail")], out=out, restart=True)

    assert check(rows("pass"), out=out).kept == 1


def test_wrong_input_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 1: no field"):
        check([{"prompt": "q"}], out=tmp_path / "results.jsonl")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"limit": 0}, "limit must be at least 1", id="limit"),
        pytest.param({"workers": 0}, "workers must be at least 1", id="workers"),
        pytest.param({"critics": []}, "at least one critic", id="no critic"),
        pytest.param({"critics": [words, words]}, "given twice", id="critic twice"),
        pytest.param({"sandbox": "nowhere"}, "no sandboxe? named 'nowhere'", id="sandbox"),
        pytest.param({"out": "/nonexistent/results"}, "there is no folder", id="folder"),
    ],
)
def test_wrong_argument_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check(rows("pass"), **options)


def test_results_over_the_input_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl"
    path.write_text(json.dumps(rows("pass")[0]))

    with pytest.raises(InputError, match="is the input"):
        check(path, out=path)


async def test_verify_in_a_running_loop_points_to_averify() -> None:
    with pytest.raises(InputError, match="averify"):
        check(rows("pass"))


async def test_stream_yields_in_input_order_as_results_come() -> None:
    release = asyncio.Event()

    @critic(inline=True)
    async def waits(draft: Draft, context: Context) -> Critique:
        if draft.text == "last":
            await release.wait()
        return Critique(Verdict.PASS)

    ids = []
    stream = averify(rows("a", "b", "last"), [waits], sandbox=None, plugins=Plugins([]), workers=3)
    async for result in stream:
        ids.append(result.id)
        if len(ids) == 2:
            release.set()

    assert ids == ["r0", "r1", "r2"]


async def test_unordered_stream_yields_what_is_there() -> None:
    release = asyncio.Event()

    @critic(inline=True)
    async def waits(draft: Draft, context: Context) -> Critique:
        if draft.text == "first":
            await release.wait()
        return Critique(Verdict.PASS)

    ids = []
    drafts = rows("first", "b", "b", "c", "first")
    options: Any = {"sandbox": None, "plugins": Plugins([]), "workers": 2}
    async for result in averify(drafts, [waits], ordered=False, **options):
        ids.append(result.id)
        if len(ids) == 3:
            release.set()

    assert sorted(ids[:3]) == ["r1", "r2", "r3"]
    assert sorted(ids[3:]) == ["r0", "r4"]


async def test_unordered_stream_begins_with_what_an_earlier_run_has_found(tmp_path: Path) -> None:
    options: Any = {"sandbox": None, "plugins": Plugins([]), "out": tmp_path / "results.jsonl"}
    texts = [f"pass {number}" for number in range(100)]
    await averify(rows(*texts), [words], limit=70, **options)

    stream = averify(rows(*texts), [words], ordered=False, **options)
    ids = [result.id async for result in stream]

    assert ids[:70] == [f"r{number}" for number in range(70)]
    assert sorted(ids) == sorted(f"r{number}" for number in range(100))
    assert (stream.report.rows, stream.report.kept, stream.report.results) == (100, 70, ())


async def test_verification_that_is_awaited_is_the_report() -> None:
    options: Any = {"sandbox": None, "plugins": Plugins([])}

    report = await averify(rows("pass", "fail"), [words], **options)

    assert report.verdicts == {"pass": 1, "fail": 1}
    assert [result.id for result in report.results] == ["r0", "r1"]


async def test_report_of_a_stream_is_there_at_its_end() -> None:
    options: Any = {"sandbox": None, "plugins": Plugins([])}
    stream = averify(rows("pass", "fail"), [words], **options)

    first = await anext(stream)
    with pytest.raises(InputError, match="last result"):
        _ = stream.report
    rest = [result.id async for result in stream]

    assert (first.id, rest, stream.report.verdicts) == ("r0", ["r1"], {"pass": 1, "fail": 1})


@pytest.mark.parametrize("ordered", [True, False])
async def test_stream_of_a_cancelled_job_ends_with_what_to_do(
    tmp_path: Path, *, ordered: bool
) -> None:
    @critic(inline=True)
    async def endless(draft: Draft, context: Context) -> Critique:
        if draft.text != "first":
            await asyncio.sleep(3600)
        return Critique(Verdict.PASS)

    path = tmp_path / "store.db"
    options: Any = {"sandbox": None, "plugins": Plugins([]), "workers": 2, "store": path}
    stream = averify(rows("first", "b", "c"), [endless], ordered=ordered, **options)
    assert (await anext(stream)).id == "r0"

    with closing(Database(path)) as database:
        store = Store(database)
        (batch,) = store.batches()
        store.cancel(batch.id)

    with pytest.raises(InputError, match=r"was cancelled: 1 of 3 are done and kept; .*jobs retry"):
        await anext(stream)


def test_report_names_the_slowest_critic_first() -> None:
    async def sleeps(draft: Draft, context: Context) -> Critique:
        await asyncio.sleep(float(draft.text))
        return Critique(Verdict.PASS)

    slow = critic(name="slow", inline=True)(sleeps)
    quick = critic(name="quick", inline=True)(lambda draft, context: Critique(Verdict.PASS))

    report = check(rows("0", "0.00", "0.2"), [quick, slow])

    assert list(report.critic_seconds) == ["slow", "quick"]
    assert report.critic_longest_seconds["slow"] >= 0.2
    assert report.critic_median_seconds["slow"] < 0.1


@given(st.lists(st.floats(0.0001, 1000), min_size=1))
def test_median_of_durations_is_right_to_about_one_per_cent(seconds: list[float]) -> None:
    durations = Durations()
    for value in seconds:
        durations.add(value)

    assert durations.median == pytest.approx(statistics.median_low(seconds), rel=0.0101)
    assert durations.mean == pytest.approx(statistics.mean(seconds))
    assert durations.longest == max(seconds)


async def test_stream_that_is_left_early_keeps_what_is_done(tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    options: Any = {"sandbox": None, "plugins": Plugins([]), "workers": 1, "out": out}
    texts = [f"pass {number}" for number in range(50)]

    stream = averify(rows(*texts), [words], **options)
    async for _ in stream:
        break
    await stream.aclose()
    assert not out.exists()

    assert [r.id async for r in averify(rows(*texts), [words], **options)][-1] == "r49"
    assert len(out.read_text().splitlines()) == 50
