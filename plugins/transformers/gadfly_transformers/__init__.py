"""Hugging Face models on this machine, as the model provider `local`.

    as_model("local:/models/qwen-0.6b", temperature=0.7)   a folder
    as_model("local:org/name")                             a name on the hub, fetched once

What is given is checked in an order that makes a mistake cheap: options, then the folder's files,
then (seconds later) torch, the device and the weights. The modules, lowest first:

    _requests   the values that travel: sampling settings, request, prompt, answer, statistics
    _folder     is this folder a whole model? Answered without torch
    _hub        a name on the hub to a folder
    _loading    a folder to a model and a tokenizer on a device
    _writer     prompts to answers: one padded `generate` call
    _batches    requests to batches, in one worker thread
    _chat       LangChain's face of it all
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from gadfly import InputError, Register, hookimpl

if TYPE_CHECKING:
    from gadfly_transformers._chat import LocalChatModel as LocalChatModel

__all__ = ["LocalChatModel", "local_model"]


def local_model(
    name: str,
    *,
    device: str = "auto",
    dtype: str = "auto",
    temperature: float = 0.0,
    top_p: float = 1.0,
    max_new_tokens: int = 512,
    batch_size: int = 32,
    seed: int | None = None,
    threads: int | None = None,
) -> LocalChatModel:
    """Load a model and return it as a LangChain chat model that batches concurrent requests.

    Args:
        name: A folder, or a name on the Hugging Face hub (`org/name`).
        device: `cpu`, `cuda`, `cuda:1`, ...; `auto` takes the GPU where there is one.
        dtype: `float32`, `bfloat16` or `float16`; `auto` is float32 on a CPU and the weights' own
            type elsewhere.
        temperature: 0 takes the likeliest token each time; above, tokens are drawn.
        top_p: Draw only from the likeliest tokens that together have this probability.
        max_new_tokens: Most tokens that an answer may have; the context may end it sooner.
        batch_size: Most requests that are answered side by side. Memory grows with it.
        seed: Makes drawing repeatable; None draws anew each time. See the README for the limits.
        threads: CPU threads of torch for this model. None leaves torch's own setting, except for
            a model below 50 million parameters on a CPU: it gets one, which is faster.

    Raises:
        InputError: An option is wrong, or the folder is not a whole model.
        ModelError: The weights are damaged or cannot be fetched.
    """
    from gadfly_transformers._folder import check_folder
    from gadfly_transformers._requests import Sampling

    sampling = Sampling(temperature=temperature, top_p=top_p, max_tokens=max_new_tokens)
    _check_options(name, batch_size, seed, threads)
    folder = Path(name).expanduser()
    if folder.exists():
        check_folder(folder)
    else:
        from gadfly_transformers._hub import fetch

        folder = fetch(name)

    from gadfly_transformers._batches import Batches
    from gadfly_transformers._chat import LocalChatModel
    from gadfly_transformers._loading import load
    from gadfly_transformers._writer import Writer

    loaded = load(folder, name=name, device=device, dtype=dtype, threads=threads)
    batches = Batches(Writer(loaded, seed=seed), batch_size)
    return LocalChatModel(model_name=name, sampling=sampling, batches=batches)


def _check_options(name: str, batch_size: int, seed: int | None, threads: int | None) -> None:
    if not name.strip():
        raise InputError("local: needs a model; write local:FOLDER or local:ORG/NAME")
    if batch_size < 1:
        raise InputError(f"batch_size is {batch_size}; it must be at least 1")
    if threads is not None and threads < 1:
        raise InputError(f"threads is {threads}; it must be at least 1")
    if seed is not None and seed < 0:
        raise InputError(f"seed is {seed}; it must not be negative")


@hookimpl
def register_models(register: Register[object]) -> None:
    """Offer `local:`."""
    register("local", local_model)


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's names have every type
    if name == "LocalChatModel":
        from gadfly_transformers._chat import LocalChatModel

        return LocalChatModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
