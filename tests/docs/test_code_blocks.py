"""What the documentation shows is run: every Python and console block, and every recipe.

A block is left out by a line `<!-- skip: REASON -->` before it. The Python blocks of a page share
one namespace, as a reader types them one after the other, in a process of their own. In a console
block the lines after `$ ` are run; what follows `# -> ` must be found in what they print, and other
lines are what a reader may see and are not compared. Commands of one page share a folder.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("plugins/*/README.md")),
    *sorted(ROOT.glob("sandboxes/*/README.md")),
]
RECIPES = sorted(ROOT.glob("cookbook/*.py"))
SECONDS = 300

BLOCK = re.compile(
    r"(?:^[ ]*<!-- skip: (?P<skip>[^\n]+?) -->\n+)?"
    r"^(?P<indent>[ ]*)```(?P<language>python|sh|console)\n(?P<text>.*?)^[ ]*```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Command:
    text: str
    prints: tuple[str, ...]
    line: int


def blocks(page: str) -> Iterator[Block]:
    for match in BLOCK.finditer(page):
        if match["skip"]:
            continue
        indent = len(match["indent"])
        lines = [line[indent:] for line in match["text"].split("\n")]
        line = page.count("\n", 0, match.start("text")) + 1
        yield Block(match["language"], "\n".join(lines), line)


def commands(block: Block) -> Iterator[Command]:
    """Commands with what they must print. In a `sh` block every line is a command."""
    found: list[tuple[list[str], list[str], int]] = []
    goes_on = False
    for number, raw in enumerate(block.text.split("\n"), block.line):
        expected = re.search(r"#\s*->\s*(.+)$", raw)
        line = raw[: expected.start()].rstrip() if expected else raw
        if goes_on:
            found[-1][0].append(line.removeprefix("> "))
        elif line.startswith("$ ") or (block.language == "sh" and line.strip()):
            found.append(([line.removeprefix("$ ")], [], number))
        if expected and found:
            found[-1][1].append(expected[1].strip())
        goes_on = bool(found) and (goes_on or line.startswith("$ ") or block.language == "sh")
        goes_on = goes_on and line.endswith("\\")
    for lines, prints, number in found:
        yield Command("\n".join(lines), tuple(prints), number)


def environment(folder: Path) -> Mapping[str, str]:
    """A reader's shell: this environment's commands first, a home of its own."""
    kept = {name: os.environ[name] for name in ("LANG", "HF_HUB_OFFLINE") if name in os.environ}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "GADFLY_HOME": str(folder / ".gadfly"),
        "PYTHONPATH": str(folder),
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "COLUMNS": "100",
    }


def run(argv: list[str], folder: Path) -> str:
    done = subprocess.run(
        argv,
        cwd=folder,
        env=environment(folder),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


WITH_PYTHON = [
    p for p in PAGES if any(b.language == "python" for b in blocks(p.read_text("utf-8")))
]
WITH_COMMANDS = [
    p for p in PAGES if any(b.language != "python" for b in blocks(p.read_text("utf-8")))
]


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_PYTHON, ids=name)
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    # Blank lines keep the page's line numbers in a traceback.
    script = ""
    for block in blocks(page.read_text("utf-8")):
        if block.language == "python":
            script += "\n" * (block.line - 1 - script.count("\n")) + block.text
    file = tmp_path / f"{page.stem}.py"
    file.write_text(script, encoding="utf-8")

    run([sys.executable, str(file)], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name)
def test_the_commands_of_a_page_run(page: Path, tmp_path: Path) -> None:
    for block in blocks(page.read_text("utf-8")):
        if block.language == "python":
            continue
        for command in commands(block):
            printed = run(["bash", "-euo", "pipefail", "-c", command.text], tmp_path)
            for expected in command.prints:
                assert " ".join(expected.split()) in " ".join(printed.split()), (
                    f"{name(page)}:{command.line}: $ {command.text}\nprinted\n{printed}"
                )


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES, ids=name)
def test_a_recipe_runs(recipe: Path, tmp_path: Path) -> None:
    run([sys.executable, "-W", "error::DeprecationWarning:__main__", str(recipe)], tmp_path)


PAGE = """\
Text.

```python
x = 1
```

<!-- skip: it asks the network -->
```python
raise RuntimeError
```

1. indented

   ```console
   $ echo one \\
   > two   # -> one two
   what one may see
   $ true
   ```

```sh
echo a  # a remark
echo b
# -> b
```

```json
{}
```
"""


def test_blocks_are_found_with_their_lines_and_skips() -> None:
    found = list(blocks(PAGE))

    assert [(block.language, block.line) for block in found] == [
        ("python", 4),
        ("console", 15),
        ("sh", 22),
    ]
    assert found[0].text == "x = 1\n"


def test_commands_are_found_with_what_they_must_print() -> None:
    _, console, shell = blocks(PAGE)

    assert [(c.text, c.prints, c.line) for c in commands(console)] == [
        ("echo one \\\ntwo", ("one two",), 15),
        ("true", (), 18),
    ]
    assert [(c.text, c.prints) for c in commands(shell)] == [
        ("echo a  # a remark", ()),
        ("echo b", ("b",)),
    ]


def test_a_command_that_fails_fails_the_test(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="status 3"):
        run(["bash", "-c", "exit 3"], tmp_path)
