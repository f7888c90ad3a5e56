"""Statements asked about on a driver: probes, equivalence with a reference, and a model's opinion.

The driver is a stand-in that answers by what is tried; no tactic has run on a real Lean here.
"""

# ruff: noqa: RUF001 - Lean's own symbols
from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gadfly_lean
from gadfly import (
    Critique,
    Draft,
    Ended,
    Hardness,
    InputError,
    JobResult,
    ModelError,
    Task,
    Verdict,
)
from gadfly.testing import (
    CRITIC_CHECKS,
    CriticCheck,
    ScriptedModel,
    ScriptedSandbox,
    Trial,
    load_fixtures,
    make_context,
)
from gadfly_lean import Answer, FormalisationCritic, Message, OneShotLean, Request, Sorry, Toolchain
from gadfly_lean._attempts import Workbench
from gadfly_lean._equivalence import Comparison, Equivalence, compare
from gadfly_lean._faithful import read_reply
from gadfly_lean._sources import name_for, why_unfit
from gadfly_lean._statements import Statement, read_statement

DRAFT = "theorem mine (n : ℕ) (h : n % 2 = 1) : 8 ∣ n ^ 2 - 1 := by sorry"
REFERENCE = "theorem theirs {n : ℕ} (hn : Odd n) : 8 ∣ n ^ 2 - 1 := by sorry"
HEADER = "import Mathlib"

GOOD = Answer(driver="test", env=1, sorries=(), axioms=())
LEFT = dataclasses.replace(GOOD, sorries=(Sorry(goal="⊢ p"),), axioms=None)
NO = Answer(driver="test", env=1, sorries=(), messages=(Message(severity="error", text="no"),))
DEAD = Answer(driver="test", problem="it took too long")


def base(request: Request) -> str:
    """Return the name of what is taken for granted; empty where nothing is."""
    found = re.search(r"^axiom (\S+)", request.source, re.MULTILINE)
    return found[1] if found else ""


def used(request: Request) -> Answer:
    return dataclasses.replace(GOOD, axioms=("propext", base(request)))


def steps(request: Request) -> str:
    """Return the tactics that are tried, in one line."""
    return " ".join(request.source.partition("intros\n")[2].removesuffix("end").split())


Rule = Callable[[Request], Answer]


class Scripted:
    """A driver that elaborates everything, passes controls, and answers the rest by a rule."""

    name = "test"

    def __init__(self, rule: Rule, *, controls: Rule | None = None) -> None:
        self.rule = rule
        self.controls = controls
        self.requests: list[Request] = []

    async def check(self, request: Request) -> Answer:
        self.requests.append(request)
        if "gadfly_control" in request.source:
            if self.controls is not None:
                return self.controls(request)
            return used(request) if base(request) else NO
        if ":= sorry" in request.source:
            return LEFT
        return self.rule(request)

    async def close(self) -> None:
        pass


def read(text: str) -> Statement:
    statement = read_statement(text)
    assert statement is not None
    return statement


def bench(lean: Scripted, *, left: float = 100.0) -> Workbench:
    return Workbench(lean=lean, header=HEADER, seconds=5.0, until=time.monotonic() + left)


async def run(lean: Scripted, *, left: float = 100.0) -> Comparison:
    return await compare(bench(lean, left=left), read(DRAFT), read(REFERENCE))


def tried(lean: Scripted) -> list[str]:
    return [steps(one) for one in lean.requests if steps(one)]


def by(tactic: str, answer: Rule = used) -> Rule:
    """Succeed where a tactic follows `symm_saturate`, with something granted."""
    return lambda one: (
        answer(one) if base(one) and steps(one).startswith(f"symm_saturate {tactic}") else NO
    )


# --------------------------------------------------------------------- equivalence


