"""A storm on the pool of REPLs: no wrong verdict, none for another request, none lost.

    python benchmarks/lean_storm.py [--data FOLDER] [--requests 10000] [--workers 8] [--seed 1]

No toolchain is needed: the REPLs are stand-ins (`gadfly_lean._repl.replay`) that speak the protocol
exactly and answer from recordings, of proofs by Goedel-Prover and of the REPL's own regression
files. Each request carries a ticket, a command whose answer names it. One answer in forty is
forged, doubled, cut, withheld, garbled, or follows a crash, as the seed has it; every now and then
a REPL is killed from outside, and a caller goes away. In the end

- each request has an answer that is the recorded one, with its own ticket, or has a problem;
- in quiet, before all that, each has its answer;
- memory and open files of this process are what they were, and no process is left.

What comes out is printed, and written as JSON beside this file. Times are not claims.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gadfly_lean import Answer, Request
from gadfly_lean._headers import split_header
from gadfly_lean._repl import ReplLimits, ReplPool, replay
from gadfly_lean._repl.messages import CommandResponse, read_response, write_response

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
HEADER = "import Mathlib\nimport Aesop"
FAULTY_SHARE = 1 / 40
SECONDS = 0.5
KILL_EACH, CANCEL_EACH = 97, 101
"""Answers between two kills from outside, and between two callers that go away."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """A command with the answer that was recorded for it."""

    source: str
    response: CommandResponse


def main() -> int:
    """Run the storm; the exit status says whether it was weathered."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of recorded data")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    known = list(_known(options.data))
    with tempfile.TemporaryDirectory() as folder:
        transcript = Path(folder) / "transcript.jsonl"
        transcript.write_text(_transcript(known), "utf-8")
        quiet = asyncio.run(_run(options, known, transcript, min(1000, options.requests), {}))
        faults = {name: FAULTY_SHARE / len(replay.FAULTS) for name in replay.FAULTS}
        storm = asyncio.run(_run(options, known, transcript, options.requests, faults))
    report: Row = {"commands": len(known), "workers": options.workers, "seed": options.seed}
    report |= {"faulty_share": FAULTY_SHARE, "faults": sorted(faults)}
    report |= {"quiet": quiet, "storm": storm}
    options.report.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(report, indent=2, ensure_ascii=False))
    print(f"written to {options.report}")
    return 0 if _held(quiet) and not quiet["problems"] and _held(storm) else 1


def _held(told: Row) -> bool:
    flat = told["memory_mib"]["growth"] < 8 and told["open_files"]["growth"] <= 0
    return bool(flat) and not any(told[name] for name in ("wrong", "swapped", "lost", "left"))


def _known(data: Path) -> Iterator[Known]:
    """Yield each recorded command that stands for itself, once."""
    seen: set[str] = set()
    for source, output in _recorded(data):
        response = read_response(output)
        if isinstance(response, CommandResponse) and source and source not in seen:
            seen.add(source)
            yield Known(source, response)


