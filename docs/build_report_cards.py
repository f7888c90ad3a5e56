"""Measure the whole shelf, and write one page: the report card of every critic.

    python docs/build_report_cards.py [--data FOLDER] [--out FOLDER] [--limit N] [CRITIC ...]

Every critic that is installed is on the page: measured by `gadfly bench critics` on the data sets
that `SHELF` names for it, and by `gadfly plugins test` on its plugin's own fixtures; critics that
no data set is for, on their fixtures alone. `report-cards.md` is the page, `report-cards.json`
holds the cards (`gadfly bench critics --against` reads them). For times that mean something, let
nothing else run.

A new critic gets a line in `SHELF`, or one in `NO_DATA` that says why there is none.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gadfly import Plugins, Verdict
from gadfly._cards import shelf
from gadfly._cards.card import Card
from gadfly._cards.mutants import KINDS
from gadfly._cli._text import plain
from gadfly._jobs.rows import records_of

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
OUT = Path(__file__).parent / "reference"
LIMIT = 300
BUSY = 2.0
"""A bench keeps all cores at work by itself: from this load on, something else did, too."""


@dataclass(frozen=True)
class On:
    """Where a critic is measured."""

    data: str
    """The file, without its suffixes, or one that `PREPARED` makes."""
    options: tuple[str, ...] = ()
    """What `gadfly bench critics` must be told, in the folder where `PREPARED` is made; `{data}` is
    the folder of the data."""


def _tasks(*names: str) -> tuple[str, ...]:
    """Only rows of these tasks, with the rates of each where they are several."""
    each = [option for name in names for option in ("--where", f"task={name}")]
    return (*each, *(("--group-field", "task") if len(names) > 1 else ()))


def _inputs(*fields: str) -> tuple[str, ...]:
    return tuple(option for name in fields for option in ("--input-field", name))


def _puzzle(*tasks: str) -> On:
    return On("recorded/bbh_codex", _tasks(*tasks))


def _mistakes(task: str) -> On:
    return On("recorded/bigbench_mistake", _tasks(task))


CODE = ("--draft-field", "program", "--drop-field", "label_conflict")
TESTED = (*CODE, *_inputs("test", "entry_point"))
SIZES = ("three_objects", "five_objects", "seven_objects")
ORDERINGS = tuple(f"logical_deduction_{size}" for size in SIZES)
SHELF: dict[str, tuple[On, ...]] = {
    "constraints/instructions": (
        On(
            "recorded/ifeval_responses",
            (
                *("--tasks", "{data}/tasks/ifeval.jsonl.gz"),
                *_inputs("instruction_id_list", "kwargs"),
            ),
        ),
    ),
    "logic/claims": (_mistakes("logical_deduction"), _puzzle(*ORDERINGS)),
    "logic/programs": (
        On(
            "recorded/logic_programs",
            (*_inputs("context", "question", "options"), "--group-field", "task"),
        ),
    ),
    "math/answer": (On("recorded/gsm8k_oai"), On("recorded/gsm8k_tora")),
    "math/steps": (
        On("recorded/gsm8k_oai"),
        On("recorded/gsm8k_tora"),
        On("recorded/mrgsm8k_steps"),
        _mistakes("multistep_arithmetic"),
    ),
    "puzzles/booleans": (_puzzle("boolean_expressions"),),
    "puzzles/counting": (_puzzle("object_counting"),),
    "puzzles/dates": (_puzzle("date_understanding"),),
    "puzzles/dyck": (_puzzle("dyck_languages"), _mistakes("dyck_languages")),
    "puzzles/lies": (_puzzle("web_of_lies"),),
    "puzzles/navigate": (_puzzle("navigate"),),
    "puzzles/numbers": (On("recorded/game24_gpt4"),),
    "puzzles/schedule": (_puzzle("temporal_sequences"),),
    "puzzles/sorting": (_puzzle("word_sorting"), _mistakes("word_sorting")),
    "puzzles/tracking": (
        _puzzle(*(f"tracking_shuffled_objects_{size}" for size in SIZES)),
        _mistakes("tracking_shuffled_objects"),
    ),
    "python/examples": (
        On("recorded/humaneval_samples", CODE),
        On("recorded/mbpp_samples", CODE),
    ),
    "python/lint": (
        On("recorded/humaneval_samples", CODE),
        On("recorded/mbpp_samples", CODE),
    ),
    "python/predictions": (
        On(
            "recorded/cruxeval_codellama",
            (
                *_tasks("output-prediction"),
                *("--prompt-field", "code"),
                *_inputs("code", "input=given"),
            ),
        ),
        On(
            "recorded/cruxeval_codellama",
            (
                *_tasks("input-prediction"),
                *("--prompt-field", "code"),
                *_inputs("code", "output=given"),
            ),
        ),
    ),
    "python/quantities": (On("recorded/gsm8k_pot"), On("recorded/svamp_pot")),
    "python/runs": (On("recorded/gsm8k_pot"), On("recorded/svamp_pot")),
    "python/tests": (
        On("recorded/humaneval_samples", TESTED),
        On("recorded/mbpp_samples", TESTED),
    ),
    "safety/toxicity": (On("recorded/toxicity_continuations", ("--label-field", "toxic=false")),),
    "search/claims": (
        On(
            "tasks/fever_symmetric",
            (
                *("--prompt-field", "claim", "--draft-field", "claim"),
                *("--label-field", "label=SUPPORTS", *_inputs("passages=[evidence]")),
                *("--option", "search/claims:model=false"),
            ),
        ),
        On(
            "tasks/fm2_claims",
            (
                *("--prompt-field", "claim", "--draft-field", "claim"),
                *("--label-field", "label=SUPPORTS"),
                *("--option", "search/claims:index=fm2_evidence"),
                *("--option", "search/claims:model=false"),
            ),
        ),
    ),
    "table/claims": (
        On(
            "tabfact",
            (
                *("--prompt-field", "claim", "--draft-field", "claim", "--label-field", "label=1"),
                *(*_inputs("table", "title=caption"), "--group-field", "kind"),
            ),
        ),
    ),
}
"""Where each critic is measured."""
NO_DATA: dict[str, str] = {
    "judge": "needs a model, and none that can judge comes with Gadfly: measure yours with --judge",
    "lean/formalisation": "no formal statements with labels",
    "lean/proof": "needs Lean, and no recorded proof comes with its statement",
    "metamath/proofs": "no recorded proofs",
    "rocq": "no recorded proofs",
    "python/agreed_tests": (
        "its tests are weighed by all candidates of a task: benchmarks/code_selection.py measures "
        "it on 4,532 samples"
    ),
    "safety/personal_data": "no labelled data",
    "safety/kept_content": "no labelled data",
    "table/answers": (
        "no recorded answers to questions about tables: benchmarks/table_instruments.py tries "
        "right ones, and wrong ones made of them"
    ),
    "table/queries": "no recorded queries",
}
"""Why a critic, or all of a plugin, is measured on its fixtures alone."""
MODEL = "judge"
"""The plugin that needs a model: the fixtures are tried with the scripted ones of its tests."""


def _index(data: Path, made: Path, name: str) -> None:
    search = importlib.import_module("gadfly_search")
    search.build_index(data / "corpora" / f"{name}.jsonl.gz", made / name)


def _with_cells(data: Path, made: Path, name: str) -> None:
    """Tables that are lines with `#` between cells, as tables."""
    with (made / f"{name}.jsonl").open("w") as file:
        for _, _, row in records_of(data / "tasks" / f"{name}.jsonl.gz"):
            header, *rows = [line.split("#") for line in str(row["table"]).strip().splitlines()]
            table = {"header": header, "rows": rows}
            file.write(json.dumps({**row, "table": table}) + "\n")


PREPARED: dict[str, Callable[[Path, Path, str], None]] = {
    "fm2_evidence": _index,
    "tabfact": _with_cells,
}
"""What is made of the data first, by the name that it has in `SHELF`."""


@dataclass(kw_only=True)
class Page:
    """What stands on the page."""

    limit: int
    critics: Sequence[str]
    cards: list[Card] = field(default_factory=list[Card])
    fixtures: dict[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """What `gadfly plugins test --json` says, by critic."""
    obedient: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Drafts that obedient models were talked round by, and all, by critic."""
    problems: list[str] = field(default_factory=list[str])


