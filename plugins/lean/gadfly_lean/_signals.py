"""Does a formal statement say what its text says? Cheap signals, without Lean.

A statement that type-checks is mostly not the one that was meant. Each signal here is one way in
which it goes wrong, found in the text of the statement alone; each is a separate finding, and none
of them shows that a statement is faithful. So there is no pass.
"""

# ruff: noqa: RUF001 - Lean's own symbols
from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gadfly import Hardness
from gadfly_lean._statements import Statement, read_statement

_IDENT = r"[^\W\d][\w'₀-₉!?]*"
_TOKEN = re.compile(rf"{_IDENT}(?:\.{_IDENT})*|\d+|\S")
_BOUND = re.compile(
    rf"(?:∀|∃!?|λ|fun|∑|∏|⋃|⋂|⨆|⨅|∫|∫⁻)\s*\(?\s*((?:{_IDENT}|_)(?:\s+(?:{_IDENT}|_))*)"
)
_SET_BOUND = re.compile(rf"\{{\s*({_IDENT})\s*[:|∈]")
_FREE = re.compile(r"(?<![\w.'])([A-Za-zα-ωΑ-Ω](?:[₀-₉0-9']*))(?![\w.'])")
_DATA = re.compile(
    r"(?:ℕ|ℤ|ℚ|ℝ|ℂ|Nat|Int|Rat|Real|Fin|Set|Finset|Sub\w+|Add\w+|Ideal|Polynomial|ZMod|Matrix)(?![\w.])"
    r"|[ℕℤℚℝℂ]|\w+\s*→|[A-Z]\Z"
)
"""Types of values. A hypothesis need not be used, as the proof may need it."""
_NUMBER = re.compile(r"(?<![\w.])\d+(?!\w|\.\d)")
_KNOWN_LETTERS = frozenset("eπiXICTλΣΠ")
"""Letters that Mathlib gives a meaning to under the usual `open`s."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing about a statement that is suspicious, or wrong in itself."""

    name: str
    message: str
    hardness: Hardness = Hardness.SOFT


def find_signals(text: str, statement: str) -> tuple[Signal, ...]:
    """Return what is suspicious about a formal statement of a text, in a fixed order.

    Args:
        text: What was to be stated, in words.
        statement: The Lean code; the last theorem or definition counts.
    """
    read = read_statement(statement)
    if read is None:
        message = "this is no whole statement: its brackets do not match, or it states no goal"
        return (Signal("incomplete", message, Hardness.HARD),)
    return tuple(signal for look in _LOOKS for signal in look(text, read))


def _flat(text: str) -> str:
    return " ".join(_TOKEN.findall(text))


# --------------------------------------------------------------------- what is wrong by itself


def _trivial(_: str, read: Statement) -> Iterator[Signal]:
    goal = _flat(read.goal)
    sides = re.fullmatch(r"([^=↔≤≥∣⊆]+) [=↔≤≥∣⊆] ([^=↔≤≥∣⊆]+)", goal)
    if goal == "True" or (sides and sides[1] == sides[2]):
        message = f"the goal holds by itself: {read.goal[:80]}"
        yield Signal("trivial", message, Hardness.HARD)
    given = [_flat(one.kind) for one in read.binders if one.names]
    if goal in given and len(goal.split()) > 1:
        message = "the goal is one of the hypotheses"
        yield Signal("assumed", message, Hardness.HARD)


def _contradiction(_: str, read: Statement) -> Iterator[Signal]:
    given = {_flat(one.kind) for one in read.binders if one.names}
    for one in sorted(given):
        sides = re.fullmatch(r"([^<>≠]+) [<>≠] ([^<>≠]+)", one)
        denied = f"¬ {one}" in given or f"¬ ( {one} )" in given
        if one == "False" or denied or (sides and sides[1] == sides[2]):
            message = f"the hypotheses contradict each other, so anything follows: {one[:80]}"
            yield Signal("contradiction", message, Hardness.HARD)


