"""The program of a draft: its text, where it stands, and what its syntax tree says.

All of this is read, never run. A program that does not parse has an empty tree: what is wrong with
it is said by the interpreter that tries to run it.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

from gadfly import Draft, Span, extract_artifacts

_NEW_LINE = re.compile(r"\r\n|\r|\n")
_SCOPES = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.ClassDef,
    ast.Lambda,
    ast.ListComp,
    ast.SetComp,
    ast.DictComp,
    ast.GeneratorExp,
)
_DEFINITION = re.compile(r"^(?:async[ \t]+)?def[ \t]+(\w+)", re.MULTILINE)

Named = ast.Name | ast.Constant
"""The nodes that findings point at."""


@dataclass(frozen=True, slots=True)
class Program:
    """A draft's program."""

    text: str
    start: int
    """Where it begins in `Draft.text`."""
    tree: ast.Module = field(init=False, repr=False, compare=False)
    """Empty where the text does not parse."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "tree", _parse(self.text))

    def line_span(self, line: int | None) -> Span | None:
        """Return the span of a line without its indentation; None where there is no such line."""
        lines = self._lines()
        if line is None or not 1 <= line <= len(lines):
            return None
        first, text = lines[line - 1]
        begin = self.start + first + len(text) - len(text.lstrip())
        return Span(line, begin, max(begin, self.start + first + len(text.rstrip())))

    def span(self, node: Named) -> Span:
        """Return the span of a name or literal."""
        lines = self._lines()
        end_line = node.end_lineno or node.lineno
        end_column = node.col_offset if node.end_col_offset is None else node.end_col_offset
        begin = self._offset(lines[node.lineno - 1], node.col_offset)
        return Span(node.lineno, begin, self._offset(lines[end_line - 1], end_column))

    def imports(self) -> set[str]:
        """Return the top-level packages that it imports anywhere."""
        names: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
        return names

    def literals(self) -> list[tuple[ast.Constant, int | float]]:
        """Return the numeric literals in reading order, with their values, which have no sign."""
        nodes = [node for node in ast.walk(self.tree) if isinstance(node, ast.Constant)]
        nodes.sort(key=_position)
        # `type`, because True is an int.
        return [(node, node.value) for node in nodes if type(node.value) in (int, float)]  # type: ignore[misc]

    def assignments(self) -> dict[str, ast.Name]:
        """Return the last assignment of each top-level variable, in the order of their first."""
        stores = [
            node
            for node in _top_level(self.tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        ]
        return {node.id: node for node in sorted(stores, key=_position)}

    def names_read(self) -> set[str]:
        """Return every name that is read somewhere."""
        return {
            node.id
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }

    def functions(self) -> dict[str, int]:
        """Return the lines of the top-level functions; without a tree, of what looks like one."""
        if self.tree.body:
            definitions = (ast.FunctionDef, ast.AsyncFunctionDef)
            return {
                node.name: node.lineno for node in self.tree.body if isinstance(node, definitions)
            }
        found = _DEFINITION.finditer(self.text)
        return {m[1]: len(_NEW_LINE.findall(self.text, 0, m.start())) + 1 for m in found}

    def _lines(self) -> list[tuple[int, str]]:
        """The lines as Python counts them, each with its offset in the program."""
        lines: list[tuple[int, str]] = []
        begin = 0
        for match in _NEW_LINE.finditer(self.text):
            lines.append((begin, self.text[begin : match.start()]))
            begin = match.end()
        return [*lines, (begin, self.text[begin:])]

    def _offset(self, line: tuple[int, str], column: int) -> int:
        # The tree counts columns in UTF-8 bytes.
        first, text = line
        return self.start + first + len(text.encode()[:column].decode(errors="ignore"))


def find_program(draft: Draft) -> Program | None:
    """Return the last `python` artifact of a draft, or None where it has none."""
    found = [part for part in extract_artifacts(draft.text) if part.kind == "python"]
    return Program(found[-1].text, found[-1].start) if found else None


def _parse(text: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            # What the compiler thinks of a draft's style is no warning about this process.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ast.Module(body=[], type_ignores=[])


def _top_level(tree: ast.Module) -> Iterator[ast.AST]:
    """Walk what runs in the module's own scope."""
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        pending += [inner for inner in ast.iter_child_nodes(node) if not isinstance(inner, _SCOPES)]


def _position(node: Named) -> tuple[int, int]:
    return node.lineno, node.col_offset
