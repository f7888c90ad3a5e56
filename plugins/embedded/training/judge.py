"""Judge a model folder: `python -m training.judge` in `plugins/embedded` repeats the figures.

The folder is loaded as anybody would load it, and asked the same problems at two temperatures.
"""

import argparse
import json
import logging
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import cast

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from gadfly_embedded.word_problems import Split, problems, references
from training.conversation import ask
from training.critics import answer_of
from training.evaluate import Figures, evaluate
from training.writer import Writer

log = logging.getLogger(__name__)

MODEL = Path(__file__).parent.parent / "gadfly_embedded" / "model"

_SEED = 77
_WORKERS = 2
_SPLITS: tuple[Split, ...] = ("unseen", "wordings")
_TEMPERATURES = {"sampled": 1.0, "greedy": 0.0}


def judge(folder: Path, count: int) -> dict[str, object]:
    """Return every arm's figures on both held-out splits, and how long a call takes."""
    speed = _speed(_load(folder))
    settings: list[tuple[Split, str]] = [
        (split, name) for split in _SPLITS for name in _TEMPERATURES
    ]
    results: dict[str, dict[str, dict[str, Figures]]] = {split: {} for split in _SPLITS}
    # Spawned, not forked: torch's threads do not survive a fork.
    with ProcessPoolExecutor(_WORKERS, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_judge_setting, folder, count, *setting) for setting in settings]
        for (split, name), job in zip(settings, jobs, strict=True):
            results[split][name] = job.result()
            for arm, figures in results[split][name].items():
                told = (split, name, arm, figures["percent"], figures["interval"])
                log.info("%s %s %s: %s %s", *told)
    return {
        "results": results,
        "seconds_per_call": speed,
        "folder_bytes": sum(path.stat().st_size for path in folder.iterdir()),
    }


def _judge_setting(folder: Path, count: int, split: Split, name: str) -> dict[str, Figures]:
    torch.set_num_threads(1)
    writer = _load(folder)
    torch.manual_seed(_SEED)
    return evaluate(writer, split, count, seed=_SEED, temperature=_TEMPERATURES[name])


def _load(folder: Path) -> Writer:
    tokenizer = cast(PreTrainedTokenizerFast, AutoTokenizer.from_pretrained(folder))
    model = cast(LlamaForCausalLM, AutoModelForCausalLM.from_pretrained(folder))
    return Writer(model, tokenizer)


def greedy_right(writer: Writer, count: int) -> int:
    """Return how many greedy drafts are right on the problems that `judge` asks of `unseen`."""
    gold = references("unseen", count, _SEED)
    asked = problems("unseen", count, _SEED)
    written = writer.write([ask(p.prompt) for p in asked], temperature=0.0)
    return sum(answer_of(draft) == gold[p.id] for p, draft in zip(asked, written, strict=True))


def _speed(writer: Writer) -> dict[str, float]:
    asked = [ask(problem.prompt) for problem in problems("unseen", 128, _SEED + 1)]
    began = time.perf_counter()
    for conversation in asked[:16]:
        writer.write([conversation], temperature=1.0)
    single = (time.perf_counter() - began) / 16
    began = time.perf_counter()
    writer.write(asked, temperature=1.0)
    batched = (time.perf_counter() - began) / len(asked)
    return {"batch_1": round(single, 4), "batch_128": round(batched, 4)}


def main() -> None:
    """Judge a folder and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--problems", type=int, default=1000, help="problems per split")
    parser.add_argument("--figures", type=Path, required=True, help="the JSON file to write")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    figures = judge(options.model, options.problems)
    options.figures.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
