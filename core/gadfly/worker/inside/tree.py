"""What a job uses, seen from outside: its processes in /proc."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

MIB = 1024 * 1024
_scratch = bytearray(4096)
"""Where the kernel's lines are read, and wiped: a process's name is its job's own."""
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

# Fields of /proc/PID/stat after the command's name, which may hold anything.
PARENT = 1
_STATE, _FLAGS, _THREADS, _RESIDENT = 0, 6, 17, 21
_EXITING = 4
_TIMES = slice(11, 15)  # of the process (user, system) and of its children that were waited for


class Tree:
    """The processes below this one, the worker, which are all of the job that runs.

    A process belongs to the job from its birth to its death or never, because orphans become the
    worker's children. So each foreign process is read once, and a look costs little on a machine
    with thousands of them.

    Args:
        alone: Whether there are no foreign processes: the worker is PID 1 of its namespace.
        room: Where the processes of a room are seen, which a keeper is PID 1 of; None for our own.
    """

    def __init__(self, *, alone: bool, room: str | None = None) -> None:
        self._alone = alone
        self._folder = room or "/proc"
        self.peak_bytes = 0
        """Largest use of memory that was seen."""
        self.cpu_seconds = 0.0
        """Largest use of processor time that was seen."""
        self._root = os.getpid() if room is None else 1
        self._strangers: set[int] = set()
        self._kept = room is not None
        self._orphans: dict[int, int] = {}
        self._orphans_ticks = 0
        """Of processor time: what orphans had used that are gone, whom only their keeper reaped."""

    def look(self) -> dict[int, list[bytes]]:
        """Return the fields of all processes of the job, by PID."""
        pids = {int(name) for name in os.listdir(self._folder) if name.isdigit()}
        pids.discard(self._root)
        self._strangers &= pids
        seen: dict[int, list[bytes]] = {}
        for pid in pids - self._strangers:
            try:
                seen[pid] = _read(f"{self._folder}/{pid}")
            except OSError:
                continue  # gone meanwhile
        if self._kept:
            self._follow_orphans(seen)
        if self._alone:
            return seen
        family = _descendants(seen, {self._root}) - {self._root}
        # Not simply all others: of one whose parent has just ended nothing is known yet.
        self._strangers = _descendants(seen, {0, *self._strangers}) - {0}
        return {pid: seen[pid] for pid in family}

    def _follow_orphans(self, seen: Mapping[int, list[bytes]]) -> None:
        self._orphans_ticks += sum(t for pid, t in self._orphans.items() if pid not in seen)
        self._orphans = {p: _ticks(s) for p, s in seen.items() if int(s[PARENT]) == self._root}

    def count_living(self) -> int:
        """Count the processes that are alive."""
        return sum(stat[_STATE] not in {b"Z", b"X"} for stat in self.look().values())

    def passed_limit(self, limits: Mapping[str, Any], spent_seconds: float) -> str:
        """Name the limit that the processes together have passed, or "".

        Args:
            limits: What the job may use.
            spent_seconds: Processor time of those that have ended and were reaped.
        """
        family = self.look()
        ticks = sum(map(_ticks, family.values())) + self._orphans_ticks
        self.cpu_seconds = max(self.cpu_seconds, spent_seconds + ticks / _TICKS_PER_SECOND)
        if self.cpu_seconds > limits["cpu_seconds"]:
            return "cpu"
        if sum(int(stat[_THREADS]) for stat in family.values()) > limits["processes"]:
            return "processes"
        resident = {pid: int(stat[_RESIDENT]) * _PAGE_BYTES for pid, stat in family.items()}
        used, limit = sum(resident.values()), limits["memory_mib"] * MIB
        if used > limit:
            # Resident sets count a shared page once for each process: look closer.
            used = sum(_share(f"{self._folder}/{pid}", whole) for pid, whole in resident.items())
        self.peak_bytes = max(self.peak_bytes, used)
        return "memory" if used > limit else ""

    def passed_descriptors(self, limit: int) -> bool:
        """Whether one of the processes holds more descriptors than that."""
        return any(_descriptors(f"{self._folder}/{pid}") > limit for pid in self.look())


def is_ending(pid: int) -> bool:
    """Whether a process has ended, or is about to."""
    try:
        stat = _read_fields(f"/proc/{pid}/stat")
    except OSError:
        return True
    return stat[_STATE] in {b"Z", b"X"} or bool(int(stat[_FLAGS]) & _EXITING)


def _ticks(stat: list[bytes]) -> int:
    return sum(map(int, stat[_TIMES]))


def _descendants(seen: Mapping[int, list[bytes]], ancestors: set[int]) -> set[int]:
    """Return processes with all that come from them."""
    found = set(ancestors)
    while born := {p for p, s in seen.items() if p not in found and int(s[PARENT]) in found}:
        found |= born
    return found


def _read(process: str) -> list[bytes]:
    """Return the fields of a process: those of a thread that lives, if its first has ended.

    Raises:
        OSError: It has ended.
    """
    fields = _read_fields(f"{process}/stat")
    if fields[_STATE] == b"Z" and int(fields[_THREADS]) > 1:
        for thread in os.listdir(f"{process}/task"):
            alive = _read_fields(f"{process}/task/{thread}/stat")
            if alive[_STATE] not in {b"Z", b"X"}:
                # The memory is everybody's, the times are not: they are the whole process's above.
                fields[_STATE], fields[_RESIDENT] = alive[_STATE], alive[_RESIDENT]
                break
    return fields


def _read_fields(path: str) -> list[bytes]:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.readv(fd, [_scratch])
    finally:
        os.close(fd)
    fields = bytes(_scratch[_scratch.rfind(b")", 0, size) + 1 : size]).split()
    _scratch[:size] = bytes(size)
    return fields


def _share(process: str, resident: int) -> int:
    """Return a process's fair share of memory in bytes; `resident` where that is kept from us."""
    try:
        with open(f"{process}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except PermissionError:
        return resident
    except OSError:
        pass
    try:
        # Its first thread may have ended. Of one that has ended as a whole, nothing is resident.
        return int(_read(process)[_RESIDENT]) * _PAGE_BYTES
    except OSError:
        return 0


def _descriptors(process: str) -> int:
    try:
        return len(os.listdir(f"{process}/fd"))
    except OSError:
        return 0  # it has ended, or hides them: the kernel's own limit holds
