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
    from collections.abc import Callable, Iterator

_HUGE = 2 << 20
"""Bytes of a huge page. Where they are of another size (some kernels on aarch64), none is made."""


_WORTH_IT = 4
"""Huge pages; with fewer, there is nothing to be gained."""
_SMALL, _LARGE = range(48, 513, 16), range(528, 4097, 16)
"""Sizes of blocks that Python's allocator cuts pages into, and of some that it leaves to C's."""
_PAGES = 16_384
"""Bytes of what Python's allocator cuts up for one size at a time (a quarter before 3.10)."""
_C_HEADER = 8
_MOST_BYTES = 16 << 20
"""Of fillings, where an allocator is of another kind than this was made for; a few are usual."""

_fillings: list[object] = []


def settle() -> None:
    """Collect garbage, for the last time here, and gather what stays."""
    # What only the cache of attributes holds would be freed bit by bit.
    getattr(sys, "_clear_type_cache", gc.collect)()
    gc.collect()
    try:
        if len(list(_places())) >= _WORTH_IT:
            filled = 0
            for filling in _fill_holes():
                _fillings.append(filling)
                filled += sys.getsizeof(filling)
                if filled > _MOST_BYTES:
                    break
            for place in _places():
                kernel.collapse(place, _HUGE)
    except OSError:
        pass  # no /proc to look at
    gc.freeze()
    gc.disable()


def _fill_holes() -> Iterator[object]:
    """Yield objects that take the free blocks between those that stay, so that none is used later.

    What a process allocates then comes from fresh pages, and a huge page that it does not write to
    stays whole in it and in all that it forks.
    """
    header = sys.getsizeof(b"")
    yield from _until_fresh(16, object)
    yield from _until_fresh(32, lambda: float(header))
    for size in _SMALL:
        yield from _until_fresh(size, partial(bytes, size - header))
    top = id(bytes(_LARGE[-1]))
    for size in _LARGE:
        filling = b""
        while not filling or id(filling) <= top:
            filling = bytes(size - header - _C_HEADER)
            yield filling


def _until_fresh(size: int, make: Callable[[], object]) -> Iterator[object]:
    """Yield objects of a size until they fill a page that was empty, one after the other."""
    last = row = 0
    while row * size <= _PAGES // 2:
        filling = make()
        yield filling
        # Not each is next to the last: numbers of ours lie between some.
        row = row + 1 if 0 < id(filling) - last <= 4 * size else 0
        last = id(filling)


def _places() -> Iterator[int]:
    """Yield where a huge page would hold nothing but our own memory."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        for line in maps:
            words = line.split()
            if words[1] != "rw-p" or words[4] != "0" or words[5:] not in ([], ["[heap]"]):
                continue
            start, end = (int(word, 16) for word in words[0].split("-"))
            yield from range(start + -start % _HUGE, end - _HUGE + 1, _HUGE)
