"""Wrong programs against tests that run in their own process: which tricks are held, and which not.

Each is wrong about what the tests ask. Here a trick is held when it ends in anything but a PASS.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from gadfly import JSON, Critique, Draft, Limits, Plugins, Sandbox, Task, Verdict
from gadfly.testing import make_context
from gadfly_python import TestsCritic

pytestmark = pytest.mark.sandbox

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


VALUE = "\nclass E{base}:\n{body}\ndef f(x):\n    return {value}\n"
EQUAL = "    __eq__ = __ge__ = __le__ = __contains__ = lambda *_: True\n    __hash__ = lambda _: 0"
VALUES = {
    "equal": VALUE.format(base="", body=EQUAL, value="E()"),
    "an int": VALUE.format(base="(int)", body=EQUAL, value="E()"),
    "in a list": VALUE.format(base="", body=EQUAL, value="[E()]"),
    "a metaclass": VALUE.format(base="(type)", body=EQUAL, value="E('T', (), {})"),
    "arithmetic": VALUE.format(
        base="",
        body="    __sub__ = __rsub__ = __abs__ = lambda *_: 0\n    __float__ = lambda _: 9.0",
        value="E()",
    ),
    "a mock": "from unittest.mock import ANY\ndef f(x):\n    return ANY\n",
    "an approximation": "import pytest\ndef f(x):\n    return pytest.approx(0, abs=1e9)\n",
}
QUESTIONS = {
    "equal": "assert f(2) == 4",
    "not unequal": "assert not f(2) != 4",
    "order": "assert f(2) <= 4 <= f(2)",
    "membership": "assert 4 in [f(2)]",
    "elements": "assert f(2) == [4] or f(2) == 4",
    "distance": "assert abs(f(2) - 4) < 0.01",
    "a set": "assert {f(2)} == {4}",
    "a key": "assert {4: 1}.get(f(2)) == 1 and {4: 1}[f(2)] == 1",
    "a pattern": "match f(2):\n    case 4: pass\n    case _: assert False",
    "closeness": "import math\nassert math.isclose(f(3), 9)",
    "a truth": "assert f(2) and bool(f(2))",
    "a caught one": "ok = f(2) == 4\nassert ok",
    "unittest": "import unittest\nunittest.TestCase().assertEqual(f(2), 4)",
    "nearly": "import unittest\nunittest.TestCase().assertAlmostEqual(f(2), 4)",
}


ASKED = [
    *(("equal", question) for question in QUESTIONS if question != "a truth"),
    *((value, "equal") for value in VALUES if value != "equal"),
    *(("arithmetic", question) for question in ("distance", "closeness", "nearly")),
    ("in a list", "elements"),
]


async def test_tests_do_not_pass_on_the_word_of_an_object(sandbox: Sandbox) -> None:
    async def ask(value: str, question: str) -> Critique:
        tests = f"class Odd(int): pass\nf(Odd(2))\n{QUESTIONS[question]}\n"
        return await judge(VALUES[value], tests, sandbox)

    critiques = await asyncio.gather(*(ask(*asked) for asked in ASKED))

    for asked, critique in zip(ASKED, critiques, strict=True):
        assert critique.verdict in {Verdict.FAIL, Verdict.ABSTAIN}, (asked, critique)
        assert integrity(critique) == ["split", "in_process"]


PATCHES = {
    "TestReport": """
import pytest, _pytest.reports
original = _pytest.reports.TestReport.from_item_and_call
def good(item, call):
    report = original(item, call)
    report.outcome, report.longrepr = "passed", None
    return report
_pytest.reports.TestReport.from_item_and_call = good
""",
    "unittest": """
import unittest
for name in ("assertEqual", "assertTrue", "fail", "run"):
    setattr(unittest.TestCase, name, lambda *a, **k: None)
""",
    "json": """
import json
original = json.dumps
def good(message, **options):
    if "report" in message:
        message["report"].update(troubles=[], passed=["script", "check"], counts={"passed": 1})
    return original(message, **options)
json.dumps = good
""",
    "a module in its place": """
import sys, types
math = types.ModuleType("math")
math.isclose = lambda *a, **k: True
sys.modules["math"] = math
""",
    "builtins": """
