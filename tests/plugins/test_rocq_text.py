"""What is read without Rocq: sentences, drafts, challenges, and the answers that Rocq prints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import InputError, Task
from gadfly_rocq import Assumption, RocqVersion, features, kernel_bugs
from gadfly_rocq._assumptions import is_canary, read_assumptions, read_context, read_location
from gadfly_rocq._drafts import (
    admissions,
    find_challenge,
    find_source,
    is_script,
    split_header,
    without_header,
)
from gadfly_rocq._text import blanked, is_whole, sentences
from gadfly_rocq._versions import FILES, MODULES, RECURSION, TERMS, usable_bugs

PIECES = ['"', "(*", "*)", ".", "...", "..", " ", "\n", "x", "A.b", "Qed", "é"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


def plain(text: str) -> list[str]:
    return [one.plain for one in sentences(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Proof. auto. Qed.", ["Proof.", "auto.", "Qed."]),
        ("exact A.b.\nQed.", ["exact A.b.", "Qed."]),
        ("auto... Qed.", ["auto...", "Qed."]),
        ('Notation "[ x ; .. ; y ]" := (f x .. y). Qed.', None),
        ('idtac "a. b". Qed.', ['idtac "a. b".', "Qed."]),
        ('(* a. (* b. *) "*)" c. *) Qed.', ["Qed."]),
        ("Qed", ["Qed"]),
        ("(* only *)", []),
        ('Check "a ""quoted. "" b". Qed.', ['Check "a ""quoted. "" b".', "Qed."]),
    ],
)
def test_sentences_end_at_full_stops(text: str, found: list[str] | None) -> None:
    if found is None:
        assert len(sentences(text)) == 2
    else:
        assert plain(text) == found


@given(TEXTS)
def test_a_text_is_split_without_loss(text: str) -> None:
    found = sentences(text)
    bare = blanked(text)

    assert len(bare) == len(text)
    assert [i for i, c in enumerate(bare) if c == "\n"] == [
        i for i, c in enumerate(text) if c == "\n"
    ]
    end = 0
    for one in found:
        assert text[one.start : one.end] == one.text
        assert not bare[end : one.start].strip()
        end = one.end
    assert not bare[end:].strip()


@given(TEXTS)
def test_nothing_hides_behind_a_comment_that_has_ended(text: str) -> None:
    if is_whole(text):
        assert blanked(f"{text} Admitted").endswith(" Admitted")
        assert list(admissions(f"{text} Admitted"))


def test_a_word_in_a_comment_or_string_is_no_admission() -> None:
    assert list(admissions('(* Admitted *) idtac "admit". Readmitted.')) == []
    assert list(admissions("Proof. admit.")) == [("admit", 7)]


def test_a_challenge_is_the_last_theorem_and_the_rest_belongs_to_the_header() -> None:
    inputs = {
        "header": "Require Import Lia.",
        "statement": (
            "Definition d := 1.\n(* so *)\n#[local] Lemma own (n : nat) : d = n.\nProof. Admitted."
        ),
    }
    found = find_challenge(Task(prompt="Prove it.", inputs=inputs))

    assert found is not None
    assert found.target == "own"
    assert found.statement == "#[local] Lemma own (n : nat) : d = n."
    assert found.header == "Require Import Lia.\nDefinition d := 1.\n(* so *)"


@pytest.mark.parametrize(
    "inputs",
    [
        {"statement": 3},
        {"statement": "Check nat."},
        {"statement": ""},
        {"statement": "Theorem t : 1 = 1"},
        {"statement": "Theorem t : 1 = 1.", "target": "u"},
        {"statement": "Theorem t : 1 = 1.", "header": ["x"]},
    ],
)
def test_an_unclear_challenge_is_refused(inputs: dict[str, object]) -> None:
    with pytest.raises(InputError):
        find_challenge(Task(prompt="Prove it.", inputs=inputs))  # type: ignore[arg-type]


def test_a_task_that_asks_for_no_proof_has_no_challenge() -> None:
    assert find_challenge(Task(prompt="What is 2 + 2?")) is None


def test_a_header_is_split_into_what_is_repeated_and_what_is_compiled_once() -> None:
    header = split_header("From Coq Require Import Lia.\nDefinition d := 1.\nOpen Scope nat_scope.")

    assert header.lead("Gadfly.Given").splitlines() == [
        "From Coq Require Import Lia.",
        "Require Import Gadfly.Given.",
        "Open Scope nat_scope.",
    ]
    assert split_header("Require Import Lia. Set Implicit Arguments.").definitions == ""


def test_what_repeats_the_header_is_blanked_and_lines_stay() -> None:
    header = "Definition d := 1.\nLemma l : d = 1. Proof. reflexivity. Qed."
    source = (
        "Definition  d := (* one *) 1.\nLemma l : d = 1.\nProof. auto. Qed.\n"
        "Lemma t : d = 1.\nProof. auto. Qed."
    )

    left = without_header(source, header)

    assert left.count("\n") == source.count("\n")
    assert left.split() == ["Lemma", "t", ":", "d", "=", "1.", "Proof.", "auto.", "Qed."]


def test_a_proof_alone_is_a_script_and_a_program_is_not() -> None:
    assert is_script("(* so *) Proof. auto. Qed.", "t")
    assert not is_script("Theorem t : True. Proof. auto. Qed.", "t")
    assert not is_script("Proof. auto. Qed. Theorem t : True.", "t")


def test_one_block_of_rocq_is_the_program() -> None:
    found = find_source("So:\n```coq\nQed.\n```\nand\n```python\nx\n```\n")

    assert found is not None
    assert (found.text, found.start) == ("Qed.\n", 11)
    assert find_source("```python\nx\n```") is None
    assert find_source("It is clear.") is None
    with pytest.raises(InputError, match="several"):
        find_source("```coq\na\n```\n```rocq\nb\n```\n")


ASSUMED = """\
Axioms:
A.loop is assumed to be guarded.
A.bad relies on an unsafe hierarchy.
A.b is assumed to be positive.
A.f : False
used in tgt to prove
 2 + 2 = 5
