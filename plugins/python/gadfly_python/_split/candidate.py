"""Loads the program and serves calls to it. It shares its process with the program.

Whatever this module does, the program can undo. It only makes an honest program's values arrive.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
import io
import operator
import os
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from .exceptions import HandleOf, builtin_exception, describe, family, make
from .wire import (
    CHANNEL,
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

PROGRAM, MODULE = "program.py", "solution"
_MAX_PRINTED = 65_536
"""Characters that are passed on to the tests; more goes to the job's own stdout."""


class Printed(io.TextIOBase):
    """What the program prints while it is called."""

    def __init__(self, beyond: Foreign) -> None:
        self._beyond = beyond
        self._kept: list[str] = []
        self._size = 0

    def writable(self) -> bool:
        """See `io.IOBase.writable`."""
        return True

    def write(self, text: str) -> int:
        """Keep text that fits."""
        if self._size + len(text) <= _MAX_PRINTED:
            self._kept.append(text)
            self._size += len(text)
        else:
            self._beyond.write(text)
        return len(text)

    def take(self) -> str:
        """Return what was printed since the last time."""
        text, self._kept, self._size = "".join(self._kept), [], 0
        return text


class RemoteError(Exception):
    """What the tests raised, where it is no built-in exception."""


class Callback:
    """A function of the tests, or an iterator: the program may call it, and nothing else."""

    def __init__(self, server: Server, handle: int) -> None:
        self._server = server
        self.handle = handle

    def __call__(self, *args: Foreign, **kwargs: Foreign) -> Foreign:
        return self._server.ask("call", self.handle, args, kwargs)

    def __iter__(self) -> Callback:
        return self

    def __next__(self) -> Foreign:
        return self._server.ask("next", self.handle, (), {})


class Server:
    """Serves what the tests ask of the program's objects, one thing inside the other."""

    def __init__(self, channel: Channel, program: ModuleType) -> None:
        self._channel = channel
        self._thread = threading.get_ident()
        self._objects: dict[int, Foreign] = {0: program}
        self._handles: dict[int, int] = {id(program): 0}
        self._next = 1
        self._asked = 0
        self.printed = Printed(sys.stdout)

    def serve(self) -> None:
        """Serve until the tests are over."""
        while True:
            self._answer(self._channel.receive())

    def ask(
        self, do: str, handle: int, args: tuple[Foreign, ...], kwargs: Mapping[str, Foreign]
    ) -> Foreign:
        """Ask something of the tests, serving what they ask meanwhile."""
        if threading.get_ident() != self._thread:
            raise RuntimeError("only the program's main thread can call a function of the tests")
        known: list[Foreign] = []
        encoder = Encoder(known, self.lend)
        self._asked += 1
        number = self._asked
        question = {
            "ask": number,
            "do": do,
            "on": handle,
            "args": [encoder.encode(value) for value in args],
            "kwargs": {name: encoder.encode(value) for name, value in kwargs.items()},
            "printed": self.printed.take(),
        }
        self._channel.send(question)
        while True:
            message = self._channel.receive()
            if "ask" in message:
                self._answer(message)
                continue
            decoder = Decoder(known, self._resolve)
            for place, form in message["changed"]:
                decoder.refill(place, form)
            if "raised" in message:
                raise self._rebuild(message["raised"], decoder)
            return decoder.decode(message["value"])

    def _answer(self, message: Form) -> None:
        for handle in message["drop"]:
            self._handles.pop(id(self._objects.pop(handle, None)), None)
        known: list[Foreign] = []
        decoder = Decoder(known, self._resolve)
        args = [decoder.decode(form) for form in message["args"]]
        kwargs = {name: decoder.decode(form) for name, form in message["kwargs"].items()}
        before = [snapshot(container) for container in known]
        reply: dict[str, Form] = {"reply": message["ask"]}
        encoder = Encoder(known, self.lend)
        try:
            value = OPERATIONS[message["do"]](self._objects[message["on"]], *args, **kwargs)
            reply["value"] = encoder.encode(value)
        except EndError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever ends a call is what we report
            reply["raised"] = describe(error, encoder, self.handle_of, line_of(error))
        finally:
            changed = [n for n, was in enumerate(before) if has_changed(known[n], was)]
        reply["changed"] = [[number, encoder.contents(known[number])] for number in changed]
        self._send(reply)

    def _send(self, reply: dict[str, Form]) -> None:
        reply["printed"] = self.printed.take()
        try:
            self._channel.send(reply)
        except NotPlainError as error:
            problem = MemoryError(f"what it gave is {error}")
            raised = describe(problem, Encoder([], self.lend), None)
            kept: dict[str, Form] = {"reply": reply["reply"], "changed": [], "printed": ""}
            self._channel.send({**kept, "raised": raised})

    def lend(self, value: Foreign) -> Form:
        """Write a handle for what is no plain data."""
        if isinstance(value, Callback):
            return {"yours": value.handle}
        return {"mine": {"id": self.handle_of(value), **_about(value, self.handle_of)}}

    def handle_of(self, value: Foreign) -> int:
        """Return the number of an object's handle; the object is kept until the tests drop it."""
        handle = self._handles.get(id(value))
        if handle is None:
            handle, self._next = self._next, self._next + 1
            self._handles[id(value)] = handle
            self._objects[handle] = value
        return handle

    def _resolve(self, tag: str, payload: Form) -> Foreign:
        return Callback(self, payload["id"]) if tag == "mine" else self._objects[payload]

    def _rebuild(self, form: Form, decoder: Decoder) -> BaseException:
        if form["base"] == "StopIteration":
            return StopIteration()
        kind: type[BaseException] = builtin_exception(form["base"]) or RemoteError
        arguments = [decoder.decode(argument) for argument in form["args"]]
        return make(kind, arguments, form["message"])


