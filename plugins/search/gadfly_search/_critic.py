"""`search/claims`: do the sources bear out what the draft says?

Each sentence is looked up and judged: first by rules, which decide little and are seldom wrong,
then, where there is one, by a model. Each judgement has a citation, word for word. What nobody
could settle is an abstention, with the passages that were found as evidence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from gadfly import (
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
    Verdict,
    digest,
)
from gadfly_search._claims import MAX_CHARACTERS, Claim, find_claims, find_sentences
from gadfly_search._embedder import Embedder
from gadfly_search._hybrid import HybridIndex
from gadfly_search._index import Index
from gadfly_search._judge import judge_by_model
from gadfly_search._rules import Judgement, Label, judge_by_rules
from gadfly_search._searcher import Searcher, passages_of
from gadfly_search._sources import find_tool

MAX_CLAIMS = 40
"""Of one draft. One with more is never passed: the rest was not looked up."""
_AT_ONCE = 4
"""Claims looked up side by side."""
_MAX_QUOTE = 300

_Judged = tuple[Claim, Judgement, Evidence]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimsCritic:
    """Accept a draft where sources support every claim; object where one contradicts a claim.

    It abstains where a claim is neither supported nor contradicted.

    Raises:
        InputError: `limit` is not positive, or more than one place to search is given, or
            an embedder without an index.
    """

    cost: ClassVar[Cost] = Cost.NORMAL
    index: str | None = None
    """The store of `build_index` to look claims up in."""
    embedder: Embedder | None = None
    """The one that the index was built with, to search it by meaning too."""
    tool: str | None = None
    """The id of the tool in `Context.tools` to look claims up with, such as `search/brave`."""
    searcher: Searcher | None = None
    """The same, made in code."""
    limit: int = 5
    """Passages for each claim."""
    model: bool = True
    """Whether the context's model is asked where the rules settle nothing."""

    def __post_init__(self) -> None:
        if sum(place is not None for place in (self.index, self.tool, self.searcher)) > 1:
            raise InputError("search/claims takes one of index, tool and searcher")
        if self.embedder is not None and self.index is None:
            raise InputError("search/claims: an embedder goes with an index (option index=STORE)")
        if not 1 <= self.limit <= 50:
            raise InputError(f"search/claims: limit is 1 to 50 passages, not {self.limit!r}")

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft asserts anything."""
        return bool(find_sentences(draft.text))

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        sentences = find_sentences(draft.text)
        if not sentences:
            return Critique(Verdict.SKIP, "The draft asserts nothing.")
        usable = [s for s in sentences if len(s.text) <= MAX_CHARACTERS][:MAX_CLAIMS]
        lookup = find_tool(context, searcher=self._searcher(), tool=self.tool, limit=self.limit)
        model = context.model if self.model else None
        claims = await find_claims(usable, context.task, model)
        slots = asyncio.Semaphore(_AT_ONCE)

        async def judge(claim: Claim) -> _Judged:
            async with slots:
                found = await lookup(claim.text)
                passages = passages_of(found)
                judgement = judge_by_rules(claim.text, passages)
                if judgement.label is Label.NOT_ENOUGH and model is not None and passages:
                    judgement = await judge_by_model(claim.text, passages, model)
                return claim, judgement, _evidence(claim, judgement, found)

        judged = await asyncio.gather(*(judge(claim) for claim in claims))
        return _conclude(draft, judged, unseen=len(sentences) - len(usable))

    def _searcher(self) -> Searcher | None:
        if self.index is None:
            return self.searcher
        if self.embedder is None:
            return Index(self.index)
        return HybridIndex(self.index, self.embedder)


def _conclude(draft: Draft, judged: Sequence[_Judged], unseen: int) -> Critique:
    evidence = tuple({record.id: record for _, _, record in judged}.values())
    labels = [judgement.label for _, judgement, _ in judged]
    findings = tuple(
        _finding(draft, claim, judgement, record)
        for claim, judgement, record in judged
        if judgement.label is not Label.SUPPORTS
    )
    supported, refuted = labels.count(Label.SUPPORTS), labels.count(Label.REFUTES)
    total = len(labels) + unseen
    score = supported / total
    if refuted:
        summary = f"Sources contradict {refuted} of {total} claims."
        return Critique(Verdict.FAIL, summary, findings, evidence, score)
    if supported == total:
        summary = f"Sources support all {total} claims." if total > 1 else "A source supports it."
        return Critique(Verdict.PASS, summary, findings, evidence, score)
    summary = f"Sources support {supported} of {total} claims and settle no other."
    return Critique(Verdict.ABSTAIN, summary, findings, evidence)


def _finding(draft: Draft, claim: Claim, judgement: Judgement, record: Evidence) -> Finding:
    span = _span(draft.text, claim.sentence)
    if judgement.label is Label.REFUTES and judgement.passage is not None:
        cited = f'{judgement.passage.cite()}: "{_cut(judgement.quote)}"'
        said = f'"{_cut(claim.text)}" is contradicted ({judgement.reason}) by {cited}'
        hardness = Hardness.HARD if judgement.by == "rules" else Hardness.SOFT
        return Finding(said, hardness, span, record.id)
    said = f'"{_cut(claim.text)}" is not confirmed: {judgement.reason}'
    return Finding(said, Hardness.HINT, span, record.id)


def _evidence(claim: Claim, judgement: Judgement, found: Evidence) -> Evidence:
    """Return what the search observed, with what was concluded from it."""
    passage = judgement.passage
    concluded = {
        "claim": claim.text,
        "label": judgement.label.value,
        "by": judgement.by,
        "reason": judgement.reason,
        "passage": passage.id if passage else None,
        "quote": judgement.quote,
    }
    identity = digest({"search": found.id, "claim": claim.text})
    return replace(found, id=identity, observation={**found.observation, **concluded})


def _span(text: str, sentence: Artifact) -> Span:
    # Lines as a person's editor counts them, which is how findings name them.
    line = len(text[: sentence.start + 1].splitlines()) or 1
    return Span(line, sentence.start, sentence.end)


def _cut(text: str) -> str:
    return text if len(text) <= _MAX_QUOTE else f"{text[:_MAX_QUOTE]}…"
