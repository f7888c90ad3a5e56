"""LangChain's face of a local model: messages in, a batch behind the curtain, a message out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

from gadfly import InputError
from gadfly_transformers._batches import Batches
from gadfly_transformers._requests import Answer, Request, Sampling, Statistics

ROLES = {"system": "system", "human": "user", "ai": "assistant", "tool": "tool"}
"""LangChain's words for who speaks, and those of chat templates."""
OPTIONS = ("temperature", "top_p", "max_tokens", "seed")
"""What one request may set for itself, by `bind` or as a keyword argument; and `stop`."""


class LocalChatModel(BaseChatModel):
    """A Hugging Face model on this machine. `local_model` makes one.

    Concurrent requests, asynchronous ones and those from several threads, are answered in common
    batches by one worker thread, so an event loop is never held up. Cancelling a request frees its
    place at the next token and disturbs no other. An instance may serve several event loops.

    What is raised on use: `InputError` for an option or content that it does not know, `ModelError`
    where the conversation does not fit the model or the model breaks.
    """

    model_name: str
    """The folder or hub name that it was loaded from."""
    sampling: Sampling
    """How answers are written where a request does not say."""
    batches: Batches = Field(exclude=True, repr=False)
    """The worker thread and the weights."""

    @property
    def statistics(self) -> Statistics:
        """What the model has done so far."""
        return self.batches.statistics

    @property
    def _llm_type(self) -> str:
        return "gadfly-local"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name, **asdict(self.sampling)}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's signature
    ) -> ChatResult:
        request = self._request(messages, stop, kwargs)
        self.batches.add(request)
        self.batches.turn()
        try:
            return self._result(request.answer.result())
        finally:
            # After Ctrl-C nobody waits for the answer; once it is there, this does nothing.
            request.answer.cancel()

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's signature
    ) -> ChatResult:
        request = self._request(messages, stop, kwargs)
        self.batches.add(request)
        # At the end of the loop's pass, so that all requests of this pass share the first batch.
        asyncio.get_running_loop().call_soon(self.batches.turn)
        return self._result(await asyncio.wrap_future(request.answer))

    def _request(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, options: dict[str, Any]
    ) -> Request:
        unknown = sorted(set(options) - set(OPTIONS))
        if unknown:
            raise InputError(
                f"a local model does not know the option {unknown[0]!r}; "
                f"it knows {', '.join(OPTIONS)} and stop"
            )
        given = {name: value for name, value in options.items() if value is not None}
        sampling = replace(self.sampling, **given, stop=tuple(stop or ()))
        return Request(messages=[_plain(message) for message in messages], sampling=sampling)

    def _result(self, answer: Answer) -> ChatResult:
        message = AIMessage(
            answer.text,
            usage_metadata=UsageMetadata(
                input_tokens=answer.prompt_tokens,
                output_tokens=answer.completion_tokens,
                total_tokens=answer.prompt_tokens + answer.completion_tokens,
            ),
            response_metadata={
                "model_name": self.model_name,
                "finish_reason": answer.finish_reason,
            },
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def _plain(message: BaseMessage) -> dict[str, str]:
    """A message as chat templates read it.

    Raises:
        InputError: It holds anything but text, which a language model would not see.
    """
    role = message.role if isinstance(message, ChatMessage) else ROLES.get(message.type)
    if role is None:
        raise InputError(f"a local model cannot read a message of type {message.type!r}")
    if isinstance(message.content, list):
        for block in message.content:
            kind = block.get("type") if isinstance(block, dict) else "text"
            if kind != "text":
                raise InputError(f"a local model reads text only, not {kind!r}")
    return {"role": role, "content": str(message.text)}
