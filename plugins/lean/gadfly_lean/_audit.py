"""Hold an exported proof against the exported challenge, without Lean.

It does what the Lean FRO's Comparator does before it asks a kernel: the same statement, the same
constants beneath it, allowed axioms only, and the constants that a kernel knows by name as they
should be. What it does not do is check types: that is a kernel's work, of which it must be told
(`Answer.replays`). An audit that holds with no kernel behind it shows nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gadfly import InputError
from gadfly_lean._export import STRING, Constant, Export, Kind
from gadfly_lean._levels import Layer, Level, State
from gadfly_lean._names import Name, parse_name, show_name
from gadfly_lean._standard import (
    AXIOMS,
    NATIVE,
    NATIVE_AXIOMS,
    PRIMITIVES,
    SORRY,
    TEXT_PRIMITIVES,
    standard,
)

PROVABLE = frozenset({Kind.THEOREM, Kind.DEFINITION, Kind.OPAQUE})
"""What a challenge may ask for."""
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What an audit found; it holds if every layer does."""

    layers: tuple[Layer, ...]
    statement_hash: str
    """Digest of the challenge's statement, in hexadecimal; empty where it has none."""
    axioms: tuple[str, ...]
    """All that the proof needs, by types and values, in order."""
    constants: int
    """How many constants the proof needs."""
    lean_version: str
    """As the exporter wrote it."""

    @property
    def holds(self) -> bool:
        """Whether everything was looked at and is as it should be; no kernel has seen it yet."""
        return all(layer.state is State.HOLDS for layer in self.layers)


def audit(
    challenge: Export,
    submission: Export,
    target: str,
    *,
    axioms: Iterable[str] = AXIOMS,
    reference: Export | None = None,
) -> Audit:
    """Compare a submission's export with that of the challenge.

    Args:
        challenge: The trusted side's: the statement, its proof left out.
        submission: What was made of it.
        target: The full name of what is to be proved.
        axioms: The allowed ones, by their exact names.
        reference: Constants that kernels compute with, from the same Lean and without a
            submission. Without it, a proof that needs one which the challenge does not have, and
            which is not known otherwise, cannot be judged.

    Raises:
        InputError: The challenge cannot be one: it has no such theorem, its own statement needs an
            axiom that is not allowed, or it is not of the same Lean as the reference.
    """
    name = parse_name(target)
    allowed = frozenset(map(parse_name, axioms))
    asked = _asked(challenge, name, target)
    beneath = challenge.reach((), types_of=[name])
    _refuse_odd(challenge, beneath, target, allowed)
    trusted = _trusted_constants(challenge, reference)
    proof = submission.constants.get(name)
    if proof is None:
        layer = _broken("target", f"the submission has no {target}")
        return _result(submission, asked, (layer,), frozenset())
    needed = submission.reach([name])
    return _result(
        submission,
        asked,
        (
            _versions(challenge, submission),
            _target(asked, proof, target),
            _statement(asked, proof, target),
            _beneath(challenge, submission, beneath, submission.reach((), types_of=[name])),
            _axioms(submission, needed, allowed),
            _safety(submission, needed, allowed),
            _trusted(trusted, submission, needed, allowed),
        ),
        needed,
    )


def _asked(challenge: Export, name: Name, target: str) -> Constant:
    asked = challenge.constants.get(name)
    if asked is None:
        raise InputError(f"the challenge has no {target}: give the name in full, with namespaces")
    if asked.kind not in PROVABLE:
        raise InputError(f"{target} is {asked.kind} in the challenge, not a theorem to prove")
    return asked


def _refuse_odd(
    challenge: Export, beneath: frozenset[Name], target: str, allowed: frozenset[Name]
) -> None:
    odd = sorted(
        show_name(one)
        for one in beneath
        if challenge.constants[one].kind is Kind.AXIOM and one not in allowed
    )
    if odd:
        raise InputError(f"the challenge's own statement needs {_list(odd)}: allow it, or mend it")
    if any(not challenge.constants[one].is_safe for one in beneath):
        raise InputError(f"the challenge's statement of {target} needs unsafe definitions")


def _trusted_constants(challenge: Export, reference: Export | None) -> Mapping[Name, Constant]:
    """Return what the trusted side has, its two exports together."""
    if reference is None:
        return challenge.constants
    odd = reference.lean_hash != challenge.lean_hash
    odd |= reference.lean_version != challenge.lean_version
    odd |= any(
        constant.digest != challenge.constants[name].digest
        for name, constant in reference.constants.items()
        if name in challenge.constants
    )
    if odd:
        raise InputError("the challenge and the reference are not of one Lean: export both anew")
    return {**reference.constants, **challenge.constants}


def _versions(challenge: Export, submission: Export) -> Layer:
    ours = f"{challenge.lean_version} ({challenge.lean_hash})"
    theirs = f"{submission.lean_version} ({submission.lean_hash})"
    if ours != theirs:
        said = f"the challenge is of Lean {ours[:60]}, the submission of {theirs[:60]}"
        return _missing("one Lean", said, "export both with one Lean")
    return _holds("one Lean", f"both exports are of Lean {ours[:60]}")


