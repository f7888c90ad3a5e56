"""What a task asks to be proved, and the Lean program in a draft."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gadfly import Artifact, InputError, Span, Task
from gadfly_lean._headers import split_header

_FENCE = re.compile(
    r"^[ \t]*```[ \t]*(?P<language>[\w+-]*)[^\n`]*\n(?P<code>.*?)^[ \t]*```[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
_LANGUAGES = frozenset({"lean", "lean4"})
_COMMAND = re.compile(r"^[ \t]*(?:theorem|lemma|import|example|open|namespace)\s", re.MULTILINE)
_DECLARED = re.compile(
    r"^[ \t]*(?:@\[[^\]\n]*\][ \t]*)?(?:theorem|lemma)[ \t]+(?P<name>[^\s:({\[⦃]+)", re.MULTILINE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What is to be proved, as the task's own side writes it."""

    header: str
    """Imports, options and what else comes first."""
    statement: str
    """The statement, its proof left out by `sorry`."""
    target: str
    """The full name of the theorem."""


def find_challenge(task: Task) -> Challenge | None:
    """Return what a task asks to be proved; None where it does not say.

    It says so in `Task.inputs`: `statement`, and where they are needed `header` and `target`; or by
    one block of Lean in the prompt.

    Raises:
        InputError: It says so unclearly.
    """
    given = {key: task.inputs.get(key) for key in ("header", "statement", "target")}
    for key, value in given.items():
        if value is not None and not isinstance(value, str):
            raise InputError(f"the task's {key!r} is a text of Lean, not {value!r:.40}")
    statement, header, target = given["statement"], given["header"] or "", given["target"] or ""
    assert isinstance(header, str) and isinstance(target, str)
    if statement is None:
        blocks = list(_blocks(task.prompt))
        if len(blocks) > 1:
            raise InputError("the task's prompt has several blocks of Lean: give `statement`")
        if not blocks:
            return None
        statement = blocks[0].text
    assert isinstance(statement, str)
    if not header:
        split = split_header(statement)
        header, statement = split.head, split.rest
    if not target:
        names = _DECLARED.findall(statement)
        if not names or "namespace" in statement:
            raise InputError("which theorem is to be proved is not clear: give `target` in full")
        target = names[-1].removeprefix("_root_.")
    return Challenge(header=header, statement=statement, target=target)


def has_source(text: str) -> bool:
    """Whether a draft has a program of Lean; also where it has several, which its critic says."""
    try:
        return find_source(text) is not None
    except InputError:
        return True


def find_source(text: str) -> Artifact | None:
    """Return the Lean program of a draft; None where there is none.

    Raises:
        InputError: There are several.
    """
    blocks = list(_blocks(text))
    if len(blocks) > 1:
        raise InputError("the draft has several blocks of Lean, and one is wanted")
    if blocks:
        return blocks[0]
    if "```" in text or not _COMMAND.search(text):
        return None
    return Artifact(kind="lean", text=text, start=0)


def without_imports(source: str, header: str) -> str:
    """Blank the imports of a program, which the task's header makes for it; all stays in place.

    Raises:
        InputError: It imports what the header does not, or its imports cannot be read.
    """
    own = split_header(source)
    if not own.imports:
        return source
    foreign = sorted({*own.imports} - {*split_header(header).imports})
    if foreign:
        raise InputError(f"the draft imports {foreign[0][:60]}, which the task's header does not")
    return re.sub(r"[^\n]", " ", own.head) + own.rest


def span_of_line(program: Artifact, line: int) -> Span | None:
    """Return where a line of the program is in its draft; None where it has no such line."""
    lines = program.text.split("\n")
    if not 1 <= line <= len(lines):
        return None
    start = program.start + sum(len(one) + 1 for one in lines[: line - 1])
    return Span(line, start, start + len(lines[line - 1]))


def _blocks(text: str) -> Iterator[Artifact]:
    for match in _FENCE.finditer(text):
        if match["language"].lower() in _LANGUAGES:
            yield Artifact(kind="lean", text=match["code"], start=match.start("code"))
