"""Workers on this machine: the ways of starting them, the strongest first, and which one works."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gadfly import JSON, Isolation, Level, SandboxError
from gadfly.worker import (
    BOOT,
    Flavour,
    MachineryError,
    SocketStream,
    Worker,
    entered,
    first_message,
    holes,
    settings,
    sweep,
    try_out,
)
from gadfly_local import _layout
from gadfly_local._interpreter import Interpreter

NOBODY = 65_534
"""The user that a root host's jobs run as, where that user can read the interpreter."""
_PATIENCE_SECONDS = 5.0
_NAMESPACES = (
    "install bubblewrap, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, "
    "user.max_user_namespaces=10000, kernel.apparmor_restrict_unprivileged_userns=0)"
)
_NESTING = "allow user namespaces inside user namespaces, or use the docker sandbox"
_ORDINARY = f"run as one, or with an interpreter that user {NOBODY} can start too"
_LANDLOCK = "Linux 5.13 or newer, with landlock among the security modules (lsm=landlock,...)"
_SECCOMP = "a kernel with CONFIG_SECCOMP_FILTER, on x86_64 or aarch64"
_CGROUPS = (
    "run as root, or in a scope of your own (systemd-run --user --scope -p Delegate=yes ...); "
    "without them a watchdog looks every 10 ms"
)
_CGROUPS_BESIDE_BWRAP = f'LocalSandbox(without=["bwrap"]), and {_CGROUPS}'
_LAST_RESORT = (
    "use the docker sandbox, or LocalSandbox(allow_unsafe=True) to go on with limits only"
)


@dataclass(frozen=True, slots=True)
class Way:
    """One way of starting workers."""

    launcher: str
    """`bwrap`, `own` (namespaces by system calls), or `none`."""
    rooms: bool = False
    """Whether namespaces can be made inside the house: for each job, or for each worker."""
    user: int | None = None
    """User and group id that jobs run as; None for the host's own."""
    landlock: bool = True
    seccomp: bool = True

    @property
    def level(self) -> Level:
        """The most that it can promise."""
        if self.launcher != "none":
            return Level.STRICT if self.rooms else Level.FAST
        # Landlock does not keep root from changing the modes and times of the machine's files.
        ordinary = self.user is not None or os.geteuid() != 0
        return Level.PROCESS if ordinary and self.landlock and self.seccomp else Level.UNSAFE


_FORK = b"S\0\0\0\0"
"""The frame that asks a zygote for a worker."""
_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    # Functions of libraries are found at the start, once, and not anew in each job's process.
    "LD_BIND_NOW": "1",
}
"""Of the interpreter; a worker makes its jobs' itself."""