# --------------------------------------------------------------------- what is suspicious


def _auto_implicit(_: str, read: Statement) -> Iterator[Signal]:
    bound = {name for one in read.binders for name in one.names} | _inner_names(read.text)
    # What a class is asked of (`[Group G]`) is meant to be any type, and so is a universe.
    for one in read.binders:
        if one.bracket == "[":
            bound |= set(_FREE.findall(one.kind))
    bound |= set(re.findall(rf"(?:Type|Sort)\s+({_IDENT})", read.text))
    free = sorted(set(_FREE.findall(read.text)) - bound - _KNOWN_LETTERS)
    if free:
        message = f"{', '.join(free[:5])} is bound nowhere: with autoImplicit it is any value"
        yield Signal("auto-implicit", message)


def _inner_names(text: str) -> set[str]:
    names = {name for match in _BOUND.findall(text) for name in match.split()}
    return names | set(_SET_BOUND.findall(text)) | set(re.findall(rf"\(({_IDENT}) :", text))


def _unused(_: str, read: Statement) -> Iterator[Signal]:
    words = _TOKEN.findall(read.text)
    counts = {word: words.count(word) for word in set(words)}
    dotted = " ".join(words)
    for one in read.binders:
        if one.bracket == "[" or not _DATA.match(one.kind.strip()):
            continue
        for name in one.names:
            if counts.get(name, 0) < 2 and f" {name}." not in dotted and name != "_":
                yield Signal("unused binder", f"{name} is bound and never used")


def _naturals(_: str, read: Statement) -> Iterator[Signal]:
    names = "|".join(sorted(map(re.escape, read.naturals), key=len, reverse=True))
    if not names:
        return
    own = rf"(?<![\w'.])(?:{names})(?![\w'])"
    flat = " ".join(read.text.split())
    for match in re.finditer(rf"{own}\s*-\s*(?P<less>[\w(])|[\w)]\s+-\s+{own}", flat):
        if not (match["less"] == "1" and _is_positive(flat, match[0].split("-")[0].strip())):
            yield Signal("natural subtraction", "a difference of natural numbers is never below 0")
            break
    if re.search(rf"{own}\s*/\s*[\w(]", flat):
        yield Signal("natural division", "a quotient of natural numbers is rounded down")


def _is_positive(text: str, name: str) -> bool:
    name = re.escape(name)
    above = rf"(?<![\w']){name}\s*(?:>\s*\d|≥\s*[1-9]|≠\s*0)|(?:\d\s*<|[1-9]\s*≤)\s*{name}(?![\w'])"
    return re.search(rf"{above}|[Pp]rime\s+{name}(?![\w'])|{name}\.Prime", text) is not None


def _numbers(text: str, read: Statement) -> Iterator[Signal]:
    said = set(_NUMBER.findall(re.sub(r"\\\w+|[{}$]", " ", text)))
    stated = set(_NUMBER.findall(read.text))
    # Small ones are often said otherwise: a square, a pair, the identity.
    missing = sorted(number for number in said - stated if int(number[:9]) > 4)
    if missing:
        yield Signal("number", f"{', '.join(missing[:5])} of the text is not in the statement")


@dataclass(frozen=True, slots=True)
class _Promise:
    """Words of a text, and what a statement of it would have."""

    words: str
    symbols: str
    said: str


