"""Which words are there: keywords, forbidden words, the prompt's own, the last ones."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gadfly_constraints._outcome import Count, Outcome, Words, broken, counted, met, shown


def keywords(text: str, *, words: Sequence[Words]) -> Outcome:
    """Each of `words` appears in the answer, in either case."""
    missing = [word for word in words if _search(word, text) is None]
    if missing:
        return broken(f"missing: {_listed(missing)}", "use each of these words")
    return met(f"all {len(words)} keywords are there")


def keyword(
    text: str,
    *,
    word: Words,
    at_least: Count | None = None,
    at_most: Count | None = None,
    exactly: Count | None = None,
) -> Outcome:
    """`word` appears so often in the answer, in either case, inside longer words too."""
    places = [match.span() for match in re.finditer(re.escape(word), text, re.IGNORECASE)]
    noun = f"times that {shown(word)} appears"
    return counted(places, noun, at_least=at_least, at_most=at_most, exactly=exactly)


def forbidden_words(text: str, *, words: Sequence[Words]) -> Outcome:
    """None of `words` appears in the answer as a word of its own, in either case."""
    found = [
        match
        for word in words
        if (match := re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)) is not None
    ]
    if found:
        listed = _listed([match[0] for match in found])
        first = min(match.span() for match in found)
        return broken(f"forbidden words: {listed}", "say it without them", first)
    return met(f"none of the {len(words)} forbidden words is there")


def repeat_prompt(text: str, *, prompt: Words) -> Outcome:
    """The answer begins with `prompt`, word for word."""
    wanted, given = prompt.strip().lower(), text.strip().lower()
    if given.startswith(wanted):
        return met("it begins with the request")
    same = next(
        (at for at, (a, b) in enumerate(zip(wanted, given, strict=False)) if a != b),
        min(len(wanted), len(given)),
    )
    found = f"it leaves the request's words after {same} characters"
    return broken(found, f"begin with {shown(prompt.strip(), 400)}, unchanged")


def end_phrase(text: str, *, phrase: Words) -> Outcome:
    """The answer ends with `phrase` and nothing after it (but a closing quotation mark)."""
    if text.strip().strip('"').lower().endswith(phrase.strip().lower()):
        return met("it ends with the phrase")
    found = f"it ends with {shown(text.strip()[-40:])}"
    return broken(found, f"end with {shown(phrase, 200)}, with nothing after it")


def _search(word: str, text: str) -> re.Match[str] | None:
    return re.search(re.escape(word), text, re.IGNORECASE)


def _listed(words: Sequence[str]) -> str:
    return ", ".join(shown(word) for word in words[:20])