class LocalBackend:
    """Starts workers as processes of this machine.

    Args:
        root: Where work folders are made if jobs get no file system of their own.
        strict: Whether each job is to have namespaces of its own.
        python: What jobs run on.
        readable: Files and folders that jobs may read, beside the system's and the interpreter's.
        without: Means not to use: `namespaces`, `bwrap`, `landlock`, `seccomp`, `cgroups`.
        allow_unsafe: Whether to go on where nothing but limits can be enforced.
    """

    name = "local"

    def __init__(
        self,
        *,
        root: Path,
        strict: bool,
        python: Interpreter,
        readable: tuple[str, ...],
        without: frozenset[str],
        allow_unsafe: bool,
    ) -> None:
        self._root = root
        self._strict = strict
        self._python = python.command
        self._readable = (*python.folders, *readable)
        self._without = without
        self._allow_unsafe = allow_unsafe
        self._way: Way | None = None
        self._refused: dict[str, str] = {}
        self._finding = threading.Lock()
        self._zygotes: dict[Flavour, _Process] = {}

    def start(self, flavour: Flavour) -> Worker:
        """See `gadfly.worker.Backend.start`."""
        try:
            with self._finding:
                way = self._way = self._way or self._find()
                if not way.rooms:
                    return self._launch(way, flavour)
                zygote = self._zygotes.get(flavour)
                if zygote is None or not zygote.lives():
                    zygote = self._zygotes[flavour] = self._launch(way, flavour)
                return _fork(zygote)
        except OSError as error:  # out of processes, descriptors or memory
            raise SandboxError(f"no worker of the local sandbox: {error}") from error

    def isolation(self, facts: Mapping[str, JSON], *, network: bool) -> Isolation:
        """See `gadfly.worker.Backend.isolation`."""
        assert self._way is not None
        level = self._way.level
        if level is Level.STRICT and not self._strict:
            level = Level.FAST
        found = holes(facts)
        if found and level > Level.UNSAFE:
            level = Level.UNSAFE
        closed = facts["network_known"] and not facts["reaches_network"]
        spaces = entered(facts)
        grouped = facts["cgroup"] != "none"
        memory = "a control group" if grouped else "RLIMIT_AS at twice the limit"
        processes = "a control group" if grouped else "RLIMIT_NPROC"
        details: dict[str, JSON] = {
            **{name: facts[name] for name in ("python", "user", "no_new_privs", "landlock")},
            "launcher": self._way.launcher,
            "namespaces": list(spaces),
            "seccomp": "filter" if facts["seccomp"] else "none",
            "capabilities": f"{facts['capabilities']:x}" if facts["capabilities"] else "none",
            "filesystem": "its own" if "mnt" in spaces else "the machine's",
            "disk": "a file system of its own" if "mnt" in spaces else "looked at every 50 ms",
            "cgroup": facts["cgroup"],
            "memory": f"resident memory of the tree, looked at every 10 ms; {memory} above",
            "processes": f"processes and threads, looked at every 10 ms; {processes} above",
        }
        return Isolation(
            sandbox=self.name,
            level=level,
            network="open" if network else "none" if closed else "unenforced",
            details=details,
            missing=(*self._lacks(facts), *(f"not held: {hole}" for hole in found)),
        )

    def _lacks(self, facts: Mapping[str, JSON]) -> Iterator[str]:
        """Say what this machine does not give, and how to get it."""
        assert self._way is not None
        why = self._refused.get("bwrap") or self._refused.get("own") or "switched off"
        if self._way.launcher == "none":
            yield f"namespaces ({why}): {_NAMESPACES}"
            if self._way.user is None and os.geteuid() == 0:
                yield f"an ordinary user: {_ORDINARY}"
        elif not self._way.rooms:
            yield f"namespaces for each job ({why}): {_NESTING}"
        if not facts["landlock"]:
            yield f"landlock: {_LANDLOCK}"
        if not facts["seccomp"]:
            yield f"seccomp: {_SECCOMP}"
        if facts["cgroup"] == "none":
            bwrap = self._way.launcher == "bwrap"
            reason = "bubblewrap hides them" if bwrap else facts["cgroup_lacks"]
            yield f"control groups ({reason}): {_CGROUPS_BESIDE_BWRAP if bwrap else _CGROUPS}"

    def close(self) -> None:
        """See `gadfly.worker.Backend.close`."""
        with self._finding:
            while self._zygotes:
                self._zygotes.popitem()[1].kill()
        sweep()

    def _find(self) -> Way:
        """Return the strongest way that starts, and remember why stronger ones did not."""
        problem = "neither namespaces nor landlock with seccomp are to be used"
        for way in self._ways():
            if way.level is Level.UNSAFE and not self._allow_unsafe:
                continue
            try:
                self._try(way)
            except SandboxError as error:
                problem = str(error)
                self._refused.setdefault(way.launcher, problem)
                continue
            return way
        raise SandboxError(f"the local sandbox cannot work here: {problem}; {_LAST_RESORT}")

    def _try(self, way: Way) -> None:
        """Have a worker started, and a job on it try to get out.

        Raises:
            SandboxError: It did not work, or the job got out.
        """
        process: _Process | None = None

        def start() -> Worker:
            nonlocal process
            if process is not None:
                process.kill()
            process = self._launch(way, Flavour())
            return _fork(process) if way.rooms else process

        try:
            facts = try_out(start, self.name)
            assert process is not None
            if not facts["interpreter"]:
                raise SandboxError(f"user {facts['user']} cannot start {self._python}")
            found = holes(facts)
            if found and way.level > Level.UNSAFE:
                raise SandboxError(f"a first job was not held: {', '.join(found)}")
        except BaseException:
            if process is not None:
                process.kill()
            raise
        if way.rooms:
            self._zygotes[Flavour()] = process  # it is up, and was not touched by the job

    def _ways(self) -> Iterator[Way]:
        root = os.geteuid() == 0
        users = (NOBODY, None) if root else (None,)
        landlock, seccomp = ("landlock" not in self._without), ("seccomp" not in self._without)
        launchers = [] if "namespaces" in self._without else ["own"]
        if launchers and "bwrap" not in self._without and not root and shutil.which("bwrap"):
            launchers.insert(0, "bwrap")
        for rooms in (True, False):
            for launcher in launchers:
                for user in users:
                    yield Way(launcher, rooms, user, landlock, seccomp)
        for user in users:
            yield Way("none", user=user, landlock=landlock, seccomp=seccomp)

    def _launch(self, way: Way, flavour: Flavour) -> _Process:
        place = None
        if way.launcher == "none":
            place = str(self._root / f"gadfly-job-{secrets.token_hex(8)}")  # made by the worker
        steps = _layout.house(self._readable, network=flavour.network)
        command = [self._python, "-I", "-S", "-c", BOOT]
        if way.launcher == "bwrap":
            disk_mib = None if way.rooms else flavour.disk_mib
            launcher = _layout.bubblewrap(steps, network=flavour.network, disk_mib=disk_mib)
            command = [*launcher, *command]
        told = settings(
            preload=flavour.preload,
            network=flavour.network,
            house=steps if way.launcher == "own" else None,
            base=tempfile.gettempdir(),
            user=way.user,
            workers=way.rooms,
            strict=way.rooms and self._strict,
            place=place,
            disk_mib=flavour.disk_mib,
            readable=("/",) if place is None else (*_layout.readable(self._readable), "/proc"),
            landlock=way.landlock,
            seccomp=way.seccomp,
            cgroups="cgroups" not in self._without,
        )
        process = _Process(command, place)
        try:
            process.stream.send(first_message(told))
        except OSError as error:
            process.kill()
            raise MachineryError(f"no worker: {process.post_mortem() or error}") from error
        return process


