"""The heap that jobs are forked from, laid out so that copying it is cheap.

What a fork and the end of its child cost is paid for each page of anonymous memory. When all
imports are done, those are gathered into huge pages, where the kernel can do that: with numpy and
sympy, a fork and its end take half the time then, and no more memory. The kernel takes a huge page
apart again where it is written to, so what comes later is kept away from what is there.
"""

from __future__ import annotations

import gc
import sys
from functools import partial

from . import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_HUGE = 2 << 20
"""Bytes of a huge page. Where they are of another size (some kernels on aarch64), none is made."""
_WORTH_IT = 4
"""Huge pages; with fewer, there is nothing to be gained."""
_SMALL, _ANY = range(48, 513, 16), range(24, 4096, 16)
"""Sizes of blocks that Python's allocator and C's cut their memory into."""
_MOST_BYTES = 16 << 20
"""Of fillings, where an allocator is of another kind than this was made for; a few are usual."""

_ROUNDS = 2
"""A round takes some blocks itself for as long as it lasts, which the next one fills."""

_kept: list[object] = []


def settle() -> None:
    """Collect garbage, for the last time here, and gather what stays."""
    # What only the cache of attributes holds would be freed bit by bit.
    getattr(sys, "_clear_type_cache", gc.collect)()
    gc.collect()
    try:
        ours = list(_stretches())
    except OSError:
        ours = []  # no /proc to look at
    places = [place for start, end in ours for place in range(*_inside(start, end))]
    _kept.append((ours, places))  # freed later, they would be holes themselves
    if len(places) >= _WORTH_IT:
        left = _MOST_BYTES
        for _ in range(_ROUNDS):
            left = _fill_holes(ours, left)
        for place in places:
            kernel.collapse(place, _HUGE)
    gc.freeze()
    gc.disable()


def _fill_holes(ours: Sequence[tuple[int, int]], left: int) -> int:
    """Take the free blocks between those that stay, so that none is used later.

    What a process allocates then comes from fresh pages, and a huge page that it does not write to
    stays whole in it and in all that it forks.

    Args:
        ours: The memory that is there: from where to where.
        left: How many bytes may be taken; how many are left is returned.
    """
    header = sys.getsizeof(b"")
    makers: list[tuple[int, Callable[[], object]]] = [(16, object), (32, partial(float, "2.5"))]
    makers += [(size, partial(bytes, size - header)) for size in _SMALL]
    _kept.append(makers)
    for size, make in makers:
        fresh = False
        while not fresh and left > 0:
            filling = make()
            _kept.append(filling)
            fresh, left = _is_fresh(id(filling), ours), left - size
    for size in _ANY:
        fresh = False
        while not fresh and left > 0:
            fresh, left = _is_fresh(kernel.take_memory(size), ours), left - size
    return left


def _is_fresh(address: int, ours: Sequence[tuple[int, int]]) -> bool:
    """Whether memory has been mapped since, in which this is."""
    for start, end in ours:  # noqa: SIM110 - a generator would take blocks itself
        if start <= address < end:
            return False
    return True


def _inside(start: int, end: int) -> tuple[int, int, int]:
    """Return where huge pages in a stretch begin, as a range's bounds and step."""
    return start + -start % _HUGE, end - _HUGE + 1, _HUGE


def _stretches() -> Iterator[tuple[int, int]]:
    """Yield from where to where there is nothing but our own memory."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            words = line.split()
            if words[1] == "rw-p" and words[4] == "0" and words[5:] in ([], ["[heap]"]):
                start, end = words[0].split("-")
                yield int(start, 16), int(end, 16)
