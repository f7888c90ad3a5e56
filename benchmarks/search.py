"""Retrieval beside rank_bm25 and bm25s, and what the rules of `search/claims` decide.

    python benchmarks/search.py [--only retrieval|rules] [--data FOLDER] [--report FILE]
    python benchmarks/search.py --embedder FOLDER [--data FOLDER] [--report FILE]

Retrieval: recall@1, @5, @10 and MRR of gold evidence on four sets of the shared data. Each
contender gets the same text (title and passage) in a process of its own, where it is timed and its
memory is measured; its ranking is scored here. Queries are timed one by one, as a critic asks them
and from text to passages; bm25s also in one batch, which is how it is fastest. Ours reads its index
from the disk, and keeps passages that it found; the others hold theirs in memory.

With an embedder (a folder of Hugging Face weights), nothing is measured but what it adds: ours with
it beside ours without (`search_embeddings.json`).

Rules: the critic, without a model, on claims with labels that it never sees. A false accept is a
refuted claim that it passes, a false reject a supported one that it fails.

Intervals are 95 % and count problems, not rows: rows of one group (`gid`) go together.

What comes out is printed, and written as JSON beside this file. It needs bm25s, rank_bm25 and
PyStemmer.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import importlib
import io
import json
import math
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from figures import read_rows

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
DEPTH = 10
MEASURES = ("recall@1", "recall@5", "recall@10", "mrr")
RESAMPLES = 1_000
OURS = "gadfly-search"
HYBRID = "gadfly-search, with embeddings"
CORPORA = {
    "fm2_claims": "fm2_evidence",
    "strategyqa": "strategyqa_facts",
    "xquad_en": "xquad_paragraphs",
    "hotpotqa_100": "hotpotqa_paragraphs",
}
Row = dict[str, Any]
Find = Callable[[str], list[str]]
"""A query in, the ids of the best passages out."""


def main() -> int:
    """Run what was asked for; the exit status says whether ours holds what it must."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of shared data")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--only", choices=["retrieval", "rules"])
    parser.add_argument("--embedder", type=Path, help="a folder of Hugging Face weights")
    parser.add_argument("--contender", help=argparse.SUPPRESS)
    parser.add_argument("--set", choices=CORPORA, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cast("io.TextIOWrapper", sys.stdout).reconfigure(line_buffering=True)
    if arguments.embedder is not None:
        CONTENDERS[HYBRID] = _hybrid(arguments.embedder)
    if arguments.contender:
        json.dump(_measure(arguments.data, arguments.set, arguments.contender), sys.stdout)
        return 0
    report: dict[str, Any] = {"versions": _versions(), "data": {}}
    if arguments.embedder is not None:
        embedder = importlib.import_module("gadfly_search").HuggingFaceEmbedder(arguments.embedder)
        report["embedder"] = {"name": embedder.name, "digest": embedder.digest}
        report["embeddings"] = {
            name: _compare(arguments.data, name, report, arguments.embedder) for name in CORPORA
        }
        return _write(report, arguments.report or HERE.with_name("search_embeddings.json"))
    if arguments.only != "rules":
        report["retrieval"] = {name: _compare(arguments.data, name, report) for name in CORPORA}
    if arguments.only != "retrieval":
        report["rules"] = {name: _judge(arguments.data, name, report) for name in RULE_SETS}
    return _write(report, arguments.report or HERE.with_suffix(".json"))


def _write(report: Mapping[str, Any], path: Path) -> int:
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"written to {path}")
    return 0


# ------------------------------------------------------------------------------- the data


def _read(data: Path, name: str) -> list[Row]:
    return read_rows(data / f"{name}.jsonl.gz")


def _queries(data: Path, name: str) -> list[tuple[str, str, set[str]]]:
    """Return group, query and gold passages of each row that has any."""
    titles = {
        (row["gid"], row["title"]): row["id"] for row in _read(data, f"corpora/{CORPORA[name]}")
    }
    gold: dict[str, Callable[[Row], set[str]]] = {
        "fm2_claims": lambda row: set(row["gold_evidence"]),
        "strategyqa": lambda row: set(row["fact_ids"]),
        "xquad_en": lambda row: {row["paragraph_id"]},
        "hotpotqa_100": lambda row: {
            titles[row["gid"], title]
            for title, _ in row["supporting_facts"]
            if (row["gid"], title) in titles
        },
    }
    rows = _read(data, f"tasks/{name}")
    found = [(row["gid"], row.get("claim") or row["question"], gold[name](row)) for row in rows]
    return [entry for entry in found if entry[2]]


# --------------------------------------------------------------------------- the contenders


