"""Frames between the engine and a critic's process: four bytes of length, then that much JSON.

Both ends are ours, but what travels was touched by critics and drafts, so the reader is bounded.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, cast

MAX_BYTES = 64 * 1024 * 1024
_LENGTH = struct.Struct("!I")


class FrameError(Exception):
    """What came is not a frame."""


def encode(message: dict[str, Any]) -> bytes:
    """Return a message as one frame.

    Raises:
        FrameError: It is too large.
    """
    body = json.dumps(message, separators=(",", ":")).encode()
    if len(body) > MAX_BYTES:
        raise FrameError(f"a message of {len(body)} bytes exceeds {MAX_BYTES}")
    return _LENGTH.pack(len(body)) + body


async def read(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """Return the next message, or None at the end of the stream (a torn frame included).

    Raises:
        FrameError: It is too large or not a JSON object.
    """
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        if length > MAX_BYTES:
            raise FrameError(f"a frame of {length} bytes exceeds {MAX_BYTES}")
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    try:
        message: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise FrameError("a frame is not JSON") from error
    if not isinstance(message, dict):
        raise FrameError("a frame is not a JSON object")
    return cast("dict[str, Any]", message)
