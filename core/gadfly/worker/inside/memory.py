"""Memory for what passes through a worker, given back to the kernel when it has passed.

A worker's own heap is copied into every job that it forks. So what one job printed, said or left is
held outside of it, in mappings that are made after the fork and gone before the next.
"""

from __future__ import annotations

import ctypes
import mmap
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from typing import TypeVar

    T = TypeVar("T", bound="Memory")


class Memory:
    """Bytes, up to a number that was given beforehand; pages are taken only as they are filled."""

    def __init__(self, capacity: int) -> None:
        self._map = mmap.mmap(-1, capacity, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._capacity = capacity
        self.size = 0
        """How many bytes it holds."""

    def __enter__(self: T) -> T:  # noqa: PYI019 - `Self` is newer than the oldest Python here
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Forget them."""
        self._map.close()

    def read_from(self, fd: int) -> bool:
        """Take what can be read without waiting, as far as it fits; False at the end of `fd`."""
        with memoryview(self._map) as whole:
            while self.size < self._capacity:
                with whole[self.size :] as room:
                    try:
                        count = os.readv(fd, [room])
                    except BlockingIOError:
                        return True
                if not count:
                    return False
                self.size += count
        return True

    def read_exactly(self, fd: int, size: int) -> None:
        """Take so many bytes, waiting for them.

        Raises:
            EOFError: There are fewer.
            OSError: They do not fit.
        """
        if self.size + size > self._capacity:
            raise OSError("more came than was agreed")
        end = self.size + size
        with memoryview(self._map) as whole:
            while self.size < end:
                with whole[self.size : end] as room:
                    count = os.readv(fd, [room])
                if not count:
                    raise EOFError("the host went away")
                self.size += count

    def receive_from(self, line: socket.socket) -> bool:
        """Take what a socket has, once; False at its end."""
        with memoryview(self._map) as whole:
            try:
                count = line.recv_into(whole)
            except BlockingIOError:
                return True
            except OSError:
                return False
        self.size += count
        return bool(count)

    def send_to(self, line: socket.socket, start: int) -> int:
        """Send what a socket takes now, from a place on; return how much that was."""
        with memoryview(self._map) as whole, whole[start : self.size] as part:
            try:
                return line.send(part)
            except BlockingIOError:
                return 0

    def write_to(self, fd: int, size: int) -> None:
        """Write so many of the bytes, from the first on, waiting where that is needed."""
        with memoryview(self._map) as whole:
            done = 0
            while done < size:
                with whole[done:size] as part:
                    done += os.write(fd, part)


class Names(Memory):
    """Names of files, packed as by `wire.pack_names`, for C functions: no object holds one."""

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the addresses of each name's parts, good until `close`."""
        first = ctypes.c_char.from_buffer(self._map)
        start, parts = 0, list[int]()
        while start < self.size:
            end = self._map.find(b"\0", start)
            if end > start:
                parts.append(ctypes.addressof(first) + start)
            else:
                yield parts
                parts = []
            start = end + 1
        del first  # or the mapping cannot be closed
