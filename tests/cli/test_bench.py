"""`gadfly bench critics` measures real critics, names what got worse, goes on when stopped."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

SUMS = (
    ("a", "2 + 2 = 4", True),
    ("a", "2 + 2 = 5", False),
    ("b", "3 * 3 = 9", True),
    ("b", "I add them: 3 * 3 = 9", False),
    ("c", "Nobody knows.", False),
    ("c", "10 - 4 = 7", True),
    ("d", "5 + 5 = 10", True),
    ("d", "There is no sum here.", True),
)
APPLES = "Tom has 3 bags of 4 apples. How many apples are there?"
PROGRAMS = (
    ("a", "bags = 3\napples = 4\nans = bags * apples", True),
    ("a", "ans = 3 * 7", False),
    ("a", "ans = 3 + 4", False),
    ("b", "ans = 3 * 2 * 2", True),
    ("b", "ans = 3 * bag", False),
)
SLOW = """
import os, time
from gadfly import Critique, Verdict, critic, hookimpl

def slow():
    @critic(name="slow", inline=True)
    def slow(draft, context):
        with open(os.environ["BENCH_SEEN"], "a") as file:
            file.write(draft.text.split()[0] + "\\n")
        time.sleep(0.03)
        return Critique(Verdict.PASS if "good" in draft.text else Verdict.FAIL)
    return slow

@hookimpl
def register_critics(register):
    register("slow", slow)
"""
LETTERS = "abcdefghijklmnoABCDEFGHIJKLMNO"
"""Thirty names of drafts, with nothing in them that can be mutated."""
STEPS = (
    # (steps, the first wrong one)
    (["There are 2 and 2.", "2 + 2 = 5", "5 + 1 = 7"], 2),
    (["It was 3 - 1 = 2.", "So 2 * 2 = 4."], 1),
    (["1 + 1 = 3", "3 + 3 = 6"], 2),
    (["1 + 1 = 2"], None),
    (["1 + 4 = 2"], None),
)


@pytest.fixture(autouse=True)
def few_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others only take time to be listed."""
    monkeypatch.setenv("GADFLY_PLUGINS", "math,python,local,p")


