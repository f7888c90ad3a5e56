"""What the critics of Lean say in the same words: of an answer, of a `sorry`, of a mistake."""

from __future__ import annotations

from gadfly import Artifact, Finding, Hardness
from gadfly_lean._drafts import span_of_line
from gadfly_lean._ports import Answer, Sorry

_KEPT = 4_096
"""Characters of a message in evidence."""


def sentence(clause: str) -> str:
    """Return a clause, such as an error's, as a sentence."""
    return f"{clause[:1].upper()}{clause[1:].rstrip('.')}."


def message_lines(answer: Answer) -> list[str]:
    """Return an answer's first messages, each with its place, as evidence has them."""
    return [
        f"{one.severity} {one.line}:{one.column} {one.text}"[:_KEPT] for one in answer.messages[:50]
    ]


def sorry_finding(program: Artifact, sorry: Sorry, evidence: str) -> Finding:
    """Return that a `sorry` is left, with its goal and its place."""
    message = f"a sorry is left, for the goal {sorry.goal[:800]}"
    return Finding(message, Hardness.HARD, span_of_line(program, sorry.line), evidence)
