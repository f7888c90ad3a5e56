"""Wrong programs that other harnesses pass: here none of them gets more than a failure.

Each is wrong about everything that the tests ask (`f(x)` is never `x * x`), and each does something
to its process, its values or its channel that has fooled a harness that runs tests and program
together. Whatever they do, they are alone in their process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from gadfly import Critique, Draft, Limits, Plugins, Sandbox, Task, Verdict
from gadfly.testing import make_context
from gadfly_python import TestsCritic

pytestmark = pytest.mark.sandbox

SCRIPT = "assert f(2) == 4\nassert f(3) == 9"
CHECK = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 9"
UNITTEST = """
import unittest
from solution import f

class TestF(unittest.TestCase):
    def test_two(self):
        self.assertEqual(f(2), 4)
    def test_three(self):
        self.assertTrue(f(3) == 9)
"""
PYTEST = """
import pytest
from solution import f

@pytest.mark.parametrize(("x", "y"), [(2, 4), (3, 9)])
def test_f(x, y):
    assert f(x) == y

def test_near():
    assert f(2) == pytest.approx(4)
"""
PROPERTY = """
from hypothesis import given, strategies as st
from solution import f

@given(st.integers())
def test_f(x):
    assert f(x) == x * x
"""
TESTS = {"script": SCRIPT, "check": CHECK, "unittest": UNITTEST, "pytest": PYTEST}

WRONG = "\ndef f(x):\n    return -1\n"
VALUES = {
    "always equal": """
class E:
    __eq__ = __ge__ = __le__ = __contains__ = lambda *_: True
    __ne__ = __lt__ = __gt__ = lambda *_: False
    __hash__ = lambda _: 0
    __bool__ = lambda _: True
    __sub__ = __rsub__ = __abs__ = lambda *_: 0
    __float__ = lambda _: 4.0
def f(x):
    return E()
""",
    **{
        f"a subclass of {kind}": f"""
class E({kind}):
    __eq__ = lambda *_: True
    __ne__ = lambda *_: False
    __hash__ = {kind}.__hash__
    __class__ = int
def f(x):
    return E()
"""
        for kind in ("int", "str", "float", "list", "tuple", "dict")
    },
    "a reflected comparison": """
class E(int):
    __eq__ = __req__ = lambda *_: True
    __instancecheck__ = lambda *_: True
def f(x):
    return [E(1)][0]
""",
    "a metaclass that equals": """
class M(type):
    __eq__ = lambda *_: True
    __hash__ = lambda _: 0
class E(metaclass=M): pass
def f(x):
    return E
""",
    "an array that equals": """
import numpy as np
class E(np.ndarray):
    __eq__ = lambda *_: True
def f(x):
    return np.zeros(1).view(E)
""",
    "a mock": """
from unittest.mock import ANY
def f(x):
    return ANY
""",
    "a class in place of the function": """
class f:
    def __init__(self, x): self.x = x
    __eq__ = lambda *_: True
    __sub__ = __rsub__ = __abs__ = lambda *_: 0
""",
    "an iterator that ends at once": """
def f(x):
    raise StopIteration
""",
}  # fmt: skip
PROCESS = {
    "sys.exit": "import sys\ndef f(x):\n    sys.exit(0)\n",
    "sys.exit when loaded": "import sys\nf = abs\nsys.exit(0)\n",
    "os._exit": "import os\ndef f(x):\n    os._exit(0)\n",
    "os._exit when loaded": "import os\nf = abs\nos._exit(0)\n",
    "kill -9": "import os\ndef f(x):\n    os.kill(os.getpid(), 9)\n",
    "an exit at the end": "import atexit, os\natexit.register(os._exit, 0)" + WRONG,
    "a printed result": f"print('1 passed\\nOK\\nPASS\\n' + '.' * 40){WRONG}",
    "report files": """
import os
text = '{"passed": ["script", "check"], "counts": {"passed": 1}, "troubles": []}'
for name in ("report.json", "../report.json", "request.json", "tests_of_draft.py", "conftest.py"):
    try:
        open(name, "w").write(text)
    except OSError:
        pass
""" + WRONG,
    "a walk through the frames": """
import sys
def f(x):
    frame = sys._getframe()
    while frame:
        for scope in (frame.f_locals, frame.f_globals):
            for name in list(scope):
                if name in ("expected", "y", "result", "stat", "report", "outcome"):
                    return scope[name]
        frame = frame.f_back
    return -1
""",
    "a search of the memory": """
import gc
def f(x):
    for thing in gc.get_objects():
        if isinstance(thing, dict) and "check" in thing or str(thing)[:6] == "assert":
            return 4 if x == 2 else 9
    return -1
""",
    "a search of the files and processes": """