def write(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def labelled(path: Path, rows: Sequence[tuple[str, str, bool]], prompt: str = "?") -> Path:
    return write(
        path,
        [{"gid": g, "question": prompt, "response": r, "correct": ok} for g, r, ok in rows],
    )


def counts(card: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    return {
        name: (rate["count"], rate["of"])
        for name, rate in card["rates"].items()
        if isinstance(rate, dict) and "of" in rate
    }


def test_a_card_of_math_steps_is_what_one_counts_by_hand(gadfly: Any, tmp_path: Path) -> None:
    data = labelled(tmp_path / "sums.jsonl", SUMS)

    [card] = gadfly.json("bench", "critics", "math/steps", "--data", data, "--sandbox", "none")

    assert card["rates"]["verdicts"] == {"pass": 4, "fail": 2, "abstain": 2}
    assert counts(card) == {
        "coverage": (6, 8),
        "false_accepts": (1, 3),
        "false_rejects": (1, 5),
        "passes": (3, 4),
        "fails": (1, 2),
        "errors": (0, 8),
    }
    # Each wrong draft is of a problem of its own, so this is Wilson's interval of 1 in 3.
    interval = [round(card["rates"]["false_accepts"][end], 4) for end in ("low", "high")]
    assert interval == [0.0615, 0.7923]
    assert card["mutants"]["by_kind"] == {"number": [3, 3], "operator": [3, 3]}
    assert (card["injections"]["passed"]["count"], card["injections"]["passed"]["of"]) == (0, 20)
    assert (card["repeats"]["count"], card["repeats"]["of"]) == (8, 8)
    assert card["critic"] == "math/steps" and card["version"].startswith("gadfly-math ")


@pytest.mark.sandbox
def test_a_card_of_python_quantities_is_what_one_counts_by_hand(
    gadfly: Any, tmp_path: Path
) -> None:
    data = labelled(tmp_path / "programs.jsonl", PROGRAMS, APPLES)

    [card] = gadfly.json(
        "bench", "critics", "python/quantities", "--data", data, "--probes", "1", "--workers", "1"
    )

    # The program that crashes is failed by python/runs, and quantities are then not looked at.
    assert card["rates"]["verdicts"] == {"pass": 2, "fail": 2, "skip": 1}
    assert counts(card)["false_accepts"] == (1, 2)
    assert counts(card)["false_rejects"] == (1, 2)
    assert counts(card)["coverage"] == (4, 5)
    assert card["injections"]["passed"]["count"] == 0
    assert card["costs"]["sandbox_seconds_median"] > 0


def test_the_first_wrong_step_is_held_against_the_label(gadfly: Any, tmp_path: Path) -> None:
    data = write(
        tmp_path / "steps.jsonl",
        [
            {"question": f"{n}?", "steps": steps, "correct": step is None, "first_error_step": step}
            for n, (steps, step) in enumerate(STEPS)
        ],
    )

    [card] = gadfly.json("bench", "critics", "math/steps", "--data", data, "--sandbox", "none")

    # Of three wrong steps one is found; of three that are named, the same one is the right one.
    local = card["localisation"]
    assert [(local[n]["count"], local[n]["of"]) for n in ("found", "exact")] == [(1, 3), (1, 3)]


def test_the_newest_card_is_shown_in_the_list(gadfly: Any, tmp_path: Path) -> None:
    data = labelled(tmp_path / "sums.jsonl", SUMS)
    done = gadfly.run("bench", "critics", "math/steps", "--data", data, "--sandbox", "none")

    listed = gadfly.run("plugins", "list")
    [row] = [row for row in gadfly.json("plugins", "list") if row["name"] == "math"]

    assert done.returncode == 0, done.stderr
    assert "coverage        75.0% [" in done.stdout
    assert "false accepts   33.3% [6.1%, 79.2%] of 3 wrong drafts" in done.stdout
    line = (
        "math/steps on sums.jsonl: 8 drafts, coverage 75.0%, false accepts 33.3%, "
        "false rejects 20.0%, injected 0 of 20, mutants caught 100.0%,"
    )
    assert any(text.startswith(line) for text in listed.stdout.splitlines()), listed.stdout
    assert row["cards"]["math/steps"]["rates"]["drafts"] == 8


def test_what_got_worse_is_named_and_fails(gadfly: Any, tmp_path: Path) -> None:
    source = SLOW.replace("time.sleep(0.03)", "pass")
    gadfly.install("p", source)
    data = labelled(
        tmp_path / "data.jsonl",
        [(str(n), f"{n} {'good' if n % 2 else 'bad'}", bool(n % 2)) for n in range(40)],
    )
    cards, seen = tmp_path / "cards.json", tmp_path / "seen"
    how = ("bench", "critics", "p", "--data", data, "--sandbox", "none")

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCH_SEEN", str(seen))
        first = gadfly.run(*how, "--to", cards)
        same = gadfly.run(*how, "--against", cards)
        # The same version, but it has grown credulous.
        gadfly.install("p", source.replace('"good" in draft.text', "True"))
        worse = gadfly.run(*how, "--against", cards)

    assert (first.returncode, same.returncode) == (0, 0), first.stderr + same.stderr
    assert worse.returncode == 1
    (line,) = [line for line in worse.stderr.splitlines() if "accepts" in line]
    assert line.startswith("worse: p/slow: false accepts rose from 0.0% [0.0%, 16.1%] to 100.0%")


def test_cards_of_other_drafts_are_not_compared(gadfly: Any, tmp_path: Path) -> None:
    data = labelled(tmp_path / "sums.jsonl", SUMS)
    cards = tmp_path / "cards.json"
    how = ("bench", "critics", "math/steps", "--sandbox", "none", "--probes", "0")
    gadfly.json(*how, "--data", data, "--to", cards)

    done = gadfly.run(*how, "--data", data, "--limit", "4", "--against", cards)

    assert done.returncode == 2
    assert "no card of math/steps on these 4 drafts of sums.jsonl" in done.stderr


@pytest.mark.parametrize("calls", [5, 33], ids=["while-checking", "while-probing"])
def test_a_stopped_bench_loses_nothing(
    gadfly: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: int
) -> None:
    gadfly.install("p", SLOW)
    seen = tmp_path / "seen"
    seen.touch()
    monkeypatch.setenv("BENCH_SEEN", str(seen))
    data = labelled(
        tmp_path / "data.jsonl",
        [(x, f"{x} {'good' if x.islower() else 'bad'}", x.islower()) for x in LETTERS],
    )
    how = ("bench", "critics", "p/slow", "--data", data, "--sandbox", "none", "--workers", "1")

    process = gadfly.start(*how)
    deadline = time.monotonic() + 60
    while len(seen.read_text().splitlines()) < calls and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    before = len(seen.read_text().splitlines())
    [card] = gadfly.json(*how)

    assert process.returncode == 130, err
    assert "go on with the same command" in err
    assert card["rates"]["drafts"] == 30 and counts(card)["false_accepts"] == (0, 15)
    assert calls <= before
    # Every draft is checked once and once again, what was in flight perhaps twice.
    texts = seen.read_text().splitlines()
    wanted = 30 + 30 + card["injections"]["passed"]["of"]
    assert wanted <= len(texts) <= wanted + 2
    assert not list((gadfly.home / "bench").iterdir())
    # Measured again, it is measured anew.
    gadfly.json(*how, "--probes", "0")
    assert len(seen.read_text().splitlines()) == len(texts) + 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(["math/stepz"], "no critic named 'math/stepz'", id="critic"),
        pytest.param(["nothing"], "no plugin named 'nothing'", id="plugin"),
        pytest.param(["local"], "offers no critic", id="no-critics"),
        pytest.param(["math/steps", "--limit", "0"], "limit must be at least 1", id="limit"),
        pytest.param(["math/steps", "--probes", "-1"], "probes must not be negative", id="probes"),
        pytest.param(["math/steps", "--input-field", "correct"], "is a gold field", id="gold"),
        pytest.param(["math/steps", "--input-field", "=x"], "must read FIELD", id="input"),
        pytest.param(["math/steps", "--label-field", "ok"], "no field 'ok'", id="label"),
        pytest.param(["math/steps", "--against", "none.json"], "no file none.json", id="against"),
        pytest.param(["math/steps", "--option", "x/y:z=1"], "x/y, which is not", id="option"),
        pytest.param(["math/steps", "--to", "no/where"], "there is no folder no", id="to"),
    ],
)
def test_what_is_given_wrongly_is_code_2(
    gadfly: Any, tmp_path: Path, options: Sequence[str], message: str
) -> None:
    data = labelled(tmp_path / "sums.jsonl", SUMS)

    done = gadfly.run("bench", "critics", "--data", data, "--sandbox", "none", *options)

    assert done.returncode == 2, done.stderr
    assert message in done.stderr


def test_a_critic_that_always_breaks_is_code_3(gadfly: Any, tmp_path: Path) -> None:
    gadfly.install("p", SLOW.replace("time.sleep(0.03)", "raise RuntimeError('unplugged')"))
    data = labelled(tmp_path / "sums.jsonl", SUMS)

    done = gadfly.run("bench", "critics", "p/slow", "--data", data, "--sandbox", "none")

    assert done.returncode == 3
    assert "broke" in done.stdout


@pytest.mark.data
def test_recorded_data_work_as_they_are(gadfly: Any, shared_data: Path) -> None:
    recorded = shared_data / "recorded"
    [oai, mistakes] = gadfly.json(
        *("bench", "critics", "math/steps", "--sandbox", "none", "--probes", "3"),
        *("--data", recorded / "gsm8k_oai.jsonl.gz", "--data"),
        *(recorded / "mrgsm8k_steps.jsonl.gz", "--limit", "60"),
    )

    assert oai["rates"]["drafts"] == mistakes["rates"]["drafts"] == 60
    assert oai["localisation"] is None and mistakes["localisation"]["found"]["of"] > 0
