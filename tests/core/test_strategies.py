"""When another refinement is not worth making."""

from __future__ import annotations

import pytest

from gadfly import (
    CriticRule,
    Critique,
    Draft,
    Finding,
    Round,
    Span,
    Stopped,
    Strategy,
    Verdict,
)


def rounds(*pairs: tuple[str, str | None]) -> list[Round]:
    """A history of answers, each with what one critic found (None: its summary is all it said)."""
    history: list[Round] = []
    for number, (answer, message) in enumerate(pairs, 1):
        # The finding moves around: where it is must not matter.
        found = () if message is None else (Finding(message, span=Span(number)),)
        critique = Critique(Verdict.FAIL, f"summary of {answer}", found)
        history.append(Round(Draft(answer, number), {"a/check": critique}, answer))
    return history


@pytest.mark.parametrize(
    ("history", "stopped"),
    [
        pytest.param([], None, id="nothing-yet"),
        pytest.param([("1", "x")], None, id="first"),
        pytest.param([("1", "x"), ("1", "y")], None, id="unchanged-once"),
        pytest.param([("1", "x"), ("1", "y"), ("1", "z")], Stopped.STABLE, id="unchanged-twice"),
        pytest.param([("1", "x"), ("2", "x")], None, id="same-findings-once"),
        pytest.param([("1", "x"), ("2", "x"), ("3", "x")], Stopped.STAGNANT, id="same-twice"),
        pytest.param([("1", "x"), ("2", "y"), ("1", "z")], Stopped.STAGNANT, id="circle"),
        pytest.param([("1", "x"), ("2", "y"), ("3", "z")], None, id="getting-somewhere"),
        pytest.param([("1", None), ("2", None), ("3", None)], None, id="new-summaries"),
        pytest.param([("1", "x"), ("1", "x"), ("2", "y"), ("3", "z")], None, id="it-moved-on"),
    ],
)
def test_the_critic_rule_stops_where_nothing_gets_better(
    history: list[tuple[str, str | None]], stopped: Stopped | None
) -> None:
    stop = CriticRule().stop(rounds(*history))

    assert (stop and stop.stopped) == stopped
    assert stop is None or stop.reason


def test_stability_is_what_is_said_when_several_rules_hold() -> None:
    stop = CriticRule().stop(rounds(("1", "x"), ("1", "x"), ("1", "x")))

    assert stop is not None
    assert stop.stopped == Stopped.STABLE
    assert "2 rounds" in stop.reason


@pytest.mark.parametrize(
    "history",
    [
        [("1", "x"), ("1", "y"), ("1", "z")],
        [("1", "x"), ("2", "x"), ("3", "x")],
        [("1", "x"), ("2", "y"), ("1", "z")],
    ],
)
def test_every_rule_can_be_turned_off(history: list[tuple[str, str | None]]) -> None:
    rule = CriticRule(stable_rounds=0, stagnant_rounds=0, circles=False)

    assert rule.stop(rounds(*history)) is None


def test_findings_of_critics_that_did_not_fail_do_not_count() -> None:
    hint = Critique(Verdict.PASS, findings=(Finding("a hint"),))
    history = [
        Round(Draft(str(n), n), {"a": hint, "b": Critique(Verdict.FAIL, f"new: {n}")}, str(n))
        for n in (1, 2, 3)
    ]

    assert CriticRule().stop(history) is None


def test_the_rule_is_a_strategy() -> None:
    assert isinstance(CriticRule(), Strategy)
