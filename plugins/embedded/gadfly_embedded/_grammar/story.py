"""A problem while it is told: sentences and program lines grow side by side."""

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gadfly_embedded._grammar import words
from gadfly_embedded._grammar.steps import Dice, Domain, Line, Operand, RetryError, Step

_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.floordiv,
    "//": operator.floordiv,
    "%": operator.mod,
}


@dataclass(frozen=True, slots=True)
class Quantity:
    """How the program refers to a quantity, and what it is."""

    operand: Operand
    value: int


_NONE = Quantity(0, 0)


class Story:
    """A problem that is being told: its sentences, and its program beside them."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.sentences: list[str] = []
        self.lines: list[Line] = []
        self.choices: list[int] = []
        self.numbers: list[int] = []
        self.words = {"h": "", "l": ""}
        self.words |= zip(("p", "q", "o", "k", "third"), dice.some(words.NAMES, 5), strict=True)
        self.words |= zip(("x", "y"), dice.some(words.THINGS, 2), strict=True)
        self.words |= zip(("b", "bb"), dice.some(words.BOXES, 2), strict=True)
        self.words |= zip(("u", "v"), dice.some(words.COLOURS, 2), strict=True)
        self.words |= zip(("t", "ts"), dice.pick(words.PERIODS), strict=True)

    def say(self, wordings: Sequence[str], **fields: str | int) -> None:
        """Add a sentence in one of its wordings."""
        choice = self.dice.between(0, len(wordings) - 1)
        self.choices.append(choice)
        self.numbers.extend(value for value in fields.values() if isinstance(value, int))
        self.sentences.append(wordings[choice].format(**(self.words | fields)))

    def compute(self, name: str, left: Quantity, op: str, right: Quantity) -> Quantity:
        """Add a line of the program.

        Raises:
            RetryError: The result is no positive whole number.
        """
        a, b = left.value, right.value
        if op == "/" and a % b:
            raise RetryError
        value = _OPERATORS[op](a, b)
        if not 1 <= value <= 99_999:
            raise RetryError
        self.lines.append((name, left.operand, op, right.operand))
        return Quantity(name, value)

    def step(self, step: Step, value: int, known: dict[str, Quantity], **fields: str) -> Quantity:
        """Tell a step and return the quantity after it.

        `known` names what the step's lines may refer to beside its own numbers.
        """
        drawn = dict(zip("ac", step.draw(self.dice, value), strict=False))
        times = {f"{key}t": _times(n) for key, n in drawn.items() if n < len(words.WORDS)}
        self.say(step.wordings, **drawn, **times, **fields)
        quantities = known | {key: Quantity(number, number) for key, number in drawn.items()}
        if "@" in quantities and "a" in quantities:
            pair = (quantities["@"], quantities["a"])
            quantities["<"], quantities[">"] = sorted(pair, key=lambda quantity: quantity.value)
        result = quantities.get("@", quantities.get("a", _NONE))
        for name, left, op, right in step.lines:
            one, other = (
                quantities[key] if key in quantities else Quantity(int(key), int(key))
                for key in (left, right)
            )
            result = quantities[name] = self.compute(name, one, op, other)
        return result

    def rename(self, result: Quantity, name: str) -> Quantity:
        """Give the newest line's variable the name of its role; plain numbers stay numbers."""
        if isinstance(result.operand, int):
            return result
        self.lines[-1] = (name, *self.lines[-1][1:])
        return Quantity(name, result.value)

    def track(self, domain: Domain, parts: Sequence[str], target: int, **fields: str) -> Quantity:
        """Tell an opening and the changes after it."""
        quantity = self.step(domain.openers[parts[0]], target, {}, **fields)
        for part in parts[1:]:
            quantity = self.step(domain.changes[part], quantity.value, {"@": quantity}, **fields)
        return quantity


def _times(number: int) -> str:
    return "twice" if number == 2 else f"{words.WORDS[number]} times"
