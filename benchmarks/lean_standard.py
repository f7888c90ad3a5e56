"""Write the table of standard constants that gadfly-lean's audit knows by itself.

    python benchmarks/lean_standard.py [--data FOLDER] [--check]

Read are exports that no stranger had a hand in: those of the challenges, and of the honest proofs.
A few constants that kernels compute with are in none of them. Of those, three are made here from
ones that are: what is made is right by how it is made, whether or not Lean writes it just so.

Nat.beq   as Nat.ble, but that zero and a successor are not equal
Nat.div   as Nat.mod, but that it counts the subtractions, and ends with zero
Quot.ind  has no definition: its type is fixed by the kernel

What differs from Lean's own in some letter is of no harm: it matches nothing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gadfly_lean import Export, parse_export
from gadfly_lean._names import parse_name, show_name
from gadfly_lean._standard import AXIOMS, PRIMITIVES, TEXT_PRIMITIVES

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
TABLE = HERE.parents[1] / "plugins" / "lean" / "gadfly_lean" / "standard.json"
LEAN = "4.0.0-pre, commit 7e317d23db"
_DIV = "_private.Init.Data.Nat.Div.0.Nat."
Line = dict[str, Any]


def main() -> int:
    """Write the table, or say whether it stands."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of shared data")
    parser.add_argument("--check", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    found = read_digests(arguments.data)
    if arguments.check:
        known = json.loads(TABLE.read_text("utf-8"))["digests"]
        odd = [name for name, digests in found.items() if not digests <= {*known.get(name, ())}]
        print(f"{len(found)} constants, {len(odd)} not as the table has them: {odd[:10]}")
        return 1 if odd else 0
    digests = {name: sorted(found[name]) for name in sorted(found)}
    TABLE.write_text(json.dumps({"lean": LEAN, "digests": digests}, indent=1) + "\n")
    print(f"{len(found)} constants written to {TABLE}")
    return 0


def read_digests(folder: Path) -> dict[str, set[str]]:
    """Return digests in hexadecimal by name: of what primitives and axioms rest on, no more."""
    digests: dict[str, set[str]] = {}
    for text in trusted_exports(folder):
        export = parse_export(with_quot_ind(with_nat_beq(with_nat_div(text))))
        for name in beneath_primitives(export):
            digests.setdefault(name, set()).add(export.constants[parse_name(name)].digest.hex())
    return digests


def trusted_exports(folder: Path) -> Iterator[str]:
    """Yield the exports of all challenges, and of the submissions that are honest."""
    exports = folder / "lean" / "exports"
    with (exports / "runs.jsonl").open(encoding="utf-8") as file:
        for run in map(json.loads, file):
            for whose in ("challenge", "submission"):
                name = run[whose].get("export")
                if name and (whose == "challenge" or run["expected"] == "proved"):
                    with gzip.open(exports / name, "rt", encoding="utf-8") as packed:
                        yield packed.read()


def beneath_primitives(export: Export) -> set[str]:
    """Return what the constants that are taken for granted rest on, themselves included."""
    taken = PRIMITIVES | TEXT_PRIMITIVES | set(map(parse_name, AXIOMS))
    return {show_name(name) for name in export.reach(taken & export.constants.keys())}


class Terms:
    """The lines of an export, to which terms and declarations are added."""

    def __init__(self, text: str) -> None:
        self.lines: list[Line] = [json.loads(line) for line in text.splitlines()]
        self.names: list[str] = [""]
        self.terms: list[Line] = []
        self.levels = 1
        self.declared: dict[str, tuple[str, Line]] = {}
        for line in self.lines:
            self._take(line)

    @property
    def text(self) -> str:
        """The export as it is now."""
        return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in self.lines)

    def _take(self, line: Line) -> None:
        if "in" in line:
            part = line.get("str") or line["num"]
            own = str(part["str"] if "str" in line else part["i"])
            before = self.names[part["pre"]]
            self.names.append(f"{before}.{own}" if before else own)
        elif "ie" in line:
            self.terms.append({key: value for key, value in line.items() if key != "ie"})
        elif "il" in line:
            self.levels += 1
        else:
            for kind in ("def", "quot"):
                if kind in line:
                    self.declared[self.names[line[kind]["name"]]] = kind, line[kind]

    def add(self, line: Line) -> None:
        """Add a line."""
        self.lines.append(line)
        self._take(line)

    def name(self, prefix: str, last: str) -> int:
        """Return the number of a name; it is made where there is none."""
        full = f"{prefix}.{last}" if prefix else last
        if full not in self.names:
            before = self.names.index(prefix)
            self.add({"str": {"pre": before, "str": last}, "in": len(self.names)})
        return self.names.index(full)

    def term(self, **body: object) -> int:
        """Return the number of a term; it is made where there is none."""
        if body not in self.terms:
            self.add({**body, "ie": len(self.terms)})
        return self.terms.index(body)

    def const(self, name: str, *levels: int) -> int:
        """Return a constant."""
        return self.term(const={"name": self.names.index(name), "us": list(levels)})

    def apply(self, function: int, *arguments: int) -> int:
        """Return an application."""
        for argument in arguments:
            function = self.term(app={"fn": function, "arg": argument})
        return function

    def bind(self, kind: str, of: int, body: int) -> int:
        """Return a term with a binder around it."""
        inner = {"name": 0, "type": of, "body": body, "binderInfo": "default"}
        return self.term(**{kind: inner})

    def rewrite(self, term: int, change: Callable[[int], int | None]) -> int:
        """Return a term with parts changed, the outermost first."""
        changed = change(term)
        if changed is not None:
            return changed
        ((key, content),) = self.terms[term].items()
        parts = {"app": ("fn", "arg"), "lam": ("type", "body"), "forallE": ("type", "body")}
        if key not in parts:
            return term
        new = {part: self.rewrite(content[part], change) for part in parts[key]}
        return self.term(**{key: content | new})

    def define(self, name: int, like: str, value: int) -> None:
        """Declare a definition with the type of another one."""
        _, other = self.declared[like]
        self.add({"def": other | {"name": name, "all": [name], "value": value}})


