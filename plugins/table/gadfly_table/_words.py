"""Words of claims and cells: tokens, stems, and the few words that have a meaning of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from gadfly_table._values import fold

_TOKEN = re.compile(
    r"\d+(?:st|nd|rd|th)\b|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[^\W\d_]+(?:'(?!s\b)[^\W\d_]+)?"
)


def _split(text: str) -> list[str]:
    return text.split()


_COUNTED = dict(
    zip(
        _split("zero one two three four five six seven eight nine ten eleven twelve"),
        range(13),
        strict=True,
    )
)
_ORDINALS = dict(
    zip(
        _split("first second third fourth fifth sixth seventh eighth ninth tenth"),
        range(1, 11),
        strict=True,
    )
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word or number."""

    stem: str
    """What it is compared by."""
    number: Fraction | None
    """Its value where it is a number; None for words and ordinals."""
    start: int
    end: int


def tokenize(text: str) -> list[Token]:
    """Return the words and numbers of a folded text; a hyphen between words is a space."""
    tokens: list[Token] = []
    for match in _TOKEN.finditer(text):
        word = match[0]
        number: Fraction | None = None
        if word[0].isdigit() and not word[-1].isalpha():
            number = Fraction(word.replace(",", ""))
            before = text[tokens[-1].end if tokens else 0 : match.start()]
            # A minus sign, unless a number stands before: then it is a score or a range.
            if re.fullmatch(r".*(?:^|[\s(])-\s?", before) and not (
                tokens and tokens[-1].number is not None
            ):
                number = -number
            stemmed = str(number)
        elif word in _COUNTED:
            number = Fraction(_COUNTED[word])
            stemmed = str(number)
        elif word in _ORDINALS:
            place = _ORDINALS[word]
            stemmed = f"{place}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(place, 'th') }"
        else:
            stemmed = stem(word)
        tokens.append(Token(stemmed, number, match.start(), match.end()))
    return tokens


def stems(text: str) -> tuple[str, ...]:
    """Return the stems of a text."""
    return tuple(token.stem for token in tokenize(fold(text)))


def stem(word: str) -> str:
    """Return what the forms of a word have in common, roughly: `scored`, `scores` and `scoring`."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    for suffix in ("ance", "ence", "ing", "ed"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            rest = word[: -len(suffix)]
            doubled = rest[-1] == rest[-2] and rest[-1] not in "ls"
            return (rest[:-1] if doubled else rest).removesuffix("e")
    if len(word) > 4 and word.endswith("es"):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1].removesuffix("e")
    return word.removesuffix("e") if len(word) > 3 else word


_IRREGULAR: Mapping[str, str] = {
    **dict.fromkeys(_split("is are was were been being am"), "be"),
    **dict.fromkeys(_split("has had having"), "hav"),
    **dict.fromkeys(_split("does did done doing"), "do"),
    **dict.fromkeys(_split("won winning winner winners wins"), "win"),
    **dict.fromkeys(_split("written wrote writer writers"), "writ"),
    **dict.fromkeys(_split("director directors"), "direct"),
    **dict.fromkeys(_split("took taken takes taking"), "tak"),
    **dict.fromkeys(_split("made makes making"), "mak"),
    **dict.fromkeys(_split("got gets getting"), "get"),
    **dict.fromkeys(_split("gave given gives giving"), "giv"),
    **dict.fromkeys(_split("came comes coming"), "com"),
    **dict.fromkeys(_split("went goes going gone"), "go"),
    **dict.fromkeys(_split("held holds holding"), "hold"),
    "cities": "city",
    "children": "child",
    "men": "man",
    "women": "woman",
}

NEUTRAL = frozenset(
    stem(word)
    for word in _split(
        "a an the of in on at for to by with from as be have do that which who whom whose when "
        "where while it its their his her he she they them this these those and also s into during "
        "will would can there here name called titled number list listed table according accord "
        "play compete participate take place occur happen hold host locate located make get "
        "receive achieve obtain record report reach represent belong serve feature show give us "
        "use used against versus vs what was exactly particular value data"
    )
)
"""Words that change nothing: between things that are found in one row, they say how these are
related, and the row says it better."""

# By stems, longest first. Each letter is a part of speech in the grammar of claims.
_SAID: tuple[tuple[str, str], ...] = (
    (">", "more than|greater than|higher than|larger than|bigger than|over|above|exceed|surpass"),
    ("<", "less than|fewer than|lower than|smaller than|under|below"),
    ("G", "at least|no less than|no fewer than|a minimum of"),
    ("L", "at most|no more than|a maximum of"),
    ("M", "highest|most|largest|greatest|biggest|maximum|max"),
    ("m", "lowest|least|fewest|smallest|minimum|min"),
    ("t", "total|sum|combined|a total of"),
    ("a", "average|mean"),
    ("x", "not|never|no|none|zero"),
    ("o", "only|just"),
    ("A", "all|every|each"),
    ("b", "both"),
    (
        "K",
        "time|row|entry|item|instance|occasion|game|match|race|event|contest|tournament|player|team",
    ),
    ("+", "more|higher|greater|larger"),
    ("-", "less|fewer|lower|smaller"),
    ("T", "than"),
    ("p", "win|earn|score|collect"),
    ("e", "there be"),
    ("", "in total|total number of|number of|in the table|take place|accord to the table"),
)
OPERATORS: Mapping[tuple[str, ...], str] = {
    stems(phrase): letter for letter, phrases in _SAID for phrase in phrases.split("|")
}
"""Phrases by stems; the empty letter is a phrase that says nothing.

`p` are verbs of having, which say nothing only beside an amount that is compared."""
OPERATOR_WORDS = frozenset(word for phrase in OPERATORS for word in phrase)

_ASKED: tuple[tuple[str, str], ...] = (
    ("q", "how many|how much|tell me the number of"),
    ("q", "number of|total number of|total amount of"),
    ("w", "which|name"),
    ("h", "who|whom"),
    ("u", "what|when|where|what be"),
    (
        "N",
        "next after|right after|directly after|immediately after|come after|after|follow",
    ),
    ("P", "right before|directly before|immediately before|come before|previous to|before|precede"),
    ("/", "or"),
)
QUESTION_OPERATORS: Mapping[tuple[str, ...], str] = {
    **OPERATORS,
    **{stems(phrase): letter for letter, phrases in _ASKED for phrase in phrases.split("|")},
}
"""The same for questions, where what is asked for is a part of speech too."""
