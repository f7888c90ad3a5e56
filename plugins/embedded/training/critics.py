"""The findings a draft gets, without any gold: what plugins/python says, in-process and fast.

Programs of the embedded model are plain arithmetic, so a small evaluator over the syntax tree
stands in for the sandbox: assignments, names, numbers and `+ - * / // %`. Everything else is
reported as a crash. After a crash nothing is said about values, after a syntax error nothing
else at all.
"""

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field

_FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)
_DIGITS = re.compile(r"\d+(?:\.\d+)?")
_ALWAYS_ALLOWED = {0, 1, 2, 100}
_WORD_VALUES = dict(
    zip(
        [
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ],
        range(1, 13),
        strict=True,
    )
)
_WORD_VALUES.update({"half": 2, "twice": 2, "double": 2, "dozen": 12})
_MOST_FINDINGS = 6
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


@dataclass(slots=True)
class Run:
    """What running a program showed."""

    values: dict[str, float] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    """The line of each variable's last assignment."""
    crash: str | None = None


def program_of(reply: str) -> str:
    """Return the last python block of a reply, or nothing."""
    blocks = _FENCE.findall(reply)
    return str(blocks[-1]) if blocks else ""


def run(program: str) -> Run:
    """Evaluate a program of plain arithmetic."""
    result = Run()
    try:
        tree = ast.parse(program)
    except SyntaxError as error:
        result.crash = f"line {error.lineno}: SyntaxError: {error.msg}"
        return result
    for statement in tree.body:
        try:
            if not isinstance(statement, ast.Assign) or not isinstance(
                statement.targets[0], ast.Name
            ):
                raise TypeError("not an assignment")
            name = statement.targets[0].id
            result.values[name] = _evaluate(statement.value, result.values)
            result.lines[name] = statement.lineno
        except (NameError, ZeroDivisionError, OverflowError, TypeError) as error:
            result.crash = f"line {statement.lineno}: {type(error).__name__}: {error}"
            break
    return result


def answer_of(reply: str) -> float | None:
    """Return the answer that a reply's program computes, or None where it computes none."""
    result = run(program_of(reply))
    return None if result.crash else result.values.get("answer")


def findings(prompt: str, reply: str) -> list[str]:
    """Return what the critics object to in a draft; none means that it is accepted."""
    program = program_of(reply)
    result = run(program)
    found: list[str] = []
    if result.crash:
        found.append(result.crash)
    else:
        if "answer" not in result.values:
            found.append("the program does not set answer")
        negative = {name for name, value in result.values.items() if value < 0}
        found += _about(result, negative, "a quantity cannot be negative")
        if "how many" in prompt.lower():
            fractional = {name for name, value in result.values.items() if value != int(value)}
            found += _about(result, fractional, "the question asks for whole things")
    return (found + _static_findings(prompt, program))[:_MOST_FINDINGS]


def _about(result: Run, names: set[str], objection: str) -> list[str]:
    return [
        f"line {result.lines[name]}: {name} is {value:.12g}, but {objection}"
        for name, value in result.values.items()
        if name in names
    ]


def _static_findings(prompt: str, program: str) -> list[str]:
    try:
        nodes = list(ast.walk(ast.parse(program)))
    except SyntaxError:
        return []
    literals = sorted(
        (node.lineno, node.col_offset, node.value)
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float)
    )
    asked = [float(number) for number in dict.fromkeys(_DIGITS.findall(prompt))]
    words = {
        _WORD_VALUES[word] for word in re.findall(r"[a-z]+", prompt.lower()) if word in _WORD_VALUES
    }
    grounded = {*asked, *words, *_ALWAYS_ALLOWED}
    used = {value for _, _, value in literals}
    read = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    assigned = {
        n.id: n.lineno for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    return [
        *(
            f"line {line}: the number {value:.12g} is not in the question"
            for line, _, value in literals
            if value not in grounded
        ),
        *(
            f"the number {number:.12g} in the question is not used"
            for number in asked
            if number not in used
        ),
        *(
            f"line {line}: {name} is never used"
            for name, line in assigned.items()
            if name != "answer" and name not in read
        ),
    ]


def _evaluate(node: ast.expr, values: dict[str, float]) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            if name not in values:
                raise NameError(f"name {name!r} is not defined")
            return values[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_evaluate(operand, values)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            return _OPERATORS[type(op)](_evaluate(left, values), _evaluate(right, values))
        case _:
            raise TypeError("not plain arithmetic")