def _ours(data: Path, corpus: str) -> tuple[Find, None]:
    search = importlib.import_module("gadfly_search")
    folder = tempfile.TemporaryDirectory()
    search.build_index(data / "corpora" / f"{corpus}.jsonl.gz", folder.name)
    index = search.Index(folder.name)

    def find(query: str, _kept: object = folder) -> list[str]:
        return [passage.id for passage in index.find(query, DEPTH)]

    return find, None


def _hybrid(weights: Path) -> Callable[[Path, str], tuple[Find, None]]:
    def make(data: Path, corpus: str) -> tuple[Find, None]:
        search = importlib.import_module("gadfly_search")
        folder = tempfile.TemporaryDirectory()
        embedder = search.HuggingFaceEmbedder(weights)
        documents = data / "corpora" / f"{corpus}.jsonl.gz"
        search.build_index(documents, folder.name, embedder=embedder)
        index = search.HybridIndex(folder.name, embedder)

        def find(query: str, _kept: object = folder) -> list[str]:
            return [passage.id for passage in index.find(query, DEPTH)]

        return find, None

    return make


def _texts(data: Path, corpus: str) -> tuple[list[str], list[str]]:
    rows = _read(data, f"corpora/{corpus}")
    return [row["id"] for row in rows], [f"{row['title']}\n{row['text']}" for row in rows]


def _bm25s(stop: object, *, stem: bool) -> Callable[[Path, str], tuple[Find, Any]]:
    def make(data: Path, corpus: str) -> tuple[Find, Any]:
        bm25s = importlib.import_module("bm25s")
        stemmer = importlib.import_module("Stemmer").Stemmer("english") if stem else None
        options = {"stopwords": stop, "stemmer": stemmer, "show_progress": False}
        ids, texts = _texts(data, corpus)
        model = bm25s.BM25()
        model.index(bm25s.tokenize(texts, **options), show_progress=False)

        def batch(queries: Sequence[str]) -> list[list[str]]:
            asked = bm25s.tokenize(list(queries), **options)
            best = model.retrieve(asked, k=DEPTH, show_progress=False).documents
            return [[ids[number] for number in row] for row in best]

        return lambda query: batch([query])[0], batch

    return make


def _rank_bm25(*, stem: bool) -> Callable[[Path, str], tuple[Find, None]]:
    def make(data: Path, corpus: str) -> tuple[Find, None]:
        rank_bm25 = importlib.import_module("rank_bm25")
        ids, texts = _texts(data, corpus)
        if stem:
            bm25s = importlib.import_module("bm25s")
            stemmer = importlib.import_module("Stemmer").Stemmer("english")
            options = {"stopwords": "en", "stemmer": stemmer, "show_progress": False}

            def cut(text: str) -> list[str]:
                return list(bm25s.tokenize([text], return_ids=False, **options)[0])
        else:

            def cut(text: str) -> list[str]:
                return text.lower().split()

        model = rank_bm25.BM25Okapi([cut(text) for text in texts])
        return lambda query: list(model.get_top_n(cut(query), ids, n=DEPTH)), None

    return make


def _fts5(data: Path, corpus: str) -> tuple[Find, None]:
    ids, texts = _texts(data, corpus)
    database = sqlite3.connect(":memory:")
    database.execute("CREATE VIRTUAL TABLE p USING fts5(text, tokenize='porter unicode61')")
    database.executemany("INSERT INTO p(rowid, text) VALUES (?, ?)", enumerate(texts))
    sql = f"SELECT rowid FROM p WHERE p MATCH ? ORDER BY rank LIMIT {DEPTH}"  # noqa: S608 - a constant

    def find(query: str) -> list[str]:
        words = "".join(letter if letter.isalnum() else " " for letter in query).split()
        asked = " OR ".join(f'"{word}"' for word in words)
        return [ids[row[0]] for row in database.execute(sql, (asked,))]

    return find, None


CONTENDERS: dict[str, Callable[[Path, str], tuple[Find, Any]]] = {
    OURS: _ours,
    "bm25s, stemmed, stop words out": _bm25s("en", stem=True),
    "bm25s, stemmed, all words": _bm25s([], stem=True),
    "bm25s, as it comes": _bm25s("en", stem=False),
    "rank_bm25, stemmed, stop words out": _rank_bm25(stem=True),
    "rank_bm25, as in its README": _rank_bm25(stem=False),
    "sqlite FTS5, porter": _fts5,
}