_PROMISES = (
    _Promise(r"\bunique(?:ly)?\b|exactly one", r"∃!|Unique|∀.*=|Subsingleton|→.*=", "uniqueness"),
    _Promise(r"if and only if|\biff\b", r"↔|∀.*=|=", "an equivalence"),
    _Promise(
        r"infinitely many", r"Infinite|¬.*Finite|∀.*∃|¬ ?\w*\.?Finite|atTop", "infinitely many"
    ),
    _Promise(
        r"\bthere (?:exists?|is an?|are)\b|\bsuch that there\b|\bfind an?\b",
        r"∃|Nonempty|¬|Exists|∈|Infinite",
        "existence",
    ),
    _Promise(
        r"\bcomplex\b|\\mathbb\{C\}|\bholomorphic|\banalytic\b", r"ℂ|Complex", "complex numbers"
    ),
    _Promise(
        r"\breal (?:number|valued|function)|\\mathbb\{R\}", r"ℝ|Real|Euclidean|NNReal", "reals"
    ),
    _Promise(
        r"\brational(?: number)?s?\b(?! function)|\\mathbb\{Q\}", r"ℚ|Rat|rrational", "rationals"
    ),
    _Promise(r"\binteger", r"ℤ|ℕ|Int|Nat|Fin|ZMod", "integers"),
    _Promise(r"\bprime\b", r"[Pp]rime|rreducible", "primes"),
    _Promise(r"\bcompact\b", r"[Cc]ompact", "compactness"),
    _Promise(r"\bconnected\b", r"[Cc]onnected", "connectedness"),
    _Promise(r"\bcontinuous\b", r"[Cc]ontinuous|C\(|≃ₜ|Homeo", "continuity"),
    _Promise(r"\buniformly\b", r"[Uu]niform|ε|δ", "uniformity"),
    _Promise(r"\bbounded\b", r"[Bb]dd|[Bb]ounded|≤|<", "a bound"),
    _Promise(
        r"\bfinite (?:group|set|field|ring|dimension|index|order)",
        r"[Ff]in|card|index",
        "finiteness",
    ),
    _Promise(r"\bnormal\b", r"[Nn]ormal|T4|conj", "normality"),
    _Promise(r"\bcyclic\b", r"[Cc]yclic|zpowers|∃", "being cyclic"),
    _Promise(r"\birreducible\b", r"rreducible", "irreducibility"),
    _Promise(r"\bisomorphi", r"≃|Iso|∃", "an isomorphism"),
    _Promise(r"\bsubgroup\b", r"Subgroup|subgroup", "a subgroup"),
    _Promise(r"\bideal\b", r"Ideal|ideal|span", "an ideal"),
    _Promise(r"\bHausdorff\b", r"T2|Hausdorff", "being Hausdorff"),
    _Promise(r"\bmetric space\b", r"MetricSpace|dist", "a metric space"),
    _Promise(r"\bdense\b", r"[Dd]ense|closure", "density"),
    _Promise(
        r"\b(?:nonzero|non-zero)\b|\\neq 0", r"≠ ?0|NeZero|0 <|> ?0|\{0\}|ˣ|0 ≠|\\ ", "not zero"
    ),
    _Promise(r"\bpositive\b", r"> ?0|0 ?<|PNat|ℕ\+|≥ ?1|1 ?≤|NNReal|pos|Pos|ne", "being positive"),
    _Promise(r"\bdistinct\b", r"≠|Injective|Nodup|distinct|card|Pairwise", "being distinct"),
    _Promise(r"\bodd\b", r"[Oo]dd|%|2 \*|∣|MOD|≡", "being odd"),
    _Promise(r"\beven\b", r"[Ee]ven|%|2 \*|∣|MOD|≡", "being even"),
    _Promise(r"\bdivisible\b|\bdivides?\b|\\mid\b", r"∣|%|MOD|≡|ZMod|dvd|∃", "divisibility"),
)


def _promises(text: str, read: Statement) -> Iterator[Signal]:
    flat = " ".join(text.split())
    for one in _PROMISES:
        if re.search(one.words, flat, re.IGNORECASE) and not re.search(
            one.symbols, read.text, re.DOTALL
        ):
            yield Signal("wording", f"the text speaks of {one.said}, the statement does not")


_LOOKS: tuple[Callable[[str, Statement], Iterator[Signal]], ...] = (
    _trivial,
    _contradiction,
    _auto_implicit,
    _unused,
    _naturals,
    _numbers,
    _promises,
)
