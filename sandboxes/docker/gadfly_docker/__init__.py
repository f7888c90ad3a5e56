"""A sandbox of hardened containers with warm workers, by docker or, with `runsc`, gVisor.

A container runs one job at a time. Its first process is a Python that has imported what jobs will
import and forks for each; it is spoken to over its standard streams, so the container needs no
network, no volume and no helper. Containers are walled in by default (`_container.py` has the list,
the README what it covers), are never stopped but killed, and go when their owner dies: a worker
that reads the end of its input ends, and the engine removes what has ended.
"""

from __future__ import annotations

import functools

from gadfly import Register, Sandbox, hookimpl
from gadfly_docker._sandbox import DockerSandbox as DockerSandbox

__all__ = ["DockerSandbox"]


@hookimpl
def register_sandboxes(register: Register[Sandbox]) -> None:
    """Offer `docker` and `docker/gvisor`."""
    register("docker", DockerSandbox)
    register("gvisor", functools.partial(DockerSandbox, runtime="runsc"))
