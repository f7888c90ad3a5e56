"""How values and messages are written on the channel: framed JSON, bounded, read strictly.

A value is written by its *exact* type, as itself where JSON has it and as an object with one tag
where it has not: `{"tuple": [...]}`, `{"float": "nan"}`, `{"ndarray": [dtype, shape, items]}`. What
is no plain data (an instance, a generator, an `int` that claims to equal everything) is left to the
caller's `other`, which lends a handle. Reading builds built-in values, a few of the standard
library's and numpy's arrays; never anything that brings code along.

The mutable containers of a message are numbered, in the order in which they are met, and a second
occurrence is a number (`{"same": 3}`). A reply goes on with the numbers of its request. So what a
call gave back, or changed in place, is known to be the caller's own list.
"""

from __future__ import annotations

import importlib
import json
import math
import operator
import socket
import sys
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

Form = Any
"""Parsed JSON, not yet looked at, or about to be written."""
Foreign = Any
"""A value of a program's or a test's."""

CHANNEL = "GADFLY_CHANNEL"
"""The environment variable with the descriptor of the channel."""
MAX_FRAME = 8 * 2**20
"""Bytes of one message."""
MAX_DEPTH = 60
"""Of nested values."""
MAX_BITS = 200_000
"""Of one int."""
MAX_TEXT = 1_000
"""Of an exception's message."""
_HEADER = 4
_PLAIN_BITS = 64
"""Ints beyond this are written in hexadecimal, which takes linear time."""


class NotPlainError(Exception):
    """A value cannot be written as plain data."""


class ProtocolError(Exception):
    """The other side wrote what it never would if it kept to the protocol."""


class EndError(Exception):
    """The other side has gone."""


