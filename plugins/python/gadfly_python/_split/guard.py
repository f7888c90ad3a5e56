"""Watches what tests do with a program's objects, where both are in one process.

There no channel turns values into plain data, so a value of a class that the program made can say
whatever it likes when a test compares it. Such a comparison is done as it stands, and noted as a
doubt: tests that pass on the word of the program's own object show nothing. A class speaks for
itself where it, or one above it, defines an operator, and is neither a class of plain data nor one
that the tests define. What two objects of one such class say of each other is only counted.

The tests are rewritten so that operators, truth and calls come here (`rewriting`). What the program
replaced in modules that were there before it is seen by comparing them with how they were.
"""

from __future__ import annotations

import gc
import operator
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from .harness import SPOKE
from .wire import Foreign, kind_of

_DATA = frozenset(
    {"_collections", "_decimal", "_io", "_random", "abc", "array", "builtins", "collections"}
    | {"datetime", "decimal", "enum", "fractions", "io", "ipaddress", "numbers", "pathlib"}
    | {"re", "time", "types", "typing", "uuid", "zoneinfo"}
    | {"numpy", "pandas", "scipy", "sympy"}
)
"""Packages whose classes answer truly for what they hold."""
_FORWARDING = frozenset({"SimpleNamespace", "UserDict", "UserList", "mappingproxy"})
"""Classes of these that ask what they hold, which is not looked into here."""


def _is_in(item: Foreign, container: Foreign) -> bool:
    return item in container


def _is_not_in(item: Foreign, container: Foreign) -> bool:
    return item not in container


_OPERATORS: dict[str, Callable[..., Any]] = {
    "eq": operator.eq,
    "noteq": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "is": operator.is_,
    "isnot": operator.is_not,
    "in": _is_in,
    "notin": _is_not_in,
    "add": operator.add,
    "sub": operator.sub,
    "mult": operator.mul,
    "matmult": operator.matmul,
    "div": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "pow": operator.pow,
    "lshift": operator.lshift,
    "rshift": operator.rshift,
    "bitand": operator.and_,
    "bitor": operator.or_,
    "bitxor": operator.xor,
    "uadd": operator.pos,
    "usub": operator.neg,
    "invert": operator.invert,
    "item": operator.getitem,
}
"""By the names that Python's syntax tree has for them."""
_IDENTITY = frozenset({"is", "isnot"})
_SAYS_NO = {"eq": False, "in": False, "noteq": True, "notin": True}
"""What an object that equals no plain data would answer."""
_SPEAKING = (
    *("lt", "le", "gt", "ge", "eq", "ne", "bool", "hash", "len", "contains", "iter", "getitem"),
    *("float", "int", "index", "complex", "round", "abs", "neg", "pos", "invert", "trunc", "floor"),
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow", "lshift"),
    *("rshift", "and", "or", "xor", "radd", "rsub", "rmul", "rmatmul", "rtruediv", "rfloordiv"),
    *("rmod", "rdivmod", "rpow", "rlshift", "rrshift", "rand", "ror", "rxor", "ceil", "array"),
    *("class", "getattribute", "instancecheck", "subclasscheck"),
)
_HARMLESS: tuple[object, ...] = (
    *(callable, delattr, dict, dir, enumerate, filter, format, frozenset, getattr, hasattr, hash),
    *(id, iter, len, list, map, next, print, repr, reversed, set, setattr, sorted, str, tuple),
    *(type, zip),
)
"""What may be called with an object that speaks for itself: it judges nothing else."""
_HARMLESS_ASSERTIONS = frozenset(
    f"assert{name}"
    for name in ("Is", "IsNot", "IsNone", "IsNotNone", "IsInstance", "NotIsInstance", "Raises")
) | {"assertRaisesRegex", "assertWarns", "assertWarnsRegex", "assertLogs", "assertNoLogs"}
_MAX_LOOKED_AT = 100_000
"""Parts of one value; a larger one is doubted."""
_MAX_DOUBTS = 20
_CODE = (type, FunctionType, BuiltinFunctionType, classmethod, staticmethod, property)
_CAN_CHANGE = 1 << 9
"""`Py_TPFLAGS_HEAPTYPE`: a class that was made by a program, and whose members can be replaced."""
_NAME: Any = type.__dict__["__name__"]
_MRO: Any = type.__dict__["__mro__"]
_DICT: Any = type.__dict__["__dict__"]