A.very_long
  : forall p : Prop,
    p -> p
"""


def test_assumptions_are_read_with_the_checks_that_were_left_out() -> None:
    assert read_assumptions("Closed under the global context\n") == ()
    assert read_assumptions(ASSUMED) == (
        Assumption(name="A.loop", why="is assumed to be guarded"),
        Assumption(name="A.bad", why="relies on an unsafe hierarchy"),
        Assumption(name="A.b", why="is assumed to be positive"),
        Assumption(name="A.f"),
        Assumption(name="A.very_long"),
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Closed under the global context\nClosed under the global context",
        "closed under the global context",
        "Axioms:",
        "Axioms:\n",
        "Axioms:\n  x : nat",
        "Axioms:\nx, y",
        "Theory:\nSet is impredicative",
        "Error: no",
    ],
)
def test_an_answer_that_is_not_rocqs_is_not_believed(text: str) -> None:
    assert read_assumptions(text) is None


@given(st.text())
def test_no_text_but_one_says_that_nothing_is_assumed(text: str) -> None:
    if read_assumptions(text) == ():
        assert text.rstrip("\n") == "Closed under the global context"


def test_a_canary_is_one_axiom_of_that_name() -> None:
    assert is_canary("Axioms:\nnonce : False", "nonce")
    assert is_canary("Axioms:\nProbe.nonce : False", "nonce")
    assert not is_canary("Closed under the global context", "nonce")
    assert not is_canary("Axioms:\nnonce : False\nother : False", "nonce")


def test_a_name_is_located_by_the_first_line() -> None:
    text = "Constant Coq.Logic.Classical_Prop.classic\n  (shorter name to refer to it is x)"

    assert read_location(text) == "Coq.Logic.Classical_Prop.classic"
    assert read_location("Constant Top.em (shorter name to refer to it is em)") == "Top.em"
    assert read_location("Constant Top.em and more") is None
    assert read_location("No object of basename x") is None
    assert read_location("") is None


CONTEXT = """
CONTEXT SUMMARY
===============

* Theory: Set is predicative
  
* Axioms:
    Gadfly.Candidate.bad
  
* Constants/Inductives relying on type-in-type: <none>
  
* Constants/Inductives relying on unsafe (co)fixpoints:
    Gadfly.Candidate.loop
  
* Inductives whose positivity is assumed: <none>
  
"""  # noqa: W293 - as coqchk prints it


def test_a_context_is_read_by_its_sections() -> None:
    assert read_context(CONTEXT) == (
        Assumption(name="Gadfly.Candidate.bad"),
        Assumption(name="Gadfly.Candidate.loop", why="is assumed to be guarded"),
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("* Theory: Set is predicative", "* Theory: Set is impredicative"),
        ("* Inductives whose positivity is assumed: <none>", ""),
        ("* Axioms:\n", "* Axioms: <none>\n"),
        ("Gadfly.Candidate.bad", "all is well"),
        ("CONTEXT SUMMARY", "SUMMARY"),
        ("* Axioms:", "* Something new:"),
        ("  \n* Inductives", "* Axioms: <none>\n  \n* Inductives"),
    ],
)
def test_a_context_with_anything_odd_is_not_believed(old: str, new: str) -> None:
    assert old in CONTEXT
    assert read_context(CONTEXT.replace(old, new, 1)) is None


def test_versions_are_read_and_know_their_bugs() -> None:
    debian = RocqVersion.parse("The Coq Proof Assistant, version 8.16.1\ncompiled with OCaml")

    assert str(debian) == "8.16.1"
    assert {"#20455", "#22389"} <= {bug.id for bug in kernel_bugs(debian)}
    assert [bug.id for bug in kernel_bugs(RocqVersion(9, 3))] == ["#12439"]
    with pytest.raises(InputError, match="no version"):
        RocqVersion.parse("The Coq Proof Assistant")


@pytest.mark.parametrize(
    ("source", "needs"),
    [
        ("Fixpoint f (n : nat) : nat := 0.", RECURSION),
        ("Theorem t : True. fix f 1.", RECURSION),
        ("Definition g := f 0fix h (n : nat) := 0.", RECURSION),
        ("Definition g := f 0_fix h (n : nat) := 0.", RECURSION),
        ("Definition g := f 'fix h (n : nat) := 0.", RECURSION),
        ("Module M. End M.", MODULES),
        ('Declare ML Module "x".', FILES),
        ("Add (* *) LoadPath.", FILES),
        ('Redirect "x" Print nat.', FILES),
        ("From Ltac2 Require Import Ltac2.", TERMS),
    ],
)
def test_what_known_bugs_need_is_found_in_the_text(source: str, needs: str) -> None:
    assert needs in features(source)
    assert usable_bugs(RocqVersion(8, 16, 1), features(source))


def test_a_plain_proof_has_nothing_that_known_bugs_need() -> None:
    source = '(* Fixpoint *) Theorem t : forall prefix, prefix = prefix. idtac "Module". auto. Qed.'

    assert features(source) == frozenset()
    assert usable_bugs(RocqVersion(8, 16, 1), features(source)) == ()
