"""One sandboxed run: what to run, under which limits, and how it ended.

A limit that was reached is a result. Only machinery that failed is an exception (`SandboxError`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gadfly._errors import InputError
from gadfly._values.task import JSON, refuse_references


class Ended(StrEnum):
    """How a job ended, by what the kernel and the controller saw; never by what the job printed."""

    EXITED = "exited"
    """It ended by itself; see `exit_code`."""
    SIGNALED = "signaled"
    """A signal that was not ours ended it; see `signal`."""
    TIMEOUT = "timeout"
    """Wall time was used up; the controller killed it."""
    CPU = "cpu"
    """Processor time was used up."""
    MEMORY = "memory"
    """It asked for more memory than it may have."""
    OUTPUT = "output"
    """It wrote more than it may; what fits is kept."""
    PROCESSES = "processes"
    """It started more processes than it may."""
    DISK = "disk"
    """It wrote more to disk than it may, or made more files."""
    DESCRIPTORS = "descriptors"
    """It held more files open than it may."""
    NETWORK = "network"
    """It asked for network that it may not have, was refused, and failed. Not every sandbox can
    tell: then it has `EXITED`."""
    RELEASED = "released"
    """It was a peer, and the job that it served has ended; the controller killed it."""


class Level(StrEnum):
    """How much stands between a job and the machine, the weakest first.

    Levels are ordered: `Level.FAST < Level.STRICT`.
    """

    UNSAFE = "unsafe"
    """Limits only. A job can do what its user can."""
    PROCESS = "process"
    """System calls and files are filtered; it shares the machine's processes and network stack."""
    FAST = "fast"
    """In namespaces or a container that it has to itself while it runs; jobs follow each other."""
    STRICT = "strict"
    """In namespaces or a container made for this job alone."""

    @property
    def rank(self) -> int:
        """Its place in the order, from 0."""
        return list(Level).index(self)

    def __lt__(self, other: str) -> bool:
        return self.rank < Level(other).rank

    def __le__(self, other: str) -> bool:
        return self.rank <= Level(other).rank

    def __gt__(self, other: str) -> bool:
        return self.rank > Level(other).rank

    def __ge__(self, other: str) -> bool:
        return self.rank >= Level(other).rank


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a job may use. Every limit holds for the job's whole process tree where the sandbox can.

    Raises:
        InputError: A limit is not positive.
    """

    wall_seconds: float = 10.0
    cpu_seconds: float = 10.0
    memory_mib: int = 1024
    """Address space of one process where nothing better can be enforced."""
    output_kib: int = 256
    """Kept of stdout and of stderr, each; more ends the job (`Ended.OUTPUT`)."""
    disk_mib: int = 64
    """Largest size of one file, and of the work folder; 64 files for each MiB."""
    processes: int = 32
    """Processes and threads at any one time."""
    open_files: int = 256
    """Files and other descriptors that one process holds open."""
    network: bool = False
    """Whether it may reach a network; False is enforced where the kernel allows it and reported."""

    def __post_init__(self) -> None:
        for name in Limits.__slots__:
            if name != "network" and not getattr(self, name) > 0:
                raise InputError(f"limit {name} must be positive, not {getattr(self, name)!r}")


@dataclass(frozen=True, slots=True)
class Job:
    """One command to run in a sandbox, in a fresh work folder.

    Raises:
        InputError: `argv` is empty, or a file name is absolute or leaves the work folder.
        OracleError: A `Reference` is among the files.
    """

    argv: tuple[str, ...]
    """The command; `python` means the sandbox's own interpreter."""
    files: Mapping[str, str] = field(default_factory=dict[str, str], kw_only=True)
    """Text files to place in the work folder, by relative path."""
    stdin: str = field(default="", kw_only=True)
    collect: tuple[str, ...] = field(default=(), kw_only=True)
    """Files to bring back, by relative path: regular files only, bounded by `Limits.output_kib`."""
    limits: Limits = field(default_factory=Limits, kw_only=True)
    preload: tuple[str, ...] = field(default=(), kw_only=True)
    """Python modules that the job will import. A sandbox with warm workers has them imported
    before; another ignores this. A module that is not there is left to the job to miss."""
    peer: Job | None = field(default=None, kw_only=True)
    """A second job that runs beside this one, in a sandbox of its own. The two share nothing but a
    channel: in each, descriptor `GADFLY_CHANNEL` (an environment variable) is a stream socket on
    which the one reads what the other writes. When this job ends, its peer is killed; when the peer
    ends, this job reads the end of the stream. So code that must not reach the other's memory,
    answers or verdict can still be called by it. A channel may be bounded; who writes more than it
    carries, or can hold, waits or ends with `Ended.OUTPUT`."""

    def __post_init__(self) -> None:
        if not self.argv:
            raise InputError("a job needs a command: argv is empty")
        if self.peer is not None and self.peer.peer is not None:
            raise InputError("a job's peer cannot have a peer of its own")
        refuse_references([*self.files.values(), self.stdin, *self.argv], "Job")
        for name in (*self.files, *self.collect):
            parts = name.split("/")
            if name.startswith("/") or "\0" in name or any(p in {"", ".", ".."} for p in parts):
                raise InputError(f"job file {name!r} must be a path inside the work folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """What was really in force while a job ran: probed, not assumed."""

    sandbox: str
    """The sandbox's name (`local`)."""
    level: Level
    network: str
    """`none` (unreachable, enforced), `open`, or `unenforced` (asked for none, could not)."""
    details: Mapping[str, JSON] = field(default_factory=dict[str, JSON])
    """Everything else worth knowing: namespaces, seccomp, landlock ABI, cgroup kind."""
    missing: tuple[str, ...] = ()
    """One line for each protection that this machine does not give, with how to get it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What happened to a job: facts from the kernel and the controller."""

    ended: Ended
    exit_code: int | None = None
    """Exit status; None unless `ended` is EXITED."""
    signal: int | None = None
    """The signal that ended it; None unless one did."""
    stdout: str = ""
    """Bounded; undecodable bytes are replaced."""
    stderr: str = ""
    truncated: bool = False
    """Whether output was cut."""
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """What `Job.collect` named and was there, a regular file and within bounds."""
    rejected: Mapping[str, str] = field(default_factory=dict[str, str])
    """What `Job.collect` named and was there but was refused, and why."""
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_mib: float = 0.0
    leftover_processes: int = 0
    """Processes that outlived the command and were killed."""
    isolation: Isolation | None = None
    peer: JobResult | None = None
    """What happened to `Job.peer`."""

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself with status 0; by itself that proves nothing about a draft."""
        return self.ended is Ended.EXITED and self.exit_code == 0
