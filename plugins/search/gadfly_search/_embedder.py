"""The port of every text embedder, and one over Hugging Face weights in a folder of this machine.

An embedder turns a text into a vector of length one, so that texts that mean the same lie close to
each other (Reimers and Gurevych 2019, "Sentence-BERT", EMNLP). Which weights it has,
and how it reads them, is its digest: vectors of two digests cannot be compared.

Nothing is loaded before the first text, no code from the folder is run, and nothing is fetched.
torch and numpy are imported on first use, so that those who search by words do not wait for them.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, runtime_checkable

from gadfly import GadflyError, InputError, ToolError, digest

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

Pooling = Literal["auto", "mean", "cls"]
POOLINGS: tuple[Pooling, ...] = ("auto", "mean", "cls")
BATCH = 32
MAX_TOKENS = 512
"""Of one text: what the embedders of this kind were trained on."""

_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
_TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
)
"""Any one of them. Without, transformers would make up a tokenizer that knows no word."""
_STEPS = {"Transformer", "Pooling", "Normalize"}
"""What a folder of sentence-transformers may be made of, by the last part of the class's name."""


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors of length one."""

    @property
    def name(self) -> str:
        """What messages call it."""
        ...

    @property
    def digest(self) -> str:
        """What it is: another where the same text would get another vector."""
        ...

    def embed(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """Return a row of length one for each text, in their order.

        Args:
            texts: At least one.
            query: Whether they are questions to be answered, not passages to be found. Many
                embedders were trained to tell them apart.

        Raises:
            ToolError: It does not work.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    tokenizer: Any
    model: Any
    device: torch.device
    window: int


