"""Models: whatever LangChain calls a chat model, by instance or by a `provider:name` string."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from gadfly._errors import InputError, ModelError, UnknownNameError, boundary
from gadfly._ports import Model
from gadfly._values.task import JSON, Message, Reply

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from gadfly._plugins import Plugins

MAX_ALIASES = 5


@dataclass(slots=True)
class _LangChainModel:
    """A LangChain chat model behind the `Model` port."""

    chat: BaseChatModel
    name: str

    async def generate(self, messages: Sequence[Message]) -> Reply:
        with boundary(ModelError, f"model {self.name}"):
            answer = await self.chat.ainvoke([(m.role, m.text) for m in messages])
        usage: dict[str, Any] = dict(getattr(answer, "usage_metadata", None) or {})
        return Reply(
            text=str(answer.text),
            prompt_tokens=int(usage.get("input_tokens", 0)),
            completion_tokens=int(usage.get("output_tokens", 0)),
        )


def as_model(model: object, plugins: Plugins | None = None, **options: JSON) -> Model:
    """Return a `Model` for a LangChain chat model, a `Model`, or a `provider:name` string.

    Providers come from plugins (`local:`, `embedded:`); any other name is left to LangChain's
    `init_chat_model`, where the package `langchain` is installed.

    Args:
        model: The model, or its string.
        plugins: Where to look providers up; `Plugins.discover()` by default.
        **options: Passed to the provider (`temperature=0.5`).

    Raises:
        InputError: It is neither, or the string has no provider.
        UnknownNameError: No plugin offers the provider and LangChain does not know it.
        ModelError: The model could not be loaded.
    """
    if not isinstance(model, str):
        if options:
            raise InputError("options go with a model's name; set them on the instance itself")
        return _wrap(model, "")
    asked = model
    for _ in range(MAX_ALIASES):
        # An alias gives another name; the options are for the provider at the end.
        made = _by_name(model, plugins, options)
        if not isinstance(made, str):
            return _wrap(made, asked)
        model = made
    raise InputError(f"model {asked!r}: aliases of aliases, {MAX_ALIASES} deep")


def _wrap(model: object, name: str) -> Model:
    if isinstance(model, Model) and not isinstance(model, type) and not hasattr(model, "ainvoke"):
        return model
    if hasattr(model, "ainvoke") and not isinstance(model, type):
        called = name or str(getattr(model, "model_name", "") or type(model).__name__)
        # Duck-typed: importing LangChain to make sure costs 0.3 s.
        return _LangChainModel(cast("BaseChatModel", model), called)
    raise InputError(
        f"{model!r:.200} is not a chat model: give a LangChain chat model or `provider:name`"
    )


def _by_name(name: str, plugins: Plugins | None, options: dict[str, JSON]) -> object:
    provider, colon, rest = name.partition(":")
    if not colon:
        raise InputError(
            f"model {name!r} has no provider; write `provider:name`, such as `local:PATH`"
        )
    if plugins is None:
        from gadfly._plugins import Plugins

        plugins = Plugins.discover()
    full = plugins.provider(provider)
    if full is not None:
        with boundary(ModelError, f"model {name}"):
            return plugins.create("models", full, rest, **options)
    try:
        # Optional, so by name: type checkers need not find it.
        langchain = importlib.import_module("langchain.chat_models")
    except ImportError:
        raise UnknownNameError(
            "model provider",
            provider,
            plugins.providers(),
            "install a plugin that offers it, or `langchain` with the provider's package",
        ) from None
    with boundary(ModelError, f"model {name}"):
        return cast("object", langchain.init_chat_model(name, **options))
