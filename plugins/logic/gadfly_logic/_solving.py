"""`solve`: what follows from a program, which option that is, and why."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gadfly_logic._language import Condition, Constraints, Program, Rules, Source, Sum
from gadfly_logic._parsing import ProgramError, parse
from gadfly_logic._theory import Theory
from gadfly_logic._z3 import Z3, Core, Model, SolverLimits, UndecidedError

LIMITS = SolverLimits()
ANSWERS = ("A) True", "B) False", "C) Unknown")
MAX_VALUES = 10_000
"""Values that all variables together may have."""
MAX_PAIRS = 20_000
"""Pairs of variables that may be told to differ."""
_LEADING = re.compile(r"\(?([A-Z])(?:[).:,]|$)")
_BREAK = re.compile(r"[,;:.(]")
_LABELLED = re.compile(r"\s*(?:\(?(?P<label>[A-Z])[).:]\s*)?(?P<words>.*?)\.?\s*", re.DOTALL)


class Status(StrEnum):
    """How solving ended."""

    OK = "OK"
    """One option follows."""
    PARSE_ERROR = "PARSE_ERROR"
    UNSAT = "UNSAT"
    """The constraints cannot all hold."""
    NO_OPTION = "NO_OPTION"
    """They leave open which option holds, or none does."""
    AMBIGUOUS = "AMBIGUOUS"
    """More than one option follows."""
    CONTRADICTION = "CONTRADICTION"
    """The query follows, and so does its opposite."""
    UNDECIDED = "UNDECIDED"
    """The solver reached a limit: nothing is known."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of solving a program."""

    status: Status
    option: str | None = None
    """The letter of the option that follows: the first, where there are several."""
    answer: str | None = None
    """The same in words: `True`, `False`, `Unknown`, or the option's own."""
    message: str = ""
    """What is wrong, where something is."""
    reasons: tuple[Source, ...] = ()
    """The statements by which the answer follows, or that contradict each other."""
    models: tuple[str, ...] = ()
    """Where the answer is open: assignments that differ in it."""
    conflict: tuple[Source, ...] = ()
    """Statements by which something else follows, and so does its opposite."""
    line: int | None = None
    """Where the error is, in the program."""


def solve(
    program: Program | str,
    *,
    options: Sequence[str] = ANSWERS,
    limits: SolverLimits = LIMITS,
) -> Outcome:
    """Solve a program of facts and rules, or of constraints.

    Args:
        program: It, or its text.
        options: For facts and rules, what may be answered: `A) True`, `B) False` and perhaps
            `C) Unknown`. Without the last, what does not follow is false.
        limits: What the solver may spend on a program.

    Returns:
        The outcome. A text that is no program, and a limit that was reached, are outcomes too.

    Raises:
        ToolError: z3 is not installed, or does not work.
    """
    try:
        read = parse(program) if isinstance(program, str) else program
        if isinstance(read, Rules):
            return _judge(read, options, limits)
        return _choose(read, limits)
    except ProgramError as error:
        return Outcome(Status.PARSE_ERROR, message=str(error), line=error.line)
    except UndecidedError as error:
        return Outcome(Status.UNDECIDED, message=f"the solver gave up: {error}")


def find_option(answer: str, options: Sequence[str]) -> str | None:
    """Return the letter of the option that an answer is, or begins with; None where it is none."""
    wanted = _bare(answer)
    begins = {wanted, _BREAK.split(wanted, maxsplit=1)[0].strip()}
    leading = _LEADING.match(answer.strip())
    for number, option in enumerate(options):
        match = _LABELLED.fullmatch(option)
        label, words = (match["label"], match["words"]) if match else (None, option)
        letter = label or chr(ord("A") + number % 26)
        if _bare(words) in begins or (leading is not None and leading[1] == letter):
            return letter
    return None


def _bare(words: str) -> str:
    return " ".join(words.split()).rstrip(".").casefold()


