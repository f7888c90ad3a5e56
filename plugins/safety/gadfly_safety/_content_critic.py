"""`safety/kept_content`: does a rewrite still say what the original says?

It is for tasks that ask for a rewrite: the original is `Task.inputs["original"]`, or the only
fenced block of the prompt. What the agent itself rewrites in its loop is no critic's business,
because a critic is shown one draft: there `KeepBetter` compares a rewrite with the draft before it.

Findings are soft: words are measured, not meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from gadfly import (
    JSON,
    Context,
    Cost,
    Critique,
    Draft,
    Evidence,
    Finding,
    Hardness,
    InputError,
    Task,
    Verdict,
    digest,
    extract_artifacts,
)
from gadfly_safety._content import check_language, kept_content

INPUT = "original"
"""The key of `Task.inputs` under which the original comes with a task."""
MAX_CHARACTERS = 100_000
_ID = "safety/kept_content"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptContentCritic:
    """Fail a rewrite that lost numbers, names or too many content words of the original.

    `Critique.score` is the share of content words that are kept.

    Raises:
        InputError: `min_words` is no share, or there is no stemmer for the language.
    """

    cost: ClassVar[Cost] = Cost.CHEAP

    min_words: float = 0.6
    """The share of content words that a rewrite has to keep."""
    language: str = "english"
    """See `kept_content`."""

    def __post_init__(self) -> None:
        check_share(self.min_words)
        check_language(self.language)

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the task comes with an original."""
        return INPUT in task.inputs or original_of(task) is not None

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        original = original_of(context.task)
        if original is None:
            return Critique(Verdict.ABSTAIN, "The task comes with no original.")
        if max(len(original), len(draft.text)) > MAX_CHARACTERS:
            return Critique(
                Verdict.ABSTAIN, f"A text is longer than {MAX_CHARACTERS:,} characters."
            )
        kept = kept_content(original, draft.text, language=self.language)
        request: dict[str, JSON] = {
            "original": original,
            "rewrite": draft.text,
            "language": self.language,
        }
        evidence = Evidence(
            id=digest({"tool": _ID, "request": request}),
            tool=_ID,
            request=request,
            observation={
                "words": round(kept.words, 4),
                "lost_words": [*kept.lost_words[:50]],
                "lost_numbers": [*kept.lost_numbers[:50]],
                "lost_names": [*kept.lost_names[:50]],
            },
        )
        share = f"{kept.words:.0%} of the content words are kept"
        if draft.text.strip() and kept.is_enough(self.min_words):
            summary = f"{share}, and every number and name; meaning was not measured."
            return Critique(Verdict.PASS, summary, (), (evidence,), kept.words)
        findings = tuple(
            Finding(f"the rewrite lost {loss}", Hardness.SOFT, None, evidence.id)
            for loss in kept.losses
        ) or (Finding("the rewrite is empty", Hardness.SOFT, None, evidence.id),)
        return Critique(Verdict.FAIL, f"{share}.", findings, (evidence,), kept.words)


def check_share(share: float) -> None:
    """Return if this is a share of words.

    Raises:
        InputError: It is outside [0, 1].
    """
    if not 0.0 <= share <= 1.0:
        raise InputError(f"min_words is a share between 0 and 1, not {share!r}")


def original_of(task: Task) -> str | None:
    """Return the text that a task asks to rewrite; None where it comes with none.

    Raises:
        InputError: `Task.inputs["original"]` is no text.
    """
    given = task.inputs.get(INPUT)
    if given is not None:
        if not isinstance(given, str) or not given.strip():
            raise InputError(f"Task.inputs[{INPUT!r}] is the text to rewrite, not {given!r:.80}")
        return given
    if "```" not in task.prompt and "~~~" not in task.prompt:
        return None
    blocks = [block.text for block in extract_artifacts(task.prompt) if block.text.strip()]
    return blocks[0] if len(blocks) == 1 else None
