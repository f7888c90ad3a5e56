"""What cells and answers are: numbers, dates, texts; and the tables they come from."""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import JSON, InputError, Task
from gadfly_table import Kind, Table, read_tables, table_from
from gadfly_table._sources import find_tables, question_of
from gadfly_table._values import Number, agrees, normalize, read_date, read_number, same


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("20,699", 20699), ("$2,221,631", 2221631), ("-5", -5), ("\u22125", -5), ("41.7%", "41.7"),
        ("1.50", "1.5"), (".5", "0.5"), ("3[1]", 3), ("12*", 12), ("1\u00a0234", 1234),
        ("007", None), ("1st", None), ("12.7 (79)", None), ("6-10", None), ("", None), ("$", None),
        ("1,23", None), ("12345678901234567", None), ("five", None),
    ],
)  # fmt: skip
def test_a_number_is_read_or_not(text: str, value: int | str | None) -> None:
    number = read_number(text)

    assert (number and number.value) == (None if value is None else Fraction(value))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("15 August 1992", date(1992, 8, 15)), ("August 15, 1992", date(1992, 8, 15)),
        ("aug 15 , 1992", date(1992, 8, 15)), ("1992-08-15", date(1992, 8, 15)),
        ("15th Aug. 1992", date(1992, 8, 15)), ("31 February 1992", None), ("08/15/1992", None),
        ("May 22", None), ("1992", None), ("Smarch 1, 1992", None),
    ],
)  # fmt: skip
def test_a_date_is_read_or_not(text: str, found: date | None) -> None:
    assert read_date(text) == found


@pytest.mark.parametrize(
    ("stated", "value", "is_same"),
    [
        ("20,699", 20699, True), ("20699.0", 20699, True), ("20,700", 20699, False),
        ("14.33", 43 / 3, True), ("14.34", 43 / 3, False), ("14", 43 / 3, True), ("3", 3.5, False),
        ("0.3", 0.1 + 0.2, True), ("China", "China (CHN)", True), ("Sean", "Se\u00e1n", True),
        ("August 29, 1992", "29 August 1992", True), ('"Army of Me"', "Army of Me", True),
        ("2-1", "2\u20131", True), ("2-1", "1-2", False), ("none", None, True), ("5", None, False),
        ("39943160", 39943156, False),
    ],
)  # fmt: skip
def test_a_stated_answer_is_a_value_or_not(stated: str, value: object, is_same: bool) -> None:
    assert same(stated, value) is is_same  # type: ignore[arg-type]


@given(st.integers(-(10**12), 10**12), st.integers(0, 4))
def test_a_number_says_itself_however_it_is_written(value: int, decimals: int) -> None:
    exact = Fraction(value, 10**decimals)
    written = f"{value:,}" if not decimals else f"{float(exact):.{decimals}f}"
    number = read_number(written)

    assert number is not None
    assert agrees(number, exact)
    assert not agrees(Number(number.value + 1, decimals), exact)


@given(st.text(max_size=60))
def test_any_text_is_borne(text: str) -> None:
    read_number(text)
    read_date(text)

    assert normalize(normalize(text)) == normalize(text)