@pytest.mark.parametrize(
    ("tactic", "metric", "name"),
    [
        ("exact?", "BEqL", "exact?"),
        ("apply gadfly_base", "BEq+", "apply"),
        ("have : 8 ∣ n ^ 2 - 1 := by apply_rules", "BEq+", "have"),
        ("convert", "BEq+", "convert using 0"),
    ],
)
async def test_statements_that_are_derived_both_ways_are_equivalent(
    tactic: str, metric: str, name: str
) -> None:
    compared = await run(Scripted(by(tactic)))

    assert compared.result is Equivalence.EQUIVALENT
    assert compared.metric == metric
    assert [one.by for one in compared.directions] == [name, name]


async def test_differences_are_looked_for_deeper_and_deeper() -> None:
    compared = await run(Scripted(lambda one: used(one) if "using 3" in steps(one) else NO))

    assert [one.by for one in compared.directions] == ["convert using 3"] * 2


async def test_one_way_is_not_enough() -> None:
    # The reference is granted first: only from it follows the other.
    compared = await run(
        Scripted(lambda one: used(one) if "Odd n" in one.source.partition("end")[0] else NO)
    )

    assert compared.result is Equivalence.NOT_SHOWN
    assert [one.outcome.value for one in compared.directions] == ["shown", "not shown"]
    assert "the reference from the draft" in compared.said


@pytest.mark.parametrize(
    "axioms", [("propext",), (), ("sorryAx",), ("sorryAx", "BASE"), ("cheat", "BASE")]
)
async def test_a_proof_that_does_not_rest_on_the_base_alone_shows_nothing(
    axioms: tuple[str, ...],
) -> None:
    def rule(request: Request) -> Answer:
        named = tuple(one.replace("BASE", base(request)) for one in axioms)
        return dataclasses.replace(GOOD, axioms=named) if base(request) else NO

    assert (await run(Scripted(rule))).result is Equivalence.NOT_SHOWN


@pytest.mark.parametrize(
    "answer",
    [
        DEAD,
        dataclasses.replace(GOOD, axioms=None),
        dataclasses.replace(GOOD, env=None),
        dataclasses.replace(GOOD, env=None, exit_code=137),
        dataclasses.replace(GOOD, messages=(Message(severity="fatal", text="x"),)),
    ],
)
async def test_what_lean_does_not_answer_is_unknown(answer: Answer) -> None:
    compared = await run(Scripted(lambda _: answer))

    assert compared.result is Equivalence.UNKNOWN


async def test_a_sorry_is_no_proof() -> None:
    def rule(request: Request) -> Answer:
        return dataclasses.replace(used(request), sorries=(Sorry(goal="⊢ p"),))

    assert (await run(Scripted(rule))).result is Equivalence.NOT_SHOWN


async def test_what_is_among_the_hypotheses_is_tried_no_further() -> None:
    lean = Scripted(lambda one: GOOD if steps(one).endswith("symm_saturate assumption") else NO)

    compared = await run(lean)

    assert compared.result is Equivalence.NOT_SHOWN
    assert not any("apply" in one or "convert" in one for one in tried(lean)[2:])


async def test_what_holds_without_the_base_gets_no_conclusion_for_nothing() -> None:
    lean = Scripted(lambda one: NO if base(one) or steps(one).endswith("assumption") else GOOD)

    compared = await run(lean)

    assert compared.result is Equivalence.NOT_SHOWN
    assert not any("have :" in one for one in tried(lean))
    assert any("convert" in one for one in tried(lean))


@pytest.mark.parametrize("guard", ["symm_saturate assumption", "symm_saturate first"])
async def test_a_guard_that_is_not_answered_opens_nothing(guard: str) -> None:
    def rule(request: Request) -> Answer:
        if not base(request) and steps(request).startswith(guard):
            return DEAD
        return used(request) if "have :" in steps(request) else NO

    assert (await run(Scripted(rule))).result is Equivalence.UNKNOWN


async def test_the_guards_do_not_have_the_base() -> None:
    lean = Scripted(lambda _: NO)

    await run(lean)

    guards = [one for one in lean.requests if not base(one) and "gadfly_goal" in one.source]
    assert len(guards) == 4
    assert all("gadfly_base" not in one.source for one in guards)