class _Process:
    """A worker, or a zygote, that is a process of ours."""

    def __init__(self, command: list[str], place: str | None) -> None:
        ours, theirs = socket.socketpair()
        self.stream = SocketStream(ours)
        self.socket = ours
        self._place = place
        self._last_words = ""
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - held until the process is ended
        with theirs:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._said,
                cwd="/",
                env=_ENVIRONMENT,
                start_new_session=True,
            )

    def lives(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def kill(self) -> None:
        """See `gadfly.worker.Worker.kill`."""
        self.stream.close()
        try:
            # Without a PID namespace only the worker itself can end all that its job has started.
            self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._last_words = self.post_mortem()
        self._said.close()
        if self._place is not None:
            shutil.rmtree(self._place, ignore_errors=True)

    def post_mortem(self) -> str:
        """See `gadfly.worker.Worker.post_mortem`."""
        status = self._process.poll()
        if self._said.closed:
            return self._last_words
        self._said.seek(0)
        lines = self._said.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        said = lines[-1][:300] if lines else "it said nothing"
        return said if status is None else f"it ended with {status}: {said}"


def _fork(zygote: _Process) -> _Forked:
    """Return a worker of a zygote's; that it is ready is heard from itself.

    Raises:
        MachineryError: The zygote has died.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            socket.send_fds(zygote.socket, [_FORK], [theirs.fileno()])
    except OSError as error:
        ours.close()
        zygote.kill()
        raise MachineryError(f"no worker: {zygote.post_mortem()}") from error
    return _Forked(ours, zygote)


class _Forked:
    """A worker that a zygote has forked. It ends when its line does."""

    def __init__(self, line: socket.socket, zygote: _Process) -> None:
        self.stream = SocketStream(line)
        self._zygote = zygote

    def kill(self) -> None:
        """See `gadfly.worker.Worker.kill`."""
        self.stream.close()

    def post_mortem(self) -> str:
        """See `gadfly.worker.Worker.post_mortem`."""
        return "" if self._zygote.lives() else self._zygote.post_mortem()
