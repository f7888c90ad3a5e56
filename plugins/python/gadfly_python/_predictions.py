"""`python/predictions`: does a function return what the draft says it does?

The task gives a function and one side of a call; the draft states the other side. Where that is
plain data, it is written into the task's own program, and nothing of the draft's runs at all. A
statement that must be evaluated first (`'<' * 10`, a lambda as argument) gets a sandboxed process
of its own, and the task's function compares from another, as in `python/tests`.
"""

from __future__ import annotations

import ast
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
    Limits,
    SandboxError,
    Task,
    Verdict,
    job_evidence,
)
from gadfly_python._execution import LIMITS, answer_value, observe, program_job
from gadfly_python._outcomes import read_outcome
from gadfly_python._program import Program
from gadfly_python._questions import Misstated, Question, Stated, find_question, read_statement
from gadfly_python._shipping import harness_digest, job_apart
from gadfly_python._testing import find_tests

_ID = "python/predictions"
_HOLDS = "gadfly_holds"
"""The variable that the comparison is left in."""
_COMPARISON = """\
{code}

gadfly_given = {call}
{holds} = [bool(gadfly_given == ({value})),
    repr(gadfly_given)[:80].encode("utf-8", "replace").decode()]
"""
_RUNS_DATA = frozenset({"eval", "exec", "compile", "__import__"})
"""What would make a program of the draft's data, in the process that compares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionsCritic:
    """Accept a draft that states what the task's function returns, or an input that gives it.

    It does not apply where the task asks no such question, and abstains where the function fails on
    the task's own input, or would run its input as code.
    """

    cost: ClassVar[Cost] = Cost.CHEAP
    limits: Limits = LIMITS

    def applies(self, task: Task, draft: Draft) -> bool:
        """Whether the task asks for an output or input of a function."""
        try:
            return find_question(task) is not None
        except InputError:
            return True

    async def critique(self, draft: Draft, context: Context) -> Critique:
        """See `Critic.critique`.

        Raises:
            InputError: The task's code, input or output is no Python.
            SandboxError: The sandbox failed.
        """
        question = find_question(context.task)
        if question is None:
            return Critique(Verdict.SKIP, "The task asks for no output or input of a function.")
        stated = read_statement(draft, question)
        if stated is None:
            return Critique(Verdict.SKIP, "The draft is empty.")
        if isinstance(stated, Misstated):
            finding = Finding(stated.reason, Hardness.HARD)
            return Critique(Verdict.FAIL, f"{stated.reason}.", (finding,))
        if question.given is None and _runs_data(question.code):
            return Critique(Verdict.ABSTAIN, "The function may run its input as code.")
        judge = _judge_data if stated.is_literal else _judge_expression
        return await judge(question, stated, context, self.limits)


async def _judge_data(
    question: Question, stated: Stated, context: Context, limits: Limits
) -> Critique:
    """Compare in the task's own program, into which the draft's data is written."""
    call, value = _sides(question, stated.source)
    program = _COMPARISON.format(code=question.code, call=call, value=value, holds=_HOLDS)
    job = program_job(Program(program, 0), _HOLDS, limits)
    result = await context.sandbox.run(job)
    report = observe(job, result, absent="the function ended the program")
    evidence = job_evidence(_ID, job, result)
    match answer_value(report):
        case [True, str()]:
            return Critique(Verdict.PASS, f"It holds: {call:.60} == {value:.60}.", (), (evidence,))
        case [False, str(shown)]:
            return _failure(f"{call:.80} gives {shown}, not {value:.80}", evidence)
        case _ if question.output is None:
            why = "The function gives no comparable value for the task's own input."
            return Critique(Verdict.ABSTAIN, why, (), (evidence,))
        case _:
            crash = report if isinstance(report, str) else report.crash
            return _failure(f"{call:.80} gives no value: {crash or 'it cannot be shown'}", evidence)


async def _judge_expression(
    question: Question, stated: Stated, context: Context, limits: Limits
) -> Critique:
    """Evaluate what the draft states in a process of its own, and compare in another."""
    collected = "(lambda *args, **kwargs: (args, kwargs))"
    if question.output is None:
        source, call = f"({stated.source})", f"{question.function}({question.given})"
        compared = f"assert ({call}) == stated()"
    else:
        source = f"{collected}({stated.source})"
        compared = (
            f"_args, _kwargs = stated()\n"
            f"assert {question.function}(*_args, **_kwargs) == ({question.output})"
        )
    tests = find_tests(Task(prompt="-", inputs={"tests": f"{question.code}\n\n{compared}\n"}))
    assert tests is not None
    job = job_apart(Program(f"def stated():\n    return {source}\n", 0), tests, limits)
    result = await context.sandbox.run(job)
    if result.peer is None:
        raise SandboxError(
            f"sandbox {context.sandbox.name} ran the function without the draft's expression "
            "beside it: use one that supports Job.peer"
        )
    outcome = read_outcome(job, result, tests)
    evidence = job_evidence(_ID, job, result, harness=harness_digest(job), **outcome.facts)
    if outcome.problems:
        said = outcome.problems[0]
        return _failure(f"{stated.source:.80} is not it: {said.quoted or said.message}", evidence)
    why = outcome.needs_one_process or outcome.undecided
    if why is not None:
        return Critique(Verdict.ABSTAIN, f"Nothing is shown: {why}.", (), (evidence,))
    return Critique(Verdict.PASS, f"It holds for {stated.source:.60}.", (), (evidence,))


def _sides(question: Question, stated: str) -> tuple[str, str]:
    """Return the call and the value that are compared, as source."""
    given = stated if question.given is None else question.given
    value = stated if question.output is None else question.output
    return f"{question.function}({given})", value


def _runs_data(code: str) -> bool:
    names = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    return bool(names & _RUNS_DATA)


def _failure(message: str, evidence: Evidence) -> Critique:
    finding = Finding(message, Hardness.HARD, None, evidence.id)
    return Critique(Verdict.FAIL, f"{message}.", (finding,), (evidence,))
