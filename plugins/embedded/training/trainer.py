"""The training loop: AdamW, cosine rate, batches of similar length, loss on the last reply only."""

import logging
import random
import time
from collections.abc import Iterator
from math import cos, pi
from pathlib import Path
from typing import cast

import torch
from transformers import LlamaForCausalLM

from training.conversation import Message
from training.examples import Example, texts
from training.model import new_model, save, train_tokenizer

log = logging.getLogger(__name__)

HIDDEN, LAYERS, MLP = 160, 5, 432
BATCH_TOKENS = 2048
PEAK_RATE = 3e-3

_WARMUP_STEPS = 200
_SAVE_SECONDS = 240

Encoded = tuple[list[int], int]
"""Token ids and where the reply begins."""


class Trainer:
    """A model, its optimizer, and how much of the budget is spent."""

    def __init__(self, *, seconds: float, seed: int, folder: Path) -> None:
        torch.manual_seed(seed)
        self.dice = random.Random(seed)
        self.folder = folder
        self.tokenizer = train_tokenizer(texts(seed + 3_000_000))
        self.model: LlamaForCausalLM = new_model(self.tokenizer, HIDDEN, LAYERS, MLP)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.05, fused=True
        )
        self.seconds = seconds
        self.began = self.saved = time.monotonic()
        self.steps = self.tokens = 0

    @property
    def spent(self) -> float:
        """The share of the budget that is used up."""
        return (time.monotonic() - self.began) / self.seconds

    def train(self, chunks: Iterator[list[Example]], *, until: float) -> None:
        """Learn chunk after chunk until a share of the budget is spent."""
        while self.spent < until:
            chunk = next(chunks)
            losses = []
            for ids, targets in self._batches(chunk):
                losses.append(self._step(ids, targets))
                if self.spent >= until:
                    break
            log.info(
                "%3.0f %% step %d tokens %.2fM loss %.4f",
                100 * self.spent,
                self.steps,
                self.tokens / 1e6,
                sum(losses) / len(losses),
            )
            if time.monotonic() - self.saved > _SAVE_SECONDS:
                save(self.model, self.tokenizer, self.folder)
                self.saved = time.monotonic()

    def _step(self, ids: torch.Tensor, targets: torch.Tensor) -> float:
        warm = min(1.0, (self.steps + 1) / _WARMUP_STEPS)
        cosine = (1 + cos(pi * min(1.0, self.spent))) / 2
        for group in self.optimizer.param_groups:
            group["lr"] = PEAK_RATE * warm * (0.02 + 0.98 * cosine)
        hidden = self.model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
        learned = targets[:, 1:]
        # Only the reply is learned, so only its positions are projected to the vocabulary.
        logits = self.model.lm_head(hidden[learned >= 0])
        loss = torch.nn.functional.cross_entropy(logits, learned[learned >= 0])
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.steps += 1
        self.tokens += ids.numel()
        return loss.item()

    def _batches(self, chunk: list[Example]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Yield the chunk in batches of similar length, padded on the right, in random order."""
        encoded = sorted(map(self._encode, chunk), key=lambda pair: len(pair[0]))
        batches: list[list[Encoded]] = [[]]
        for pair in encoded:
            # Sorted: the newest sequence is the longest and sets the width of its batch.
            if len(pair[0]) * (len(batches[-1]) + 1) > BATCH_TOKENS:
                batches.append([])
            batches[-1].append(pair)
        self.dice.shuffle(batches)
        for batch in batches:
            width = len(batch[-1][0])
            ids = torch.full((len(batch), width), cast("int", self.tokenizer.pad_token_id))
            targets = torch.full((len(batch), width), -1)
            for row, (sequence, start) in enumerate(batch):
                ids[row, : len(sequence)] = torch.tensor(sequence)
                targets[row, start : len(sequence)] = torch.tensor(sequence[start:])
            yield ids, targets

    def _encode(self, example: Example) -> Encoded:
        asked = self._ids(example.messages, prompt=True)
        reply = {"role": "assistant", "content": example.reply}
        return self._ids([*example.messages, reply], prompt=False), len(asked)

    def _ids(self, messages: list[Message], *, prompt: bool) -> list[int]:
        ids = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=prompt, return_dict=False
        )
        return list(cast("list[int]", ids))
