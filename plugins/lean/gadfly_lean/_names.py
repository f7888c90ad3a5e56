"""Names of Lean as values: components, compared exactly. `«a.b»` is one component, `a.b` two."""

from __future__ import annotations

import re
from typing import TypeAlias

from gadfly import InputError

Name: TypeAlias = tuple[str | int, ...]
"""The components, outermost first; numbers are those that Lean makes up itself."""

_PLAIN = re.compile(r"[^\W\d][\w'!?]*|_[\w'!?]*")
_NUMBER = re.compile(r"[0-9]{1,18}")
_PART = re.compile(r"«([^«»]+)»|([^.«»\s]+)")


def parse_name(text: str) -> Name:
    """Return a name as Lean writes it (`Nat.add`, `«odd name».x`).

    Raises:
        InputError: It is not a name.
    """
    parts: list[str | int] = []
    place = 0
    while match := _PART.match(text, place):
        quoted, plain = match.groups()
        parts.append(quoted or (int(plain) if _NUMBER.fullmatch(plain) else plain))
        place = match.end()
        if place == len(text):
            return tuple(parts)
        if text[place] != ".":
            break
        place += 1
    raise InputError(f"{text[:80]!r} is not a name of Lean (such as Nat.add_comm)")


def show_name(name: Name) -> str:
    """Return a name as Lean writes it, odd components in «»."""
    return ".".join(_show(part) for part in name) or "[anonymous]"


def _show(part: str | int) -> str:
    if isinstance(part, int):
        return str(part)
    return part if _PLAIN.fullmatch(part) else f"«{part}»"
