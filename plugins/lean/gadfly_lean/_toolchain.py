"""The Lean installation of this machine: found, never installed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from gadfly import InputError

GET_LEAN = (
    "there is no Lean here: install elan, Lean's installer, so that `lean` is on the PATH; "
    "`gadfly lean doctor` says what else is missing"
)
_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolchain:
    """Where the programs are. None where one is not installed: its layer is missing then."""

    lean: str
    """Lean itself, not elan's stand-in for it, which needs a home folder."""
    exporter: str | None = None
    """lean4export, built with the same Lean."""
    replayer: str | None = None
    """lean4checker: Lean's own kernel, in a process of its own."""
    second_kernel: str | None = None
    """nanoda."""
    safe_verify: str | None = None
    """SafeVerify, built with the same Lean."""
    comparator: str | None = None
    """Comparator, built with the same Lean; it needs the exporter and `landrun`, too."""
    landrun: str | None = None
    """What Comparator confines a submission with."""
    lean_path: tuple[str, ...] = ()
    """Folders of compiled modules: those of the project's packages."""
    versions: dict[str, str] = field(default_factory=dict[str, str])
    """What the checkers are, by name: digests of their files, as they know no versions."""

    @property
    def folders(self) -> tuple[str, ...]:
        """What a sandbox must let jobs read (`LocalSandbox(readable=...)`)."""
        programs = (
            self.exporter,
            self.replayer,
            self.second_kernel,
            self.safe_verify,
            self.comparator,
            self.landrun,
        )
        parents = {str(Path(one).parent) for one in programs if one}
        return tuple(sorted({str(Path(self.lean).parent.parent), *parents, *self.lean_path}))


def find_toolchain(project: str | None = None) -> Toolchain:
    """Return what is installed here.

    Args:
        project: A folder with a lakefile, whose packages proofs may import. Lake is run in it, on
            this machine and not in a sandbox: it must be a project of yours.

    Raises:
        InputError: There is no Lean, or no such project; the message says what to do.
    """
    lean = shutil.which("lean")
    if lean is None:
        raise InputError(GET_LEAN)
    folder = None
    if project is not None:
        folder = Path(project).expanduser().resolve()
        if not any((folder / name).is_file() for name in ("lakefile.toml", "lakefile.lean")):
            raise InputError(f"{folder} is no project of Lean: it has no lakefile")
    prefix = _said((lean, "--print-prefix"), folder)
    path: tuple[str, ...] = ()
    if folder is not None:
        lake = shutil.which("lake")
        if lake is None:
            raise InputError("`lake` is not on the PATH, and a project needs it")
        path = tuple(filter(None, _said((lake, "env", "printenv", "LEAN_PATH"), folder).split(":")))
    programs = {
        "lean4export": shutil.which("lean4export"),
        "lean4checker": shutil.which("lean4checker"),
        "nanoda": shutil.which("nanoda_bin") or shutil.which("nanoda"),
        "safe_verify": shutil.which("safe_verify"),
        "comparator": shutil.which("comparator"),
        "landrun": shutil.which("landrun"),
    }
    return Toolchain(
        lean=str(Path(prefix) / "bin" / "lean"),
        exporter=programs["lean4export"],
        replayer=programs["lean4checker"],
        second_kernel=programs["nanoda"],
        safe_verify=programs["safe_verify"],
        comparator=programs["comparator"],
        landrun=programs["landrun"],
        lean_path=tuple(str((folder or Path()) / one) for one in path),
        versions={name: _digest(path) for name, path in programs.items() if path},
    )


def _said(argv: tuple[str, ...], folder: Path | None) -> str:
    name = " ".join((Path(argv[0]).name, *argv[1:]))
    try:
        done = subprocess.run(
            argv, cwd=folder, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"`{name}` did not answer: {error}") from error
    if done.returncode != 0 or not done.stdout.strip():
        said = done.stderr.strip()[:200]
        raise InputError(f"`{name}` ended with status {done.returncode}: {said}")
    return done.stdout.strip()


def _digest(path: str) -> str:
    return f"sha256:{hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]}"
