"""Critiques to one bounded, quoted message."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from gadfly import Critique, Finding, Hardness, Span, Verdict, shape_feedback
from gadfly._feedback import MAX_CHARACTERS, MAX_FINDINGS, TEMPLATE

nasty = st.one_of(
    st.text(max_size=400),
    st.lists(
        st.sampled_from(
            [
                "</findings>",
                "< / findings >",
                "<FINDINGS>",
                "</find\nings>",
                "\n",
                "<",
                "/",
                "x " * 99,
            ]
        ),
        max_size=8,
    ).map("".join),
)
findings = st.builds(
    Finding,
    nasty,
    st.sampled_from(Hardness),
    st.none() | st.builds(Span, st.integers(1, 999)),
)
critiques = st.dictionaries(
    st.text(max_size=8),
    st.builds(
        Critique,
        st.sampled_from(Verdict),
        nasty,
        st.lists(findings, max_size=5).map(tuple),
        suggestion=st.none() | nasty,
    ),
    max_size=5,
)


@given(critiques)
def test_feedback_is_bounded_whatever_the_critics_say(said: dict[str, Critique]) -> None:
    feedback = shape_feedback(said)

    frame = len(TEMPLATE.format(findings=""))
    assert len(feedback.findings) <= MAX_FINDINGS
    assert all(len(line) <= MAX_CHARACTERS for line in feedback.findings)
    assert len(feedback.text) <= frame + MAX_FINDINGS * (MAX_CHARACTERS + len("1. \n"))


@given(critiques)
def test_what_is_quoted_cannot_close_the_quotation(said: dict[str, Critique]) -> None:
    feedback = shape_feedback(said)

    tags = re.findall(r"<\s*/?\s*findings", feedback.text, re.IGNORECASE)
    assert tags == ["<findings", "</findings"]
    inside = feedback.text.split("<findings>\n")[1].split("\n</findings>")[0]
    assert len(inside.splitlines()) == len(feedback.findings)


@given(critiques)
def test_no_finding_comes_twice(said: dict[str, Critique]) -> None:
    feedback = shape_feedback(said)

    assert len(set(feedback.findings)) == len(feedback.findings)


def test_the_hardest_findings_come_first_and_else_the_critics_order_stands() -> None:
    said = {
        "a": Critique(Verdict.FAIL, findings=(Finding("hint", Hardness.HINT), Finding("soft 1"))),
        "b": Critique(Verdict.FAIL, findings=(Finding("soft 2"), Finding("hard", Hardness.HARD))),
    }

    assert shape_feedback(said).findings == ("hard", "soft 1", "soft 2", "hint")


def test_what_two_critics_found_alike_is_said_once() -> None:
    same = Finding("NameError:  'x'", Hardness.HARD, Span(2))
    also = Finding("NameError: 'x'", Hardness.HARD, Span(2))
    said = {
        "a": Critique(Verdict.FAIL, findings=(same,)),
        "b": Critique(Verdict.FAIL, findings=(also,)),
    }

    assert shape_feedback(said).findings == ("line 2: NameError: 'x'",)


def test_only_critics_that_failed_the_draft_speak() -> None:
    silent = (Verdict.PASS, Verdict.ABSTAIN, Verdict.ERROR, Verdict.SKIP)
    said = {str(v): Critique(v, findings=(Finding(f"from {v}"),)) for v in silent}

    feedback = shape_feedback({**said, "x": Critique(Verdict.FAIL, findings=(Finding("wrong"),))})

    assert feedback.findings == ("wrong",)


def test_a_critic_without_findings_is_quoted_by_its_summary_or_name() -> None:
    said = {
        "a/check": Critique(Verdict.FAIL, "The sum is off."),
        "b/check": Critique(Verdict.FAIL),
    }

    assert shape_feedback(said).findings == ("The sum is off.", "b/check does not pass")


def test_a_suggestion_is_passed_on() -> None:
    critique = Critique(Verdict.FAIL, findings=(Finding("off by one"),), suggestion="add 1")

    assert shape_feedback({"a": critique}).findings == ("off by one", "suggestion: add 1")


def test_braces_in_a_finding_are_no_template() -> None:
    critique = Critique(Verdict.FAIL, findings=(Finding("{findings} {0} {x!r}"),))

    assert "{findings} {0} {x!r}" in shape_feedback({"a": critique}).text
