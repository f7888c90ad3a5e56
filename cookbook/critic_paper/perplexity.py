"""How fluent texts are to a causal language model: its perplexity, given what they go on from.

It needs weights that score (a Hugging Face folder), `torch` and `transformers`. The port `Model`
gives text and no probabilities, so the model that is measured cannot score here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from gadfly import InputError


def perplexity(folder: Path, pairs: Sequence[tuple[str, str]]) -> float | None:
    """Return exp of the mean loss of the texts' tokens, given the beginnings before them.

    Args:
        folder: A causal language model as `save_pretrained` writes it, with its tokenizer.
        pairs: Beginnings, and what goes on from them.

    Returns:
        The perplexity; None where the texts hold no token.

    Raises:
        InputError: torch or transformers is missing, or the folder is no such model.
    """
    try:
        import torch
        import transformers
    except ImportError as error:
        raise InputError(f"perplexity needs torch and transformers: {error}") from error
    auto = cast("Any", transformers)
    try:
        tokenizer = auto.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = auto.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()
    except (OSError, ValueError) as error:
        raise InputError(f"{folder} is no model that scores: {error!s:.200}") from error
    window: int = getattr(model.config, "max_position_embeddings", 1024)
    loss, tokens = 0.0, 0
    with torch.inference_mode():
        for before, after in pairs:
            head = list(tokenizer(before).input_ids)
            tail = list(tokenizer(f" {after.strip()}", add_special_tokens=False).input_ids)
            ids = [*head, *tail][-window:]
            scored = min(len(tail), len(ids) - 1)
            if scored < 1:
                continue
            logits = model(input_ids=torch.tensor([ids])).logits[0].float()
            likely = logits[-scored - 1 : -1].log_softmax(-1)
            loss -= float(likely.gather(-1, torch.tensor(ids[-scored:])[:, None]).sum())
            tokens += scored
    return math.exp(loss / tokens) if tokens else None
