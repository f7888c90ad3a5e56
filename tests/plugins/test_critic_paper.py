"""The recipes of the CRITIC paper, and the defects that its reference implementation is known for.

What those defects are: search, toxicity and perplexity that do not run at all, no search to use,
programs run in the host's process, lenient comparison of answers, a stop rule applied after the
fact and once against the last answer, tool results in the prompts of the arm without tools, and an
end at any letters "no". Toxicity has a file of its own beside this one.
"""

from __future__ import annotations

import gzip
import importlib
import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from critic_paper import loop, metrics, program, questions, tables
from critic_paper.sources import HERE, read_rows
from hypothesis import given
from hypothesis import strategies as st

from gadfly import (
    Draft,
    Feedback,
    InputError,
    Message,
    ModelActor,
    ModelError,
    Reference,
    Reply,
    Task,
    ToolError,
    Verdict,
)
from gadfly.testing import ScriptedModel

MOON = "What was the trade of the man who found the largest moon of Neptune?"


def arm(name: str, critics: Any, refiner: Any = None) -> loop.Arm:
    return loop.Arm(name=name, critics=critics, refiner=refiner or ModelActor())


def never_content(refiner: Any = None) -> loop.Arm:
    return arm("never content", lambda m: [loop.NeverContent(m)], refiner or loop.LookAgain())


async def run_one(model: ScriptedModel, *arms: loop.Arm, calls: int = 6) -> list[loop.Trial]:
    ended = await loop.run_arms(
        arms, model, [Task(id="one", prompt="Say it.")], calls=calls, actor=ModelActor()
    )
    return [ended.trials[one.name][0] for one in arms]


def trial(*texts: str, chosen: int | None = None) -> loop.Trial:
    return loop.Trial(
        task=Task(id="one", prompt=MOON),
        drafts=tuple(Draft(text, n) for n, text in enumerate(texts, 1)),
        critiques=tuple({} for _ in texts),
        calls=tuple(range(1, len(texts) + 1)),
        all_calls=len(texts),
        chosen=len(texts) - 1 if chosen is None else chosen,
    )


class Reader:
    """A model that answers questions; it judges what it is asked to judge, by what it was shown.

    Args:
        answers: Its answers to a question, in turns: the first draft first.
        search: What it searches for, once for each draft; nothing where empty.
        right: The answer that it finds correct.
    """

    def __init__(self, *answers: str, search: str = "", right: str = "") -> None:
        self.answers = list(answers)
        self.search = search
        self.right = right

    def __call__(self, messages: Sequence[Message]) -> str:
        last = messages[-1].text
        key = re.search(r"VERDICT-([0-9a-f]{16})", last)
        if key is None:
            return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if "1. Plausibility" in last:
            return f"It may be.\nVERDICT-{key[1]}: plausible"
        if self.search and "2. Truthfulness" in last and f"USE-{key[1]}" in last:
            return f"USE-{key[1]}: search\n{self.search}"
        draft = next(m.text for m in messages if " answer>>>" in m.text)
        said = "correct" if self.right and f"Answer: {self.right}" in draft else "incorrect"
        return f"I have looked.\nVERDICT-{key[1]}: {said}"


def folder_of_data(tmp_path: Path, gold: str) -> Path:
    files: dict[str, dict[str, Any]] = {
        "tasks/hotpotqa_100.jsonl.gz": {"id": "q", "question": MOON, "gold": gold},
        "corpora/hotpotqa_paragraphs.jsonl.gz": {
            "id": "p",
            "title": "Lassell",
            "text": "A brewer.",
        },
        "corpora/hotpotqa_search_replay.jsonl.gz": {"query": "moon", "observation": "Triton."},
        "tasks/gsm8k_test.jsonl.gz": {"id": "g", "question": "What is 3 less 17?", "gold": gold},
    }
    for name, row in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(json.dumps(row).encode()))
    return tmp_path