@pytest.mark.parametrize(
    ("controls", "said"),
    [
        (lambda _: NO, "lacks a tactic"),
        (lambda _: DEAD, "too long"),
        (lambda one: used(one) if base(one) else GOOD, "accepts a proof of what is false"),
        (lambda one: used(one) if base(one) else DEAD, "too long"),
    ],
)
async def test_nothing_is_compared_where_the_controls_fail(controls: Rule, said: str) -> None:
    lean = Scripted(used, controls=controls)

    compared = await run(lean)

    assert compared.result is Equivalence.UNKNOWN
    assert said in compared.said
    assert len(lean.requests) <= 2


async def test_what_cannot_be_stated_is_not_compared() -> None:
    class Refusing(Scripted):
        async def check(self, request: Request) -> Answer:
            return NO if ":= sorry" in request.source else await super().check(request)

    compared = await run(Refusing(used))

    assert compared.result is Equivalence.UNKNOWN
    assert "both elaborate" in compared.said


async def test_no_attempt_is_begun_when_the_time_is_over() -> None:
    lean = Scripted(used)

    compared = await run(lean, left=0.0)

    assert compared.result is Equivalence.UNKNOWN
    assert lean.requests == []


@given(st.lists(st.sampled_from(["used", "alone", "no", "dead", "sorry"]), min_size=30))
async def test_only_two_proofs_by_the_other_statement_are_an_equivalence(said: list[str]) -> None:
    answers = iter(said)

    def rule(request: Request) -> Answer:
        what = next(answers, "no")
        return {
            "used": used(request) if base(request) else GOOD,
            "alone": GOOD,
            "no": NO,
            "dead": DEAD,
            "sorry": LEFT,
        }[what]

    compared = await run(Scripted(rule))

    shown = [one.attempts[-1].outcome.value == "shown" and one.by for one in compared.directions]
    assert (compared.result is Equivalence.EQUIVALENT) is all(shown)
    for direction in compared.directions:
        if any(one.outcome.value == "unknown" for one in direction.attempts) and not direction.by:
            assert direction.outcome.value == "unknown"


def test_names_cannot_be_in_what_they_are_made_from() -> None:
    assert name_for("base", read(DRAFT)) != name_for("base", read(REFERENCE))
    assert name_for("base", read(DRAFT)) == name_for("base", read(DRAFT))


# --------------------------------------------------------------------- the critic


def critic(rule: Rule, **options: Any) -> tuple[FormalisationCritic, Scripted]:
    lean = Scripted(rule)
    return FormalisationCritic(lean=lean, **options), lean


async def criticise(
    own: FormalisationCritic, draft: str = DRAFT, model: ScriptedModel | None = None, **inputs: Any
) -> Critique:
    task = Task(prompt="Show that 8 divides n² - 1 for odd n.", inputs=inputs)
    context = dataclasses.replace(make_context(task.prompt), task=task, model=model)
    return await own.critique(Draft(f"```lean\n{draft}\n```"), context)


def names(critique: Critique) -> list[str]:
    return [one.message.partition(":")[0] for one in critique.findings]


async def test_an_equivalence_is_reported_and_passes_nothing() -> None:
    own, lean = critic(by("exact?"))

    critique = await criticise(own, header=HEADER, reference_statement=REFERENCE)

    assert critique.verdict is Verdict.ABSTAIN
    finding = next(one for one in critique.findings if "equivalence" in one.message)
    assert finding.hardness is Hardness.HINT
    assert "equivalent (BEqL)" in finding.message
    record = next(one for one in critique.evidence if one.id == finding.evidence)
    directions: Any = record.observation["directions"]
    sources = [one["source"] for said in directions.values() for one in said["attempts"]]
    assert len(sources) == 4
    assert {one.source for one in lean.requests} >= set(sources)
    assert all(one.header == HEADER for one in lean.requests)


