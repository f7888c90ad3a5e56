"""A pool of warm REPLs (leanprover-community/repl): Lean's import once, then milliseconds a check.

    messages   requests and responses as values, read strictly
    framing    the bytes between: one line in, one JSON object and a blank line out
    probe      what proves that an answer belongs to its question
    processes  starting, watching and ending a process with all that it started
    launch     runs in the new process: limits, then the REPL in its place
    worker     one REPL
    pool       many, behind the port `Lean`
    replay     a stand-in that answers from recordings and misbehaves on request: no toolchain

What a REPL says is worth less than what a separate process finds in the compiled declarations
(replay, export): candidate syntax has run in it. It is a fast sieve.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gadfly_lean._repl.pool import ReplPool
from gadfly_lean._repl.processes import Confinement
from gadfly_lean._repl.worker import ReplLimits

__all__ = ["Confinement", "ReplLimits", "ReplPool", "replay_command"]


def replay_command(transcript: Path | str) -> tuple[str, ...]:
    """Return the command of a stand-in for the REPL that answers from a transcript.

    For tests and demonstrations without a Lean. A command is looked up by its text; what is not in
    the transcript is a problem, never a verdict.

    Args:
        transcript: JSON lines with `requests` and `responses` of a REPL, and `axioms` by name.
    """
    replay = Path(__file__).with_name("replay.py")
    return (sys.executable, "-I", "-S", str(replay), str(Path(transcript).resolve()))
