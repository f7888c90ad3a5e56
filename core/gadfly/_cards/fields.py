"""Which fields of a labelled row are what, and that none of its labels is shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from gadfly._errors import InputError, OracleError
from gadfly._jobs.rows import DRAFTS, ID, PROMPTS, field_of, first_name
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
    right: JSON = None
    """What `label` holds where the draft is right, if that is not true: `"SUPPORTS"`, say. Any
    other value but null means that it is wrong."""
    problem: str | None = None
    """`gid`, else the prompt: drafts with the same one are drafts of one problem."""
    first_error: str | None = None
    """`first_error_step` or `first_error_index`, where there is one. The first step is 1, in a
    field whose name ends in `index` it is 0; null means that no step is wrong."""
    group: str | None = None
    """The rates are given for each value of this field, too."""
    where: Mapping[str, tuple[JSON, ...]] = field(default_factory=dict[str, tuple[JSON, ...]])
    """Only rows of which each of these fields holds one of its values."""
    drop: str | None = None
    """Rows in which this is true are left out (`label_conflict`)."""
    inputs: Mapping[str, str | tuple[str, ...]] = field(
        default_factory=dict[str, str | tuple[str, ...]]
    )
    """What critics find in `Task.inputs`, by name: the row's field it comes from, or several, whose
    values become a list."""

    def settle(self, row: Mapping[str, JSON], place: str) -> LabelledFields:
        """Return the fields with all names decided by the first row.

        Raises:
            InputError: It lacks a prompt or a draft under any of the usual names.
            OracleError: An input is a label.
        """
        drafts = (*DRAFTS, STEPS)
        settled = replace(
            self,
            prompt=self.prompt or first_name(PROMPTS, row, place, "--prompt-field"),
            draft=self.draft or first_name(drafts, row, place, "--draft-field"),
            id=self.id or (ID if ID in row else None),
            problem=self.problem or ("gid" if "gid" in row else None),
            first_error=self.first_error or next((n for n in FIRST_ERRORS if n in row), None),
        )
        gold = {settled.label, settled.first_error}
        leaked = sorted(name for name in settled.shown() if name in gold or name.startswith("gold"))
        if leaked:
            raise OracleError(f"{leaked[0]!r} is a gold field: a critic must never see it")
        taken = sorted(RESERVED & set(self.inputs))
        if taken:
            raise InputError(f"an input cannot be called {taken[0]!r}: that is part of every row")
        return settled

    def wanted(self, row: Mapping[str, JSON]) -> bool:
        """Return whether a row is one of those that are measured with.

        Raises:
            InputError: It lacks a field by which that is decided.
        """
        if self.drop is not None and row.get(self.drop) is True:
            return False
        return all(
            any(is_same(field_of(row, name), value) for value in values)
            for name, values in self.where.items()
        )

    def given(self, row: Mapping[str, JSON]) -> dict[str, JSON]:
        """Return a row's inputs.

        Raises:
            InputError: It lacks the field of one.
        """
        return {
            name: field_of(row, source)
            if isinstance(source, str)
            else [field_of(row, one) for one in source]
            for name, source in self.inputs.items()
        }

    def shown(self) -> Iterator[str]:
        """Yield the names of the fields that critics see, once they are settled."""
        yield str(self.prompt)
        yield str(self.draft)
        for source in self.inputs.values():
            yield from [source] if isinstance(source, str) else source


def is_same(one: JSON, other: JSON) -> bool:
    """Return whether two values are the same: 1 and true are not, as Python has it."""
    return isinstance(one, bool) is isinstance(other, bool) and one == other
