"""Agreement between candidate programs and model-written tests, without a gold answer.

A model's test may be wrong; so may every candidate. What they say of the same call is evidence
about both. CodeT (Chen et al., 2022, arXiv:2207.10397) scores groups of candidates that pass the
same tests by the size of the group and the number of its tests. Here each test is weighed by
itself, and a candidate is then judged by the tests that are believed:

- Every candidate has a vote on what a call returns, and the author of the test has two. Votes for
  different values are not added up: wrong programs scatter, right ones agree.
- A vote counts as much as its candidate has earned: nothing where it fails an example that the
  prompt states for certain, else by the share of the kept tests that it passes, by weight.
- A test's weight is the votes for it, divided by these and the votes for its strongest rival. At
  two thirds and above it is kept.

Weights and trust are found in turns, a fixed number of times. Who controls most of the candidates
controls the weights: these are for drafts that may be wrong, not for drafts that conspire.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from gadfly import Draft, Limits, Sandbox
from gadfly_python._asserts import Check, read_asserts
from gadfly_python._calls import Lost, run_calls
from gadfly_python._claims import Example, as_example, find_claims
from gadfly_python._execution import LIMITS, Raised
from gadfly_python._notations import read_notations
from gadfly_python._program import Program, find_program
from gadfly_python._runner import Unencodable, encode

KEPT = 2 / 3
"""The weight at which a test is kept: no other value has more than half as many votes."""
_AUTHOR = 2.0
"""The votes of a test's author: one candidate alone cannot unseat the test that it fails."""
_TURNS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AgreedTest:
    """A test, and how far candidates agree with it."""

    test: str
    """The assert."""
    weight: float
    """In [0, 1]: the share of its votes among these and its strongest rival's."""
    passed: int
    """Candidates that pass it."""
    voters: int
    """Candidates that had a vote: they pass the certain examples of the prompt."""


@dataclass(frozen=True, slots=True)
class Ballot:
    """What one candidate says of every test."""

    standing: bool
    """Whether it passes the certain examples, and so has a vote."""
    passed: tuple[bool, ...]
    values: tuple[str | None, ...]
    """What it gave for each test, as a text that equal values share; None where it gave nothing."""


async def agreed_tests(
    prompt: str,
    programs: Sequence[str],
    tests: Sequence[str],
    *,
    sandbox: Sandbox,
    limits: Limits = LIMITS,
    workers: int = 2,
) -> list[AgreedTest]:
    """Weigh tests by what candidate programs for the same task do with them.

    Every distinct program runs once, on every distinct call once. For a critic, give the result to
    the task as plain data: `Task(prompt=..., inputs={"model_tests": dump(agreed)})`.

    Args:
        prompt: The task's prompt. Its certain examples say who has a vote; examples in less certain
            notations are weighed as tests.
        programs: The candidates, repeated as often as they were drawn.
        tests: Model-written tests as Python source; what is no readable assert is left out.
        sandbox: Runs the programs.
        limits: Of each program.
        workers: Programs at a time.

    Raises:
        SandboxError: The sandbox failed.
    """
    found = [find_program(Draft(text)) or Program(text, 0) for text in programs]
    functions = sorted({name for program in found for name in program.functions()})
    examples, checks = read_checks(prompt, tests, functions)
    calls = [example.call for example in examples] + [check.call for check in checks]
    if not checks or not found:
        return []
    gate = asyncio.Semaphore(workers)

    async def answers(program: Program) -> list[object]:
        async with gate:
            return (await run_calls(program, calls, sandbox, limits))[0]

    distinct = {program.text: program for program in found}
    given = await asyncio.gather(*(answers(program) for program in distinct.values()))
    table = dict(zip(distinct, given, strict=True))
    ballots = [ballot(examples, checks, table[program.text]) for program in found]
    return [
        AgreedTest(
            test=check.text,
            weight=weight,
            passed=sum(vote.passed[column] for vote in ballots),
            voters=sum(vote.standing for vote in ballots),
        )
        for column, (check, weight) in enumerate(zip(checks, weigh(ballots), strict=True))
    ]


def read_checks(
    prompt: str, tests: Sequence[str], functions: Collection[str]
) -> tuple[list[Example], list[Check]]:
    """Return a prompt's certain examples, and its uncertain ones with the readable tests."""
    claims = find_claims(prompt, functions)
    examples = [example for claim in claims if (example := as_example(claim)) is not None]
    read = [*read_notations(prompt, functions)]
    read += [check for test in tests for check in read_asserts(test, functions)]
    return examples, list({check.text: check for check in read}.values())


def ballot(examples: Sequence[Example], checks: Sequence[Check], given: Sequence[object]) -> Ballot:
    """Return the votes of a candidate from what it gave for the examples, then the checks."""
    answers = given[len(examples) :]
    return Ballot(
        standing=all(map(holds, examples, given)),
        passed=tuple(map(holds, checks, answers)),
        values=tuple(map(_key, answers)),
    )


def weigh(ballots: Sequence[Ballot]) -> list[float]:
    """Return the weight of each test by the votes of the candidates."""
    trust = [float(vote.standing) for vote in ballots]
    weights: list[float] = []
    for _ in range(_TURNS):
        columns = range(len(ballots[0].passed)) if ballots else range(0)
        weights = [_weight(column, ballots, trust) for column in columns]
        kept = [weight if weight >= KEPT else 0.0 for weight in weights]
        trust = [share(vote.passed, kept) if vote.standing else 0.0 for vote in ballots]
    return weights


def holds(check: Check | Example, given: object) -> bool:
    """Whether what a call gave is what a check or example wants of it."""
    return not isinstance(given, Raised | Lost) and check.holds(given)


def score_of(examples: Sequence[bool], tests: Sequence[bool], weights: Sequence[float]) -> float:
    """Return how much of it holds: below one half where an example fails, else one half and up."""
    if not all(examples):
        return 0.5 * sum(examples) / len(examples)
    return 0.5 + 0.5 * share(tests, weights)


def share(passed: Sequence[bool], weights: Sequence[float]) -> float:
    """Return the share of the tests that is passed, by weight; 1 where nothing has weight."""
    total = sum(weights)
    return sum(w for w, ok in zip(weights, passed, strict=True) if ok) / total if total else 1.0


def accepts(vote: Ballot, weights: Sequence[float]) -> bool:
    """Whether a candidate passes the certain examples and every test that is kept."""
    pairs = zip(weights, vote.passed, strict=True)
    return vote.standing and all(ok for weight, ok in pairs if weight >= KEPT)


def _weight(column: int, ballots: Sequence[Ballot], trust: Sequence[float]) -> float:
    votes, rivals = _AUTHOR, defaultdict[str, float](float)
    for vote, trusted in zip(ballots, trust, strict=True):
        value = vote.values[column]
        if vote.passed[column]:
            votes += trusted
        elif value is not None:
            rivals[value] += trusted
    return votes / (votes + max(rivals.values(), default=0.0))


def _key(value: object) -> str | None:
    # What is no plain data cannot be told from another thing of its type.
    return None if isinstance(value, Raised | Lost | Unencodable) else json.dumps(encode(value))
