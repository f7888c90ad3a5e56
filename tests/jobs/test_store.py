"""The store and its queues, on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

import json
import sqlite3
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Table, func, insert, select, text

from gadfly import Draft, InputError, StorageError, Task
from gadfly._jobs._database import BATCHES, ROWS, Database, url_of
from gadfly._jobs._queue import LEASE_SECONDS, Check, Finished, Queue
from gadfly._jobs._store import DuplicateIdError, Store, find_batch
from gadfly._jobs.rows import Row

RESULT = json.dumps({"id": "", "verdict": "pass", "critiques": {}, "shared": False})


def rows(*texts: str, priorities: dict[str, int] | None = None) -> Iterator[Row]:
    for number, draft in enumerate(texts, 1):
        task = Task(prompt="q", id=f"row-{number}")
        priority = (priorities or {}).get(draft, 0)
        yield Row(number=number, id=task.id, task=task, draft=Draft(draft), priority=priority)


class Clock:
    """A time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(store_url: str, clock: Clock) -> Iterator[Database]:
    with closing(Database(store_url, clock=clock)) as database:
        yield database


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


def queue_of(database: Database, batch: str, *, limit: int = 999, owner: str = "") -> Queue:
    return Queue(database, batch, limit, owner)


def finish(queue: Queue, *checks: Check, broke: bool = False) -> list[int]:
    return queue.finish([Finished(check.position, RESULT, broke) for check in checks])


def texts(checks: list[Check]) -> list[str]:
    return [check.draft.text for check in checks]


def states(store: Store, batch: str) -> str:
    """The first letter of every row's state, in input order."""
    everything = ("queued", "running", "done", "failed", "cancelled")
    return "".join(row.state[0] for row in store.rows(batch, everything))


def test_identical_drafts_are_claimed_once_and_come_back_as_copies(
    database: Database, store: Store
) -> None:
    queue = queue_of(database, store.load(rows("a", "b", "a"), {}))

    claimed = queue.claim(9)
    settled = finish(queue, *claimed)

    assert texts(claimed) == ["a", "b"]
    assert sorted(settled) == [1, 2, 3]
    results = list(queue.results())
    assert [result["id"] for result in results] == ["row-1", "row-2", "row-3"]
    assert [result["shared"] for result in results] == [False, False, True]


def test_what_is_finished_is_there_when_the_store_is_opened_again(store_url: str) -> None:
    with closing(Database(store_url)) as database:
        batch = Store(database).load(rows("a", "b"), {"critics": "mine"})
        queue = queue_of(database, batch)
        finish(queue, *queue.claim(1))

    with closing(Database(store_url)) as again:
        (found,) = Store(again).batches()
        queue = queue_of(again, batch)

        assert not again.is_new
        assert (found.id, found.identity["critics"]) == (batch, "mine")
        assert queue.done() == 1
        assert texts(queue.claim(9)) == ["b"]


def test_urgent_rows_are_claimed_first_and_copies_count(database: Database, store: Store) -> None:
    given = rows("a", "b", "c", "d", priorities={"c": 5, "d": -1})
    (last,) = rows("b", priorities={"b": 9})
    late = Row(number=5, id="late", task=last.task, draft=last.draft, priority=9)

    queue = queue_of(database, store.load([*given, late], {}))

    assert texts(queue.claim(9)) == ["b", "c", "a", "d"]


def test_copy_in_a_later_chunk_is_a_copy_all_the_same(database: Database, store: Store) -> None:
    many = [str(number) for number in range(450)]

    queue = queue_of(database, store.load(rows(*many, "0", "250"), {}))

    assert len(queue.claim(999)) == 450


def test_rows_past_the_limit_are_left_alone(database: Database, store: Store) -> None:
    queue = queue_of(database, store.load(rows("a", "b", "c"), {}), limit=2)

    assert texts(queue.claim(9)) == ["a", "b"]
    assert queue.unfinished() == 2


