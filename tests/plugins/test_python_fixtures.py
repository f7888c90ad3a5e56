"""The critics on the drafts they ship, by the contract of all critics, and on recorded data."""

from __future__ import annotations

import asyncio
import gzip
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import gadfly_python
from gadfly import Critic, Critique, Draft, Limits, Plugins, Sandbox, Verdict
from gadfly.testing import CRITIC_CHECKS, CriticCheck, Fixture, Trial, load_fixtures, make_context

# Those of the linters are run in test_python_lint.py, under limits of their own.
FIXTURES = [f for f in load_fixtures(gadfly_python) if f.critic != "python/lint"]
CRITICS = (
    "python/agreed_tests",
    "python/examples",
    "python/predictions",
    "python/quantities",
    "python/runs",
    "python/tests",
)
LIMITS = Limits(cpu_seconds=1, wall_seconds=60)

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


def make_critic(id_: str, **options: object) -> Critic:
    critic: Critic = Plugins.discover().create("critics", id_, **options)
    return critic


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda f: f"{f.critic}: {f.draft[:30]!r}")
async def test_a_fixture_gets_its_verdict(fixture: Fixture, sandbox: Sandbox) -> None:
    trial = Trial(make_critic(fixture.critic, limits=LIMITS), [fixture], sandbox=sandbox)

    critique = await trial.said(fixture)

    assert critique.verdict is fixture.verdict, critique.summary


@pytest.mark.parametrize("id_", CRITICS)
def test_a_critic_ships_drafts_of_every_kind(id_: str) -> None:
    verdicts = [fixture.verdict for fixture in FIXTURES if fixture.critic == id_]

    assert len(verdicts) >= 12
    assert {Verdict.PASS, Verdict.FAIL} <= set(verdicts)


@pytest.mark.parametrize("id_", CRITICS)
@pytest.mark.parametrize("check", CRITIC_CHECKS, ids=str)
async def test_the_critics_contract_is_kept(id_: str, check: CriticCheck, sandbox: Sandbox) -> None:
    own = [fixture for fixture in FIXTURES if fixture.critic == id_]
    # One of each verdict: the rest differs in the verdict's reason only, and has a test above.
    some = {fixture.verdict: fixture for fixture in reversed(own)}

    await check.run(Trial(make_critic(id_), list(some.values()), sandbox=sandbox))


@pytest.mark.data
async def test_recorded_programs_give_their_recorded_values(
    shared_data: Path, sandbox: Sandbox
) -> None:
    with gzip.open(shared_data / "recorded" / "gsm8k_pot.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file][::22]
    critic = make_critic("python/runs")

    async def judge(row: dict[str, Any]) -> Critique:
        context = make_context(row["question"], sandbox=sandbox)
        return await critic.critique(Draft(row["response"]), context)

    critiques = await asyncio.gather(*(judge(row) for row in rows))

    assert len(rows) >= 60
    for row, critique in zip(rows, critiques, strict=True):
        value = critique.evidence[0].observation["value"] if critique.evidence else None
        recorded = row["run"]
        # The record shows an answer of None as text; to this critic it is none.
        gave_one = recorded["ok"] and recorded["value"] != "'None'"
        assert (critique.verdict is Verdict.PASS) == gave_one, (row["id"], critique.summary)
        if isinstance(value, int | float):
            assert math.isclose(value, float(recorded["value"]), rel_tol=1e-9), row["id"]
