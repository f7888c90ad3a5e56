"""A refiner that keeps a rewrite only if it measures better and lost no content.

That is CRITIC's rule for toxicity (Gou et al. 2024: a correction is kept if the score fell), with a
guard against the cheapest way to lower a score, which is to say less. The loop's own pick of the
best draft counts verdicts and findings, not scores, and a critic is shown one draft without the one
before; a refiner is the place that sees both. A rewrite that is turned down leaves the draft as it
was, so the stop rule ends the run when that happens twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gadfly import Draft, Feedback, InputError, Model, ModelActor, Refiner, Reply, Task
from gadfly_safety._content import Kept, check_language, kept_content
from gadfly_safety._content_critic import check_share
from gadfly_safety._lexicon import LexiconMeter
from gadfly_safety._readings import Meter, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A rewrite held against the text that it rewrites."""

    is_better: bool
    reason: str
    """Why, or why not."""
    before: Reading
    after: Reading
    kept: Kept


def compare_rewrite(
    before: str,
    after: str,
    meter: Meter,
    *,
    threshold: float = 0.5,
    min_words: float = 0.6,
    language: str = "english",
) -> Comparison:
    """Return whether a rewrite measures better than the original and keeps its content.

    It has to score lower, to have no more passages from the threshold on, and to keep `min_words`
    of the content words, every number and every name. What the meter says is just what is wrong,
    and words of the word list, may go.

    Args:
        before: The original.
        after: The rewrite.
        meter: What measures both.
        threshold: The critic's.
        min_words: The share of content words to keep.
        language: See `kept_content`.

    Raises:
        ToolError: The meter broke.
    """
    old, new = meter.read(before), meter.read(after)
    ignore = [(one.start, one.end) for one in old.passages] if old.is_exact else []
    kept = kept_content(before, after, ignore=ignore, language=language)
    scores = f"{old.score:.2f} to {new.score:.2f}"
    if not after.strip():
        better, reason = False, "the rewrite is empty"
    elif new.score >= old.score:
        better, reason = False, f"its score does not fall: {scores}"
    elif _bad(new, threshold) > _bad(old, threshold):
        better, reason = False, f"its score falls, {scores}, but more passages count against it"
    elif not kept.is_enough(min_words):
        lost = "; ".join(kept.losses)
        better, reason = False, f"its score falls, {scores}, but it lost content ({lost})"
    else:
        better, reason = True, f"its score falls, {scores}, and its content is kept"
    return Comparison(is_better=better, reason=reason, before=old, after=new, kept=kept)


def _bad(reading: Reading, threshold: float) -> int:
    return sum(reading.is_exact or passage.score >= threshold for passage in reading.passages)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepBetter:
    """Refines with another refiner, and keeps what it wrote only if that is better.

    A draft that measures below the threshold was failed for another reason: then any rewrite is
    kept that stays below it, because mending something else may change the content.

    Content is held against the draft before, so over several rounds the losses add up: three kept
    rewrites may leave 0.6³ of the words. Where the task gives the original, `safety/kept_content`
    holds each draft against that.

    Raises:
        InputError: An option is wrong.
        ToolError: On use, when the meter breaks: the run stops there and can be resumed.
    """

    meter: Meter = field(default_factory=LexiconMeter)
    """What measures; `toxicity_meter` makes the one that `safety/toxicity` uses."""
    refiner: Refiner = field(default_factory=ModelActor)
    """What rewrites."""
    threshold: float = 0.5
    """The critic's own."""
    min_words: float = 0.6
    """The share of content words that a rewrite has to keep."""
    language: str = "english"
    """See `kept_content`."""

    def __post_init__(self) -> None:
        check_share(self.min_words)
        check_language(self.language)
        if not 0.0 < self.threshold <= 1.0:
            raise InputError(f"threshold is above 0 and at most 1, not {self.threshold!r}")

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        """Rewrite, and return the rewrite or the draft as it was; see `Refiner.refine`."""
        text, reply = await self.refiner.refine(task, draft, feedback, model)
        # A classifier blocks, and this is the engine's own process.
        is_kept = await asyncio.to_thread(self._is_kept, draft.text, text)
        return (text if is_kept else draft.text), reply

    def _is_kept(self, before: str, after: str) -> bool:
        compared = compare_rewrite(
            before,
            after,
            self.meter,
            threshold=self.threshold,
            min_words=self.min_words,
            language=self.language,
        )
        if compared.before.score < self.threshold:
            return compared.after.score < self.threshold
        return compared.is_better
