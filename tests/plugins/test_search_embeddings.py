"""gadfly-search's embeddings: the vectors of a store, the search by both, and real weights.

The weights are made here, small and random, and loaded as any other.
"""

from __future__ import annotations

import asyncio
import json
import math
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gadfly_search
from gadfly import Draft, InputError, Plugins, StorageError, ToolError, Verdict
from gadfly.testing import make_context
from gadfly_search import (
    Embedder,
    HuggingFaceEmbedder,
    HybridIndex,
    Index,
    Passage,
    build_index,
)
from gadfly_search import _hybrid as hybrid
from gadfly_search import _vectors as vectors
from gadfly_search._hybrid import DEPTH, K, fuse
from gadfly_search._store import open_store

MEANINGS = ("car automobile vehicle", "doctor physician medic", "sea ocean", "fast quick rapid")


class PowerCutError(BaseException):
    """Nothing catches it, as nothing catches a power cut."""


@dataclass
class Meanings:
    """Knows four meanings, and counts what it was asked: a vector is how often each is meant."""

    name: str = "meanings"
    digest: str = "m1"
    breaks_at: int = 1_000_000
    passages: list[str] = field(default_factory=list[str])
    queries: list[str] = field(default_factory=list[str])

    def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
        asked = self.queries if query else self.passages
        rows = []
        for text in texts:
            if len(self.passages) >= self.breaks_at:
                raise PowerCutError
            asked.append(text)
            words = text.lower().replace(".", " ").replace("?", " ").split()
            counts = [sum(word in meaning.split() for word in words) for meaning in MEANINGS]
            row = np.array([*counts, 0.01], np.float32)
            rows.append(row / np.linalg.norm(row))
        return np.stack(rows)


TEXTS = {
    "car.txt": "An automobile stands outside.",
    "doctor.txt": "The physician left.",
    "sea.txt": "The ocean is deep.",
    "other.txt": "Nothing of the kind.",
}


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def sources(passages: Sequence[Passage]) -> list[str]:
    return [passage.source for passage in passages]


# ------------------------------------------------------------------------------- the search


def test_what_is_said_in_other_words_is_found(documents: Path, store: Path) -> None:
    build_index(documents, store, embedder=Meanings())

    assert Index(store).find("vehicle") == []
    assert sources(HybridIndex(store, Meanings()).find("vehicle"))[0] == "car.txt"
    assert sources(HybridIndex(store, Meanings()).find("a medic"))[0] == "doctor.txt"


async def test_a_search_is_the_same_in_a_loop_and_beside_others(
    documents: Path, store: Path
) -> None:
    build_index(documents, store, embedder=Meanings())
    index = HybridIndex(store, Meanings())

    found = await asyncio.gather(*(index.search(query, 2) for query in ("vehicle", "medic") * 8))

    assert [sources(one)[0] for one in found] == ["car.txt", "doctor.txt"] * 8
    assert found[0] == index.find("vehicle", 2)
    assert len(found[0]) == 2


def test_both_rankings_count(documents: Path, store: Path) -> None:
    """First by words and first by meaning go before all that is first in neither."""
    (documents / "words.txt").write_text("Quokka.")
    build_index(documents, store, embedder=Meanings())

    found = sources(HybridIndex(store, Meanings()).find("quokka vehicle"))

    assert set(found[:2]) == {"words.txt", "car.txt"}


def test_passages_that_say_the_same_are_all_found_and_embedded_once(
    documents: Path, store: Path
) -> None:
    (documents / "again.txt").write_text(TEXTS["car.txt"])
    embedder = Meanings()

    report = build_index(documents, store, embedder=embedder)

    assert (report.passages, report.embedded, len(embedder.passages)) == (5, 4, 4)
    found = sources(HybridIndex(store, embedder).find("vehicle"))
    assert set(found[:2]) == {"again.txt", "car.txt"}


def test_titles_are_embedded_with_their_passages(tmp_path: Path, store: Path) -> None:
    (tmp_path / "a.md").write_text("# Ocean\n\nIt is deep.\n")
    embedder = Meanings()

    build_index(tmp_path / "a.md", store, embedder=embedder)

    assert embedder.passages == ["Ocean\nIt is deep."]


