"""`gadfly lean doctor` and `gadfly lean audit`: what is installed, and the audit of two exports."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from gadfly import InputError
from gadfly_lean._audit import audit
from gadfly_lean._export import parse_export
from gadfly_lean._standard import AXIOMS
from gadfly_lean._toolchain import find_toolchain
from gadfly_lean._versions import LeanVersion, kernel_bugs

_PARTS = {
    "lean4export": ("L3", "exports for the audit"),
    "lean4checker": ("L3", "a replay by Lean's own kernel"),
    "nanoda": ("L4", "a second kernel"),
}
_OPTIONAL = {
    "safe_verify": "another comparison and replay, by Lean's own kernel",
    "comparator": "the same in its own sandbox; needs lean4export and landrun",
    "landrun": "Comparator's sandbox",
}


def doctor(words: Sequence[str]) -> int:
    """Say what is installed here, what is missing for which level, and what a sandbox must read.

    Args:
        words: What was typed after `gadfly lean doctor`.

    Returns:
        0 where all is there, 1 where something is missing.

    Raises:
        InputError: There is no Lean, or no such project.
    """
    parser = argparse.ArgumentParser(prog="gadfly lean doctor")
    parser.add_argument("--project", help="a folder with a lakefile")
    return _doctor(parser.parse_args(words).project)


def audit_exports(words: Sequence[str]) -> int:
    """Hold one export of lean4export against another, and say what holds and what does not.

    Args:
        words: What was typed after `gadfly lean audit`.

    Returns:
        0 where all layers hold, 1 where one does not.

    Raises:
        InputError: An export cannot be read, or has no such target.
    """
    parser = argparse.ArgumentParser(prog="gadfly lean audit")
    parser.add_argument("challenge", type=Path, help="the challenge's export, NDJSON")
    parser.add_argument("submission", type=Path, help="the submission's export")
    parser.add_argument("--target", required=True, help="the full name of what is proved")
    parser.add_argument("--reference", type=Path, help="an export of what kernels compute with")
    parser.add_argument("--axiom", action="append", help="allow this axiom, too")
    given = parser.parse_args(words)
    axioms = (*AXIOMS, *(given.axiom or ()))
    return _audit(given.challenge, given.submission, given.reference, given.target, axioms)


def _doctor(project: str | None) -> int:
    toolchain = find_toolchain(project)
    _say(f"lean: {toolchain.lean}")
    missing = 0
    for name, (level, what) in _PARTS.items():
        found = toolchain.versions.get(name)
        missing += found is None
        said = found or f"not on the PATH; level {level} needs it, for {what}"
        _say(f"{name}: {said}")
    for name, what in _OPTIONAL.items():
        _say(f"{name}: {toolchain.versions.get(name) or f'not on the PATH; optional: {what}'}")
    _say(f"a sandbox must read: {' '.join(toolchain.folders)}")
    return 1 if missing else 0


def _audit(
    ours: Path, theirs: Path, reference: Path | None, target: str, axioms: tuple[str, ...]
) -> int:
    challenge, submission = (parse_export(_read(path)) for path in (ours, theirs))
    known = None if reference is None else parse_export(_read(reference))
    found = audit(challenge, submission, target, axioms=axioms, reference=known)
    for layer in found.layers:
        _say(f"{layer.state:8} {layer.name}: {layer.said}")
    _say(f"statement {found.statement_hash}, Lean {found.lean_version}")
    try:
        for bug in kernel_bugs(LeanVersion.parse(found.lean_version)):
            _say(f"note: kernels of this version have a known bug: {bug.id} ({bug.what})")
    except InputError as error:
        _say(f"note: {error}")
    _say("no kernel has checked a type here: replay the export with one")
    return 0 if found.holds else 1


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
