"""`metamath/proofs`: does the draft prove the task's statement, in the task's database?

The database and the statement are the task's, and only they are read as statements. The draft
gives the proof alone: labels, in the normal or the compressed format. So it cannot add an axiom,
declare a symbol or change what is to be proved; where it repeats the statement, it must repeat it
exactly.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from gadfly import (
    JSON,
    Artifact,
    Context,
    Cost,
    Critique,
    Draft,
    Evidence,
    Finding,
    Hardness,
    InputError,
    Span,
    Task,
    ToolError,
    Verdict,
    digest,
    extract_artifacts,
)
from gadfly_metamath._database import DatabaseError, Expression, Theorem, theorems
from gadfly_metamath._verifier import ProofError, ProofLimitError, verify

MAX_CHARACTERS = 1_000_000
"""Of a proof that is looked at."""
_ID = "metamath/proofs"
_KINDS = ("metamath", "mm")
_TOKEN = re.compile(r"\S+")
_OPEN = ("?",)


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    """In the draft."""


class _RefusedError(Exception):
    """The draft is no proof of the statement, before any step is made."""

    def __init__(self, message: str, token: _Token) -> None:
        super().__init__(message)
        self.token = token


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofsCritic:
    """Accept a draft whose proof was verified, step by step, from the database's assertions.

    It fails a proof that is wrong or incomplete, and abstains where the proof is too large. The
    theorems of the database are taken for proved. It does not apply to a task without a statement
    to prove, nor to a draft without a fenced block.
    """

    cost: ClassVar[Cost] = Cost.NORMAL
    database: str | None = None
    """A file with the database, for tasks that bring none in `inputs["database"]`."""

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the task has a statement to prove, and the draft a block."""
        return bool(_statement(task).strip()) and _find_block(draft) is not None

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`.

        Raises:
            InputError: The task's database breaks the rules of the language, or its last statement
                is no `$p` with the proof `?`.
            ToolError: The file with the database cannot be read.
        """
        block = _find_block(draft)
        statement = _statement(context.task)
        if block is None or not statement.strip():
            return Critique(Verdict.SKIP, "There is no statement to prove, or no proof.")
        if len(block.text) > MAX_CHARACTERS:
            return Critique(Verdict.ABSTAIN, "The proof is too long to be checked.")
        source = f"{self._database(context.task)}\n{statement}"
        goal = _find_goal(source)
        request: dict[str, JSON] = {
            "source": digest(source),
            "label": goal.assertion.label,
            "statement": " ".join(goal.assertion.expression),
            "proof": block.text,
        }
        return _critique(draft, block, goal, request)

    def _database(self, task: Task) -> str:
        given = _input(task, "database")
        if given or self.database is None:
            return given
        try:
            return Path(self.database).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise ToolError(f"the database {self.database} cannot be read: {error}") from error


def _critique(draft: Draft, block: Artifact, goal: Theorem, request: dict[str, JSON]) -> Critique:
    def evidence(**observation: JSON) -> Evidence:
        id_ = digest({"tool": _ID, "request": request})
        return Evidence(id=id_, tool=_ID, request=request, observation=observation)

    def failure(message: str, place: tuple[int, int], said: Evidence) -> Critique:
        line = block.text.count("\n", 0, place[0] - block.start) + 1
        finding = Finding(message, Hardness.HARD, Span(line, *place), said.id)
        return Critique(Verdict.FAIL, f"{message}.", (finding,), (said,))

    try:
        proof = _read_proof(block, goal)
    except _RefusedError as refusal:
        begin = refusal.token.start
        place = begin, begin + len(refusal.token.text)
        return failure(str(refusal), place, evidence(verified=False))
    try:
        steps = verify(goal, [token.text for token in proof])
    except ProofLimitError as limit:
        return Critique(Verdict.ABSTAIN, f"{limit}.", (), (evidence(limit=str(limit)),))
    except ProofError as error:
        said = evidence(
            verified=False,
            step=error.step,
            stack=[_shown(one, 500) for one in error.stack[-8:]],
            expected=error.expected and _shown(error.expected, 500),
            found=error.found and _shown(error.found, 500),
        )
        return failure(_message(error), _place(error, proof, block), said)
    proved = f"{goal.assertion.label} is proved, in {steps} steps."
    return Critique(Verdict.PASS, proved, (), (evidence(verified=True, steps=steps),))


def _find_goal(source: str) -> Theorem:
    """Return the statement to prove: the last one, which has the proof `?`."""
    goal = None
    try:
        for goal in theorems(source):  # noqa: B007 - the last one is wanted
            pass
    except DatabaseError as error:
        raise InputError(f"the task's database is no Metamath: {error}") from error
    last = None if goal is None else goal.assertion.number + 1
    if goal is None or goal.proof != _OPEN or last != len(goal.assertions):
        raise InputError("the task's last statement is to be what is asked: LABEL $p ... $= ? $.")
    return goal


def _read_proof(block: Artifact, goal: Theorem) -> Sequence[_Token]:
    """Return the tokens of the proof, without the statement that may stand before it."""
    tokens = _tokens(block)
    words = tuple(token.text for token in tokens)
    if "$p" in words[:2]:
        end = words.index("$=") if "$=" in words else len(words)
        stated = " ".join(words[:end])
        wanted = f"{goal.assertion.label} $p {' '.join(goal.assertion.expression)}"
        if stated != wanted:
            message = f"the draft states {stated:.100}, the task asks for {wanted:.100}"
            raise _RefusedError(message, tokens[0])
        tokens = tokens[end + 1 :]
    if tokens and tokens[-1].text == "$.":
        tokens = tokens[:-1]
    for token in tokens:
        if "$" in token.text:
            raise _RefusedError(
                f"{token.text:.40} is no part of a proof: it has labels only", token
            )
    return tokens


def _tokens(block: Artifact) -> list[_Token]:
    """Split a block, without its comments."""
    tokens: list[_Token] = []
    comment: _Token | None = None
    for match in _TOKEN.finditer(block.text):
        token = _Token(match[0], block.start + match.start())
        if comment is None and token.text == "$(":
            comment = token
        elif comment is None:
            tokens.append(token)
        elif token.text == "$)":
            comment = None
    if comment is not None:
        raise _RefusedError("a comment does not end", comment)
    return tokens


def _place(error: ProofError, proof: Sequence[_Token], block: Artifact) -> tuple[int, int]:
    if error.token >= len(proof):
        return block.end, block.end
    token = proof[error.token]
    begin = token.start + error.offset
    # In a compressed proof a letter is at fault, not the heap that it stands in.
    packed = proof[0].text == "(" and ")" in [one.text for one in proof[: error.token]]
    return begin, begin + 1 if packed else token.start + len(token.text)


def _message(error: ProofError) -> str:
    where = "the proof: " if error.step is None else f"step {error.step}: "
    message = f"{where}{error}"
    if error.expected is not None and error.found is not None:
        message += f": expected {_shown(error.expected)}, found {_shown(error.found)}"
    elif error.step is not None:
        message += f"; on top of the stack: {_shown(error.stack[-1]) if error.stack else 'nothing'}"
    return message


def _shown(expression: Expression, most: int = 120) -> str:
    text = " ".join(expression[:most])
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _statement(task: Task) -> str:
    """Return what is to be proved, from the task's inputs or the Metamath blocks of its prompt."""
    blocks = [part.text for part in extract_artifacts(task.prompt) if part.kind in _KINDS]
    return _input(task, "statement") or "\n".join(blocks)


def _input(task: Task, name: str) -> str:
    given = task.inputs.get(name)
    if given is not None and not isinstance(given, str):
        raise InputError(f"the task's {name} is Metamath source, not {given!r:.60}")
    return given or ""


def _find_block(draft: Draft) -> Artifact | None:
    blocks = [part for part in extract_artifacts(draft.text) if part.kind in {*_KINDS, "code"}]
    return blocks[-1] if blocks else None