def test_a_columns_type_is_that_of_all_its_cells() -> None:
    table = table_from(
        {
            "header": ["Crowd", "Date", "Place", "Distance", "Code", "Name", "Share"],
            "rows": [
                ["1,200", "1 May 1999", "1st", "5 m", "007", "A", "41.7%"],
                ["\u2013", "2 May 1999", "2nd", "6.5 m", "12", "3", "n/a"],
            ],
        },
        "t",
    )
    sql: Any = table.as_sql()

    assert [column.kind is Kind.NUMBER for column in table.columns] == [
        True, False, False, False, False, False, True,
    ]  # fmt: skip
    assert [name for name, _ in sql["columns"]][7:] == [
        "Crowd text", "Date iso", "Place number", "Distance number", "Share text",
    ]  # fmt: skip
    assert sql["rows"] == [
        [1200, "1 May 1999", "1st", "5 m", "007", "A", 41.7,
         "1,200", "1999-05-01", 1, 5, "41.7%"],
        [None, "2 May 1999", "2nd", "6.5 m", "12", "3", None,
         "\u2013", "1999-05-02", 2, 6.5, "n/a"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "data",
    [
        {"header": ["A", "B"], "rows": [["x", 1], ["y", 2]]},
        [{"A": "x", "B": 1}, {"A": "y", "B": 2}],
        [["A", "B"], ["x", 1], ["y", 2]],
        "A,B\nx,1\ny,2\n",
        "A\tB\nx\t1\ny\t2",
        "| A | B |\n|---|:-:|\n| x | 1 |\n| y | 2 |",
        "A | B\n--- | ---\nx | 1\ny | 2",
    ],
)
def test_a_table_is_the_same_in_every_notation(data: JSON) -> None:
    table = table_from(data, "t")

    assert str(table) == "t(A, B)"
    assert table.columns[0].values == ("x", "y")
    assert table.columns[1].values == (1, 2)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (5, "is an object"),
        ("", "empty"),
        ([], "is an object"),
        ({"header": ["A"], "rows": [["x", "y"]]}, "row 1 has 2 cells"),
        ({"header": [], "rows": []}, "1 to 200 columns"),
        ({"header": ["A"] * 201, "rows": []}, "1 to 200 columns"),
        ({"header": ["A"], "rows": [["x"]] * 100_001}, "more than 100,000 cells"),
    ],
)
def test_what_is_no_table_is_refused_in_one_sentence(data: JSON, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        table_from(data, "t")


def test_columns_of_one_name_are_told_apart() -> None:
    table = table_from([["Year", "Year", "", "year"], ["1", "2", "3", "4"]], "t")

    assert [column.name for column in table.columns] == ["Year", "Year 2", "column 3", "year 3"]


@given(
    st.lists(
        st.lists(st.text("ab1,.\"'|\n\\ -", max_size=6), min_size=2, max_size=2),
        min_size=1,
        max_size=5,
    )
)
def test_any_cells_make_a_table_or_one_clear_error(rows: list[list[str]]) -> None:
    table = table_from({"header": ["A", "B"], "rows": rows}, "t")

    assert [list(row) for row in zip(*(column.cells for column in table.columns), strict=True)] == [
        [cell.strip() for cell in row] for row in rows
    ]


def test_a_file_is_read_by_its_ending(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("A,B\nx,1\n", encoding="utf-8")
    (tmp_path / "a.json").write_text(json.dumps([{"A": "x", "B": 1}]), encoding="utf-8")
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("CREATE TABLE one (A TEXT, B INTEGER)")
        connection.execute("INSERT INTO one VALUES ('x', 1)")
        connection.execute('CREATE TABLE "two 2" (C)')
    connection.close()

    shown = [
        [str(table) for table in read_tables(str(tmp_path / name))]
        for name in ("a.csv", "a.json", "a.db")
    ]

    assert shown == [["t(A, B)"], ["t(A, B)"], ["one(A, B)", "two 2(C)"]]


def test_a_parquet_file_is_read(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"A": ["x"], "B": [1]}), tmp_path / "a.parquet")

    (table,) = read_tables(str(tmp_path / "a.parquet"))

    assert (str(table), table.columns[1].values) == ("t(A, B)", (1,))


@pytest.mark.parametrize("name", ["missing.csv", "broken.db", "broken.json"])
def test_a_file_that_cannot_be_read_is_an_error_of_the_person(tmp_path: Path, name: str) -> None:
    if not name.startswith("missing"):
        (tmp_path / name).write_text("this is no such file " * 100, encoding="utf-8")

    with pytest.raises(InputError, match="cannot be read"):
        read_tables(str(tmp_path / name))


def test_the_table_is_the_tasks() -> None:
    prompt = "How many?\n\n| A | B |\n|---|---|\n| x | 1 |\n\nSay it."
    in_prompt = find_tables(Task(prompt=prompt))
    in_inputs = find_tables(Task(prompt=prompt, inputs={"table": "C\n1"}))
    several = find_tables(Task(prompt="?", inputs={"tables": {"one": "C\n1", "two": "D\n1"}}))

    assert [str(table) for table in in_prompt] == ["t(A, B)"]
    assert [str(table) for table in in_inputs] == ["t(C)"]
    assert [str(table) for table in several] == ["one(C)", "two(D)"]
    assert find_tables(Task(prompt="How many?")) == ()
    assert question_of(Task(prompt=prompt)).split() == ["How", "many?", "Say", "it."]


def test_a_digest_is_of_what_is_written() -> None:
    one, same_again, other = (table_from(text, "t") for text in ("A\n1", "A\n1", "A\n1.0"))

    assert isinstance(one, Table)
    assert one.digest == same_again.digest != other.digest
