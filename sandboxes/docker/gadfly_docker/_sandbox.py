"""The sandbox itself: options that people give, and jobs that ask for more than there is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from gadfly import InputError, Job, JobResult, Level
from gadfly.worker import WorkerSandbox
from gadfly_docker._backend import DockerBackend
from gadfly_docker._container import Ceilings

_LEVELS = (Level.FAST, Level.STRICT)


class DockerSandbox(WorkerSandbox):
    """Runs jobs in hardened containers with a warm Python in each.

    Containers have no network, no capabilities, a read-only root, an unprivileged user, no logs,
    and ceilings for memory, processes and processors. No image is ever pulled. What is covered and
    what is not is in the README; what is in force is in each result's `isolation`.

    Args:
        image: The image, with Python 3.9 or later as `python3`; None asks `GADFLY_DOCKER_IMAGE`,
            then takes `python:3.12-slim`.
        runtime: What runs containers, by the engine's name for it: `runsc` is gVisor. None is the
            engine's default.
        level: `fast`, where jobs follow each other in a container, or `strict`, where each has
            namespaces and a file system of its own inside; or, where those cannot be had (gVisor,
            AppArmor's docker profile, no user namespaces), a container of its own.
        workers: How many jobs run at a time, each in a container; the number of cores by default.
        preload: Python modules to import before any job comes; what the image does not have is
            left out.
        memory_mib: What a container may use in all, its work folder included.
        disk_mib: Size of a container's work folder, which is in memory.
        processes: Processes and threads in a container.
        open_files: Descriptors of one process.
        cpus: Processors' time that a container may use (1.5 is one and a half).
        url: Where the docker engine listens; None asks the environment, as `docker` does.

    Raises:
        InputError: The level is neither of the two, or a number is not positive.
    """

    def __init__(
        self,
        image: str | None = None,
        *,
        runtime: str | None = None,
        level: str | None = None,
        workers: int | None = None,
        preload: Sequence[str] = (),
        memory_mib: int = 2048,
        disk_mib: int = 256,
        processes: int = 256,
        open_files: int = 1024,
        cpus: float = 1.0,
        url: str | None = None,
    ) -> None:
        if level not in {None, *_LEVELS}:
            raise InputError(f"a container's level is fast or strict, not {level!r}")
        chosen = Level(level or Level.FAST)
        self._ceilings = Ceilings(
            memory_mib=memory_mib,
            disk_mib=disk_mib,
            processes=processes,
            open_files=open_files,
            cpus=cpus,
        )
        self._docker = DockerBackend(
            image=image, runtime=runtime, level=chosen, ceilings=self._ceilings, url=url
        )
        super().__init__(
            self._docker,
            workers=workers,
            preload=tuple(preload),
            jobs_per_worker=self._docker.jobs_per_worker,
        )

    async def run(self, job: Job) -> JobResult:
        """Run one job; see `gadfly.Sandbox.run`.

        Raises:
            InputError: The job may use more than its container.
            SandboxError: The machinery failed.
        """
        self._ceilings.check(job)
        if job.peer is not None:
            self._ceilings.check(job.peer)
        return await super().run(job)

    async def cleanup(self, *, dry_run: bool = False) -> Sequence[str]:
        """Remove the containers that dead processes have left; return a line for each.

        Args:
            dry_run: Only say what would be removed.

        Raises:
            SandboxError: The engine does not answer.
        """
        return await asyncio.to_thread(self._docker.cleanup, dry_run=dry_run)
