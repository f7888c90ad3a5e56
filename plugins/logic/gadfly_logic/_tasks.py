"""What a task itself says, where its sentences can all be read exactly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from gadfly import JSON, InputError, Task
from gadfly_logic._language import Condition, Program, Rules, Source
from gadfly_logic._orders import Row, as_constraints, read_row
from gadfly_logic._sentences import UnreadError, read_sentence, read_statement, sentences
from gadfly_logic._solving import ANSWERS

MAX_CHARACTERS = 50_000
"""Characters of a task that are read."""
_OPTION = re.compile(r"\s*\(?([A-Z])[).]\s+(\S.*)")
_ASKED = re.compile(
    r"(?:based on the above information, )?is the following statement true"
    r"(?: or false|, false,? or (?P<open>unknown))\?\s*(?P<statement>[^.?\n]+\.?)\s*",
    re.IGNORECASE,
)
_WHICH = re.compile(
    r"(?:q: )?(?:given the above statements, )?which of the following is (?:true|correct)\?\s*"
    r"(?:options:\s*)?",
    re.IGNORECASE,
)
_OPTIONS = re.compile(r"options:\s*$", re.IGNORECASE)
_BULLET = re.compile(r"^- ", re.MULTILINE)
_PREAMBLE = re.compile(
    r"The following (?:paragraphs|statements) each describe a set of \w+ objects arranged in a "
    r"fixed order\.\s+The statements are logically consistent(?: within each paragraph)?\.\s+"
)


@dataclass(frozen=True, slots=True)
class Puzzle:
    """A task whose sentences were all read."""

    program: Program
    options: tuple[str, ...]
    row: Row | None = None
    """The things whose order is asked for; None where facts and rules are given."""


def read_task(task: Task) -> Puzzle:
    """Read a task's prompt, or its `context`, `question` and `options` in `Task.inputs`.

    Raises:
        UnreadError: Something in it is not read exactly; the message quotes it.
        InputError: One of these inputs is of the wrong type.
    """
    context, question = _string(task, "context"), _string(task, "question")
    if (context is None) != (question is None):
        raise InputError("Task.inputs has both a context and a question, or neither")
    text = task.prompt if context is None else f"{context}\n{question}"
    if len(text) > MAX_CHARACTERS:
        raise UnreadError("it is too long")
    listed = task_options(task)
    lines = text.split("\n")
    options = listed or tuple(line.strip() for line in lines if _OPTION.fullmatch(line))
    text = "\n".join(line for line in lines if not _OPTION.fullmatch(line)).strip()
    if asked := _ASKED.search(text):
        if asked.end() != len(text):
            raise UnreadError(text[asked.end() :][:80])
        return _rules(text[: asked.start()], asked, options)
    # That preamble asks by itself which of the options holds.
    which = _WHICH.search(text) or (_PREAMBLE.match(text) and _OPTIONS.search(text))
    if which and which.end() == len(text):
        return _row(text[: which.start()], options)
    raise UnreadError("its question")


def task_options(task: Task) -> tuple[str, ...]:
    """Return `Task.inputs["options"]`; nothing where there are none.

    Raises:
        InputError: They are no list of strings.
    """
    given: JSON = task.inputs.get("options")
    if given is None:
        return ()
    if not isinstance(given, Sequence) or not all(isinstance(one, str) for one in given):
        raise InputError("Task.inputs['options'] is a list of strings")
    if isinstance(given, str):
        raise InputError("Task.inputs['options'] is a list of strings, not one string")
    return tuple(str(one) for one in given)


def _string(task: Task, name: str) -> str | None:
    given = task.inputs.get(name)
    if given is not None and not isinstance(given, str):
        raise InputError(f"Task.inputs[{name!r}] is a string, not {type(given).__name__}")
    return given


def _rules(facts: str, asked: re.Match[str], options: tuple[str, ...]) -> Puzzle:
    clauses = [
        clause
        for sentence, start in sentences(facts)
        for clause in read_sentence(sentence, facts.count("\n", 0, start) + 1)
    ]
    if not clauses:
        raise UnreadError("it states no facts")
    query = read_statement(asked["statement"])
    source = Source(1, asked["statement"].strip())
    known = options or (ANSWERS if asked["open"] else ANSWERS[:2])
    return Puzzle(Rules(tuple(clauses), query, source), known)


def _row(text: str, options: tuple[str, ...]) -> Puzzle:
    if preamble := _PREAMBLE.match(text):
        text = text[preamble.end() :]
    text = _BULLET.sub("", text)
    first, *rest = sentences(text)
    row = read_row(first[0])
    conditions = tuple(row.read(sentence) for sentence, _ in rest)
    choices: dict[str, Condition] = {}
    for option in options:
        match = _OPTION.fullmatch(option)
        if match is None:
            raise UnreadError(option)
        choices[match[1]] = row.read(match[2])
    if not choices:
        raise UnreadError("it has no options")
    return Puzzle(as_constraints(row, conditions, choices), options, row)


def options_of(task: Task) -> tuple[str, ...]:
    """Return a task's options: those of its inputs, or the lettered lines of its prompt."""
    return task_options(task) or tuple(
        line.strip() for line in task.prompt.split("\n") if _OPTION.fullmatch(line)
    )
