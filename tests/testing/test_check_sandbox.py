from __future__ import annotations

import re

import pytest

from gadfly import Ended, Isolation, Job, JobResult, Level, SandboxError, UnknownNameError
from gadfly.testing import SANDBOX_CHECKS, check_sandbox


class Flatterer:
    """Claims that everything went well and that everything was closed, and runs nothing."""

    name = "flatterer"

    def __init__(self) -> None:
        self._closed = False

    async def run(self, job: Job) -> JobResult:
        if self._closed:
            raise SandboxError("closed")
        network = "open" if job.limits.network else "none"
        isolation = Isolation(sandbox=self.name, level=Level.UNSAFE, network=network)
        return JobResult(ended=Ended.EXITED, exit_code=0, isolation=isolation)

    async def probe(self) -> Isolation:
        return Isolation(sandbox=self.name, level=Level.UNSAFE, network="none")

    async def close(self) -> None:
        self._closed = True


HARMLESS = {
    "hides the environment",
    "hides other processes",
    "probes what is in force",
    "says what was in force",
    "ends when closed",
}
"""What a sandbox that runs nothing is right about."""


def test_a_sandbox_that_runs_nothing_is_found_out() -> None:
    with pytest.raises(AssertionError) as caught:
        check_sandbox(Flatterer)

    named = set(re.findall(r"^- ([^:]+):", str(caught.value), re.MULTILINE))
    assert named == {check.name for check in SANDBOX_CHECKS} - HARMLESS


def test_known_failures_are_forgiven() -> None:
    check_sandbox(
        Flatterer, known_failures=[c.name for c in SANDBOX_CHECKS if c.name not in HARMLESS]
    )


def test_a_known_failure_that_is_none_any_more_is_reported() -> None:
    with pytest.raises(AssertionError, match="ends when closed: it passes now"):
        check_sandbox(Flatterer, known_failures=[check.name for check in SANDBOX_CHECKS])


def test_a_known_failure_of_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="stops a flood"):
        check_sandbox(Flatterer, known_failures=["stops a floot"])


@pytest.mark.parametrize("check", SANDBOX_CHECKS, ids=str)
def test_each_check_says_its_promise(check: object) -> None:
    assert str(getattr(check, "promise", "")).endswith(".")
