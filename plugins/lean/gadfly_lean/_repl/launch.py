"""Runs first in the process that becomes the REPL: bounds it, then puts the command in its place.

    python -I -S launch.py '{"groups": [...], "limits": {...}}' COMMAND...

Standard library only. A program of its own, because code between fork and exec in the host's
process could hang on a lock that another of its threads held.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


def main() -> None:
    """Become the command; where that cannot be, say why and exit with status 127."""
    settings = json.loads(sys.argv[1])
    command = sys.argv[2:]
    try:
        for group in settings["groups"]:
            with open(f"{group}/cgroup.procs", "w", encoding="ascii") as door:  # noqa: PTH123
                door.write("0")
        for name, limit in settings["limits"].items():
            kind = getattr(resource, name)
            hard = resource.getrlimit(kind)[1]
            soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
            resource.setrlimit(kind, (soft, soft))
        if sys.platform == "linux":
            prctl = ctypes.CDLL(None, use_errno=True).prctl
            # Its own children it does not take along; they see the end of their input.
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        os.execvp(command[0], command)  # noqa: S606 - that is what it is for
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]!r}: {error.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
