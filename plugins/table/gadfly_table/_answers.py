"""The answer that a draft states, and whether it is what a query gave."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import Enum

from gadfly import Artifact, Span
from gadfly_table._engine import Result
from gadfly_table._values import Cell, as_fraction, fold, normalize, read_number, same

_ANSWER = re.compile(
    r"^[ \t]*(?:\*\*)?(?:final[ \t]+)?(?:answer|a)(?:[ \t]+is)?[ \t]*(?:\*\*)?[ \t]*:[ \t]*"
    r"(?:\*\*)?(?P<line>[^\n]*[^\s*][^\n]*)"
    r"|^[ \t]*####[ \t]*(?P<mark>[^\n]+)"
    r"|\bthe[ \t]+(?:final[ \t]+|correct[ \t]+)?answer[ \t]+is:?[ \t]+(?P<words>[^\n]+)",
    re.IGNORECASE | re.MULTILINE,
)
_BOXED = re.compile(r"\\boxed\{(?:\\text\{)?(?P<boxed>[^{}\n]+)\}")
_SEPARATORS = (r"\s*[;|\n]\s*", r"\s*,\s*(?:and\s+)?|\s+and\s+", r"\s*,\s+(?:and\s+)?|\s+and\s+")
_QUANTITY = re.compile(
    r"(?P<number>[-\u2212]?[$\u20ac\u00a3]?\d[\d,]*(?:\.\d+)?%?)\s+[^\W\d]+(?:\s[^\W\d]+)?"
)
_NOTHING = frozenset({"none", "nothing", "no one", "nobody", "n/a", "no rows", "null"})
MAX_ANSWER = 2_000


class Said(Enum):
    """What holding a stated answer against a result comes to."""

    SAME = "same"
    DIFFERENT = "different"
    UNTOLD = "untold"


def find_answer(text: str, *, whole: bool = False) -> Artifact | None:
    """Return the last answer that a text marks as such.

    Args:
        text: The draft's text, blank where nothing counts.
        whole: Whether a short text without a mark is an answer itself.
    """
    found = [*_ANSWER.finditer(text), *_BOXED.finditer(text)]
    if found:
        last = max(found, key=lambda match: match.start())
        name = last.lastgroup or "line"
        return _trimmed(last[name], last.start(name))
    stripped = text.strip()
    if whole and stripped and len(stripped) <= 200 and "\n" not in stripped:
        return _trimmed(stripped, text.index(stripped))
    return None


def _trimmed(text: str, start: int) -> Artifact | None:
    text = text[:MAX_ANSWER]
    inner = text.strip(" \t*`")
    if len(inner) > 1 and inner.endswith("."):
        inner = inner[:-1].rstrip(" *`")
    if not inner:
        return None
    return Artifact(kind="answer", text=inner, start=start + text.index(inner))


def span_of(text: str, part: Artifact) -> Span:
    """Return where a part of a draft is."""
    # Lines as an editor counts them, which is how findings name them.
    line = len(text[: part.start + 1].splitlines()) or 1
    return Span(line, part.start, part.end)


def compare(stated: str, result: Result) -> Said:
    """Say whether a stated answer is what a query gave."""
    values = _values(result)
    if values is None:
        return Said.UNTOLD
    if not values:
        return Said.SAME if fold(stated) in _NOTHING else Said.DIFFERENT
    told = _compare_single(stated, values[0]) if len(values) == 1 else None
    return told or _compare_all(stated, values, is_column=len(result.columns) == 1)


def _compare_single(stated: str, value: Cell) -> Said | None:
    """Compare what is yes or no, or a quantity; None where it is neither."""
    yes = _yes(stated)
    if yes is not None:
        return _compare_yes(yes, value)
    return Said.SAME if same(stated, value) else _quantity(stated, value)


def _compare_all(stated: str, values: Sequence[Cell], *, is_column: bool) -> Said:
    distinct = list(dict.fromkeys(values))
    some = False
    for parts in _readings(stated):
        if _match(parts, values) or _match(parts, distinct):
            return Said.SAME
        some = some or (is_column and _match(parts, distinct, some=True))
    if some:
        return Said.DIFFERENT  # It leaves values out.
    return Said.UNTOLD if _overlap(stated, values) else Said.DIFFERENT


def _values(result: Result) -> list[Cell] | None:
    """The values of a result that is one row or one column; None for any other."""
    if result.is_cut:
        return None
    if len(result.columns) == 1:
        return [value for (value,) in result.rows]
    if len(result.rows) <= 1:
        return [value for row in result.rows for value in row]
    return None


def _yes(text: str) -> bool | None:
    folded = normalize(text)
    return {"yes": True, "true": True, "no": False, "false": False}.get(folded)


def _compare_yes(yes: bool, value: Cell) -> Said:  # noqa: FBT001 - what was said, not a switch
    if isinstance(value, str):
        told = _yes(value)
    else:
        told = {0: False, 1: True}.get(value) if isinstance(value, int) else None
    if told is None:
        return Said.UNTOLD
    return Said.SAME if told == yes else Said.DIFFERENT


def _readings(stated: str) -> Iterator[list[str]]:
    yield [stated]
    inner = stated.strip("[](){}")
    for separator in _SEPARATORS:
        parts = [part.strip(" '\"") for part in re.split(separator, inner) if part.strip(" '\"")]
        if len(parts) > 1:
            yield parts


def _match(parts: Sequence[str], values: Sequence[Cell], *, some: bool = False) -> bool:
    """Whether each part is a value of its own, and (but for `some`) none is left; in any order."""
    if len(parts) > min(len(values), 200) or (len(parts) != len(values) and not some):
        return False
    left = list(values)
    for part in parts:
        found = next((place for place, value in enumerate(left) if same(part, value)), None)
        if found is None:
            return False
        del left[found]
    return True


def _quantity(stated: str, value: Cell) -> Said | None:
    """Compare numbers, where a unit may follow the stated one; None where one is none."""
    match = _QUANTITY.fullmatch(stated.strip())
    text = match["number"] if match else stated
    if read_number(text) is None or as_fraction(value) is None:
        return None
    return Said.SAME if same(text, value) else Said.DIFFERENT


def _overlap(stated: str, values: Sequence[Cell]) -> bool:
    """Whether one is in the other, in part: then it may be the same in other words."""
    if not re.search(r"[^\W\d_]", stated):
        return False  # Of numbers, as in `2-0`, the order counts.
    said = Counter(re.findall(r"\w+", normalize(stated)))
    for value in values:
        words = Counter(re.findall(r"\w+", normalize(str(value))))
        if words and (words <= said or said <= words):
            return True
    return False
