"""Programs read from text: strictly, by one small grammar, and never evaluated.

    Predicates:                     Domain:
    Cold($x, bool) ::: Is x cold?   1: leftmost
    Facts:                          Variables:
    Cold(Bob, True)                 owl [IN] [1, 2]
    Rules:                          quail [IN] [1, 2]
    Cold($x, True) >>> Big($x, True)Constraints:
    Query:                          owl < quail ::: The owl is to the left of the quail.
    Big(Bob, True)                  AllDifferentConstraint([owl, quail])
                                    Query:
                                    A) owl == 1 ::: The owl is the leftmost.

These are the programs of Logic-LM's prompts. What follows `:::` is the statement in words. A term
that is no truth value is a name; a literal without a truth value is true; `!` negates.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gadfly import InputError
from gadfly_logic._language import (
    Clause,
    Comparison,
    Condition,
    Constraints,
    Literal,
    Program,
    Rules,
    Source,
    Sum,
)

MAX_CHARACTERS = 100_000
"""Characters that a program may have."""
MAX_LINES = 2_000
"""Lines that it may have."""
MAX_DIGITS = 12
"""Digits that a number may have."""

HEADERS = ("Predicates", "Facts", "Rules", "Query", "Domain", "Variables", "Constraints")
_HEADER = re.compile(rf"\s*({'|'.join(HEADERS)})\s*:\s*")
_LITERAL = re.compile(r"(?P<not>!?)\s*(?P<predicate>[^\W\d]\w*)\s*\((?P<terms>[^()]*)\)")
_TERM = re.compile(r"\$?\w[\w .'-]*")
_VARIABLE = re.compile(r"(?P<name>[^\W\d]\w*)\s*\[IN\]\s*\[(?P<values>[-\d,\s]*)\]")
_DOMAIN = re.compile(r"-?\d+\s*:.*")
_OPTION = re.compile(r"(?P<label>[A-Z])\)\s*(?P<condition>.+)")
_DIFFERENT = re.compile(r"AllDifferentConstraint\(\s*\[(?P<names>[^\[\]()]*)\]\s*\)")
_COMPARISON = re.compile(r"(==|!=|<=|>=|<|>)")
_SUMMAND = re.compile(
    r"\s*(?P<sign>[-+]?)\s*(?:(?P<number>\d+)\s*(?:\*\s*(?P<of>[^\W\d]\w*))?|(?P<name>[^\W\d]\w*))\s*"
)
_TRUTH = {"True": True, "False": False}


class ProgramError(InputError):
    """Text is not a program; the message says where and why."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}")
        self.line = line
        self.reason = message


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    code: str
    words: str

    @property
    def source(self) -> Source:
        return Source(self.number, self.words or self.code)

    def error(self, message: str) -> ProgramError:
        return ProgramError(self.number, f"{message}: {_shown(self.code)}")


def parse(text: str) -> Program:
    """Read a program.

    Raises:
        ProgramError: The text is none; its message names the line.
    """
    if len(text) > MAX_CHARACTERS or text.count("\n") >= MAX_LINES:
        limits = f"{MAX_CHARACTERS:,} characters or {MAX_LINES:,} lines"
        raise ProgramError(1, f"a program has at most {limits}")
    sections = _sections(text)
    if "Variables" in sections:
        return _constraints(sections)
    if "Facts" in sections or "Predicates" in sections:
        return _rules(sections)
    raise ProgramError(1, "there are neither facts nor variables")


def _sections(text: str) -> dict[str, list[_Line]]:
    sections: dict[str, list[_Line]] = {}
    current: list[_Line] | None = None
    for number, raw in enumerate(text.split("\n"), 1):
        header = _HEADER.fullmatch(raw)
        code, _, words = raw.partition(":::")
        line = _Line(number, code.strip(), words.strip())
        if header is not None:
            if header[1] in sections:
                raise line.error("a second section of that name")
            current = sections[header[1]] = []
        elif line.code:
            if current is None:
                raise line.error("the program begins with the name of a section")
            current.append(line)
    return sections


def _query(sections: dict[str, list[_Line]]) -> list[_Line]:
    lines = sections.get("Query")
    if not lines:
        raise ProgramError(1, "there is no query")
    return lines


def _rules(sections: dict[str, list[_Line]]) -> Rules:
    clauses = [Clause((), _ground(line), line.source) for line in sections.get("Facts", ())]
    for line in sections.get("Rules", ()):
        clauses += _rule(line)
    query = _query(sections)[0]  # What follows it is the draft's own talk.
    return Rules(tuple(clauses), _ground(query), query.source, _declared(sections))


