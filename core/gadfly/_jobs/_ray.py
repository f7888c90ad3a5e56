"""Checks on the workers of a Ray cluster, which may be many machines, or this one alone.

Each slot is one Ray actor with a sandbox and critics of its own. The queue stays with whoever
started the job: workers never see the store, and what one held when it died is queued again. They
need the same Python packages, plugins included, and what was made in code must be picklable.

Ray is imported on first use.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from gadfly._errors import InputError, ToolError
from gadfly._jobs._engines import LocalEngine, LostWorkerError
from gadfly._jobs._extras import missing_extra
from gadfly._jobs._queue import Check
from gadfly._jobs.plan import Plan
from gadfly._jobs.results import VerifyResult
from gadfly._values.codec import dump, load
from gadfly._values.task import JSON

START_SECONDS = 120.0
"""How long the first worker may take to start; it then waits for a free CPU of the cluster."""
CONNECT_SECONDS = 10.0
"""How long a cluster may take to answer at all."""
CLOSE_SECONDS = 10.0
"""How long a worker may take to give its sandbox back before it is killed."""


def require_ray() -> Any:  # noqa: ANN401 - what Ray's functions return is not typed
    """Return the module `ray`.

    Raises:
        InputError: It is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise missing_extra("the engine ray", "Ray", "ray") from error


class RayEngine:
    """Checks in Ray actors.

    Args:
        plan: What to check with.
        address: The cluster's address; None for the one that the process is connected to or that
            `RAY_ADDRESS` names, else for one of its own on this machine.
        workers: Actors; by default as many as the cluster has CPUs.

    Raises:
        InputError: The plan cannot be sent to other processes.
    """

    def __init__(self, plan: Plan, *, address: str | None, workers: int | None) -> None:
        self._ray = require_ray()
        self._pickled = _pickle(plan)
        self._address = address
        self._workers = workers
        self._is_ours = False
        self._actors: list[Any] = []

    @property
    def slots(self) -> int:
        """See `Engine`."""
        return len(self._actors)

    async def __aenter__(self) -> Self:
        if not self._ray.is_initialized():
            # Not in the main thread: there, Ray would take SIGTERM for itself.
            await asyncio.to_thread(self._connect)
            self._is_ours = True
            _take_sigterm_back()
        try:
            cpus = int(self._ray.cluster_resources().get("CPU", 0))
            if cpus < (self._workers or 1):
                raise InputError(
                    f"this Ray has {cpus} CPUs, and each worker needs one: ask for fewer workers"
                )
            self._actors = [self._start() for _ in range(self._workers or cpus)]
            await self._wait_for_first()
        except BaseException:
            await self._leave()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                closing = [actor.close.remote() for actor in self._actors]
                # One that does not answer is killed with the rest.
                with suppress(TimeoutError, self._ray.exceptions.RayError):
                    await asyncio.wait_for(asyncio.gather(*closing), CLOSE_SECONDS)
        finally:
            await self._leave()

    async def check(self, slot: int, check: Check) -> VerifyResult:
        """See `Engine`."""
        try:
            plain = await self._actors[slot].check.remote(check)
        except self._ray.exceptions.RayActorError as error:
            self._actors[slot] = self._start()
            raise LostWorkerError("the Ray worker that checked it ended") from error
        return load(VerifyResult, plain)

    def _connect(self) -> None:
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        address = self._address or os.environ.get("RAY_ADDRESS")
        try:
            if address:
                _require_answer(address)
                self._ray.init(address=address, **quiet)
                return
            # Nothing is sent anywhere by default.
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            cpus = self._workers or os.cpu_count()
            self._ray.init(address="local", num_cpus=cpus, include_dashboard=False, **quiet)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            where = f" at {address}" if address else ""
            detail = " ".join(str(error).split())
            raise ToolError(f"cannot use Ray{where}: {detail}") from error

    def _start(self) -> Any:  # noqa: ANN401 - an actor handle
        options = {"num_cpus": 1, "max_restarts": 0, "max_task_retries": 0}
        return self._ray.remote(**options)(Worker).remote(self._pickled)

    async def _wait_for_first(self) -> None:
        try:
            await asyncio.wait_for(self._actors[0].ready.remote(), START_SECONDS)
        except TimeoutError:
            message = f"Ray started no worker within {START_SECONDS:g} s: are its CPUs all taken?"
            raise ToolError(message) from None
        except self._ray.exceptions.RayError as error:
            # The last line is the cause, what is before it a traceback.
            (*_, cause) = str(error).strip().splitlines() or [type(error).__name__]
            raise ToolError(f"a Ray worker cannot start: {cause.strip()}") from error

    async def _leave(self) -> None:
        for actor in self._actors:
            self._ray.kill(actor)
        if self._is_ours:
            await asyncio.to_thread(self._ray.shutdown)


class Worker:
    """What runs in a Ray actor: a local engine of its own, made in the actor's event loop."""

    def __init__(self, pickled: bytes) -> None:
        import cloudpickle

        self._plan: Plan = cloudpickle.loads(pickled)
        self._engine: LocalEngine | None = None

    async def ready(self) -> None:
        """Return when the plan has been read."""

    async def check(self, check: Check) -> JSON:
        """Return the plain result of a check."""
        if self._engine is None:
            self._engine = LocalEngine(self._plan)
        return dump(await self._engine.check(0, check))

    async def close(self) -> None:
        """Give the sandbox back."""
        if self._engine is not None:
            await self._engine.__aexit__(None, None, None)


def _take_sigterm_back() -> None:
    """Ray's native code prints a stack trace before it lets Python's handler have the signal."""
    handler = signal.getsignal(signal.SIGTERM)
    if callable(handler) and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)
        signal.siginterrupt(signal.SIGTERM, False)  # noqa: FBT003 - it takes no keyword


def _require_answer(address: str) -> None:
    """Knock at a `HOST:PORT` first: Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if colon and "/" not in host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()


def _pickle(plan: Plan) -> bytes:
    import cloudpickle

    try:
        pickled: bytes = cloudpickle.dumps(plan)
    except Exception as error:
        raise InputError(
            f"with the engine ray, critics, tools, judge and sandbox must be picklable: {error}"
        ) from error
    return pickled
