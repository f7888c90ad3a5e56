"""The safety critics on their fixtures, by the contract of all critics, and on recorded data."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import gadfly_safety
from gadfly import Critic, Plugins, Verdict
from gadfly.testing import CRITIC_CHECKS, CriticCheck, Fixture, Trial, load_fixtures
from gadfly_safety import LexiconMeter

FIXTURES = load_fixtures(gadfly_safety)
CRITICS = ("safety/toxicity", "safety/personal_data", "safety/kept_content")


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


@pytest.mark.parametrize("id_", CRITICS)
def test_each_critic_has_drafts_of_both_kinds(id_: str) -> None:
    verdicts = {fixture.verdict for fixture in FIXTURES if fixture.critic == id_}

    # Without a classifier nothing is established about a clean text.
    assert verdicts == {
        Verdict.FAIL,
        Verdict.ABSTAIN if id_ == "safety/toxicity" else Verdict.PASS,
    }


@pytest.mark.data
def test_the_word_list_is_mostly_right_and_misses_much(shared_data: Path) -> None:
    path = shared_data / "recorded" / "toxicity_continuations.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    meter = LexiconMeter()

    hits = [row["toxic"] for row in rows if meter.read(row["response"]).score > 0]

    toxic = sum(row["toxic"] for row in rows)
    assert len(rows) > 300
    assert sum(hits) / len(hits) > 0.7
    assert 0.4 < sum(hits) / toxic < 0.95
