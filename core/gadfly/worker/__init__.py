"""Workers: how a sandbox runs jobs fast and reports facts, whatever it is made of.

A *backend* starts workers (`Backend`); everything else is here: the worker itself, which runs
inside (`inside/`, standard library only), the line to it, the pool that keeps workers warm, and the
`Sandbox` port over them. For authors of sandboxes:

    class MyBackend:
        name = "mine"

        def start(self, flavour: Flavour) -> Worker:
            stream = ...  # an interpreter running `python3 -I -S -c BOOT`, its stdin and stdout
            stream.send(first_message(settings(preload=flavour.preload)))
            return MyWorker(stream)
        ...

    sandbox = WorkerSandbox(MyBackend())

`gadfly.testing.SANDBOX_CHECKS` and `SANDBOX_ATTACKS` decide what it is worth.
"""

from __future__ import annotations

from gadfly.worker._boot import BOOT as BOOT
from gadfly.worker._boot import container_filter as container_filter
from gadfly.worker._boot import first_message as first_message
from gadfly.worker._boot import settings as settings
from gadfly.worker._ports import Backend as Backend
from gadfly.worker._ports import Flavour as Flavour
from gadfly.worker._ports import MachineryError as MachineryError
from gadfly.worker._ports import Stream as Stream
from gadfly.worker._ports import Worker as Worker
from gadfly.worker._probe import entered as entered
from gadfly.worker._probe import holes as holes
from gadfly.worker._probe import try_out as try_out
from gadfly.worker._sandbox import WorkerSandbox as WorkerSandbox
from gadfly.worker._streams import SocketStream as SocketStream
from gadfly.worker.inside.cgroup import sweep as sweep

__all__ = [
    "BOOT",
    "Backend",
    "Flavour",
    "MachineryError",
    "SocketStream",
    "Stream",
    "Worker",
    "WorkerSandbox",
    "container_filter",
    "entered",
    "first_message",
    "holes",
    "settings",
    "sweep",
    "try_out",
]
