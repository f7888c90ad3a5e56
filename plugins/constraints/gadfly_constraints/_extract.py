"""Instructions read out of a prompt's plain text, where that can be exact.

A pattern here is worth having only if whoever writes these words can mean nothing else by them, so
most instructions are not read: `keep it short` is no number. Quoted and fenced text is not read (it
is what the prompt talks about), nor is a count in a clause about a part of the answer (`each`, `the
first`) or under a condition (`if`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gadfly import JSON

_Item = dict[str, JSON]
_NUMBERS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    *("nineteen", "twenty"),
)
_NUMBER = rf"(?P<number>\d{{1,3}}(?:,\d{{3}})+|\d{{1,6}}|{'|'.join(_NUMBERS)})"
_RELATIONS: dict[str, tuple[str, int]] = {
    "at least": ("at_least", 0),
    "no fewer than": ("at_least", 0),
    "no less than": ("at_least", 0),
    "a minimum of": ("at_least", 0),
    "more than": ("at_least", 1),
    "at most": ("at_most", 0),
    "no more than": ("at_most", 0),
    "not more than": ("at_most", 0),
    "a maximum of": ("at_most", 0),
    "less than": ("at_most", -1),
    "fewer than": ("at_most", -1),
    "exactly": ("exactly", 0),
}
_RELATION = rf"(?P<relation>{'|'.join(sorted(_RELATIONS, key=len, reverse=True))})"
_NOUNS = {
    "words": r"words?",
    "sentences": r"sentences?",
    "paragraphs": r"paragraphs?",
    "bullets": r"(?:bullet points?|bullets)",
    "placeholders": r"placeholders?",
}
# What follows a number of things and makes them other things: words in capitals, words that rhyme.
_NARROWED = (
    r"(?! (?:with|that|which|whose|starting|beginning|ending|containing|from|of|per|apart|later"
    r"|ago)\b"
    r"| in (?:all|capital|upper|lower|bold|italic)|[- ](?:long|limit)\w* (?:title|sentence))"
)
_PART = re.compile(
    r"\b(?:each|every|per|either|both|if|when|unless|first|second|third|fourth|last|final|title|name|"
    r"subject|line|letter|example|instead of|rather than|do not need|don't need|not necessarily)\b"
)
_QUOTED = re.compile(r"```.*?(?:```|\Z)|\"[^\"\n]*\"|“[^”\n]*”|`[^`\n]*`", re.DOTALL)
_PHRASE = r"[\"“](?P<phrase>[^\"“”\n]{2,300})[\"”]"

_WHOLE = "(?:the|your) (?:entire|whole) (?:output|response|answer)"
_SIMPLE: dict[str, str] = {
    "no_commas": (
        r"\b(?:(?:do not|don't|never) (?:use|include|contain|have) (?:any )?commas?"
        r"|(?:avoid|refrain from) (?:using |the use of )?(?:any )?commas?"
        r"|without (?:using )?(?:any )?commas?|no commas)\b(?! (?:after|before|between|splices?))"
    ),
    "lowercase": r"\b(?:in|use|using) all lower ?case(?: letters)?\b",
    "uppercase": r"\b(?:in|use|using) (?:all|only) (?:capital|upper ?case) letters\b",
    "json": rf"\b(?:wrap|put) {_WHOLE} in json\b",
    "title": r"\btitle,? (?:wrapped )?in double angular brackets\b",
    "quotation": rf"\bwrap {_WHOLE} (?:with|in) double quotation marks\b",
    "two_responses": r"\btwo different responses,? separated by (?:6|six) asterisk",
}
_SIMPLE_PATTERNS = {name: re.compile(pattern) for name, pattern in _SIMPLE.items()}
_COUNTS = tuple(
    (
        name,
        re.compile(rf"(?<![\w-]){_RELATION} {_NUMBER} {noun}\b{_NARROWED}"),
        re.compile(
            rf"(?<![\w.,-]){_NUMBER} {noun},? or (?P<relation>more|less|fewer)\b(?! than)"
            rf"{_NARROWED}"
        ),
    )
    for name, noun in _NOUNS.items()
)
_HIGHLIGHTS = re.compile(rf"\bhighlight {_RELATION} {_NUMBER} (?:sections|parts|phrases)\b")
_POSTSCRIPT = re.compile(
    r"\b(?:postscript|p\.s\. note|note)[^.!?\n]{0,40}? (?:starting|starts|beginning|begins) with "
    r"\"?(?P<marker>P\.P\.S|P\.S\.)",
    re.IGNORECASE,
)
_END = re.compile(
    rf"\b(?:end|finish) (?:your|the) (?:entire |whole )?(?:response|answer|reply) with "
    rf"(?:the |this )?(?:exact )?(?:phrase |sentence |words )?{_PHRASE}",
    re.IGNORECASE,
)


def extract(prompt: str) -> list[JSON]:
    """Return the instructions in a prompt that can be told exactly, each once, as a checklist."""
    found: list[JSON] = []
    for item in (*_phrases(prompt), *_clauses(prompt)):
        if item not in found:
            found.append(item)
    return found


def _phrases(prompt: str) -> Iterator[_Item]:
    if (match := _END.search(prompt)) is not None:
        yield {"type": "end_phrase", "phrase": match["phrase"]}
    if (match := _POSTSCRIPT.search(prompt)) is not None:
        yield {"type": "postscript", "marker": match["marker"]}


def _clauses(prompt: str) -> Iterator[_Item]:
    rest = _QUOTED.sub('""', prompt)
    separator: _Item = {"separator": "***"} if re.search(r"(?<!\*)\*{3}(?!\*)", prompt) else {}
    # A point ends a clause only before a space: `2.5 words` and `i.e.` go on.
    for clause in re.split(r"[.!?;:]\s|\n|[()]", rest):
        text = " ".join(clause.lower().replace("\u2019", "'").split())
        for name, pattern in _SIMPLE_PATTERNS.items():
            # "a few words in all capital letters" is not about the whole answer.
            some = name in {"lowercase", "uppercase"} and re.search(r"\bwords?\b", text)
            if pattern.search(text) and not some:
                yield {"type": name}
        if _PART.search(text) is not None:
            continue
        if (match := _HIGHLIGHTS.search(text)) is not None:
            yield {"type": "highlights", **_bound(match)}
        for name, before, after in _COUNTS:
            extra = separator if name == "paragraphs" else {}
            for pattern, bound in ((before, _bound), (after, _bound_after)):
                if (match := pattern.search(text)) is not None:
                    yield {"type": name, **bound(match), **extra}


def _bound(match: re.Match[str]) -> _Item:
    name, shift = _RELATIONS[match["relation"]]
    return {name: max(0, _number(match) + shift)}


def _bound_after(match: re.Match[str]) -> _Item:
    return {"at_least" if match["relation"] == "more" else "at_most": _number(match)}


def _number(match: re.Match[str]) -> int:
    text = match["number"].replace(",", "")
    return int(text) if text.isdecimal() else _NUMBERS.index(text)
