"""Batched replies from the model that is being trained or judged."""

from collections.abc import Sequence

import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from training.conversation import Message
from training.model import MAX_NEW_TOKENS

_BATCH = 128


class Writer:
    """A model with its tokenizer, asked many questions at once."""

    def __init__(self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> None:
        self.model = model
        self.tokenizer = tokenizer

    def write(self, conversations: Sequence[list[Message]], *, temperature: float) -> list[str]:
        """Return one reply for each conversation; a temperature of 0 means greedy."""
        texts = [
            str(
                self.tokenizer.apply_chat_template(
                    messages, tokenize=False, add_generation_prompt=True
                )
            )
            for messages in conversations
        ]
        # Neighbours in length share a batch, so that little is spent on padding.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        replies = [""] * len(texts)
        for start in range(0, len(order), _BATCH):
            batch = order[start : start + _BATCH]
            inputs = self.tokenizer(
                [texts[index] for index in batch],
                return_tensors="pt",
                padding=True,
                add_special_tokens=False,
            )
            how = (
                {"do_sample": True, "temperature": temperature, "top_k": 0}
                if temperature
                else {"do_sample": False}
            )
            with torch.inference_mode():
                output = self.model.generate(  # type: ignore[misc] # its `self` is a private protocol
                    input_ids=inputs["input_ids"],
                    attention_mask=inputs["attention_mask"],
                    max_new_tokens=MAX_NEW_TOKENS,
                    eos_token_id=self.tokenizer.eos_token_id,
                    pad_token_id=self.tokenizer.pad_token_id,
                    **how,
                )
            written = self.tokenizer.batch_decode(
                output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True
            )
            for index, reply in zip(batch, written, strict=True):
                replies[index] = reply
        return replies
