"""How exceptions cross the channel: by the name of one built-in class, arguments and message.

An exception of a class of the program's own brings the line of its own classes along, and *one*
built-in class, the first among its bases: a class that is a ValueError, a TypeError and a KeyError
at once would meet every expectation.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable

from .wire import MAX_TEXT, Encoder, Foreign, Form, NotPlainError, kind_of

NEVER_RAISED = frozenset(
    {"BaseException", "GeneratorExit", "KeyboardInterrupt", "StopAsyncIteration", "StopIteration"}
)
"""What would end a loop, or the tests themselves, without failing anything."""


class CandidateError(Exception):
    """The program raised something that cannot be raised here as what it is."""


HandleOf = Callable[[Foreign], int]
"""Lends a handle to an object and returns its number."""


def describe(
    error: BaseException, encoder: Encoder, handle_of: HandleOf | None, line: int | None = None
) -> Form:
    """Write an exception.

    Args:
        error: The exception.
        encoder: Writes its arguments.
        handle_of: Lends handles to its own classes and to itself; None lends none.
        line: The program's own line; None where it has none.
    """
    try:
        arguments = [encoder.encode(argument) for argument in error.args]
    except NotPlainError:
        arguments = []
    relations = family(type(error), handle_of)
    own = handle_of is not None and relations["own"]
    return {
        **relations,
        "name": name_of(type(error)),
        "object": handle_of(error) if own and handle_of is not None else None,
        "args": arguments,
        "message": message_of(error),
        "line": line,
    }


def family(kind: type[BaseException], handle_of: HandleOf | None) -> dict[str, Form]:
    """Write an exception class: its line of own classes, and the built-in one it begins with."""
    own = [c for c in kind.__mro__ if issubclass(c, BaseException) and not is_builtin(c)]
    return {
        "own": [] if handle_of is None else [[handle_of(c), name_of(c)] for c in own],
        "base": next(c.__name__ for c in kind.__mro__ if is_builtin(c)),
    }


def is_builtin(kind: type) -> bool:
    """Whether a class is an exception class of Python itself."""
    return issubclass(kind, BaseException) and getattr(builtins, kind.__name__, None) is kind


def builtin_exception(name: Form) -> type[Exception | SystemExit] | None:
    """Return the built-in class of that name, if it is one that may be raised here."""
    kind = getattr(builtins, name, None) if kind_of(name) is str else None
    if not isinstance(kind, type) or name in NEVER_RAISED:
        return None
    return kind if issubclass(kind, (Exception, SystemExit)) else None


def message_of(error: BaseException) -> str:
    """Return an exception's message, bounded."""
    try:
        return str(error)[:MAX_TEXT]
    except BaseException:  # noqa: BLE001 - a class of the program's own may raise anything here
        return ""


def name_of(kind: type) -> str:
    """Return the name of a class, bounded."""
    return str(kind.__name__)[:60]


def make(kind: type[BaseException], arguments: list[Foreign], message: str) -> BaseException:
    """Return an exception of a class, whatever its constructor wants."""
    try:
        return kind(*arguments)
    except Exception:  # noqa: BLE001 - the arguments are the other side's
        error = kind.__new__(kind)
        error.args = (message,)
        return error


def mark_theirs(error: BaseException, line: int | None) -> BaseException:
    """Mark an exception as raised by the program, in one of its lines, and return it."""
    error.__dict__["program_line"] = line
    return error


def is_theirs(error: BaseException) -> bool:
    """Whether the program raised an exception."""
    return "program_line" in error.__dict__


def line_of_program(error: BaseException) -> int | None:
    """Return the line of the program that raised an exception; None where it is not known."""
    line: int | None = error.__dict__.get("program_line")
    return line
