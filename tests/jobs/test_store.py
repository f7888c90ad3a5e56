from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gadfly import Draft, InputError, StorageError, Task
from gadfly._jobs._store import DuplicateIdError, Ledger
from gadfly._jobs.rows import Row

RESULT: dict[str, Any] = {"id": "", "verdict": "pass", "critiques": {}, "shared": False}


def rows(*texts: str) -> Iterator[Row]:
    for number, text in enumerate(texts, 1):
        task = Task(prompt="q", id=f"row-{number}")
        yield Row(number=number, id=task.id, task=task, draft=Draft(text))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "results.jsonl.db"


def test_identical_drafts_wait_once_and_come_back_as_copies(path: Path) -> None:
    ledger = Ledger(path)
    ledger.begin({}, rows("a", "b", "a"))

    waiting = list(ledger.waiting(3))
    for check in waiting:
        ledger.finish(check.position, RESULT, broke=False)

    assert [check.draft.text for check in waiting] == ["a", "b"]
    assert ledger.rows_of(1, 3) == 2
    results = list(ledger.results(3))
    assert [result["id"] for result in results] == ["row-1", "row-2", "row-3"]
    assert [result["shared"] for result in results] == [False, False, True]
    ledger.close()


def test_finished_check_is_there_when_the_ledger_is_opened_again(path: Path) -> None:
    ledger = Ledger(path)
    ledger.begin({"critics": "mine"}, rows("a", "b"))
    ledger.finish(1, RESULT, broke=False)
    ledger.close()

    again = Ledger(path)

    assert not again.is_new
    assert again.identity()["critics"] == "mine"
    assert again.done(2) == 1
    assert [check.position for check in again.waiting(2)] == [2]
    again.close()


def test_results_stop_at_the_first_unfinished_row(path: Path) -> None:
    ledger = Ledger(path)
    ledger.begin({}, rows("a", "b", "c"))
    ledger.finish(1, RESULT, broke=False)
    ledger.finish(3, RESULT, broke=False)

    assert [result["id"] for result in ledger.results(3)] == ["row-1"]
    ledger.close()


def test_broken_check_is_not_done_and_waits_again_when_asked(path: Path) -> None:
    ledger = Ledger(path)
    ledger.begin({}, rows("a", "b"))
    ledger.finish(1, RESULT, broke=True)
    ledger.finish(2, RESULT, broke=False)
    assert (ledger.done(2), list(ledger.waiting(2))) == (1, [])

    ledger.retry_broken()

    assert [check.position for check in ledger.waiting(2)] == [1]
    ledger.close()


def test_more_rows_than_a_page_come_in_order(path: Path) -> None:
    ledger = Ledger(path)
    ledger.begin({}, rows(*map(str, range(200))))

    seen = []
    for check in ledger.waiting(150):
        ledger.finish(check.position, RESULT, broke=False)
        seen.append(check.draft.text)

    assert seen == [str(number) for number in range(150)]
    assert len(list(ledger.results(150, after=20))) == 130
    ledger.close()


def test_job_with_a_duplicate_id_leaves_the_earlier_job_alone(path: Path) -> None:
    ledger = Ledger(path)
    ledger.begin({}, rows("a"))
    twice = [*rows("b"), *rows("c")]

    with pytest.raises(DuplicateIdError):
        ledger.begin({}, twice)

    assert [check.draft.text for check in ledger.waiting(9)] == ["a"]
    ledger.close()


def test_damaged_file_is_a_storage_error(path: Path) -> None:
    path.write_text("this is no database, whatever its name may say; " * 99)

    with pytest.raises(StorageError, match="damaged"):
        Ledger(path)


def test_ledger_of_another_version_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()

    with pytest.raises(InputError, match="another version"):
        Ledger(path)
