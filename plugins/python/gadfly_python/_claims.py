"""The examples that a task's prompt gives for a function: what goes in, and what must come out.

Four notations are read, for the functions that a draft defines:

    >>> f(2)            the output of a doctest, up to a blank line
    4
    f(2) == 4           in prose, in an `assert`, in a list
    f(2) -> 4
    f(2) returns 4

Only literals become examples. An example is a claim about a task, so where a line might mean
something else (`if f(2) == 4:`, `not f(2) == 4`, `f(2) == 4 + x`) it is left alone.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from gadfly_python._execution import Call, is_number
from gadfly_python._runner import decode, encode

MAX_CHARACTERS = 500
"""Of one call, and of one expected value."""
RELATIVE_TOLERANCE = 1e-9
"""Between two floats."""

_DOCTEST = re.compile(r"[ \t]*>>>[ \t]?(.*)")
_CONTINUED = re.compile(r"[ \t]*\.\.\.(?:[ \t](.*))?$")
_OUTPUT_ENDS = re.compile(r"\s*$|[ \t]*(?:>>>|\"\"\"|'''|```|~~~)")
_CALL = re.compile(r"(?<![\w.])([^\W\d]\w*)\(")
_BEFORE_A_CLAIM = re.compile(r"[ \t]*[-*+]?[ \t`(]*$")
"""Nothing, or the bullet of a list."""
_NO_CLAIM = re.compile(r"(?:[-+*/%&|^<>=~@]|\b(?:def|not|if|elif|while|unless|when|or))[ \t`(]*$")
_SAYS = re.compile(r"`?[ \t]*(==|->|returns\b)[ \t]*`?")
_LITERAL = re.compile(
    r"(?:True|False|None)\b"
    r"|[-+]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?"
    r"|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
)
_GOES_ON = re.compile(r"[\w(\[]|\.\w|[ \t]*[-+*/%&|^<>=]|[ \t]*(?:or|if|for|in|is)\b")
_TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Claim:
    """What a prompt says of one call, as text."""

    function: str
    call: str
    expected: str
    by_value: bool
    """Whether 4 and 4.0 are the same here, as they are to `==`. A printed 4 is no 4.0."""


@dataclass(frozen=True, slots=True)
class Example:
    """A claim whose arguments and expected value are literals."""

    text: str
    """The call as the prompt writes it."""
    call: Call
    expected: object
    by_value: bool

    def holds(self, given: object) -> bool:
        """Whether a decoded value is the expected one: its type too, floats within tolerance."""
        return _same(given, self.expected, by_value=self.by_value)


def find_claims(prompt: str, functions: Collection[str]) -> Iterator[Claim]:
    """Find what a prompt says of calls of these functions, in reading order."""
    lines = prompt.splitlines()
    index = 0
    while index < len(lines):
        doctest = _DOCTEST.match(lines[index])
        index += 1
        if doctest is None:
            yield from _in_line(lines[index - 1], functions)
            continue
        source = [doctest[1]]
        while index < len(lines) and (more := _CONTINUED.match(lines[index])):
            source.append(more[1] or "")
            index += 1
        output: list[str] = []
        while index < len(lines) and not _OUTPUT_ENDS.match(lines[index]):
            output.append(lines[index])
            index += 1
        yield from _in_doctest("\n".join(source).strip(), "\n".join(output).strip(), functions)


def as_example(claim: Claim) -> Example | None:
    """Return the example that a claim makes; None where something in it is not a literal."""
    try:
        node = ast.parse(claim.call, mode="eval").body
        if not isinstance(node, ast.Call):
            return None
        arguments = tuple(ast.literal_eval(argument) for argument in node.args)
        keywords = {word.arg: ast.literal_eval(word.value) for word in node.keywords if word.arg}
        expected = ast.literal_eval(claim.expected)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    everything = [arguments, keywords, expected]
    # Sets, bytes and the like are literals too, but cannot travel.
    if len(keywords) != len(node.keywords) or decode(encode(everything)) != everything:
        return None
    call = Call(claim.function, arguments, keywords)
    return Example(claim.call, call, expected, claim.by_value)


def _in_doctest(source: str, output: str, functions: Collection[str]) -> Iterator[Claim]:
    call = _CALL.match(source)
    if call is None or call[1] not in functions or len(output) > MAX_CHARACTERS or not output:
        return
    end = _closing(source, call.end() - 1)
    if end == len(source):
        yield Claim(call[1], source, output, by_value=False)
    elif output == "True":
        yield from _in_line(source, functions)


def _in_line(line: str, functions: Collection[str]) -> Iterator[Claim]:
    for call in _CALL.finditer(line):
        end = _closing(line, call.end() - 1) if call[1] in functions else None
        says = _SAYS.match(line, end) if end is not None else None
        before = line[: call.start()]
        if says is None or (_NO_CLAIM.search(before) and not _BEFORE_A_CLAIM.match(before)):
            continue
        expected = _literal(line, says.end())
        if expected is not None:
            yield Claim(call[1], line[call.start() : end], expected, by_value=says[1] == "==")


def _literal(line: str, start: int) -> str | None:
    """Return the one literal that begins there, or None where there is none or it goes on."""
    if line[start : start + 1] in {"(", "[", "{"}:
        end = _closing(line, start)
    else:
        match = _LITERAL.match(line, start)
        end = match.end() if match else None
    if end is None or _GOES_ON.match(line, end):
        return None
    return line[start:end]


def _closing(text: str, start: int) -> int | None:
    """Return the end of what the bracket at `start` opens; None where it stays open."""
    depth = 0
    for token in _TOKEN.finditer(text, start, start + MAX_CHARACTERS):
        depth += (token[0] in {"(", "[", "{"}) - (token[0] in {")", "]", "}"})
        if depth == 0:
            return token.end()
    return None


def _same(given: object, expected: object, *, by_value: bool) -> bool:
    comparable = type(given) is type(expected) or by_value
    if comparable and is_number(given) and is_number(expected):
        return given == expected or math.isclose(given, expected, rel_tol=RELATIVE_TOLERANCE)
    if type(given) is not type(expected):
        return False
    if isinstance(expected, list | tuple):
        one, other = cast("Sequence[object]", given), cast("Sequence[object]", expected)
        pairs = list(zip(one, other, strict=False))
        return len(one) == len(other) and all(_same(*pair, by_value=by_value) for pair in pairs)
    if isinstance(expected, dict):
        this, that = cast("dict[object, object]", given), cast("dict[object, object]", expected)
        return this.keys() == that.keys() and all(
            _same(this[key], that[key], by_value=by_value) for key in that
        )
    return given == expected
