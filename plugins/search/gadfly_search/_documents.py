"""Files cut into passages: JSON lines, Markdown, plain text, PDF, or a folder of them.

    .jsonl .jsonl.gz    one passage a row: `text` (or `observation`), and where there are `title`,
                        `section` and `id`; a row's own id is the passage's id
    .md .markdown .txt  paragraphs, joined up to `MAX_CHARACTERS`; headings make the title
    .pdf                the same for each page's text

Ids do not depend on when or in which order files are read: `guide.md#L12` is what begins in line 12
of the file, `paper.pdf#p3.1` the first passage of page 3.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from gadfly import InputError, StorageError
from gadfly_search._searcher import Passage

MAX_CHARACTERS = 1_200
"""Of one passage of running text: about two paragraphs, so that what is found can be read."""

_HEADING = re.compile(r"(#{1,6})\s+(.+?)\s*#*$")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+")
_TEXT = ("text", "observation")


def find_files(place: Path) -> list[tuple[str, Path]]:
    """Return the files that can be read, with their names relative to `place`, sorted.

    Hidden files and folders are left out. A single file is named by its own name.

    Raises:
        InputError: There is nothing there that can be read.
    """
    if place.is_file():
        if _reader(place.name) is None:
            raise InputError(f"{place} is no document: there are readers for {', '.join(_READERS)}")
        return [(place.name, place)]
    if not place.is_dir():
        raise InputError(f"{place} is not there: give a file or a folder of documents")
    named = [(str(path.relative_to(place).as_posix()), path) for path in place.rglob("*")]
    found = sorted(
        (name, path)
        for name, path in named
        if _reader(name) and path.is_file() and not re.search(r"(^|/)\.", name)
    )
    if not found:
        raise InputError(f"{place} holds no document: there are readers for {', '.join(_READERS)}")
    return found


def read_bytes(path: Path) -> bytes:
    """Return a file's content.

    Raises:
        StorageError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error


def read_passages(name: str, data: bytes) -> Iterator[Passage]:
    """Cut a file's content into passages.

    Raises:
        InputError: It is not what its name says; the message names the file and the line.
    """
    reader = _reader(name)
    if reader is None:
        raise InputError(f"{name} is no document: there are readers for {', '.join(_READERS)}")
    return reader(name, data)


def _json_lines(name: str, data: bytes) -> Iterator[Passage]:
    # Not `splitlines`, which also splits at characters that JSON strings may hold.
    for number, line in enumerate(_decoded(name, data).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row: Any = json.loads(line)
        except ValueError as error:
            raise InputError(f"{name}:{number} is not JSON: {error}") from error
        fields = cast("dict[str, object]", row) if isinstance(row, dict) else {}
        text = next((fields[key] for key in _TEXT if key in fields), None)
        if not isinstance(text, str):
            raise InputError(f'{name}:{number} has no "text": a passage is an object with one')
        if not text.strip():
            continue
        title = str(fields.get("title") or fields.get("query") or "")
        section = str(fields.get("section") or "")
        own = str(fields.get("id") or f"{name}#L{number}")
        place = f"line {number}, {section}" if section else f"line {number}"
        yield Passage(own, text, title, name, place)


def _compressed(name: str, data: bytes) -> Iterator[Passage]:
    try:
        plain = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name} is not a gzip file: {error}") from error
    yield from _json_lines(name, plain)


def _markdown(name: str, data: bytes) -> Iterator[Passage]:
    yield from _prose(name, _decoded(name, data), headings=True)


def _plain(name: str, data: bytes) -> Iterator[Passage]:
    yield from _prose(name, _decoded(name, data), headings=False)


def _prose(name: str, text: str, *, headings: bool) -> Iterator[Passage]:
    trail: list[tuple[int, str]] = []
    block: list[str] = []
    first, size, fenced = 1, 0, False

    def passages() -> Iterator[Passage]:
        title = " | ".join(head for _, head in trail)
        for part, piece in enumerate(_pieces("\n".join(block).strip()), 1):
            own = f"{name}#L{first}" + (f".{part}" if part > 1 else "")
            yield Passage(own, piece, title, name, f"line {first}")

    for number, line in enumerate([*text.split("\n"), ""], 1):
        fenced ^= bool(_FENCE.match(line))
        heading = _HEADING.match(line) if headings and not fenced else None
        blank = not line.strip()
        if heading or (blank and size >= MAX_CHARACTERS // 2):
            yield from passages()
            block, size = [], 0
        if heading:
            level = len(heading[1])
            trail = [*(item for item in trail if item[0] < level), (level, heading[2])]
        elif block or not blank:
            first = first if block else number
            block.append(line)
            size += len(line)
    yield from passages()


def _pieces(text: str) -> Iterator[str]:
    """Cut text at its paragraphs, then sentences, then anywhere, into pieces that are not long."""
    piece = ""
    for paragraph in re.split(r"\n\s*\n", text):
        parts = [paragraph] if len(paragraph) <= MAX_CHARACTERS else _SENTENCE_ENDS.split(paragraph)
        for index, part in enumerate(parts):
            joint = "" if not piece else ("\n\n" if index == 0 else " ")
            if len(piece) + len(part) > MAX_CHARACTERS and piece:
                yield piece
                piece, joint = "", ""
            piece += joint + part
            while len(piece) > MAX_CHARACTERS:
                yield piece[:MAX_CHARACTERS]
                piece = piece[MAX_CHARACTERS:]
    if piece.strip():
        yield piece


def _pdf(name: str, data: bytes) -> Iterator[Passage]:
    import pypdf  # 0.2 s: only those who have PDFs wait for it

    try:
        document = pypdf.PdfReader(io.BytesIO(data))
        meta = document.metadata
        title = str(meta.title or "").strip() if meta else ""
        pages = [page.extract_text() for page in document.pages]
    except Exception as error:
        # It raises many things on damaged files, not all of them its own.
        raise InputError(f"{name} is no PDF that can be read: {error!s:.200}") from error
    for number, text in enumerate(pages, 1):
        for part, piece in enumerate(_pieces(text.strip()), 1):
            yield Passage(f"{name}#p{number}.{part}", piece, title, name, f"page {number}")


_READERS = {
    ".jsonl": _json_lines,
    ".jsonl.gz": _compressed,
    ".md": _markdown,
    ".markdown": _markdown,
    ".txt": _plain,
    ".pdf": _pdf,
}


def _reader(name: str) -> Callable[[str, bytes], Iterator[Passage]] | None:
    return next((read for end, read in _READERS.items() if name.lower().endswith(end)), None)


def _decoded(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError(f"{name} is not UTF-8 text: {error.reason}") from error
