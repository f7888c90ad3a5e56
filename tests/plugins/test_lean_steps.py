"""Steps of a proof: where the first fails, what is thought between them, and that none passes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import Draft, Verdict
from gadfly.testing import CRITIC_CHECKS, CriticCheck, Fixture, Trial, make_context
from gadfly_lean import Answer, Message, Request, Sorry, StepsCritic, Tactic, read_steps
from gadfly_lean._repl.messages import CommandResponse, read_response

PROGRAM = """\
/-- not a thought of the proof -/
theorem t (a b : Nat) (h : a = b) : b = a := by
  -- turn it around
  have k := h /- a /- nested -/ one -/
  -- "the end"
  exact k -- done?
"""
PROMPT = "Prove it.\n```lean\ntheorem t (a b : Nat) (h : a = b) : b = a := by sorry\n```"


def tactic(text: str, line: int, column: int, end: int, goals: str = "⊢ b = a") -> Tactic:
    return Tactic(text=text, goals=goals, line=line, column=column, end_line=line, end_column=end)


TACTICS = (
    tactic("exact k", 6, 2, 9, "k : a = b\n⊢ b = a"),
    tactic("have k := h", 4, 2, 13),
)
ERROR = Message(severity="error", text="type mismatch\n  k", line=6, column=8)


class Scripted:
    """A driver that says one thing of all programs."""

    name = "scripted"

    def __init__(self, **seen: Any) -> None:
        self.seen: dict[str, Any] = {"env": 1, "tactics": TACTICS, "sorries": (), **seen}
        self.requests: list[Request] = []

    async def check(self, request: Request) -> Answer:
        self.requests.append(request)
        return Answer(driver=self.name, **self.seen)

    async def close(self) -> None:
        pass


async def judge(**seen: Any) -> Any:
    critic = StepsCritic(lean=Scripted(**seen))
    return await critic.critique(Draft(f"So:\n```lean\n{PROGRAM}```\n"), make_context(PROMPT))


def test_thoughts_are_kept_with_the_step_that_they_come_before() -> None:
    first, second = read_steps(PROGRAM, TACTICS)

    assert (first.tactic.text, first.thought) == (
        "have k := h",
        "not a thought of the proof -\nturn it around".replace(" -\n", "\n"),
    )
    assert (second.tactic.text, second.thought) == ("exact k", 'a /- nested -/ one\n"the end"')


@given(st.text(alphabet='-/"\n a\\!', max_size=60))
def test_any_text_has_thoughts_or_none(text: str) -> None:
    (step,) = read_steps(text, [tactic("x", 999, 0, 1)])

    assert isinstance(step.thought, str)
    assert step.thought == "" or "--" in text or "/-" in text


async def test_the_first_step_that_fails_is_told_with_its_goal_and_thought() -> None:
    later = Message(severity="error", text="another", line=7, column=0)
    critique = await judge(messages=(later, ERROR))

    assert critique.is_hard_failure
    assert critique.summary == "Step 2, `exact k` fails: type mismatch…."
    hard, goal, thought = critique.findings
    assert hard.message.startswith("step 2, `exact k`: type mismatch")
    assert goal.message == "the goal before it: k : a = b\n⊢ b = a"
    assert "the end" in thought.message
    text = f"So:\n```lean\n{PROGRAM}```\n"
    assert text[hard.span.start : hard.span.end] == "  exact k -- done?"


async def test_goals_that_are_left_belong_to_no_step() -> None:
    left = Message(severity="error", text="unsolved goals\n⊢ False", line=2, column=44)
    critique = await judge(messages=(left, ERROR))

    assert critique.summary == "No proof: unsolved goals…."
    assert [one.message for one in critique.findings] == ["unsolved goals\n⊢ False"]


@pytest.mark.parametrize(
    ("seen", "verdict", "said"),
    [
        ({}, Verdict.ABSTAIN, "Plausible: none of 2 steps fails"),
        ({"tactics": None}, Verdict.ABSTAIN, "use `ReplPool`"),
        ({"tactics": ()}, Verdict.ABSTAIN, "no step was seen to fail"),
        ({"tactics": None, "messages": (ERROR,)}, Verdict.FAIL, "No proof: type mismatch"),
        ({"sorries": (Sorry(goal="⊢ x", line=6),)}, Verdict.FAIL, "A step is left out"),
        ({"problem": "the REPL ended", "messages": (ERROR,)}, Verdict.ABSTAIN, "REPL ended"),
    ],
)
async def test_no_proof_passes_by_its_steps(
    seen: dict[str, Any], verdict: Verdict, said: str
) -> None:
    critique = await judge(**seen)

    assert critique.verdict is verdict
    assert said in critique.summary


async def test_evidence_has_each_step_with_its_state() -> None:
    critique = await judge()

    steps = critique.evidence[0].observation["steps"]
    assert [(one["line"], one["tactic"]) for one in steps] == [(4, "have k := h"), (6, "exact k")]
    assert steps[1]["goals"] == "k : a = b\n⊢ b = a"


async def test_the_states_are_asked_for_and_imports_are_the_tasks() -> None:
    lean = Scripted()
    prompt = PROMPT.replace("theorem", "import A\ntheorem")
    critic = StepsCritic(lean=lean)

    await critic.critique(Draft(f"```lean\nimport A\n{PROGRAM}```"), make_context(prompt))
    refused = await critic.critique(
        Draft(f"```lean\n/- x -/ import B\n{PROGRAM}```"), make_context(prompt)
    )

    (request,) = lean.requests
    assert request.want_tactics
    assert request.header == "import A"
    assert request.source == " " * 8 + "\n" + PROGRAM
    assert refused.verdict is Verdict.ABSTAIN
    assert "imports B" in refused.summary


async def test_without_a_driver_it_abstains() -> None:
    critique = await StepsCritic().critique(Draft(f"```lean\n{PROGRAM}```"), make_context(PROMPT))

    assert critique.verdict is Verdict.ABSTAIN
    assert "ReplPool" in critique.summary


FIXTURES = [
    Fixture(critic="lean/steps", prompt=PROMPT, draft=f"```lean\n{text}```", verdict=verdict)
    for text, verdict in ((PROGRAM, Verdict.FAIL), ("theorem t : 1 = 1 := rfl\n", Verdict.FAIL))
]


@pytest.mark.parametrize("check", CRITIC_CHECKS, ids=str)
async def test_the_critics_contract_is_kept(check: CriticCheck) -> None:
    await check.run(Trial(StepsCritic(lean=Scripted(messages=(ERROR,))), FIXTURES))


@pytest.mark.data
def test_recorded_tactics_are_read_in_their_order(shared_data: Path) -> None:
    read = 0
    for line in (shared_data / "lean" / "repl_cases.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        for request, said in zip(row["requests"], row["responses"], strict=True):
            response = read_response(said)
            if isinstance(response, CommandResponse) and response.tactics:
                told = [
                    Tactic(
                        text=one.tactic,
                        goals=one.goals,
                        line=one.pos.line,
                        column=one.pos.column,
                        end_line=one.end_pos.line,
                        end_column=one.end_pos.column,
                    )
                    for one in response.tactics
                ]
                steps = read_steps(request.get("cmd", ""), told)
                places = [(one.tactic.line, one.tactic.column) for one in steps]
                assert places == sorted({*places})
                assert len(steps) >= 1
                read += 1
    assert read > 3
