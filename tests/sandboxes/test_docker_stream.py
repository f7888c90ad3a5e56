"""Docker's framing is taken off however it arrives, and no wait for it is endless."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly_docker import _stream
from gadfly_docker._stream import AttachedStream, Pieces

STDOUT, STDERR = 1, 2

pieces = st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=40)))


def framed(output: int, data: bytes) -> bytes:
    return struct.pack(">B3xI", output, len(data)) + data


@pytest.fixture
def ends() -> Iterator[tuple[AttachedStream, socket.socket]]:
    ours, engines = socket.socketpair()
    stream = AttachedStream(ours)
    yield stream, engines
    stream.close()
    engines.close()


@given(sent=pieces, cuts=st.lists(st.integers(1, 20)))
def test_output_arrives_whole_however_it_was_cut(
    sent: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    rest = b"".join(framed(*piece) for piece in sent)
    reader, found = Pieces(), b""

    for cut in cuts:
        found += reader.feed(rest[:cut])
        rest = rest[cut:]
    found += reader.feed(rest)

    assert found == b"".join(data for output, data in sent if output == STDOUT)
    errors = b"".join(data for output, data in sent if output == STDERR)
    assert reader.errors == errors.decode(errors="replace")


def test_only_the_end_of_the_standard_error_is_kept() -> None:
    reader = Pieces()

    for number in range(3000):
        reader.feed(framed(STDERR, b"%04d " % number))

    assert len(reader.errors) <= 4096
    assert reader.errors.endswith("2998 2999 ")


@pytest.mark.parametrize("header", [b"\x03\0\0\0\0\0\0\1", b"\x01\0\1\0\0\0\0\1", b"HTTP/1.1"])
def test_what_is_not_dockers_framing_is_an_error(header: bytes) -> None:
    with pytest.raises(OSError, match="for a piece of output"):
        Pieces().feed(header)


def test_standard_error_alone_is_not_the_end(
    ends: tuple[AttachedStream, socket.socket],
) -> None:
    stream, engine = ends
    engine.sendall(framed(STDERR, b"a warning\n"))
    later = threading.Timer(0.05, engine.sendall, [framed(STDOUT, b"an answer")])
    later.start()

    assert stream.receive() == b"an answer"
    assert stream.errors == "a warning\n"
    later.join()


def test_the_end_of_the_connection_is_the_end(ends: tuple[AttachedStream, socket.socket]) -> None:
    stream, engine = ends
    engine.sendall(framed(STDERR, b"Traceback"))
    engine.close()

    assert stream.receive() == b""
    assert stream.receive() == b""


def test_cutting_it_wakes_who_waits_for_an_answer(
    ends: tuple[AttachedStream, socket.socket],
) -> None:
    stream, _ = ends
    threading.Timer(0.05, stream.cut).start()

    assert stream.receive() == b""


def test_closing_twice_is_fine(ends: tuple[AttachedStream, socket.socket]) -> None:
    stream, _ = ends

    stream.close()
    stream.close()


def test_what_nobody_reads_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stream, "PATIENCE_SECONDS", 0.05)
    ours, engines = socket.socketpair()
    stream = AttachedStream(ours)

    with pytest.raises(OSError, match="timed out"):
        stream.send(b"x" * 10_000_000)

    stream.close()
    engines.close()


def test_a_piece_that_is_never_finished_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_stream, "PATIENCE_SECONDS", 0.05)
    ours, engines = socket.socketpair()
    stream = AttachedStream(ours)
    engines.sendall(framed(STDOUT, b"half")[:-4])

    with pytest.raises(OSError, match="timed out"):
        stream.receive()

    stream.close()
    engines.close()
