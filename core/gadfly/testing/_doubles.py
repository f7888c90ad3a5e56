"""Doubles for the ports: they answer from a script and record what they were asked.

They are for tests of what stands around them: a critic is tested with a scripted sandbox, an agent
with a scripted model. A script holds only the results that its author thought of, so at least one
test of a critic should use the real instrument.

A double that travels to another process (a critic's, say) is a copy there: what the copy records
does not come back, and a copied list starts from where the original stood.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gadfly._errors import InputError, ModelError, SandboxError
from gadfly._ports import Feedback, Model, Tool
from gadfly._values.codec import digest
from gadfly._values.critique import Evidence
from gadfly._values.job import Isolation, Job, JobResult, Level
from gadfly._values.task import Draft, Message, Reply, Task
from gadfly.testing._script import Answers, Script


class ScriptedModel:
    """A `Model` that answers from a script.

    Tokens are counted as words, so that a test can say beforehand what a run costs.

    Args:
        answers: One text for every call, a list played in order, or a function of the messages. An
            exception among them is raised.
        name: What a trace calls it.

    Raises:
        ModelError: On use, when a list of answers is used up.
    """

    def __init__(
        self, answers: Answers[str | Reply, Sequence[Message]], *, name: str = "scripted:"
    ) -> None:
        self.name = name
        self.conversations: list[tuple[Message, ...]] = []
        """What it was asked, in order."""
        self._script: Script[Sequence[Message], str | Reply] = Script(
            answers, ModelError(f"model {name}: the script is over")
        )

    @property
    def prompts(self) -> list[str]:
        """The last message of each conversation."""
        return [conversation[-1].text for conversation in self.conversations]

    async def generate(self, messages: Sequence[Message]) -> Reply:
        """See `Model.generate`."""
        self.conversations.append(tuple(messages))
        answer = await self._script.answer(messages)
        if isinstance(answer, Reply):
            return answer
        read = sum(len(message.text.split()) for message in messages)
        return Reply(text=answer, prompt_tokens=read, completion_tokens=len(answer.split()))


class ScriptedActor:
    """An `Actor` and `Refiner` that gives listed drafts, without a model.

    The text of draft number n is the n-th, whoever asks: runs may overlap, and a run that is
    resumed in another process goes on where it was. After the last it repeats the last.

    Args:
        *texts: The drafts' texts, in order.

    Raises:
        InputError: There is none.
    """

    def __init__(self, *texts: str) -> None:
        if not texts:
            raise InputError("a scripted actor needs at least one draft")
        self.texts = texts
        self.feedback: list[Feedback] = []
        """What it was asked to refine by, in order."""

    async def draft(self, task: Task, model: Model | None) -> tuple[str, Reply]:
        """See `Actor.draft`."""
        return self._give(0)

    async def refine(
        self, task: Task, draft: Draft, feedback: Feedback, model: Model | None
    ) -> tuple[str, Reply]:
        """See `Refiner.refine`."""
        self.feedback.append(feedback)
        return self._give(draft.number)

    def _give(self, index: int) -> tuple[str, Reply]:
        text = self.texts[min(index, len(self.texts) - 1)]
        return text, Reply(text=text, completion_tokens=len(text.split()))


class ScriptedSandbox:
    """A `Sandbox` that runs nothing and answers from a script.

    Args:
        results: One result for every job, a list played in order, or a function of the job. An
            exception among them is raised.
        name: The backend's name.

    Raises:
        SandboxError: On use, when a list of results is used up, or after `close`.
    """

    def __init__(self, results: Answers[JobResult, Job], *, name: str = "scripted") -> None:
        self.name = name
        self.jobs: list[Job] = []
        """What it was given to run, in order."""
        self.closed = False
        self._script: Script[Job, JobResult] = Script(
            results, SandboxError(f"sandbox {name}: the script is over")
        )

    async def run(self, job: Job) -> JobResult:
        """See `Sandbox.run`."""
        if self.closed:
            raise SandboxError(f"sandbox {self.name} is closed")
        self.jobs.append(job)
        return await self._script.answer(job)

    async def probe(self) -> Isolation:
        """See `Sandbox.probe`: it runs nothing, so nothing is in force."""
        return Isolation(sandbox=self.name, level=Level.UNSAFE, network="unenforced")

    async def close(self) -> None:
        """See `Sandbox.close`."""
        self.closed = True


@dataclass(frozen=True, slots=True)
class _TextTool:
    name: str
    answer: Callable[[str], str]

    async def __call__(self, request: str) -> Evidence:
        asked = {"request": request}
        return Evidence(
            id=digest({"tool": self.name, "request": asked}),
            tool=self.name,
            request=asked,
            observation={"text": self.answer(request)},
        )


def fixed_tool(name: str, text: str | Mapping[str, str]) -> Tool:
    """Return a `Tool` whose evidence holds `text`, whatever it is asked.

    Args:
        name: The tool's id.
        text: What it observes, as `Evidence.observation["text"]`. A mapping gives the text by
            request, and nothing (`""`) for any other request.
    """
    if isinstance(text, str):
        return _TextTool(name, lambda _: text)
    return _TextTool(name, lambda request: text.get(request, ""))
