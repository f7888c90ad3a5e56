"""An agent that proves: a wrong draft, what it is told of it, and how far the second draft gets."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from lean_tricks import read_rows, recorded_answer

from gadfly import Agent, Outcome, Stopped, Task, Verdict
from gadfly.testing import ScriptedModel
from gadfly_lean import (
    Answer,
    Lean,
    ProofCritic,
    ReplPool,
    Request,
    Sieve,
    StepsCritic,
    replay_command,
)

STATEMENT = "theorem tgt (n : Nat) : 0 + n = n := sorry"
TASK = Task(prompt="Prove it in Lean 4.", inputs={"statement": STATEMENT, "target": "tgt"})
RIGHT = """\
theorem helper (n : Nat) : 0 + n = n := by
  induction n with
  | zero => rfl
  | succ n ih => rw [Nat.add_succ, ih]
theorem tgt (n : Nat) : 0 + n = n := helper n
"""
WRONG = RIGHT.replace(", ih]", "]")
STATE = "case succ\nn : Nat\nih : 0 + n = n\n⊢ 0 + Nat.succ n = Nat.succ n"
GOALS = "unsolved goals\ncase succ\nn : Nat\nih : 0 + n = n\n⊢ Nat.succ (0 + n) = Nat.succ n"


def at(line: int, column: int) -> dict[str, int]:
    return {"line": line, "column": column}


TACTICS = [
    {"tactic": text, "goals": goals, "pos": pos, "endPos": end, "usedConstants": []}
    for text, goals, pos, end in (
        ("induction n with ...", "n : Nat\n⊢ 0 + n = n", at(2, 2), at(4, 34)),
        ("rfl", "case zero\n⊢ 0 + 0 = 0", at(3, 12), at(3, 15)),
        ("rw [Nat.add_succ]", STATE, at(4, 17), at(4, 34)),
    )
]
ERROR = {"severity": "error", "pos": at(4, 17), "endPos": at(4, 34), "data": GOALS}


@pytest.fixture
async def repl(tmp_path: Path) -> AsyncIterator[ReplPool]:
    """A stand-in for the REPL: what it says of both drafts was written by hand."""
    row = {
        "requests": [{"cmd": text} for text in ("import Init", WRONG, RIGHT)],
        "responses": [{"env": 0}, {"env": 1, "messages": [ERROR], "tactics": TACTICS}, {"env": 2}],
    }
    transcript = tmp_path / "transcript.jsonl"
    transcript.write_text(json.dumps(row))
    async with ReplPool(replay_command(transcript), project=tmp_path, workers=1) as pool:
        yield pool


class Recorded:
    """What a real Lean and two kernels said of one submission; anything else is a problem."""

    name = "recorded"

    def __init__(self, source: str, answer: Answer) -> None:
        self.source, self.answer = source, answer
        self.asked: list[str] = []

    async def check(self, request: Request) -> Answer:
        self.asked.append(request.source)
        if request.source.strip() == self.source.strip():
            return self.answer
        return Answer(driver=self.name, problem="nothing is recorded of it")

    async def close(self) -> None:
        pass


async def prove(lean: Lean, *drafts: str) -> tuple[Outcome, ScriptedModel]:
    model = ScriptedModel([f"```lean\n{draft}```" for draft in drafts])
    agent = Agent(
        model, critics=[ProofCritic(lean=lean)], sandbox=None, checkpoints=None, traces=None
    )
    return await agent.ainvoke(TASK), model


@pytest.fixture
def recorded(shared_data: Path) -> Recorded:
    row = next(row for row in read_rows(shared_data) if row["id"] == "honest_induction")
    return Recorded(row["submission"], recorded_answer(row, "two kernels"))


@pytest.mark.data
async def test_a_wrong_proof_is_criticised_at_its_line_and_its_repair_is_proved(
    repl: ReplPool, recorded: Recorded
) -> None:
    sieve = Sieve(repl, recorded)

    outcome, model = await prove(sieve, WRONG, recorded.source)

    assert "line 4: unsolved goals" in model.prompts[1]
    assert "⊢ Nat.succ (0 + n) = Nat.succ n" in model.prompts[1]
    assert outcome.stopped is Stopped.ACCEPTED
    assert outcome.rounds == 1
    (critique,) = outcome.critiques.values()
    assert critique.summary == "Proved, at level L4."
    layers = critique.evidence[0].observation["layers"]
    assert isinstance(layers, dict)
    assert {name: str(said).split(":")[0] for name, said in layers.items()}["L3 replay"] == "holds"


@pytest.mark.data
@pytest.mark.parametrize(
    ("forgotten", "known"),
    [
        ({"submission_export": None}, "plausible at level L2"),
        ({"challenge_export": None}, "plausible at level L2"),
        ({"replays": ()}, "plausible at level L2"),
        ({"problem": "the machine went away"}, "nothing is known"),
    ],
)
async def test_below_l3_the_repair_is_called_plausible_and_nothing_is_accepted(
    repl: ReplPool, recorded: Recorded, forgotten: dict[str, Any], known: str
) -> None:
    recorded.answer = dataclasses.replace(recorded.answer, **forgotten)

    outcome, _ = await prove(Sieve(repl, recorded), WRONG, recorded.source)

    (critique,) = outcome.critiques.values()
    assert critique.verdict is Verdict.ABSTAIN
    assert known in critique.summary
    assert outcome.stopped is not Stopped.ACCEPTED


@pytest.mark.data
async def test_with_one_kernel_that_has_known_bugs_the_repair_is_not_accepted(
    repl: ReplPool, recorded: Recorded
) -> None:
    own = tuple(one for one in recorded.answer.replays if one.same_kernel)
    recorded.answer = dataclasses.replace(recorded.answer, replays=own)

    outcome, _ = await prove(Sieve(repl, recorded), WRONG, recorded.source)

    assert len(own) == 1
    assert outcome.stopped is not Stopped.ACCEPTED
    assert "known bugs" in next(iter(outcome.critiques.values())).summary


async def test_a_repl_alone_refuses_a_wrong_proof_and_accepts_none(repl: ReplPool) -> None:
    outcome, model = await prove(repl, WRONG, RIGHT)

    assert "line 4: unsolved goals" in model.prompts[1]
    assert outcome.answer.startswith(f"```lean\n{RIGHT}")
    assert outcome.stopped is not Stopped.ACCEPTED
    (critique,) = outcome.critiques.values()
    assert critique.verdict is Verdict.ABSTAIN
    assert "plausible at level L2" in critique.summary


async def test_a_sieve_asks_the_thorough_one_of_all_but_plain_errors(repl: ReplPool) -> None:
    thorough = Recorded(RIGHT, Answer(driver="thorough", exit_code=0))
    sieve = Sieve(repl, thorough)
    unknown = "theorem tgt : 1 = 2 := unknown_to_the_stand_in"

    answers = [
        await sieve.check(Request(header="", source=source, want_exports=True))
        for source in (WRONG, RIGHT, unknown)
    ]

    assert [answer.driver for answer in answers] == ["repl", "thorough", "recorded"]
    assert thorough.asked == [RIGHT, unknown]
    assert isinstance(sieve, Lean)
    await sieve.close()
    assert not repl.pids


async def test_the_step_that_fails_is_told_with_its_state_and_thought(repl: ReplPool) -> None:
    model = ScriptedModel([f"```lean\n{WRONG}```", f"```lean\n{RIGHT}```"])
    agent = Agent(
        model,
        critics=[ProofCritic(lean=repl), StepsCritic(lean=repl)],
        sandbox=None,
        checkpoints=None,
        traces=None,
    )

    outcome = await agent.ainvoke(TASK)

    assert "line 4: step 3, `rw [Nat.add_succ]`: unsolved goals" in model.prompts[1]
    assert "the goal before it: case succ" in model.prompts[1]
    assert outcome.stopped is not Stopped.ACCEPTED
