"""`python/tests`: what tests may be, what crosses between the two processes, and what is said."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import Iterator

import pytest

from gadfly import (
    JSON,
    Critique,
    Draft,
    Ended,
    InputError,
    JobResult,
    Limits,
    Plugins,
    Sandbox,
    SandboxError,
    Task,
    Verdict,
)
from gadfly.testing import ScriptedSandbox, make_context
from gadfly_python import TestsCritic
from gadfly_python._testing import find_tests

SQUARE = "def f(x):\n    return x * x\n"
STACK = """
class Empty(LookupError):
    def __init__(self, size):
        super().__init__(f"empty: {size}")
        self.size = size

class Stack:
    def __init__(self, *items):
        self.items = list(items)
    def push(self, item):
        self.items.append(item)
        return self
    def pop(self):
        if not self.items:
            raise Empty(0)
        return self.items.pop()
    def __len__(self):
        return len(self.items)
    def __iter__(self):
        return iter(self.items)
    def __getitem__(self, place):
        return self.items[place]
    def __contains__(self, item):
        return item in self.items
    def __eq__(self, other):
        return isinstance(other, Stack) and self.items == other.items
    def __add__(self, other):
        return Stack(*self.items, *(other if isinstance(other, Stack) else [other]))
    def __repr__(self):
        return f"Stack{tuple(self.items)}"
    def __enter__(self):
        return self
    def __exit__(self, *_):
        self.items.clear()
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


