"""What the judges make of replies: labels, agreement, places, orders, turns and broken parts."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import (
    Agent,
    Critic,
    Critique,
    Draft,
    Ended,
    Evidence,
    Hardness,
    InputError,
    Job,
    JobResult,
    Message,
    ModelError,
    SandboxError,
    Task,
    Tool,
    ToolError,
    Verdict,
    as_model,
    dump,
)
from gadfly.testing import (
    NoSandbox,
    ScriptedActor,
    ScriptedModel,
    ScriptedSandbox,
    fixed_tool,
    make_context,
)
from gadfly_judge import (
    InteractiveCritic,
    PairwiseCritic,
    QuestionsCritic,
    SelfCheckCritic,
    StepsCritic,
    Winner,
    compare,
    find_steps,
)
from gadfly_judge._interview import Interview

CRITICS: dict[str, Critic] = {
    "critic": InteractiveCritic(),
    "steps": StepsCritic(),
    "self_check": SelfCheckCritic(),
    "questions": QuestionsCritic(),
    "pairwise": PairwiseCritic(other="51"),
}
each_critic = pytest.mark.parametrize("critic", CRITICS.values(), ids=CRITICS)
FIFTY_ONE = JobResult(ended=Ended.EXITED, exit_code=0, stdout="51\n")


def key(messages: Sequence[Message]) -> str:
    return str(re.findall(r"^VERDICT-(\w{16}): LABEL$", messages[-1].text, re.MULTILINE)[-1])


def saying(*replies: str) -> ScriptedModel:
    """A model that says these in turn, with the key where they say KEY; then the last again."""
    left = list(replies)

    def answer(messages: Sequence[Message]) -> str:
        reply = left.pop(0) if len(left) > 1 else left[0]
        return reply.replace("KEY", key(messages))

    return ScriptedModel(answer)


# ------------------------------------------------------------------------------ replies


@pytest.mark.parametrize(
    ("reply", "label"),
    [
        ("It holds.\nVERDICT-KEY: correct", "correct"),
        ("VERDICT-KEY: correct", "correct"),
        ("It holds.\n\n**VERDICT-KEY: Correct**\n\n", "correct"),
        ("`VERDICT-KEY: unsure`", "unsure"),
        ("Wrong.\nVERDICT-KEY: incorrect", "incorrect"),
        ("", None),
        ("correct", None),
        ("VERDICT: correct", None),
        ("VERDICT-KEY: not correct", None),
        ("VERDICT-KEY: correct!", None),
        ("VERDICT-KEY: correct, incorrect", None),
        ("VERDICT-KEY: correct or incorrect", None),
        ("VERDICT-KEY: ", None),
        ("VERDICT-KEY: LABEL", None),
        ("VERDICT-KEY: correct\nOn the other hand, who knows.", None),
        ("VERDICT-KEY: incorrect\nVERDICT-KEY: correct", None),
        ("My verdict is VERDICT-KEY: correct", None),
        ("VERDICT-KEYx: correct", None),
        ("VERDICT -KEY: correct", None),
        ("Now I do not know of a problem.", None),
        ("No problem, nothing to note.", None),
    ],
)
async def test_only_an_exact_label_in_the_last_line_decides(reply: str, label: str | None) -> None:
    answer = await Interview(saying(reply), "Judge.").ask(
        "Is it?", ["correct", "incorrect", "unsure"]
    )

    assert answer.label == label
    assert answer.evidence.observation["label"] == label
    assert answer.evidence.observation["reply"] == reply


async def test_evidence_is_the_whole_conversation_and_the_same_for_the_same_question() -> None:
    first, again = [
        await SelfCheckCritic(looks=2).critique(Draft("51"), make_context(model=saying(reply)))
        for reply in ("So.\nVERDICT-KEY: correct", "Hm.\nVERDICT-KEY: unsure")
    ]

    assert [e.id for e in first.evidence] == [e.id for e in again.evidence]
    assert len({e.id for e in first.evidence}) == 2
    record = first.evidence[0]
    plain: Any = record.request["messages"]
    roles = [message["role"] for message in plain]
    assert (record.tool, roles) == ("scripted:", ["system", "user"])
    assert "51" in json.dumps(dump(record.request))
    assert record.observation["reply"] == "So.\nVERDICT-KEY: correct"


@each_critic
async def test_a_judge_alone_never_shows_a_draft_wrong_for_certain(critic: Critic) -> None:
    labels = {"plausible": "implausible", "correct": "incorrect", "yes": "no", "first": "first"}

    def condemn(messages: Sequence[Message]) -> str:
        asked = messages[-1].text
        wanted = re.findall(r"one of: (\w+)", asked)[0]
        label = labels[wanted]
        if wanted == "first" and "answer>>>\n52" in asked.split("second answer")[0]:
            label = "second"
        if "USE-" in asked and "2. Truth" in asked:
            return f"USE-{key(messages)}: interpreter\nprint(51)"
        return f"It is 51.\nVERDICT-{key(messages)}: {label}"

    context = make_context(model=ScriptedModel(condemn), sandbox=ScriptedSandbox(FIFTY_ONE))
    critique = await critic.critique(Draft("52"), context)

    assert critique.verdict is Verdict.FAIL
    assert not critique.is_hard_failure
    assert any("It is 51." in finding.message for finding in critique.findings)
    assert {f.evidence for f in critique.findings} <= {e.id for e in critique.evidence}


# ------------------------------------------------------------------- broken and missing parts


@each_critic
async def test_without_a_model_there_is_no_verdict(critic: Critic) -> None:
    with pytest.raises(InputError, match="there is none: give the agent a model"):
        await critic.critique(Draft("52"), make_context())


@each_critic
@pytest.mark.parametrize("failure", [ModelError("down"), OSError("no route"), TimeoutError()])
async def test_a_model_that_fails_gives_no_verdict(critic: Critic, failure: Exception) -> None:
    with pytest.raises(type(failure)):
        await critic.critique(Draft("52"), make_context(model=ScriptedModel([failure] * 9)))


@each_critic
@pytest.mark.parametrize("reply", ["", "correct", "PASS", "yes", "first", "I cannot judge this."])
async def test_a_model_that_keeps_no_form_gives_no_verdict(critic: Critic, reply: str) -> None:
    critique = await critic.critique(Draft("52"), make_context(model=ScriptedModel(reply)))

    assert critique.verdict is Verdict.ABSTAIN
    assert critique.evidence[0].observation["reply"] == reply


@each_critic
async def test_a_draft_or_task_too_long_to_be_read_whole_is_not_judged(critic: Critic) -> None:
    model = saying("VERDICT-KEY: correct")
    long = "51 is right. " * 2_000

    for draft, prompt in ((long, "What is 17 * 3?"), ("52", long)):
        critique = await critic.critique(Draft(draft), make_context(prompt, model=model))
        assert critique.verdict is Verdict.ABSTAIN
    assert model.conversations == []


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: InteractiveCritic(turns=0), "1 to 50 turns"),
        (lambda: InteractiveCritic(seconds=0), "more than 0 seconds"),
        (lambda: StepsCritic(max_steps=0), "max_steps"),
        (lambda: SelfCheckCritic(looks=0), "looks is 1 to 50"),
        (lambda: SelfCheckCritic(agreement=0.5), "agreement more than"),
        (lambda: QuestionsCritic(questions={}), "needs questions"),
        (lambda: QuestionsCritic(questions={"a": " "}), "needs questions"),
    ],
)
def test_options_that_make_no_sense_are_refused(make: Callable[[], Critic], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


# -------------------------------------------------------------------------------- judge/critic

PLAUSIBLE = "It can be.\nVERDICT-KEY: plausible"
SEARCH = "Let me look.\nUSE-KEY: search/x\n17 * 3"
RUN = "Let me run it.\nUSE-KEY: interpreter\n```python\nprint(17 * 3)\n```"
CORRECT = "The tool agrees.\nVERDICT-KEY: correct"
INCORRECT = "It is 51.\nVERDICT-KEY: incorrect"


async def examine(
    *replies: str,
    critic: InteractiveCritic | None = None,
    tools: dict[str, Tool] | None = None,
    sandbox: ScriptedSandbox | None = None,
    earlier: dict[str, Critique] | None = None,
) -> tuple[Critique, ScriptedModel]:
    model = saying(*replies)
    context = make_context(
        "What is 17 * 3?", model=model, tools=tools, sandbox=sandbox, earlier=earlier
    )
    return await (critic or InteractiveCritic()).critique(Draft("52"), context), model


async def test_search_and_interpreter_are_called_in_turns_and_kept_as_evidence() -> None:
    sandbox = ScriptedSandbox(FIFTY_ONE)

    critique, model = await examine(
        PLAUSIBLE,
        SEARCH,
        RUN,
        INCORRECT,
        tools={"search/x": fixed_tool("search/x", "17 * 3 is fifty-one")},
        sandbox=sandbox,
    )

    assert critique.verdict is Verdict.FAIL
    assert critique.findings[0].message == "It is 51."
    tools = [record.tool for record in critique.evidence if record.tool != "scripted:"]
    assert tools == ["search/x", "judge/interpreter"]
    assert "17 * 3 is fifty-one" in model.prompts[2]
    assert "It printed:\n51" in model.prompts[3]
    assert [job.files for job in sandbox.jobs] == [{"main.py": "print(17 * 3)"}]
    assert len(model.conversations) == 4


async def test_models_code_runs_in_the_sandbox_or_nowhere() -> None:
    with pytest.raises(SandboxError, match="gave no sandbox"):
        await examine(PLAUSIBLE, RUN, CORRECT)


@pytest.mark.parametrize(
    ("plausible", "true", "verdict"),
    [
        ("plausible", "correct", Verdict.PASS),
        ("plausible", "incorrect", Verdict.FAIL),
        ("plausible", "unsure", Verdict.ABSTAIN),
        ("implausible", "correct", Verdict.ABSTAIN),
        ("implausible", "incorrect", Verdict.FAIL),
        ("unsure", "correct", Verdict.PASS),
        ("unsure", "incorrect", Verdict.FAIL),
    ],
)
async def test_plausibility_comes_first_and_truth_decides(
    plausible: str, true: str, verdict: Verdict
) -> None:
    critique, model = await examine(
        f"Hm.\nVERDICT-KEY: {plausible}",
        RUN,
        f"So.\nVERDICT-KEY: {true}",
        sandbox=ScriptedSandbox(FIFTY_ONE),
    )

    assert critique.verdict is verdict
    assert "1. Plausibility" in model.prompts[0]
    assert "2. Truthfulness" in model.prompts[1]
    hints = [f for f in critique.findings if f.hardness is Hardness.HINT]
    assert len(hints) == (verdict is Verdict.FAIL and plausible == "implausible")


@pytest.mark.parametrize("reply", [CORRECT, INCORRECT])
async def test_a_verdict_counts_only_where_a_tool_showed_something(reply: str) -> None:
    silent: dict[str, Tool] = {"search/x": fixed_tool("search/x", "")}
    nothing = JobResult(ended=Ended.EXITED, exit_code=0)

    said = [
        await examine(PLAUSIBLE, reply, tools=silent),
        await examine(PLAUSIBLE, SEARCH, reply, tools=silent),
        await examine(PLAUSIBLE, RUN, reply, sandbox=ScriptedSandbox(nothing)),
    ]

    assert [critique.verdict for critique, _ in said] == [Verdict.ABSTAIN] * 3
    assert "no instrument showed anything" in said[0][0].summary


async def test_what_earlier_critics_saw_is_shown_and_counts() -> None:
    record = Evidence(id="e", tool="local", request={}, observation={})
    earlier = {
        "python/runs": Critique(Verdict.PASS, "The program gives 52.", (), (record,)),
        "other/opinion": Critique(Verdict.PASS, "Looks good to me."),
        "other/broken": Critique(Verdict.ERROR, "It broke.", (), (record,)),
    }

    critique, model = await examine(PLAUSIBLE, INCORRECT, earlier=earlier)

    assert critique.verdict is Verdict.FAIL
    assert "python/runs: pass. The program gives 52." in model.prompts[0]
    assert "Looks good to me." not in model.prompts[0]
    assert "It broke." not in model.prompts[0]


async def test_the_arm_without_tools_sees_no_result_of_any() -> None:
    record = Evidence(id="e", tool="local", request={}, observation={})
    earlier = {"python/runs": Critique(Verdict.PASS, "The program gives 52.", (), (record,))}
    bare = InteractiveCritic(tools=())

    critique, model = await examine(PLAUSIBLE, INCORRECT, critic=bare, earlier=earlier)
    refused, _ = await examine(PLAUSIBLE, RUN, INCORRECT, critic=bare)

    assert critique.verdict is Verdict.FAIL
    assert not any("The program gives 52" in p or "USE-" in p for p in model.prompts)
    assert refused.verdict is Verdict.ABSTAIN


async def test_turns_are_bounded_and_the_last_is_for_the_verdict() -> None:
    tools: dict[str, Tool] = {"search/x": fixed_tool("search/x", "51")}

    critique, model = await examine(
        PLAUSIBLE, SEARCH, critic=InteractiveCritic(turns=3), tools=tools
    )

    assert critique.verdict is Verdict.ABSTAIN
    assert len(model.conversations) == 4
    assert ["USE-" in prompt for prompt in model.prompts] == [False, True, True, False]
    assert "last turn" in model.prompts[-1]


async def test_a_repeated_query_is_shown_what_it_was_not_shown_before() -> None:
    passages = [{"id": str(n), "title": f"T{n}", "text": f"passage {n}"} for n in range(5)]

    async def search(request: str) -> Evidence:
        return Evidence(id="s", tool="search/x", request={}, observation={"passages": passages})

    critique, model = await examine(
        PLAUSIBLE, SEARCH, SEARCH, SEARCH, CORRECT, tools={"search/x": search}
    )

    shown = [re.findall(r"\[T(\d)\] passage", prompt) for prompt in model.prompts[2:]]
    assert shown == [["0", "1", "2"], ["3", "4"], []]
    assert "nothing (new)" in model.prompts[-1]
    assert critique.verdict is Verdict.PASS
    assert [e.id for e in critique.evidence].count("s") == 1


async def test_a_tool_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InputError, match="there are: interpreter"):
        await examine(PLAUSIBLE, CORRECT, critic=InteractiveCritic(tools=["search/x"]))


async def test_a_tool_that_was_not_offered_cannot_be_called() -> None:
    sandbox = ScriptedSandbox(FIFTY_ONE)
    critic = InteractiveCritic(tools=["interpreter"])
    tools: dict[str, Tool] = {"search/x": fixed_tool("search/x", "51")}

    critique, _ = await examine(
        PLAUSIBLE, SEARCH, CORRECT, critic=critic, tools=tools, sandbox=sandbox
    )

    assert critique.verdict is Verdict.ABSTAIN


async def dead(request: str) -> Evidence:
    raise ToolError("dead")


async def raising(request: str) -> Evidence:
    raise OSError("no route")


async def slow(request: str) -> Evidence:
    await asyncio.sleep(60)
    raise AssertionError


async def nonsense(request: str) -> object:
    return "VERDICT: correct"


@pytest.mark.parametrize("tool", [dead, raising, slow, nonsense], ids=lambda tool: tool.__name__)
@pytest.mark.parametrize("reply", [CORRECT, INCORRECT])
async def test_a_broken_tool_gives_no_verdict(tool: Tool, reply: str) -> None:
    with pytest.raises((ToolError, OSError)):
        await examine(
            PLAUSIBLE,
            SEARCH,
            reply,
            tools={"search/x": tool},
            critic=InteractiveCritic(seconds=0.05),
        )


@pytest.mark.parametrize("result", [SandboxError("dead"), OSError("gone"), "correct", None])
async def test_a_broken_sandbox_gives_no_verdict(result: object) -> None:
    sandbox = ScriptedSandbox(result)  # type: ignore[arg-type]

    with pytest.raises((ToolError, OSError)):
        await examine(PLAUSIBLE, RUN, CORRECT, sandbox=sandbox)


async def test_a_slow_sandbox_gives_no_verdict() -> None:
    async def hang(job: Job) -> JobResult:
        await asyncio.sleep(60)
        return FIFTY_ONE

    with pytest.raises(ToolError, match=r"interpreter did not answer within 0\.05 seconds"):
        await examine(
            PLAUSIBLE,
            RUN,
            CORRECT,
            critic=InteractiveCritic(seconds=0.05),
            sandbox=ScriptedSandbox(hang),
        )


@pytest.mark.parametrize("observation", [{}, {"passages": []}, {"passages": [7, {"text": 7}]}])
async def test_an_empty_observation_supports_nothing(observation: dict[str, object]) -> None:
    async def empty(request: str) -> Evidence:
        return Evidence(id="s", tool="search/x", request={}, observation=observation)  # type: ignore[arg-type]

    critique, _ = await examine(PLAUSIBLE, SEARCH, CORRECT, tools={"search/x": empty})

    assert critique.verdict is Verdict.ABSTAIN


async def test_a_program_that_fails_is_an_observation() -> None:
    crashed = JobResult(ended=Ended.EXITED, exit_code=1, stderr="ZeroDivisionError")
    late = JobResult(ended=Ended.TIMEOUT)

    for result, seen in ((crashed, "ZeroDivisionError"), (late, "It ended: timeout")):
        critique, model = await examine(PLAUSIBLE, RUN, INCORRECT, sandbox=ScriptedSandbox(result))
        assert critique.verdict is Verdict.FAIL
        assert seen in model.prompts[2]


# --------------------------------------------------------------------------------- judge/steps

WORKED = "6 * 4 = 24 eggs.\n\n24 - 5 = 18 are left.\nA: 18"


async def test_the_first_wrong_step_is_localised_and_nothing_after_it_asked() -> None:
    model = saying("Fine.\nVERDICT-KEY: correct", "It is 19.\nVERDICT-KEY: incorrect")

    critique = await StepsCritic().critique(Draft(WORKED), make_context(model=model))

    (finding,) = critique.findings
    assert finding.span is not None
    assert WORKED[finding.span.start : finding.span.end] == "24 - 5 = 18 are left."
    assert (finding.span.line, finding.message) == (3, "step 2: It is 19.")
    assert finding.evidence == critique.evidence[1].id
    assert len(model.conversations) == 2


async def test_a_step_is_judged_without_what_comes_after_it() -> None:
    model = saying("Fine.\nVERDICT-KEY: correct")

    critique = await StepsCritic().critique(Draft(WORKED), make_context(model=model))

    assert critique.verdict is Verdict.PASS
    assert ["A: 18" in prompt for prompt in model.prompts] == [False, False, True]
    assert ["24 - 5" in prompt for prompt in model.prompts] == [False, True, True]


@pytest.mark.parametrize(
    ("replies", "verdict"),
    [
        (["correct", "unsure", "correct"], Verdict.ABSTAIN),
        (["correct", "nonsense", "correct"], Verdict.ABSTAIN),
        (["unsure", "correct", "incorrect"], Verdict.FAIL),
    ],
)
async def test_a_step_that_is_not_settled_is_not_passed(
    replies: list[str], verdict: Verdict
) -> None:
    model = saying(*[f"So.\nVERDICT-KEY: {reply}" for reply in replies])

    critique = await StepsCritic().critique(Draft(WORKED), make_context(model=model))

    assert critique.verdict is verdict


async def test_a_draft_with_more_steps_than_are_judged_is_not_passed() -> None:
    model = saying("VERDICT-KEY: correct")

    critique = await StepsCritic(max_steps=2).critique(Draft(WORKED), make_context(model=model))

    assert (critique.verdict, len(model.conversations)) == (Verdict.ABSTAIN, 2)
    assert "step 3: not looked at" in critique.summary


def test_steps_are_lines_or_the_sentences_of_a_single_one() -> None:
    assert [s.text for s in find_steps(WORKED)] == WORKED.replace("\n\n", "\n").split("\n")
    sentences = "  Take 2.5 kg. Is it heavy? Yes! So 3"
    assert [s.text for s in find_steps(sentences)] == [
        "Take 2.5 kg.",
        "Is it heavy?",
        "Yes!",
        "So 3",
    ]
    assert find_steps("---\n```\n \n") == []


@given(st.text(max_size=200) | st.text("a.! \n\r\x0b\u2028", max_size=60))
def test_steps_stand_where_they_say_and_leave_no_word_out(text: str) -> None:
    steps = find_steps(text)

    assert all(text[step.start : step.end] == step.text for step in steps)
    assert [s.start for s in steps] == sorted(s.start for s in steps)
    told = "".join(c for step in steps for c in step.text if c.isalnum())
    assert told == "".join(c for c in text if c.isalnum())


# ----------------------------------------------------------------------------- judge/self_check


@pytest.mark.parametrize(
    ("votes", "verdict", "score"),
    [
        ("ccccc", Verdict.PASS, 1.0),
        ("cccci", Verdict.PASS, 0.8),
        ("cccii", Verdict.ABSTAIN, 0.6),
        ("cccxx", Verdict.ABSTAIN, 0.6),
        ("ciiii", Verdict.FAIL, 0.2),
        ("iiiii", Verdict.FAIL, 0.0),
        ("iiiuu", Verdict.ABSTAIN, 0.0),
        ("uuuuu", Verdict.ABSTAIN, None),
        ("xxxxx", Verdict.ABSTAIN, None),
    ],
)
async def test_agreement_is_the_score(votes: str, verdict: Verdict, score: float | None) -> None:
    said = {"c": "correct", "i": "incorrect", "u": "unsure", "x": "who knows"}
    model = saying(*[f"I say {vote}.\nVERDICT-KEY: {said[vote]}" for vote in votes])

    critique = await SelfCheckCritic().critique(Draft("52"), make_context(model=model))

    assert (critique.verdict, critique.score) == (verdict, score)
    assert len(critique.evidence) == 5
    assert [f.message for f in critique.findings] == ["I say i."] * (verdict is Verdict.FAIL)


async def test_looks_do_not_see_each_other() -> None:
    model = saying("So.\nVERDICT-KEY: correct")

    await SelfCheckCritic(looks=3).critique(Draft("51"), make_context(model=model))

    assert [len(conversation) for conversation in model.conversations] == [2, 2, 2]


# ------------------------------------------------------------------------------ judge/questions


async def test_every_critical_question_is_asked_by_itself() -> None:
    model = saying("Yes.\nVERDICT-KEY: yes", "No.\nVERDICT-KEY: no", "VERDICT-KEY: yes")

    critique = await QuestionsCritic().critique(Draft("52"), make_context(model=model))

    assert (critique.verdict, critique.score) == (Verdict.FAIL, 0.75)
    assert [finding.message for finding in critique.findings] == ["grounds: No."]
    assert [len(conversation) for conversation in model.conversations] == [2] * 4


async def test_a_question_without_an_answer_is_not_passed() -> None:
    model = saying("VERDICT-KEY: yes", "VERDICT-KEY: yes, mostly", "VERDICT-KEY: yes")

    critique = await QuestionsCritic().critique(Draft("52"), make_context(model=model))

    assert critique.verdict is Verdict.ABSTAIN
    assert "grounds: the judge's reply is not in the agreed form" in critique.summary


async def test_own_questions_can_be_asked() -> None:
    model = saying("VERDICT-KEY: yes")
    critic = QuestionsCritic(questions={"unit": "Is there a unit?"})

    critique = await critic.critique(Draft("52 kg"), make_context(model=model))

    assert critique.verdict is Verdict.PASS
    assert "Is there a unit?" in model.prompts[0]


# ------------------------------------------------------------------------------- judge/pairwise


@pytest.mark.parametrize(
    ("straight", "swapped", "winner", "verdict"),
    [
        ("first", "second", Winner.ONE, Verdict.PASS),
        ("second", "first", Winner.OTHER, Verdict.FAIL),
        ("first", "first", Winner.TIE, Verdict.ABSTAIN),
        ("second", "second", Winner.TIE, Verdict.ABSTAIN),
        ("tie", "tie", Winner.TIE, Verdict.ABSTAIN),
        ("first", "tie", Winner.TIE, Verdict.ABSTAIN),
        ("first", "unsure", Winner.UNSETTLED, Verdict.ABSTAIN),
        ("both", "second", Winner.UNSETTLED, Verdict.ABSTAIN),
    ],
)
async def test_a_preference_that_flips_with_the_order_is_a_tie(
    straight: str, swapped: str, winner: Winner, verdict: Verdict
) -> None:
    replies = (f"So.\nVERDICT-KEY: {straight}", f"So.\nVERDICT-KEY: {swapped}")
    task = Task(prompt="What is 17 * 3?", inputs={"other_answer": "It is 51."})
    model = saying(*replies)

    compared = await compare(task, "It is 52.", "It is 51.", saying(*replies))
    critique = await PairwiseCritic().critique(Draft("It is 52."), make_context(task, model=model))

    assert (compared.winner, critique.verdict) == (winner, verdict)
    assert model.prompts[0].index("It is 52.") < model.prompts[0].index("It is 51.")
    assert model.prompts[1].index("It is 51.") < model.prompts[1].index("It is 52.")


async def test_without_another_answer_there_is_nothing_to_compare() -> None:
    critic, task = PairwiseCritic(), Task(prompt="What is 17 * 3?")

    critique = await critic.critique(Draft("51"), make_context(task, model=saying("x")))

    assert not critic.applies(task, Draft("51"))
    assert critique.verdict is Verdict.SKIP


async def test_the_same_answer_is_not_preferred_to_itself() -> None:
    model = saying("x")

    critique = await PairwiseCritic(other="51\n").critique(Draft("51"), make_context(model=model))

    assert (critique.verdict, model.conversations) == (Verdict.ABSTAIN, [])


async def test_answers_that_are_too_long_are_not_compared() -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        await compare(Task(prompt="Which?"), "a" * 30_000, "b", saying("x"))


# --------------------------------------------------------------------------- in an agent


def reckon(messages: Sequence[Message]) -> str:
    """Call the interpreter, and believe it."""
    asked = messages[-1].text
    if "1. Plausibility" in asked:
        return f"It can be.\nVERDICT-{key(messages)}: plausible"
    if "2. Truthfulness" in asked:
        return f"USE-{key(messages)}: interpreter\nprint(17 * 3)"
    right = "It printed:\n51\n" in asked and "answer>>>\nIt is 51." in messages[1].text
    label = "correct" if right else "incorrect"
    return f"The interpreter says 51.\nVERDICT-{key(messages)}: {label}"


@pytest.mark.sandbox
def test_an_agent_refines_by_what_the_judge_ran_and_leaves_a_right_draft_alone() -> None:
    actor = ScriptedActor("It is 52.", "It is 51.", "It is 50.")

    outcome = Agent(
        actor=actor, critics=["judge/critic"], judge=ScriptedModel(reckon), sandbox="local"
    ).invoke("What is 17 * 3?")

    assert (outcome.accepted, outcome.draft.text) == (True, "It is 51.")
    assert "The interpreter says 51." in actor.feedback[0].text
    assert len(outcome.drafts) == 2


def test_without_a_sandbox_an_agents_judge_is_an_error_and_nothing_is_accepted() -> None:
    outcome = Agent(
        actor=ScriptedActor("It is 51."),
        critics=["judge/critic"],
        judge=ScriptedModel(reckon),
        sandbox=None,
    ).invoke("What is 17 * 3?")

    assert not outcome.accepted
    assert outcome.critiques["judge/critic"].verdict is Verdict.ERROR


@pytest.mark.model
async def test_a_model_that_cannot_judge_establishes_nothing() -> None:
    """The embedded model writes programs whatever it is asked."""
    model = as_model("embedded:", temperature=0.0)
    context = make_context("What is 17 * 3?", model=model, sandbox=NoSandbox())

    for critic in (SelfCheckCritic(looks=1), InteractiveCritic()):
        critique = await critic.critique(Draft("17 * 3 = 51"), context)
        assert critique.verdict is Verdict.ABSTAIN
        assert critique.evidence[0].tool == "embedded:"
        assert critique.evidence[0].observation["reply"]
