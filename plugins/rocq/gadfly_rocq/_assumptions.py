"""What Rocq and its checker say that a proof rests on: asked with a canary, read strictly."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gadfly_rocq._ports import Assumption

CLOSED = "Closed under the global context"
_HEAD = "Axioms:"
NAME = re.compile(r"[^\W\d][\w']*(?:\.[^\W\d][\w']*)*")
_ENTRY = re.compile(rf"(?P<name>{NAME.pattern})(?: (?P<why>(?:is assumed|relies on) .*)\.| : .*)?")
_USE = re.compile(r"used in \S+ to prove:?")
_PLACE = re.compile(
    rf"(?:Constant|Inductive|Constructor) (?P<name>{NAME.pattern})\s*(?:$|\(shorter name )",
    re.MULTILINE,
)
_SECTION = re.compile(r"\* (?P<title>.+?)(?::(?: (?P<none><none>))?)?\s*")
_AXIOMS = "Axioms"
_PREDICATIVE = "Theory: Set is predicative"
_FLAGS: Mapping[str, str] = {
    "Constants/Inductives relying on type-in-type": "relies on an unsafe hierarchy",
    "Constants/Inductives relying on unsafe (co)fixpoints": "is assumed to be guarded",
    "Inductives whose positivity is assumed": "is assumed to be positive",
}
_IDLE = frozenset(
    {
        "Theory: Rewrite rules are not allowed",
        "Inductives relying on indices not mattering",
    }
)
"""Of newer checkers: the one is as it should be, and the other is so by default."""


def read_assumptions(text: str) -> tuple[Assumption, ...] | None:
    """Read an answer of `Print Assumptions`, with names as short as Rocq prints them.

    Returns:
        None where a line is not one of those that Rocq prints.
    """
    lines = text.rstrip("\n").split("\n")
    if lines == [CLOSED]:
        return ()
    if lines[0] != _HEAD or len(lines) < 2:
        return None
    found: list[Assumption] = []
    for line in lines[1:]:
        if found and (line.startswith(" ") or _USE.fullmatch(line)):
            continue  # a type that goes on, or where an axiom of `False` was used
        match = _ENTRY.fullmatch(line)
        if match is None:
            return None
        found.append(Assumption(name=match["name"], why=match["why"] or "axiom"))
    return tuple(found) or None


def is_canary(text: str, name: str) -> bool:
    """Whether an answer names one axiom, and this one."""
    found = read_assumptions(text)
    return found is not None and [one.name.rpartition(".")[2] for one in found] == [name]


def read_location(text: str) -> str | None:
    """Read an answer of `Locate Term`: the full name of what the name refers to."""
    match = _PLACE.match(text)
    return match["name"] if match else None


def read_context(text: str) -> tuple[Assumption, ...] | None:
    """Read the summary that `coqchk -o` ends with.

    Returns:
        All that it lists, of every file; None where a section is missing, or one is there that is
        not known.
    """
    if "CONTEXT SUMMARY" not in text:
        return None
    sections: dict[str, list[str]] = {}
    items: list[str] | None = None
    for line in text.partition("CONTEXT SUMMARY")[2].splitlines()[1:]:
        if match := _SECTION.fullmatch(line):
            if match["title"] in sections:
                return None
            items = sections.setdefault(match["title"], [])
            if match["none"]:
                items = None
        elif line.strip() and not set(line.strip()) <= {"="}:
            if items is None or not NAME.fullmatch(line.strip()):
                return None
            items.append(line.strip())
    wanted = {_PREDICATIVE, _AXIOMS, *_FLAGS}
    if not wanted <= sections.keys() or sections.keys() - wanted - _IDLE:
        return None
    whys = {_AXIOMS: "axiom", **_FLAGS}
    return tuple(
        Assumption(name=name, why=why) for title, why in whys.items() for name in sections[title]
    )
