"""A critic's process: `python -m gadfly._engine.worker PID`, spoken to in frames.

`workers` starts it; PID is the engine's, with which it ends. It runs one critique at a time.
Whatever the critic touches (sandbox, tools, model) is asked of the engine over the pipe, so it is
counted and shared there, and killing this process leaves nothing behind. The pipe is moved off the
standard streams first: a critic may print.

    engine -> worker   {"call", "key", "critic", "task", "draft", "earlier", "tools", "model"}
                       {"answer", "value"} or {"answer", "error", "kind"}
    worker -> engine   {"ask", "port", ...}
                       {"done", "critique"} or {"failed", "error"}
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from gadfly import _errors
from gadfly._engine import frames
from gadfly._ports import Context, Critic
from gadfly._values.codec import dump, load
from gadfly._values.critique import Critique, Evidence
from gadfly._values.job import Isolation, Job, JobResult
from gadfly._values.task import Draft, Message, Reply, Task


class _Engine:
    """The engine at the other end of the pipe."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Any]] = {}

    def write(self, frame: bytes) -> None:
        self._writer.write(frame)

    async def ask(self, port: str, **request: Any) -> Any:  # noqa: ANN401 - each port answers with its own type
        number = next(self._numbers)
        frame = frames.encode({"ask": number, "port": port, **request})
        future = asyncio.get_running_loop().create_future()
        self._asked[number] = future
        self.write(frame)
        return await future

    def answer(self, message: dict[str, Any]) -> None:
        future = self._asked.pop(message["answer"], None)
        if future is None or future.done():
            return
        if "error" in message:
            kind = getattr(_errors, message["kind"], _errors.ToolError)
            future.set_exception(kind(message["error"]))
        else:
            future.set_result(message["value"])


class _Sandbox:
    name = "engine"

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine

    async def run(self, job: Job) -> JobResult:
        return load(JobResult, await self._engine.ask("sandbox", job=dump(job)))

    async def probe(self) -> Isolation:
        return load(Isolation, await self._engine.ask("probe"))

    async def close(self) -> None:
        """Nothing to give back: the sandbox is the engine's."""


class _Tool:
    def __init__(self, engine: _Engine, name: str) -> None:
        self._engine = engine
        self._name = name

    async def __call__(self, request: str) -> Evidence:
        return load(Evidence, await self._engine.ask("tool", name=self._name, request=request))


class _Model:
    def __init__(self, engine: _Engine, name: str) -> None:
        self._engine = engine
        self.name = name

    async def generate(self, messages: Sequence[Message]) -> Reply:
        return load(Reply, await self._engine.ask("model", messages=dump(list(messages))))


def _context(engine: _Engine, call: Mapping[str, Any]) -> Context:
    return Context(
        task=Task(**call["task"]),
        sandbox=_Sandbox(engine),
        tools={name: _Tool(engine, name) for name in call["tools"]},
        model=None if call["model"] is None else _Model(engine, call["model"]),
        earlier={id_: load(Critique, critique) for id_, critique in call["earlier"].items()},
    )


async def _critique(engine: _Engine, critic: Critic, call: dict[str, Any]) -> None:
    try:
        critique = await critic.critique(Draft(**call["draft"]), _context(engine, call))
        if not isinstance(critique, Critique):
            raise TypeError(f"it returned {type(critique).__name__}, not a Critique")
        done = {"done": call["call"], "critique": dump(critique), "leaves": _leaves_something()}
        frame = frames.encode(done)
    except BaseException as error:  # noqa: BLE001 - whatever a critic raises is its ERROR
        detail = " ".join(str(error).split())[:500]
        reason = f"{type(error).__name__}{': ' + detail if detail else ''}"
        frame = frames.encode({"failed": call["call"], "error": reason})
    engine.write(frame)


def _leaves_something() -> bool:
    """Whether the critic left tasks or threads behind, which could disturb the next one here."""
    ours = 2  # this critique and the server
    pool = "asyncio_"  # idle threads of `asyncio.to_thread`
    strangers = [t for t in threading.enumerate() if not t.name.startswith(pool)]
    return len(asyncio.all_tasks()) > ours or len(strangers) > 1


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    import cloudpickle

    engine = _Engine(writer)
    critics: dict[str, Critic] = {}
    running: asyncio.Task[None] | None = None
    while (message := await frames.read(reader)) is not None:
        if "answer" in message:
            engine.answer(message)
            continue
        key = message["key"]
        if message.get("critic"):
            try:
                critics[key] = cloudpickle.loads(base64.b64decode(message["critic"]))
            except BaseException as error:  # noqa: BLE001 - unpickling imports the author's module
                detail = f"it cannot be loaded in its process: {type(error).__name__}: {error}"
                engine.write(frames.encode({"failed": message["call"], "error": detail[:500]}))
                continue
        running = asyncio.create_task(_critique(engine, critics[key], message))
    if running is not None:
        running.cancel()


def _die_with(engine: int) -> None:
    """Ask the kernel to end us when the engine dies: a blocked critic cannot notice by itself."""
    if sys.platform != "linux":
        return
    import ctypes
    import signal

    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != engine:
        sys.exit("the engine died before this process was ready")


async def _main() -> None:
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**20)
    await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(incoming, "rb", 0)
    )
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(outgoing, "wb", 0)
    )
    await _serve(reader, asyncio.StreamWriter(transport, protocol, reader, loop))


if __name__ == "__main__":
    import signal

    # Whoever sends Ctrl-C's signal here: the engine decides what ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with(int(sys.argv[1]))
    asyncio.run(_main())