def test_results_stop_at_the_first_unfinished_row(database: Database, store: Store) -> None:
    queue = queue_of(database, store.load(rows("a", "b", "c"), {}))
    first, _, third = queue.claim(9)
    finish(queue, first, third)

    assert [result["id"] for result in queue.results()] == ["row-1"]
    assert [position for position, _ in queue.finished_results()] == [1, 3]
    assert [position for position, _ in queue.results_at([2, 3])] == [3]


def test_broken_check_is_not_done_and_waits_again_when_asked(
    database: Database, store: Store
) -> None:
    queue = queue_of(database, store.load(rows("a", "b"), {}))
    first, second = queue.claim(9)
    finish(queue, first, broke=True)
    finish(queue, second)
    assert (queue.done(), queue.settled(), queue.claim(9)) == (1, 2, [])

    queue.retry_failed()

    assert texts(queue.claim(9)) == ["a"]


def test_more_rows_than_a_page_come_in_order(database: Database, store: Store) -> None:
    queue = queue_of(database, store.load(rows(*map(str, range(200))), {}), limit=150)

    seen = []
    while claimed := queue.claim(40):
        finish(queue, *claimed)
        seen += texts(claimed)

    assert seen == [str(number) for number in range(150)]
    assert len(list(queue.results(after=20))) == 130


