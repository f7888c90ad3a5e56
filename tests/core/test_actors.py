"""The model as actor, and the checkable parts of a draft."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import (
    Actor,
    Draft,
    Feedback,
    InputError,
    Message,
    ModelActor,
    Refiner,
    Task,
    extract_artifacts,
)
from gadfly.testing import ScriptedModel

TASK = Task(prompt="What is 2 + 2?")


async def test_a_draft_is_made_from_the_prompt_alone() -> None:
    model = ScriptedModel("4")

    text, reply = await ModelActor().draft(TASK, model)

    assert text == reply.text == "4"
    assert model.conversations == [(Message("user", "What is 2 + 2?"),)]


async def test_a_refinement_sees_the_newest_draft_and_its_feedback() -> None:
    model = ScriptedModel("4")
    feedback = Feedback(findings=("off by one",), text="Mend it: off by one")

    await ModelActor().refine(TASK, Draft("5", 3), feedback, model)

    assert model.conversations == [
        (
            Message("user", "What is 2 + 2?"),
            Message("assistant", "5"),
            Message("user", "Mend it: off by one"),
        )
    ]


async def test_instructions_come_before_everything() -> None:
    model = ScriptedModel("4")

    await ModelActor("Answer with a program.").draft(TASK, model)

    assert model.conversations[0][0] == Message("system", "Answer with a program.")


async def test_without_a_model_it_says_what_to_do() -> None:
    with pytest.raises(InputError, match="needs a model"):
        await ModelActor().draft(TASK, None)


def test_it_is_an_actor_and_a_refiner() -> None:
    assert isinstance(ModelActor(), Actor)
    assert isinstance(ModelActor(), Refiner)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("no code here", [], id="prose"),
        pytest.param("", [], id="empty"),
        pytest.param("42", [], id="a-number"),
        pytest.param("answer", [], id="a-word"),
        pytest.param("x = 1\nanswer = x", [("python", "x = 1\nanswer = x")], id="a-program"),
        pytest.param("print(4)", [("python", "print(4)")], id="a-call"),
        pytest.param("x = 1\ny = (", [("python", "x = 1\ny = (")], id="a-broken-program"),
        pytest.param("x == 1 is what\nI say", [], id="a-comparison-in-prose"),
        pytest.param("see\n```python\nx = 1\n```\n", [("python", "x = 1")], id="fence"),
        pytest.param("```py\nx\n```", [("python", "x")], id="short-name"),
        pytest.param("```\nx\n```", [("code", "x")], id="no-language"),
        pytest.param("```lean4 theorem\nx\n```", [("lean4", "x")], id="info-string"),
        pytest.param("~~~sql\nx\n~~~", [("sql", "x")], id="tildes"),
        pytest.param("```python\nx = 1", [("python", "x = 1")], id="never-closed"),
        pytest.param("```python\r\nx = 1\r\n```\r\nend", [("python", "x = 1\r")], id="crlf"),
        pytest.param("  ```python\nx\n  ```", [("python", "x")], id="indented"),
        pytest.param("````md\n```py\nx\n```\n````", [("md", "```py\nx\n```")], id="nested"),
        pytest.param("```py\na\n```\n```c\nb\n```", [("python", "a"), ("c", "b")], id="two"),
        pytest.param("```python\n```", [("python", "")], id="empty-block"),
    ],
)
def test_the_checkable_parts_are_found(text: str, found: list[tuple[str, str]]) -> None:
    assert [(part.kind, part.text) for part in extract_artifacts(text)] == found


pieces = st.lists(
    st.one_of(
        st.sampled_from(["```", "~~~", "````", "python", "\n", "\r\n", " ", "x = 1", "(", "'"]),
        st.text(max_size=6),
    ),
    max_size=25,
).map("".join)


@given(pieces)
def test_parts_lie_in_the_text_in_order_and_apart(text: str) -> None:
    parts = extract_artifacts(text)

    for part in parts:
        assert text[part.start : part.end] == part.text
        assert part.kind
    for before, after in pairwise(parts):
        assert before.end <= after.start


@pytest.mark.parametrize("text", ["(" * 50_000, "-" * 50_000 + "1", "1+" * 50_000 + "1", "\0"])
def test_a_text_that_no_parser_likes_does_no_harm(text: str) -> None:
    extract_artifacts(text)


code = st.text(alphabet=st.characters(exclude_characters="`~\r", exclude_categories=["Cs"]))


@given(code, st.sampled_from(["```", "~~~", "`````"]))
def test_what_is_fenced_comes_out_as_it_went_in(inside: str, fence: str) -> None:
    text = f"Here:\n{fence}python\n{inside}\n{fence}\nDone."

    (part,) = extract_artifacts(text)

    assert part.text == inside.rstrip("\n")
