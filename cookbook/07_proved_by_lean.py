"""Proved by Lean: a draft's error at its line, with the goal there, and a proof that mends it.

Where `lean` is on the PATH, it checks each draft in a sandbox. Where not, a stand-in speaks for it:
it answers from the transcript below, which was written by hand, in the words of Lean's REPL. A REPL
runs what a draft says, so what it says can be forged: the second proof is called plausible, and
nothing passes. That takes the level L3: exports, held against those of the statement, and a kernel
of their own. `gadfly lean doctor` says what is missing for it.
"""

import asyncio
import json
import shutil
import tempfile
from pathlib import Path

from gadfly import Agent, Outcome, Task
from gadfly.testing import ScriptedModel
from gadfly_lean import ProofCritic, ReplPool, replay_command

STATEMENT = "theorem zero_add_again (n : Nat) : 0 + n = n"
TASK = Task(
    prompt=f"Prove in Lean 4: {STATEMENT}",
    inputs={"statement": f"{STATEMENT} := by sorry", "target": "zero_add_again"},
)
PROOF = f"""\
{STATEMENT} := by
  induction n with
  | zero => rfl
  | succ n ih => rw [Nat.add_succ"""
FIRST, SECOND = f"{PROOF}]\n", f"{PROOF}, ih]\n"
GOALS = "unsolved goals\ncase succ\nn : Nat\nih : 0 + n = n\n⊢ (0 + n).succ = n + 1"
ERROR = {"severity": "error", "pos": {"line": 4, "column": 14}, "data": GOALS}
TRANSCRIPT = {
    "requests": [{"cmd": "import Init"}, {"cmd": FIRST}, {"cmd": SECOND}],
    "responses": [{"env": 0}, {"env": 1, "messages": [ERROR]}, {"env": 2}],
}


async def main() -> None:
    """Let a model that answers from a script prove a theorem, the second time rightly."""
    model = ScriptedModel([f"```lean\n{draft}```" for draft in (FIRST, SECOND)])
    with tempfile.TemporaryDirectory() as folder:
        if shutil.which("lean"):
            critic = ProofCritic()
        else:
            transcript = Path(folder) / "transcript.jsonl"
            transcript.write_text(json.dumps(TRANSCRIPT) + "\n", encoding="utf-8")
            critic = ProofCritic(lean=ReplPool(replay_command(transcript), project=folder))
        outcome = await Agent(model, critics=[critic]).ainvoke(TASK)
    print(f"What the model was told of its first draft:\n{model.prompts[1]}\n")
    show(outcome)


def show(outcome: Outcome) -> None:
    """Print the proof, and how much of it is known."""
    print(outcome.answer)
    print(f"-> {outcome.stopped} after {outcome.rounds} refinement: {outcome.reason}")
    for critique in outcome.critiques.values():
        print(f"   {critique.verdict}: {critique.summary}")
        for record in critique.evidence:
            print(json.dumps(record.observation["layers"], indent=2, ensure_ascii=False))


if __name__ == "__main__":
    asyncio.run(main())
