"""A checklist: constraints as plain JSON, read from a task, from a user, or from a model.

    [{"type": "words", "at_least": 300}, {"type": "no_commas"}, "The tone is friendly."]

An object names a constraint type and gives its arguments; a string is an item in words, which no
instrument checks: it is kept, and a draft that meets all else is then not passed, but left open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gadfly import JSON, InputError, Task
from gadfly_constraints._extract import extract
from gadfly_constraints._ifeval import from_ifeval
from gadfly_constraints._outcome import Outcome
from gadfly_constraints._registry import ConstraintType

MAX_ITEMS = 200
"""Items that a checklist may have."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """One item of a checklist that an instrument can check."""

    type: ConstraintType
    given: Mapping[str, JSON]
    """Its arguments, as the checklist gives them."""
    arguments: Mapping[str, Any]
    """The same, as the check takes them."""

    def __str__(self) -> str:
        shown = ", ".join(f"{key}={_brief(value)}" for key, value in self.given.items())
        return f"{self.type.name}({shown})"

    def check(self, text: str) -> Outcome:
        """Hold a text to it."""
        return self.type.check(text, **self.arguments)


Checklist = tuple[Constraint | str, ...]
"""Constraints, and items in words that no instrument checks."""


def read_checklist(items: JSON, types: Mapping[str, ConstraintType]) -> Checklist:
    """Read a checklist from plain JSON.

    Args:
        items: A list of items, see above.
        types: The constraint types that it may name (`all_types`).

    Raises:
        InputError: It is no such list; the message names the item and what is wrong with it.
    """
    if not isinstance(items, Sequence) or isinstance(items, str):
        raise InputError(f"a checklist is a list of items, not {type(items).__name__}")
    if len(items) > MAX_ITEMS:
        raise InputError(f"a checklist has at most {MAX_ITEMS} items, not {len(items)}")
    return tuple(_item(item, f"checklist item {n}", types) for n, item in enumerate(items, 1))


def task_items(task: Task) -> Sequence[JSON] | None:
    """Return the checklist in a task's data, unread; None where there is none.

    It is `Task.inputs["constraints"]`, or IFEval's own fields `instruction_id_list` and `kwargs`.

    Raises:
        InputError: One of these is there, but is no list.
    """
    own = _listed(task, "constraints")
    ids = _listed(task, "instruction_id_list")
    if ids is None:
        return own
    given = _listed(task, "kwargs") or ()
    if not all(isinstance(one, str) for one in ids) or not all(
        isinstance(one, Mapping) for one in given
    ):
        raise InputError("IFEval: instruction_id_list holds strings, kwargs holds mappings")
    kwargs = [one for one in given if isinstance(one, Mapping)]
    return [*(own or ()), *from_ifeval([str(one) for one in ids], kwargs)]


def find_items(task: Task, *, read_prompt: bool) -> Sequence[JSON]:
    """Return what a task asks for: the checklist in its data, or else what its prompt says."""
    items = task_items(task)
    if items is None:
        return extract(task.prompt) if read_prompt else ()
    return items


def _listed(task: Task, field: str) -> Sequence[JSON] | None:
    given = task.inputs.get(field)
    if given is None or (isinstance(given, Sequence) and not isinstance(given, str)):
        return given
    raise InputError(f"the task's {field} is a list, not {given!r:.60}")


def _item(item: JSON, where: str, types: Mapping[str, ConstraintType]) -> Constraint | str:
    if isinstance(item, str) and item.strip():
        return item
    if not isinstance(item, Mapping):
        raise InputError(f"{where} is an object with a type, or words, not {item!r:.60}")
    name = item.get("type")
    if not isinstance(name, str) or name not in types:
        raise InputError(f"{where}: there is no constraint type {name!r:.60}")
    given = {key: value for key, value in item.items() if key != "type"}
    try:
        constraint = Constraint(types[name], given, types[name].read(given))
        # What is wrong with the arguments together shows on any text.
        constraint.check("")
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return constraint


def _brief(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:59]}…"
