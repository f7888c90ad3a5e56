"""The sandbox itself: its options, and what they mean to the backend."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from gadfly import InputError, Level, SandboxError
from gadfly.worker import WorkerSandbox
from gadfly_local._backend import LocalBackend
from gadfly_local._interpreter import interpreter

_MEANS = frozenset({"namespaces", "bwrap", "landlock", "seccomp", "cgroups"})


class LocalSandbox(WorkerSandbox):
    """Runs jobs as processes of this machine, without root, docker or anything to install.

    What it covers and what it does not is in the README; what is in force on this machine is in
    each result's `isolation`. The first run probes the machine, which takes tenths of a second.

    Args:
        level: `Level.STRICT` gives each job namespaces and a file system made for it alone;
            `Level.FAST` has jobs follow each other in those of a worker, which is cheaper. Where
            the kernel refuses, both are what it allows: see `probe`, and `gadfly --require`.
        workers: How many jobs run at a time, others wait; the number of cores by default.
        python: The interpreter of jobs and workers, by its path; the host's own by default. Python
            3.9 or newer.
        preload: Python modules that workers import at their start, beside what jobs ask for.
        readable: Files and folders that jobs may read, beside the system's and the interpreter's.
        root: Where to make work folders if jobs get no file system of their own; the system's
            folder for temporary files by default.
        without: Means not to use even where they work: `namespaces`, `bwrap`, `landlock`,
            `seccomp`, `cgroups`.
        allow_unsafe: Whether to go on where nothing but limits can be enforced.

    Raises:
        InputError: `workers` is not positive, `root` is not a folder, `python` does not start or
            is too old, `level` is neither of the two, `readable` holds a relative path, or
            `without` something else.
    """

    def __init__(
        self,
        *,
        level: Level | str = Level.STRICT,
        workers: int | None = None,
        python: str | Path | None = None,
        preload: Iterable[str] = (),
        readable: Iterable[str | Path] = (),
        root: str | Path | None = None,
        without: Iterable[str] = (),
        allow_unsafe: bool = False,
    ) -> None:
        if sys.platform != "linux":
            raise SandboxError(f"the local sandbox needs Linux, and this is {sys.platform}")
        folder = Path(root or tempfile.gettempdir()).resolve()
        if not folder.is_dir():
            raise InputError(f"root {str(root)!r} is not a folder")
        if level not in {Level.STRICT, Level.FAST}:
            raise InputError(f"level must be strict or fast, not {str(level)!r}")
        strict = level == Level.STRICT
        switched_off = frozenset(without)
        if switched_off - _MEANS:
            known = ", ".join(sorted(_MEANS))
            raise InputError(f"without must be among {known}, not {sorted(switched_off - _MEANS)}")
        more = tuple(str(path) for path in readable)
        if not all(path.startswith("/") for path in more):
            raise InputError(f"readable must be absolute paths, not {more}")
        backend = LocalBackend(
            root=folder,
            python=interpreter(None if python is None else str(python)),
            strict=strict,
            readable=more,
            without=switched_off,
            allow_unsafe=allow_unsafe,
        )
        super().__init__(backend, workers=workers, preload=tuple(preload))
