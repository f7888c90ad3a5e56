"""Whatever is a chat model becomes a `Model`."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from types import ModuleType

import pytest
from langchain_core.language_models.fake_chat_models import (
    FakeListChatModel,
    GenericFakeChatModel,
)
from langchain_core.messages import AIMessage

from gadfly import (
    InputError,
    Message,
    Model,
    ModelError,
    Plugins,
    UnknownNameError,
    as_model,
    hookimpl,
)
from gadfly.testing import ScriptedModel

ASK = [Message("system", "Be brief."), Message("user", "What is 2 + 2?")]


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """Providers: a real one, a broken one, an alias, a circle of aliases."""
    module = ModuleType("gadfly_zoo")

    def register_models(register: object) -> None:
        assert callable(register)
        register(
            "parrot", lambda rest, **options: FakeListChatModel(responses=[f"{rest}{options}"])
        )
        register("broken", lambda rest: 1 / 0)
        register(
            "alias", lambda rest, **options: f"parrot:{rest}" if not options else f"x{options}"
        )
        register("deep", lambda rest: "alias:" + rest)
        register("circle", lambda rest: "circle:" + rest)
        register("number", lambda rest: 5)

    module.register_models = hookimpl(register_models)  # type: ignore[attr-defined] # made by hand
    monkeypatch.setitem(sys.modules, "gadfly_zoo", module)
    return Plugins([EntryPoint("zoo", "gadfly_zoo", "gadfly")])


async def test_a_langchain_chat_model_answers_with_its_token_counts() -> None:
    answer = AIMessage(
        "4", usage_metadata={"input_tokens": 7, "output_tokens": 1, "total_tokens": 8}
    )
    model = as_model(GenericFakeChatModel(messages=iter([answer])))

    reply = await model.generate(ASK)

    assert isinstance(model, Model)
    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("4", 7, 1)


async def test_a_chat_model_that_does_not_count_tokens_counts_none() -> None:
    reply = await as_model(FakeListChatModel(responses=["4"])).generate(ASK)

    assert (reply.text, reply.prompt_tokens, reply.completion_tokens) == ("4", 0, 0)


async def test_an_answer_in_blocks_becomes_its_text() -> None:
    blocks = AIMessage([{"type": "text", "text": "fo"}, {"type": "text", "text": "ur"}])

    reply = await as_model(GenericFakeChatModel(messages=iter([blocks]))).generate(ASK)

    assert reply.text == "four"


async def test_a_model_that_does_not_answer_is_a_model_error() -> None:
    model = as_model(GenericFakeChatModel(messages=iter([])))

    with pytest.raises(ModelError, match="model GenericFakeChatModel failed"):
        await model.generate(ASK)


def test_a_model_of_ours_stays_as_it_is() -> None:
    model = ScriptedModel("4")

    assert as_model(model) is model


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        pytest.param("parrot:hello", "hello{}", id="provider"),
        pytest.param("parrot:", "{}", id="provider-without-a-name"),
        pytest.param("parrot:a:b", "a:b{}", id="name-with-a-colon"),
        pytest.param("alias:hello", "hello{}", id="alias"),
        pytest.param("deep:hello", "hello{}", id="alias-of-an-alias"),
    ],
)
async def test_a_string_names_a_provider(plugins: Plugins, name: str, answer: str) -> None:
    reply = await as_model(name, plugins).generate(ASK)

    assert reply.text == answer


async def test_options_reach_the_provider(plugins: Plugins) -> None:
    reply = await as_model("parrot:x", plugins, temperature=0.5).generate(ASK)

    assert reply.text == "x{'temperature': 0.5}"


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        pytest.param("parrot", InputError, "no provider; write `provider:name`", id="no-colon"),
        pytest.param("circle:x", InputError, "aliases of aliases", id="circle"),
        pytest.param("parot:x", UnknownNameError, "nearest: parrot", id="unknown-provider"),
        pytest.param("broken:x", ModelError, "model broken:x failed: ZeroDivision", id="broken"),
        pytest.param("number:x", InputError, "5 is not a chat model", id="not-a-model"),
    ],
)
def test_a_string_that_names_no_model_is_refused(
    plugins: Plugins, name: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        as_model(name, plugins)


@pytest.mark.parametrize(
    "thing", [pytest.param(5, id="number"), pytest.param(FakeListChatModel, id="class"), None]
)
def test_what_is_no_chat_model_is_refused(thing: object) -> None:
    with pytest.raises(InputError, match="not a chat model"):
        as_model(thing)


def test_options_go_with_a_name_only() -> None:
    with pytest.raises(InputError, match="set them on the instance"):
        as_model(ScriptedModel("4"), temperature=0.5)