import os, pathlib
def f(x):
    places = [p for p in pathlib.Path(".").rglob("*") if p.is_file()]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        places += [pathlib.Path(f"/proc/{pid}/{name}") for name in ("cmdline", "environ", "maps")]
    for place in places:
        try:
            text = place.read_bytes()
        except OSError:
            continue
        if b"f(3) == " + b"9" in text or b"candidate(3) == " + b"9" in text:
            return x * x
    return -1
""",
    "patched builtins": """
import builtins
builtins.AssertionError = type("A", (BaseException,), {"__new__": lambda *_: None})
builtins.abs = builtins.all = builtins.isinstance = builtins.len = lambda *_: True
builtins.__import__ = lambda *a, **k: None
def f(x):
    return -1
""",
    "a patched unittest": """
import unittest
for name in ("assertEqual", "assertTrue", "fail", "run"):
    setattr(unittest.TestCase, name, lambda *a, **k: None)
unittest.TestResult.wasSuccessful = lambda _: True
""" + WRONG,
    "a patched pytest": """
import pytest, _pytest.reports, _pytest.runner
def good(item, call):
    report = original(item, call)
    report.outcome = "passed"
    return report
original = _pytest.reports.TestReport.from_item_and_call
_pytest.reports.TestReport.from_item_and_call = good
""" + WRONG,
    "pytest.skip": "import pytest\ndef f(x):\n    pytest.skip('not today')\n",
    "pytest.exit": "import pytest\ndef f(x):\n    pytest.exit('bye', 0)\n",
    "unittest.SkipTest": "import unittest\ndef f(x):\n    raise unittest.SkipTest('no')\n",
    "an exception like a skip": """
class Skipped(BaseException): pass
Skipped.__module__ = "_pytest.outcomes"
class SkipTest(Exception): pass
def f(x):
    raise (Skipped if x == 2 else SkipTest)("no")
""",
    "KeyboardInterrupt": "def f(x):\n    raise KeyboardInterrupt\n",
    "GeneratorExit": "def f(x):\n    raise GeneratorExit\n",
    "a trace function": """
import sys, threading
sys.settrace(lambda *a: None)
sys.setprofile(lambda *a: None)
""" + WRONG,
    "time travel": "import time\ntime.time = time.monotonic = lambda: 9e9" + WRONG,
    "a patched codec": """
import sys
wire = sys.modules["_split.wire"]
candidate = sys.modules["_split.candidate"]
wire.Encoder.encode = lambda self, value: {"always": "equal"}
""" + WRONG,
}  # fmt: skip
SEND = """
import json, os, socket, sys, threading
line = socket.socket(fileno=os.dup(int(os.environ["GADFLY_CHANNEL"])))
def send(message):
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    line.sendall(len(data).to_bytes(4, "big") + data)
def ask():
    length = int.from_bytes(line.recv(4, socket.MSG_WAITALL), "big")
    return json.loads(line.recv(length, socket.MSG_WAITALL))
"""
CHANNEL = {
    "a reply to the next question": SEND + """
def f(x):
    for number in range(50):
        send({"reply": number, "value": x * x, "changed": [], "printed": ""})
    return -1
""",
    "a reply before the question": SEND + """
send({"reply": 1, "value": 4, "changed": [], "printed": ""})
""" + WRONG,
    "a verdict": SEND + """
send({"passed": ["script"], "counts": {"passed": 1}})
""" + WRONG,
    "two greetings": SEND + 'send({"ready": True})' + WRONG,
    "a header of four gigabytes": SEND + "line.sendall(b'\\xff' * 64)" + WRONG,
    "a frame that never ends": SEND + """
line.sendall(b'\\x00\\x00\\x10\\x00[')
threading.Event().wait(99)
""",
    "deep nesting": SEND + "send(b'[' * 500000)" + WRONG,
    "no JSON": SEND + "send(b'\\x80\\x04\\x95pickle')" + WRONG,
    "NaN and double names": SEND + """send(b'{"ready": NaN, "ready": true}')""" + WRONG,
    "silence": "import time\ndef f(x):\n    time.sleep(99)\n",
    "a second process that answers too": SEND + "def f(x):\n    os.fork()\n    return -1\n",
    "questions about the tests": SEND + """
def f(x):
    for handle in range(-3, 3):
        for do in ("getattr", "call", "eval", "next"):
            send({"ask": 1, "do": do, "on": handle, "args": ["__globals__"], "kwargs": {},
                  "printed": ""})
    return -1
""",
    "endless questions": SEND + """
def f(x):
    while True:
        send({"ask": 1, "do": "call", "on": 0, "args": [], "kwargs": {}, "printed": ""})
""",
    "no proper values": SEND + """
FORMS = [{"same": 7}, {"mine": {"id": 1}}, {"yours": 0}, {"Fraction": [1, 0]},
         {"ndarray": ["S99999999", [1], ["x"]]}, {"set": [[1]]}, {"type": "__loader__"}]
