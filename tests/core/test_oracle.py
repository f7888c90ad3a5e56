"""The oracle firewall: a gold answer gets into no value that loop code sees."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import cloudpickle
import pytest

from gadfly import Draft, InputError, Job, OracleError, Reference, Task

GOLD = Reference("t1", "42")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: Task(prompt="?", inputs={"gold": GOLD}), id="task-input"),  # type: ignore[dict-item]
        pytest.param(lambda: Task(prompt="?", inputs={"a": [{"b": (GOLD,)}]}), id="task-nested"),  # type: ignore[dict-item]
        pytest.param(lambda: Draft(GOLD), id="draft"),  # type: ignore[arg-type]
        pytest.param(lambda: Job(("x",), files={"a": GOLD}), id="job-file"),  # type: ignore[dict-item]
        pytest.param(lambda: Job(("x",), stdin=GOLD), id="job-stdin"),  # type: ignore[arg-type]
        pytest.param(lambda: Job(("x", GOLD)), id="job-argument"),  # type: ignore[arg-type]
    ],
)
def test_a_reference_is_refused_by_every_value_of_the_loop(make: Callable[[], object]) -> None:
    with pytest.raises(OracleError, match="gold answer"):
        make()


@pytest.mark.parametrize(
    "send", [pickle.dumps, cloudpickle.dumps, copy.deepcopy], ids=lambda f: f.__name__
)
def test_a_reference_does_not_travel(send: Callable[[object], object]) -> None:
    with pytest.raises(OracleError, match="never pickled"):
        send({"task": [GOLD]})


def test_the_refusal_is_an_input_error_and_a_type_error() -> None:
    assert issubclass(OracleError, InputError)
    assert issubclass(OracleError, TypeError)


def test_a_task_and_a_reference_are_unrelated_types() -> None:
    assert not issubclass(Reference, Task)
    assert not hasattr(Task(prompt="?"), "gold")
