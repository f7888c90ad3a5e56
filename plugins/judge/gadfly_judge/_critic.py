"""`judge/critic`: CRITIC's critique, plausibility first, then truthfulness, with tools.

The judge first says whether the draft answers the question in kind and size. Then it checks what
the draft says, and may call a tool at each turn, in a bounded number of turns; the last is for the
verdict. What earlier critics found is shown to it too.

That a model judges better with tools than without is the point of the method, so a verdict counts
only where an instrument showed something. `tools=()` is the paper's control arm: no tool, nothing
of what earlier critics found, and the model's opinion is the verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from gadfly import (
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
)
from gadfly_judge._interview import Answer, Interview
from gadfly_judge._opinions import (
    CORRECT,
    INCORRECT,
    LABELS,
    UNSURE,
    judge_model,
    objection,
    unfit,
    unsettled,
)
from gadfly_judge._toolbox import Toolbox

PLAUSIBLE, IMPLAUSIBLE = "plausible", "implausible"
INSTRUCTION = """\
You examine an answer to a question in two parts: whether it is plausible, then whether it is \
true. Do not trust the answer, your memory or the first source: look facts up and run computations \
where there are tools. An answer that needs no change is correct; do not look for faults that are \
not there."""
ASK_PLAUSIBILITY = (
    "1. Plausibility. Does the answer answer the very question, with the kind of thing that is "
    "asked for, of a size and unit that can be?"
)
ASK_TRUTH = "2. Truthfulness. Is the answer correct? Go through what it states and check it."
GO_ON = "Above is what the tool observed. Go on: is the answer correct?"
NOTHING_NEW = "The tool observed nothing (new). Go on: is the answer correct?"
LAST = "\nThis is the last turn: give the verdict that what you have seen supports."

_MAX_FOUND = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class InteractiveCritic:
    """Accept a draft that the judge finds plausible and, by its tools, correct; fail an incorrect.

    It abstains where the judge is unsure, contradicts itself or used no tool that showed anything.

    Raises:
        InputError: `turns` or `seconds` is not positive.
    """

    cost: ClassVar[Cost] = Cost.DEAR
    deadline_seconds: ClassVar[float] = 600.0
    tools: Sequence[str] | None = None
    """Ids of the tools to offer, `interpreter` among them for the sandbox. None offers the agent's
    tools and the interpreter; none at all (`()`) asks for an opinion."""
    turns: int = 7
    """Model calls for the second part, at most."""
    seconds: float = 30.0
    """How long one tool call may take."""

    def __post_init__(self) -> None:
        if not (1 <= self.turns <= 50 and self.seconds > 0):
            raise InputError(
                "judge/critic takes 1 to 50 turns, and more than 0 seconds a tool call"
            )

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the draft says anything."""
        return bool(draft.text.strip())

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`."""
        refused = unfit(draft, context)
        if refused is not None:
            return refused
        interview = Interview(judge_model(context, "judge/critic"), INSTRUCTION)
        toolbox = Toolbox(context, self.tools, self.seconds)
        texts = {"question": context.task.prompt, "answer": draft.text}
        known = _found(context.earlier) if toolbox.names else ""
        if known:
            texts["what instruments found"] = known
        kinds = (PLAUSIBLE, IMPLAUSIBLE, UNSURE)
        first = await interview.ask(ASK_PLAUSIBILITY, kinds, texts=texts)
        if first.label is None:
            return Critique(
                Verdict.ABSTAIN, f"Plausibility: {unsettled(first)}.", (), (first.evidence,)
            )
        second, records, shown = await self._examine(interview, toolbox)
        evidence = tuple({record.id: record for record in (first.evidence, *records)}.values())
        rests = shown or bool(known) or not toolbox.names
        return _conclude(first, second, evidence, rests=rests)

    async def _examine(
        self, interview: Interview, toolbox: Toolbox
    ) -> tuple[Answer, list[Evidence], bool]:
        """Return the last answer, all evidence, and whether a tool showed anything."""
        evidence: list[Evidence] = []
        question, texts, shown = ASK_TRUTH, dict[str, str](), False
        for _ in range(self.turns - 1):
            answer = await interview.ask(question, LABELS, texts=texts, tools=toolbox.names)
            evidence.append(answer.evidence)
            if not answer.tool:
                return answer, evidence, shown
            result = await toolbox.use(answer.tool, answer.request)
            evidence.append(result.evidence)
            shown = shown or bool(result.shown)
            question = GO_ON if result.shown else NOTHING_NEW
            texts = {f"result of {answer.tool}": result.shown} if result.shown else {}
        answer = await interview.ask(question + LAST, LABELS, texts=texts)
        return answer, [*evidence, answer.evidence], shown


def _found(earlier: Mapping[str, Critique]) -> str:
    """Return what earlier critics saw, one line each, of those that used an instrument."""
    lines = [
        f"{id_}: {critique.verdict}. {critique.summary}"[:_MAX_FOUND]
        for id_, critique in earlier.items()
        if critique.evidence and critique.verdict in {Verdict.PASS, Verdict.FAIL, Verdict.ABSTAIN}
    ]
    return "\n".join(lines)


def _conclude(
    first: Answer, second: Answer, evidence: tuple[Evidence, ...], *, rests: bool
) -> Critique:
    if second.label not in {CORRECT, INCORRECT}:
        return Critique(Verdict.ABSTAIN, f"Truthfulness: {unsettled(second)}.", (), evidence)
    if not rests:
        summary = f"The judge finds it {second.label}, but no instrument showed anything."
        return Critique(Verdict.ABSTAIN, summary, (), evidence)
    if second.label == INCORRECT:
        findings = [objection(second)]
        if first.label == IMPLAUSIBLE:
            said = f"implausible: {first.reason}"
            findings.append(Finding(said, Hardness.HINT, None, first.evidence.id))
        return Critique(Verdict.FAIL, "The judge finds it incorrect.", tuple(findings), evidence)
    if first.label == IMPLAUSIBLE:
        summary = "The judge finds it implausible, and correct: that does not go together."
        return Critique(Verdict.ABSTAIN, summary, (), evidence)
    return Critique(Verdict.PASS, "The judge finds it plausible and correct.", (), evidence)
