"""What a local model writes, and what it says about it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage

from gadfly import Agent, InputError, Message, ModelError, Task, as_model
from gadfly_transformers import LocalChatModel, local_model

pytestmark = pytest.mark.model

PROMPT = "Who shows the evidence?"
PROMPTS = [PROMPT, "Hi", "A gadfly stings. " * 12, "nine", "x" * 100, "How many barrels?"]


async def ask(model: Any, prompts: list[str], **options: Any) -> list[AIMessage]:
    return list(await asyncio.gather(*(model.ainvoke(p, **options) for p in prompts)))


def tokens_of(answer: AIMessage) -> tuple[int, int]:
    """Tokens read and written."""
    usage = answer.usage_metadata
    assert usage is not None
    return usage["input_tokens"], usage["output_tokens"]


def plain_transformers(folder: Path) -> tuple[Any, Any, Any]:
    """The tokenizer, the model, and `PROMPT` as its inputs, without anything of ours."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    chat = [{"role": "user", "content": PROMPT}]
    inputs = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_tensors="pt")
    return tokenizer, model, inputs


async def test_a_folder_answers_by_its_provider_string(tiny_folder: Path) -> None:
    model = as_model(f"local:{tiny_folder}", max_new_tokens=8)

    reply = await model.generate([Message("system", "Be brief."), Message("user", PROMPT)])

    assert reply.text
    assert reply.completion_tokens == 8


def test_an_agent_drafts_with_a_local_model(tiny: LocalChatModel) -> None:
    outcome = Agent(tiny, critics=[]).invoke(Task(prompt="Who?"))

    assert outcome.draft is not None
    assert outcome.draft.text


async def test_an_answer_is_the_same_alone_and_in_company(tiny: LocalChatModel) -> None:
    alone = [(await tiny.ainvoke(prompt)).text for prompt in PROMPTS]
    together = [answer.text for answer in await ask(tiny, PROMPTS)]

    assert together == alone
    assert len(set(alone)) == len(PROMPTS)


async def test_the_answer_is_what_transformers_itself_writes(
    tiny: LocalChatModel, tiny_folder: Path
) -> None:
    tokenizer, model, inputs = plain_transformers(tiny_folder)
    written = model.generate(**inputs, max_new_tokens=24, do_sample=False)
    expected = tokenizer.decode(written[0, inputs["input_ids"].shape[1] :])

    answer = await tiny.ainvoke(PROMPT)

    assert answer.text == expected


