"""Constraint types: plain functions from a text and typed arguments to an `Outcome`.

    def vowels(text: str, *, at_least: int) -> Outcome: ...

The signature is the type's description: names, annotations and defaults of its keyword arguments
are what a checklist may give, and pydantic holds a checklist to them. The docstring's first line
says in words what is asked. Types come from three places: this package, the entry-point group
`gadfly.constraints` of any installed package, and whoever makes a critic.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NotRequired, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from gadfly import JSON, InputError, PluginError
from gadfly_constraints import _types
from gadfly_constraints._outcome import Outcome

Check = Callable[..., Outcome]
"""`(text, **arguments) -> Outcome`: a pure function; the same text gets the same outcome."""
GROUP = "gadfly.constraints"
"""The entry-point group by which a package offers constraint types, by name."""


@dataclass(frozen=True, slots=True)
class ConstraintType:
    """A constraint type: its name, what it asks, and what it may be told."""

    name: str
    check: Check
    about: str
    """What it asks, in one sentence."""
    arguments: TypeAdapter[dict[str, Any]]
    """Its arguments by name, as pydantic reads them."""

    @property
    def schema(self) -> dict[str, JSON]:
        """The JSON schema of its arguments."""
        return self.arguments.json_schema()

    def read(self, arguments: Mapping[str, JSON]) -> Mapping[str, Any]:
        """Return arguments as the check takes them.

        Raises:
            InputError: One is missing, unknown or of the wrong type; the message names it.
        """
        try:
            return self.arguments.validate_python(dict(arguments))
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "it"
            raise InputError(f"constraint {self.name}: {where}: {first['msg']}") from error


def as_type(name: str, check: Check) -> ConstraintType:
    """Read a function's signature and docstring as a constraint type.

    Raises:
        InputError: It does not take one text and annotated keyword-only arguments.
    """
    try:
        hints = get_type_hints(check, include_extras=True)
        text, *rest = inspect.signature(check).parameters.values()
    except (TypeError, NameError, ValueError) as error:
        raise InputError(f"constraint type {name}: no readable function: {error}") from error
    if text.kind is text.KEYWORD_ONLY or any(
        one.kind is not one.KEYWORD_ONLY or one.name not in hints or one.name == "type"
        for one in rest
    ):
        raise InputError(
            f"constraint type {name}: a check takes a text, then annotated keyword-only arguments "
            "(none of them called type)"
        )
    fields = {
        one.name: hints[one.name] if one.default is one.empty else NotRequired[hints[one.name]]
        for one in rest
    }
    # A TypedDict and no model: an argument may be called `schema` or `copy`.
    make: Any = TypedDict  # its makers' types allow literal names only
    shape = with_config(ConfigDict(extra="forbid", strict=True))(make(name, fields))
    about = (inspect.getdoc(check) or "").partition("\n")[0]
    return ConstraintType(name, check, about, TypeAdapter(shape))


@cache
def built_in() -> Mapping[str, ConstraintType]:
    """Return the types of this package, by name."""
    return {name: as_type(name, check) for name, check in _types.CHECKS.items()}


class _Types(Mapping[str, ConstraintType]):
    """Constraint types by name; what an installed package offers is loaded when it is asked for."""

    def __init__(self, own: Mapping[str, Check]) -> None:
        self._known = dict(built_in())
        for name, check in own.items():
            if name in self._known:
                raise InputError(f"constraint type {name}: the name is taken")
            self._known[name] = as_type(name, check)
        # A package cannot replace what is known, so that a name means the same everywhere.
        self._offered = {name: by for name, by in _offers().items() if name not in self._known}

    def __getitem__(self, name: str) -> ConstraintType:
        if name in self._known:
            return self._known[name]
        first, *others = self._offered[name]
        if others:
            values = ", ".join(point.value for point in (first, *others))
            raise PluginError(f"constraint type {name} is offered by several packages: {values}")
        try:
            self._known[name] = as_type(name, first.load())
        except Exception as error:
            raise PluginError(f"constraint type {name} ({first.value}): {error}") from error
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._known, **self._offered})

    def __len__(self) -> int:
        return len({**self._known, **self._offered})


def all_types(own: Mapping[str, Check] | None = None) -> Mapping[str, ConstraintType]:
    """Return every type there is, by name: built in, given here, or offered by a package.

    Asking for one that a package offers loads it; it is a `PluginError` where that fails.

    Raises:
        InputError: One of `own` is no check, or takes the name of a built-in type.
    """
    return _Types(own or {})


@cache
def _offers() -> Mapping[str, tuple[EntryPoint, ...]]:
    points = entry_points(group=GROUP)
    return {name: tuple(points.select(name=name)) for name in points.names}
