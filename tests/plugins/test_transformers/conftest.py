"""A real language model of 30 thousand parameters, and folders in which something is wrong."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from gadfly_transformers import LocalChatModel, local_model

CONTEXT = 512
TEMPLATE = (
    "{% for message in messages %}"
    "{% if message.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}"
    "<|{{ message.role }}|>{{ message.content }}<|end|>"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
SENTENCES = [
    "The unexamined life is not worth living, said the old man of Athens.",
    "A gadfly stings a large and noble horse that has grown sluggish.",
    "Twelve boats carry nine barrels each; how many barrels is that?",
    "Who claims must show the evidence, and who shows it may be believed.",
]


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama with random weights, its tokenizer and a template, as `save_pretrained` writes it."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "tiny"
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(SENTENCES, trainer)
    tokenizer = cast("Any", PreTrainedTokenizerFast)(
        tokenizer_object=bpe, eos_token="<|end|>", chat_template=TEMPLATE
    )
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=CONTEXT,
        # Large enough for answers that differ; the usual 0.02 repeats one token for ever.
        initializer_range=0.4,
        bos_token_id=None,
        eos_token_id=None,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> LocalChatModel:
    """The tiny model, greedy, loaded once; its statistics go on counting."""
    return local_model(str(tiny_folder), max_new_tokens=24)


class Brake:
    """Holds a model's worker thread at each step of the network until it is let go."""

    def __init__(self) -> None:
        self.is_writing = threading.Event()
        """Set when the network is at work."""
        self.let_go = threading.Event()

    def hold(self, model: LocalChatModel) -> None:
        network_of(model).register_forward_pre_hook(self._step)

    def _step(self, *_: object) -> None:
        self.is_writing.set()
        assert self.let_go.wait(60)


def network_of(model: LocalChatModel) -> Any:
    """The Hugging Face model inside, which has hooks of its own."""
    return model.batches._writer._loaded.model  # type: ignore[attr-defined] # it is a Writer


@pytest.fixture
def brake() -> Iterator[Brake]:
    """A brake that never outlives its test."""
    it = Brake()
    yield it
    it.let_go.set()


@pytest.fixture
def threads_while_writing() -> Callable[[LocalChatModel], set[int]]:
    """The numbers of CPU threads that torch has while a model answers."""

    def observe(model: LocalChatModel) -> set[int]:
        import torch

        seen: set[int] = set()
        network_of(model).register_forward_pre_hook(lambda *_: seen.add(torch.get_num_threads()))
        model.invoke("Hi", max_tokens=2)
        return seen

    return observe


@pytest.fixture
def device_of() -> Callable[[LocalChatModel], str]:
    """Where a model lies."""
    return lambda model: str(network_of(model).device.type)


@pytest.fixture
def copy_of_tiny(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy of its folder, to be spoilt."""
    return Path(shutil.copytree(tiny_folder, tmp_path / "copy"))


@pytest.fixture
def edit_json() -> Callable[..., None]:
    """Change values of a JSON file in place."""

    def edit(path: Path, **changes: object) -> None:
        values = json.loads(path.read_text()) | changes
        path.write_text(json.dumps(values))

    return edit
