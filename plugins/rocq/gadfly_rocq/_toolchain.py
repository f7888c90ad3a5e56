"""The Rocq of this machine: found, never installed."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from gadfly import InputError

GET_ROCQ = "there is no Rocq here: `apt-get install coq` brings coqc and coqchk"
_FINDLIB = Path("/etc/ocamlfind.conf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """Where the programs are, as the sandbox finds them."""

    coqc: str
    coqchk: str | None = None
    """None where it is not installed: the replay is missing then, and nothing is proved."""
    coqtop: str | None = None
    findlib: str = ""
    """The settings by which Rocq finds its own parts where OCaml's finder was patched to read them
    from /etc, as Debian does; jobs do not see that folder."""


def find_toolchain() -> Toolchain:
    """Return what is installed here.

    Raises:
        InputError: There is no Rocq; the message says what to do.
    """
    coqc = shutil.which("coqc")
    if coqc is None:
        raise InputError(GET_ROCQ)
    try:
        findlib = _FINDLIB.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        findlib = ""
    return Toolchain(
        coqc=coqc,
        coqchk=shutil.which("coqchk") or shutil.which("rocqchk"),
        coqtop=shutil.which("coqtop"),
        findlib=findlib,
    )
