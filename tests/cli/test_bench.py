"""`gadfly bench critics` measures real critics, names what got worse, goes on when stopped."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gadfly._cli import main
from gadfly.testing import install_plugin

ROOT = Path(__file__).parents[2]

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
PARROT = """
from gadfly import Reply, hookimpl

class Parrot:
    name = "parrot"
    async def generate(self, messages):
        return Reply(text=messages[-1].text)

@hookimpl
def register_models(register):
    register("parrot", lambda rest: Parrot())
"""
LETTERS = "abcdefABCDEF"
"""Twelve names of drafts, with nothing in them that can be mutated."""
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


class Here:
    """`gadfly` in this process, for what needs no process of its own: a tenth of the time."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        self._capture.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments)])
        out, err = self._capture.readouterr()
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess("gadfly", ended.value.code, out, err)

    def json(self, *arguments: object) -> Any:
        done = self.run(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str], own_logging: None) -> Here:
    return Here(capsys)


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


def test_a_card_of_math_steps_is_what_one_counts_by_hand(here: Here, tmp_path: Path) -> None:
    data = labelled(tmp_path / "sums.jsonl", SUMS)

    [card] = here.json("bench", "critics", "math/steps", "--data", data, "--sandbox", "none")

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


def test_the_first_wrong_step_is_held_against_the_label(here: Here, tmp_path: Path) -> None:
    data = write(
        tmp_path / "steps.jsonl",
        [
            {"question": f"{n}?", "steps": steps, "correct": step is None, "first_error_step": step}
            for n, (steps, step) in enumerate(STEPS)
        ],
    )

    [card] = here.json("bench", "critics", "math/steps", "--data", data, "--sandbox", "none")

    # Of three wrong steps one is found; of three that are named, the same one is the right one.
    local = card["localisation"]
    assert [(local[n]["count"], local[n]["of"]) for n in ("found", "exact")] == [(1, 3), (1, 3)]


def test_the_newest_card_is_shown_in_the_list(here: Here, tmp_path: Path) -> None:
    data = labelled(tmp_path / "sums.jsonl", SUMS)
    done = here.run("bench", "critics", "math/steps", "--data", data, "--sandbox", "none")

    listed = here.run("plugins", "list")
    [row] = [row for row in here.json("plugins", "list") if row["name"] == "math"]

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
    how = ("bench", "critics", "p", "--data", data, "--sandbox", "none", "--probes", "0")

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


def test_cards_of_other_drafts_are_not_compared(here: Here, tmp_path: Path) -> None:
    data = labelled(tmp_path / "sums.jsonl", SUMS)
    cards = tmp_path / "cards.json"
    how = ("bench", "critics", "math/steps", "--sandbox", "none", "--probes", "0")
    here.json(*how, "--data", data, "--to", cards)

    fewer = here.run(*how, "--data", data, "--limit", "4", "--against", cards)
    others = here.run(*how, "--data", data, "--label-field", "gid=a", "--against", cards)

    assert fewer.returncode == others.returncode == 2
    assert "no card of math/steps on these 4 drafts of sums.jsonl" in fewer.stderr
    # The same drafts, but other ones are right.
    assert "no card of math/steps on these 8 drafts of sums.jsonl" in others.stderr


def test_rows_are_chosen_labelled_and_joined_with_their_tasks(here: Here, tmp_path: Path) -> None:
    tasks = write(tmp_path / "tasks.jsonl", [{"gid": g, "question": f"{g}?"} for g in "abcd"])
    data = write(
        tmp_path / "drafts.jsonl",
        [
            {"gid": g, "response": text, "kind": g in "ab", "said": "YES" if ok else "NO"}
            for g, text, ok in SUMS
        ],
    )
    how = ("bench", "critics", "math/steps", "--sandbox", "none", "--probes", "0")

    [card] = here.json(
        *(*how, "--data", data, "--tasks", tasks),
        *("--label-field", "said=YES", "--where", "kind=true", "--where", "gid=a"),
    )

    assert (card["rates"]["drafts"], card["rates"]["right"], card["rates"]["wrong"]) == (2, 1, 1)
    assert counts(card)["false_accepts"] == (0, 1)
    assert card["data"]["fields"]["prompt"] == "question" and len(card["data"]["tasks"]) == 64


