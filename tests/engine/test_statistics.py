"""Intervals against known values, and the flip matrix."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly._experiment.statistics import Flips, Interval, wilson


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [
        # Newcombe (1998), table I, method 3: the score method without continuity correction.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # The mirror image of 0 in 20, and a half.
        (20, 20, 0.8389, 1.0000),
        (5, 10, 0.2366, 0.7634),
    ],
)
def test_wilson_gives_the_published_intervals(right: int, n: int, low: float, high: float) -> None:
    interval = wilson(right, n)

    assert interval.share == right / n
    assert (round(interval.low, 4), round(interval.high, 4)) == (low, high)


def test_nothing_is_known_of_nothing() -> None:
    assert wilson(0, 0) == Interval(0.0, 0.0, 1.0)


@given(st.integers(1, 500), st.data())
def test_an_interval_holds_its_share_and_narrows_with_more(n: int, data: st.DataObject) -> None:
    right = data.draw(st.integers(0, n))

    few, many = wilson(right, n), wilson(10 * right, 10 * n)

    assert 0.0 <= few.low <= few.share <= few.high <= 1.0
    assert many.high - many.low < few.high - few.low


def test_intervals_overlap_where_they_share_a_value() -> None:
    low, middle, high = Interval(0.1, 0, 0.2), Interval(0.2, 0.2, 0.3), Interval(0.9, 0.8, 1)

    assert low.overlaps(middle) and middle.overlaps(low)
    assert not low.overlaps(high) and not high.overlaps(low)


def test_flips_count_what_became_of_first_drafts() -> None:
    first = [True, True, True, False, False]
    final = [True, False, True, True, False]

    flips = Flips.count(first, final)

    assert flips == Flips(right_right=2, right_wrong=1, wrong_right=1, wrong_wrong=1)
    assert flips.spoilt == pytest.approx(1 / 3)


def test_where_nothing_was_right_nothing_was_spoilt() -> None:
    assert Flips.count([False], [False]).spoilt == 0.0


def test_flips_of_different_numbers_of_problems_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        Flips.count([True, True], [True])
