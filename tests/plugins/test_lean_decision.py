"""From what was seen to a level and a verdict: each line of the rule, taken away one at a time."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lean_standard
import lean_tricks
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lean_tricks import POLICIES, measure, measure_goedel, read_rows, recorded_answer
from tests.plugins.lean_exports import challenge, submission

from gadfly import Draft, InputError, Task, Verdict
from gadfly.testing import CRITIC_CHECKS, CriticCheck, Fixture, Trial, make_context
from gadfly_lean import (
    Answer,
    Decision,
    LeanVersion,
    Level,
    Message,
    Policy,
    ProofCritic,
    Replay,
    Request,
    Sorry,
    State,
    decide,
    kernel_bugs,
    parse_export,
)
from gadfly_lean._names import parse_name
from gadfly_lean._standard import standard

ROOT = Path(__file__).parents[2]

OWN = Replay(checker="lean4checker", version="4.34.0", accepted=True, same_kernel=True)
SECOND = Replay(checker="nanoda", version="0.9", accepted=True, same_kernel=False)
BEST = Answer(
    driver="test",
    exit_code=0,
    sorries=(),
    axioms=("propext",),
    challenge_export=challenge(),
    submission_export=submission(),
    target_found=True,
    replays=(OWN, SECOND),
    sandboxed=True,
    versions={"lean": "Lean (version 4.34.0, x86_64-unknown-linux-gnu, commit abc, Release)"},
)


def rule(policy: Policy | None = None, **changes: Any) -> Decision:
    return decide(dataclasses.replace(BEST, **changes), "tgt", policy)


def error(text: str = "unsolved goals") -> tuple[Message, ...]:
    return (Message(severity="error", text=text, line=2),)


def warning(text: str) -> tuple[Message, ...]:
    return (Message(severity="warning", text=text, line=1),)


def test_where_all_was_looked_at_and_holds_the_highest_level_is_reached() -> None:
    decision = rule()

    assert (decision.verdict, decision.level) == (Verdict.PASS, Level.L4)
    assert decision.stopped_by is None
    assert {layer.state for layer in decision.layers} == {State.HOLDS}


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "an error": ({"messages": error()}, "errors"),
    "a status": ({"exit_code": 1}, "errors"),
    "a sorry": ({"sorries": (Sorry(goal="⊢ 1 = 2", line=1),)}, "sorry in the syntax"),
    "old warning": ({"messages": warning("declaration uses 'sorry'")}, "warning of sorry"),
    "new warning": ({"messages": warning("declaration uses `sorry`")}, "warning of sorry"),
    "a sorry as information": (
        {"messages": (Message(severity="info", text="declaration uses 'sorry'"),)},
        "warning of sorry",
    ),
    "an axiom by the probe": ({"axioms": ("sorryAx",)}, "#print axioms"),
    "a lookalike by the probe": ({"axioms": ("X.propext",)}, "#print axioms"),
    "no target": ({"target_found": False}, "target"),
    "no target but an export": ({"target_found": False, "submission_export": None}, "target"),
    "a kernel refuses": (
        {"replays": (dataclasses.replace(OWN, accepted=False), SECOND)},
        "replay",
    ),
    "the second kernel refuses": (
        {"replays": (OWN, dataclasses.replace(SECOND, accepted=False))},
        "replay",
    ),
    "an axiom by the walk": (
        {"submission_export": submission(lambda w: w.axiom("cheat", w.const("True")), "cheat")},
        "axioms",
    ),
}


@pytest.mark.parametrize(("changes", "layer"), BROKEN.values(), ids=BROKEN)
def test_one_broken_layer_ends_the_matter(changes: dict[str, Any], layer: str) -> None:
    decision = rule(**changes)

    assert (decision.verdict, decision.level) == (Verdict.FAIL, None)
    assert decision.stopped_by is not None
    assert decision.stopped_by.name == layer


MISSING: dict[str, tuple[dict[str, Any], Level | None, str]] = {
    "a problem": ({"problem": "the worker died"}, None, "answer"),
    "a problem and an error": ({"problem": "died", "messages": error()}, None, "answer"),
    "neither env nor status": ({"exit_code": None}, None, "answer"),
    "a severity that Lean has not": (
        {"messages": (Message(severity="fine", text=""),)},
        None,
        "answer",
    ),
    "no export of the submission": ({"submission_export": None}, Level.L2, "exports"),
    "no export of the challenge": ({"challenge_export": None}, Level.L2, "exports"),
    "an export that is cut": (
        {"submission_export": submission()[:-40]},
        Level.L2,
        "exports",
    ),
    "no replay": ({"replays": ()}, Level.L2, "replay"),
    "exports of another Lean": (
        {"versions": {"lean": "Lean (version 4.33.0, commit abc, Release)"}},
        Level.L2,
        "exports",
    ),
    "a Lean without a version": ({"versions": {"lean": "trust me"}}, Level.L2, "exports"),
    "no sandbox": ({"sandboxed": False}, Level.L3, "sandbox"),
    "one kernel": ({"replays": (OWN,)}, Level.L3, "second kernel"),
}


@pytest.mark.parametrize(("changes", "level", "layer"), MISSING.values(), ids=MISSING)
def test_a_layer_that_nobody_looked_at_is_not_reached(
    changes: dict[str, Any], level: Level | None, layer: str
) -> None:
    decision = rule(Policy(level="L4"), **changes)

    assert (decision.verdict, decision.level) == (Verdict.ABSTAIN, level)
    assert decision.stopped_by is not None
    assert decision.stopped_by.name == layer


def test_without_exports_and_probe_only_the_messages_are_known() -> None:
    decision = rule(axioms=None, submission_export=None, challenge_export=None)

    assert (decision.verdict, decision.level) == (Verdict.ABSTAIN, Level.L1)


def test_the_walk_over_the_terms_stands_in_for_the_probe() -> None:
    assert rule(axioms=None).level is Level.L4


def test_a_walk_that_found_nothing_wrong_does_not_mend_a_probe_that_did() -> None:
    assert rule(axioms=("sorryAx",)).verdict is Verdict.FAIL


@pytest.mark.parametrize("level", list(Level))
def test_a_pass_needs_the_level_that_was_asked_for(level: Level) -> None:
    known: dict[Level, dict[str, Any]] = {
        Level.L1: {"axioms": None, "submission_export": None, "challenge_export": None},
        Level.L2: {"submission_export": None},
        Level.L3: {"sandboxed": False},
    }
    for have, changes in known.items():
        decision = rule(Policy(level=level), **changes)

        assert decision.level is have
        assert decision.verdict is (Verdict.PASS if have >= level else Verdict.ABSTAIN)


def test_a_level_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="L5"):
        Policy(level="L5")


def test_an_export_of_a_challenge_that_is_none_is_an_error() -> None:
    with pytest.raises(InputError, match="challenge"):
        rule(challenge_export="{}")


# --------------------------------------------------------------------- versions


def old(version: str) -> dict[str, Any]:
    return {
        "challenge_export": challenge().replace("4.34.0", version),
        "submission_export": submission().replace("4.34.0", version),
        "versions": {"lean": version},
    }


@pytest.mark.parametrize("version", ["4.0.0-pre", "4.9.0", "4.33.1", "4.34.0-rc2"])
def test_the_own_kernel_of_a_version_with_known_bugs_is_not_believed(version: str) -> None:
    decision = rule(**old(version), replays=(OWN,))

    assert (decision.verdict, decision.level) == (Verdict.ABSTAIN, Level.L2)
    assert decision.stopped_by is not None
    assert "known bugs" in decision.stopped_by.said
    assert "nanoda" in decision.stopped_by.remedy


def test_a_second_kernel_or_a_person_can_make_up_for_it() -> None:
    assert rule(**old("4.9.0")).level is Level.L4
    believing = Policy(trust_old_kernels=True)
    assert rule(believing, **old("4.9.0"), replays=(OWN,)).level is Level.L3


def test_a_version_that_cannot_be_read_is_not_believed() -> None:
    changes: dict[str, Any] = {**old("latest"), "versions": {}, "replays": (OWN,)}

    assert rule(**changes).level is Level.L2


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("4.34.0", LeanVersion(4, 34, 0)),
        ("v4.34.0", LeanVersion(4, 34, 0)),
        ("4.34.0-rc2", LeanVersion(4, 34, 0, final=False)),
        ("Lean (version 4.24.0, x86_64, commit 1, Release)", LeanVersion(4, 24, 0)),
        ("Lean (version 4.35.0-nightly-2026-09-01, commit 1)", LeanVersion(4, 35, 0, final=False)),
    ],
)
def test_versions_are_read(text: str, version: LeanVersion) -> None:
    assert LeanVersion.parse(text) == version


@pytest.mark.parametrize(
    "text", ["", "4", "4.34", "4.34.0.1", "x4.34.0", "4.34.0 (mine)", "\uff14.34.0"]
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        LeanVersion.parse(text)


def test_known_bugs_end_where_they_were_mended() -> None:
    assert kernel_bugs(LeanVersion.parse("4.34.0")) == ()
    assert kernel_bugs(LeanVersion.parse("4.35.0-nightly-2026-09-01")) == ()
    assert {bug.id for bug in kernel_bugs(LeanVersion.parse("4.34.0-rc1"))} == {"4.34.0 notes"}
    assert len(kernel_bugs(LeanVersion.parse("4.0.0-pre"))) == 4


# --------------------------------------------------------------------- all combinations

SEEN: dict[str, Sequence[Any]] = {
    "problem": ["", "dead"],
    "exit_code": [0, 1, None],
    "messages": [(), error(), warning("declaration uses 'sorry'"), warning("unused variable")],
    "sorries": [(), None, (Sorry(goal="x"),)],
    "axioms": [(), None, ("sorryAx",), ("propext",)],
    "submission_export": [
        submission(),
        None,
        "junk",
        submission(lambda w: w.axiom("cheat", w.const("True")), "cheat"),
    ],
    "target_found": [True, False, None],
    "replays": [(), (OWN,), (SECOND,), (dataclasses.replace(SECOND, accepted=False),)],
    "sandboxed": [True, False],
}


@given(st.fixed_dictionaries({key: st.sampled_from(values) for key, values in SEEN.items()}))
def test_a_pass_at_the_default_level_means_that_everything_was_seen(seen: dict[str, Any]) -> None:
    decision = rule(**seen)

    is_proved = (
        not seen["problem"]
        and seen["exit_code"] == 0
        and seen["messages"] in ((), warning("unused variable"))
        and not seen["sorries"]
        and seen["axioms"] != ("sorryAx",)
        and seen["submission_export"] == submission()
        and seen["target_found"] is not False
        and seen["replays"] in ((OWN,), (SECOND,))
    )
    assert (decision.verdict is Verdict.PASS) == is_proved


# --------------------------------------------------------------------- recorded tricks


@pytest.mark.data
def test_no_recorded_trick_is_accepted_and_every_honest_proof_is(shared_data: Path) -> None:
    report = measure(shared_data, times=1)

    final = report["accepted"]["two kernels"]
    assert final["bad"][0] == 0
    assert final["honest"][:2] == [3, 3]
    # One row is a bug of that kernel: only the floor of versions or a second kernel stops it.
    assert report["accepted"]["one kernel, believed"]["bad"][0] == 1
    assert report["accepted"]["one kernel"]["bad"][0] == 0
    assert report["slowest_ms"] < 500  # no claim: the machine may be busy
    for row in report["table"]:
        assert (row["stopped_by"] == []) == (row["expected"] == "proved"), row


@pytest.mark.data
@pytest.mark.parametrize("forgotten", ["submission_export", "replays", "challenge_export"])
def test_no_recorded_answer_passes_without_one_of_its_parts(
    shared_data: Path, forgotten: str
) -> None:
    for row in read_rows(shared_data):
        answer = recorded_answer(row, "two kernels")
        changes: dict[str, Any] = {forgotten: () if forgotten == "replays" else None}
        decision = decide(dataclasses.replace(answer, **changes), row["runs"]["target"])
        assert decision.verdict is not Verdict.PASS, row["id"]


@pytest.mark.data
def test_recorded_answers_for_proofs_get_their_recorded_verdicts(shared_data: Path) -> None:
    report = measure_goedel(shared_data)

    assert report == {"proofs": 48, "verdicts": {"pass": 47, "abstain": 1}, "differing": []}


@pytest.mark.data
def test_the_standard_constants_are_those_of_exports_that_nobody_tampered_with(
    shared_data: Path,
) -> None:
    known = json.loads(lean_standard.TABLE.read_text("utf-8"))["digests"]

    assert lean_standard.read_digests(shared_data) == {
        name: set(digests) for name, digests in known.items()
    }


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "add", "like"),
    [
        ("Nat.beq", lean_standard.with_nat_beq, "Nat.ble"),
        ("Nat.div", lean_standard.with_nat_div, "Nat.mod"),
        ("Quot.ind", lean_standard.with_quot_ind, "Quot.mk"),
    ],
)
def test_a_constant_that_was_made_is_known_and_another_one_of_that_name_is_not(
    shared_data: Path, name: str, add: Callable[[str], str], like: str
) -> None:
    own = parse_name(name)
    text = next(text for text in lean_standard.trusted_exports(shared_data) if add(text) != text)
    made = parse_export(add(text)).constants[own]
    terms = lean_standard.Terms(text)
    kind, other = terms.declared[like]
    changed = other | {"name": terms.name(*name.split("."))}
    changed |= {"all": [changed["name"]]} if "all" in other else {"kind": "ind"}
    terms.add({kind: changed})
    false = parse_export(terms.text).constants[own]

    assert made.digest in standard()[own]
    assert false.digest not in standard()[own]


def test_the_page_of_tricks_is_that_of_the_report() -> None:
    report = json.loads(Path(lean_tricks.__file__).with_suffix(".json").read_text("utf-8"))
    page = ROOT / "docs" / "reference" / "lean-tricks.md"

    assert page.read_text("utf-8") == lean_tricks.page(report)


def test_the_policies_of_the_benchmark_are_those_that_it_names() -> None:
    assert Level.of(POLICIES["two kernels"].level) is Level.L3


# --------------------------------------------------------------------- the critic

STATEMENT = "def Claim : Prop := True\ntheorem tgt : Claim := sorry"
PROMPT = f"Prove it.\n```lean\n{STATEMENT}\n```"
GOOD = "```lean\ndef Claim : Prop := True\ntheorem tgt : Claim := True.intro\n```"


class Scripted:
    """A driver that knows a few programs by what is in them."""

    name = "scripted"

    def __init__(self, **changes: Any) -> None:
        self.changes = changes

    async def check(self, request: Request) -> Answer:
        if "True.intro" not in request.source:
            return Answer(driver=self.name, exit_code=1, messages=error("type mismatch"))
        if "cheat" in request.source:
            theirs = submission(lambda w: w.axiom("cheat", w.const("True")), "cheat")
            return dataclasses.replace(BEST, submission_export=theirs, axioms=())
        return dataclasses.replace(BEST, driver=self.name, **self.changes)

    async def close(self) -> None:
        pass


FIXTURES = [
    Fixture(critic="lean/proof", prompt=PROMPT, draft=GOOD, verdict=Verdict.PASS),
    Fixture(
        critic="lean/proof",
        prompt=PROMPT,
        draft=GOOD.replace("True.intro", "False.elim"),
        verdict=Verdict.FAIL,
    ),
    Fixture(
        critic="lean/proof",
        prompt=PROMPT,
        draft=GOOD.replace("True.intro", "cheat -- True.intro"),
        verdict=Verdict.FAIL,
    ),
]


@pytest.mark.parametrize("check", CRITIC_CHECKS, ids=str)
async def test_the_critics_contract_is_kept(check: CriticCheck) -> None:
    await check.run(Trial(ProofCritic(lean=Scripted()), FIXTURES))


async def judge(
    draft: str = GOOD, prompt: str | Task = PROMPT, critic: ProofCritic | None = None, **seen: Any
) -> Any:
    critic = critic or ProofCritic(lean=Scripted(**seen))
    return await critic.critique(Draft(draft), make_context(prompt))


async def test_evidence_says_what_was_looked_at() -> None:
    critique = await judge()

    (evidence,) = critique.evidence
    assert critique.summary == "Proved, at level L4."
    assert evidence.observation["level"] == "L4"
    assert len(str(evidence.observation["statement_hash"])) == 64
    assert evidence.observation["axioms"] == []
    assert evidence.versions["lean"].startswith("Lean (version 4.34.0")
    assert evidence.versions["lean4checker"] == "4.34.0"


async def test_below_the_level_it_is_called_plausible_and_says_how_to_know_more() -> None:
    critique = await judge(replays=())

    assert critique.verdict is Verdict.ABSTAIN
    assert "plausible at level L2" in critique.summary
    assert "lean4checker" in critique.summary


async def test_a_lower_level_that_was_asked_for_is_called_plausible_too() -> None:
    critic = ProofCritic(lean=Scripted(submission_export=None), level="L2")

    critique = await judge(critic=critic)

    assert critique.verdict is Verdict.PASS
    assert critique.summary.startswith("Plausible, at level L2")


async def test_an_error_is_shown_at_its_line() -> None:
    draft = "Here:\n```lean\ndef Claim : Prop := True\ntheorem tgt : Claim := oops\n```\n"

    critique = await judge(draft)

    assert critique.is_hard_failure
    span = critique.findings[0].span
    assert span is not None
    assert draft[span.start : span.end] == "theorem tgt : Claim := oops"


async def test_without_lean_it_abstains_and_says_how_to_get_it() -> None:
    critique = await judge(critic=ProofCritic())

    assert critique.verdict is Verdict.ABSTAIN
    assert "elan" in critique.summary


@pytest.mark.parametrize(
    ("draft", "prompt", "said"),
    [
        ("It is obvious.", PROMPT, "no program"),
        (GOOD + "\n" + GOOD, PROMPT, "several"),
        (GOOD, "Prove it.", "what is to be proved"),
        (GOOD, PROMPT + "\n" + PROMPT, "several"),
        (GOOD, "```lean\nexample : True := sorry\n```", "hich theorem"),
        (GOOD, "```lean\nnamespace X\ntheorem t : True := sorry\nend X\n```", "hich theorem"),
        (GOOD.replace("def", "import Evil\ndef"), PROMPT, "imports Evil"),
    ],
)
async def test_what_is_unclear_is_an_abstention(draft: str, prompt: str, said: str) -> None:
    critique = await judge(draft, prompt)

    assert critique.verdict is Verdict.ABSTAIN
    assert said in critique.summary


async def test_the_inputs_of_a_task_say_what_is_to_be_proved() -> None:
    inputs = {"header": "import Mathlib", "statement": STATEMENT, "target": "tgt"}
    draft = GOOD.replace("def", "import Mathlib\ndef")

    critique = await judge(draft, Task(prompt="Prove it.", inputs=inputs))

    assert critique.verdict is Verdict.PASS
    assert critique.evidence[0].request["header"] == "import Mathlib"
