"""The REPL's requests and responses: recordings go through, and nothing else does."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly_lean._repl.framing import AnswerReader, TooLongError, frame
from gadfly_lean._repl.messages import (
    Command,
    CommandResponse,
    MalformedError,
    ProofStepResponse,
    ReplError,
    parse,
    read_request,
    read_response,
    write_request,
    write_response,
)

POS = {"line": 1, "column": 4}


def said(severity: str = "info", data: str = "x", **more: Any) -> dict[str, Any]:
    return {"severity": severity, "pos": POS, "data": data, **more}


def cases(shared_data: Path) -> list[dict[str, Any]]:
    text = (shared_data / "lean" / "repl_cases.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.data
def test_recorded_pairs_come_back_as_they_were(shared_data: Path) -> None:
    pairs = 0
    for row in cases(shared_data):
        for request, response in zip(row["requests"], row["responses"], strict=True):
            assert write_request(read_request(request)) == request
            assert write_response(read_response(response)) == response
            assert json.loads(frame(read_request(request))) == request
            pairs += 1
    assert pairs == 117


@pytest.mark.data
def test_recorded_output_is_cut_into_its_answers(shared_data: Path) -> None:
    for row in cases(shared_data):
        reader = AnswerReader(1 << 20)
        reader.feed(row["expected_text"].encode())
        answers = []
        while (answer := reader.take()) is not None:
            answers.append(parse(answer))
        assert answers == row["responses"]
        assert len(reader) == 0


@pytest.mark.data
def test_older_transcripts_are_read(shared_data: Path) -> None:
    path = shared_data / "recorded" / "lean_repl_transcripts.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            for command, output in zip(row["commands"], row["outputs"], strict=True):
                read_request(command)
                response = read_response(output)
                assert write_response(response) == output
                if isinstance(response, CommandResponse) and response.errors:
                    assert row["has_error"]


@pytest.mark.parametrize(
    "answer",
    [
        {"message": "Unknown environment."},
        {"message": "Lean error:\nunknown tactic"},
    ],
)
def test_error_of_the_repl_is_no_answer_about_commands(answer: dict[str, Any]) -> None:
    assert isinstance(read_response(answer), ReplError)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"messages": []},
        {"env": None},
        {"env": True},
        {"env": -1},
        {"env": 1.0},
        {"env": "1"},
        {"env": 1, "message": "Unknown environment."},
        {"env": 1, "error": "x"},
        {"env": 1, "messages": [said("fatal")]},
        {"env": 1, "messages": [said("Error")]},
        {"env": 1, "messages": [said("error") | {"pos": None}]},
        {"env": 1, "messages": [said(kind="x")]},
        {"env": 1, "messages": {}},
        {"env": 1, "messages": [[]]},
        {"env": 1, "messages": [said(data="\ud800")]},
        {"env": 1, "sorries": [{}]},
        {"message": 3},
        {"message": "x", "messages": []},
        {"proofStatus": "Completed", "proofState": 1},
        {"proofStatus": "Complete", "proofState": 1, "goals": []},
        {"proofStatus": "Completed", "proofState": 1, "goals": [], "env": 1},
        [],
        None,
        "env",
    ],
)
def test_answer_that_the_protocol_has_not_is_malformed(answer: object) -> None:
    with pytest.raises(MalformedError):
        read_response(answer)


@pytest.mark.parametrize(
    "text",
    [
        '{"env": 1, "env": 2}',
        '{"env": NaN}',
        "",
        "null",
        "[1]",
        ' {"env": 1}',
        '{"env": 1} {"env": 2}',
        '{"env": 1',
        '{"env": ' + "9" * 10_000 + "}",
        '{"env": ' + "[" * 100_000,
        b'{"message": "\xff"}',
    ],
)
def test_text_that_is_not_one_object_is_malformed(text: str | bytes) -> None:
    with pytest.raises(MalformedError):
        parse(text)


@pytest.mark.parametrize("quotes", ["'sorry'", "`sorry`"])
def test_sorry_shows_by_its_warning_alone(quotes: str) -> None:
    answer = read_response({"env": 1, "messages": [said("warning", f"declaration uses {quotes}")]})
    assert isinstance(answer, CommandResponse)
    assert not answer.is_clean
    assert not answer.errors


def test_sorry_shows_by_the_list_alone() -> None:
    answer = read_response({"env": 1, "sorries": [{"goal": "⊢ False", "proofState": None}]})
    assert isinstance(answer, CommandResponse) and not answer.is_clean


def test_answer_with_nothing_but_env_is_clean() -> None:
    assert read_response({"env": 3}) == CommandResponse(env=3)
    assert CommandResponse(env=3).is_clean


def test_no_goals_left_is_not_completed() -> None:
    answer = read_response(
        {
            "proofStatus": "Incomplete: contains sorry",
            "proofState": 1,
            "messages": [said("error")],
            "goals": [],
        }
    )
    assert isinstance(answer, ProofStepResponse)
    assert answer.proof_status != "Completed"


def test_first_kind_of_request_that_fits_is_it() -> None:
    both = {"cmd": "#check 1", "tactic": "rfl", "proofState": 0}
    assert write_request(read_request(both)) == {"tactic": "rfl", "proofState": 0}
    assert read_request({"cmd": "x", "gc": True}) == Command(cmd="x")
    with pytest.raises(MalformedError):
        read_request({"gc": True})


@given(st.text(), st.none() | st.integers(0, 10**9))
def test_request_is_one_line_and_a_blank_one(cmd: str, env: int | None) -> None:
    framed = frame(Command(cmd=cmd, env=env))
    line, end = framed[:-2], framed[-2:]
    assert end == b"\n\n" and b"\n" not in line and b"\r" not in line
    assert line.startswith(b"{")
    assert read_request(json.loads(line)) == Command(cmd=cmd, env=env)


def test_half_of_a_surrogate_pair_is_not_sent() -> None:
    with pytest.raises(UnicodeEncodeError):
        frame(Command(cmd="\ud83d"))


@given(st.lists(st.dictionaries(st.text(), st.text()), max_size=5), st.data())
def test_answers_are_the_same_however_they_are_cut(
    values: list[dict[str, str]], data: st.DataObject
) -> None:
    stream = b"".join(json.dumps(value, indent=1).encode() + b"\n\n" for value in values)
    reader = AnswerReader(1 << 20)
    answers = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        reader.feed(stream[:size])
        stream = stream[size:]
        while (answer := reader.take()) is not None:
            answers.append(json.loads(answer))
    assert answers == values
    assert len(reader) == 0


def test_bytes_without_an_end_are_left_over() -> None:
    reader = AnswerReader(100)
    reader.feed(b'{"env": 1}\n\n{"env"')
    assert reader.take() == b'{"env": 1}'
    assert reader.take() is None
    assert len(reader) == 6


def test_answer_without_an_end_is_too_long() -> None:
    reader = AnswerReader(10)
    with pytest.raises(TooLongError):
        reader.feed(b"x" * 11)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["env", "messages", "message", "sorries", "pos", "goal", "x"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=12,
    )
)
def test_any_value_is_read_or_malformed(value: object) -> None:
    try:
        response = read_response(value)
    except MalformedError:
        return
    assert read_response(write_response(response)) == response
