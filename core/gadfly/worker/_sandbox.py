"""The sandbox over workers: a pool that keeps them warm, and the port that jobs come in by."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from gadfly._errors import InputError, SandboxError
from gadfly._values.job import Isolation, Job, JobResult
from gadfly.worker._conversation import Conversation, with_peer
from gadfly.worker._pool import Pool
from gadfly.worker._ports import Backend, Flavour, MachineryError
from gadfly.worker._probe import look_around

T = TypeVar("T")


class WorkerSandbox:
    """A `gadfly.Sandbox` whose jobs run on warm workers.

    Machinery that fails under a job, so that nothing is known about it, is tried once more on a
    fresh worker; then it is a `SandboxError`.

    Args:
        backend: How workers are started.
        workers: How many jobs run at a time, others wait; the number of cores by default.
        preload: Modules that all workers import at their start, beside what jobs ask for.
        jobs_per_worker: After how many jobs a worker is replaced; a function for a backend that
            knows it only when its first worker has started. With 1, as many as may be needed next
            stand ready.

    Raises:
        InputError: `workers` is not positive.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        workers: int | None = None,
        preload: tuple[str, ...] = (),
        jobs_per_worker: int | Callable[[], int] = 500,
    ) -> None:
        if workers is not None and workers < 1:
            raise InputError(f"workers must be at least 1, not {workers!r}")
        self.name = backend.name
        self._backend = backend
        self._preload = preload
        count = workers or os.cpu_count() or 1
        # Threads, not tasks: one sandbox serves any number of event loops, busy or not.
        self._threads = ThreadPoolExecutor(count, f"gadfly-{backend.name}")
        jobs = jobs_per_worker
        self._pool = Pool(
            backend, jobs_per_worker=jobs if callable(jobs) else lambda: jobs, spares=count + 1
        )
        self._isolations: dict[bool, Isolation] = {}
        self._probing = threading.Lock()
        self._closed = False

    async def run(self, job: Job) -> JobResult:
        """Run one job; see `gadfly.Sandbox.run`.

        A command that cannot be found is the job's doing: exit status 127, as a shell has it.

        Raises:
            InputError: The job's files or command cannot be given to any process.
            SandboxError: The machinery failed.
        """
        for one in with_peer(job):
            _check(one)
        conversation = Conversation(job)
        return await self._in_thread(lambda: self._run(job, conversation), conversation.cancel)

    async def probe(self) -> Isolation:
        """Say what is in force, as a first job saw it; see `gadfly.Sandbox.probe`."""
        return await self._in_thread(lambda: self._isolation(network=False), lambda: None)

    async def close(self) -> None:
        """Wait for the jobs that run, and end all workers."""
        self._closed = True
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._threads.shutdown()
        self._pool.close()
        self._backend.close()

    async def _in_thread(self, work: Callable[[], T], cancel: Callable[[], None]) -> T:
        if self._closed:
            raise SandboxError(f"the sandbox {self.name} is closed: it takes no more jobs")
        try:
            future = self._threads.submit(work)
        except RuntimeError as error:  # no thread to be had
            raise SandboxError(f"the sandbox {self.name} takes no more jobs: {error}") from error
        waiter = asyncio.wrap_future(future)
        try:
            return await asyncio.shield(waiter)
        except asyncio.CancelledError:
            cancel()
            future.cancel()  # it may not have begun
            await _settled(waiter)
            raise
        except OSError as error:  # out of processes, descriptors or memory
            raise SandboxError(f"the sandbox {self.name} failed: {error}") from error

    def _run(self, job: Job, conversation: Conversation) -> JobResult:
        jobs = with_peer(job)
        failure: MachineryError | None = None
        for fresh in (False, True):
            try:
                with contextlib.ExitStack() as stack:
                    isolations = [self._isolation(network=one.limits.network) for one in jobs]
                    workers = [
                        stack.enter_context(self._pool.worker(self._flavour(one), fresh=fresh))
                        for one in jobs
                    ]
                    return conversation.hold(workers, isolations)
            except MachineryError as error:
                failure = error
        raise SandboxError(f"the sandbox {self.name} failed twice: {failure}") from failure

    def _flavour(self, job: Job) -> Flavour:
        names = dict.fromkeys((*self._preload, *job.preload))
        given = len(job.stdin) + sum(map(len, job.files.values()))
        # As bytes they may take three times as much; few sizes, so that workers can be shared.
        needed = job.limits.disk_mib + 3 * given // (1 << 20)
        disk = max(64, 1 << (needed - 1).bit_length())
        return Flavour(tuple(names), job.limits.network, disk)

    def _isolation(self, *, network: bool) -> Isolation:
        with self._probing:
            if network not in self._isolations:
                with self._pool.worker(Flavour((), network), fresh=False) as worker:
                    facts = look_around(worker, self.name)
                self._isolations[network] = self._backend.isolation(facts, network=network)
            return self._isolations[network]


def _check(job: Job) -> None:
    """Refuse what cannot be given to any process."""
    if any("\0" in word for word in job.argv):
        raise InputError(f"the job's command holds a NUL character: {job.argv!r:.200}")
    for name in job.files:
        try:
            name.encode()
        except UnicodeEncodeError as error:
            raise InputError(f"job file {name!r} cannot be made: its name is no text") from error


async def _settled(waiter: asyncio.Future[T]) -> None:
    """Wait until a job is over, however often the waiting is cancelled."""
    while not waiter.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([waiter])
    if not waiter.cancelled():
        waiter.exception()  # seen: the caller is no longer interested
