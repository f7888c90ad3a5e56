"""What a worker may say, and what is made of anything else."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import Job, Limits, SandboxError
from gadfly.worker._line import Line, LineError, read_done
from gadfly.worker.inside import wire

KINDS = st.sampled_from([b"R", b"M", b"D", b"E"])


class Pieces:
    """A stream that hands out bytes in given pieces, and keeps what is sent."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = [*pieces]
        self.sent = b""

    def fileno(self) -> int:
        return -1

    def receive(self) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""

    def send(self, data: bytes) -> None:
        self.sent += data

    def close(self) -> None:
        pass


def hear(stream: Pieces) -> list[tuple[bytes, bytes]]:
    """All frames up to the end of the line."""
    line, heard = Line(stream), list[tuple[bytes, bytes]]()
    with contextlib.suppress(LineError):
        while True:
            heard += line.receive()
    return heard


@given(st.lists(st.tuples(KINDS, st.binary(max_size=50)), max_size=8), st.data())
def test_frames_come_back_however_they_are_cut(
    frames: list[tuple[bytes, bytes]], data: st.DataObject
) -> None:
    rest = b"".join(wire.frame(kind, content) for kind, content in frames)
    pieces: list[bytes] = []
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        pieces.append(rest[:size])
        rest = rest[size:]

    assert hear(Pieces(*pieces)) == frames


@given(st.binary(min_size=5, max_size=60))
def test_junk_is_the_end_of_a_line_and_nothing_worse(junk: bytes) -> None:
    for kind, _ in hear(Pieces(junk)):
        assert kind in {b"R", b"M", b"D", b"E"}


@pytest.mark.parametrize("junk", [b"Q\0\0\0\0", b"D\xff\xff\xff\xff"])
def test_what_is_no_frame_is_refused(junk: bytes) -> None:
    with pytest.raises(LineError, match="no frame"):
        Line(Pieces(junk)).receive()


@given(
    st.binary(max_size=40),
    st.binary(max_size=40),
    st.dictionaries(st.text(max_size=5), st.binary(max_size=20), max_size=3),
)
def test_a_report_comes_back(stdout: bytes, stderr: bytes, files: dict[str, bytes]) -> None:
    sizes = [[name, len(content)] for name, content in files.items()]
    facts = {"stdout": len(stdout), "stderr": len(stderr), "files": sizes}
    head = json.dumps(facts).encode()
    content = len(head).to_bytes(4, "big") + head + stdout + stderr + b"".join(files.values())

    read, parts = read_done(content)

    assert read == facts
    assert parts == [stdout, stderr, *files.values()]


@given(st.binary(max_size=80))
def test_a_damaged_report_is_a_broken_sandbox(content: bytes) -> None:
    with pytest.raises(SandboxError, match="damaged"):
        read_done(content)


@pytest.mark.parametrize("sizes", [(1, 0), (0, 3), (-1, 1), (10**12, 0)])
def test_sizes_that_do_not_fit_are_damage(sizes: tuple[int, int]) -> None:
    head = json.dumps({"stdout": sizes[0], "stderr": sizes[1], "files": []}).encode()

    with pytest.raises(SandboxError, match="damaged"):
        read_done(len(head).to_bytes(4, "big") + head)


def test_limits_without_end_can_be_said() -> None:
    stream = Pieces()
    limits = Limits(wall_seconds=float("inf"), memory_mib=2**60)

    Line(stream).order(Job(("true",), limits=limits), channel=False)

    kind, size = wire.HEADER.unpack(stream.sent[: wire.HEADER.size])
    facts = json.loads(stream.sent[wire.HEADER.size : wire.HEADER.size + size])
    assert kind == b"J"
    assert facts["wall_seconds"] > 10**9
    assert facts["size"] == len(stream.sent) - wire.HEADER.size - size
