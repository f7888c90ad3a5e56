"""A forked interpreter and one that is newly started do the same, as far as a program can see."""

from __future__ import annotations

import re

import pytest

from gadfly import Job, JobResult
from gadfly_local import LocalSandbox

pytestmark = pytest.mark.sandbox

PROGRAMS = {
    "prints": "print('out'); import sys; print('err', file=sys.stderr)",
    "an exception": "def f(x):\n    return 1 / x\n\nf(0)",
    "an exception with a cause": (
        "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('b') from e"
    ),
    "an exception of its own": "class Odd(Exception): pass\nraise Odd('čau', 3)",
    "a group of exceptions": "raise ExceptionGroup('g', [ValueError(1), KeyError('x')])",
    "a syntax error": "x = = 1",
    "bad indentation": "if True:\nprint(1)",
    "exits with a number": "import sys; print('x', end=''); sys.exit(3)",
    "exits with a text": "import sys; sys.exit('gone')",
    "exits with nothing": "raise SystemExit",
    "exits with a large number": "import sys; sys.exit(300)",
    "exits at once": "import os; print('lost', end=''); os._exit(5)",
    "is aborted": "import os; os.abort()",
    "raises a signal": "import signal; signal.raise_signal(signal.SIGTERM)",
    "is interrupted": "raise KeyboardInterrupt",
    "interrupts itself": "import os, signal; os.kill(os.getpid(), signal.SIGINT); print('no')",
    "waits for threads": (
        "import threading, time\n"
        "threading.Thread(target=lambda: (time.sleep(.05), print('late'))).start()\nprint('early')"
    ),
    "a thread that raises": (
        "import threading\nt = threading.Thread(target=int, args=('x',), name='t')\n"
        "t.start(); t.join()"
    ),
    "calls at the end": "import atexit; atexit.register(print, 'end'); print('begin')",
    "fails at the end": "import atexit; atexit.register(lambda: 1 / 0); print('begin')",
    "reads": "import sys; print(sys.stdin.read().upper(), input if 0 else sys.stdin.encoding)",
    "asks": "print(input('? '))",
    "bytes": "import sys; sys.stdout.buffer.write(b'\\xff\\x00'); print('čau')",
    "no text": "print('\\ud800')",
    "warns": "import warnings; warnings.warn('beware')",
    "closes stdout": "import sys; print('x'); sys.stdout.close()",
    "where it is": "import os, sys; print(os.getcwd(), sys.path, sys.argv, __name__)",
    "what it is": "import sys; print(sys.version, sys.prefix, sys.executable, sys.byteorder)",
    "its streams": (
        "import sys\nfor s in (sys.stdin, sys.stdout, sys.stderr, sys.__stdout__):\n"
        " print(s.encoding, s.errors, s.line_buffering, s.fileno(), s.isatty())"
    ),
    "its signals": (
        "import signal\nfor n in range(1, 32):\n"
        " print(n, signal.getsignal(n) if n != 17 else 0)\nprint(signal.pthread_sigmask(0, ()))"
    ),
    "its limits": "import resource; print(resource.getrlimit(resource.RLIMIT_NOFILE))",
    "its descriptors": "import os; print(sorted(os.listdir('/proc/self/fd'))[:3])",
    "its environment": "import os; print(*(os.environ[k] for k in ('HOME', 'TMPDIR', 'PATH')))",
    "a pickled class": "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))))",
    "a child": "import os\nif os.fork() == 0:\n print(1); raise SystemExit(4)\nprint(os.wait()[1])",
    "garbage": "import gc; print(gc.isenabled(), gc.get_threshold(), gc.get_freeze_count() >= 0)",
    "annotations": "x: int = 1\nprint(__annotations__, __doc__, __package__, __spec__)",
    "a hook": "import sys\nsys.excepthook = lambda *a: print('hooked', a[0].__name__)\n1 / 0",
}


async def both(
    sandbox: LocalSandbox, *words: str, **options: object
) -> tuple[JobResult, JobResult]:
    warm = await sandbox.run(Job(("python", *words), stdin="some\ntext", **options))  # type: ignore[arg-type]
    # By a shell: a command that is not `python` itself is started anew.
    command = ("sh", "-c", 'exec python "$@"', "sh", *words)
    cold = await sandbox.run(Job(command, stdin="some\ntext", **options))  # type: ignore[arg-type]
    return warm, cold


def seen(result: JobResult) -> tuple[object, ...]:
    """What a program can show, but for addresses and by which of its names `python` was started."""
    texts = (re.sub(r"0x\w+|(?<=/bin/python)3", "", t) for t in (result.stdout, result.stderr))
    return result.ended, result.exit_code, result.signal, *texts


@pytest.mark.parametrize("code", PROGRAMS.values(), ids=PROGRAMS)
async def test_a_program_is_the_same(strong: LocalSandbox, code: str) -> None:
    warm, cold = await both(strong, "-c", code)

    assert seen(warm) == seen(cold)


@pytest.mark.parametrize(
    "words",
    [
        ("draft.py", "a", "b"),
        ("-I", "draft.py"),
        ("-B", "-u", "folder/draft.py", "-c"),
        ("-m", "folder.draft", "x"),
        ("-m", "folder"),
        ("-m", "nowhere"),
        ("nowhere.py",),
        ("-Im", "timeit", "-n1", "-r1", "-s", "pass", "raise SystemExit(2)"),
        ("-c", "import sys; print(sys.argv)", "-c", "x"),
        ("-I", "-c", "import sys; print(sys.path[0] != '')"),
        ("-O", "-c", "assert False"),
        ("-X", "dev", "-c", "import sys; print(sys.flags.dev_mode)"),
        ("-S", "-c", "import sys; print('site' in sys.modules)"),
        ("--version",),
    ],
    ids=" ".join,
)
async def test_arguments_are_taken_as_an_interpreter_takes_them(
    strong: LocalSandbox, words: tuple[str, ...]
) -> None:
    text = (
        "import sys, os\nprint(__name__, __file__, sys.argv, sys.path[0])\n"
        "print(__package__, bool(__loader__), os.getcwd())\nraise ValueError('end')\n"
    )
    files = {"draft.py": text, "folder/draft.py": text, "folder/__init__.py": ""}

    warm, cold = await both(strong, *words, files=files)

    assert seen(warm) == seen(cold)


async def test_seeds_differ_from_job_to_job(strong: LocalSandbox) -> None:
    code = "import random; print(random.random())"

    said = {(await strong.run(Job(("python", "-c", code)))).stdout for _ in range(4)}

    assert len(said) == 4


async def test_preloaded_modules_are_there_and_their_seeds_differ(strong: LocalSandbox) -> None:
    pytest.importorskip("numpy")
    code = "import sys; print('numpy' in sys.modules); import numpy; print(numpy.random.rand())"

    results = [
        await strong.run(Job(("python", "-c", code), preload=("numpy", "no_such_module")))
        for _ in range(3)
    ]

    assert {result.stdout.splitlines()[0] for result in results} == {"True"}
    assert len({result.stdout for result in results}) == 3