class HuggingFaceEmbedder:
    """Embeds texts by a Hugging Face encoder.

    What is longer than the encoder can read is cut off: the vector is that of its beginning.

    Args:
        folder: The weights, as `save_pretrained` of the model and of its tokenizer write them, or a
            folder of sentence-transformers.
        pooling: How the vectors of tokens become one: their `mean`, or that of the first one,
            `cls`. `auto` as the folder's `1_Pooling/config.json` says it, and the mean where there
            is none.
        prefix_query: What goes before each query (`query: `). None: what the folder's
            `config_sentence_transformers.json` says, and nothing where there is none.
        prefix_passage: The same for passages.
        max_tokens: Of one text, at most; fewer where the folder's files say so.
        device: `cpu`, `cuda`, `cuda:1`, ...; `auto` takes the GPU where there is one.

    Raises:
        InputError: The folder is none, or an option is wrong. Damaged weights are found on first
            use, and are a `ToolError` then.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        pooling: Pooling = "auto",
        prefix_query: str | None = None,
        prefix_passage: str | None = None,
        max_tokens: int = MAX_TOKENS,
        device: str = "auto",
    ) -> None:
        place = Path(folder).expanduser()
        if not place.is_dir() or not (place / "config.json").is_file():
            raise InputError(
                f"embedder {str(folder)!r} is no folder with a config.json; give one that "
                "`save_pretrained` of a text encoder wrote"
            )
        if pooling not in POOLINGS:
            raise InputError(f"there is no pooling {pooling!r}; give one of {', '.join(POOLINGS)}")
        if max_tokens < 3:
            raise InputError(f"max_tokens is 3 or more, not {max_tokens!r}")
        self.folder = place
        self.pooling: Pooling = pooling
        self.prefix_query = prefix_query
        self.prefix_passage = prefix_passage
        self.max_tokens = max_tokens
        self.device = device
        self._digest = ""
        self._loaded: _Loaded | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy in another process loads for itself: weights do not travel.
        options = {
            "pooling": self.pooling,
            "prefix_query": self.prefix_query,
            "prefix_passage": self.prefix_passage,
            "max_tokens": self.max_tokens,
            "device": self.device,
        }
        return _again, (str(self.folder), tuple(options.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HuggingFaceEmbedder) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash(self.__reduce__()[1])

    def __repr__(self) -> str:
        return f"HuggingFaceEmbedder({str(self.folder)!r})"

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.resolve().name

    @property
    def digest(self) -> str:
        """A digest of weights, tokenizer, pooling, prefixes and length. The first one reads them.

        Raises:
            ToolError: A file is missing or damaged.
            InputError: The folder wants to be read in a way that is not known here.
        """
        if not self._digest:
            files = _check_files(self.folder)
            prefixes = [self._prefix(query=True), self._prefix(query=False)]
            self._digest = digest([files, self._pooling(), *prefixes, self.most_tokens])
        return self._digest

    def embed(self, texts: Sequence[str], *, query: bool = False) -> NDArray[np.float32]:
        """See `Embedder.embed`.

        Raises:
            ToolError: torch or transformers is missing, or the weights cannot be loaded or give
                no numbers.
            InputError: The device is not there, or the folder wants to be read in a way that is
                not known here.
        """
        prefix = self._prefix(query=query)
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self)
            try:
                return self._embed(self._loaded, [prefix + text for text in texts])
            except GadflyError:
                raise
            except Exception as error:
                raise ToolError(f"embedder {self.name} failed: {_reason(error)}") from error

    def _embed(self, loaded: _Loaded, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np
        import torch

        pooling = self._pooling()
        rows: list[NDArray[np.float32] | None] = [None] * len(texts)
        # Like with like: a batch is padded to its longest.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        with torch.inference_mode():
            for first in range(0, len(order), BATCH):
                some = order[first : first + BATCH]
                batch = loaded.tokenizer(
                    [texts[index] for index in some],
                    padding=True,
                    truncation=True,
                    max_length=loaded.window,
                    return_tensors="pt",
                ).to(loaded.device)
                states = loaded.model(**batch).last_hidden_state.float()
                if pooling == "cls":
                    pooled = states[:, 0]
                else:
                    mask = batch["attention_mask"].unsqueeze(-1).float()
                    pooled = (states * mask).sum(1) / mask.sum(1).clamp(min=1.0)
                pooled = torch.nn.functional.normalize(pooled, dim=-1)
                for index, row in zip(some, pooled.cpu().numpy(), strict=True):
                    rows[index] = row
        matrix = np.stack([row for row in rows if row is not None]).astype(np.float32, copy=False)
        if not np.isfinite(matrix).all():
            raise ToolError(f"embedder {self.name} gave no numbers: its weights are damaged")
        return matrix

    def _pooling(self) -> Literal["mean", "cls"]:
        if self.pooling != "auto":
            return self.pooling
        said = _object(self.folder / "1_Pooling" / "config.json")
        kinds = sorted(
            key.removeprefix("pooling_mode_")
            for key, value in said.items()
            if key.startswith("pooling_mode_") and value is True
        )
        if isinstance(said.get("pooling_mode"), str):
            kinds = [str(said["pooling_mode"])]
        if kinds in ([], ["mean"], ["mean_tokens"]):
            return "mean"
        if kinds in (["cls"], ["cls_token"]):
            return "cls"
        raise InputError(
            f"embedder {str(self.folder)!r} wants the pooling {' and '.join(kinds)}, which is not "
            "known here; say pooling='mean' or 'cls', or take another embedder"
        )

    @property
    def most_tokens(self) -> int:
        """What is cut off is what goes beyond so many tokens of a text."""
        said = _object(self.folder / "sentence_bert_config.json").get("max_seq_length")
        return min(self.max_tokens, said) if isinstance(said, int) else self.max_tokens

    def _prefix(self, *, query: bool) -> str:
        given = self.prefix_query if query else self.prefix_passage
        if given is not None:
            return given
        prompts = _object(self.folder / "config_sentence_transformers.json").get("prompts")
        said = cast("dict[str, object]", prompts if isinstance(prompts, dict) else {})
        names = ("query",) if query else ("passage", "document")
        return next((str(said[name]) for name in names if said.get(name)), "")


def _again(folder: str, options: tuple[tuple[str, Any], ...]) -> HuggingFaceEmbedder:
    return HuggingFaceEmbedder(folder, **dict(options))


def _load(embedder: HuggingFaceEmbedder) -> _Loaded:
    folder, name = embedder.folder, f"embedder {embedder.name}"
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ToolError(
            f"{name} needs torch and transformers ({error}): "
            "pip install 'gadfly-search[embeddings]'"
        ) from error
    auto = cast("Any", transformers)
    _ = embedder.digest  # checks the files, so that a missing one is named
    device = _device(embedder.device)
    try:
        auto.utils.logging.disable_progress_bar()
        tokenizer = auto.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        model, report = auto.AutoModel.from_pretrained(
            folder,
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as error:
        raise ToolError(f"{name} does not load: {_reason(error)}") from error
    # transformers would go on with random numbers in their place. A pooler is not used here, and
    # weights that were trained to fill in words come without one.
    missing = [*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])]
    wrong = sorted(key for key in missing if "pooler" not in key)
    if wrong:
        raise ToolError(
            f"{name} does not load: {len(wrong)} tensors are missing or have another shape, "
            f"such as {wrong[0]}; is it a text encoder?"
        )
    return _Loaded(
        tokenizer=tokenizer,
        model=model.to(device).eval(),
        device=device,
        window=_window(tokenizer, model.config, embedder.most_tokens),
    )


def _check_files(folder: Path) -> str:
    """Return a digest of configuration, tokenizer and weights.

    Raises:
        ToolError: A file is missing or damaged.
        InputError: The vectors would need more than an encoder and a pooling.
    """
    _object(folder / "config.json")
    for step in _steps(folder / "modules.json"):
        if step not in _STEPS:
            raise InputError(
                f"embedder {str(folder)!r} has a step {step} after the encoder, which is not known "
                "here; take one that has none"
            )
    weights = sorted({path for pattern in _WEIGHTS for path in folder.glob(pattern)})
    if not weights:
        raise ToolError(f"folder {str(folder)!r} holds no weights (model.safetensors)")
    tokenizers = [folder / name for name in _TOKENIZERS if (folder / name).is_file()]
    if not tokenizers:
        raise ToolError(f"folder {str(folder)!r} holds no tokenizer (tokenizer.json)")
    sum_ = hashlib.sha256()
    try:
        for path in (folder / "config.json", *tokenizers, *weights):
            with path.open("rb") as file:
                sum_.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise ToolError(f"{str(error.filename)!r} cannot be read: {error.strerror}") from error
    return sum_.hexdigest()


def _steps(path: Path) -> list[str]:
    content = _json(path)
    rows = cast("list[object]", content) if isinstance(content, list) else []
    types = [cast("dict[str, object]", row).get("type") for row in rows if isinstance(row, dict)]
    return [str(kind).rpartition(".")[2] for kind in types]


def _object(path: Path) -> Mapping[str, object]:
    """Return the object in a file of a model's folder; an empty one where there is no file."""
    content = _json(path)
    if content is not None and not isinstance(content, dict):
        raise ToolError(f"{str(path)!r} is damaged: it holds no JSON object")
    return cast("Mapping[str, object]", content or {})


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ToolError(f"{str(path)!r} cannot be read: {error!s:.200}") from error


def _device(name: str) -> torch.device:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise InputError(f"there is no device {name!r}; give auto, cpu, cuda or cuda:1") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise InputError(f"device {name!r}: torch finds no such GPU here; give cpu or auto")
    return device


def _window(tokenizer: Any, config: Any, asked: int) -> int:  # noqa: ANN401 - their classes depend on the folder
    # RoBERTa's family keeps the positions up to its padding for itself.
    positions = getattr(config, "max_position_embeddings", None) or asked + 2
    kept = 2 if getattr(config, "pad_token_id", None) == 1 else 0
    return int(min(asked, positions - kept, tokenizer.model_max_length))


def _reason(error: Exception) -> str:
    """What transformers says, without the advice that follows it."""
    text = " ".join(str(error).split())
    if "trust_remote_code" in text:
        return "it needs Python code of its own, and code from a model's folder is never run"
    return f"{type(error).__name__}: {text.partition('. ')[0][:300]}"
