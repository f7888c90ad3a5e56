"""The sandbox itself: the port, bounded concurrency, and cancellation that leaves nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gadfly import InputError, Isolation, Job, JobResult, SandboxError
from gadfly_local._execution import Execution
from gadfly_local._plan import Plan
from gadfly_local._probe import find_plan


class LocalSandbox:
    """Runs jobs as processes of this machine, without root, docker or anything to install.

    What it covers and what it does not is in the README; what is in force on this machine is in
    each result's `isolation`. The first run probes the machine, which takes tenths of a second.

    Args:
        concurrency: How many jobs run at a time, others wait; the number of cores by default.
        root: Where to make work folders; the system's folder for temporary files by default.
        namespaces: Whether to use kernel namespaces where the kernel grants them. False gives what
            a machine gives that refuses them.

    Raises:
        InputError: `concurrency` is not positive, or `root` is not a folder.
    """

    name = "local"

    def __init__(
        self,
        *,
        concurrency: int | None = None,
        root: str | Path | None = None,
        namespaces: bool = True,
    ) -> None:
        if concurrency is not None and concurrency < 1:
            raise InputError(f"concurrency must be at least 1, not {concurrency!r}")
        self._root = Path(root or tempfile.gettempdir()).resolve()
        if not self._root.is_dir():
            raise InputError(f"root {str(root)!r} is not a folder")
        self._namespaces = namespaces
        self._plan: Plan | None = None
        self._probing = threading.Lock()
        # Threads, not tasks: limits hold and pipes are drained while the event loop is busy, and
        # one sandbox serves any number of loops.
        self._threads = ThreadPoolExecutor(concurrency or os.cpu_count() or 1, "gadfly-local")

    async def run(self, job: Job) -> JobResult:
        """Run one job; see `gadfly.Sandbox.run`.

        A command that cannot be found is the job's doing: exit status 127, as a shell has it.

        Raises:
            InputError: The job's files or command cannot be given to any process.
            SandboxError: The machinery failed, or this machine is no Linux.
        """
        if sys.platform != "linux":
            raise SandboxError(f"the local sandbox needs Linux, and this is {sys.platform}")
        execution = Execution(job, self._find_plan, self._root)
        try:
            future = self._threads.submit(execution.run)
        except RuntimeError as error:  # closed, or no thread to be had
            raise SandboxError(f"the local sandbox takes no more jobs: {error}") from error
        waiter = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiter)
        except asyncio.CancelledError:
            execution.cancel()
            future.cancel()  # it may not have begun
            await _settled(waiter)
            raise

    async def probe(self) -> Isolation:
        """See `gadfly.Sandbox.probe`."""
        plan = await asyncio.to_thread(self._find_plan)
        return plan.isolation(network=False)

    async def close(self) -> None:
        """Wait for the jobs that run and give the threads back."""
        await asyncio.to_thread(self._threads.shutdown)

    def _find_plan(self) -> Plan:
        with self._probing:
            if self._plan is None:
                self._plan = find_plan(self._root, namespaces=self._namespaces)
            return self._plan


async def _settled(waiter: asyncio.Future[JobResult]) -> None:
    """Wait until a job is over, however often the waiting is cancelled."""
    while not waiter.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([waiter])
    if not waiter.cancelled():
        waiter.exception()  # seen: the caller is no longer interested
