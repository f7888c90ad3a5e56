from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import InputError, OracleError, Reference
from gadfly._jobs.rows import Fields, Row, read_rows

USUAL = Fields()


def read(path: Path, fields: Fields = USUAL) -> list[Row]:
    return list(read_rows(path, fields))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "drafts.jsonl"


@pytest.mark.parametrize("prompt", ["prompt", "question"])
@pytest.mark.parametrize("draft", ["draft", "response", "program", "text"])
def test_usual_field_names_are_found(file: Path, prompt: str, draft: str) -> None:
    file.write_text(json.dumps({"id": "a", prompt: "How many?", draft: "3"}))

    (row,) = read(file)

    assert (row.id, row.task.prompt, row.task.id, row.draft.text) == ("a", "How many?", "a", "3")


def test_named_fields_win_over_the_usual_ones(file: Path) -> None:
    file.write_text(json.dumps({"id": 7, "prompt": "no", "q": "yes", "text": "no", "code": "1"}))

    (row,) = read(file, Fields(prompt="q", draft="code"))

    assert (row.id, row.task.prompt, row.draft.text) == ("7", "yes", "1")


def test_only_named_inputs_reach_the_task(file: Path) -> None:
    file.write_text(json.dumps({"prompt": "q", "text": "d", "table": [[1]], "gold": 3}))

    (row,) = read(file, Fields(inputs=("table",)))

    assert row.task.inputs == {"table": [[1]]}
    assert "gold" not in repr(row)


def test_rows_without_ids_are_named_by_their_line(file: Path) -> None:
    file.write_text('\n{"prompt": "q", "text": "a"}\n   \n{"prompt": "q", "text": "b"}\n')

    assert [row.id for row in read(file)] == ["2", "4"]


def test_later_row_is_not_read_by_another_field(file: Path) -> None:
    file.write_text('{"prompt": "q", "response": "a"}\n{"prompt": "q", "text": "b"}\n')

    with pytest.raises(InputError, match=r"jsonl:2: no field 'response'; fields there: prompt, te"):
        read(file)


def test_first_row_without_a_draft_says_what_is_there(file: Path) -> None:
    file.write_text('{"prompt": "q", "code": "a"}\n')

    with pytest.raises(
        InputError, match=r"jsonl:1: no field 'draft' or .* there: prompt, code; .*"
    ):
        read(file)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        pytest.param(b'{"prompt": "q", ', "not JSON: ", id="torn"),
        pytest.param(b'{"prompt": "q", "text": NaN}', "not JSON: NaN", id="nan"),
        pytest.param(b'{"prompt": "q", "text": ' + b"9" * 5000, "not JSON: ", id="long number"),
        pytest.param(b"[" * 100_000, "not JSON: nested", id="deep"),
        pytest.param(b'{"prompt": "\xff"}', "not UTF-8", id="latin"),
        pytest.param(b'["q"]', "not a list", id="list"),
        pytest.param(b'{"id": 1, "prompt": "q", "text": 3}', "must be a string, not int", id="int"),
        pytest.param(b'{"id": "", "prompt": "q", "text": ""}', "non-empty", id="empty id"),
        pytest.param(b'{"id": true, "prompt": "q", "text": ""}', "non-empty", id="bool id"),
        pytest.param(b'{"id": 1, "prompt": " ", "text": ""}', "needs a prompt", id="no prompt"),
    ],
)
def test_wrong_line_is_named(file: Path, second: bytes, message: str) -> None:
    file.write_bytes(b'{"id": 0, "prompt": "q", "text": "a"}\n' + second + b"\n")

    with pytest.raises(InputError, match=rf"drafts\.jsonl:2: .*{message}"):
        read(file)


def test_gzipped_rows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "drafts.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"prompt": "q", "text": "a"}\n'))

    assert [row.draft.text for row in read(path)] == ["a"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b'{"prompt": "q"}\n', id="plain"),
        pytest.param(gzip.compress(b'{"prompt": "q", "text": "a"}\n' * 999)[:-20], id="torn"),
    ],
)
def test_damaged_gzip_is_wrong_input(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "drafts.jsonl.gz"
    path.write_bytes(content)

    with pytest.raises(InputError, match="not a whole gzip file"):
        read(path)


@pytest.mark.parametrize("content", ["", "\n\n"])
def test_file_without_rows_is_wrong_input(file: Path, content: str) -> None:
    file.write_text(content)

    with pytest.raises(InputError, match="holds no rows"):
        read(file)


def test_absent_file_is_wrong_input(file: Path) -> None:
    with pytest.raises(InputError, match="there is no file"):
        read(file)


def test_reference_among_the_inputs_is_refused() -> None:
    gold: Any = Reference("a", 3)
    row = {"prompt": "q", "text": "a", "hint": gold}

    with pytest.raises(OracleError, match="row 1: "):
        list(read_rows([row], Fields(inputs=("hint",))))


def test_reference_in_a_field_that_is_not_passed_does_no_harm() -> None:
    gold: Any = Reference("a", 3)

    (row,) = read_rows([{"prompt": "q", "text": "a", "gold": gold}], USUAL)

    assert row.task.inputs == {}


def test_digest_tells_apart_what_critics_see_and_nothing_else() -> None:
    def digest(**changed: str) -> str:
        record = {"id": "1", "prompt": "q", "text": "a", "table": "t", "gold": "g", **changed}
        (row,) = read_rows([record], Fields(inputs=("table",)))
        return row.digest

    assert digest() == digest(id="2", gold="h")
    assert len({digest(), digest(prompt="r"), digest(text="b"), digest(table="u")}) == 4


TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)


@given(
    records=st.lists(
        st.fixed_dictionaries(
            {"prompt": TEXT.map(lambda text: f"q{text}"), "text": TEXT, "id": st.integers()}
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_text_comes_through_a_file_unchanged(
    tmp_path_factory: pytest.TempPathFactory, records: list[Mapping[str, Any]]
) -> None:
    path = tmp_path_factory.mktemp("rows") / "drafts.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))

    rows = read(path)

    assert [(row.task.prompt, row.draft.text, row.id) for row in rows] == [
        (record["prompt"], record["text"], str(record["id"])) for record in records
    ]
