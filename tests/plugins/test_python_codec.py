"""What crosses the border between sandbox and critic: every value, and nothing but values."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction

import numpy as np
import pytest
import sympy  # type: ignore[import-untyped]  # it ships no types
from hypothesis import given
from hypothesis import strategies as st

from gadfly_python._execution import Report, as_json, is_number, parse_report
from gadfly_python._runner import MAX_BITS, MAX_DEPTH, Unencodable, decode, encode

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
INTEGERS = st.integers(min_value=-(2**200), max_value=2**200)
NUMBERS = (
    INTEGERS
    | st.floats(allow_nan=False)
    | st.fractions(max_denominator=10**6)
    | st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9)
)
KEYS = st.none() | st.booleans() | NUMBERS | TEXT
VALUES: st.SearchStrategy[object] = st.recursive(
    KEYS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)
JSON_DATA: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["list", "tuple", "dict", "fraction", "decimal", "float", "unencodable"]
            )
            | st.text(max_size=6),
            inner,
            max_size=2,
        )
    ),
    max_leaves=12,
)


def kinds(value: object) -> object:
    """The exact types of a value and of everything in it."""
    if isinstance(value, list | tuple):
        return type(value), [kinds(part) for part in value]
    if isinstance(value, dict):
        return dict, [(kinds(key), kinds(part)) for key, part in value.items()]
    return type(value)


@given(VALUES)
def test_a_value_comes_back_with_its_exact_types(value: object) -> None:
    text = json.dumps(encode(value), ensure_ascii=False, allow_nan=False)

    back = decode(json.loads(text))

    assert back == value
    assert kinds(back) == kinds(value)


@given(JSON_DATA)
def test_forged_data_decode_to_a_value_or_are_refused(data: object) -> None:
    try:
        value = decode(data)
    except ValueError:
        return

    assert kinds(decode(encode(value))) == kinds(value)
    json.dumps(as_json(value), allow_nan=False)


@given(st.binary(max_size=300) | JSON_DATA.map(lambda data: json.dumps(data).encode()))
def test_a_forged_result_is_a_report_or_refused(data: bytes) -> None:
    try:
        report = parse_report(data.decode(errors="replace"))
    except ValueError:
        return

    assert isinstance(report, Report)


@given(crash=JSON_DATA, answer=JSON_DATA, variables=JSON_DATA, calls=JSON_DATA)
def test_a_forged_report_holds_values_only(
    crash: object, answer: object, variables: object, calls: object
) -> None:
    forged = {"crash": crash, "answer": answer, "variables": variables, "calls": calls}
    try:
        report = parse_report(json.dumps(forged))
    except ValueError:
        return

    assert all(is_number(value) for value in report.variables.values())


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"a":' * 50_000, id="deep objects"),
        pytest.param("9" * 10_000, id="long number"),
        pytest.param(" " * 400_000, id="long"),
        pytest.param("NaN", id="not JSON"),
        pytest.param('{"crash":null,"crash":null}', id="one name twice"),
        pytest.param('{"crash":null,"answer":["a",1e999],"variables":[],"calls":[]}', id="1e999"),
        pytest.param(
            '{"crash":null,"answer":["a","\\ud800"],"variables":[],"calls":[]}', id="half a pair"
        ),
        pytest.param(
            '{"crash":null,"answer":null,"variables":[["a",1],["a",2]],"calls":[]}', id="two values"
        ),
        pytest.param(
            '{"crash":null,"answer":null,"variables":[["a",true]],"calls":[]}', id="no number"
        ),
    ],
)
def test_a_result_that_the_runner_would_not_write_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the many reasons are the JSON parser's too
        parse_report(text)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ({"list": 3}, "list"),
        ({"dict": [[1]]}, "list"),
        ({"dict": [[1, 2], [True, 3]]}, "twice"),
        ({"dict": [[{"list": []}, 1]]}, "hashable"),
        ({"fraction": [1, 0]}, "fraction"),
        ({"fraction": [True, 2]}, "fraction"),
        ({"decimal": "NaN"}, "decimal"),
        ({"decimal": "1e999999999"}, "decimal"),
        ({"decimal": "one"}, "decimal"),
        ({"float": "1.5"}, "float"),
        ({"set": [1]}, "form"),
        ({"list": [], "tuple": []}, "form"),
        (2 ** (MAX_BITS + 1), "form"),
        ({"list": [0] * 100_000}, "list"),
    ],
)
def test_a_form_that_the_encoder_would_not_write_is_refused(data: object, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decode(data)


class AlwaysEqual(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


class Colour(IntEnum):
    RED = 1


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (AlwaysEqual(4), "AlwaysEqual"),
        (Colour.RED, "Colour"),
        (print, "builtin_function_or_method"),
        ({1, 2}, "set"),
        (b"4", "bytes"),
        (4j, "complex"),
        ("\ud800", "str"),
        (Decimal("NaN"), "Decimal"),
        (np.array([1]), "ndarray"),
        (np.complex64(1j), "complex"),
        (sympy.Symbol("x"), "Symbol"),
        (sympy.I, "ImaginaryUnit"),
        (2 ** (MAX_BITS + 1), "int (too large)"),
        ([0] * 100_000, "list (too large)"),
    ],
)
def test_what_is_no_plain_data_is_named_and_nothing_else(value: object, name: str) -> None:
    assert decode(encode(value)) == Unencodable(name)


def test_a_value_that_holds_itself_is_unencodable() -> None:
    value: list[object] = []
    value.append(value)

    assert decode(encode(value)) == Unencodable("list (too large)")


def test_a_value_that_is_nested_too_deeply_is_refused_on_both_sides() -> None:
    value: object = 1
    form: object = 1
    for _ in range(MAX_DEPTH + 1):
        value = [value]
        form = {"list": [form]}

    assert decode(encode(value)) == Unencodable("list (too large)")
    with pytest.raises(ValueError, match="deep"):
        decode(form)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(3.5), 3.5),
        (np.int32(3), 3),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        (sympy.Integer(3), 3),
        (sympy.Rational(1, 3), Fraction(1, 3)),
        (sympy.Float(0.5), 0.5),
        (sympy.sqrt(4), 2),
    ],
)
def test_numbers_of_numpy_and_sympy_are_python_numbers(value: object, plain: object) -> None:
    back = decode(encode(value))

    assert back == plain
    assert type(back) is type(plain)


def test_numbers_that_json_does_not_have_come_back() -> None:
    back = decode(encode([float("inf"), float("-inf"), float("nan"), -0.0]))

    assert isinstance(back, list)
    assert back[:2] == [float("inf"), float("-inf")]
    assert math.isnan(back[2])
    assert math.copysign(1, back[3]) == -1


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Fraction(4, 2), 2),
        (Fraction(1, 2), 0.5),
        (Decimal("2.50"), 2.5),
        (Fraction(10**400 + 1, 3), f"{10**400 + 1}/3"),
        (float("nan"), "nan"),
        ((1, "a"), [1, "a"]),
        ({(1, 2): None}, {"[1, 2]": None}),
        (Unencodable("function"), "<function>"),
    ],
)
def test_evidence_shows_numbers_as_numbers_and_the_rest_as_text(
    value: object, shown: object
) -> None:
    assert as_json(value) == shown
