"""Small exports, written as lean4export writes them, and a second reading of any export.

`Writer` makes exports of a handful of declarations. `Naive` reads one again, simply and slowly, by
nested values: what the real audit says is held against it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

Name = tuple[str, ...]
Line = dict[str, Any]


class Writer:
    """Writes names, levels, terms and declarations, each part once."""

    def __init__(self, version: str = "4.34.0", commit: str = "abc") -> None:
        self.lines: list[Line] = [
            {
                "meta": {
                    "exporter": {"name": "lean4export", "version": "3.1.0"},
                    "format": {"version": "3.1.0"},
                    "lean": {"githash": commit, "version": version},
                }
            }
        ]
        self._ids: dict[str, dict[str, int]] = {"in": {}, "il": {}, "ie": {}}
        self._next = {"in": 1, "il": 1, "ie": 0}

    @property
    def text(self) -> str:
        return "".join(json.dumps(line) + "\n" for line in self.lines)

    def _part(self, kind: str, line: Line) -> int:
        key = json.dumps(line, sort_keys=True)
        if key not in self._ids[kind]:
            self._ids[kind][key] = self._next[kind]
            self.lines.append(line | {kind: self._next[kind]})
            self._next[kind] += 1
        return self._ids[kind][key]

    def name(self, text: str) -> int:
        prefix = 0
        for part in text.split("."):
            prefix = self._part("in", {"str": {"pre": prefix, "str": part}})
        return prefix

    def prop(self) -> int:
        return self._part("ie", {"sort": 0})

    def sort(self, param: str) -> int:
        return self._part("ie", {"sort": self._part("il", {"param": self.name(param)})})

    def const(self, name: str) -> int:
        return self._part("ie", {"const": {"name": self.name(name), "us": []}})

    def app(self, function: int, argument: int) -> int:
        return self._part("ie", {"app": {"fn": function, "arg": argument}})

    def bvar(self, index: int) -> int:
        return self._part("ie", {"bvar": index})

    def pi(self, kind: int, body: int, name: str = "x", binder: str = "default") -> int:
        content = {"name": self.name(name), "type": kind, "body": body, "binderInfo": binder}
        return self._part("ie", {"forallE": content})

    def lam(self, kind: int, body: int, name: str = "x") -> int:
        content = {"name": self.name(name), "type": kind, "body": body, "binderInfo": "default"}
        return self._part("ie", {"lam": content})

    def proj(self, structure: str, term: int) -> int:
        content = {"typeName": self.name(structure), "idx": 0, "struct": term}
        return self._part("ie", {"proj": content})

    def natural(self, value: int) -> int:
        return self._part("ie", {"natVal": str(value)})

    def string(self, value: str) -> int:
        return self._part("ie", {"strVal": value})

    def mdata(self, term: int) -> int:
        return self._part("ie", {"mdata": {"expr": term, "data": {"note": "x"}}})

    def axiom(self, name: str, kind: int, *, unsafe: bool = False) -> None:
        self._declare("axiom", name, {"type": kind, "isUnsafe": unsafe})

    def theorem(self, name: str, kind: int, value: int, params: tuple[str, ...] = ()) -> None:
        content = {"type": kind, "value": value, "all": [self.name(name)]}
        self._declare("thm", name, content, params)

    def definition(self, name: str, kind: int, value: int, *, safety: str = "safe") -> None:
        content = {"type": kind, "value": value, "hints": "abbrev", "safety": safety}
        self._declare("def", name, content | {"all": [self.name(name)]})

    def opaque(self, name: str, kind: int, value: int) -> None:
        content = {"type": kind, "value": value, "isUnsafe": False, "all": [self.name(name)]}
        self._declare("opaque", name, content)

    def inductive(self, name: str, *constructors: tuple[str, int], unsafe: bool = False) -> None:
        """Declare a proposition; constructors are names with the terms that are their types."""
        own = self.name(name)
        common = {"levelParams": [], "numParams": 0, "isUnsafe": unsafe}
        kind = {
            "name": own,
            "type": self.prop(),
            "numIndices": 0,
            "all": [own],
            "ctors": [self.name(one) for one, _ in constructors],
            "numNested": 0,
            "isRec": False,
            "isReflexive": False,
        }
        made = [
            {"name": self.name(one), "type": term, "induct": own, "cidx": place, "numFields": 0}
            for place, (one, term) in enumerate(constructors)
        ]
        self.lines.append(
            {
                "inductive": {
                    "types": [kind | common],
                    "ctors": [one | common for one in made],
                    "recs": [],
                }
            }
        )

    def _declare(self, key: str, name: str, content: Line, params: tuple[str, ...] = ()) -> None:
        shared = {"name": self.name(name), "levelParams": [self.name(one) for one in params]}
        self.lines.append({key: shared | content})


def logic(writer: Writer) -> Writer:
    """Declare `True` and `False`."""
    writer.inductive("True", ("True.intro", writer.const("True")))
    writer.inductive("False")
    return writer


def challenge(build: Callable[[Writer], None] | None = None) -> str:
    """`theorem tgt : Claim := sorry`, where `Claim` is a definition of the challenge's own."""
    writer = logic(Writer())
    writer.definition("Claim", writer.prop(), writer.const("True"))
    if build:
        build(writer)
    writer.axiom("sorryAx", writer.pi(writer.prop(), writer.bvar(0)))
    claim = writer.const("Claim")
    writer.theorem("tgt", claim, writer.app(writer.const("sorryAx"), claim))
    return writer.text


