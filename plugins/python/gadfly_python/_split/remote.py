"""What stands for the program in the tests' process.

A call is written to the channel, and what comes back is plain data of this process. What is no
plain data comes back as a handle, a `Remote`, whose attributes, items and methods are the program's
to answer. Three rules keep a program from judging itself:

1. A handle equals no plain data. Equality and order *between* handles are asked of the program, and
   counted, so that the evidence says so.
2. Arithmetic, order and membership against plain data send the tests' own value into the program,
   which then answers. That is done for objects that the tests use as objects: those they made by
   calling a class (a name `LikeThis`), or have taken an attribute of. A mere return value is
   refused (`abs(f(2) - 1.41) < 0.01` is a question about a number), and the check fails.
3. The truth of a return value may be asked if it turns out to be used as an object. If it is not,
   `assert f(2)` was a question about plain data, and the check fails.

What was refused fails the check even where the tests catch the exception.
"""

from __future__ import annotations

import re
import secrets
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from types import ModuleType

from .exceptions import CandidateError, builtin_exception, describe, make, mark_theirs
from .wire import (
    MAX_TEXT,
    Channel,
    Decoder,
    Encoder,
    EndError,
    Foreign,
    Form,
    NotPlainError,
    ProtocolError,
    has_changed,
    kind_of,
    snapshot,
)

