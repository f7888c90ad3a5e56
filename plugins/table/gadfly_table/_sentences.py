"""The sentences of a draft: what it asserts about a table."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gadfly import Artifact

MAX_CHARACTERS = 400
"""Of a sentence that is read."""
_FENCE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,}).*?(?:^[ \t]*(?P=fence)[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
_MARKER = re.compile(r"[ \t]*(?:[-*+\u2022>][ \t]+|\d{1,3}[.)][ \t]+)*(?:\*\*)?")
_END = re.compile(r"(?<![\s.])[.!?]+(?:\*\*)?(?=\s+[\"'A-Z0-9]|\s*\Z)")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(.])(?:[A-Za-z]|mr|mrs|ms|dr|st|no|vs|jr|sr|ft|mt)$", re.IGNORECASE
)


def find_sentences(text: str) -> list[Artifact]:
    """Return what a text asserts, in its order; not code, headings, table rows and questions."""
    blank = _FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return [
        Artifact(kind="claim", text=text[start:end], start=start)
        for start, end in _spans(blank)
        if re.search(r"[^\W_]", text[start:end])
        and not text[start:end].rstrip("*\"'").endswith("?")
    ]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    offset = 0
    for line in text.splitlines(keepends=True):
        stripped = line.strip()
        if stripped and not stripped.startswith(("#", "|")):
            yield from _in_line(line, offset)
        offset += len(line)


def _in_line(line: str, offset: int) -> Iterator[tuple[int, int]]:
    marker = _MARKER.match(line)
    begin, last = (marker.end() if marker else 0), len(line.rstrip())
    for end in _END.finditer(line, begin, last):
        if end.end() < last and _ABBREVIATION.search(line[begin : end.start()]):
            continue
        yield offset + begin, offset + end.end()
        begin = end.end() + len(line[end.end() : last]) - len(line[end.end() : last].lstrip())
    if begin < last:
        yield offset + begin, offset + last
