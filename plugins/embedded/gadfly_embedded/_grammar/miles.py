"""Steps and questions about ways of travellers, in miles."""

from gadfly_embedded._grammar import numbers
from gadfly_embedded._grammar.steps import Domain, Step

MILES = Domain(
    openers={
        "way": Step(
            ("{p} travels {a} miles.", "The way of {p} is {a} miles long."), numbers.exactly
        ),
        "speed": Step(
            (
                "{p} drives {c} miles an hour for {a} hours.",
                "For {a} hours {p} travels at {c} miles an hour.",
            ),
            numbers.factors,
            (("miles", "a", "*", "c"),),
        ),
        "laps": Step(
            (
                "{p} rides {a} laps of {c} miles.",
                "{p} goes around a lake of {c} miles {a} times.",
            ),
            numbers.factors,
            (("miles", "a", "*", "c"),),
        ),
        "legs": Step(
            (
                "{p} walks {a} miles and rides {c} miles.",
                "{p} covers {a} miles before lunch and {c} miles after it.",
            ),
            numbers.terms,
            (("miles", "a", "+", "c"),),
        ),
        "back": Step(
            (
                "{p} goes {a} miles out of town and {c} miles back.",
                "{p} plans {a} miles but stops {c} miles early.",
            ),
            numbers.difference,
            (("miles", "a", "-", "c"),),
        ),
        "halfway": Step(
            (
                "{p} does half of a road of {a} miles.",
                "A road has {a} miles, and {p} turns back after half of it.",
            ),
            numbers.twice,
            (("miles", "a", "/", "2"),),
        ),
    },
    changes={
        "further": Step(
            ("Then {p} goes {a} miles further.", "A detour adds {a} miles for {p}."),
            numbers.some_more,
            (("more", "@", "+", "a"),),
        ),
        "towed": Step(
            ("A bus takes {p} for {a} miles of it.", "{p} skips {a} miles of it."),
            numbers.some_less,
            (("less", "@", "-", "a"),),
        ),
        "again": Step(
            ("{p} does that {at}.", "In a year {p} does it {at}."),
            numbers.small_factor,
            (("all", "@", "*", "a"),),
        ),
    },
    one={
        "far": Step(
            ("How many miles is that for {p}?", "How many miles does {p} cover?"), numbers.nothing
        ),
        "remain": Step(
            (
                "The sea is {a} miles away. How many miles remain?",
                "{p} wants to reach {a} miles. How many miles are missing?",
            ),
            numbers.above,
            (("rest", "a", "-", "@"),),
        ),
        "stages": Step(
            (
                "{p} splits it into {a} equal stages. How many miles is one stage?",
                "At {a} miles an hour, how many hours does it take?",
            ),
            numbers.divisor,
            (("stage", "@", "/", "a"),),
        ),
    },
    one_hard={
        "sign": Step(
            (
                "A sign said {a} miles. How many miles wrong was it?",
                "{o} did {a} miles. By how many miles do they differ?",
            ),
            numbers.close,
            (("off", ">", "-", "<"),),
        ),
    },
    two={
        "joint": Step(
            ("How many miles do they cover together?", "How many miles is that for both?"),
            numbers.nothing,
            (("sum", "first", "+", "second"),),
        ),
        "ahead": Step(
            (
                "{h} gets further than {l}. By how many miles?",
                "How many miles more than {l} does {h} cover?",
            ),
            numbers.nothing,
            (("gap", ">", "-", "<"),),
        ),
    },
    two_hard={
        "longer": Step(
            (
                "How many miles longer is the longer way?",
                "By how many miles do the two ways differ?",
            ),
            numbers.nothing,
            (("gap", ">", "-", "<"),),
        ),
        "longer_cost": Step(
            (
                "Each extra mile of the longer way costs {a} dollars. How much money is that?",
                "The shorter way saves {a} dollars a mile. How much money does it save?",
            ),
            numbers.price,
            (("gap", ">", "-", "<"), ("saved", "gap", "*", "a")),
        ),
        "longer_walk": Step(
            (
                (
                    "The one who is behind walks {a} miles on and is still behind. How many miles "
                    "are missing?"
                ),
                (
                    "A tunnel makes the longer way {a} miles shorter, and it is still longer. By "
                    "how many miles?"
                ),
            ),
            numbers.below_gap,
            (("gap", ">", "-", "<"), ("left", "gap", "-", "a")),
        ),
    },
)
