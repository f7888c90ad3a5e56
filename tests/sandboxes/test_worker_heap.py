"""The heap of a worker, when its imports are done: what comes later is kept away from it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gadfly.worker.inside import heap

INSIDE = Path(heap.__file__).parent

# As a worker has them, and without anything else that would use memory.
START = f"""
import sys, types
package = sys.modules["gadfly_worker"] = types.ModuleType("gadfly_worker")
package.__path__ = []
for name in ("kernel", "heap"):
    module = types.ModuleType("gadfly_worker." + name)
    module.__package__ = "gadfly_worker"
    setattr(package, name, module)
    sys.modules[module.__name__] = module
    with open({str(INSIDE)!r} + "/" + name + ".py") as file:
        exec(compile(file.read(), name, "exec", dont_inherit=True), module.__dict__)
from gadfly_worker import heap, kernel

# What goes leaves holes between what stays.
made = [bytes(size) for _ in range(40) for size in range(20, 2000, 16)]
made += [[number, str(number)] for number in range(300_000)]
kept = [each for place, each in enumerate(made) if place % 8]
del made
"""


def runs(code: str) -> str:
    argv = [sys.executable, "-I", "-S", "-c", START + code]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="workers are Linux's")
def test_what_comes_later_comes_from_fresh_memory() -> None:
    runs("""
before = list(heap._stretches())
heap.settle()
later = [bytes(size) for size in range(20, 480, 16) for _ in range(50)]
later += [[number, {number}] for number in range(1000)]
addresses = [id(each) for each in later]
addresses += [kernel.take_memory(size) for size in range(24, 4000, 40)]
old = [each for each in addresses if not heap._is_fresh(each, before)]
assert len(old) < len(addresses) / 100, (len(old), len(addresses))
""")


def test_the_same_objects_are_there() -> None:
    runs("""
heap.settle()
assert kept[-1] == [299_999, "299999"] and len(kept) == (4_960 + 300_000) * 7 // 8
assert not heap.gc.isenabled()
""")


def test_an_allocator_that_never_asks_for_more_is_given_up() -> None:
    printed = runs("""
heap._MOST_BYTES = 1 << 20
heap._is_fresh = lambda address, ours: False
heap.settle()
print(sum(sys.getsizeof(each) for each in heap._kept if isinstance(each, bytes)))
""")

    assert int(printed) <= 1 << 20


def test_a_small_heap_is_left_alone() -> None:
    printed = runs("""
heap._WORTH_IT = 10_000
heap.settle()
print(len(heap._kept))
""")

    assert printed == "1\n"