import builtins
builtins.AssertionError = type("A", (BaseException,), {"__new__": lambda *_: None})
builtins.abs = builtins.all = builtins.isinstance = builtins.len = lambda *_: True
""",
}
MATH = "import math\nclass Odd(int): pass\nf(Odd(1))\nassert math.isclose(f(2), 4)"


@pytest.mark.parametrize("late", [False, True], ids=["when loaded", "when called"])
@pytest.mark.parametrize(
    ("patch", "tests"),
    [
        ("TestReport", PYTEST), ("unittest", UNITTEST), ("json", CHECK), ("json", SCRIPT),
        ("a module in its place", MATH), ("builtins", CHECK),
    ],
)  # fmt: skip
async def test_what_a_program_patches_does_not_make_it_pass(
    patch: str, tests: str, late: bool, sandbox: Sandbox
) -> None:
    program = PATCHES[patch] + WRONG
    if late:
        body = "".join(f"    {line}\n" for line in PATCHES[patch].splitlines())
        program = f"def f(x):\n{body}    return -1\n"

    critique = await judge(program, tests, sandbox)

    assert critique.verdict in {Verdict.FAIL, Verdict.ABSTAIN}, critique


async def test_a_harmless_replacement_is_told_of(sandbox: Sandbox) -> None:
    program = "import math\nmath.isclose = lambda *a, **k: True\n" + SQUARE

    critique = await judge(program, SCRIPT, sandbox)

    assert critique.verdict is Verdict.ABSTAIN
    assert "not believed: math.isclose was replaced" in critique.summary


FRAME = """
import json, os, socket
def send(message):
    data = json.dumps(message).encode()
    os.write(int(os.environ["GADFLY_CHANNEL"]), len(data).to_bytes(4, "big") + data)
"""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import os\ndef f(x):\n    os._exit(0)\n", id="os._exit"),
        pytest.param("import sys\ndef f(x):\n    sys.exit(0)\n", id="sys.exit"),
        pytest.param("import os, signal\ndef f(x):\n    os.kill(os.getpid(), 9)\n", id="kill"),
        pytest.param("def f(x):\n    while True: pass\n", id="endless"),
        pytest.param("import os\ndef f(x):\n    os.fork()\n    return -1\n", id="two answers"),
        pytest.param(
            "def f(x):\n    import unittest\n    raise unittest.SkipTest('no')\n", id="a skip"
        ),
        pytest.param(
            f"{FRAME}\ndef f(x):\n    send({{'nonce': 'x', 'report': {{}}}})\n    return -1\n",
            id="an answer without the number",
        ),
        pytest.param(
            f"{FRAME}\ndef f(x):\n    send([])\n    return x * x\n", id="a message that is none"
        ),
        pytest.param(
            "import atexit, os\natexit.register(os._exit, 0)\ndef f(x):\n    return -1\n",
            id="an exit at the end",
        ),
    ],
)
async def test_without_every_answer_in_its_place_nothing_passes(
    program: str, sandbox: Sandbox
) -> None:
    limits = Limits(cpu_seconds=1, wall_seconds=3)

    critique = await judge(program, CHECK, sandbox, limits=limits)

    assert critique.verdict in {Verdict.FAIL, Verdict.ABSTAIN}, critique


async def test_a_program_does_not_find_the_tests_when_it_is_loaded(sandbox: Sandbox) -> None:
    program = """
import gc, os, pathlib, sys
seen = [p.read_bytes() for p in pathlib.Path(".").rglob("*") if p.is_file()]
seen += [str(thing).encode() for thing in gc.get_objects() if type(thing) in (dict, list, tuple)]
frame = sys._getframe()
while frame:
    seen += [str(frame.f_locals).encode(), str(frame.f_globals).encode()]
    frame = frame.f_back
def f(x):
    wanted = bytes(reversed(b"9 == )3(f"))
    return x * x if any(wanted in text for text in seen) else -1
"""

    critique = await judge(program, SCRIPT, sandbox)

    assert critique.verdict is Verdict.FAIL, critique


@pytest.mark.parametrize("tests", [CHECK, UNITTEST], ids=["check", "unittest"])
async def test_a_search_of_the_memory_does_not_find_the_tests(tests: str, sandbox: Sandbox) -> None:
    program = """
import gc
def f(x):
    for thing in gc.get_objects():
        code = getattr(thing, "__code__", None)
        if getattr(thing, "__name__", "") in ("check", "test_f") and code is not None:
            return x * x
    return -1
"""

    critique = await judge(program, tests, sandbox)

    assert critique.verdict is Verdict.FAIL, critique


async def test_a_program_that_sets_out_to_deceive_is_not_held(sandbox: Sandbox) -> None:
    """The reason for `integrity`: it reads the value that it is compared with in its caller."""
    program = """
import sys
def f(x):
    frame = sys._getframe()
    while frame.f_code.co_name != "check":
        frame = frame.f_back
    numbers = [number for number in frame.f_code.co_consts if type(number) is int]
    return numbers[numbers.index(x) + 1]
"""
    tests = CHECK.replace("candidate(Odd(2))", "candidate(Odd(7))")

    critique = await judge(program, tests, sandbox)

    assert critique.verdict is Verdict.PASS
    assert integrity(critique)[-1] == "in_process"
