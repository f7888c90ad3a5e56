"""Where Gadfly keeps what outlives a process: checkpoints, traces, and which plugins are disabled.

Everything is in one folder, `GADFLY_HOME` or the user's state folder, readable by its owner only
(traces hold drafts). Looking never creates it; the first write does.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from gadfly._errors import StorageError
from gadfly._values.task import JSON

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the kernel answers when there is no room left for more."""


def home_folder() -> Path:
    """Return the folder of everything that is kept, absolute; it may not exist yet."""
    chosen = os.environ.get("GADFLY_HOME")
    if chosen:
        # Unlike Path.expanduser, this leaves the home of an unknown user as it stands.
        return Path(os.path.expanduser(chosen)).absolute()  # noqa: PTH111 - see above
    from platformdirs import user_state_path

    return user_state_path("gadfly", appauthor=False)


def checkpoints_file() -> Path:
    """Return the database in which runs are kept so that they can go on; it may not exist yet."""
    return home_folder() / "checkpoints.sqlite"


def runs_folder() -> Path:
    """Return the folder of the traces, one `RUN.jsonl` per run; it may not exist yet."""
    return home_folder() / "runs"


def private_folder(folder: Path) -> Path:
    """Return the folder, made if need be, readable by its owner only where this made it.

    Raises:
        StorageError: It cannot be made.
    """
    with storage("make", folder):
        for missing in reversed([folder, *folder.parents]):
            if not missing.exists():
                missing.mkdir(mode=0o700, exist_ok=True)
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    return folder


@contextmanager
def storage(action: str, path: Path) -> Generator[None]:
    """Say in one line what could not be done with which file.

    Args:
        action: What is being done, as a verb ("write").
        path: The file or folder.

    Raises:
        StorageError: From whatever `OSError` escaped.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            why = "no space is left; what was finished before is kept, free some space and go on"
        else:
            why = error.strerror or str(error)
        raise StorageError(f"cannot {action} {path}: {why}") from error


def disabled_plugins() -> frozenset[str]:
    """Return the plugin and distribution names that a person has disabled.

    Raises:
        StorageError: The file that says so is damaged; the message names it.
    """
    path = _disabled_file()
    try:
        with storage("read", path):
            names: JSON = json.loads(path.read_bytes())
    except StorageError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return frozenset()
        raise
    except ValueError as error:
        raise _damaged(path) from error
    if not isinstance(names, list):
        raise _damaged(path)
    return frozenset(str(name) for name in names)


def set_disabled(name: str, *, disabled: bool) -> None:
    """Disable a plugin or distribution, or enable it again. Doing so twice is fine.

    Raises:
        StorageError: The list cannot be read or written; then it is as it was.
    """
    before = disabled_plugins()
    after = before | {name} if disabled else before - {name}
    if after == before:
        return
    path = _disabled_file()
    folder = private_folder(path.parent)
    with storage("write", path):
        descriptor, temporary = tempfile.mkstemp(prefix=".disabled-", dir=folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(sorted(after), file)
            # Readers see the old list or the new one, never half of it.
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _disabled_file() -> Path:
    return home_folder() / "disabled.json"


def _damaged(path: Path) -> StorageError:
    return StorageError(
        f"{path} is not a list of plugin names: mend it, or delete it to enable all"
    )
