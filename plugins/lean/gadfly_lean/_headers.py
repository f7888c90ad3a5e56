"""Imports taken off the front of a program, as Lean's own parser would take them.

Comments may stand before and between imports, and an import may go over several lines: who looks at
lines finds none behind a comment, or one that Lean does not see.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gadfly import InputError
from gadfly_lean._names import parse_name, show_name

_BLANK = re.compile(r"(?:\s+|--[^\n]*)+")
_COMMENT = re.compile(r"/-|-/")
_PART = r"(?:«[^«»\n]+»|[^\s«»./-]+)"
_IMPORT = re.compile(rf"import\s+(?P<name>{_PART}(?:\.{_PART})*)")
_MODULE_SYSTEM = re.compile(
    r"(?:module|prelude|(?:public|meta)\s+(?:meta\s+)?import|import\s+all)\b"
)


@dataclass(frozen=True, slots=True)
class Header:
    """A program in two parts."""

    imports: tuple[str, ...]
    """Names of modules, in their order."""
    head: str
    """Everything up to the last import, comments included; empty where there is none."""
    rest: str
    """Everything after it: `open`, `set_option`, comments, declarations."""


def split_header(text: str) -> Header:
    """Return what a program imports, and the rest of it.

    Raises:
        InputError: It uses the module system (`module`, `public import`, `prelude`), which cannot
            be sent in two parts, or has a comment without an end before its imports do.
    """
    imports: list[str] = []
    end = 0
    while True:
        place = _skip(text, end)
        if _MODULE_SYSTEM.match(text, place):
            raise InputError(
                f"a header that begins with {text[place : place + 20]!r} cannot be sent in two "
                "parts: use plain imports"
            )
        match = _IMPORT.match(text, place)
        if match is None:
            return Header(tuple(imports), text[:end], text[end:])
        imports.append(show_name(parse_name(match["name"])))
        end = match.end()


def _skip(text: str, place: int) -> int:
    """Return where what is neither blank nor comment begins; comments nest."""
    while True:
        if match := _BLANK.match(text, place):
            place = match.end()
        if not text.startswith("/-", place):
            return place
        depth = 0
        for mark in _COMMENT.finditer(text, place):
            depth += 1 if mark[0] == "/-" else -1
            if depth == 0:
                place = mark.end()
                break
        else:
            raise InputError("a comment in the header has no end: close it by -/")
