"""Questions about what a given function returns, and what a draft states in answer.

A question comes with a task's inputs (`code`, and one of `input` and `output`, each as Python
source) or stands in its prompt, the unknown side written `??`:

    assert f([1, 2]) == ??          which output?
    assert f(??) == 3               which input?

All of it is read, never run.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

from gadfly import Draft, InputError, Task, extract_artifacts

_UNKNOWN = "??"
_ASKED = re.compile(
    r"^[ \t]*(?:assert[ \t]+)?([^\W\d]\w*)\((.*)\)[ \t]*==[ \t]*(.+?)[ \t]*$", re.MULTILINE
)
_TAGGED = re.compile(r"\[ANSWER\](.*?)\[/ANSWER\]", re.DOTALL)
_BEYOND = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What reading a stranger's source may raise."""


@dataclass(frozen=True, slots=True)
class Question:
    """A function with one side of a call of it; the other side is asked for."""

    code: str
    function: str
    given: str | None
    """The arguments as source, where the output is asked for."""
    output: str | None
    """The value as source, where an input is asked for."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What a draft states: an output, or arguments, as source that is one expression."""

    source: str
    is_literal: bool
    """Whether it is plain data, so that nothing of it runs when it is evaluated."""


@dataclass(frozen=True, slots=True)
class Misstated:
    """Why a draft states nothing that could be right."""

    reason: str


def find_question(task: Task) -> Question | None:
    """Return the question that a task asks; None where it asks none.

    Raises:
        InputError: The task's code does not parse or lacks the function, or its input or output is
            no Python expression.
    """
    inputs = task.inputs
    if not inputs.get("code"):
        return _in_prompt(task.prompt)
    code, given, output = (_source(task, name) for name in ("code", "input", "output"))
    if code is None or (given is None) == (output is None):
        # Both sides known: nothing is asked. None known: anything would do.
        return None
    functions = _functions(code)
    if functions is None:
        raise InputError("the task's code cannot be parsed")
    name = inputs.get("entry_point") or (functions or [""])[-1]
    if name not in functions:
        raise InputError(f"the task's code defines no function {name!r:.60}")
    if given is not None and _call(f"{name}({given})", str(name)) is None:
        raise InputError(f"the task's input is not the arguments of a call: {given!r:.60}")
    if output is not None and _expression(output) is None:
        raise InputError(f"the task's output is no Python expression: {output!r:.60}")
    return Question(code, str(name), given, output)


def read_statement(draft: Draft, question: Question) -> Stated | Misstated | None:
    """Return what a draft states in answer to a question; None where it is empty.

    The statement is the text between `[ANSWER]` and `[/ANSWER]`, or the last fenced block, or the
    whole draft: the value or the arguments alone, or a call with `==` and its value.
    """
    text = _statement_text(draft.text)
    if not text:
        return None
    tree = _expression(text.removeprefix("assert "))
    left, right = _sides(tree, question.function)
    if question.output is None:
        return _stated_output(tree, left, right, question)
    if left is None:
        left = _call(f"{question.function}({text})", question.function)
    if left is None:
        return Misstated("the draft states no arguments")
    if right is not None and not _same(right, _expression(question.output)):
        return Misstated("the draft is about another output than the one asked for")
    source = ast.unparse(left)
    arguments = [*left.args, *(word.value for word in left.keywords)]
    literal = all(map(_is_literal, arguments)) and all(word.arg for word in left.keywords)
    return Stated(source[len(question.function) + 1 : -1], literal)


def _stated_output(
    tree: ast.expr | None, left: ast.Call | None, right: ast.expr | None, question: Question
) -> Stated | Misstated:
    asked = _call(f"{question.function}({question.given})", question.function)
    if tree is None:
        return Misstated("the draft states no Python value")
    if left is not None and not _same(left, asked):
        return Misstated("the draft is about another input than the one asked about")
    if left is not None and right is None:
        return Misstated("the draft states the call and no value for it")
    value = tree if right is None else right
    return Stated(ast.unparse(value), _is_literal(value))


def _sides(tree: ast.expr | None, function: str) -> tuple[ast.Call | None, ast.expr | None]:
    """Return the call and the value of `f(...) == value`, as far as they are there."""
    match tree:
        case ast.Compare(left=ast.Call() as call, ops=[ast.Eq()], comparators=[value]) if _names(
            call, function
        ):
            return call, value
        case ast.Call() if _names(tree, function):
            return tree, None
        case _:
            return None, None


def _names(call: ast.Call, function: str) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == function


def _statement_text(text: str) -> str:
    if tagged := _TAGGED.findall(text):
        return str(tagged[-1]).strip()
    if "```" in text and (blocks := extract_artifacts(text)):
        return blocks[-1].text.strip()
    return text.strip()


def _in_prompt(prompt: str) -> Question | None:
    asked = [match for match in _ASKED.finditer(prompt) if _UNKNOWN in (match[2], match[3])]
    if not asked:
        return None
    function, given, output = asked[-1].groups()
    rest = prompt[: asked[-1].start()] + prompt[asked[-1].end() :]
    blocks = [part.text for part in extract_artifacts(rest) if part.kind == "python"]
    code = next((block for block in blocks if function in (_functions(block) or ())), None)
    sides = (None if side == _UNKNOWN else side for side in (given, output))
    given, output = sides
    if code is None or (given is None) == (output is None):
        return None
    readable = _call(f"{function}({given or ''})", function) and _expression(output or "None")
    return Question(code, function, given, output) if readable else None


def _source(task: Task, name: str) -> str | None:
    value = task.inputs.get(name)
    if value is None or isinstance(value, str):
        return value
    raise InputError(f"the task's {name} is Python source, not {value!r:.60}")


def _functions(code: str) -> list[str] | None:
    """Return the top-level functions in order; None where the code does not parse."""
    try:
        with warnings.catch_warnings():
            # What the compiler thinks of the style is no warning about this process.
            warnings.simplefilter("ignore")
            tree = ast.parse(code)
    except _BEYOND:
        return None
    return [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def _expression(source: str) -> ast.expr | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source.strip(), mode="eval").body
    except _BEYOND:
        return None


def _call(source: str, function: str) -> ast.Call | None:
    tree = _expression(source)
    return tree if isinstance(tree, ast.Call) and _names(tree, function) else None


def _same(one: ast.expr, other: ast.expr | None) -> bool:
    return other is not None and ast.dump(one) == ast.dump(other)


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (*_BEYOND, TypeError):
        return False
    return True
