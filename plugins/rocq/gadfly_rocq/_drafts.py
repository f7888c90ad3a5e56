"""What a task asks to be proved, and the program in a draft."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gadfly import Artifact, InputError, Span, Task
from gadfly_rocq._text import blanked, sentences

_FENCE = re.compile(
    r"^[ \t]*```[ \t]*(?P<language>[\w+-]*)[^\n`]*\n(?P<code>.*?)^[ \t]*```[ \t]*$",
    re.DOTALL | re.MULTILINE,
)
_LANGUAGES = frozenset({"coq", "rocq", "v", "gallina"})
_NAME = r"(?P<name>[^\W\d][\w']*)"
_ATTRIBUTES = r"(?:#\[[^\]]*\] ?)*(?:(?:Local|Global|Program|Polymorphic|Monomorphic) )*"
_CLAIM = re.compile(
    rf"{_ATTRIBUTES}(?:Theorem|Lemma|Fact|Remark|Corollary|Proposition|Property|Example) {_NAME}"
)
_PROVED = re.compile(rf"{_CLAIM.pattern}|{_ATTRIBUTES}Definition (?P<other>[^\W\d][\w']*)")
_AFTER = re.compile(r"(?:Proof\b.*|Admitted|Abort|Qed|Defined|admit)\.")
_SCRIPT = re.compile(r"Proof\b[^:]*\.")
_COMMAND = re.compile(
    r"^[ \t]*(?:Theorem|Lemma|Proof|Require|From|Definition|Goal)\b", re.MULTILINE
)
_DECLARATION = re.compile(
    rf"{_CLAIM.pattern}|{_ATTRIBUTES}(?:Definition|Fixpoint|CoFixpoint|Inductive|CoInductive|Variant"
    r"|Record|Structure|Class|Instance|Axiom|Parameter|Notation|Infix|Ltac|Function)\b"
)
_ENDS_PROOF = re.compile(r"(?:Qed|Defined|Admitted|Abort)\.")
_REQUIRE = re.compile(r"(?:From \S+ )?Require\b")
_SETTING = re.compile(
    r"(?:#\[[^\]]*\] ?)*(?:(?:Local|Global) )?"
    r"(?:Import|Export|Open|Close|Set|Unset|Generalizable|Bind|Delimit)\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What is to be proved, as the task's own side writes it."""

    header: str
    """What comes before the statement: imports, settings, definitions."""
    statement: str
    """One sentence, without a proof."""
    target: str
    """The name that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A header in its parts.

    Definitions are compiled once, so that the challenge and the submission speak of the same ones.
    Imports and settings hold for one file only, so each file repeats them.
    """

    requires: tuple[str, ...] = ()
    definitions: str = ""
    """The whole header where it defines something; else empty."""
    settings: tuple[str, ...] = ()

    def lead(self, given: str) -> str:
        """Return the lines that come before a challenge or a submission.

        Args:
            given: The name of the library that the definitions were compiled to.
        """
        own = (f"Require Import {given}.",) if self.definitions else ()
        return "".join(f"{one}\n" for one in (*self.requires, *own, *self.settings))


def find_challenge(task: Task) -> Challenge | None:
    """Return what a task asks to be proved; None where it does not say.

    It says so in `Task.inputs`: `statement`, and where it is needed `header`; or by one block of
    Rocq in the prompt. What stands before the last theorem of a statement belongs to the header.

    Raises:
        InputError: It says so unclearly.
    """
    given = {key: task.inputs.get(key) for key in ("header", "statement", "target")}
    for key, value in given.items():
        if value is not None and not isinstance(value, str):
            raise InputError(f"the task's {key!r} is a text of Rocq, not {value!r:.40}")
    statement, header, target = given["statement"], given["header"] or "", given["target"]
    if statement is None:
        blocks = list(_blocks(task.prompt))
        if len(blocks) > 1:
            raise InputError("the task's prompt has several blocks of Rocq: give `statement`")
        if not blocks:
            return None
        statement = blocks[0].text
    assert isinstance(statement, str) and isinstance(header, str)
    found = sentences(statement)
    while found and _AFTER.fullmatch(found[-1].plain):
        found.pop()
    match = _CLAIM.match(found[-1].plain) if found else None
    if match is None or not found[-1].plain.endswith("."):
        raise InputError(
            "the task's statement does not end with a theorem, as in `Theorem t : 1 = 1. Admitted.`"
        )
    if target not in {None, "", match["name"]}:
        raise InputError(f"the statement is that of {match['name']}, not of {target!r:.60}")
    before = statement[: found[-1].start].strip()
    return Challenge(
        header="\n".join(filter(None, (header, before))),
        statement=found[-1].text,
        target=match["name"],
    )


def find_source(text: str) -> Artifact | None:
    """Return the program in a draft; None where there is none.

    Raises:
        InputError: There are several.
    """
    blocks = list(_blocks(text))
    if len(blocks) > 1:
        raise InputError("the draft has several blocks of Rocq, and one is wanted")
    if blocks:
        return blocks[0]
    if "```" in text or not _COMMAND.search(text):
        return None
    return Artifact(kind="rocq", text=text, start=0)


def split_header(header: str) -> Header:
    """Return the parts of a header."""
    found = sentences(header)
    requires = tuple(one.text for one in found if _REQUIRE.match(one.plain))
    settings = tuple(one.text for one in found if _SETTING.match(one.plain))
    whole = len(requires) + len(settings) == len(found)
    return Header(requires=requires, definitions="" if whole else header, settings=settings)


def without_header(source: str, header: str) -> str:
    """Blank the declarations of a program that repeat the header's; lines stay in place.

    To declare them again would make other ones of the same name. A lemma goes with its proof.
    """
    given = {one.plain for one in sentences(header) if _DECLARATION.match(one.plain)}
    proof = False
    for one in sentences(source):
        repeated = one.plain in given
        if repeated or proof:
            gone = re.sub(r"[^\n]", " ", source[one.start : one.end])
            source = source[: one.start] + gone + source[one.end :]
        claimed = repeated and _CLAIM.match(one.plain) is not None
        proof = claimed or (proof and not _ENDS_PROOF.fullmatch(one.plain))
    return source


def is_script(source: str, target: str) -> bool:
    """Whether a program is a proof only, to follow the task's own statement."""
    found = sentences(source)
    return bool(found and _SCRIPT.fullmatch(found[0].plain)) and not declares(source, target)


def declares(source: str, target: str) -> bool:
    """Whether a sentence of a program states or defines the target, as far as its text shows."""
    matches = (_PROVED.match(one.plain) for one in sentences(source))
    return any(match and target in {match["name"], match["other"]} for match in matches)


def admissions(source: str) -> Iterator[tuple[str, int]]:
    """Yield the words that leave something without proof, with where they begin."""
    for match in re.finditer(r"\b(?:Admitted|Admit Obligations|admit|give_up)\b", blanked(source)):
        yield match[0], match.start()


def span_at(program: Artifact, start: int, end: int) -> Span | None:
    """Return where a stretch of a program is in its draft; None where it has no such stretch."""
    if not 0 <= start <= end <= len(program.text):
        return None
    line = program.text.count("\n", 0, start) + 1
    return Span(line, program.start + start, program.start + end)


def _blocks(text: str) -> Iterator[Artifact]:
    for match in _FENCE.finditer(text):
        if match["language"].lower() in _LANGUAGES:
            yield Artifact(kind="rocq", text=match["code"], start=match.start("code"))