async def judge(
    program: str, tests: JSON, sandbox: Sandbox, *, quote: bool | None = True, **inputs: JSON
) -> Critique:
    critic = TestsCritic(limits=Limits(cpu_seconds=3, wall_seconds=20), quote=quote)
    task = Task(prompt="Write it.", inputs={"tests": tests, **inputs})
    return await critic.critique(Draft(program), make_context(task, sandbox=sandbox))


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("tests", "entry_point"),
    [
        pytest.param("assert f(3) == 9", None, id="asserts"),
        pytest.param(["assert f(3) == 9", "assert f(0) == 0"], None, id="a list of asserts"),
        pytest.param("def check(candidate):\n    assert candidate(3) == 9", "f", id="check"),
        pytest.param("def check(c):\n    assert c(3) == 9\ncheck(f)", None, id="check, called"),
        pytest.param("import solution\nassert solution.f(3) == 9", None, id="import"),
        pytest.param("from solution import *\nassert f(3) == 9", None, id="star import"),
        pytest.param("def test_f():\n    assert f(3) == 9", None, id="functions"),
        pytest.param("async def test_f():\n    assert f(3) == 9", None, id="async functions"),
        pytest.param(
            "class TestF:\n    def setup_method(self, m):\n        self.x = 3\n"
            "    def test_f(self):\n        assert f(self.x) == 9", None, id="classes",
        ),
        pytest.param(
            "import unittest\nclass Squares(unittest.TestCase):\n    def test_f(self):\n"
            "        for x in (1, 2):\n            with self.subTest(x=x):\n"
            "                self.assertEqual(f(x), x * x)", None, id="unittest",
        ),
        pytest.param(
            "import pytest\n@pytest.mark.parametrize('x', [1, 2])\n"
            "def test_f(x, tmp_path):\n    assert f(x) == pytest.approx(x * x)", None, id="pytest",
        ),
        pytest.param(
            "from hypothesis import given, strategies as st\n@given(st.integers())\n"
            "def test_f(x):\n    assert f(x) == x * x", None, id="hypothesis",
        ),
    ],
)  # fmt: skip
async def test_tests_of_every_style_tell_right_from_wrong(
    tests: JSON, entry_point: str | None, sandbox: Sandbox
) -> None:
    right = await judge(SQUARE, tests, sandbox, entry_point=entry_point)
    wrong = await judge(SQUARE.replace("*", "+"), tests, sandbox, entry_point=entry_point)

    assert right.verdict is Verdict.PASS, right
    assert wrong.is_hard_failure, wrong


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("program", "tests"),
    [
        pytest.param("def f(x): return x", """
            import math, collections, fractions, decimal, datetime
            for value in [None, True, -1, 10**60, 0.5, math.inf, "a\\u00e9\\ud800", b"\\0\\xff",
                          2j, [1, [2]], (1, (2,)), {1, 2}, frozenset({1}), {(1, 2): [3]}, range(9),
                          slice(1, None), ..., bytearray(b"x"), int, ValueError,
                          collections.Counter("aab"), collections.deque([1], 3),
                          collections.OrderedDict(a=1), collections.defaultdict(list, {1: [2]}),
                          fractions.Fraction(1, 3), decimal.Decimal("0.10"),
                          datetime.date(2026, 1, 2), datetime.timedelta(3)]:
                assert f(value) == value and type(f(value)) is type(value), value
            assert math.isnan(f(math.nan))
            """, id="plain values"),
        pytest.param("import numpy as np\\ndef f(x): return np.sqrt(x)", """
            import numpy as np
            assert f(4.0) == 2 and type(f(4.0)) is np.float64
            result = f(np.array([[1.0, 4.0]]))
            assert result.shape == (1, 2) and (result == [[1, 2]]).all()
            """, id="numpy"),
        pytest.param("import sympy\\ndef f(): return sympy.Rational(1, 2)", """
            from fractions import Fraction
            assert f() == Fraction(1, 2)
            """, id="sympy"),
        pytest.param(
            "from collections import namedtuple\\nP = namedtuple('P', 'x y')\\n"
            "def f(): return P(1, 2)",
            "assert f() == (1, 2) and f().y == 2", id="named tuple"),
        pytest.param("def f(xs, d, s):\\n    xs.sort()\\n    d['n'] = xs\\n    s.clear()", """
            xs, d, s = [3, 1], {}, {1}
            assert f(xs, d, s) is None
            assert xs == [1, 3] and d["n"] is xs and not s
            """, id="arguments changed in place"),
        pytest.param("def f(rows):\\n    rows.reverse(), rows[0].append(0)\\n    return rows", """
            a, b = [1], [2]
            rows = [a, b]
            assert f(rows) is rows and rows[0] is b and b == [2, 0]
            loop = []
            loop.append(loop)
            """, id="identity of what is changed"),
        pytest.param("def f(g, xs): return [g(x) for x in xs]", """
            seen = []
            def g(x):
                seen.append(x)
                return -x
            assert f(g, [1, 2]) == [-1, -2] and seen == [1, 2]
            assert f(lambda x: f(abs, [x]), iter([-3])) == [[3]]
            """, id="functions of the tests"),
        pytest.param("def f(g):\\n    try: g()\\n    except KeyError as e: return e.args", """
            def g():
                raise KeyError("a", 1)
            assert f(g) == ("a", 1)
            """, id="exceptions of the tests"),
        pytest.param("def f(n):\\n    for i in range(n):\\n        yield i", """
            assert list(f(3)) == [0, 1, 2] and sum(f(4)) == 6 and next(f(1)) == 0
            it = f(1)
            next(it)
            try:
                next(it)
            except StopIteration:
                pass
            else:
                assert False
            """, id="generators"),
        pytest.param("def f(n): return lambda x: x + n", "assert f(2)(3) == 5", id="closures"),
        pytest.param("async def f(x): return x * 2", """
            import asyncio
            assert asyncio.run(f(4)) == 8
            """, id="coroutines"),
        pytest.param("def f(x):\\n    print('x is', x)", """
            def test_it(capsys):
                f(3)
                assert capsys.readouterr().out == "x is 3\\n"
            """, id="what is printed"),
        pytest.param("def clock(): return 1\\ndef f(): return clock()", """
            from unittest.mock import patch
            with patch("solution.clock", return_value=5):
                assert f() == 5
            assert f() == 1
            def now():
                return 7
            import solution
            solution.clock = now
            assert solution.clock() == 7
            """, id="replaced names"),
        pytest.param(STACK, """
            s = Stack(1).push(2)
            assert s.pop() == 2 and len(s) == 1 and s[0] == 1 and list(s) == [1] and 1 in s
            assert s == Stack(1) and s != Stack(2) and not (s == [1])
            assert list(s + Stack(5) + 6) == [1, 5, 6] and repr(s) == "Stack(1,)"
            assert isinstance(s, Stack) and s.items == [1]
            s.items = [7]
            assert s.pop() == 7 and not s
            with Stack(3) as t:
                assert t[0] == 3
            assert len(t) == 0
            while s:
                s.pop()
            """, id="classes"),
        pytest.param(STACK, """
            import unittest
            from solution import Empty, Stack
            class TestStack(unittest.TestCase):
                def test_empty(self):
                    with self.assertRaises(LookupError):
                        Stack().pop()
                    with self.assertRaisesRegex(Empty, "empty: 0") as caught:
                        Stack().pop()
                    self.assertEqual(caught.exception.size, 0)
            """, id="exceptions of the program"),
        pytest.param(
            "class Node:\\n    def __init__(self, x, next=None): self.x, self.next = x, next\\n"
            "def f(xs, node=None):\\n    for x in xs: node = Node(x, node)\\n    return node", """
            node, found = f([1, 2]), []
            while node:
                found.append(node.x)
                node = node.next
            assert found == [2, 1]
            """, id="a chain of objects"),
        pytest.param("def sum(xs): return 7", "assert sum([1, 2]) == 3", id="Python's own names"),
        pytest.param("import math\\ndef f(x): return x", "assert math.floor(f(1.5)) == 1",
                     id="a module that the program imports"),
    ],
)  # fmt: skip
async def test_honest_values_cross_as_what_they_are(
    program: str, tests: str, sandbox: Sandbox
) -> None:
    critique = await judge(program.replace("\\n", "\n"), textwrap.dedent(tests), sandbox)

    assert critique.verdict is Verdict.PASS, critique


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("program", "tests", "finding"),
    [
        pytest.param(
            "def f(x):\n    return 5", "x = 2\nassert f(x) == 4",
            (None, "test script failed: assert f(x) == 4 (AssertionError; f(2) gave 5)"),
            id="value",
        ),
        pytest.param(
            "def f(x):\n    return 1 / x", "assert f(0) == 4",
            (2, "the program raised ZeroDivisionError: division by zero: assert f(0) == 4"),
            id="exception",
        ),
        pytest.param(
            "def f(x:\n    return 1", "assert f(0) == 4",
            (1, ("the program cannot be loaded: SyntaxError: '(' was never closed "
                 "(program.py, line 1)")), id="syntax",
        ),
        pytest.param(
            "def f(x):\n    return g\ng = h", "assert f(0) == 4",
            (3, "the program cannot be loaded: NameError: name 'h' is not defined"), id="crash",
        ),
        pytest.param(
            "def g(x):\n    return 1", "def check(c):\n    assert c(0) == 4",
            (None, "the program does not define f"), id="missing",
        ),
        pytest.param(
            "def f(x):\n    while True: pass", "assert f(0) == 4",
            (None, "the program used more than 3 seconds of processor time"), id="endless",
        ),
        pytest.param(
            "def f(x):\n    return [0] * 10**10", "assert f(0) == 4",
            (2, "the program raised MemoryError: assert f(0) == 4"), id="memory",
        ),
        pytest.param(
            "import os\ndef f(x):\n    os._exit(0)", "assert f(0) == 4",
            (None, "the program's process ended before the tests did"), id="os._exit",
        ),
        pytest.param(
            "def f(x):\n    return object()", "assert f(0)",
            (None, "it gave an object of type object, which is no plain data"), id="object",
        ),
    ],
)  # fmt: skip
async def test_a_failure_says_what_where_and_why(
    program: str, tests: str, finding: tuple[int | None, str], sandbox: Sandbox
) -> None:
    entry_point = "f" if "check" in tests else None

    critique = await judge(program, tests, sandbox, entry_point=entry_point)

    assert critique.is_hard_failure
    first = critique.findings[0]
    assert (first.span.line if first.span else None, first.message) == finding


