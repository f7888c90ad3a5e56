"""The embedded model: what it ships, and that what it was trained on is what the toolkit says."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import gadfly_embedded
from gadfly import (
    Critique,
    Draft,
    Evidence,
    Finding,
    Message,
    Plugins,
    Reference,
    Task,
    Verdict,
    as_model,
    shape_feedback,
)
from gadfly._engine.checker import Checker
from gadfly._engine.specs import resolve_critics
from gadfly_embedded.word_problems import problems, references, solutions, templates

CRITICS = ("python/runs", "python/quantities")
MOST_BYTES = 10_000_000
TRAINING = Path(__file__).parents[2] / "plugins" / "embedded"


@pytest.fixture(scope="module")
def training() -> Iterator[None]:
    """The training scripts lie beside the package, not in it."""
    sys.path.insert(0, str(TRAINING))
    yield
    sys.path.remove(str(TRAINING))


async def judge(programs: Mapping[Task, str] | list[tuple[Task, str]]) -> list[dict[str, Critique]]:
    plugins = Plugins.discover()
    sandbox = plugins.create("sandboxes", "local")
    pairs = list(programs.items()) if isinstance(programs, Mapping) else programs
    said = []
    try:
        async with Checker(sandbox=sandbox) as checker:
            for task, program in pairs:
                draft = Draft(f"```python\n{program}\n```")
                checked = await checker.check_all(resolve_critics(CRITICS, plugins), task, draft)
                said.append({id_: one.critique for id_, one in checked.items()})
    finally:
        await sandbox.close()
    return said


def test_the_model_folder_fits_into_a_wheel_of_ten_megabytes() -> None:
    size = sum(path.stat().st_size for path in gadfly_embedded.MODEL.rglob("*") if path.is_file())

    assert 0 < size < MOST_BYTES


def test_problems_are_the_same_for_the_same_seed_and_others_for_another() -> None:
    assert problems("unseen", 20, 3) == problems("unseen", 20, 3)
    assert problems("unseen", 20, 3) != problems("unseen", 20, 4)


def test_no_unseen_template_is_in_the_training_data() -> None:
    assert not set(templates("unseen")) & set(templates("train"))


def test_tasks_hold_no_gold_answer() -> None:
    benchmark = gadfly_embedded.WordProblems()

    tasks = benchmark.tasks(10, seed=1)

    assert all(task.inputs == {} for task in tasks)
    assert {task.id for task in tasks} == set(benchmark.references(10, seed=1))


async def test_the_critics_find_nothing_wrong_with_right_programs() -> None:
    drawn = problems("unseen", 12, 5)
    right = solutions("unseen", 12, 5)

    said = await judge([(Task(id=p.id, prompt=p.prompt), right[p.id]) for p in drawn])

    verdicts = [{c.verdict for c in critiques.values()} for critiques in said]
    assert verdicts == [{Verdict.PASS}] * 12


async def test_the_benchmark_tells_right_values_from_wrong_ones() -> None:
    benchmark = gadfly_embedded.WordProblems()
    drawn, right = problems("unseen", 4, 6), solutions("unseen", 4, 6)
    golds = {id_: Reference(id_, gold) for id_, gold in references("unseen", 4, 6).items()}
    tasks = [Task(id=p.id, prompt=p.prompt) for p in drawn]

    good = await judge([(task, right[task.id]) for task in tasks])
    bad = await judge([(task, right[task.id] + "\nanswer = answer + 1") for task in tasks])

    draft = Draft("")
    assert all(
        benchmark.is_correct(said, draft, golds[task.id])
        for task, said in zip(tasks, good, strict=True)
    )
    assert not any(
        benchmark.is_correct(said, draft, golds[task.id])
        for task, said in zip(tasks, bad, strict=True)
    )


def test_a_truth_value_is_no_number() -> None:
    evidence = Evidence(id="1", tool="t", request={}, observation={"value": True})
    said = {"python/runs": Critique(Verdict.PASS, evidence=(evidence,))}

    assert not gadfly_embedded.WordProblems().is_correct(said, Draft("x"), Reference("t", 1))


BROKEN = [
    pytest.param("left = 12 - 40\nanswer = left", id="negative"),
    pytest.param("answer = 12 / 40", id="fraction"),
    pytest.param("answer = 40 - 12 + 7", id="ungrounded"),
    pytest.param("answer = 40 - 5", id="unused-number"),
    pytest.param("spare = 40 + 12\nanswer = 40 - 12", id="unused-variable"),
    pytest.param("total = 40 - 12", id="no-answer"),
    pytest.param("answer = 40 - apples", id="crash"),
]


@pytest.mark.usefixtures("training")
@pytest.mark.parametrize("program", BROKEN)
async def test_the_model_was_trained_on_the_findings_that_the_critics_make(program: str) -> None:
    from training.critics import findings

    prompt = "There are 40 apples in a crate. Ann takes 12 of them. How many apples are left?"

    said = await judge([(Task(prompt=prompt), program)])

    shaped = shape_feedback(said[0]).findings
    trained = findings(prompt, f"```python\n{program}\n```")
    # After a crash the loop hears of nothing else; training may add what the text alone shows.
    assert list(shaped) == list(trained)[: len(shaped)]
    assert shaped


@pytest.mark.usefixtures("training")
def test_the_model_was_trained_on_the_prompts_that_the_loop_uses() -> None:
    from gadfly._feedback import SELF_CHECK
    from training.conversation import ask_again

    failed = {"c": Critique(Verdict.FAIL, findings=(Finding("a"), Finding("b")))}

    assert ask_again("q", "d", ["a", "b"])[-1]["content"] == shape_feedback(failed).text
    assert ask_again("q", "d", None)[-1]["content"] == SELF_CHECK


async def test_the_model_answers_with_a_program() -> None:
    model = as_model("embedded:", temperature=0.0)
    task = gadfly_embedded.WordProblems().tasks(1, seed=1)[0]

    reply = await model.generate([Message("user", task.prompt)])

    assert "```python\n" in reply.text
    assert "answer" in reply.text
    assert reply.completion_tokens > 0