@pytest.mark.parametrize(
    ("rule", "said", "hardness"),
    [
        (lambda _: NO, "not shown (BEq+)", Hardness.SOFT),
        (lambda one: DEAD if base(one) else NO, "unknown (BEq+)", Hardness.HINT),
    ],
)
async def test_what_is_not_shown_is_suspicious_and_what_is_unknown_is_not(
    rule: Rule, said: str, hardness: Hardness
) -> None:
    own, _ = critic(rule)

    critique = await criticise(own, header=HEADER, reference_statement=REFERENCE)

    assert critique.verdict is Verdict.ABSTAIN
    finding = next(one for one in critique.findings if "equivalence" in one.message)
    assert said in finding.message
    assert finding.hardness is hardness


@pytest.mark.parametrize("reference", [3, "theorem t", "def x : ℕ := 1", "module\ntheorem t : p"])
async def test_a_reference_that_is_none_is_said_to_be_none(reference: object) -> None:
    own, lean = critic(lambda _: NO)

    critique = await criticise(own, header=HEADER, reference_statement=reference)

    assert critique.verdict is Verdict.ABSTAIN
    assert "Lean was not asked" in critique.summary
    assert lean.requests == []


async def test_without_a_reference_nothing_is_compared() -> None:
    own, lean = critic(lambda _: NO)

    critique = await criticise(own, header=HEADER)

    assert not any("equivalence" in one for one in names(critique))
    assert not any("gadfly_control" in one.source for one in lean.requests)


def probes(**said: str) -> Rule:
    """Answer probes that mention a text in their tactics or signature; refuse all others."""

    def rule(request: Request) -> Answer:
        if ": False := by" in request.source:
            return GOOD if steps(request) == said.get("contradiction") else NO
        return GOOD if steps(request) == said.get("alone") else NO

    return rule


async def test_what_lean_refuses_fails() -> None:
    class Refusing(Scripted):
        async def check(self, request: Request) -> Answer:
            self.requests.append(request)
            return NO

    lean = Refusing(used)
    critique = await criticise(FormalisationCritic(lean=lean), header=HEADER)

    assert critique.verdict is Verdict.FAIL
    assert names(critique) == ["refused"]
    assert len(lean.requests) == 1
    assert lean.requests[0].source.startswith("set_option autoImplicit false\n")


async def test_hypotheses_that_contradict_each_other_fail() -> None:
    own, _ = critic(probes(contradiction="omega"))

    critique = await criticise(own, header=HEADER, reference_statement=REFERENCE)

    assert critique.verdict is Verdict.FAIL
    assert names(critique) == ["contradiction"]
    assert "by omega" in critique.findings[0].message


async def test_a_contradiction_that_is_to_be_shown_is_no_fault() -> None:
    own, lean = critic(probes(contradiction="omega"))

    await criticise(own, "theorem t (n : ℕ) (h : n < n + 1 → n = n + 2) : False := by sorry")

    assert not any("by contradiction" in one.source for one in lean.requests)
    assert not any(steps(one) == "omega" for one in lean.requests)


async def test_what_one_tactic_proves_is_suspicious() -> None:
    own, _ = critic(probes(alone="simp"))

    critique = await criticise(own, header=HEADER)

    assert critique.verdict is Verdict.ABSTAIN
    assert names(critique) == ["provable at once"]
    assert critique.findings[0].hardness is Hardness.SOFT


async def test_a_value_of_which_nothing_speaks_is_found_and_a_hypothesis_is_not() -> None:
    class Elaborates(Scripted):
        """Knows which names a signature needs, and that `n % 2 = 1` is a proposition."""

        async def check(self, request: Request) -> Answer:
            self.requests.append(request)
            if ": Prop)" in request.source:
                return LEFT if "(n % 2 = 1 : Prop)" in request.source else NO
            bound = re.search(r"\(n\b", request.source) is not None
            return (LEFT if bound else NO) if ":= sorry" in request.source else NO

    draft = "theorem t (n : ℕ) (h : n % 2 = 1) (ε : MyType) : 8 ∣ n ^ 2 - 1 := by sorry"
    critique = await criticise(FormalisationCritic(lean=Elaborates(used)), draft, header=HEADER)

    assert names(critique) == ["unused binder"]
    assert "ε is bound" in critique.findings[0].message