def test_a_critic_is_given_the_model_that_is_named(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = install_plugin(tmp_path / "site", "parrot", PARROT)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("GADFLY_PLUGINS", "judge,parrot")
    data = labelled(tmp_path / "sums.jsonl", SUMS[:2])
    how = ("bench", "critics", "judge/self_check", "--data", data, "--probes", "0")

    without = here.run(*how, "--sandbox", "none")
    [card] = here.json(*how, "--sandbox", "none", "--model", "parrot:")

    assert without.returncode == 3 and "there is none" in without.stdout
    # A parrot has no verdict of its own, and so there is none.
    assert card["rates"]["verdicts"] == {"abstain": 2} and card["setting"]["judge"] == "parrot"


@pytest.mark.parametrize("calls", [3, 14], ids=["while-checking", "while-probing"])
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
    assert card["rates"]["drafts"] == 12 and counts(card)["false_accepts"] == (0, 6)
    assert calls <= before
    # Every draft is checked once and once again, what was in flight perhaps twice.
    texts = seen.read_text().splitlines()
    wanted = 12 + 12 + card["injections"]["passed"]["of"]
    assert wanted <= len(texts) <= wanted + 2
    # Nothing is left that the next run would take for its own.
    assert not list((gadfly.home / "bench").iterdir())


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
        pytest.param(["math/steps", "--where", "gid"], "must read FIELD=VALUE", id="where"),
        pytest.param(["math/steps", "--where", "gid=z"], "no rows that are asked for", id="none"),
        pytest.param(["math/steps", "--where", "g=a"], "sums.jsonl:1: no field 'g'", id="absent"),
        pytest.param(["math/steps", "--tasks", "none.jsonl"], "no file none.jsonl", id="tasks"),
        pytest.param(["math/steps", "--model", "nobody:x"], "'nobody'", id="model"),
        pytest.param(["math/steps", "--against", "none.json"], "no file none.json", id="against"),
        pytest.param(["math/steps", "--option", "x/y:z=1"], "x/y, which is not", id="option"),
        pytest.param(["math/steps", "--to", "no/where"], "there is no folder no", id="to"),
    ],
)
def test_what_is_given_wrongly_is_code_2(
    here: Here, tmp_path: Path, options: Sequence[str], message: str
) -> None:
    data = labelled(tmp_path / "sums.jsonl", SUMS)

    done = here.run("bench", "critics", "--data", data, "--sandbox", "none", *options)

    assert done.returncode == 2, done.stderr
    assert message in done.stderr


def test_a_critic_that_always_breaks_is_code_3(
    here: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = SLOW.replace("with open", "raise RuntimeError('unplugged')\n        with open")
    monkeypatch.syspath_prepend(str(install_plugin(tmp_path / "site", "unplugged", source)))
    monkeypatch.setenv("GADFLY_PLUGINS", "unplugged")
    data = labelled(tmp_path / "sums.jsonl", SUMS)

    done = here.run("bench", "critics", "unplugged/slow", "--data", data, "--sandbox", "none")

    assert done.returncode == 3
    assert "broke" in done.stdout


@pytest.mark.data
def test_recorded_data_work_as_they_are(here: Here, shared_data: Path) -> None:
    recorded = shared_data / "recorded"
    [oai, mistakes] = here.json(
        *("bench", "critics", "math/steps", "--sandbox", "none", "--probes", "3"),
        *("--data", recorded / "gsm8k_oai.jsonl.gz", "--data"),
        *(recorded / "mrgsm8k_steps.jsonl.gz", "--limit", "60"),
    )

    assert oai["rates"]["drafts"] == mistakes["rates"]["drafts"] == 60
    assert oai["localisation"] is None and mistakes["localisation"]["found"]["of"] > 0


def test_the_page_of_the_shelf_is_made_of_cards_and_fixtures(tmp_path: Path) -> None:
    recorded = tmp_path / "data" / "recorded"
    recorded.mkdir(parents=True)
    rows = [{"gid": g, "question": "?", "response": r, "correct": ok} for g, r, ok in SUMS]
    for name in ("gsm8k_oai", "gsm8k_tora"):
        with gzip.open(recorded / f"{name}.jsonl.gz", "wt") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    script = ROOT / "docs" / "build_report_cards.py"
    folders = ("--data", tmp_path / "data", "--out", tmp_path / "out")

    done = subprocess.run(
        [sys.executable, script, "math/answer", *map(str, folders), "--limit", "4"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    page = (tmp_path / "out" / "report-cards.md").read_text()
    rows_of = [line for line in page.splitlines() if line.startswith("| math/answer | gsm8k_")]
    # Of four drafts at most, one of each problem; both sets are in the summary at the top.
    assert rows_of[0].startswith("| math/answer | gsm8k_oai | 4 |")
    assert rows_of[1].startswith("| math/answer | gsm8k_tora | 4 |")
    assert "10 of 10" in page[page.index("## Their own fixtures") :]
    assert len(json.loads((tmp_path / "out" / "report-cards.json").read_text())) == 2
