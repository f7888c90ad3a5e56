"""Every exception that Gadfly raises on purpose.

    GadflyError
    ├── InputError           what a person gave us is wrong: one clear line, exit code 2
    │   ├── UnknownNameError   no plugin, critic, model or run of that name; names the nearest
    │   └── OracleError        a gold answer was about to enter loop code
    ├── PluginError          a plugin could not be loaded or broke the contract
    └── ToolError            a part that should work did not: never a verdict about a draft
        ├── CriticError        a critic raised, hung or returned nonsense
        ├── ModelError         a model could not be loaded or did not answer
        ├── SandboxError       the sandbox itself failed (a limit that was reached is a result)
        └── StorageError       a file or database could not be read or written (a full disk, say)

Plugin authors raise ordinary exceptions; `boundary` names whatever escapes after the part that it
came from. Limits that were reached and budgets that were spent are results, not exceptions.
"""

from __future__ import annotations

import difflib
from collections.abc import Generator, Iterable
from contextlib import contextmanager


class GadflyError(Exception):
    """The root: catch this to catch everything Gadfly raises on purpose."""


class InputError(GadflyError):
    """Something that was given is wrong; the message says what, where and what to do."""


class UnknownNameError(InputError):
    """There is nothing of that name; the message lists the nearest ones.

    Args:
        kind: What was looked for, in the singular ("critic").
        name: What was asked for.
        known: The names that exist.
        remedy: What to do when nothing is near.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], remedy: str = "") -> None:
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
        # "runs" should find "python/runs", which is far away in edit distance.
        near += [full for full in names if full.endswith(f"/{name}") and full not in near]
        if near:
            hint = f"nearest: {', '.join(near)}"
        else:
            hint = f"known: {', '.join(names)}" if names else "there is none"
        super().__init__(f"no {kind} named {name!r}; {hint}{'. ' + remedy if remedy else ''}")
        self.near = tuple(near)


class OracleError(InputError, TypeError):
    """A gold answer (`Reference`) was about to enter loop code, which must never see one."""


class PluginError(GadflyError):
    """A plugin could not be loaded, or broke the plugin contract."""


class ToolError(GadflyError):
    """A part that should work did not. Never a verdict about a draft."""


class CriticError(ToolError):
    """A critic raised, hung, or returned something that is not a `Critique`."""


class ModelError(ToolError):
    """A model could not be loaded or did not answer."""


class SandboxError(ToolError):
    """The sandbox itself failed, so nothing is known about the job it was given."""


class StorageError(ToolError):
    """A file or database could not be read or written; what was finished before is kept."""


@contextmanager
def boundary(error: type[ToolError], what: str) -> Generator[None]:
    """Name what escapes after the part that it escaped from.

    Args:
        error: The class to raise.
        what: The part, as a person would name it ("critic python/runs").

    Raises:
        ToolError: `error`, from whatever ordinary exception escaped. A `GadflyError` passes as it
            is.
    """
    try:
        yield
    except GadflyError:
        raise
    except Exception as escaped:
        detail = " ".join(str(escaped).split())[:500]
        message = f"{what} failed: {type(escaped).__name__}{': ' + detail if detail else ''}"
        raise error(message) from escaped


# What users see in a traceback and import: the public path.
for _error in (
    GadflyError,
    InputError,
    UnknownNameError,
    OracleError,
    PluginError,
    ToolError,
    CriticError,
    ModelError,
    SandboxError,
    StorageError,
):
    _error.__module__ = "gadfly"
