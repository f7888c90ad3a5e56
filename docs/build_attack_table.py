"""Attack every sandbox that works here, and write what came of it.

    python docs/build_attack_table.py [--folder FOLDER] [--attack NAME ...] [SANDBOX ...]

`attacks.md` is a table, attack by sandbox; `attacks.json` has the same with what was in force and
how an attack got through. Where sandboxes are named, the others' columns stay as they are; where
attacks are named, so do the others' cells. The sandboxes, and what they are known not to cover,
stand in `tests/sandboxes/attacks.py`. It takes a minute for each sandbox, and ten with a container
for each job. Run it where nothing precious runs, and nothing else: time is among what is attacked.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.sandboxes.attacks import NOT_COVERED, SANDBOXES  # noqa: E402

from gadfly import Level, Sandbox, SandboxError  # noqa: E402 - the path comes first
from gadfly.testing import SANDBOX_ATTACKS, Attack  # noqa: E402

HERE = Path(__file__).parent / "reference"
_SHOWN = {"held": "held", "not held": "**NOT HELD**", "not covered": "not covered"}


@dataclass(kw_only=True)
class Column:
    """What came of the attacks on one sandbox."""

    name: str
    level: str = ""
    details: dict[str, object] = field(default_factory=dict[str, object])
    not_run: str = ""
    """Why nothing was run; "" where attacks were."""
    outcomes: dict[str, str] = field(default_factory=dict[str, str])
    """`held`, `not held`, `not covered` or `not promised`, by attack."""
    problems: dict[str, str] = field(default_factory=dict[str, str])
    """How attacks got through."""


async def attack_all(column: Column, attacks: Sequence[Attack]) -> Column:
    """Run what a level of sandbox promises to hold; one that gets through costs the sandbox."""
    name = column.name
    try:
        sandbox = SANDBOXES[name]()
        isolation = await sandbox.probe()
    except (SandboxError, ImportError) as error:
        column.not_run = str(error)
        return column
    column.level, column.details = str(isolation.level), dict(isolation.details)
    for attack in attacks:
        column.problems.pop(attack.name, None)
        if attack.wants > Level(isolation.level):
            column.outcomes[attack.name] = "not promised"
            continue
        problem = await _problem(attack, sandbox)
        named = attack.name in NOT_COVERED.get(name, {})
        column.outcomes[attack.name] = (
            "not covered" if problem and named else "not held" if problem else "held"
        )
        if problem:
            column.problems[attack.name] = problem
            await sandbox.close()
            sandbox = SANDBOXES[name]()
    await sandbox.close()
    return column


async def _problem(attack: Attack, sandbox: Sandbox) -> str:
    try:
        await attack.run(sandbox)
    except Exception as error:  # noqa: BLE001 - whatever it is, it stands in the table
        return f"{type(error).__name__}: {error}"
    return ""


def markdown(columns: Sequence[Column]) -> str:
    """Return the page."""
    return "\n".join(_page(columns))


def _page(columns: Sequence[Column]) -> Iterator[str]:
    yield "# Attacks\n"
    machine = f"Linux {platform.release()}, Python {platform.python_version()}"
    yield (
        "What hostile code does, and what the sandboxes make of it. Each attack is a program with"
        " an exact end (`gadfly.testing.SANDBOX_ATTACKS`); a job beside it and the next job must"
        " come out right, and no process may be left. *Held*: it ended as it must. *Not covered*:"
        " it did not, and the sandbox says so below. A dash: the sandbox's level does not promise"
        " it. This page is made by `python docs/build_attack_table.py`, and is about the machine"
        f" that ran it ({machine}).\n"
    )
    names = [column.name for column in columns]
    for kind in dict.fromkeys(attack.kind for attack in SANDBOX_ATTACKS):
        yield f"\n## {kind.capitalize()}\n"
        yield _row("attack", "what a sandbox must do", *names)
        yield _row(*["---"] * (len(names) + 2))
        for attack in SANDBOX_ATTACKS:
            if attack.kind == kind:
                yield _row(attack.name, attack.promise, *(_cell(c, attack) for c in columns))
    yield "\n## Sandboxes\n"
    yield _row("sandbox", "level", "attacks", "held", "what is not")
    yield _row(*["---"] * 5)
    for column in columns:
        yield _summary(column)
    reasons = [
        f"- {column.name}, *{name}*: {NOT_COVERED.get(column.name, {}).get(name, problem)}"
        for column in columns
        for name, problem in column.problems.items()
    ]
    if reasons:
        yield "\n## What is not held\n"
        yield from reasons
    yield ""


def _cell(column: Column, attack: Attack) -> str:
    if column.not_run:
        return "not run here"
    return _SHOWN.get(column.outcomes[attack.name], "-")


def _summary(column: Column) -> str:
    if column.not_run:
        return _row(column.name, "", "", "", f"not run here: {column.not_run}")
    run = [outcome for outcome in column.outcomes.values() if outcome != "not promised"]
    held = run.count("held")
    not_held = ", ".join(column.problems)
    return _row(column.name, column.level, str(len(run)), str(held), not_held)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


async def _columns(begun: Iterable[Column], attacks: Sequence[Attack]) -> list[Column]:
    columns: list[Column] = []
    for column in begun:
        last = await attack_all(column, attacks)
        columns.append(last)
        came = last.not_run or f"{len(last.problems)} got through"
        print(f"{last.name}: {came}", file=sys.stderr)
    return columns


def _before(path: Path) -> list[Column]:
    """Return the columns of sandboxes that were written before, if all attacks were tried there."""
    if not path.exists():
        return []
    columns = [Column(**column) for column in json.loads(path.read_text(encoding="utf-8"))]
    tried = {attack.name for attack in SANDBOX_ATTACKS}
    return [c for c in columns if c.name in SANDBOXES and c.outcomes.keys() == tried]


def main(folder: Path, names: Sequence[str], attacks: Sequence[str]) -> None:
    """Write `attacks.md` and `attacks.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    before = {column.name: column for column in _before(folder / "attacks.json")}
    begun = [(before.get(name) if attacks else None) or Column(name=name) for name in names]
    tried = [attack for attack in SANDBOX_ATTACKS if not attacks or attack.name in attacks]
    columns = asyncio.run(_columns(begun, tried))
    kept = [column for name, column in before.items() if name not in names]
    columns = sorted([*kept, *columns], key=lambda column: list(SANDBOXES).index(column.name))
    (folder / "attacks.md").write_text(markdown(columns), encoding="utf-8")
    text = json.dumps([asdict(column) for column in columns], indent=1)
    (folder / "attacks.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=HERE)
    parser.add_argument("--attack", action="append", default=[], metavar="NAME")
    parser.add_argument("sandboxes", nargs="*", metavar="SANDBOX")
    words = parser.parse_args()
    main(words.folder, words.sandboxes or list(SANDBOXES), words.attack)
