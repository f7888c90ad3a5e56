"""Names, things and numbers in words, and the wordings of the families that have one shape each.

In a wording, {p} and {q} own the two tracks, {h} is the one with more and {l} the one with less;
{o} is a bystander, {k} a customer, {x} and {y} are things, {b} and {bb} containers, {t} and {ts} a
period; {a} and {c} are a step's numbers, {at} and {ct} the same as "twice" or "three times".
"""

# Lists as text: one word costs no line of its own, and the order is part of every seed.
# ruff: noqa: SIM905

NAMES = (
    "Ada Amir Anna Ben Bella Carl Chloe Dana Dev Ella Emil Eva Felix Fay Gus Gina Hana Hugo "
    "Ida Ivan Jack Jane Kai Kim Lea Leo Lily Max Maya Mia Nina Noah Olga Omar Otto Paul Pia "
    "Quinn Rosa Sam Sara Theo Tina Uma Vera Will Yara Zoe"
).split()
THINGS = (
    "apples beads books bottles buttons cards candles carrots coins cookies cups eggs flowers "
    "grapes keys lemons letters marbles mugs nails nuts onions oranges pears pencils pens "
    "photos plates plums posters potatoes ribbons rings rocks roses scarves seeds shells "
    "shirts socks spoons stamps stickers stones tickets tiles tomatoes toys tulips walnuts"
).split()
BOXES = (
    "bags baskets bowls boxes buckets cartons cases crates jars packs rows sacks shelves tins trays"
).split()
SHOPS = (
    "Alto Brook Cedar Delta Ember Fern Grove Haven Iris Jolly Kite Lotus Maple North Opal Pine"
).split()
COLOURS = ("red blue green white black yellow brown pink").split()
PERIODS = (("day", "days"), ("week", "weeks"), ("month", "months"), ("hour", "hours"))
BYSTANDERS = ("Aunt Mo", "Uncle Ed", "Mr Lee", "Mrs Fox", "Old Tom", "Miss Ray")
WORDS = ("zero one two three four five six seven eight nine ten eleven twelve").split()

DIVISORS = (3, 4, 6, 7, 8, 9, 11, 12, 13, 14)
"""Without 2, 5 and 10, whose multiples show in the last digit."""

SPECIAL = {
    "match": (
        (
            "One kind goes into {b} of {d} and the other into {bb} of {e}, and nothing is left "
            "over. How many {b} and {bb} is that in all?"
        ),
        (
            "One kind goes into {b} of {d}, the other into {bb} of {e}, without a rest. How many "
            "containers are full?"
        ),
    ),
    "match_each": (
        (
            "{o} splits one kind among {d} children and the other among {e} children, both without "
            "a rest. What a child of the first group gets and what a child of the second group "
            "gets: how many together?"
        ),
        (
            "One kind is dealt to {d} players and the other to {e} players, nothing is cut. How "
            "many things do a player of the one and a player of the other have together?"
        ),
    ),
    "odd": (
        (
            "Only one of the two kinds can be shared equally among {d} children, and it is. {o} is "
            "one of them and also gets the whole other kind. How many things does {o} have?"
        ),
        (
            "One kind fills {b} of {d} without a rest, the other kind does not and stays loose. "
            "How many {b} and loose things are there?"
        ),
    ),
    "order_lose": (
        (
            "{p} splits what there is into {d} equal parts and keeps one part; {p} also gives {e} "
            "away. Only in one order do all numbers stay whole. How many {x} does {p} have in the "
            "end?"
        ),
        (
            "{p} gives {e} away, and {p} keeps just one of {d} equal parts, in the order that "
            "never cuts one. How many {x} are left?"
        ),
    ),
    "order_gain": (
        (
            "{p} splits what there is into {d} equal parts and keeps one part; {p} also finds {e} "
            "more. Only in one order do all numbers stay whole. How many {x} does {p} have in the "
            "end?"
        ),
        (
            "{p} finds {e} more, and {p} keeps just one of {d} equal parts, in the order that "
            "never cuts one. How many {x} are left?"
        ),
    ),
    "outweigh": (
        "One of the three has more than the other two together. How many {x} more?",
        "Two of the three pool their {x}, and the third still has more. How many more?",
    ),
}
