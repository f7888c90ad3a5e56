"""Examples in notations that a prompt may mean otherwise: `f(2) => 4`, `f(2) = 4`, and the like.

`_claims` reads four notations whose meaning is certain, and `python/examples` takes them for facts.
What is read here is likely, not certain (`f(2) => (3)` may stand for a tuple), so it becomes a test
like those that a model writes, and agreement between candidates says what it is worth.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from gadfly_python._asserts import Check, read_asserts
from gadfly_python._claims import as_example, find_claims

_SAYS = re.compile(
    r"\)`?[ \t]*(?:#[ \t]*)?"
    r"(?:=+>|-+>|➞|→|⇒|=(?!=)|(?:should|must|will)[ \t]+(?:return|be|give)|is)[ \t]*`?"
)
_PROMPTED = re.compile(r"^[ \t]*>>>[ \t]*(?=\S.*==)", re.MULTILINE)
"""A doctest that compares, and shows no output."""


def read_notations(prompt: str, functions: Collection[str]) -> tuple[Check, ...]:
    """Return the examples that are stated in the less certain notations, in reading order."""
    certain = {_key(text) for text in _examples(prompt, functions)}
    plain = _PROMPTED.sub("", _SAYS.sub(") == ", prompt))
    found = dict.fromkeys(_examples(plain, functions))
    return tuple(
        check
        for text in found
        if _key(text) not in certain
        for check in read_asserts(f"assert {text}", functions)
    )


def _examples(prompt: str, functions: Collection[str]) -> list[str]:
    claims = (claim for claim in find_claims(prompt, functions) if as_example(claim) is not None)
    return [f"{claim.call} == {claim.expected}" for claim in claims]


def _key(text: str) -> str:
    """Return what two spellings of an example share: its call."""
    return re.sub(r"\s", "", text.partition(" == ")[0])