# ------------------------------------------------------------------------------ equal calls


@pytest.mark.parametrize("calls", [1, 2, 4, 5, 9, 20])
async def test_every_arm_begins_with_the_same_draft_and_keeps_within_its_calls(calls: int) -> None:
    counted = iter(range(10_000))

    def model_text(messages: Sequence[Message]) -> str:
        # Never the same, and never right: every arm uses all that it may.
        return Reader(f"Hm.\nAnswer: number {next(counted)}", search="moon of Neptune")(messages)

    model = ScriptedModel(model_text)
    asked = questions.questions(2, None)
    with questions.searching(asked) as search:
        ended = await loop.run_arms(
            questions.arms(),
            model,
            asked.tasks,
            calls=calls,
            actor=ModelActor(questions.INSTRUCTIONS),
            tools={"search": search},
        )

    tried = [one for of_arm in ended.trials.values() for one in of_arm]
    assert tuple(ended.trials) == loop.NAMES
    assert all(one.all_calls <= calls for one in tried)
    assert len({one.drafts[0].text for one in tried}) == len(asked.tasks)
    # By the model's own count, first drafts drawn once for all arms.
    drawn = len(asked.tasks)
    assert len(model.conversations) == drawn + sum(one.all_calls - 1 for one in tried)
    assert all(len(one.calls) == len(one.drafts) for one in tried)
    assert not any(one.broken for one in tried)


async def test_a_meter_makes_no_call_more_than_it_may() -> None:
    model = ScriptedModel("yes")
    meter = loop.Meter(model, 2)
    await meter.generate([Message("user", "once")])

    with pytest.raises(ModelError, match="all 2 calls"):
        await meter.generate([Message("user", "twice")])
    assert len(model.conversations) == 1


async def test_a_judge_leaves_a_call_for_the_revision() -> None:
    model = ScriptedModel(Reader("Answer: a brewer", "Answer: a lawyer", search="Lassell"))
    asked = questions.questions(1, None)
    with questions.searching(asked) as search:
        ended = await loop.run_arms(
            [one for one in questions.arms() if one.name == loop.TOOL],
            model,
            asked.tasks,
            calls=5,
            actor=ModelActor(),
            tools={"search": search},
        )

    (one,) = ended.trials[loop.TOOL]
    # Draft, plausibility, search, verdict, revision: nothing is left to judge that one.
    assert (one.all_calls, len(one.drafts), one.tool_calls) == (5, 2, 1)
    assert one.critiques[1]["judge"].verdict is Verdict.ABSTAIN


async def test_a_problem_that_the_model_fails_is_left_out_of_every_arm() -> None:
    def model_text(messages: Sequence[Message]) -> str:
        if "second" in messages[0].text and len(messages) > 1:
            raise ModelError("gone")
        return "A draft."

    tasks = [Task(id="first", prompt="first"), Task(id="second", prompt="second")]
    ended = await loop.run_arms(
        [arm("plain", lambda _: ()), never_content()],
        ScriptedModel(model_text),
        tasks,
        calls=3,
        actor=ModelActor(),
    )

    assert {n: [t.task.id for t in tried] for n, tried in ended.trials.items()} == {
        "plain": ["first"],
        "never content": ["first"],
    }
    assert ended.lost == 1
    assert "1, where the model did not answer" in tables.remarks(ended)[0]


async def test_a_model_that_answers_nothing_is_an_error() -> None:
    def model_text(_: Sequence[Message]) -> str:
        raise ModelError("gone")

    with pytest.raises(ModelError, match="gone"):
        await run_one(ScriptedModel(model_text), never_content())