@pytest.mark.parametrize(
    "draft",
    [
        "macro_rules | `($x = $y) => `(True)\n" + DRAFT,
        'local notation "%" => fun _ _ => 1\n' + DRAFT,
        "open Nat instance : Add Nat := ⟨fun _ _ => 0⟩\n" + DRAFT,
        "axiom cheat : False\n" + DRAFT,
        "#eval 1\n" + DRAFT,
        "assert_not_exists Real\n" + DRAFT,
        "theorem t (h : by run_tac pure ()) : 1 + n = 2 := by sorry",
        "theorem t (h : by exact True) : 1 + n = 2 := by sorry",
        "theorem t : (sorry : Prop) := by sorry",
    ],
)
async def test_what_brings_more_than_a_statement_is_not_run(draft: str) -> None:
    own, lean = critic(used)

    critique = await criticise(own, draft, header=HEADER, reference_statement=REFERENCE)

    assert lean.requests == []
    assert critique.verdict is Verdict.ABSTAIN
    assert "Lean was not asked" in critique.summary


@pytest.mark.parametrize(
    "text",
    [
        DRAFT,
        "open Nat Real\nopen scoped BigOperators\nuniverse u\nvariable {G : Type u}\n" + DRAFT,
        "@[simp] theorem t.{u} {α : Type u} (a : α) : a = a ∨ False := by sorry",
        "/-- by the way -/ lemma t (by' : ℕ) : by' < 1 := by sorry",
    ],
)
def test_an_honest_statement_can_be_asked_about(text: str) -> None:
    assert why_unfit(read(text)) == ""


def test_universes_are_no_binders() -> None:
    statement = read("theorem t.{u} {α : Type u} (a b : α) : a = b := by sorry")

    assert statement.universes == ".{u}"
    assert [one.names for one in statement.binders] == [("α",), ("a", "b")]
    assert statement.without("a") == " {α : Type u} (b : α) : a = b "
    assert statement.with_goal("False").endswith("(a b : α) : False")


async def test_the_imports_of_a_draft_are_used_where_the_task_has_none() -> None:
    own, lean = critic(lambda _: NO)

    await criticise(own, f"-- x\nimport Mathlib.Tactic\n{DRAFT}")

    assert {one.header for one in lean.requests} == {"import Mathlib.Tactic"}
    assert not any("import" in one.source for one in lean.requests)


async def test_a_dead_driver_is_said_to_be_silent() -> None:
    class Dead(Scripted):
        async def check(self, request: Request) -> Answer:
            return DEAD

    critique = await criticise(FormalisationCritic(lean=Dead(used)), header=HEADER)

    assert critique.verdict is Verdict.ABSTAIN
    assert "Lean did not answer (elaborates: it took too long)" in critique.summary


async def test_what_the_text_alone_shows_is_not_put_to_lean() -> None:
    own, lean = critic(used, judge=True)

    critique = await criticise(own, "theorem t (n : ℕ) : True := by sorry")

    assert critique.verdict is Verdict.FAIL
    assert lean.requests == []


@given(st.lists(st.sampled_from([GOOD, NO, DEAD, LEFT]), max_size=40))
async def test_no_answers_make_a_pass(answers: list[Answer]) -> None:
    said = iter(answers)
    own, _ = critic(lambda _: next(said, NO))

    critique = await criticise(own, header=HEADER, reference_statement=REFERENCE)

    assert critique.verdict in {Verdict.ABSTAIN, Verdict.FAIL}


def test_a_critic_with_a_driver_has_time_for_it() -> None:
    own, _ = critic(used, total_seconds=500.0, seconds=30.0)

    assert own.deadline_seconds > 530
    assert not own.inline
    assert FormalisationCritic().inline
    with pytest.raises(InputError):
        FormalisationCritic(seconds=0)


