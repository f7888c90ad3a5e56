"""Any Hugging Face text classifier in a folder of this machine, as a meter.

Two kinds of head are known, and told apart as the weights' own configuration says it: one whose
labels exclude each other (softmax; the score is what the counted labels have together) and one
whose labels stand side by side (sigmoid; the score is that of the highest counted label).

A text is classified sentence by sentence, so that one bad sentence neither drowns in a long text
nor stays unfound, and as a whole, because two harmless sentences can be a threat. What is longer
than the model can read is cut into windows that overlap by a quarter. The score is the highest of
all. Sentences are read twice where they are written in odd characters: as they are, and folded.

Nothing is loaded before the first text, and then once for this meter. No code from the folder is
run, and nothing is fetched.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from gadfly import GadflyError, InputError, ToolError
from gadfly_safety._folding import fold
from gadfly_safety._readings import Passage, Reading
from gadfly_safety._sentences import sentences

if TYPE_CHECKING:
    import torch

Head = Literal["auto", "sigmoid", "softmax"]
HEADS: tuple[Head, ...] = ("auto", "sigmoid", "softmax")
BENIGN = frozenset({
    "benign", "clean", "harmless", "neutral", "no", "none", "nonhate", "nonhateful", "nonoffensive",
    "nontoxic", "normal", "nothate", "nothateful", "notoffensive", "nottoxic", "ok", "okay",
    "safe", "civil", "nonabusive", "notabusive", "acceptable",
})  # fmt: skip
"""Names of labels that say that nothing is wrong, without hyphens, blanks and underscores."""
BATCH = 32
MAX_TOKENS = 512
"""Of one window: what the classifiers of this kind were trained on."""
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
TOKENIZERS = (
    "tokenizer.json",
    "tokenizer.model",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
)
"""Any one of them. Without, transformers would make up a tokenizer that knows no word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    tokenizer: Any
    model: Any
    device: torch.device
    labels: tuple[str, ...]
    counted: tuple[int, ...]
    head: Head
    window: int
    pad: int
    batch: int
    """Rows side by side: one where the model knows no padding."""
    versions: Mapping[str, str]


