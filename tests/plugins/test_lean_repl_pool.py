"""The pool of REPLs against the stand-in: right answers come through, and nothing else does."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from gadfly import InputError, Verdict
from gadfly_lean import Answer, Lean, Policy, Request, decide, replay_command
from gadfly_lean._repl import Confinement, ReplLimits, ReplPool, replay
from gadfly_lean._repl.line import LostError
from gadfly_lean._repl.messages import read_request, read_response
from gadfly_lean._repl.worker import Worker

REPLAY = (sys.executable, "-I", "-S", replay.__file__)
HEADER = "import Mathlib"
BAD_HEADER = "import Nowhere"
DEAD_HEADER = "import Crash"
POS = {"line": 1, "column": 0}
WRONG = "theorem t : 1 = 2 := rfl"
RIGHT = "theorem t : 1 = 1 := rfl"
SORRY = "theorem t : 1 = 2 := sorry"
ROWS: list[dict[str, Any]] = [
    {
        "id": "book",
        "requests": [
            {"cmd": cmd} for cmd in (HEADER, "import Init", BAD_HEADER, WRONG, RIGHT, SORRY)
        ],
        "responses": [
            {"env": 0},
            {"env": 0},
            {
                "env": 0,
                "messages": [{"severity": "error", "pos": POS, "data": "unknown module Nowhere"}],
            },
            {"env": 1, "messages": [{"severity": "error", "pos": POS, "data": "type mismatch"}]},
            {"env": 2},
            {
                "env": 3,
                "sorries": [{"goal": "⊢ 1 = 2", "proofState": 0, "pos": POS, "endPos": POS}],
                "messages": [
                    {"severity": "warning", "pos": POS, "data": "declaration uses `sorry`"}
                ],
            },
        ],
        "axioms": {"t": ["propext", "Quot.sound"]},
    }
]
FAST = ReplLimits(header_seconds=20, probe_seconds=20, answer_mib=1)
Pools = Callable[..., ReplPool]
linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc tells it")


@pytest.fixture
def transcript(tmp_path: Path) -> Path:
    path = tmp_path / "transcript.jsonl"
    write_rows(path, ROWS)
    return path


@pytest.fixture
async def pools(transcript: Path, tmp_path: Path) -> AsyncIterator[Pools]:
    made: list[ReplPool] = []

    def make(faults: dict[str, float] | None = None, seed: int = 0, **options: Any) -> ReplPool:
        command = (
            *REPLAY,
            str(transcript),
            *("--faults", json.dumps(faults or {})),
            *("--seed", str(seed), "--starts", str(tmp_path / "starts")),
        )
        options.setdefault("limits", FAST)
        made.append(ReplPool(command, project=tmp_path, **options))
        return made[-1]

    yield make
    for pool in made:
        await pool.close()
        assert not pool.pids


def request(source: str = RIGHT, header: str = HEADER, **options: Any) -> Request:
    options.setdefault("seconds", 20.0)
    return Request(header=header, source=source, **options)


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def pid_in(file: Path) -> int:
    return int(file.read_text() or 0)


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().split()[2] != "Z"


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.005)


def is_right(answer: Answer, source: str) -> bool:
    """Whether an answer without a problem is the one to its source."""
    severities = [message.severity for message in answer.messages]
    return {
        RIGHT: severities == [] and answer.sorries == (),
        WRONG: severities == ["error"] and answer.sorries == (),
        SORRY: severities == ["warning"] and len(answer.sorries or ()) == 1,
    }[source]


async def test_pool_is_a_way_to_lean(pools: Pools) -> None:
    pool = pools()
    assert isinstance(pool, Lean)
    for source in (RIGHT, WRONG, SORRY):
        answer = await pool.check(request(source))
        assert answer.problem == "" and answer.driver == "repl"
        assert is_right(answer, source)
        assert answer.versions == {"lean": replay.VERSION}
        assert not answer.sandboxed and answer.axioms is None
    assert len(pool.pids) == 1


async def test_pool_asks_for_axioms_where_it_is_told_to(pools: Pools) -> None:
    pool = pools()
    answer = await pool.check(request(target="t", want_axioms=True))
    assert answer.axioms == ("propext", "Quot.sound")
    answer = await pool.check(request(target="u", want_axioms=True))
    assert answer.axioms == ()
    answer = await pool.check(request(WRONG, target="t", want_axioms=True))
    assert answer.axioms is None
    with pytest.raises(InputError):
        await pool.check(request(target="t\n#exit", want_axioms=True))


async def test_header_is_elaborated_once_and_kept_apart_by_its_text(pools: Pools) -> None:
    pool = pools(workers=2)
    first = (await pool.check(request())).env
    second = (await pool.check(request())).env
    assert first is not None and second is not None and second > first
    assert len(pool.pids) == 1
    await pool.check(request(header=""))
    assert len(pool.pids) == 2


async def test_header_used_longest_ago_makes_room(pools: Pools) -> None:
    pool = pools(workers=2)
    await pool.check(request())
    (old,) = pool.pids
    await pool.check(request(header=""))
    await pool.check(request(header="import Init"))
    assert len(pool.pids) == 2 and old not in pool.pids


async def test_header_with_an_error_is_a_problem(pools: Pools) -> None:
    answer = await pools().check(request(header=BAD_HEADER))
    assert "header" in answer.problem and "unknown module" in answer.problem
    assert not answer.messages and answer.sorries is None


async def test_pool_that_is_sent_to_another_process_begins_anew(pools: Pools) -> None:
    pool = pools(workers=3)
    await pool.check(request())

    async with pickle.loads(pickle.dumps(pool)) as other:
        assert not other.pids
        assert is_right(await other.check(request(WRONG)), WRONG)
        assert other.pids != pool.pids
    assert len(pool.pids) == 1


async def test_states_of_tactics_are_told_where_they_are_asked_for(
    tmp_path: Path, transcript: Path
) -> None:
    told = {"tactic": "rfl", "goals": "⊢ 1 = 1", "pos": POS, "endPos": POS, "usedConstants": []}
    rows = [{**ROWS[0], "responses": [dict(one) for one in ROWS[0]["responses"]]}]
    rows[0]["responses"][4]["tactics"] = [told]
    write_rows(transcript, rows)
    async with ReplPool(replay_command(transcript), project=tmp_path, limits=FAST) as pool:
        asked = await pool.check(request(want_tactics=True))
        other = await pool.check(request())
    assert [(one.text, one.goals, one.line) for one in asked.tactics or ()] == [
        ("rfl", "⊢ 1 = 1", 1)
    ]
    assert other.tactics is None


async def test_repl_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    async with ReplPool(("no-such-repl",), project=tmp_path) as pool:
        answer = await pool.check(request())
    assert "cannot start 'no-such-repl'" in answer.problem


async def test_header_on_which_the_repl_dies_is_a_problem_after_two(pools: Pools) -> None:
    answer = await pools().check(request(header=DEAD_HEADER))
    assert answer.problem.count("uncaught exception") == 2


PATTERNS: dict[str, dict[str, Any]] = {
    "an error under the key message": {"message": "Unknown environment."},
    "no env": {"messages": []},
    "old quotes": {
        "env": 1,
        "messages": [{"severity": "warning", "pos": POS, "data": "declaration uses 'sorry'"}],
    },
    "new quotes": {
        "env": 1,
        "messages": [{"severity": "warning", "pos": POS, "data": "declaration uses `sorry`"}],
    },
}


@pytest.mark.parametrize("pattern", [*PATTERNS, "a header that failed"])
async def test_answers_that_others_took_for_proofs_are_none(
    transcript: Path, tmp_path: Path, pattern: str
) -> None:
    source = "theorem published : 1 = 2 := x"
    header = HEADER if pattern in PATTERNS else BAD_HEADER
    response = PATTERNS.get(pattern, {"env": 1})
    # By the letter: the stand-in numbers environments itself otherwise, and adds what is missing.
    script = stand_in(
        tmp_path,
        f"if request.get('cmd') == {source!r}: return {response!r}",
    )
    write_rows(transcript, [*ROWS, {"requests": [{"cmd": source}], "responses": [{"env": 1}]}])
    command = (sys.executable, "-I", "-S", str(script), str(transcript))
    async with ReplPool(command, project=tmp_path, limits=FAST) as pool:
        answer = await pool.check(request(source, header, target="published"))
        right = await pool.check(request(RIGHT, target="t"))
    assert decide(answer, "published", Policy(level="L1")).verdict is not Verdict.PASS
    assert decide(right, "t", Policy(level="L1")).verdict is Verdict.PASS


def stand_in(folder: Path, first: str) -> Path:
    """Return a stand-in that asks one more line of code before its book."""
    script = folder / "letter.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(replay.__file__).parent)!r})\n"
        "import replay\n"
        "book = replay._Book.answer\n"
        "def answer(self, request):\n"
        "    response = book(self, request)\n"
        f"    {first}\n"
        "    return response\n"
        "replay._Book.answer = answer\n"
        "sys.exit(replay.main())\n"
    )
    return script


HARMFUL = sorted(replay.FAULTS.keys() - replay.HARMLESS - {"stall", "stall_halfway", "skip"})


@pytest.mark.parametrize("fault", HARMFUL)
async def test_answer_that_cannot_be_trusted_is_a_problem(pools: Pools, fault: str) -> None:
    if fault == "impersonate" and sys.platform != "linux":
        pytest.skip("/proc tells who is below a process")
    pool = pools(limits=ReplLimits(header_seconds=5, probe_seconds=5, answer_mib=1))
    assert (await pool.check(request())).problem == ""
    # Every start after this one has the fault in every answer, that to the header included.
    pool = pools({fault: 1.0}, limits=ReplLimits(header_seconds=5, probe_seconds=5, answer_mib=1))
    answer = await pool.check(request(WRONG))
    assert answer.problem and not answer.messages and answer.env is None


@pytest.mark.parametrize("fault", sorted(replay.HARMLESS))
async def test_answer_that_is_slow_or_beside_noise_is_right(pools: Pools, fault: str) -> None:
    pool = pools({fault: 1.0})
    for source in (WRONG, RIGHT):
        answer = await pool.check(request(source))
        assert answer.problem == "" and is_right(answer, source)


@pytest.mark.parametrize("fault", ["stall", "stall_halfway", "skip"])
async def test_silence_is_a_problem_and_ends_the_repl(
    pools: Pools, transcript: Path, tmp_path: Path, fault: str
) -> None:
    pool = pools({fault: 1.0}, limits=ReplLimits(header_seconds=0.4))
    answer = await pool.check(request())
    assert "no answer in 0.4 s" in answer.problem
    assert not pool.pids


@pytest.mark.parametrize(
    "fault", ["forge", "forge_late", "repeat", "impersonate", "misnumber", "refuse", "add"]
)
async def test_forgery_in_mid_session_is_found_before_the_verdict(
    transcript: Path, tmp_path: Path, fault: str
) -> None:
    if fault == "impersonate" and sys.platform != "linux":
        pytest.skip("/proc tells who is below a process")
    # The header, its nonce and the version are answered in peace, and what follows is not.
    script = tmp_path / "later.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(Path(replay.__file__).parent)!r})\n"
        "import replay\n"
        "answers = iter(range(10**9))\n"
        f"replay._draw = lambda *_: {fault!r} if next(answers) == 3 else ''\n"
        "sys.exit(replay.main())\n"
    )
    command = (sys.executable, "-I", "-S", str(script), str(transcript))
    async with ReplPool(command, project=tmp_path, limits=FAST) as pool:
        answer = await pool.check(request(WRONG))
        assert answer.problem and not answer.messages
        assert not pool.pids


async def test_storm_of_faults_gives_no_wrong_verdict(pools: Pools) -> None:
    rate = 0.006
    faults = {name: rate for name in replay.FAULTS if name not in {"impersonate", "nest"}}
    limits = ReplLimits(header_seconds=5, probe_seconds=0.5, answer_mib=1)
    pool = pools(faults, seed=5, workers=4, limits=limits)
    sources = [(RIGHT, WRONG, SORRY)[number % 3] for number in range(150)]

    async def one(number: int, source: str) -> str:
        ticket = f"ticket {number}"
        answer = await pool.check(request(f'{source}\n#print "{ticket}"', seconds=0.5))
        if answer.problem:
            return answer.problem
        *messages, last = answer.messages
        assert last.text == ticket
        kept = Answer(driver="repl", messages=tuple(messages), sorries=answer.sorries)
        assert is_right(kept, source)
        return ""

    problems = await asyncio.gather(*(one(*pair) for pair in enumerate(sources)))
    failed = [problem for problem in problems if problem]
    assert len(problems) == 150
    assert 0 < len(failed) < 40, failed


async def test_killed_repl_is_replaced(pools: Pools) -> None:
    pool = pools()
    await pool.check(request())
    (pid,) = pool.pids
    os.kill(pid, signal.SIGKILL)
    answer = await pool.check(request(WRONG))
    assert answer.problem == "" and is_right(answer, WRONG)
    assert pid not in pool.pids


async def test_what_a_warm_repl_says_unasked_is_not_the_next_answer(
    transcript: Path, tmp_path: Path
) -> None:
    script = tmp_path / "chatty.py"
    script.write_text(
        "import sys, time, threading\n"
        f"sys.path.insert(0, {str(Path(replay.__file__).parent)!r})\n"
        "import replay\n"
        "count = iter(range(10**9))\n"
        "def later():\n"
        "    time.sleep(0.05)\n"
        "    replay._write(b'{\"env\": 5}\\n\\n')\n"
        "def draw(*_):\n"
        "    if next(count) == 4: threading.Thread(target=later).start()\n"
        "    return ''\n"
        "replay._draw = draw\n"
        "sys.exit(replay.main())\n"
    )
    command = (sys.executable, "-I", "-S", str(script), str(transcript))
    async with ReplPool(command, project=tmp_path, workers=1, limits=FAST) as pool:
        assert (await pool.check(request(RIGHT))).problem == ""
        before = pool.pids
        await asyncio.sleep(0.3)
        answer = await pool.check(request(WRONG))
        assert answer.problem == "" and is_right(answer, WRONG)
        assert pool.pids != before


async def test_time_that_is_used_up_is_a_problem_and_is_not_tried_again(
    pools: Pools, tmp_path: Path
) -> None:
    limits = ReplLimits(header_seconds=0.3, probe_seconds=0.3)
    pool = pools({"stall": 0.25}, seed=3, limits=limits)
    problems = [(await pool.check(request(seconds=0.3))).problem for _ in range(6)]
    assert any("no answer in 0.3 s" in problem for problem in problems)
    assert all("again" not in problem for problem in problems)


async def test_cancelled_check_ends_its_repl_and_frees_its_place(pools: Pools) -> None:
    pool = pools({"stall": 1.0}, workers=1)
    task = asyncio.create_task(pool.check(request()))
    await until(lambda: bool(pool.pids))
    (pid,) = pool.pids
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not pool.pids
    await pool.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    answer = await pool.check(request())
    assert "closed" in answer.problem


async def test_closing_answers_whoever_waits(pools: Pools) -> None:
    pool = pools({"stall": 1.0}, workers=1)
    tasks = [asyncio.create_task(pool.check(request())) for _ in range(3)]
    await until(lambda: bool(pool.pids))
    await pool.close()
    await pool.close()
    answers: list[Answer] = await asyncio.gather(*tasks)
    assert all(answer.problem for answer in answers)
    assert not pool.pids


async def test_repl_is_replaced_by_use_and_by_age(pools: Pools) -> None:
    pool = pools(limits=ReplLimits(recycle_uses=2))
    pids: set[int] = set()
    for _ in range(4):
        await pool.check(request())
        pids |= pool.pids
    assert len(pids) == 2 and not pool.pids
    pool = pools(limits=ReplLimits(recycle_seconds=1e-9))
    assert (await pool.check(request())).problem == ""
    assert not pool.pids


@linux
async def test_repl_that_holds_too_much_is_replaced(pools: Pools) -> None:
    pool = pools(limits=ReplLimits(recycle_mib=1))
    assert (await pool.check(request())).problem == ""
    assert not pool.pids


@linux
async def test_submission_that_takes_too_much_memory_is_ended(
    transcript: Path, tmp_path: Path
) -> None:
    script = tmp_path / "eats.py"
    script.write_text(
        "import sys, time\n"
        f"sys.path.insert(0, {str(Path(replay.__file__).parent)!r})\n"
        "import replay\n"
        "count = iter(range(10**9))\n"
        "def draw(*_):\n"
        "    if next(count) == 3:\n"
        "        held = b'x' * (96 << 20)\n"
        "        time.sleep(60)\n"
        "    return ''\n"
        "replay._draw = draw\n"
        "sys.exit(replay.main())\n"
    )
    command = (sys.executable, "-I", "-S", str(script), str(transcript))
    limits = ReplLimits(memory_mib=64)
    async with ReplPool(command, project=tmp_path, limits=limits) as pool:
        answer = await pool.check(request())
    assert "more than 64 MiB" in answer.problem


async def test_answer_that_is_too_long_is_a_problem(transcript: Path, tmp_path: Path) -> None:
    long = "theorem long : True := trivial"
    row = {
        "id": "long",
        "requests": [{"cmd": long}],
        "responses": [{"messages": [{"severity": "info", "pos": POS, "data": "x" * (2 << 20)}]}],
    }
    write_rows(transcript, [*ROWS, row])
    command = (*REPLAY, str(transcript))
    async with ReplPool(command, project=tmp_path, limits=FAST) as pool:
        assert "too long" in (await pool.check(request(long))).problem
        assert "bytes" in (await pool.check(request("-" * (2 << 20)))).problem
        assert "not text" in (await pool.check(request("\ud800"))).problem


async def test_version_that_changes_under_the_pool_is_a_problem(
    pools: Pools, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pools()
    await pool.check(request())
    (pid,) = pool.pids
    pool._version = "4.9.0"
    os.kill(pid, signal.SIGKILL)
    assert "make a new pool" in (await pool.check(request())).problem


async def test_pool_serves_one_loop_after_the_other(transcript: Path, tmp_path: Path) -> None:
    def run() -> set[int]:
        pool = ReplPool((*REPLAY, str(transcript)), project=tmp_path, limits=FAST)
        pids: set[int] = set()
        for source in (RIGHT, WRONG):
            answer = asyncio.run(pool.check(request(source)))
            assert answer.problem == "" and is_right(answer, source)
            pids |= pool.pids
        asyncio.run(pool.close())
        return pids

    assert len(await asyncio.to_thread(run)) == 1


def test_pool_refuses_what_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        ReplPool((), project=tmp_path)
    with pytest.raises(InputError):
        ReplPool(("repl",), project=tmp_path, workers=0)
    with pytest.raises(InputError):
        ReplPool(("repl",), project=tmp_path / "nowhere")
    with pytest.raises(InputError):
        ReplLimits(recycle_uses=0)
    with pytest.raises(InputError):
        Confinement(file_mib=0)
    with pytest.raises(InputError):
        Confinement(cgroup=tmp_path)


async def test_environment_holds_no_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    monkeypatch.setenv("LEAN_PATH", "/lean")
    seen = tmp_path / "seen"
    command = (sys.executable, "-c", f"import os; open({str(seen)!r}, 'w').write(repr(os.environ))")
    async with ReplPool(command, project=tmp_path, environ={"MORE": "y"}) as pool:
        assert (await pool.check(request())).problem
    text = seen.read_text()
    assert "SECRET_TOKEN" not in text and "LEAN_PATH" in text and "MORE" in text


@linux
async def test_child_of_a_submission_ends_with_the_repl(transcript: Path, tmp_path: Path) -> None:
    script = tmp_path / "forks.py"
    script.write_text(
        "import os, sys, time\n"
        f"sys.path.insert(0, {str(Path(replay.__file__).parent)!r})\n"
        "import replay\n"
        "count = iter(range(10**9))\n"
        "def draw(*_):\n"
        "    if next(count) == 3:\n"
        "        child = os.fork()\n"
        "        if not child:\n"
        "            os.setsid()\n"
        "            time.sleep(60)\n"
        f"        open({str(tmp_path / 'child')!r}, 'w').write(str(child))\n"
        "    return ''\n"
        "replay._draw = draw\n"
        "sys.exit(replay.main())\n"
    )
    command = (sys.executable, "-I", "-S", str(script), str(transcript))
    async with ReplPool(command, project=tmp_path, limits=FAST) as pool:
        answer = await pool.check(request())
        assert "left 1 process" in answer.problem
    pid = pid_in(tmp_path / "child")
    await until(lambda: not is_running(pid))


@pytest.mark.data
async def test_recorded_sessions_are_spoken_by_worker_and_stand_in(
    shared_data: Path, tmp_path: Path
) -> None:
    path = shared_data / "lean" / "repl_cases.jsonl"
    pairs = 0
    for row in rows_of(path):
        command = (*REPLAY, str(path), "--session", row["id"])
        worker = Worker(command, tmp_path, FAST, Confinement(), {})
        try:
            for sent, expected in zip(row["requests"], row["responses"], strict=True):
                answer = await worker.ask(read_request(sent), 20)
                assert answer == read_response(expected)
                pairs += 1
        finally:
            worker.reap()
    assert pairs == 117


@pytest.mark.data
def test_stand_in_reads_what_was_typed_as_the_repl_did(shared_data: Path) -> None:
    path = shared_data / "lean" / "repl_cases.jsonl"
    for row in rows_of(path):
        if row["id"] not in {"line_breaks", "invalid_line_break", "readme", "pickle_environment"}:
            continue
        done = subprocess.run(
            [*REPLAY, str(path), "--session", row["id"]],
            input=row["input_text"].encode(),
            capture_output=True,
            timeout=30,
            check=False,
        )
        answers = [json.loads(part) for part in done.stdout.decode().split("\n\n") if part]
        assert answers == row["responses"]
        assert done.returncode == 0


@pytest.mark.parametrize(
    ("typed", "answers", "status"),
    [
        (b"", 0, 0),
        (b'{"cmd": "import Mathlib"}\n\n', 1, 0),
        (b'{"cmd":\n"import Mathlib"}\n\n', 1, 0),
        (b'{"cmd": "import Mathlib"}\n\n\n', 1, 1),
        (b'# {"cmd": "x"}\n\n-- {"cmd": "x"}\n\n{"cmd": "import Mathlib"}\n\n', 1, 0),
        (b'{"cmd"\n\n{"cmd": "import Mathlib"}\n\n', 0, 1),
        (b'{"cmd": "import Mathlib", "env": 5}\n\n', 1, 0),
    ],
)
def test_stand_in_frames_as_the_repl_does(
    transcript: Path, typed: bytes, answers: int, status: int
) -> None:
    done = subprocess.run(
        [*REPLAY, str(transcript)], input=typed, capture_output=True, timeout=30, check=False
    )
    assert done.stdout.count(b"\n\n") == answers
    assert done.returncode == status
    assert (b"uncaught exception" in done.stderr) == bool(status)


async def test_answers_of_another_kind_or_number_are_lost(transcript: Path, tmp_path: Path) -> None:
    row = {
        "id": "odd",
        "requests": [{"cmd": "a"}, {"cmd": "b", "env": 0}],
        "responses": [{"env": 0}, {"env": 7}],
    }
    write_rows(transcript, [row])
    command = (*REPLAY, str(transcript), "--session", "odd")
    worker = Worker(command, tmp_path, FAST, Confinement(), {})
    try:
        await worker.ask(read_request({"cmd": "a"}), 20)
        with pytest.raises(LostError, match="its environment is 7, not 1"):
            await worker.ask(read_request({"cmd": "b", "env": 0}), 20)
    finally:
        worker.reap()


def _writable_groups() -> Path | None:
    for place in ("/sys/fs/cgroup/memory", "/sys/fs/cgroup"):
        if os.access(f"{place}/cgroup.procs", os.W_OK):
            return Path(place)
    return None


@linux
async def test_control_group_holds_the_repl_and_goes_with_it(
    transcript: Path, tmp_path: Path
) -> None:
    ground = _writable_groups()
    if ground is None:
        pytest.skip("no control group is ours")
    try:
        confinement = Confinement(cgroup=ground, cgroup_mib=512)
    except InputError:
        pytest.skip("no control group is ours")
    command = (*REPLAY, str(transcript))
    async with ReplPool(command, project=tmp_path, limits=FAST, confinement=confinement) as pool:
        answer = await pool.check(request())
        if "hand the control" in answer.problem or "permitted" in answer.problem:
            pytest.skip(answer.problem)
        assert answer.problem == ""
        (pid,) = pool.pids
        (group,) = ground.glob(f"gadfly-repl-{os.getpid()}-*")
        assert str(pid) in (group / "cgroup.procs").read_text().split()
    assert not group.exists()
