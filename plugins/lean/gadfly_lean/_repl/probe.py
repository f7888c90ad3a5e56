"""What proves that an answer belongs to its question, and what asks for axioms.

A nonce is drawn for each question and not shown before the answer to the question is there. Only
the next answer has it, so an answer that was forged, or one that is left from an earlier question,
shifts all that follow and is found out before the verdict is given away.

What a nonce cannot do: a process that a submission starts may take both pipes over, read the nonce
and answer in the REPL's place. Hence `Worker` also refuses a REPL that has new processes below it,
and hence nothing that a REPL says is more than a sieve.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence

from gadfly import InputError
from gadfly_lean._names import parse_name, show_name
from gadfly_lean._ports import Message

_AXIOMS = re.compile(
    r"'(?P<name>[^']+)' (?:does not depend on any axioms|depends on axioms: \[(?P<list>.*)\])",
    re.DOTALL,
)
_NAME = re.compile(r"(?:«[^«»]*»|[^«»,\[\]\s])+")
_ODD = re.compile(r"[\s,]*")
_SORRY_AX = ("sorryAx",)


def new_nonce() -> str:
    """Return a word that nobody can guess, and that Lean prints as it is."""
    return f"gadfly_{secrets.token_hex(16)}"


def nonce_source(nonce: str) -> str:
    """Return the command that has Lean say the nonce, without elaborating anything."""
    return f'#print "{nonce}"'


def says_nonce(messages: Sequence[Message], nonce: str) -> bool:
    """Whether the messages are the answer to `nonce_source`, and nothing else."""
    return len(messages) == 1 and messages[0].severity == "info" and messages[0].text == nonce


AXIOM_LINES = 5
"""How many lines `axiom_source` has."""


def axiom_source(target: str, nonce: str) -> str:
    """Return commands that ask for the axioms of a target, to follow its submission.

    A canary that is known to rest on `sorry` is asked for, too: an overridden `#print axioms` that
    always says the same gives itself away by it. One that looks at names does not.

    Raises:
        InputError: The target is not a name.
    """
    canary = f"_root_.{nonce}"
    return "\n".join(
        (
            nonce_source(f"{nonce} begins"),
            f"#print axioms _root_.{show_name(parse_name(target))}",
            f"theorem {canary} : True := sorry",
            f"#print axioms {canary}",
            nonce_source(f"{nonce} ends"),
        )
    )


def read_axioms(
    messages: Sequence[Message], target: str, nonce: str, *, first_line: int = 1
) -> tuple[str, ...] | None:
    """Return the axioms that the target rests on, as Lean told; None where that is not certain.

    Args:
        messages: What came back, all of it.
        target: The name that was asked for.
        nonce: That of `axiom_source`.
        first_line: The line that `axiom_source` begins at.
    """
    lines: dict[int, list[Message]] = {}
    for message in messages:
        if first_line <= message.line < first_line + AXIOM_LINES:
            lines.setdefault(message.line - first_line, []).append(message)
    asked = {0: f"{nonce} begins", 1: None, 3: None, 4: f"{nonce} ends"}
    for line, text in asked.items():
        said = lines.get(line, [])
        if len(said) != 1 or said[0].severity != "info" or text not in {None, said[0].text}:
            return None
    if _axioms(lines[3][0].text, nonce) != _SORRY_AX:
        return None
    return _axioms(lines[1][0].text, target)


def _axioms(text: str, name: str) -> tuple[str, ...] | None:
    match = _AXIOMS.fullmatch(text.strip())
    try:
        if match is None or parse_name(match["name"]) != parse_name(name):
            return None
    except InputError:
        return None
    listed = match["list"] or ""
    names = tuple(_NAME.findall(listed))
    return names if _ODD.fullmatch(_NAME.sub("", listed)) else None