class ClassifierMeter:
    """Measures a text by a classifier's labels.

    Args:
        folder: The weights, as `save_pretrained` of the model and of its tokenizer write them.
        labels: The labels that count against a text, by name. Without, all but those that are named
            like nothing wrong (`neutral`, `non-toxic`).
        device: `cpu`, `cuda`, `cuda:1`, ...; `auto` takes the GPU where there is one.
        head: How logits become scores; `auto` as the folder's configuration says.

    Raises:
        InputError: The folder is none, or an option is wrong. Damaged weights are found on first
            use, and are a `ToolError` then.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        labels: Sequence[str] | None = None,
        device: str = "auto",
        head: Head = "auto",
    ) -> None:
        place = Path(folder).expanduser()
        if not place.is_dir() or not (place / "config.json").is_file():
            raise InputError(
                f"classifier {str(folder)!r} is no folder with a config.json; give one that "
                "`save_pretrained` of a text classifier wrote"
            )
        if isinstance(labels, str):
            raise InputError(f"labels is a list of names: give [{labels!r}], not {labels!r}")
        if labels is not None and not labels:
            raise InputError("labels is empty: name those that count, or leave it out")
        if head not in HEADS:
            raise InputError(f"there is no head {head!r}; give one of {', '.join(HEADS)}")
        self.folder = place
        self.labels = None if labels is None else tuple(labels)
        self.device = device
        self.head: Head = head
        self._loaded: _Loaded | None = None
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy in another process loads for itself: weights do not travel.
        return _again, (str(self.folder), self.labels, self.device, self.head)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClassifierMeter) and self.__reduce__() == other.__reduce__()

    def __hash__(self) -> int:
        return hash(self.__reduce__()[1])

    def __repr__(self) -> str:
        return f"ClassifierMeter({str(self.folder)!r})"

    @property
    def name(self) -> str:
        """What evidence calls it."""
        return f"classifier {self.folder.resolve().name}"

    @property
    def versions(self) -> Mapping[str, str]:
        """What it runs on: torch, transformers, and a digest of the weights. It loads them."""
        with self._lock:
            return self._load().versions

    def read(self, text: str) -> Reading:
        """Classify a text; see `Meter.read`.

        Raises:
            ToolError: torch or transformers is missing, or the weights cannot be loaded or give
                no numbers.
            InputError: The labels or the device are not there.
        """
        with self._lock:
            loaded = self._load()
            places = list(sentences(text))
            if not places:
                return Reading(score=0.0)
            parts = [text[start:end] for start, end in places]
            whole = text[places[0][0] : places[-1][1]]
            readable = [_readings(part) for part in [*parts, whole]]
            flat = list(dict.fromkeys(form for forms in readable for form in forms))
            scores = dict(zip(flat, self._classify(loaded, flat), strict=True))
            unread = _unread(loaded, whole)
        by_part = [_highest([scores[form] for form in forms]) for forms in readable]
        passages = tuple(
            Passage(start=start, end=end, label=_label(loaded, one), score=_score(loaded, one))
            for (start, end), one in zip(places, by_part, strict=False)
        )
        highest = _highest(by_part)
        return Reading(
            score=max([_score(loaded, by_part[-1]), *(passage.score for passage in passages)]),
            passages=passages,
            unread=unread,
            details={
                "scores": {
                    label: round(score, 4)
                    for label, score in zip(loaded.labels, highest, strict=True)
                },
                "whole_text": _score(loaded, by_part[-1]),
            },
        )

    def _load(self) -> _Loaded:
        if self._loaded is None:
            self._loaded = _load(self)
        return self._loaded

    def _classify(self, loaded: _Loaded, texts: Sequence[str]) -> list[tuple[float, ...]]:
        """Return the scores of all labels for each text, the highest of its windows."""
        import torch

        found: list[tuple[float, ...] | None] = [None] * len(texts)
        # Like with like: a batch is padded to its longest.
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        try:
            with torch.inference_mode():
                for first in range(0, len(order), BATCH):
                    some = order[first : first + BATCH]
                    rows, owners = _rows(loaded, [texts[index] for index in some])
                    for scores, owner in zip(_scores(loaded, rows), owners, strict=True):
                        index = some[owner]
                        before = found[index]
                        found[index] = scores if before is None else _highest([before, scores])
        except GadflyError:
            raise
        except Exception as error:
            raise ToolError(f"{self.name} failed: {_reason(error)}") from error
        return [scores for scores in found if scores is not None]


def _again(folder: str, labels: tuple[str, ...] | None, device: str, head: Head) -> ClassifierMeter:
    return ClassifierMeter(folder, labels=labels, device=device, head=head)


def _readings(part: str) -> list[str]:
    """The part as it is and, where it is not plain ASCII, without odd widths and hidden letters."""
    plain = fold(part, lookalikes=False).text
    return [part] if plain == part else [part, plain]


def _highest(rows: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(max(column) for column in zip(*rows, strict=True))


def _score(loaded: _Loaded, scores: tuple[float, ...]) -> float:
    counted = [scores[index] for index in loaded.counted]
    # Rounded, so that padding and batching cannot show in the last bits.
    return round(min(1.0, sum(counted) if loaded.head == "softmax" else max(counted)), 4)


def _label(loaded: _Loaded, scores: tuple[float, ...]) -> str:
    return loaded.labels[max(loaded.counted, key=lambda index: scores[index])]


def _rows(loaded: _Loaded, texts: Sequence[str]) -> tuple[list[list[int]], list[int]]:
    """The texts as rows of tokens that the model can read whole, and the text of each row."""
    batch = loaded.tokenizer(
        list(texts),
        truncation=True,
        max_length=loaded.window,
        stride=loaded.window // 4,
        return_overflowing_tokens=True,
        return_attention_mask=False,
    )
    return list(batch["input_ids"]), list(batch["overflow_to_sample_mapping"])


def _unread(loaded: _Loaded, text: str) -> float:
    """The share of a text's tokens that the model has no word for."""
    unknown = loaded.tokenizer.unk_token_id
    ids = cast("list[int]", loaded.tokenizer(text, add_special_tokens=False)["input_ids"])
    return 0.0 if unknown is None or not ids else ids.count(unknown) / len(ids)


def _scores(loaded: _Loaded, rows: Sequence[Sequence[int]]) -> Iterator[tuple[float, ...]]:
    import torch

    for first in range(0, len(rows), loaded.batch):
        some = rows[first : first + loaded.batch]
        longest = max(len(row) for row in some)
        ids = torch.tensor([[*row, *[loaded.pad] * (longest - len(row))] for row in some])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in some])
        output = loaded.model(
            input_ids=ids.to(loaded.device), attention_mask=mask.to(loaded.device)
        )
        logits = output.logits.float().cpu()
        if not bool(torch.isfinite(logits).all()):
            raise ToolError("the classifier gave no numbers: its weights are damaged")
        shares = logits.softmax(-1) if loaded.head == "softmax" else logits.sigmoid()
        for row in cast("list[list[float]]", shares.tolist()):
            yield tuple(row)