MAX_NESTING = 60
"""Calls inside of calls: the tests' function that the program calls may call the program."""
_CLASS_NAME = re.compile(r"_*[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*$|_*[A-Z]$")
_ARITHMETIC = (
    *("add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "divmod", "pow"),
    *("lshift", "rshift", "and", "or", "xor"),
)
_COUNTED = frozenset(
    {"contains", "eq", "ge", "gt", "le", "lt", *_ARITHMETIC, *(f"r{name}" for name in _ARITHMETIC)}
)
"""Here the program says something about its own objects and what they are held against."""


class CandidateGoneError(Exception):
    """The program's process has ended."""


class BrokenProtocolError(Exception):
    """The program's process wrote what it should not."""


class RefusedError(Exception):
    """The tests asked of an object what is only asked of plain data."""


class UnsupportedError(Exception):
    """The tests need something that two processes cannot do."""


class Line:
    """The tests' end of the channel.

    Args:
        channel: The channel.
        entry_point: The function that is tested; never taken for a class.
    """

    def __init__(self, channel: Channel, entry_point: str | None) -> None:
        self._channel = channel
        self._entry_point = entry_point
        self._remotes: weakref.WeakValueDictionary[int, Remote] = weakref.WeakValueDictionary()
        self._classes: dict[int, type[Exception]] = {}
        self._lent: list[Foreign] = []
        self._dropped: set[int] = set()
        self._depth = 0
        self._doubtful: dict[int, str] = {}
        self.asked: Counter[str] = Counter()
        """How often the program was asked to compare its own objects, or compute with them."""
        self.calls = 0
        self.last: tuple[str, tuple[Foreign, ...], dict[str, Foreign], Foreign] | None = None
        """The last call that returned: name, arguments, keywords, value."""
        self.broken: str | None = None
        """How the protocol was broken; nothing is asked any more."""
        self.gone = False
        """Whether the program's process has ended."""
        self.unsupported: str | None = None
        """What two processes cannot do."""
        self._refused: str | None = None

    # ---------------------------------------------------------------- asking

    def greet(self) -> BaseException | None:
        """Wait until the program is loaded; return the exception that kept it from that, or None.

        Raises:
            CandidateGoneError: It ended before.
            BrokenProtocolError: It said something else.
        """
        message = self._receive()
        if message == {"ready": True}:
            return None
        try:
            return self._rebuild(message.get("crash"), Decoder([], self._resolve), stops=False)
        except ProtocolError:
            raise self._break("an odd greeting") from None

    def ask(self, do: str, handle: int, /, *args: Foreign, **kwargs: Foreign) -> Foreign:
        """Ask something of an object of the program's, and return or raise what comes of it."""
        if self.gone:
            raise CandidateGoneError("the program's process has ended")
        if self.broken is not None:
            raise BrokenProtocolError(self.broken)
        known: list[Foreign] = []
        encoder = Encoder(known, self._lend)
        number = secrets.randbits(60)
        dropped, self._dropped = self._dropped, set()
        question = {
            "ask": number,
            "do": do,
            "on": handle,
            "args": [encoder.encode(value) for value in args],
            "kwargs": {name: encoder.encode(value) for name, value in kwargs.items()},
            "drop": sorted(dropped),
        }
        if do in _COUNTED:
            self.asked[do] += 1
        self._send(question)
        return self._await(number, known, stops=do == "next")

    def is_quiet(self) -> bool:
        """Whether the program says nothing unasked."""
        return self._channel.is_quiet()

    def overhear(self) -> None:
        """Note that the program said something unasked, or that it has ended."""
        try:
            self._receive()
        except CandidateGoneError:
            return
        except BrokenProtocolError:
            return
        self._break("an answer to a question that was not asked")

    # ---------------------------------------------------------------- rules

    def refuse(self, remote: Remote, what: str) -> RefusedError:
        """Note that a return value was taken for plain data, and return the exception."""
        about = about_of(remote)
        self._refused = f"it gave an object of type {about.type_name}, which has no {what} here"
        return RefusedError(self._refused)

    def doubt(self, remote: Remote) -> None:
        """Note that a return value was asked for its truth."""
        about = about_of(remote)
        if not about.used:
            self._doubtful[about.handle] = about.type_name

    def settle(self, remote: Remote, *, owned: bool) -> None:
        """Note that an object is used as one; with `owned`, by attribute, call or `with`."""
        about = about_of(remote)
        about.used = True
        about.owned = about.owned or owned
        self._doubtful.pop(about.handle, None)

    @property
    def refused(self) -> str | None:
        """What was asked of an object that is only asked of plain data; None where nothing was."""
        if self._refused is None and self._doubtful:
            type_name = next(iter(self._doubtful.values()))
            return f"it gave an object of type {type_name}, which is no plain data"
        return self._refused

    def makes_objects(self, name: str | None) -> bool:
        """Whether a call by this name, as the tests spell it, makes an object."""
        return name is not None and name != self._entry_point and bool(_CLASS_NAME.match(name))

    def unsupport(self, what: str) -> UnsupportedError:
        """Note what two processes cannot do, and return the exception."""
        self.unsupported = what
        return UnsupportedError(what)

    # ---------------------------------------------------------------- messages

    def _await(self, number: int, known: list[Foreign], *, stops: bool) -> Foreign:
        while True:
            message = self._receive()
            if "ask" in message:
                self._serve(message)
                continue
            if message.get("reply") != number:
                raise self._break("an answer to a question that was not asked")
            try:
                return self._take(message, known, stops=stops)
            except ProtocolError as error:
                raise self._break(str(error)) from None

    def _take(self, message: Form, known: list[Foreign], *, stops: bool) -> Foreign:
        changed = message.get("changed")
        if kind_of(changed) is not list or ("value" in message) == ("raised" in message):
            raise ProtocolError("an odd answer")
        self._print(message.get("printed"))
        decoder = Decoder(known, self._resolve)
        value = decoder.decode(message.get("value"))
        raised = None
        if "raised" in message:
            raised = self._rebuild(message["raised"], decoder, stops=stops)
        for change in changed:
            if kind_of(change) is not list or len(change) != 2:
                raise ProtocolError("an odd answer")
            decoder.refill(*change)
        if raised is not None:
            raise raised
        return value

    def _serve(self, message: Form) -> None:
        """Do what the program asks of a function or an iterator that the tests lent to it."""
        number, do, handle = message.get("ask"), message.get("do"), message.get("on")
        args, kwargs = message.get("args"), message.get("kwargs")
        lent = self._lent
        if (
            kind_of(number) is not int
            or do not in ("call", "next")
            or kind_of(handle) is not int
            or not 0 <= handle < len(lent)
            or kind_of(args) is not list
            or kind_of(kwargs) is not dict
        ):
            raise self._break("an odd question")
        known: list[Foreign] = []
        decoder = Decoder(known, self._resolve)
        try:
            self._print(message.get("printed"))
            values = [decoder.decode(form) for form in args]
            keywords = {name: decoder.decode(form) for name, form in kwargs.items()}
        except ProtocolError as error:
            raise self._break(str(error)) from None
        before = [snapshot(container) for container in known]
        encoder = Encoder(known, self._lend)
        reply: dict[str, Form] = {"reply": number}
        try:
            reply["value"] = encoder.encode(self._perform(do, lent[handle], values, keywords))
        except Exception as error:
            if self.gone or self.broken is not None or self.unsupported is not None:
                raise
            reply["raised"] = describe(error, encoder, None)
        reply["changed"] = [
            [place, encoder.contents(known[place])]
            for place, was in enumerate(before)
            if has_changed(known[place], was)
        ]
        self._send(reply)

    def _perform(
        self, do: str, lent: Foreign, values: list[Foreign], keywords: dict[str, Foreign]
    ) -> Foreign:
        if self._depth >= MAX_NESTING:
            raise RecursionError("calls between the program and the tests are nested too deeply")
        self._depth += 1
        try:
            return next(lent) if do == "next" else lent(*values, **keywords)
        finally:
            self._depth -= 1

    def _send(self, message: Form) -> None:
        try:
            self._channel.send(message)
        except NotPlainError as error:
            raise self.unsupport(f"the tests pass a value that is {error}") from None
        except EndError:
            self.gone = True
            raise CandidateGoneError("the program's process has ended") from None

    def _receive(self) -> dict[str, Form]:
        try:
            message = self._channel.receive()
        except EndError:
            self.gone = True
            raise CandidateGoneError("the program's process has ended") from None
        except ProtocolError as error:
            raise self._break(str(error)) from None
        if kind_of(message) is not dict:
            raise self._break("a message that is none")
        found: dict[str, Form] = message
        return found

    def _break(self, how: str) -> BrokenProtocolError:
        self.broken = self.broken or how[:MAX_TEXT]
        return BrokenProtocolError(self.broken)

    def _print(self, text: Form) -> None:
        if kind_of(text) is not str:
            raise ProtocolError("printed text that is none")
        if text:
            sys.stdout.write(text)

    # ---------------------------------------------------------------- handles

    def _lend(self, value: Foreign) -> Form:
        if isinstance(value, Remote):
            return {"yours": about_of(value).handle}
        if isinstance(value, Program):
            return {"yours": 0}
        if isinstance(value, type) and value in self._classes.values():
            return {"yours": next(n for n, kind in self._classes.items() if kind is value)}
        if callable(value) or hasattr(kind_of(value), "__next__"):
            self._lent.append(value)
            return {"mine": {"id": len(self._lent) - 1}}
        raise self.unsupport(
            f"the tests pass an object of type {type(value).__name__} to the program"
        )

    def _resolve(self, tag: str, payload: Form) -> Foreign:
        if tag == "yours":
            if kind_of(payload) is int and 0 <= payload < len(self._lent):
                return self._lent[payload]
            raise ProtocolError("a handle to nothing")
        match payload:
            case {"id": int() as handle, "kind": "exception", "own": own, "base": base}:
                return self._exception_class(own, base) if own else builtin_exception(base)
            case {"id": int() as handle, "kind": str() as kind, "type": str() as type_name}:
                remote = self._remote(handle, kind, type_name[:60])
                return _awaited(self, remote) if kind == "coroutine" else remote
            case _:
                raise ProtocolError("a handle that is none")

    def _remote(self, handle: int, kind: str, type_name: str) -> Remote:
        self._dropped.discard(handle)
        remote = self._remotes.get(handle)
        if remote is None:
            remote = Remote(_About(self, handle, kind, type_name))
            self._remotes[handle] = remote
        return remote

    def drop(self, handle: int) -> None:
        """Note that the tests hold an object no longer."""
        if handle:
            self._dropped.add(handle)

    # ---------------------------------------------------------------- exceptions

    def _rebuild(self, form: Form, decoder: Decoder, *, stops: bool) -> BaseException:
        match form:
            case {
                "own": own,
                "base": str() as base,
                "name": str() as name,
                "object": None | int() as handle,
                "args": args,
                "message": str() as message,
                "line": None | int() as line,
            } if kind_of(own) is list and kind_of(args) is list:
                pass
            case _:
                raise ProtocolError("an exception that is none")
        if stops and base == "StopIteration" and not own:
            return StopIteration()
        arguments = [decoder.decode(argument) for argument in args]
        kind: type[BaseException] | None
        kind = self._exception_class(own, base) if own else builtin_exception(base)
        message = message[:MAX_TEXT]
        if kind is None:
            kind, arguments = CandidateError, [f"{name[:60]}: {message}".removesuffix(": ")]
        error = mark_theirs(make(kind, arguments, message), line)
        if own and handle is not None:
            error.__dict__["_gadfly"] = (message, self._remote(handle, "object", name[:60]))
        return error

    def _exception_class(self, own: Form, base: Form) -> type[Exception]:
        """Return the class that stands for one of the program's own exception classes."""
        parent: type[Exception] = CandidateError
        found = builtin_exception(base)
        if found is not None and issubclass(found, Exception):
            parent = found
        entries: list[Form] = own if kind_of(own) is list else []
        for entry in reversed(entries):
            match entry:
                case [int() as handle, str() as name]:
                    if handle not in self._classes:
                        body = {"__str__": _own_message, "__getattr__": _own_attribute}
                        made: Foreign = type(name[:60], (parent,), body)
                        self._classes[handle] = made
                    parent = self._classes[handle]
                case _:
                    raise ProtocolError("an exception class that is none")
        return parent


def _own_message(error: BaseException) -> str:
    own: tuple[str, Remote] | None = error.__dict__.get("_gadfly")
    return BaseException.__str__(error) if own is None else own[0]


def _own_attribute(error: BaseException, name: str) -> Foreign:
    own: tuple[str, Remote] | None = error.__dict__.get("_gadfly")
    if own is None or name.startswith("__"):
        raise AttributeError(name)
    return getattr(own[1], name)


def _awaited(line: Line, remote: Remote) -> Coroutine[None, None, Foreign]:
    async def run() -> Foreign:
        # The whole coroutine runs over there, in a loop of its own.
        return line.ask("await", about_of(remote).handle)

    return run()


class _About:
    """What is known of an object of the program's."""

    __slots__ = ("handle", "kind", "line", "name", "owned", "type_name", "used")

    def __init__(self, line: Line, handle: int, kind: str, type_name: str) -> None:
        self.line = line
        self.handle = handle
        self.kind = kind
        self.type_name = type_name
        self.name: str | None = None
        """As the tests spell it, where they reached it by a name of the program's."""
        self.used = False
        self.owned = False


class Remote:
    """An object of the program's."""

    __slots__ = ("__about", "__weakref__")
    __about: _About

    def __init__(self, about: _About) -> None:
        object.__setattr__(self, "_Remote__about", about)

    def __del__(self) -> None:
        self.__about.line.drop(self.__about.handle)

    def __call__(self, *args: Foreign, **kwargs: Foreign) -> Foreign:
        about = self.__about
        about.line.settle(self, owned=True)
        about.line.calls += 1
        value = about.line.ask("call", about.handle, *args, **kwargs)
        about.line.last = (about.name or about.type_name, args, kwargs, value)
        if isinstance(value, Remote) and about.line.makes_objects(about.name):
            about.line.settle(value, owned=True)
        return value

    def __getattr__(self, name: str) -> Foreign:
        about = self.__about
        value = about.line.ask("getattr", about.handle, name)
        # Frameworks look for marks of their own on everything they meet.
        if not name.startswith("__"):
            about.line.settle(self, owned=True)
        if isinstance(value, Remote):
            named(value, name)
        return value

    def __setattr__(self, name: str, value: Foreign) -> None:
        self.__about.line.settle(self, owned=True)
        self.__about.line.ask("setattr", self.__about.handle, name, value)

    def __delattr__(self, name: str) -> None:
        self.__about.line.ask("delattr", self.__about.handle, name)

    def __dir__(self) -> list[str]:
        return list(self.__about.line.ask("dir", self.__about.handle))

    def __eq__(self, other: object) -> bool:
        if self is other or not isinstance(other, Remote):
            return self is other
        about, line = self.__about, self.__about.line
        if not line.ask("is", about_of(line_type(self)).handle, line_type(other)):
            return False
        if not (about.owned or about_of(other).owned):
            raise line.refuse(self, "equality")
        return line.ask("eq", about.handle, other) is True

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        value = self.__about.line.ask("hash", self.__about.handle)
        return value if kind_of(value) is int else self.__about.handle

    def __bool__(self) -> bool:
        self.__about.line.doubt(self)
        return self.__about.line.ask("bool", self.__about.handle) is True

    def __contains__(self, item: Foreign) -> bool:
        if self.__about.owned:
            return self.__about.line.ask("contains", self.__about.handle, item) is True
        return any(own is item or own == item for own in self)

    def __iter__(self) -> Iterator[Foreign]:
        self.__about.line.settle(self, owned=False)
        iterator = self.__about.line.ask("iter", self.__about.handle)
        # A container of plain data may be its own iterator's copy.
        return iter(iterator) if not isinstance(iterator, Remote) else _Iterator(iterator)

    def __next__(self) -> Foreign:
        return self.__about.line.ask("next", self.__about.handle)

    def __enter__(self) -> Foreign:
        self.__about.line.settle(self, owned=True)
        return self.__about.line.ask("enter", self.__about.handle)

    def __exit__(self, *_: object) -> bool:
        # What was raised stays here: an object of this process is nothing to the program.
        return bool(self.__about.line.ask("exit", self.__about.handle, None, None, None))

    def __instancecheck__(self, instance: object) -> bool:
        if not isinstance(instance, Remote):
            return False
        return self.__about.line.ask("isinstance", self.__about.handle, instance) is True

    def __subclasscheck__(self, other: object) -> bool:
        if not isinstance(other, Remote):
            return False
        return self.__about.line.ask("issubclass", self.__about.handle, other) is True

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        raise self.__about.line.unsupport("the tests derive a class from one of the program's")

    def __reduce__(self) -> str:
        raise TypeError("an object of the program's cannot be pickled here")

    def __copy__(self) -> Foreign:
        return self.__about.line.ask("copy", self.__about.handle)

    def __deepcopy__(self, memo: dict[int, Foreign]) -> Foreign:
        return self.__about.line.ask("deepcopy", self.__about.handle)

    def __repr__(self) -> str:
        return _text(self, "repr")

    def __str__(self) -> str:
        return _text(self, "str")

    def __format__(self, spec: str) -> str:
        return _text(self, "format", spec)


class _Iterator:
    """A loop over an object of the program's: at its end it raises what ends a loop."""

    def __init__(self, iterator: Remote) -> None:
        self._iterator = iterator

    def __iter__(self) -> Iterator[Foreign]:
        return self

    def __next__(self) -> Foreign:
        return next(self._iterator)


def about_of(remote: Remote) -> _About:
    """Return what is known of an object, asking nobody."""
    about: _About = object.__getattribute__(remote, "_Remote__about")
    return about


def line_type(remote: Remote) -> Remote:
    """Return the class of an object of the program's."""
    about = about_of(remote)
    kind = about.line.ask("type", about.handle)
    return kind if isinstance(kind, Remote) else remote


def named(remote: Remote, name: str) -> None:
    """Note the name by which the tests reach an object."""
    about = about_of(remote)
    about.name = name
    about.used = True


def _text(remote: Remote, do: str, *args: Foreign) -> str:
    about = about_of(remote)
    if about.line.gone or about.line.broken is not None:
        return f"<{about.type_name} object>"
    value = about.line.ask(do, about.handle, *args)
    return value if kind_of(value) is str else f"<{about.type_name} object>"


def _unary(do: str) -> Callable[..., Foreign]:
    def ask(self: Remote, *args: Foreign) -> Foreign:
        return about_of(self).line.ask(do, about_of(self).handle, *args)

    return ask


def _item(do: str) -> Callable[..., Foreign]:
    def ask(self: Remote, *args: Foreign) -> Foreign:
        about = about_of(self)
        about.line.settle(self, owned=False)
        return about.line.ask(do, about.handle, *args)

    return ask


def _binary(do: str, what: str) -> Callable[[Remote, Foreign], Foreign]:
    def ask(self: Remote, other: Foreign) -> Foreign:
        about = about_of(self)
        if not about.owned and not (isinstance(other, Remote) and about_of(other).owned):
            raise about.line.refuse(self, what)
        value = about.line.ask(do, about.handle, other)
        if isinstance(value, Remote):
            about.line.settle(value, owned=True)
        return value

    return ask


_NUMBERS = ("int", "float", "complex", "index", "abs", "neg", "pos", "invert", "round")
# Python looks these up on the class.
for _name in (*_NUMBERS, "bytes", "reversed"):
    setattr(Remote, f"__{_name}__", _unary(_name))
for _name in ("len", "getitem", "setitem", "delitem"):
    setattr(Remote, f"__{_name}__", _item(_name))
for _name in ("lt", "le", "gt", "ge"):
    setattr(Remote, f"__{_name}__", _binary(_name, "order"))
for _name in _ARITHMETIC:
    setattr(Remote, f"__{_name}__", _binary(_name, "arithmetic"))
    setattr(Remote, f"__r{_name}__", _binary(f"r{_name}", "arithmetic"))


class Program(ModuleType):
    """The program as a module: what tests import it as."""

    def __init__(self, name: str, line: Line) -> None:
        super().__init__(name)
        self.__dict__["_gadfly"] = line

    def __getattr__(self, name: str) -> Foreign:
        line: Line = self.__dict__["_gadfly"]
        if name == "__all__":
            return line.ask("dir", 0)
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        value = line.ask("getattr", 0, name)
        return _known(value, name)

    def __setattr__(self, name: str, value: Foreign) -> None:
        if name.startswith("__"):
            super().__setattr__(name, value)
        else:
            self.__dict__["_gadfly"].ask("setattr", 0, name, value)

    def __delattr__(self, name: str) -> None:
        self.__dict__["_gadfly"].ask("delattr", 0, name)


def find_names(line: Line, wanted: list[str]) -> dict[str, Foreign]:
    """Return what the program has under some names."""
    found = line.ask("names", 0, wanted)
    pairs = [pair for pair in found if kind_of(pair) is list and len(pair) == 2]
    return {name: _known(value, name) for name, value in pairs if name in wanted}


def _known(value: Foreign, name: str) -> Foreign:
    """Return an object that was reached by a name; a module of Python's own is our own."""
    if not isinstance(value, Remote):
        return value
    about = about_of(value)
    if about.kind == "module" and about.type_name in sys.stdlib_module_names:
        return __import__(about.type_name)
    named(value, name)
    return value
