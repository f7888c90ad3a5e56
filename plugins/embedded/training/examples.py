"""What is learned: conversations whose last reply is a gold program.

Phase 1 is drafts. Phase 2 is on-policy: drafts come from the model as it is now (three in four
sampled, one in four greedy), are really checked, and become examples of all three conditions:

- *drafts*, half of the tokens;
- *self-critique*: the model's drafts in their own proportion of right and wrong, and its own
  refinements of those, with the request to check without tools;
- *tools*: the model's drafts that critics object to, refinements of those that are still wrong,
  and, to make the numbers equal, damaged gold programs, with what the critics found.

The no-tool condition is trained as often as the one with tools: it is a control, not a straw man.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gadfly_embedded.word_problems import Problem, problems, solutions
from training.conversation import Message, ask, ask_again, reply_with
from training.critics import findings
from training.writer import Writer


@dataclass(frozen=True, slots=True)
class Example:
    """A conversation and the reply to learn."""

    messages: list[Message]
    reply: str


def drafts(seed: int, size: int) -> Iterator[list[Example]]:
    """Yield chunks of first drafts for ever, no problem twice."""
    while True:
        yield [Example(ask(problem.prompt), gold) for problem, gold in _solved(seed, size)]
        seed += 1


def mixture(writer: Writer, seed: int, size: int) -> Iterator[list[Example]]:
    """Yield chunks of drafts, self-critique and tool-critique for ever, on-policy.

    A refinement is about twice as long as a draft and there are `2 * size` of them, so
    `4 * size` drafts are half of the tokens.
    """
    dice = random.Random(seed)
    first_drafts = drafts(seed + 500_000, 4 * size)
    second_round = size // 5
    while True:
        seed += 1
        asked = _solved(seed, size)
        cut = len(asked) * 3 // 4
        written = writer.write([ask(p.prompt) for p, _ in asked[:cut]], temperature=1.0)
        written += writer.write([ask(p.prompt) for p, _ in asked[cut:]], temperature=0.0)
        alone = [(p, gold, draft) for (p, gold), draft in zip(asked, written, strict=True)]
        helped = [case for case in alone if findings(case[0].prompt, case[2])]
        alone += _second_round(writer, dice.sample(alone, second_round), tools=False)
        helped += _second_round(writer, helped[:second_round], tools=True)
        for problem, gold in _solved(seed + 250_000, 2 * size):
            damaged = reply_with(damage(gold, dice))
            if len(helped) < len(alone) and findings(problem.prompt, damaged):
                helped.append((problem, gold, damaged))
        yield [
            *next(first_drafts),
            *(Example(ask_again(p.prompt, draft, None), gold) for p, gold, draft in alone),
            *(
                Example(ask_again(p.prompt, draft, findings(p.prompt, draft)), gold)
                for p, gold, draft in helped
            ),
        ]


def texts(seed: int) -> Iterator[str]:
    """Yield what is said in some conversations, for the tokenizer; damaged gold is their draft."""
    dice = random.Random(seed)
    for problem, gold in _solved(seed, 2048):
        damaged = reply_with(damage(gold, dice))
        for found in (findings(problem.prompt, damaged), None):
            for message in ask_again(problem.prompt, damaged, found):
                yield message["content"]


def damage(reply: str, dice: random.Random) -> str:
    """Return a gold reply's program with one mistake of the kind a small model makes."""
    lines = [line.split() for line in reply.split("\n")[1:-1]]
    at = dice.randrange(len(lines))
    line = lines[at]
    swappable = [other for other in lines if other[3] in "-/"]
    match dice.choice(("swap", "swap", "operator", "drop", "number", "operands")):
        case "swap" if swappable:
            line = dice.choice(swappable)
            line[2], line[4] = line[4], line[2]
        case "operator":
            line[3] = dice.choice([op for op in "+-*/" if op != line[3]])
        case "drop" if len(lines) > 1:
            del lines[at]
            lines[-1][0] = "answer"
        case "number":
            side = dice.choice((2, 4))
            line[side] = re.sub(r"\d", lambda _: str(dice.randrange(10)), line[side], count=1)
        case _:
            other = dice.choice(lines)
            line[2], other[4] = other[4], line[2]
    return "\n".join(" ".join(line) for line in lines)


def _solved(seed: int, size: int) -> list[tuple[Problem, str]]:
    gold = solutions("train", size, seed)
    return [(problem, reply_with(gold[problem.id])) for problem in problems("train", size, seed)]


def _second_round(
    writer: Writer, cases: list[tuple[Problem, str, str]], *, tools: bool
) -> list[tuple[Problem, str, str]]:
    """Return the cases with the model's refinement as the draft; with tools only the wrong ones."""
    asked = [
        ask_again(p.prompt, draft, findings(p.prompt, draft) if tools else None)
        for p, _, draft in cases
    ]
    refined = writer.write(asked, temperature=1.0)
    again = [(p, gold, draft) for (p, gold, _), draft in zip(cases, refined, strict=True)]
    return [case for case in again if not tools or findings(case[0].prompt, case[2])]
