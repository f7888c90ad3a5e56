"""What a draft holds: a program, and the answer that it states."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gadfly import Artifact, InputError, Span
from gadfly_logic._parsing import HEADERS
from gadfly_logic._solving import find_option

_FENCE = re.compile(r"^[ \t]*```[^\n`]*\n(?P<code>.*?)^[ \t]*```[ \t]*$", re.DOTALL | re.MULTILINE)
_HEADER = re.compile(rf"^[ \t]*(?:{'|'.join(HEADERS)})[ \t]*:[ \t]*$", re.MULTILINE)
_QUERY = re.compile(r"^[ \t]*Query[ \t]*:[ \t]*$", re.MULTILINE)
_CODE = re.compile(r"\[IN\]|>>>|\w\([^()\n]*\)")
_ANSWER = re.compile(
    r"^[ \t]*(?:\*\*)?(?:final )?answer(?: is)?(?:\*\*)?[ \t]*[:=][ \t]*(?:\*\*)?(?P<line>[^\n*]+)"
    r"|\bthe (?:final |correct )?answer is:?[ \t]*(?:\*\*)?(?P<words>[^\n.*]+)",
    re.IGNORECASE | re.MULTILINE,
)


def find_program(text: str) -> Artifact | None:
    """Return the program in a draft; None where there is none.

    Raises:
        InputError: There are several.
    """
    blocks = [
        Artifact(kind="logic", text=match["code"], start=match.start("code"))
        for match in _FENCE.finditer(text)
        if _is_program(match["code"])
    ]
    if len(blocks) > 1:
        raise InputError("the draft holds several programs")
    if blocks:
        return blocks[0]
    header = _HEADER.search(text)
    if header is None or not _is_program(text[header.start() :]):
        return None
    return Artifact(kind="logic", text=text[header.start() :], start=header.start())


def find_answer(
    text: str, options: Sequence[str], program: Artifact | None = None
) -> Artifact | None:
    """Return the last option that a draft marks as its answer.

    What a program says does not count, nor what is said to be the answer and is no option.
    """
    for match in reversed(list(_ANSWER.finditer(text))):
        name = "line" if match["line"] else "words"
        found = match[name].strip()
        if find_option(found, options) and not _is_inside(match.start(), text, program):
            return Artifact(kind="answer", text=found, start=match.start(name))
    return None


def span_of_line(program: Artifact, line: int) -> Span:
    """Return where a line of the program is: a span's line is the program's own."""
    lines = program.text.split("\n")
    start = program.start + sum(len(one) + 1 for one in lines[: line - 1])
    return Span(line, start, start + len(lines[line - 1]))


def span_of(text: str, part: Artifact) -> Span:
    """Return where a part is."""
    return Span(text.count("\n", 0, part.start) + 1, part.start, part.end)


def _is_program(code: str) -> bool:
    return _HEADER.search(code) is not None and _CODE.search(code) is not None


def _is_inside(at: int, text: str, program: Artifact | None) -> bool:
    """Whether it is the program's: talk that follows its query is not, words after `:::` are."""
    if program is None or not program.start <= at < program.end:
        return False
    line = text[text.rfind("\n", 0, at) + 1 : at]
    if ":::" in line:
        return True
    query = _QUERY.search(program.text)
    return query is None or at < program.start + query.end()
