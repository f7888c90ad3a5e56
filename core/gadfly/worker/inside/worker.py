"""A worker: runs the jobs that its host sends, one at a time, and says what happened to each.

It forks for a job, before that comes, watches the job's whole process tree, kills what passes a
limit, sweeps, reads the files that are asked for, and reports. All facts are the kernel's: `wait4`,
/proc, its own kill log. What the job prints is carried, never read; what it is given is read by its
own process.
"""

from __future__ import annotations

import json
import os
import signal

from . import job, python, wire
from .memory import Names
from .place import Place
from .rooms import Room, Rooms
from .run import RefusedError, Run
from .waiting import Waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from .cgroup import Group
    from .seccomp import Listener


class Worker:
    """Serves jobs on a line to the host.

    Args:
        reader: Where frames are read.
        writer: Where frames are written.
        where: Where jobs may write; or what makes a room for each.
        walls: What they are kept in by.
        group: The control group that bounds them, and this worker with them; None where there is
            none to be had.
        facts: What is said of this worker at the start.
    """

    def __init__(
        self,
        reader: int,
        writer: int,
        where: Place | Rooms,
        walls: job.Walls,
        group: Group | None,
        *,
        facts: dict[str, Any],
    ) -> None:
        self.reader, self.writer = reader, writer
        self.walls, self.group = walls, group
        self.listener: Listener | None = None
        self._rooms = where if isinstance(where, Rooms) else None
        self._place = None if isinstance(where, Rooms) else where
        self._room: Room | None = None
        self._facts = facts
        self.wake, theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, ignore)

    def serve(self) -> None:
        """Serve until the host has had enough."""
        if self.group is not None:
            self.group.enter()
        if self.walls.together:
            assert self._place is not None
            self.listener = self.walls.raise_around(self._place.path)
        where, waiting = self._prepare()
        wire.write_all(self.writer, [wire.json_frame(b"R", self._facts)])
        try:
            while True:
                try:
                    kind, content = wire.read_frame(self.reader)
                except EOFError:
                    return
                if kind != b"J":
                    continue  # meant for a job that has ended
                if waiting.is_gone():
                    os.waitpid(waiting.pid, 0)
                    waiting.close()
                    where, waiting = self._prepare()
                limits = json.loads(content)
                with Names(max(1, limits["names"])) as names:
                    names.read_exactly(self.reader, limits["names"])
                    Run(self, where, waiting, limits, names).run()
                waiting.close()
                where, waiting = self._prepare()
        except RefusedError:
            return  # the next job might find what this process was told of the last
        finally:
            if self._room is not None:
                self._room.end()

    def _prepare(self) -> tuple[Place | Room, Waiting]:
        """Return where the next job is to be, as every job finds it, and a process for it."""
        where = self._make_place()
        python.reseed()
        waiting = Waiting()
        if isinstance(where, Room):
            where.admit()
        if waiting.fork():
            signal.set_wakeup_fd(-1)
            job.enter(where, self.walls, self.reader, waiting)
        return where, waiting

    def _make_place(self) -> Place | Room:
        if self._rooms is None:
            assert self._place is not None
            self._place.prepare()
            return self._place
        if self._room is not None:
            self._room.close()
        self._room = self._rooms.new()
        return self._room


def ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing: that there was a signal is what wakes the watch."""
