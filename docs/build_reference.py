"""Write the reference pages from the docstrings: `python docs/build_reference.py [FOLDER]`.

One page each for `gadfly`, the hooks, `gadfly.testing` and `gadfly.worker`. A docstring below a
field, a member of an enum or a constant is read from the source: Python itself does not keep it.
"""

from __future__ import annotations

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import ModuleType

import gadfly
import gadfly.testing
import gadfly.worker
from gadfly import _hooks

HERE = Path(__file__).parent / "reference"
WIDE = 100
"""Columns of a signature."""


def main(folder: Path) -> None:
    """Write `api.md`, `hooks.md`, `testing.md` and `worker.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    hooks = [name for name, thing in vars(_hooks).items() if hasattr(thing, f"{_hooks.GROUP}_spec")]
    pages = {
        "api.md": ("gadfly", gadfly, gadfly.__all__),
        "hooks.md": ("Hooks", _hooks, hooks),
        "testing.md": ("gadfly.testing", gadfly.testing, gadfly.testing.__all__),
        "worker.md": ("gadfly.worker", gadfly.worker, gadfly.worker.__all__),
    }
    constants = _constants()
    for file, (title, module, names) in pages.items():
        text = "\n".join(_page(title, module, names, constants))
        (folder / file).write_text(f"{text}\n", encoding="utf-8")


def _page(
    title: str, module: ModuleType, names: Iterable[str], constants: dict[str, str]
) -> Iterator[str]:
    yield f"# {title}\n"
    yield inspect.getdoc(module) or ""
    for name in names:
        thing = getattr(module, name)
        yield f"\n## {name}\n"
        if name in constants:
            yield (f"`{thing}`: " if isinstance(thing, str) else "") + constants[name]
        elif inspect.isclass(thing):
            yield from _class(name, thing)
        else:
            yield from _function(name, thing)


def _class(name: str, kind: type[object]) -> Iterator[str]:
    # Nobody calls an enum or a protocol, and how Python would is no help.
    if not (issubclass(kind, Enum) or getattr(kind, "_is_protocol", False)):
        yield from _fenced(name, kind)
    yield inspect.getdoc(kind) or ""
    if not issubclass(kind, Exception):  # They name `gadfly` as their module: no source is there.
        for declared, text in _fields(kind):
            yield f"\n- `{declared}`{f': {text}' if text else ''}"
    for method, function in inspect.getmembers(kind, inspect.isroutine):
        own = method in vars(kind) and (method == "__call__" or not method.startswith("_"))
        if own and inspect.getdoc(function):
            yield f"\n### {name}.{method}\n"
            yield from _function(method, function)


def _function(name: str, function: object) -> Iterator[str]:
    yield from _fenced(name, function)
    yield inspect.getdoc(function) or ""


class _Written(str):
    """An annotation as it is written: `repr` would put it into quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _fenced(name: str, thing: object) -> Iterator[str]:
    """Yield how a thing is called; nothing where Python cannot say."""
    try:
        signature = inspect.signature(thing)  # type: ignore[arg-type] # no callable raises as well
    except (TypeError, ValueError):
        return
    parameters = [
        parameter.replace(annotation=_written(parameter.annotation))
        for parameter in signature.parameters.values()
    ]
    returns = _written(signature.return_annotation)
    signature = signature.replace(parameters=parameters, return_annotation=returns)
    lines = textwrap.wrap(f"{name}{signature}", WIDE, subsequent_indent="    ")
    yield "\n".join(["```", *lines, "```\n"])


def _written(annotation: object) -> object:
    return _Written(annotation) if isinstance(annotation, str) else annotation


def _fields(kind: type[object]) -> Iterator[tuple[str, str]]:
    """Yield fields, members and properties as they are declared, each with its docstring."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(node, ast.ClassDef)
    yield from _declared(node.body)
    for function in (stated for stated in node.body if isinstance(stated, ast.FunctionDef)):
        if "property" in map(ast.unparse, function.decorator_list) and function.returns:
            text = ast.get_docstring(function) or ""
            yield f"{function.name}: {ast.unparse(function.returns)}", " ".join(text.split())


def _constants() -> dict[str, str]:
    """Return the docstrings of module-level names, wherever in `gadfly` they are defined."""
    return {
        declared.partition(":")[0].partition(" =")[0]: text
        for path in sorted(Path(gadfly.__file__).parent.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Module | ast.If)
        for declared, text in _declared(node.body)
        if text
    }


def _declared(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Yield the assignments of a body, as they are written, with the docstrings below them."""
    for statement, below in zip(body, [*body[1:], None], strict=True):
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            continue
        declared = ast.unparse(statement)
        text = ""
        if isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            text = " ".join(str(below.value.value).split())
        if not declared.startswith("_"):
            yield declared, text


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
