"""`rocq/proof` with the real Rocq of this machine: what is proved passes, and nothing else does."""

from __future__ import annotations

import asyncio
import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rocq_check import Case, read_cases

import gadfly_rocq
from gadfly import Agent, Critique, Draft, Plugins, Sandbox, Span, Task, Verdict
from gadfly.testing import (
    CRITIC_CHECKS,
    CriticCheck,
    Fixture,
    ScriptedActor,
    Trial,
    load_fixtures,
    make_context,
)
from gadfly_rocq import OneShotRocq, Policy, ProofCritic, decide, find_toolchain

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.skipif(
        not (shutil.which("coqc") and shutil.which("coqchk")), reason="no Rocq (apt install coq)"
    ),
]
COOKBOOK = Path(__file__).parents[2] / "cookbook"
FIXTURES = load_fixtures(gadfly_rocq) if shutil.which("coqc") else []
CASES = {case.name: case for kind in ("trick", "honest") for case in read_cases(kind)}
FAILS = {
    "wrong proof": "errors",
    "admitted": "admitted",
    "admitted helper": "admitted",
    "admitted in a comment's shadow": "admitted",
    "axiom": "Print Assumptions",
    "hypothesis": "Print Assumptions",
    "axiom by a class": "Print Assumptions",
    "axiom with an allowed name": "Print Assumptions",
    "library's axiom": "Print Assumptions",
    "guard unset and set again": "Print Assumptions",
    "guard unset for one": "Print Assumptions",
    "positivity unset": "Print Assumptions",
    "universes unset": "Print Assumptions",
    "universes unset for one": "Print Assumptions",
    "flags for all files": "Print Assumptions",
    "section variable": "statement",
    "weaker statement": "statement",
    "redefined goal": "statement",
    "notation of equality": "statement",
    "another addition": "statement",
    "the header's type again": "statement",
    "the challenge's names": "statement",
    "the libraries' names": "Print Assumptions",
    "in a module": "target",
    "aborted": "target",
    "its own compiled file": "target",
    "left open": "errors",
    "unchecked cast": "errors",
    "plugin": "errors",
}
ABSTAINS = {"known bug of the guard": "known bugs"}
PASSES = (
    "computation",
    "script",
    "term",
    "commutativity",
    "types",
    "section",
    "linear arithmetic",
    "definitions of the header, repeated",
    "axioms of the header",
    "allowed axiom",
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    sandbox: Sandbox = Plugins.discover().create("sandboxes", "local")
    yield sandbox
    asyncio.run(sandbox.close())


async def judge(
    source: str,
    sandbox: Sandbox,
    *,
    statement: str = "Theorem tgt : 2 + 2 = 4. Admitted.",
    header: str = "",
    critic: ProofCritic | None = None,
) -> Critique:
    task = Task(prompt="Prove it.", inputs={"statement": statement, "header": header})
    context = make_context(task, sandbox=sandbox)
    return await (critic or ProofCritic()).critique(Draft(f"```coq\n{source}\n```\n"), context)


async def stopped(case: Case, sandbox: Sandbox) -> tuple[Verdict, str]:
    answer = await OneShotRocq(sandbox, find_toolchain()).check(case.request)
    decision = decide(answer, case.request, Policy(axioms=case.axioms))
    stop = decision.stopped_by
    assert stop is not None
    return decision.verdict, stop.name


@pytest.mark.parametrize("name", FAILS)
async def test_a_trick_fails_for_its_own_reason(name: str, sandbox: Sandbox) -> None:
    assert await stopped(CASES[name], sandbox) == (Verdict.FAIL, FAILS[name])


@pytest.mark.parametrize("name", ABSTAINS)
async def test_a_known_bug_of_the_kernel_is_no_proof(name: str, sandbox: Sandbox) -> None:
    assert await stopped(CASES[name], sandbox) == (Verdict.ABSTAIN, ABSTAINS[name])


@pytest.mark.parametrize("name", PASSES)
async def test_an_honest_proof_passes(name: str, sandbox: Sandbox) -> None:
    case = CASES[name]

    critique = await judge(
        case.source,
        sandbox,
        statement=case.statement,
        header=case.header,
        critic=ProofCritic(axioms=case.axioms),
    )

    assert critique.verdict is Verdict.PASS, critique
    assert critique.summary == "Proved, at level L3."


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda f: f"{f.draft[:60]!r}")
async def test_a_fixture_gets_its_verdict(fixture: Fixture, sandbox: Sandbox) -> None:
    critique = await Trial(ProofCritic(), [fixture], sandbox=sandbox).said(fixture)

    assert critique.verdict is fixture.verdict, critique.summary


