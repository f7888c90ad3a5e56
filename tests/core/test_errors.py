"""The error tree, the boundary and the nearest names."""

from __future__ import annotations

import pytest

import gadfly
from gadfly import (
    CriticError,
    GadflyError,
    InputError,
    SandboxError,
    ToolError,
    UnknownNameError,
)
from gadfly._errors import boundary


@pytest.mark.parametrize("name", [name for name in gadfly.__all__ if name.endswith("Error")])
def test_every_error_is_a_gadfly_error_with_a_public_home(name: str) -> None:
    error = getattr(gadfly, name)

    assert issubclass(error, GadflyError)
    assert error.__module__ == "gadfly"


def test_a_broken_part_is_no_wrong_input() -> None:
    assert not issubclass(ToolError, InputError)
    assert not issubclass(InputError, ToolError)


def test_the_boundary_names_the_part_and_keeps_the_cause() -> None:
    cause = ZeroDivisionError("division\n  by zero")

    with pytest.raises(CriticError) as caught, boundary(CriticError, "critic mine/check"):
        raise cause

    assert str(caught.value) == ("critic mine/check failed: ZeroDivisionError: division by zero")
    assert caught.value.__cause__ is cause


def test_the_boundary_says_the_type_of_an_error_without_words() -> None:
    with (
        pytest.raises(CriticError, match=r"^critic x failed: KeyError$"),
        boundary(CriticError, "critic x"),
    ):
        raise KeyError


def test_the_boundary_bounds_what_it_quotes() -> None:
    with pytest.raises(CriticError) as caught, boundary(CriticError, "critic x"):
        raise ValueError("x" * 10_000)

    assert len(str(caught.value)) < 600


def test_the_boundary_passes_our_own_errors_as_they_are() -> None:
    own = SandboxError("no runner")

    with pytest.raises(SandboxError) as caught, boundary(CriticError, "critic x"):
        raise own

    assert caught.value is own


@pytest.mark.parametrize("escaped", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_the_boundary_lets_the_process_end(escaped: type[BaseException]) -> None:
    with pytest.raises(escaped), boundary(CriticError, "critic x"):
        raise escaped


@pytest.mark.parametrize(
    ("asked", "near"),
    [
        pytest.param("python/run", ("python/runs",), id="a-letter-missing"),
        pytest.param("runs", ("python/runs",), id="the-plugin-missing"),
        pytest.param("zzz", (), id="nothing-near"),
    ],
)
def test_an_unknown_name_comes_with_the_nearest(asked: str, near: tuple[str, ...]) -> None:
    error = UnknownNameError("critic", asked, ["python/runs", "search/claims"])

    assert error.near == near
    assert repr(asked) in str(error)
    for name in near or ("python/runs", "search/claims"):
        assert name in str(error)


def test_an_unknown_name_says_when_there_is_nothing_at_all() -> None:
    error = UnknownNameError("critic", "x", [], "see `gadfly plugins list`")

    assert str(error) == "no critic named 'x'; there is none. see `gadfly plugins list`"
