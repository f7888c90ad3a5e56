"""How docker starts workers, and what it may say of their walls."""

from __future__ import annotations

import logging
import os
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast
from weakref import WeakSet

from gadfly import JSON, Isolation, Level, SandboxError
from gadfly.worker import Flavour, entered, holes, try_out
from gadfly_docker import _container, _shims
from gadfly_docker._container import ENGINE, OWNER, SANDBOX, Ceilings, Container, Recipe
from gadfly_docker._engine import Engine, while_it_restarts
from gadfly_docker._owner import Owner
from gadfly_docker._shims import Shim

logger = logging.getLogger("gadfly.docker")

IMAGE = "python:3.12-slim"
"""The image where none is named: Python and nothing else."""
IMAGE_VARIABLE = "GADFLY_DOCKER_IMAGE"
_SEEN = ("python", "user", "no_new_privs", "landlock")
"""Of what a first job saw, what is worth telling."""
_GONE_SECONDS, _ENDING_SECONDS = 10.0, 2.0
_MANY_JOBS = 500


class DockerBackend:
    """Starts workers in containers; see `gadfly.worker.Backend`.

    Args:
        image: The image; None asks `GADFLY_DOCKER_IMAGE`, then takes `IMAGE`.
        runtime: What runs containers; None is the engine's default.
        level: What is said of jobs.
        ceilings: What a container may use.
        url: Where the engine listens; None asks the environment.
    """

    name = "docker"

    def __init__(
        self,
        *,
        image: str | None,
        runtime: str | None,
        level: Level,
        ceilings: Ceilings,
        url: str | None,
    ) -> None:
        self._image = image
        self._runtime = runtime
        self._level = level
        self._ceilings = ceilings
        self._engine = Engine(url)
        self._mark = secrets.token_hex(8)
        self._recipe: Recipe | None = None
        self._preparing = threading.Lock()
        self._no_rooms = ""
        self._info: Mapping[str, Any] = {}
        self._warnings: dict[str, None] = {}
        self._started: WeakSet[Container] = WeakSet()

    def start(self, flavour: Flavour) -> Container:
        """See `gadfly.worker.Backend.start`.

        An engine that has worked before is waited for, should it just be restarting.
        """
        recipe = self._prepare()
        container, warnings = while_it_restarts(
            self._engine, lambda: _container.start(self._engine, recipe, flavour)
        )
        self._warnings.update(dict.fromkeys(warnings))
        self._started.add(container)
        return container

    def jobs_per_worker(self) -> int:
        """Return after how many jobs a container is replaced; known when one has started.

        In a `strict` sandbox the only one, where rooms cannot be made inside.
        """
        alone = self._level is Level.STRICT and not (self._recipe and self._recipe.rooms)
        return 1 if alone else _MANY_JOBS

    def isolation(self, facts: Mapping[str, JSON], *, network: bool) -> Isolation:
        """See `gadfly.worker.Backend.isolation`.

        Raises:
            SandboxError: A first job could do what no job in a container can.
        """
        if found := holes(facts):
            raise SandboxError(f"a job in a container is not shut in: {'; '.join(found)}")
        recipe, info = self._prepare(), self._info
        details: dict[str, JSON] = {name: facts[name] for name in _SEEN} | {
            "namespaces": _namespaces(facts),
            "seccomp": "filter" if facts["seccomp"] else "none",
            "capabilities": "none",  # or `holes` has refused
            "engine": str(info.get("ServerVersion")),
            "runtime": recipe.runtime or str(info.get("DefaultRuntime")),
            "kernel": "gVisor's" if recipe.gvisor else "the machine's",
            "image": recipe.image,
            "cgroup": f"v{info.get('CgroupVersion', '1')}",
            "container": {
                "memory_mib": self._ceilings.container_mib,
                "processes": self._ceilings.processes,
                "cpus": self._ceilings.cpus,
            },
            **self._each_job(recipe),
            "filesystem": "read-only outside the work folder",
            "disk": "a file system of its own, in memory",
        }
        return Isolation(
            sandbox=self.name,
            level=self._level,
            network="open" if network else "none",
            details=details,
            missing=tuple(self._missing(recipe, facts)),
        )

    def cleanup(self, *, dry_run: bool) -> Sequence[str]:
        """Remove the containers whose owner is dead, and shims; return a line for each.

        Raises:
            SandboxError: The engine does not answer.
        """
        lines: list[str] = []
        for shim in self._forgotten():
            if not dry_run:
                shim.end()
            lines.append(f"{shim}, which its engine has forgotten")
        for found in self._engine.containers(OWNER):
            owner = Owner.parse(found["Labels"][OWNER])
            if owner is None or not owner.is_gone():
                continue
            if not dry_run:
                self._engine.remove(found["Id"])
            lines.append(f"{_container.describe(found)}, of process {owner.pid}, which is gone")
        return lines

    def _forgotten(self) -> list[Shim]:
        """Return the shims of our containers, and of those of the dead, that the engine has not."""
        ours = [shim for shim in _shims.find() if self._is_ours(shim.environment)]
        if not ours:
            return []
        # Asked afterwards: an engine knows of a container before that has a shim.
        known = {found["Id"] for found in self._engine.containers(OWNER)}
        # One whose container was removed just now ends by itself.
        return [s for s in ours if s.container not in known and s.is_there(_ENDING_SECONDS)]

    def _is_ours(self, marks: Mapping[str, str]) -> bool:
        """Whether a container is this sandbox's, or of an owner that is dead, and of our engine."""
        owner = Owner.parse(marks.get(OWNER, ""))
        if owner is None or not (marks.get(SANDBOX) == self._mark or owner.is_gone()):
            return False
        return marks.get(ENGINE) == self._engine.info().get("ID")

    def close(self) -> None:
        """Kill what is left of this sandbox, and wait until the engine has forgotten it."""
        for container in list(self._started):
            container.kill()
            container.stream.close()
        if self._recipe is not None:
            try:
                self._remove_the_last()
            except SandboxError as error:
                logger.warning("containers may be left: %s", error)
        self._engine.close()

    def _remove_the_last(self) -> None:
        """Wait for our containers to go, and remove what stays: an engine that dies forgets orders.

        Raises:
            SandboxError: The engine does not answer.
        """
        for name in self._engine.wait_until_gone(f"{SANDBOX}={self._mark}", _GONE_SECONDS):
            _container.remove(self._engine, name)
        self.cleanup(dry_run=False)  # of processes that were killed and could not do this

    def _prepare(self) -> Recipe:
        """Look once at the engine and the image.

        Raises:
            SandboxError: One of them is not there, with how to get it.
        """
        with self._preparing:
            if self._recipe is None:
                self._info = self._engine.info()
                self._check_runtime()
                name = self._image or os.environ.get(IMAGE_VARIABLE) or IMAGE
                image = self._engine.image(name)
                if image is None:
                    raise SandboxError(
                        f"the image {name} is not on the docker engine, and none is pulled; "
                        f"`docker pull {name}` or `docker load`, or name one that is there "
                        f"(image=..., or {IMAGE_VARIABLE})"
                    )
                recipe = Recipe(
                    image=str(image["Id"]),
                    volumes=_volumes(image),
                    runtime=self._runtime,
                    gvisor="runsc" in (self._runtime or str(self._info.get("DefaultRuntime"))),
                    ceilings=self._ceilings,
                    sandbox=self._mark,
                    engine=str(self._info.get("ID")),
                )
                roomy = self._level is Level.STRICT and self._can_make_rooms(recipe)
                self._recipe = replace(recipe, rooms=roomy)
            return self._recipe

    def _can_make_rooms(self, recipe: Recipe) -> bool:
        """Whether namespaces for each job can be had inside a container, found out by one.

        Raises:
            SandboxError: The engine does not answer.
        """
        if recipe.gvisor:
            self._no_rooms = "gVisor has no such namespaces"
            return False

        def start() -> Container:
            container, _ = while_it_restarts(
                self._engine,
                lambda: _container.start(self._engine, replace(recipe, rooms=True), Flavour()),
            )
            self._started.add(container)
            return container

        try:
            self._no_rooms = "; ".join(holes(try_out(start, self.name)))
        except SandboxError as error:
            self._engine.info()
            self._no_rooms = str(error)
        return not self._no_rooms

    def _each_job(self, recipe: Recipe) -> Mapping[str, JSON]:
        """Say what a `strict` job has for itself."""
        if self._level is not Level.STRICT:
            return {}
        if recipe.rooms:
            return {"each_job": "namespaces and a file system of its own, in a container"}
        return {"each_job": f"a container of its own ({self._no_rooms})"}

    def _check_runtime(self) -> None:
        runtimes: Mapping[str, Any] = self._info.get("Runtimes") or {}
        known = sorted(runtimes)
        if self._runtime is not None and self._runtime not in known:
            raise SandboxError(
                f"the docker engine has no runtime {self._runtime!r}, only {', '.join(known)}; "
                f"name it in /etc/docker/daemon.json ({_DAEMON % self._runtime}) and reload the "
                "engine (kill -HUP)"
            )

    def _missing(self, recipe: Recipe, facts: Mapping[str, JSON]) -> list[str]:
        lines = [f"the engine says: {warning}" for warning in self._warnings]
        if recipe.gvisor:
            return lines  # its own kernel is the wall; what of Linux it lacks does not open it
        if not facts["landlock"]:
            lines.append("landlock: give the engine's machine Linux 5.13 or newer, with landlock")
        if not facts["seccomp"]:
            lines.append("a filter of system calls around each job: use a kernel with seccomp")
        security = " ".join(self._info.get("SecurityOptions") or ())
        if "name=seccomp" not in security or (
            "profile=unconfined" in security and not recipe.rooms
        ):
            lines.append("docker's own filter of system calls: start the engine with its default")
        return lines


def _volumes(image: Mapping[str, Any]) -> tuple[str, ...]:
    config: Mapping[str, Any] = image.get("Config") or {}
    volumes: Mapping[str, Any] = config.get("Volumes") or {}
    return tuple(volumes)


def _namespaces(facts: Mapping[str, JSON]) -> JSON:
    try:
        return list(entered(facts))
    except OSError:  # no Linux here: the engine is in a virtual machine
        return list(cast("Mapping[str, JSON]", facts["namespaces"]))


_DAEMON = '{"runtimes": {"%s": {"path": "/usr/bin/runsc"}}}'