@pytest.mark.sandbox
async def test_hidden_tests_are_not_quoted_to_the_actor(sandbox: Sandbox) -> None:
    critique = await judge("def f(x):\n    return 5", "assert f(2) == 4", sandbox, quote=None)

    assert [finding.message for finding in critique.findings] == ["test script failed"]
    assert "f(2) == 4" not in critique.summary


@pytest.mark.sandbox
@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        pytest.param("class A: pass\nassert f(A()) == 1", "type A", id="an object of the tests"),
        pytest.param(
            "import no_such_module\nassert f(2) == 4", "no_such_module", id="a missing module"
        ),
        pytest.param(
            "import unittest\nclass TestF(unittest.TestCase):\n    @unittest.skip('later')\n"
            "    def test_a(self): pass\n    def test_b(self): self.assertEqual(f(2), 4)",
            "1 of the tests were skipped", id="a skipped test",
        ),
        pytest.param(
            "if f(2) == 5:\n    def test_a(): pass\ndef test_b():\n    assert f(2) == 4\n"
            "def test_c():\n    pass\ndel test_c", "test test_c did not run", id="a lost test",
        ),
        pytest.param("x = 1", "test nothing", id="no test"),
        pytest.param(
            "def check(candidate):\n    assert candidate(2) == 4", "test nothing",
            id="a check that nothing calls",
        ),
    ],
)  # fmt: skip
async def test_tests_that_cannot_tell_are_no_ground_to_judge(
    tests: str, reason: str, sandbox: Sandbox
) -> None:
    critique = await judge(SQUARE, tests, sandbox)

    assert critique.verdict is Verdict.ABSTAIN, critique
    assert reason in critique.summary


