"""What works on this machine, found out by running a job that looks around from inside.

Versions and settings say little: kernels refuse namespaces for many reasons, and an interpreter
that another user may not read can start as a different one. So the strongest plan is tried first,
a canary job reports, and what it did not see is not claimed.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from gadfly import Job, Limits, SandboxError
from gadfly_local._execution import Execution
from gadfly_local._plan import Plan

NOBODY = 65_534
"""The user that a root host's jobs run as, where that user can read the interpreter."""
_PATIENT = Limits(wall_seconds=60, cpu_seconds=60)
"""A busy machine must not look like a weak one."""
_SPACES = ("user", "pid", "ipc", "net", "mnt")

_CANARY = """
import ctypes, json, os, socket, sys

port, library, *spaces = sys.argv[1:]
with open("/proc/self/status") as file:
    status = dict(line.rstrip().split(":", 1) for line in file)
try:
    socket.create_connection(("127.0.0.1", int(port)), timeout=2).close()
    reached = True
except OSError:
    reached = False
outside = f"{os.getcwd()}-canary"
try:
    os.close(os.open(outside, os.O_CREAT | os.O_EXCL, 0o600))
    os.unlink(outside)
    writes_outside = True
except OSError:
    writes_outside = False
with open("inside", "w") as file:
    file.write("x")
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
print(json.dumps({
    "interpreter": [sys.version, sys.prefix, os.access(library, os.R_OK | os.X_OK)],
    "user": os.getuid(),
    "namespaces": {space: os.readlink(f"/proc/self/ns/{space}") for space in spaces},
    "no_new_privs": status["NoNewPrivs"].strip() == "1",
    "capabilities": int(status["CapPrm"], 16),
    "reached": reached,
    "writes_outside": writes_outside,
    "nested": ctypes.CDLL(None).unshare(0x10000000) == 0,
}))
"""


def find_plan(root: Path, *, namespaces: bool) -> Plan:
    """Return the strongest plan that was seen to work.

    Args:
        root: Where work folders are made.
        namespaces: Whether to try namespaces at all.

    Raises:
        SandboxError: Not even the weakest one works; the message says why.
    """
    problem = "nothing was tried"
    for plan in _candidates(namespaces=namespaces):
        try:
            return _try(plan, root)
        except SandboxError as error:
            problem = str(error)
    raise SandboxError(f"the local sandbox cannot work here: {problem}")


def _candidates(*, namespaces: bool) -> Iterator[Plan]:
    users = [NOBODY, None] if os.geteuid() == 0 else [None]
    strengths = [(True, True), (True, False), (False, False)]
    for spaces, mounts in strengths if namespaces else strengths[-1:]:
        for user in users:
            yield Plan(namespaces=spaces, mounts=mounts, user=user)


def _try(plan: Plan, root: Path) -> Plan:
    library = sysconfig.get_path("purelib")
    with _Listener() as listener:
        argv = ("python", "-I", "-c", _CANARY, str(listener.port), library, *_SPACES)
        job = Job(argv, limits=_PATIENT)
        result = Execution(job, lambda: plan, root).run()
        refused = not listener.was_reached()
    if not result.succeeded:
        last = (result.stderr.strip().splitlines() or ["no message"])[-1]
        raise SandboxError(f"a first job ended with {result.ended}: {last[:200]}")
    report: dict[str, Any] = json.loads(result.stdout)
    if plan.user is not None and report["interpreter"] != [sys.version, sys.prefix, True]:
        raise SandboxError("the interpreter and its packages cannot be read from inside")
    closed = listener.works and refused and not report["reached"]
    return replace(plan, network_closed=closed, seen=_seen(report))


def _seen(report: Mapping[str, Any]) -> dict[str, Any]:
    inside: Mapping[str, str] = report["namespaces"]
    capabilities: int = report["capabilities"]
    return {
        "python": report["interpreter"][0].split()[0],
        "user": report["user"],
        "namespaces": [
            s for s in _SPACES if inside[s] != str(Path(f"/proc/self/ns/{s}").readlink())
        ],
        "nested_namespaces": "possible" if report["nested"] else "refused",
        "no_new_privs": report["no_new_privs"],
        "capabilities": f"{capabilities:x}" if capabilities else "none",
        "filesystem": "as the user may"
        if report["writes_outside"]
        else "read-only outside the work folder",
    }


class _Listener:
    """A TCP port of ours on the loopback interface, which a job without network must not reach."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self.port = 0
        self.works = False
        """Whether we reach it ourselves: only then does it mean something that a job does not."""

    def __enter__(self) -> Self:
        try:
            self._socket.bind(("127.0.0.1", 0))
            self._socket.listen()
            self.port = self._socket.getsockname()[1]
            socket.create_connection(("127.0.0.1", self.port), timeout=2).close()
            self.works = self.was_reached()
        except OSError:
            pass  # a host without loopback: nothing will be claimed
        self._socket.settimeout(0)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def was_reached(self) -> bool:
        try:
            self._socket.accept()[0].close()
        except OSError:
            return False
        return True
