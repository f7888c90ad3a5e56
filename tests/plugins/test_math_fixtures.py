"""The math critics on their fixtures, by the contract of all critics, and on recorded data."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

import gadfly_math
from gadfly import Critic, Draft, Plugins, Reference, Verdict
from gadfly.testing import CRITIC_CHECKS, CriticCheck, Fixture, Trial, load_fixtures, make_context
from gadfly_math import StepsCritic, is_correct

FIXTURES = load_fixtures(gadfly_math)
CRITICS = ("math/steps", "math/answer")


def make_critic(id_: str) -> Critic:
    critic: Critic = Plugins.discover().create("critics", id_)
    return critic


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda f: f"{f.critic}: {f.draft[:30]!r}")
async def test_a_fixture_gets_its_verdict(fixture: Fixture) -> None:
    trial = Trial(make_critic(fixture.critic), [fixture])

    critique = await trial.said(fixture)

    assert critique.verdict is fixture.verdict, critique.summary


@pytest.mark.parametrize("id_", CRITICS)
@pytest.mark.parametrize("check", CRITIC_CHECKS, ids=str)
async def test_the_critics_contract_is_kept(id_: str, check: CriticCheck) -> None:
    own = [fixture for fixture in FIXTURES if fixture.critic == id_]

    await check.run(Trial(make_critic(id_), own))


def read(folder: Path, name: str) -> list[dict[str, Any]]:
    with gzip.open(folder / "recorded" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.mark.data
def test_every_recorded_label_of_a_final_answer_is_reproduced(shared_data: Path) -> None:
    rows = read(shared_data, "gsm8k_oai")

    differing = [
        row["id"]
        for row in rows
        if (is_correct(Draft(row["response"]), Reference(row["id"], row["gold"])) is True)
        != row["correct"]
    ]

    assert len(rows) > 2000
    assert differing == []


@pytest.mark.data
async def test_the_first_wrong_step_is_mostly_the_one_that_a_person_marked(
    shared_data: Path,
) -> None:
    rows = [
        row
        for row in read(shared_data, "bigbench_mistake")
        if row["task"] == "multistep_arithmetic" and row["first_error_index"] is not None
    ]

    located = 0
    for row in rows:
        draft = Draft("\n".join(row["steps"]))
        critique = await StepsCritic().critique(draft, make_context(row["question"]))
        first = critique.findings[0].span if critique.findings else None
        located += first is not None and first.line - 1 == row["first_error_index"]

    assert len(rows) > 50
    assert located / len(rows) > 0.9


@pytest.mark.data
async def test_hardly_any_right_solution_is_failed(shared_data: Path) -> None:
    rows = [row for row in read(shared_data, "gsm8k_oai") if row["correct"]][::4]

    verdicts = [
        (await StepsCritic().critique(Draft(row["response"]), make_context())).verdict
        for row in rows
    ]

    assert verdicts.count(Verdict.FAIL) / len(rows) < 0.02
    assert verdicts.count(Verdict.PASS) / len(rows) > 0.8