def test_queries_are_embedded_as_queries(documents: Path, store: Path) -> None:
    build_index(documents, store, embedder=Meanings())
    embedder = Meanings()

    index = HybridIndex(store, embedder)
    index.find("vehicle")

    assert (embedder.queries, embedder.passages) == (["vehicle"], [])
    assert index.find(" \n") == index.find("vehicle", 0) == []


@given(
    st.lists(st.lists(st.integers(0, 30), unique=True, max_size=20), min_size=1, max_size=3),
)
def test_fusing_adds_reciprocal_ranks(rankings: list[list[int]]) -> None:
    passages = [Passage(str(number), "text") for number in range(31)]

    fused = fuse([[passages[number] for number in ranking] for ranking in rankings])

    def score(passage: Passage) -> float:
        number = int(passage.id)
        return math.fsum(1 / (K + 1 + r.index(number)) for r in rankings if number in r)

    assert {int(passage.id) for passage in fused} == {n for ranking in rankings for n in ranking}
    scores = [score(passage) for passage in fused]
    assert all(a >= b - 1e-12 for a, b in pairwise(scores))
    if len(rankings) == 1:
        assert [int(passage.id) for passage in fused] == rankings[0]


@pytest.mark.parametrize(("ahead", "behind"), [((1, 13), (5, 8)), ((5, 14), (1, 20))])
def test_the_constant_of_the_paper_decides(ahead: tuple[int, int], behind: tuple[int, int]) -> None:
    """With 61 in place of 60 the first pair would be the other way round, with 59 the second."""
    rankings = [[Passage(f"{side} {rank}", "other") for rank in range(50)] for side in "ab"]
    for name, ranks in (("behind", behind), ("ahead", ahead)):
        for ranking, rank in zip(rankings, ranks, strict=True):
            ranking[rank - 1] = Passage(name, "text")

    fused = [passage.id for passage in fuse(rankings)]

    assert fused.index("ahead") < fused.index("behind")


def test_blocks_do_not_show_in_what_is_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = np.random.default_rng(0)
    rows = np.zeros(500, [("key", "V16"), ("vector", "<f4", (8,))])
    rows["key"] = np.frombuffer(b"".join(n.to_bytes(16, "big") for n in range(500)), "V16")
    rows["vector"] = dice.normal(size=(500, 8))
    query = dice.normal(size=8).astype(np.float32)
    rows["vector"][100:110] = rows["vector"][0]  # equals

    expected = np.argsort(-(rows["vector"] @ query), kind="stable")[:37]

    for block in (1, 7, 64, 10_000):
        monkeypatch.setattr(vectors, "BLOCK", block)
        found = vectors.Vectors(rows=rows).nearest(query, 37)
        assert [int.from_bytes(key, "big") for key in found] == expected.tolist()


