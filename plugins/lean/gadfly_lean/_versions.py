"""Which versions of Lean have a kernel that is known to accept what is false.

The floor is that of the release notes of Lean 4.34.0, which closes the last routes known so far;
each entry names one that the versions below it have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from gadfly import InputError

_VERSION = re.compile(
    r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?:-([0-9A-Za-z][0-9A-Za-z.-]*))?", re.ASCII
)
_SAID = re.compile(r"Lean \(version ([^\s,)]+)")


@dataclass(frozen=True, slots=True, order=True)
class LeanVersion:
    """A version of Lean; ordered, and a pre-release is before its release."""

    major: int
    minor: int
    patch: int
    final: bool = True
    """False for a pre-release (`-rc1`, `-pre`, `-nightly-...`)."""

    @classmethod
    def parse(cls, text: str) -> LeanVersion:
        """Read `4.34.0`, `v4.34.0-rc2`, or what `lean --version` prints.

        Raises:
            InputError: It is none of these.
        """
        text = text.strip()
        said = _SAID.match(text)
        match = _VERSION.fullmatch(said[1] if said else text)
        if match is None:
            raise InputError(f"{text[:80]!r} is not a version of Lean (such as 4.34.0)")
        major, minor, patch, pre = match.groups()
        return cls(int(major), int(minor), int(patch), pre is None)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}{'' if self.final else ' (pre-release)'}"


@dataclass(frozen=True, slots=True)
class KernelBug:
    """A way in which a kernel accepted what is false."""

    id: str
    """Where it is reported."""
    fixed_in: LeanVersion
    """The first version without it."""
    what: str


KERNEL_BUGS = (
    KernelBug("lean4#1433", LeanVersion(4, 0, 0), "remainder of large numbers"),
    KernelBug("lean4#14484", LeanVersion(4, 32, 1), "declarations made while elaborating"),
    KernelBug("lean4#14576", LeanVersion(4, 32, 2), "parameters of nested inductive types"),
    KernelBug("4.34.0 notes", LeanVersion(4, 34, 0), "three routes that 4.34.0 closes"),
)
"""Known by their reports, the oldest first. Not complete: versions without one may have others."""


def kernel_bugs(version: LeanVersion) -> tuple[KernelBug, ...]:
    """Return the known bugs of a version's kernel."""
    return tuple(bug for bug in KERNEL_BUGS if version < bug.fixed_in)
