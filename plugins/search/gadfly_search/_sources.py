"""Where a claim is looked up: what the critic was given, else what comes with the task.

A task may bring its own passages: in `inputs["passages"]`, a list of texts or of objects with `id`,
`text`, `title` and `source`; or in its prompt, as lines `[id] text` below a line `Sources:`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from gadfly import Context, InputError, Task, Tool
from gadfly_search._searcher import Passage, Searcher, SearchTool
from gadfly_search._words import FUNCTION_WORDS, words

NOWHERE = (
    "there is nowhere to look claims up: give search/claims an index (option index=STORE) or a "
    "tool (option tool=ID), or the task passages (inputs['passages'], or 'Sources:' in its prompt)"
)
_SOURCES = re.compile(
    r"^[ \t]*(?:Sources|Passages):[ \t]*\n(?P<list>(?:[ \t]*\[[^\]\n]{1,200}\].*\n?|[ \t]*\n)+)",
    re.MULTILINE,
)
_SOURCE = re.compile(r"^[ \t]*\[(?P<id>[^\]\n]{1,200})\][ \t]*(?P<text>\S.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Given:
    """A searcher over a few passages: those that share the most words with the query come first."""

    passages: Sequence[Passage]
    name: str = "search/given"

    async def search(self, query: str, limit: int = 5) -> Sequence[Passage]:
        """See `Searcher.search`."""
        asked = set(words(query)) - FUNCTION_WORDS
        ranked = sorted(
            (
                (len(asked & set(words(p.title, p.text))), -place, p)
                for place, p in enumerate(self.passages)
            ),
            key=lambda ranked: ranked[:2],
            reverse=True,
        )
        return [passage for shared, _, passage in ranked if shared][:limit]


def find_tool(context: Context, *, searcher: Searcher | None, tool: str | None, limit: int) -> Tool:
    """Return the tool that looks claims up.

    Raises:
        InputError: There is none, or none of that name.
    """
    if searcher is not None:
        return SearchTool(searcher, limit)
    if tool is not None:
        if tool not in context.tools:
            known = ", ".join(context.tools) or "none"
            raise InputError(f"search/claims is to use the tool {tool!r}; the agent has: {known}")
        return context.tools[tool]
    passages = given_passages(context.task)
    if passages:
        return SearchTool(Given(passages), limit)
    ours = [name for name in context.tools if name.startswith("search/")]
    if len(ours) != 1:
        raise InputError(
            NOWHERE if not ours else f"which of {', '.join(ours)}? option tool=ID says"
        )
    return context.tools[ours[0]]


def given_passages(task: Task) -> list[Passage]:
    """Return the passages that come with a task.

    Raises:
        InputError: `inputs["passages"]` is there, but is no list of passages.
    """
    given = task.inputs.get("passages")
    if given is not None:
        if not isinstance(given, list | tuple):
            raise InputError("Task.inputs['passages'] is a list of texts or of objects with a text")
        return [_read(row, n) for n, row in enumerate(cast("Sequence[object]", given), 1)]
    block = _SOURCES.search(task.prompt)
    listed = _SOURCE.finditer(block["list"]) if block else ()
    return [Passage(m["id"].strip(), m["text"].strip(), "", "the prompt") for m in listed]


def _read(row: object, number: int) -> Passage:
    fields = cast("Mapping[str, object]", row) if isinstance(row, Mapping) else {"text": row}
    text = fields.get("text")
    if not isinstance(text, str):
        raise InputError(f"passage {number} of Task.inputs['passages'] has no text")
    named = {name: str(fields.get(name) or "") for name in ("title", "source", "place")}
    return Passage(str(fields.get("id") or number), text, **named)
