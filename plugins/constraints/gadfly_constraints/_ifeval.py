"""Instructions of the IFEval benchmark, by their ids, as constraints of this package."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gadfly import JSON, InputError

_Arguments = Mapping[str, Any]
_ANSWERS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")


def from_ifeval(ids: Sequence[str], kwargs: Sequence[Mapping[str, JSON]]) -> list[JSON]:
    """Return a checklist that asks what IFEval's instructions ask, in their order.

    Args:
        ids: `instruction_id_list` of the data set; a language prefix (`en:`) is left out.
        kwargs: `kwargs` of the data set, one mapping for each id.

    Raises:
        InputError: An id is not known, an argument is missing, or there are not as many of both.
    """
    if len(ids) != len(kwargs):
        raise InputError(f"IFEval: {len(ids)} instructions, but {len(kwargs)} sets of arguments")
    return [_constraint(id_, given) for id_, given in zip(ids, kwargs, strict=True)]


def _constraint(id_: str, given: _Arguments) -> dict[str, JSON]:
    name = ":".join(id_.split(":")[-2:])
    if name not in _INSTRUCTIONS:
        raise InputError(f"IFEval: there is no instruction {id_!r}")
    kind, arguments = _INSTRUCTIONS[name]
    try:
        return {"type": kind, **arguments(given)}
    except (KeyError, TypeError) as error:
        raise InputError(f"IFEval: {id_} lacks an argument, or has a wrong one: {error}") from error


def _bounds(relation: str, number: int) -> dict[str, JSON]:
    match relation:
        case "at least":
            return {"at_least": number}
        case "less than":
            return {"at_most": number - 1}
        case _:
            raise InputError(f"IFEval: a relation is 'at least' or 'less than', not {relation!r}")


def _nothing(_: _Arguments) -> dict[str, JSON]:
    return {}


_INSTRUCTIONS: dict[str, tuple[str, Callable[[_Arguments], dict[str, JSON]]]] = {
    "change_case:capital_word_frequency": (
        "capital_words",
        lambda given: _bounds(given["capital_relation"], given["capital_frequency"]),
    ),
    "change_case:english_capital": ("uppercase", lambda _: {"code": "en"}),
    "change_case:english_lowercase": ("lowercase", lambda _: {"code": "en"}),
    "combination:repeat_prompt": (
        "repeat_prompt",
        lambda given: {"prompt": given["prompt_to_repeat"]},
    ),
    "combination:two_responses": ("two_responses", _nothing),
    "detectable_content:number_placeholders": (
        "placeholders",
        lambda given: {"at_least": given["num_placeholders"]},
    ),
    "detectable_content:postscript": (
        "postscript",
        lambda given: {"marker": given["postscript_marker"]},
    ),
    "detectable_format:constrained_response": ("one_of", lambda _: {"options": list(_ANSWERS)}),
    "detectable_format:json_format": ("json", _nothing),
    "detectable_format:multiple_sections": (
        "sections",
        lambda given: {"heading": given["section_spliter"], "at_least": given["num_sections"]},
    ),
    "detectable_format:number_bullet_lists": (
        "bullets",
        lambda given: {"exactly": given["num_bullets"]},
    ),
    "detectable_format:number_highlighted_sections": (
        "highlights",
        lambda given: {"at_least": given["num_highlights"]},
    ),
    "detectable_format:title": ("title", _nothing),
    "keywords:existence": ("keywords", lambda given: {"words": given["keywords"]}),
    "keywords:forbidden_words": (
        "forbidden_words",
        lambda given: {"words": given["forbidden_words"]},
    ),
    "keywords:frequency": (
        "keyword",
        lambda given: {
            "word": given["keyword"],
            **_bounds(given["relation"], given["frequency"]),
        },
    ),
    "keywords:letter_frequency": (
        "letter",
        lambda given: {
            "letter": given["letter"],
            **_bounds(given["let_relation"], given["let_frequency"]),
        },
    ),
    "language:response_language": ("language", lambda given: {"code": given["language"]}),
    "length_constraints:nth_paragraph_first_word": (
        "paragraph_start",
        lambda given: {
            "paragraph": given["nth_paragraph"],
            "word": given["first_word"],
            "paragraphs": given["num_paragraphs"],
        },
    ),
    "length_constraints:number_paragraphs": (
        "paragraphs",
        lambda given: {"exactly": given["num_paragraphs"], "separator": "***"},
    ),
    "length_constraints:number_sentences": (
        "sentences",
        lambda given: _bounds(given["relation"], given["num_sentences"]),
    ),
    "length_constraints:number_words": (
        "words",
        lambda given: _bounds(given["relation"], given["num_words"]),
    ),
    "punctuation:no_comma": ("no_commas", _nothing),
    "startend:end_checker": ("end_phrase", lambda given: {"phrase": given["end_phrase"]}),
    "startend:quotation": ("quotation", _nothing),
}
