"""A critic of your own: a function that says what is wrong, so that the next draft can mend it.

The actor here is scripted, which is also how you test a critic without a model: `ScriptedActor`
gives its drafts in order, whatever the findings say.
"""

from gadfly import Agent, Context, Critique, Draft, Finding, Hardness, Span, Verdict, critic
from gadfly.testing import ScriptedActor

MOST = 12


@critic
def short_lines(draft: Draft, context: Context) -> Critique:
    """Fail a poem with a line of more than twelve words."""
    lines = enumerate(draft.text.splitlines(), 1)
    long = [(number, len(line.split())) for number, line in lines if len(line.split()) > MOST]
    findings = tuple(
        Finding(f"{words} words, at most {MOST} fit", Hardness.HARD, Span(number))
        for number, words in long
    )
    return Critique(Verdict.FAIL if long else Verdict.PASS, f"{len(long)} long lines", findings)


@critic(requires=("short_lines",))
def names_the_sea(draft: Draft, context: Context) -> Critique:
    """Fail a poem that does not name what it is about. Runs only when the lines are short."""
    if "sea" in draft.text.lower():
        return Critique(Verdict.PASS)
    return Critique(Verdict.FAIL, findings=(Finding("the sea is not named"),))


DRAFTS = (
    "The waves they come and come and come and come again and never rest at all, I think",
    "The waves they come\nand never rest",
    "The sea: it comes\nand never rests",
)


def main() -> None:
    """Run the loop over the scripted drafts and print how it went."""
    agent = Agent(
        actor=ScriptedActor(*DRAFTS),
        critics=[short_lines, names_the_sea],
        checkpoints=None,
        traces=None,
    )
    outcome = agent.invoke("A poem about the sea, please.")
    print(outcome.answer)
    print(f"-> {outcome.stopped}, draft {outcome.draft.number}: {outcome.reason}")


if __name__ == "__main__":
    main()
