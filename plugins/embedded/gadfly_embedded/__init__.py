"""The embedded model and the word problems that it knows: a demonstration, never a default.

The weights lie in `model/`, an ordinary Hugging Face folder; `embedded:` is another name for
`local:` with that path, so `gadfly-transformers` loads and runs it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gadfly import Benchmark, Critique, Draft, Reference, Register, Task, hookimpl
from gadfly_embedded.word_problems import problems, references

MODEL = Path(__file__).parent / "model"
"""The folder of the weights."""


class WordProblems:
    """Generated word problems from templates that the embedded model has never seen."""

    def tasks(self, n: int, seed: int) -> list[Task]:
        """See `Benchmark.tasks`."""
        return [Task(id=p.id, prompt=p.prompt) for p in problems("unseen", n, seed)]

    def references(self, n: int, seed: int) -> dict[str, Reference]:
        """See `Benchmark.references`."""
        golds = references("unseen", n, seed)
        return {id_: Reference(id_, gold) for id_, gold in golds.items()}

    def is_correct(self, critiques: Mapping[str, Critique], draft: Draft, gold: Reference) -> bool:
        """See `Benchmark.is_correct`: the value that the draft's program had is the gold one."""
        values = [
            evidence.observation.get("value")
            for critique in critiques.values()
            for evidence in critique.evidence
        ]
        return any(_equal(value, gold.gold) for value in values)


def _equal(value: object, gold: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isinstance(gold, int | float) and abs(value - gold) <= 1e-6 * max(1.0, abs(gold))


def _alias(_name: str = "", **_options: object) -> str:
    """The options are for the model that the alias names."""
    return f"local:{MODEL}"


@hookimpl
def register_models(register: Register[object]) -> None:
    """Offer `embedded:`."""
    register("embedded", _alias)


@hookimpl
def register_benchmarks(register: Register[Benchmark]) -> None:
    """Offer `embedded/word-problems`."""
    register("word-problems", WordProblems)
