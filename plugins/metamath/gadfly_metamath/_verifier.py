"""Metamath proofs, checked step by step.

By section 4 of the Metamath book (4.1.4 proofs, substitution and distinct variables) and its
appendix B (compressed proofs); see `_database` for the reference.

A proof is a list of labels that works on a stack of expressions. Nothing in it can declare, state
or assume anything, so who writes a proof has no say in what it proves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from gadfly_metamath._database import Assertion, Expression, Hypothesis, Scope, Theorem

MAX_SYMBOLS = 10_000_000
"""Symbols that the steps of one proof may write in all; a short proof can square them each step."""


class ProofLimitError(Exception):
    """A proof is too large to be checked; nothing is known about it."""


class ProofError(Exception):
    """A proof does not prove what it should.

    Args:
        message: What is wrong.
        token: The index of the token in the proof; its length where the end is at fault.
        offset: The character in that token.
        step: The step, from 1; None where the proof cannot be read as steps.
        stack: What the stack held before the step.
        expected: The expression that is needed, where there is one.
        found: The expression that is there instead.
    """

    def __init__(
        self,
        message: str,
        token: int,
        offset: int = 0,
        *,
        step: int | None = None,
        stack: Sequence[Expression] = (),
        expected: Expression | None = None,
        found: Expression | None = None,
    ) -> None:
        super().__init__(message)
        self.token, self.offset, self.step = token, offset, step
        self.stack, self.expected, self.found = tuple(stack), expected, found


_Step = tuple[int, int, Hypothesis | Assertion | int | None]
"""Token and offset; a statement, the number of a saved expression, or None: save the last one."""


def verify(theorem: Theorem, proof: Sequence[str]) -> int:
    """Check that a proof, normal or compressed, proves a theorem, and return its number of steps.

    Args:
        theorem: What is to be proved; the proof that it came with is not looked at.
        proof: The tokens between `$=` and `$.`.

    Raises:
        ProofError: It does not, or is incomplete (`?`).
        ProofLimitError: It writes more than `MAX_SYMBOLS`.
    """
    compressed = bool(proof) and proof[0] == "("
    stack: list[Expression] = []
    saved: list[Expression] = []
    number = written = 0
    for token, offset, statement in (_unpack if compressed else _look_up)(theorem, proof):
        if statement is None:
            saved.append(stack[-1])
            continue
        number += 1
        try:
            if isinstance(statement, Hypothesis):
                stack.append(statement.expression)
            elif isinstance(statement, Assertion):
                _apply(statement, stack, theorem.scope)
            else:
                stack.append(saved[statement])
        except ProofError as error:
            error.token, error.offset, error.step = token, offset, number
            error.stack = tuple(stack)
            raise
        written += len(stack[-1])
        if written > MAX_SYMBOLS:
            raise ProofLimitError(f"the proof writes more than {MAX_SYMBOLS} symbols")
    goal = theorem.assertion.expression
    if len(stack) != 1:
        message = f"it ends with {len(stack)} expressions on the stack, not with one"
        raise ProofError(message, len(proof), stack=stack)
    if stack[0] != goal:
        message = "it proves something else"
        raise ProofError(message, len(proof), stack=stack, expected=goal, found=stack[0])
    return number


def _look_up(theorem: Theorem, proof: Sequence[str]) -> Iterator[_Step]:
    for token, label in enumerate(proof):
        yield token, 0, _statement(theorem, label, token)


def _statement(theorem: Theorem, label: str, token: int) -> Hypothesis | Assertion:
    if label == "?":
        raise ProofError("it is incomplete", token)
    if (hypothesis := theorem.scope.hypotheses.get(label)) is not None:
        return hypothesis
    found = theorem.assertions.get(label)
    if found is None or found.number >= theorem.assertion.number:
        raise ProofError(f"{label!r:.40} is no earlier assertion and no active hypothesis", token)
    return found


def _unpack(theorem: Theorem, proof: Sequence[str]) -> Iterator[_Step]:
    if ")" not in proof:
        raise ProofError("its list of labels does not end", len(proof))
    end = proof.index(")")
    own = theorem.assertion.hypotheses
    listed = [_statement(theorem, label, n) for n, label in enumerate(proof[1:end], 1)]
    for n, statement in enumerate(listed, 1):
        if statement in own:
            raise ProofError(f"{statement.label} is a mandatory hypothesis: not to be listed", n)
    table = [*own, *listed]
    number = saved = 0
    fresh = False  # whether an assertion was used last: only what it gives may be saved
    letters = ((t, o, c) for t in range(end + 1, len(proof)) for o, c in enumerate(proof[t]))
    for token, offset, letter in letters:
        if "A" <= letter <= "T":
            number = 20 * number + ord(letter) - ord("A")
            if number >= len(table) + saved:
                raise ProofError("it refers to a step that there is not", token, offset)
            step = table[number] if number < len(table) else number - len(table)
            yield token, offset, step
            number, fresh = 0, isinstance(step, Assertion)
        elif "U" <= letter <= "Y" and number <= len(table) + saved:
            number = 5 * number + ord(letter) - ord("T")
        elif letter == "Z" and fresh and not number:
            yield token, offset, None
            saved, fresh = saved + 1, False
        else:
            message = "it is incomplete" if letter == "?" else f"{letter!r} cannot stand here"
            raise ProofError(message, token, offset)
    if number:
        raise ProofError("it ends within a number", len(proof))


def _apply(assertion: Assertion, stack: list[Expression], scope: Scope) -> None:
    """Replace the top of the stack by what an assertion concludes from it."""
    base = len(stack) - len(assertion.hypotheses)
    if base < 0:
        needs = len(assertion.hypotheses)
        raise ProofError(f"{assertion.label} needs {needs} expressions, there are {len(stack)}", 0)
    put: dict[str, Expression] = {}
    for hypothesis, found in zip(assertion.hypotheses, stack[base:], strict=True):
        kind, *rest = hypothesis.expression
        fits = found[:1] == (kind,) if hypothesis.floating else True
        if hypothesis.floating and fits:
            put[rest[0]] = found[1:]
            continue
        expected = _substitute(hypothesis.expression, put)
        if not fits or found != expected:
            message = f"{assertion.label} has the hypothesis {hypothesis.label}, which does not fit"
            raise ProofError(message, 0, expected=expected, found=found)
    for one, other in sorted(map(sorted, assertion.distinct)):
        _hold_apart(assertion.label, one, other, put, scope)
    stack[base:] = [_substitute(assertion.expression, put)]


def _substitute(expression: Expression, put: Mapping[str, Expression]) -> Expression:
    if sum(len(put.get(symbol, " ")) for symbol in expression) > MAX_SYMBOLS:
        raise ProofLimitError(f"a step writes more than {MAX_SYMBOLS} symbols")
    return tuple(new for symbol in expression for new in put.get(symbol, (symbol,)))


def _hold_apart(
    label: str, one: str, other: str, put: Mapping[str, Expression], scope: Scope
) -> None:
    for a in sorted(scope.variables.intersection(put[one])):
        for b in sorted(scope.variables.intersection(put[other])):
            if a == b or frozenset((a, b)) not in scope.distinct:
                message = f"{label} wants {one} and {other} distinct, which {a} and {b} need not be"
                raise ProofError(message, 0)
