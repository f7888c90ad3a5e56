"""What a job uses, seen from outside: its processes in /proc, and its work folder."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

MIB = 1024 * 1024
_FILE_BYTES = 4096
"""Counted for every file and folder, so that empty ones are bounded too."""
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

# Fields of /proc/PID/stat after the command's name, which may hold anything.
_STATE, _PARENT, _THREADS, _RESIDENT = 0, 1, 17, 21
_TIMES = slice(11, 15)  # of the process (user, system) and of its children that were waited for


class Tree:
    """The processes below the supervisor, which makes and asks this.

    A process belongs to the job from its birth to its death or never, because orphans are adopted
    by init or by the supervisor. So each foreign process is read once, and a look costs little on
    a host with thousands of them.

    Args:
        init: The job's init, which is ours and counts only for what its children used.
    """

    def __init__(self, init: int) -> None:
        self.peak_bytes = 0
        """Largest use of memory that was seen."""
        self.cpu_seconds = 0.0
        """Largest use of processor time that was seen."""
        self._init = init
        self._root = os.getpid()
        self._strangers: set[int] = set()

    def look(self) -> dict[int, list[bytes]]:
        """Return the fields of all processes of the job, init among them, by PID."""
        pids = {int(name) for name in os.listdir("/proc") if name.isdigit()}
        self._strangers &= pids
        seen: dict[int, list[bytes]] = {}
        for pid in pids - self._strangers:
            try:
                with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
                    seen[pid] = file.read(4096).rpartition(b")")[2].split()
            except OSError:
                continue  # gone meanwhile
        family = {self._root}
        while born := {p for p, s in seen.items() if p not in family and int(s[_PARENT]) in family}:
            family |= born
        self._strangers |= seen.keys() - family
        family.discard(self._root)
        return {pid: seen[pid] for pid in family}

    def count_living(self) -> int:
        """Count the processes that are alive, init aside."""
        family = self.look()
        family.pop(self._init, None)
        return sum(stat[_STATE] not in b"ZX" for stat in family.values())

    def passed_limit(self, spec: Mapping[str, Any]) -> str:
        """Name the limit that the processes together have passed, or ""."""
        family = self.look()
        ticks = sum(sum(map(int, stat[_TIMES])) for stat in family.values())
        self.cpu_seconds = max(self.cpu_seconds, ticks / _TICKS_PER_SECOND)
        if self.cpu_seconds > spec["cpu_seconds"]:
            return "cpu"
        family.pop(self._init, None)
        if sum(int(stat[_THREADS]) for stat in family.values()) > spec["processes"]:
            return "processes"
        resident = {pid: int(stat[_RESIDENT]) * _PAGE_BYTES for pid, stat in family.items()}
        used, limit = sum(resident.values()), spec["memory_mib"] * MIB
        if used > limit:
            # Resident sets count a shared page once for each process: look closer.
            used = sum(_share(pid, whole) for pid, whole in resident.items())
        self.peak_bytes = max(self.peak_bytes, used)
        return "memory" if used > limit else ""


def _share(pid: int, resident: int) -> int:
    """Return a process's fair share of memory in bytes; `resident` where that is kept from us."""
    try:
        with open(f"/proc/{pid}/smaps_rollup", "rb") as file:
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) * 1024
    except PermissionError:
        return resident
    except OSError:
        pass
    return 0  # it has ended meanwhile


def disk_use(folder: str, enough: int) -> int:
    """Return the bytes that a folder takes as far as it can be read; counting stops at `enough`."""
    used, folders = 0, [folder]
    while folders and used <= enough:
        for entry in _entries(folders.pop()):
            try:
                used += max(_FILE_BYTES, entry.stat(follow_symlinks=False).st_blocks * 512)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
            except OSError:
                continue  # gone meanwhile
            if used > enough:
                break
    return used


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:
        return  # gone, locked, or deeper than a path can say