class Guard:
    """What tests are watched by: made before the program is loaded."""

    def __init__(self) -> None:
        # By identity: what a class of the program's says of equality and hash is not asked.
        self._data = {id(kind): kind for kind in _data_classes(object)}
        self._own: dict[int, type] = {}
        # What the tests made of plain data by `pytest.approx` equals what they want it to.
        self._approximations: list[object] = []
        self._approx = getattr(sys.modules.get("pytest"), "approx", None)
        self._scopes: list[dict[str, Any]] = []
        self._before = list(_definitions())
        self._hidden = False
        self._replaced: dict[str, None] = {}
        self._doubts: dict[str, None] = {}
        self._asked: Counter[str] = Counter()

    def watch(self, module: ModuleType) -> None:
        """Note that a module is one of tests."""
        self._scopes.append(module.__dict__)

    def open(self, program: ModuleType) -> None:
        """Note what is the program's, and what it replaced."""
        self._scopes.append(program.__dict__)
        self.look_around()

    def look_around(self) -> None:
        """Note functions, classes and modules that are others than before; put them back."""
        for name, place, names in self._before:
            if isinstance(place, ModuleType) and sys.modules.get(name) is not place:
                self._replaced[name] = None
                sys.modules[name] = place
            held = _DICT.__get__(place) if isinstance(place, type) else place.__dict__
            for key, was in names.items():
                if held.get(key) is not was:
                    self._replaced[f"{name}.{key}"] = None
                    setattr(place, key, was)

    def take(self) -> tuple[list[str], dict[str, int]]:
        """Return the doubts, and what was asked since the last time."""
        doubts = [f"{name} was replaced" for name in [*self._replaced][:_MAX_DOUBTS]]
        doubts, asked = [*doubts, *self._doubts], dict(self._asked)
        self._doubts.clear()
        self._asked.clear()
        return doubts, asked

    def begin(self) -> None:
        """Note that a test begins."""
        self._hidden = False

    # ---------------------------------------------------------------- what tests call

    def own(self, kind: type) -> type:
        """Note a class that the tests define; what it inherits may be the program's."""
        self._own[id(kind)] = kind
        return kind

    def compare(self, names: tuple[str, ...], *values: Foreign) -> Foreign:
        """Compare values in a chain."""
        answer: Foreign = True
        for name, left, right in zip(names, values, values[1:], strict=False):
            answer = _OPERATORS[name](left, right)
            self._weigh(name, left, right, answer)
            if len(names) > 1 and not self.truth(answer):
                break
        return answer

    def operate(self, name: str, *values: Foreign) -> Foreign:
        """Compute with values."""
        answer = _OPERATORS[name](*values)
        # A container of the program's speaks of what it holds; a key must not.
        speakers = [self.speaker(value) for value in values[name == "item" :]]
        # Two objects of the program's own may make plain data of each other: a distance, say.
        alone = len(values) == 1 or not all(speakers)
        if any(speakers) and alone and self.speaker(answer) is None:
            self._doubt_word(next(speaker for speaker in speakers if speaker))
        return answer

    def truth(self, value: Foreign) -> Foreign:
        """Return a value whose truth is asked for."""
        speaker = self.speaker(value, parts=False)
        if speaker is not None:
            self._doubt_word(speaker)
        return value

    def call(self, function: Foreign, /, *args: Foreign, **kwargs: Foreign) -> Foreign:
        """Call a function."""
        if not self._is_foreign(function):
            if not self._hidden:
                # A search of the memory does not find what is frozen: the tests, and us.
                gc.freeze()
                self._hidden = True
            return function(*args, **kwargs)
        answer = function(*args, **kwargs)
        self._weigh_call(function, (*args, *kwargs.values()), answer)
        return answer

    # ---------------------------------------------------------------- what is thought of it

    def speaker(self, value: Foreign, *, parts: bool = True) -> str | None:
        """Return the name of a class that speaks for itself in a value; None where none does."""
        pending, seen = [value], set[int]()
        while pending:
            part = pending.pop()
            if any(part is one for one in self._approximations):
                continue
            mro = _MRO.__get__(type(part))
            if any(id(kind) not in self._data and self._speaks(kind) for kind in mro):
                return _name(kind_of(part))
            if parts and id(part) not in seen:
                seen.add(id(part))
                pending += _parts(part, mro)
            if len(seen) + len(pending) > _MAX_LOOKED_AT:
                return f"{_name(kind_of(value))} (too large to look into)"
        return None

    def _speaks(self, kind: type) -> bool:
        scope = _DICT.__get__(kind)
        return id(kind) not in self._own and any(f"__{name}__" in scope for name in _SPEAKING)

    def _weigh(self, name: str, left: Foreign, right: Foreign, answer: Foreign) -> None:
        if name in _IDENTITY:
            return
        speakers = self.speaker(left), self.speaker(right)
        if not any(speakers):
            return
        if type(left) is type(right) and all(speakers):
            self._asked[name] += 1
        elif not (name in _SAYS_NO and answer is _SAYS_NO[name]):
            self._doubt_word(speakers[0] or speakers[1])

    def _weigh_call(self, function: Foreign, values: tuple[Foreign, ...], answer: Foreign) -> None:
        if function is self._approx:
            self._approximations.append(answer)
        name = str(getattr(function, "__name__", ""))
        if any(function is harmless for harmless in _HARMLESS) or name in _HARMLESS_ASSERTIONS:
            return
        if name in {"assertEqual", "assertNotEqual"} and len(values) > 1:
            equal = name == "assertEqual"
            self._weigh("eq" if equal else "noteq", values[0], values[1], equal)
            return
        # Whose class an object is may be asked; what a class says of that may not.
        of_classes = function is isinstance or function is issubclass
        asked = values[1:] if of_classes else values
        speakers = [speaker for value in asked if (speaker := self.speaker(value))]
        judges = name.startswith("assert") or function is self._approx
        silent = answer is None or callable(answer)
        if speakers and (judges or not (silent or self.speaker(answer))):
            self._doubt_word(speakers[0])

    def _is_foreign(self, function: Foreign) -> bool:
        """Whether a function is neither the tests' nor the program's."""
        if type(function) is MethodType:
            function = function.__func__
        if type(function) is FunctionType:
            return not any(function.__globals__ is scope for scope in self._scopes)
        if issubclass(type(function), type):
            return id(function) in self._data
        return self.speaker(function, parts=False) is None

    def _doubt_word(self, type_name: str | None) -> None:
        if len(self._doubts) < _MAX_DOUBTS:
            self._doubts[f"an object of type {type_name} {SPOKE}"] = None


