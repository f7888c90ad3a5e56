"""Critiques to a decision, drafts to the best one."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import CriticSpec, Critique, Draft, Finding, Hardness, Round, Verdict
from gadfly._engine.adjudicate import Choice, adjudicate, best_round
from gadfly._ports import critic_spec
from gadfly.testing import ScriptedCritic


def spec(name: str, *, required: bool = True) -> CriticSpec:
    return critic_spec(ScriptedCritic(Verdict.PASS, name=name, required=required))


SPECS = [spec("a"), spec("b"), spec("c"), spec("info", required=False)]
HARD = Critique(Verdict.FAIL, findings=(Finding("wrong", Hardness.HARD),))
SOFT = Critique(Verdict.FAIL, findings=(Finding("odd"),))
SAID = [HARD, SOFT, *(Critique(verdict) for verdict in Verdict)]

critiques = st.dictionaries(st.sampled_from(["a", "b", "c", "info"]), st.sampled_from(SAID))
histories = st.lists(critiques, min_size=1, max_size=6).map(
    lambda said: [Round(Draft(str(n), n), each, str(n)) for n, each in enumerate(said, 1)]
)


def verdicts(said: dict[str, Critique]) -> set[Verdict]:
    return {critique.verdict for id_, critique in said.items() if id_ != "info"}


@given(critiques)
def test_only_passes_accept_and_only_a_failure_refines(said: dict[str, Critique]) -> None:
    decision = adjudicate(said, SPECS)

    if decision.choice is Choice.ACCEPT:
        assert Verdict.PASS in verdicts(said)
        assert verdicts(said) <= {Verdict.PASS, Verdict.SKIP}
    if decision.choice is Choice.REFINE:
        assert Verdict.FAIL in verdicts(said)
    assert decision.reason


@given(critiques, st.sampled_from(["a", "b", "c"]))
def test_an_error_neither_accepts_nor_refines(said: dict[str, Critique], broken: str) -> None:
    """What an error takes the place of, it can only take away."""
    before = adjudicate({id_: c for id_, c in said.items() if id_ != broken}, SPECS).choice

    after = adjudicate({**said, broken: Critique(Verdict.ERROR)}, SPECS).choice

    assert after is not Choice.ACCEPT
    assert (after is Choice.REFINE) == (before is Choice.REFINE)


@given(critiques, st.sampled_from(SAID))
def test_a_critic_that_only_informs_decides_nothing(
    said: dict[str, Critique], informs: Critique
) -> None:
    without = {id_: critique for id_, critique in said.items() if id_ != "info"}

    assert adjudicate({**said, "info": informs}, SPECS) == adjudicate(without, SPECS)


@pytest.mark.parametrize(
    ("said", "choice", "disagreement"),
    [
        ({"a": Verdict.PASS}, Choice.ACCEPT, False),
        ({"a": Verdict.PASS, "b": Verdict.SKIP}, Choice.ACCEPT, False),
        ({"a": Verdict.PASS, "b": Verdict.FAIL}, Choice.REFINE, True),
        ({"a": Verdict.ERROR, "b": Verdict.FAIL}, Choice.REFINE, False),
        ({"a": Verdict.PASS, "b": Verdict.ABSTAIN}, Choice.UNDECIDED, False),
        ({"a": Verdict.PASS, "b": Verdict.ERROR}, Choice.UNDECIDED, False),
        ({"a": Verdict.SKIP}, Choice.UNDECIDED, False),
        ({}, Choice.UNDECIDED, False),
    ],
)
def test_every_verdict_has_its_own_weight(
    said: dict[str, Verdict], choice: Choice, disagreement: bool
) -> None:
    decision = adjudicate({id_: Critique(verdict) for id_, verdict in said.items()}, SPECS)

    assert (decision.choice, decision.disagreement) == (choice, disagreement)


def history(*said: dict[str, Critique]) -> list[Round]:
    return [Round(Draft(str(n), n), each, str(n)) for n, each in enumerate(said, 1)]


PASS = Critique(Verdict.PASS)


@pytest.mark.parametrize(
    ("said", "best"),
    [
        pytest.param([{"a": SOFT}, {"a": PASS}, {"a": SOFT}], 2, id="accepted-in-the-middle"),
        pytest.param([{"a": HARD}, {"a": SOFT}, {"a": HARD}], 2, id="fewer-hard-failures"),
        pytest.param([{"a": PASS, "b": SOFT}, {"a": SOFT, "b": SOFT}], 1, id="more-passes"),
        pytest.param([{"a": SOFT}, {"a": SOFT}], 2, id="the-later-of-equals"),
        pytest.param(
            [{"a": PASS, "b": HARD, "c": HARD}, {"a": HARD, "b": PASS, "c": PASS}],
            1,
            id="fails-hard-what-passed-before",
        ),
    ],
)
def test_the_best_draft_is_not_the_last_one(said: list[dict[str, Critique]], best: int) -> None:
    assert best_round(history(*said), SPECS).draft.number == best


@given(histories)
def test_the_best_draft_never_fails_hard_what_the_one_it_replaced_passed(
    rounds: list[Round],
) -> None:
    bests = [best_round(rounds[:count], SPECS) for count in range(1, len(rounds) + 1)]

    for old, new in itertools.pairwise(bests):
        for id_, critique in new.critiques.items():
            before = old.critiques.get(id_)
            assert not (critique.is_hard_failure and before and before.verdict is Verdict.PASS)


@given(histories)
def test_an_accepted_draft_is_only_replaced_by_another_accepted_one(rounds: list[Round]) -> None:
    bests = [best_round(rounds[:count], SPECS) for count in range(1, len(rounds) + 1)]
    accepted = [adjudicate(best.critiques, SPECS).choice is Choice.ACCEPT for best in bests]

    assert accepted == sorted(accepted)
