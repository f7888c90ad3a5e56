"""Programs as values: facts and rules, or variables and constraints, with a query.

    Rules           facts, rules `a && b >>> c`, and one statement to be judged
    Constraints     whole-number variables, linear constraints, and options to choose from

Whatever is read keeps its line and its words, so that a finding can say which statement is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Source:
    """Where a statement stands, and how a person says it."""

    line: int
    """1-based line of the text it was read from."""
    words: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.words}"


@dataclass(frozen=True, slots=True)
class Literal:
    """A predicate of some terms, said to be true or false."""

    predicate: str
    terms: tuple[str, ...]
    """Names of things; a variable begins with `$`."""
    value: bool = True

    def negated(self) -> Literal:
        """Return the opposite."""
        return replace(self, value=not self.value)

    def bound(self, binding: Mapping[str, str]) -> Literal:
        """Return it with things for variables."""
        return replace(self, terms=tuple(binding.get(term, term) for term in self.terms))

    @property
    def variables(self) -> frozenset[str]:
        """The variables among its terms."""
        return frozenset(term for term in self.terms if term.startswith("$"))

    def __str__(self) -> str:
        sign = "" if self.value else "not "
        return f"{sign}{self.predicate}({', '.join(self.terms)})"


@dataclass(frozen=True, slots=True)
class Clause:
    """`body >>> head`, for all things; a fact has no body."""

    body: tuple[Literal, ...]
    head: Literal
    source: Source

    @property
    def variables(self) -> tuple[str, ...]:
        """Its variables, in order."""
        return tuple(sorted({name for one in (*self.body, self.head) for name in one.variables}))


@dataclass(frozen=True, slots=True)
class Rules:
    """Facts and rules, and the statement to be judged by them."""

    clauses: tuple[Clause, ...]
    query: Literal
    query_source: Source
    declared: Mapping[str, int] = field(default_factory=dict[str, int])
    """The number of terms of each predicate that the program declares."""


@dataclass(frozen=True, slots=True)
class Sum:
    """A linear expression: whole-number multiples of variables, and a constant."""

    factors: tuple[tuple[str, int], ...]
    constant: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left op right`."""

    left: Sum
    op: str
    right: Sum


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold: all of the comparisons, and that the named variables differ."""

    comparisons: tuple[Comparison, ...]
    source: Source
    different: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Constraints:
    """Variables with their values, conditions, and labelled conditions to choose from."""

    domains: Mapping[str, tuple[int, ...]]
    conditions: tuple[Condition, ...]
    options: Mapping[str, Condition]


Program = Rules | Constraints
