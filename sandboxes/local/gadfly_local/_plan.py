"""How jobs are run on this machine, and what of it is said in a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gadfly import JSON, Isolation, Level

_BASES = {
    "memory": "resident memory of the tree, looked at every 10 ms; RLIMIT_AS at twice the limit",
    "processes": "processes and threads of the tree, looked at every 10 ms; RLIMIT_NPROC above",
    "disk": "the work folder, looked at every 50 ms; RLIMIT_FSIZE",
}
"""How limits of the whole tree are held."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do for each job, and what a canary job saw of it."""

    namespaces: bool
    """Give each job user, PID and IPC namespaces, and one for the network if it may have none."""
    mounts: bool
    """Give each job a mount namespace in which only its folder can be written."""
    user: int | None
    """User and group id that jobs run as; None for the host's own."""
    network_closed: bool = False
    """Whether a connection from a job to a listener of ours was seen to fail."""
    seen: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    """What else was seen from inside."""

    def isolation(self, *, network: bool) -> Isolation:
        """Say what is in force for a job.

        Args:
            network: Whether the job may have a network.
        """
        closed = "none" if self.network_closed else "unenforced"
        spaces = self.seen.get("namespaces", ())
        assert isinstance(spaces, list | tuple)
        entered = [space for space in spaces if not (network and space == "net")]
        return Isolation(
            sandbox="local",
            level=Level.STRICT if self.namespaces else Level.UNSAFE,
            network="open" if network else closed,
            details={**self.seen, "namespaces": entered, **_BASES},
        )
