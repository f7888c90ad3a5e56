"""A text cut into sentences. It cuts too often rather than too seldom: a finding points at one."""

from __future__ import annotations

import re
from collections.abc import Iterator

_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]*\s+|\s*[\r\n]+\s*")  # noqa: RUF001 - other scripts' ends


def sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield where each sentence begins and ends, in order, blanks around it left out."""
    start = 0
    for match in _END.finditer(text):
        yield from _stripped(text, start, match.start())
        start = match.end()
    yield from _stripped(text, start, len(text))


def _stripped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    part = text[start:end]
    left = len(part) - len(part.lstrip())
    if part.strip():
        yield start + left, start + len(part.rstrip())