def _measure(data: Path, name: str, contender: str) -> dict[str, Any]:
    """Index and ask everything, in a process of its own that has read nothing yet."""
    queries: list[str] = json.load(sys.stdin)
    before = _peak_mib()
    started = time.perf_counter()
    find, batch = CONTENDERS[contender](data, CORPORA[name])
    indexed = time.perf_counter() - started
    find(queries[0])
    seconds: list[float] = []
    ranking: list[list[str]] = []
    # Processor time too: other work on the machine counts in the wall time, seldom in this.
    busy = time.process_time()
    for query in queries:
        started = time.perf_counter()
        found = find(query)
        seconds.append(time.perf_counter() - started)
        ranking.append(found)
    busy = time.process_time() - busy
    # Before the batch: it holds more at a time than single queries do.
    memory = _peak_mib() - before
    measured = {
        "index_seconds": round(indexed, 3),
        "query_microseconds": round(1e6 * statistics.mean(seconds), 1),
        "query_cpu_microseconds": round(1e6 * busy / len(queries), 1),
        "query_microseconds_median": round(1e6 * statistics.median(seconds), 1),
        "memory_mib": round(memory, 1),
        "ranking": ranking,
    }
    if batch is not None:
        started = time.perf_counter()
        batch(queries)
        spent = time.perf_counter() - started
        measured["batch_microseconds"] = round(1e6 * spent / len(queries), 1)
    return measured


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# ------------------------------------------------------------------------------- retrieval


def _compare(
    data: Path, name: str, report: dict[str, Any], embedder: Path | None = None
) -> dict[str, Any]:
    ours, others = OURS, [contender for contender in CONTENDERS if "bm25" in contender]
    if embedder is not None:
        ours, others = HYBRID, [OURS]
    for file in (f"tasks/{name}", f"corpora/{CORPORA[name]}"):
        report["data"][file] = _digest(data, file)
    queries = _queries(data, name)
    results: dict[str, Any] = {}
    scores: dict[str, list[dict[str, float]]] = {}
    for contender in CONTENDERS if embedder is None else [OURS, HYBRID]:
        command = [sys.executable, str(HERE), "--data", str(data), "--set", name]
        if embedder is not None:
            command += ["--embedder", str(embedder)]
        done = subprocess.run(
            [*command, "--contender", contender],
            input=json.dumps([query for _, query, _ in queries]).encode(),
            stdout=subprocess.PIPE,
            check=True,
        )
        measured = json.loads(done.stdout)
        ranking = measured.pop("ranking")
        scores[contender] = [
            _score(found, gold) for found, (_, _, gold) in zip(ranking, queries, strict=True)
        ]
        results[contender] = {
            **{key: _mean([row[key] for row in scores[contender]]) for key in MEASURES},
            **measured,
        }
    groups = [group for group, _, _ in queries]
    against: dict[str, Any] = {}
    for key in MEASURES:
        best = max(others, key=lambda contender, key=key: results[contender][key])  # type: ignore[misc]
        gains = [a[key] - b[key] for a, b in zip(scores[ours], scores[best], strict=True)]
        low, high = _bootstrap(gains, groups)
        against[key] = {"best": best, "gain": _mean(gains), "low": low, "high": high}
    _print_retrieval(name, len(queries), results, against)
    return {"queries": len(queries), "contenders": results, "ours_against_the_best": against}


def _score(found: Sequence[str], gold: set[str]) -> dict[str, float]:
    recall = {f"recall@{k}": len(gold & set(found[:k])) / len(gold) for k in (1, 5, 10)}
    ranks = [rank for rank, passage in enumerate(found[:DEPTH], 1) if passage in gold]
    return {**recall, "mrr": 1 / ranks[0] if ranks else 0.0}


def _mean(values: Sequence[float]) -> float:
    return round(statistics.fmean(values), 4)


def _bootstrap(values: Sequence[float], groups: Sequence[str]) -> tuple[float, float]:
    """Return the interval of a mean, drawing whole groups."""
    sums: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for value, group in zip(values, groups, strict=True):
        sums[group][0] += value
        sums[group][1] += 1
    clusters = list(sums.values())
    dice = random.Random(0)
    means: list[float] = []
    for _ in range(RESAMPLES):
        drawn = dice.choices(clusters, k=len(clusters))
        means.append(sum(total for total, _ in drawn) / sum(count for _, count in drawn))
    means.sort()
    return round(means[int(0.025 * RESAMPLES)], 4), round(means[int(0.975 * RESAMPLES) - 1], 4)


def _print_retrieval(
    name: str, queries: int, results: Mapping[str, Any], against: Mapping[str, Any]
) -> None:
    print(f"\n{name}: {queries} queries over {CORPORA[name]}")
    head = ("recall@1", "@5", "@10", "MRR", "index s", "query us", "CPU us", "batch us", "MiB")
    print(f"  {'':36}" + "".join(f"{text:>10}" for text in head))
    for contender, row in results.items():
        shares = "".join(f"{100 * row[key]:>10.1f}" for key in MEASURES[:3])
        batch = row.get("batch_microseconds")
        print(
            f"  {contender:36}{shares}{row['mrr']:>10.3f}{row['index_seconds']:>10.2f}"
            f"{row['query_microseconds']:>10.0f}{row['query_cpu_microseconds']:>10.0f}"
            f"{'' if batch is None else format(batch, '.0f'):>10}"
            f"{row['memory_mib']:>10.1f}"
        )
    for key, gain in against.items():
        print(
            f"  {key:10} {100 * gain['gain']:+.1f} points "
            f"[{100 * gain['low']:+.1f}, {100 * gain['high']:+.1f}] against {gain['best']}"
        )