def _judge(program: Rules, options: Sequence[str], limits: SolverLimits) -> Outcome:
    theory = Theory(program.clauses, limits, program.query.terms)
    shown = theory.derives(program.query)
    refuted = theory.derives(program.query.negated())
    conflict = _conflict(theory)
    if shown is not None and refuted is not None:
        both = _sources(theory, tuple(sorted({*shown, *refuted})))
        message = f"{program.query_source.words!r} follows, and so does its opposite"
        option = find_option("True", options)
        return Outcome(Status.CONTRADICTION, option, None, message, both, conflict=conflict)
    if shown is None and refuted is None:
        is_open = find_option("Unknown", options) is not None
        answer = "Unknown" if is_open else "False"
    else:
        answer = "True" if shown is not None else "False"
    reasons = _sources(theory, shown if shown is not None else refuted)
    option = find_option(answer, options)
    status = Status.NO_OPTION if option is None else Status.OK
    message = "" if option else f"no option says {answer}"
    return Outcome(status, option, answer, message, reasons, conflict=conflict)


def _conflict(theory: Theory) -> tuple[Source, ...]:
    try:
        return _sources(theory, theory.conflict())
    except UndecidedError:
        return ()  # The query is decided all the same.


def _sources(theory: Theory, labels: Core | None) -> tuple[Source, ...]:
    return tuple(dict.fromkeys(theory.clauses[label].source for label in labels or ()))


def _choose(program: Constraints, limits: SolverLimits) -> Outcome:
    if sum(map(len, program.domains.values())) > MAX_VALUES:
        raise UndecidedError(f"the variables have more than {MAX_VALUES:,} values")
    conditions = (*program.conditions, *program.options.values())
    if sum(len(one.different) ** 2 for one in conditions) > 2 * MAX_PAIRS:
        raise UndecidedError(f"more than {MAX_PAIRS:,} pairs of variables must differ")
    z3 = Z3(limits)
    for name, values in program.domains.items():
        z3.claim(z3.disjunction(z3.whole(name) == z3.constant(value) for value in values))
    for label, condition in enumerate(program.conditions):
        z3.claim(_term(z3, condition), label)

    def sources(labels: Core) -> tuple[Source, ...]:
        return tuple(program.conditions[label].source for label in labels)

    said = z3.check()
    if isinstance(said, tuple):
        message = "the constraints cannot all hold"
        return Outcome(Status.UNSAT, message=message, reasons=sources(said))
    against = {
        letter: z3.check(z3.api.Not(_term(z3, option)))
        for letter, option in program.options.items()
    }
    follow = {letter: said for letter, said in against.items() if isinstance(said, tuple)}
    if not follow:
        return _open(z3, program, against)
    letter, core = next(iter(follow.items()))
    answer = program.options[letter].source.words
    if len(follow) == 1:
        return Outcome(Status.OK, letter, answer, reasons=sources(core))
    message = f"several options follow: {', '.join(follow)}"
    both = tuple(sorted({label for core in follow.values() for label in core}))
    return Outcome(Status.AMBIGUOUS, letter, answer, message, sources(both))


def _open(z3: Z3, program: Constraints, against: Mapping[str, Model | Core]) -> Outcome:
    """Show, where no option follows, one assignment in which an option holds, and one without."""
    for letter, option in program.options.items():
        said = z3.check(_term(z3, option))
        without = against[letter]
        if not isinstance(said, tuple) and not isinstance(without, tuple):
            models = (_model(program, said), _model(program, without))
            message = f"no option follows: {letter} may hold or not"
            return Outcome(Status.NO_OPTION, message=message, models=models)
    said = z3.check()
    only = () if isinstance(said, tuple) else (_model(program, said),)
    return Outcome(Status.NO_OPTION, message="no option can hold", models=only)


def _model(program: Constraints, model: Model) -> str:
    # A variable that z3 leaves out may have any of its values.
    values = {name: model.get(name, values[0]) for name, values in program.domains.items()}
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _term(z3: Z3, condition: Condition) -> Any:  # noqa: ANN401
    return z3.conjunction(_parts(z3, condition))


def _parts(z3: Z3, condition: Condition) -> Iterator[Any]:
    if len(condition.different) > 1:
        yield z3.api.Distinct(*(z3.whole(name) for name in condition.different))
    for one in condition.comparisons:
        left, right = _linear(z3, one.left), _linear(z3, one.right)
        yield _COMPARE[one.op](left, right)


_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _linear(z3: Z3, total: Sum) -> Any:  # noqa: ANN401
    term = z3.constant(total.constant)
    for name, factor in total.factors:
        term += z3.constant(factor) * z3.whole(name)
    return term
