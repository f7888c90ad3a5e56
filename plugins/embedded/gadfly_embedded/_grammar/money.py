"""Steps and questions about offers of shops, in dollars."""

from gadfly_embedded._grammar import numbers
from gadfly_embedded._grammar.steps import Domain, Step

MONEY = Domain(
    openers={
        "price": Step(
            (
                "{p} asks {a} dollars for everything.",
                "At {p} everything costs {a} dollars.",
            ),
            numbers.exactly,
        ),
        "pieces": Step(
            (
                "{p} sells {a} {x} at {c} dollars each.",
                "At {p} one pays {c} dollars for each of {a} {x}.",
                "{p} asks {c} dollars a piece for {a} {x}.",
            ),
            numbers.factors,
            (("cost", "a", "*", "c"),),
        ),
        "months": Step(
            (
                "{p} charges {c} dollars every {t} for {a} {ts}.",
                "With {p} one pays for {a} {ts}, {c} dollars each {t}.",
            ),
            numbers.factors,
            (("cost", "a", "*", "c"),),
        ),
        "fee": Step(
            (
                "{p} asks {a} dollars plus a fee of {c} dollars.",
                "At {p} the price is {a} dollars and delivery is another {c} dollars.",
            ),
            numbers.terms,
            (("cost", "a", "+", "c"),),
        ),
        "rebate": Step(
            (
                "{p} asks {a} dollars and takes {c} dollars off.",
                "At {p} the price is {a} dollars, less a discount of {c} dollars.",
            ),
            numbers.difference,
            (("cost", "a", "-", "c"),),
        ),
        "sale": Step(
            (
                "{p} sells at half of the old price of {a} dollars.",
                "At {p} a price of {a} dollars is cut in half.",
            ),
            numbers.twice,
            (("cost", "a", "/", "2"),),
        ),
    },
    changes={
        "fee_more": Step(
            ("Then {p} adds a fee of {a} dollars.", "Wrapping at {p} is {a} dollars more."),
            numbers.some_more,
            (("more", "@", "+", "a"),),
        ),
        "coupon": Step(
            ("A coupon takes {a} dollars off at {p}.", "{p} gives back {a} dollars of that."),
            numbers.some_less,
            (("less", "@", "-", "a"),),
        ),
        "years": Step(
            ("{k} pays that {at}.", "That has to be paid {at}."),
            numbers.small_factor,
            (("paid", "@", "*", "a"),),
        ),
    },
    one={
        "pays": Step(
            (
                "How much money does {k} pay?",
                "How much money is that for {k}?",
            ),
            numbers.nothing,
        ),
        "change": Step(
            (
                "{k} pays with {a} dollars. How much change does {k} get?",
                "{k} comes with {a} dollars. How much money is left?",
            ),
            numbers.above,
            (("change", "a", "-", "@"),),
        ),
        "split": Step(
            (
                "{a} friends split the bill equally. How many dollars does each one pay?",
                "{k} pays it in {a} equal parts. How many dollars is one part?",
            ),
            numbers.divisor,
            (("each", "@", "/", "a"),),
        ),
    },
    one_hard={
        "budget": Step(
            (
                "{k} has {a} dollars. By how many dollars does that differ from the price?",
                "{k} planned {a} dollars. How much money is {k} over or under the plan?",
            ),
            numbers.close,
            (("off", ">", "-", "<"),),
        ),
        "profit": Step(
            (
                (
                    "{k} buys there and sells it all for {a} dollars. How much money is the gain "
                    "or loss?"
                ),
                (
                    "Then {k} sells everything for {a} dollars. How many dollars is the profit or "
                    "loss?"
                ),
            ),
            numbers.close,
            (("off", ">", "-", "<"),),
        ),
    },
    two={
        "both": Step(
            (
                "{k} takes both offers. How much money does {k} pay?",
                "How much money do both cost together?",
            ),
            numbers.nothing,
            (("sum", "first", "+", "second"),),
        ),
        "dearer": Step(
            (
                "{h} is dearer than {l}. How much money does {k} save at {l}?",
                "How much more money does {h} cost than {l}?",
            ),
            numbers.nothing,
            (("gap", ">", "-", "<"),),
        ),
    },
    two_hard={
        "save": Step(
            (
                "{k} takes the cheaper offer. How much money does {k} save?",
                "How much more does the dearer offer cost?",
                "By how many dollars do the offers differ?",
            ),
            numbers.nothing,
            (("gap", ">", "-", "<"),),
        ),
        "save_times": Step(
            (
                "{k} takes the cheaper offer {a} times. How much money does {k} save in all?",
                "The dearer one is taken by {a} people. How much money do they waste?",
            ),
            numbers.few,
            (("gap", ">", "-", "<"), ("saved", "gap", "*", "a")),
        ),
        "save_each": Step(
            (
                (
                    "What is saved with the cheaper offer goes to {a} friends equally. How many "
                    "dollars does each one get?"
                ),
                "The cheaper offer saves money for {a} {ts}. How many dollars is that per {t}?",
            ),
            numbers.divisor,
            (("gap", ">", "-", "<"), ("each", "gap", "/", "a")),
        ),
    },
)
