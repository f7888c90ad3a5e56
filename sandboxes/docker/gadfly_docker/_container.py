"""A worker in a container: how the container is walled in, and how it is started and ended."""

from __future__ import annotations

import contextlib
import logging
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gadfly import JSON, InputError, Job, SandboxError
from gadfly.worker import BOOT, Flavour, container_filter, first_message, settings
from gadfly_docker._engine import Engine, sdk
from gadfly_docker._owner import Owner
from gadfly_docker._stream import AttachedStream

logger = logging.getLogger("gadfly.docker")

OWNER = "dev.gadfly.owner"
"""Label of every container that this package has started: the process that did."""
SANDBOX = "dev.gadfly.sandbox"
"""Label: which sandbox of that process."""
ENGINE = "dev.gadfly.engine"
"""Label: the engine, by its own id."""
PLACE = "/dev/shm"  # noqa: S108 - a file system of the container's own, emptied after every job
"""Where jobs may write. Here, because the C library's semaphores and shared memory, and so Python's
`multiprocessing`, want this very folder; a second one would be a second place to sweep."""
NOBODY = 65534
_CLOSED = ("/tmp", "/dev/mqueue")  # noqa: S108 - they are closed
"""Writable otherwise: the first on gVisor, the other on Linux."""
FILES_PER_MIB = 64
"""As in `Limits.disk_mib`."""
_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    # Functions of libraries are found at the start, once, and not anew in each job's process.
    "LD_BIND_NOW": "1",
    # Before anything is imported: only a worker with one thread can fork.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