def _is_exception_class(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, BaseException)


def _about(value: Foreign, handle_of: HandleOf) -> dict[str, Form]:
    """Say what an object is, as far as the tests' process must know."""
    type_name = str(type(value).__name__)[:60]
    if _is_exception_class(value):
        return {"kind": "exception", "type": type_name, **family(value, handle_of)}
    kind = "object"
    if inspect.iscoroutine(value):
        kind = "coroutine"
    elif isinstance(value, ModuleType):
        kind, type_name = "module", str(value.__name__)[:60]
    return {"kind": kind, "type": type_name}


def _call(function: Foreign, *args: Foreign, **kwargs: Foreign) -> Foreign:
    return function(*args, **kwargs)


def _is_instance(kind: Foreign, value: Foreign) -> bool:
    return isinstance(value, kind)


def _is_subclass(kind: Foreign, value: Foreign) -> bool:
    return issubclass(value, kind)


def _dir(value: Foreign) -> list[str]:
    return [name for name in dir(value) if not name.startswith("_")]


def _names(program: ModuleType, wanted: list[str]) -> list[list[Foreign]]:
    return [[name, getattr(program, name)] for name in wanted if hasattr(program, name)]


def _special(name: str) -> Callable[..., Foreign]:
    def call(value: Foreign, *args: Foreign) -> Foreign:
        method: Foreign = getattr(kind_of(value), name)
        return method(value, *args)

    return call


def _reflected(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda value, other: function(other, value)


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "matmul": operator.matmul,
    "truediv": operator.truediv,
    "floordiv": operator.floordiv,
    "mod": operator.mod,
    "divmod": divmod,
    "pow": operator.pow,
    "lshift": operator.lshift,
    "rshift": operator.rshift,
    "and": operator.and_,
    "or": operator.or_,
    "xor": operator.xor,
}
OPERATIONS: dict[str, Callable[..., Foreign]] = {
    "names": _names,
    "call": _call,
    "getattr": getattr,
    "setattr": setattr,
    "delattr": delattr,
    "dir": _dir,
    "is": operator.is_,
    "type": type,
    "isinstance": _is_instance,
    "issubclass": _is_subclass,
    "await": asyncio.run,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "iter": iter,
    "next": next,
    "reversed": reversed,
    "len": len,
    "bool": bool,
    "hash": hash,
    "contains": operator.contains,
    "getitem": operator.getitem,
    "setitem": operator.setitem,
    "delitem": operator.delitem,
    "enter": _special("__enter__"),
    "exit": _special("__exit__"),
    "str": str,
    "repr": repr,
    "format": format,
    "bytes": bytes,
    "int": int,
    "float": float,
    "complex": complex,
    "index": operator.index,
    "round": round,
    "abs": abs,
    "neg": operator.neg,
    "pos": operator.pos,
    "invert": operator.invert,
    **{name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    **_ARITHMETIC,
    **{f"r{name}": _reflected(function) for name, function in _ARITHMETIC.items()},
}
"""What can be asked of the program's objects."""


def line_of(error: BaseException) -> int | None:
    """Return the program's own line in an exception; None where it has none."""
    if isinstance(error, SyntaxError) and error.filename == PROGRAM:
        return error.lineno
    line: int | None = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == PROGRAM:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def make_program() -> ModuleType:
    """Return the module that the program is to be loaded as, still empty."""
    program = ModuleType(MODULE)
    # Dataclasses and the like look a class's module up by its name.
    sys.modules[MODULE] = program
    sys.argv = [PROGRAM]
    return program


def load(program: ModuleType) -> None:
    """Run the program beside us; it may raise whatever it likes."""
    exec(compile(Path(PROGRAM).read_bytes(), PROGRAM, "exec"), program.__dict__)  # noqa: S102


def main() -> None:
    """Load the program beside us, say that it is there or why it is not, and serve."""
    channel = Channel(int(os.environ[CHANNEL]))
    program = make_program()
    server = Server(channel, program)
    sys.stdout = server.printed
    try:
        load(program)
    except BaseException as error:  # noqa: BLE001 - whatever ends a program is what we report
        crash = describe(error, Encoder([], server.lend), None, line_of(error))
        channel.send({"crash": crash})
        return
    channel.send({"ready": True})
    try:
        server.serve()
    except (EndError, ProtocolError):
        # The tests are over.
        return