def _target(asked: Constant, proof: Constant, target: str) -> Layer:
    if proof.kind is not asked.kind:
        return _broken("target", f"{target} is {proof.kind}, and should be {asked.kind}")
    if not proof.is_safe:
        return _broken("target", f"{target} is unsafe or partial")
    return _holds("target", f"{target} is a {proof.kind}")


def _statement(asked: Constant, proof: Constant, target: str) -> Layer:
    if proof.statement != asked.statement:
        return _broken("statement", f"the statement of {target} is not that of the challenge")
    return _holds("statement", "the statement is that of the challenge")


def _beneath(
    challenge: Export, submission: Export, ours: frozenset[Name], theirs: frozenset[Name]
) -> Layer:
    """Compare all that either statement reaches."""
    differing = sorted(
        show_name(one) for one in ours | theirs if not _same(one, challenge, submission)
    )
    if differing:
        said = f"the statement rests on other constants than the challenge's: {_list(differing)}"
        return _broken("constants", said)
    return _holds("constants", f"all {len(ours)} constants beneath the statement are the same")


def _axioms(submission: Export, needed: frozenset[Name], allowed: frozenset[Name]) -> Layer:
    # A sorry anywhere means that the exporter was asked for something unfinished.
    everywhere = {SORRY} & submission.constants.keys()
    used = {one for one in needed if submission.constants[one].kind is Kind.AXIOM}
    odd = sorted(map(show_name, (used | everywhere) - allowed))
    if odd:
        return _broken("axioms", f"the proof needs what is not an allowed axiom: {_list(odd)}")
    return _holds("axioms", f"needs {_list(sorted(map(show_name, used))) or 'no axioms'}")


def _safety(submission: Export, needed: frozenset[Name], allowed: frozenset[Name]) -> Layer:
    unsafe = sorted(show_name(one) for one in needed if not submission.constants[one].is_safe)
    if unsafe:
        return _broken("safety", f"the proof needs unsafe or partial definitions: {_list(unsafe)}")
    native = sorted(map(show_name, NATIVE & needed))
    if native and not NATIVE_AXIOMS & set(map(show_name, allowed)):
        return _broken("safety", f"the proof has a kernel run compiled code: {_list(native)}")
    return _holds("safety", "nothing unsafe, partial or native")


def _trusted(
    trusted: Mapping[Name, Constant],
    submission: Export,
    needed: frozenset[Name],
    allowed: frozenset[Name],
) -> Layer:
    """Compare what neither a statement nor a kernel vouches for: axioms, and built-in constants."""
    axioms = needed & allowed
    altered = sorted(
        show_name(one) for one in axioms if _is_altered(submission.constants[one], trusted.get(one))
    )
    if altered:
        return _broken("primitives", f"an allowed axiom says something else: {_list(altered)}")
    built_in = needed & PRIMITIVES
    if STRING in needed:
        built_in |= TEXT_PRIMITIVES & submission.constants.keys()
    beneath = submission.reach(built_in | axioms)
    differing: list[str] = []
    unknown: list[str] = []
    for one in beneath:
        own = submission.constants[one].digest
        if one in trusted:
            if own != trusted[one].digest:
                differing.append(show_name(one))
        elif own not in standard().get(one, frozenset()):
            unknown.append(show_name(one))
    if differing:
        said = f"constants that kernels know by name are not those of this Lean: {_list(differing)}"
        return _broken("primitives", said)
    if unknown:
        said = f"constants that a kernel takes for granted cannot be compared: {_list(unknown)}"
        return _missing("primitives", said, "export them with the challenge, or as a reference")
    return _holds("primitives", f"{len(beneath)} constants that are taken for granted are standard")


def _is_altered(own: Constant, asked: Constant | None) -> bool:
    """Whether an allowed axiom is known to say something else than it should."""
    if asked is not None:
        return own.digest != asked.digest
    # What is standard in one version of Lean, is in all: these three have never changed.
    known = standard().get(own.name)
    return known is not None and show_name(own.name) in AXIOMS and own.digest not in known


def _same(name: Name, challenge: Export, submission: Export) -> bool:
    ours, theirs = challenge.constants.get(name), submission.constants.get(name)
    return ours is not None and theirs is not None and ours.digest == theirs.digest


def _result(
    submission: Export, asked: Constant, layers: tuple[Layer, ...], needed: frozenset[Name]
) -> Audit:
    axioms = (one for one in needed if submission.constants[one].kind is Kind.AXIOM)
    return Audit(
        layers=layers,
        statement_hash=asked.statement.hex(),
        axioms=tuple(sorted(map(show_name, axioms))),
        constants=len(needed),
        lean_version=submission.lean_version,
    )


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(name[:60] for name in names[:_SHOWN]) + more


def _holds(name: str, said: str) -> Layer:
    return Layer(name, Level.L3, State.HOLDS, said)


def _broken(name: str, said: str) -> Layer:
    return Layer(name, Level.L3, State.BROKEN, said)


def _missing(name: str, said: str, remedy: str) -> Layer:
    return Layer(name, Level.L3, State.MISSING, said, remedy)