_SLACK_MIB = 256
_SLACK_PROCESSES = 64
_SENTRY_THREADS = 512
"""gVisor's own threads, which the engine counts as the container's: several for each of a job's."""
_SENTRY_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "SETGID", "SETUID"]
"""What gVisor grants the worker, inside its own kernel; the machine's grants nothing to either.

Linux keeps a process that is not dumpable closed to others of its user. gVisor does not: a job of
the worker's user could open the worker's line to the host in `/proc/1/fd`, and forge what is said
on it. So there the worker is root, and becomes nobody in each job's process.
"""
_POST_MORTEM_SECONDS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceilings:
    """The most that a job in a container can be allowed, and so what the container is made for."""

    memory_mib: int
    disk_mib: int
    processes: int
    open_files: int
    cpus: float

    def __post_init__(self) -> None:
        for name in Ceilings.__slots__:
            if not getattr(self, name) > 0:
                raise InputError(f"{name} of a container must be positive: {getattr(self, name)!r}")

    @property
    def container_mib(self) -> int:
        """Memory of the container: a job's, its files', the worker's, and time to act at limits."""
        return self.memory_mib + self.disk_mib + _SLACK_MIB

    def check(self, job: Job) -> None:
        """Refuse a job that may use more than the container that it would run in.

        Raises:
            InputError: It may; the line says of what, and what to do.
        """
        for name in ("memory_mib", "disk_mib", "processes", "open_files"):
            wanted, there = getattr(job.limits, name), getattr(self, name)
            if wanted > there:
                raise InputError(
                    f"the job's limit {name}={wanted} is above its container's, {there}; "
                    f"lower it, or make the sandbox with {name}={wanted} or more"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How one sandbox makes its containers."""

    image: str
    """Its digest: what was looked at is what runs."""
    volumes: tuple[str, ...]
    """Folders that the image wants to be writable and kept. They are not."""
    runtime: str | None
    gvisor: bool
    ceilings: Ceilings
    sandbox: str
    """The value of the label `SANDBOX`."""
    engine: str
    """The value of the label `ENGINE`."""
    rooms: bool = False
    """Whether the worker makes a room for each job: user namespaces inside the container, for which
    the engine's filter of system calls and its covers of `/proc` have to go. In a room both are
    replaced: `/proc` is the room's own, and jobs are under the worker's filter."""

    def knows(self, flavour: Flavour) -> Mapping[str, JSON]:
        """Return what a worker is told at its start."""
        known = settings(
            preload=flavour.preload,
            network=flavour.network,
            place=PLACE,
            strict=self.rooms,
            disk_mib=self.ceilings.disk_mib,
        )
        return {**known, "job_user": NOBODY} if self.gvisor else known

    def settings(self) -> dict[str, Any]:
        """Return what is run, as whom, and by whom: the SDK's `create_container`."""
        labels = {OWNER: str(Owner.here()), SANDBOX: self.sandbox, ENGINE: self.engine}
        return {
            "image": self.image,
            "entrypoint": ["python3", "-I", "-S", "-c", BOOT],
            "user": "0:0" if self.gvisor else f"{NOBODY}:{NOBODY}",
            "working_dir": "/",
            "environment": {**_ENVIRONMENT, **labels},  # where `_shims` can read them, too
            "hostname": "sandbox",
            "stdin_open": True,
            "stop_signal": "SIGKILL",  # for another one an engine that stops would wait ten seconds
            "healthcheck": {"test": ["NONE"]},  # an image's own would run beside the jobs
            "labels": labels,
        }

    def host(self, flavour: Flavour) -> dict[str, Any]:
        """Return the walls: the SDK's `create_host_config`."""
        types, ceilings = sdk().types, self.ceilings
        memory = ceilings.container_mib << 20
        files = ceilings.open_files
        spare = _SENTRY_THREADS if self.gvisor else _SLACK_PROCESSES
        return {
            "auto_remove": True,
            "cap_drop": ["ALL"],
            "cap_add": _SENTRY_CAPABILITIES if self.gvisor else [],
            "init": False,  # the worker is the first process: no job can kill it or outlive it
            "ipc_mode": "none",
            "log_config": types.LogConfig(type="none"),  # the default writes all output to the disk
            "mem_limit": memory,
            "memswap_limit": memory,
            "nano_cpus": int(ceilings.cpus * 1e9),
            "network_mode": "bridge" if flavour.network else "none",
            "pids_limit": ceilings.processes + spare,
            "read_only": True,
            "runtime": self.runtime,
            "security_opt": [
                "no-new-privileges",
                *([f"seccomp={container_filter()}"] if self.rooms else []),
            ],
            "tmpfs": self._writable(),
            "ulimits": [
                types.Ulimit(name="core", soft=0, hard=0),
                types.Ulimit(name="nofile", soft=files, hard=files),
            ],
        }

    def _writable(self) -> dict[str, str]:
        closed = dict.fromkeys((*_CLOSED, *self.volumes), "size=4k,ro")
        if self.rooms:
            return {**closed, PLACE: "size=4k,ro"}  # each room mounts its own there
        size = self.ceilings.disk_mib
        work = (
            # A little more than the largest job may have: its worker stops it at its limit, and
            # knows why.
            f"size={size + 8}m,nr_inodes={size * FILES_PER_MIB + 1024},"
            f"mode=0700,uid={NOBODY},gid={NOBODY},"
            "nosuid,nodev,exec"  # a compiled program is there to be run
        )
        return {**closed, PLACE: work}


class Container:
    """One worker in a container of its own; see `gadfly.worker.Worker`."""

    def __init__(self, engine: Engine, name: str, stream: AttachedStream, memory_mib: int) -> None:
        self.stream = stream
        self._engine = engine
        self._name = name
        self._memory_mib = memory_mib
        self._started = time.time()
        self._killed = False

    def kill(self) -> None:
        """See `gadfly.worker.Worker.kill`."""
        self.stream.cut()
        if not self._killed:
            self._killed = True
            remove(self._engine, self._name)

    def post_mortem(self) -> str:
        """See `gadfly.worker.Worker.post_mortem`."""
        try:
            status, out_of_memory = self._engine.end_of(
                self._name, self._started, _POST_MORTEM_SECONDS
            )
        except SandboxError as error:
            return str(error)
        if out_of_memory:
            return (
                f"its container ran out of memory (it has {self._memory_mib} MiB, the work "
                "folder's files among them)"
            )
        if status is None:
            return ""
        last = self.stream.errors.strip().rpartition("\n")[2][:200]
        return f"its container ended with status {status}{': ' + last if last else ''}"


def start(engine: Engine, recipe: Recipe, flavour: Flavour) -> tuple[Container, Sequence[str]]:
    """Start a container; return it and the engine's warnings, which name limits that do not hold.

    Raises:
        SandboxError: It did not start. Nothing of it is left.
    """
    name = f"gadfly-{secrets.token_hex(8)}"
    try:
        warnings = engine.create(
            name, recipe.settings(), recipe.host(flavour), whole_proc=recipe.rooms
        )
        # Attached before it starts, so that no byte is missed.
        stream = AttachedStream(engine.attach(name))
        container = Container(engine, name, stream, recipe.ceilings.container_mib)
        try:
            engine.start(name)
            # One that has died already says why in its post-mortem, when nobody answers.
            with contextlib.suppress(OSError):
                stream.send(first_message(recipe.knows(flavour)))
        except BaseException:
            stream.close()
            raise
    except BaseException:
        remove(engine, name)
        raise
    return container, warnings


def remove(engine: Engine, name: str) -> None:
    """Remove a container, or say in the log why it could not be; `cleanup` finds it later."""
    try:
        engine.remove(name)
    except SandboxError as error:
        logger.warning("container %s may be left: %s", name, error)


def describe(container: Mapping[str, Any]) -> str:
    """Return a line about a container, out of the engine's list."""
    name = container["Names"][0].lstrip("/")
    return f"container {name} ({container['State']}, {container['Status']})"
