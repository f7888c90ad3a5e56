"""What an answer looks like as a whole: JSON, a title, a postscript, two answers, one of a few."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from json import loads

from pydantic import JsonValue

from gadfly import InputError
from gadfly_constraints._outcome import (
    Count,
    Outcome,
    Words,
    broken,
    counted,
    met,
    shown,
    undecided,
)
from gadfly_constraints._types._counts import paragraph_places

_FENCE = re.compile(r"```(?:json)?", re.IGNORECASE)


def json(text: str, *, schema: Mapping[str, JsonValue] | None = None) -> Outcome:
    """The answer is JSON and nothing else (but a code fence), valid by `schema` if one is given."""
    try:
        value = loads(_unfenced(text), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        problem = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return broken(f"it is not JSON: {problem}", "answer with valid JSON only")
    return met("it is JSON") if schema is None else _by_schema(value, schema)


def title(text: str) -> Outcome:
    """The answer has a title in double angular brackets: <<like this>>."""
    for line in text.split("\n"):
        # By hand: a pattern takes time quadratic in the brackets that nothing closes.
        start, end = line.find("<<"), line.rfind(">>") + 2
        if 0 <= start < end - 4 and (inner := line[start:end].strip("<>").strip()):
            return met(f"the title is {shown(inner)}")
    return broken("there is no title", "add one in double angular brackets: <<title>>")


def postscript(text: str, *, marker: Words) -> Outcome:
    """The answer has a postscript that starts with `marker` (P.S. or P.P.S)."""
    letters = marker.replace(".", "").replace(" ", "")
    if re.fullmatch("p+s", letters, re.IGNORECASE):
        # P.S. and P. S. are one, and the point after P.P.S is optional.
        pattern = r"\.\s?".join(letters) + (r"\." if len(letters) == 2 else "")
    else:
        pattern = re.escape(marker)
    if re.search(pattern, text, re.IGNORECASE):
        return met(f"{marker} is there")
    return broken(f"there is no {marker}", f"add a postscript that starts with {marker}")


def paragraph_start(text: str, *, paragraph: Count, word: Words, paragraphs: Count) -> Outcome:
    """Of `paragraphs` paragraphs (blank lines between), number `paragraph` starts with `word`."""
    if not 1 <= paragraph <= paragraphs:
        raise InputError(f"paragraph_start: there is no paragraph {paragraph} of {paragraphs}")
    places = [place for place in paragraph_places(text, "\n\n") if text[slice(*place)].strip()]
    number = counted(places, "paragraphs", exactly=paragraphs)
    if not number.held:
        return number
    place = places[paragraph - 1]
    first = text[slice(*place)].split(maxsplit=1)[0].lstrip("'\"")
    first = re.split(r"[.,?!'\"]", first, maxsplit=1)[0]
    if first.lower() == word.lower():
        return met(f"paragraph {paragraph} starts with {word}")
    found = f"paragraph {paragraph} starts with {shown(first)}"
    return broken(found, f"start it with {word}", place)


def one_of(text: str, *, options: Sequence[Words]) -> Outcome:
    """One of `options` stands in the answer, letter for letter."""
    said = next((option for option in options if option in text), None)
    if said is not None:
        return met(f"it says {shown(said)}")
    listed = ", ".join(shown(option) for option in options)
    return broken("it says none of the options", f"say one of {listed}")


def two_responses(text: str, *, separator: Words = "******") -> Outcome:
    """There are two different answers, with `separator` between them."""
    parts = text.split(separator)
    inner = [part.strip() for part in parts[1:-1]]
    answers = [part.strip() for part in parts if part.strip()]
    advice = f"give two different answers with {separator} between them"
    if not all(inner):
        return broken("between two separators there is nothing", advice)
    if len(answers) != 2:
        return broken(f"the number of answers is {len(answers)}", advice)
    if answers[0] == answers[1]:
        return broken("both answers are the same", advice)
    return met("there are two different answers")


def quotation(text: str) -> Outcome:
    """The whole answer stands in double quotation marks."""
    bare = text.strip()
    if len(bare) > 1 and bare[0] == bare[-1] == '"':
        return met("it stands in double quotation marks")
    return broken("it does not stand in quotation marks", 'put all of it in "double ones"')


def no_commas(text: str) -> Outcome:
    """There is no comma."""
    places = [(at, at + 1) for at, one in enumerate(text) if one == ","]
    return counted(places, "commas", at_most=0)


def _unfenced(text: str) -> str:
    text = text.strip()
    opening = _FENCE.match(text)
    return text[opening.end() if opening else 0 :].removesuffix("```").strip()


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _by_schema(value: JsonValue, schema: Mapping[str, JsonValue]) -> Outcome:
    from jsonschema import (  # type: ignore[import-untyped]
        Draft202012Validator,
        SchemaError,
        ValidationError,
    )
    from jsonschema.exceptions import (  # type: ignore[import-untyped]
        best_match,  # pyright: ignore[reportUnknownVariableType]
    )
    from jsonschema.validators import validator_for  # type: ignore[import-untyped]
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    plain = dict(schema)
    kind = validator_for(plain, default=Draft202012Validator)
    try:
        kind.check_schema(plain)
        # A registry of our own: the default one fetches what a schema refers to.
        faults = kind(plain, registry=Registry()).iter_errors(value)
        fault: ValidationError | None = best_match(faults)  # pyright: ignore[reportUnknownVariableType]
    except SchemaError as error:
        raise InputError(f"constraint json: the schema is not valid: {error.message}") from error
    except Unresolvable as error:
        raise InputError(f"constraint json: the schema refers to {error.ref!r}") from error
    except re.error as error:
        raise InputError(f"constraint json: the schema has a bad pattern: {error}") from error
    except (RecursionError, ArithmeticError) as error:
        return undecided(f"it cannot be held against the schema: {type(error).__name__}")
    if fault is None:
        return met("it is JSON, valid by the schema")
    found = f"it is JSON, but at {fault.json_path}: {fault.message:.200}"
    return broken(found, "mend it so that the schema holds")
