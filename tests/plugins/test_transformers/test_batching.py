"""How requests meet: common batches, cancellation, threads and event loops."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from langchain_core.language_models import LanguageModelInput

from gadfly_transformers import LocalChatModel, local_model

if TYPE_CHECKING:
    from tests.plugins.test_transformers.conftest import Brake

pytestmark = pytest.mark.model

PROMPT = "Who shows the evidence?"


async def test_requests_of_one_moment_share_a_batch(tiny_folder: Path) -> None:
    model = local_model(str(tiny_folder), max_new_tokens=4)

    await asyncio.gather(*(model.ainvoke(f"number {i}") for i in range(20)))

    assert (model.statistics.requests, model.statistics.batches) == (20, 1)
    assert model.statistics.completion_tokens == 80
    assert model.statistics.prompt_tokens > 80


async def test_a_batch_holds_no_more_than_its_size(tiny_folder: Path) -> None:
    model = local_model(str(tiny_folder), max_new_tokens=4, batch_size=8)

    answers = await asyncio.gather(*(model.ainvoke(f"number {'1' * i}") for i in range(20)))

    assert len(answers) == 20
    assert (model.statistics.requests, model.statistics.batches) == (20, 3)


async def test_what_arrives_meanwhile_becomes_the_next_batch(
    tiny_folder: Path, brake: Brake
) -> None:
    model = local_model(str(tiny_folder), max_new_tokens=2)
    brake.hold(model)
    first = asyncio.create_task(model.ainvoke(PROMPT))
    await until_set(brake.is_writing)

    # Ten moments of the event loop, which goes on while the model is busy.
    later = []
    for number in range(10):
        later.append(asyncio.create_task(model.ainvoke(f"number {number}")))
        await asyncio.sleep(0.01)
    brake.let_go.set()
    await asyncio.gather(first, *later)

    assert (model.statistics.requests, model.statistics.batches) == (11, 2)


async def until_set(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 60)


@pytest.fixture
def endless(copy_of_tiny: Path, edit_json: Callable[..., None]) -> LocalChatModel:
    """A model that would write for hours."""
    edit_json(copy_of_tiny / "config.json", max_position_embeddings=10_000_000)
    return local_model(str(copy_of_tiny), max_new_tokens=5_000_000)


async def test_a_cancelled_request_frees_the_model(endless: LocalChatModel, brake: Brake) -> None:
    brake.hold(endless)
    task = asyncio.create_task(endless.ainvoke(PROMPT))
    await until_set(brake.is_writing)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    brake.let_go.set()
    async with asyncio.timeout(60):
        answer = await endless.ainvoke(PROMPT, max_tokens=2)

    assert answer.text
    assert endless.statistics.requests == 1


async def test_a_cancelled_request_does_not_disturb_its_batch(
    endless: LocalChatModel, brake: Brake
) -> None:
    alone = await endless.ainvoke("Hi", max_tokens=30)
    brake.hold(endless)

    cancelled = asyncio.create_task(endless.ainvoke(PROMPT))
    company = asyncio.create_task(endless.ainvoke("Hi", max_tokens=30))
    await until_set(brake.is_writing)
    cancelled.cancel()
    brake.let_go.set()
    async with asyncio.timeout(60):
        answer = await company

    assert answer.text == alone.text
    assert (endless.statistics.requests, endless.statistics.batches) == (2, 2)


async def test_a_request_cancelled_before_its_turn_is_never_written(
    endless: LocalChatModel, brake: Brake
) -> None:
    brake.hold(endless)
    first = asyncio.create_task(endless.ainvoke(PROMPT, max_tokens=2))
    await until_set(brake.is_writing)

    waiting = asyncio.create_task(endless.ainvoke("Hi"))
    await asyncio.sleep(0.01)
    waiting.cancel()
    brake.let_go.set()
    async with asyncio.timeout(60):
        await first
        await endless.ainvoke(PROMPT, max_tokens=1)

    assert waiting.cancelled()
    assert (endless.statistics.requests, endless.statistics.batches) == (2, 2)


def test_one_model_serves_one_event_loop_after_another(tiny: LocalChatModel) -> None:
    first = asyncio.run(tiny.ainvoke(PROMPT))
    second = asyncio.run(tiny.ainvoke(PROMPT))

    assert first.text == second.text


def test_a_loop_that_ends_leaves_no_work_behind(endless: LocalChatModel) -> None:
    async def give_up() -> None:
        async with asyncio.timeout(0.2):
            await endless.ainvoke(PROMPT)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())

    assert endless.invoke(PROMPT, max_tokens=2).text


def test_two_event_loops_at_once_share_the_model(tiny: LocalChatModel) -> None:
    expected = tiny.invoke(PROMPT).text
    texts: list[str] = []
    threads = [
        threading.Thread(target=lambda: texts.append(asyncio.run(tiny.ainvoke(PROMPT)).text))
        for _ in range(3)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert texts == [expected] * 3


def test_synchronous_use_batches_too(tiny_folder: Path) -> None:
    model = local_model(str(tiny_folder), max_new_tokens=40)
    prompts: list[LanguageModelInput] = [f"number {i}" for i in range(12)]

    together = model.batch(prompts)
    batches = model.statistics.batches

    assert [answer.text for answer in together] == [model.invoke(p).text for p in prompts]
    assert batches < 12


def test_a_model_that_is_dropped_ends_its_thread(tiny_folder: Path) -> None:
    def workers() -> set[threading.Thread]:
        return {t for t in threading.enumerate() if t.name.startswith("gadfly-local-model")}

    before = workers()
    model = local_model(str(tiny_folder), max_new_tokens=2)
    model.invoke(PROMPT)
    (mine,) = workers() - before

    del model
    gc.collect()
    mine.join(timeout=60)

    assert not mine.is_alive()


@pytest.mark.parametrize(("threads", "during"), [(None, 1), (2, 2)])
def test_threads_are_set_while_writing_and_put_back(
    tiny_folder: Path,
    threads_while_writing: Callable[[LocalChatModel], set[int]],
    threads: int | None,
    during: int,
) -> None:
    import torch

    before = torch.get_num_threads()

    seen = threads_while_writing(local_model(str(tiny_folder), threads=threads))

    assert seen == {during}
    assert torch.get_num_threads() == before
