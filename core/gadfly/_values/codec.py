"""Values to plain JSON data and back, and digests of them.

Writing is done here; reading is validation, and that is pydantic's job. It is imported on first
use: `import gadfly` stays light.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Hashable, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from gadfly._errors import InputError, OracleError
from gadfly._values.task import JSON, Reference

if TYPE_CHECKING:
    from pydantic import TypeAdapter

T = TypeVar("T")


def dump(value: object) -> JSON:
    """Return the plain JSON form of a value: dataclasses become dicts, tuples lists, enums values.

    Raises:
        InputError: Something in it is not JSON-able.
        OracleError: A gold answer is in it.
    """
    if type(value) in _ATOMS:
        return cast("JSON", value)
    if isinstance(value, Enum):
        return cast("JSON", value.value)
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"{value} is not JSON-able")
    if isinstance(value, Mapping):
        mapping = cast("Mapping[object, object]", value)
        return {str(key): dump(inner) for key, inner in mapping.items()}
    if isinstance(value, list | tuple):
        return [dump(inner) for inner in cast("Sequence[object]", value)]
    if isinstance(value, Reference):
        raise OracleError("a Reference has no plain form: a gold answer must not travel as data")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: dump(getattr(value, name)) for name in _field_names(type(value))}
    if isinstance(value, int | float | str):
        return value
    raise InputError(f"a value of type {type(value).__name__} is not JSON-able")


_ATOMS = frozenset({type(None), bool, int, str})


@cache
def _field_names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


def dump_dict(value: object) -> dict[str, JSON]:
    """Return the plain form of a dataclass or mapping, which is always a dict."""
    plain = dump(value)
    if not isinstance(plain, dict):
        raise InputError(f"a value of type {type(value).__name__} has no dict form")
    return plain


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    from pydantic import TypeAdapter

    return TypeAdapter(cast("type[Any]", kind))


def load(kind: type[T], data: object) -> T:
    """Return the value whose plain form is `data`.

    Raises:
        InputError: `data` is not the plain form of a `kind`; the message names the field.
    """
    from pydantic import ValidationError

    try:
        # mypy has it that a class object may not be hashable.
        return cast("T", _adapter(cast("Hashable", kind)).validate_python(data))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "it"
        message = f"not a {kind.__name__}: {where}: {first['msg']}"
        raise InputError(message) from error


def digest(value: object) -> str:
    """Return a short stable digest (32 hex digits of SHA-256) of a value's plain form."""
    text = json.dumps(dump(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def decode_json(text: str) -> Any:  # noqa: ANN401 - what JSON text holds is not known before it is read
    """Parse JSON strictly: `NaN` and `Infinity` are not JSON.

    Raises:
        InputError: It is not JSON; the message says where.
    """

    def refuse(constant: str) -> None:
        raise InputError(f"{constant} is not JSON")

    try:
        return json.loads(text, parse_constant=refuse)
    except RecursionError as error:
        raise InputError("not JSON: nested too deeply") from error
    except ValueError as error:
        # A JSONDecodeError, or a number with more digits than Python converts.
        detail = error.msg if isinstance(error, json.JSONDecodeError) else "a number is too long"
        column = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InputError(f"not JSON: {detail}{column}") from error