@pytest.mark.parametrize("check", CRITIC_CHECKS, ids=str)
async def test_the_critics_contract_is_kept(check: CriticCheck, sandbox: Sandbox) -> None:
    few = [FIXTURES[1], FIXTURES[2]]
    await check.run(Trial(ProofCritic(), few, sandbox=sandbox))


async def test_an_error_is_told_with_its_place_the_goals_and_names_like_it(
    sandbox: Sandbox,
) -> None:
    source = (
        "(* é *)\nTheorem tgt : forall n, n + 0 = n.\nProof.\n"
        "  intros n.\n  rewrite <- plus_n_OO.\n  reflexivity.\nQed."
    )

    critique = await judge(source, sandbox, statement="Theorem tgt : forall n, n + 0 = n.")

    (finding,) = critique.findings
    begin = len("```coq\n") + source.index("plus_n_OO")
    assert finding.span == Span(5, begin, begin + len("plus_n_OO"))
    assert "plus_n_O" in finding.message.split("Names like it:")[1]
    assert "n + 0 = n" in finding.message.split("The goals there:")[1]


async def test_evidence_is_enough_to_run_it_again(sandbox: Sandbox) -> None:
    critique = await judge("Proof. reflexivity. Qed.", sandbox)

    (evidence,) = critique.evidence
    seen = evidence.observation
    assert "version" in evidence.versions["rocq"]
    assert seen["level"] == "L3"
    assert seen["axioms"] == []
    assert str(seen["statement_digest"]).startswith("sha256:") or seen["statement_digest"]
    commands = seen["commands"]
    assert isinstance(commands, list)
    assert str(commands[-1]).startswith("coqchk -o -silent")
    assert evidence.request["statement"] == "Theorem tgt : 2 + 2 = 4."


async def test_a_statement_is_digested_by_what_it_means(sandbox: Sandbox) -> None:
    digests = []
    for statement in (
        "Theorem tgt : 1 = 1.",
        "Lemma  tgt : @eq nat 1 (S O).",
        "Theorem tgt : 1 = 2.",
    ):
        critique = await judge("Proof. reflexivity. Qed.", sandbox, statement=statement)
        digests.append(critique.evidence[0].observation["statement_digest"])

    assert digests[0] == digests[1] != digests[2]


async def test_a_proof_that_takes_too_long_is_an_abstention(sandbox: Sandbox) -> None:
    slow = "Proof. do 1000 (do 1000 (do 1000 (do 1000 idtac))). reflexivity. Qed."

    critique = await judge(slow, sandbox, critic=ProofCritic(seconds=2))

    assert critique.verdict is Verdict.ABSTAIN
    assert "timeout" in critique.summary


async def test_a_challenge_that_does_not_compile_is_an_abstention(sandbox: Sandbox) -> None:
    critique = await judge("Proof. auto. Qed.", sandbox, statement="Theorem tgt : nonsense.")

    assert critique.verdict is Verdict.ABSTAIN
    assert "challenge does not compile" in critique.summary


async def test_a_lower_level_is_called_plausible(sandbox: Sandbox) -> None:
    critique = await judge("Proof. reflexivity. Qed.", sandbox, critic=ProofCritic(level="L1"))

    assert critique.verdict is Verdict.PASS
    assert critique.summary.startswith("Plausible, at level L1")


async def test_l4_is_an_abstention_that_says_why(sandbox: Sandbox) -> None:
    critique = await judge("Proof. reflexivity. Qed.", sandbox, critic=ProofCritic(level="L4"))

    assert critique.verdict is Verdict.ABSTAIN
    assert "no kernel but Rocq's own" in critique.summary


def test_an_agent_repairs_its_proof_by_what_rocq_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(COOKBOOK))
    recipe = importlib.import_module("06_proved_by_rocq")
    try:
        outcome, told = recipe.prove()
    finally:
        sys.modules.pop("06_proved_by_rocq", None)

    assert len(told) == 1
    assert "plus_swapp was not found" in told[0].text
    assert "Names like it: plus_swap" in told[0].text
    assert outcome.stopped == "accepted"
    assert outcome.draft.number == 2
    (critique,) = outcome.critiques.values()
    assert (critique.verdict, critique.summary) == (Verdict.PASS, "Proved, at level L3.")


def test_an_agent_that_never_proves_it_is_not_believed() -> None:
    wrong = "```coq\nAxiom a : 2 + 2 = 5.\nTheorem tgt : 2 + 2 = 5.\nProof. exact a. Qed.\n```\n"
    task = Task(prompt="Prove it.", inputs={"statement": "Theorem tgt : 2 + 2 = 5."})
    agent = Agent(
        actor=ScriptedActor(wrong), critics=[ProofCritic()], checkpoints=None, traces=None
    )

    outcome = agent.invoke(task)

    assert outcome.stopped != "accepted"
