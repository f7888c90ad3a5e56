"""Probes: what counts as an echo, and what is known of axioms."""

from __future__ import annotations

import pytest

from gadfly import InputError
from gadfly_lean._headers import split_header
from gadfly_lean._ports import Message
from gadfly_lean._repl.probe import axiom_source, new_nonce, read_axioms, says_nonce

NONCE = "gadfly_00ff"


def info(line: int, text: str, severity: str = "info") -> Message:
    return Message(severity=severity, text=text, line=line)


def answer(axioms: str = "'t' does not depend on any axioms", **other: str) -> list[Message]:
    return [
        info(1, other.get("begins", f"{NONCE} begins")),
        info(2, axioms),
        info(3, "declaration uses `sorry`", "warning"),
        info(4, other.get("canary", f"'{NONCE}' depends on axioms: [sorryAx]")),
        info(5, other.get("ends", f"{NONCE} ends")),
    ]


@pytest.mark.parametrize(
    ("text", "axioms"),
    [
        ("'t' does not depend on any axioms", ()),
        ("'t' depends on axioms: [propext]", ("propext",)),
        (
            "'t' depends on axioms: [propext,\n Classical.choice,\n Quot.sound]",
            ("propext", "Classical.choice", "Quot.sound"),
        ),
        (
            "'t' depends on axioms: [«Quot.sound : a», X.propext]",
            ("«Quot.sound : a»", "X.propext"),
        ),
        ("'t' depends on axioms: [«a, b».c]", ("«a, b».c",)),
    ],
)
def test_axioms_are_those_that_lean_names(text: str, axioms: tuple[str, ...]) -> None:
    assert read_axioms(answer(text), "t", NONCE) == axioms


@pytest.mark.parametrize(
    "said",
    [
        [],
        answer()[1:],
        answer()[:-1],
        [*answer(), info(2, "'t' does not depend on any axioms")],
        answer(canary=f"'{NONCE}' does not depend on any axioms"),
        answer(begins="gadfly_other begins"),
        answer(ends=""),
        answer("'other' does not depend on any axioms"),
        answer("unknown constant 't'"),
        answer("'t' depends on axioms: [«a]"),
        [*answer()[:1], info(2, "'t' does not depend on any axioms", "error"), *answer()[2:]],
    ],
)
def test_axioms_that_are_not_certain_are_unknown(said: list[Message]) -> None:
    assert read_axioms(said, "t", NONCE) is None


def test_axioms_are_asked_for_by_the_whole_name() -> None:
    assert "#print axioms _root_.A.«odd name»\n" in axiom_source("A.«odd name»", NONCE)
    with pytest.raises(InputError):
        axiom_source('t"\n#exit', NONCE)


def test_echo_is_one_message_and_nothing_else() -> None:
    nonce = new_nonce()
    assert nonce != new_nonce()
    assert says_nonce([info(1, nonce)], nonce)
    assert not says_nonce([], nonce)
    assert not says_nonce([info(1, nonce), info(1, nonce)], nonce)
    assert not says_nonce([info(1, nonce, "error")], nonce)
    assert not says_nonce([info(1, nonce + " ")], nonce)


@pytest.mark.parametrize(
    ("text", "imports", "rest"),
    [
        ("", (), ""),
        ("import Mathlib", ("Mathlib",), ""),
        ("import A.B\nimport «odd name».C\n\nopen A", ("A.B", "«odd name».C"), "\n\nopen A"),
        ("-- a comment\n/- and /- another -/ -/ import A\nopen B", ("A",), "\nopen B"),
        ("import\n  A theorem t", ("A",), " theorem t"),
        ("import A--x\n/--y-/", ("A",), "--x\n/--y-/"),
        ("public theorem t", (), "public theorem t"),
        ("/-! about this -/\nimport A -- why\nset_option x 1", ("A",), " -- why\nset_option x 1"),
        ("open A\nimport B", (), "open A\nimport B"),
        ("importA", (), "importA"),
    ],
)
def test_imports_are_found_behind_comments(text: str, imports: tuple[str, ...], rest: str) -> None:
    header = split_header(text)
    assert (header.imports, header.rest) == (imports, rest)
    assert header.head + header.rest == text


@pytest.mark.parametrize(
    "text",
    ["module\nimport A", "-- x\npublic import A", "prelude", "import all A", "/- no end\nimport A"],
)
def test_header_that_cannot_be_cut_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        split_header(text)
