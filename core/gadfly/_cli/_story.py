"""A trace as a story for a person, told in the order in which things happened."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Sequence

from gadfly._values.budget import Usage
from gadfly._values.codec import load
from gadfly._values.critique import Critique
from gadfly._values.outcome import Event, EventKind, Outcome
from gadfly._values.task import Draft, Task

_WIDE = 100
"""Characters shown of one line of text that was not written for us."""
_LINES = 12
"""Lines shown of a draft."""


def tell(events: Sequence[Event]) -> Iterator[str]:
    """Yield the lines of a run's story.

    Raises:
        InputError: An event does not hold what its kind should.
    """
    yield f"run {events[0].run}, {clock(events[0].at)}"
    for event in events:
        yield from tell_event(event)
    if events[-1].kind is not EventKind.FINISHED:
        yield f"not finished: the last event is of {clock(events[-1].at)}"


def tell_event(event: Event) -> Iterator[str]:
    """Yield the lines about one event."""
    yield from _TELLERS[event.kind](event)


def clock(at: float) -> str:
    """Return a time for a person, in the local zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))


def brief(text: str) -> str:
    """Return a text as one line of bounded width."""
    return textwrap.shorten(text, _WIDE, placeholder=" …")


def task_of(event: Event) -> str:
    """Return the prompt of the task that a run began with, in brief."""
    return brief(load(Task, event.data.get("task")).prompt)


def outcome_of(event: Event) -> Outcome:
    """Return what a run's last event says it came to."""
    return load(Outcome, event.data.get("outcome"))


def _started(event: Event) -> Iterator[str]:
    prompt = " ".join(load(Task, event.data.get("task")).prompt.split())
    yield from textwrap.wrap(f"task: {prompt}", _WIDE, max_lines=_LINES, placeholder=" …")


def _drafted(event: Event) -> Iterator[str]:
    draft = load(Draft, event.data.get("draft"))
    author = f" by {draft.author}" if draft.author else ""
    parent = "" if draft.parent is None else f", revising draft {draft.parent}"
    lines = draft.text.split("\n")
    yield ""
    yield f"draft {draft.number}{author}{parent}"
    yield from (f"    {line[:_WIDE]}" for line in lines[:_LINES])
    if len(lines) > _LINES:
        yield f"    … ({len(lines)} lines)"


def _selected(event: Event) -> Iterator[str]:
    critics = event.data.get("critics")
    yield f"  checks: {', '.join(map(str, critics)) if isinstance(critics, list) else critics}"


def _critiqued(event: Event) -> Iterator[str]:
    critique = load(Critique, event.data.get("critique"))
    yield f"  {event.data.get('critic')}: {critique.verdict}{_tail(critique.summary)}"
    for finding in critique.findings:
        where = f"line {finding.span.line}: " if finding.span else ""
        rests_on = f" [{finding.evidence}]" if finding.evidence else ""
        yield f"    - {where}{brief(finding.message)}{rests_on}"
    if critique.suggestion:
        yield f"    suggestion: {brief(critique.suggestion)}"
    for evidence in critique.evidence:
        yield f"    evidence {evidence.id} ({evidence.tool})"


def _decided(event: Event) -> Iterator[str]:
    yield f"  decision: {event.data.get('choice')}{_tail(event.data.get('reason'))}"


def _asked(event: Event) -> Iterator[str]:
    yield f"  a person is asked{_tail(event.data.get('reason'))}"


def _finished(event: Event) -> Iterator[str]:
    outcome = outcome_of(event)
    yield ""
    yield f"stopped: {outcome.stopped}{_tail(outcome.reason)}"
    yield f"best draft: {outcome.draft.number} of {len(outcome.drafts)}"
    yield f"spent: {outcome.seconds:.1f} s, {_spent(outcome.usage)}"
    yield f"oracle: {outcome.oracle}"


_TELLERS = {
    EventKind.STARTED: _started,
    EventKind.DRAFTED: _drafted,
    EventKind.SELECTED: _selected,
    EventKind.CRITIQUED: _critiqued,
    EventKind.DECIDED: _decided,
    EventKind.ASKED: _asked,
    EventKind.FINISHED: _finished,
}


def _spent(usage: Usage) -> str:
    return (
        f"{usage.model_calls} model calls, {usage.tokens} tokens, {usage.tool_calls} tool calls, "
        f"{usage.sandbox_seconds:.1f} s in the sandbox"
    )


def _tail(text: object) -> str:
    return f" ({brief(str(text))})" if text else ""
