from __future__ import annotations

import gzip
import json
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.jobs.conftest import Command


def drafts(count: int) -> list[dict[str, str]]:
    return [
        {"id": f"r{n}", "question": "q", "response": f"{'bad' if n % 5 == 0 else 'good'} {n}"}
        for n in range(count)
    ]


def test_verified_file_has_one_line_per_draft(command: Command) -> None:
    command.write(*drafts(10))

    ran = command.run()

    assert ran.returncode == 0, ran.stderr
    assert [(line["id"], line["verdict"]) for line in command.results()] == [
        (f"r{n}", "fail" if n % 5 == 0 else "pass") for n in range(10)
    ]
    assert "10 drafts: 8 pass, 2 fail" in ran.stdout
    assert ran.stderr == ""


def test_json_summary_is_all_that_stdout_carries(command: Command) -> None:
    command.write(*drafts(5))

    summary = json.loads(command.run("--json").stdout)

    assert (summary["rows"], summary["verdicts"]) == (5, {"pass": 4, "fail": 1})
    assert summary["out"] == str(command.out)


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--fail-on", "fail"), 1)])
def test_failed_drafts_fail_the_command_only_when_asked(
    command: Command, options: tuple[str, ...], code: int
) -> None:
    command.write(*drafts(5))

    assert command.run(*options).returncode == code


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_interrupted_job_goes_on_and_has_every_row_once(
    command: Command, number: signal.Signals
) -> None:
    command.write(*drafts(60))
    process = command.start(critic="probe/slow")
    command.wait_for_done(process, 10)

    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert not command.out.exists()
    again = command.run(critic="probe/slow")

    if number is signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        assert "of 60 are done and kept; go on with the same command" in err
    assert again.returncode == 0, again.stderr
    kept = int(again.stderr.removeprefix("going on: ").split(" of 60 were already done")[0])
    assert 10 <= kept < 60
    assert [line["id"] for line in command.results()] == [f"r{n}" for n in range(60)]
    assert sorted(path.name for path in command.folder.glob("results*")) == [
        "results.jsonl",
        "results.jsonl.db",
    ]


@pytest.mark.sandbox
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_interrupted_job_leaves_no_program_running(
    command: Command, number: signal.Signals
) -> None:
    mark = f"program-of-{command.folder}"
    command.write({"prompt": "q", "text": mark})
    process = command.start("--sandbox", "local", critic="probe/spins")
    command.wait_until(lambda: programs(mark) and process.poll() is None)

    process.send_signal(number)
    process.communicate(timeout=60)

    command.wait_until(lambda: not programs(mark))


def programs(mark: str) -> list[Path]:
    """Return the processes that have the mark among their arguments."""
    found: list[Path] = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # It has just ended.
            if mark.encode() in path.read_bytes():
                found.append(path.parent)
    return found


def test_two_jobs_never_work_on_one_output(command: Command) -> None:
    command.write(*drafts(1))
    endless = ("--option", "probe/slow:seconds=60")
    first = command.start(*endless, critic="probe/slow")
    command.wait_for_done(first, 0)

    second = command.run(*endless, critic="probe/slow")
    first.terminate()
    first.communicate(timeout=60)

    assert second.returncode == 2
    assert "another gadfly verify is working on" in second.stderr
    assert first.returncode == 130


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        pytest.param('{"id": 1, "prompt": "q", "text": "a"}\n{"id"\n', ":2: not JSON: ", id="torn"),
        pytest.param('{"prompt": "q"}\n', "fields there: prompt", id="missing field"),
        pytest.param(
            '{"id": 1, "prompt": "q", "text": "a"}\n' * 2,
            "drafts.jsonl:2: id '1' is also that of ",
            id="duplicate id",
        ),
    ],
)
def test_wrong_input_is_one_line_and_starts_nothing(
    command: Command, lines: str, message: str
) -> None:
    command.input.write_text(lines)

    ran = command.run(critic="probe/sees")

    assert ran.returncode == 2
    assert message in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert not command.seen.exists()
    assert list(command.folder.glob("results*")) == []


def test_critic_in_a_plugin_sees_no_gold(command: Command) -> None:
    gold = {"gold": "SECRET", "correct": True, "run": {"value": "SECRET"}, "pred": "SECRET"}
    command.write({"id": "a", "question": "q", "response": "good", "hint": "h", **gold})

    ran = command.run("--input-field", "hint", critic="probe/sees")

    assert ran.returncode == 0, ran.stderr
    (seen,) = map(json.loads, command.seen.read_text().splitlines())
    assert seen["task"] == {"prompt": "q", "id": "a", "inputs": {"hint": "h"}}
    assert seen["draft"]["text"] == "good"


