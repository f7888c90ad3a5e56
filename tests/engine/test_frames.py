"""Frames: what is torn, oversized or garbage ends a stream or is refused; nothing hangs."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly._engine import frames

PATIENCE = 60.0
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9)
)
inner = (
    leaves | st.lists(leaves, max_size=3) | st.dictionaries(st.text(max_size=3), leaves, max_size=3)
)
messages = st.dictionaries(st.text(max_size=5), inner, max_size=4)


async def read_all(data: bytes) -> list[dict[str, Any]]:
    reader = asyncio.StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    read = []
    async with asyncio.timeout(PATIENCE):
        while (message := await frames.read(reader)) is not None:
            read.append(message)
    return read


@given(st.lists(messages, max_size=4))
async def test_messages_come_back_as_they_were(sent: list[dict[str, Any]]) -> None:
    assert await read_all(b"".join(map(frames.encode, sent))) == sent


@given(messages, messages, st.data())
async def test_a_torn_frame_is_the_end_of_the_stream(
    whole: dict[str, Any], torn: dict[str, Any], data: st.DataObject
) -> None:
    frame = frames.encode(torn)
    cut = data.draw(st.integers(0, len(frame) - 1))

    assert await read_all(frames.encode(whole) + frame[:cut]) == [whole]


@given(st.binary(max_size=200))
async def test_garbage_ends_the_stream_or_is_refused(garbage: bytes) -> None:
    try:
        read = await read_all(garbage)
    except frames.FrameError:
        return
    assert all(isinstance(message, dict) for message in read)


@given(st.integers(frames.MAX_BYTES + 1, 2**32 - 1))
async def test_an_oversized_frame_is_refused_by_its_length(length: int) -> None:
    """It is not waited for, let alone read."""
    reader = asyncio.StreamReader()
    reader.feed_data(struct.pack("!I", length))

    with pytest.raises(frames.FrameError, match=f"{length} bytes"):
        async with asyncio.timeout(PATIENCE):
            await frames.read(reader)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[1]", id="a-list"),
        pytest.param(b"7", id="a-number"),
        pytest.param(b'{"a":', id="half"),
        pytest.param(b"\xff\xfe\x00", id="no-text"),
        pytest.param(b'{"a":' * 100_000, id="deep"),
        pytest.param(b'{"a":' + b"9" * 5_000 + b"}", id="a-number-too-long"),
    ],
)
async def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(frames.FrameError):
        await read_all(struct.pack("!I", len(body)) + body)


def test_a_message_that_is_too_large_is_not_sent() -> None:
    with pytest.raises(frames.FrameError, match="exceeds"):
        frames.encode({"text": "x" * frames.MAX_BYTES})
