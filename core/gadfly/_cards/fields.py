"""Which fields of a labelled row are what, and that none of its labels is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gadfly._errors import InputError, OracleError
from gadfly._jobs.rows import DRAFTS, ID, PROMPTS
from gadfly._values.task import JSON

STEPS = "steps"
FIRST_ERRORS = ("first_error_step", "first_error_index")
RESERVED = frozenset({"id", "prompt", "draft", "priority"})
"""Names of the rows that critics are run on: an input may have none of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledFields:
    """Which fields of a row are what. None: the usual names, as the first row has them."""

    prompt: str | None = None
    """`prompt` or `question`."""
    draft: str | None = None
    """`draft`, `response`, `program`, `text` or `steps`: a string, or a list of strings, which are
    the draft's steps and become its lines."""
    id: str | None = None
    """`id`, else the line's number."""
    label: str = "correct"
    """Whether the draft is right: true, false, or null where nobody knows."""
    problem: str | None = None
    """`gid`, else the prompt: drafts with the same one are drafts of one problem."""
    first_error: str | None = None
    """`first_error_step` or `first_error_index`, where there is one. The first step is 1, in a
    field whose name ends in `index` it is 0; null means that no step is wrong."""
    group: str | None = None
    """The rates are given for each value of this field, too."""
    drop: str | None = None
    """Rows in which this is true are left out (`label_conflict`)."""
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])
    """What critics find in `Task.inputs`, by name: the row's field it comes from."""

    def settle(self, row: Mapping[str, JSON], place: str) -> LabelledFields:
        """Return the fields with all names decided by the first row.

        Raises:
            InputError: It lacks a prompt or a draft under any of the usual names.
            OracleError: An input is a label.
        """
        settled = replace(
            self,
            prompt=self.prompt or _first(PROMPTS, row, "prompt", place),
            draft=self.draft or _first((*DRAFTS, STEPS), row, "draft", place),
            id=self.id or (ID if ID in row else None),
            problem=self.problem or ("gid" if "gid" in row else None),
            first_error=self.first_error or next((n for n in FIRST_ERRORS if n in row), None),
        )
        gold = {settled.label, settled.first_error}
        seen = {*self.inputs.values(), str(settled.prompt), str(settled.draft)}
        leaked = sorted(name for name in seen if name in gold or name.startswith("gold"))
        if leaked:
            raise OracleError(f"{leaked[0]!r} is a gold field: a critic must never see it")
        taken = sorted(RESERVED & set(self.inputs))
        if taken:
            raise InputError(f"an input cannot be called {taken[0]!r}: that is part of every row")
        return settled


def _first(names: Sequence[str], row: Mapping[str, JSON], what: str, place: str) -> str:
    for name in names:
        if name in row:
            return name
    wanted = " or ".join(repr(name) for name in names)
    raise InputError(
        f"{place}: no field {wanted}; fields there: {', '.join(row)}; "
        f"name yours with --{what}-field"
    )
