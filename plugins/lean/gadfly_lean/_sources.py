"""Programs for attempts, written from statements.

Names in them are digests of the statements: who writes a statement cannot mention them in it.
"""

from __future__ import annotations

import re
import textwrap

from gadfly import digest
from gadfly_lean._statements import Statement

_THEOREMS = frozenset({"theorem", "lemma", "example"})
_ALLOWED = re.compile(r"(?:open|universes?|variables?)\b")
_WORDS = """
macro macro_rules notation notation3 infix infixl infixr prefix postfix syntax elab elab_rules
declare_syntax_cat instance attribute run_cmd run_tac run_meta run_elab by_elab axiom def theorem
lemma example abbrev structure class inductive opaque import set_option initialize
builtin_initialize by sorry admit sorryAx unsafe end section namespace export local
"""
_FOREIGN = re.compile(
    rf"(?<![\w.'])(?:{'|'.join(_WORDS.split())})(?![\w'])"
    r"|#(?:eval|print|exit|check|reduce|synth|guard|find|lint|html|help|redefine)|[`«\"]"
)
"""What has no place in a statement that is only asked about. It keeps honest drafts apart from
those that would change what is asked; it is no wall (see `lean/formalisation` in the README)."""


def why_unfit(statement: Statement) -> str:
    """Return why a stranger's statement is not put into a program; empty where it can be."""
    if statement.keyword not in _THEOREMS:
        return f"it is a {statement.keyword}, and no theorem"
    for line in statement.prelude.split("\n"):
        if line.strip() and not line[0].isspace() and not _ALLOWED.match(line):
            return f"it brings more than a statement: {line.strip()[:60]!r}"
    found = _FOREIGN.search(statement.prelude) or _FOREIGN.search(statement.text)
    return f"it has a {found[0]!r}, which could change what is asked" if found else ""


def name_for(role: str, *statements: Statement) -> str:
    """Return a name that none of the statements can have in it."""
    texts = [f"{one.prelude}\n{one.universes}{one.text}" for one in statements]
    mark = re.sub(r"\W", "", digest({"role": role, "statements": texts}))[-16:]
    return f"gadfly_{role}_{mark}"


def program(*parts: str) -> str:
    """Return a program of several sections, in which every name must be bound."""
    return "\n".join(("set_option autoImplicit false", *parts))


def theorem(statement: Statement, name: str, proof: str, *, signature: str = "") -> str:
    """Return a section with a theorem.

    Args:
        statement: Whose prelude, universes and signature it has.
        name: Its name.
        proof: What follows `:=`.
        signature: Binders and goal, where they are not those of the statement.
    """
    return _section(statement, f"theorem {name}", f"{signature or statement.text} := {proof}")


def axiom(statement: Statement, name: str) -> str:
    """Return a section that takes a statement for granted: `#print axioms` tells of its use."""
    return _section(statement, f"axiom {name}", statement.text)


def _section(statement: Statement, head: str, rest: str) -> str:
    # Texts begin and end with blanks of their own.
    lines = ("section", statement.prelude, f"{head}{statement.universes} {rest.strip()}", "end")
    return "\n".join(line for line in lines if line)


def tactics(*lines: str) -> str:
    """Return a proof by tactics, after the hypotheses got names."""
    return "by\n" + textwrap.indent("\n".join(("intros", *lines)), "  ")