def main() -> int:
    """Write the page; the exit status is 1 where something could not be measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("critics", nargs="*", metavar="CRITIC", help="only these")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of recorded data")
    parser.add_argument("--out", type=Path, default=OUT, help="where the page goes")
    parser.add_argument("--limit", type=int, default=LIMIT, help="drafts for each card, at most")
    arguments = parser.parse_args()
    offered = sorted(
        id_ for info in Plugins.discover().load_all() for id_ in info.offers.get("critics", ())
    )
    if unknown := sorted(set(arguments.critics) - set(offered)):
        parser.error(f"no critic {unknown[0]!r} is installed; there are {', '.join(offered)}")
    page = Page(limit=arguments.limit, critics=arguments.critics or offered)
    with tempfile.TemporaryDirectory() as folder:
        for critic in page.critics:
            for where in SHELF.get(critic, ()):
                measure(page, critic, where, arguments.data.resolve(), Path(folder))
    for plugin in sorted({critic.partition("/")[0] for critic in page.critics}):
        try_fixtures(page, plugin)
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / "report-cards.md").write_text("\n".join(written(page)), encoding="utf-8")
    shelf.write(arguments.out / "report-cards.json", page.cards)
    return 1 if page.problems else 0


# --------------------------------------------------------------------------------- measuring


def measure(page: Page, critic: str, where: On, data: Path, made: Path) -> None:
    """Add a critic's card to the page, or the reason why there is none."""
    for name, prepare in PREPARED.items():
        if where.data == name or any(option.endswith(f"={name}") for option in where.options):
            prepare(data, made, name)
    file = made / f"{where.data}.jsonl"
    if where.data not in PREPARED:
        file = data / f"{where.data}.jsonl.gz"
    options = [option.format(data=data) for option in where.options]
    to = made / "card.json"
    to.unlink(missing_ok=True)
    done = _gadfly(
        *("bench", "critics", critic, "--data", str(file), *options),
        *("--limit", str(page.limit), "--to", str(to)),
        folder=made,
    )
    if to.exists():
        page.cards += shelf.read(to)
    else:
        page.problems.append(f"{critic} on {where.data}: {_last(done.stderr)}")
    print(f"{critic} on {where.data}: {'measured' if to.exists() else 'FAILED'}", file=sys.stderr)


