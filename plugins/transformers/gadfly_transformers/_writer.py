"""Prompts to answers, in one padded `generate` call.

transformers runs the network and its cache; everything that differs between the rows of a batch is
decided here, so that requests with different settings share one:

- *Padding* is on the left and masked, so a row reads the same positions alone and in company.
- *Ends* (`_Watch`): each row stops at its own end token, stop text or length, and at once when its
  request was cancelled. When all rows have stopped, so does `generate`.
- *Drawing* (`_Draw`): each row draws with a generator of its own, so its answer does not depend on
  its company. The largest of p/e with e from an exponential distribution is a draw from p, so
  `generate` only ever has to take the largest.

A model's `seed` is spread over requests by their text: the n-th time that one conversation is
asked, it gets the n-th stream of random numbers that belongs to it, whatever was asked in between.

Nothing here is safe for threads; `Batches` calls it from one.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import torch
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)

from gadfly import ModelError
from gadfly_transformers._loading import Loaded
from gadfly_transformers._requests import MAX_SEED, Answer, Prompt, Request


class Writer:
    """A loaded model that reads requests and writes answers.

    Args:
        loaded: The model.
        seed: See `local_model`.
    """

    def __init__(self, loaded: Loaded, *, seed: int | None) -> None:
        self._loaded = loaded
        self._seed = seed
        self._asked: Counter[int] = Counter()

    def read(self, request: Request) -> Prompt:
        """Turn a conversation into tokens.

        Raises:
            ModelError: The chat template refuses it, or it is too long for the model.
        """
        name, context = self._loaded.name, self._loaded.context
        tokenizer = self._loaded.tokenizer
        try:
            text = tokenizer.apply_chat_template(
                request.messages, add_generation_prompt=True, tokenize=False
            )
        except Exception as error:
            raise ModelError(
                f"the chat template of {name} refuses the conversation: {error}"
            ) from error
        tokens: list[int] = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        if not tokens or max(tokens) >= self._loaded.vocabulary:
            raise ModelError(f"model {name} has no words for this conversation")
        room = request.sampling.max_tokens
        if context is not None:
            if len(tokens) >= context:
                raise ModelError(
                    f"the conversation has {len(tokens)} tokens; model {name} reads and writes "
                    f"at most {context} together"
                )
            room = min(room, context - len(tokens))
        return Prompt(
            request=request, tokens=tokens, max_tokens=room, seed=self._stream(request, text)
        )

    def _stream(self, request: Request, text: str) -> int | None:
        if request.sampling.is_greedy or self._seed is None or request.sampling.seed is not None:
            return request.sampling.seed
        key = random.Random(f"{self._seed}:{text}").randrange(MAX_SEED)
        self._asked[key] += 1
        return random.Random(f"{key}:{self._asked[key]}").randrange(MAX_SEED)

    def write(self, prompts: Sequence[Prompt]) -> list[Answer | None]:
        """Answer prompts side by side; None for one that was cancelled meanwhile.

        Raises:
            ModelError: The device has too little memory for so many.
        """
        loaded = self._loaded
        rows = [_Row(prompt, loaded) for prompt in prompts]
        width = max(len(prompt.tokens) for prompt in prompts)
        padded = [[loaded.pad] * (width - len(p.tokens)) + p.tokens for p in prompts]
        mask = [[0] * (width - len(p.tokens)) + [1] * len(p.tokens) for p in prompts]
        settings = cast("Any", GenerationConfig)(
            max_new_tokens=max(prompt.max_tokens for prompt in prompts),
            do_sample=False,
            pad_token_id=loaded.pad,
        )
        try:
            with _threads(loaded.threads):
                loaded.model.generate(
                    torch.tensor(padded, device=loaded.device),
                    attention_mask=torch.tensor(mask, device=loaded.device),
                    generation_config=settings,
                    logits_processor=LogitsProcessorList([_Draw(rows, loaded.device)]),
                    stopping_criteria=StoppingCriteriaList([_Watch(rows)]),
                )
        except torch.OutOfMemoryError as error:
            raise ModelError(
                f"model {loaded.name} ran out of memory on {len(prompts)} requests side by side; "
                "lower batch_size or max_new_tokens"
            ) from error
        return [row.answer() for row in rows]


@dataclass(slots=True)
class _Row:
    """One answer while it is being written."""

    prompt: Prompt
    loaded: Loaded
    tokens: list[int] = field(default_factory=list[int])
    finish: Literal["", "stop", "length", "cancelled"] = ""

    def add(self, token: int) -> bool:
        """Take the next token, unless the answer has ended; return whether it has now."""
        if self.finish:
            return True
        self.tokens.append(token)
        if token in self.loaded.ends or self._at_stop():
            self.finish = "stop"
        elif len(self.tokens) >= self.prompt.max_tokens:
            self.finish = "length"
        elif self.prompt.request.answer.cancelled():
            self.finish = "cancelled"
        return bool(self.finish)

    def _at_stop(self) -> bool:
        stops = self.prompt.request.sampling.stop
        if not stops:
            return False
        # Every token adds a byte or more; a few more let the first whole character be one.
        reach = max(len(stop.encode()) for stop in stops) + 8
        end = self._text(self.tokens[-reach:])
        return any(stop in end for stop in stops)

    def _text(self, tokens: list[int]) -> str:
        return str(self.loaded.tokenizer.decode(tokens, skip_special_tokens=True))

    def answer(self) -> Answer | None:
        if self.finish not in {"stop", "length"}:
            return None
        has_end = self.tokens[-1] in self.loaded.ends
        text = self._text(self.tokens[:-1] if has_end else self.tokens)
        cuts = [text.find(stop) for stop in self.prompt.request.sampling.stop if stop in text]
        return Answer(
            text=text[: min(cuts, default=len(text))],
            prompt_tokens=len(self.prompt.tokens),
            completion_tokens=len(self.tokens),
            finish_reason="stop" if self.finish == "stop" else "length",
        )


class _Watch(StoppingCriteria):
    """Gives each row its token and says which have ended."""

    def __init__(self, rows: Sequence[_Row]) -> None:
        self._rows = rows

    def __call__(self, input_ids: torch.Tensor, scores: object, **_: object) -> torch.BoolTensor:
        tokens = cast("list[int]", input_ids[:, -1].tolist())
        ended = [row.add(token) for row, token in zip(self._rows, tokens, strict=True)]
        return cast("torch.BoolTensor", torch.tensor(ended, device=input_ids.device))


class _Draw(LogitsProcessor):
    """Makes the largest score of a row that draws a draw; greedy rows stay as they are."""

    def __init__(self, rows: Sequence[_Row], device: torch.device) -> None:
        drawing = [
            (i, row.prompt)
            for i, row in enumerate(rows)
            if not row.prompt.request.sampling.is_greedy
        ]
        samplings = [prompt.request.sampling for _, prompt in drawing]
        self._rows = torch.tensor([i for i, _ in drawing], dtype=torch.long, device=device)
        self._temperature = torch.tensor([[s.temperature] for s in samplings], device=device)
        self._top_p = torch.tensor([[s.top_p] for s in samplings], device=device)
        self._has_nucleus = any(s.top_p < 1 for s in samplings)
        self._generators = [_generator(prompt.seed, device) for _, prompt in drawing]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        if not self._generators:
            return scores
        chances = torch.softmax(scores[self._rows] / self._temperature, dim=-1)
        if self._has_nucleus:
            chances = _nucleus(chances, self._top_p)
        noise = torch.empty_like(chances)
        for row, generator in zip(noise, self._generators, strict=True):
            row.exponential_(generator=generator)
        return scores.index_copy(0, self._rows, chances / noise)


def _generator(seed: int | None, device: torch.device) -> torch.Generator:
    generator = torch.Generator(device)
    if seed is None:
        generator.seed()
    else:
        generator.manual_seed(seed)
    return generator


def _nucleus(chances: torch.Tensor, top_p: torch.Tensor) -> torch.Tensor:
    """Keep the likeliest tokens that together reach `top_p`, the likeliest one always."""
    ordered, order = chances.sort(dim=-1, descending=True)
    is_outside = ordered.cumsum(dim=-1) - ordered >= top_p
    return chances.scatter(-1, order, ordered.masked_fill(is_outside, 0.0))


@contextmanager
def _threads(number: int | None) -> Generator[None]:
    """Let torch use that many CPU threads meanwhile; its setting is the whole process's."""
    before = torch.get_num_threads()
    if number is not None:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
