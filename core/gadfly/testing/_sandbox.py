"""The conformance kit for sandboxes: what every sandbox must do, as named checks.

    def test_it_keeps_the_sandbox_contract() -> None:
        check_sandbox(MySandbox)

or one test for each check:

    @pytest.mark.parametrize("check", SANDBOX_CHECKS, ids=str)
    async def test_it_keeps_the_sandbox_contract(check: SandboxCheck) -> None:
        await check.run(MySandbox())

Each check wants a fresh sandbox, and closing it is the caller's. A sandbox that cannot keep a
promise lists the check's name as a known failure, for everyone to read.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from gadfly._errors import UnknownNameError
from gadfly._ports import Sandbox
from gadfly.testing import _sandbox_promises as promises

PATIENCE_SECONDS = 60.0
"""A check that takes longer has met a sandbox that hangs."""


@dataclass(frozen=True, slots=True)
class SandboxCheck:
    """One thing that every sandbox must do."""

    name: str
    """Its name in reports and in lists of known failures."""
    run: Callable[[Sandbox], Awaitable[None]]
    """Raises AssertionError where the sandbox breaks the promise; anything else came out of the
    sandbox."""

    def __str__(self) -> str:
        return self.name

    @property
    def promise(self) -> str:
        """What the sandbox must do, in one sentence."""
        return " ".join((self.run.__doc__ or "").split())


def _patient(check: Callable[[Sandbox], Awaitable[None]]) -> Callable[[Sandbox], Awaitable[None]]:
    @functools.wraps(check)
    async def run(sandbox: Sandbox) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await check(sandbox)
        except TimeoutError as error:
            raise AssertionError(f"it was not done in {PATIENCE_SECONDS:.0f} s") from error

    return run


SANDBOX_CHECKS = tuple(
    SandboxCheck(name, _patient(check))
    for name, check in {
        "runs a command": promises.runs_a_command,
        "tells exits from signals": promises.tells_exits_from_signals,
        "has no such command": promises.has_no_such_command,
        "gives files and input": promises.gives_files_and_input,
        "bears input that nobody reads": promises.bears_input_that_nobody_reads,
        "bears bytes that are no text": promises.bears_bytes_that_are_no_text,
        "stops a sleeper": promises.stops_a_sleeper,
        "stops a busy loop": promises.stops_a_busy_loop,
        "stops a busy family": promises.stops_a_busy_family,
        "stops a memory bomb": promises.stops_a_memory_bomb,
        "stops a process bomb": promises.stops_a_process_bomb,
        "stops a flood": promises.stops_a_flood,
        "stops a full disk": promises.stops_a_full_disk,
        "stops a hoarder": promises.stops_a_hoarder,
        "hides the environment": promises.hides_the_environment,
        "hides other processes": promises.hides_other_processes,
        "starts in a fresh folder": promises.starts_in_a_fresh_folder,
        "leaves no daemon": promises.leaves_no_daemon,
        "can be cancelled": promises.can_be_cancelled,
        "runs side by side": promises.runs_side_by_side,
        "brings files back": promises.brings_files_back,
        "is not fooled by files": promises.is_not_fooled_by_files,
        "takes a list of preloads": promises.takes_a_list_of_preloads,
        "joins a peer": promises.joins_a_peer,
        "has no channel without a peer": promises.has_no_channel_without_a_peer,
        "releases a peer": promises.releases_a_peer,
        "outlives a peer": promises.outlives_a_peer,
        "probes what is in force": promises.probes_what_is_in_force,
        "says what was in force": promises.says_what_was_in_force,
        "claims no wall that is not there": promises.claims_no_wall_that_is_not_there,
        "ends when closed": promises.ends_when_closed,
    }.items()
)
"""What every sandbox must do."""


def check_sandbox(
    make_sandbox: Callable[[], Sandbox], *, known_failures: Collection[str] = ()
) -> None:
    """Run all `SANDBOX_CHECKS`. Call it where no event loop runs (a plain test).

    Args:
        make_sandbox: Makes a fresh sandbox for each check; it is closed afterwards.
        known_failures: Names of the checks that this sandbox does not pass.

    Raises:
        AssertionError: It breaks promises, each is named; or a known failure is none any more.
        UnknownNameError: There is no check of a name in `known_failures`.
    """
    names = {check.name for check in SANDBOX_CHECKS}
    for name in set(known_failures) - names:
        raise UnknownNameError("sandbox check", name, names)
    broken = asyncio.run(_failures(make_sandbox))
    lines = [f"{name}: {problem}" for name, problem in broken.items() if name not in known_failures]
    lines += [f"{name}: it passes now" for name in known_failures if name not in broken]
    if lines:
        listed = "".join(f"\n- {line}" for line in lines)
        raise AssertionError(f"the sandbox breaks its contract:{listed}")


async def _failures(make_sandbox: Callable[[], Sandbox]) -> dict[str, str]:
    broken: dict[str, str] = {}
    for check in SANDBOX_CHECKS:
        sandbox = make_sandbox()
        try:
            await check.run(sandbox)
        except AssertionError as error:
            broken[check.name] = str(error)
        except Exception as error:  # noqa: BLE001 - a sandbox may raise anything; the report names it
            broken[check.name] = f"it raised {type(error).__name__}: {error}"
        finally:
            await sandbox.close()
    return broken