@pytest.mark.sandbox
async def test_critics_that_judge_the_same_run_used_the_interpreter_once() -> None:
    model = ScriptedModel("```python\nanswer = 3 * 4\n```")
    arms = [one for one in program.arms("") if one.name == loop.TOOL]

    ended = await loop.run_arms(
        arms, model, [Task(id="g", prompt="What is 3 * 4?")], calls=3, actor=ModelActor()
    )

    (one,) = ended.trials[loop.TOOL]
    assert {id_: said.verdict for id_, said in one.critiques[0].items()} == {
        "python/runs": Verdict.PASS,
        "python/quantities": Verdict.PASS,
    }
    assert (len(one.drafts), one.tool_calls) == (1, 1)


async def test_a_search_that_breaks_accepts_nothing_and_is_told_of() -> None:
    async def broken(request: str) -> Any:
        raise ToolError("the search is down")

    asked = questions.questions(1, None)
    ended = await loop.run_arms(
        [one for one in questions.arms() if one.name == loop.TOOL],
        ScriptedModel(Reader("Answer: a lawyer", search="Lassell", right="a lawyer")),
        asked.tasks,
        calls=9,
        actor=ModelActor(),
        tools={"search": broken},
    )

    (one,) = ended.trials[loop.TOOL]
    assert one.critiques[0]["judge"].verdict is Verdict.ERROR
    assert one.all_calls <= 9
    listed, first = tables.remarks(ended)
    assert "1 in tool" in listed and "the search is down" in first


# -------------------------------------------------------------------------------- stop rule


async def test_the_stop_rule_ends_the_loop_and_saves_the_calls_that_are_left() -> None:
    model = ScriptedModel("The same.")

    (one,) = await run_one(model, never_content(), calls=10)

    assert len(one.drafts) == 3  # unchanged twice
    assert one.all_calls == len(model.conversations) == 3


async def test_an_answer_unchanged_once_does_not_end_the_loop() -> None:
    said = ["a", "a", "b", "c", "c", "c", "d"]

    (one,) = await run_one(ScriptedModel(said), never_content(), calls=10)

    assert [draft.text for draft in one.drafts] == said[:-1]


async def test_the_first_answer_is_compared_with_no_other() -> None:
    # The last answer is what the first one was: index -1 is not a round before it.
    said = ["a", "b", "c", "a"]

    (one,) = await run_one(ScriptedModel(said), never_content(), calls=4)

    assert [draft.text for draft in one.drafts] == said


async def test_an_empty_revision_is_a_change_and_no_answer() -> None:
    (one,) = await run_one(
        ScriptedModel(["Answer: 12", "", "Answer: 12", ""]), never_content(), calls=4
    )

    assert len(one.drafts) == 4
    assert questions.answer_of(one) == "12"


# ------------------------------------------------------------------------------ the firewall


async def test_no_conversation_holds_a_gold_answer(tmp_path: Path) -> None:
    data = folder_of_data(tmp_path, "Quetzalcoatl")
    model = ScriptedModel(Reader("Answer: who knows", search="moon"))

    printed = str(await questions.table(model, n=1, calls=9, data=data))

    assert "0.0%" in printed
    assert len(model.conversations) > 10
    assert not any("Quetzal" in m.text for said in model.conversations for m in said)


async def test_the_oracle_stops_at_its_first_right_draft_and_is_marked() -> None:
    row = next(row for row in read_rows(HERE / "questions.jsonl") if row["id"] == "own-moon")
    tried = trial("Answer: lawyer", "Answer: brewer", "Answer: baker")

    cut = questions._until_right(tried, {"one": row["gold"]})

    assert cut.draft.text == "Answer: brewer"
    assert cut.model_calls == 2
    assert tables.called(loop.ORACLE) == "oracle (sees gold: no method)"


async def test_an_oracle_that_finds_nothing_right_goes_on_to_its_last_draft() -> None:
    cut = questions._until_right(trial("Answer: a", "Answer: b", chosen=0), {"one": ["z"]})

    assert cut.draft.text == "Answer: b"