@pytest.mark.parametrize("check", CRITIC_CHECKS, ids=str)
async def test_the_critics_contract_is_kept_with_a_driver(check: CriticCheck) -> None:
    fixtures = [one for one in load_fixtures(gadfly_lean) if one.critic == "lean/formalisation"]

    await check.run(Trial(FormalisationCritic(lean=Scripted(lambda _: NO)), fixtures))


# --------------------------------------------------------------------- a model's opinion


def judge(label: str, reason: str = "The domain differs.") -> ScriptedModel:
    def answer(messages: Iterable[Any]) -> str:
        asked = list(messages)[-1].text
        key = re.search(r"VERDICT-(\w+):", asked)
        assert key is not None
        return f"Reasons.\n{reason}\nVERDICT-{key[1]}: {label}"

    return ScriptedModel(answer)


@pytest.mark.parametrize(
    ("label", "found", "said"),
    [
        ("unfaithful", ["a model's opinion"], "1 suspicious thing;"),
        ("faithful", [], "the judge finds it faithful"),
        ("unsure", [], "the judge settles nothing"),
        ("proved", [], "the judge settles nothing"),
    ],
)
async def test_a_judge_is_no_more_than_a_suspicion(label: str, found: list[str], said: str) -> None:
    critique = await criticise(FormalisationCritic(judge=True), model=judge(label))

    assert critique.verdict is Verdict.ABSTAIN
    assert names(critique) == found
    assert said in critique.summary
    assert all(one.hardness is Hardness.SOFT for one in critique.findings)
    assert len(critique.evidence) == 2
    assert "VERDICT-KEY" in str(critique.evidence[1].request)


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (None, "no model was there"),
        (ScriptedModel([ModelError("it is down")]), "the judge did not answer (it is down)"),
        (ScriptedModel("VERDICT-abc: faithful"), "the judge settles nothing"),
    ],
)
async def test_a_judge_that_does_not_judge_is_said_so(
    model: ScriptedModel | None, said: str
) -> None:
    critique = await criticise(FormalisationCritic(judge=True), model=model)

    assert critique.verdict is Verdict.ABSTAIN
    assert critique.findings == ()
    assert said in critique.summary


async def test_the_judge_is_not_asked_without_a_wish() -> None:
    model = judge("unfaithful")

    await criticise(FormalisationCritic(), model=model)

    assert model.conversations == []


@given(reply=st.text(alphabet="VERDICT-k9m: faithful\n*`", max_size=60))
def test_only_a_last_line_with_the_key_is_a_label(reply: str) -> None:
    label, _ = read_reply(reply, "m7", "k9")

    if label is not None:
        assert reply.strip().count("k9") == 1
        assert label == "faithful"


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        ("Fine.\nVERDICT-k9: faithful", "faithful"),
        ("**VERDICT-k9: unfaithful**", "unfaithful"),
        ("VERDICT-k9: faithful\nVERDICT-k9: unfaithful", None),
        ("VERDICT-k9: faithful\nOr not.", None),
        ("m7\nVERDICT-k9: faithful", None),
        ("VERDICT-k8: faithful", None),
        ("", None),
    ],
)
def test_a_reply_in_the_agreed_form_is_read(reply: str, label: str | None) -> None:
    assert read_reply(reply, "m7", "k9")[0] == label


# --------------------------------------------------------------------- on the one-shot driver


async def test_lean_is_asked_for_axioms_where_an_exporter_is_there_but_nothing_to_export() -> None:
    asked: list[str] = []

    def answer(job: Any) -> JobResult:
        asked.extend(job.files.values())
        return JobResult(ended=Ended.EXITED, exit_code=0)

    tools = Toolchain(lean="/lean/bin/lean", exporter="/tools/lean4export")
    request = Request(header="", source="theorem t : True := trivial", target="t", want_axioms=True)
    await OneShotLean(ScriptedSandbox(answer), tools).check(request)

    assert any("#print axioms _root_.t" in one for one in asked)