class Channel:
    """Messages over a stream socket.

    Args:
        descriptor: The socket's; it is ours from now on.
        patience: Seconds to wait for one message; None waits for ever.
    """

    def __init__(self, descriptor: int, patience: float | None = None) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.settimeout(patience)

    def send(self, message: Form) -> None:
        """Write one message.

        Raises:
            NotPlainError: It is too large.
            EndError: Nobody is there to read it, or it is not read in time.
        """
        data = json.dumps(message, allow_nan=False, separators=(",", ":")).encode()
        if len(data) > MAX_FRAME:
            raise NotPlainError("too large")
        try:
            self._socket.sendall(len(data).to_bytes(_HEADER, "big") + data)
        except OSError as error:
            raise EndError(str(error)) from error

    def receive(self) -> Form:
        """Read one message.

        Raises:
            ProtocolError: What is there is no message, or does not come in time.
            EndError: The stream has ended.
        """
        length = int.from_bytes(self._read(_HEADER), "big")
        if length > MAX_FRAME:
            raise ProtocolError(f"a message of {length} bytes")
        try:
            return read_json(self._read(length))
        except (ValueError, RecursionError) as error:
            raise ProtocolError("a message that cannot be read") from error

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def is_quiet(self) -> bool:
        """Whether nothing waits to be read; the end of the stream is something."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            try:
                part = self._socket.recv(min(count - len(data), 1 << 20))
            except TimeoutError as error:
                raise ProtocolError("no answer in time") from error
            except OSError as error:
                raise EndError(str(error)) from error
            if not part:
                raise EndError("the stream has ended")
            data += part
        return bytes(data)


def read_json(text: str | bytes) -> Form:
    """Parse JSON that a stranger wrote.

    Raises:
        ValueError: It is none, by the letter: NaN is not, nor is an object with one name twice.
        RecursionError: It is nested too deeply.
    """
    return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)


def _object(pairs: list[tuple[str, Form]]) -> dict[str, Form]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("one name twice")
    return made


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


# ------------------------------------------------------------------------------ writing


class Encoder:
    """Writes the values of one message.

    Args:
        known: The containers that are numbered already; new ones are appended.
        other: Writes what is no plain data, or raises NotPlainError.
    """

    def __init__(self, known: list[Foreign], other: Callable[[Foreign], Form]) -> None:
        self.known = known
        self._numbers = {id(container): number for number, container in enumerate(known)}
        self._other = other
        self._left = MAX_FRAME // 2

    def encode(self, value: Foreign) -> Form:
        """Write a value; what is too large or too deep is no plain data as a whole."""
        known, left = len(self.known), self._left
        try:
            return self._encode(value, 0)
        except (NotPlainError, RecursionError):
            for container in self.known[known:]:
                del self._numbers[id(container)]
            del self.known[known:]
            self._left = left
            return self._other(value)

    def contents(self, container: Foreign) -> Form:
        """Write what a numbered container holds by now, one level of it anew."""
        write = _CONTAINERS[type_key(container)]
        return write(self, container, 0)

    def _encode(self, value: Foreign, depth: int) -> Form:
        self._spend(2)
        if depth > MAX_DEPTH:
            raise NotPlainError("nested too deeply")
        if value is None or kind_of(value) in _THEMSELVES:
            return self._itself(value)
        if kind_of(value) is tuple:
            return {"tuple": self.each(value, depth)}
        key = type_key(value)
        if key in _CONTAINERS:
            return self._container(key, value, depth)
        if key in _LEAVES:
            return {_tag(key): self.text(_LEAVES[key](value))}
        if key in _MEMBERS:
            return {_tag(key): _MEMBERS[key](self, value, depth)}
        return self._rest(value, depth)

    def _itself(self, value: Foreign) -> Form:
        kind = kind_of(value)
        if kind is int:
            return self._int(value)
        if kind is str:
            return self.text(value)
        return {"float": repr(value)} if kind is float and not math.isfinite(value) else value

    def _container(self, key: str, value: Foreign, depth: int) -> Form:
        number = self._numbers.get(id(value))
        if number is not None:
            return {"same": number}
        self._numbers[id(value)] = len(self.known)
        self.known.append(value)
        form = _CONTAINERS[key](self, value, depth)
        return form if key == "builtins.list" else {_tag(key): form}

    def _rest(self, value: Foreign, depth: int) -> Form:
        if _is_builtin_type(value):
            return {"type": _name(value)}
        if _is_numpy_scalar(value):
            return {"ndarray": [value.dtype.str, None, self._encode(value.item(), depth + 1)]}
        number = _sympy_number(value)
        if number is not None:
            return self._encode(number, depth)
        fields = _record_fields(value)
        if fields is not None:
            return {"record": [kind_of(value).__name__, fields, self.each(value, depth)]}
        return self._other(value)

    def _int(self, value: int) -> Form:
        bits = value.bit_length()
        if bits <= _PLAIN_BITS:
            return value
        if bits > MAX_BITS:
            raise NotPlainError("too large")
        self._spend(bits // 4)
        return {"int": f"{value:x}"}

    def each(self, values: Iterable[Foreign], depth: int) -> list[Form]:
        """Write the values inside of one at some depth."""
        return [self._encode(value, depth + 1) for value in values]

    def hashed(self, values: Iterable[Foreign], depth: int) -> list[Form]:
        """Write the members of a set or the keys of a dict: a handle is no member."""
        other, self._other = self._other, _refuse_other
        try:
            return self.each(values, depth)
        finally:
            self._other = other

    def pairs(self, value: Foreign, depth: int) -> list[Form]:
        """Write the items of a dict."""
        items = list(value.items())
        keys = self.hashed((key for key, _ in items), depth)
        values = self.each((inner for _, inner in items), depth)
        return [[key, value] for key, value in zip(keys, values, strict=True)]

    def factory(self, value: Foreign, depth: int) -> list[Form]:
        """Write a defaultdict."""
        return [self._encode(value.default_factory, depth + 1), self.pairs(value, depth)]

    def text(self, text: str) -> str:
        """Write the text that a value is made of."""
        self._spend(len(text))
        return text

    def hexadecimal(self, value: bytearray, _depth: int) -> str:
        """Write a bytearray."""
        return self.text(value.hex())

    def parts(self, value: Foreign, depth: int) -> list[Form]:
        """Write the parts of a value."""
        return self.each(_PARTS[type_key(value)](value), depth)

    def queue(self, value: Foreign, depth: int) -> list[Form]:
        """Write a deque."""
        return [value.maxlen, self.each(value, depth)]

    def items(self, value: Foreign, depth: int) -> list[Form]:
        """Write the items of a dict, as a view of their own."""
        return [self.hashed([key], depth) + self.each([inner], depth) for key, inner in value]

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise NotPlainError("too large")


def kind_of(value: object) -> Foreign:
    """Return the exact type; a subclass is something else, and may claim anything."""
    return type(value)


def type_key(value: Foreign) -> str:
    """Return the full name of a value's exact type, or "" where the name is not that type's."""
    kind = kind_of(value)
    module = sys.modules.get(kind.__module__) if kind_of(kind.__module__) is str else None
    name = kind.__qualname__
    known: Foreign = _NAMELESS.get(name) or getattr(module, name, None)
    return f"{kind.__module__}.{name}" if known is kind else ""


_EMPTY: dict[str, str] = {}
_NAMELESS: dict[str, type] = {
    kind_of(value).__qualname__: kind_of(value)
    for value in (_EMPTY.keys(), _EMPTY.items(), ..., NotImplemented)
}
"""Types that no module has a name for."""


def _is_builtin_type(value: object) -> bool:
    return isinstance(value, type) and _builtin_type(value.__name__) is value


def _name(kind: Foreign) -> str:
    return str(kind.__name__)


def _tag(key: str) -> str:
    return key.rpartition(".")[2]


def _refuse_other(_value: Foreign) -> NoReturn:
    raise NotPlainError("a member that is no plain data")


def _numpy_array(encoder: Encoder, value: Foreign, depth: int) -> Form:
    if value.dtype.kind not in _DTYPES:
        raise NotPlainError("an array of objects")
    return [value.dtype.str, list(value.shape), encoder.each(value.ravel().tolist(), depth)]


_DTYPES = frozenset("biufcUS")

_THEMSELVES = frozenset({bool, int, float, str})
_Writer = Callable[[Encoder, Foreign, int], Form]
_CONTAINERS: dict[str, _Writer] = {
    "builtins.list": Encoder.each,
    "builtins.set": Encoder.hashed,
    "builtins.dict": Encoder.pairs,
    "builtins.bytearray": Encoder.hexadecimal,
    "collections.Counter": Encoder.pairs,
    "collections.OrderedDict": Encoder.pairs,
    "collections.defaultdict": Encoder.factory,
    "collections.deque": Encoder.queue,
    "numpy.ndarray": _numpy_array,
}
"""What is numbered, and can be changed in place."""
_PARTS: dict[str, Callable[[Foreign], list[Foreign]]] = {
    "builtins.complex": lambda value: [value.real, value.imag],
    "builtins.range": lambda value: [value.start, value.stop, value.step],
    "builtins.slice": lambda value: [value.start, value.stop, value.step],
    "fractions.Fraction": lambda value: [value.numerator, value.denominator],
    "datetime.timedelta": lambda value: [value.days, value.seconds, value.microseconds],
}
"""What is written as its parts."""
_MEMBERS: dict[str, _Writer] = {
    "builtins.frozenset": Encoder.hashed,
    "builtins.dict_keys": Encoder.hashed,
    "builtins.dict_items": Encoder.items,
    **dict.fromkeys(_PARTS, Encoder.parts),
}
"""What is written as other values."""
_LEAVES: dict[str, Callable[[Foreign], str]] = {
    "builtins.bytes": lambda value: str(value.hex()),
    "builtins.ellipsis": lambda _: "",
    "builtins.NotImplementedType": lambda _: "",
    "decimal.Decimal": str,
    "datetime.date": lambda value: str(value.isoformat()),
    "datetime.time": lambda value: _naive(value).isoformat(),
    "datetime.datetime": lambda value: _naive(value).isoformat(),
}
"""What is written as text."""


def _naive(value: Foreign) -> Foreign:
    if value.tzinfo is not None:
        raise NotPlainError("a time with a time zone")
    return value


def _is_numpy_scalar(value: Foreign) -> bool:
    """Whether a value is a number or text of numpy itself; a subclass is something else."""
    return (
        type_key(value).startswith("numpy.")
        and isinstance(value, importlib.import_module("numpy").generic)
        and type(value.item()) in (bool, int, float, complex, str, bytes)
    )


def _sympy_number(value: Foreign) -> int | float | Foreign:
    """Return the Python number that a number of sympy stands for; None for anything else."""
    sympy: Foreign = sys.modules.get("sympy")
    # Whatever a class that was made to mislead us raises.
    try:
        if sympy is None or not isinstance(value, sympy.Expr) or not value.is_number:
            return None
        if value.is_Integer:
            return int(value)
        if value.is_Rational:
            from fractions import Fraction

            return Fraction(int(value.p), int(value.q))
        return float(value)
    except Exception:  # noqa: BLE001
        return None


def _record_fields(value: Foreign) -> list[str] | None:
    """Return the fields of a named tuple that is nothing more than a tuple with names."""
    kind = kind_of(value)
    fields: Foreign = getattr(kind, "_fields", None)
    if tuple not in kind.__mro__ or kind_of(fields) is not tuple or len(fields) != len(value):
        return None
    same = all(getattr(kind, name) is getattr(tuple, name) for name in ("__eq__", "__iter__"))
    return list(fields) if same and all(kind_of(field) is str for field in fields) else None


# ------------------------------------------------------------------------------ reading


class Decoder:
    """Reads the values of one message.

    Args:
        known: The containers that are numbered already; new ones are appended.
        resolve: Returns what a handle stands for; ProtocolError where it stands for nothing.
    """

    def __init__(self, known: list[Foreign], resolve: Callable[[str, Form], Foreign]) -> None:
        self.known = known
        self._resolve = resolve
        self._hashed = False

    def decode(self, form: Form) -> Foreign:
        """Read one value.

        Raises:
            ProtocolError: It is not the form of a value.
        """
        try:
            return self._decode(form, 0)
        except (ValueError, TypeError, ArithmeticError, RecursionError, ImportError) as error:
            raise ProtocolError(f"a value that cannot be read: {error}"[:MAX_TEXT]) from error

    def refill(self, number: Form, form: Form) -> None:
        """Give a numbered container the contents that it has by now.

        Raises:
            ProtocolError: There is no such container, or these are no contents.
        """
        if kind_of(number) is not int or not 0 <= number < len(self.known):
            raise ProtocolError("a container that is not there")
        container = self.known[number]
        try:
            _REFILL[type_key(container)](self, container, form)
        except (ValueError, TypeError, ArithmeticError, RecursionError, ImportError) as error:
            raise ProtocolError(f"contents that cannot be read: {error}"[:MAX_TEXT]) from error

    def _decode(self, form: Form, depth: int) -> Foreign:
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        if form is None or kind_of(form) in (bool, str, int, float):
            return form
        if kind_of(form) is list:
            return self._fill("list", [], form, depth)
        if kind_of(form) is dict and len(form) == 1:
            ((tag, inner),) = form.items()
            return self._tagged(tag, inner, depth)
        raise ValueError("not the form of a value")

    def _tagged(self, tag: str, inner: Form, depth: int) -> Foreign:
        if tag in _MAKERS:
            return self._fill(tag, _MAKERS[tag](self, inner, depth), inner, depth)
        if tag in _READERS:
            return _READERS[tag](self, inner, depth)
        if tag in _FROM_PARTS:
            return _FROM_PARTS[tag](*self.each(inner, depth))
        if tag in _FROM_TEXT:
            return _FROM_TEXT[tag](_text(inner))
        if tag in {"mine", "yours"} and not self._hashed:
            return self._resolve(tag, inner)
        raise ValueError("not the form of a value")

    def _fill(self, tag: str, container: Foreign, form: Form, depth: int) -> Foreign:
        # Numbered before it is filled: it may hold itself.
        self.known.append(container)
        _FILL[tag](self, container, form, depth)
        return container

    def same(self, number: Form, _depth: int) -> Foreign:
        """Read a second occurrence."""
        if kind_of(number) is not int or not 0 <= number < len(self.known):
            raise ValueError("a container that is not there")
        return self.known[number]

    def each(self, forms: Form, depth: int, count: int | None = None) -> list[Foreign]:
        """Read a list of values, of a given length."""
        if kind_of(forms) is not list or (count is not None and len(forms) != count):
            raise ValueError("not a list of the right length")
        return [self._decode(form, depth + 1) for form in forms]

    def hashed(self, forms: Form, depth: int) -> list[Foreign]:
        """Read the members of a set or the keys of a dict, none of them twice."""
        before, self._hashed = self._hashed, True
        try:
            members = self.each(forms, depth)
        finally:
            self._hashed = before
        if len(set(members)) != len(members):
            raise ValueError("one member twice")
        return members

    def pairs(self, forms: Form, depth: int) -> list[tuple[Foreign, Foreign]]:
        """Read the items of a dict."""
        if kind_of(forms) is not list or any(kind_of(p) is not list or len(p) != 2 for p in forms):
            raise ValueError("not a list of pairs")
        keys = self.hashed([key for key, _ in forms], depth)
        return list(zip(keys, self.each([inner for _, inner in forms], depth), strict=True))


def _fill_list(decoder: Decoder, container: Foreign, form: Form, depth: int = 0) -> None:
    container[:] = decoder.each(form, depth)


def _fill_set(decoder: Decoder, container: Foreign, form: Form, depth: int = 0) -> None:
    members = decoder.hashed(form, depth)
    container.clear()
    container.update(members)


def _fill_dict(decoder: Decoder, container: Foreign, form: Form, depth: int = 0) -> None:
    items = decoder.pairs(form, depth)
    container.clear()
    # Not `update`, which adds in a Counter.
    for key, value in items:
        container[key] = value


def _fill_defaults(decoder: Decoder, container: Foreign, form: Form, depth: int = 0) -> None:
    _fill_dict(decoder, container, _parts(form, 2)[1], depth)


def _fill_bytes(_decoder: Decoder, container: Foreign, form: Form, _depth: int = 0) -> None:
    container[:] = bytes.fromhex(_text(form))


def _fill_deque(decoder: Decoder, container: Foreign, form: Form, depth: int = 0) -> None:
    _maxlen, items = _parts(form, 2)
    values = decoder.each(items, depth)
    container.clear()
    container.extend(values)


def _fill_array(decoder: Decoder, container: Foreign, form: Form, depth: int = 0) -> None:
    container[...] = _array(decoder, form, depth)


_REFILL: dict[str, Callable[[Decoder, Foreign, Form], None]] = {
    "builtins.list": _fill_list,
    "builtins.set": _fill_set,
    "builtins.dict": _fill_dict,
    "builtins.bytearray": _fill_bytes,
    "collections.Counter": _fill_dict,
    "collections.OrderedDict": _fill_dict,
    "collections.defaultdict": _fill_defaults,
    "collections.deque": _fill_deque,
    "numpy.ndarray": _fill_array,
}
_FILL: dict[str, Callable[[Decoder, Foreign, Form, int], None]] = {
    "list": _fill_list,
    "set": _fill_set,
    "dict": _fill_dict,
    "bytearray": _fill_bytes,
    "Counter": _fill_dict,
    "OrderedDict": _fill_dict,
    "defaultdict": _fill_defaults,
    "deque": _fill_deque,
}


def _collection(name: str, *arguments: Foreign) -> Foreign:
    return _of("collections", name)(*arguments)


def _default_dict(decoder: Decoder, form: Form, depth: int) -> Foreign:
    (factory,) = decoder.each([_parts(form, 2)[0]], depth)
    return _collection("defaultdict", factory)


def _deque(_decoder: Decoder, form: Form, _depth: int) -> Foreign:
    return _collection("deque", (), _parts(form, 2)[0])


_MAKERS: dict[str, Callable[[Decoder, Form, int], Foreign]] = {
    "set": lambda _decoder, _form, _depth: set[Foreign](),
    "dict": lambda _decoder, _form, _depth: dict[Foreign, Foreign](),
    "bytearray": lambda _decoder, _form, _depth: bytearray(),
    "Counter": lambda _decoder, _form, _depth: _collection("Counter"),
    "OrderedDict": lambda _decoder, _form, _depth: _collection("OrderedDict"),
    "defaultdict": _default_dict,
    "deque": _deque,
}
"""Make a container, still empty."""


def _parts(form: Form, count: int) -> list[Form]:
    if kind_of(form) is not list or len(form) != count:
        raise ValueError("not a list of the right length")
    found: list[Form] = form
    return found


def _text(form: Form) -> str:
    if kind_of(form) is not str:
        raise ValueError("not text")
    text: str = form
    return text


def _integers(values: Iterable[Foreign]) -> list[int]:
    found = list(values)
    if any(kind_of(value) is not int for value in found):
        raise ValueError("not an int")
    return found


def _int(text: str) -> int:
    if len(text) > MAX_BITS // 4 + 2 or not set(text) <= set("-0123456789abcdef"):
        raise ValueError("not the form of an int")
    return int(text, 16)


def _float(text: str) -> float:
    if text in {"nan", "inf", "-inf"}:
        return float(text)
    raise ValueError("not the form of a float")


def _complex(real: Foreign, imaginary: Foreign) -> complex:
    if kind_of(real) is float and kind_of(imaginary) is float:
        return complex(real, imaginary)
    raise ValueError("not the form of a complex number")


def _of(module: str, name: str) -> Foreign:
    return getattr(importlib.import_module(module), name)


def _type(name: str) -> type:
    kind = _builtin_type(name)
    if kind is None:
        raise ValueError("not a built-in type")
    return kind


def _builtin_type(name: str) -> type | None:
    import builtins

    kind = None if name.startswith("_") else getattr(builtins, name, None)
    return kind if isinstance(kind, type) else None


def _array(decoder: Decoder, form: Form, depth: int) -> Foreign:
    dtype, shape, items = _parts(form, 3)
    numpy = importlib.import_module("numpy")
    kind = numpy.dtype(_text(dtype))
    scalar = shape is None
    values = decoder.each([items] if scalar else items, depth)
    if kind.kind not in _DTYPES or kind.itemsize * len(values) > MAX_FRAME:
        raise ValueError("not an array of plain data")
    if scalar:
        return kind.type(values[0])
    array = numpy.array(values, dtype=kind)
    return array.reshape(_integers(_parts(shape, len(shape))))


def _new_array(decoder: Decoder, form: Form, depth: int) -> Foreign:
    if _parts(form, 3)[1] is None:
        return _array(decoder, form, depth)
    number = len(decoder.known)
    decoder.known.append(None)
    decoder.known[number] = _array(decoder, form, depth)
    return decoder.known[number]


def _record(decoder: Decoder, form: Form, depth: int) -> Foreign:
    name, fields, values = _parts(form, 3)
    if kind_of(fields) is not list or not all(
        kind_of(field) is str and field.isidentifier() and not field.startswith("_")
        for field in fields
    ):
        raise ValueError("not the fields of a named tuple")
    kept = {field: property(operator.itemgetter(place)) for place, field in enumerate(fields)}
    kind = type(_text(name), (tuple,), {**kept, "_fields": tuple(fields), "__slots__": ()})
    return kind(decoder.each(values, depth, len(fields)))


def _frozenset(decoder: Decoder, form: Form, depth: int) -> frozenset[Foreign]:
    return frozenset(decoder.hashed(form, depth))


def _tuple(decoder: Decoder, form: Form, depth: int) -> tuple[Foreign, ...]:
    return tuple(decoder.each(form, depth))


def _dict_keys(decoder: Decoder, form: Form, depth: int) -> Foreign:
    return dict.fromkeys(decoder.hashed(form, depth)).keys()


def _dict_items(decoder: Decoder, form: Form, depth: int) -> Foreign:
    return dict(decoder.pairs(form, depth)).items()


_READERS: dict[str, Callable[[Decoder, Form, int], Foreign]] = {
    "same": Decoder.same,
    "tuple": _tuple,
    "frozenset": _frozenset,
    "dict_keys": _dict_keys,
    "dict_items": _dict_items,
    "record": _record,
    "ndarray": _new_array,
}
_FROM_PARTS: dict[str, Callable[..., Foreign]] = {
    "complex": _complex,
    "range": lambda *parts: range(*_integers(parts)),
    "slice": slice,
    "Fraction": lambda *parts: _of("fractions", "Fraction")(*_integers(parts)),
    "timedelta": lambda *parts: _of("datetime", "timedelta")(*_integers(parts)),
}
_FROM_TEXT: dict[str, Callable[[str], Foreign]] = {
    "bytes": bytes.fromhex,
    "int": _int,
    "float": _float,
    "type": _type,
    "ellipsis": lambda _: ...,
    "NotImplementedType": lambda _: NotImplemented,
    "Decimal": lambda text: _of("decimal", "Decimal")(str(text)),
    "date": lambda text: _of("datetime", "date").fromisoformat(text),
    "time": lambda text: _of("datetime", "time").fromisoformat(text),
    "datetime": lambda text: _of("datetime", "datetime").fromisoformat(text),
}


# ------------------------------------------------------------------------------ changes


def snapshot(container: Foreign) -> Foreign:
    """Return what a container holds now, for `has_changed`."""
    key = type_key(container)
    if key == "numpy.ndarray":
        return container.tobytes()
    if key == "builtins.bytearray":
        return bytes(container)
    if key == "builtins.set":
        return frozenset(map(id, container))
    if key in {"builtins.list", "collections.deque"}:
        return list(container)
    parts: list[Foreign] = [part for item in container.items() for part in item]
    return parts


def has_changed(container: Foreign, before: Foreign) -> bool:
    """Whether a container holds other things than before: told by identity, asking nobody."""
    now = snapshot(container)
    if kind_of(now) is list:
        return len(now) != len(before) or any(a is not b for a, b in zip(now, before, strict=True))
    return bool(now != before)