def test_broken_critic_is_exit_3_and_retried_by_the_same_command(command: Command) -> None:
    command.write(
        {"id": "a", "prompt": "q", "text": "good"},
        {"id": "b", "prompt": "q", "text": "good fragile"},
    )
    command.broken.touch()
    first = command.run(critic="probe/breaks")
    verdicts = [line["verdict"] for line in command.results()]
    command.broken.unlink()

    second = command.run(critic="probe/breaks")

    assert (first.returncode, verdicts) == (3, ["pass", "error"])
    assert "drafts on which a critic broke: 1; run it again" in first.stdout
    assert second.returncode == 0
    assert "going on: 1 of 2 were already done" in second.stderr
    assert [line["verdict"] for line in command.results()] == ["pass", "pass"]


@pytest.mark.parametrize("option", ["probe/slow:seconds=0.5", "probe/words:colour=red"])
def test_option_reaches_the_critic_it_names(command: Command, option: str) -> None:
    command.write(*drafts(1))

    ran = command.run("--option", option, "--json", critic="probe/slow")

    if "slow" in option:
        assert json.loads(ran.stdout)["critic_seconds"]["probe/slow"] >= 0.5
    else:
        assert ran.returncode == 2
        assert "probe/words" in ran.stderr


def test_other_options_are_refused_until_restarted(command: Command) -> None:
    command.write(*drafts(3))
    command.run(critic="probe/slow")
    other = ("--option", "probe/slow:seconds=0.01")

    refused = command.run(*other, critic="probe/slow")
    restarted = command.run(*other, "--restart", critic="probe/slow")

    assert refused.returncode == 2
    assert 'options was {} and is {"probe/slow": {"seconds": 0.01}}' in refused.stderr
    assert restarted.returncode == 0
    assert restarted.stderr == ""


@pytest.mark.parametrize("option", ["seconds=1", "probe/slow", "probe/slow:seconds", ":a=b"])
def test_option_that_cannot_be_read_is_refused(command: Command, option: str) -> None:
    command.write(*drafts(1))

    ran = command.run("--option", option)

    assert ran.returncode == 2
    assert "must read CRITIC:NAME=VALUE" in ran.stderr


def test_full_disk_is_one_line_and_finished_work_is_kept(command: Command) -> None:
    command.write(*drafts(400))

    # Room for the input's ledger, but not for all results.
    full = command.run(limit_file_bytes=600_000)
    again = command.run()

    assert full.returncode == 4
    assert len(full.stderr.splitlines()) == 1
    assert "what was finished before is kept" in full.stderr
    assert again.returncode == 0
    assert "going on: " in again.stderr
    assert [line["id"] for line in command.results()] == [f"r{n}" for n in range(400)]


def test_results_that_do_not_fit_leave_no_half_file(command: Command) -> None:
    command.write(*drafts(400))
    command.run()
    size = command.out.stat().st_size
    command.out.unlink()
    # Opening the ledger again writes next to nothing; the results are what does not fit.
    full = command.run(limit_file_bytes=size - 1)

    assert full.returncode == 4
    assert "no space is left" in full.stderr
    assert sorted(path.name for path in command.folder.glob("results*")) == ["results.jsonl.db"]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_rows(command: Command) -> None:
    def peak_mib(count: int) -> float:
        command.write(*({"id": n, "prompt": "q", "text": f"good {n}" * 100} for n in range(count)))
        process = command.start("--restart")
        peak = 0
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak, *(int(kib) for kib in re.findall(r"VmHWM:\s+(\d+)", status))])
            time.sleep(0.02)
        process.communicate()
        assert process.returncode == 0
        assert len(command.results()) == count
        return peak / 1024

    few, many = peak_mib(100), peak_mib(10_000)

    assert few > 0, "nothing was measured"
    # The rows alone are 9 MiB of text, several times that as objects.
    assert many - few < 5


@pytest.mark.data
@pytest.mark.sandbox
def test_recorded_programs_give_the_recorded_values(tmp_path: Path, shared_data: Path) -> None:
    recorded = shared_data / "recorded" / "gsm8k_pot.jsonl.gz"
    with gzip.open(recorded, "rt") as file:
        rows = [json.loads(line) for line, _ in zip(file, range(40), strict=False)]

    subprocess.run(
        [sys.executable, "-m", "gadfly", "verify", str(recorded), "--limit", "40"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        timeout=300,
    )

    lines = (tmp_path / "gsm8k_pot.verified.jsonl").read_text().splitlines()
    results = [json.loads(line) for line in lines]
    assert [result["id"] for result in results] == [row["id"] for row in rows]
    for row, result in zip(rows, results, strict=True):
        assert (result["verdict"] == "pass") == row["run"]["ok"], row["id"]