@pytest.mark.sandbox
async def test_evidence_says_what_the_program_was_asked_about_itself(sandbox: Sandbox) -> None:
    tests = "assert Stack(1) == Stack(1)\nassert helper() == 1"

    critique = await judge(f"{STACK}\ndef helper():\n    return 1\n", tests, sandbox)

    observation = critique.evidence[0].observation
    assert observation["integrity"] == "split"
    assert observation["asked"] == {"eq": 1}
    assert observation["uses"] == ["Stack", "helper"]
    assert observation["tests"] == {"passed": 1}


async def test_a_sandbox_without_peers_gives_no_verdict() -> None:
    result = JobResult(ended=Ended.EXITED, exit_code=0, files={"report.json": "{}"})

    with pytest.raises(SandboxError, match=r"supports Job\.peer"):
        await judge(SQUARE, "assert f(2) == 4", ScriptedSandbox(result))


@pytest.mark.parametrize(
    ("ended", "peer", "expected"),
    [
        (Ended.CPU, Ended.RELEASED, "the tests used more than"),
        (Ended.TIMEOUT, Ended.TIMEOUT, "the tests did not end within"),
        (Ended.EXITED, Ended.RELEASED, "the tests ended without a report"),
    ],
)
async def test_without_a_report_of_the_tests_nothing_passes(
    ended: Ended, peer: Ended, expected: str
) -> None:
    code = 0 if ended is Ended.EXITED else None
    result = JobResult(ended=ended, exit_code=code, peer=JobResult(ended=peer))

    critique = await judge(SQUARE, "assert f(2) == 4", ScriptedSandbox(result))

    assert critique.is_hard_failure
    assert critique.summary.startswith(expected)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Square.\n\nYour code must pass:\nassert f(2) == 4\nassert f(3) == 9\nGo.",
         "assert f(2) == 4\nassert f(3) == 9\n"),
        ("Square.\n```python\ndef test_f():\n    assert f(2) == 4\n```",
         "def test_f():\n    assert f(2) == 4"),
        ("Explain.\n```python\ndef f(x):\n    return x\n```", None),
        ("Please assert yourself.", None),
    ],
)  # fmt: skip
def test_tests_are_found_in_a_prompt(prompt: str, expected: str | None) -> None:
    tests = find_tests(Task(prompt=prompt))

    assert (None if tests is None else tests.source) == expected
    assert tests is None or not tests.hidden


@pytest.mark.parametrize(
    "inputs",
    [
        {"tests": "assert f(2) ="},
        {"tests": {"a": 1}},
        {"tests": "assert f(2) == 4", "entry_point": "f; import os"},
    ],
)
def test_inputs_that_are_none_are_named(inputs: dict[str, JSON]) -> None:
    with pytest.raises(InputError, match="the task's"):
        find_tests(Task(prompt="Square.", inputs=inputs))


@pytest.mark.parametrize(
    ("task", "draft"),
    [
        pytest.param(Task(prompt="Square."), SQUARE, id="no tests"),
        pytest.param(
            Task(prompt="Square.", inputs={"tests": "assert f(2) == 4"}), "Four.", id="no program"
        ),
    ],
)
async def test_without_tests_or_program_it_does_not_apply(task: Task, draft: str) -> None:
    context = make_context(task)

    assert not TestsCritic().applies(task, Draft(draft))
    assert (await TestsCritic().critique(Draft(draft), context)).verdict is Verdict.SKIP
