"""What is shown is other people's text, made harmless; what is data is JSON."""

from __future__ import annotations

import io
import json
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import Verdict
from gadfly._cli._output import console, duration, plain, print_json, progress


@given(st.text())
def test_plain_text_holds_no_control_character(text: str) -> None:
    assert not [c for c in plain(text) if c not in "\t\n" and (c < " " or "\x7f" <= c <= "\x9f")]


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])))
def test_plain_text_is_left_alone(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\x1b[31mred", r"\x1b[31mred"), ("a\rb", r"a\rb"), ("\u202eevil", r"\u202eevil")],
)
def test_what_would_steer_the_terminal_is_made_visible(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_markup_is_shown_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    console().print("[bold]x[/bold] [/] :bee:")

    assert capsys.readouterr().out == "[bold]x[/bold] [/] :bee:\n"


def test_a_long_line_is_not_wrapped_for_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    console().print("word " * 200)

    assert capsys.readouterr().out.count("\n") == 1


def test_json_is_ascii_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"verdict": Verdict.PASS, "text": "é\ud800\x1b"})

    captured = capsys.readouterr()
    assert captured.out.isascii()
    assert json.loads(captured.out) == {"verdict": "pass", "text": "é\ud800\x1b"}
    assert captured.err == ""


def test_what_is_quick_shows_no_progress(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("checking", 3) as advance:
        advance(3)

    assert capsys.readouterr() == ("", "")


def test_progress_in_a_log_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("checking", 3, after=0, every=3600) as advance:
        advance()
        advance()
    with progress("reading", after=0, every=0) as advance:
        advance(2)
        advance(3)

    captured = capsys.readouterr()
    lines = [line.partition(" (")[0] for line in captured.err.splitlines()]
    assert lines == ["checking: 1/3", "reading: 2", "reading: 5"]
    assert captured.out == ""


def test_progress_in_a_log_says_how_fast_and_how_long(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with progress("checking", 1000, after=0, every=0) as advance:
        for now in (150.0, 160.0, 170.0):  # noqa: B007 - it is the clock
            advance(20)

    # The first have waited fifty seconds for everything to start: that is no rate.
    assert capsys.readouterr().err.splitlines() == [
        "checking: 20/1000 (50 s, 0.4 a second, 41 min left)",
        "checking: 40/1000 (60 s, 2.0 a second, 8 min left)",
        "checking: 60/1000 (70 s, 2.0 a second, 8 min left)",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (99.0, "99 s"), (100.0, "2 min"), (5941.0, "99 min"), (11100.0, "3 h 5 min")],
)
def test_duration_is_told_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class Terminal(io.StringIO):
    """A stderr that is a terminal."""

    def isatty(self) -> bool:
        return True


def _on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    # Not a fixture: pytest sets stderr anew between a test's setup and the test.
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    return terminal


def test_progress_on_a_terminal_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _on_a_terminal(monkeypatch)

    with progress("checking [bold]x", 2, after=0) as advance:
        advance()
        give_up = time.monotonic() + 30
        while "checking [bold]x" not in terminal.getvalue() and time.monotonic() < give_up:
            time.sleep(0.01)

    assert "checking [bold]x" in terminal.getvalue()
    assert "50%" in terminal.getvalue()
    assert "1/2" in terminal.getvalue()


def test_what_fails_before_the_bar_shows_leaves_the_terminal_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = _on_a_terminal(monkeypatch)

    with pytest.raises(KeyError), progress("checking", 2):
        raise KeyError

    assert terminal.getvalue() == ""
