"""A folder to a model and a tokenizer on a device, with every way to fail named in one line."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from gadfly import GadflyError, InputError, ModelError

# transformers has types for half of itself, which is worse than none.
_AutoModel = cast("Any", AutoModelForCausalLM)
_AutoTokenizer = cast("Any", AutoTokenizer)
_logging = cast("Any", logging)

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
TINY = 50_000_000
"""Parameters below which a second CPU thread costs more than it brings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A model that is ready to write."""

    name: str
    """As the person wrote it."""
    model: Any
    """The Hugging Face model: its class depends on the folder."""
    tokenizer: Any
    device: torch.device
    ends: frozenset[int]
    """Tokens that end an answer."""
    pad: int
    """The token that fills up short prompts; it is masked, so any will do."""
    context: int | None
    """Most tokens of prompt and answer together; None where the model sets no limit."""
    vocabulary: int
    """Token numbers from here on have no embedding."""
    threads: int | None
    """CPU threads of torch while it writes; None leaves torch's setting."""


def load(folder: Path, *, name: str, device: str, dtype: str, threads: int | None) -> Loaded:
    """Load a folder that `check_folder` found whole.

    Raises:
        InputError: The device or dtype is wrong, or the tokenizer has no chat template.
        ModelError: The model cannot be loaded.
    """
    place = _device(device)
    precision = _dtype(dtype, place)
    try:
        with _quiet():
            tokenizer = _AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            if not tokenizer.chat_template:
                raise InputError(
                    f"model {name} has no chat template: take a version that was tuned for chat, "
                    "or put a chat_template.jinja into its folder"
                )
            model = _model(folder, precision, name).to(place).eval()
    except GadflyError:
        raise
    except Exception as error:
        raise ModelError(f"model {name} does not load: {_reason(error)}") from error
    ends = _ends(model, tokenizer)
    # The folder's own defaults (temperature, penalties) must not leak into what was asked for.
    model.generation_config = type(model.generation_config)()
    is_tiny = place.type == "cpu" and model.num_parameters() < TINY
    pad = tokenizer.pad_token_id
    return Loaded(
        name=name,
        model=model,
        tokenizer=tokenizer,
        device=place,
        ends=ends,
        pad=min(ends, default=0) if pad is None else pad,
        context=getattr(model.config.get_text_config(), "max_position_embeddings", None),
        vocabulary=model.get_input_embeddings().num_embeddings,
        threads=1 if threads is None and is_tiny else threads,
    )


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"there is no device {name!r}; give auto, cpu, cuda or cuda:1") from error
    if device.type == "cuda":
        count = torch.cuda.device_count()
        if count == 0:
            raise InputError(
                f"device {name!r}: torch finds no CUDA GPU here; give cpu, or auto to take what "
                "there is"
            )
        if (device.index or 0) >= count:
            raise InputError(f"device {name!r}: there are {count} GPUs here, numbered from 0")
    return device


def _dtype(name: str, device: torch.device) -> torch.dtype | str:
    if name == "auto":
        # Half precision is slow on most CPUs.
        return torch.float32 if device.type == "cpu" else "auto"
    if name not in DTYPES:
        raise InputError(f"there is no dtype {name!r}; give auto or {', '.join(DTYPES)}")
    return DTYPES[name]


def _model(folder: Path, dtype: torch.dtype | str, name: str) -> Any:  # noqa: ANN401 - see `Loaded.model`
    # A folder's own Python code is never run: it would run with all that this process may do.
    model, report = _AutoModel.from_pretrained(
        folder,
        dtype=dtype,
        trust_remote_code=False,
        ignore_mismatched_sizes=True,
        output_loading_info=True,
    )
    # transformers would go on with random numbers in their place.
    wrong: list[str] = sorted(
        [*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])]
    )
    if wrong:
        raise ModelError(
            f"model {name} does not load: its weights and config.json do not belong together; "
            f"{len(wrong)} tensors are missing or have another shape, such as {wrong[0]}"
        )
    return model


def _reason(error: Exception) -> str:
    """What transformers says, without the advice that follows it."""
    text = " ".join(str(error).split())
    if "trust_remote_code" in text:
        return "it needs Python code of its own, and code from a model's folder is never run"
    return f"{type(error).__name__}: {text.partition('. ')[0][:300]}"


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:  # noqa: ANN401 - see `Loaded`
    """Every token that any of the folder's files calls the end of a text."""
    found: set[int] = set()
    for source in (model.generation_config, model.config.get_text_config(), tokenizer):
        ends = getattr(source, "eos_token_id", None)
        found.update([ends] if isinstance(ends, int) else ends or ())
    return frozenset(found)


@contextmanager
def _quiet() -> Generator[None]:
    """Keep transformers' bars and tables off the terminal: what matters of them is raised."""
    verbosity = _logging.get_verbosity()
    has_bars = _logging.is_progress_bar_enabled()
    _logging.set_verbosity_error()
    _logging.disable_progress_bar()
    try:
        yield
    finally:
        _logging.set_verbosity(verbosity)
        if has_bars:
            _logging.enable_progress_bar()
