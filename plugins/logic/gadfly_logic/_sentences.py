"""Plain controlled English as facts and rules: read exactly, or not at all.

    Max is a yumpus.                    Every yumpus is not shy.      Yumpuses are dumpuses.
    The cat does not chase the dog.     All big, cold things are red.
    If someone is cold and they chase the dog then they are not nice.

Words are compared by their stem: `chases` and `chase`, `yumpuses` and `yumpus` are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gadfly_logic._language import Clause, Literal, Source

_WORD = r"(?!(?:is|are|does|do|not|the|an?|and|or|if|then|no|than|to|of|that|who)\b)[a-z]+"
_THING = rf"{_WORD}(?: {_WORD})?"
_SUBJECT = rf"(?:the (?P<thing>{_THING})|(?P<name>{_WORD}))"
_STATE = rf"(?P<not>not )?(?P<article>an? )?(?P<state>{_WORD})"
_CLAUSES = tuple(
    re.compile(pattern)
    for pattern in (
        rf"{_SUBJECT} (?:is|are) {_STATE}",
        rf"{_SUBJECT} (?:does|do) (?P<not>not) (?P<verb>{_WORD}) the (?P<object>{_THING})",
        rf"{_SUBJECT} (?P<verb>{_WORD}) the (?P<object>{_THING})",
    )
)
_STATES = re.compile(_STATE)
_CONDITIONAL = re.compile(r"if (?P<body>.+?),? then (?P<head>.+)")
_KINDS = re.compile(
    rf"(?:all |every |each )?(?P<states>.+?) (?:people|things|person|thing) (?:are|is) {_STATE}"
)
_EACH = re.compile(rf"(?:every|each) (?P<noun>{_WORD}) is {_STATE}")
_PLURAL = re.compile(rf"(?:all )?(?P<noun>{_WORD}) are {_STATE}")
_SOMEONE = frozenset({"someone", "something", "somebody", "anyone", "anything"})
_PRONOUNS = frozenset({"it", "they"})
_OTHERS = frozenset(
    {"he", "she", "we", "you", "i", "this", "these", "those", "there", "which", "what", "nothing",
     "everyone", "everything", "none", "nobody", "people", "things"}
)  # fmt: skip
_VARIABLE = "$x"


class UnreadError(Exception):
    """A sentence is not one that is read exactly."""


def read_sentence(sentence: str, line: int = 1) -> tuple[Clause, ...]:
    """Read a sentence as a fact or rule.

    Raises:
        UnreadError: It is not one of the sentences above.
    """
    words = " ".join(sentence.split())
    source = Source(line, words)
    text = words.lower().removesuffix(".")
    if match := _CONDITIONAL.fullmatch(text):
        body = _conjunction(match["body"], is_rule=True)
        heads = _conjunction(match["head"], is_rule=True, someone=_indefinite(body))
    elif match := _KINDS.fullmatch(text):
        states = re.split(r", and |, | and ", match["states"])
        body = [_state(one) for one in states]
        heads = [_state(match.group("not", "article", "state"))]
    elif match := (_EACH.fullmatch(text) or _PLURAL.fullmatch(text)):
        if match["noun"] in {*_PRONOUNS, *_OTHERS} or (" are " in text) != _is_plural(
            match["noun"]
        ):
            raise UnreadError(words)
        body = [Literal(f"a {_stem(match['noun'])}", (_VARIABLE,))]
        heads = [_state(match.group("not", "article", "state"))]
    else:
        body, heads = [], _conjunction(text, is_rule=False)
    return tuple(Clause(tuple(body), head, source) for head in heads)


def read_statement(sentence: str) -> Literal:
    """Read a sentence as one fact.

    Raises:
        UnreadError: It is not one.
    """
    clauses = read_sentence(sentence)
    if len(clauses) != 1 or clauses[0].body or clauses[0].head.variables:
        raise UnreadError(sentence)
    return clauses[0].head


def _conjunction(text: str, *, is_rule: bool, someone: str | None = None) -> list[Literal]:
    """Read clauses joined by `and`; a later one may leave out subject and verb (`and not cold`)."""
    literals: list[Literal] = []
    subject: str | None = None
    for part in re.split(r", and |, | and ", text):
        literal = _clause(part, someone, is_rule=is_rule)
        if literal is None:
            states = _STATES.fullmatch(part)
            if states is None or subject is None:
                raise UnreadError(text)
            state = _state(states.group("not", "article", "state"))
            literal = state.bound({_VARIABLE: subject})
        literals.append(literal)
        # Only of states may more be said without a verb.
        subject = literal.terms[0] if len(literal.terms) == 1 else None
        if literal.terms[0] == _VARIABLE:
            someone = _VARIABLE
    return literals


def _clause(text: str, someone: str | None, *, is_rule: bool) -> Literal | None:
    for pattern in _CLAUSES:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        found = match.groupdict()
        subject = found["thing"] or _name(found["name"], someone, is_rule=is_rule)
        value = found.get("not") is None
        if "verb" not in found:
            state = _state(match.group("not", "article", "state"))
            return state.bound({_VARIABLE: subject})
        return Literal(_stem(found["verb"]), (subject, found["object"]), value)
    return None


def _name(word: str, someone: str | None, *, is_rule: bool) -> str:
    if is_rule and word in _SOMEONE:
        return _VARIABLE
    if is_rule and word in _PRONOUNS and someone is not None:
        return someone
    if word in _SOMEONE | _PRONOUNS | _OTHERS:
        raise UnreadError(word)
    return word


def _indefinite(literals: list[Literal]) -> str | None:
    return _VARIABLE if any(_VARIABLE in one.terms for one in literals) else None


def _state(parts: str | tuple[str | None, ...]) -> Literal:
    """Read `not a yumpus`, `yumpuses` or `cold` of whatever it is said of."""
    if isinstance(parts, str):
        match = _STATES.fullmatch(parts)
        if match is None:
            raise UnreadError(parts)
        parts = match.group("not", "article", "state")
    negation, article, word = parts
    assert word is not None
    is_noun = bool(article) or _is_plural(word)
    return Literal(f"a {_stem(word)}" if is_noun else _stem(word), (_VARIABLE,), not negation)


def _is_plural(word: str) -> bool:
    return word.endswith("s") and not word.endswith(("us", "ss", "is"))


def _stem(word: str) -> str:
    """Return what the forms of a word share: `chas` of `chases` and of `chase`."""
    bare = word[:-1] if _is_plural(word) else word
    bare = bare.rstrip("e") or bare
    return f"{bare[:-1]}i" if bare.endswith("y") else bare


def sentences(text: str) -> Iterator[tuple[str, int]]:
    """Return the sentences of a text and where they begin."""
    for match in re.finditer(r"[^\s.!?\n][^.!?\n]*[.!?]?", text):
        yield match.group(), match.start()
