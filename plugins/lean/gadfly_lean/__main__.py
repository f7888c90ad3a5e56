"""`python -m gadfly_lean doctor | audit`: what is installed here, and the audit of two exports."""

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


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        0 where all is well, 1 where something is missing or does not hold, 2 for bad input.
    """
    parser = argparse.ArgumentParser(prog="python -m gadfly_lean", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    doctor = commands.add_parser("doctor", help="what is installed here, and what is missing")
    doctor.add_argument("--project", help="a folder with a lakefile")
    auditing = commands.add_parser("audit", help="hold an exported proof against the challenge")
    auditing.add_argument("challenge", type=Path, help="the challenge's export, NDJSON")
    auditing.add_argument("submission", type=Path, help="the submission's export")
    auditing.add_argument("--target", required=True, help="the full name of what is proved")
    auditing.add_argument("--reference", type=Path, help="an export of what kernels compute with")
    auditing.add_argument("--axiom", action="append", help="allow this axiom, too")
    arguments = parser.parse_args(argv)
    try:
        if arguments.command == "doctor":
            return _doctor(arguments.project)
        axioms = (*AXIOMS, *(arguments.axiom or ()))
        exports = (arguments.challenge, arguments.submission, arguments.reference)
        return _audit(*exports, arguments.target, axioms)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2


def _doctor(project: str | None) -> int:
    toolchain = find_toolchain(project)
    _say(f"lean: {toolchain.lean}")
    missing = 0
    for name, (level, what) in _PARTS.items():
        found = toolchain.versions.get(name)
        missing += found is None
        said = found or f"not on the PATH; level {level} needs it, for {what}"
        _say(f"{name}: {said}")
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


if __name__ == "__main__":
    sys.exit(main())
