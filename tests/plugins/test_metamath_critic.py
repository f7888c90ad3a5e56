"""`metamath/proofs`: the task says what is proved, the draft only how."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.plugins.metamath_calculus import DATABASE, GEN, ID, ID_PROOF, SYL, SYL_PROOF, packed

import gadfly_metamath
from gadfly import Critic, Critique, Draft, InputError, Plugins, Span, Task, ToolError, Verdict
from gadfly.testing import CRITIC_CHECKS, CriticCheck, Fixture, Trial, load_fixtures, make_context
from gadfly_metamath import ProofsCritic, _verifier

FIXTURES = load_fixtures(gadfly_metamath)
PROOF = " ".join(ID_PROOF)


def make_critic() -> Critic:
    critic: Critic = Plugins.discover().create("critics", "metamath/proofs")
    return critic


async def judge(
    proof: str,
    *,
    database: str | None = DATABASE,
    statement: str = ID.source(),
    critic: ProofsCritic | None = None,
) -> Critique:
    inputs = {"statement": statement} | ({} if database is None else {"database": database})
    task = Task(prompt="Prove it.", inputs=inputs)
    draft = Draft(f"So:\n\n```mm\n{proof}\n```\n")
    return await (critic or ProofsCritic()).critique(draft, make_context(task))


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda f: f"{f.draft[:40]!r}")
async def test_a_fixture_gets_its_verdict(fixture: Fixture) -> None:
    critique = await Trial(make_critic(), [fixture]).said(fixture)

    assert critique.verdict is fixture.verdict, critique.summary


@pytest.mark.parametrize("check", CRITIC_CHECKS, ids=str)
async def test_the_critics_contract_is_kept(check: CriticCheck) -> None:
    await check.run(Trial(make_critic(), FIXTURES))


async def test_a_proof_is_accepted_with_its_steps_counted() -> None:
    critique = await judge(PROOF)

    assert critique.verdict is Verdict.PASS
    assert critique.summary == f"goal is proved, in {len(ID_PROOF)} steps."
    assert critique.evidence[0].observation == {"verified": True, "steps": len(ID_PROOF)}


async def test_a_wrong_step_is_pointed_at_with_what_was_expected_and_found() -> None:
    steps = [step if step != "syl.2" else "syl.1" for step in SYL_PROOF]
    text = " ".join(steps)

    critique = await judge(text, statement=SYL.source())

    (finding,) = critique.findings
    begin = len("So:\n\n```mm\n") + text.index("ax-mp")
    assert finding.span == Span(1, begin, begin + len("ax-mp"))
    assert "expected |- ( ps -> ch ), found |- ( ph -> ps )" in finding.message
    observed = critique.evidence[0].observation
    assert observed["step"] == steps.index("ax-mp") + 1
    assert observed["expected"] == "|- ( ps -> ch )"
    stack = observed["stack"]
    assert isinstance(stack, list)
    assert stack[-1] == "|- ( ( ps -> ch ) -> ( ph -> ( ps -> ch ) ) )"


async def test_a_letter_of_a_compressed_proof_is_pointed_at() -> None:
    proof = packed(ID_PROOF, ["wph"], ID)
    text = " ".join([*proof[:-1], f"A{proof[-1]}"]).replace(" ) ", " )\n")

    critique = await judge(text)

    (finding,) = critique.findings
    assert finding.span is not None
    assert "2 expressions" in finding.message
    critique = await judge(text.replace("ax-1", "ax-3"))
    (finding,) = critique.findings
    assert finding.span is not None and finding.span.end is not None
    assert finding.span.line == 2
    assert finding.span.end - (finding.span.start or 0) == 1


@pytest.mark.parametrize(
    ("proof", "said"),
    [
        ("?", "incomplete"),
        ("lie $a |- ( ph -> ph ) $.", "is no part of a proof"),
        ("$v z $.", "is no part of a proof"),
        ("$( $a", "a comment does not end"),
        ("goal $p |- ( ps -> ps ) $= wps $.", "the task asks for goal $p |- ( ph -> ph )"),
        ("id $p |- ( ph -> ph ) $= wph $.", "the task asks for goal $p |- ( ph -> ph )"),
        ("goal $p |- ( ph -> ph )", "ends with 0 expressions"),
        (f"goal $p |- ( ph -> ph ) $= {PROOF} $. lie $a |- ph $.", "is no part of a proof"),
    ],
)
async def test_a_draft_has_no_say_in_what_is_proved(proof: str, said: str) -> None:
    critique = await judge(proof)

    assert critique.is_hard_failure
    assert said in critique.summary


async def test_a_proof_of_another_task_is_none_of_this_one() -> None:
    assert (await judge(" ".join(SYL_PROOF))).verdict is Verdict.FAIL
    assert (await judge(PROOF, statement=GEN.source())).verdict is Verdict.FAIL


async def test_a_proof_above_the_limit_is_an_abstention(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_verifier, "MAX_SYMBOLS", 50)

    critique = await judge(PROOF)

    assert critique.verdict is Verdict.ABSTAIN
    assert "more than 50 symbols" in critique.summary


async def test_a_database_can_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "set.mm"
    file.write_text(DATABASE, encoding="ascii")
    critic = ProofsCritic(database=str(file))

    assert (await judge(PROOF, database=None, critic=critic)).verdict is Verdict.PASS
    # A task's own database is the one that counts.
    with pytest.raises(InputError, match="is no Metamath"):
        await judge(PROOF, database="$c a $. $c a $.", critic=critic)
    file.unlink()
    with pytest.raises(ToolError, match="cannot be read"):
        await judge(PROOF, database=None, critic=critic)


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("goal $p |- ( ph -> ph ) $= wph $.", "the task's last statement"),
        (f"{ID.source()} more $a |- ph $.", "the task's last statement"),
        ("$( nothing $)", "the task's last statement"),
        ("goal $p |- ( ph -> zz ) $= ? $.", "zz is not declared"),
    ],
)
async def test_a_task_that_asks_for_nothing_provable_is_an_input_error(
    statement: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        await judge(PROOF, statement=statement)


async def test_an_input_that_is_no_text_is_an_input_error() -> None:
    task = Task(prompt="Prove it.", inputs={"statement": 3})

    with pytest.raises(InputError, match="the task's statement is Metamath source, not 3"):
        await ProofsCritic().critique(Draft("```\n?\n```"), make_context(task))
