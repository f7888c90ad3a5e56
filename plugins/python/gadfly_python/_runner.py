"""Runs one program inside the sandbox and writes down what happened, as data.

This file is shipped with every job and needs nothing but the standard library. Beside it lie
`program.py` and `request.json`; it leaves `result.json`. It shares its process with the program, so
the program can write any result it likes: all it can state that way is a value of its own. Nothing
that the value is compared with ever comes here.

The codec below is used on both sides. A value is encoded by its *exact* type, as itself where JSON
has it and as an object with one tag where it has not:

    None bool int str, finite float    themselves
    {"float": "nan"}                   nan, inf, -inf
    {"list": [...]}  {"tuple": [...]}
    {"dict": [[key, value], ...]}
    {"fraction": [1, 3]}
    {"decimal": "0.10"}
    {"unencodable": "function"}        anything else, by the name of its type

Numbers of numpy and sympy are encoded as the Python numbers they stand for. A subclass of `int`
is something else: it may claim to equal everything. There is no pickle and no eval.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeAlias

Form: TypeAlias = Any
"""Parsed JSON, not yet looked at."""
Foreign: TypeAlias = Any
"""A value of the program's, or of a library that it uses."""

RUNNER, PROGRAM, REQUEST, RESULT = "runner.py", "program.py", "request.json", "result.json"
ANSWERS = ("answer", "ans", "result")
"""Where an answer is looked for, in this order; after them the functions."""
ANSWER_FUNCTIONS = ("solution", "solve")
MAX_SIZE = 20_000
"""Of one value: its characters and digits, and `NODE_SIZE` for every part of it."""
NODE_SIZE = 4
MAX_PARTS = MAX_SIZE // NODE_SIZE
"""Of one list: what an encoder can put into it."""
MAX_DEPTH = 20
MAX_BITS = 12_000
"""Of one int: Python reads up to 4,300 digits."""
MAX_EXPONENT = 400
"""Of a Decimal: enough for every float, and harmless to compute with."""
MAX_VARIABLES = 200
VARIABLE_SIZE = 400
"""`MAX_SIZE` of one of them."""
MAX_TEXT = 400
"""Of an exception's message."""


@dataclass(frozen=True, slots=True, repr=False)
class Unencodable:
    """Stands for a value that is not plain data. It equals no value of a draft or of a task."""

    type_name: str

    def __repr__(self) -> str:
        return f"<{self.type_name}>"


class _TooLargeError(Exception):
    """A value needs more than its size."""


def encode(value: object, size: int = MAX_SIZE) -> object:
    """Return the JSON form of a value; what is too large or too deep is unencodable as a whole."""
    try:
        return _Encoder(size).encode(value, 0)
    except _TooLargeError:
        return {"unencodable": f"{_type_name(value)} (too large)"}


