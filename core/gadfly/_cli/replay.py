"""`gadfly replay`: run recorded evidence again, and say whether the same comes out."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from gadfly._cli import DONE, NOT_ACCEPTED, TOOL_BROKE
from gadfly._cli._output import AsJson, console, foreign_output, load_plugins, plain, print_json
from gadfly._evidence import Replay, replay
from gadfly._ports import Sandbox
from gadfly._trace import find_evidence
from gadfly._values.critique import Evidence

_CODES = {"reproduced": DONE, "differs": NOT_ACCEPTED, "cannot run": TOOL_BROKE}
_SHOWN = 300
"""Characters shown of each side of a difference."""


def command(
    evidence: Annotated[
        str,
        typer.Argument(
            metavar="ID|FILE|FILE#ID", help="Evidence by its id's beginning, or a file."
        ),
    ],
    *,
    sandbox: Annotated[str, typer.Option(help="Where to run it.")] = "local",
    as_json: AsJson = False,
) -> None:
    """Run recorded evidence again and compare: reproduced (0), differs (1) or cannot run (3)."""
    found = find_evidence(evidence)
    with foreign_output():
        place: Sandbox = load_plugins().create("sandboxes", sandbox)
        came = asyncio.run(_replay(found, place))
    if as_json:
        differences = {
            name: {"then": then, "now": now} for name, (then, now) in came.differences.items()
        }
        print_json(
            {
                "evidence": found.id,
                "tool": found.tool,
                "status": came.status,
                "differences": differences,
                "reason": came.reason,
            }
        )
    else:
        out = console()
        out.print(f"{came.status}: {plain(found.tool)} {plain(found.id)}")
        if came.reason:
            out.print(f"  {plain(came.reason)}")
        for name, (then, now) in came.differences.items():
            out.print(f"  {plain(name)} was {_short(then)}")
            out.print(f"  {' ' * len(name)}  is {_short(now)}")
    raise typer.Exit(_CODES[came.status])


async def _replay(evidence: Evidence, sandbox: Sandbox) -> Replay:
    try:
        return await replay(evidence, sandbox)
    finally:
        await sandbox.close()


def _short(value: object) -> str:
    text = repr(value)
    return plain(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)")
