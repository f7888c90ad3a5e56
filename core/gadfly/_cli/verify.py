"""`gadfly verify`: check a file of drafts, and go on where an interrupted run stopped."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from gadfly._cli import DONE, NOT_ACCEPTED, TOOL_BROKE
from gadfly._cli._options import critic_options
from gadfly._cli._output import (
    AsJson,
    console,
    foreign_output,
    load_plugins,
    plain,
    print_json,
    progress,
)
from gadfly._jobs.results import VerifyReport
from gadfly._jobs.session import Session
from gadfly._values.codec import dump_dict
from gadfly._values.critique import Verdict
from gadfly._values.task import JSON

SLOWEST = 3
"""How many critics the summary names as the slowest."""


def command(
    source: Annotated[
        Path, typer.Argument(metavar="INPUT", help="JSON lines, one draft each; .gz is read too.")
    ],
    *,
    critic: Annotated[
        list[str] | None,
        typer.Option(help="A critic's id; repeat for several. [default: python/runs]"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="The results file. [default: INPUT's name with .verified.jsonl, here]"),
    ] = None,
    prompt_field: Annotated[
        str | None, typer.Option(help="[default: prompt or question]", show_default=False)
    ] = None,
    draft_field: Annotated[
        str | None, typer.Option(help="[default: draft, response, program or text]")
    ] = None,
    id_field: Annotated[str | None, typer.Option(help="[default: id, or the line number]")] = None,
    input_field: Annotated[
        list[str] | None,
        typer.Option(help="One more field that critics may see; all others stay hidden."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(help="A critic's option, such as python/runs:answer=ans; repeat for several."),
    ] = None,
    sandbox: Annotated[
        str, typer.Option(help="Where critics' programs run; `none` for nowhere.")
    ] = "local",
    tool: Annotated[
        list[str] | None, typer.Option(help="A tool that critics may use; repeat for several.")
    ] = None,
    judge: Annotated[str | None, typer.Option(help="The model that critics may ask.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Drafts checked at a time. [default: number of cores]")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Verify only the first rows.")] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what an earlier run has left.")
    ] = False,
    fail_on: Annotated[
        Literal["fail"] | None, typer.Option(help="Exit with 1 if any draft got this verdict.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a file of drafts with critics, each draft once.

    Results are written when all drafts are done: one JSON line each, in input order. Until then
    they are kept in OUT.db, and the same command goes on after an interruption.

    Exits with 0 when all drafts were verified, whatever the verdicts; with 3 when a critic broke on
    some: started again, the same command tries those once more.
    """
    out = out or Path(f"{_stem(source)}.verified.jsonl")
    with foreign_output():
        session = Session(
            source,
            critic or ["python/runs"],
            out=out,
            prompt_field=prompt_field,
            draft_field=draft_field,
            id_field=id_field,
            input_fields=input_field or (),
            options=critic_options(option or []),
            sandbox=None if sandbox == "none" else sandbox,
            tools=tool or (),
            judge=judge,
            workers=workers,
            limit=limit,
            restart=restart,
            plugins=load_plugins(),
        )
        with session:
            if session.kept:
                already = f"{session.kept} of {session.total} were already done"
                typer.echo(f"going on: {already}", err=True)
            with progress("verifying", session.total - session.kept) as advance:
                report = session.run(advance)
    if as_json:
        print_json(_plain(report))
    else:
        _print_summary(report)
    raise typer.Exit(_code(report, fail_on))


def _stem(source: Path) -> str:
    name = source.name.removesuffix(".gz")
    return name.removesuffix(".jsonl").removesuffix(".json")


def _code(report: VerifyReport, fail_on: str | None) -> int:
    if report.errors:
        return TOOL_BROKE
    if fail_on is not None and report.verdicts.get(Verdict.FAIL):
        return NOT_ACCEPTED
    return DONE


def _plain(report: VerifyReport) -> dict[str, JSON]:
    facts = dump_dict(report) | {"rows_per_second": round(report.rows_per_second, 2)}
    # They are in the file.
    del facts["results"]
    return facts


def _print_summary(report: VerifyReport) -> None:
    out = console()
    verified = report.rows - report.kept
    speed = f"{verified} verified in {report.seconds:.1f} s, {report.rows_per_second:.1f} a second"
    this_run = speed if verified else "all were done before"
    out.print(f"{report.rows} drafts: {_counts(report.verdicts)} ({this_run})")
    if report.shared:
        out.print(f"identical drafts: {report.shared} took the result of an earlier one")
    if report.ended:
        seconds = f"{report.usage.sandbox_seconds:.1f} s in the sandbox"
        out.print(f"programs: {_counts(report.ended)}; {seconds}")
    slowest = list(report.critic_seconds.items())[:SLOWEST]
    if slowest:
        named = ", ".join(f"{plain(id_)} {seconds:.3f} s" for id_, seconds in slowest)
        out.print(f"slowest critics, a draft: {named}")
    if report.errors:
        out.print(f"drafts on which a critic broke: {report.errors}; run it again to retry them")
    out.print(f"results: {plain(report.out or '')}")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {plain(name)}" for name, number in counts.items())
