"""Every attack on every sandbox that works here: held, or named as not covered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.sandboxes.attacks import NOT_COVERED, SANDBOXES, TESTED

from gadfly import Level, Sandbox, SandboxError
from gadfly.testing import SANDBOX_ATTACKS, Attack

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.sandbox


class Target:
    """A sandbox that is made anew when an attack has got through to it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._sandbox: Sandbox | None = None
        self._level: Level | None = None
        self._problem = ""

    async def open(self) -> tuple[Sandbox, Level]:
        if self._problem:
            pytest.skip(self._problem)
        try:
            self._sandbox = self._sandbox or SANDBOXES[self.name]()
            self._level = self._level or (await self._sandbox.probe()).level
        except (SandboxError, ImportError) as error:
            self._problem = f"{self.name} does not work here: {error}"
            pytest.skip(self._problem)
        return self._sandbox, self._level

    async def close(self) -> None:
        if self._sandbox is not None:
            await self._sandbox.close()
        self._sandbox = None


@pytest.fixture(scope="module", params=TESTED)
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    target = Target(request.param)
    yield target
    asyncio.run(target.close())


@pytest.mark.parametrize("attack", SANDBOX_ATTACKS, ids=str)
async def test_an_attack_is_held_or_named(target: Target, attack: Attack) -> None:
    sandbox, level = await target.open()
    if attack.wants > level:
        pytest.skip(f"{attack.wants} holds it, and {target.name} is {level} here")
    if reason := NOT_COVERED.get(target.name, {}).get(attack.name):
        pytest.skip(f"named as not covered: {reason}")

    try:
        await attack.run(sandbox)
    except AssertionError:
        await target.close()
        raise


def test_the_published_table_has_every_attack_on_every_sandbox() -> None:
    columns = json.loads((ROOT / "docs" / "reference" / "attacks.json").read_text("utf-8"))
    attacks = {attack.name for attack in SANDBOX_ATTACKS}

    assert {column["name"]: column["outcomes"].keys() == attacks for column in columns} == (
        dict.fromkeys(SANDBOXES, True)
    )
    assert not any("not held" in column["outcomes"].values() for column in columns)


def test_what_is_not_covered_is_known_by_name() -> None:
    attacks = {attack.name for attack in SANDBOX_ATTACKS}

    assert NOT_COVERED.keys() <= SANDBOXES.keys()
    assert {name for listed in NOT_COVERED.values() for name in listed} <= attacks


def test_what_is_not_covered_stands_in_the_readme() -> None:
    readme = ROOT / "sandboxes" / "docker" / "README.md"
    named = readme.read_text(encoding="utf-8")

    listed = {name for target, names in NOT_COVERED.items() for name in names if "docker" in target}
    assert [name for name in listed if f"*{name}*" not in named] == []