async def test_the_program_arm_without_tools_is_shown_no_result() -> None:
    model = ScriptedModel("```python\nleft = 3 - 17\nanswer = left\n```")
    arms = [one for one in program.arms("") if one.name == loop.NO_TOOL]

    await loop.run_arms(
        arms, model, [Task(id="g", prompt="What is 3 less 17?")], calls=4, actor=ModelActor()
    )

    said = [m.text for conversation in model.conversations for m in conversation]
    assert len(model.conversations) > 1
    assert not any("-14" in text or "findings" in text or "negative" in text for text in said)


async def test_the_question_arm_without_tools_is_shown_no_passage() -> None:
    model = ScriptedModel(Reader("Answer: a lawyer", search="Lassell"))
    asked = questions.questions(10, None)
    with questions.searching(asked) as search:
        await loop.run_arms(
            [one for one in questions.arms() if one.name == loop.NO_TOOL],
            model,
            asked.tasks,
            calls=6,
            actor=ModelActor(),
            tools={"search": search},
        )

    said = [m.text for conversation in model.conversations for m in conversation]
    assert any("VERDICT-" in text for text in said)
    assert not any("USE-" in text or "result of" in text or "Liverpool" in text for text in said)


# --------------------------------------------------------------------------- program synthesis


async def test_the_program_table_has_every_arm(tmp_path: Path) -> None:
    data = folder_of_data(tmp_path, "-14")
    model = ScriptedModel("```python\nanswer = 3 - 17\n```")

    made = await program.table(model, n=5, calls=3, data=data)

    assert [row[0].split(" (")[0] for row in made.rows] == list(loop.NAMES)
    assert all(row[1].startswith("100.0%") for row in made.rows)
    assert "GSM8K" in made.title


async def score_one(text: str, gold: float) -> bool:
    ended = loop.Ended(trials={"one": [trial(text)]}, lost=0)
    right = await program.score(ended, {"one": Reference("one", gold)})
    return right["one"][text]


@pytest.mark.sandbox
async def test_a_program_runs_in_the_sandbox_and_not_in_this_process() -> None:
    assert not await score_one("import os\nanswer = os.getpid()", os.getpid())
    sys.modules.pop("planted", None)
    await score_one("import sys\nsys.modules['planted'] = sys\nanswer = 1", 1)
    assert "planted" not in sys.modules


@pytest.mark.sandbox
async def test_a_program_with_a_recursive_function_has_its_answer() -> None:
    text = "def f(n):\n    return 1 if n < 2 else n * f(n - 1)\n\nanswer = f(5)"

    assert await score_one(text, 120)


@pytest.mark.sandbox
@pytest.mark.parametrize("answer", ["1800", "0.18", "18.1", "True", "'18'", "None"])
async def test_a_program_with_another_answer_is_wrong(answer: str) -> None:
    assert await score_one("answer = 36 / 2", 18)
    assert not await score_one(f"answer = {answer}", 18)


@pytest.mark.parametrize(
    ("value", "same"),
    [(18, True), (18.0, True), (18.00001, True), (1800, False), (0.18, False), (True, False)],
)
def test_a_number_is_the_gold_one_to_a_millionth(value: object, same: bool) -> None:
    assert metrics.same_number(value, 18) is same


# -------------------------------------------------------------------------- question answering


async def test_a_wrong_answer_is_mended_by_what_a_search_found() -> None:
    asked = questions.questions(10, None)
    moon = [task for task in asked.tasks if task.prompt == MOON]
    model = ScriptedModel(
        Reader("Hm.\nAnswer: a lawyer", "Answer: brewer", search="Lassell trade", right="brewer")
    )
    with questions.searching(asked) as search:
        ended = await loop.run_arms(
            [one for one in questions.arms() if one.name == loop.TOOL],
            model,
            moon,
            calls=12,
            actor=ModelActor(),
            tools={"search": search},
        )

    (one,) = ended.trials[loop.TOOL]
    assert [questions.answer_in(draft.text) for draft in one.drafts] == ["a lawyer", "brewer"]
    assert one.draft.number == 2
    assert one.tool_calls == 2
    assert any("Liverpool" in m.text for said in model.conversations for m in said)


