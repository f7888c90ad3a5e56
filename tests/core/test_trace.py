"""A trace holds what was written, whatever became of the writer."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import Event, EventKind, Evidence, InputError, StorageError, UnknownNameError, dump
from gadfly._home import runs_folder
from gadfly._trace import TraceWriter, find_evidence, read_trace
from gadfly._values.outcome import TRACE_VERSION

IDS = ("aaaaaa11", "aaaaaa22", "bbbbbb33")


def _event(draft: int, **data: Any) -> Event:
    return Event(kind=EventKind.DRAFTED, run="r", draft=draft, data=data, at=float(draft))


def _write(run: str, *events: Event, folder: Path | None = None) -> Path:
    with TraceWriter(folder or runs_folder(), run) as trace:
        for event in events:
            trace.write(event)
    return trace.path


def _evidence(id_: str, value: int = 0) -> Evidence:
    return Evidence(id=id_, tool="local", request={"argv": ["true"]}, observation={"value": value})


def _critiqued(*evidence: Evidence) -> Event:
    critique = {"verdict": "pass", "evidence": [dump(each) for each in evidence]}
    return _event(1, critic="c", critique=critique)


plain_data = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(data=st.dictionaries(st.text(), plain_data, max_size=4))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any]
) -> None:
    events = [_event(1, data=data), _event(2)]

    path = _write("r", *events, folder=tmp_path_factory.mktemp("traces"))

    assert read_trace(path) == events


def test_a_run_is_found_by_its_id() -> None:
    _write("mine", _event(1))

    assert read_trace("mine") == [_event(1)]


def test_a_trace_goes_on_where_it_stopped() -> None:
    _write("r", _event(1))
    _write("r", _event(2))

    assert [event.draft for event in read_trace("r")] == [1, 2]


def test_a_trace_is_its_owners_to_read() -> None:
    before = os.umask(0)
    try:
        path = _write("r", _event(1))
    finally:
        os.umask(before)

    assert path.stat().st_mode & 0o777 == 0o600


def test_every_event_is_there_at_once() -> None:
    with TraceWriter(runs_folder(), "r") as trace:
        trace.write(_event(1))

        assert read_trace("r") == [_event(1)]


def test_a_writer_that_was_killed_leaves_whole_lines(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib\n"
        "from gadfly import Event, EventKind\n"
        "from gadfly._trace import TraceWriter\n"
        "with TraceWriter(pathlib.Path(sys.argv[1]), 'r') as trace:\n"
        "    for n in range(3):\n"
        "        trace.write(Event(kind=EventKind.DRAFTED, run='r', draft=n))\n"
        "    os.kill(os.getpid(), 9)\n"
    )

    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)

    assert [event.draft for event in read_trace(tmp_path / "r.jsonl")] == [0, 1, 2]


@pytest.fixture
def torn(tmp_path: Path) -> tuple[Path, int]:
    """A trace of two events, and the length of its first line."""
    path = _write("r", _event(1), _event(2), folder=tmp_path)
    return path, path.read_bytes().index(b"\n") + 1


def test_a_torn_last_line_is_left_out_with_a_note(
    torn: tuple[Path, int], caplog: pytest.LogCaptureFixture
) -> None:
    path, first = torn
    whole = path.read_bytes()

    for length in range(first + 1, len(whole) - 1):
        path.write_bytes(whole[:length])
        with caplog.at_level(logging.WARNING):
            assert [event.draft for event in read_trace(path)] == [1]

    assert "line 2 is torn" in caplog.text


def test_a_torn_character_is_a_torn_line(tmp_path: Path) -> None:
    path = _write("r", _event(1), folder=tmp_path)
    with path.open("ab") as file:
        file.write('{"text": "é'.encode()[:-1])

    assert [event.draft for event in read_trace(path)] == [1]


def test_the_next_writer_cuts_a_torn_line_off(torn: tuple[Path, int]) -> None:
    path, first = torn
    path.write_bytes(path.read_bytes()[: first + 10])

    _write("r", _event(3), folder=path.parent)

    assert [event.draft for event in read_trace(path)] == [1, 3]


def test_a_damaged_line_in_the_middle_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = _write("r", _event(1), folder=tmp_path)
    path.write_text("{damaged\n" + path.read_text())

    with pytest.raises(InputError, match="line 1: not JSON"):
        read_trace(path)


def test_a_newer_trace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    newer: Any = {"kind": "of-the-future", "run": "r", "version": TRACE_VERSION + 1}
    path.write_text(json.dumps(newer) + "\n")

    with pytest.raises(InputError, match=r"line 1: .*version 2.*upgrade gadfly"):
        read_trace(path)


@pytest.mark.parametrize("content", ["", "[1]\n", '{"kind": "drafted"}\n', '"text"\n'])
def test_what_is_no_trace_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(content)

    with pytest.raises(InputError, match=r"x\.jsonl"):
        read_trace(path)


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\x89PNG\xff\xfe\n" * 3)

    with pytest.raises(InputError, match="line 1: not UTF-8"):
        read_trace(path)


def test_an_unknown_run_is_refused_with_the_nearest() -> None:
    _write("problem-12", _event(1))

    with pytest.raises(UnknownNameError, match="nearest: problem-12"):
        read_trace("problem-11")


@pytest.mark.parametrize("run", ["", "../x", "a/b", ".hidden", "-x", "a\n", "x" * 129, "a\0b"])
def test_a_run_id_that_is_no_file_name_is_refused(tmp_path: Path, run: str) -> None:
    with pytest.raises(InputError, match="run id"):
        TraceWriter(tmp_path, run)


def test_a_full_disk_is_a_storage_error_and_keeps_what_was_there(tmp_path: Path) -> None:
    """A file-size limit refuses writes as a full disk does: first in part, then whole."""
    code = (
        "import resource, signal, sys, pathlib\n"
        "from gadfly import Event, EventKind, StorageError\n"
        "from gadfly._trace import TraceWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n"
        "    with TraceWriter(pathlib.Path(sys.argv[1]), 'r') as trace:\n"
        "        for n in range(1000):\n"
        "            trace.write(Event(kind=EventKind.DRAFTED, run='r', draft=n))\n"
        "except StorageError as error:\n"
        "    print(n, error)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )

    written, _, message = done.stdout.partition(" ")
    assert "r.jsonl: no space is left" in message
    kept = [event.draft for event in read_trace(tmp_path / "r.jsonl")]
    assert kept == list(range(int(written)))
    assert kept


def test_evidence_is_found_by_the_beginning_of_its_id() -> None:
    _write("r", _event(1), _critiqued(*(_evidence(id_) for id_ in IDS)))

    assert find_evidence("bbbbbb") == _evidence("bbbbbb33")
    assert find_evidence("aaaaaa22") == _evidence("aaaaaa22")


def test_of_several_records_the_newest_counts() -> None:
    older = _write("older", _critiqued(_evidence("bbbbbb33", 1)))
    os.utime(older, (1, 1))
    _write("newer", _critiqued(_evidence("bbbbbb33", 2), _evidence("bbbbbb33", 3)))

    assert find_evidence("bbbbbb33").observation == {"value": 3}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        pytest.param("aaaaaa", r"2 pieces.*more characters: aaaaaa11, aaaaaa22", id="ambiguous"),
        pytest.param("bbbbb", "too short", id="short"),
        pytest.param("cccccc", r"runs holds no evidence 'cccccc'", id="unknown"),
        pytest.param("c" * 5000, r"runs holds no evidence", id="too-long-for-a-file"),
        pytest.param("nowhere/x.json", "no file 'nowhere/x.json'", id="no-file"),
        pytest.param("nowhere.jsonl#bbbbbb", "no file 'nowhere.jsonl'", id="no-file-with-id"),
    ],
)
def test_evidence_that_cannot_be_named_so_is_refused(reference: str, message: str) -> None:
    _write("r", _critiqued(*(_evidence(id_) for id_ in IDS)))

    with pytest.raises(InputError, match=message):
        find_evidence(reference)


def test_evidence_is_found_in_files_of_any_shape(tmp_path: Path) -> None:
    single = tmp_path / "single.json"
    single.write_text(json.dumps(dump(_evidence("bbbbbb33")), indent=2))
    results = tmp_path / "results.jsonl"
    rows = [
        {"id": n, "critiques": {"c": {"evidence": [dump(_evidence(i))]}}} for n, i in enumerate(IDS)
    ]
    results.write_text("".join(json.dumps(row) + "\n" for row in rows))

    assert find_evidence(str(single)) == _evidence("bbbbbb33")
    assert find_evidence(f"{results}#aaaaaa22") == _evidence("aaaaaa22")
    assert find_evidence(f"{results}#bbbbbb") == _evidence("bbbbbb33")
    with pytest.raises(InputError, match=r"3 pieces.*as PATH#ID: aaaaaa11"):
        find_evidence(str(results))


def test_a_file_without_evidence_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"id": "not evidence"}')

    with pytest.raises(InputError, match=r"x\.json holds no evidence"):
        find_evidence(str(path))


def test_damaged_evidence_names_the_field(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text('{"id": 7, "tool": "t", "request": {}, "observation": {}}')

    with pytest.raises(InputError, match=r"x\.json, line 1: not an? Evidence: id"):
        find_evidence(str(path))


def test_a_trace_that_cannot_be_read_is_a_storage_error(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = _write("r", _event(1), folder=tmp_path)
    path.chmod(0)

    with pytest.raises(StorageError, match="cannot read"):
        read_trace(path)
