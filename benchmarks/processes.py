"""What benchmarks ask of this machine's processes: whose children they are, and their state."""

from __future__ import annotations

from pathlib import Path


def fields(pid: int) -> list[str]:
    """Return what follows the name in /proc/PID/stat; nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def below(root: int) -> dict[int, str]:
    """Return all processes below one, with their states."""
    seen = {
        int(place.name): found
        for place in Path("/proc").glob("[0-9]*")
        if (found := fields(int(place.name)))
    }
    family = {root}
    while born := {p for p, f in seen.items() if int(f[1]) in family and p not in family}:
        family |= born
    return {pid: seen[pid][0] for pid in family - {root}}