class _Encoder:
    """Encodes one value within its size."""

    def __init__(self, size: int) -> None:
        self.left = size

    def encode(self, value: object, depth: int) -> object:
        self._spend(NODE_SIZE)
        if depth > MAX_DEPTH:
            raise _TooLargeError
        encoder = _ENCODERS.get(type(value))
        if encoder is None:
            value = _python_number(value)
            encoder = _ENCODERS.get(type(value), _Encoder.of_other)
        return encoder(self, value, depth)

    def of_plain(self, value: object, _depth: int) -> object:
        return value

    def of_int(self, value: int, _depth: int = 0) -> object:
        if value.bit_length() > MAX_BITS:
            raise _TooLargeError
        self._spend(value.bit_length() // 3)
        return value

    def of_float(self, value: float, _depth: int) -> object:
        return value if math.isfinite(value) else {"float": repr(value)}

    def of_str(self, value: str, depth: int) -> object:
        self._spend(len(value))
        return value if is_text(value) else self.of_other(value, depth)

    def of_list(self, value: list[object], depth: int) -> object:
        return {"list": [self.encode(part, depth + 1) for part in value]}

    def of_tuple(self, value: tuple[object, ...], depth: int) -> object:
        return {"tuple": [self.encode(part, depth + 1) for part in value]}

    def of_dict(self, value: dict[object, object], depth: int) -> object:
        return {"dict": [[self.encode(part, depth + 1) for part in item] for item in value.items()]}

    def of_fraction(self, value: Fraction, _depth: int) -> object:
        return {"fraction": [self.of_int(value.numerator), self.of_int(value.denominator)]}

    def of_decimal(self, value: Decimal, depth: int) -> object:
        return {"decimal": str(value)} if _is_moderate(value) else self.of_other(value, depth)

    def of_other(self, value: object, _depth: int) -> object:
        return {"unencodable": _type_name(value)}

    def _spend(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise _TooLargeError


_ENCODERS: dict[type, Callable[[_Encoder, Foreign, int], object]] = {
    type(None): _Encoder.of_plain,
    bool: _Encoder.of_plain,
    int: _Encoder.of_int,
    float: _Encoder.of_float,
    str: _Encoder.of_str,
    list: _Encoder.of_list,
    tuple: _Encoder.of_tuple,
    dict: _Encoder.of_dict,
    Fraction: _Encoder.of_fraction,
    Decimal: _Encoder.of_decimal,
}


def decode(data: Form, depth: int = 0) -> object:
    """Return the value of a JSON form.

    Raises:
        ValueError: It is not the form of a value, or is too deep or too large.
    """
    kind = _kind(data)
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if (
        (data is None or kind is bool)
        or (kind is int and data.bit_length() <= MAX_BITS)
        or (kind is float and math.isfinite(data))
        or (kind is str and is_text(data))
    ):
        return data
    if kind is dict and len(data) == 1:
        ((tag, inner),) = data.items()
        if tag in _TAGS:
            return _TAGS[tag](inner, depth + 1)
    raise ValueError("not the form of a value")


def parts(data: Form, count: int | None = None) -> list[Form]:
    """Return a JSON list as it is.

    Raises:
        ValueError: It is no list, or not of that length.
    """
    if _kind(data) is list and count in (None, len(data)) and len(data) <= MAX_PARTS:
        found: list[Form] = data
        return found
    raise ValueError("not a list of the right length")


def _float(inner: Form, _depth: int) -> float:
    if inner in ("nan", "inf", "-inf"):
        return float(inner)
    raise ValueError("not the form of a float")


def _list(inner: Form, depth: int) -> list[object]:
    return [decode(part, depth) for part in parts(inner)]


def _tuple(inner: Form, depth: int) -> tuple[object, ...]:
    return tuple(_list(inner, depth))


def _dict(inner: Form, depth: int) -> dict[object, object]:
    pairs = [parts(item, 2) for item in parts(inner)]
    try:
        decoded = {decode(key, depth): decode(value, depth) for key, value in pairs}
    except TypeError as error:
        raise ValueError("a key of a dict is not hashable") from error
    if len(decoded) != len(pairs):
        raise ValueError("a dict has one key twice")
    return decoded


def _fraction(inner: Form, depth: int) -> Fraction:
    numerator, denominator = (decode(part, depth) for part in parts(inner, 2))
    if type(numerator) is int and type(denominator) is int and denominator > 0:
        return Fraction(numerator, denominator)
    raise ValueError("not the form of a fraction")


def _decimal(inner: Form, _depth: int) -> Decimal:
    if isinstance(inner, str) and len(inner) <= MAX_BITS:
        # Bad text is an ArithmeticError of the decimal module.
        with contextlib.suppress(ArithmeticError):
            value = Decimal(inner)
            if _is_moderate(value):
                return value
    raise ValueError("not the form of a decimal")


def _unencodable(inner: Form, _depth: int) -> Unencodable:
    if isinstance(inner, str) and is_text(inner):
        return Unencodable(inner[:80])
    raise ValueError("not the name of a type")


_TAGS: dict[object, Callable[[object, int], object]] = {
    "float": _float,
    "list": _list,
    "tuple": _tuple,
    "dict": _dict,
    "fraction": _fraction,
    "decimal": _decimal,
    "unencodable": _unencodable,
}


_NUMBER_TAGS = frozenset({"float", "fraction", "decimal"})


def is_text(text: str) -> bool:
    """Whether a string can be written as UTF-8: half of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_moderate(value: Decimal) -> bool:
    return (
        value.is_finite()
        and abs(value.adjusted()) <= MAX_EXPONENT
        and len(value.as_tuple().digits) <= MAX_EXPONENT
    )


def _kind(value: object) -> object:
    """Return the exact type: a subclass is something else, and may claim anything."""
    return type(value)


def _type_name(value: object) -> str:
    return str(type(value).__name__)[:60].encode("ascii", "replace").decode()


def _python_number(value: Foreign) -> object:
    """Return the Python number that a number of numpy or sympy stands for, or the value itself."""
    # A module that the program did not import cannot be where its value comes from.
    numpy, sympy = sys.modules.get("numpy"), sys.modules.get("sympy")
    # A conversion may raise anything (a number may be complex, a class be made to mislead us).
    with contextlib.suppress(Exception):
        if numpy is not None and isinstance(value, numpy.generic):
            return value.item()
        if sympy is not None and isinstance(value, sympy.Expr) and value.is_number:
            if value.is_Integer:
                return int(value)
            if value.is_Rational:
                return Fraction(int(value.p), int(value.q))
            return float(value)
    return value


def main() -> None:
    """Run the program beside this file as a script, then write the result."""
    folder = Path(__file__).resolve().parent
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    report = _run((folder / PROGRAM).read_bytes(), request["answer"], request["calls"])
    # Not through a link or pipe that the program may have put there.
    fresh = folder / f"{RESULT}.new"
    with fresh.open("x", encoding="utf-8") as file:
        json.dump(report, file, ensure_ascii=False, allow_nan=False)
    fresh.replace(folder / RESULT)


def _run(source: bytes, answer: str | None, calls: list[dict[str, Form]]) -> dict[str, object]:
    module = ModuleType("__main__")
    # Dataclasses and the like look a class's module up by its name.
    sys.modules["__main__"] = module
    sys.argv = [PROGRAM]
    names = module.__dict__
    report: dict[str, object] = {"crash": None, "answer": None, "variables": [], "calls": []}
    try:
        try:
            exec(compile(source, PROGRAM, "exec"), names)  # noqa: S102 - the sandbox is for this
        except SystemExit as end:
            if end.code not in (None, 0):
                raise
        report["variables"] = _numbers(names)
        # Who has calls to make does not ask for an answer, and finding one may call a function.
        report["answer"] = None if calls else _answer(names, answer)
        report["calls"] = [_call(names, call, MAX_SIZE // len(calls)) for call in calls]
    except BaseException as error:  # noqa: BLE001 - whatever ends a program is what we report
        report["crash"] = _describe(error)
        # Where memory ran out, this makes room for writing the report.
        names.clear()
    return report


def _numbers(names: dict[str, object]) -> list[list[object]]:
    """Return the numbers among the variables, with their names."""
    numbers: list[list[object]] = []
    for name, value in list(names.items()):
        encoded = encode(value, VARIABLE_SIZE)
        plain = type(encoded) in (int, float)
        if plain or (
            isinstance(encoded, dict) and encoded.keys() & {"float", "fraction", "decimal"}
        ):
            numbers.append([name[:VARIABLE_SIZE], encoded])
    return numbers[:MAX_VARIABLES]


def _answer(names: dict[str, object], wanted: str | None) -> list[object] | None:
    """Return the name and value of the answer, or None where there is none."""
    for name in ANSWERS if wanted is None else (wanted,):
        if name in names:
            return [name, encode(names[name])]
    for name in ANSWER_FUNCTIONS if wanted is None else ():
        function = names.get(name)
        if isinstance(function, FunctionType) and _takes_nothing(function):
            return [f"{name}()", encode(function())]
    return None


def _takes_nothing(function: FunctionType) -> bool:
    code = function.__code__
    positional = code.co_argcount - len(function.__defaults__ or ())
    keywords = code.co_kwonlyargcount - len(function.__kwdefaults__ or ())
    return positional == 0 and keywords == 0


def _call(names: dict[str, Foreign], call: dict[str, Form], size: int) -> dict[str, object]:
    """Call one function and return what it gave or raised."""
    arguments = [decode(form) for form in call["arguments"]]
    keywords = {name: decode(form) for name, form in call["keywords"].items()}
    try:
        return {"value": encode(names[call["function"]](*arguments, **keywords), size)}
    except BaseException as error:  # noqa: BLE001 - whatever ends a call is what we report
        return {"raised": _describe(error)}


def _describe(error: BaseException) -> dict[str, object]:
    line: int | None = None
    if isinstance(error, SyntaxError) and error.filename == PROGRAM:
        line, message = error.lineno, error.msg
    else:
        message = _message(error)
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == PROGRAM:
                line = trace.tb_lineno
            trace = trace.tb_next
    text = message[:MAX_TEXT].encode("utf-8", "replace").decode()
    return {"type": _type_name(error), "message": text, "line": line}


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 - the program's own class may raise anything here
        return ""


if __name__ == "__main__":
    main()
