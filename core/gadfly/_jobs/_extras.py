"""Packages that only some jobs need: what to say where one is missing."""

from __future__ import annotations

from gadfly._errors import InputError


def missing_extra(what: str, package: str, extra: str) -> InputError:
    """Return the error that says what needs which package, and how to get it."""
    return InputError(f"{what} needs {package}: pip install 'gadfly[{extra}]'")
