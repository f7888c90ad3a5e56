"""Measure the whole shelf, and write one page: the report card of every critic.

    python docs/build_report_cards.py [--data FOLDER] [--out FOLDER] [--limit N] [CRITIC ...]

Each critic is measured on the data sets that `SHELF` names for it, with `gadfly bench critics`;
critics that are not installed are named on the page. `report-cards.md` is the page, and
`report-cards.json` holds the cards (`gadfly bench critics --against` reads them).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from gadfly import Plugins
from gadfly._cards import shelf
from gadfly._cards.card import Card
from gadfly._cli._cards import page

HERE = Path(__file__)
DATA = HERE.parents[2] / "shared" / "data"
OUT = HERE.parent / "reference"
CODE = ("--draft-field", "program", "--drop-field", "label_conflict")
BY_TASK = ("--group-field", "task")
MISTAKES = ("dyck", "sorting", "tracking", "ordering")
"""Puzzles of which solutions with labelled steps are there, too."""
PUZZLES = ("navigate", "booleans", "lies", "schedule", "counting", "dates")
SHELF: dict[str, dict[str, tuple[str, ...]]] = {
    "python/runs": {"gsm8k_pot": (), "svamp_pot": ()},
    "python/quantities": {"gsm8k_pot": (), "svamp_pot": ()},
    "python/examples": {"humaneval_samples": CODE, "mbpp_samples": CODE},
    "math/steps": {
        "gsm8k_oai": (),
        "gsm8k_tora": (),
        "mrgsm8k_steps": (),
        "bigbench_mistake": BY_TASK,
    },
    "math/answer": {"gsm8k_oai": (), "gsm8k_tora": ()},
    "logic/programs": {"logic_programs": BY_TASK},
    "puzzles/numbers": {"game24_gpt4": ()},
    **{f"puzzles/{name}": {"bigbench_mistake": BY_TASK, "bbh_codex": BY_TASK} for name in MISTAKES},
    **{f"puzzles/{name}": {"bbh_codex": BY_TASK} for name in PUZZLES},
}
"""Data sets by critic, with what `gadfly bench critics` must be told of their fields."""


def main() -> int:
    """Write the page; the exit status is 1 where a critic was not measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("critics", nargs="*", metavar="CRITIC", help="only these")
    parser.add_argument("--data", type=Path, default=DATA, help="the folder of recorded data")
    parser.add_argument("--out", type=Path, default=OUT, help="where the page goes")
    parser.add_argument("--limit", type=int, help="drafts for each card; all by default")
    arguments = parser.parse_args()
    plugins = Plugins.discover()
    offered = {id_ for info in plugins.load_all() for id_ in info.offers.get("critics", ())}
    cards: list[Card] = []
    problems: list[str] = []
    if unknown := sorted(set(arguments.critics) - set(SHELF)):
        parser.error(f"no data set is named for {unknown[0]}; there are {', '.join(SHELF)}")
    for critic in arguments.critics or SHELF:
        if critic not in offered:
            problems.append(f"{critic}: not installed")
            continue
        for name, fields in SHELF[critic].items():
            path = arguments.data / "recorded" / f"{name}.jsonl.gz"
            limit = () if arguments.limit is None else ("--limit", str(arguments.limit))
            measured, problem = measure(critic, path, (*fields, *limit))
            cards += measured
            problems += [f"{critic} on {name}: {problem}"] if problem else []
    missing = sorted(offered - set(SHELF))
    write(arguments.out, cards, problems, missing)
    return 1 if problems else 0


def measure(critic: str, data: Path, options: Sequence[str]) -> tuple[list[Card], str]:
    """Return a critic's card, or nothing and why."""
    with tempfile.TemporaryDirectory() as folder:
        to = Path(folder) / "card.json"
        command = [sys.executable, "-m", "gadfly", "bench", "critics", critic]
        done = subprocess.run(
            [*command, "--data", str(data), "--to", str(to), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if not to.exists():
            return [], " ".join(done.stderr.split()[-40:])
        print(f"{critic} on {data.name}: measured", file=sys.stderr)
        return shelf.read(to), ""


def write(
    folder: Path, cards: Sequence[Card], problems: Sequence[str], missing: Sequence[str]
) -> None:
    """Write `report-cards.md` and `report-cards.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    text = page(cards)
    if problems or missing:
        lines = [
            *problems,
            *(f"{critic}: installed, and on no data set here" for critic in missing),
        ]
        text += "\n## Not measured\n\n" + "".join(f"- {line}\n" for line in lines)
    (folder / "report-cards.md").write_text(text, encoding="utf-8")
    shelf.write(folder / "report-cards.json", cards)


if __name__ == "__main__":
    sys.exit(main())