async def test_the_question_table_has_every_arm_without_data_or_service() -> None:
    model = ScriptedModel(Reader("Answer: Greece", search="Byron", right="Greece"))

    made = await questions.table(model, n=10, calls=6, data=None)

    assert [row[0].split(" (")[0] for row in made.rows] == list(loop.NAMES)
    assert all(row[1].startswith("10.0%") for row in made.rows)  # one in ten is Greece
    assert made.notes == []
    assert len({len(line) for line in str(made).split("\n")[1:4]}) <= 2


@pytest.mark.parametrize("row", read_rows(HERE / "questions.jsonl"), ids=lambda row: row["id"])
async def test_our_own_questions_are_answered_by_our_own_passages(row: dict[str, Any]) -> None:
    passages = " ".join(p["title"] + " " + p["text"] for p in read_rows(HERE / "passages.jsonl"))

    if row["gold"] == ["no"]:
        assert "1655" in passages and "1846" in passages
    else:
        assert any(gold.lower() in passages.lower() for gold in row["gold"])


async def test_a_recorded_search_comes_before_the_index(tmp_path: Path) -> None:
    asked = questions.questions(1, folder_of_data(tmp_path, "x"))

    with questions.searching(asked) as search:
        recorded = await search("Moon")
        other = await search("brewer")

    texts: list[Any] = [*recorded.observation["passages"], *other.observation["passages"]]  # type: ignore[misc]
    assert [passage["text"] for passage in texts] == ["Triton.", "A brewer."]


@pytest.mark.data
async def test_the_recorded_data_are_read(shared_data: Path) -> None:
    asked = questions.questions(5, shared_data)
    made = program.problems(5, shared_data)

    with questions.searching(asked) as search:
        found = await search(asked.tasks[0].prompt)

    assert len(asked.tasks) == len(asked.golds) == len(made.tasks) == len(made.golds) == 5
    assert len(found.observation["passages"]) == questions.HITS  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("I think.\nAnswer: both", "both"),
        ("Answer: neither", "neither"),
        ("Answer: none", "none"),
        ("Answer: Nonetheless", "Nonetheless"),
        ("Answer: never", "never"),
        ("Answer: no", "no"),
        ("**Answer:** 12 May", "12 May"),
        ("> answer: *Greece*", "Greece"),
        ("Answer: one\nNo, wait.\nAnswer: two", "two"),
        ("Greece", "Greece"),
        ("I do not know\nwhat it is.", None),
        ("Answer:\nGreece", "Greece"),
        ("Answer:", None),
        ("**Answer:**\n", None),
        ("  \n", None),
        ("", None),
    ],
)
def test_the_answer_is_what_the_last_marked_line_says(text: str, answer: str | None) -> None:
    assert questions.answer_in(text) == answer


def test_the_newest_answer_stands_where_a_revision_has_none() -> None:
    assert questions.answer_of(trial("Answer: 4", "I am\nlost.")) == "4"
    assert questions.answer_of(trial("Answer: 4", "Answer: 5", "I am\nlost.", chosen=0)) == "4"
    assert questions.answer_of(trial("I am\nlost.")) is None


# ------------------------------------------------------------------------------------ metrics


@pytest.mark.parametrize(
    ("answer", "gold", "same"),
    [
        ("The  Elbe.", "elbe", True),
        ("J.R.R. Tolkien", "J. R. R. Tolkien", False),
        ("Stone", "St1", False),
        ("both", "bo", False),
        ("James", "Jame", False),
        ("cats", "cat", False),
        ("first", "one", False),
        ("1st", "first", False),
        ("two", "2", False),
        ("none", "", False),
        ("never", "neither", False),
        ("Nonetheless", "none", False),
        (None, "none", False),
    ],
)
def test_answers_are_compared_no_more_kindly_than_squad_does(
    answer: str | None, gold: str, same: bool
) -> None:
    assert metrics.exact_match(answer, [gold]) is same
    assert (metrics.f1(answer, [gold]) == 1.0) is same