def _ground(line: _Line) -> Literal:
    literal = _literal(line.code, line)
    if literal.variables:
        raise line.error("no variable may be in a fact or a query")
    return literal


def _rule(line: _Line) -> Iterator[Clause]:
    body, arrow, head = line.code.partition(">>>")
    if not arrow:
        raise line.error("a rule has `>>>` between its conditions and what follows")
    conditions = tuple(_literal(part, line) for part in body.split("&&"))
    for part in head.split("&&"):
        yield Clause(conditions, _literal(part, line), line.source)


def _literal(code: str, line: _Line) -> Literal:
    match = _LITERAL.fullmatch(code.strip())
    if match is None:
        raise line.error("it is no literal like `Cold($x, True)`")
    terms = [term.strip() for term in match["terms"].split(",")]
    value = _TRUTH.get(terms[-1])
    if value is not None:
        terms.pop()
    if not all(_TERM.fullmatch(term) and term not in _TRUTH for term in terms):
        raise line.error("a term is a name or a variable like `$x`")
    return Literal(match["predicate"], tuple(terms), (value is not False) != bool(match["not"]))


def _declared(sections: dict[str, list[_Line]]) -> dict[str, int]:
    declared: dict[str, int] = {}
    for line in sections.get("Predicates", ()):
        match = _LITERAL.fullmatch(line.code)
        if match is None:
            raise line.error("it declares no predicate like `Cold($x, bool)`")
        terms = [term.strip() for term in match["terms"].split(",")]
        declared[match["predicate"]] = len(terms) - (terms[-1] == "bool")
    return declared


def _constraints(sections: dict[str, list[_Line]]) -> Constraints:
    for line in sections.get("Domain", ()):
        if not _DOMAIN.fullmatch(line.code):
            raise line.error("a line of the domain is a whole number, a colon and its meaning")
    domains: dict[str, tuple[int, ...]] = {}
    for line in sections["Variables"]:
        match = _VARIABLE.fullmatch(line.code)
        if match is None:
            raise line.error("it is no variable like `owl [IN] [1, 2, 3]`")
        if match["name"] in domains:
            raise line.error("a second variable of that name")
        parts = match["values"].split(",")
        domains[match["name"]] = tuple(_integer(part, line) for part in parts)
    conditions = tuple(_condition(line, domains) for line in sections.get("Constraints", ()))
    options: dict[str, Condition] = {}
    for line in _query(sections):
        match = _OPTION.fullmatch(line.code)
        if match is None and options:
            break  # What follows the options is the draft's own talk.
        if match is None or match["label"] in options:
            raise line.error("an option has a letter of its own, like `A) owl == 1`")
        options[match["label"]] = _condition(
            _Line(line.number, match["condition"], line.words), domains
        )
    return Constraints(domains, conditions, options)


def _condition(line: _Line, domains: dict[str, tuple[int, ...]]) -> Condition:
    different = _DIFFERENT.fullmatch(line.code)
    if different is not None:
        names = tuple(name.strip() for name in different["names"].split(","))
        for name in names:
            _known(name, line, domains)
        return Condition((), line.source, names)
    first, *rest = _COMPARISON.split(line.code)
    if not rest:
        raise line.error("a constraint compares, like `owl < quail`")
    sums = [_sum(part, line, domains) for part in (first, *rest[1::2])]
    ops = rest[::2]
    comparisons = tuple(
        Comparison(left, op, right) for left, op, right in zip(sums, ops, sums[1:], strict=False)
    )
    return Condition(comparisons, line.source)


def _sum(code: str, line: _Line, domains: dict[str, tuple[int, ...]]) -> Sum:
    factors: dict[str, int] = {}
    constant, at = 0, 0
    while at < len(code) or at == 0:
        match = _SUMMAND.match(code, at)
        if match is None or (at > 0 and not match["sign"]):
            raise line.error("it is no sum of numbers and variables")
        sign = -1 if match["sign"] == "-" else 1
        name = match["name"] or match["of"]
        number = 1 if match["number"] is None else _integer(match["number"], line)
        if name is None:
            constant += sign * number
        else:
            factors[_known(name, line, domains)] = factors.get(name, 0) + sign * number
        at = match.end()
    return Sum(tuple(sorted(factors.items())), constant)


def _known(name: str, line: _Line, domains: dict[str, tuple[int, ...]]) -> str:
    if name not in domains:
        raise line.error(f"there is no variable {_shown(name)}")
    return name


def _integer(text: str, line: _Line) -> int:
    text = text.strip()
    if not re.fullmatch(rf"-?[0-9]{{1,{MAX_DIGITS}}}", text):
        raise line.error(f"no whole number of at most {MAX_DIGITS} digits")
    return int(text)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 80 else f"{text[:79]}…")
