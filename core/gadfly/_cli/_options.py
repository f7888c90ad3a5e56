"""Options of critics as people type them: `python/runs:answer=ans`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Annotated

import typer

from gadfly._errors import InputError
from gadfly._values.codec import decode_json
from gadfly._values.job import Level
from gadfly._values.task import JSON

Require = Annotated[
    Level,
    typer.Option(
        metavar="LEVEL",
        help="Refuse a sandbox that gives less: unsafe, process, fast or strict.",
        show_default=False,
    ),
]

Judge = Annotated[
    str | None,
    typer.Option("--judge", "--model", help="The model that critics may ask, PROVIDER:NAME."),
]
Tools = Annotated[
    list[str] | None,
    typer.Option("--tool", help="A tool that critics may use; repeat for several."),
]
CriticOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        help="A critic's option, such as python/runs:answer=ans; repeat for several.",
    ),
]


def critic_options(given: Sequence[str]) -> dict[str, dict[str, JSON]]:
    """Return options by critic id, of `CRITIC:NAME=VALUE` texts.

    A value that is JSON is what it says (`5`, `true`, `["a"]`); any other is a string.

    Raises:
        InputError: A text does not read so.
    """
    options: defaultdict[str, dict[str, JSON]] = defaultdict(dict)
    for text in given:
        critic, colon, rest = text.partition(":")
        name, equals, value = rest.partition("=")
        if not (critic and colon and name and equals):
            raise InputError(f"option {text!r} must read CRITIC:NAME=VALUE")
        options[critic][name] = value_of(value)
    return dict(options)


def value_of(text: str) -> JSON:
    """Return what a value says that is typed: JSON is what it is, any other text is a string."""
    try:
        value: JSON = decode_json(text)
    except InputError:
        return text
    return value
