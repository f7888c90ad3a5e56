"""The tests that come with a task: where they stand, what they are written for, what they need."""

from __future__ import annotations

import ast
import builtins
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gadfly import JSON, InputError, Task, extract_artifacts

FIELDS = ("tests", "test", "test_list")
"""Where tests stand in `Task.inputs`, the first that is there."""
MODULES = ("solution", "candidate", "program", "submission")
"""What tests may import the draft's program as; a task can name another."""
_ASSERTS = re.compile(r"(?:^assert[ (][^\n]*(?:\n|\Z))+", re.MULTILINE)
_Function = ast.FunctionDef | ast.AsyncFunctionDef
_Test = _Function | ast.ClassDef


@dataclass(frozen=True, slots=True)
class TestCode:
    """Test code with what must be known of it to run it."""

    __test__ = False

    source: str
    entry_point: str | None
    """The function under test, where the task names it."""
    modules: tuple[str, ...]
    """What it may import the program as."""
    hidden: bool
    """Whether the actor has not seen it: it is not in the prompt."""
    style: str
    """`script`, `check`, `functions` or `pytest`."""
    expected: tuple[str, ...]
    """The tests that must pass; empty where it holds none."""
    names: tuple[str, ...]
    """Names that it uses and does not define."""
    imports: frozenset[str]
    """The top-level packages that it imports anywhere."""


def find_tests(task: Task) -> TestCode | None:
    """Return the tests that come with a task; None where none do.

    Raises:
        InputError: An input of the task is not what it should be, or the tests do not parse.
    """
    inputs = task.inputs
    field = next((name for name in FIELDS if inputs.get(name)), None)
    source = _in_prompt(task.prompt) if field is None else _source(field, inputs[field])
    if not source.strip():
        return None
    entry_point = _identifier(inputs, "entry_point")
    module = _identifier(inputs, "module")
    where = "the tests in the prompt" if field is None else f"the task's {field}"
    tree = _parse(source, where)
    style, expected = _style(tree, entry_point)
    return TestCode(
        source=source,
        entry_point=entry_point,
        modules=MODULES if module is None else (module, *MODULES),
        hidden=field is not None,
        style=style,
        expected=expected,
        names=tuple(sorted(_free_names(tree))),
        imports=frozenset(_imports(tree)),
    )


def has_tests(task: Task) -> bool:
    """Whether tests come with a task, good or bad."""
    return any(task.inputs.get(name) for name in FIELDS) or bool(_in_prompt(task.prompt))


def _source(field: str, given: JSON) -> str:
    if isinstance(given, str):
        return given
    if isinstance(given, Sequence) and all(isinstance(part, str) for part in given):
        return "\n".join(str(part) for part in given)
    raise InputError(f"the task's {field} is Python source or a list of it, not {given!r:.60}")


def _identifier(inputs: Mapping[str, JSON], field: str) -> str | None:
    given = inputs.get(field)
    if given is None or (isinstance(given, str) and given.isidentifier()):
        return given
    raise InputError(f"the task's {field} is a Python name, not {given!r:.60}")


def _in_prompt(prompt: str) -> str:
    """Return the tests in a prompt: fenced blocks that hold some, or else lines of asserts."""
    blocks = [part.text for part in extract_artifacts(prompt) if part.kind == "python"]
    tests = [block for block in blocks if block != prompt and _holds_tests(block)]
    if not tests and not blocks:
        tests = [match[0] for match in _ASSERTS.finditer(prompt)]
    return "\n".join(tests)


def _holds_tests(source: str) -> bool:
    try:
        tree = _parse(source, "")
    except InputError:
        return False
    return any(_is_test(node) for node in tree.body) or any(
        isinstance(node, ast.Assert) for node in tree.body
    )


def _parse(source: str, where: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            # What the compiler thinks of the tests' style is no warning about this process.
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f"{where} cannot be parsed: {error}") from error


def _style(tree: ast.Module, entry_point: str | None) -> tuple[str, tuple[str, ...]]:
    """Return how tests are to be run, and the names of those that must pass."""
    check = any(isinstance(node, _Function) and node.name == "check" for node in tree.body)
    if check and entry_point is not None:
        return "check", ("check",)
    tests = list(_tests(tree))
    if tests and not _calls_its_tests(tree, tests):
        needs_pytest = _imports(tree) & {"pytest", "hypothesis"} or any(
            _has_arguments(name, node) for name, node in tests
        )
        return "pytest" if needs_pytest else "functions", tuple(name for name, _ in tests)
    # Definitions alone, a `check` that nothing calls among them, test nothing.
    does = any(isinstance(node, ast.Assert | ast.Call) for node in _statements(tree))
    return "script", ("script",) if does else ()


def _tests(tree: ast.Module) -> Iterator[tuple[str, _Function]]:
    for node in tree.body:
        if isinstance(node, _Function) and _is_test(node):
            yield node.name, node
        elif isinstance(node, ast.ClassDef) and _is_test(node):
            for inner in node.body:
                if isinstance(inner, _Function) and inner.name.startswith("test"):
                    yield f"{node.name}.{inner.name}", inner


def _is_test(node: ast.stmt) -> bool:
    if isinstance(node, _Function):
        return node.name.startswith("test")
    if not isinstance(node, ast.ClassDef):
        return False
    bases = [ast.unparse(base).rpartition(".")[2] for base in node.bases]
    return node.name.startswith("Test") or any(base.endswith("TestCase") for base in bases)


def _calls_its_tests(tree: ast.Module, tests: list[tuple[str, _Function]]) -> bool:
    """Whether the code runs all of its test functions itself, as scripts of tests do."""
    called = {
        node.func.id
        for node in _statements(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    return {name for name, _ in tests} <= called


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Walk what runs when the module is loaded."""
    pending: list[ast.AST] = [
        node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    while pending:
        node = pending.pop()
        if isinstance(node, _Test | ast.Lambda):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test).startswith("__name__ =="):
            continue
        yield node
        pending += ast.iter_child_nodes(node)


def _has_arguments(name: str, node: _Function) -> bool:
    own = 1 if "." in name else 0
    arguments = node.args
    return len(arguments.posonlyargs + arguments.args) > own or bool(arguments.kwonlyargs)


def _imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def _free_names(tree: ast.Module) -> set[str]:
    """Return the names that are read somewhere and bound nowhere."""
    read: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                read.add(name)
            case ast.Name(id=name) | ast.arg(arg=name) | ast.alias(asname=str(name)):
                bound.add(name)
            case ast.alias(name=name):
                bound.add(name.partition(".")[0])
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                bound.add(name)
            case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                bound.add(name)
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                bound.add(name)
            case ast.MatchMapping(rest=str(name)):
                bound.add(name)
            case _:
                pass
    return {name for name in read - bound if not hasattr(builtins, name)}
