"""How each family of problems is told."""

from collections.abc import Callable, Sequence

from gadfly_embedded._grammar import words
from gadfly_embedded._grammar.steps import RetryError
from gadfly_embedded._grammar.story import Quantity, Story
from gadfly_embedded._grammar.templates import DOMAINS
from gadfly_embedded._grammar.things import THINGS


def _tell_one(story: Story, parts: Sequence[str]) -> Quantity:
    domain = DOMAINS[parts[0]]
    if parts[0] == "money":
        story.words["p"] = story.dice.pick(words.SHOPS)
    quantity = story.track(domain, parts[2:-1], story.dice.between(24, 320))
    return story.step((domain.one | domain.one_hard)[parts[-1]], quantity.value, {"@": quantity})


def _tell_two(story: Story, parts: Sequence[str]) -> Quantity:
    domain = DOMAINS[parts[0]]
    if parts[0] == "money":
        story.words["p"], story.words["q"] = story.dice.some(words.SHOPS, 2)
    split = next(i for i in range(3, len(parts)) if parts[i] in domain.openers)
    first = story.track(domain, parts[2:split], story.dice.between(24, 320))
    first = story.rename(first, "first")
    # The second track is told with its own owner, bystander and size of container.
    owner = {"p": story.words["q"], "o": story.words["third"]}
    second = story.track(domain, parts[split:-1], story.dice.near(first.value), **owner)
    second = story.rename(second, "second")
    if first.value == second.value:
        raise RetryError
    low, high = sorted((first, second), key=lambda quantity: quantity.value)
    owners = [story.words["p"], story.words["q"]]
    story.words["h"], story.words["l"] = owners if high is first else owners[::-1]
    question = (domain.two | domain.two_hard)[parts[-1]]
    adds = question.lines[0][2] == "+"
    value = first.value + second.value if adds else high.value - low.value
    return story.step(question, value, {"first": first, "second": second, ">": high, "<": low})


def _tell_match(story: Story, parts: Sequence[str]) -> Quantity:
    dice = story.dice
    d, e = dice.some(words.DIVISORS, 2)
    first = story.step(THINGS.openers["have"], d * dice.between(4, 30), {})
    second = story.rename(_other_kind(story, parts[-1], e * dice.between(4, 30)), "stock")
    # One way to pair the divisors with the amounts is whole; the other must not be.
    if second.value % e or second.value < 2 * e or not (first.value % e or second.value % d):
        raise RetryError
    in_order = dice.between(0, 1)
    story.say(words.SPECIAL[parts[1]], d=d if in_order else e, e=e if in_order else d)
    left = story.compute("first", first, "/", Quantity(d, d))
    right = story.compute("second", second, "/", Quantity(e, e))
    return story.compute("sum", left, "+", right)


def _tell_odd(story: Story, parts: Sequence[str]) -> Quantity:
    dice = story.dice
    d = dice.pick(words.DIVISORS)
    first = story.step(THINGS.openers["have"], dice.between(24, 320), {})
    second = story.rename(_other_kind(story, parts[-1], dice.near(first.value)), "stock")
    if (first.value % d == 0) == (second.value % d == 0):
        raise RetryError
    story.say(words.SPECIAL[parts[1]], d=d)
    shared, kept = (second, first) if first.value % d else (first, second)
    each = story.compute("each", shared, "/", Quantity(d, d))
    return story.compute("sum", each, "+", kept)


def _tell_order(story: Story, parts: Sequence[str]) -> Quantity:
    dice = story.dice
    start = story.step(THINGS.openers[parts[-1]], dice.between(40, 400), {})
    d = dice.pick(words.DIVISORS)
    e = dice.between(2, max(3, start.value // d))
    op = "-" if parts[1] == "order_lose" else "+"
    changed = start.value - e if op == "-" else start.value + e
    if (start.value % d == 0) == (changed % d == 0):
        raise RetryError
    story.say(words.SPECIAL[parts[1]], d=d, e=e)
    divisor, change = Quantity(d, d), Quantity(e, e)
    if start.value % d:
        return story.compute("part", story.compute("left", start, op, change), "/", divisor)
    return story.compute("left", story.compute("part", start, "/", divisor), op, change)


def _tell_outweigh(story: Story, parts: Sequence[str]) -> Quantity:
    dice = story.dice
    middle = dice.between(40, 240)
    small = dice.between(12, 12 + middle // 3)
    targets = dice.some((small, middle, middle + small + dice.between(2, 30)), 3)
    openers = dice.some(("have", *parts[2:]), 3)
    amounts = [
        story.rename(
            story.step(THINGS.openers[opener], target, {}, p=story.words[owner], o=bystander), role
        )
        for opener, target, owner, role, bystander in zip(
            openers,
            targets,
            ("p", "q", "third"),
            ("first", "second", "third"),
            dice.some(words.BYSTANDERS, 3),
            strict=True,
        )
    ]
    most = max(amounts, key=lambda quantity: quantity.value)
    one, other = (amount for amount in amounts if amount is not most)
    story.say(words.SPECIAL[parts[1]])
    return story.compute("sum", most, "-", story.compute("others", one, "+", other))


def _other_kind(story: Story, opener: str, target: int) -> Quantity:
    return story.step(THINGS.openers[opener], target, {}, x=story.words["y"])


TELLERS: dict[str, Callable[[Story, Sequence[str]], Quantity]] = {
    "one": _tell_one,
    "one_hard": _tell_one,
    "two": _tell_two,
    "two_hard": _tell_two,
    "match": _tell_match,
    "odd": _tell_odd,
    "order": _tell_order,
    "outweigh": _tell_outweigh,
}
