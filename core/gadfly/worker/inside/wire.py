"""Frames between the host and a worker: one letter, four bytes of length, and so much content.

host -> worker    J  a job: facts and limits as JSON. After the frame come the names of the files
that it is asked for, and the job's own payload, which its process reads and never the worker
S  start a worker of its own; its socket comes with the frame
X  end the job that runs
M  bytes for the job's channel; none is the end of it
worker -> host    R  ready: facts about this worker, as JSON
M  bytes from the job's channel
D  done: facts as JSON, then the raw output and files that they measure
E  the machinery failed: why, in one line
"""

from __future__ import annotations

import json
import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

HEADER = struct.Struct(">cI")
CHUNK = 65_536


def frame(kind: bytes, content: bytes = b"") -> bytes:
    """Return the bytes of a frame."""
    return HEADER.pack(kind, len(content)) + content


def json_frame(kind: bytes, content: dict[str, Any]) -> bytes:
    """Return the bytes of a frame that holds JSON."""
    return frame(kind, json.dumps(content, separators=(",", ":")).encode())


def pack_names(names: Iterable[bytes]) -> bytes:
    """Return names of files as C wants them: each part of a path ends with a NUL, and so do all."""
    return b"".join(name.replace(b"/", b"\0") + b"\0\0" for name in names)


def read_exactly(fd: int, size: int) -> bytes:
    """Read so many bytes.

    Raises:
        EOFError: The other side is gone.
    """
    data = b""
    while len(data) < size:
        chunk = os.read(fd, size - len(data))
        if not chunk:
            raise EOFError("the host went away")
        data += chunk
    return data


def read_into(fd: int, buffer: bytearray) -> None:
    """Fill a buffer.

    Raises:
        EOFError: The other side is gone.
    """
    view = memoryview(buffer)
    while view.nbytes:
        count = os.readv(fd, [view])
        if not count:
            raise EOFError("the host went away")
        view = view[count:]


def read_frame(fd: int) -> tuple[bytes, bytes]:
    """Read one frame: its letter and its content.

    Raises:
        EOFError: The other side is gone.
    """
    kind, size = read_head(fd)
    return kind, read_exactly(fd, size)


def read_head(fd: int) -> tuple[bytes, int]:
    """Read a frame's letter and the size of its content, which the caller reads.

    Raises:
        EOFError: The other side is gone.
    """
    kind, size = HEADER.unpack(read_exactly(fd, HEADER.size))
    return kind, size


def write_all(fd: int, parts: Iterable[Any]) -> None:
    """Write buffers, wholly and in order; `fd` must block."""
    for part in parts:
        view = memoryview(part)
        while view.nbytes:
            view = view[os.write(fd, view) :]


def give_up(fd: int, why: str) -> None:
    """Tell the host that the machinery failed, so that nothing is known about a job."""
    write_all(fd, [frame(b"E", why.encode("utf-8", "replace"))])