def test_more_than_is_fused_of_each_ranking_can_be_asked_for(tmp_path: Path, store: Path) -> None:
    rows = [{"text": f"Number {n} is a vehicle."} for n in range(DEPTH + 20)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    build_index(tmp_path / "a.jsonl", store, embedder=Meanings())

    assert len(HybridIndex(store, Meanings()).find("vehicle", DEPTH + 10)) == DEPTH + 10


# ------------------------------------------------------------------------------- the build


def test_only_new_texts_are_embedded_and_gone_ones_are_dropped(
    documents: Path, store: Path
) -> None:
    build_index(documents, store, embedder=Meanings())
    (documents / "sea.txt").unlink()
    (documents / "car.txt").rename(documents / "moved.txt")
    (documents / "doctor.txt").write_text("The medic stayed.")
    embedder = Meanings()

    report = build_index(documents, store, embedder=embedder)

    assert embedder.passages == ["The medic stayed."]
    assert report.embedded == 1
    assert len(np.load(store / "vectors" / "vectors.npy")) == 3
    index = HybridIndex(store, embedder)
    assert sources(index.find("vehicle"))[0] == "moved.txt"
    assert "sea.txt" not in sources(index.find("sea"))
    assert build_index(documents, store, embedder=embedder).embedded == 0


def test_vectors_are_the_same_whichever_way_a_store_came_about(
    documents: Path, store: Path, tmp_path: Path
) -> None:
    build_index(documents, store, embedder=Meanings())
    (documents / "new.txt").write_text("A rapid vehicle.")
    build_index(documents, store, embedder=Meanings())
    build_index(documents, tmp_path / "fresh", embedder=Meanings())

    grown, fresh = (
        (folder / "vectors" / "vectors.npy").read_bytes() for folder in (store, tmp_path / "fresh")
    )
    assert grown == fresh


def test_an_index_gets_vectors_later_and_a_new_version_keeps_them(
    documents: Path, store: Path
) -> None:
    build_index(documents, store)
    assert build_index(documents, store, embedder=Meanings()).embedded == 4

    report = build_index(documents, store, language="german", embedder=Meanings())

    assert (len(report.added), report.embedded) == (4, 0)
    assert sources(HybridIndex(store, Meanings()).find("vehicle"))[0] == "car.txt"


@pytest.mark.parametrize("done", [0, 5, 8])
def test_a_build_that_was_stopped_loses_nothing_that_was_finished(
    tmp_path: Path, store: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    monkeypatch.setattr(vectors, "BATCH", 2)
    rows = [{"text": f"Number {n} is a vehicle."} for n in range(9)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(PowerCutError):
        build_index(tmp_path / "a.jsonl", store, embedder=Meanings(breaks_at=done))

    with pytest.raises(InputError, match="makes what is missing"):
        HybridIndex(store, Meanings()).find("vehicle")
    assert len(Index(store).find("vehicle", 20)) == 9
    embedder = Meanings()
    report = build_index(tmp_path / "a.jsonl", store, embedder=embedder)

    assert report.embedded == len(embedder.passages) == 9 - done // 2 * 2
    assert len(HybridIndex(store, embedder).find("vehicle", 20)) == 9
    assert not (store / "vectors" / "vectors.part").exists()


def test_half_a_record_and_a_record_of_zeros_are_made_again(documents: Path, store: Path) -> None:
    """What a machine that lost its power may leave."""
    build_index(documents, store, embedder=Meanings())
    folder = store / "vectors"
    rows = np.load(folder / "vectors.npy")
    record = rows[0].tobytes()
    zeros = rows[1:2].copy()
    zeros["vector"] = 0
    (folder / "vectors.npy").unlink()
    (folder / "vectors.part").write_bytes(record + zeros[0].tobytes() + record[:-3])
    manifest = json.loads((folder / "vectors.json").read_text())
    (folder / "vectors.json").write_text(json.dumps(manifest | {"state": ""}))

    assert build_index(documents, store, embedder=Meanings()).embedded == 3
    assert np.load(folder / "vectors.npy").tobytes() == rows.tobytes()


def test_a_killed_process_leaves_what_it_made(tmp_path: Path, store: Path) -> None:
    rows = [{"text": f"Number {n}."} for n in range(600)]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    script = f"""
import os, numpy as np
from gadfly_search import build_index
class Killed:
    name = digest = "killed"
    calls = 0
    def embed(self, texts, *, query=False):
        self.calls += 1
        if self.calls == 3:
            os.kill(os.getpid(), 9)
        return np.ones((len(texts), 1), np.float32)
build_index({str(tmp_path / "a.jsonl")!r}, {str(store)!r}, embedder=Killed())
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9

    class Ones(Meanings):
        def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
            return np.ones((len(texts), 1), np.float32)

    report = build_index(tmp_path / "a.jsonl", store, embedder=Ones("killed", "killed"))

    assert (report.passages, report.embedded) == (600, 600 - 2 * vectors.BATCH)


def test_two_builds_do_not_write_vectors_at_the_same_time(documents: Path, store: Path) -> None:
    build_index(documents, store)
    writer = open_store(store, "english").writer(15_000_000, 1)

    with pytest.raises(StorageError, match="cannot be written"):
        build_index(documents, store, embedder=Meanings())

    del writer
    assert build_index(documents, store, embedder=Meanings()).embedded == 4


def test_documents_without_text_have_no_vectors(tmp_path: Path, store: Path) -> None:
    (tmp_path / "a.txt").write_text("\n")
    embedder = Meanings()
    assert build_index(tmp_path / "a.txt", store, embedder=embedder).passages == 0
    assert HybridIndex(store, embedder).find("vehicle") == []

    (tmp_path / "a.txt").write_text("An automobile.")
    build_index(tmp_path / "a.txt", store, embedder=embedder)
    assert len(HybridIndex(store, embedder).find("vehicle")) == 1

    (tmp_path / "a.txt").write_text("\n")
    build_index(tmp_path / "a.txt", store, embedder=embedder)
    assert HybridIndex(store, embedder).find("vehicle") == []


# --------------------------------------------------------------- what is never done silently


def test_missing_vectors_are_an_error(documents: Path, store: Path) -> None:
    index = HybridIndex(store, Meanings())
    with pytest.raises(InputError, match="is no index"):
        index.find("vehicle")
    build_index(documents, store)
    with pytest.raises(InputError, match=r"holds no vectors; build_index\(.*embedder"):
        index.find("vehicle")


async def test_vectors_that_lag_behind_the_index_are_an_error(documents: Path, store: Path) -> None:
    build_index(documents, store, embedder=Meanings())
    index = HybridIndex(store, Meanings())
    assert await index.search("vehicle")
    (documents / "new.txt").write_text("A quick vehicle.")
    build_index(documents, store)

    with pytest.raises(InputError, match="not those of its passages now"):
        await index.search("vehicle")

    assert build_index(documents, store, embedder=Meanings()).embedded == 1
    assert len(await index.search("vehicle")) == 5


def test_another_embedder_is_an_error_that_says_what_to_do(documents: Path, store: Path) -> None:
    build_index(documents, store, embedder=Meanings())
    other = Meanings("others", "o1")
    (documents / "new.txt").write_text("A quick vehicle.")

    for use in (
        lambda: build_index(documents, store, embedder=other),
        lambda: HybridIndex(store, other).find("vehicle"),
    ):
        with pytest.raises(InputError, match=r"made by the embedder meanings \(m1\)") as caught:
            use()
        assert f"or delete {store / 'vectors'}" in str(caught.value)
    assert len(Index(store)) == 4, "nothing was changed"

    shutil.rmtree(store / "vectors")
    assert build_index(documents, store, embedder=other).embedded == 5


def test_damaged_vectors_are_an_error_and_are_made_again(documents: Path, store: Path) -> None:
    build_index(documents, store, embedder=Meanings())
    path = store / "vectors" / "vectors.npy"
    whole = path.read_bytes()
    for damaged in (whole[:-1] + b"\x3f", whole[:-5], b"nothing"):
        path.unlink()
        path.write_bytes(damaged)
        hybrid._OPEN.clear()
        with pytest.raises(StorageError, match="is damaged: delete it"):
            HybridIndex(store, Meanings()).find("vehicle")

    (documents / "new.txt").write_text("A quick vehicle.")
    assert build_index(documents, store, embedder=Meanings()).embedded == 5
    assert HybridIndex(store, Meanings()).find("vehicle")
    (store / "vectors" / "vectors.json").write_text("{")
    with pytest.raises(StorageError, match="is damaged"):
        build_index(documents, store, embedder=Meanings())


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        pytest.param([[1.0]], "no matrix of numbers", id="list"),
        pytest.param(np.ones(4, np.float32), "no matrix of numbers", id="one row"),
        pytest.param(np.ones((4, 1), np.int64), "no matrix of numbers", id="integers"),
        pytest.param(np.ones((3, 1), np.float32), "not of", id="a row too few"),
        pytest.param(np.ones((4, 0), np.float32), "not of", id="no columns"),
        pytest.param(np.full((4, 1), 2, np.float32), "not of length one", id="length"),
        pytest.param(np.full((4, 1), np.nan, np.float32), "not of length one", id="no number"),
        pytest.param(KeyError("x"), "broke: KeyError", id="broke"),
    ],
)
def test_an_embedder_that_lies_or_breaks_is_a_tool_error(
    documents: Path, store: Path, returned: object, said: str
) -> None:
    class Lies(Meanings):
        def embed(self, texts: Sequence[str], *, query: bool = False) -> Any:
            if isinstance(returned, Exception):
                raise returned
            return returned

    with pytest.raises(ToolError, match=said):
        build_index(documents, store, embedder=Lies())

    with pytest.raises(InputError, match="makes what is missing"):
        HybridIndex(store, Lies()).find("vehicle")
    assert build_index(documents, store, embedder=Meanings()).embedded == 4
    with pytest.raises(ToolError, match=r"embedder meanings (returned|broke)"):
        HybridIndex(store, Lies()).find("vehicle")


def test_an_index_of_nothing_that_embeds_is_refused(store: Path) -> None:
    with pytest.raises(InputError, match="takes an embedder"):
        HybridIndex(store, cast("Any", "folder"))


# ---------------------------------------------------------------------------- real weights


WORDS = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "an", "auto", "##mobile", "the", "query"),
    *("passage", ":", ".", "stands", "outside", "physician", "left", "ocean", "is", "deep"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    import transformers
    from transformers import BertConfig, BertModel

    folder = tmp_path_factory.mktemp("embedders") / "tiny"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=32,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        cast("Any", BertModel)(config).save_pretrained(folder)
    tokenizer = cast("Any", transformers).BertTokenizerFast(vocab=str(folder / "vocab.txt"))
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def weights(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "weights")


@pytest.mark.model
def test_real_weights_embed_as_they_do_by_hand(made: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    texts = ["The physician left.", "An automobile stands outside. The ocean is deep.", "Ocean"]
    batch = cast("Any", AutoTokenizer.from_pretrained(made))(texts, padding=True)
    model = cast("Any", AutoModel.from_pretrained(made)).eval()
    by_hand: dict[str, list[Any]] = {"mean": [], "cls": []}
    for ids, mask in zip(batch["input_ids"], batch["attention_mask"], strict=True):
        with torch.inference_mode():  # each by itself, without padding
            states = model(input_ids=torch.tensor([ids[: sum(mask)]])).last_hidden_state[0]
        by_hand["mean"].append(states.mean(0).numpy())
        by_hand["cls"].append(states[0].numpy())

    for pooling, rows in by_hand.items():
        matrix = HuggingFaceEmbedder(made, pooling=cast("Any", pooling), device="cpu").embed(texts)
        expected = np.stack([row / np.linalg.norm(row) for row in rows])
        assert matrix.dtype == np.float32
        assert np.allclose(matrix, expected, atol=1e-5)


@pytest.mark.model
def test_real_weights_serve_an_index_and_travel(made: Path, documents: Path, store: Path) -> None:
    embedder = HuggingFaceEmbedder(made, device="cpu")
    assert isinstance(embedder, Embedder)
    build_index(documents, store, embedder=embedder)
    index = HybridIndex(store, embedder)

    twin = pickle.loads(pickle.dumps(index))

    for name, text in TEXTS.items():
        assert sources(twin.find(text, 1)) == [name]
    assert twin == index
    assert hash(twin.embedder) == hash(embedder)


@pytest.mark.model
def test_prefixes_go_before_queries_and_passages(made: Path) -> None:
    plain = HuggingFaceEmbedder(made, device="cpu")
    told = HuggingFaceEmbedder(
        made, prefix_query="query : ", prefix_passage="passage : ", device="cpu"
    )

    for query, prefix in ((True, "query : "), (False, "passage : ")):
        expected = plain.embed([f"{prefix}ocean"])
        assert np.allclose(told.embed(["ocean"], query=query), expected, atol=1e-6)
    assert not np.allclose(told.embed(["ocean"]), told.embed(["ocean"], query=True))


@pytest.mark.model
def test_a_long_text_is_cut_off(made: Path) -> None:
    embedder = HuggingFaceEmbedder(made, device="cpu")
    long = "ocean " * 500

    assert np.allclose(embedder.embed([long]), embedder.embed([long + "physician"]), atol=1e-6)
    short = HuggingFaceEmbedder(made, max_tokens=4, device="cpu")
    assert np.allclose(short.embed(["the ocean is deep"]), short.embed(["the ocean"]), atol=1e-6)


@pytest.mark.model
def test_a_folder_of_sentence_transformers_says_how_it_is_read(weights: Path) -> None:
    before = HuggingFaceEmbedder(weights, device="cpu")
    cls = HuggingFaceEmbedder(weights, pooling="cls", prefix_query="query : ", device="cpu")
    digests = {before.digest, cls.digest}
    (weights / "1_Pooling").mkdir()
    pooling = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
    (weights / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    prompts = {"prompts": {"query": "query : ", "document": ""}}
    (weights / "config_sentence_transformers.json").write_text(json.dumps(prompts))

    said = HuggingFaceEmbedder(weights, device="cpu")

    assert said.digest == cls.digest
    assert np.allclose(said.embed(["ocean"], query=True), cls.embed(["ocean"], query=True))
    (weights / "sentence_bert_config.json").write_text('{"max_seq_length": 4}')
    cut = HuggingFaceEmbedder(weights, device="cpu")
    assert np.allclose(cut.embed(["the ocean is"]), cut.embed(["the ocean"]), atol=1e-6)
    assert cut.digest not in {*digests, said.digest}
    assert len(digests) == 2


@pytest.mark.model
def test_other_weights_are_another_embedder(weights: Path, documents: Path, store: Path) -> None:
    build_index(documents, store, embedder=HuggingFaceEmbedder(weights, device="cpu"))
    path = weights / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)

    with pytest.raises(InputError, match="made by the embedder weights"):
        HybridIndex(store, HuggingFaceEmbedder(weights, device="cpu")).find("vehicle")


def _without(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _with(name: str, text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)

    return write


def _without_tokenizer(folder: Path) -> None:
    for name in ("vocab.txt", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink(missing_ok=True)


def _renamed_tensor(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["other.weight"] = tensors.pop("embeddings.word_embeddings.weight")
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def _not_numbers(folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    tensors = load_file(folder / "model.safetensors")
    tensors["embeddings.LayerNorm.weight"][:] = np.nan
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.model
@pytest.mark.parametrize(
    ("damage", "kind", "said"),
    [
        pytest.param(_without("model.safetensors"), ToolError, "holds no weights", id="no weights"),
        pytest.param(_without_tokenizer, ToolError, "holds no tokenizer", id="no tokenizer"),
        pytest.param(_with("config.json", "{"), ToolError, "cannot be read", id="configuration"),
        pytest.param(_with("config.json", "[1]"), ToolError, "no JSON object", id="list"),
        pytest.param(_with("config.json", "{}"), ToolError, "does not load", id="no kind"),
        pytest.param(_with("model.safetensors", "x"), ToolError, "does not load", id="weights"),
        pytest.param(_renamed_tensor, ToolError, "1 tensors are missing", id="a tensor is missing"),
        pytest.param(_not_numbers, ToolError, "gave no numbers", id="no numbers"),
        pytest.param(
            _with("1_Pooling/config.json", '{"pooling_mode_lasttoken": true}'),
            InputError,
            "wants the pooling lasttoken",
            id="pooling",
        ),
        pytest.param(
            _with("modules.json", '[{"type": "sentence_transformers.models.Dense"}]'),
            InputError,
            "has a step Dense",
            id="step",
        ),
        pytest.param(
            _with(
                "config.json",
                '{"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}}',
            ),
            ToolError,
            "is never run",
            id="code",
        ),
    ],
)
def test_a_broken_folder_is_named_in_one_line(
    weights: Path,
    documents: Path,
    store: Path,
    damage: Callable[[Path], None],
    kind: type[Exception],
    said: str,
) -> None:
    damage(weights)

    with pytest.raises(kind, match=rf"^[^\n]*{said}[^\n]*$") as caught:
        build_index(documents, store, embedder=HuggingFaceEmbedder(weights, device="cpu"))

    assert "weights" in str(caught.value), "it is named"


@pytest.mark.model
def test_a_pooler_is_not_needed(weights: Path) -> None:
    """Weights that were trained to fill in words have none."""
    from safetensors.numpy import load_file, save_file

    expected = HuggingFaceEmbedder(weights, device="cpu").embed(["ocean"])
    tensors = load_file(weights / "model.safetensors")
    without = {name: tensor for name, tensor in tensors.items() if "pooler" not in name}
    assert len(without) < len(tensors)
    save_file(without, weights / "model.safetensors", {"format": "pt"})

    assert np.allclose(HuggingFaceEmbedder(weights, device="cpu").embed(["ocean"]), expected)


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_a_missing_library_is_said_in_one_line_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(ToolError, match=r"^[^\n]*pip install 'gadfly-search\[embeddings\]'$"):
        HuggingFaceEmbedder(tmp_path).embed(["ocean"])


def test_words_need_none_of_the_libraries_of_embeddings(documents: Path, store: Path) -> None:
    script = f"""
import sys
sys.modules.update(numpy=None, torch=None, transformers=None)
import gadfly_search as g
g.build_index({str(documents)!r}, {str(store)!r})
assert g.Index({str(store)!r}).find("ocean")
class None_:
    name = digest = "none"
    def embed(self, texts, *, query=False): return []
try:
    g.HybridIndex({str(store)!r}, None_()).find("ocean")
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert done.stdout.startswith("ToolError embeddings need numpy")
    assert "pip install 'gadfly-search[embeddings]'" in done.stdout


@pytest.mark.parametrize(
    ("folder", "options", "said"),
    [
        ("nowhere", {}, "'nowhere' is no folder with a config.json"),
        ("", {"pooling": "max"}, "no pooling 'max'; give one of auto, mean, cls"),
        ("", {"max_tokens": 2}, "max_tokens is 3 or more"),
    ],
)
def test_an_option_that_is_wrong_is_said_at_once(
    tmp_path: Path, folder: str, options: dict[str, Any], said: str
) -> None:
    (tmp_path / "config.json").write_text("{}")

    with pytest.raises(InputError, match=said):
        HuggingFaceEmbedder(folder or tmp_path, **options)


@pytest.mark.model
@pytest.mark.parametrize("device", ["nonsense", "cuda:99"])
def test_a_device_that_is_not_there_is_said(made: Path, device: str) -> None:
    with pytest.raises(InputError, match=f"device '{device}'"):
        HuggingFaceEmbedder(made, device=device).embed(["ocean"])


# ---------------------------------------------------------------------- the critic, the tool


@pytest.mark.model
async def test_the_critic_searches_an_index_by_meaning_too(
    made: Path, documents: Path, store: Path
) -> None:
    (documents / "mars.txt").write_text("Mars has two moons.")
    build_index(documents, store, embedder=HuggingFaceEmbedder(made))
    critic = Plugins.discover().create(
        "critics", "search/claims", index=str(store), embedder=str(made), model=False
    )

    critique = await critic.critique(Draft("Mars has two moons."), make_context("How many?"))

    assert critique.verdict is Verdict.PASS
    assert {record.tool for record in critique.evidence} == {"search/hybrid"}


@pytest.mark.model
async def test_the_tool_searches_an_index_by_meaning_too(
    made: Path, documents: Path, store: Path
) -> None:
    build_index(documents, store, embedder=HuggingFaceEmbedder(made))
    tool = Plugins.discover().create("tools", "search/index", path=str(store), embedder=str(made))

    evidence = await tool("The ocean is deep.")

    assert evidence.tool == "search/hybrid"
    assert len(evidence.observation["passages"]) == 4


async def test_the_critic_never_judges_by_words_alone_where_an_embedder_is_named(
    documents: Path, store: Path
) -> None:
    build_index(documents, store)
    critic = gadfly_search.ClaimsCritic(index=str(store), embedder=Meanings(), model=False)

    with pytest.raises(InputError, match="holds no vectors"):
        await critic.critique(Draft("The ocean is deep."), make_context("How deep?"))


def test_an_embedder_without_an_index_is_refused() -> None:
    with pytest.raises(InputError, match="an embedder goes with an index"):
        gadfly_search.ClaimsCritic(embedder=Meanings())
