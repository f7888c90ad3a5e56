"""`safety/toxicity`: does a classifier, or a word list, find a sentence toxic?

**Findings are soft**, the classifier's as well as the list's. Either is a suspicion: a score that a
model learnt from other people's judgements, or a word without its meaning. A required critic's
failure vetoes the draft all the same; what a hard finding would add is that the draft could never
be the best one, whatever else is right about it, and for that no instrument here is good enough.

**A clean reading of the list is an abstention**, because most of what people call toxic holds no
listed word (the measured shares are in `WEAKNESS`). Who wants it as a pass says so:
`lexicon_passes=True`. A classifier's score below the threshold is a pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    Verdict,
    digest,
)
from gadfly_safety._classifier import ClassifierMeter, Head
from gadfly_safety._lexicon import LexiconMeter
from gadfly_safety._readings import Meter, Passage, Reading, span_of

MAX_CHARACTERS = 50_000
MAX_FINDINGS = 10
MAX_UNREAD = 0.5
"""From this share of unknown tokens on, a low score establishes nothing."""
_ID = "safety/toxicity"
SUGGESTION = (
    "say the same without insult, obscenity or threat; keep every name, number and other fact"
)
WEAKNESS = (
    "a word list is weak: on recorded web sentences it found 65 % of the toxic ones, and 97 % of "
    "those it found were toxic"
)
"""What `benchmarks/safety_instruments.py` measured; two of five sentences there are toxic."""
UNMEASURED = "a word list is weak, and how good this one is was not measured"


def toxicity_meter(
    classifier: str | Meter | None = None,
    *,
    labels: Sequence[str] | None = None,
    lexicon: str | None = None,
    device: str = "auto",
    head: Head = "auto",
) -> Meter:
    """Return the meter that the options of `safety/toxicity` ask for.

    Args:
        classifier: A folder with Hugging Face weights, or a meter of your own; None for the list.
        labels: See `ClassifierMeter`; only with a folder.
        lexicon: A file with a word list of your own; only without a classifier.
        device: See `ClassifierMeter`.
        head: See `ClassifierMeter`.

    Raises:
        InputError: The options do not go together, or a folder or file is not there.
    """
    if classifier is not None and lexicon is not None:
        raise InputError("give a classifier or a lexicon, not both: only one of them measures")
    if labels is not None and not isinstance(classifier, str):
        raise InputError("labels are a classifier's: give its folder as classifier, too")
    if classifier is None:
        return LexiconMeter(lexicon)
    if isinstance(classifier, str):
        return ClassifierMeter(classifier, labels=labels, device=device, head=head)
    return classifier


@dataclass(frozen=True, slots=True, kw_only=True)
class ToxicityCritic:
    """Fail a draft in which a sentence, or the whole, measures toxic.

    `Critique.score` is 1 minus the toxicity; it is None where a word list found nothing.

    Raises:
        InputError: An option is wrong; see `toxicity_meter`.
    """

    # A classifier is loaded on the first draft, which takes seconds; then it reads in milliseconds.
    cost: ClassVar[Cost] = Cost.NORMAL
    deadline_seconds: ClassVar[float] = 180.0

    classifier: str | Meter | None = None
    """A folder with Hugging Face weights, or a meter of your own; None for the word list."""
    labels: Sequence[str] | None = None
    """The classifier's labels that count; None for all but those named like nothing wrong."""
    threshold: float = 0.5
    """From this score on a draft fails. CRITIC's loop goes on until it is below 0.1."""
    lexicon: str | None = None
    """A word list of your own, in place of the one that comes with the package."""
    lexicon_passes: bool = False
    """Whether a draft without a listed word passes; by default that is an abstention."""
    device: str = "auto"
    head: Head = "auto"
    """See `ClassifierMeter`."""
    meter: Meter = field(init=False, compare=False, repr=False)
    """What measures."""

    def __post_init__(self) -> None:
        if not 0.0 < self.threshold <= 1.0:
            raise InputError(f"threshold is above 0 and at most 1, not {self.threshold!r}")
        meter = toxicity_meter(
            self.classifier,
            labels=self.labels,
            lexicon=self.lexicon,
            device=self.device,
            head=self.head,
        )
        object.__setattr__(self, "meter", meter)

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`.

        Raises:
            ToolError: The classifier cannot be loaded, or gives no numbers.
        """
        if not draft.text.strip():
            return Critique(Verdict.ABSTAIN, "The draft is empty.")
        if len(draft.text) > MAX_CHARACTERS:
            return Critique(
                Verdict.ABSTAIN, f"The draft is longer than {MAX_CHARACTERS:,} characters."
            )
        reading = self.meter.read(draft.text)
        evidence = self._evidence(draft.text, reading)
        if reading.score >= self.threshold:
            return self._failure(draft.text, reading, evidence)
        if reading.unread >= MAX_UNREAD:
            summary = f"{self.meter.name} knows no word for {reading.unread:.0%} of the draft."
            return Critique(Verdict.ABSTAIN, summary, (), (evidence,))
        if not isinstance(self.meter, LexiconMeter):
            summary = f"Toxicity is {reading.score:.2f}, below {self.threshold:g}."
            return Critique(Verdict.PASS, summary, (), (evidence,), 1 - reading.score)
        verdict = Verdict.PASS if self.lexicon_passes else Verdict.ABSTAIN
        found = len(reading.passages)
        what = f"{found} listed words, too few to fail it" if found else "No listed word"
        summary = f"{what}; that is weak evidence: {self._weakness}."
        return Critique(verdict, summary, (), (evidence,))

    @property
    def _weakness(self) -> str:
        return WEAKNESS if self.lexicon is None else UNMEASURED

    def _failure(self, text: str, reading: Reading, evidence: Evidence) -> Critique:
        by_list = isinstance(self.meter, LexiconMeter)
        toxic = [
            passage for passage in reading.passages if by_list or passage.score >= self.threshold
        ]
        worst = sorted(toxic, key=lambda passage: -passage.score)[:MAX_FINDINGS]
        findings = tuple(
            _finding(text, passage, evidence.id, by_list=by_list)
            for passage in sorted(worst, key=lambda passage: passage.start)
        ) or (Finding("the text as a whole reads as toxic", Hardness.SOFT, None, evidence.id),)
        if by_list:
            summary = f"{len(toxic)} listed words; {self._weakness}."
        else:
            summary = (
                f"Toxicity is {reading.score:.2f}, which is {self.threshold:g} or more, by "
                f"{self.meter.name}."
            )
        return Critique(Verdict.FAIL, summary, findings, (evidence,), 1 - reading.score, SUGGESTION)

    def _evidence(self, text: str, reading: Reading) -> Evidence:
        request: dict[str, JSON] = {
            "text": text,
            "meter": self.meter.name,
            "labels": None if self.labels is None else [*self.labels],
            "threshold": self.threshold,
        }
        versions: Mapping[str, str] = {}
        if isinstance(self.meter, LexiconMeter):
            versions = {"lexicon": self.meter.lexicon.identity}
        elif isinstance(self.meter, ClassifierMeter):
            versions = self.meter.versions
        observed = sorted(reading.passages, key=lambda passage: -passage.score)[:MAX_FINDINGS]
        return Evidence(
            id=digest({"tool": _ID, "request": request, "versions": {**versions}}),
            tool=_ID,
            request=request,
            observation={
                "score": round(reading.score, 4),
                "unread": round(reading.unread, 4),
                **reading.details,
                "passages": [
                    {
                        "start": passage.start,
                        "end": passage.end,
                        "label": passage.label,
                        "score": round(passage.score, 4),
                    }
                    for passage in observed
                ],
            },
            versions=versions,
        )


def _finding(text: str, passage: Passage, evidence: str, *, by_list: bool) -> Finding:
    quoted = " ".join(text[passage.start : passage.end].split())
    quoted = quoted if len(quoted) <= 100 else f"{quoted[:99]}…"
    if by_list:
        message = f"{quoted!r} is a listed word ({passage.label})"
    else:
        message = f"{quoted!r} reads as {passage.label} ({passage.score:.2f})"
    return Finding(message, Hardness.SOFT, span_of(text, passage.start, passage.end), evidence)
