"""One job on a worker: begun, watched, swept, and told of."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import time

from . import kernel, wire
from .memory import Names
from .outputs import Channel, Output
from .place import Place
from .rooms import Room
from .tree import MIB, Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .waiting import Waiting
    from .worker import Worker

_TICK_SECONDS = 0.01
"""How often the limits of the whole tree are looked at."""
_SLOW_SECONDS = 0.05
"""Descriptors, and a disk that is no file system of its own, are looked at less often."""
_WORKER_MIB, _WORKER_PROCESSES = 32, 2
"""What a worker and a room's keeper use of its control group, with what the kernel keeps about its
job."""
_NEARLY = 0.9
"""Of its limit a group holds at least so much when the limit is why its processes are killed."""
_START_SECONDS = 60.0
"""How long a job's process may take to read its payload."""


class HostGoneError(Exception):
    """The host has closed the line, or died."""


class RefusedError(Exception):
    """A job could not begin."""


class Run:
    """One job on a worker."""

    def __init__(
        self,
        worker: Worker,
        where: Place | Room,
        waiting: Waiting,
        limits: dict[str, Any],
        names: Names,
    ) -> None:
        self._worker = worker
        self._where = where
        self._room = where if isinstance(where, Room) else None
        self._listener = worker.listener
        self._reader, self._writer = worker.reader, worker.writer
        self._limits = limits
        self._names = names
        self._group = worker.group
        self._memory_bytes = 0
        self._own_seconds = 0.0
        self._starved = False
        """Whether processes were killed for want of memory that this job was entitled to."""
        self._tree = Tree(alone=worker.walls.alone)
        self._waiting = waiting
        self._started = 0.0
        self._status: int | None = None
        self._lost = False
        """Whether its room was killed under it."""
        self._alone = False
        """Whether it has ended and left nobody in its room."""
        self._wanted_network = False
        self._used_seconds = 0.0
        self._peak_kib = 0

    def run(self) -> None:
        """Run it and report; afterwards nothing of it is left but its files.

        Raises:
            RefusedError: It was not begun; what was said of it is still in this process.
        """
        limits, waiting = self._limits, self._waiting
        cap = limits["output_kib"] * 1024
        with contextlib.ExitStack() as stack:
            self._stdout = stdout = stack.enter_context(Output(waiting.stdout, cap))
            self._stderr = stderr = stack.enter_context(Output(waiting.stderr, cap))
            channel = Channel(waiting.channel, self._writer) if limits["channel"] else None
            if channel is not None:
                stack.callback(channel.close)
            try:
                problem = self._begin()
                if problem:
                    self._sweep()
                    if problem[0] == "!":
                        wire.give_up(self._writer, problem[1:])
                    else:
                        self._report({"refused": problem[1:]}, [])
                    raise RefusedError
                started = self._started
                self._deadline = started + limits["wall_seconds"]
                self._next_look = started + _TICK_SECONDS
                self._next_slow = started + _SLOW_SECONDS
                reason = self._watch(channel)
                wall = time.monotonic() - started
                leftover = self._look_back()
            finally:
                self._sweep()
            # What was still on its way when all writers died.
            stdout.read()
            stderr.read()
            if channel is not None:
                channel.carry_rest()
            facts = self._facts(reason, leftover)
            if trouble := self._trouble(facts):
                wire.give_up(self._writer, trouble)
                return
            files, rejected = self._place.collect(self._names, cap)
            facts.update(
                wall=wall,
                stdout=stdout.kept,
                stderr=stderr.kept,
                truncated=stdout.flooded or stderr.flooded,
                files=[[number, content.size] for number, content in files],
                rejected=rejected,
            )
            if not facts["reason"] and facts["truncated"]:
                facts["reason"] = "output"
            self._report(facts, [stdout.kept, stderr.kept, *(c.size for _, c in files)])
            stdout.write_to(self._writer)
            stderr.write_to(self._writer)
            for _, content in files:
                content.write_to(self._writer, content.size)
                content.close()

    def _begin(self) -> str:
        """See the job off: "" when the stranger's code has begun, or why it has not."""
        needed = self._limits["disk_mib"]
        if isinstance(self._where, Place) and self._where.lacks(needed):
            return f"!less than {needed} MiB (disk_mib) are free in {self._where.path}"
        if self._group is not None:
            # What is written to the place is memory, too.
            memory = self._limits["memory_mib"] + needed + _WORKER_MIB
            self._memory_bytes = memory * MIB
            self._group.limit(memory, self._limits["processes"] + _WORKER_PROCESSES)
            self._group.reset()
            self._own_seconds = time.process_time()
        self._waiting.order(self._limits)
        word = self._hear()
        if word[:1] == b"k":
            used, files, begun = map(int, word[1:].split())
            self._started = begun / 1e9  # by the same clock, and before we hear of it
            self._place.count_from(used, files)
            return ""
        return word.decode("utf-8", "replace") or "!the job's process died before it began"

    def _hear(self) -> bytes:
        """Return what the job's process says at its beginning, empty if it is gone."""
        poller = select.poll()
        poller.register(self._waiting.line, select.POLLIN)
        while _patiently(poller, _START_SECONDS):
            word, fds = self._waiting.hear()
            if not fds:
                return word
            self._move_in(fds)
        return b"!it did not begin"

    def _move_in(self, fds: list[int]) -> None:
        """Take what the job's process gives us of its room."""
        assert self._room is not None
        self._where, self._listener = self._room.take(fds), self._room.listener
        self._tree = Tree(alone=True, room=self._room.processes)

    @property
    def _place(self) -> Place:
        """Where the job has begun."""
        assert isinstance(self._where, Place)
        return self._where

    def _watch(self, channel: Channel | None) -> str:
        """Wait until the job ends or has to: why it has to, or ""."""
        poller = select.poll()
        for fd in (self._worker.wake, self._reader, self._stdout.fd, self._stderr.fd):
            poller.register(fd, select.POLLIN)
        if self._listener is not None:
            poller.register(self._listener.fd, select.POLLIN)
        while True:
            if channel is not None:
                channel.announce(poller)
            left = min(self._next_look, self._deadline) - time.monotonic()
            events = dict(poller.poll(max(0.0, left * 1000)))
            if self._worker.wake in events and self._reap():
                return ""
            reason = self._carry(events, poller, channel) or self._look()
            if reason:
                return reason

    def _carry(self, events: dict[int, int], poller: select.poll, channel: Channel | None) -> str:
        """Carry what was said; why the job has to end for it, or ""."""
        for output in (self._stdout, self._stderr):
            if output.fd in events and not output.read():
                poller.unregister(output.fd)
        if channel is not None:
            channel.serve(events)
        listener = self._listener
        if listener is not None and (what := events.get(listener.fd)):
            if what & select.POLLIN:
                self._wanted_network |= listener.deny()
            else:  # all whom it listened to are about to end, which takes a while
                poller.unregister(listener.fd)
        if self._reader in events and self._listen(channel):
            return "cancelled"
        flooded = self._stdout.flooded or self._stderr.flooded
        return "output" if flooded or (channel is not None and channel.flooded) else ""

    def _look(self) -> str:
        """Look at what the job uses, when it is time to: the limit that it has passed, or ""."""
        now = time.monotonic()
        if now >= self._deadline:
            return "timeout"
        if now < self._next_look:
            return ""
        limits, place = self._limits, self._place
        reason = self._counted() or self._tree.passed_limit(limits, self._used_seconds)
        slow = now >= self._next_slow
        if not reason and slow and self._tree.passed_descriptors(limits["open_files"]):
            reason = "descriptors"
        if not reason and (slow or place.own) and place.passed_limit(limits["disk_mib"]):
            reason = "disk"
        if slow:
            # What is slow to look at is looked at less often: it stays a tenth of the time.
            took = time.monotonic() - now
            self._next_slow = now + took + max(_SLOW_SECONDS, 10 * took)
        self._next_look = time.monotonic() + _TICK_SECONDS
        return reason

    def _counted(self) -> str:
        """Name the limit at which the control group has stopped the job, or ""."""
        if self._group is None:
            return ""
        facts = self._group.facts()
        if "cpu_seconds" in facts:
            used = facts["cpu_seconds"] - (time.process_time() - self._own_seconds)
            self._tree.cpu_seconds = max(self._tree.cpu_seconds, used)
        if facts.get("oom_kills"):
            # It was not the group that lacked memory, but the machine, or whoever started us.
            peak = facts.get("peak_bytes", self._memory_bytes)
            self._starved = peak < _NEARLY * self._memory_bytes
            return "memory"
        return "processes" if facts.get("refused_forks") else ""

    def _listen(self, channel: Channel | None) -> bool:
        """Hear what the host says meanwhile; True if it wants the job to end."""
        try:
            kind, size = wire.read_head(self._reader)
            if channel is not None and kind == b"M":
                channel.give(self._reader, size)
            else:
                wire.read_exactly(self._reader, size)
        except (EOFError, ConnectionResetError):
            raise HostGoneError from None
        return kind == b"X"

    def _reap(self) -> bool:
        """Take note of every process that has ended; True if the job's own is among them."""
        kernel.drain(self._worker.wake)
        others = self._collect_dead()
        # What has lost its parent is a child of ours, or of the room's keeper.
        self._alone = not others and (self._room is None or self._room.is_empty())
        return self._status is not None

    def _look_back(self) -> int:
        """Count what a job leaves that has ended by itself; see why it has, if it was killed.

        A room can be killed from outside, as any process can: then all in it is, and that is no
        fact about the job.
        """
        if self._status is None:
            return 0
        killed = os.WTERMSIG(self._status) == signal.SIGKILL
        self._lost = killed and self._room is not None and self._room.is_lost()
        return 0 if self._alone else self._tree.count_living()

    def _trouble(self, facts: dict[str, Any]) -> str:
        """Say why nothing is known about the job, if that is so, or ""."""
        if self._place.lacks(1):
            return f"the disk is full in {self._place.path}"
        if self._starved:
            return "the machine ran out of memory"
        return "its room was killed" if self._lost and not facts["reason"] else ""

    def _collect_dead(self) -> bool:
        """Reap what is there to be reaped; False if this worker has no children any more."""
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            self._used_seconds += used.ru_utime + used.ru_stime
            self._peak_kib = max(self._peak_kib, used.ru_maxrss)
            if pid == self._waiting.pid:
                self._status = status

    def _sweep(self) -> None:
        """Kill all processes of the job. When this returns none is left, not even a zombie."""
        status = self._status
        if self._room is not None:
            self._clear(self._room)
        elif self._alone:
            pass
        elif self._worker.walls.alone:
            # More than once: only Linux kills all at once; elsewhere (gVisor) what is just being
            # forked escapes the signal.
            while self._kill_all():
                self._await_death()
        else:
            kernel.kill(self._waiting.pid)
            while self._collect_dead():
                for pid in self._tree.look():
                    kernel.kill(pid)
                time.sleep(0.001)
        self._status = status  # what our own signal did to it is no fact about the job

    def _clear(self, room: Room) -> None:
        room.end()
        while self._collect_dead():
            self._await_death()
        if not self._alone:
            room.wait()

    def _kill_all(self) -> bool:
        """Kill all that we may; False if this worker has no children any more."""
        try:
            os.kill(-1, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self._collect_dead()

    def _await_death(self) -> None:
        """Wait until a process of ours has ended, not for long."""
        poller = select.poll()
        poller.register(self._worker.wake, select.POLLIN)
        poller.poll(_TICK_SECONDS * 1000)
        kernel.drain(self._worker.wake)

    def _facts(self, reason: str, leftover: int) -> dict[str, Any]:
        """Say what happened; a limit that a job passed before it ended by itself is named."""
        cpu = max(self._tree.cpu_seconds, self._used_seconds)
        peak = max(self._tree.peak_bytes / MIB, self._peak_kib / 1024)
        facts: dict[str, Any] = {"cpu": cpu, "peak": peak, "leftover": leftover}
        if self._status is not None:
            code = os.waitstatus_to_exitcode(self._status)
            facts["signal" if code < 0 else "exit_code"] = abs(code)
            reason = reason or self._meaning(-code, cpu, leftover)
            if code and not reason and self._wanted_network:
                reason = "network"
        return {**facts, "reason": reason}

    def _meaning(self, number: int, cpu: float, leftover: int) -> str:
        limits = self._limits
        if counted := self._counted():
            return counted
        # What it left, and itself: it may have begun too many between two looks.
        if leftover + 1 > limits["processes"]:
            return "processes"
        if self._peak_kib > limits["memory_mib"] * 1024:
            return "memory"
        if number == signal.SIGXCPU and cpu >= limits["cpu_seconds"]:
            return "cpu"
        if number == signal.SIGXFSZ or self._place.passed_limit(limits["disk_mib"]):
            return "disk"
        return ""

    def _report(self, facts: dict[str, Any], sizes: list[int]) -> None:
        """Write the head of a `D` frame; parts of these sizes are to follow."""
        content = json.dumps(facts).encode()
        head = wire.HEADER.pack(b"D", 4 + len(content) + sum(sizes))
        # As one piece: each that is written wakes the host.
        wire.write_all(self._writer, [head + len(content).to_bytes(4, "big") + content])


def _patiently(poller: select.poll, seconds: float) -> bool:
    """Wait for something, through all signals."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if poller.poll(left * 1000):
            return True
    return False
