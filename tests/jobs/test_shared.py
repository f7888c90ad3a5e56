"""Several processes on one store, and `gadfly jobs`, which looks at it from outside."""

from __future__ import annotations

import json
import signal
import subprocess
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gadfly import InputError
from gadfly._jobs._database import Database
from gadfly._jobs._store import Store

if TYPE_CHECKING:
    from tests.jobs.conftest import Command


def drafts(count: int) -> list[dict[str, str]]:
    return [
        {"id": f"r{n}", "question": "q", "response": f"{'bad' if n % 5 == 0 else 'good'} {n}"}
        for n in range(count)
    ]


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=120)
    return process.returncode, err


def ids(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


def checked(command: Command) -> list[str]:
    """The ids of the drafts that a critic was asked about, by whatever process."""
    return [json.loads(line)["task"]["id"] for line in command.seen.read_text().splitlines()]


def done(store: str | Path) -> int:
    """How many rows of the only batch are done; 0 while there is none."""
    try:
        with closing(Database(store, create=False)) as database:
            batches = Store(database).batches()
    except InputError:
        return 0
    return batches[0].counts.get("done", 0) if batches else 0


def test_processes_on_one_store_share_the_work(command: Command, store_url: str) -> None:
    command.write(*drafts(60))
    slow_and_seen = ("--critic", "probe/sees", "--store", store_url)
    others = [str(command.folder / f"results-{number}.jsonl") for number in range(2)]

    processes = [command.start(*slow_and_seen, "--out", out, critic="probe/slow") for out in others]
    ended = [end(process) for process in processes]

    assert [code for code, _ in ended] == [0, 0], ended
    wanted = [f"r{number}" for number in range(60)]
    assert [ids(Path(out)) for out in others] == [wanted, wanted]
    assert sorted(checked(command)) == sorted(wanted)


def test_work_of_a_killed_process_is_done_by_the_others(command: Command, store_url: str) -> None:
    command.write(*drafts(40))
    shared = ("--store", store_url, "--option", "probe/slow:seconds=0.5")
    first = command.start(*shared, critic="probe/slow")
    command.wait_until(lambda: done(store_url) >= 4)
    second = command.start(
        *shared, "--workers", "20", "--out", f"{command.folder}/other.jsonl", critic="probe/slow"
    )

    first.kill()
    first.communicate()
    code, err = end(second)

    assert code == 0, err
    assert ids(command.folder / "other.jsonl") == [f"r{number}" for number in range(40)]
    (batch,) = command.jobs_json("list", "--store", store_url)
    assert (batch["state"], batch["counts"]) == ("done", {"done": 40})


def test_same_work_is_found_in_the_store_and_other_work_is_no_hindrance(
    command: Command, store_url: str
) -> None:
    command.write(*drafts(5))
    command.run("--store", store_url)
    again = command.run("--store", store_url)
    command.write(*drafts(6))
    other = command.run("--store", store_url)

    assert "going on: 5 of 5 were already done" in again.stderr
    assert (other.returncode, other.stderr) == (0, "")
    assert len(ids(command.out)) == 6
    assert [batch["rows"] for batch in command.jobs_json("list", "--store", store_url)] == [5, 6]


def test_urgent_rows_are_checked_first(command: Command) -> None:
    rows = [{**row, "priority": number} for number, row in enumerate(drafts(6))]
    command.write(*rows, {"id": "none", "question": "q", "response": "good"})

    ran = command.run("--workers", "1", "--priority", "9", critic="probe/sees")

    assert ran.returncode == 0, ran.stderr
    assert checked(command) == ["none", "r5", "r4", "r3", "r2", "r1", "r0"]
    assert ids(command.out) == ["r0", "r1", "r2", "r3", "r4", "r5", "none"]


@pytest.mark.parametrize("shared", [False, True])
def test_cancelled_job_stops_keeps_what_is_done_and_goes_on_when_retried(
    command: Command, *, shared: bool
) -> None:
    command.write(*drafts(60))
    store = command.folder / "store.db" if shared else command.ledger
    where = ("--store", str(store)) if shared else ()
    slow = (*where, "--option", "probe/slow:seconds=0.5")
    process = command.start(*slow, critic="probe/slow")
    command.wait_until(lambda: done(store) >= 5)

    (batch,) = command.jobs_json("list", *where)
    assert (batch["state"], batch["rows"]) == ("running", 60)
    cancelled = command.jobs_json("cancel", batch["id"], *where)
    code, err = end(process)

    assert code == 130
    assert f"interrupted: batch {batch['id']} was cancelled: " in err
    assert not command.out.exists()
    (after,) = command.jobs_json("list", *where)
    assert after["state"] == "cancelled"
    assert after["counts"] == {"done": 60 - cancelled["rows"], "cancelled": cancelled["rows"]}

    refused = command.run(*slow, critic="probe/slow")
    assert refused.returncode == 2
    assert f"`gadfly jobs retry {batch['id']}` lets it go on" in refused.stderr
    assert command.jobs_json("retry", batch["id"], *where)["rows"] == cancelled["rows"]
    again = command.run(*slow, "--workers", "30", critic="probe/slow")
    assert again.returncode == 0, again.stderr
    assert f"going on: {60 - cancelled['rows']} of 60" in again.stderr
    assert ids(command.out) == [f"r{number}" for number in range(60)]


def test_jobs_of_a_folder_are_listed_and_shown(command: Command) -> None:
    command.write(*drafts(5))
    command.run()
    (command.folder / "other.db").write_text("not a database")

    listed = command.jobs("list")
    (batch,) = command.jobs_json("list")
    shown = command.jobs("show", batch["id"][:5], "--rows", "done")
    facts = command.jobs_json("show", batch["id"], "--rows", "all")

    assert batch["id"] in listed.stdout
    assert listed.stdout.count("\n") == 2
    assert (batch["state"], batch["counts"], batch["rows"]) == ("done", {"done": 5}, 5)
    assert batch["source"] == str(command.input)
    assert "probe/words" in shown.stdout
    assert [line.split()[2] for line in shown.stdout.splitlines()[-5:]] == [
        "fail",
        "pass",
        "pass",
        "pass",
        "pass",
    ]
    assert [row["verdict"] for row in facts["listed"]] == ["fail", "pass", "pass", "pass", "pass"]


def test_rows_on_which_a_critic_broke_are_retried(command: Command) -> None:
    command.write(
        {"id": "a", "prompt": "q", "text": "good"},
        {"id": "b", "prompt": "q", "text": "good fragile"},
    )
    command.broken.touch()
    command.run(critic="probe/breaks")
    command.broken.unlink()
    (batch,) = command.jobs_json("list")
    assert batch["counts"] == {"done": 1, "failed": 1}
    shown = command.jobs("show", batch["id"], "--rows", "failed")
    assert "error" in shown.stdout

    assert command.jobs_json("retry", batch["id"], "--errors")["rows"] == 1
    assert command.jobs_json("retry", batch["id"], "--id", "a")["rows"] == 1
    (waiting,) = command.jobs_json("list")
    assert (waiting["state"], waiting["counts"]) == ("waiting", {"queued": 2})

    assert command.run(critic="probe/breaks").returncode == 0
    assert [line["verdict"] for line in command.results()] == ["pass", "pass"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("show", "abc"), "no batch 'abc' in"),
        (("cancel", "abc"), "no batch 'abc' in"),
        (("list", "--store", "nowhere.db"), "there is no store nowhere.db"),
        (("list", "--store", "mysql://h/n"), "not mysql"),
        (("retry", "abc", "--errors", "--id", "x"), "not both"),
    ],
)
def test_what_is_not_there_is_one_line(
    command: Command, arguments: tuple[str, ...], message: str
) -> None:
    ran = command.jobs(*arguments)

    assert ran.returncode == 2
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert list(command.folder.glob("*.db")) == []


def test_empty_folder_has_no_jobs(command: Command) -> None:
    assert "no verification job is kept in" in command.jobs("list").stdout
    assert command.jobs_json("list") == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_interrupted_process_leaves_its_store_in_order(
    command: Command, store_url: str, number: signal.Signals
) -> None:
    command.write(*drafts(40))
    shared = ("--store", store_url, "--option", "probe/slow:seconds=0.5")
    process = command.start(*shared, critic="probe/slow")
    command.wait_until(lambda: done(store_url) >= 4)

    process.send_signal(number)
    process.communicate(timeout=60)
    (batch,) = command.jobs_json("list", "--store", store_url)
    again = command.run(*shared, "--workers", "20", critic="probe/slow")

    # Of a process of this machine that has ended everybody knows.
    assert batch["state"] == "waiting"
    assert again.returncode == 0, again.stderr
    assert "going on: " in again.stderr
    assert ids(command.out) == [f"r{number}" for number in range(40)]
