"""Word problems for the embedded model, written by a grammar.

A problem is a *composition*: one or two tracks (an opening step, then steps that change the
quantity) and a question. Each step has several wordings and one to two program lines, so a
few dozen steps give thousands of templates. Numbers are drawn towards a target, so that two
tracks come out close to each other.

More than half of the problems ask for something that only *execution* tells a tiny model:

- the order of a difference ("by how many do they differ?", products close to each other),
- which of two offers is the dearer one, whether a goal was missed or beaten,
- which number divides which amount without a rest,
- in which order two changes leave whole numbers,
- which of three amounts exceeds the other two together.

What holds for every problem, and is checked before each training: the answer is a positive whole
number, the program has one to four lines of one operation each, every digit number of the prompt
stands in the program, and no critic objects to it.

**Splits.** A template is held out as a whole, by a hash over its *unordered* steps, so no
permutation of a held-out composition is trained on. Combinations of wordings and tuples of
numbers are held out the same way.

========== ========= ================ =========
split      templates wordings         numbers
========== ========= ================ =========
train      known     known            known
wordings   known     held out         held out
unseen     held out  held out         held out
========== ========= ================ =========

**Firewall.** A `Problem` is what a solver may see. Answers and programs come from `references`
and `solutions`, keyed by id.

**Stability.** Only `random.Random(str).random()` is used, whose sequence Python guarantees, and
problem *i* does not depend on how many are drawn.
"""

from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from gadfly_embedded._grammar.families import TELLERS
from gadfly_embedded._grammar.steps import Dice, RetryError
from gadfly_embedded._grammar.story import Story
from gadfly_embedded._grammar.templates import WEIGHTS, is_held_out, templates_by_size

Split = Literal["train", "wordings", "unseen"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A question without its answer."""

    id: str
    """Split, seed and index: enough to draw the problem again."""
    prompt: str
    """The question as a person would read it."""
    template: str
    """The composition of steps that it was made from."""


def problems(split: Split, n: int, seed: int = 0) -> list[Problem]:
    """Draw `n` problems; the same arguments always give the same problems."""
    return [_draw(split, seed, index).problem for index in range(n)]


def references(split: Split, n: int, seed: int = 0) -> dict[str, int | float]:
    """Return the answers to `problems(split, n, seed)` by id: for graders only."""
    return {s.problem.id: s.answer for s in (_draw(split, seed, i) for i in range(n))}


def solutions(split: Split, n: int, seed: int = 0) -> dict[str, str]:
    """Return the programs for `problems(split, n, seed)` by id: for training only."""
    return {s.problem.id: s.program for s in (_draw(split, seed, i) for i in range(n))}


def templates(split: Split) -> list[str]:
    """Return the names of all templates that a split draws from."""
    return [
        name
        for sizes in templates_by_size(held_out=split == "unseen").values()
        for names in sizes
        for name in names
    ]


@dataclass(frozen=True, slots=True)
class _Solved:
    problem: Problem
    program: str
    answer: int


def _draw(split: Split, seed: int, index: int) -> _Solved:
    dice = Dice(f"{split}/{seed}/{index}")
    family = _family(dice.between(1, sum(WEIGHTS.values())))
    sizes = templates_by_size(held_out=split == "unseen")[family]
    fresh = split != "train"
    while True:
        template = dice.pick(dice.pick(sizes))
        story = Story(dice)
        try:
            answer = TELLERS[family](story, template.split("/"))
        except RetryError:
            continue
        fresh_words = is_held_out("words", [template, *story.choices])
        if fresh_words == is_held_out("numbers", story.numbers) == fresh:
            break
    story.rename(answer, "answer")
    program = "\n".join(" ".join(map(str, (name, "=", *rest))) for name, *rest in story.lines)
    problem = Problem(f"{split}-{seed}-{index}", " ".join(story.sentences), template)
    return _Solved(problem, program, answer.value)


def _family(roll: int) -> str:
    bounds = accumulate(WEIGHTS.values())
    return next(family for family, bound in zip(WEIGHTS, bounds, strict=True) if roll <= bound)
