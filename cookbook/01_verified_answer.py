"""A verified answer: the embedded model drafts a program, critics run it and look at its values.

The embedded model knows generated word problems and nothing else, so it is asked some of those. Put
`"local:FOLDER"`, `"openai:NAME"` or a LangChain chat model in its place for real questions.
"""

import asyncio

import gadfly_embedded
from gadfly import Agent, Outcome, as_model

PROBLEMS = 5


async def main() -> None:
    """Ask a few problems and print what was established about each answer."""
    tasks = gadfly_embedded.WordProblems().tasks(PROBLEMS, seed=11)
    # Above temperature 0 a refinement differs from its draft; the seed makes it repeatable.
    model = as_model("embedded:", temperature=1.0, seed=7)
    agent = Agent(model, critics=["python/runs", "python/quantities"])
    async with agent:
        outcomes = await asyncio.gather(*(agent.ainvoke(task) for task in tasks))
    for outcome in outcomes:
        show(outcome)


def show(outcome: Outcome) -> None:
    """Print the answer and what it rests on."""
    print(outcome.task.prompt)
    print(outcome.answer)
    print(f"-> {outcome.stopped} after {outcome.rounds} refinements: {outcome.reason}")
    for name, critique in outcome.critiques.items():
        evidence = ", ".join(record.id[:12] for record in critique.evidence)
        print(f"   {name}: {critique.verdict} {f'(evidence {evidence})' if evidence else ''}")
    print()


if __name__ == "__main__":
    asyncio.run(main())
