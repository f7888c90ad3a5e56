"""The attack kit: what hostile code does to sandboxes, and what a sandbox must make of it.

    def test_it_holds() -> None:
        check_attacks(MySandbox, not_covered=["reads kernel addresses"])

or one test for each attack:

    @pytest.mark.parametrize("attack", SANDBOX_ATTACKS, ids=str)
    async def test_it_holds(attack: Attack) -> None:
        await attack.run(my_sandbox)

An attack is promised to be held from a level on (`Attack.wants`); a sandbox whose probe claims less
is not attacked with it. Every attack has an exact end. It is bounded, so that a sandbox that does
not hold survives it, and so does the machine: at most 300 processes and 600 MiB, for some seconds,
and nothing is destroyed that can be reached: whether something would work is found out by forms of
it that do nothing. Even so, run the kit where nothing precious runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from gadfly._errors import UnknownNameError
from gadfly._ports import Sandbox
from gadfly.testing._attacks._attack import Attack as Attack
from gadfly.testing._attacks.files import files
from gadfly.testing._attacks.lifecycle import lifecycle
from gadfly.testing._attacks.neighbours import neighbours
from gadfly.testing._attacks.peers import peers
from gadfly.testing._attacks.reach import reach
from gadfly.testing._attacks.resources import resources

SANDBOX_ATTACKS: tuple[Attack, ...] = tuple(
    attack
    for kind in (resources, lifecycle, reach, files, neighbours, peers)
    for attack in kind.attacks
)
"""What a sandbox must hold, each from the level on that it names."""


def check_attacks(
    make_sandbox: Callable[[], Sandbox], *, not_covered: Collection[str] = ()
) -> None:
    """Run the `SANDBOX_ATTACKS` that the sandbox's level promises to hold, one after the other.

    Call it where no event loop runs (a plain test).

    Args:
        make_sandbox: Makes a sandbox. One is used until an attack succeeds, then the next.
        not_covered: Names of the attacks that this sandbox does not hold, for everyone to read.

    Raises:
        AssertionError: Attacks succeed, each is named; or one that is not covered is held.
        UnknownNameError: There is no attack of a name in `not_covered`.
    """
    names = {attack.name for attack in SANDBOX_ATTACKS}
    for name in set(not_covered) - names:
        raise UnknownNameError("attack", name, names)
    outcomes = asyncio.run(_outcomes(make_sandbox))
    lines = [
        f"{name}: {problem or 'it is held, but listed as not covered'}"
        for name, problem in outcomes.items()
        if bool(problem) != (name in not_covered)
    ]
    if lines:
        listed = "".join(f"\n- {line}" for line in lines)
        raise AssertionError(f"the sandbox does not hold what it promises:{listed}")


async def _outcomes(make_sandbox: Callable[[], Sandbox]) -> dict[str, str]:
    """Return, for each attack that was run, how it succeeded; "" where it was held."""
    outcomes: dict[str, str] = {}
    sandbox = make_sandbox()
    try:
        level = (await sandbox.probe()).level
        for attack in SANDBOX_ATTACKS:
            if attack.wants > level:
                continue
            outcomes[attack.name] = problem = await _outcome(attack, sandbox)
            if problem:  # who knows what is left of it
                await sandbox.close()
                sandbox = make_sandbox()
    finally:
        await sandbox.close()
    return outcomes


async def _outcome(attack: Attack, sandbox: Sandbox) -> str:
    try:
        await attack.run(sandbox)
    except AssertionError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a sandbox may raise anything; the report names it
        return f"it raised {type(error).__name__}: {error}"
    return ""