def _load(meter: ClassifierMeter) -> _Loaded:
    folder = meter.folder
    try:
        import torch
        import transformers
    except ImportError as error:
        raise ToolError(
            f"{meter.name} needs torch and transformers ({error}): "
            "pip install 'gadfly-safety[classifier]'"
        ) from error
    auto = cast("Any", transformers)
    digest = _check_files(folder)
    device = _device(meter.device)
    try:
        auto.utils.logging.disable_progress_bar()
        tokenizer = auto.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False
        )
        model, report = auto.AutoModelForSequenceClassification.from_pretrained(
            folder,
            dtype=torch.float32,
            local_files_only=True,
            trust_remote_code=False,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except Exception as error:
        raise ToolError(f"{meter.name} does not load: {_reason(error)}") from error
    # transformers would go on with random numbers in their place.
    wrong = sorted([*report["missing_keys"], *(key for key, *_ in report["mismatched_keys"])])
    if wrong:
        raise ToolError(
            f"{meter.name} does not load: {len(wrong)} tensors are missing or have another shape, "
            f"such as {wrong[0]}; is it a text classifier?"
        )
    if not tokenizer.is_fast:
        raise ToolError(f"{meter.name} has no fast tokenizer (tokenizer.json), which is needed")
    names = cast("dict[int, str]", model.config.id2label)
    labels = tuple(str(names[index]) for index in sorted(names))
    head = _head(meter.head, model.config, len(labels))
    pad = getattr(model.config, "pad_token_id", None)
    return _Loaded(
        tokenizer=tokenizer,
        model=model.to(device).eval(),
        device=device,
        labels=labels,
        counted=_counted(meter, labels, head),
        head=head,
        window=_window(tokenizer, model.config),
        pad=pad or 0,
        batch=1 if pad is None else BATCH,
        versions={
            "torch": str(torch.__version__),
            "transformers": str(auto.__version__),
            "weights": digest,
        },
    )


def _check_files(folder: Path) -> str:
    """Return a digest of configuration and weights.

    Raises:
        ToolError: A file is missing or damaged.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ToolError(f"{str(folder / 'config.json')!r} is damaged: it holds no JSON object")
    except (OSError, ValueError) as error:
        raise ToolError(f"{str(folder / 'config.json')!r} cannot be read: {error}") from error
    weights = sorted(path for name in WEIGHTS for path in folder.glob(f"{Path(name).stem}*"))
    weights = [path for path in weights if path.suffix in {".safetensors", ".bin"}]
    if not weights:
        raise ToolError(f"folder {str(folder)!r} holds no weights ({' or '.join(WEIGHTS)})")
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise ToolError(f"folder {str(folder)!r} holds no tokenizer (tokenizer.json)")
    sum_ = hashlib.sha256()
    for path in (folder / "config.json", *weights):
        with path.open("rb") as file:
            sum_.update(hashlib.file_digest(file, "sha256").digest())
    return sum_.hexdigest()


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


def _head(asked: Head, config: Any, labels: int) -> Head:  # noqa: ANN401 - its class depends on the folder
    """The head that the folder has; transformers' own pipelines tell them apart in this way."""
    if asked != "auto":
        return asked
    kind = getattr(config, "problem_type", None)
    return "sigmoid" if kind == "multi_label_classification" or labels == 1 else "softmax"


def _counted(meter: ClassifierMeter, labels: Sequence[str], head: Head) -> tuple[int, ...]:
    if meter.labels is not None:
        known = {label.casefold(): index for index, label in enumerate(labels)}
        unknown = [name for name in meter.labels if name.casefold() not in known]
        if unknown:
            raise InputError(
                f"{meter.name} has no label {unknown[0]!r}; it has {', '.join(labels)}"
            )
        counted = tuple(known[name.casefold()] for name in dict.fromkeys(meter.labels))
    else:
        counted = tuple(index for index, label in enumerate(labels) if _bare(label) not in BENIGN)
    says_nothing = meter.labels is None and all(_bare(label)[:5] == "label" for label in labels)
    if not counted or (says_nothing and len(labels) > 1):
        raise InputError(
            f"which labels of {meter.name} count? It has {', '.join(labels)}: name them (labels)"
        )
    if head == "softmax" and len(counted) == len(labels):
        raise InputError(
            f"all labels of {meter.name} would count, and one of them always holds: "
            f"name fewer of {', '.join(labels)} (labels)"
        )
    return counted


def _bare(label: str) -> str:
    return "".join(character for character in label.casefold() if character.isalnum())


def _window(tokenizer: Any, config: Any) -> int:  # noqa: ANN401 - their classes depend on the folder
    # Two less than there are positions: RoBERTa's family keeps the first two for itself.
    positions = (getattr(config, "max_position_embeddings", None) or MAX_TOKENS + 2) - 2
    return int(min(positions, tokenizer.model_max_length, MAX_TOKENS))


def _reason(error: Exception) -> str:
    """What transformers says, without the advice that follows it."""
    text = " ".join(str(error).split())
    if "trust_remote_code" in text:
        return "it needs Python code of its own, and code from a model's folder is never run"
    return f"{type(error).__name__}: {text.partition('. ')[0][:300]}"
