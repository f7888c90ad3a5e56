"""Which sandboxes are attacked, and what each of them is known not to hold, and why.

`test_attack_table.py` holds these lists to the truth; `docs/build_attack_table.py` prints them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from tests.sandboxes.docker_images import IMAGE

from gadfly import Level, Sandbox
from gadfly_local import LocalSandbox


def _docker(**options: object) -> Sandbox:
    sandbox: Sandbox = import_module("gadfly_docker").DockerSandbox(IMAGE, workers=2, **options)
    return sandbox


def _open_python() -> str | None:
    """Return an interpreter that an ordinary user can start, where ours lies in root's home."""
    closed = os.geteuid() == 0 and any(
        not folder.stat().st_mode & 0o001 for folder in Path(sys.base_prefix, "bin").parents
    )
    return "/usr/bin/python3" if closed else None


SANDBOXES: Mapping[str, Callable[[], Sandbox]] = {
    "local strict": LocalSandbox,
    "local fast": lambda: LocalSandbox(level=Level.FAST),
    "local process": lambda: LocalSandbox(without=["namespaces", "bwrap"], python=_open_python()),
    "docker fast": _docker,
    "docker strict": lambda: _docker(level=Level.STRICT),
    "docker+runsc fast": lambda: _docker(runtime="runsc"),
    "docker+runsc strict": lambda: _docker(runtime="runsc", level=Level.STRICT),
}
"""By the name that tables use. What cannot work here raises `SandboxError` or `ImportError`."""

TESTED = [
    name
    for name in SANDBOXES
    if os.environ.get("GADFLY_ATTACK_ALL") or not name.startswith("docker") or "fast" in name
]
"""What `pytest` attacks. A container for each job takes minutes more: for those, set
`GADFLY_ATTACK_ALL=1`, or build the table."""

_GVISOR = {
    "daemon without its main thread": "gVisor tells nothing of one whose first thread has ended",
    "devices": "gVisor lets a job make device files, which lead to its own kernel only",
    "fork bomb of a family": "it is stopped, but by the limit on processor time",
    "memory bomb behind a dead main thread": "see the daemon; the container's limit holds",
    "memory in pipes": "the container's limit holds, and ends the worker too",
    "opens its parent's secrets": "it can open the worker's /dev/null, and nothing else",
    "stopped child": "it is killed, and not counted",
}

NOT_COVERED: Mapping[str, Mapping[str, str]] = {
    "docker+runsc fast": _GVISOR,
    "docker+runsc strict": _GVISOR,
}
"""By sandbox and attack: why it is not held. What is beyond a sandbox's level stands in no list."""
