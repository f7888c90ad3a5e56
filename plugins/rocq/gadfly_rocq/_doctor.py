"""`gadfly rocq doctor`: what of Rocq is installed here, and what is known of its kernel."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from gadfly import InputError
from gadfly_rocq._toolchain import find_toolchain
from gadfly_rocq._versions import RocqVersion, kernel_bugs


def doctor(words: Sequence[str] = ()) -> int:
    """Say what is there.

    Args:
        words: What was typed after the command: nothing is needed.

    Returns:
        0 where `L3` can be reached, 1 where something is missing for it.
    """
    try:
        toolchain = find_toolchain()
        done = subprocess.run(
            (toolchain.coqc, "--version"), capture_output=True, text=True, timeout=60, check=False
        )
        version = RocqVersion.parse(done.stdout)
    except (InputError, OSError, subprocess.TimeoutExpired) as error:
        sys.stdout.write(f"coqc: {error}\n")
        return 1
    missing = "missing; level L3 needs it (`apt-get install coq`)"
    _say(f"coqc: {toolchain.coqc}, Rocq {version}")
    _say(f"coqchk: {toolchain.coqchk or missing}")
    _say(f"coqtop: {toolchain.coqtop or 'missing; the pool needs it'}")
    by_need: dict[str, list[str]] = {}
    for bug in kernel_bugs(version):
        by_need.setdefault(bug.needs, []).append(bug.id)
    for need, ids in by_need.items():
        _say(f"known bugs of its kernel, for submissions with {need}: {', '.join(ids)}")
    return 0 if toolchain.coqchk else 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
