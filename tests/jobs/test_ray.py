"""The engine ray, on a Ray of two workers that is started on this machine."""

from __future__ import annotations

import importlib.util
import json
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gadfly import Context, Critique, Draft, InputError, Plugins, Verdict, critic, verify

if TYPE_CHECKING:
    from tests.jobs.conftest import Command

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="gadfly[ray] is not installed"
)
RAY = ("--engine", "ray", "--workers", "2")


@critic(inline=True)
def passes(draft: Draft, context: Context) -> Critique:
    return Critique(Verdict.PASS)


def drafts(count: int) -> list[dict[str, str]]:
    return [
        {"id": f"r{n}", "question": "q", "response": f"{'bad' if n % 5 == 0 else 'good'} {n}"}
        for n in range(count)
    ]


@pytest.mark.slow
@needs_ray
def test_draft_that_ends_its_worker_is_tried_again_and_all_others_are_checked(
    command: Command,
) -> None:
    rows = [*drafts(30), {"id": "x", "question": "q", "response": "good, deadly once"}]
    command.write(*rows)

    ran = command.run(*RAY, "--json", critic="probe/kills")

    assert ran.returncode == 0, ran.stderr
    assert command.killed.exists()
    assert [(line["id"], line["verdict"]) for line in command.results()] == [
        *((f"r{n}", "fail" if n % 5 == 0 else "pass") for n in range(30)),
        ("x", "pass"),
    ]
    assert json.loads(ran.stdout)["verdicts"] == {"pass": 25, "fail": 6}
    (batch,) = command.jobs_json("list")
    assert (batch["engine"], batch["state"]) == ("ray", "done")


@pytest.mark.slow
@needs_ray
def test_draft_that_always_ends_its_worker_is_an_error_not_a_verdict(command: Command) -> None:
    command.write(*drafts(5), {"id": "x", "question": "q", "response": "good and deadly"})

    ran = command.run(*RAY, critic="probe/kills")

    assert ran.returncode == 3, ran.stderr
    last = command.results()[-1]
    assert (last["id"], last["verdict"]) == ("x", "error")
    assert "the Ray worker that checked it ended" in json.dumps(last["critiques"])


@pytest.mark.slow
@needs_ray
def test_killed_driver_is_started_again_and_has_every_row_once(command: Command) -> None:
    command.write(*drafts(60))
    slow = (*RAY, "--option", "probe/slow:seconds=0.1")
    process = command.start(*slow, critic="probe/slow")
    command.wait_for_done(process, 10)

    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    again = command.run(*slow, critic="probe/slow")

    assert again.returncode == 0, again.stderr
    assert "of 60 were already done" in again.stderr
    assert [line["id"] for line in command.results()] == [f"r{n}" for n in range(60)]


def test_missing_ray_is_one_line_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    out = tmp_path / "results.jsonl"

    with pytest.raises(InputError, match=r"needs Ray: pip install 'gadfly\[ray\]'"):
        verify(
            [{"prompt": "q", "text": "d"}],
            [passes],
            engine="ray",
            out=out,
            sandbox=None,
            plugins=Plugins([]),
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "sun"}, "no engine 'sun'; there are local and ray"),
        ({"ray_address": "here:1"}, "goes with the engine ray"),
    ],
)
def test_engine_that_makes_no_sense_is_refused(options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        verify([{"prompt": "q", "text": "d"}], [passes], plugins=Plugins([]), **options)


@needs_ray
def test_plan_that_cannot_be_sent_is_refused() -> None:
    lock = threading.Lock()

    @critic(inline=True)
    def holds_a_lock(draft: Draft, context: Context) -> Critique:
        with lock:
            return Critique(Verdict.PASS)

    with pytest.raises(InputError, match="must be picklable"):
        verify(
            [{"prompt": "q", "text": "d"}],
            [holds_a_lock],
            engine="ray",
            sandbox=None,
            plugins=Plugins([]),
        )