def _recorded(data: Path) -> Iterator[tuple[str, Row]]:
    proofs = data / "recorded" / "lean_goedel_proofs.jsonl.gz"
    with gzip.open(proofs, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            if row["tool_error"] is None:
                messages = [_whole(message) for message in row["messages"]]
                yield split_header(row["response"]).rest.strip(), {"env": 0, "messages": messages}
    cases = (data / "lean" / "repl_cases.jsonl").read_text("utf-8")
    for row in map(json.loads, cases.splitlines()):
        for request, response in zip(row["requests"], row["responses"], strict=True):
            if request.keys() <= {"cmd", "env"} and "import " not in request["cmd"]:
                yield request["cmd"].strip(), response


def _whole(message: Row) -> Row:
    return {key: message[key] for key in ("severity", "pos", "endPos", "data") if key in message}


def _transcript(known: list[Known]) -> str:
    rows = [
        {"requests": [{"cmd": item.source}], "responses": [write_response(item.response)]}
        for item in known
    ]
    rows.append({"requests": [{"cmd": HEADER}], "responses": [{"env": 0}]})
    return "".join(json.dumps(row) + "\n" for row in rows)


async def _run(
    options: argparse.Namespace,
    known: list[Known],
    transcript: Path,
    requests: int,
    faults: dict[str, float],
) -> Row:
    """Give all requests to a pool, and tell what became of them."""
    command = (
        *(sys.executable, "-I", "-S", str(replay.__file__), str(transcript)),
        *("--faults", json.dumps(faults), "--seed", str(options.seed)),
        *("--starts", str(transcript.with_suffix(".starts"))),
    )
    limits = ReplLimits(header_seconds=5, probe_seconds=1, answer_mib=1, recycle_uses=200)
    random_ = random.Random(options.seed)
    outcomes: Counter[str] = Counter()
    problems: Counter[str] = Counter()
    memory: list[float] = []
    files: list[int] = []
    numbers = iter(range(requests))
    pids: set[int] = set()
    begun = time.monotonic()

    async def caller() -> None:
        for number in numbers:
            item = known[number % len(known)]
            ticket = f"ticket {number}"
            task = asyncio.create_task(
                pool.check(
                    Request(
                        header=HEADER,
                        source=f'{item.source}\n#print "{ticket}"',
                        seconds=SECONDS,
                    )
                )
            )
            if faults and number % CANCEL_EACH == CANCEL_EACH - 1:
                await asyncio.sleep(random_.random() * 0.01)
                task.cancel()
            try:
                answer = await task
            except asyncio.CancelledError:
                outcomes["cancelled"] += 1
                continue
            outcomes[_judge(answer, item, ticket)] += 1
            if answer.problem:
                problems[_kind(answer.problem)] += 1
            pids.update(pool.pids)
            if faults and number % KILL_EACH == KILL_EACH - 1 and pool.pids:
                outcomes["kills"] += 1
                os.kill(random_.choice(sorted(pool.pids)), signal.SIGKILL)
            if number % 250 == 249:
                memory.append(_memory_mib())
                files.append(_open_files())

    before = _open_files()
    async with ReplPool(
        command, project=transcript.parent, workers=options.workers, limits=limits
    ) as pool:
        await asyncio.gather(*(caller() for _ in range(3 * options.workers)))
    answered = sum(outcomes[name] for name in ("right", "problem", "wrong", "swapped"))
    warm = memory[len(memory) // 4 :] or [_memory_mib()]
    return {
        "requests": requests,
        "right": outcomes["right"],
        "problems": outcomes["problem"],
        "wrong": outcomes["wrong"],
        "swapped": outcomes["swapped"],
        "cancelled_by_caller": outcomes["cancelled"],
        "lost": requests - answered - outcomes["cancelled"],
        "killed_from_outside": outcomes["kills"],
        "repls_started": len(pids),
        "problems_by_kind": dict(problems.most_common()),
        "memory_mib": {
            "after_a_quarter": round(warm[0], 1),
            "most": round(max(warm), 1),
            "growth": round(max(warm[-3:]) - warm[0], 1),
        },
        "open_files": {"most": max(files, default=before), "growth": _open_files() - before},
        "left": sum(_is_running(pid) for pid in pids),
        "seconds": round(time.monotonic() - begun, 1),
    }


def _judge(answer: Answer, item: Known, ticket: str) -> str:
    """Say whether an answer is the recorded one for this request, and no other's."""
    if answer.problem:
        return "problem"
    if not answer.messages or answer.messages[-1].text != ticket:
        return "swapped"
    said = [(m.severity, m.text, m.line, m.column) for m in answer.messages[:-1]]
    known = [(m.severity, m.data, m.pos.line, m.pos.column) for m in item.response.messages]
    goals = [sorry.goal for sorry in answer.sorries or ()]
    right = said == known and goals == [sorry.goal for sorry in item.response.sorries]
    return "right" if right else "wrong"


def _kind(problem: str) -> str:
    """Return what a problem is of, without numbers and what was quoted."""
    last = problem.rpartition("; again: ")[2].removeprefix("the REPL: ")
    words = last.partition(" (")[0][:60].split()
    return " ".join("N" if any(map(str.isdigit, word)) else word for word in words)


def _memory_mib() -> float:
    fields = Path("/proc/self/statm").read_text("ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _is_running(pid: int) -> bool:
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text("ascii")
    except OSError:
        return False


if __name__ == "__main__":
    raise SystemExit(main())
