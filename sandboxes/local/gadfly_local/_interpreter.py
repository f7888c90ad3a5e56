"""The Python that jobs run on: the host's own, or another of this machine's."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gadfly import InputError

_OLDEST = (3, 9)
_PATIENCE_SECONDS = 20.0
_QUESTION = """
import json, sys, sysconfig
folders = [sys.prefix, sys.base_prefix, *map(sysconfig.get_path, ("purelib", "platlib"))]
print(json.dumps([list(sys.version_info[:2]), folders]))
"""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """An interpreter, and the folders that it needs to read."""

    command: str
    folders: tuple[str, ...]


@cache
def interpreter(command: str | None) -> Interpreter:
    """Return an interpreter by its path; the host's own for None.

    Raises:
        InputError: It is none that a worker can run on.
    """
    if command is None:
        own = {sys.prefix, sys.base_prefix, *map(sysconfig.get_path, ("purelib", "platlib"))}
        return _with_folders(sys.executable, own)
    try:
        done = subprocess.run(
            [command, "-I", "-c", _QUESTION],
            capture_output=True,
            text=True,
            check=True,
            timeout=_PATIENCE_SECONDS,
        )
        version, folders = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise InputError(f"python {command!r} is no interpreter that starts: {error}") from None
    if tuple(version) < _OLDEST:
        found, oldest = (".".join(map(str, numbers)) for numbers in (version, _OLDEST))
        raise InputError(f"python {command!r} is {found}, and workers need {oldest}")
    return _with_folders(command, set(folders))


def _with_folders(command: str, folders: set[str]) -> Interpreter:
    places = {str(Path(command).parent), str(Path(command).resolve().parent)}
    return Interpreter(command, tuple(sorted(folders | places)))
