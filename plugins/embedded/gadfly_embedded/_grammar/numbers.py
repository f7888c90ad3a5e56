"""How a step's numbers are drawn: openings towards a target, the rest from the quantity so far.

What cannot be drawn raises `RetryError`, and the whole problem is drawn again.
"""

from gadfly_embedded._grammar.steps import Dice, RetryError


def nothing(_dice: Dice, _value: int) -> tuple[int, ...]:
    return ()


def exactly(_dice: Dice, target: int) -> tuple[int, ...]:
    return (target,)


def factors(dice: Dice, target: int) -> tuple[int, ...]:
    count = dice.between(3, min(29, max(3, target // 3)))
    return count, max(2, round(target / count))


def terms(dice: Dice, target: int) -> tuple[int, ...]:
    part = dice.between(max(2, target // 5), max(3, target * 4 // 5))
    return part, max(2, target - part)


def difference(dice: Dice, target: int) -> tuple[int, ...]:
    less = dice.between(3, max(4, target // 2))
    return target + less, less


def word_factor(dice: Dice, target: int) -> tuple[int, ...]:
    times = dice.between(2, 7)
    return max(3, round(target / times)), times


def quotient(dice: Dice, target: int) -> tuple[int, ...]:
    parts = dice.between(3, 9)
    return target * parts, parts


def twice(_dice: Dice, target: int) -> tuple[int, ...]:
    return (2 * target,)


def percent(dice: Dice, target: int) -> tuple[int, ...]:
    share, unit = dice.pick(
        ((20, 5), (25, 4), (40, 5), (60, 5), (75, 4), (80, 5), (10, 10), (30, 10))
    )
    return max(1, round(target * 100 / share / unit)) * unit, share


def dozens(_dice: Dice, target: int) -> tuple[int, ...]:
    return (max(2, round(target / 12)),)


def some_more(dice: Dice, value: int) -> tuple[int, ...]:
    return (dice.between(3, max(6, value // 2)),)


def some_less(dice: Dice, value: int) -> tuple[int, ...]:
    return (dice.between(2, max(2, value * 2 // 3)),)


def groups_more(dice: Dice, value: int) -> tuple[int, ...]:
    return factors(dice, dice.between(12, max(15, value // 2)))


def groups_less(dice: Dice, value: int) -> tuple[int, ...]:
    count = dice.between(2, 9)
    return count, dice.between(2, value * 2 // 3 // count)


def small_factor(dice: Dice, _value: int) -> tuple[int, ...]:
    return (dice.between(2, 5),)


def half(_dice: Dice, value: int) -> tuple[int, ...]:
    if value % 2:
        raise RetryError
    return ()


def divisor(dice: Dice, value: int) -> tuple[int, ...]:
    return (dice.pick([k for k in range(3, 16) if value % k == 0 and value > k]),)


def not_divisor(dice: Dice, value: int) -> tuple[int, ...]:
    return (dice.pick([k for k in range(4, 13) if value % k and value > 2 * k]),)


def above(dice: Dice, value: int) -> tuple[int, ...]:
    return (value + dice.between(3, max(6, value // 2)),)


def close(dice: Dice, value: int) -> tuple[int, ...]:
    return (dice.near(value),)


def price(dice: Dice, _value: int) -> tuple[int, ...]:
    return (dice.between(3, 19),)


def close_and_price(dice: Dice, value: int) -> tuple[int, ...]:
    return dice.near(value), dice.between(3, 19)


def below_gap(dice: Dice, gap: int) -> tuple[int, ...]:
    return (dice.between(3, gap - 1),)


def few(dice: Dice, _value: int) -> tuple[int, ...]:
    return (dice.between(3, 12),)
