"""`python/tests` in one process: when it may be used, what guards it, and what it cannot hold."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import (
    JSON,
    Critique,
    Draft,
    Hardness,
    InputError,
    Job,
    Limits,
    Plugins,
    Sandbox,
    Task,
    Verdict,
    load,
    replay,
)
from gadfly.testing import make_context
from gadfly_python import TestsCritic
from gadfly_python._split.harness import Report
from gadfly_python._split.rewriting import GUARD, watched
from gadfly_python._split.wire import ProtocolError
from gadfly_python._split.witness import read_report

SQUARE = "def f(x):\n    return x * x\n"
WRONG = "\ndef f(x):\n    return -1\n"
SCRIPT = "class Odd(int): pass\nf(Odd(2))\nassert f(2) == 4\nassert f(3) == 9\n"
CHECK = """
class Odd(int): pass
def check(candidate):
    candidate(Odd(2))
    assert candidate(2) == 4
    assert candidate(3) == 9
"""
UNITTEST = """
import unittest
from solution import f
class Odd(int): pass
class TestF(unittest.TestCase):
    def test_f(self):
        f(Odd(2))
        self.assertEqual(f(2), 4)
        self.assertTrue(f(3) == 9)
"""
PYTEST = """
import pytest
from solution import f
class Odd(int): pass
@pytest.mark.parametrize(("x", "y"), [(2, 4), (3, 9)])
def test_f(x, y):
    f(Odd(x))
    assert f(x) == y
    assert f(x) == pytest.approx(y) and [f(x)] == [pytest.approx(y)]
"""
PROPERTY = """
from hypothesis import given, strategies as st
from solution import f
class Odd(int): pass
@given(st.integers())
def test_f(x):
    assert f(Odd(x)) == x * x
"""
TESTS = {
    "script": SCRIPT, "check": CHECK, "unittest": UNITTEST, "pytest": PYTEST, "property": PROPERTY,
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


async def judge(program: str, tests: str, sandbox: Sandbox, **options: Any) -> Critique:
    limits = Limits(cpu_seconds=3, wall_seconds=20)
    options = {"integrity": "in_process", "quote": True, "limits": limits, **options}
    critic = TestsCritic(**options)
    inputs: dict[str, JSON] = {"tests": tests}
    if "check(" in tests or "candidate" in tests:
        inputs["entry_point"] = "f"
    task = Task(prompt="Write f, which squares.", inputs=inputs)
    return await critic.critique(Draft(program), make_context(task, sandbox=sandbox))


def integrity(critique: Critique) -> list[JSON]:
    return [evidence.observation["integrity"] for evidence in critique.evidence]


# ------------------------------------------------------------------------------ when


@pytest.mark.sandbox
async def test_by_default_such_tests_say_nothing_and_name_the_option(sandbox: Sandbox) -> None:
    critique = await judge(SQUARE, SCRIPT, sandbox, integrity="split")

    assert critique.verdict is Verdict.ABSTAIN
    assert critique.summary == (
        "The tests pass an object of type Odd to the program, which a process for the tests alone "
        'cannot do; integrity="in_process" would run them in the program\'s own.'
    )
    assert integrity(critique) == ["split"]


@pytest.mark.sandbox
async def test_tests_that_two_processes_can_run_stay_in_two(sandbox: Sandbox) -> None:
    critique = await judge(SQUARE, "assert f(3) == 9", sandbox)

    assert critique.verdict is Verdict.PASS
    assert integrity(critique) == ["split"]


@pytest.mark.sandbox
async def test_what_two_processes_showed_wrong_is_not_tried_in_one(sandbox: Sandbox) -> None:
    tests = "def test_a():\n    assert f(2) == 4\nclass A: pass\ndef test_b():\n    f(A())\n"

    for choice in ("split", "in_process"):
        critique = await judge(WRONG, tests, sandbox, integrity=choice)

        assert critique.is_hard_failure
        assert integrity(critique) == ["split"]


def test_an_integrity_that_is_none_is_named() -> None:
    with pytest.raises(InputError, match="'split' or 'in_process', not 'none'"):
        TestsCritic(integrity="none")  # type: ignore[arg-type]


def test_integrity_is_an_option_of_the_critic() -> None:
    critic = Plugins.discover().create("critics", "python/tests", integrity="in_process")

    assert critic.integrity == "in_process"


# ------------------------------------------------------------------------------ honest programs


@pytest.mark.sandbox
@pytest.mark.parametrize("style", TESTS)
async def test_tests_of_every_style_tell_right_from_wrong(style: str, sandbox: Sandbox) -> None:
    right = await judge(SQUARE, TESTS[style], sandbox)
    wrong = await judge(WRONG, TESTS[style], sandbox)

    assert right.verdict is Verdict.PASS, right
    assert right.summary.startswith("The tests pass (in the program's own process)")
    assert wrong.verdict is Verdict.FAIL, wrong
    assert {finding.hardness for finding in wrong.findings} == {Hardness.SOFT}
    assert integrity(right) == integrity(wrong) == ["split", "in_process"]


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("program", "tests"),
    [
        pytest.param(
            "class Shape:\n    def area(self): raise NotImplementedError\n"
            "    def twice(self): return 2 * self.area()", """
from solution import Shape
class Square(Shape):
    def __init__(self, side): self.side = side
    def area(self): return self.side ** 2
def test_area():
    assert Square(2).twice() == 8 and isinstance(Square(1), Shape)
""", id="derived classes"),
        pytest.param(
            "def f(items, key):\n    return sorted(items, key=lambda item: key(item))", """
from dataclasses import dataclass
from collections import namedtuple
@dataclass
class Card:
    rank: int
