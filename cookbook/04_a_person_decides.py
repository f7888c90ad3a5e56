"""A person decides where no tool can: the run waits in SQLite until the answer comes.

The second agent stands for another process, days later: all it shares with the first is the file.
"""

import tempfile
from pathlib import Path

from gadfly import Agent, Context, Critique, Draft, Verdict, critic
from gadfly.testing import ScriptedModel


@critic
def taste(draft: Draft, context: Context) -> Critique:
    """Establish nothing: there is no instrument for taste."""
    return Critique(Verdict.ABSTAIN, "no instrument measures taste")


def make_agent(checkpoints: Path, drafts: list[str]) -> Agent:
    """Make the agent of one process."""
    model = ScriptedModel(drafts)
    return Agent(model, critics=[taste], ask_person=True, checkpoints=checkpoints, traces=None)


def main() -> None:
    """Ask, comment, accept."""
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "runs.sqlite"

        waiting = make_agent(kept, ["Sea, sea, sea."]).invoke("Name my boat.", run="boat")
        print(f"{waiting.stopped}: {waiting.answer!r} ({waiting.reason})")

        later = make_agent(kept, ["The Gadfly."])
        waiting = later.resume("boat", answer="something with more sting")
        print(f"{waiting.stopped}: {waiting.answer!r}")

        done = later.resume("boat", answer="accept")
        print(f"{done.stopped}: {done.answer!r}, {done.rounds} refinement")


if __name__ == "__main__":
    main()
