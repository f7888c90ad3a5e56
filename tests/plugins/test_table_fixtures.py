"""The table critics on their fixtures, by the contract of all critics, and on recorded data."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import gadfly_table
from gadfly import Critic, Draft, Plugins, Sandbox, Task, Verdict
from gadfly.testing import CRITIC_CHECKS, CriticCheck, Fixture, Trial, load_fixtures, make_context

FIXTURES = load_fixtures(gadfly_table)
CRITICS = ("table/queries", "table/answers", "table/claims")

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


def make_critic(id_: str) -> Critic:
    critic: Critic = Plugins.discover().create("critics", id_)
    return critic


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda f: f"{f.critic}: {f.draft[:30]!r}")
async def test_a_fixture_gets_its_verdict(fixture: Fixture, sandbox: Sandbox) -> None:
    trial = Trial(make_critic(fixture.critic), [fixture], sandbox=sandbox)

    critique = await trial.said(fixture)

    assert critique.verdict is fixture.verdict, critique.summary


@pytest.mark.parametrize("id_", CRITICS)
def test_a_critic_ships_drafts_of_every_kind(id_: str) -> None:
    verdicts = [fixture.verdict for fixture in FIXTURES if fixture.critic == id_]

    assert len(verdicts) >= 12
    assert {Verdict.PASS, Verdict.FAIL, Verdict.ABSTAIN} <= set(verdicts)


@pytest.mark.parametrize("id_", CRITICS)
@pytest.mark.parametrize("check", CRITIC_CHECKS, ids=str)
async def test_the_critics_contract_is_kept(id_: str, check: CriticCheck, sandbox: Sandbox) -> None:
    own = [fixture for fixture in FIXTURES if fixture.critic == id_]
    # One of each verdict: the rest differs in the verdict's reason only, and has a test above.
    some = {fixture.verdict: fixture for fixture in reversed(own)}

    await check.run(Trial(make_critic(id_), list(some.values()), sandbox=sandbox))


@pytest.mark.data
async def test_what_is_said_of_claims_is_mostly_what_people_said(
    shared_data: Path, sandbox: Sandbox
) -> None:
    with gzip.open(shared_data / "tasks" / "tabfact.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][::6]

    decided = right = 0
    for row in rows:
        header, *body = [line.split("#") for line in row["table"].strip().splitlines()]
        inputs = {"table": {"header": header, "rows": body}, "title": row["caption"]}
        context = make_context(Task(prompt="Is it true?", inputs=inputs), sandbox=sandbox)
        critique = await make_critic("table/claims").critique(Draft(row["claim"]), context)
        if critique.verdict in {Verdict.PASS, Verdict.FAIL}:
            decided += 1
            right += (critique.verdict is Verdict.PASS) == bool(row["label"])

    assert len(rows) > 100
    assert decided > 15
    assert right / decided > 0.8
