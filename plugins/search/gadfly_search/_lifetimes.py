"""Dates of birth and death, as an encyclopedia gives them: `Ada Lovelace (1815 - 1852) was ...`."""

from __future__ import annotations

import re

from gadfly_search._words import MONTHS, tokens

_CLAIM = re.compile(
    r"(?P<name>\S.*?)\s+(?:was\s+)?(?P<event>born|died)\s+(?:in|on)\s+(?P<date>.+?)\s*\.?\s*"
)
_ENTRY = re.compile(r"(?P<name>[^(]{3,120}?)\s*(?:\(|-LRB-\s)(?P<dates>.{4,300}?)(?:\)|\s-RRB-)")
_DATE = re.compile(r"(?:\d{1,2}\s+)?(?:[A-Z][a-z]{2,8})\s+(?:\d{1,2}\s*,\s*)?\d{4}\b|\b\d{4}\b")
_BETWEEN = re.compile(r"\s*(?:\u2013|\u2014|--?|to)\s*")


def compare_lifetimes(claim: str, sentence: str) -> bool | None:
    """Say whether a sentence gives the date that a claim says somebody was born or died.

    None where it says nothing of it, or leaves a part of the date open.
    """
    said, entry = _CLAIM.fullmatch(claim), _ENTRY.match(sentence)
    if said is None or entry is None or not _same_name(said["name"], entry["name"]):
        return None
    wanted = _parts(said["date"].replace(" of ", " "))
    given = _dates(entry["dates"]).get(said["event"])
    if not wanted or not given or not wanted.keys() <= given.keys():
        return None
    return all(given[part] == value for part, value in wanted.items())


def _dates(text: str) -> dict[str, dict[str, str]]:
    found = list(_DATE.finditer(text))
    if len(found) == 2 and _BETWEEN.fullmatch(text, found[0].end(), found[1].start()):
        return {"born": _parts(found[0][0]), "died": _parts(found[1][0])}
    if len(found) == 1 and re.search(r"\bborn\s+(?:on\s+)?$", text[: found[0].start()]):
        return {"born": _parts(found[0][0])}
    return {}


def _parts(text: str) -> dict[str, str]:
    """Return day, month and year; nothing where the text is no date."""
    parts: dict[str, str] = {}
    for word, _ in tokens(text):
        if word in MONTHS:
            part = "month"
        elif re.fullmatch(r"\d{4}", word):
            part = "year"
        elif re.fullmatch(r"\d{1,2}\.?", word):
            part, word = "day", word.rstrip(".")  # noqa: PLW2901 - the same day
        else:
            return {}
        if part in parts:
            return {}
        parts[part] = word
    return parts


def _same_name(said: str, given: str) -> bool:
    """Whether the given name is the said one, perhaps with more names in the middle."""
    one, other = [w for w, _ in tokens(said)], [w for w, _ in tokens(given)]
    capitals = all(as_is[0].isupper() for _, as_is in (*tokens(said), *tokens(given)))
    if not one or not other or not capitals:
        return False
    rest = iter(other)
    return one[0] == other[0] and one[-1] == other[-1] and all(word in rest for word in one)
