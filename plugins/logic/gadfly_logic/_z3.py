"""z3 within limits, behind a few words: make terms, `claim` them, `check`.

z3 has no types of its own, so all that is untyped stays in this module. Its limit of steps
(`rlimit`) does not depend on the machine: what is undecided here is undecided elsewhere.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gadfly import InputError, ToolError


@dataclass(frozen=True, slots=True, kw_only=True)
class SolverLimits:
    """What the solver may spend on one program; where it runs out, nothing is known.

    Raises:
        InputError: A limit is not positive.
    """

    milliseconds: int = 10_000
    """Of all questions to it together."""
    steps: int = 3_000_000
    """Of each question, in z3's own measure of work, which is the same on every machine."""
    memory_mib: int = 512

    def __post_init__(self) -> None:
        if min(self.milliseconds, self.steps, self.memory_mib) <= 0:
            raise InputError("a solver's limits are positive numbers")


Model = dict[str, Any]
"""A value for each name."""
Core = tuple[int, ...]
"""The labels of claims that cannot hold together."""


class UndecidedError(Exception):
    """The solver gave up: it ran out of time, steps or memory."""


class Z3:
    """One set of claims, each with a label.

    Raises:
        ToolError: z3 is not installed, or does not work.
    """

    def __init__(self, limits: SolverLimits) -> None:
        try:
            self.api: Any = importlib.import_module("z3")
            # A context of its own: nothing that was solved before can change what comes out.
            self._context = self.api.Context()
            self._solver = self.api.Solver(ctx=self._context)
            self._solver.set("rlimit", limits.steps)
            # Not z3's limit for the whole process, which ends the process when it is reached.
            self._solver.set("max_memory", limits.memory_mib)
            self._solver.set("random_seed", 0)
            self._solver.set(**{"core.minimize": True})
        except (ImportError, OSError, AttributeError) as error:
            raise ToolError(f"z3 does not load (pip install z3-solver): {error}") from error
        self._until = time.monotonic() + limits.milliseconds / 1000
        self._labels: dict[str, int] = {}
        self._truths: dict[str, Any] = {}

    def truth(self, name: str) -> Any:  # noqa: ANN401
        """Return the truth value of that name."""
        if name not in self._truths:
            self._truths[name] = self.api.Bool(name, self._context)
        return self._truths[name]

    def whole(self, name: str) -> Any:  # noqa: ANN401
        """Return the whole number of that name."""
        return self.api.Int(name, self._context)

    def constant(self, value: int) -> Any:  # noqa: ANN401
        """Return a constant."""
        return self.api.IntVal(value, self._context)

    def conjunction(self, terms: Iterable[Any]) -> Any:  # noqa: ANN401
        """Return that all of them hold."""
        listed = list(terms)
        if len(listed) == 1:
            return listed[0]
        return self.api.And(listed) if listed else self.api.BoolVal(val=True, ctx=self._context)

    def disjunction(self, terms: Iterable[Any]) -> Any:  # noqa: ANN401
        """Return that one of them holds."""
        listed = list(terms)
        return self.api.Or(listed) if listed else self.api.BoolVal(val=False, ctx=self._context)

    def rule(self, body: list[Any], head: Any) -> Any:  # noqa: ANN401
        """Return that the head holds where all of the body does."""
        return self.api.Implies(self.conjunction(body), head) if body else head

    def claim(self, term: Any, label: int | None = None) -> None:  # noqa: ANN401
        """Claim a term; with a label it can be named as a reason."""
        if label is None:
            self._solver.add(term)
            return
        name = f"claim {len(self._labels)}"
        self._labels[name] = label
        self._solver.assert_and_track(term, self.truth(name))

    def check(self, *assumed: Any) -> Model | Core:  # noqa: ANN401
        """Return a model (values by name), or the labels of claims that cannot hold together.

        Raises:
            UndecidedError: A limit was reached.
            ToolError: z3 broke.
        """
        left = int(1000 * (self._until - time.monotonic()))
        if left <= 0:
            raise UndecidedError("timeout")
        self._solver.set("timeout", left)
        try:
            self._solver.push()
            try:
                return self._said(assumed)
            finally:
                self._solver.pop()
        except self.api.Z3Exception as error:
            # Its messages are bytes.
            message = bytes(error.value).decode() if isinstance(error.value, bytes) else str(error)
            if "memory" in message or "canceled" in message:
                raise UndecidedError(message) from error
            raise ToolError(f"z3 broke: {message}") from error

    def _said(self, assumed: Iterable[Any]) -> Model | Core:
        for term in assumed:
            self._solver.add(term)
        said = self._solver.check()
        if said == self.api.sat:
            model = self._solver.model()
            return {str(one): model[one] for one in model.decls()}
        if said == self.api.unsat:
            return tuple(sorted({self._labels[str(one)] for one in self._solver.unsat_core()}))
        raise UndecidedError(str(self._solver.reason_unknown()))
