"""A name on the Hugging Face hub to a folder on this machine.

What is in the cache and whole is used as it is, without a look at the network: a run behind a
closed door starts as fast as any, and a model does not change between two runs. Otherwise the hub
is asked once, with a short patience, before anything is downloaded: the library's own retries
would keep a person without network waiting for half a minute.
"""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import Any, cast

from gadfly import InputError, ModelError
from gadfly_transformers._folder import check_folder

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
PATIENCE_SECONDS = 10.0
SMALL_FILES = ["*.json", "*.jinja", "*.txt", "*.model"]
WEIGHTS = "model*.safetensors"
OLD_WEIGHTS = "pytorch_model*.bin"


def fetch(name: str) -> Path:
    """Return the folder of a model on the hub, from the cache or freshly downloaded.

    Raises:
        InputError: It is no such name, the hub has no such model, it is gated, or it is not whole.
        ModelError: The hub cannot be reached, or the download failed.
    """
    if not HUB_NAME.fullmatch(name):
        raise InputError(f"there is no folder {name!r}")
    cached = _cached(name)
    return cached if cached is not None else _download(name)


def _cached(name: str) -> Path | None:
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    hub = cast("Any", huggingface_hub)
    try:
        # Which files the folder must hold is for `check_folder` to say.
        found = hub.snapshot_download(name, local_files_only=True, allow_patterns="config.json")
        folder = Path(found)
        check_folder(folder)
    except (LocalEntryNotFoundError, InputError):
        return None
    return folder


def _download(name: str) -> Path:
    import huggingface_hub
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
    )

    hub = cast("Any", huggingface_hub)
    neither = f"there is no folder {name!r}, and"
    try:
        info = hub.HfApi().model_info(name, timeout=PATIENCE_SECONDS)
        names: list[str] = [file.rfilename for file in info.siblings]
        # Many hold the same weights twice, and loading prefers the safe format.
        weights = WEIGHTS if fnmatch.filter(names, WEIGHTS) else OLD_WEIGHTS
        folder = hub.snapshot_download(
            name, allow_patterns=[*SMALL_FILES, weights], ignore_patterns="*/*"
        )
    except GatedRepoError as error:
        raise InputError(
            f"model {name!r} is gated: accept its terms on the hub, then run `hf auth login`"
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise InputError(f"{neither} the Hugging Face hub has no model of that name") from error
    except OfflineModeIsEnabled as error:
        raise ModelError(
            f"{neither} it is not in the cache and HF_HUB_OFFLINE forbids to fetch it; "
            "give the folder of a model"
        ) from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        raise ModelError(f"{neither} the Hugging Face hub answered {status}; try again") from error
    except Exception as error:
        raise ModelError(
            f"{neither} the Hugging Face hub cannot be reached (offline? {type(error).__name__}); "
            "give the folder of a model"
        ) from error
    check_folder(Path(folder))
    return Path(folder)
