"""The host's end of the line to one worker."""

from __future__ import annotations

import json
import marshal
import threading
from typing import Any

from gadfly._errors import SandboxError
from gadfly._values.job import Job
from gadfly.worker._ports import Stream
from gadfly.worker.inside import wire

_FRAME_BYTES = 1 << 31
_LIMITS = (
    "wall_seconds",
    "cpu_seconds",
    "memory_mib",
    "output_kib",
    "disk_mib",
    "processes",
    "open_files",
    "network",
)
_FOR_EVER = 1e12
"""Seconds; JSON has no infinity."""
_PLENTY = 1 << 40


class LineError(Exception):
    """The worker is gone, or says what a worker does not say."""


class Line:
    """Frames over a stream. Reading is for one thread; sending for any."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._buffer = bytearray()
        self._sending = threading.Lock()

    def fileno(self) -> int:
        """Return what to wait for before `receive`."""
        return self._stream.fileno()

    def order(self, job: Job, *, channel: bool) -> None:
        """Send a job."""
        payload = marshal.dumps(
            {
                "argv": [_bytes(word) for word in job.argv],
                "stdin": _bytes(job.stdin),
                "files": {_bytes(name): _bytes(text) for name, text in job.files.items()},
            },
            2,
        )
        facts: dict[str, Any] = {name: _plain(getattr(job.limits, name)) for name in _LIMITS}
        names = wire.pack_names([_bytes(name) for name in job.collect])
        facts |= {"channel": channel, "names": len(names), "size": len(payload)}
        self._send(wire.json_frame(b"J", facts) + names + payload)

    def cancel(self) -> None:
        """Have the running job ended."""
        self._send(wire.frame(b"X"))

    def relay(self, content: bytes) -> None:
        """Send bytes for the job's channel; none at all is the end of it."""
        self._send(wire.frame(b"M", content))

    def receive(self) -> list[tuple[bytes, bytes]]:
        """Return the frames that are complete after reading once.

        Raises:
            LineError: The line has ended or is damaged.
        """
        try:
            chunk = self._stream.receive()
        except OSError as error:
            raise LineError(f"the line to the worker broke: {error}") from error
        if not chunk:
            raise LineError("the worker died")
        self._buffer += chunk
        frames: list[tuple[bytes, bytes]] = []
        while len(self._buffer) >= wire.HEADER.size:
            kind, size = wire.HEADER.unpack_from(self._buffer)
            if kind not in {b"R", b"M", b"D", b"E"} or size > _FRAME_BYTES:
                raise LineError("the worker said something that is no frame")
            end = wire.HEADER.size + size
            if len(self._buffer) < end:
                break
            frames.append((kind, bytes(self._buffer[wire.HEADER.size : end])))
            del self._buffer[:end]
        return frames

    def _send(self, data: bytes) -> None:
        try:
            with self._sending:
                self._stream.send(data)
        except OSError as error:
            raise LineError(f"the line to the worker broke: {error}") from error


def read_done(content: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Return a `D` frame's facts, and the raw parts: stdout, stderr and files.

    Raises:
        SandboxError: It is damaged.
    """
    try:
        size = int.from_bytes(content[:4], "big")
        facts: dict[str, Any] = json.loads(content[4 : 4 + size])
        if "refused" in facts:
            return facts, []
        sizes = [facts["stdout"], facts["stderr"], *(length for _, length in facts["files"])]
        parts: list[bytes] = []
        place = 4 + size
        for length in sizes:
            parts.append(content[place : place + length])
            place += length
        if min(sizes) < 0 or place != len(content):
            raise ValueError("sizes do not fit")
    except (ValueError, KeyError, TypeError) as error:
        raise SandboxError(f"the worker's report is damaged: {error}") from error
    return facts, parts


def _bytes(text: str) -> bytes:
    # A lone surrogate becomes bytes that no decoder takes: the job's fault, not ours.
    return text.encode("utf-8", "surrogatepass")


def _plain(value: float | bool) -> float | int:  # noqa: FBT001 - a limit, whatever it is
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return min(value, _FOR_EVER)
    return min(value, _PLENTY)
