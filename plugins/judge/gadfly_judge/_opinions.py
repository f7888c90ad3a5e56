"""What all judges share: when they cannot judge, and how an opinion becomes a critique."""

from __future__ import annotations

from gadfly import (
    Context,
    Critique,
    Draft,
    Finding,
    Hardness,
    InputError,
    Model,
    Span,
    Verdict,
)
from gadfly_judge._interview import MAX_QUOTED, Answer

CORRECT, INCORRECT, UNSURE = "correct", "incorrect", "unsure"
LABELS = (CORRECT, INCORRECT, UNSURE)
NOTHING = Critique(Verdict.SKIP, "The draft is empty.")


def judge_model(context: Context, judge: str) -> Model:
    """Return the model to ask.

    Raises:
        InputError: The agent has none.
    """
    if context.model is None:
        raise InputError(
            f"{judge} asks a model, and there is none: give the agent a model or judge"
        )
    return context.model


def unfit(draft: Draft, context: Context) -> Critique | None:
    """Return the critique of a draft that cannot be judged as a whole; None of any other."""
    if not draft.text.strip():
        return NOTHING
    for name, text in (("draft", draft.text), ("task", context.task.prompt)):
        if len(text) > MAX_QUOTED:
            problem = f"The {name} is longer than {MAX_QUOTED:,} characters: it was not judged."
            return Critique(Verdict.ABSTAIN, problem)
    return None


def objection(answer: Answer, span: Span | None = None, about: str = "") -> Finding:
    """Return what a judge objects to. A judge's word is never more than a suspicion."""
    said = answer.reason or "the judge gives no reason"
    return Finding(f"{about}{said}", Hardness.SOFT, span, answer.evidence.id)


def unsettled(answer: Answer) -> str:
    """Return why an answer settles nothing, in words that hold none of the reply's."""
    if answer.label is None:
        return "the judge's reply is not in the agreed form"
    return f"the judge is {answer.label}"
