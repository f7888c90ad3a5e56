"""Parquet in and out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gadfly import Context, Critique, Draft, InputError, Plugins, Verdict, critic, verify
from gadfly._cli.verify import default_out
from gadfly._jobs import _parquet
from gadfly._jobs.rows import Fields, read_rows

if TYPE_CHECKING:
    from tests.jobs.conftest import Command

arrow: Any = pytest.importorskip("pyarrow", reason="gadfly[parquet] is not installed")
parquet: Any = pytest.importorskip("pyarrow.parquet", reason="gadfly[parquet] is not installed")


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    # Small row groups: a file is read across them.
    parquet.write_table(arrow.Table.from_pylist(rows), path, row_group_size=7)
    return path


def drafts(count: int) -> list[dict[str, Any]]:
    return [
        {"id": n, "question": f"q{n}", "response": f"good {n}", "gold": 3.5, "priority": -n}
        for n in range(count)
    ]


@critic(name="good", inline=True)
def good(draft: Draft, context: Context) -> Critique:
    return Critique(Verdict.PASS if "good" in draft.text else Verdict.FAIL)


def test_rows_of_a_parquet_file_are_read_in_order(tmp_path: Path) -> None:
    path = write(tmp_path / "drafts.parquet", drafts(300))

    rows = list(read_rows(path, Fields()))

    assert [(row.id, row.number) for row in rows] == [(str(n), n + 1) for n in range(300)]
    assert (rows[9].task.prompt, rows[9].draft.text, rows[9].priority) == ("q9", "good 9", -9)
    assert "gold" not in repr(rows)


def test_same_drafts_get_the_same_results_in_either_form(command: Command) -> None:
    rows = [*drafts(20), {**drafts(1)[0], "id": 99}]
    command.write(*rows)
    source = write(command.folder / "drafts.parquet", rows)
    command.run()
    out, crossed = command.folder / "results.parquet", command.folder / "crossed.parquet"

    ran = command.run("--out", str(out))
    verify(source, [good], out=crossed, sandbox=None, plugins=Plugins([]))

    assert ran.returncode == 0, ran.stderr
    got = parquet.read_table(out).to_pylist()
    for line, row in zip(command.results(), got, strict=True):
        assert (row["id"], row["verdict"], row["shared"]) == (
            line["id"],
            line["verdict"],
            line["shared"],
        )
        assert json.loads(row["critiques"]) == line["critiques"]
        assert json.loads(row["usage"]).keys() == line["usage"].keys()
        assert dict(row["critic_seconds"]).keys() == line["critic_seconds"].keys()
    assert [row["id"] for row in parquet.read_table(crossed).to_pylist()] == [
        str(row["id"]) for row in rows
    ]
    assert not out.with_name("results.parquet.part").exists()


def test_more_rows_than_a_row_group_are_written_in_order(tmp_path: Path) -> None:
    count = 2 * _parquet.WRITE_ROWS + 3
    rows = [{"id": str(n), "prompt": "q", "text": "good"} for n in range(count)]
    out = tmp_path / "results.parquet"

    verify(rows, [good], out=out, sandbox=None, plugins=Plugins([]))

    file = parquet.ParquetFile(out)
    assert file.num_row_groups == 3
    assert file.read(columns=["id"]).to_pydict()["id"] == [str(n) for n in range(count)]


def test_id_that_parquet_cannot_hold_is_escaped(tmp_path: Path) -> None:
    out = tmp_path / "results.parquet"

    verify(
        [{"id": "a\ud800", "prompt": "q", "text": "good"}],
        [good],
        out=out,
        sandbox=None,
        plugins=Plugins([]),
    )

    assert parquet.read_table(out).to_pylist()[0]["id"] == "a\\ud800"


@pytest.mark.parametrize("cut", [0, 4, 200])
def test_file_that_is_not_whole_is_named(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "drafts.parquet", drafts(20))
    path.write_bytes(path.read_bytes()[:cut])

    with pytest.raises(InputError, match=r"drafts\.parquet is not a whole Parquet file"):
        list(read_rows(path, Fields()))


def test_field_that_is_not_data_is_named_with_its_row(tmp_path: Path) -> None:
    rows = [{"prompt": "q", "text": "d", "raw": b"\x00"}]
    path = write(tmp_path / "drafts.parquet", rows)

    with pytest.raises(InputError, match=r"drafts\.parquet:1: .*bytes"):
        list(read_rows(path, Fields(inputs=("raw",))))


def test_results_of_a_parquet_file_are_parquet_by_default() -> None:
    assert default_out(Path("x/drafts.parquet")) == Path("drafts.verified.parquet")
    assert default_out(Path("x/drafts.jsonl.gz")) == Path("drafts.verified.jsonl")


@pytest.mark.parametrize("what", ["in", "out"])
def test_missing_pyarrow_is_one_line_that_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    path = write(tmp_path / "drafts.parquet", drafts(1))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    given: Any = path if what == "in" else [{"prompt": "q", "text": "d"}]

    with pytest.raises(InputError, match=r"needs pyarrow: pip install 'gadfly\[parquet\]'"):
        verify(
            given,
            [good],
            out=tmp_path / f"results.{'jsonl' if what == 'in' else 'parquet'}",
            sandbox=None,
            plugins=Plugins([]),
        )
    assert [found.name for found in tmp_path.iterdir()] == ["drafts.parquet"]