# ----------------------------------------------------------------------------------- rules


def _judge_inlined(data: Path) -> tuple[Any, Callable[[Row], dict[str, Any]]]:
    search = importlib.import_module("gadfly_search")
    return search.ClaimsCritic(), lambda row: {"passages": [row["evidence"]]}


def _judge_looked_up(data: Path) -> tuple[Any, Callable[[Row], dict[str, Any]]]:
    search = importlib.import_module("gadfly_search")
    store = Path(tempfile.mkdtemp(prefix="gadfly-search-"))
    search.build_index(data / "corpora" / "fm2_evidence.jsonl.gz", store)
    return search.ClaimsCritic(index=str(store), limit=DEPTH), lambda _: {}


RULE_SETS = {"fever_symmetric": _judge_inlined, "fm2_claims": _judge_looked_up}
"""With the evidence at hand; and with an index of the evidence of all claims."""


def _judge(data: Path, name: str, report: dict[str, Any]) -> dict[str, Any]:
    from gadfly import Draft, Task
    from gadfly.testing import make_context

    report["data"][f"tasks/{name}"] = _digest(data, f"tasks/{name}")
    critic, inputs = RULE_SETS[name](data)
    rows = _read(data, f"tasks/{name}")

    async def judge(row: Row) -> str:
        task = Task(prompt="Write what is known of it.", inputs=inputs(row))
        return str((await critic.critique(Draft(row["claim"]), make_context(task))).verdict)

    started = time.perf_counter()
    verdicts = [asyncio.run(judge(row)) for row in rows]
    milliseconds = 1000 * (time.perf_counter() - started) / len(rows)
    pairs = list(zip(rows, verdicts, strict=True))

    def share(label: str | None, wanted: set[str]) -> dict[str, Any]:
        some = [
            (row["gid"], verdict in wanted)
            for row, verdict in pairs
            if label is None or row["label"] == label
        ]
        return _clustered([hit for _, hit in some], [group for group, _ in some])

    measured = {
        "claims": len(rows),
        "groups": len({row["gid"] for row in rows}),
        "coverage": share(None, {"pass", "fail"}),
        "false_accepts": share("REFUTES", {"pass"}),
        "false_rejects": share("SUPPORTS", {"fail"}),
        "true_accepts": share("SUPPORTS", {"pass"}),
        "true_rejects": share("REFUTES", {"fail"}),
        "milliseconds": round(milliseconds, 2),
    }
    print(f"\nrules on {name}: {len(rows)} claims in {measured['groups']} groups")
    for key, value in measured.items():
        if isinstance(value, dict):
            print(
                f"  {key:14} {value['hits']:4} of {value['n']:4} = {value['share']:6.2%} "
                f"[{value['low']:.2%}, {value['high']:.2%}]"
            )
    print(f"  {milliseconds:.2f} ms a claim")
    return measured


def _clustered(hits: Sequence[bool], groups: Sequence[str]) -> dict[str, Any]:
    """Return a share with a Wilson interval over as many rows as the groups are worth.

    That number comes from how much the groups differ; where nothing (or everything) was hit they
    say nothing of it, and it is the number of groups.
    """
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for hit, group in zip(hits, groups, strict=True):
        counts[group][0] += hit
        counts[group][1] += 1
    n, total = len(hits), sum(hits)
    p = total / n
    spread = sum((hit - p * size) ** 2 for hit, size in counts.values()) / n**2
    worth = p * (1 - p) / spread if spread > 0 else len(counts)
    worth = min(max(worth, 1.0), n)
    z = statistics.NormalDist().inv_cdf(0.975)
    centre = (p + z**2 / (2 * worth)) / (1 + z**2 / worth)
    half = z / (1 + z**2 / worth) * math.sqrt(p * (1 - p) / worth + z**2 / (4 * worth**2))
    return {
        "hits": total,
        "n": n,
        "share": round(p, 5),
        "low": round(max(0.0, min(p, centre - half)), 5),
        "high": round(min(1.0, max(p, centre + half)), 5),
    }


def _digest(data: Path, name: str) -> str:
    return hashlib.sha256((data / f"{name}.jsonl.gz").read_bytes()).hexdigest()


def _versions() -> dict[str, str]:
    names = ("gadfly-search", "tantivy", "bm25s", "rank-bm25", "PyStemmer", "numpy")
    return {name: version(name) for name in names} | {"sqlite": sqlite3.sqlite_version}


if __name__ == "__main__":
    sys.exit(main())
