"""Runs one critic on rows, so that a stop loses nothing, and reads what it said."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gadfly._home import storage
from gadfly._jobs.session import Session
from gadfly._jobs.verify import VerifyOptions
from gadfly._values.codec import digest
from gadfly._values.critique import Hardness, Verdict
from gadfly._values.task import JSON

Watch = Callable[[str, int], AbstractContextManager[Callable[[int], object]]]
"""Shows how far something is, given what it is and how many there are; told of each few more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a critic said of one draft."""

    verdict: Verdict
    summary: str
    gist: str
    """A digest of verdict, score and findings: what must be the same again."""
    places: tuple[tuple[int | None, int], ...]
    """Where its findings are: the first character, where it is known, and the line."""
    seconds: float
    sandbox_seconds: float
    shared: bool
    """Whether it is a copy of what was said of an identical draft."""


def run_checks(
    rows: Sequence[Mapping[str, JSON]],
    critic: str,
    out: Path,
    how: VerifyOptions,
    watch: Watch,
    what: str,
) -> dict[str, Said]:
    """Return what a critic says of each row, by the row's id.

    Args:
        rows: What critics may see, and nothing else.
        critic: Its id.
        out: The results file. Where it is there, everything was done before; what a stopped run has
            left beside it is gone on with.
        how: Sandbox, tools and the like.
        watch: Shows how far it is.
        what: What is being done, in two words.
    """
    if not rows:
        return {}
    if not out.exists():
        options: VerifyOptions = {**how, "out": out}
        with Session(rows, [critic], **options) as session:
            left = session.total - session.kept
            with watch(what, left) as advance:
                session.run(advance)
    with storage("read", out), out.open(encoding="utf-8") as file:
        results = map(json.loads, file)
        return {str(result["id"]): _said(result, critic) for result in results}


def _said(result: Mapping[str, Any], critic: str) -> Said:
    critique = result["critiques"][critic]
    findings = critique["findings"]
    gist = [
        critique["verdict"],
        critique["score"],
        [[finding["message"], finding["hardness"], finding["span"]] for finding in findings],
    ]
    return Said(
        verdict=Verdict(critique["verdict"]),
        summary=critique["summary"],
        gist=digest(gist),
        places=tuple(
            (finding["span"]["start"], finding["span"]["line"])
            for finding in findings
            if finding["span"] and finding["hardness"] > Hardness.HINT
        ),
        # It is missing where the critic did not run.
        seconds=result["critic_seconds"].get(critic, 0.0),
        sandbox_seconds=result["usage"]["sandbox_seconds"],
        shared=result["shared"],
    )
