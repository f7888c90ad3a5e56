"""gadfly-search's documents, index and recorded search."""

from __future__ import annotations

import copy
import gzip
import json
import pickle
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gadfly import InputError, StorageError, ToolError
from gadfly_search import Index, Passage, Replay, build_index, read_passages
from gadfly_search._store import open_store

ROWS = [
    {"id": "moon", "title": "Moon", "text": "It has phases.", "section": "Orbit"},
    {"title": "Sun", "text": "It is a star."},
]


def lines(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def pdf(*pages: str) -> bytes:
    """The smallest file that is a PDF with a line of text on each page."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    bodies = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET"
        bodies += [
            (
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 200] /Contents {5 + 2 * n} 0 R "
                "/Resources << /Font << /F1 3 0 R >> >> >>"
            ),
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(bodies) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>\n"
    return out + f"{end}startxref\n{len(out)}\n%%EOF\n".encode()


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    (folder / "deep").mkdir(parents=True)
    (folder / "rows.jsonl").write_text(lines(ROWS))
    (folder / "deep" / "guide.md").write_text(
        "# Seas\n\nSeas are salty.\n\n## Black\n\nIt is deep.\n"
    )
    (folder / "plain.txt").write_text("Rivers flow.\n\nLakes do not.")
    (folder / "paper.pdf").write_bytes(pdf("Glaciers move slowly.", "Icebergs float."))
    (folder / ".hidden.md").write_text("Nobody reads this.")
    (folder / "image.png").write_bytes(b"\x89PNG")
    return folder


def test_each_kind_of_file_becomes_passages_with_ids_titles_and_places(documents: Path) -> None:
    read = {
        passage.id: (passage.title, passage.place, passage.text)
        for name in ("rows.jsonl", "deep/guide.md", "plain.txt", "paper.pdf")
        for passage in read_passages(name, (documents / name).read_bytes())
    }

    assert read == {
        "moon": ("Moon", "line 1, Orbit", "It has phases."),
        "rows.jsonl#L2": ("Sun", "line 2", "It is a star."),
        "deep/guide.md#L3": ("Seas", "line 3", "Seas are salty."),
        "deep/guide.md#L7": ("Seas | Black", "line 7", "It is deep."),
        "plain.txt#L1": ("", "line 1", "Rivers flow.\n\nLakes do not."),
        "paper.pdf#p1.1": ("", "page 1", "Glaciers move slowly."),
        "paper.pdf#p2.1": ("", "page 2", "Icebergs float."),
    }


@given(st.text(max_size=5_000))
def test_no_word_of_a_text_is_lost_and_no_passage_is_long(text: str) -> None:
    passages = list(read_passages("any.txt", text.replace("\ufeff", "").encode("utf-8", "replace")))

    kept = "".join("".join(passage.text.split()) for passage in passages)
    clean = text.replace("\ufeff", "").encode("utf-8", "replace").decode()
    assert kept == "".join(clean.split())
    assert all(len(passage.text) <= 1_200 for passage in passages)
    assert len({passage.id for passage in passages}) == len(passages)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        pytest.param("a.jsonl", b'{"text": "x"}\n{"text": ', "a.jsonl:2 is not JSON", id="JSON"),
        pytest.param("a.jsonl", b'{"title": "x"}', 'a.jsonl:1 has no "text"', id="no text"),
        pytest.param("a.jsonl", b"[1]", 'a.jsonl:1 has no "text"', id="no object"),
        pytest.param("a.md", b"\xff\xfe", "a.md is not UTF-8", id="UTF-8"),
        pytest.param("a.pdf", b"%PDF-1.4 nothing", "a.pdf is no PDF", id="PDF"),
        pytest.param("a.jsonl.gz", b"plain", "a.jsonl.gz is not a gzip file", id="gzip"),
        pytest.param("a.docx", b"", "a.docx is no document", id="kind"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_named_in_one_line(
    name: str, data: bytes, said: str
) -> None:
    with pytest.raises(InputError, match=r"^[^\n]+$") as caught:
        list(read_passages(name, data))

    assert str(caught.value).startswith(said)


async def test_what_was_indexed_is_found_with_its_source(documents: Path, tmp_path: Path) -> None:
    report = build_index(documents, tmp_path / "store")

    (best, *_) = await Index(tmp_path / "store").search("Which seas are salt?")
    assert report.passages == 7
    assert best == Passage("deep/guide.md#L3", "Seas are salty.", "Seas", "deep/guide.md", "line 3")


def test_words_meet_whatever_their_case_accents_and_endings(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The CAFÉS were closing.")
    build_index(tmp_path / "a.txt", tmp_path / "store")

    index = Index(tmp_path / "store")
    assert [len(index.find(query)) for query in ("cafe", "closed", "sea", "", "?!")] == [
        1,
        1,
        0,
        0,
        0,
    ]


@pytest.mark.parametrize(
    ("language", "text", "query"),
    [("german", "Die Häuser brennen.", "Haus"), ("turkish", "Kitaplar burada.", "kitap")],
)
def test_a_language_needs_a_stemmer_and_nothing_else(
    language: str, text: str, query: str, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(text)
    build_index(tmp_path / "a.txt", tmp_path / "store", language=language)

    assert len(Index(tmp_path / "store").find(query)) == 1


def test_what_a_page_is_about_weighs_more_than_what_it_mentions(tmp_path: Path) -> None:
    rows = [
        {"id": "mention", "title": "Comet", "text": "It came near Jupiter and broke up there."},
        {"id": "about", "title": "Jupiter", "text": "It has rings that are hard to see."},
    ]
    (tmp_path / "rows.jsonl").write_text(lines(rows))
    build_index(tmp_path / "rows.jsonl", tmp_path / "store")

    assert [p.id for p in Index(tmp_path / "store").find("jupiter")] == ["about", "mention"]


def test_a_word_counts_as_often_as_it_is_asked_for(tmp_path: Path) -> None:
    rows = [{"id": word, "text": f"Some {word} here."} for word in ("salt", "iron")]
    (tmp_path / "rows.jsonl").write_text(lines(rows))
    build_index(tmp_path / "rows.jsonl", tmp_path / "store")
    index = Index(tmp_path / "store")

    found = {q: index.find(q, 1)[0].id for q in ("salt iron iron", "salt iron salt")}

    assert found == {"salt iron iron": "iron", "salt iron salt": "salt"}


def test_long_queries_do_without_what_most_passages_have_and_short_ones_do_not(
    tmp_path: Path,
) -> None:
    telling = ["lead", "tin", "gold", "zinc", "iron", "salt", "coal", "clay"]
    rows = [{"id": word, "text": f"The {word}."} for word in [*telling, "end"]]
    (tmp_path / "rows.jsonl").write_text(lines(rows))
    build_index(tmp_path / "rows.jsonl", tmp_path / "store")
    index = Index(tmp_path / "store")

    found = [{p.id for p in index.find(" ".join(["the", *telling[:n]]), 9)} for n in (0, 7, 8)]

    assert found == [{*telling, "end"}, {*telling, "end"}, {*telling}]


def test_only_what_changed_is_read_again(documents: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    build_index(documents, store)
    index = Index(store)
    assert index.find("salty")

    (documents / "deep" / "guide.md").write_text("Seas are wide.")
    (documents / "plain.txt").unlink()
    (documents / "new.txt").write_text("Deserts are dry.")
    report = build_index(documents, store)

    assert (report.changed, report.removed, report.added) == (
        ("deep/guide.md",),
        ("plain.txt",),
        ("new.txt",),
    )
    assert (report.kept, report.passages) == (2, 6)
    assert not index.find("salty")
    assert not index.find("rivers")
    assert [p.id for p in index.find("wide deserts")] == ["deep/guide.md#L1", "new.txt#L1"]
    assert build_index(documents, store).kept == 4


def test_nothing_changes_where_a_file_cannot_be_read(documents: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    build_index(documents, store)
    (documents / "plain.txt").write_text("Rivers freeze.")
    (documents / "rows.jsonl").write_text("{")

    with pytest.raises(InputError, match=r"rows\.jsonl:1"):
        build_index(documents, store)

    assert Index(store).find("flow")
    assert not Index(store).find("freeze")


def test_a_build_that_was_killed_half_way_is_made_good(documents: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    build_index(documents, store)
    manifest = store / "gadfly-search.json"
    content = json.loads(manifest.read_text())
    # As it is between the two writings: touched, but not known to be done; and one file gone since.
    content["files"] |= {"plain.txt": "", "gone.txt": ""}
    manifest.write_text(json.dumps(content))

    report = build_index(documents, store)

    assert (report.changed, report.removed, report.passages) == (("plain.txt",), ("gone.txt",), 7)


@pytest.mark.parametrize("change", [{"version": 0}, {"language": "german"}])
def test_a_store_of_another_version_or_language_is_built_anew(
    documents: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    store = tmp_path / "store"
    build_index(documents, store)
    manifest = store / "gadfly-search.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    if "version" in change:
        with pytest.raises(InputError, match="builds it anew"):
            Index(store).find("salty")

    report = build_index(documents, store)

    assert (len(report.added), report.passages) == (4, 7)
    assert Index(store).find("salty")


def test_a_folder_of_something_else_is_left_alone(documents: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").write_text("Dear diary")

    with pytest.raises(InputError, match="is no index"):
        build_index(documents, tmp_path / "mine")

    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["diary.txt"]


@pytest.mark.parametrize(
    ("place", "language", "said"),
    [
        pytest.param("nowhere", "english", "nowhere is not there", id="nothing"),
        pytest.param("documents/image.png", "english", "is no document", id="kind"),
        pytest.param("documents", "klingon", "language 'klingon'", id="language"),
    ],
)
def test_what_cannot_be_indexed_is_said(
    documents: Path, tmp_path: Path, place: str, language: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        build_index(tmp_path / place, tmp_path / "store", language=language)

    assert not (tmp_path / "store").exists()


async def test_a_missing_or_damaged_store_is_an_error_and_never_nothing_found(
    documents: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    with pytest.raises(InputError, match="is no index"):
        await Index(store).search("salty")
    build_index(documents, store)
    (store / "meta.json").write_text("{")
    with pytest.raises(StorageError, match="cannot be read"):
        await Index(store).search("salty")


@pytest.mark.parametrize("kind", ["store", "idx", "term", "fieldnorm"])
def test_damaged_postings_are_an_error_too(documents: Path, tmp_path: Path, kind: str) -> None:
    store = tmp_path / "store"
    build_index(documents, store)
    for path in store.glob(f"*.{kind}"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")

    with pytest.raises(StorageError, match=r"cannot be read|is damaged"):
        Index(store).find("Which seas are salty?")


def test_two_writers_do_not_mix(documents: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    build_index(documents, store)
    (documents / "new.txt").write_text("Deserts are dry.")
    writer = open_store(store, "english").writer(15_000_000, 1)

    with pytest.raises(StorageError, match="cannot be written"):
        build_index(documents, store)

    del writer
    assert build_index(documents, store).added == ("new.txt",)


def test_an_index_is_a_value_that_travels(documents: Path, tmp_path: Path) -> None:
    build_index(documents, tmp_path / "store")
    index = Index(tmp_path / "store")
    index.find("salty")

    for twin in (copy.deepcopy(index), pickle.loads(pickle.dumps(index))):
        assert twin == index
        assert twin.find("salty") == index.find("salty")


async def test_a_recorded_search_gives_what_was_observed(tmp_path: Path) -> None:
    path = tmp_path / "recorded.jsonl.gz"
    rows = [{"id": "r1", "query": "Moon phases", "observation": "Eight of them."}]
    path.write_bytes(gzip.compress(lines([*rows, *rows]).encode()))
    replay = Replay(path)

    found = await replay.search("moon  PHASES")

    assert [(p.id, p.text, p.source) for p in found] == [("r1", "Eight of them.", path.name)]
    with pytest.raises(ToolError, match="'Sun' is not in"):
        await replay.search("Sun")


@pytest.mark.data
def test_recorded_searches_and_gold_paragraphs_are_found(shared_data: Path, tmp_path: Path) -> None:
    replay = Replay(shared_data / "corpora" / "hotpotqa_search_replay.jsonl.gz")
    build_index(shared_data / "corpora" / "xquad_paragraphs.jsonl.gz", tmp_path / "store")
    with gzip.open(shared_data / "tasks" / "xquad_en.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    index = Index(tmp_path / "store")

    found = [row["paragraph_id"] in {p.id for p in index.find(row["question"])} for row in rows]

    assert len(replay) > 100
    assert sum(found) / len(rows) > 0.95
