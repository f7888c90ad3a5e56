"""Steps and questions about things that people own."""

from gadfly_embedded._grammar import numbers
from gadfly_embedded._grammar.steps import Domain, Step

THINGS = Domain(
    openers={
        "have": Step(
            ("{p} has {a} {x}.", "{p} owns {a} {x}.", "There are {a} {x} in the room of {p}."),
            numbers.exactly,
        ),
        "groups": Step(
            (
                "{p} has {a} {b} with {c} {x} in each.",
                "{p} buys {a} {b} of {c} {x}.",
                "There are {c} {x} in each of the {a} {b} that {p} has.",
                "{p} fills {a} {b}, and every one holds {c} {x}.",
            ),
            numbers.factors,
            (("total", "a", "*", "c"),),
        ),
        "rate": Step(
            (
                "{p} collects {c} {x} every {t} for {a} {ts}.",
                "For {a} {ts}, {p} makes {c} {x} each {t}.",
                "{p} gets {c} {x} per {t} and does so for {a} {ts}.",
            ),
            numbers.factors,
            (("total", "a", "*", "c"),),
        ),
        "sum": Step(
            (
                "{p} has {a} {u} {x} and {c} {v} {x}.",
                "{p} gets {a} {x} in the morning and {c} in the evening.",
                "{p} gets {a} {x} from a friend and {c} from a neighbour.",
            ),
            numbers.terms,
            (("total", "a", "+", "c"),),
        ),
        "times": Step(
            (
                "{o} has {a} {x}, and {p} has {ct} as many.",
                "{p} has {ct} as many {x} as {o}, who has {a}.",
            ),
            numbers.word_factor,
            (("total", "a", "*", "c"),),
        ),
        "more": Step(
            (
                "{o} has {a} {x}, and {p} has {c} more than that.",
                "{p} has {c} more {x} than {o}, who has {a}.",
            ),
            numbers.terms,
            (("total", "a", "+", "c"),),
        ),
        "fewer": Step(
            (
                "{o} has {a} {x}, and {p} has {c} fewer than that.",
                "{p} has {c} fewer {x} than {o}, who has {a}.",
            ),
            numbers.difference,
            (("total", "a", "-", "c"),),
        ),
        "share": Step(
            (
                "{a} {x} are shared equally among {c} children, and {p} is one of them.",
                "{p} belongs to a group of {c} that shares {a} {x} equally.",
            ),
            numbers.quotient,
            (("total", "a", "/", "c"),),
        ),
        "half": Step(
            (
                "{p} has half of the {a} {x} in a big box.",
                "Out of {a} {x}, half belong to {p}.",
            ),
            numbers.twice,
            (("total", "a", "/", "2"),),
        ),
        "percent": Step(
            (
                "Of {a} {x}, {c} percent belong to {p}.",
                "{p} owns {c} percent of {a} {x}.",
            ),
            numbers.percent,
            (("part", "a", "*", "c"), ("total", "part", "/", "100")),
        ),
        "dozen": Step(
            (
                "{p} buys {a} dozen {x}.",
                "{p} has {a} {b} with a dozen {x} in each.",
            ),
            numbers.dozens,
            (("total", "a", "*", "12"),),
        ),
    },
    changes={
        "gain": Step(
            (
                "Then {p} finds {a} more.",
                "{p} gets {a} more {x} as a present.",
                "Later {p} buys another {a} {x}.",
            ),
            numbers.some_more,
            (("more", "@", "+", "a"),),
        ),
        "lose": Step(
            (
                "Then {p} gives {a} away.",
                "{p} loses {a} of the {x}.",
                "{a} of the {x} that {p} has break.",
            ),
            numbers.some_less,
            (("left", "@", "-", "a"),),
        ),
        "gain_groups": Step(
            (
                "Then {p} buys {a} more {b} with {c} {x} in each.",
                "{a} friends give {p} {c} {x} each.",
            ),
            numbers.groups_more,
            (("new", "a", "*", "c"), ("more", "@", "+", "new")),
        ),
        "lose_groups": Step(
            (
                "{p} gives {c} {x} to each of {a} friends.",
                "{p} uses {c} {x} every {t} for {a} {ts}.",
            ),
            numbers.groups_less,
            (("gone", "a", "*", "c"), ("left", "@", "-", "gone")),
        ),
        "grow": Step(
            (
                "After a lucky week {p} has {at} as many.",
                "A year later {p} has {at} as many {x}.",
            ),
            numbers.small_factor,
            (("grown", "@", "*", "a"),),
        ),
        "halve": Step(
            ("{p} gives half of them away.", "Half of the {x} that {p} has are sold."),
            numbers.half,
            (("rest", "@", "/", "2"),),
        ),
    },
    one={
        "now": Step(
            (
                "How many {x} does {p} have now?",
                "How many {x} does {p} have in the end?",
                "How many {x} is that for {p}?",
            ),
            numbers.nothing,
        ),
        "each": Step(
            (
                "{p} shares the {x} equally among {a} friends. How many {x} does each friend get?",
                "{a} friends split all of them equally. How many {x} does each one get?",
            ),
            numbers.divisor,
            (("each", "@", "/", "a"),),
        ),
        "packs": Step(
            (
                "{p} packs all of them into {b} of {a}. How many {b} does {p} fill?",
                "How many {b} of {a} does {p} need for all of them?",
            ),
            numbers.divisor,
            (("packs", "@", "/", "a"),),
        ),
        "short": Step(
            (
                "{p} wants {a} {x}. How many more does {p} need?",
                "How many {x} are missing until {p} has {a}?",
            ),
            numbers.above,
            (("short", "a", "-", "@"),),
        ),
        "worth": Step(
            (
                "{p} sells all of them for {a} dollars each. How much money does {p} get?",
                "Every one of them is worth {a} dollars. How much money are they worth?",
            ),
            numbers.price,
            (("worth", "@", "*", "a"),),
        ),
        "over": Step(
            (
                "{p} fills as many {b} of {a} as possible. How many {x} are left over?",
                "{p} makes {b} of {a} and keeps the leftover {x}. How many {x} is that?",
            ),
            numbers.not_divisor,
            (("over", "@", "%", "a"),),
        ),
        "full": Step(
            (
                "How many full {b} of {a} can {p} make?",
                "{p} fills {b} of {a}. How many of the {b} get full?",
            ),
            numbers.not_divisor,
            (("full", "@", "//", "a"),),
        ),
    },
    one_hard={
        "miss": Step(
            (
                "The goal was {a}. By how many {x} does {p} miss or beat it?",
                "{p} guessed {a}. How many {x} off was the guess?",
                "How many {x} away from {a} is that?",
            ),
            numbers.close,
            (("off", ">", "-", "<"),),
        ),
        "miss_worth": Step(
            (
                "{o} has {a} {x}. How much money is the difference worth at {c} dollars each?",
                (
                    "Compare that with the {a} {x} of {o}: how much money lies between them at {c} "
                    "dollars each?"
                ),
            ),
            numbers.close_and_price,
            (("gap", ">", "-", "<"), ("worth", "gap", "*", "c")),
        ),
    },
    two={
        "together": Step(
            (
                "How many {x} do {p} and {q} have together?",
                "{p} and {q} put their {x} into one pile. How many are in it?",
            ),
            numbers.nothing,
            (("sum", "first", "+", "second"),),
        ),
        "told": Step(
            (
                "{h} has more than {l}. How many more?",
                "How many {x} more than {l} does {h} have?",
                "How many fewer {x} than {h} does {l} have?",
            ),
            numbers.nothing,
            (("gap", ">", "-", "<"),),
        ),
        "together_each": Step(
            (
                (
                    "They put them together and split them equally among {a} friends. How many {x} "
                    "does each friend get?"
                ),
                "All {x} together fill {b} of {a}. How many {b} is that?",
            ),
            numbers.divisor,
            (("sum", "first", "+", "second"), ("each", "sum", "/", "a")),
        ),
    },
    two_hard={
        "differ": Step(
            (
                "By how many {x} do {p} and {q} differ?",
                "One of them has more. How many {x} more?",
                "How many {x} lie between the one with more and the one with fewer?",
            ),
            numbers.nothing,
            (("gap", ">", "-", "<"),),
        ),
        "gap_worth": Step(
            (
                "The one with more sells the surplus for {a} dollars each. How much money is that?",
                (
                    "The one with fewer buys what is missing for {a} dollars each. How much money "
                    "does that cost?"
                ),
            ),
            numbers.price,
            (("gap", ">", "-", "<"), ("worth", "gap", "*", "a")),
        ),
        "gap_catch": Step(
            (
                "The one with fewer catches up in {a} {ts}. How many {x} per {t} is that?",
                "The surplus of the one with more fills {a} {b} evenly. How many {x} are in each?",
            ),
            numbers.divisor,
            (("gap", ">", "-", "<"), ("each", "gap", "/", "a")),
        ),
        "gap_give": Step(
            (
                "The one with more gives {a} to a school and still has more. How many more?",
                "The one with fewer finds {a} and still has fewer. How many {x} are missing now?",
            ),
            numbers.below_gap,
            (("gap", ">", "-", "<"), ("left", "gap", "-", "a")),
        ),
        "gap_half": Step(
            (
                (
                    "The one with more hands over just enough to make them equal. How many {x} is "
                    "that?"
                ),
                "How many {x} must change hands so that both have the same?",
            ),
            numbers.half,
            (("gap", ">", "-", "<"), ("moved", "gap", "/", "2")),
        ),
    },
)
