"""Is this folder a whole model? Answered from its files in milliseconds, before torch is imported.

A person who mistyped a path or has half a download should not wait for torch to be told so.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

from gadfly import InputError, ModelError

WEIGHTS = ("model.safetensors", "pytorch_model.bin")
"""Either of them, or its index (`NAME.index.json`) with the parts that it lists."""
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json")
"""Any one of them."""


def check_folder(folder: Path) -> None:
    """Return if the folder holds a configuration, a tokenizer and readable weights.

    Raises:
        InputError: Something is missing; the message names all of it.
        ModelError: A file is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"model {str(folder)!r} is a file; give the folder that holds it")
    missing: list[str] = []
    if not (folder / "config.json").is_file():
        missing.append("config.json")
    weights = _weights(folder)
    if not weights:
        missing.append("weights (model.safetensors or pytorch_model.bin)")
    missing += sorted(path.name for path in weights if not path.is_file())
    if not any((folder / name).is_file() for name in TOKENIZERS):
        missing.append("a tokenizer (tokenizer.json)")
    if missing:
        raise InputError(
            f"folder {str(folder)!r} is not a whole model; missing: {', '.join(missing)}. "
            "`save_pretrained` of the model and of its tokenizer write them"
        )
    if "model_type" not in _json(folder / "config.json"):
        raise InputError(f"{str(folder / 'config.json')!r} names no model_type")
    for path in weights:
        if path.suffix == ".safetensors":
            _check_safetensors(path)


def _weights(folder: Path) -> list[Path]:
    """The files that the weights consist of, present or not; none where there is no trace."""
    for name in WEIGHTS:
        if (folder / name).is_file():
            return [folder / name]
        index = folder / f"{name}.index.json"
        if index.is_file():
            parts = _json(index).get("weight_map")
            if not isinstance(parts, dict) or not parts:
                raise ModelError(f"{str(index)!r} is damaged: it lists no weights")
            return sorted({folder / str(part) for part in cast("dict[str, str]", parts).values()})
    return []


def _json(path: Path) -> dict[str, object]:
    try:
        value: object = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelError(f"{str(path)!r} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{str(path)!r} is damaged: it holds no JSON object")
    return cast("dict[str, object]", value)


def _check_safetensors(path: Path) -> None:
    """Read the header, which says how long the file has to be: half a download shows here."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            pass
    except (SafetensorError, OSError) as error:
        with path.open("rb") as file:
            is_pointer = file.read(20).startswith(b"version ")
        hint = (
            "it is a pointer of Git LFS, not the weights: `git lfs pull` fetches them"
            if is_pointer
            else "copy or download it again"
        )
        raise ModelError(f"{str(path)!r} is damaged ({error}); {hint}") from error
