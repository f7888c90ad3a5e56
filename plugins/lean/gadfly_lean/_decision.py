"""From what was seen of a submission to a level, and from a level to a verdict.

Nothing here runs anything: an `Answer` of a driver comes in, whatever the driver is. A layer that
was not looked at is missing, and a level with a missing layer is not reached; so the only way up is
to have looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gadfly import InputError, Verdict
from gadfly_lean._audit import Audit, audit
from gadfly_lean._export import ExportError, parse_export
from gadfly_lean._levels import Layer, Level, State, reached
from gadfly_lean._ports import SEVERITIES, Answer, Replay, tells_of_sorry
from gadfly_lean._standard import AXIOMS
from gadfly_lean._versions import LeanVersion, kernel_bugs


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What it takes to be called proved.

    Raises:
        InputError: There is no such level.
    """

    level: Level | str = Level.L3
    """The level that is needed. Below `L3`, a proof can be forged by who writes it."""
    axioms: tuple[str, ...] = AXIOMS
    """The allowed axioms, by their exact names."""
    trust_old_kernels: bool = False
    """Count a replay by a kernel with known bugs. It makes `L3` as weak as that kernel."""

    def __post_init__(self) -> None:
        Level.of(self.level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is known of a submission."""

    verdict: Verdict
    """PASS where the level is reached, FAIL where something is broken, ABSTAIN otherwise."""
    level: Level | None
    """What was reached; None where something is broken, or not even `L0` is known."""
    layers: tuple[Layer, ...]
    """All that was asked, in the order of the levels."""
    audit: Audit | None = None

    @property
    def stopped_by(self) -> Layer | None:
        """The first layer that does not hold: broken ones first. None where all hold."""
        for state in (State.BROKEN, State.MISSING):
            for layer in self.layers:
                if layer.state is state:
                    return layer
        return None


def decide(answer: Answer, target: str, policy: Policy | None = None) -> Decision:
    """Say what is known of a submission.

    Args:
        answer: What a driver saw of it.
        target: The full name of what is to be proved.
        policy: What it takes; `L3` and the standard axioms by default.

    Raises:
        InputError: The challenge itself is none (see `audit`).
    """
    policy = policy or Policy()
    wanted = Level.of(policy.level)
    layers = list(as_seen(answer))
    found: Audit | None = None
    if layers[0].state is State.HOLDS:
        audited, found = _audited(answer, target, policy)
        layers.append(_probe(answer, audited, policy))
        layers += audited
        layers.append(_replayed(answer, found, policy))
        layers += (_sandboxed(answer), _second_kernel(answer))
    broken = any(layer.state is State.BROKEN for layer in layers)
    level = None if broken else reached(layers)
    if broken:
        verdict = Verdict.FAIL
    elif level is not None and level >= wanted:
        verdict = Verdict.PASS
    else:
        verdict = Verdict.ABSTAIN
    return Decision(verdict=verdict, level=level, layers=tuple(layers), audit=found)


def as_seen(answer: Answer) -> tuple[Layer, ...]:
    """Return the layers of an answer's own words: answer, errors, and each signal of `sorry`.

    Where the first one does not hold, there is no other: nothing is known.
    """
    first = _answered(answer)
    if first.state is not State.HOLDS:
        return (first,)
    return first, _errors(answer), _sorries(answer), _warnings(answer)


def _answered(answer: Answer) -> Layer:
    if answer.problem:
        return Layer("answer", Level.L0, State.MISSING, answer.problem[:300])
    odd = sorted({message.severity for message in answer.messages} - SEVERITIES)
    if odd:
        said = f"an answer with messages of severity {odd[0][:20]!r}, which Lean has not"
        return Layer("answer", Level.L0, State.MISSING, said, "see what answered in Lean's name")
    if answer.env is None and answer.exit_code is None:
        said = "an answer without environment or exit status is no answer of Lean"
        return Layer("answer", Level.L0, State.MISSING, said, "see what answered in Lean's name")
    return Layer("answer", Level.L0, State.HOLDS, f"{answer.driver} answered")


def _errors(answer: Answer) -> Layer:
    errors = [one for one in answer.messages if one.severity == "error"]
    if errors:
        place = f"line {errors[0].line}: " if errors[0].line else ""
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        said = f"{place}{errors[0].text[:300]}{more}"
        return Layer("errors", Level.L0, State.BROKEN, said)
    if answer.exit_code:
        said = f"Lean ended with status {answer.exit_code} and named no error"
        return Layer("errors", Level.L0, State.BROKEN, said)
    return Layer("errors", Level.L0, State.HOLDS, "no error")


def _sorries(answer: Answer) -> Layer:
    if answer.sorries:
        first = answer.sorries[0]
        place = f"line {first.line}: " if first.line else ""
        said = f"{place}a sorry is left, for the goal {first.goal[:200]}"
        return Layer("sorry in the syntax", Level.L1, State.BROKEN, said)
    if answer.sorries is None:
        # The warning is the only signal that `lean --json` has, and the next layer.
        said = "this driver has the warning only"
        return Layer("sorry in the syntax", Level.L1, State.HOLDS, said)
    return Layer("sorry in the syntax", Level.L1, State.HOLDS, "none")


def _warnings(answer: Answer) -> Layer:
    for message in answer.messages:
        if tells_of_sorry(message.text):
            place = f"line {message.line}: " if message.line else ""
            said = f"{place}Lean says that a declaration uses sorry"
            return Layer("warning of sorry", Level.L1, State.BROKEN, said)
    return Layer("warning of sorry", Level.L1, State.HOLDS, "none")


def _probe(answer: Answer, audited: Iterable[Layer], policy: Policy) -> Layer:
    name = "#print axioms"
    if answer.axioms is not None:
        odd = sorted(set(answer.axioms) - set(policy.axioms))
        if odd:
            said = f"Lean names what is not an allowed axiom: {', '.join(odd)[:200]}"
            return Layer(name, Level.L2, State.BROKEN, said)
        said = f"Lean names {', '.join(sorted(answer.axioms)) or 'no axioms'}"
        return Layer(name, Level.L2, State.HOLDS, said)
    if any(one.name == "axioms" and one.state is State.HOLDS for one in audited):
        said = "not asked: the walk over the exported terms shows more"
        return Layer(name, Level.L2, State.HOLDS, said)
    said = "Lean was not asked for the axioms, or its answer lacked the nonce or failed the canary"
    return Layer(name, Level.L2, State.MISSING, said, "use a driver with a probe")


def _audited(answer: Answer, target: str, policy: Policy) -> tuple[list[Layer], Audit | None]:
    remedy = "use a driver with exports (`OneShotLean` with lean4export)"
    if answer.target_found is False:
        said = f"the finished submission has no declaration {target}"
        return [Layer("target", Level.L3, State.BROKEN, said)], None
    if answer.challenge_export is None or answer.submission_export is None:
        whose = "challenge" if answer.challenge_export is None else "submission"
        return [_unaudited(f"no export of the {whose}", remedy)], None
    try:
        challenge = parse_export(answer.challenge_export)
        given = answer.reference_export
        reference = None if given is None else parse_export(given)
    except ExportError as error:
        raise InputError(f"an export of the challenge's side: {error}") from None
    try:
        submission = parse_export(answer.submission_export)
    except ExportError as error:
        return [_unaudited(f"the submission's export: {error}", "export it again")], None
    found = audit(challenge, submission, target, axioms=policy.axioms, reference=reference)
    layers = list(found.layers)
    lean = answer.versions.get("lean")
    if lean is not None and not _is_one_version(lean, found.lean_version):
        what = f"Lean says {lean[:60]!r}, the exports {found.lean_version[:60]!r}"
        layers.append(_unaudited(what, "export with the Lean that elaborates"))
    return layers, found


def _unaudited(said: str, remedy: str) -> Layer:
    return Layer("exports", Level.L3, State.MISSING, said, remedy)


def _is_one_version(said: str, exported: str) -> bool:
    try:
        return LeanVersion.parse(said) == LeanVersion.parse(exported)
    except InputError:
        return False


def _replayed(answer: Answer, found: Audit | None, policy: Policy) -> Layer:
    """Whether a kernel that can be believed checked the declarations once more."""
    name = "replay"
    # Checkers that look at axioms allow the standard ones, whatever the person allows.
    widened = not set(policy.axioms) <= set(AXIOMS)
    replays = [one for one in answer.replays if not (one.about == "axioms" and widened)]
    refused = [one for one in replays if not one.accepted]
    if refused:
        what = "declarations" if refused[0].about == name else refused[0].about
        said = f"{_checker(refused[0])} refuses the {what}: {refused[0].said[:200]}"
        return Layer(refused[0].about, Level.L3, State.BROKEN, said)
    bugs = _bugs(found.lean_version if found else answer.versions.get("lean", ""))
    believed = [
        one
        for one in replays
        if one.about == name and (not one.same_kernel or not bugs or policy.trust_old_kernels)
    ]
    if believed:
        return Layer(name, Level.L3, State.HOLDS, f"{_checker(believed[0])} accepts them")
    if replays:
        said = f"only Lean's own kernel has replayed them, which has known bugs: {bugs}"
        remedy = "replay with a second kernel (nanoda), or use Lean 4.34.0 or later"
        return Layer(name, Level.L3, State.MISSING, said, remedy)
    said = "no kernel has checked the declarations apart from the submission's process"
    return Layer(name, Level.L3, State.MISSING, said, "replay with lean4checker, or with nanoda")


def _bugs(version: str) -> str:
    """Return the known bugs of a version in words; one that cannot be read has unknown ones."""
    try:
        known = kernel_bugs(LeanVersion.parse(version))
    except InputError:
        return f"the version {version[:40]!r} cannot be read"
    return ", ".join(f"{bug.id} ({bug.what})" for bug in known)


def _sandboxed(answer: Answer) -> Layer:
    if answer.sandboxed:
        return Layer("sandbox", Level.L4, State.HOLDS, "elaborated in a sandbox without network")
    said = "it was elaborated outside of a sandbox: it could do what its user can"
    return Layer("sandbox", Level.L4, State.MISSING, said, "use `OneShotLean`, which has one")


def _second_kernel(answer: Answer) -> Layer:
    for one in answer.replays:
        if one.accepted and not one.same_kernel and one.about == "replay":
            return Layer("second kernel", Level.L4, State.HOLDS, f"{_checker(one)} accepts it")
    said = "no kernel but Lean's own has checked it"
    return Layer("second kernel", Level.L4, State.MISSING, said, "replay with nanoda")


def _checker(replay: Replay) -> str:
    return f"{replay.checker} {replay.version}".strip()[:60]


def describe(decision: Decision) -> Mapping[str, str]:
    """Return the layers as lines, by name: state and what was seen."""
    return {layer.name: f"{layer.state}: {layer.said}" for layer in decision.layers}
