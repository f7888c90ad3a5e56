"""Critics that run a draft's Python program in a sandbox and judge by what happened.

python/runs          it ends by itself and gives an answer
python/quantities    no quantity is negative, fractional, ungrounded or unused
python/examples      the examples in the task hold for the draft's functions
python/tests         the tests that come with the task pass
python/agreed_tests  the examples hold, and the model-written tests that candidates agree on
python/predictions   the task's function returns what the draft says
python/lint          ruff and mypy find nothing that tells wrong programs from right ones
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gadfly import JSON, Critic, InputError, Limits, Register, dump, hookimpl, load
from gadfly_python._agreed import AgreedTestsCritic
from gadfly_python._consensus import AgreedTest, agreed_tests
from gadfly_python._examples import ExamplesCritic
from gadfly_python._execution import LIMITS
from gadfly_python._lint import HOST_PYTHON, RULES, LintCritic
from gadfly_python._linters import LIMITS as LINT_LIMITS
from gadfly_python._predictions import PredictionsCritic
from gadfly_python._quantities import QuantitiesCritic
from gadfly_python._runs import RunsCritic
from gadfly_python._tests import Integrity, TestsCritic

__all__ = [
    "AgreedTest",
    "AgreedTestsCritic",
    "ExamplesCritic",
    "LintCritic",
    "PredictionsCritic",
    "QuantitiesCritic",
    "RunsCritic",
    "TestsCritic",
    "agreed_tests",
    "register_critics",
]

PlainLimits = Limits | Mapping[str, JSON] | None
"""Limits, or those that differ from the defaults by name: as options come from a command line."""


@hookimpl
def register_critics(register: Register[Critic]) -> None:
    """Offer the seven critics."""
    register("runs", _runs)
    register("quantities", _quantities)
    register("examples", _examples)
    register("tests", _tests)
    register("agreed_tests", _agreed_tests)
    register("predictions", _predictions)
    register("lint", _lint)


def _runs(*, answer: str | None = None, limits: PlainLimits = None) -> Critic:
    return RunsCritic(answer=answer, limits=_read(limits))


def _quantities(*, answer: str | None = None, limits: PlainLimits = None) -> Critic:
    return QuantitiesCritic(answer=answer, limits=_read(limits))


def _examples(*, limits: PlainLimits = None) -> Critic:
    return ExamplesCritic(limits=_read(limits))


def _tests(
    *,
    limits: PlainLimits = None,
    preload: Sequence[str] = (),
    quote: bool | None = None,
    integrity: Integrity = "split",
) -> Critic:
    return TestsCritic(
        limits=_read(limits), preload=tuple(preload), quote=quote, integrity=integrity
    )


def _agreed_tests(*, limits: PlainLimits = None) -> Critic:
    return AgreedTestsCritic(limits=_read(limits))


def _predictions(*, limits: PlainLimits = None) -> Critic:
    return PredictionsCritic(limits=_read(limits))


def _lint(
    *,
    rules: Sequence[str] = RULES,
    types: bool = True,
    python: str = HOST_PYTHON,
    strict: bool = False,
    limits: PlainLimits = None,
) -> Critic:
    return LintCritic(
        rules=tuple(rules),
        types=types,
        python=python,
        strict=strict,
        limits=_read(limits, LINT_LIMITS),
    )


def _read(given: PlainLimits, default: Limits = LIMITS) -> Limits:
    if isinstance(given, Limits):
        return given
    plain = dump(default)
    assert isinstance(plain, dict)
    unknown = sorted(set(given or {}) - set(plain))
    if unknown:
        raise InputError(f"there is no limit {unknown[0]!r}; there are {', '.join(plain)}")
    return load(Limits, {**plain, **(given or {})})
