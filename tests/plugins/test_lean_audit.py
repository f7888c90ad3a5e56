"""The audit of exports: what is refused, what is seen, and that nothing is ever guessed."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.lean_exports import Naive, Writer, challenge, logic, submission

from gadfly import InputError
from gadfly_lean import AXIOMS, Audit, Export, ExportError, Kind, State, audit, parse_export

Line = dict[str, Any]
Build = Callable[[Writer], None]


def run(theirs: str, ours: str | None = None, **options: Any) -> Audit:
    asked = parse_export(challenge() if ours is None else ours)
    return audit(asked, parse_export(theirs), "tgt", **options)


def broken(found: Audit) -> set[str]:
    return {layer.name for layer in found.layers if layer.state is State.BROKEN}


def lines_of(text: str) -> list[Line]:
    return [json.loads(line) for line in text.splitlines()]


def text_of(lines: list[Line]) -> str:
    return "".join(json.dumps(line) + "\n" for line in lines)


# ------------------------------------------------------------------------------- what is seen


def test_an_honest_proof_holds() -> None:
    found = run(submission())

    assert found.holds, found.layers
    assert found.axioms == ()
    assert len(found.statement_hash) == 64
    assert found.lean_version == "4.34.0"


def test_the_statement_hash_is_that_of_the_statement_alone() -> None:
    def helper(writer: Writer) -> None:
        writer.theorem("helper", writer.const("True"), writer.const("True.intro"))

    same = run(submission(helper, proof="helper"))

    assert same.statement_hash == run(submission()).statement_hash


def add_axiom(name: str) -> Build:
    return lambda writer: writer.axiom(name, writer.const("True"))


def by_axiom_in_a_type(writer: Writer) -> None:
    writer.axiom("hidden", writer.prop())
    writer.theorem(
        "helper",
        writer.pi(writer.const("hidden"), writer.const("True")),
        writer.lam(writer.const("hidden"), writer.const("True.intro")),
    )


def by_projection(writer: Writer) -> None:
    writer.axiom("cheat", writer.const("False"))
    writer.inductive("Box", ("Box.mk", writer.pi(writer.const("False"), writer.const("Box"))))
    writer.definition("Secret", writer.prop(), writer.const("Box"))
    writer.definition(
        "box", writer.const("Box"), writer.app(writer.const("Box.mk"), writer.const("cheat"))
    )
    writer.theorem("helper", writer.const("False"), writer.proj("Box", writer.const("box")))


def by_class_axiom(writer: Writer) -> None:
    writer.inductive("Cheat", ("Cheat.mk", writer.pi(writer.const("False"), writer.const("Cheat"))))
    writer.axiom("c", writer.const("Cheat"))
    writer.theorem("helper", writer.const("False"), writer.proj("Cheat", writer.const("c")))


def deep(writer: Writer) -> None:
    writer.axiom("helper0", writer.const("True"))
    for number in range(300):
        writer.theorem(f"helper{number + 1}", writer.const("True"), writer.const(f"helper{number}"))
    writer.theorem("helper", writer.const("True"), writer.const("helper300"))


@pytest.mark.parametrize(
    ("build", "proof", "axiom"),
    [
        (add_axiom("cheat"), "cheat", "cheat"),
        (add_axiom("sorryAx"), "sorryAx", "sorryAx"),
        (add_axiom("X.propext"), "X.propext", "X.propext"),
        (add_axiom("propext.X"), "propext.X", "propext.X"),
        (add_axiom("propext "), "propext ", "«propext »"),
        (add_axiom("Lean.ofReduceBool"), "Lean.ofReduceBool", "Lean.ofReduceBool"),
        (
            add_axiom("tgt._native.native_decide.ax_1_1"),
            "tgt._native.native_decide.ax_1_1",
            "tgt._native.native_decide.ax_1_1",
        ),
        (by_axiom_in_a_type, "helper", "hidden"),
        (by_projection, "helper", "cheat"),
        (by_class_axiom, "helper", "c"),
        (deep, "helper", "helper0"),
    ],
)
def test_every_axiom_is_found_wherever_it_hides(build: Build, proof: str, axiom: str) -> None:
    found = run(submission(build, proof))

    assert axiom in found.axioms
    assert broken(found) == {"axioms"}


def test_one_component_with_dots_is_not_the_allowed_name() -> None:
    text = submission(add_axiom("Quot-sound"), "Quot-sound").replace("Quot-sound", "Quot.sound")

    found = run(text)

    assert found.axioms == ("«Quot.sound»",)
    assert "axioms" in broken(found)


def test_a_sorry_that_the_target_does_not_need_counts_too() -> None:
    assert "axioms" in broken(run(submission(add_axiom("sorryAx"))))


def test_an_axiom_can_be_allowed_by_its_exact_name() -> None:
    ours = challenge(add_axiom("em"))
    theirs = submission(add_axiom("em"), "em")

    assert run(theirs, ours, axioms=("em",)).holds
    assert not run(theirs, ours, axioms=("Em", "e", "em.x")).holds


@pytest.mark.parametrize("name", AXIOMS)
def test_an_allowed_axiom_that_says_something_else_is_seen(name: str) -> None:
    def forge(writer: Writer) -> None:
        writer.axiom(name, writer.const("False"))

    found = run(submission(forge, name))

    assert broken(found) == {"primitives"}


def test_an_allowed_axiom_is_compared_with_the_challenges() -> None:
    ours = challenge(lambda writer: writer.axiom("em", writer.const("True")))
    theirs = submission(lambda writer: writer.axiom("em", writer.const("False")), "em")

    assert broken(run(theirs, ours, axioms=("em",))) == {"primitives"}


def test_an_axiom_that_cannot_be_compared_is_not_believed() -> None:
    found = run(submission(add_axiom("em"), "em"), axioms=("em",))

    assert not found.holds
    assert broken(found) == set()
    assert [layer.name for layer in found.layers if layer.state is State.MISSING] == ["primitives"]


# ------------------------------------------------------------------------- the statement


def claim(kind: Callable[[Writer], int], *, params: tuple[str, ...] = (), name: str = "tgt") -> str:
    writer = logic(Writer())
    writer.definition("Claim", writer.prop(), writer.const("True"))
    writer.theorem(name, kind(writer), writer.const("True.intro"), params)
    return writer.text


@pytest.mark.parametrize(
    "kind",
    [
        lambda w: w.const("True"),
        lambda w: w.pi(w.const("False"), w.const("Claim")),
        lambda w: w.pi(w.prop(), w.const("Claim")),
        lambda w: w.const("False"),
    ],
    ids=["weaker", "one more hypothesis", "one more variable", "another"],
)
def test_another_statement_is_seen(kind: Callable[[Writer], int]) -> None:
    assert "statement" in broken(run(claim(kind)))


def test_other_universe_names_are_another_statement() -> None:
    assert "statement" in broken(run(claim(lambda w: w.const("Claim"), params=("u",))))


def test_names_of_bound_variables_binder_kinds_and_metadata_do_not_matter() -> None:
    def write(name: str, binder: str, *, note: bool) -> str:
        writer = logic(Writer())
        inner = writer.const("True")
        inner = writer.mdata(inner) if note else inner
        writer.theorem(
            "tgt",
            writer.pi(writer.prop(), inner, name, binder),
            writer.lam(writer.prop(), writer.const("True.intro")),
        )
        return writer.text

    found = run(write("y", "implicit", note=True), write("x", "default", note=False))

    assert found.holds, found.layers


def test_the_target_must_be_there_by_its_exact_name() -> None:
    assert broken(run(claim(lambda w: w.const("Claim"), name="X.tgt"))) == {"target"}


@pytest.mark.parametrize("how", ["definition", "opaque", "axiom"])
def test_the_target_must_be_a_theorem(how: str) -> None:
    writer = logic(Writer())
    writer.definition("Claim", writer.prop(), writer.const("True"))
    given = (
        (writer.const("Claim"),)
        if how == "axiom"
        else (writer.const("Claim"), writer.const("True.intro"))
    )
    getattr(writer, how)("tgt", *given)

    assert "target" in broken(run(writer.text))


def test_a_definition_beneath_the_statement_must_be_the_challenges() -> None:
    writer = logic(Writer())
    writer.definition("Claim", writer.prop(), writer.const("False"))
    writer.theorem("tgt", writer.const("Claim"), writer.const("True.intro"))

    found = run(writer.text)

    assert broken(found) == {"constants"}
    assert "Claim" in next(one for one in found.layers if one.name == "constants").said


@pytest.mark.parametrize("how", ["opaque", "axiom", "theorem"])
def test_a_definition_beneath_the_statement_must_stay_one(how: str) -> None:
    writer = logic(Writer())
    given = [writer.prop()] if how == "axiom" else [writer.prop(), writer.const("True")]
    getattr(writer, how)("Claim", *given)
    writer.theorem("tgt", writer.const("Claim"), writer.const("True.intro"))

    assert "constants" in broken(run(writer.text))


def test_a_constructor_more_beneath_the_statement_is_seen() -> None:
    writer = Writer()
    writer.inductive("True", ("True.intro", writer.const("True")))
    writer.inductive("False", ("False.intro", writer.const("False")))
    writer.theorem("tgt", writer.const("False"), writer.const("False.intro"))
    ours = logic(Writer())
    ours.axiom("sorryAx", ours.pi(ours.prop(), ours.bvar(0)))
    ours.theorem("tgt", ours.const("False"), ours.app(ours.const("sorryAx"), ours.const("False")))

    assert broken(run(writer.text, ours.text)) == {"constants"}


def test_a_type_that_is_only_named_by_a_projection_is_beneath_the_statement() -> None:
    def write(inner: str) -> str:
        writer = logic(Writer())
        kind = writer.pi(writer.const(inner), writer.const("Box"))
        writer.inductive("Box", ("Box.mk", kind))
        looked = writer.lam(writer.prop(), writer.proj("Box", writer.bvar(0)))
        writer.theorem("tgt", looked, writer.const("True.intro"))
        return writer.text

    assert "constants" in broken(run(write("False"), write("True")))


# ------------------------------------------------------------------------- what is forbidden


@pytest.mark.parametrize("safety", ["unsafe", "partial"])
def test_unsafe_and_partial_definitions_are_refused(safety: str) -> None:
    def build(writer: Writer) -> None:
        writer.definition("bad", writer.const("True"), writer.const("True.intro"), safety=safety)

    assert broken(run(submission(build, "bad"))) == {"safety"}


def test_unsafe_types_are_refused() -> None:
    def build(writer: Writer) -> None:
        writer.inductive("Bad", ("Bad.mk", writer.const("Bad")), unsafe=True)

    assert "safety" in broken(run(submission(build, "Bad.mk")))


def test_compiled_code_is_refused_unless_it_is_allowed() -> None:
    def build(writer: Writer) -> None:
        writer.opaque("Lean.reduceBool", writer.const("True"), writer.const("True.intro"))

    text = submission(build, "Lean.reduceBool")

    assert broken(run(text)) == {"safety"}
    assert run(text, axioms=(*AXIOMS, "Lean.ofReduceBool")).holds


def test_a_builtin_of_the_kernel_that_differs_from_the_challenges_is_seen() -> None:
    def build(value: str) -> Build:
        return lambda w: w.definition("Nat.gcd", w.prop(), w.const(value))

    ours = challenge(build("True"))

    assert broken(run(submission(build("False"), "Nat.gcd"), ours)) == {"primitives"}
    assert run(submission(build("True"), "Nat.gcd"), ours).holds


def test_a_builtin_of_the_kernel_that_nobody_knows_is_not_believed() -> None:
    def build(writer: Writer) -> None:
        writer.definition("Nat.gcd", writer.prop(), writer.const("False"))

    found = run(submission(build, "Nat.gcd"))

    assert not found.holds
    assert broken(found) == set()


def gcd(value: str) -> Build:
    return lambda w: w.definition("Nat.gcd", w.prop(), w.const(value))


def reference(build: Build, **options: str) -> Export:
    writer = logic(Writer(**options))
    build(writer)
    return parse_export(writer.text)


def test_a_builtin_that_the_challenge_lacks_is_compared_with_the_reference() -> None:
    ours, standard = parse_export(challenge()), reference(gcd("True"))
    honest, changed = (
        parse_export(submission(gcd(value), "Nat.gcd")) for value in ("True", "False")
    )

    assert audit(ours, honest, "tgt", reference=standard).holds
    assert broken(audit(ours, changed, "tgt", reference=standard)) == {"primitives"}
    assert not audit(ours, honest, "tgt", reference=reference(lambda _: None)).holds


def test_what_a_builtin_rests_on_is_compared_with_the_reference_too() -> None:
    def build(value: str) -> Build:
        def write(writer: Writer) -> None:
            writer.definition("Nat.step", writer.prop(), writer.const(value))
            writer.definition("Nat.gcd", writer.prop(), writer.const("Nat.step"))

        return write

    changed = parse_export(submission(build("False"), "Nat.gcd"))
    found = audit(parse_export(challenge()), changed, "tgt", reference=reference(build("True")))

    assert broken(found) == {"primitives"}


@pytest.mark.parametrize(
    "other",
    [
        reference(gcd("True"), version="4.33.0"),
        reference(gcd("True"), commit="abd"),
        reference(lambda w: w.definition("Claim", w.prop(), w.const("False"))),
    ],
)
def test_a_reference_of_another_lean_is_an_error(other: Export) -> None:
    ours, theirs = parse_export(challenge()), parse_export(submission())

    with pytest.raises(InputError, match="not of one Lean"):
        audit(ours, theirs, "tgt", reference=other)


def test_a_literal_needs_the_type_that_it_is_of() -> None:
    def build(writer: Writer) -> None:
        writer.definition("n", writer.prop(), writer.natural(3))

    with pytest.raises(ExportError, match="mentions Nat"):
        parse_export(submission(build, "n"))


def test_what_a_string_is_made_of_is_compared() -> None:
    def build(value: str) -> Build:
        def write(writer: Writer) -> None:
            writer.inductive("String")
            writer.definition("Char.ofNat", writer.prop(), writer.const(value))
            writer.definition("s", writer.prop(), writer.string("x"))

        return write

    ours = challenge(build("True"))

    assert broken(run(submission(build("False"), "s"), ours)) == {"primitives"}


def test_two_versions_of_lean_are_not_compared() -> None:
    theirs = submission().replace('"abc"', '"abd"')

    found = run(theirs)

    assert not found.holds
    assert broken(found) == set()


# ------------------------------------------------------------------------- the challenge


def test_a_challenge_without_the_target_is_an_error() -> None:
    with pytest.raises(InputError, match="has no tgt"):
        run(submission(), claim(lambda w: w.const("Claim"), name="other"))


def test_a_challenge_whose_statement_needs_an_axiom_is_an_error() -> None:
    writer = Writer()
    writer.axiom("Odd", writer.prop())
    writer.axiom("proof", writer.const("Odd"))
    writer.theorem("tgt", writer.const("Odd"), writer.const("proof"))

    with pytest.raises(InputError, match="Odd"):
        run(writer.text, writer.text)
    assert "axioms" in broken(run(writer.text, writer.text, axioms=("Odd",)))


@pytest.mark.parametrize("name", ["", ".", "a..b", "a.", ".a", "a b", "«a", "a»"])
def test_a_target_that_is_no_name_is_an_error(name: str) -> None:
    with pytest.raises(InputError, match="not a name"):
        audit(parse_export(challenge()), parse_export(submission()), name)


# ------------------------------------------------------------------------- reading strictly


def edit(change: Callable[[list[Line]], object]) -> str:
    lines = lines_of(submission())
    change(lines)
    return text_of(lines)


def first(lines: list[Line], key: str) -> Line:
    return next(line for line in lines if key in line)


def declare_again(lines: list[Line]) -> None:
    lines.append(first(lines, "thm"))


def rest_on_itself(lines: list[Line]) -> None:
    theorem = first(lines, "thm")
    number = sum("ie" in line for line in lines)
    own = {"const": {"name": theorem["thm"]["name"], "us": []}, "ie": number}
    lines.insert(len(lines) - 1, own)
    theorem["thm"]["value"] = number


MALFORMED: dict[str, Callable[[list[Line]], object]] = {
    "no meta": lambda lines: lines.pop(0),
    "meta twice": lambda lines: lines.insert(1, lines[0]),
    "another format": lambda lines: lines[0]["meta"]["format"].update(version="2.0.0"),
    "a format with more": lambda lines: lines[0]["meta"]["format"].update(version="3.1.0x"),
    "meta with more": lambda lines: lines[0]["meta"].update(more=1),
    "declared twice": declare_again,
    "a proof by itself": rest_on_itself,
    "an unknown key": lambda lines: lines.append({"trust": {}}),
    "no key": lambda lines: lines.append({}),
    "a list": lambda lines: lines.append([]),  # type: ignore[arg-type]
    "three keys": lambda lines: first(lines, "sort").update(more=1),
    "an id that is true": lambda lines: first(lines, "in").update({"in": True}),
    "an id that is a text": lambda lines: first(lines, "ie").update({"ie": "0"}),
    "an id that is a fraction": lambda lines: first(lines, "ie").update({"ie": 0.0}),
    "an id that was left out": lambda lines: first(lines, "ie").update({"ie": 1}),
    "a negative id": lambda lines: first(lines, "const")["const"].update(name=-1),
    "an id of later": lambda lines: first(lines, "const")["const"].update(name=10_000),
    "a level of later": lambda lines: first(lines, "sort").update(sort=1),
    "a negative variable": lambda lines: first(lines, "sort").update({"bvar": -1}),
    "no value": lambda lines: first(lines, "thm")["thm"].pop("value"),
    "a value of later": lambda lines: first(lines, "thm")["thm"].update(value=10_000),
    "one field more": lambda lines: first(lines, "thm")["thm"].update(isUnsafe=False),
    "no name": lambda lines: first(lines, "thm")["thm"].update(name=0),
    "levels that are none": lambda lines: first(lines, "thm")["thm"].update(levelParams=1),
    "the same level twice": lambda lines: first(lines, "thm")["thm"].update(levelParams=[1, 1]),
    "safety unheard of": lambda lines: first(lines, "def")["def"].update(safety="quite"),
    "hints unheard of": lambda lines: first(lines, "def")["def"].update(hints="fast"),
    "a flag that is 0": lambda lines: first(lines, "inductive")["inductive"]["types"][0].update(
        isUnsafe=0
    ),
    "no types": lambda lines: first(lines, "inductive")["inductive"].update(types=[], ctors=[]),
    "a constructor less": lambda lines: first(lines, "inductive")["inductive"].update(ctors=[]),
    "a constructor that is not listed": lambda lines: first(lines, "inductive")["inductive"][
        "types"
    ][0].update(ctors=[]),
    "constructors out of order": lambda lines: first(lines, "inductive")["inductive"]["ctors"][
        0
    ].update(cidx=1),
    "another type's constructor": lambda lines: first(lines, "inductive")["inductive"]["ctors"][
        0
    ].update(induct=2),
}


@pytest.mark.parametrize("change", MALFORMED.values(), ids=MALFORMED)
def test_what_is_not_well_formed_is_refused_as_a_whole(
    change: Callable[[list[Line]], object],
) -> None:
    with pytest.raises(ExportError, match=r"line \d+: "):
        parse_export(edit(change))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "0.1.2\n1 #NS 0 Nat\n",
        "[]\n",
        "null\n",
        "{\n",
        "\ufeff" + submission(),
        submission() + "\n",
        submission() + "x\n",
        submission().replace("\n", "\r\n"),
        submission().replace("\n", " {}\n", 1),
        submission().replace('"str": "True"', '"str": "\\ud800"', 1),
        submission().replace('"in": 1}', '"in": 1, "in": 1}', 1),
        submission().replace('"in": 1}', '"in": NaN}', 1),
        submission().replace('"in": 1}', '"in": 1e0}', 1),
        submission().replace('"in": 1}', '"in": ' + "1" * 5000 + "}", 1),
        submission() + "[" * 100_000 + "\n",
        submission() + '{"mdata":' * 50_000 + "\n",
    ],
    ids=lambda text: f"{text[:20]!r} of {len(text)}",
)
def test_what_is_no_export_at_all_is_refused(text: str) -> None:
    with pytest.raises(ExportError):
        parse_export(text)


def test_the_size_is_bounded() -> None:
    with pytest.raises(ExportError, match="more than 100"):
        parse_export(submission(), max_characters=100)


@pytest.mark.parametrize("digits", ["01", "-1", "1.0", "", " 1", "1_0", "\u00b2", "\u0661"])
def test_a_number_is_written_in_one_way(digits: str) -> None:
    text = submission(lambda w: w.definition("n", w.prop(), w.natural(123)), "n")

    with pytest.raises(ExportError, match="natVal"):
        parse_export(text.replace('"123"', json.dumps(digits)))


def test_loose_variables_are_refused() -> None:
    def build(writer: Writer) -> None:
        writer.definition("x", writer.prop(), writer.lam(writer.prop(), writer.bvar(1)))

    with pytest.raises(ExportError, match="loose"):
        parse_export(submission(build))


def test_a_quotient_goes_by_its_own_name() -> None:
    lines = lines_of(submission(add_axiom("Quotient"), "Quotient"))
    declared = lines.index(first(lines, "axiom"))
    body = lines[declared]["axiom"]
    del body["isUnsafe"]
    lines[declared] = {"quot": body | {"kind": "type"}}

    with pytest.raises(ExportError, match="Quot"):
        parse_export(text_of(lines))


def test_terms_may_be_deep() -> None:
    writer = logic(Writer())
    term = writer.const("True")
    for _ in range(20_000):
        term = writer.app(term, term)
    writer.theorem("tgt", term, term)

    export = parse_export(writer.text)

    assert audit(export, export, "tgt").holds
    assert export.constants["tgt",].kind is Kind.THEOREM


# ------------------------------------------------------------------------- many ways at once

BAD = {
    "axiom": submission(add_axiom("cheat"), "cheat"),
    "sorry": submission(add_axiom("sorryAx"), "sorryAx"),
    "weaker": claim(lambda w: w.const("True")),
    "elsewhere": claim(lambda w: w.const("Claim"), name="X.tgt"),
    "projection": submission(by_projection, "helper"),
}
OURS = parse_export(challenge())


def holds(text: str) -> bool:
    try:
        return audit(OURS, parse_export(text), "tgt").holds
    except ExportError:
        return False


@given(
    st.sampled_from(sorted(BAD)),
    st.integers(0, 1_000),
    st.sampled_from(["drop", "twice", "swap", "cut"]),
)
def test_losing_or_moving_lines_never_makes_a_bad_export_good(
    name: str, place: int, how: str
) -> None:
    lines = BAD[name].splitlines()
    place %= len(lines)
    if how == "drop":
        del lines[place]
    elif how == "twice":
        lines.insert(place, lines[place])
    elif how == "swap":
        other = (place + 1) % len(lines)
        lines[place], lines[other] = lines[other], lines[place]
    else:
        del lines[place:]

    assert not holds("".join(f"{line}\n" for line in lines))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [one for key in value for one in leaves(value[key], (*path, key))]
    if isinstance(value, list):
        return [one for place, inner in enumerate(value) for one in leaves(inner, (*path, place))]
    return [path]


def mutate(text: str, dice: random.Random) -> str:
    """Change one field of one line to something of its kind."""
    lines = lines_of(text)
    line = dice.choice(lines[1:])
    path = dice.choice(leaves(line))
    holder: Any = line
    for key in path[:-1]:
        holder = holder[key]
    old = holder[path[-1]] if path else None
    if isinstance(old, bool):
        new: Any = not old
    elif isinstance(old, int):
        new = dice.choice([old + 1, old - 1, dice.randrange(60), 0])
    else:
        new = dice.choice(["tgt", "Claim", "propext", "cheat", "x", "safe", "unsafe", "opaque"])
    if path:
        holder[path[-1]] = new
    return text_of(lines)


@given(st.sampled_from(sorted(BAD)), st.integers(0, 10**9), st.integers(1, 3))
def test_whatever_holds_after_a_change_of_fields_holds_by_a_second_reading(
    name: str, seed: int, times: int
) -> None:
    dice = random.Random(seed)
    text = BAD[name]
    for _ in range(times):
        text = mutate(text, dice)

    if holds(text):
        asked, found = Naive(challenge()), Naive(text)
        assert found.declared["tgt",][0] == "thm"
        assert found.statement(("tgt",)) == asked.statement(("tgt",))
        assert found.axioms(("tgt",)) == set()
        assert found.term(found.declared["Claim",][1]["value"]) == asked.term(
            asked.declared["Claim",][1]["value"]
        )


@given(st.text(max_size=200))
def test_any_text_is_an_export_or_refused(text: str) -> None:
    with pytest.raises(ExportError):
        parse_export("{" + text)


# ------------------------------------------------------------------------- real exports


def read(path: Path) -> str:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.read()


@pytest.mark.data
def test_real_exports_say_what_a_second_reading_says(shared_data: Path) -> None:
    paths = sorted((shared_data / "lean" / "exports").glob("*.ndjson.gz"))

    for path in paths[::3]:
        text = read(path)
        export, naive = parse_export(text), Naive(text)
        assert export.constants.keys() == naive.declared.keys()
        for name in list(export.constants)[-3:]:
            found = {
                one for one in export.reach([name]) if export.constants[one].kind is Kind.AXIOM
            }
            assert found == naive.axioms(name)  # type: ignore[arg-type]

    assert len(paths) > 50


@pytest.mark.data
@pytest.mark.parametrize("seed", range(4))
def test_changed_real_exports_are_never_made_good(shared_data: Path, seed: int) -> None:
    folder = shared_data / "lean" / "exports"
    ours = parse_export(read(folder / "axiom_false.challenge.ndjson.gz"))
    lines = read(folder / "axiom_false.submission.ndjson.gz").splitlines(keepends=True)
    dice = random.Random(seed)
    good = 0

    for _ in range(15):
        changed = list(lines)
        for _ in range(dice.choice([1, 1, 2])):
            place = dice.randrange(len(changed))
            changed[place : place + 1] = dice.choice(
                [[], [changed[place]] * 2, [dice.choice(changed)]]
            )
        try:
            good += audit(ours, parse_export("".join(changed)), "tgt").holds
        except ExportError:
            continue

    assert good == 0
