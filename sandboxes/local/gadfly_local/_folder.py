"""A job's work folder: made fresh, filled, looked into without being fooled, and removed for sure.

The folder is held by a descriptor from its creation on, so nothing that the job renames or links
can lead us elsewhere. Nothing here follows a symbolic link.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from gadfly import InputError, SandboxError
from gadfly_local._launch.removal import empty

logger = logging.getLogger(__name__)

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC
_GIVERS_FAULT = {errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.EILSEQ}


class WorkFolder:
    """A fresh folder that is gone when its `with` block ends.

    Args:
        root: Where to make it.
        owner: User and group id to give it to; None keeps it ours.

    Raises:
        SandboxError: It cannot be made.
    """

    def __init__(self, root: Path, owner: int | None) -> None:
        self._owner = owner
        try:
            self.path = Path(tempfile.mkdtemp(prefix="gadfly-job-", dir=root))
        except OSError as error:
            raise SandboxError(f"no work folder can be made in {root}: {error.strerror}") from error
        try:
            self._give(self.path)
            self._fd = os.open(self.path, _FOLDER)
        except OSError:
            self.path.rmdir()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            empty(self._fd)
            self.path.rmdir()
        except OSError as failure:
            # The job's result is as true as before; what is left is worth a person's look.
            logger.warning("work folder %s is not gone: %s", self.path, failure)
        finally:
            os.close(self._fd)

    def fill(self, files: Mapping[str, str]) -> None:
        """Write the job's files.

        Raises:
            InputError: Their names do not fit together or into a file system.
            SandboxError: They cannot be written.
        """
        for name, text in files.items():
            place = self.path / name
            try:
                for folder in reversed(place.relative_to(self.path).parents[:-1]):
                    (self.path / folder).mkdir(exist_ok=True)
                    self._give(self.path / folder)
                # A lone surrogate becomes bytes that no decoder takes: the job's fault, not ours.
                place.write_bytes(text.encode("utf-8", "surrogatepass"))
                self._give(place)
            except (OSError, UnicodeEncodeError) as error:
                number = error.errno if isinstance(error, OSError) else errno.EILSEQ
                why = os.strerror(number or errno.EIO)
                if number in _GIVERS_FAULT:
                    raise InputError(f"job file {name!r} cannot be made: {why}") from error
                raise SandboxError(f"job file {name!r} cannot be written: {why}") from error

    def collect(
        self, names: Iterable[str], limit_bytes: int
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Read files that the job left; call it when all of its processes are dead.

        Returns:
            The texts by name, and by name why a file that is there was refused. What is not there
            is in neither.
        """
        files: dict[str, str] = {}
        rejected: dict[str, str] = {}
        for name in names:
            try:
                files[name] = self._read(name, limit_bytes).decode("utf-8", "replace")
            except FileNotFoundError:
                continue
            except _RejectedError as reason:
                rejected[name] = str(reason)
            except (OSError, UnicodeEncodeError) as error:
                rejected[name] = _why(error)
        return files, rejected

    def _read(self, name: str, limit_bytes: int) -> bytes:
        *folders, last = name.split("/")
        held = os.dup(self._fd)
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
            with os.fdopen(held, "rb", closefd=False) as file:
                content = file.read(limit_bytes + 1)
        finally:
            os.close(held)
        if len(content) > limit_bytes:
            raise _RejectedError(f"it is larger than output_kib allows ({limit_bytes} bytes)")
        return content

    def _give(self, path: Path) -> None:
        if self._owner is not None:
            os.chown(path, self._owner, self._owner, follow_symlinks=False)


class _RejectedError(Exception):
    """Why a file is not brought back."""


def _step(folder: int, name: str, flags: int) -> int:
    """Open something in a folder, and close the folder."""
    inner = os.open(name, flags, dir_fd=folder)
    os.close(folder)
    return inner


def _why(error: OSError | UnicodeEncodeError) -> str:
    if isinstance(error, OSError):
        if error.errno == errno.ELOOP:
            return "it is a symbolic link"
        if error.errno == errno.ENOTDIR:
            return "a part of its path is not a folder (a symbolic link or a file)"
        if error.errno == errno.ENXIO:
            return "it is not a regular file"
        return f"it cannot be read: {error.strerror}"
    return "its name cannot be encoded"
