"""Facts and rules as propositions for z3, in two readings.

derives   what follows by applying rules forwards: `a >>> b` and `not b` say nothing of `a`
entails   what follows in classical logic: they say `not a`

The first is what rule engines and the data sets PrOntoQA and ProofWriter mean. In it a literal and
its negation are two propositions, all clauses are Horn, and a literal is in the least model exactly
if the clauses cannot hold without it: so z3 decides both, and its core names the rules that did it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import product
from typing import Any

from gadfly_logic._language import Clause, Literal
from gadfly_logic._z3 import Z3, Core, Model, SolverLimits, UndecidedError

MAX_GROUND = 20_000
"""Clauses that there may be once all variables stand for things."""
MAX_CONFLICTS = 100
"""Literals that are tried for a conflict."""


class Theory:
    """What clauses say of the things that they name.

    Raises:
        UndecidedError: There would be too many clauses.
        ToolError: z3 is not installed, or does not work.
    """

    def __init__(
        self, clauses: Iterable[Clause], limits: SolverLimits, things: Iterable[str] = ()
    ) -> None:
        self.clauses = tuple(clauses)
        self._limits = limits
        named = {
            term
            for clause in self.clauses
            for one in (*clause.body, clause.head)
            for term in one.terms
            if not term.startswith("$")
        }
        self._things = sorted(named.union(things))
        size = sum(len(self._things) ** len(clause.variables) for clause in self.clauses)
        if size > MAX_GROUND:
            raise UndecidedError(f"{size:,} clauses are more than {MAX_GROUND:,}")

    def derives(self, literal: Literal) -> Core | None:
        """Return the clauses by which a literal follows forwards; None where it does not."""
        z3 = self._forwards
        return _core(z3.check(z3.api.Not(z3.truth(str(literal)))))

    def entails(self, literal: Literal, given: Iterable[Literal] = ()) -> Core | None:
        """Return the clauses by which a literal follows classically; None where it does not."""
        z3 = self._classical
        assumed = [_truth(z3, one) for one in (*given, literal.negated())]
        return _core(z3.check(*assumed))

    def conflict(self) -> Core | None:
        """Return clauses by which a literal and its opposite follow forwards; None for none."""
        heads = {head for _, _, head in self._ground()}
        both = sorted((one for one in heads if one.value and one.negated() in heads), key=str)
        for literal in both[:MAX_CONFLICTS]:
            shown = self.derives(literal)
            refuted = self.derives(literal.negated()) if shown is not None else None
            if shown is not None and refuted is not None:
                return tuple(sorted({*shown, *refuted}))
        return None

    def contradiction(self) -> Core | None:
        """Return clauses that cannot all be true; None where all can."""
        return _core(self._classical.check())

    @cached_property
    def _forwards(self) -> Z3:
        z3 = Z3(self._limits)
        for label, body, head in self._ground():
            z3.claim(z3.rule([z3.truth(str(one)) for one in body], z3.truth(str(head))), label)
        return z3

    @cached_property
    def _classical(self) -> Z3:
        z3 = Z3(self._limits)
        for label, body, head in self._ground():
            z3.claim(z3.rule([_truth(z3, one) for one in body], _truth(z3, head)), label)
        return z3

    def _ground(self) -> Iterator[tuple[int, list[Literal], Literal]]:
        for label, clause in enumerate(self.clauses):
            for things in product(self._things, repeat=len(clause.variables)):
                binding = dict(zip(clause.variables, things, strict=True))
                yield label, [one.bound(binding) for one in clause.body], clause.head.bound(binding)


def _core(said: Model | Core) -> Core | None:
    return said if isinstance(said, tuple) else None


def _truth(z3: Z3, literal: Literal) -> Any:  # noqa: ANN401
    atom = z3.truth(str(literal if literal.value else literal.negated()))
    return atom if literal.value else z3.api.Not(atom)