def test_the_best_of_several_gold_answers_counts_and_not_all_of_them_together() -> None:
    assert metrics.exact_match("brewing", ["brewer", "brewing"])
    assert not metrics.exact_match("brewer brewing", ["brewer", "brewing"])
    assert metrics.f1("in the village of Aldenham", ["Aldenham"]) == pytest.approx(0.4)
    assert metrics.f1("no", ["no, it is not"]) == 0.0  # HotpotQA's rule for closed questions


@given(st.text(max_size=40), st.text(max_size=40))
def test_f1_is_a_symmetric_share_and_one_for_a_match(one: str, other: str) -> None:
    score = metrics.f1(one, [other])

    assert 0.0 <= score <= 1.0
    assert score == metrics.f1(other, [one])
    assert not metrics.exact_match(one, [other]) or score == 1.0


def test_intervals_hold_their_means() -> None:
    assert str(metrics.wilson(8, 10).percent()) == "80.0% (49.0% to 94.3%)"
    assert metrics.wilson(0, 0) == metrics.Interval(0.0, 0.0, 1.0)
    values = [0.0] * 8 + [1.0] * 2
    shown = metrics.bootstrap(values)
    assert shown.low < shown.mean == 0.2 < shown.high
    assert metrics.bootstrap(values) == shown


def test_distinct_n_grams_are_counted_for_each_word() -> None:
    assert metrics.distinct(["a b a b"], 2) == 2 / 4
    assert metrics.distinct(["a b c", "a b c"], 2) == 2 / 6
    assert metrics.distinct(["", " "], 2) == 0.0


# -------------------------------------------------------------------------------- the command


@pytest.fixture
def command() -> Callable[[Sequence[str]], int]:
    script = importlib.import_module("05_critic_paper")
    main: Callable[[Sequence[str]], int] = script.main
    return main


def test_a_task_that_cannot_be_done_is_one_clear_line(
    command: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status = command(["--task", "qa", "--data", str(tmp_path)])

    said = capsys.readouterr().err.strip()
    assert status == 1
    assert said.startswith("qa: ") and "hotpotqa_100.jsonl.gz" in said and "\n" not in said


def test_without_the_toxicity_critic_one_line_says_what_to_install(
    command: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gadfly_safety", None)

    status = command(["--task", "toxicity"])

    said = capsys.readouterr().err.strip()
    assert status == 1
    assert "pip install gadfly-safety" in said and "\n" not in said


@pytest.mark.model
@pytest.mark.slow
def test_the_embedded_model_runs_the_questions_and_is_said_not_to_know_them(
    command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    status = command(["--task", "qa", "--problems", "2", "--calls", "6"])

    printed = capsys.readouterr().out
    assert status == 0
    assert "rejection sampling" in printed
    assert "knows its word problems only" in printed


def test_damaged_rows_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("[1]\n")
    (tmp_path / "b.jsonl.gz").write_bytes(b"no gzip")

    for name in ("a.jsonl", "b.jsonl.gz", "c.jsonl"):
        with pytest.raises(InputError, match=name):
            read_rows(tmp_path / name)


async def test_the_last_look_of_the_oracle_is_told_what_tools_found() -> None:
    model = ScriptedModel("better")
    feedback = Feedback(findings=("the number 7 is not in the question", loop.OBJECTION), text="")

    _, reply = await loop.GoOn().refine(Task(prompt="q"), Draft("d"), feedback, model)
    await loop.GoOn().refine(
        Task(prompt="q"), Draft("d"), Feedback(findings=(loop.OBJECTION,), text=""), model
    )

    assert isinstance(reply, Reply)
    told, again = model.prompts
    assert "the number 7" in told and loop.OBJECTION not in told
    assert again == loop.LOOK_AGAIN
