"""The toxicity recipe of the CRITIC paper: it runs, keeps what is better, and scores apart."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from critic_paper import loop, toxicity
from critic_paper.perplexity import perplexity

from gadfly import Draft, Feedback, InputError, Message, ModelActor, Task, Verdict
from gadfly.testing import ScriptedModel

gadfly_safety = pytest.importorskip("gadfly_safety")

RUDE, POLITE = "a stupid idiot.", "quite mistaken."


@dataclass(frozen=True)
class LettersMeter:
    """Measures by a letter, so that it agrees with no word list."""

    letter: str
    name: str = "letters"

    def read(self, text: str) -> gadfly_safety.Reading:  # type: ignore[name-defined]
        return gadfly_safety.Reading(score=text.count(self.letter) / max(1, len(text)))


async def run_arms(
    model: ScriptedModel, *names: str, calls: int = 5
) -> dict[str, Sequence[loop.Trial]]:
    arms = [one for one in toxicity.arms(gadfly_safety.LexiconMeter()) if one.name in names]
    ended = await loop.run_arms(
        arms,
        model,
        [Task(id="one/0", prompt="He called me")],
        calls=calls,
        actor=ModelActor(toxicity.INSTRUCTIONS),
    )
    return dict(ended.trials)


async def test_the_table_has_every_arm_without_data_or_service() -> None:
    model = ScriptedModel(lambda messages: POLITE if len(messages) > 2 else RUDE)

    made = await toxicity.table(model, n=3, calls=3, data=None, samples=2)

    assert [row[0].split(" (")[0] for row in made.rows] == list(loop.NAMES)
    before, _, after, redrawn, _ = (row[1] for row in made.rows)
    assert before.startswith("0.750") and after.startswith("0.000")  # two listed words, then none
    assert redrawn == before  # a new draft is as rude
    assert "3 texts" in made.title


async def test_the_critique_costs_no_model_call() -> None:
    model = ScriptedModel(lambda messages: POLITE if len(messages) > 2 else RUDE)

    (one,) = (await run_arms(model, loop.TOOL))[loop.TOOL]

    assert one.all_calls == len(model.conversations) == 2
    assert one.tool_calls == 2
    assert "'stupid' is a listed word" in model.prompts[-1]


@pytest.mark.parametrize("rewrite", [RUDE, "an idiot, stupid, a moron.", "", " ... "])
async def test_a_rewrite_that_is_no_better_is_not_kept(rewrite: str) -> None:
    keep = toxicity.KeepLessToxic(ModelActor(), gadfly_safety.LexiconMeter())
    told = Feedback(findings=("x",), text="x")

    text, _ = await keep.refine(
        Task(prompt="He called me"), Draft(RUDE), told, ScriptedModel(rewrite)
    )

    assert text == RUDE


async def test_a_better_rewrite_is_kept() -> None:
    keep = toxicity.KeepLessToxic(ModelActor(), gadfly_safety.LexiconMeter())

    text, _ = await keep.refine(
        Task(prompt="p"), Draft(RUDE), Feedback(findings=(), text="x"), ScriptedModel("an idiot.")
    )

    assert text == "an idiot."


@pytest.mark.parametrize("word", ["no", "not", "know", "nothing is wrong, no change"])
async def test_letters_in_a_reply_do_not_end_the_arm_without_tools(word: str) -> None:
    counted = itertools.count()
    model = ScriptedModel(lambda _: f"{word} {next(counted)}")

    (one,) = (await run_arms(model, loop.NO_TOOL))[loop.NO_TOOL]

    assert one.all_calls == 5


async def test_the_arm_without_tools_is_shown_no_measurement() -> None:
    counted = itertools.count()
    model = ScriptedModel(lambda _: f"{RUDE} {next(counted)}")

    await run_arms(model, loop.NO_TOOL)

    said = [m.text for conversation in model.conversations for m in conversation]
    assert not any("listed word" in text or "findings" in text for text in said)


async def test_the_oracle_ends_with_the_draft_that_the_scorer_finds_least_toxic() -> None:
    replies = iter(["zzz", "a zz", "z a", "zz", "zzz"])
    model = ScriptedModel(lambda _: next(replies))

    (one,) = (await run_arms(model, loop.ORACLE))[loop.ORACLE]
    cut = toxicity.least_toxic(one, LettersMeter("z"))

    assert cut.draft.text == "z a"
    assert cut.model_calls == 3


def test_a_table_scored_by_the_critics_own_meter_says_so() -> None:
    same = gadfly_safety.LexiconMeter()

    own = " ".join(toxicity._notes(same, gadfly_safety.LexiconMeter(), None))
    apart = " ".join(toxicity._notes(same, LettersMeter("z"), None))

    assert "critic's own meter" in own and "word list" in own
    assert "critic's own meter" not in apart
    assert "perplexity" in apart.lower()


async def test_samples_of_a_text_are_taken_together() -> None:
    counted = itertools.count()

    def model_text(messages: Sequence[Message]) -> str:
        return RUDE if next(counted) == 0 else POLITE

    made = await toxicity.table(ScriptedModel(model_text), n=2, calls=1, data=None, samples=4)

    # One of eight samples is toxic: one of two texts has a toxic one.
    assert all(row[2].startswith("50.0%") for row in made.rows[:4])


async def test_a_clean_first_draft_is_left_alone_by_the_tool() -> None:
    (one,) = (await run_arms(ScriptedModel(POLITE), loop.TOOL))[loop.TOOL]

    assert (one.all_calls, len(one.drafts)) == (1, 1)
    assert one.critiques[0]["safety/toxicity"].verdict is not Verdict.FAIL


@pytest.mark.model
def test_perplexity_is_lower_for_what_the_model_was_trained_on() -> None:
    import gadfly_embedded

    (problem,) = gadfly_embedded.WordProblems().tasks(1, 3)
    words = problem.prompt.split()
    fluent = (" ".join(words[:6]), " ".join(words[6:]))
    garbled = (" ".join(words[:6]), " ".join(reversed(words[6:])))

    low = perplexity(gadfly_embedded.MODEL, [fluent])
    high = perplexity(gadfly_embedded.MODEL, [garbled])

    assert low is not None and high is not None and 1.0 < low < high
    assert perplexity(gadfly_embedded.MODEL, []) is None


@pytest.mark.model
def test_a_folder_that_cannot_score_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no model that scores"):
        perplexity(tmp_path, [("a", "b")])


@pytest.mark.data
async def test_recorded_texts_are_read(shared_data: Path) -> None:
    made = await toxicity.table(ScriptedModel(POLITE), n=4, calls=1, data=shared_data, samples=1)

    assert "4 texts (recorded)" in made.title
