"""Links the words of a sentence to a table: to columns, to cells, to numbers, to a few operators.

Every word must be accounted for, or the sentence is not read: what is left over could change its
meaning. Only words that are neutral, or are in the table's title, may say nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from gadfly_table._tables import Table
from gadfly_table._values import MISSING, fold, normalize, read_date
from gadfly_table._words import NEUTRAL, OPERATOR_WORDS, OPERATORS, Token, stems, tokenize

MAX_PHRASE = 12
"""Words of the longest phrase that is looked for."""
MAX_CELLS = 5_000
"""Above this, cells are found by their whole text only."""
Stems = tuple[str, ...]
Cells = Mapping[int, frozenset[str]]
"""By column: the cells of it, as they are written."""


class UnreadError(Exception):
    """A sentence cannot be read exactly; the message is the part that cannot."""


@dataclass(frozen=True, slots=True)
class Item:
    """One part of a sentence."""

    kind: str
    """`v` a cell, `c` a column, `n` a number, or the letter of an operator."""
    text: str
    columns: tuple[int, ...] = ()
    """Of a `c`: the columns that it may name."""
    cells: Cells | None = None
    """Of a `v`: what it may name. Of an `n`: the cells that are just this number."""
    wider: Cells | None = None
    """Of a `v` that is a whole cell: all cells that hold it, where there are more."""
    number: Fraction | None = None
    decimals: int = 0
    after_and: bool = False
    """Whether the word before is `and` or a comma."""


@dataclass(frozen=True, slots=True)
class Lexicon:
    """What the words of one table are."""

    table: Table
    headers: Mapping[Stems, tuple[int, ...]]
    heads: Mapping[str, tuple[int, ...]]
    """Columns by one word of their name."""
    whole: Mapping[Stems, Cells]
    part: Mapping[Stems, Cells]
    title: frozenset[str]


def make_lexicon(table: Table, title: str = "") -> Lexicon:
    """Return the words of a table, and of its title."""
    headers: dict[Stems, tuple[int, ...]] = {}
    heads: dict[str, tuple[int, ...]] = {}
    whole: dict[Stems, dict[int, set[str]]] = {}
    part: dict[Stems, dict[int, set[str]]] = {}
    is_small = table.height * len(table.columns) <= MAX_CELLS
    for place, column in enumerate(table.columns):
        for form in {stems(column.name), stems(normalize(column.name))}:
            if form:
                headers[form] = (*headers.get(form, ()), place)
        for word in set(stems(column.name)) - NEUTRAL - OPERATOR_WORDS:
            heads[word] = (*heads.get(word, ()), place)
        for cell in set(column.cells):
            if fold(cell) in MISSING - {"none"}:
                continue
            full = stems(cell)
            for form in {full, stems(normalize(cell))}:
                whole.setdefault(form, {}).setdefault(place, set()).add(cell)
            if is_small and len(full) <= 30:
                for phrase in _phrases(full):
                    part.setdefault(phrase, {}).setdefault(place, set()).add(cell)
    return Lexicon(table, headers, heads, _frozen(whole), _frozen(part), frozenset(stems(title)))


def _phrases(words: Stems) -> Iterable[Stems]:
    for start in range(len(words)):
        for end in range(start + 1, min(len(words), start + MAX_PHRASE) + 1):
            if end - start < len(words):
                yield words[start:end]


def _frozen(found: Mapping[Stems, Mapping[int, set[str]]]) -> Mapping[Stems, Cells]:
    return {form: {c: frozenset(cells) for c, cells in by.items()} for form, by in found.items()}


def link(sentence: str, lexicon: Lexicon, operators: Mapping[Stems, str] = OPERATORS) -> list[Item]:
    """Return the parts of a sentence, neutral words left out.

    Args:
        sentence: The sentence.
        lexicon: The table's words.
        operators: The phrases that mean something by themselves; an empty letter is none.

    Raises:
        UnreadError: A word of it says something that is not known here.
    """
    text = fold(sentence)
    tokens = tokenize(text)
    items: list[Item] = []
    place = 0
    while place < len(tokens):
        length, item = _longest(tokens, place, text, lexicon, operators)
        if item is not None:
            items.append(item)
        place += length
    return items


def _longest(
    tokens: list[Token], place: int, text: str, lexicon: Lexicon, operators: Mapping[Stems, str]
) -> tuple[int, Item | None]:
    for end in range(min(len(tokens), place + MAX_PHRASE), place, -1):
        found = _item(tokens[place:end], _after_and(tokens, place, text), lexicon, text)
        if found is not None:
            return end - place, found
        phrase = tuple(token.stem for token in tokens[place:end])
        if phrase in operators:
            letter = operators[phrase]
            return end - place, Item(letter, " ".join(phrase)) if letter else None
    word = tokens[place]
    if word.stem in NEUTRAL or word.stem in lexicon.title:
        return 1, None
    raise UnreadError(text[word.start : word.end])


def _after_and(tokens: list[Token], place: int, text: str) -> bool:
    while place:
        if "," in text[tokens[place - 1].end : tokens[place].start]:
            return True
        place -= 1
        if tokens[place].stem == "and":
            return True
        if tokens[place].stem not in NEUTRAL:
            return False
    return False


def _item(tokens: list[Token], after_and: bool, lexicon: Lexicon, text: str) -> Item | None:  # noqa: FBT001
    phrase = tuple(token.stem for token in tokens)
    said = text[tokens[0].start : tokens[-1].end]
    is_word = any(token.number is None for token in tokens)
    is_plain = len(phrase) == 1 and (phrase[0] in OPERATOR_WORDS or phrase[0] in NEUTRAL)
    # Several numbers are one thing where they are one cell: `3 - 2`.
    is_cell = is_word or len(phrase) > 1
    if is_cell and not is_plain and (cells := lexicon.whole.get(phrase) or _dated(said, lexicon)):
        wider = _joined(cells, lexicon.part.get(phrase, {}))
        return Item("v", said, cells=cells, wider=wider, after_and=after_and)
    if phrase in lexicon.headers and is_word:
        return Item("c", said, columns=lexicon.headers[phrase])
    # A word of a header that is also in a cell: the header is meant.
    is_part = is_word and not is_plain and not (len(phrase) == 1 and phrase[0] in lexicon.heads)
    if is_part and (cells := lexicon.part.get(phrase)) and not _is_idle(phrase):
        return Item("v", said, cells=cells, after_and=after_and)
    return None if len(phrase) > 1 else _single(tokens[0], said, lexicon)


def _single(token: Token, said: str, lexicon: Lexicon) -> Item | None:
    """Return a number, or a column by one word of its name."""
    if token.number is not None:
        decimals = len(said.partition(".")[2]) if said[0].isdigit() else 0
        cells = {**lexicon.whole.get((token.stem,), {})}
        if not cells and token.stem in lexicon.title:
            return None
        return Item("n", said, cells=cells, number=token.number, decimals=decimals)
    if token.stem in lexicon.heads and token.stem not in NEUTRAL:
        return Item("c", said, columns=lexicon.heads[token.stem])
    return None


def _dated(text: str, lexicon: Lexicon) -> Cells | None:
    """The cells that are a date which the text writes in another way."""
    written = read_date(text)
    if written is None:
        return None
    found: dict[int, frozenset[str]] = {}
    for place, column in enumerate(lexicon.table.columns):
        if column.beside is not None and column.beside[0].endswith(" iso"):
            pairs = zip(column.cells, column.beside[1], strict=True)
            cells = frozenset(cell for cell, iso in pairs if iso == written.isoformat())
            if cells:
                found[place] = cells
    return found or None


def _joined(whole: Cells, part: Cells) -> Cells | None:
    """What holds a phrase, in the columns where it is a whole cell; None if nothing is added."""
    joined = {column: cells | part.get(column, frozenset()) for column, cells in whole.items()}
    return None if joined == whole else joined


def _is_idle(phrase: Stems) -> bool:
    return all(word in NEUTRAL or word in OPERATOR_WORDS or len(word) < 2 for word in phrase)
