"""A small calculus as a Metamath database, and a second reading of it to hold the verifier to.

The second reading knows nothing of the Metamath language: formulas are trees, each label is a
function on them, written by hand. It decides what a list of labels proves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

DATABASE = """\
$( Implication, negation, equality and one quantifier: enough to go wrong in. $)
$c ( ) -> -. = A. wff setvar |- $.
$v ph ps ch x y $.
wph $f wff ph $.
wps $f wff ps $.
wch $f wff ch $.
vx $f setvar x $.
vy $f setvar y $.
wi $a wff ( ph -> ps ) $.
wn $a wff -. ph $.
weq $a wff x = y $.
wal $a wff A. x ph $.
ax-1 $a |- ( ph -> ( ps -> ph ) ) $.
ax-2 $a |- ( ( ph -> ( ps -> ch ) ) -> ( ( ph -> ps ) -> ( ph -> ch ) ) ) $.
ax-3 $a |- ( ( -. ph -> -. ps ) -> ( ps -> ph ) ) $.
${
  min $e |- ph $.
  maj $e |- ( ph -> ps ) $.
  ax-mp $a |- ps $.
$}
${
  $d x ph $.
  ax-5 $a |- ( ph -> A. x ph ) $.
$}
"""

Tree = str | tuple["Tree", ...]
Item = tuple[str, Tree]
"""A type code (`wff`, `setvar`, `|-`) and what it is said of."""
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "wph": (),
    "wps": (),
    "wch": (),
    "vx": (),
    "vy": (),
    "wi": ("wff", "wff"),
    "wn": ("wff",),
    "weq": ("setvar", "setvar"),
    "wal": ("wff", "setvar"),
    "ax-1": ("wff", "wff"),
    "ax-2": ("wff", "wff", "wff"),
    "ax-3": ("wff", "wff"),
    "ax-mp": ("wff", "wff", "|-", "|-"),
    "ax-5": ("wff", "setvar"),
}
_VARIABLES: Mapping[str, Item] = {
    "wph": ("wff", "ph"),
    "wps": ("wff", "ps"),
    "wch": ("wff", "ch"),
    "vx": ("setvar", "x"),
    "vy": ("setvar", "y"),
}


@dataclass(frozen=True)
class Goal:
    """A theorem to prove: hypotheses by label, pairs that are apart, and the assertion."""

    assertion: Item
    hypotheses: Mapping[str, Item] = field(default_factory=dict)
    apart: tuple[tuple[str, str], ...] = ()

    def source(self, proof: str = "?") -> str:
        parts = [f"$d {one} {other} $." for one, other in self.apart]
        parts += [f"{label} $e {shown(item)} $." for label, item in self.hypotheses.items()]
        return "\n".join(["${", *parts, f"goal $p {shown(self.assertion)} $= {proof} $.", "$}"])


def implies(one: Tree, other: Tree) -> Tree:
    return ("->", one, other)


def shown(item: Item) -> str:
    return f"{item[0]} {_text(item[1])}"


def conclusion(labels: Sequence[str], goal: Goal) -> Item | None:
    """Return what the labels prove, or None where they prove nothing."""
    stack: list[Item] = []
    for label in labels:
        known = goal.hypotheses.get(label) or _VARIABLES.get(label)
        if known is not None:
            stack.append(known)
            continue
        kinds = ARGUMENTS.get(label)
        if kinds is None or len(stack) < len(kinds):
            return None
        taken = stack[len(stack) - len(kinds) :]
        del stack[len(stack) - len(kinds) :]
        made = _apply(label, [tree for _, tree in taken], goal)
        if made is None or tuple(kind for kind, _ in taken) != kinds:
            return None
        stack.append(made)
    return stack[0] if len(stack) == 1 else None


def packed(labels: Sequence[str], mandatory: Sequence[str], goal: Goal) -> list[str]:
    """Return a proof in the compressed format; what it derives twice is saved the first time."""
    listed = [label for label in dict.fromkeys(labels) if label not in mandatory]
    numbers = {label: n for n, label in enumerate([*mandatory, *listed], 1)}
    stack: list[tuple[str, ...]] = []
    for label in labels:
        taken = 0 if label in goal.hypotheses else len(ARGUMENTS[label])
        own = stack[len(stack) - taken :]
        del stack[len(stack) - taken :]
        stack.append((*(step for inner in own for step in inner), label))
    saved: dict[tuple[str, ...], int] = {}

    def write(steps: tuple[str, ...]) -> str:
        if steps in saved:
            return _letters(saved[steps])
        taken = 0 if steps[-1] in goal.hypotheses else len(ARGUMENTS[steps[-1]])
        parts: list[tuple[str, ...]] = []
        rest = list(steps[:-1])
        for _ in range(taken):
            size = need = 1
            while need:
                last = rest[-size]
                need += (0 if last in goal.hypotheses else len(ARGUMENTS[last])) - 1
                size += 1
            parts.insert(0, tuple(rest[1 - size :]))
            del rest[1 - size :]
        text = "".join(write(part) for part in parts) + _letters(numbers[steps[-1]])
        if taken:
            saved[steps] = len(numbers) + len(saved) + 1
            text += "Z"
        return text

    return ["(", *listed, ")", "".join(write(steps) for steps in stack)]


def _letters(number: int) -> str:
    text = chr(ord("A") + (number - 1) % 20)
    number = (number - 1) // 20
    while number:
        text = chr(ord("U") + (number - 1) % 5) + text
        number = (number - 1) // 5
    return text


def _apply(label: str, given: list[Tree], goal: Goal) -> Item | None:  # noqa: PLR0911
    match label, given:
        case "wi", [a, b]:
            return "wff", implies(a, b)
        case "wn", [a]:
            return "wff", ("-.", a)
        case "weq", [x, y]:
            return "wff", ("=", x, y)
        case "wal", [a, x]:
            return "wff", ("A.", x, a)
        case "ax-1", [a, b]:
            return "|-", implies(a, implies(b, a))
        case "ax-2", [a, b, c]:
            left = implies(a, implies(b, c))
            return "|-", implies(left, implies(implies(a, b), implies(a, c)))
        case "ax-3", [a, b]:
            return "|-", implies(implies(("-.", a), ("-.", b)), implies(b, a))
        case "ax-mp", [a, b, minor, major]:
            return ("|-", b) if minor == a and major == implies(a, b) else None
        case "ax-5", [a, x] if isinstance(x, str):
            free = _leaves(a)
            apart = {frozenset(pair) for pair in goal.apart}
            fine = all(v != x and frozenset((v, x)) in apart for v in free)
            return ("|-", implies(a, ("A.", x, a))) if fine else None
        case _:
            return None


def _leaves(tree: Tree) -> set[str]:
    if isinstance(tree, str):
        return {tree} & {"ph", "ps", "ch", "x", "y"}
    return {leaf for inner in tree for leaf in _leaves(inner)}


def _text(tree: Tree) -> str:
    match tree:
        case str():
            return tree
        case ("->", a, b):
            return f"( {_text(a)} -> {_text(b)} )"
        case ("-.", a):
            return f"-. {_text(a)}"
        case ("=", x, y):
            return f"{_text(x)} = {_text(y)}"
        case ("A.", x, a):
            return f"A. {_text(x)} {_text(a)}"
        case _:
            raise ValueError(tree)


PP = implies("ph", "ph")
ID = Goal(("|-", PP))
_ID_PROOF = (
    # ( ph -> ( ph -> ph ) ) is detached from what the next lines prove.
    "wph wph wph wi wi  wph wph wi  wph wph ax-1 "
    "wph wph wph wi wph wi wi  wph wph wph wi wi wph wph wi wi  wph wph wph wi ax-1 "
    "wph wph wph wi wph ax-2  ax-mp ax-mp"
)
ID_PROOF = _ID_PROOF.split()
SYL = Goal(
    ("|-", implies("ph", "ch")),
    {"syl.1": ("|-", implies("ph", "ps")), "syl.2": ("|-", implies("ps", "ch"))},
)
_SYL_PROOF = (
    "wph wps wi  wph wch wi  syl.1 "
    "wph wps wch wi wi  wph wps wi wph wch wi wi "
    "wps wch wi  wph wps wch wi wi  syl.2  wps wch wi wph ax-1  ax-mp "
    "wph wps wch ax-2  ax-mp ax-mp"
)
SYL_PROOF = _SYL_PROOF.split()
GEN = Goal(("|-", implies("ph", ("A.", "x", "ph"))), apart=(("x", "ph"),))
GEN_PROOF = ["wph", "vx", "ax-5"]
