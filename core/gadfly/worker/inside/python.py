"""A forked interpreter that behaves like one newly started: `python -c ...`, a script, a module.

The imports of the zygote are there already; everything else is as a fresh start has it: arguments,
environment, path, standard streams, `__main__`, signals, seeds, what is printed for an exception,
and the exit status. Two things differ, and are documented: module-level destructors do not run at
the end, and flags that change the interpreter itself are not taken (`parse` says so).
"""

from __future__ import annotations

import atexit
import builtins
import gc
import io
import os
import signal
import sys
import types
from importlib.machinery import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

# The module `signal` makes names of numbers first, which costs a job a tenth of a millisecond.
_set_handler: Callable[[int, Any], object] = getattr(sys.modules["_signal"], "signal")  # noqa: B009

_FLAGS = frozenset("IBEsuPq")
"""What changes nothing here, or nothing that matters after the start; `P` and `I` are heeded."""


class Program:
    """What an interpreter is asked to run."""

    def __init__(self, kind: str, what: str, argv: list[str], safe_path: bool) -> None:  # noqa: FBT001 - made in one place
        self.kind = kind  # "c", "m" or "file"
        self.what = what
        self.argv = argv
        self.safe_path = safe_path


def make_streams() -> None:
    """Make this process's standard streams as a fresh interpreter has them, for all its forks."""
    sys.stdin = io.TextIOWrapper(
        io.BufferedReader(io.FileIO(0, "r", closefd=False)), "utf-8", "surrogateescape"
    )
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8", "surrogateescape"
    )
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(io.FileIO(2, "w", closefd=False)),
        "utf-8",
        "backslashreplace",
        line_buffering=True,
    )
    for name in ("stdin", "stdout", "stderr"):
        setattr(sys, f"__{name}__", getattr(sys, name))


def reseed() -> None:
    """Give the next fork randomness of its own: `random` gets it by the fork, numpy does not."""
    random = sys.modules.get("numpy.random")
    if random is not None:
        random.seed(int.from_bytes(os.urandom(4), "big"))


def parse(words: list[str]) -> Program | None:
    """Read an interpreter's arguments; None where only a real start does what they ask."""
    flags = ""
    for place, word in enumerate(words):
        if not word.startswith("-"):
            return Program("file", word, words[place:], bool(set(flags) & {"I", "P"}))
        if word in {"-c", "-m"}:
            if place + 1 == len(words):
                return None
            kind, what, rest = word[1], words[place + 1], words[place + 2 :]
            argv = [word, *rest]
            return Program(kind, what, argv, bool(set(flags) & {"I", "P"}))
        if not word[1:] or set(word[1:]) - _FLAGS:
            return None
        flags += word[1:]
    return None


def run(program: Program) -> NoReturn:
    """Run a program to its end and leave, as the interpreter would."""
    status = 1
    leave = os._exit  # before a stranger's code can put something else there
    try:
        _begin(program)
        status = _guarded(lambda: _start(program))
        status = _end(status)
    finally:
        leave(status & 0xFF)


def _begin(program: Program) -> None:
    gc.enable()
    _set_handler(signal.SIGCHLD, int(signal.SIG_DFL))
    _set_handler(signal.SIGINT, signal.default_int_handler)
    sys.argv = program.argv
    sys.orig_argv = [sys.executable, *program.argv]
    if not program.safe_path:
        folder = {"c": "", "m": os.getcwd()}.get(program.kind)
        if folder is None:
            folder = os.path.dirname(os.path.realpath(program.what))
        sys.path.insert(0, folder)
    if "tempfile" in sys.modules:
        setattr(sys.modules["tempfile"], "tempdir", None)  # noqa: B010 - a module's global


def _start(program: Program) -> None:
    if program.kind == "m":
        import runpy

        main = _fresh_main()
        del main
        runpy._run_module_as_main(program.what)  # type: ignore[attr-defined]
        return
    main = _fresh_main()
    if program.kind == "c":
        source: str | bytes = program.what
        name = "<string>"
    else:
        name = os.path.abspath(program.what)
        try:
            with open(name, "rb") as file:
                source = file.read()
        except OSError as error:
            reason = f"[Errno {error.errno}] {error.strerror}"
            sys.stderr.write(f"python: can't open file {name!r}: {reason}\n")
            raise SystemExit(2) from None
        main.__dict__["__file__"] = name
        main.__dict__["__cached__"] = None
        main.__dict__["__loader__"] = SourceFileLoader("__main__", name)
    exec(compile(source, name, "exec", dont_inherit=True), main.__dict__)  # noqa: S102


def _fresh_main() -> types.ModuleType:
    main = types.ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __annotations__={}, __doc__=None)
    sys.modules["__main__"] = main
    return main


def _guarded(work: Callable[[], None]) -> int:
    """Do something as the interpreter's outermost frame: return the exit status it asks for."""
    try:
        work()
    except SystemExit as leave:
        return _status(leave)
    except BaseException as error:  # noqa: BLE001 - whatever a program raises
        # Our own frames, which a fresh interpreter has not.
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename.startswith("<gadfly"):
            trace = trace.tb_next
        error.__traceback__ = trace
        sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
        try:
            sys.excepthook(type(error), error, trace)
        except BaseException:  # noqa: BLE001 - a program's own hook
            sys.__excepthook__(type(error), error, trace)
        if isinstance(error, KeyboardInterrupt):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGINT)
        return 1
    return 0


def _status(leave: SystemExit) -> int:
    code = leave.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code
    try:
        sys.stderr.write(f"{code}\n")
    except Exception:  # noqa: BLE001, S110 - the program has closed it
        pass
    return 1


def _join_threads() -> None:
    threading: Any = sys.modules.get("threading")  # the worker itself does without
    if threading is not None:
        threading._shutdown()


def _end(status: int) -> int:
    """Wait for threads, call what was registered, flush: what the interpreter does at its end."""
    joined = _guarded(_join_threads)
    status = status or joined
    _guarded(atexit._run_exitfuncs)  # pyright: ignore[reportPrivateUsage] - what the interpreter calls
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except Exception:  # noqa: BLE001 - the interpreter's own status for this
            if stream is sys.stdout:
                status = 120
    return status
