"""`lean/formalisation`: what is suspicious about a formal statement of the task's text?

Cheapest first: signals of the text alone, then what Lean shows of the statement, then whether it is
equivalent to a reference, and a model's opinion last. Each is a finding of its own. None of them
shows that a statement is faithful, so there is no pass.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
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
    ModelError,
    Task,
    Verdict,
    digest,
)
from gadfly_lean._attempts import Attempt, Outcome, Workbench
from gadfly_lean._drafts import find_source, has_source, without_imports
from gadfly_lean._equivalence import Comparison, Equivalence, compare
from gadfly_lean._faithful import FAITHFUL, UNFAITHFUL, ask
from gadfly_lean._headers import split_header
from gadfly_lean._ports import Lean
from gadfly_lean._probes import probe
from gadfly_lean._signals import Signal, find_signals
from gadfly_lean._sources import why_unfit
from gadfly_lean._statements import Statement, read_statement
from gadfly_lean._telling import sentence

_ID = "lean/formalisation"
MAX_CHARACTERS = 20_000
"""Longer programs, and longer texts, are not looked at."""
_QUICK, _SPARE = 60.0, 60.0


@dataclass(slots=True)
class _Report:
    """What was found so far."""

    findings: list[Finding] = field(default_factory=list[Finding])
    evidence: list[Evidence] = field(default_factory=list[Evidence])
    notes: list[str] = field(default_factory=list[str])
    """Clauses for the summary: what was looked at, and what could not be."""

    @property
    def fault(self) -> str:
        """The first hard finding; empty where there is none."""
        return next((one.message for one in self.findings if one.hardness is Hardness.HARD), "")

    def add(self, signals: Iterable[Signal], evidence: Evidence) -> None:
        """Make each signal a finding that rests on the evidence."""
        self.evidence.append(evidence)
        self.findings += (
            Finding(f"{one.name}: {one.message}", one.hardness, None, evidence.id)
            for one in signals
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FormalisationCritic:
    """Name what is suspicious about a draft's formal statement of the task's text.

    It fails what is no whole statement, what Lean refuses, what holds by itself, and what has
    hypotheses that contradict each other. Everything else is a soft finding and an abstention: it
    never passes a statement, because nothing here shows that one is faithful.

    `Task.inputs` may have `header` (imports), and `reference_statement`: a formal statement that
    the task itself gives, such as another formaliser's. A gold answer is none of a critic's
    business, and belongs in a `Reference`.

    Raises:
        InputError: A time is not positive.
    """

    required: ClassVar[bool] = False
    lean: Lean | None = None
    """A driver. Without one, only the text is looked at."""
    judge: bool = False
    """Ask the agent's model, last, whether the statement says what the text says."""
    seconds: float = 60.0
    """Wall time for each attempt of Lean."""
    total_seconds: float = 1200.0
    """Wall time after which no attempt is begun any more; what was not tried is unknown."""

    def __post_init__(self) -> None:
        if not (self.seconds > 0 and self.total_seconds > 0):
            raise InputError("lean/formalisation takes positive times")

    @property
    def cost(self) -> Cost:
        """See `CriticSpec.cost`."""
        return Cost.CHEAP if self.lean is None and not self.judge else Cost.DEAR

    @property
    def inline(self) -> bool:
        """See `CriticSpec.inline`: reading text needs no process of its own."""
        return self.lean is None and not self.judge

    @property
    def deadline_seconds(self) -> float:
        """See `CriticSpec.deadline_seconds`: the last attempt, and a model's answer, have time."""
        own = _QUICK if self.lean is None else self.total_seconds + self.seconds + _SPARE
        return own + (5 * _SPARE if self.judge else 0.0)

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft has a program of Lean."""
        return has_source(draft.text)

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        try:
            program = find_source(draft.text)
        except InputError as error:
            return Critique(Verdict.ABSTAIN, sentence(str(error)))
        if program is None:
            return Critique(Verdict.ABSTAIN, "The draft has no program of Lean.")
        if len(program.text) > MAX_CHARACTERS:
            return Critique(Verdict.ABSTAIN, "The draft's program is too long to be a statement.")
        report = _Report()
        prompt = context.task.prompt
        signals = find_signals(prompt, program.text)
        report.add(signals, _text_evidence(prompt, program.text, signals))
        if self.lean is not None and not report.fault:
            await self._ask_lean(self.lean, program.text, context.task, report)
        if self.judge and not report.fault:
            await _ask_model(context, program.text, report)
        return _critique(report)

    async def _ask_lean(self, lean: Lean, program: str, task: Task, report: _Report) -> None:
        try:
            header, source = _own_header(task, program)
            reference = _reference(task)
        except InputError as error:
            report.notes.append(f"Lean was not asked: {error}")
            return
        statement = read_statement(source)
        unfit = "it is none" if statement is None else why_unfit(statement)
        if statement is None or unfit:
            report.notes.append(f"Lean was not asked about the statement: {unfit}")
            return
        until = time.monotonic() + self.total_seconds
        bench = Workbench(lean=lean, header=header, seconds=self.seconds, until=until)
        found = await probe(bench, statement)
        evidence = _lean_evidence("probes", bench, {"statement": program})
        report.add(found, evidence)
        report.notes += _silence(bench.attempts)
        if reference is None or report.fault:
            return
        bench = Workbench(lean=lean, header=header, seconds=self.seconds, until=until)
        compared = await compare(bench, statement, reference[1])
        asked: dict[str, JSON] = {"statement": program, "reference": reference[0]}
        evidence = _lean_evidence("equivalence", bench, asked, compared)
        report.add((_equivalence_signal(compared),), evidence)


def _own_header(task: Task, program: str) -> tuple[str, str]:
    """Return the imports to use, and a program without its own.

    Raises:
        InputError: The task's are not text, or the draft has imports that the task's lack.
    """
    header = task.inputs.get("header")
    if header is None:
        own = split_header(program)
        return "\n".join(f"import {one}" for one in own.imports), own.rest
    if not isinstance(header, str):
        raise InputError(f"the task's 'header' is a text of Lean, not {header!r:.40}")
    return header, without_imports(program, header)


def _reference(task: Task) -> tuple[str, Statement] | None:
    """Return the task's reference and its parts; None where it gives none.

    Raises:
        InputError: It is not a statement.
    """
    given = task.inputs.get("reference_statement")
    if given is None:
        return None
    if not isinstance(given, str):
        raise InputError(f"the task's 'reference_statement' is a text of Lean, not {given!r:.40}")
    read = read_statement(split_header(given).rest)
    if read is None or read.keyword not in {"theorem", "lemma", "example"}:
        raise InputError("the task's 'reference_statement' is no whole theorem")
    return given, read


def _silence(attempts: Iterable[Attempt]) -> list[str]:
    silent = [one for one in attempts if one.outcome is Outcome.UNKNOWN]
    if not silent:
        return []
    return [f"Lean did not answer ({silent[0].name}: {silent[0].said[:200]})"]


def _equivalence_signal(compared: Comparison) -> Signal:
    said = f"{compared.result.value} ({compared.metric}): {compared.said[:300]}"
    weight = Hardness.SOFT if compared.result is Equivalence.NOT_SHOWN else Hardness.HINT
    return Signal("equivalence with the reference", said, weight)


async def _ask_model(context: Context, program: str, report: _Report) -> None:
    if context.model is None:
        report.notes.append("no model was there to judge it")
        return
    prompt = context.task.prompt
    if len(prompt) > MAX_CHARACTERS:
        report.notes.append("the text is too long for the judge")
        return
    try:
        opinion = await ask(context.model, prompt, program)
    except ModelError as error:
        report.notes.append(f"the judge did not answer ({str(error)[:100]})")
        return
    signals: tuple[Signal, ...] = ()
    if opinion.label == UNFAITHFUL:
        said = opinion.reason or "the judge gives no reason"
        signals = (Signal("a model's opinion", said),)
    elif opinion.label == FAITHFUL:
        report.notes.append("the judge finds it faithful")
    else:
        report.notes.append("the judge settles nothing")
    report.add(signals, opinion.evidence)


def _text_evidence(prompt: str, statement: str, signals: Iterable[Signal]) -> Evidence:
    request: dict[str, JSON] = {"text": prompt, "statement": statement}
    return Evidence(
        id=digest({"tool": _ID, "request": request}),
        tool=_ID,
        request=request,
        observation={"signals": [f"{one.name}: {one.message}" for one in signals]},
    )


def _lean_evidence(
    what: str, bench: Workbench, asked: dict[str, JSON], compared: Comparison | None = None
) -> Evidence:
    request: dict[str, JSON] = {
        "what": what,
        "header": bench.header,
        "driver": bench.lean.name,
        "seconds": bench.seconds,
        **asked,
    }
    observation: dict[str, JSON]
    if compared is None:
        observation = {"attempts": [one.record() for one in bench.attempts]}
    else:
        observation = {
            "result": compared.result.value,
            "metric": compared.metric,
            "controls": [one.record() for one in compared.controls],
            "directions": {
                one.name: {
                    "outcome": one.outcome.value,
                    "by": one.by,
                    "attempts": [attempt.record() for attempt in one.attempts],
                }
                for one in compared.directions
            },
        }
    return Evidence(
        id=digest({"tool": _ID, "request": request}),
        tool=_ID,
        request=request,
        observation=observation,
        versions=dict(bench.versions),
    )


def _critique(report: _Report) -> Critique:
    findings, evidence = tuple(report.findings), tuple(report.evidence)
    if report.fault:
        said = sentence(report.fault.partition(": ")[2])
        return Critique(Verdict.FAIL, said, findings, evidence)
    count = sum(one.hardness is Hardness.SOFT for one in findings)
    told = "".join(f"; {note}" for note in report.notes)
    said = f"{count} suspicious thing{'' if count == 1 else 's'}{told}"
    return Critique(
        Verdict.ABSTAIN, f"{said}; whether it says what the text says is open.", findings, evidence
    )
