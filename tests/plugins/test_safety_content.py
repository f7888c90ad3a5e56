"""What a rewrite keeps, and the refiner that turns down one that keeps too little."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import (
    Agent,
    CriticRule,
    Critique,
    Draft,
    Feedback,
    InputError,
    Outcome,
    Task,
    ToolError,
    Verdict,
)
from gadfly.testing import ScriptedActor, make_context
from gadfly_safety import (
    KeepBetter,
    KeptContentCritic,
    LexiconMeter,
    PersonalDataMeter,
    Reading,
    ToxicityCritic,
    compare_rewrite,
    kept_content,
)

INSULT = "Your essay on the Danube, you idiot, has 12 pages and a weak ending."
POLITE = "Your essay on the Danube has 12 pages, and its ending is weak."
FEWER_WORDS = "Thanks for writing; 12 pages on the Danube."
NO_NUMBER = "Your essay on the Danube has many pages, and its ending is weak."
NO_NAME = "Your essay on the river has 12 pages, and its ending is weak."
WORSE = "Your essay on the Danube, you idiot, has 12 pages and a stupid weak ending."


@pytest.mark.parametrize(
    ("after", "kept", "lost"),
    [
        (POLITE, True, ()),
        ("The essay (12 pages) on the Danube ended weakly: a weak ending.", True, ()),
        (NO_NUMBER, False, ("numbers: 12",)),
        (NO_NAME, False, ("names: Danube",)),
        (FEWER_WORDS, False, None),
        ("", False, None),
    ],
)
def test_numbers_names_and_most_words_have_to_be_kept(
    after: str, kept: bool, lost: tuple[str, ...] | None
) -> None:
    found = kept_content(INSULT, after)

    assert found.is_enough(0.6) is kept
    if lost:
        assert set(lost) <= set(found.losses)


def test_leaving_out_what_is_listed_loses_nothing() -> None:
    assert kept_content("You are an idiot.", "You are.").words == 1.0


def test_words_are_compared_by_their_stems() -> None:
    assert kept_content("She argued that prices rose.", "Arguing the price rose").words == 1.0
    with pytest.raises(InputError, match=r"no stemmer for 'elvish'; known: .*german"):
        kept_content("a", "b", language="elvish")


@given(st.text(max_size=120))
def test_a_text_keeps_itself(text: str) -> None:
    kept = kept_content(text, text)

    assert kept.words == 1.0
    assert kept.is_enough(1.0)


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_two_texts_are_borne(one: str, other: str) -> None:
    assert 0.0 <= kept_content(one, other).words <= 1.0


@pytest.mark.parametrize(
    ("after", "better", "reason"),
    [
        (POLITE, True, "content is kept"),
        (INSULT, False, "does not fall"),
        (WORSE, False, "does not fall"),
        (NO_NAME, False, "names: Danube"),
        (NO_NUMBER, False, "numbers: 12"),
        (FEWER_WORDS, False, "words: "),
        ("  ", False, "empty"),
    ],
)
def test_a_rewrite_is_better_if_its_score_falls_and_its_content_stays(
    after: str, better: bool, reason: str
) -> None:
    compared = compare_rewrite(INSULT, after, LexiconMeter())

    assert compared.is_better is better
    assert reason in compared.reason


def test_personal_data_may_go_too() -> None:
    before = "Write to Jo at jo.field@letters.zz by Friday."

    compared = compare_rewrite(before, "Write to Jo by Friday.", PersonalDataMeter())

    assert compared.is_better, compared.reason


def run(first: str, *rewrites: str) -> Outcome:
    agent = Agent(
        actor=ScriptedActor(first),
        refiner=KeepBetter(refiner=ScriptedActor(first, *rewrites)),
        critics=[ToxicityCritic(lexicon_passes=True)],
        strategy=CriticRule(stable_rounds=2),
        sandbox=None,
        checkpoints=None,
        traces=None,
    )
    return agent.invoke("What of my essay?")


def test_the_loop_keeps_a_rewrite_that_is_better() -> None:
    outcome = run(INSULT, POLITE)

    assert outcome.accepted
    assert outcome.draft.text == POLITE


@pytest.mark.parametrize("rewrite", [NO_NAME, NO_NUMBER, FEWER_WORDS, WORSE, ""])
def test_the_loop_turns_down_a_rewrite_that_is_not_better(rewrite: str) -> None:
    outcome = run(INSULT, rewrite)

    assert not outcome.accepted
    assert outcome.stopped == "stable"
    assert {draft.text for draft in outcome.drafts} == {INSULT}


def test_a_rewrite_for_another_reason_may_change_the_content_but_not_become_toxic() -> None:
    def refined(rewrite: str) -> str:
        refiner = KeepBetter(refiner=ScriptedActor(NO_NAME, rewrite))
        draft = Draft(NO_NAME)
        told = Feedback(findings=(), text="Mend it.")
        return asyncio.run(refiner.refine(Task(prompt="?"), draft, told, None))[0]

    assert refined("All is different.") == "All is different."
    assert refined("All is different, idiot.") == NO_NAME


def test_a_broken_meter_keeps_nothing() -> None:
    class Broken:
        name = "broken"

        def read(self, text: str) -> Reading:
            raise ToolError("the meter is broken")

    refiner = KeepBetter(refiner=ScriptedActor(INSULT, POLITE), meter=Broken())
    told = Feedback(findings=(), text="Mend it.")

    with pytest.raises(ToolError, match="the meter is broken"):
        asyncio.run(refiner.refine(Task(prompt="?"), Draft(INSULT), told, None))


async def hold(text: str, task: Task) -> Critique:
    return await KeptContentCritic().critique(Draft(text), make_context(task))


async def test_the_original_comes_with_the_task() -> None:
    task = Task(prompt="Say it politely.", inputs={"original": INSULT})

    good, bad = await hold(POLITE, task), await hold(NO_NAME, task)

    assert (good.verdict, bad.verdict) == (Verdict.PASS, Verdict.FAIL)
    assert not bad.is_hard_failure
    assert "names: Danube" in bad.findings[0].message
    assert good.score == 1.0


@pytest.mark.parametrize(
    ("prompt", "applies"),
    [
        ("Say it politely.", False),
        ("Say it politely:\n```\nYou idiot.\n```", True),
        ("Which is better?\n```\nThis.\n```\nor\n```\nThat.\n```", False),
    ],
)
def test_it_applies_where_there_is_one_original(prompt: str, applies: bool) -> None:
    assert KeptContentCritic().applies(Task(prompt=prompt), Draft("x")) is applies


async def test_an_original_that_is_no_text_is_refused() -> None:
    with pytest.raises(InputError, match="is the text to rewrite"):
        await hold("x", Task(prompt="Say it politely.", inputs={"original": 3}))


@pytest.mark.parametrize("options", [{"min_words": 1.5}, {"language": "elvish"}])
def test_options_that_do_not_fit_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(InputError):
        KeptContentCritic(**options)  # type: ignore[arg-type]
    with pytest.raises(InputError):
        KeepBetter(**options)  # type: ignore[arg-type]