async def test_tokens_are_counted(tiny: LocalChatModel, tiny_folder: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(tiny_folder)
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": PROMPT}]
    expected = len(tokenizer.apply_chat_template(chat, add_generation_prompt=True)["input_ids"])

    answer = await tiny.ainvoke([SystemMessage("Be brief."), HumanMessage(PROMPT)])

    assert answer.usage_metadata == {
        "input_tokens": expected,
        "output_tokens": 24,
        "total_tokens": expected + 24,
    }
    assert answer.response_metadata["model_name"] == str(tiny_folder)


async def test_an_earlier_answer_is_part_of_the_conversation(tiny: LocalChatModel) -> None:
    first = await tiny.ainvoke([HumanMessage(PROMPT)])
    second = await tiny.ainvoke([HumanMessage(PROMPT), AIMessage("I do."), HumanMessage("Why?")])

    assert second.text != first.text


async def test_requests_of_one_batch_may_want_different_lengths(tiny: LocalChatModel) -> None:
    before = tiny.statistics.batches

    short, long = await asyncio.gather(
        tiny.ainvoke(PROMPT, max_tokens=3), tiny.bind(max_tokens=40).ainvoke(PROMPT)
    )

    assert tokens_of(short)[1] == 3
    assert tokens_of(long)[1] == 40
    assert short.response_metadata["finish_reason"] == "length"
    assert tiny.statistics.batches == before + 1


async def test_a_stop_text_ends_the_answer_and_is_not_part_of_it(tiny: LocalChatModel) -> None:
    full = await tiny.ainvoke(PROMPT)
    stop = full.text[6:12]

    stopped, company = await asyncio.gather(
        tiny.ainvoke(PROMPT, stop=["never written", stop]), tiny.ainvoke(PROMPT)
    )

    assert stopped.text == full.text[: full.text.index(stop)]
    assert stopped.response_metadata["finish_reason"] == "stop"
    assert tokens_of(stopped)[1] < tokens_of(full)[1]
    assert company.text == full.text


@pytest.mark.parametrize("file", ["generation_config.json", "config.json"])
async def test_an_end_token_ends_the_answer(
    tiny: LocalChatModel, copy_of_tiny: Path, edit_json: Callable[..., None], file: str
) -> None:
    tokenizer, model, inputs = plain_transformers(copy_of_tiny)
    written = model.generate(**inputs, max_new_tokens=24, do_sample=False)
    tokens = written[0, inputs["input_ids"].shape[1] :].tolist()
    end = tokens[9]
    # A list, as chat models often have it.
    edit_json(copy_of_tiny / file, eos_token_id=[end])

    answer, company = await ask(local_model(str(copy_of_tiny)), [PROMPT, "Hi"], max_tokens=24)

    assert answer.text == tokenizer.decode(tokens[: tokens.index(end)])
    assert answer.response_metadata["finish_reason"] == "stop"
    assert tokens_of(answer)[1] == tokens.index(end) + 1
    assert company.text


async def test_weights_in_the_old_format_load_too(tiny: LocalChatModel, copy_of_tiny: Path) -> None:
    import torch
    from safetensors.torch import load_file

    weights = copy_of_tiny / "model.safetensors"
    torch.save(load_file(weights), copy_of_tiny / "pytorch_model.bin")
    weights.unlink()

    answer = await local_model(str(copy_of_tiny), max_new_tokens=24).ainvoke(PROMPT)

    assert answer.text == (await tiny.ainvoke(PROMPT)).text


async def test_a_folders_own_sampling_settings_do_not_leak_in(
    tiny: LocalChatModel, copy_of_tiny: Path, edit_json: Callable[..., None]
) -> None:
    edit_json(
        copy_of_tiny / "generation_config.json",
        do_sample=True, temperature=5.0, top_k=3, repetition_penalty=3.0, max_new_tokens=2,
    )  # fmt: skip

    answer = await local_model(str(copy_of_tiny), max_new_tokens=24).ainvoke(PROMPT)

    assert answer.text == (await tiny.ainvoke(PROMPT)).text


async def test_a_seeded_model_repeats_itself_whatever_the_order_of_requests(
    tiny_folder: Path,
) -> None:
    def load(batch_size: int) -> LocalChatModel:
        return local_model(
            str(tiny_folder), temperature=1.0, seed=7, max_new_tokens=8, batch_size=batch_size
        )

    first = dict(zip(PROMPTS, await ask(load(32), PROMPTS), strict=True))
    shuffled = list(reversed(PROMPTS))
    second = dict(zip(shuffled, await ask(load(2), shuffled), strict=True))

    assert {p: a.text for p, a in first.items()} == {p: a.text for p, a in second.items()}


async def test_one_conversation_asked_again_gets_another_draw(tiny_folder: Path) -> None:
    model = local_model(str(tiny_folder), temperature=1.0, seed=7, max_new_tokens=8)

    answers = await ask(model, [PROMPT] * 6)

    assert len({answer.text for answer in answers}) == 6


async def test_another_seed_draws_otherwise(tiny_folder: Path) -> None:
    texts = [
        local_model(str(tiny_folder), temperature=1.0, seed=seed, max_new_tokens=8)
        .invoke(PROMPT).text
        for seed in (1, 2)
    ]  # fmt: skip

    assert texts[0] != texts[1]


async def test_a_requests_own_seed_fixes_its_answer(tiny: LocalChatModel) -> None:
    options: dict[str, Any] = {"temperature": 1.0, "seed": 3, "max_tokens": 8}

    alone = await tiny.ainvoke(PROMPT, **options)
    again, *company = await ask(tiny, PROMPTS, **options)

    assert again.text == alone.text
    assert len({answer.text for answer in company}) > 1


async def test_without_a_seed_every_draw_is_new(tiny: LocalChatModel) -> None:
    answers = await ask(tiny, [PROMPT] * 8, temperature=1.0, max_tokens=16)

    assert len({answer.text for answer in answers}) == 8


async def test_greedy_and_drawn_answers_share_a_batch(tiny: LocalChatModel) -> None:
    greedy = (await tiny.ainvoke(PROMPT)).text
    before = tiny.statistics.batches

    one, two, three = await asyncio.gather(
        tiny.ainvoke(PROMPT),
        tiny.ainvoke(PROMPT, temperature=2.0, seed=1),
        # Only the likeliest token is left to draw from.
        tiny.ainvoke(PROMPT, temperature=2.0, top_p=1e-6, seed=1),
    )

    assert one.text == three.text == greedy
    assert two.text != greedy
    assert tiny.statistics.batches == before + 1


async def test_draws_follow_the_models_probabilities(
    tiny: LocalChatModel, tiny_folder: Path
) -> None:
    import torch

    tokenizer, model, inputs = plain_transformers(tiny_folder)
    with torch.no_grad():
        chances = torch.softmax(model(**inputs).logits[0, -1] / 0.7, dim=-1)
    expected: Counter[str] = Counter()
    for token, chance in enumerate(chances.tolist()):
        expected[tokenizer.decode([token], skip_special_tokens=True)] += chance
    n = 640

    answers = await asyncio.gather(
        *(tiny.ainvoke(PROMPT, temperature=0.7, seed=seed, max_tokens=1) for seed in range(n))
    )

    drawn = Counter(str(answer.text) for answer in answers)
    frequent = {text: chance for text, chance in expected.items() if chance > 0.02}
    assert len(frequent) >= 3
    for text, chance in frequent.items():
        spread = (n * chance * (1 - chance)) ** 0.5
        assert abs(drawn[text] - n * chance) < 4.5 * spread, text


async def test_a_prompt_that_is_too_long_is_refused_with_both_lengths(
    tiny: LocalChatModel,
) -> None:
    with pytest.raises(ModelError, match=r"has 10\d\d tokens; .* at most 512 together"):
        await tiny.ainvoke("x" * 1000)

    assert (await tiny.ainvoke(PROMPT)).text


async def test_the_answer_ends_where_the_context_does(tiny: LocalChatModel) -> None:
    answer, company = await asyncio.gather(
        tiny.ainvoke("x" * 500, max_tokens=100), tiny.ainvoke(PROMPT)
    )

    assert sum(tokens_of(answer)) == 512
    assert answer.response_metadata["finish_reason"] == "length"
    assert company.text == (await tiny.ainvoke(PROMPT)).text


async def test_a_conversation_that_the_template_refuses_disturbs_no_other(
    tiny: LocalChatModel,
) -> None:
    refused, answer = await asyncio.gather(
        tiny.ainvoke([ToolMessage("4", tool_call_id="1")]),
        tiny.ainvoke(PROMPT),
        return_exceptions=True,
    )

    assert isinstance(refused, ModelError)
    assert "no tools here" in str(refused)
    assert isinstance(answer, AIMessage)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"top_k": 5}, "does not know the option 'top_k'", id="unknown"),
        pytest.param({"temperature": -1}, "temperature is -1", id="temperature"),
        pytest.param({"top_p": 0}, "top_p is 0", id="top_p"),
        pytest.param({"max_tokens": 0}, "allow at least 1", id="max_tokens"),
        pytest.param({"seed": -1}, "seed is -1", id="seed"),
        pytest.param({"stop": [""]}, "a stop text is empty", id="stop"),
    ],
)
async def test_a_wrong_option_of_a_request_is_named(
    tiny: LocalChatModel, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        await tiny.ainvoke(PROMPT, **options)


async def test_a_picture_is_refused(tiny: LocalChatModel) -> None:
    picture: list[str | dict[Any, Any]] = [{"type": "image_url", "image_url": {"url": "data:,"}}]

    with pytest.raises(InputError, match="reads text only, not 'image_url'"):
        await tiny.ainvoke([HumanMessage(picture)])


@pytest.mark.gpu
@pytest.mark.parametrize("options", [{}, {"temperature": 1.0, "seed": 5}], ids=["greedy", "drawn"])
async def test_a_gpu_answers_in_batches_as_it_does_alone(
    tiny_folder: Path, options: dict[str, Any]
) -> None:
    model = local_model(str(tiny_folder), device="cuda", dtype="float32", max_new_tokens=16)

    alone = [(await model.ainvoke(prompt, **options)).text for prompt in PROMPTS]
    together = [answer.text for answer in await ask(model, PROMPTS, **options)]

    assert together == alone
