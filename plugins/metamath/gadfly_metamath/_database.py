"""Metamath databases, read by the rules of the language.

The rules are those of Norman Megill and David A. Wheeler, "Metamath: A Computer Language for
Mathematical Proofs" (2019), section 4. Files that include others (`$[ ... $]`) are refused: a
database is one text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Expression = tuple[str, ...]
_FOREIGN = re.compile(r"[^\t\n\f\r -~]")
_LABEL = re.compile(r"[A-Za-z0-9._-]+")


class DatabaseError(Exception):
    """A database breaks the language's rules."""


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A `$f` or `$e` statement."""

    label: str
    expression: Expression
    floating: bool
    """Whether it gives a variable its type (`$f`)."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """An `$a` or `$p` statement with its frame: what it takes to use it."""

    label: str
    number: int
    """Its place among all assertions: a proof uses earlier ones only."""
    expression: Expression
    hypotheses: tuple[Hypothesis, ...]
    """The mandatory ones, in order."""
    distinct: frozenset[frozenset[str]]
    """Pairs of its variables that must stay apart (`$d`)."""


@dataclass(slots=True)
class Scope:
    """What is active at one place of a database."""

    variables: set[str] = field(default_factory=set[str])
    hypotheses: dict[str, Hypothesis] = field(default_factory=dict[str, Hypothesis])
    typed: set[str] = field(default_factory=set[str])
    """Variables with an active `$f`."""
    distinct: set[frozenset[str]] = field(default_factory=set[frozenset[str]])

    def copy(self) -> Scope:
        """Return an equal scope that changes alone."""
        return Scope(
            set(self.variables), dict(self.hypotheses), set(self.typed), set(self.distinct)
        )


@dataclass(frozen=True, slots=True)
class Theorem:
    """A `$p` statement with all that a proof of it may use."""

    assertion: Assertion
    proof: tuple[str, ...]
    """The proof in the database; `("?",)` where there is none yet."""
    scope: Scope
    assertions: Mapping[str, Assertion]
    """By label; later ones may be there and do not count."""


def theorems(text: str) -> Iterator[Theorem]:
    """Read a database and give its theorems in order, unverified.

    Raises:
        DatabaseError: The text breaks the language's rules.
    """
    if (foreign := _FOREIGN.search(text)) is not None:
        raise DatabaseError(f"{foreign[0]!r} is no character of Metamath")
    return _Reader(_tokens(text)).read()


def _tokens(text: str) -> Iterator[str]:
    tokens = iter(text.split())
    for token in tokens:
        if token != "$(":
            yield token
            continue
        for inner in tokens:
            if "$(" in inner:
                raise DatabaseError("a comment holds another one")
            if inner == "$)":
                break
        else:
            raise DatabaseError("a comment does not end")


class _Reader:
    def __init__(self, tokens: Iterator[str]) -> None:
        self.tokens = tokens
        self.constants: set[str] = set()
        self.symbols: set[str] = set()
        self.labels: set[str] = set()
        self.assertions: dict[str, Assertion] = {}
        self.scopes = [Scope()]

    def read(self) -> Iterator[Theorem]:
        for token in self.tokens:
            match token:
                case "$c" | "$v":
                    self._declare(token, self._until("$."))
                case "${":
                    self.scopes.append(self.scopes[-1].copy())
                case "$}" if len(self.scopes) > 1:
                    self.scopes.pop()
                case "$d":
                    self._keep_apart(self._until("$."))
                case _ if token.startswith("$"):
                    raise DatabaseError(f"{token} cannot stand here")
                case _:
                    yield from self._labelled(token, next(self.tokens, ""))
        if len(self.scopes) > 1:
            raise DatabaseError("a block does not end")

    def _declare(self, kind: str, names: Expression) -> None:
        scope = self.scopes[-1]
        if kind == "$c" and len(self.scopes) > 1:
            raise DatabaseError("constants are declared outside of all blocks")
        for name in names:
            # A variable may be declared again where it is no longer active; a constant never.
            taken = name in (self.symbols if kind == "$c" else self.constants | scope.variables)
            if "$" in name or taken or name in self.labels:
                raise DatabaseError(f"the symbol {name} is taken, or is no symbol")
            (self.constants if kind == "$c" else scope.variables).add(name)
            self.symbols.add(name)

    def _keep_apart(self, names: Expression) -> None:
        scope = self.scopes[-1]
        if len(set(names)) != len(names) or not set(names) <= scope.variables:
            raise DatabaseError(f"$d {' '.join(names)} is no list of different active variables")
        scope.distinct |= {frozenset((a, b)) for a in names for b in names if a < b}

    def _labelled(self, label: str, kind: str) -> Iterator[Theorem]:
        if not _LABEL.fullmatch(label) or label in self.labels or label in self.symbols:
            raise DatabaseError(f"the label {label} is taken, or is no label")
        if kind not in {"$f", "$e", "$a", "$p"}:
            raise DatabaseError(f"after the label {label} there is {kind or 'nothing'}")
        scope = self.scopes[-1]
        expression = self._until("$=" if kind == "$p" else "$.")
        if kind == "$f":
            self._check_type(label, expression)
            scope.typed.add(expression[1])
        else:
            self._check(label, expression)
        if kind in {"$f", "$e"}:
            scope.hypotheses[label] = Hypothesis(label, expression, kind == "$f")
        else:
            assertion = self._frame(label, expression)
            if kind == "$p":
                proof = self._until("$.")
                yield Theorem(assertion, proof, scope.copy(), self.assertions)
            self.assertions[label] = assertion
        self.labels.add(label)

    def _frame(self, label: str, expression: Expression) -> Assertion:
        scope = self.scopes[-1]
        active = scope.hypotheses.values()
        stated = [expression, *(h.expression for h in active if not h.floating)]
        used = scope.variables & {symbol for one in stated for symbol in one}
        needed = tuple(h for h in active if not h.floating or h.expression[1] in used)
        distinct = frozenset(pair for pair in scope.distinct if pair <= used)
        return Assertion(label, len(self.assertions), expression, needed, distinct)

    def _check_type(self, label: str, expression: Expression) -> None:
        scope = self.scopes[-1]
        match expression:
            case (kind, variable) if kind in self.constants and variable in scope.variables:
                if variable in scope.typed:
                    raise DatabaseError(f"{label}: {variable} has a type already")
            case _:
                raise DatabaseError(f"{label}: a $f has a constant and an active variable")

    def _check(self, label: str, expression: Expression) -> None:
        if not expression or expression[0] not in self.constants:
            raise DatabaseError(f"{label}: an expression begins with a constant")
        unknown = set(expression) - self.constants - self.scopes[-1].typed
        if unknown:
            raise DatabaseError(f"{label}: {min(unknown)} is not declared, or has no type")

    def _until(self, end: str) -> Expression:
        found: list[str] = []
        for token in self.tokens:
            if token == end:
                return tuple(found)
            if token.startswith("$"):
                raise DatabaseError(f"{token} before {end}")
            found.append(token)
        raise DatabaseError(f"the text ends before {end}")
