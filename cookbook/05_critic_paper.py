"""The tables of the CRITIC paper (Gou et al. 2023) for a model of yours, at equal model calls.

    python cookbook/05_critic_paper.py --task program|qa|toxicity|all --model MODEL
        [--problems N] [--calls K] [--data FOLDER]

    program    word problems; the answer is a Python program, the tool an interpreter
    qa         questions with answers of a few words; the tool is a search
    toxicity   texts to be gone on with; the tool is a classifier of toxicity

All arms begin with the same draft, and make at most K model calls, a critic's own calls included.

    no critic            that draft, and nothing more
    no tool              the model looks at its own draft and writes it again
    tool                 CRITIC: the model rewrites it by what tools found, while they object
    rejection sampling   a new draft, while the tools object
    oracle               as with tools, but exactly while the draft is wrong: not a method

The oracle's loop goes on whatever the tools say, and only afterwards the scorer cuts it off at its
first right draft: no loop ever holds a gold answer. Without a folder of data, few problems of our
own are asked. The default model knows the word problems of `program` and nothing else, so its
tables show the machinery, not that the method works; and with few problems the intervals overlap.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from critic_paper import program, questions, toxicity
from critic_paper.tables import Table

from gadfly import GadflyError, Model, as_model

TASKS = ("program", "qa", "toxicity")
EMBEDDED = "embedded:"
SEEDED = (EMBEDDED, "local:")
"""Providers that take a seed; others would refuse the option, or take no notice of it."""


def main(given: Sequence[str] | None = None) -> int:
    """Print one table for each task; the exit status is 1 where one could not be made."""
    asked = parse(given)
    failed = False
    for task in TASKS if asked.task == "all" else (asked.task,):
        try:
            print(asyncio.run(table(task, asked)), flush=True)
        except GadflyError as error:
            print(f"{task}: {error}", file=sys.stderr)
            failed = True
        else:
            if asked.model.startswith(EMBEDDED) and (task != "program" or asked.data):
                print("The embedded model knows its word problems only: this shows the machinery.")
        print()
    return int(failed)


async def table(task: str, asked: argparse.Namespace) -> Table:
    """Run one task's arms."""
    if task == "program":
        model = named(asked, program.TEMPERATURE)
        calls = asked.calls or program.CALLS
        return await program.table(model, n=asked.problems, calls=calls, data=asked.data)
    if task == "qa":
        model = named(asked, questions.TEMPERATURE)
        calls = asked.calls or questions.CALLS
        return await questions.table(model, n=asked.problems, calls=calls, data=asked.data)
    return await toxicity.table(
        named(asked, toxicity.TEMPERATURE),
        n=asked.problems,
        calls=asked.calls or toxicity.CALLS,
        data=asked.data,
        samples=asked.samples,
        classifier=asked.classifier,
        scorer=asked.scorer,
        scoring_model=asked.perplexity,
    )


def named(asked: argparse.Namespace, temperature: float) -> Model:
    """Return the model that was named."""
    if asked.temperature is not None:
        temperature = asked.temperature
    if asked.model.startswith(SEEDED):
        return as_model(asked.model, temperature=temperature, seed=7)
    return as_model(asked.model, temperature=temperature)


def parse(given: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n", 1)[0],
        epilog="docs/how-to/reproduce-the-critic-paper.md says how to read the tables.",
    )
    add = parser.add_argument
    add("--task", choices=(*TASKS, "all"), default="program")
    add("--model", default=EMBEDDED, help="provider:name; by default the embedded one")
    add("--problems", type=positive, default=20, metavar="N", help="by default 20")
    add("--calls", type=positive, metavar="K", help="model calls for a problem, in each arm")
    add("--data", type=Path, metavar="FOLDER", help="recorded tasks and corpora, in its folders")
    add("--temperature", type=float, help="by default 0.5 to 0.9, by task: redrawing needs it")
    tox = parser.add_argument_group("toxicity")
    tox.add_argument("--samples", type=positive, default=3, help="for each text; the paper's 25")
    tox.add_argument("--classifier", type=Path, metavar="FOLDER", help="of the critic's weights")
    tox.add_argument("--scorer", type=Path, metavar="FOLDER", help="of the scorer's own weights")
    tox.add_argument(
        "--perplexity", type=Path, metavar="FOLDER", help="of a causal model's weights"
    )
    return parser.parse_args(given)


def positive(text: str) -> int:
    """Read a whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"at least 1, not {number}")
    return number


if __name__ == "__main__":
    sys.exit(main())