def submission(build: Callable[[Writer], None] | None = None, proof: str = "True.intro") -> str:
    """`theorem tgt : Claim := proof`, after what `build` declares."""
    writer = logic(Writer())
    writer.definition("Claim", writer.prop(), writer.const("True"))
    if build:
        build(writer)
    writer.theorem("tgt", writer.const("Claim"), writer.const(proof))
    return writer.text


class Naive:
    """An export read by nested values and recursion. It trusts that the text is well formed."""

    def __init__(self, text: str) -> None:
        self.names: list[tuple[Any, ...]] = [()]
        self.levels: list[Any] = ["zero"]
        self.terms: list[Line] = []
        self.declared: dict[tuple[Any, ...], tuple[str, Line]] = {}
        self.blocks: dict[tuple[Any, ...], Line] = {}
        for line in map(json.loads, text.splitlines()):
            if "in" in line:
                body = line.get("str") or line["num"]
                part = body["str"] if "str" in line else body["i"]
                self.names.append((*self.names[body["pre"]], part))
            elif "il" in line:
                self.levels.append(self._level(line))
            elif "ie" in line:
                self.terms.append(line)
            elif "inductive" in line:
                for group in line["inductive"].values():
                    for one in group:
                        name = self.names[one["name"]]
                        self.declared[name] = ("inductive", one)
                        self.blocks[name] = line["inductive"]
            elif "meta" not in line:
                ((key, one),) = line.items()
                self.declared[self.names[one["name"]]] = (key, one)

    def _level(self, line: Line) -> Any:
        if "succ" in line:
            return ("succ", self.levels[line["succ"]])
        if "param" in line:
            return ("param", self.names[line["param"]])
        key = "max" if "max" in line else "imax"
        return (key, *(self.levels[one] for one in line[key]))

    def term(self, index: int) -> Any:  # noqa: PLR0911 - one for each kind of term
        line = self.terms[index]
        if "const" in line:
            body = line["const"]
            levels = tuple(self.levels[one] for one in body["us"])
            return ("const", self.names[body["name"]], levels)
        if "sort" in line:
            return ("sort", self.levels[line["sort"]])
        if "app" in line:
            return ("app", self.term(line["app"]["fn"]), self.term(line["app"]["arg"]))
        for key in ("lam", "forallE"):
            if key in line:
                return (key, self.term(line[key]["type"]), self.term(line[key]["body"]))
        if "letE" in line:
            return ("let", *(self.term(line["letE"][key]) for key in ("type", "value", "body")))
        if "proj" in line:
            body = line["proj"]
            return ("proj", self.names[body["typeName"]], body["idx"], self.term(body["struct"]))
        if "mdata" in line:
            return self.term(line["mdata"]["expr"])
        return tuple((key, value) for key, value in line.items() if key != "ie")

    def statement(self, name: Name) -> Any:
        _, body = self.declared[name]
        return ([self.names[one] for one in body["levelParams"]], self.term(body["type"]))

    def axioms(self, name: Name) -> set[tuple[Any, ...]]:
        """All axioms beneath a declaration."""
        found: set[tuple[Any, ...]] = set()
        stack = [name]
        while stack:
            one = stack.pop()
            if one not in found:
                found.add(one)
                stack += self._mentioned(one)
        return {one for one in found if self.declared[one][0] == "axiom"}

    def _mentioned(self, name: tuple[Any, ...]) -> Iterator[Any]:
        bodies = [self.declared[name][1]]
        if name in self.blocks:
            bodies = [one for group in self.blocks[name].values() for one in group]
            yield from (self.names[one["name"]] for one in bodies)
        for body in bodies:
            indices = [body["type"], *([body["value"]] if "value" in body else [])]
            indices += [rule["rhs"] for rule in body.get("rules", ())]
            for index in indices:
                yield from self._constants(index)

    def _constants(self, index: int) -> Iterator[tuple[Any, ...]]:
        seen: set[int] = set()
        stack = [index]
        while stack:
            one = stack.pop()
            if one in seen:
                continue
            seen.add(one)
            line = self.terms[one]
            ((key, body),) = [(k, v) for k, v in line.items() if k != "ie"]
            if key == "const":
                yield self.names[body["name"]]
            elif key == "proj":
                yield self.names[body["typeName"]]
                stack.append(body["struct"])
            elif key == "mdata":
                stack.append(body["expr"])
            elif key == "natVal":
                yield ("Nat",)
            elif key == "strVal":
                yield ("String",)
            elif isinstance(body, dict):
                parts = ("fn", "arg", "type", "value", "body")
                stack += [body[part] for part in parts if part in body]
