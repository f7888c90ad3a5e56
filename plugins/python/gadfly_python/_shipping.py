"""The jobs behind `python/tests`: which of our modules go into them, and with what.

Our modules travel as one packed file, as every piece of evidence holds its whole job: what a person
wants to read there are the program and the tests. `base64 -d` makes an ordinary zip archive of it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import resources

from gadfly import JSON, Job, Limits
from gadfly_python._execution import slow_imports
from gadfly_python._program import Program
from gadfly_python._split.candidate import PROGRAM
from gadfly_python._split.harness import REPORT, REQUEST, TESTS
from gadfly_python._testing import TestCode

PACKED = "harness.zip.base64"
_BOOT = (
    "import base64, sys; "
    f"open('_split.zip', 'wb').write(base64.b64decode(open('{PACKED}').read())); "
    "sys.path.insert(0, '_split.zip'); from _split.{0} import main; main()"
)
_COMMON = ("__init__", "wire", "exceptions")
_RUNNING = (*_COMMON, "harness", "runners")
_APART = (*_RUNNING, "remote", "apart")
_CANDIDATE = (*_COMMON, "candidate")
_WITNESS = (*_COMMON, "harness", "canaries", "witness")
_TOGETHER = (*_RUNNING, "candidate", "guard", "rewriting", "together")
_IMPORTED = ("asyncio", "base64", "dataclasses", "json", "pathlib", "secrets", "unittest")
"""What our modules import, with what these bring: half of a short job's time, unless a warm worker
has it."""
_DATE = (1980, 1, 1, 0, 0, 0)
_PATIENCE_SECONDS = 10.0
"""What the trusted process waits longer than the program may run: it then tells what it saw."""
_TESTS_CPU_SECONDS = 20.0
"""Processor time of the tests themselves beyond the program's: pytest's import, a long test."""


def job_apart(
    program: Program, tests: TestCode, limits: Limits, preload: tuple[str, ...] = ()
) -> Job:
    """Return the job of the tests, with the program in a second process beside it."""
    warm = (*preload, *slow_imports(program))
    candidate = _job("candidate", _CANDIDATE, {PROGRAM: program.text}, limits, warm)
    own = replace(
        limits,
        wall_seconds=limits.wall_seconds + _PATIENCE_SECONDS,
        cpu_seconds=limits.cpu_seconds + _TESTS_CPU_SECONDS,
    )
    request = _request(tests, limits)
    given = {TESTS: tests.source, REQUEST: json.dumps(request)}
    job = _job("apart", _APART, given, own, preload)
    return replace(job, collect=(REPORT,), peer=candidate)


def job_together(
    program: Program, tests: TestCode, limits: Limits, preload: tuple[str, ...] = ()
) -> Job:
    """Return the job of the witness, with tests and program in one process beside it."""
    both = replace(limits, cpu_seconds=limits.cpu_seconds + _TESTS_CPU_SECONDS)
    warm = (*preload, *slow_imports(program))
    peer = _job("together", _TOGETHER, {PROGRAM: program.text}, both, warm)
    own = replace(limits, wall_seconds=limits.wall_seconds + _PATIENCE_SECONDS)
    frameworks = {"pytest", "unittest.mock"} if tests.style == "pytest" else {"unittest.mock"}
    # Imported before the program: what it may replace is then known as it was.
    imports = sorted(frameworks | program.imports() | tests.imports)
    request = _request(tests, limits) | {"imports": imports}
    given = {TESTS: tests.source, REQUEST: json.dumps(request)}
    job = _job("witness", _WITNESS, given, own, preload)
    return replace(job, collect=(REPORT,), peer=peer)


def harness_digest(job: Job) -> str:
    """Return the digest of our modules in a job."""
    return "sha256:" + hashlib.sha256(job.files[PACKED].encode()).hexdigest()


def _request(tests: TestCode, limits: Limits) -> dict[str, JSON]:
    return {
        "style": tests.style,
        "entry_point": tests.entry_point,
        "modules": list(tests.modules),
        "names": list(tests.names),
        "patience": limits.wall_seconds + _PATIENCE_SECONDS / 2,
    }


def _job(
    main: str,
    modules: Sequence[str],
    given: dict[str, str],
    limits: Limits,
    preload: tuple[str, ...],
) -> Job:
    argv = ("python", "-I", "-c", _BOOT.format(main))
    files = {PACKED: _packed(tuple(modules)), **given}
    return Job(argv, files=files, limits=limits, preload=(*_IMPORTED, *preload))


@cache
def _packed(modules: tuple[str, ...]) -> str:
    """Return modules as an archive in letters, the same each time."""
    folder = resources.files("gadfly_python") / "_split"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for module in modules:
            entry = zipfile.ZipInfo(f"_split/{module}.py", _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            source = (folder / f"{module}.py").read_text(encoding="utf-8")
            packed.writestr(entry, source, compresslevel=9)
    return base64.b64encode(archive.getvalue()).decode()
