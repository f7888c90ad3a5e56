"""Signals about formal statements: each is found where it is, and not where it is not."""

# ruff: noqa: RUF001 - Lean's own symbols
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lean_tricks import measure_formalisation, measure_goedel

import gadfly_lean
from gadfly import Critic, Draft, Hardness, Plugins, Verdict
from gadfly.testing import CRITIC_CHECKS, CriticCheck, Fixture, Trial, load_fixtures, make_context
from gadfly_lean import FormalisationCritic, find_signals

FIXTURES = load_fixtures(gadfly_lean)


def names(statement: str, text: str = "Prove it.") -> list[str]:
    return [signal.name for signal in find_signals(text, statement)]


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("theorem t (m : ℕ := by sorry", "incomplete"),
        ("theorem t (n : ℕ) := by sorry", "incomplete"),
        ("theorem t (n : ℕ] : n = 1 := by sorry", "incomplete"),
        ("def", "incomplete"),
        ("theorem t : True := by sorry", "trivial"),
        ("theorem t (a b : ℝ) : a + b = a + b := sorry", "trivial"),
        ("theorem t (a b : ℝ) (h : a < b) : a < b := sorry", "assumed"),
        ("theorem t (a b : ℝ) (h : False) : a < b := sorry", "contradiction"),
        ("theorem t (a b : ℝ) (h : a < a) : a < b := sorry", "contradiction"),
        ("theorem t (a b : ℝ) (h : a = b) (h' : ¬ (a = b)) : a < b := sorry", "contradiction"),
        ("theorem t (a : ℝ) (h : 0 < x) : a < x + a := sorry", "auto-implicit"),
        ("theorem t (a b : ℝ) : a = 2 := sorry", "unused binder"),
        ("theorem t (m n : ℕ) : m - n + n = m := sorry", "natural subtraction"),
        ("theorem t (m n : ℕ) : (m + 1) - n = m := sorry", "natural subtraction"),
        ("theorem t (n : ℕ) : n - 1 + 1 = n := sorry", "natural subtraction"),
        ("theorem t (m n : ℕ) : m / n * n = m := sorry", "natural division"),
    ],
)
def test_what_is_suspicious_is_named(statement: str, name: str) -> None:
    assert name in names(statement)


@pytest.mark.parametrize(
    ("text", "statement", "name"),
    [
        ("There is a unique root.", "theorem t (f : ℝ → ℝ) : ∃ x, f x < 0 := sorry", "wording"),
        ("Show that there exists a root.", "theorem t (f : ℝ → ℝ) : f 0 < 0 := sorry", "wording"),
        ("It is compact.", "theorem t (s : Set ℝ) : IsClosed s := sorry", "wording"),
        ("The sum is 1987.", "theorem t (f : ℝ → ℝ) : f 0 < 1988 := sorry", "number"),
    ],
)
def test_what_the_text_says_and_the_statement_does_not_is_named(
    text: str, statement: str, name: str
) -> None:
    assert name in names(statement, text)


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        (
            "Let $n$ be a natural number. Show that $n + 0 = n$.",
            "theorem t (n : ℕ) : n + 0 = n := sorry",
        ),
        (
            "Prove that no group of order $pq$ is simple, for primes $p, q$.",
            (
                "theorem t (p q : ℕ) (hp : Nat.Prime p) (hq : Nat.Prime q) (G : Type _) [Group G] "
                "[Fintype G] (hG : Fintype.card G = p * q) : ¬IsSimpleGroup G := by sorry"
            ),
        ),
        (
            "There are infinitely many primes.",
            "theorem t : Set.Infinite {p : ℕ | Nat.Prime p} := by sorry",
        ),
        (
            "Show that $p - 1$ is even for an odd prime.",
            "theorem t (p : ℕ) (hp : p.Prime) (h : Odd p) : Even (p - 1) := sorry",
        ),
        (
            "Addition commutes.",
            "theorem t {G : Type u} [AddCommGroup G] (a b : G) : a + b = b + a := sorry -- x - y",
        ),
        ("A sum.", "theorem t (n : ℕ) : ∑ i in Finset.range n, i ≤ n ^ 2 := sorry"),
    ],
)
def test_a_good_statement_has_no_signals(text: str, statement: str) -> None:
    assert find_signals(text, statement) == ()


def test_only_what_is_wrong_by_itself_is_hard() -> None:
    soft = find_signals("", "theorem t (m n k : ℕ) : m - n + n = m := sorry")
    hard = find_signals("", "theorem t (m n : ℕ) : True := sorry")

    assert {signal.hardness for signal in soft} == {Hardness.SOFT}
    assert Hardness.HARD in {signal.hardness for signal in hard}


@given(st.text(alphabet="theorem (x : ℕ) {}[]⟨⟩:=-/∀∃,<>≠¬ab1\n", max_size=120))
def test_any_text_gets_its_signals(text: str) -> None:
    find_signals(text, f"theorem {text}")


async def test_nothing_passes() -> None:
    draft = Draft("```lean\ntheorem t (n : ℕ) : n + 0 = n := sorry\n```")

    critique = await FormalisationCritic().critique(draft, make_context("Show $n + 0 = n$."))

    assert critique.verdict is Verdict.ABSTAIN
    assert critique.summary.startswith("0 suspicious things")


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda f: f"{f.critic}: {f.draft[:40]!r}")
async def test_a_fixture_gets_its_verdict(fixture: Fixture) -> None:
    critic: Critic = Plugins.discover().create("critics", fixture.critic)

    critique = await Trial(critic, [fixture]).said(fixture)

    assert critique.verdict is fixture.verdict, critique.summary


@pytest.mark.parametrize("id_", ["lean/formalisation", "lean/proof"])
@pytest.mark.parametrize("check", CRITIC_CHECKS, ids=str)
async def test_the_critics_contract_is_kept(id_: str, check: CriticCheck) -> None:
    critic: Critic = Plugins.discover().create("critics", id_)

    await check.run(Trial(critic, [one for one in FIXTURES if one.critic == id_]))


@pytest.mark.data
def test_hardly_any_faithful_statement_is_flagged(shared_data: Path) -> None:
    report = measure_formalisation(shared_data)

    kept, of, *_ = report["without_signals"]["recall"]
    assert of == 39
    assert kept >= 35
    assert report["without_signals"]["precision"][0] / report["without_signals"]["precision"][1] > (
        report["type_checking"]["precision"][0] / report["type_checking"]["precision"][1]
    )


@pytest.mark.data
def test_recorded_verdicts_on_proofs_are_reproduced(shared_data: Path) -> None:
    report = measure_goedel(shared_data)

    assert report["differing"] == []
    assert report["verdicts"] == {"pass": 47, "abstain": 1}
