"""The docker engine, by the few requests that a sandbox needs. Each has a deadline.

What goes wrong leaves here as a `SandboxError` of one line.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, TypeVar

from gadfly import SandboxError

_Returned = TypeVar("_Returned")

DEADLINE_SECONDS = 30.0
"""For one request. A container starts in tenths of a second, on a busy machine in seconds."""
RESTART_SECONDS = 30.0
"""How long an engine that has answered before may be away."""
_PAUSE_SECONDS = 0.25
_LATE_SECONDS = 0.5
_KILLED = 137
"""The exit status of what SIGKILL has ended, as when memory was short."""


class UnreachableError(SandboxError):
    """Nobody answers, or not in time. What was asked may have been done, or be done later."""


class RefusedError(SandboxError):
    """The engine answered that it will not.

    Args:
        message: The line for a person.
        status: As in HTTP: 404 is "there is no such thing", 409 "not in its present state".
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Engine:
    """A docker engine on this machine or another. Requests may come from any thread.

    Args:
        url: Where it listens (`unix:///...`, `tcp://...`); None asks the environment, as docker's
            own command does (`DOCKER_HOST`).
    """

    def __init__(self, url: str | None = None) -> None:
        self._url = url
        self._client: Any = None
        self._connecting = threading.Lock()

    def answers(self) -> bool:
        """Whether the engine is there."""
        try:
            return self._ask("answer", lambda client: bool(client.ping()))
        except SandboxError:
            return False

    def info(self) -> Mapping[str, Any]:
        """Return what the engine says of itself: limits that it can set, runtimes, security."""
        return self._ask("describe itself", lambda client: client.info())

    def image(self, name: str) -> Mapping[str, Any] | None:
        """Return what an image is, or None if the engine does not have it. Nothing is pulled."""
        try:
            found: Mapping[str, Any] = self._ask(
                f"describe the image {name}", lambda client: client.inspect_image(name)
            )
        except RefusedError as refusal:
            if refusal.status == 404:
                return None
            raise
        return found

    def create(
        self,
        name: str,
        settings: Mapping[str, Any],
        host: Mapping[str, Any],
        *,
        whole_proc: bool = False,
    ) -> list[str]:
        """Create a container and return the engine's warnings: limits that it cannot set.

        Args:
            name: What to call it.
            settings: What the SDK's `create_container` takes.
            host: What the SDK's `create_host_config` takes.
            whole_proc: Whether nothing of `/proc` is covered, which the SDK has no word for.
        """
        uncovered: Mapping[str, Any] = {"MaskedPaths": [], "ReadonlyPaths": []}
        made = self._ask(
            "create a container",
            lambda client: client.create_container(
                name=name,
                host_config={
                    **client.create_host_config(**host),
                    **(uncovered if whole_proc else {}),
                },
                **settings,
            ),
        )
        return list(made["Warnings"] or ())

    def attach(self, name: str) -> socket.socket:
        """Return a connection with the standard streams of a container's first process."""
        streams = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        attached = self._ask(
            "attach to a container", lambda client: client.attach_socket(name, streams)
        )
        # A socket of our own: the SDK's lies in three wrappers that each hold it open.
        connection = socket.socket(fileno=os.dup(attached.fileno()))
        attached._response.close()  # noqa: SLF001 - where the SDK has left what owns it
        return connection

    def start(self, name: str) -> None:
        """Start a container that was created."""
        self._ask("start a container", lambda client: client.start(name))

    def remove(self, name: str) -> None:
        """Kill a container and remove it. It may be gone already, or about to be.

        Whoever is attached to it lets go before: an engine that cannot pass on the output of a
        container waits with its removal.
        """
        try:
            self._ask(
                "remove a container",
                lambda client: client.remove_container(name, force=True, v=True),
            )
        except RefusedError as refusal:
            if refusal.status not in {404, 409}:
                raise

    def containers(self, label: str) -> list[Mapping[str, Any]]:
        """Return the containers that have a label, whatever they do."""
        found: list[Mapping[str, Any]] = self._ask(
            "list containers",
            lambda client: client.containers(all=True, filters={"label": label}),
        )
        # An engine that was killed in the middle of a removal lists a container that it has not.
        return [container for container in found if container["Names"]]

    def end_of(self, name: str, since: float, patience: float) -> tuple[int | None, bool]:
        """Say how a container ended: its exit status, and whether memory was short.

        The engine keeps its last few hundred events: a container that is removed is in them.

        Args:
            name: The container.
            since: When it was started (`time.time()`).
            patience: Seconds to wait for its end; afterwards the status is None.
        """

        def read(client: Any) -> tuple[int | None, bool]:  # noqa: ANN401 - the SDK has no types
            def first(kind: str, seconds: float) -> Any:  # noqa: ANN401 - the same
                until = f"{time.time() + seconds:.9f}"
                wanted = {"container": name, "event": kind}
                with contextlib.closing(
                    client.events(since=int(since) - 1, until=until, filters=wanted, decode=True)
                ) as events:
                    return next(events, None)

            end = first("die", patience)
            status = None if end is None else int(end["Actor"]["Attributes"].get("exitCode", 0))
            # That memory was short may be told later than the end.
            return status, bool(first("oom", _LATE_SECONDS if status == _KILLED else 0))

        return self._ask("tell what happened", read)

    def wait_until_gone(self, label: str, patience: float) -> Sequence[str]:
        """Wait until no container has a label; return the names of those that still do."""
        deadline = time.monotonic() + patience
        while True:
            left = [found["Names"][0].lstrip("/") for found in self.containers(label)]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(_PAUSE_SECONDS)

    def close(self) -> None:
        """Let go of the connections."""
        with self._connecting:
            if self._client is not None:
                self._client.close()

    def _ask(self, what: str, request: Callable[[Any], _Returned]) -> _Returned:
        with _one_line(what):
            return request(self._connected())

    def _connected(self) -> Any:  # noqa: ANN401 - the SDK has no types
        with self._connecting:
            if self._client is None:
                self._client = _connect(self._url)
            return self._client


