"""Versions of Rocq, and known bugs of their kernels that `coqchk` shares.

A bug needs something of a submission: recursion of its own, modules, and so on. A submission whose
text has none of that cannot use it, so on an old kernel it can still be believed; this is why a
plain proof passes with the Rocq of Debian 12, which has many of these bugs.

Source: `dev/doc/critical-bugs.md` in Rocq's repository, as of autumn 2026: entries that reach the
checker, of releases from 8.13 on. Bugs of the virtual machine and of compiled computation are not
here, as the checker uses neither; nor are those that need crafted files or plugins, which no
submission can bring without the commands that `features` calls "files and plugins".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gadfly import InputError
from gadfly_rocq._text import blanked

_VERSION = re.compile(r"\b(?P<major>\d+)\.(?P<minor>\d+)(?:\.(?P<patch>\d+))?")

RECURSION = "recursion of its own"
INDUCTIVES = "inductive types of its own"
MODULES = "modules"
UNIVERSES = "polymorphic universes or strict propositions"
PRIMITIVES = "primitive objects"
TERMS = "terms made by programs"
FILES = "files and plugins"


def _words(*words: str) -> re.Pattern[str]:
    # Not `\b`: Rocq ends a number where a letter follows, so the `fix` of `0fix` is a word.
    return re.compile(rf"(?<![A-Za-z])(?:{'|'.join(words)})(?![A-Za-z0-9_'])")


_FEATURES: Mapping[str, re.Pattern[str]] = {
    RECURSION: _words(
        *("(?:Co)?Fixpoint", "fix", "cofix", "Function", "Program", "Obligations?"),
        *("Equations", "Derive"),
    ),
    INDUCTIVES: _words(
        *("(?:Co)?Inductive", "Variant", "Record", "Structure", "Class", "Functional", "Scheme"),
    ),
    MODULES: _words("Module", "Include"),
    UNIVERSES: re.compile(
        r"SProp|Polymorphi|Cumulative|Monomorphic|Universe|universes|Constraint|Definitional|@\{"
    ),
    PRIMITIVES: re.compile(r"Primitive|Register|Prim|PArray|Float|[iI]nt63|Cyclic"),
    TERMS: re.compile(r"Ltac2|Unsafe|MetaCoq|MetaRocq|Elpi|Unquote"),
    FILES: _words(
        *(r"Declare\s+ML", r"Add\s+(?:ML|Rec|LoadPath)", r"Remove\s+LoadPath", "Load", "Cd"),
        *("Drop", "Quit", "Exit", "Redirect", "Extraction", "Extract", "Write", "Dump"),
        *("native_compute", "native_cast_no_check"),
    ),
}


@dataclass(frozen=True, slots=True, order=True)
class RocqVersion:
    """A release."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> RocqVersion:
        """Return the version in a text such as what `coqc --version` says.

        Raises:
            InputError: There is none.
        """
        match = _VERSION.search(text)
        if match is None:
            raise InputError(f"{text[:80]!r} has no version of Rocq (such as 8.16.1)")
        return cls(int(match["major"]), int(match["minor"]), int(match["patch"] or 0))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True, slots=True)
class KernelBug:
    """A way to prove what does not hold that kernel and checker let through."""

    id: str
    """The number of its issue."""
    what: str
    first: RocqVersion
    """The first release that has it, as far as is known."""
    fixed: RocqVersion
    """The first release of that line that does not."""
    needs: str
    """What a submission must have to use it; one of those that `features` finds."""


def _bug(
    id_: str, what: str, first: tuple[int, int], fixed: tuple[int, ...], need: str
) -> KernelBug:
    return KernelBug(id_, what, RocqVersion(*first), RocqVersion(*fixed), need)


