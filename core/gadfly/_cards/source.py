"""What kind of text a draft is: a Python program, prose with one in a fence, or prose."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

_FENCE = re.compile(r"^```(?:python|py)[^\n]*\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Code:
    """The program in a draft, with its place."""

    text: str
    start: int
    end: int

    def replaced(self, draft: str, code: str) -> str:
        """Return the draft with another program in this one's place."""
        return draft[: self.start] + code + draft[self.end :]


def find_code(draft: str) -> Code | None:
    """Return the Python program that a draft is, or the last one in its fences; None in prose."""
    if is_program(draft):
        return Code(draft, 0, len(draft))
    blocks = [match for match in _FENCE.finditer(draft) if is_program(match["code"])]
    if not blocks:
        return None
    last = blocks[-1]
    return Code(last["code"], last.start("code"), last.end("code"))


def is_program(text: str) -> bool:
    """Whether a text is a Python program that does something: `Paris` and `42` only parse."""
    tree = parse(text)
    return tree is not None and any(
        not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call) for node in tree.body
    )


def parse(text: str) -> ast.Module | None:
    """Return the tree of a text, or None where it is not Python."""
    try:
        with warnings.catch_warnings():
            # Of escapes that nobody knows, say: not ours to judge.
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def shape(text: str) -> str | None:
    """Return what is the same for programs that differ in comments only; None if it is not one."""
    tree = parse(text)
    return None if tree is None else ast.dump(tree)


def line_starts(text: str) -> list[int]:
    """Return where each line begins; only a newline ends one, as for Python's tokenizer."""
    starts = [0]
    for line in text.split("\n")[:-1]:
        starts.append(starts[-1] + len(line) + 1)
    return starts
