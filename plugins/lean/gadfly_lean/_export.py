"""Declarations as lean4export writes them: NDJSON, format 3.1, read strictly and in one pass.

The exporter writes each name, level and expression once, numbered in order, after its parts, and
each declaration after what it mentions. Whatever departs from that is refused as a whole: nothing
is skipped, mended or guessed. So no walk is recursive, however deep a term is, and a file without a
part of what it mentions is not an export.

Every expression has a digest of its structure. Two are equal where Lean's own comparison says so:
names of bound variables, their binder kinds and metadata do not matter, universe names do.

Format: lean4export, `format_ndjson.md`, version 3.1.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any, TypeAlias, cast

from gadfly import InputError
from gadfly_lean._names import Name, show_name

FORMAT = re.compile(r"3\.1\.\d+")
MAX_CHARACTERS = 512 * 1024 * 1024
"""Larger exports are refused."""
_MAX_NUMBER = 1 << 32
_NATURAL = re.compile(r"0|[1-9][0-9]*", re.ASCII)
_BINDERS = frozenset({"default", "implicit", "strictImplicit", "instImplicit"})
_IDS = frozenset({"in", "il", "ie"})

NAT: Name = ("Nat",)
STRING: Name = ("String",)


class ExportError(InputError):
    """A text is not a well-formed export; the message has the line."""


class Kind(StrEnum):
    """What a constant is."""

    AXIOM = "axiom"
    DEFINITION = "definition"
    THEOREM = "theorem"
    OPAQUE = "opaque"
    QUOTIENT = "quotient"
    INDUCTIVE = "inductive type"
    CONSTRUCTOR = "constructor"
    RECURSOR = "recursor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """One declared constant."""

    name: Name
    kind: Kind
    type: int
    """Its type, as an index of `Export.digests`."""
    values: tuple[int, ...]
    """Its value, or the right sides of a recursor's rules."""
    mentions: tuple[Name, ...]
    """Constants that it names outside of expressions: the rest of its inductive declaration."""
    statement: bytes
    """Digest of name, universe names and type."""
    digest: bytes
    """Digest of everything that it is declared with."""
    is_safe: bool
    """Whether it is neither `unsafe` nor `partial`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """All declarations of one export, by name."""

    lean_version: str
    lean_hash: str
    """The commit that this Lean was built from."""
    exporter: str
    constants: Mapping[Name, Constant]
    digests: tuple[bytes, ...]
    """Of the structure of each expression."""
    parts: tuple[tuple[int, ...], ...]
    """The expressions that each one is made of directly."""
    heads: Mapping[int, Name]
    """The constant that an expression names itself: also the type of a projection or literal."""

    def reach(self, names: Iterable[Name], *, types_of: Iterable[Name] = ()) -> frozenset[Name]:
        """Return all constants that some need, themselves included, through types and values.

        Args:
            names: The constants.
            types_of: Further ones, of which only the type counts and not they themselves.
        """
        found: set[Name] = set()
        seen = bytearray(len(self.parts))
        parts, heads = self.parts, self.heads
        names, terms = list(names), [self.constants[name].type for name in types_of]
        while names or terms:
            while terms:
                term = terms.pop()
                if not seen[term]:
                    seen[term] = 1
                    terms += parts[term]
                    if term in heads:
                        names.append(heads[term])
            while names:
                name = names.pop()
                if name not in found:
                    found.add(name)
                    constant = self.constants[name]
                    terms += (constant.type, *constant.values)
                    names += constant.mentions
        return frozenset(found)


_Any: TypeAlias = Any
"""What JSON holds, before it was looked at."""
_Body: TypeAlias = dict[str, Any]
_Expression: TypeAlias = tuple[bytes, tuple[int, ...], int, Name | None]
"""Digest, parts, how many binders it needs around it, and the constant that it names."""


def parse_export(text: str, *, max_characters: int = MAX_CHARACTERS) -> Export:
    """Read an export.

    Raises:
        ExportError: It is not a well-formed export of format 3.1, or it is too large.
    """
    if len(text) > max_characters:
        raise ExportError(f"the export has {len(text)} characters, more than {max_characters}")
    if text[:1] == "\ufeff" or not text.startswith("{"):
        what = "lean4export's NDJSON, format 3.1: its first line is a JSON object `meta`"
        raise ExportError(f"line 1: this is not {what}; lean4export 3.1 or later writes it")
    lines = text.removesuffix("\n").split("\n")
    reader = _Reader()
    place = 0
    try:
        for line in lines:
            place += 1
            body, end = _decode(line)
            _hold(end == len(line), "something follows the JSON object")
            reader.read(body)
        return reader.finish()
    except (_Malformed, ValueError, RecursionError) as error:
        said = str(error) if isinstance(error, _Malformed) else "not one JSON object"
        raise ExportError(f"line {place}: {said}; the export is refused as a whole") from None


class _Malformed(Exception):  # noqa: N818 - never leaves this module
    """What is wrong with a line."""


def _object(pairs: list[tuple[str, Any]]) -> _Body:
    body = dict(pairs)
    if len(body) != len(pairs):
        raise _Malformed("a key stands twice in one object")
    return body


def _no_constant(name: str) -> None:
    raise _Malformed(f"{name} is no JSON")


_decode = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant).raw_decode


def _digest(tag: str, *parts: bytes) -> bytes:
    return _hash(tag.encode() + b":" + b"".join(parts))


def _hash(data: bytes) -> bytes:
    return blake2b(data, digest_size=32).digest()


def _hold(is_so: object, otherwise: str) -> None:
    if not is_so:
        raise _Malformed(otherwise)


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise _Malformed("a flag is neither true nor false")
    return value


def _count(value: object) -> int:
    if type(value) is not int or not 0 <= value < _MAX_NUMBER:
        raise _Malformed(f"{str(value)[:40]!r} is no number here")
    return value


def _list(value: object, otherwise: str) -> list[Any]:
    if type(value) is not list:
        raise _Malformed(otherwise)
    return list(cast("Iterable[Any]", value))


def _text(value: object) -> str:
    if type(value) is not str:
        raise _Malformed("a text is missing")
    return value


@dataclass(slots=True)
class _Declared:
    """A constant as it is being read."""

    name: Name
    kind: Kind
    body: _Body
    terms: list[int]
    names: list[Name]
    params: tuple[Name, ...]
    payload: bytes
    own: bytes
    """Digest of the name."""
    is_safe: bool = True


class _Reader:
    """Reads line after line; ids are places in the lists."""

    def __init__(self) -> None:
        self._names: list[Name] = [()]
        self._name_digests: list[bytes] = [_digest("anonymous")]
        self._known_names: set[Name] = {()}
        self._levels: list[bytes] = [_digest("zero")]
        self._digests: list[bytes] = []
        self._parts: list[tuple[int, ...]] = []
        self._loose: list[int] = []  # how many binders an expression still needs around it
        self._heads: dict[int, Name] = {}
        self._meta: tuple[str, str, str] | None = None
        self._constants: dict[Name, Constant] = {}
        self._blocks: list[list[Constant]] = []

    def read(self, value: object) -> None:
        """Take one line."""
        if type(value) is not dict:
            raise _Malformed("a line is one JSON object")
        body = cast("_Body", value)
        if self._meta is None:
            self._read_meta(body)
        elif len(body) == 2:
            (key, content), (id_key, number) = body.items()
            if key in _IDS:
                key, content, id_key, number = id_key, number, key, content
            self._read_part(key, content, id_key, number)
        elif len(body) == 1:
            ((key, content),) = body.items()
            self._read_declaration(key, content)
        else:
            raise _Malformed("a line has one key, or one and an id")

    def finish(self) -> Export:
        """Return the export, if everything that is mentioned is declared, and before that."""
        if self._meta is None:
            raise _Malformed("the first line is not the object `meta`")
        self._check_order()
        version, commit, exporter = self._meta
        return Export(
            lean_version=version,
            lean_hash=commit,
            exporter=exporter,
            constants=self._constants,
            digests=tuple(self._digests),
            parts=tuple(self._parts),
            heads=self._heads,
        )

    def _read_meta(self, body: _Body) -> None:
        meta = _fields(_fields(body, "meta")["meta"], "exporter", "format", "lean")
        exporter = _fields(meta["exporter"], "name", "version")
        lean = _fields(meta["lean"], "githash", "version")
        version = _text(_fields(meta["format"], "version")["version"])
        if not FORMAT.fullmatch(version):
            raise _Malformed(f"format {version[:20]!r} is not 3.1")
        said = f"{_text(exporter['name'])} {_text(exporter['version'])}"
        self._meta = (_text(lean["version"]), _text(lean["githash"]), said)

    def _read_part(self, key: str, content: _Any, id_key: str, number: object) -> None:
        if id_key == "ie":
            expected = len(self._digests)
        elif id_key == "in":
            expected = len(self._names)
        elif id_key == "il":
            expected = len(self._levels)
        else:
            raise _Malformed("a name, level or expression has its id, in, il or ie")
        if type(number) is not int or number != expected:
            raise _Malformed(f"{id_key!r} is {str(number)[:40]}, not {expected}, the next")
        if id_key == "ie":
            digest, parts, loose, head = self._expression(key, content)
            if head is not None:
                self._heads[expected] = head
            self._digests.append(digest)
            self._parts.append(parts)
            self._loose.append(loose)
        elif id_key == "in":
            self._read_name(key, content)
        else:
            self._levels.append(self._level(key, content))

    # Names and levels

    def _read_name(self, key: str, content: object) -> None:
        part: str | int
        if key == "str":
            body = _fields(content, "pre", "str")
            part = _text(body["str"])
            said = part.encode()
        elif key == "num":
            body = _fields(content, "pre", "i")
            part = _count(body["i"])
            said = str(part).encode()
        else:
            raise _Malformed(f"{key[:40]!r} is no kind of name")
        prefix = self._id(body["pre"], self._names)
        name = (*self._names[prefix], part)
        _hold(name not in self._known_names, f"the name {show_name(name)[:80]} stands twice")
        self._known_names.add(name)
        self._names.append(name)
        self._name_digests.append(_digest(key, self._name_digests[prefix], said))

    def _level(self, key: str, content: object) -> bytes:
        levels = self._levels
        if key == "succ":
            return _digest(key, levels[self._id(content, levels)])
        if key in {"max", "imax"}:
            two = _list(content, f"{key} has two levels")
            _hold(len(two) == 2, f"{key} has two levels")
            return _digest(key, *(levels[self._id(one, levels)] for one in two))
        if key == "param":
            return _digest(key, self._name_digests[self._id(content, self._names)])
        raise _Malformed(f"{key[:40]!r} is no kind of level")

    def _id(self, value: object, among: list[Any]) -> int:
        if type(value) is not int or not 0 <= value < len(among):
            raise _Malformed(f"the id {str(value)[:40]} was not given out before")
        return value

    # Expressions

    def _expression(self, key: str, content: _Any) -> _Expression:
        digests, loose = self._digests, self._loose
        known = len(digests)
        if key == "app":
            return self._application(content)
        if key in {"lam", "forallE"}:
            try:
                kind, inner, name = content["type"], content["body"], content["name"]
                fits = len(content) == 4 and content["binderInfo"] in _BINDERS
            except (KeyError, TypeError, IndexError):
                raise _Malformed(f"{key} lacks a field") from None
            fits = fits and type(kind) is int and type(inner) is int
            if not (fits and 0 <= kind < known and 0 <= inner < known):
                raise _Malformed(f"{key} has a name, a binderInfo, and the ids type and body")
            self._id(name, self._names)
            digest = _hash(key.encode() + b":" + digests[kind] + digests[inner])
            needed, other = loose[kind], loose[inner] - 1
            return digest, (kind, inner), max(other, needed), None
        if key == "const":
            body = _fields(content, "name", "us")
            name = self._id(body["name"], self._names)
            us = _list(body["us"], "`us` is a list of levels")
            levels = [self._levels[self._id(one, self._levels)] for one in us]
            return _digest("const", self._name_digests[name], *levels), (), 0, self._names[name]
        if key == "bvar":
            index = _count(content)
            return _digest("bvar", str(index).encode()), (), index + 1, None
        if key == "sort":
            return _digest("sort", self._levels[self._id(content, self._levels)]), (), 0, None
        return self._rare_expression(key, content)

    def _application(self, content: _Any) -> _Expression:
        digests, loose = self._digests, self._loose
        known = len(digests)
        try:
            function, argument = content["fn"], content["arg"]
        except (KeyError, TypeError, IndexError):
            raise _Malformed("app lacks a field") from None
        fits = len(content) == 2 and type(function) is int and type(argument) is int
        if not (fits and 0 <= function < known and 0 <= argument < known):
            raise _Malformed("app has the ids fn and arg, given out before")
        digest = _hash(b"app:" + digests[function] + digests[argument])
        needed, other = loose[function], loose[argument]
        return digest, (function, argument), max(other, needed), None

    def _rare_expression(self, key: str, content: _Any) -> _Expression:
        digests, loose = self._digests, self._loose
        if key == "letE":
            body = _fields(content, "name", "type", "value", "body", "nondep")
            self._id(body["name"], self._names)
            _flag(body["nondep"])
            parts = tuple(self._id(body[part], digests) for part in ("type", "value", "body"))
            kind, value, inner = parts
            digest = _digest("letE", *(digests[part] for part in parts))
            return digest, parts, max(loose[kind], loose[value], loose[inner] - 1), None
        if key == "proj":
            body = _fields(content, "typeName", "idx", "struct")
            name, inner = self._id(body["typeName"], self._names), self._id(body["struct"], digests)
            index = str(_count(body["idx"])).encode()
            digest = _digest("proj", self._name_digests[name], digests[inner], index)
            return digest, (inner,), loose[inner], self._names[name]
        if key == "natVal":
            digits = _text(content)
            _hold(_NATURAL.fullmatch(digits) is not None, "natVal is not a number in digits")
            return _digest("natVal", digits.encode()), (), 0, NAT
        if key == "strVal":
            return _digest("strVal", _text(content).encode()), (), 0, STRING
        if key == "mdata":
            body = _fields(content, "expr", "data")
            _hold(type(body["data"]) is dict, "the data of mdata is an object")
            inner = self._id(body["expr"], digests)
            return digests[inner], (inner,), loose[inner], None
        raise _Malformed(f"{key[:40]!r} is no kind of expression")

    # Declarations

    def _read_declaration(self, key: str, content: object) -> None:
        if key == "inductive":
            block = list(self._read_inductive(content))
        elif key in _DECLARATIONS:
            kind, fields = _DECLARATIONS[key]
            block = [self._read_constant(kind, fields, content)]
        else:
            raise _Malformed(f"{key[:40]!r} is no kind of declaration")
        shared = _digest("block", *(one.payload for one in block))
        members = tuple(one.name for one in block)
        constants = [self._constant(one, shared, members) for one in block]
        for constant in constants:
            said = f"{show_name(constant.name)[:80]} is declared twice"
            _hold(constant.name not in self._constants, said)
            self._constants[constant.name] = constant
        self._blocks.append(constants)

    def _constant(self, one: _Declared, shared: bytes, members: tuple[Name, ...]) -> Constant:
        statement = _digest("statement", one.own, _params(one.params), self._digests[one.terms[0]])
        for term in one.terms:
            _hold(self._loose[term] == 0, f"{show_name(one.name)[:80]} has a loose variable")
        own_block = tuple(name for name in members if name != one.name)
        return Constant(
            name=one.name,
            kind=one.kind,
            type=one.terms[0],
            values=tuple(one.terms[1:]),
            mentions=(*own_block, *(name for name in one.names if name != one.name)),
            statement=statement,
            digest=_digest("constant", one.own, shared),
            is_safe=one.is_safe,
        )

    def _read_constant(self, kind: Kind, fields: Mapping[str, _Field], content: _Any) -> _Declared:
        body = _fields(content, *fields)
        number = self._id(body["name"], self._names)
        name, own = self._names[number], self._name_digests[number]
        _hold(name != (), "a declaration has no name")
        said = "levelParams is a list of different names"
        params = _list(body["levelParams"], said)
        names = tuple(self._names[self._id(one, self._names)] for one in params)
        _hold(len(set(names)) == len(names), said)
        declared = _Declared(
            name, kind, body, [self._id(body["type"], self._digests)], [], names, b"", own
        )
        pieces = [kind.encode()]
        for field, reader in fields.items():
            piece = reader(self, declared, body[field])
            pieces.append(_digest(field, piece))
        declared.payload = _digest("declaration", *pieces)
        return declared

    def _read_inductive(self, content: object) -> Iterator[_Declared]:
        body = _fields(content, "types", "ctors", "recs")
        groups: dict[str, list[_Declared]] = {}
        for key, (kind, fields) in _MEMBERS.items():
            members = _list(body[key], f"{key!r} is a list")
            groups[key] = [self._read_constant(kind, fields, one) for one in members]
        types, ctors, recs = groups["types"], groups["ctors"], groups["recs"]
        _hold(bool(types), "an inductive declaration declares no type")
        listed: list[Name] = [self._names[i] for one in types for i in one.body["ctors"]]
        said = "the constructors are not those that their types list"
        _hold(listed == [one.name for one in ctors], said)
        for one in types:
            own = [ctor for ctor in ctors if self._names[ctor.body["induct"]] == one.name]
            _hold([ctor.name for ctor in own] == [self._names[i] for i in one.body["ctors"]], said)
            _hold([ctor.body["cidx"] for ctor in own] == list(range(len(own))), said)
            _hold(all(ctor.body["numParams"] == one.body["numParams"] for ctor in own), said)
        yield from (*types, *ctors, *recs)

    def _check_order(self) -> None:
        """Hold every declaration to mention only what is declared before it, or with it.

        That also keeps a proof from resting on itself.
        """
        given = {
            constant.name: order for order, block in enumerate(self._blocks) for constant in block
        }
        never = len(self._blocks)
        needs: list[int] = []  # the last declaration that an expression mentions
        for index, parts in enumerate(self._parts):
            latest = -1
            for part in parts:
                latest = max(latest, needs[part])
            if index in self._heads:
                latest = max(latest, given.get(self._heads[index], never))
            needs.append(latest)
        for order, block in enumerate(self._blocks):
            # Only an inductive declaration is allowed to mention itself.
            last = order if block[0].kind is Kind.INDUCTIVE else order - 1
            for constant in block:
                for term in (constant.type, *constant.values):
                    if needs[term] > last:
                        what = self._culprit(term, given, last)
                        said = f"{show_name(constant.name)[:80]} mentions {what}"
                        raise _Malformed(f"{said}, which is not declared before it")
                for name in constant.mentions:
                    if given.get(name, never) > order:
                        said = f"{show_name(constant.name)[:80]} mentions {show_name(name)[:80]}"
                        raise _Malformed(f"{said}, which is not declared before it")

    def _culprit(self, term: int, given: Mapping[Name, int], last: int) -> str:
        stack, seen = [term], set[int]()
        while stack:
            one = stack.pop()
            head = self._heads.get(one)
            if head is not None and given.get(head, len(self._blocks)) > last:
                return show_name(head)[:80]
            if one not in seen:
                seen.add(one)
                stack += self._parts[one]
        return "something"

    # What a declaration's fields hold. Each returns what goes into the digest.

    def name_field(self, _: _Declared, value: object) -> bytes:
        return self._name_digests[self._id(value, self._names)]

    def names_field(self, _: _Declared, value: object) -> bytes:
        names = _list(value, "a list of names is missing")
        return b"".join(self._name_digests[self._id(one, self._names)] for one in names)

    def constant_field(self, declared: _Declared, value: object) -> bytes:
        declared.names.append(self._names[self._id(value, self._names)])
        return self.name_field(declared, value)

    def constants_field(self, declared: _Declared, value: object) -> bytes:
        digest = self.names_field(declared, value)
        declared.names += (self._names[one] for one in cast("list[int]", value))
        return digest

    def type_field(self, _: _Declared, value: object) -> bytes:
        return self._digests[self._id(value, self._digests)]

    def value_field(self, declared: _Declared, value: object) -> bytes:
        declared.terms.append(self._id(value, self._digests))
        return self._digests[declared.terms[-1]]

    def rules_field(self, declared: _Declared, value: object) -> bytes:
        pieces: list[bytes] = []
        for rule in _list(value, "the rules of a recursor are a list"):
            body = _fields(rule, "ctor", "nfields", "rhs")
            count = _digest("nfields", str(_count(body["nfields"])).encode())
            ctor = self.constant_field(declared, body["ctor"])
            pieces += (ctor, count, self.value_field(declared, body["rhs"]))
        return b"".join(pieces)

    def count_field(self, _: _Declared, value: object) -> bytes:
        return str(_count(value)).encode()

    def flag_field(self, _: _Declared, value: object) -> bytes:
        return str(_flag(value)).encode()

    def unsafe_field(self, declared: _Declared, value: object) -> bytes:
        declared.is_safe = not _flag(value)
        return self.flag_field(declared, value)

    def safety_field(self, declared: _Declared, value: object) -> bytes:
        _hold(value in ("safe", "unsafe", "partial"), "there is no such safety")
        declared.is_safe = value == "safe"
        return str(value).encode()

    def hints_field(self, _: _Declared, value: object) -> bytes:
        if value in ("opaque", "abbrev"):
            return str(value).encode()
        return b"regular" + str(_count(_fields(value, "regular")["regular"])).encode()

    def quotient_field(self, declared: _Declared, value: object) -> bytes:
        said = "Quot has the parts Quot, Quot.mk, Quot.lift and Quot.ind, each by its name"
        _hold(type(value) is str and _QUOTIENT.get(value) == declared.name, said)
        return str(value).encode()


def _fields(value: object, *names: str) -> _Body:
    """Return an object that has just these keys."""
    if type(value) is not dict:
        raise _Malformed(f"not an object of just {', '.join(names)}")
    body = cast("_Body", value)
    if len(body) != len(names):
        raise _Malformed(f"not an object of just {', '.join(names)}")
    for name in names:
        if name not in body:
            raise _Malformed(f"the key {name!r} is missing")
    return body


def _params(names: tuple[Name, ...]) -> bytes:
    return _digest("params", json.dumps(names).encode())


_Field: TypeAlias = Callable[[_Reader, _Declared, Any], bytes]
_QUOTIENT: dict[str, Name] = {
    "type": ("Quot",),
    "ctor": ("Quot", "mk"),
    "lift": ("Quot", "lift"),
    "ind": ("Quot", "ind"),
}
_SIGNATURE: dict[str, _Field] = {
    "name": _Reader.name_field,
    "levelParams": _Reader.names_field,
    "type": _Reader.type_field,
}
_DECLARATIONS: dict[str, tuple[Kind, dict[str, _Field]]] = {
    "axiom": (Kind.AXIOM, {**_SIGNATURE, "isUnsafe": _Reader.unsafe_field}),
    "def": (
        Kind.DEFINITION,
        {
            **_SIGNATURE,
            "value": _Reader.value_field,
            "hints": _Reader.hints_field,
            "safety": _Reader.safety_field,
            "all": _Reader.names_field,
        },
    ),
    "thm": (
        Kind.THEOREM,
        {**_SIGNATURE, "value": _Reader.value_field, "all": _Reader.names_field},
    ),
    "opaque": (
        Kind.OPAQUE,
        {
            **_SIGNATURE,
            "value": _Reader.value_field,
            "isUnsafe": _Reader.unsafe_field,
            "all": _Reader.names_field,
        },
    ),
    "quot": (Kind.QUOTIENT, {**_SIGNATURE, "kind": _Reader.quotient_field}),
}
_MEMBERS: dict[str, tuple[Kind, dict[str, _Field]]] = {
    "types": (
        Kind.INDUCTIVE,
        {
            **_SIGNATURE,
            "numParams": _Reader.count_field,
            "numIndices": _Reader.count_field,
            "all": _Reader.constants_field,
            "ctors": _Reader.constants_field,
            "numNested": _Reader.count_field,
            "isRec": _Reader.flag_field,
            "isUnsafe": _Reader.unsafe_field,
            "isReflexive": _Reader.flag_field,
        },
    ),
    "ctors": (
        Kind.CONSTRUCTOR,
        {
            **_SIGNATURE,
            "induct": _Reader.constant_field,
            "cidx": _Reader.count_field,
            "numParams": _Reader.count_field,
            "numFields": _Reader.count_field,
            "isUnsafe": _Reader.unsafe_field,
        },
    ),
    "recs": (
        Kind.RECURSOR,
        {
            **_SIGNATURE,
            "all": _Reader.constants_field,
            "numParams": _Reader.count_field,
            "numIndices": _Reader.count_field,
            "numMotives": _Reader.count_field,
            "numMinors": _Reader.count_field,
            "rules": _Reader.rules_field,
            "k": _Reader.flag_field,
            "isUnsafe": _Reader.unsafe_field,
        },
    ),
}