_GUARD, _LETIN = "guard checker", "local definitions in constructors"
KERNEL_BUGS = (
    _bug("#20413", f"{_GUARD}: other arguments are not looked at", (8, 16), (9, 0, 1), RECURSION),
    _bug("#20455", f"{_GUARD}: a match on a match as a subterm", (8, 16), (9, 0, 1), RECURSION),
    _bug("#20555", f"{_GUARD}: reduction across a fixpoint", (8, 16), (9, 0, 1), RECURSION),
    _bug("#21053", f"{_GUARD}: against extensionality", (8, 0), (9, 0, 1), RECURSION),
    _bug("#21682", f"{_GUARD}: calls across mutual fixpoints", (8, 20), (9, 2, 0), RECURSION),
    _bug("#21683", f"{_GUARD}: calls passed as arguments", (9, 0), (9, 2, 0), RECURSION),
    _bug("#21701", f"{_GUARD}: calls without arguments", (8, 20), (9, 2, 0), RECURSION),
    _bug("#21797", f"{_GUARD}: arguments of recursive calls", (8, 20), (9, 2, 0), RECURSION),
    _bug("#21839", f"{_GUARD}: reduction in a wrong context", (8, 16), (9, 3, 0), RECURSION),
    _bug("#22021", f"{_GUARD}: domains in nested fixpoints", (8, 20), (9, 2, 1), RECURSION),
    _bug("#22389", f"{_GUARD}: nested mutual cofixpoints", (8, 0), (9, 2, 1), RECURSION),
    _bug("#18503", "primitives convert to anything in subtyping", (8, 11), (8, 19, 0), MODULES),
    _bug("#21051", "strengthening of functors", (8, 5), (9, 0, 1), MODULES),
    _bug("#21685", "strengthening of aliased functors", (8, 5), (9, 2, 0), MODULES),
    _bug("#22387", f"subtyping and {_LETIN}", (8, 14), (9, 2, 1), MODULES),
    _bug("#22378", f"conversion and {_LETIN}", (8, 14), (9, 2, 1), INDUCTIVES),
    _bug("#22391", f"universes and {_LETIN}", (8, 17), (9, 2, 1), INDUCTIVES),
    _bug("#22385", f"variance and {_LETIN}", (8, 6), (9, 2, 1), INDUCTIVES),
    _bug("#21689", "universes in indices of a match", (8, 14), (9, 2, 0), UNIVERSES),
    _bug("#21690", "matches from irrelevant to relevant", (8, 13), (9, 2, 0), UNIVERSES),
    _bug("#21691", "relevance in lazy reduction", (8, 19), (9, 2, 0), UNIVERSES),
    _bug("#22376", "variance and irrelevant matches", (8, 13), (9, 2, 1), UNIVERSES),
    _bug("#22380", "matches in lazy reduction", (8, 17), (9, 2, 1), UNIVERSES),
    _bug("#16829", "arrays compared after mutation", (8, 13), (8, 16, 1), PRIMITIVES),
    _bug("#21692", "universes of arrays", (8, 17), (9, 2, 0), PRIMITIVES),
    _bug("#18403", "files that were made by hand", (8, 10), (8, 19, 0), FILES),
    _bug("#18629", "marks of relevance are believed", (8, 10), (8, 19, 1), FILES),
    _bug("#7609", "aliases of names are believed", (8, 0), (9, 2, 0), FILES),
    _bug("#12439", "primitive declarations are believed", (8, 10), (99, 0), FILES),
)
"""What is known, of all that a submission could use."""


def kernel_bugs(version: RocqVersion) -> tuple[KernelBug, ...]:
    """Return the known bugs that a version has."""
    return tuple(bug for bug in KERNEL_BUGS if bug.first <= version < bug.fixed)


def features(source: str) -> frozenset[str]:
    """Return what a submission's text has of all that known bugs need.

    Words in comments and strings do not count. Commands and keywords are spelled out in a text, so
    none of this can be had without its word; more is found than is there, as names may be words.
    """
    bare = blanked(source)
    return frozenset(name for name, pattern in _FEATURES.items() if pattern.search(bare))


def usable_bugs(version: RocqVersion, found: Iterable[str]) -> tuple[KernelBug, ...]:
    """Return the known bugs that a submission with these features could use.

    With terms made by programs it can make every term, so it could use all of them.
    """
    have = frozenset(found)
    return tuple(bug for bug in kernel_bugs(version) if bug.needs in have or TERMS in have)
