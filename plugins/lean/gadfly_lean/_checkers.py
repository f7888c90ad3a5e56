"""Reports of SafeVerify and Comparator, read strictly.

Both compare a submission with a challenge and replay it by Lean's own kernel. Each report becomes a
`Replay`, which stands for the layer `replay` where it is accepted: the audit sees for itself what
else they looked at. What they refuse is broken, whoever looks. A report of another form than is
known here, or one that its exit status contradicts, is none: nothing is known then.

Forms read in their sources: SafeVerify (`SafeVerify/Types.lean`, `Main.lean`; pairs of name and
outcome, written by `-s`), Comparator (`Main.lean`, `VerificationReport`, by `json_output_path`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

from gadfly import InputError
from gadfly_lean._names import Name, parse_name

REPLAY, TARGET, STATEMENT, AXIOMS_USED = "replay", "target", "statement", "axioms"
_MAX_CHARACTERS = 64_000_000
_FAULTS = {
    "thmType": STATEMENT,
    "defnCheck": STATEMENT,
    "opaqueCheck": STATEMENT,
    "inductCheck": STATEMENT,
    "ctorCheck": STATEMENT,
    "axioms": AXIOMS_USED,
    "notFound": TARGET,
}
"""The layer of each failure mode but `kind`, which has two words with it."""
_KINDS = frozenset({"definition", "theorem", "opaque", "inductive", "constructor"})
_OUTCOME = frozenset({"targetInfo", "solutionInfo", "failureMode"})
_REPORT = frozenset(
    {
        "reports",
        "kernelAccepted",
        "kernelFailureMessage",
        "nanodaAccepted",
        "nanodaFailureMessage",
    }
)
_TARGET_REPORT = frozenset(
    {
        "target",
        "targetKind",
        "failureCategory",
        "failureMessage",
        "unpermittedAxioms",
        "transitiveAxioms",
    }
)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a report says of the target."""

    accepted: bool
    about: str
    """The layer that it speaks of: `replay`, or what it refuses."""


_RULINGS = (
    ((0, None, True), Ruling(accepted=True, about=REPLAY)),
    ((1, None, False), Ruling(accepted=False, about=REPLAY)),
    ((1, "comparison", None), Ruling(accepted=False, about=STATEMENT)),
    ((1, "axioms", None), Ruling(accepted=False, about=AXIOMS_USED)),
)
"""What Comparator's exit status, failure category and kernel say together."""


class _Odd(Exception):  # noqa: N818 - never leaves this module
    """A report of a form that is not known."""


def read_safe_verify(text: str | None, exit_code: int | None, target: str) -> Ruling | None:
    """Return what SafeVerify's report says of the target; None where it says nothing.

    SafeVerify wants every declaration of the challenge: a fault of another one than the target's
    says nothing of the target.
    """
    try:
        outcomes = [_outcome(one) for one in _list(_parse(text))]
        names = [name for name, _ in outcomes]
        wanted = parse_name(target)
        if len(set(names)) != len(names) or wanted not in names:
            return None
        own = dict(outcomes)[wanted]
    except (_Odd, InputError):
        return None
    if exit_code == 1 and own is not None:
        return Ruling(accepted=False, about=own)
    if exit_code == 0 and all(fault is None for _, fault in outcomes):
        return Ruling(accepted=True, about=REPLAY)
    return None


def _outcome(value: object) -> tuple[Name, str | None]:
    """Return the name of a declaration, and the layer that its fault is in; None where it has none.

    Raises:
        _Odd: It has another form.
    """
    name, said = _pair(value)
    own = _object(said, _OUTCOME)
    asked = _info(own["targetInfo"])
    given = None if own["solutionInfo"] is None else _info(own["solutionInfo"])
    fault = own["failureMode"]
    if fault is None:
        if given != asked:
            raise _Odd
        return name, None
    if isinstance(fault, dict):
        _object(_object(cast("object", fault), frozenset({"kind"}))["kind"], {"kind1", "kind2"})
        return name, TARGET
    if not isinstance(fault, str) or fault not in _FAULTS:
        raise _Odd
    return name, _FAULTS[fault]


def _info(value: object) -> str:
    """Return the kind of a declaration."""
    own = _object(value, frozenset({"constInfo", "axioms"}))
    kind = _object(own["constInfo"], frozenset({"kind"}))["kind"]
    if not isinstance(kind, str) or kind not in _KINDS:
        raise _Odd
    _strings(own["axioms"])
    return kind


def read_comparator(text: str | None, exit_code: int | None, target: str) -> Ruling | None:
    """Return what Comparator's report says of the only target; None where it says nothing."""
    try:
        report = _object(_parse(text), _REPORT)
        reports = _list(report["reports"])
        if len(reports) != 1 or not (
            report["nanodaAccepted"] is report["nanodaFailureMessage"] is None
        ):
            return None
        own = _object(reports[0], _TARGET_REPORT)
        category, kernel = own["failureCategory"], report["kernelAccepted"]
        if not (kernel is None or isinstance(kernel, bool)):
            return None
        words = (own["failureMessage"], report["kernelFailureMessage"])
        odd = [*_strings(own["unpermittedAxioms"]), *(one for one in words if one is not None)]
        _strings(own["transitiveAxioms"])
        about = (own["targetKind"], parse_name(str(own["target"])))
        if about != ("theorem", parse_name(target)) or (odd and kernel is True):
            return None
    except (_Odd, InputError):
        return None
    said = (exit_code, category, kernel)
    return next((ruling for words, ruling in _RULINGS if said == words), None)


def _parse(text: str | None) -> object:
    if text is None or len(text) > _MAX_CHARACTERS:
        raise _Odd
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise _Odd from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse objects that have a key twice: which one counts is anybody's guess."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Odd
    return found


def _object(value: object, keys: frozenset[str] | set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or cast("dict[str, Any]", value).keys() != keys:
        raise _Odd
    return cast("dict[str, Any]", value)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _Odd
    return [*cast("Iterable[Any]", value)]


def _strings(value: object) -> list[str]:
    if not all(isinstance(one, str) for one in _list(value)):
        raise _Odd
    return cast("list[str]", value)


def _pair(value: object) -> tuple[Name, object]:
    both = _list(value)
    if len(both) != 2 or not isinstance(both[0], str):
        raise _Odd
    return parse_name(both[0]), both[1]