def try_fixtures(page: Page, plugin: str) -> None:
    """Add what the plugin's own fixtures show to the page."""
    if plugin == MODEL:
        sys.path.insert(0, str(ROOT))
        page.fixtures |= asyncio.run(_scripted())
        page.obedient |= asyncio.run(_obedient())
        return
    done = _gadfly("plugins", "test", plugin, "--json")
    if not done.stdout:
        page.problems.append(f"the fixtures of {plugin}: {_last(done.stderr)}")
        return
    page.fixtures |= {card["critic"]: card for card in json.loads(done.stdout)}
    print(f"the fixtures of {plugin}: tried", file=sys.stderr)


def _gadfly(*arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gadfly", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def _last(text: str) -> str:
    return " ".join(text.split()[-40:])


async def _scripted() -> dict[str, Mapping[str, Any]]:
    """The judges' fixtures, judged with the model of their tests, which reckons."""
    from tests.plugins.test_judge_fixtures import CRITICS, FIXTURES, trial

    from gadfly.testing import CRITIC_CHECKS

    cards: dict[str, Mapping[str, Any]] = {}
    for critic in CRITICS:
        own = [fixture for fixture in FIXTURES if fixture.critic == critic]
        tried = trial(critic, own)
        said = [((await tried.said(one)).verdict, one.verdict) for one in own]
        checks: dict[str, str] = {}
        for check in CRITIC_CHECKS:
            try:
                await check.run(tried)
                checks[check.name] = ""
            except AssertionError as error:
                checks[check.name] = str(error)
        cards[critic] = {
            "fixtures": len(own),
            "good": sum(wanted is Verdict.PASS for _, wanted in said),
            "bad": sum(wanted is Verdict.FAIL for _, wanted in said),
            "right": sum(verdict is wanted for verdict, wanted in said),
            "false_accepts": sum(v is Verdict.PASS is not wanted for v, wanted in said),
            "false_rejects": sum(v is Verdict.FAIL is not wanted for v, wanted in said),
            "checks": checks,
        }
    return cards


async def _obedient() -> dict[str, tuple[int, int]]:
    """The judges' injection battery, with models that obey whatever they read."""
    from tests.plugins.test_judge_injection import CRITICS, INJECTIONS, OBEDIENT

    from gadfly import Draft
    from gadfly.testing import ScriptedModel, make_context

    found: dict[str, tuple[int, int]] = {}
    for name, critic in CRITICS.items():
        id_ = "judge/critic" if name == "opinion" else f"judge/{name}"
        passed, tried = found.get(id_, (0, 0))
        for text in INJECTIONS.values():
            for obey in OBEDIENT:
                context = make_context("What is 17 * 3?", model=ScriptedModel(obey))
                critique = await critic.critique(Draft(text), context)
                passed += critique.verdict is Verdict.PASS
                tried += 1
        found[id_] = passed, tried
    return found


# ---------------------------------------------------------------------------------- the page


def written(page: Page) -> Iterator[str]:
    """Yield the page's parts."""
    without = [critic for critic in page.critics if not any(c.critic == critic for c in page.cards)]
    yield (
        f"# Report cards\n\n"
        f"What was measured of each critic of the shelf: {len(page.critics)} critics, of which "
        f"{len(without)} by their own fixtures alone, and {len(page.cards)} cards. Made by `python "
        f"docs/build_report_cards.py --limit {page.limit}`: a card is of at most {page.limit} "
        f"drafts, drawn from as many problems as there are. [Measure a "
        f"critic](../how-to/measure-a-critic.md) tells how, and gives you cards of your own data.\n"
    )
    yield "## The shelf\n"
    yield from _table(
        [
            *("critic", "data", "drafts", "coverage", "false accepts", "false rejects"),
            *("first error found", "mutants caught", "injected", "same", "ms"),
        ],
        (row for critic in page.critics for row in _summary(page, critic)),
    )
    yield _legend(page)
    yield "## Verdicts\n"
    yield from _table(
        [
            *("critic", "data", "problems", "right", "wrong", "pass", "fail", "abstain", "skip"),
            *("error", "passes right", "fails wrong", "first error, of those it named"),
        ],
        map(_verdicts, page.cards),
    )
    yield "## Text that talks to the judge\n"
    yield from _injections(page)
    yield "## Mutants caught, by what was changed\n"
    yield from _table(["critic", "data", *KINDS], map(_mutants, page.cards))
    yield "## Costs\n"
    yield from _table(
        ["critic", "data", "ms, median", "ms, 9th decile", "sandbox s", "9th decile", "load"],
        map(_costs, page.cards),
    )
    yield "## By group\n"
    yield from _table(
        ["critic", "data", "group", "drafts", "coverage", "passes right", "fails wrong"],
        (row for card in page.cards for row in _groups(card)),
    )
    tried = page.fixtures
    yield "## Their own fixtures\n"
    yield (
        "`gadfly plugins test`: drafts with the verdict that their author says is right, and ten "
        "promises that every critic makes: that it says the same again, that no draft talks it "
        "round, that a broken sandbox, tool or model never becomes a pass, ...\n"
    )
    yield from _table(
        ["critic", "fixtures", "right", "false accepts", "false rejects", "promises kept"],
        (_fixtures(critic, tried[critic]) for critic in page.critics if critic in tried),
    )
    if page.problems:
        yield "## Not measured\n"
        yield "".join(f"- {plain(problem)}\n" for problem in page.problems)
    yield "## Measured with\n"
    yield "".join(map(_provenance, page.cards))


def _summary(page: Page, critic: str) -> Iterator[Sequence[str]]:
    cards = [card for card in page.cards if card.critic == critic]
    for card in cards:
        rates, local = card.rates, card.localisation
        yield (
            critic,
            _title(card),
            str(rates.drafts),
            str(rates.coverage),
            str(rates.false_accepts),
            str(rates.false_rejects),
            "" if local is None else str(local.found),
            str(card.mutants.caught),
            f"{card.injections.passed.count} of {card.injections.passed.of}",
            f"{card.repeats.count} of {card.repeats.of}",
            f"{card.costs.milliseconds_median:.1f}",
        )
    if not cards:
        passed, tried = page.obedient.get(critic, (0, 0))
        battery = f"{passed} of {tried}, with models that obey" if tried else ""
        yield critic, f"fixtures alone: {_why(critic)}", *[""] * 6, battery, "", ""


def _why(critic: str) -> str:
    plugin, _, _ = critic.partition("/")
    return NO_DATA.get(critic) or NO_DATA.get(plugin) or "no data set is named for it"


def _legend(page: Page) -> str:
    loads = [card.costs.load for card in page.cards if card.costs.load is not None]
    busy = f"from {min(loads):.1f} to {max(loads):.1f}" if loads else "unknown"
    meaning = (
        "The machine was busy with other things: read the milliseconds as upper bounds, and "
        "compare none of them."
        if not loads or max(loads) > BUSY
        else "Nothing else to speak of ran."
    )
    return (
        "*Coverage*: the drafts that it passed or failed; on the others it abstained, broke, or "
        "had nothing to say. *False accepts*: of the wrong drafts that it judged, those that it "
        "passed; *false rejects*: of the right ones, those that it failed. Right and wrong is the "
        "data's label, most often of the final answer alone: a critic of steps that passes a wrong "
        "answer with right steps has not erred by its own question. *First error found*: its first "
        "finding is in the step that a person marked. *Mutants*: right drafts that it had passed, "
        "with a small change that mostly makes them wrong, that it no longer passes; where an "
        "answer is judged, and the change is elsewhere, to pass is right. *Injected*: "
        "drafts that it had not passed, with text added that says they are correct, that it then "
        "passed. *Same*: the same draft again, the same verdict and findings. *ms*: wall time of a "
        "check in the median. In brackets: 95 %, clustered by problem.\n\n"
        f"**Load.** {os.cpu_count()} cores, as many checks at a time; the load average for each "
        f"core at the end of a card was {busy} (1: each core had one program that wanted to run, "
        f"which a bench by itself comes to). {meaning}\n"
    )


def _verdicts(card: Card) -> Sequence[str]:
    rates, local = card.rates, card.localisation
    counts = [str(rates.verdicts.get(str(verdict), 0)) for verdict in _ORDER]
    return (
        card.critic,
        _title(card),
        *map(str, (rates.problems, rates.right, rates.wrong)),
        *counts,
        str(rates.passes),
        str(rates.fails),
        "" if local is None else str(local.exact),
    )


_ORDER = (Verdict.PASS, Verdict.FAIL, Verdict.ABSTAIN, Verdict.SKIP, Verdict.ERROR)


def _injections(page: Page) -> Iterator[str]:
    passed = sum(card.injections.passed.count for card in page.cards)
    tried = sum(card.injections.passed.of for card in page.cards)
    yield (
        f"{passed} of {tried} drafts that had not been passed were passed once text was added that "
        f"says they are correct.\n"
    )
    for card in page.cards:
        places = {name: one for name, one in card.injections.by_place.items() if one[0]}
        if places:
            shown = ", ".join(f"{name} {some} of {all_}" for name, (some, all_) in places.items())
            examples = "; ".join(card.injections.examples[:3])
            yield f"- {card.critic} on {_title(card)}: {plain(shown)} (such as {plain(examples)})"
    for critic, (some, all_) in page.obedient.items():
        if critic in page.critics:
            yield f"- {critic}, with scripted models that obey whatever they read: {some} of {all_}"
    yield ""


def _mutants(card: Card) -> Sequence[str]:
    kinds = card.mutants.by_kind
    cells = (f"{kinds[kind][0]} of {kinds[kind][1]}" if kind in kinds else "" for kind in KINDS)
    return card.critic, _title(card), *cells


def _costs(card: Card) -> Sequence[str]:
    costs = card.costs
    return (
        card.critic,
        _title(card),
        f"{costs.milliseconds_median:.1f}",
        f"{costs.milliseconds_p90:.1f}",
        f"{costs.sandbox_seconds_median:.3f}",
        f"{costs.sandbox_seconds_p90:.3f}",
        "" if costs.load is None else f"{costs.load:.1f}",
    )


def _groups(card: Card) -> Iterator[Sequence[str]]:
    for name, rates in card.groups.items():
        rest = (rates.coverage, rates.passes, rates.fails)
        yield card.critic, _title(card), name, str(rates.drafts), *map(str, rest)


def _fixtures(critic: str, card: Mapping[str, Any]) -> Sequence[str]:
    fixtures = card["fixtures"]
    broken = [name for name, problem in card["checks"].items() if problem]
    few = "" if card["good"] and card["bad"] else " (too few to measure by)"
    kept = f"{len(card['checks']) - len(broken)} of {len(card['checks'])}"
    return (
        f"{critic} (with a scripted model)" if critic.startswith(f"{MODEL}/") else critic,
        f"{fixtures}: {card['good']} good, {card['bad']} bad{few}",
        f"{card['right']} of {fixtures}",
        f"{card['false_accepts']} of {fixtures - card['good']}",
        f"{card['false_rejects']} of {fixtures - card['bad']}",
        f"{kept}{'; broken: ' if broken else ''}{', '.join(broken)}",
    )


def _provenance(card: Card) -> str:
    options = card.setting.get("options") or {}
    tasks = "" if card.data.tasks is None else f", tasks sha256 `{card.data.tasks[:16]}`"
    told = f", options {json.dumps(options, sort_keys=True)}" if options else ""
    return (
        f"- {card.critic}: {card.version}, gadfly {card.gadfly}, {card.measured}, "
        f"{_title(card)} sha256 `{card.data.sha256[:16]}`{tasks}{plain(told)}\n"
    )


def _title(card: Card) -> str:
    return card.data.title.replace(".jsonl", "").replace(".gz", "")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(heads)
    yield _row(["---"] * len(heads))
    for row in rows:
        yield _row(row)
    yield ""


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(plain(cell).replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    sys.exit(main())
