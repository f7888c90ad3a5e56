"""Removing a work folder, whatever a job left in it: by the host, or by the last one alive."""

from __future__ import annotations

import os

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(path: str) -> None:
    """Remove a folder with everything in it, as far as possible."""
    try:
        _unlock(path)
        folder = os.open(path, _FOLDER)
        empty(folder)
        os.close(folder)
        os.rmdir(path)
    except OSError:
        pass


def empty(top: int) -> None:
    """Remove everything in a folder that is ours, however deep it goes and whatever its modes are.

    Folders in folders are moved up to the top first: the depth never matters, neither for a path's
    length nor for the number of descriptors.

    Args:
        top: A descriptor of the folder.

    Raises:
        OSError: Something cannot be removed.
    """
    os.fchmod(top, 0o700)
    prefix = os.urandom(8).hex()
    moved = 0
    while names := os.listdir(top):
        for name in names:
            if _unlink(name, top):
                continue
            _unlock(name, top)
            inner = os.open(name, _FOLDER, dir_fd=top)
            try:
                for entry in os.listdir(inner):
                    if not _unlink(entry, inner):
                        _unlock(entry, inner)  # moving a folder writes to it
                        moved += 1
                        os.rename(entry, f"{prefix}-{moved}", src_dir_fd=inner, dst_dir_fd=top)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=top)


def _unlink(name: str, folder: int) -> bool:
    """Remove a file; False if it is a folder."""
    try:
        os.unlink(name, dir_fd=folder)
    except IsADirectoryError:
        return False
    return True


def _unlock(name: str, folder: int | None = None) -> None:
    """Make a folder ours to read and write, without following a link."""
    fd = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        os.chmod(f"/proc/self/fd/{fd}", 0o700)
    finally:
        os.close(fd)