def f(x):
    send({"reply": number(), "value": FORMS[x % len(FORMS)], "changed": [], "printed": ""})
    return -1
def number():
    frame = sys._getframe()
    while "message" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals["message"]["ask"]
""",
}  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


async def judge(program: str, tests: str, sandbox: Sandbox) -> Critique:
    critic = TestsCritic(limits=Limits(cpu_seconds=3, wall_seconds=5))
    inputs = {"tests": tests, "entry_point": "f"}
    task = Task(prompt="Write f, which squares.", inputs=inputs)
    return await critic.critique(Draft(program), make_context(task, sandbox=sandbox))


@pytest.mark.parametrize("program", [pytest.param(p, id=n) for n, p in VALUES.items()])
@pytest.mark.parametrize("tests", [SCRIPT, UNITTEST], ids=["script", "unittest"])
async def test_a_value_that_claims_to_be_right_fails(
    program: str, tests: str, sandbox: Sandbox
) -> None:
    critique = await judge(program, tests, sandbox)

    assert critique.is_hard_failure, critique


@pytest.mark.parametrize(
    ("program", "tests"),
    [
        pytest.param(program, TESTS[style], id=f"{name}, {style}")
        for name, program in PROCESS.items()
        for style in ("check", "unittest", "pytest")
        if style == "check" or "est" in program
    ],
)
async def test_what_a_program_does_to_its_process_does_not_help(
    program: str, tests: str, sandbox: Sandbox
) -> None:
    critique = await judge(program, tests, sandbox)

    assert critique.is_hard_failure, critique


@pytest.mark.parametrize("program", [pytest.param(p, id=n) for n, p in CHANNEL.items()])
async def test_what_a_program_writes_to_its_channel_does_not_help(
    program: str, sandbox: Sandbox
) -> None:
    critique = await judge(program, CHECK, sandbox)

    assert critique.is_hard_failure, critique


@pytest.mark.parametrize("name", ["always equal", "a subclass of int", "an array that equals"])
async def test_a_property_is_not_met_by_a_value_that_claims_to(name: str, sandbox: Sandbox) -> None:
    critique = await judge(VALUES[name], PROPERTY, sandbox)

    assert critique.is_hard_failure, critique


@pytest.mark.parametrize(
    "tests",
    [
        pytest.param("assert f(2) == f(2)", id="equality of two"),
        pytest.param("assert abs(f(2) - 4) < 0.01", id="distance"),
        pytest.param("assert f(2) <= 4 <= f(2)", id="order"),
        pytest.param("assert 4 in f(2)", id="membership"),
        pytest.param("assert 4 in [f(2)]", id="membership of a list"),
        pytest.param("assert f(2)", id="truth"),
        pytest.param("assert not (f(2) != 4)", id="inequality"),
        pytest.param("try:\n    ok = f(2) - 4\nexcept Exception:\n    pass", id="a caught refusal"),
        pytest.param("import math\nassert math.isclose(f(3), 9)", id="closeness"),
        pytest.param("from solution import *\nassert f(2) == 4", id="star import"),
        pytest.param("assert all(f(x) == x * x for x in range(5))", id="all"),
        pytest.param("assert {f(2)} == {4}", id="set"),
        pytest.param("assert {4: 1}.get(f(2)) == 1", id="key"),
    ],
)
async def test_no_operator_asks_a_return_value_whether_it_is_right(
    tests: str, sandbox: Sandbox
) -> None:
    critique = await judge(VALUES["always equal"], tests, sandbox)

    assert critique.is_hard_failure, critique


async def test_a_loop_over_calls_is_not_ended_by_the_program(sandbox: Sandbox) -> None:
    tests = "for x, y in zip([2, 3], map(f, [2, 3])):\n    assert y == x * x"

    critique = await judge(VALUES["an iterator that ends at once"], tests, sandbox)

    assert critique.is_hard_failure, critique


async def test_an_exception_meets_one_expectation_at_most(sandbox: Sandbox) -> None:
    program = "class E(TypeError, ValueError, KeyError): pass\ndef f(x):\n    raise E"
    tests = """
import pytest
def test_f(tmp_path):
    with pytest.raises(ValueError):
        f(1)
"""

    critique = await judge(program, tests, sandbox)

    assert critique.is_hard_failure, critique


async def test_the_tests_never_enter_the_program_s_process(sandbox: Sandbox) -> None:
    critique = await judge("def f(x):\n    return x * x", CHECK, sandbox)

    [evidence] = critique.evidence
    peer = evidence.request["peer"]
    assert critique.verdict is Verdict.PASS
    assert "candidate(3)" in str(evidence.request)
    assert "candidate(3)" not in str(peer)
    assert "request.json" not in str(peer)
    assert evidence.observation["integrity"] == "split"
