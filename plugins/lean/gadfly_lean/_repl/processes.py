"""A process with all that it started: begun with limits, watched, and ended as a whole."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gadfly import InputError

_MIB = 1 << 20
_LAUNCH = Path(__file__).with_name("launch.py")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
_KEPT = frozenset({"PATH", "HOME", "LANG", "TMPDIR", "USER", "LD_LIBRARY_PATH"})
_KEPT_HEADS = ("ELAN_", "LEAN_", "LAKE_", "LC_")
_REMOVAL_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What holds a REPL, in which strangers' code runs for as long as it is in use.

    Covered: a session and process group of its own; no new privileges; no core files; the size of
    files that it writes; its address space where `address_mib` says so; memory and processes of all
    that it starts where a control group is given; of the environment only what Lean needs. It dies
    with the thread that started it.

    Not covered: files that its user may read or write, the network, other processes of its user. A
    sandbox of Gadfly holds one job, not a session, so it cannot hold a REPL. Where drafts come from
    strangers, put something that can into the command (`("bwrap", ..., "lake", "env", "repl")`), or
    use the one-shot driver, which runs in the sandbox.

    Raises:
        InputError: A number is not positive, or the group is none that we may fill.
    """

    address_mib: int | None = None
    """Address space of each process. Compiled libraries are mapped: Mathlib alone takes 8 GiB and
    more, so a control group is the better measure."""
    file_mib: int = 64
    """Largest size of a file that it writes; what writes more is killed."""
    cgroup: Path | None = None
    """A control group that is ours to make groups in: one of v2 that hands memory down, or one in
    the memory tree of v1. Each REPL gets a group of its own there."""
    cgroup_mib: int = 16384
    """Memory of one REPL's group, the mapped libraries that it was first to touch included."""
    cgroup_processes: int = 256
    """Processes and threads of one REPL's group, where that is counted there."""

    def __post_init__(self) -> None:
        for name in ("address_mib", "file_mib", "cgroup_mib", "cgroup_processes"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"{name} must be positive, not {value!r}")
        if self.cgroup is not None and not os.access(self.cgroup / "cgroup.procs", os.W_OK):
            raise InputError(f"{self.cgroup} is not a control group that is ours to fill")


class Group:
    """A control group for one REPL.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, parent: Path, memory_mib: int, processes: int) -> None:
        self.folder = parent / f"gadfly-repl-{os.getpid()}-{secrets.token_hex(4)}"
        self.folder.mkdir()
        size = str(memory_mib * _MIB)
        held = [self._set(name, size) for name in ("memory.max", "memory.limit_in_bytes")]
        self._set("memory.swap.max", "0")
        self._set("memory.memsw.limit_in_bytes", size)
        self._set("pids.max", str(processes))
        if not any(held):
            self.remove()
            raise OSError(f"{parent} does not hand the control of memory down")

    def _set(self, name: str, value: str) -> bool:
        if not (self.folder / name).exists():
            return False
        try:
            (self.folder / name).write_text(value)
        except OSError:
            return False
        return True

    def pids(self) -> set[int]:
        """Return the processes in it."""
        with contextlib.suppress(OSError):
            return {int(pid) for pid in (self.folder / "cgroup.procs").read_text().split()}
        return set()

    def remove(self) -> None:
        """Kill what is in it, and remove it; what cannot be removed in two seconds stays."""
        deadline = time.monotonic() + _REMOVAL_SECONDS
        while True:
            for pid in self.pids():
                _kill(pid)
            try:
                self.folder.rmdir()
            except FileNotFoundError:
                return
            except OSError:
                if time.monotonic() > deadline:
                    return
                time.sleep(0.005)
            else:
                return


class Process:
    """A command in a process group of its own, with pipes to it.

    Args:
        command: What to run.
        folder: Where.
        confinement: What holds it.
        environ: Variables to add to those that Lean needs.

    Raises:
        OSError: It cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        confinement: Confinement,
        environ: Mapping[str, str],
    ) -> None:
        self.group: Group | None = None
        if confinement.cgroup is not None:
            self.group = Group(
                confinement.cgroup, confinement.cgroup_mib, confinement.cgroup_processes
            )
        limits = {"RLIMIT_CORE": 0, "RLIMIT_FSIZE": confinement.file_mib * _MIB}
        if confinement.address_mib is not None:
            limits["RLIMIT_AS"] = confinement.address_mib * _MIB
        groups = [str(self.group.folder)] if self.group else []
        settings = json.dumps({"groups": groups, "limits": limits})
        try:
            self.popen = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LAUNCH), settings, *command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                cwd=folder,
                env=_environment(environ),
                start_new_session=True,
            )
        except OSError:
            if self.group:
                self.group.remove()
            raise
        self._killed = False

    def family(self) -> set[int] | None:
        """Return the process and all that are known to come from it; None where nobody tells.

        With a control group that is everything. Without one, a process whose parent has ended is
        not found.
        """
        if self.group:
            return self.group.pids()
        try:
            return _descendants(self.popen.pid)
        except OSError:
            return None

    def private_mib(self) -> float | None:
        """Return the family's memory that is not mapped from files; None where nobody tells."""
        family = self.family()
        if family is None:
            return None
        pages = 0
        for pid in family:
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = Path(f"/proc/{pid}/statm").read_text().split()
                pages += int(fields[1]) - int(fields[2])
        return pages * _PAGE / _MIB

    def kill(self) -> None:
        """End it with all that it started. Does not wait; see `reap`. Twice is fine."""
        if self._killed:
            return
        self._killed = True
        family = (self.family() or set()) - {self.popen.pid}
        if self.popen.poll() is None:
            # Not reaped yet, so the number is still that of our group.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.popen.pid, signal.SIGKILL)
        for pid in family:
            _kill(pid)

    def reap(self) -> None:
        """Wait until it is gone, and hang up; blocks while the kernel frees its memory."""
        self.kill()
        self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self.group:
            self.group.remove()


def _descendants(pid: int) -> set[int]:
    """Return a process and those below it.

    Raises:
        OSError: The kernel does not tell, or the process is gone.
    """
    found = {pid}
    for thread in Path(f"/proc/{pid}/task").iterdir():
        try:
            children = (thread / "children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            if thread.exists():
                raise
            continue
        for child in map(int, children):
            found.add(child)
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                found |= _descendants(child)
    return found


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or name.startswith(_KEPT_HEADS)
    }
    return {**kept, **more}