def with_nat_beq(text: str) -> str:
    """Add Nat.beq to an export that has Nat.ble: `0 = m + 1` is false where `0 ≤ m + 1` is true."""
    terms = Terms(text)
    if "Nat.ble" not in terms.declared or "Nat.beq" in terms.declared:
        return text
    true, false = (terms.const(f"Bool.{which}") for which in ("true", "false"))
    nat = terms.const("Nat")

    def change(term: int) -> int | None:
        outer = terms.terms[term].get("lam")
        if outer is None or outer["type"] != nat:
            return None
        inner = terms.terms[outer["body"]].get("lam")
        if inner is None or inner["body"] != true:
            return None
        other = terms.term(lam=inner | {"body": false})
        return terms.term(lam=outer | {"body": other})

    _, ble = terms.declared["Nat.ble"]
    value = terms.rewrite(ble["value"], change)
    assert value != ble["value"]
    terms.define(terms.name("Nat", "beq"), "Nat.ble", value)
    return terms.text


def with_nat_div(text: str) -> str:
    """Add Nat.div to an export that has Nat.mod: one more than that of the rest, and else zero."""
    terms = Terms(text)
    if f"{_DIV}mod.F" not in terms.declared or "Nat.add" not in terms.declared:
        return text
    if not {"instAddNat", "instHAdd"} <= terms.declared.keys() or "Nat.div" in terms.declared:
        return text
    zero, nat = terms.const("Nat.zero"), terms.const("Nat")
    one = terms.term(natVal="1")
    one = terms.apply(
        terms.const("OfNat.ofNat", 0), nat, one, terms.apply(terms.const("instOfNatNat"), one)
    )
    add = terms.apply(terms.const("instHAdd", 0), nat, terms.const("instAddNat"))
    plus = terms.apply(terms.const("HAdd.hAdd", 0, 0, 0), nat, nat, nat, add)

    def change(term: int) -> int | None:
        branch = terms.terms[term].get("lam")
        if branch is None:
            return None
        if _is_call(terms, branch["body"]):
            return terms.term(lam=branch | {"body": terms.apply(plus, branch["body"], one)})
        is_dividend = terms.terms[branch["body"]] == {"bvar": 3}
        return terms.term(lam=branch | {"body": zero}) if is_dividend else None

    _, own = terms.declared[f"{_DIV}mod.F"]
    prefix = f"{_DIV}div"
    terms.name(_DIV[:-1], "div")
    step = terms.name(prefix, "F")
    terms.define(step, f"{_DIV}mod.F", terms.rewrite(own["value"], change))
    old, new = terms.const(f"{_DIV}mod.F"), terms.const(f"{prefix}.F")
    _, mod = terms.declared["Nat.mod"]
    value = terms.rewrite(mod["value"], lambda term: new if term == old else None)
    terms.define(terms.name("Nat", "div"), "Nat.mod", value)
    return terms.text


def _is_call(terms: Terms, term: int) -> bool:
    """Whether a term is what mod does with the rest: `f (x - y) _ y`."""
    head = term
    count = 0
    while "app" in terms.terms[head]:
        head, count = terms.terms[head]["app"]["fn"], count + 1
    return terms.terms[head] == {"bvar": 2} and count == 3


def with_quot_ind(text: str) -> str:
    """Add Quot.ind: `(∀ a, β (Quot.mk r a)) → ∀ q, β q`, for a β into Prop."""
    terms = Terms(text)
    if "Quot.mk" not in terms.declared or "Quot.ind" in terms.declared:
        return text
    _, mk = terms.declared["Quot.mk"]
    # As Quot.mk begins: a type, and a relation on it.
    alpha = terms.terms[mk["type"]]["forallE"]
    relation = terms.terms[alpha["body"]]["forallE"]
    level = terms.terms[alpha["type"]]["sort"]
    quot, make = terms.const("Quot", level), terms.const("Quot.mk", level)
    at = [terms.term(bvar=index) for index in range(5)]
    prop = terms.term(sort=0)
    beta = terms.bind("forallE", terms.apply(quot, at[1], at[0]), prop)
    case = terms.bind("forallE", at[2], terms.apply(at[1], terms.apply(make, at[3], at[2], at[0])))
    goal = terms.bind("forallE", terms.apply(quot, at[3], at[2]), terms.apply(at[2], at[0]))
    kind = terms.bind("forallE", beta, terms.bind("forallE", case, goal))
    kind = terms.bind("forallE", alpha["type"], terms.bind("forallE", relation["type"], kind))
    name = terms.name("Quot", "ind")
    terms.add({"quot": mk | {"name": name, "type": kind, "kind": "ind"}})
    return terms.text


if __name__ == "__main__":
    sys.exit(main())
