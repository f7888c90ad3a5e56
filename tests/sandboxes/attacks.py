"""Which sandboxes are attacked, and what each of them is known not to hold, and why.

`test_attack_table.py` holds these lists to the truth; `docs/build_attack_table.py` prints them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from gadfly import Level, Sandbox
from gadfly_local import LocalSandbox


def _docker(**options: object) -> Sandbox:
    sandbox: Sandbox = import_module("gadfly_docker").DockerSandbox("gadfly-python", **options)
    return sandbox


SANDBOXES: Mapping[str, Callable[[], Sandbox]] = {
    "local strict": LocalSandbox,
    "local fast": lambda: LocalSandbox(level=Level.FAST),
    "local process": lambda: LocalSandbox(without=["namespaces", "bwrap"]),
    "docker fast": _docker,
    "docker strict": lambda: _docker(level=Level.STRICT),
    "docker runsc": lambda: _docker(runtime="runsc"),
}
"""By the name that tables use. What cannot work here raises `SandboxError` or `ImportError`."""

NOT_COVERED: Mapping[str, Mapping[str, str]] = {}
"""By sandbox and attack: why it is not held. What is beyond a sandbox's level stands in no list."""