def _data_classes(root: type) -> Iterator[type]:
    """Walk the classes of plain data that there are."""
    pending, seen = [root], set[int]()
    while pending:
        kind = pending.pop()
        if id(kind) in seen:
            continue
        seen.add(id(kind))
        pending += type.__subclasses__(kind)
        package = str(kind.__module__).partition(".")[0]
        if package in _DATA and kind.__name__ not in _FORWARDING:
            yield kind


def _name(kind: type) -> str:
    return str(_NAME.__get__(kind))[:60]


def _parts(value: Foreign, mro: tuple[type, ...]) -> list[Foreign]:
    """Return what a container of Python's holds, asking nobody."""
    for kind in mro:
        if kind in (list, tuple, set, frozenset, deque):
            iterate: Any = kind.__dict__["__iter__"]
            return list(iterate(value))
        if kind is dict:
            return [*dict.keys(value), *dict.values(value)]
    return []


def _definitions() -> Iterator[tuple[str, Foreign, dict[str, Foreign]]]:
    """Walk modules and their classes: the name, the thing, and the functions and classes in it."""
    for name, module in list(sys.modules.items()):
        if type(module) is not ModuleType or name == "__main__":
            continue
        yield name, module, _code_in(module.__dict__)
        for value in list(module.__dict__.values()):
            own = isinstance(value, type) and value.__module__ == name
            if own and value.__flags__ & _CAN_CHANGE:
                yield f"{name}.{value.__qualname__}", value, _code_in(_DICT.__get__(value))


def _code_in(scope: Mapping[str, Foreign]) -> dict[str, Foreign]:
    return {name: value for name, value in scope.items() if isinstance(value, _CODE)}
