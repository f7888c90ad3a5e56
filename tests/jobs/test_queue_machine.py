"""Whatever several owners do with a queue, no row is lost, doubled, or changed by a stranger."""

from __future__ import annotations

import json

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gadfly import Draft, Task
from gadfly._jobs._database import Database
from gadfly._jobs._queue import LEASE_SECONDS, Check, Finished, Queue
from gadfly._jobs._store import STATES, Store
from gadfly._jobs.rows import Row

OWNERS = st.integers(0, 2)


class QueueMachine(RuleBasedStateMachine):
    """A model of a batch beside the real one.

    Rows are known by position; a row's `first` is the one that is checked for it. The model holds
    the state, owner and lease of every `first`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.database = Database(None, clock=lambda: self.now)
        self.store = Store(self.database)
        self.crashes = 0

    @initialize(rows=st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(-1, 1)), min_size=1))
    def load(self, rows: list[tuple[str, int]]) -> None:
        given: list[Row] = []
        self.first: dict[int, int] = {}
        self.priority: dict[int, int] = {}
        firsts: dict[str, int] = {}
        for position, (text, priority) in enumerate(rows, 1):
            task = Task(prompt="q", id=f"row-{position}")
            given.append(
                Row(number=position, id=task.id, task=task, draft=Draft(text), priority=priority)
            )
            first = self.first[position] = firsts.setdefault(text, position)
            self.priority[first] = max(self.priority.get(first, -9), priority)
        self.batch = self.store.load(given, {})
        self.state = dict.fromkeys(self.priority, "queued")
        self.owner: dict[int, int] = {}
        self.lease: dict[int, float] = {}
        self.believed: dict[int, dict[int, Check]] = {0: {}, 1: {}, 2: {}}
        self.queues = {owner: self.queue(owner) for owner in self.believed}

    def queue(self, owner: int) -> Queue:
        return Queue(self.database, self.batch, len(self.first), f"owner-{owner}-{self.crashes}")

    @rule(owner=OWNERS, count=st.integers(1, 3))
    def claim(self, owner: int, count: int) -> None:
        queued = [first for first, state in self.state.items() if state == "queued"]
        wanted = sorted(queued, key=lambda first: (-self.priority[first], first))[:count]

        claimed = self.queues[owner].claim(count)

        assert [check.position for check in claimed] == wanted
        for check in claimed:
            self.state[check.position] = "running"
            self.owner[check.position] = owner
            self.lease[check.position] = self.now + LEASE_SECONDS
            self.believed[owner][check.position] = check

    @rule(owner=OWNERS, broke=st.booleans(), data=st.data())
    def finish(self, owner: int, *, broke: bool, data: st.DataObject) -> None:
        """An owner finishes what it believes to be its own, whatever has become of it."""
        if not self.believed[owner]:
            return
        position = data.draw(st.sampled_from(sorted(self.believed[owner])))
        del self.believed[owner][position]
        is_its_own = self.owner.get(position) == owner

        result = json.dumps({"verdict": "pass", "by": owner, "shared": False})
        settled = self.queues[owner].finish([Finished(position, result, broke)])

        assert sorted(settled) == (self.rows_of(position) if is_its_own else [])
        if is_its_own:
            self.move(position, "failed" if broke else "done")

    @rule(owner=OWNERS)
    def give_back(self, owner: int) -> None:
        self.queues[owner].give_back()

        self.believed[owner].clear()
        for first in self.owned_by(owner):
            self.move(first, "queued")

    @rule(owner=OWNERS)
    def crash(self, owner: int) -> None:
        """An owner is started anew, and knows nothing of what it had."""
        self.crashes += 1
        self.queues[owner] = self.queue(owner)
        self.believed[owner].clear()
        for first in self.owned_by(owner):
            self.owner[first] = -1

    @rule(owner=OWNERS, seconds=st.sampled_from([1.0, LEASE_SECONDS, LEASE_SECONDS + 1]))
    def time_passes_and_one_looks(self, owner: int, seconds: float) -> None:
        self.now += seconds
        self.queues[owner].renew()
        for first in self.owned_by(owner):
            self.lease[first] = self.now + LEASE_SECONDS

        self.queues[owner].reclaim()

        for first, state in self.state.items():
            if state == "running" and self.lease[first] < self.now:
                self.move(first, "queued")

    @rule()
    def cancel(self) -> None:
        unfinished = [first for first, s in self.state.items() if s in {"queued", "running"}]

        count = self.store.cancel(self.batch)

        assert count == sum(len(self.rows_of(first)) for first in unfinished)
        for first in unfinished:
            self.move(first, "cancelled")

    @rule(states=st.sets(st.sampled_from(["failed", "cancelled"]), min_size=1))
    def retry(self, states: set[str]) -> None:
        self.store.retry(self.batch, states=sorted(states))

        for first, state in self.state.items():
            if state in states:
                self.move(first, "queued")

    @precondition(lambda self: bool(getattr(self, "first", None)))
    @rule(data=st.data())
    def retry_one(self, data: st.DataObject) -> None:
        position = data.draw(st.sampled_from(sorted(self.first)))
        first = self.first[position]

        self.store.retry(self.batch, id=f"row-{position}")

        if self.state[first] != "running":
            self.move(first, "queued")

    @invariant()
    def every_row_is_there_once_and_as_it_should_be(self) -> None:
        rows = list(self.store.rows(self.batch, STATES))
        assert [row.id for row in rows] == [f"row-{position}" for position in self.first]
        assert [row.state for row in rows] == [self.state[f] for f in self.first.values()]
        results = [position for position, _ in self.queues[0].finished_results()]
        settled = {first for first, state in self.state.items() if state in {"done", "failed"}}
        assert results == [position for position, f in self.first.items() if f in settled]

    def teardown(self) -> None:
        """In the end, one owner can finish all that is left, and everything is there once."""
        if hasattr(self, "queues"):
            queue = self.queues[0]
            self.store.retry(self.batch, states=("failed", "cancelled"))
            self.now += LEASE_SECONDS + 1
            queue.reclaim()
            while claimed := queue.claim(2):
                result = json.dumps({"verdict": "pass", "shared": False})
                queue.finish([Finished(check.position, result, broke=False) for check in claimed])
            assert [r["id"] for r in queue.results()] == [f"row-{n}" for n in self.first]
        self.database.close()

    def rows_of(self, first: int) -> list[int]:
        return [position for position, f in self.first.items() if f == first]

    def owned_by(self, owner: int) -> list[int]:
        return [first for first, o in self.owner.items() if o == owner]

    def move(self, first: int, state: str) -> None:
        self.state[first] = state
        self.owner.pop(first, None)


QueueMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
TestQueue = QueueMachine.TestCase
