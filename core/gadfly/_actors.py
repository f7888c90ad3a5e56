"""The actor that is a model: it drafts from the task, and refines from findings."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gadfly._errors import InputError
from gadfly._ports import Feedback, Model
from gadfly._values.task import Artifact, Draft, Message, Reply, Task

_FENCE = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<language>[\w+#.-]*)[^\n]*\n"
    r"(?P<code>.*?)(?:^[ \t]*(?P=fence)[ \t\r]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
_STATEMENT = re.compile(
    r"(import \w|from [\w.]+ import |(async )?def \w+\(|class \w+[(:]|@\w|[A-Za-z_]\w* *=[^=])"
    r"|\s+(return\b|[A-Za-z_]\w* *=[^=])"
)
"""How a line of a program begins, and a line of prose does not."""
_LANGUAGES = {"py": "python", "python3": "python", "": "code"}


@dataclass(frozen=True, slots=True)
class ModelActor:
    """Drafts with the task's prompt and refines with `Feedback.text`: Self-Refine's conversation.

    The model sees the question, the newest draft and the newest feedback; nothing older.

    Raises:
        InputError: On use, when the agent has no model.
    """

    instructions: str = ""
    """A system message before everything; none where empty."""

    async def draft(self, task: Task, model: Model | None) -> tuple[str, Reply]:
        """See `Actor.draft`."""
        return await self._ask(model, [Message("user", task.prompt)])

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        """See `Refiner.refine`."""
        conversation = [
            Message("user", task.prompt),
            Message("assistant", draft.text),
            Message("user", feedback.text),
        ]
        return await self._ask(model, conversation)

    async def _ask(self, model: Model | None, messages: Sequence[Message]) -> tuple[str, Reply]:
        if model is None:
            raise InputError("this actor needs a model: give the agent one, or another actor")
        system = [Message("system", self.instructions)] if self.instructions else []
        reply = await model.generate([*system, *messages])
        return reply.text, reply


def extract_artifacts(text: str) -> tuple[Artifact, ...]:
    """Return the parts of a draft that can be checked by themselves, in order.

    Fenced blocks come with their language as kind (`python`; `code` where none is given). A text
    without a fence that is a Python program as a whole is one `python` artifact.
    """
    blocks: list[Artifact] = []
    for match in _FENCE.finditer(text):
        language = match["language"].lower()
        kind = _LANGUAGES.get(language, language)
        code = match["code"].rstrip("\n")
        blocks.append(Artifact(kind=kind, text=code, start=match.start("code")))
    if blocks:
        return tuple(blocks)
    if _is_program(text):
        return (Artifact(kind="python", text=text, start=0),)
    return ()


def _is_program(text: str) -> bool:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        # A broken program still looks like one: it begins with statements.
        code = [line for line in text.splitlines() if re.match(r"\s*[^\s#]", line)]
        return bool(code) and all(_STATEMENT.match(line) for line in code[:2])
    # A single word or number parses too, and is no program.
    return any(not isinstance(node, ast.Expr) for node in tree.body) or any(
        isinstance(node, ast.Call) for node in ast.walk(tree)
    )
