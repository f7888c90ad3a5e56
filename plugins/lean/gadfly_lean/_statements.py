"""A formal statement cut into its parts, by its text alone."""

# ruff: noqa: RUF001 - Lean's own symbols
from __future__ import annotations

import re
from dataclasses import dataclass

_COMMENT = re.compile(r"/-.*?-/|--[^\n]*", re.DOTALL)
_DECLARED = re.compile(
    r"\b(?P<keyword>theorem|lemma|example|def|instance)\b(?:[ \t]+(?P<name>[^\s:({\[⦃]+))?"
)
_MODIFIERS = re.compile(
    r"(?:@\[[^\]]*\]|\b(?:noncomputable|private|protected|nonrec|unsafe|partial)\b|\s)+\Z"
)
_UNIVERSES = re.compile(r"\{[^}]*\}")
_OPEN, _CLOSE = "([{⦃⟨", ")]}⦄⟩"


@dataclass(frozen=True, slots=True)
class Binder:
    """What stands in one bracket before the colon of a statement."""

    names: tuple[str, ...]
    """What it binds; empty for a class without a name."""
    kind: str
    """The type."""
    bracket: str
    """How it opens."""
    start: int
    """Where it opens in `Statement.text`."""
    end: int
    """The place after its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A declaration, cut at its top-level colon; comments are blanked."""

    prelude: str
    """What stands before it (`open`, `variable`, ...), without attributes and modifiers."""
    keyword: str
    universes: str
    """Its own universe names, as written (`.{u, v}`); empty where it has none."""
    binders: tuple[Binder, ...]
    goal: str
    text: str
    """Binders, colon and goal."""
    colon: int
    """Where the colon is in `text`."""

    @property
    def naturals(self) -> frozenset[str]:
        """The names bound to natural numbers."""
        return frozenset(
            name
            for binder in self.binders
            if binder.kind.strip() in {"ℕ", "Nat"}
            for name in binder.names
        )

    def with_goal(self, goal: str) -> str:
        """Return binders and another goal."""
        return f"{self.text[: self.colon]}: {goal}"

    def without(self, name: str) -> str:
        """Return binders and goal, one name no longer bound; all where nothing binds it."""
        for one in self.binders:
            if name in one.names:
                rest = " ".join(other for other in one.names if other != name)
                closing = self.text[one.end - 1]
                own = f"{one.bracket}{rest} :{one.kind}{closing}" if rest else ""
                return self.text[: one.start] + own + self.text[one.end :]
        return self.text


def read_statement(code: str) -> Statement | None:
    """Return the last declaration of a program.

    Returns:
        None where there is none, its brackets do not match, or it has no goal.
    """
    code = _COMMENT.sub(" ", code)
    starts = list(_DECLARED.finditer(code))
    if not starts:
        return None
    start = starts[-1]
    rest = code[start.end() :]
    universes = ""
    listed = _UNIVERSES.match(rest)
    if listed and (start["name"] or "").endswith("."):
        universes, rest = f".{listed[0]}", rest[listed.end() :]
    groups = _groups(rest)
    if groups is None:
        return None
    outside = _blank(rest, groups)
    end = outside.find(":=")
    rest, outside = (rest, outside) if end < 0 else (rest[:end], outside[:end])
    colon = outside.find(":")
    if colon < 0 or not rest[colon + 1 :].strip():
        return None
    return Statement(
        prelude=_MODIFIERS.sub("", code[: start.start()]).strip(),
        keyword=start["keyword"],
        universes=universes,
        binders=tuple(_binder(rest, a, b) for a, b in groups if b < colon),
        goal=rest[colon + 1 :].strip(),
        text=rest,
        colon=colon,
    )


def _groups(text: str) -> list[tuple[int, int]] | None:
    """Return where the outermost brackets open and close; None where they do not match."""
    groups: list[tuple[int, int]] = []
    waiting: list[str] = []
    opened = 0
    for place, char in enumerate(text):
        if char in _OPEN:
            opened = opened if waiting else place
            waiting.append(_CLOSE[_OPEN.index(char)])
        elif char in _CLOSE:
            if not waiting or waiting.pop() != char:
                return None
            if not waiting:
                groups.append((opened, place))
    return None if waiting else groups


def _blank(text: str, groups: list[tuple[int, int]]) -> str:
    """Return a text with the insides of brackets blanked, every character in its place."""
    for start, end in groups:
        text = text[:start] + " " * (end + 1 - start) + text[end + 1 :]
    return text


def _binder(text: str, start: int, end: int) -> Binder:
    inner = text[start + 1 : end]
    names, colon, kind = inner.partition(":")
    if not colon:
        return Binder((), inner, text[start], start, end + 1)
    return Binder(tuple(names.split()), kind, text[start], start, end + 1)
