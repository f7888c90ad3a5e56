"""Train and judge the embedded model: `python -m training.train` in `plugins/embedded`.

The problems are checked, then come tokenizer, phase 1 (drafts), phase 2 (on-policy mixture) and
the evaluation of the *saved* folder. The budget is wall-clock minutes, because a laptop's speed is
not known before, and the learning rate follows the share of the budget that is spent. A rerun is
thus the same recipe, not the same bits. `--smoke` is the same path in about a minute, and writes
to a temporary folder.
"""

import argparse
import json
import logging
import tempfile
import time
from pathlib import Path

import torch

from gadfly_embedded.word_problems import Split, problems, references, solutions, templates
from training.conversation import reply_with
from training.critics import answer_of, findings
from training.examples import drafts, mixture
from training.judge import MODEL, greedy_right, judge
from training.model import save
from training.trainer import BATCH_TOKENS, PEAK_RATE, Trainer
from training.writer import Writer

log = logging.getLogger(__name__)

_DRAFT_SHARE = 0.4
"""The share of the budget for phase 1."""
_SPLITS: tuple[Split, ...] = ("train", "wordings", "unseen")


def main() -> None:
    """Check the problems, train, save, reload, evaluate, and write the figures."""
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    if options.smoke:
        folder = Path(tempfile.mkdtemp(prefix="gadfly-embedded-"))
        minutes, count, chunk = 0.5, 24, 16
    else:
        folder, minutes, count, chunk = options.model, options.minutes, options.problems, 512
    metrics = folder / "metrics.json" if options.smoke else options.metrics

    check_problems(count)
    trainer = Trainer(seconds=60 * minutes, seed=options.seed, folder=folder)
    writer = Writer(trainer.model, trainer.tokenizer)
    cpu = time.process_time()
    trainer.train(drafts(options.seed + 1_000_000, 4 * chunk), until=_DRAFT_SHARE)
    trainer.train(mixture(writer, options.seed + 2_000_000, chunk), until=1)
    cpu = time.process_time() - cpu
    save(trainer.model, trainer.tokenizer, folder)
    figures = {
        "recipe": {
            "minutes": minutes,
            "cpu_seconds": round(cpu),
            "steps": trainer.steps,
            "tokens": trainer.tokens,
            "seed": options.seed,
            "parameters": trainer.model.num_parameters(),
            "peak_learning_rate": PEAK_RATE,
            "batch_tokens": BATCH_TOKENS,
            "share_of_phase_1": _DRAFT_SHARE,
        },
        "templates": {"known": len(templates("train")), "held_out": len(templates("unseen"))},
        # To compare with the greedy drafts of the saved folder, whose weights are rounded.
        "greedy_right_before_rounding": greedy_right(writer, count),
        **judge(folder, count),
    }
    metrics.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    log.info("wrote %s and %s", folder, metrics)


def check_problems(count: int) -> None:
    """Make sure that gold is right and that no critic objects to it.

    Raises:
        ValueError: A problem is not what the module's docstring promises.
    """
    for split in _SPLITS:
        gold, programs = references(split, count), solutions(split, count)
        for problem in problems(split, count):
            reply = reply_with(programs[problem.id])
            if findings(problem.prompt, reply) or answer_of(reply) != gold[problem.id]:
                raise ValueError(f"{problem.id} is ill-posed: {problem.prompt}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=57, help="wall-clock minutes of training")
    parser.add_argument("--problems", type=int, default=1000, help="problems per evaluated split")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="about a minute, nothing is kept")
    parser.add_argument("--model", type=Path, default=MODEL)
    parser.add_argument("--metrics", type=Path, default=Path(__file__).parent / "metrics.json")
    return parser.parse_args()


if __name__ == "__main__":
    main()
