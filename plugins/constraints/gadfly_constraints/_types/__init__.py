"""The constraint types that come with the package, one function each."""

from __future__ import annotations

from collections.abc import Callable

from gadfly_constraints._outcome import Outcome
from gadfly_constraints._types._counts import (
    bullets,
    capital_words,
    highlights,
    letter,
    paragraphs,
    placeholders,
    sections,
    sentences,
    words,
)
from gadfly_constraints._types._language import language, lowercase, uppercase
from gadfly_constraints._types._shape import (
    json,
    no_commas,
    one_of,
    paragraph_start,
    postscript,
    quotation,
    title,
    two_responses,
)
from gadfly_constraints._types._wording import (
    end_phrase,
    forbidden_words,
    keyword,
    keywords,
    repeat_prompt,
)

CHECKS: dict[str, Callable[..., Outcome]] = {
    check.__name__: check
    for check in (
        *(words, sentences, paragraphs, bullets, sections, highlights, placeholders),
        *(keyword, keywords, forbidden_words, letter, capital_words),
        *(lowercase, uppercase, language),
        *(json, title, postscript, paragraph_start, one_of, two_responses, quotation, no_commas),
        *(repeat_prompt, end_phrase),
    )
}
"""All of them, by name."""
