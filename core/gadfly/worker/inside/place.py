"""Where a job may write: made empty, measured, read without being fooled, and emptied again.

The place is held by a descriptor, so nothing that a job renames or links can lead us elsewhere.
Nothing here follows a symbolic link.
"""

from __future__ import annotations

import errno
import os
import stat

from . import kernel
from .memory import Memory
from .removal import empty

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE_BYTES = 4096
"""Counted for every file and folder where the file system is not the job's own."""
_FILES_PER_MIB = 64


class Place:
    """The folder of a worker's jobs.

    Args:
        path: Where it is; it exists.
        own: Whether it is a file system of its own, whose account of itself can be trusted.
        user: Whose it is; None for the worker's own.
        held: Descriptors of it and of `work` in it, where that is elsewhere and was prepared there.
    """

    ROOMS = ("work", "tmp", "shm")
    """The folders in it that a job finds."""

    def __init__(
        self,
        path: str,
        *,
        own: bool,
        user: int | None = None,
        held: tuple[int, int] | None = None,
    ) -> None:
        self.path = path
        self.own = own
        self._user = user
        self._fd, self._work = held or (os.open(path, _FOLDER), -1)
        self._counts_files = os.statvfs(self._fd).f_files > 0
        self._bytes_before = self._files_before = 0

    def prepare(self) -> None:
        """Make it as every job finds it."""
        if self._work >= 0:
            os.close(self._work)
            empty(self._fd)
        for room in self.ROOMS:
            os.mkdir(room, 0o700, dir_fd=self._fd)
            if self._user is not None:
                os.chown(room, self._user, self._user, dir_fd=self._fd)
        self._work = os.open("work", _FOLDER, dir_fd=self._fd)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._work)
        os.close(self._fd)

    def used_bytes(self) -> int:
        """Return how much its file system holds."""
        return usage(self._fd)[0]

    def count_from(self, used_bytes: int, files: int) -> None:
        """Take no account of so much: it was given to the job."""
        self._bytes_before, self._files_before = used_bytes, files

    def lacks(self, mib: int) -> bool:
        """Whether others leave a job less room than that, on a file system that it shares."""
        if self.own:
            return False
        state = os.statvfs(self._fd)
        return state.f_bavail * state.f_frsize < mib << 20

    def passed_limit(self, disk_mib: int) -> bool:
        """Whether a job holds more than that, or more than 64 files for each MiB."""
        bytes_limit, files_limit = disk_mib << 20, disk_mib * _FILES_PER_MIB
        if not self.own:
            return _use(self.path, bytes_limit) > bytes_limit
        used, files = usage(self._fd)
        if used - self._bytes_before > bytes_limit or files - self._files_before > files_limit:
            return True
        # gVisor bounds the bytes of a file system and does not count its files.
        return not self._counts_files and _use(self.path, bytes_limit) > bytes_limit

    def collect(
        self, names: Iterable[list[int]], limit_bytes: int
    ) -> tuple[list[tuple[int, Memory]], dict[int, str]]:
        """Read files that a job left; call it when all of its processes are dead.

        Args:
            names: Of the files; see `Names`.
            limit_bytes: How much of one is brought back, at most.

        Returns:
            The files and, why one that is there was refused, both by their number. What is not
            there is in neither.
        """
        files: list[tuple[int, Memory]] = []
        rejected: dict[int, str] = {}
        for number, parts in enumerate(names):
            try:
                files.append((number, self._read(parts, limit_bytes)))
            except FileNotFoundError:
                continue
            except _RejectedError as reason:
                rejected[number] = str(reason)
            except OSError as error:
                rejected[number] = _why(error)
        return files, rejected

    def _read(self, parts: list[int], limit_bytes: int) -> Memory:
        *folders, last = parts
        held = os.dup(self._work)
        try:
            for folder in folders:
                held = _step(held, folder, _FOLDER)
            # Without O_NONBLOCK a FIFO would hold us for ever.
            held = _step(held, last, _FILE)
            status = os.fstat(held)
            if not stat.S_ISREG(status.st_mode):
                raise _RejectedError("it is not a regular file")
            if status.st_nlink != 1:
                raise _RejectedError("it has a second name (a hard link)")
            content = Memory(limit_bytes + 1)
            content.read_from(held)
        finally:
            os.close(held)
        if content.size > limit_bytes:
            content.close()
            raise _RejectedError(f"it is larger than output_kib allows ({limit_bytes} bytes)")
        return content


class _RejectedError(Exception):
    """Why a file is not brought back."""


def _step(folder: int, name: int, flags: int) -> int:
    """Open something in a folder, and close the folder.

    A symbolic link is looked for, too: gVisor follows one to a folder in spite of O_NOFOLLOW.
    """
    if kernel.is_link(folder, name):
        raise OSError(errno.ELOOP if flags == _FILE else errno.ENOTDIR, "it is a symbolic link")
    inner = kernel.open_in(folder, name, flags)
    os.close(folder)
    return inner


def _why(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a symbolic link"
    if error.errno == errno.ENOTDIR:
        return "a part of its path is not a folder (a symbolic link or a file)"
    if error.errno == errno.ENXIO:
        return "it is not a regular file"
    return f"it cannot be read: {error.strerror}"


def usage(place: int | str) -> tuple[int, int]:
    """Return how many bytes and files a file system holds."""
    state = os.statvfs(place)
    return (state.f_blocks - state.f_bfree) * state.f_frsize, state.f_files - state.f_ffree


def _use(folder: str, enough: int) -> int:
    """Return the bytes that a folder takes as far as it can be read; counting stops at `enough`."""
    used, folders = 0, [folder]
    while folders and used <= enough:
        for entry in _entries(folders.pop()):
            try:
                used += max(_FILE_BYTES, entry.stat(follow_symlinks=False).st_blocks * 512)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
            except OSError:
                continue  # gone meanwhile
            if used > enough:
                break
    return used


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError:
        return  # gone, locked, or deeper than a path can say