def sdk() -> Any:  # noqa: ANN401 - it has no types
    """Return the docker SDK, which takes a quarter of a second to import."""
    return importlib.import_module("docker")


def while_it_restarts(engine: Engine, action: Callable[[], _Returned]) -> _Returned:
    """Do something that needs the engine; should nobody answer, once more when somebody does.

    Raises:
        SandboxError: The engine refused, or did not come back.
    """
    deadline = time.monotonic() + RESTART_SECONDS
    while True:
        try:
            return action()
        except UnreachableError:
            while not engine.answers():
                if time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_SECONDS)
            if time.monotonic() > deadline:
                raise


def _connect(url: str | None) -> Any:  # noqa: ANN401 - the SDK has no types
    docker = sdk()
    settings: dict[str, Any] = docker.utils.kwargs_from_env()
    if url is not None:
        settings = {"base_url": url}
    address = str(settings.get("base_url") or "unix:///var/run/docker.sock")
    if "tls" in settings or not address.startswith(("unix://", "tcp://", "http://")):
        raise SandboxError(
            f"the docker engine at {address} is behind ssh or TLS, which this sandbox does not "
            "speak; forward its socket (ssh -N -L /tmp/docker.sock:/var/run/docker.sock HOST) and "
            "set DOCKER_HOST=unix:///tmp/docker.sock"
        )
    try:
        _knock(address)
        return docker.APIClient(**settings, version="auto", timeout=DEADLINE_SECONDS)
    except PermissionError as error:
        raise UnreachableError(
            f"this user may not talk to the docker engine at {address}; add it to the group that "
            "owns the socket (`docker`), or set DOCKER_HOST to a rootless engine"
        ) from error
    except (docker.errors.DockerException, OSError) as error:
        raise UnreachableError(
            f"no docker engine answers at {address} ({_brief(error)}); install and start one "
            "(Debian: apt-get install docker.io), or set DOCKER_HOST to where one listens"
        ) from error


def _knock(address: str) -> None:
    """Connect once, for a plain error: the SDK's is wrapped four times, and leaks the socket."""
    kind, _, place = address.partition("://")
    if kind == "unix":
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(DEADLINE_SECONDS)
            line.connect(place)


@contextlib.contextmanager
def _one_line(what: str) -> Generator[None]:
    import requests

    docker = sdk()
    try:
        yield
    except docker.errors.APIError as error:
        status = 0 if error.response is None else error.response.status_code
        reason = _brief(error.explanation or error)
        raise RefusedError(f"the docker engine did not {what}: {reason}", status) from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise UnreachableError(
            f"the docker engine did not {what}: {_brief(error)}; is it running (docker info)?"
        ) from error


def _brief(reason: object) -> str:
    return " ".join(str(reason).split())[:300]