def test_two_owners_never_get_the_same_row(store_url: str) -> None:
    with closing(Database(store_url)) as first, closing(Database(store_url)) as second:
        batch = Store(first).load(rows(*map(str, range(300))), {})
        claimed: list[list[int]] = [[], []]

        def work(place: int, database: Database) -> None:
            queue = queue_of(database, batch)
            while checks := queue.claim(3):
                claimed[place] += [check.position for check in checks]
                finish(queue, *checks)

        threads = [threading.Thread(target=work, args=item) for item in enumerate((first, second))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(claimed[0] + claimed[1]) == list(range(1, 301))


def test_late_result_of_a_former_owner_changes_nothing(
    database: Database, store: Store, clock: Clock
) -> None:
    batch = store.load(rows("a"), {})
    former, latter = queue_of(database, batch, owner="x"), queue_of(database, batch, owner="y")
    (check,) = former.claim(9)
    clock.now += LEASE_SECONDS + 1

    latter.reclaim()
    (again,) = latter.claim(9)

    assert (again.position, again.attempts) == (check.position, 2)
    assert finish(former, check) == []
    assert finish(latter, again) == [1]


def test_sign_of_life_keeps_a_row(database: Database, store: Store, clock: Clock) -> None:
    batch = store.load(rows("a"), {})
    owner, other = queue_of(database, batch, owner="x"), queue_of(database, batch, owner="y")
    owner.claim(9)
    for _ in range(3):
        clock.now += LEASE_SECONDS * 0.8
        owner.renew()
        other.reclaim()

    assert other.claim(9) == []


def test_row_of_a_process_that_has_ended_is_free_at_once(database: Database, store: Store) -> None:
    batch = store.load(rows("a", "b"), {})
    here = queue_of(database, batch)
    place = here.owner.partition(":")[0]
    # No process has such a number.
    dead = queue_of(database, batch, owner=f"{place}:{2**22 + 1}:beef")
    elsewhere = queue_of(database, batch, owner=f"elsewhere:{2**22 + 1}:beef")
    dead.claim(1)
    elsewhere.claim(1)
    assert store.get(batch).state == "running"

    here.reclaim()

    assert texts(here.claim(9)) == ["a"]


def test_owner_gives_back_what_it_has_not_finished(database: Database, store: Store) -> None:
    batch = store.load(rows("a", "b", "c"), {})
    queue, other = queue_of(database, batch), queue_of(database, batch)
    first, second, _ = queue.claim(9)
    finish(queue, first)

    queue.give_back([second.position])
    assert states(store, batch) == "dqr"
    queue.give_back()

    assert texts(other.claim(9)) == ["b", "c"]


def test_cancelled_batch_is_not_open_and_late_results_are_dropped(
    database: Database, store: Store
) -> None:
    batch = store.load(rows("a", "b", "c", "b"), {})
    queue = queue_of(database, batch)
    first, second = queue.claim(2)
    finish(queue, first)

    assert store.cancel(batch) == 3
    assert not queue.is_open()
    assert (queue.claim(9), finish(queue, second)) == ([], [])
    assert (states(store, batch), store.get(batch).state) == ("dccc", "cancelled")

    assert store.retry(batch, states=("cancelled", "failed")) == 3
    assert queue.is_open()
    assert states(store, batch) == "dqqq"
    assert texts(queue.claim(9)) == ["b", "c"]


def test_finished_batch_cannot_be_cancelled(database: Database, store: Store) -> None:
    batch = store.load(rows("a"), {})
    queue = queue_of(database, batch)
    finish(queue, *queue.claim(9))

    assert store.cancel(batch) == 0
    assert store.get(batch).state == "done"


def test_row_that_is_done_can_be_retried_by_its_id(database: Database, store: Store) -> None:
    batch = store.load(rows("a", "b", "a"), {})
    queue = queue_of(database, batch)
    finish(queue, *queue.claim(9))

    assert store.retry(batch, id="row-3") == 2
    assert states(store, batch) == "qdq"
    with pytest.raises(InputError, match=r"no row of batch .* has the id 'row-9'"):
        store.retry(batch, id="row-9")


def test_same_work_is_the_same_batch(database: Database, store: Store) -> None:
    first = store.load(rows("a", "b"), {"critics": 1})

    assert store.load(rows("a", "b"), {"critics": 1}) == first
    assert store.load(rows("a", "b"), {"critics": 2}) != first
    assert store.load(rows("a", "c"), {"critics": 1}) != first
    assert len(store.batches()) == 3


def test_same_work_can_be_begun_anew(database: Database, store: Store) -> None:
    first = store.load(rows("a"), {})
    other = store.load(rows("b"), {})
    queue = queue_of(database, first)
    queue.claim(9)

    again = store.load(rows("a"), {}, replace="same")

    assert {batch.id for batch in store.batches()} == {again, other}
    assert not queue.is_open()
    assert again != first


def test_batch_with_a_duplicate_id_leaves_everything_as_it_was(
    database: Database, store: Store
) -> None:
    batch = store.load(rows("a"), {})
    many = [str(number) for number in range(300)]

    with pytest.raises(DuplicateIdError) as raised:
        store.load([*rows(*many), *rows("c")], {}, replace="all")

    assert raised.value.id == "row-1"
    assert [found.id for found in store.batches()] == [batch]
    assert states(store, batch) == "q"


def test_batch_is_seen_when_all_of_it_is_there(database: Database, store: Store) -> None:
    def looking() -> Iterator[Row]:
        yield from rows(*map(str, range(300)))
        assert store.batches() == []

    batch = store.load(looking(), {})

    assert [found.id for found in store.batches()] == [batch]


def test_input_that_breaks_off_leaves_nothing(database: Database, store: Store) -> None:
    def torn() -> Iterator[Row]:
        yield from rows(*map(str, range(300)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.load(torn(), {})

    assert count(database, ROWS) == count(database, BATCHES) == 0


def test_what_a_killed_process_has_left_half_way_is_swept_away_later(
    database: Database, store: Store, clock: Clock
) -> None:
    values: dict[str, str] = dict.fromkeys(["id", "plan", "options", "input", "out", "engine"], "x")
    values |= {"state": "loading"}
    database.write(lambda c: c.execute(insert(BATCHES).values(**values, created=clock.now)))

    store.load(rows("a"), {})
    assert (count(database, BATCHES), len(store.batches())) == (2, 1)
    clock.now += 25 * 3600
    store.load(rows("b"), {})

    assert (count(database, BATCHES), len(store.batches())) == (2, 2)


def count(database: Database, table: Table) -> int:
    query = select(func.count()).select_from(table)
    return int(database.read(lambda c: c.execute(query).scalar_one()))


@pytest.mark.parametrize("odd", ["\x00", "\ud800", "\u2028", "'; DROP TABLE gadfly_rows; --"])
def test_any_text_is_kept(database: Database, store: Store, odd: str) -> None:
    task = Task(prompt=f"q{odd}", id=f"id{odd}", inputs={"table": [odd]})
    row = Row(number=1, id=task.id, task=task, draft=Draft(odd))

    queue = queue_of(database, store.load([row], {}))

    (check,) = queue.claim(9)
    assert (check.task, check.draft) == (task, Draft(odd))
    finish(queue, check)
    assert [result["id"] for result in queue.results()] == [task.id]


def test_batch_is_found_by_how_its_id_begins(database: Database, store: Store) -> None:
    batch = store.load(rows("a"), {})

    assert find_batch([("here", store)], batch[:4])[1].id == batch
    with pytest.raises(InputError, match="no batch 'zz' in here"):
        find_batch([("here", store)], "zz")
    store.load(rows("b"), {})
    with pytest.raises(InputError, match="several batches begin with ''"):
        find_batch([("here", store)], "")


def test_rate_is_that_of_the_last_minute_of_work(
    database: Database, store: Store, clock: Clock
) -> None:
    batch = store.load(rows(*map(str, range(40))), {})
    queue = queue_of(database, batch)
    finish(queue, *queue.claim(10))
    clock.now += 1_000_000
    for _ in range(30):
        clock.now += 2
        finish(queue, *queue.claim(1))

    assert store.get(batch).rows_per_second == pytest.approx(0.5, abs=0.02)
    assert store.get(batch).counts == {"done": 40}


def test_temporary_database_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(Database(None)) as database:
        queue = queue_of(database, Store(database).load(rows("a"), {}))
        finish(queue, *queue.claim(9))

        assert len(list(queue.results())) == 1
        assert list(tmp_path.iterdir()) == []


def test_damaged_file_is_a_storage_error(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("this is no database, whatever its name may say; " * 99)

    with pytest.raises(StorageError, match="damaged"):
        Database(path)


def test_store_of_another_version_is_refused(store_url: str) -> None:
    with closing(Database(store_url)) as database:
        database.write(lambda c: c.execute(text("UPDATE gadfly_schema SET version = 99")))

    with pytest.raises(InputError, match="another version"):
        Database(store_url)


def test_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE rows (precious TEXT)")
    before = path.read_bytes()

    with pytest.raises(InputError, match="is not a store of this version of Gadfly"):
        Database(path)

    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_store_that_must_be_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no store"):
        Database(tmp_path / "store.db", create=False)

    assert list(tmp_path.iterdir()) == []


def test_database_without_a_store_in_it_is_left_without(store_url: str) -> None:
    if not store_url.startswith("postgresql"):
        with closing(sqlite3.connect(store_url.removeprefix("sqlite:///"))) as database:
            database.execute("VACUUM")

    for _ in range(2):
        with pytest.raises(InputError, match="holds no verification jobs"):
            Database(store_url, create=False)


def test_server_that_cannot_be_reached_is_a_storage_error_without_the_password() -> None:
    pytest.importorskip("psycopg", reason="gadfly[postgresql] is not installed")

    with pytest.raises(StorageError, match="cannot use postgresql") as raised:
        Database("postgresql://me:secret@/name?host=/nonexistent")

    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("mysql://host/name", "not mysql"),
        ("nonsense://", "not nonsense"),
        ("://", "is not a URL"),
        ("sqlite://", "names no file"),
    ],
)
def test_place_that_is_none_is_refused(given: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Database(given)


@pytest.mark.parametrize(
    "given", ["postgres://h/n", "postgresql://h/n", "postgresql+psycopg://h/n"]
)
def test_any_name_of_postgresql_means_the_driver_that_is_an_extra(given: str) -> None:
    assert url_of(given).drivername == "postgresql+psycopg"


def test_missing_driver_is_one_line_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(InputError, match=r"needs psycopg: pip install 'gadfly\[postgresql\]'"):
        Database("postgresql://host/name")
