"""The values on the channel: exact types in, exact types out, and nothing else gets through."""

from __future__ import annotations

import json
import math
import socket
from collections import Counter, OrderedDict, defaultdict, deque
from contextlib import closing
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly_python._split.wire import (
    MAX_DEPTH,
    MAX_FRAME,
    Channel,
    Decoder,
    Encoder,
    EndError,
    NotPlainError,
    ProtocolError,
    has_changed,
    snapshot,
)

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters())
    | st.binary()
    | st.complex_numbers(allow_nan=False)
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.dates()
    | st.timedeltas()
)
HASHABLE = st.recursive(LEAVES, lambda inner: st.tuples(inner) | st.frozensets(inner), max_leaves=5)
VALUES = st.recursive(
    HASHABLE | st.sets(HASHABLE),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(HASHABLE, inner),
)
JSON_TEXT = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["same", "tuple", "set", "dict", "int", "float", "ndarray", "record",
                         "deque", "type", "Fraction", "Decimal", "range", "mine", "yours", "x"]),
        inner, max_size=1,
    ),
)  # fmt: skip


def refuse(value: object) -> Any:
    raise NotPlainError(type(value).__name__)


def nothing(tag: str, payload: object) -> Any:
    raise ProtocolError(tag)


def there_and_back(value: object) -> Any:
    form = json.loads(json.dumps(Encoder([], refuse).encode(value), allow_nan=False))
    return Decoder([], nothing).decode(form)


def types(value: Any) -> Any:
    if isinstance(value, dict):
        return dict, [(types(key), types(inner)) for key, inner in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [types(inner) for inner in value]
    if isinstance(value, set | frozenset):
        return type(value), sorted(str(types(inner)) for inner in value)
    return type(value)


@given(VALUES)
def test_a_value_comes_back_equal_and_of_the_same_types(value: Any) -> None:
    back = there_and_back(value)

    assert back == value
    assert types(back) == types(value)


@given(JSON_TEXT)
def test_any_json_is_a_value_or_a_protocol_error(form: Any) -> None:
    try:
        Decoder([], nothing).decode(form)
    except ProtocolError:
        return


@pytest.mark.parametrize(
    "value",
    [
        Counter("aab"), OrderedDict(b=1, a=2), defaultdict(int, {1: 2}), deque([1, 2], 5),
        {1: 2}.keys(), {1: 2}.items(), bytearray(b"x"), range(1, 9, 2), ..., NotImplemented,
        10**5000, -0.0, math.inf, int, KeyError,
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_values_of_the_standard_library_cross(value: object) -> None:
    back = there_and_back(value)

    assert back == value
    assert type(back) is type(value)
    assert str(back) == str(value) if isinstance(value, float) else True


@pytest.mark.parametrize("kind", [int, str, float, list, tuple, dict, set, Fraction])
def test_a_subclass_is_no_plain_data(kind: type) -> None:
    class Equal(kind):  # type: ignore[misc]
        __eq__ = lambda *_: True  # noqa: E731
        __hash__ = object.__hash__
        __qualname__ = kind.__qualname__
        __module__ = kind.__module__

    with pytest.raises(NotPlainError):
        Encoder([], refuse).encode([Equal()])


def test_a_container_that_occurs_twice_stays_one() -> None:
    row = [0]
    loop: list[Any] = [row, row]
    loop.append(loop)

    back = there_and_back(loop)

    assert back[0] is back[1]
    assert back[2] is back


@pytest.mark.parametrize("change", [lambda x: x.append(1), lambda x: x.reverse(), list.clear])
def test_a_change_in_place_is_noticed_and_carried_over(change: Any) -> None:
    ours, theirs = [[1, "a"], {"b": [2]}], None
    sent: list[Any] = []
    form = Encoder(sent, refuse).encode(ours)
    received: list[Any] = []
    theirs = Decoder(received, nothing).decode(form)
    before = [snapshot(container) for container in received]

    change(theirs)

    changed = [n for n, was in enumerate(before) if has_changed(received[n], was)]
    answer = Encoder(received, refuse)
    for number in changed:
        Decoder(sent, nothing).refill(number, answer.contents(received[number]))
    assert changed == [0]
    assert ours == theirs


def test_too_deep_or_too_large_is_no_plain_data() -> None:
    deep: list[Any] = []
    for _ in range(MAX_DEPTH + 1):
        deep = [deep]

    for value in (deep, "x" * MAX_FRAME, 1 << 10**7, [0] * MAX_FRAME):
        with pytest.raises(NotPlainError):
            Encoder([], refuse).encode(value)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\xff\xff\xff\xff", id="huge header"),
        pytest.param(b"\0\0\0\x02[", id="cut short"),
        pytest.param(b"\0\0\0\x04nope", id="no JSON"),
        pytest.param(b"\0\0\0\x03NaN", id="NaN"),
        pytest.param(b'\0\0\0\x0d{"a":1,"a":1}', id="one name twice"),
        pytest.param((200_000).to_bytes(4, "big") + b"[" * 200_000, id="deeply nested"),
        pytest.param((9_000).to_bytes(4, "big") + b"1" * 9_000, id="many digits"),
    ],
)
def test_what_is_no_message_is_a_protocol_error(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    with theirs, closing(Channel(ours.detach(), patience=0.2)) as channel:
        theirs.sendall(data)

        with pytest.raises(ProtocolError):
            channel.receive()


def test_the_end_of_the_stream_is_told_from_a_message() -> None:
    ours, theirs = socket.socketpair()
    with closing(Channel(ours.detach())) as channel:
        assert channel.is_quiet()

        theirs.close()

        assert not channel.is_quiet()
        with pytest.raises(EndError):
            channel.receive()