P = namedtuple("P", "x y")
def test_f():
    cards = [Card(2), Card(1)]
    assert f(cards, lambda card: card.rank) == [Card(1), Card(2)]
    assert f([P(2, 0), P(1, 0)], lambda p: p.x)[0] == (1, 0) != (0, 0)
    first, *rest = f(cards, lambda card: -card.rank)
    match first.rank:
        case 2 if rest:
            pass
        case _:
            assert False
""", id="objects of the tests"),
        pytest.param(
            "import numpy as np\nfrom enum import IntEnum\nclass Color(IntEnum):\n    RED = 1\n"
            "def f(x):\n    return np.array([1.0, 2.0]), Color.RED, {'a': [1]}", """
import math
import numpy as np
class A: pass
array, color, held = f(A())
assert (array == [1, 2]).all() and np.allclose(array, [1, 2]) and math.isclose(array[0], 1)
assert color == 1 and not color > 1 and held["a"] == [1] and held.get("b") is None
assert 1 in held["a"] and -color + 1 == 0 and sum(held["a"]) == 1 and len(array) == 2
""", id="plain data"),
        pytest.param(
            "class V:\n    def __init__(self, x): self.x = x\n"
            "    def __eq__(self, other): return self.x == other.x\n"
            "    def __add__(self, other): return V(self.x + other.x)\n"
            "    def __len__(self): return self.x\n"
            "def f(x): return V(2)", """
class A: pass
v = f(A())
assert v + v == V(4) and v.x == 2 and len(v) == 2 and v is not None and isinstance(v, V)
""", id="objects of the program"),
        pytest.param(
            "from unittest.mock import Mock\nimport time\ndef now(): return time.time()\n"
            "def f(x): return now()", """
import time
from unittest.mock import patch
class A: pass
def test_f():
    with patch("solution.now", return_value=7):
        assert f(A()) == 7
    with patch("time.time", return_value=8):
        assert f(A()) == 8
""", id="replaced names"),
    ],
)  # fmt: skip
async def test_what_honest_tests_do_with_objects_is_believed(
    program: str, tests: str, sandbox: Sandbox
) -> None:
    critique = await judge(program, tests, sandbox)

    assert critique.verdict is Verdict.PASS, critique
    assert critique.evidence[-1].observation["doubts"] == []


# ------------------------------------------------------------------------------ evidence


@pytest.mark.sandbox
async def test_evidence_holds_program_and_tests_and_is_run_again(sandbox: Sandbox) -> None:
    critique = await judge(SQUARE, SCRIPT, sandbox)

    assert len(critique.evidence) == 2
    for evidence in critique.evidence:
        job = load(Job, evidence.request)
        assert job.peer is not None
        assert job.files["tests_of_draft.py"] == SCRIPT
        assert job.peer.files["program.py"] == SQUARE
        assert "Odd" not in str(job.peer)
        assert str(evidence.observation["harness"]).startswith("sha256:")
        assert len(json.dumps(evidence.request)) < 70_000
        archive = base64.b64decode(job.files["harness.zip.base64"])
        assert "_split/harness.py" in zipfile.ZipFile(io.BytesIO(archive)).namelist()
        assert (await replay(evidence, sandbox)).status == "reproduced"


# ------------------------------------------------------------------------------ parts


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.sampled_from(sorted(asdict(Report()))), json_values)
def test_a_report_is_read_as_a_stranger_s(name: str, value: Any) -> None:
    try:
        report = read_report({**asdict(Report()), name: value})
    except ProtocolError:
        return
    assert not (report.tampered or report.gone or report.broken or report.crash)
    assert type(getattr(report, name)) in {type(getattr(Report(), name)), str, int}


@given(json_values)
def test_what_is_no_report_is_refused(value: Any) -> None:
    with pytest.raises(ProtocolError):
        read_report(value)


class _Plain:
    """A guard that only does what it is asked to."""

    def compare(self, names: tuple[str, ...], *values: Any) -> Any:
        import operator

        table: dict[str, Any]
        table = {"lt": operator.lt, "lte": operator.le, "eq": operator.eq, "in": _contains}
        pairs = zip(names, values, values[1:], strict=False)
        return all(table[name](left, right) for name, left, right in pairs)

    def operate(self, name: str, *values: Any) -> Any:
        import operator

        table: dict[str, Any]
        table = {"add": operator.add, "usub": operator.neg, "item": operator.getitem}
        return table[name](*values)

    def truth(self, value: Any) -> Any:
        return value

    own = truth

    def call(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)


def _contains(item: Any, container: Any) -> bool:
    return item in container


@pytest.mark.parametrize(
    "source",
    [
        "x = 1 + 2 < 4 <= 4 and not -1 + 2 == 2 or 0",
        (
            "def f(a: 'list[int]' = [1][0], *, b: int | None = None) -> dict[str, int]:\n"
            "    return {'k': a}\nx = f()['k'], f.__annotations__['return']"
        ),
        (
            "class A:\n    y: int = 1 + 1\n    def g(self): return super().__repr__()[:0]\n"
            "x = A().y, A().g(), [n for n in [1, 2] if n < 2], 1 if 1 in [1] else 2"
        ),
        "def g():\n    import __main__\n    return sorted(locals())\nx = g(), f'{1 + 1:>{2}}'",
        "match (1, -2):\n    case (1, -2) if 1 < 2:\n        x = 1 + 1\n    case _:\n        x = 0",
        "x = 0\nwhile x < 3:\n    x += 1\nx = [*range(x)][-1], (lambda *a: a)(*[1], **{})",
    ],
)
def test_rewritten_tests_do_what_they_did(source: str) -> None:
    as_written: dict[str, Any] = {}
    exec(source, as_written)
    rewritten: dict[str, Any] = {GUARD: _Plain()}

    exec(watched(source, "tests"), rewritten)

    assert rewritten["x"] == as_written["x"]
